"""Clipped pixels and gloss are left out, and nothing else is: on dark skin as on pale."""

import numpy as np
import pytest
from skin_photos import TONES, photo_of, skin_photo

from skinscan.capture.skin.usable import BRIGHT, DARK, SPECULAR, clipped, find_usable


def test_a_clipped_channel_counts_and_a_missing_blue_does_not():
    pixels = np.full((40, 40, 3), 120, np.uint8)
    pixels[5, 5] = (255, 120, 120)
    pixels[10, 10] = (60, 20, 0)
    pixels[20, 20] = (1, 0, 0)
    lost = clipped(photo_of(pixels))
    assert np.argwhere(lost == BRIGHT).tolist() == [[5, 5]]
    assert np.argwhere(lost == DARK).tolist() == [[20, 20]]


def test_16_bits_are_judged_on_their_own_scale():
    pixels = np.full((9, 9, 3), 30000, np.uint16)
    pixels[2, 2], pixels[6, 6], pixels[4, 4] = 65535, 200, 300
    lost = clipped(photo_of(pixels))
    assert ((lost == BRIGHT).sum(), (lost == DARK).sum()) == (1, 1)


def test_a_guard_of_one_pixel_is_kept():
    pixels = np.full((40, 40, 3), 120, np.uint8)
    pixels[5, 5] = 255
    usable = find_usable(photo_of(pixels), np.ones((40, 40), np.bool_))
    assert (~usable.mask).sum() == 9


def test_transparent_pixels_are_not_usable():
    opaque = np.ones((40, 40), np.bool_)
    opaque[:, 30:] = False
    photo = photo_of(np.full((40, 40, 3), 120, np.uint8), opaque=opaque)
    usable = find_usable(photo, opaque)
    assert not usable.mask[:, 29:].any()
    assert usable.mask[:, :29].all()


@pytest.mark.parametrize("tone", TONES)
def test_dry_skin_is_usable_on_all_tones(tone):
    photo = skin_photo(tone)
    assert find_usable(photo, np.ones(photo.shape, np.bool_)).mask.mean() > 0.95


@pytest.mark.parametrize("tone", TONES)
def test_a_highlight_is_gloss_on_all_tones_and_a_brighter_light_is_not(tone):
    """White light as strong as the skin's own is gloss; light of twice the strength on the skin is not."""
    photo = skin_photo(tone)
    linear = photo.linear_rgb()
    y, x = np.mgrid[:480, :480]
    spot = np.exp(-((x - 150) ** 2 + (y - 240) ** 2) / (2 * 12.0**2))
    lit = np.exp(-((x - 340) ** 2 + (y - 240) ** 2) / (2 * 12.0**2))
    level = float(np.median(linear @ [0.2126, 0.7152, 0.0722]))
    shown = linear * (1 + lit[..., None] * (0.5 if tone in "I II" else 1.0)) + level * spot[..., None]
    code = np.where(shown <= 0.0031308, shown * 12.92, 1.055 * np.maximum(shown, 0) ** (1 / 2.4) - 0.055)
    taken = photo_of((code * 255).round().clip(0, 253).astype(np.uint8))
    specular = find_usable(taken, np.ones(taken.shape, np.bool_)).lost_to(SPECULAR)
    assert specular[spot > 0.8].mean() > 0.9
    assert specular[lit > 0.8].mean() < 0.1

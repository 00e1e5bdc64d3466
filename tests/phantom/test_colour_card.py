"""The phantom's colour card: its colours are the published ones and its patches lie where the truth says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skinscan.phantom import (
    Camera,
    Card,
    Cover,
    Props,
    Shade,
    SkinRecipe,
    card_homography,
    hidden_patches,
    make_skin,
    photograph,
)
from skinscan.phantom.cameras import project
from skinscan.phantom.chart import patch_reflectances, published_lab
from skinscan.phantom.light import linear_srgb, xyz

CLEAN = Camera(
    px_per_mm=10, size_px=(300, 300), noise=0, blur_px=0, glare=0, vignetting=0, gradient=0, gloss=0, dome=1,
    jpeg_quality=None, bit_depth=16,
)  # fmt: skip
CARD = Card(pitch_mm=3.0)


@pytest.fixture(scope="module")
def skin():
    return make_skin(SkinRecipe(seed=5, tone="III", width_mm=38, height_mm=38), 60.0)


def linear(shot):
    coded = shot.pixels / np.iinfo(shot.pixels.dtype).max
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def middles(shot, card):
    """Mean linear colour (24, 3) of 5 x 5 px in the middle of each patch."""
    image, places = linear(shot), [(n % 6, n // 6) for n in range(24)]
    at = np.rint(project(card_homography(card, shot.truth.camera), np.array(places, float))).astype(int)
    return np.array([image[y - 2 : y + 3, x - 2 : x + 3].mean(axis=(0, 1)) for x, y in at])


def lab_d50(spectra):
    ratio = xyz(spectra, "D50") / xyz(np.ones(71), "D50")
    f = np.cbrt(ratio)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=-1)


@pytest.mark.parametrize("formulation", ["before_2014", "after_2014"])
def test_spectra_have_the_published_colours(formulation):
    """Pascale's 30 charts lie within 2 dE76 of the published colours in the mean, 4.5 the worst (cyan)."""
    apart = np.linalg.norm(lab_d50(patch_reflectances(formulation)) - published_lab(formulation), axis=1)
    assert apart.mean() < 2.0
    assert apart.max() < 5.0
    assert patch_reflectances(formulation).min() > 0
    assert patch_reflectances(formulation).max() < 1


@pytest.mark.parametrize(
    "pose",
    [
        {},
        {"angle_deg": 100.0, "at_mm": (2.0, -1.0)},
        {"angle_deg": -30.0, "tilt_deg": 25.0, "tilt_axis_deg": 50.0, "mirrored": True},
        {"above_mm": 20.0},
    ],
)
def test_each_patch_shows_its_colour_where_the_truth_says(skin, pose):
    card = replace(CARD, **pose)
    shot = photograph(skin, CLEAN, Props(card=card))
    light = np.cos(np.radians(card.tilt_deg)) / 2 + 0.5  # under an even dome
    wanted = np.clip(linear_srgb(patch_reflectances()) * light, 0, 1)
    np.testing.assert_allclose(middles(shot, card), wanted, atol=0.006)


def test_a_card_nearer_to_the_lens_is_larger():
    near, far = (card_homography(replace(CARD, above_mm=mm), CLEAN) for mm in (30.0, 0.0))
    steps = [np.linalg.norm(np.diff(project(m, np.array([[2.0, 1.5], [3.0, 1.5]])), axis=0)) for m in (near, far)]
    assert steps[0] / steps[1] == pytest.approx(300 / 270, rel=1e-6)


def test_shade_darkens_and_keeps_the_colour_and_covers_hide(skin):
    shade = Shade(factor=0.4, at=(2.5, 0.0), towards_deg=0.0, soft=0.2)
    plain, shaded = (photograph(skin, CLEAN, Props(card=c)) for c in (CARD, replace(CARD, shades=(shade,))))
    factor = (middles(shaded, CARD) / np.maximum(middles(plain, CARD), 1e-3))[18:]
    np.testing.assert_allclose(factor[:3], 1.0, atol=0.02)
    np.testing.assert_allclose(factor[3:], 0.4, atol=0.02)
    covered = replace(CARD, covers=(Cover(at=(0.0, 0.0), half=(1.2, 0.4), surface=0.02),))
    assert hidden_patches(covered) == (0, 1)
    np.testing.assert_allclose(middles(photograph(skin, CLEAN, Props(card=covered)), CARD)[0], 0.02, atol=0.01)


def test_what_the_card_hides_is_no_bare_skin(skin):
    shot = photograph(skin, CLEAN, Props(card=CARD))
    x, y = shot.truth.pore_x_px, shot.truth.pore_y_px
    on_card = (np.abs(x - 149.5) < 70) & (np.abs(y - 149.5) < 40)
    assert on_card.any()
    assert not shot.truth.pore_visible[on_card].any()

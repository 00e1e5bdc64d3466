"""What was drawn over skin, or lies on it, is found on every tone; bare skin is left alone."""

import cv2
import numpy as np
import pytest
from skin_photos import TONES, photo_of, skin_photo

from skinscan.capture.photo import read_photo
from skinscan.capture.skin.mask import find_skin
from skinscan.capture.skin.occluders import find_occluders
from skinscan.capture.thumbnails import Thumbnails
from skinscan.study.scenes import HELD_OUT, SKIN, make_scene
from skinscan.study.scenes.covers import COVERS, cover


def saved(pixels, quality=85):
    """The pixels through a JPEG file, as every editor saves them."""
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def skin_of(tone):
    return saved(skin_photo(tone, 31, gloss=1.5).pixels, 92)


def found_on(pixels, kind=None):
    """Union of what is found (H, W), or one kind of it."""
    photo = photo_of(pixels)
    thumbnails = Thumbnails(photo)
    found = find_occluders(photo, find_skin(photo, thumbnails), thumbnails)
    every = np.zeros(photo.shape, np.bool_)
    for name, mask in found.items():
        assert mask.shape == photo.shape
        assert mask.dtype == np.bool_
        if kind in (None, name):
            every |= mask
    return every


def ellipse():
    y, x = np.mgrid[:480, :480]
    return ((x - 250) / 110) ** 2 + ((y - 210) / 80) ** 2 < 1


def split(found, where):
    """Share of the cover found, and share of the skin 6 px and more away from it that is taken as well."""
    away = cv2.dilate(where.astype(np.uint8), np.ones((13, 13), np.uint8)) == 0
    return found[where].mean(), found[away].mean()


@pytest.mark.parametrize("tone", TONES)
def test_bare_skin_is_left_alone(tone):
    """With pores, hairs, macules, redness and gloss; smoothed by the camera and saved small as well."""
    pixels = skin_of(tone)
    assert found_on(pixels).mean() < 0.002
    assert found_on(saved(cv2.GaussianBlur(pixels, (0, 0), 1.5), 75)).mean() < 0.01


def test_moles_freckles_and_a_hard_shadow_are_no_occluders():
    pixels = skin_of("II").astype(float)
    draw = np.random.default_rng(3)
    y, x = np.mgrid[:480, :480]
    for _ in range(60):
        cx, cy, r = *draw.uniform(20, 460, 2), draw.uniform(2, 9)
        spot = 1 / (1 + np.exp(np.minimum((np.hypot(x - cx, y - cy) - r) / 0.8, 50)))
        pixels *= 1 - draw.uniform(0.1, 0.5) * spot[..., None] * np.array([0.7, 1, 1.1])
    pixels *= np.where(x + 0.4 * y > 420, 0.6, 1.0)[..., None]
    assert found_on(saved(pixels.clip(0, 255).astype(np.uint8))).mean() < 0.01


@pytest.mark.parametrize("tone", TONES)
def test_a_blurred_disc_is_found(tone):
    pixels, where = skin_of(tone), ellipse()
    soft = cv2.GaussianBlur(pixels, (0, 0), 8)
    share, lost = split(found_on(saved(np.where(where[..., None], soft, pixels)), "smooth"), where)
    assert share > 0.95
    assert lost < 0.01


@pytest.mark.parametrize("tone", TONES)
def test_a_solid_disc_of_the_skins_own_colour_is_found(tone):
    pixels, where = skin_of(tone), ellipse()
    own = np.median(pixels.reshape(-1, 3), 0).astype(np.uint8)
    share, lost = split(found_on(saved(np.where(where[..., None], own, pixels)), "smooth"), where)
    assert share > 0.95
    assert lost < 0.01


@pytest.mark.parametrize("tone", ["I", "IV", "VI"])
@pytest.mark.parametrize("cell_px", [8, 24])
def test_a_mosaic_is_found_whatever_its_cells(tone, cell_px):
    pixels, where = skin_of(tone), ellipse()
    small = cv2.resize(pixels, None, fx=1 / cell_px, fy=1 / cell_px, interpolation=cv2.INTER_AREA)
    cells = cv2.resize(small, (480, 480), interpolation=cv2.INTER_NEAREST)
    share, lost = split(found_on(saved(np.where(where[..., None], cells, pixels))), where)
    assert share > 0.85
    assert lost < 0.015


def test_a_mosaic_on_smooth_skin_is_found_to_its_outline():
    """Cells that happen to be alike show no steps: a third of this bar once stayed skin."""
    seed = 9_600_013
    scene = make_scene(seed, HELD_OUT, 640, TONES[seed % 6])
    draw = np.random.default_rng([seed, list(COVERS).index("mosaic")])
    pixels, where = cover("mosaic", scene.pixels, scene.labels == SKIN, draw, int(draw.integers(72, 95)))
    assert found_on(pixels, "mosaic")[where & (scene.labels == SKIN)].mean() > 0.85


@pytest.mark.parametrize(("tone", "level"), [(tone, level) for tone in ("I", "III", "VI") for level in (255, 0)])
def test_a_watermark_is_found(tone, level):
    """Half transparent letters; a third of them may escape, the skin between them may go to 4 px around each."""
    pixels = skin_of(tone)
    letters = np.zeros((480, 480), np.uint8)
    cv2.putText(letters, "CLINIC Nord", (30, 260), cv2.FONT_HERSHEY_SIMPLEX, 2.1, 255, 7, cv2.LINE_AA)
    alpha = 0.5 * letters[..., None] / 255
    share, lost = split(found_on(saved((pixels * (1 - alpha) + level * alpha + 0.5).astype(np.uint8))), letters > 127)
    assert share > 0.67
    assert lost < 0.02


@pytest.mark.parametrize("tone", TONES)
def test_a_pad_with_a_weave_of_its_own_is_found(tone):
    pixels, where = skin_of(tone), ellipse()
    own = np.median(pixels.reshape(-1, 3), 0)
    weave = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 8, (480, 480)), (0, 0), 1.0)
    pad = np.clip(own * (0.75, 0.85, 0.95) + 25 + weave[..., None], 0, 255)
    share, lost = split(found_on(saved(np.where(where[..., None], pad, pixels).astype(np.uint8))), where)
    assert share > 0.9
    assert lost < 0.01


def test_photos_too_small_without_skin_or_of_16_bits_do_not_fail():
    for shape in ((1, 1, 3), (3, 300, 3), (60, 60, 3), (400, 400, 3)):
        photo = photo_of(np.full(shape, 120, np.uint8))
        assert find_occluders(photo, np.zeros(shape[:2], np.bool_)) == {}
        assert isinstance(find_occluders(photo, np.ones(shape[:2], np.bool_)), dict)
    deep = skin_of("III").astype(np.uint16) * 257
    own = np.median(deep.reshape(-1, 3), 0).astype(np.uint16)
    found = found_on(np.where(ellipse()[..., None], own, deep))
    assert found[ellipse()].mean() > 0.95


def test_faces_without_anything_on_them_lose_under_one_per_cent(test_photos):
    lost = []
    for name in ("004_03", "043_03", "061_03"):
        photo = read_photo(test_photos / "faces_frl" / f"{name}.jpg")
        skin = find_skin(photo)
        every = np.zeros_like(skin)
        for mask in find_occluders(photo, skin).values():
            every |= mask
        lost.append(every[skin].mean())
    assert np.mean(lost) < 0.01
    assert max(lost) < 0.03


def test_smooth_skin_saved_small_is_no_mosaic_and_no_blur():
    """JPEG's blocks of 8 x 8 are no mosaic, nor are the rags of skin that they leave without structure a blur."""
    for seed, tone in ((3_000_084, "I"), (3_000_004, "V"), (3_000_080, "III")):
        scene = make_scene(seed, HELD_OUT, 640, tone)
        photo = photo_of(scene.pixels)
        mask = find_skin(photo)
        skin = mask & (scene.labels == SKIN)
        assert skin.any()
        for kind, found in find_occluders(photo, mask).items():
            assert np.count_nonzero(found & skin) < 0.02 * np.count_nonzero(skin), (seed, kind)


def test_a_mole_is_nothing_laid_and_a_dark_plaster_is():
    """What melanin darkens it darkens most in blue; a plaster is larger."""
    pixels = skin_photo("III").pixels.astype(float)
    y, x = np.mgrid[:480, :480]
    mole, plaster = np.hypot(x - 120, y - 120) < 26, (np.abs(x - 320) < 80) & (np.abs(y - 330) < 45)
    pixels[mole] *= (0.62, 0.52, 0.45)
    pixels[plaster] *= (0.62, 0.52, 0.45)
    photo = photo_of(saved(pixels.clip(0, 255).astype(np.uint8)))
    laid = find_occluders(photo, np.ones((480, 480), np.bool_)).get("laid", np.zeros((480, 480), np.bool_))
    assert laid[mole].mean() < 0.05
    assert laid[plaster].mean() > 0.8

"""The colour card: found or not, the right way round, in its place, and its patches read and judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skin_photos import photo_of

from skinscan.capture.aids import find_aids
from skinscan.capture.card.chart import PLACES, patch_linear
from skinscan.capture.card.find import find_card
from skinscan.capture.card.geometry import LENS_RELATIVE, card_mask, card_plane
from skinscan.capture.card.sighting import Sighting
from skinscan.capture.card.squares import even_parts, find_squares
from skinscan.capture.photo import read_photo
from skinscan.capture.scale.plane import Plane
from skinscan.capture.scale.plane_scale import PITCH_RELATIVE, plane_scale
from skinscan.capture.thumbnails import Thumbnails
from skinscan.phantom.cameras import project
from skinscan.phantom.card import Cover, Shade
from skinscan.phantom.chart import patch_reflectances
from skinscan.phantom.light import linear_srgb
from skinscan.phantom.scenes import Scene, card_scene, other_scene
from skinscan.records import ParameterError, PhotoError

PLAIN = {
    "size_px": (600, 800), "illuminant": "D65", "white_balance": (1.0, 1.0, 1.0), "sensitivities": None,
    "exposure_ev": -0.2, "gradient": 0.0, "vignetting": 0.0, "dome": 0.9, "elevation_deg": 80.0, "tone_curve": 0.0,
    "sharpening": 0.0, "noise": 0.5, "blur_px": 0.7, "jpeg_quality": 92, "chroma_subsampling": "4:4:4",
    "distance_mm": 600.0, "mirrored": False, "width_px": 420.0, "formulation": "before_2014", "glare": 0.0,
}  # fmt: skip
PLAIN_SEEDS = (2, 5, 9)  # no spot of shine is drawn for these


def seen_in(scene: Scene) -> Sighting | None:
    return find_card(photo_of(scene.pixels))


def plain(seed: int, **fields: object) -> Scene:
    scene = card_scene(seed, **{"hide": 0.0, "shade": False, **PLAIN, **fields})  # type: ignore[arg-type]
    assert scene.card is not None
    return scene


def off_px(scene: Scene, sighting: Sighting) -> float:
    assert scene.homography is not None
    return float(np.abs(project(sighting.homography, PLACES) - project(scene.homography, PLACES)).max())


# --- found or not -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [900_000, 900_010, 900_020])
def test_cards_among_other_things_are_found_the_right_way_round(first: int) -> None:
    """Six drawn scenes each: any turn, lamp, file, 100 px to the whole width, a part hidden or in shadow.

    Over hundreds of scenes 98 to 99 % are found (`skinscan study card-finding`): one of six may be missed,
    none may be put wrongly.
    """
    missed = 0
    for seed in range(first, first + 6):
        scene = card_scene(seed, size_px=(640, 800), distance_mm=700.0)
        sighting = seen_in(scene)
        if sighting is None:
            missed += 1
            continue
        assert off_px(scene, sighting) < 0.25 * np.linalg.norm(np.diff(project(scene.homography, PLACES[:2]), axis=0))
        assert scene.card is not None
        assert sighting.mirrored == scene.card.mirrored
    assert missed <= 1


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(1027, id="a spot of shine over a third of it"),
        pytest.param(1033, id="so noisy that its edges show in a smaller picture alone"),
        pytest.param(1038, id="104 px wide beside a cloth of 400 squares"),
        pytest.param(1049, id="on a mosaic whose rows run along its diagonals"),
        pytest.param(1237, id="beside squares that look like it in the smallest picture"),
        pytest.param(1450, id="120 px wide on a chessboard"),
    ],
)
def test_what_once_hid_a_card_does_so_no_more(seed: int) -> None:
    scene = card_scene(seed)
    sighting = seen_in(scene)
    assert sighting is not None
    assert off_px(scene, sighting) < 0.05 * np.linalg.norm(np.diff(project(scene.homography, PLACES[[0, 5]]), axis=0))


def test_what_resembles_a_card_is_none() -> None:
    assert [seed for seed in range(910_000, 910_012) if seen_in(other_scene(seed)) is not None] == []


@pytest.mark.parametrize("angle", range(0, 360, 45))
@pytest.mark.parametrize("mirrored", [False, True])
def test_every_turn_and_its_mirror_image_is_told(angle: float, mirrored: bool) -> None:
    scene = plain(2, angle_deg=float(angle), mirrored=mirrored, width_px=260.0)
    sighting = seen_in(scene)
    assert sighting is not None
    assert sighting.mirrored == mirrored
    assert off_px(scene, sighting) < 0.5


def test_shared_photos_without_a_card_show_none(test_photos: Path) -> None:
    """Every fourth of them here; the study's command goes over all."""
    paths = [
        p for f in ("faces_frl", "faces_webmorph", "portraits_nasa", "decoder") for p in (test_photos / f).iterdir()
    ]
    reported = []
    for path in sorted(paths)[::4]:
        try:
            photo = read_photo(path)
        except PhotoError:
            continue
        if find_card(photo) is not None:
            reported.append(path.name)
    assert reported == []


@pytest.mark.parametrize(
    ("name", "corners"),
    [  # dark skin and black as seen by eye, in shares of width and height
        ("docs__img__documentation_images__correct_color_imgs__calibrite-passport.png", ((0.32, 0.78), (0.79, 0.24))),
        ("docs__img__documentation_images__correct_color_imgs__classic.png", ((0.75, 0.15), (0.20, 0.83))),
        ("images__passport.jpg", ((0.58, 0.38), (0.29, 0.11))),
        ("tests__testdata__partial_card_rgb.png", ((0.72, 0.36), (0.355, 0.815))),
    ],
)
def test_real_cards_are_found(test_photos: Path, name: str, corners: tuple[tuple[float, float], ...]) -> None:
    photo = read_photo(test_photos / "colorchecker" / name)
    sighting = find_card(photo)
    assert sighting is not None
    assert not sighting.mirrored
    ends = project(sighting.homography, PLACES[[0, 23]]) / photo.shape[::-1]
    np.testing.assert_allclose(ends, corners, atol=0.05)


@pytest.mark.parametrize(
    "name", ["images__dsg.png", "docs__img__documentation_images__transform_mask_color_card__seedhead-rgb.jpg"]
)
def test_other_charts_are_no_such_card(test_photos: Path, name: str) -> None:
    """A Digital SG holds the 24 colours among 140; the other is a copy in other colours and a grey frame."""
    assert find_card(read_photo(test_photos / "colorchecker" / name)) is None


def test_a_grey_photo_has_no_card() -> None:
    scene = plain(2)
    grey = np.repeat(scene.pixels[..., 1:2], 3, axis=2)
    assert find_card(photo_of(grey, is_grey=True)) is None
    assert find_card(photo_of(grey)) is None


def test_sixteen_bits_and_lent_thumbnails_give_the_same() -> None:
    scene = plain(5)
    photo = photo_of(scene.pixels.astype(np.uint16) * 257)
    sighting = find_card(photo, Thumbnails(photo))
    assert sighting is not None
    assert off_px(scene, sighting) < 0.3
    eight = seen_in(scene)
    assert eight is not None
    np.testing.assert_allclose(sighting.codes, eight.codes, atol=0.002)


# --- place and scale ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", PLAIN_SEEDS)
@pytest.mark.parametrize("tilt", [0.0, 15.0, 30.0])
def test_the_plane_is_a_ruler(seed: int, tilt: float) -> None:
    """Lengths within 0.4 % (the bar) wherever the card lies, and tilt within 2 degrees of the truth at its centre."""
    scene = plain(seed, tilt_deg=tilt, patch=0.82)
    sighting = seen_in(scene)
    assert sighting is not None
    assert scene.card is not None
    plane = card_plane(sighting, scene.card.pitch_mm)
    corners = np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 3.0], [0.0, 3.0], [2.5, 1.5]])
    at = project(scene.homography, corners)
    true_plane = np.diag([scene.card.pitch_mm] * 2 + [1.0]) @ np.linalg.inv(scene.homography)
    step = np.array([[0.5, 0.0], [0.0, 0.5]])
    for point in at:
        near = np.concatenate([point + step, point - step])
        sides = np.diff(project(true_plane, near).reshape(2, 2, 2), axis=0)[0]
        true = abs(np.linalg.det(sides)) ** 0.5
        assert plane.mm_per_px_at(point[None])[0] == pytest.approx(true, rel=0.004)
        assert plane.relative_at(point[None]) < 0.006
    least = np.hypot(PITCH_RELATIVE, LENS_RELATIVE)
    assert least < plane.relative_at(at[-1:]) < 0.004
    if tilt:  # facing the camera, a stretch of 0.2 % is 3.6 degrees
        assert plane.tilt_deg == pytest.approx(Plane(true_plane, at[-1], np.eye(3), 1.0).tilt_deg, abs=2.0)
    assert sighting.patch == pytest.approx(0.82, abs=0.01)


def test_what_is_not_known_of_the_pitch_is_counted_once() -> None:
    sighting = seen_in(plain(2))
    assert sighting is not None
    plane = card_plane(sighting, 46.0)
    skin = np.ones((600, 800), bool)
    once, twice = (plane_scale(plane, skin, "card", lift_mm=0.0, lean=0.0, printed=p) for p in (0.0, PITCH_RELATIVE))
    assert once.relative > np.hypot(PITCH_RELATIVE, LENS_RELATIVE)
    assert twice.relative**2 - once.relative**2 == pytest.approx(PITCH_RELATIVE**2)
    photo = photo_of(plain(2).pixels)
    aids = find_aids(photo, Thumbnails(photo), card_pitch_mm=46.0)
    scale = aids.scale(skin)
    assert scale is not None
    assert scale.relative == pytest.approx(plane_scale(plane, skin, "card", printed=0.0).relative)


def test_the_scale_is_as_uncertain_as_it_says() -> None:
    """Of the edges' own part: eight small cards, errors over stated standard deviations; chi-square 99.9 % limits."""
    ratios = []
    for seed in range(920_000, 920_008):
        scene = plain(seed, width_px=170.0, noise=2.0, jpeg_quality=80)
        sighting = seen_in(scene)
        if sighting is None:
            continue
        centre = np.array([2.5, 1.5, 1.0])
        areas = [abs(np.linalg.det(m)) / abs(m[2] @ centre) ** 3 for m in (sighting.homography, scene.homography)]
        design = np.array([0.5, 0, 0, 0, 0.5, 0, -1.5 * 2.5, -1.5 * 1.5])
        stated = np.sqrt(design @ sighting.covariance @ design)
        ratios.append((np.sqrt(areas[0] / areas[1]) - 1) / stated)
    assert len(ratios) >= 7
    assert 0.3 < np.sqrt(np.mean(np.square(ratios))) < 2.0


def test_a_pitch_that_cannot_be_meant_is_refused() -> None:
    sighting = seen_in(plain(2))
    assert sighting is not None
    for pitch in (0.0, float("nan"), 5000.0, "13"):
        with pytest.raises(ParameterError, match="pitch_mm"):
            card_plane(sighting, pitch)  # type: ignore[arg-type]


def test_the_mask_covers_the_card_with_its_frame() -> None:
    scene = plain(2)
    sighting = seen_in(scene)
    assert sighting is not None
    assert scene.card is not None
    mask = card_mask(sighting, scene.pixels.shape[:2])
    left, top, right, bottom = scene.card.body
    u, v = np.meshgrid(np.linspace(left, right, 30), np.linspace(top, bottom, 30))
    at = np.rint(project(scene.homography, np.column_stack([u.ravel(), v.ravel()]))).astype(int)
    h, w = mask.shape
    inside = (at[:, 0] >= 0) & (at[:, 0] < w) & (at[:, 1] >= 0) & (at[:, 1] < h)
    assert mask[at[inside, 1], at[inside, 0]].mean() > 0.97
    assert mask.mean() < 0.75


# --- patches ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", PLAIN_SEEDS)
def test_patches_read_are_the_charts_colours(seed: int) -> None:
    """By the ideal camera in daylight without a tone curve: one factor of light explains all 24 within 3 %."""
    scene = plain(seed, tilt_deg=0.0)
    sighting = seen_in(scene)
    assert sighting is not None
    assert sighting.usable.sum() >= 22
    linear = np.where(sighting.codes <= 0.04045, sighting.codes / 12.92, ((sighting.codes + 0.055) / 1.055) ** 2.4)
    wanted = linear_srgb(patch_reflectances("before_2014"))
    factor = np.median(linear[18:23] / wanted[18:23])
    used = np.repeat(sighting.usable[:, None], 3, axis=1) & ~sighting.clipped & (wanted > 0.03)
    np.testing.assert_allclose(linear[used], factor * wanted[used], rtol=0.04, atol=0.006)


@pytest.mark.parametrize("surface", ["II", "VI", 0.02, 0.85])
def test_hidden_patches_are_not_usable(surface: str | float) -> None:
    cover = Cover(at=(0.0, 1.5), half=(0.5, 2.2), round=False, surface=surface)  # type: ignore[arg-type]
    scene = plain(5, covers=(cover,))
    sighting = seen_in(scene)
    assert sighting is not None
    hidden = np.isin(np.arange(24), scene.hidden)
    assert hidden.sum() == 4
    assert (sighting.usable & hidden).sum() <= 1  # dark skin under dark skin looks the same
    assert sighting.usable[~hidden].sum() >= 15  # what is hidden leaves the others harder to judge


@pytest.mark.parametrize(("factor", "soft"), [(0.5, 0.15), (0.65, 0.15), (0.5, 0.8)])
def test_patches_in_shade_are_told(factor: float, soft: float) -> None:
    shade = Shade(factor=factor, at=(3.5, 1.5), towards_deg=0.0, soft=soft)
    scene = plain(5, shades=(shade,))
    sighting = seen_in(scene)
    assert sighting is not None
    dark = PLACES[:, 0] > 3.6
    assert (sighting.shaded == dark).mean() > 0.95
    assert not (sighting.usable & dark).any()
    assert (sighting.usable & ~dark).sum() >= 14


def test_a_patch_out_of_the_picture_is_hidden() -> None:
    scene = plain(2, angle_deg=0.0)
    at = project(scene.homography, np.array([[4.6, 1.5]]))[0]
    cut = replace(scene, pixels=np.ascontiguousarray(scene.pixels[:, : int(at[0])]))
    sighting = seen_in(cut)
    assert sighting is not None
    outside = PLACES[:, 0] == 5
    assert sighting.hidden[outside].all()
    assert not sighting.usable[outside].any()
    assert (sighting.pixels[outside] == 0).all()


# --- parts --------------------------------------------------------------------------------------------------


def test_the_charts_colours_are_those_of_its_spectra() -> None:
    """Published Lab against measured spectra of 30 charts: within 0.035 of linear light (orange, 2 dE76)."""
    mean = (linear_srgb(patch_reflectances("before_2014")) + linear_srgb(patch_reflectances("after_2014"))) / 2
    np.testing.assert_allclose(patch_linear(), mean, atol=0.035)


def test_squares_are_measured_by_their_moments() -> None:
    picture = np.full((200, 300, 3), 40, np.uint8)
    picture[50:90, 60:100] = (200, 30, 60)
    picture[120:150, 200:230] = (20, 180, 220)
    squares = find_squares(even_parts(picture))
    for centre, side in (((79.5, 69.5), 40.0), ((214.5, 134.5), 30.0)):
        apart = np.linalg.norm(squares.centres - centre, axis=1)
        assert apart.min() < 0.1
        assert squares.sides[np.argmin(apart)] == pytest.approx(side, abs=1.5)

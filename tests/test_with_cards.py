"""A card beside the skin, from the file to the comparison: colours, scale, and what is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import skinscan
from skinscan.arrays import warp
from skinscan.phantom import Camera, Card, Props, Shot, Skin, SkinRecipe, make_skin, photograph, write_shot
from skinscan.records import Assessment, Comparison, Flag

PITCH_MM = 3.4
CAMERA = Camera(
    px_per_mm=18.0, size_px=(760, 760), sensitivities=103, gloss=0.0, tone_curve=0.5, seed=1, jpeg_quality=92
)
CARD = Props(card=Card(pitch_mm=PITCH_MM, at_mm=(-8.0, -12.0), angle_deg=14.0))
SHEET = Props(skin_card_at_mm=(0.0, -9.5), skin_card_angle_deg=3.0, skin_card_size=0.5)
PATCH = {"patch": [(250.0, 420.0), (650.0, 420.0), (650.0, 720.0), (250.0, 720.0)]}


def skin_of(tone: str) -> Skin:
    return make_skin(SkinRecipe(seed=31, tone=tone, width_mm=58, height_mm=58, redness_patches=0, spots=0), 30.0)


@pytest.fixture(scope="module")
def skins() -> dict[str, Skin]:
    return {tone: skin_of(tone) for tone in ("II", "VI")}


def taken(skin: Skin, camera: Camera, props: Props | None, path: Path) -> tuple[Path, Shot]:
    shot = photograph(skin, camera, props)
    return write_shot(shot, path), shot


def value(assessment: Assessment, measure: str, region: str = "skin") -> tuple[float, float]:
    (found,) = [m for m in assessment.measurements if (m.measure, m.region) == (measure, region)]
    return found.value, found.spread


def change(comparison: Comparison, measure: str) -> skinscan.Change:
    (found,) = [c for c in comparison.changes if (c.measure, c.region) == (measure, "patch")]
    return found


@pytest.mark.parametrize("tone", ["II", "VI"])
@pytest.mark.parametrize("lamp", ["D65", "LED_B3"])
def test_a_card_tells_the_skins_colour_and_how_far_it_may_be_off(skins, tmp_path, tone, lamp) -> None:
    warm = replace(CAMERA, illuminant=lamp, white_balance=(1.12, 1.0, 0.9))
    path, shot = taken(skins[tone], warm, CARD, tmp_path / "photo.jpg")
    with_card = skinscan.assess(path, cross_polarised=True, evidence=False)
    without = skinscan.assess(path, card="none", evidence=False)
    assert with_card.frame.colour.state == "card"
    true = float(shot.truth.lab_as_seen[1])
    (a_star, spread), (plain, plain_spread) = value(with_card, "redness.a_star"), value(without, "redness.a_star")
    assert spread < 1.0 < plain_spread
    assert abs(a_star - true) < 3 * spread
    assert abs(a_star - true) < abs(plain - true)
    ita, ita_spread = value(with_card, "pigment.ita")
    assert abs(ita - shot.truth.ita_degree) < 3 * ita_spread + 2.4  # furrows and pores: truth is of level skin


def test_in_light_that_skin_may_mirror_the_darkest_skin_is_in_more_doubt(skins, tmp_path) -> None:
    """A sheen whitens dark skin most: where filters do not cross, that is in the doubt, and the truth within it."""
    doubts = {}
    for tone, gloss in (("II", 0.0), ("VI", 0.0), ("VI", 1.0)):
        path, shot = taken(skins[tone], replace(CAMERA, gloss=gloss), CARD, tmp_path / "photo.jpg")
        found = skinscan.assess(path, evidence=False)
        a_star, spread = value(found, "redness.a_star")
        assert abs(a_star - float(shot.truth.lab_as_seen[1])) < 3 * spread
        assert found.frame.colour.predicted_a_star is not None
        doubts[tone, gloss] = found.frame.colour.predicted_a_star
    assert doubts["VI", 0.0] > doubts["II", 0.0]


def test_a_cards_pitch_gives_the_scale_to_half_a_percent(skins, tmp_path) -> None:
    path, shot = taken(skins["II"], replace(CAMERA, tilt_deg=12.0), CARD, tmp_path / "photo.jpg")
    scale = skinscan.assess(path, card_pitch_mm=PITCH_MM, evidence=False).frame.scale
    assert scale is not None
    assert scale.source == "card"
    assert scale.plane is not None
    x, y = np.array([200.0, 380.0, 650.0]), np.array([600.0, 380.0, 300.0])
    corners = np.stack([x, y], axis=-1)[:, None] + np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    in_mm = warp.project(np.linalg.inv(shot.truth.homography), corners)
    true = np.sqrt([cv2.contourArea(square.astype(np.float32)) for square in in_mm])
    assert np.abs(scale.mm_per_px_at(x + 0.5, y + 0.5) / true - 1).max() < 0.004
    assert scale.relative < 0.005
    assert np.ptp(true) / true.mean() > 0.015  # the tilt shows


def test_the_card_is_never_measured_as_skin(skins, tmp_path) -> None:
    path, _ = taken(skins["II"], CAMERA, CARD, tmp_path / "photo.jpg")
    frame = skinscan.assess(path, evidence=False).frame
    assert frame.covered is not None
    assert not (frame.regions["skin"] & frame.covered).any()
    assert 0.15 < frame.covered.mean() < 0.5


def test_two_photos_with_cards_are_compared_under_two_lamps(skins, tmp_path) -> None:
    before, _ = taken(skins["II"], CAMERA, CARD, tmp_path / "before.jpg")
    yellow = replace(CAMERA, seed=2, illuminant="LED_B1", white_balance=(1.15, 1.0, 0.85), exposure_ev=0.2)
    after, _ = taken(skins["II"], yellow, CARD, tmp_path / "after.jpg")
    found = skinscan.compare(before, after, regions=PATCH, evidence=False)
    a_star = change(found, "redness.a_star")
    assert found.after.frame.colour.state == "card"
    assert a_star.verdict == "within_error"
    assert abs(a_star.change) < 1.0
    assert Flag.RELATIVE not in a_star.flags
    bare = skinscan.compare(before, after, regions=PATCH, card="none", evidence=False)
    assert change(bare, "redness.a_star").verdict == "not_comparable"


def test_another_lamp_is_no_same_setup_however_alike_the_view(skins, tmp_path) -> None:
    before, _ = taken(skins["II"], CAMERA, CARD, tmp_path / "before.jpg")
    after, _ = taken(skins["II"], replace(CAMERA, seed=2, illuminant="A"), CARD, tmp_path / "after.jpg")
    again, _ = taken(skins["II"], replace(CAMERA, seed=3), CARD, tmp_path / "again.jpg")
    other, same = (skinscan.compare(before, one, 1 / 18, regions=PATCH, evidence=False) for one in (after, again))
    assert Flag.SAME_SETUP not in {notice.flag for notice in other.notices}
    assert Flag.SAME_SETUP in {notice.flag for notice in same.notices}
    called = [c for c in other.changes if c.verdict in ("improved", "worsened", "changed")]
    judged = [c for c in other.changes if c.verdict != "not_comparable"]
    assert len(called) <= 0.15 * len(judged), [(c.measure, c.region) for c in called]


def test_a_card_in_one_photo_only_ties_nothing(skins, tmp_path) -> None:
    before, _ = taken(skins["II"], CAMERA, CARD, tmp_path / "before.jpg")
    after, _ = taken(skins["II"], replace(CAMERA, seed=2), None, tmp_path / "after.jpg")
    found = skinscan.compare(before, after, regions=PATCH, evidence=False)
    assert found.before.frame.colour.state == found.after.frame.colour.state == "uncorrected"
    assert change(found, "redness.a_star").verdict == "not_comparable"
    assert "colour card" in change(found, "redness.a_star").reason
    assert change(found, "pigment.evenness").verdict != "not_comparable"


def test_the_printed_skin_card_ties_two_photos_and_gives_the_scale(skins, tmp_path) -> None:
    before, _ = taken(skins["II"], CAMERA, SHEET, tmp_path / "before.jpg")
    moved = Props(skin_card_at_mm=(2.0, -9.0), skin_card_angle_deg=-4.0, skin_card_size=0.5)
    other = replace(CAMERA, seed=2, white_balance=(1.2, 1.0, 0.85), exposure_ev=0.2)
    after, _ = taken(skins["II"], other, moved, tmp_path / "after.jpg")
    found = skinscan.compare(before, after, regions=PATCH, evidence=False)
    frame = found.before.frame
    assert frame.scale is not None
    assert frame.scale.source == "skin_card"
    # the phantom's card is printed at half its size, so it says that everything is twice as large
    assert frame.scale.mm_per_px * CAMERA.px_per_mm == pytest.approx(2.0, rel=0.01)
    assert found.after.frame.colour.reference == "skin card"
    a_star = change(found, "redness.a_star")
    assert a_star.verdict == "within_error"
    assert Flag.RELATIVE in a_star.flags


def test_a_mirrored_card_is_told(skins, tmp_path) -> None:
    assert CARD.card is not None
    path, _ = taken(skins["II"], CAMERA, Props(card=replace(CARD.card, mirrored=True)), tmp_path / "photo.jpg")
    flags = {notice.flag for notice in skinscan.assess(path, evidence=False).frame.notices}
    assert Flag.MIRRORED in flags


def test_a_lost_reference_falls_back_to_the_card_in_both_photos(skins, tmp_path) -> None:
    before, _ = taken(skins["II"], CAMERA, SHEET, tmp_path / "before.jpg")
    after, _ = taken(skins["II"], replace(CAMERA, seed=2, exposure_ev=0.1), SHEET, tmp_path / "after.jpg")
    regions = {**PATCH, "edge": [(0.0, 400.0), (60.0, 400.0), (60.0, 460.0), (0.0, 460.0)]}
    pixels = cv2.imread(str(after))
    pixels[360:500, :110] = 255
    cv2.imwrite(str(after), pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])
    found = skinscan.compare(before, after, regions=regions, reference="edge", evidence=False)
    assert Flag.REFERENCE_LOST in {notice.flag for notice in found.notices}
    assert found.after.frame.colour.reference == "skin card"
    assert change(found, "redness.a_star").verdict != "not_comparable"


def test_a_sticker_that_is_not_there_is_told_even_where_a_card_gives_the_scale(skins, tmp_path) -> None:
    path, _ = taken(skins["II"], CAMERA, SHEET, tmp_path / "photo.jpg")
    frame = skinscan.assess(path, card_pitch_mm=13.5, evidence=False).frame
    assert frame.scale is not None
    assert frame.scale.source == "skin_card"
    (notice,) = [notice for notice in frame.notices if notice.flag == Flag.OTHER_SCALE]
    assert "no ColorChecker was found" in notice.text

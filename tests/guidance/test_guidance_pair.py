"""A photo against its baseline: the way back has the right sign and size, and the verdicts are those of compare."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skinscan.arrays.warp import NO_DISPLACEMENT
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.registration.register import register
from skinscan.comparison import compare_frames
from skinscan.guidance import Guidance, advise, aim_of
from skinscan.measures import all_measures
from skinscan.phantom import Camera, Props, Skin, SkinRecipe, make_skin, photograph
from skinscan.records import SKIN, Flag, Frame, Registration
from tests.capture.skin_photos import photo_of

PX_PER_MM, SIZE = 22.0, (360, 440)


@cache
def skin(of: int = 31) -> Skin:
    return make_skin(SkinRecipe(of, "III", width_mm=32, height_mm=28), 1000 / 24 / 1.55)


@cache
def shot(of: int = 31, scaled: bool = False, mirrored: bool = False, **camera: Any) -> Frame:
    view = Camera(**{"px_per_mm": PX_PER_MM, "size_px": SIZE, "seed": 5, **camera})
    pixels = photograph(skin(of), view).pixels
    photo = photo_of(pixels[:, ::-1] if mirrored else pixels)
    photo = replace(photo, sha256=f"{abs(hash((of, mirrored, *camera.items()))):064d}"[:64])
    return make_frame(photo, mm_per_px=1 / PX_PER_MM if scaled else None)


def baseline() -> Frame:
    return shot(scaled=True)


def told(after: Frame, wanted: tuple[str, ...] = ("redness.area",)) -> Guidance:
    return advise(after, baseline(), wanted)


def test_the_way_back_undoes_a_known_move() -> None:
    """The camera moved 2 mm right and 1.5 mm up, turned, and went back by 9 %: all of it is told to be undone."""
    after = shot(shift_mm=(2.0, -1.5), px_per_mm=PX_PER_MM / 1.09, rotation_deg=-7.0, seed=6)
    guidance = told(after)
    aim = guidance.aim
    assert aim is not None
    assert "by 8 % of the distance" in guidance.sentences[-1]
    # in the turned picture, 7 degrees anticlockwise: the move of (-2, 1.5) mm on the skin
    cos, sin = math.cos(math.radians(-7)), math.sin(math.radians(-7))
    assert aim.right_mm == pytest.approx(-2.0 * cos - 1.5 * sin, abs=0.05)
    assert aim.down_mm == pytest.approx(-2.0 * sin + 1.5 * cos, abs=0.05)
    assert aim.distance_factor == pytest.approx(1 / 1.09, abs=0.003)
    assert aim.clockwise_deg == pytest.approx(-7.0, abs=0.1)
    said = " | ".join(aim.moves)
    assert "come closer by 8 % of the distance" in said
    assert "turn the camera anticlockwise by 7 degrees" in said
    assert "move the camera left by 2 mm" in said
    assert "move the camera down" in said


def test_opposite_moves_are_told_opposite() -> None:
    aim = told(shot(shift_mm=(-2.5, 0.0), px_per_mm=24.0, seed=7)).aim
    assert aim is not None
    assert aim.right_mm == pytest.approx(2.5, abs=0.05)
    assert any("move the camera right" in move for move in aim.moves)
    assert any(f"go back by {100 * (24 / 22 - 1):.0f} %" in move for move in aim.moves)


@pytest.mark.parametrize(
    ("tilt_deg", "axis_deg", "side", "patient"),
    # tilt about the y axis by a positive angle takes -x away from the camera, about the x axis +y
    [(14.0, 90.0, "left", "left"), (-14.0, 90.0, "right", "right"), (14.0, 0.0, "bottom", None)],
)
def test_skin_that_leans_away_is_told_on_the_right_side(
    tilt_deg: float, axis_deg: float, side: str, patient: str | None
) -> None:
    after = shot(tilt_deg=tilt_deg, tilt_axis_deg=axis_deg, seed=8)
    aim = aim_of(baseline(), after, register(baseline(), after), face=True)
    assert aim is not None
    assert aim.tilt_deg == pytest.approx(abs(tilt_deg), abs=2.0)
    move = next(move for move in aim.moves if "leans" in move)
    assert f"the {side} of the picture" in move
    # a face's left side of the picture is the patient's right, and comes forward when the head turns to the left
    assert ("to the patient's left" in move, "to the patient's right" in move) == (
        patient == "left",
        patient == "right",
    )


@pytest.mark.parametrize(("turn_deg", "side", "back"), [(20.0, "left", "right"), (-15.0, "right", "left")])
def test_a_turned_head_is_told_in_the_patients_left_and_right(turn_deg: float, side: str, back: str) -> None:
    """As landmarks tell it: a frontal face that turns to its own left hides its left cheek, on the picture's right."""
    aim = aim_of(baseline(), baseline(), same(), face=True, head_turn_deg=turn_deg)
    assert aim is not None
    assert aim.moves == (
        f"the head is turned {abs(turn_deg):.0f} degrees to the patient's {side} from the baseline: "
        f"turn it back to the patient's {back}",
    )
    assert aim.farther_deg == (0.0 if side == "left" else 180.0)


def same() -> Registration:
    return Registration(True, np.eye(3), NO_DISPLACEMENT, 16, 50, 0.1, 1.0, 1.0, 0.0, False, 1.0, 0.0)


def test_a_photo_that_sits_well_needs_no_move() -> None:
    after = told(shot(seed=9, shift_mm=(0.2, 0.1)))
    assert after.aim is not None
    assert after.aim.moves == ()


def test_a_larger_file_of_the_same_view_is_no_step_closer() -> None:
    after = shot(seed=10, px_per_mm=1.09 * PX_PER_MM, size_px=(392, 480))
    aim = told(after).aim
    assert aim is not None
    assert aim.distance_factor == pytest.approx(1.0, abs=0.005)


def test_nobody_is_sent_nearer_than_the_baseline_was() -> None:
    """At 45 um/px the finest band cannot be told in either photo; a nearer second photo would not mend the first."""
    guidance = told(shot(seed=17), ("texture.roughness_100_250um", "pores.area"))
    assert not guidance.prospects[-1].carries
    assert not any(a.act == "closer" for a in guidance.advice)
    alone = advise(shot(scaled=True), wanted=["texture.roughness_100_250um"])
    assert [a.act for a in alone.advice] == ["closer"]


def test_the_verdicts_and_limits_are_those_of_compare() -> None:
    after = shot(seed=11, azimuth_deg=250.0, exposure_ev=0.4, blur_px=1.0)
    guidance = advise(
        after, baseline(), ["redness", "pigment", "pores.area", "pores.matched_diameter_change", "texture"]
    )
    changes = {(c.measure, c.region): c for c in compare_frames(baseline(), after, evidence=False).changes}
    assert len(guidance.prospects) >= 9
    for prospect in guidance.prospects:
        change = changes[prospect.measure, prospect.region]
        assert prospect.carries == (change.verdict != "not_comparable"), prospect.measure
        assert prospect.sdc == pytest.approx(change.sdc, rel=1e-9, nan_ok=True), prospect.measure
    for outlook in guidance.outlooks:
        stopped = {p.measure for p in guidance.prospects if not p.carries}
        assert {name for name, verdict in outlook.measures.items() if verdict == "cannot"} <= stopped


def test_a_darker_photo_is_told_by_how_many_steps() -> None:
    guidance = told(shot(seed=12, exposure_ev=-1.2), ("pores.area", "pigment.evenness"))
    advice = next(a for a in guidance.advice if a.act == "exposure")
    assert advice.flag == Flag.OUTSIDE_STUDY
    assert advice.found == pytest.approx(1.2, abs=0.1)
    assert "darker" in advice.finding
    assert advice.todo == "raise the exposure by 1.2 steps"
    assert guidance.verdict == "cannot"
    assert all("much brighter" in p.reason for p in guidance.prospects)


def test_a_lamp_on_another_side_is_told_on_that_side() -> None:
    guidance = told(shot(seed=13, gradient=0.9, azimuth_deg=0.0))  # the baseline's key stands at 225 degrees
    advice = next(a for a in guidance.advice if a.act == "light")
    assert "the right of the picture gained" in advice.finding
    assert "away from the right" in advice.todo


def test_a_softer_photo_is_told_to_focus_and_not_to_move_the_lamp() -> None:
    guidance = told(shot(seed=14, blur_px=1.7), ("pores.area",))
    assert any(a.act == "focus" and "less sharp" in a.finding for a in guidance.advice)
    assert not any("lamp" in a.todo for a in guidance.advice)


def test_another_skin_carries_nothing_and_says_why() -> None:
    guidance = told(shot(77, seed=15), ("redness", "pores"))
    assert guidance.verdict == "cannot"
    assert guidance.aim is None
    assert "could not be matched" in guidance.sentences[1]
    assert not any(p.carries for p in guidance.prospects)
    assert not any(a.flag == Flag.NO_SCALE for a in guidance.advice)  # it would have had the baseline's


def test_the_baseline_itself_and_a_mirrored_photo_are_noticed() -> None:
    again = told(baseline())
    assert Flag.SAME_PHOTO in {a.flag for a in again.advice}
    mirrored = told(shot(mirrored=True, seed=16))
    assert mirrored.aim is not None
    assert mirrored.aim.moves == ("switch off the mirroring of the front camera, or use the rear camera",)
    assert [a.weakens for a in mirrored.advice if a.flag == Flag.MIRRORED] == [()]


def test_a_lost_reference_weakens_colour_alone() -> None:
    """A corner of the baseline is its reference, which the after photo, 5 mm to the right, no longer shows."""
    corner = [(5.0, 5.0), (85.0, 5.0), (85.0, 85.0), (5.0, 85.0)]
    before = make_frame(shot().photo, mm_per_px=1 / PX_PER_MM, regions={"corner": corner}, reference="corner")
    guidance = advise(shot(shift_mm=(5.0, 0.0), seed=7), before, None)
    advice = next(a for a in guidance.advice if a.flag == Flag.REFERENCE_LOST)
    bearing = {name for name, measure in all_measures().items() if measure.needs_colour}
    assert set(advice.weakens) == bearing


def test_a_grey_patch_asks_whether_the_lamp_is_the_same() -> None:
    """Only a patch ties the colours: what another lamp would do weakens them until camera and lamp are said to be."""
    laid = Props(grey_mm=6.0, grey_at_mm=(-5.0, 0.0))
    x, y = (SIZE[1] - 1) / 2 - 5 * PX_PER_MM, (SIZE[0] - 1) / 2
    patch = [(x + 44 * dx, y + 44 * dy) for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    photos = [
        photo_of(photograph(skin(), Camera(px_per_mm=PX_PER_MM, size_px=SIZE, seed=seed), laid).pixels)
        for seed in (21, 22)
    ]
    before = make_frame(photos[0], mm_per_px=1 / PX_PER_MM, regions={"grey": patch}, reference="grey")
    after = make_frame(photos[1])
    unsaid = advise(after, before, ("redness", "pores"))
    (advice,) = [a for a in unsaid.advice if a.flag == Flag.LAMP_UNKNOWN]
    assert advice.act == "colour"
    assert {"redness.a_star", "redness.haemoglobin"} <= set(advice.weakens)
    assert not {name for name in advice.weakens if name.startswith("pores.")}
    said = advise(after, before, ("redness", "pores"), same_lamp=True)
    assert Flag.LAMP_UNKNOWN not in {a.flag for a in said.advice}
    (one,), (other,) = (
        [p.sdc for p in found.prospects if (p.measure, p.region) == ("redness.a_star", SKIN)]
        for found in (unsaid, said)
    )
    assert other < 0.5 * one


def test_a_smile_feigns_no_lean(test_photos: Path) -> None:
    """Both photos of a sitting are frontal; the bent skin of a smile fits a plane that leans by 16 degrees."""
    folder = test_photos / "faces_frl"
    before, after = (make_frame(read_photo(folder / f"008_{kind}.jpg")) for kind in ("03", "08"))
    aim = aim_of(before, after, register(before, after))
    assert aim is not None
    assert math.isnan(aim.tilt_deg)
    assert not any("leans" in move for move in aim.moves)

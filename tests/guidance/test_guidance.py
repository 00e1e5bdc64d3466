"""What one photo can carry: guidance says no where assess gives no number, and its orders lead there."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skinscan.arrays.cells import cells_of
from skinscan.assessment import assess_frame
from skinscan.capture.frame import make_frame
from skinscan.guidance import advise
from skinscan.guidance.findings import Found, nearest_that_passes
from skinscan.guidance.light import brighter_side
from skinscan.guidance.photo import LOST_FLAGS, SILENT_FLAGS
from skinscan.measures import all_measures
from skinscan.measures.maps import Maps
from skinscan.phantom import Props
from skinscan.records import SKIN, Flag, Frame, Notice, ParameterError, Photo, Scale
from tests.capture.skin_photos import photo_of, skin_photo


def square(x: float, y: float, side: float) -> list[tuple[float, float]]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


REGIONS = {"cheek": square(60, 60, 180), "dot": square(280, 280, 30), "line": [(20, 300), (310, 300), (310, 303)]}


def frame(tone: str = "III", scaled: bool = True, regions: Any = None, **camera: Any) -> Frame:
    scale = 1 / camera.get("px_per_mm", 20.0) if scaled else None
    if camera.get("px_per_mm", 20.0) < 14:  # the skin of a photo from afar takes long to make
        camera["size_px"] = (320, 320)
    return make_frame(skin_photo(tone, **camera), mm_per_px=scale, regions=regions)


def disagreements(one: Frame) -> list[str]:
    """Where guidance and assess differ about whether a number comes."""
    assessment = assess_frame(Maps(one, lasting=False), evidence=False)
    told = {(o.region, name): verdict for o in advise(one).outlooks for name, verdict in o.measures.items()}
    meant = [m for m in assessment.measurements if (m.region, m.measure) in told]
    unsaid = [m for m in assessment.measurements if m not in meant]  # what is meant for another site or light
    assert len(told) == len(meant)
    assert all(m.measure.startswith(("hair.", "dimples.", "striae.")) and math.isnan(m.value) for m in unsaid)
    return [
        f"{m.measure} of {m.region}: {told[m.region, m.measure]}, assess {m.value:.3g} {m.reason}"
        for m in meant
        if (told[m.region, m.measure] == "cannot") != math.isnan(m.value)
        and Flag.FEW_FOUND not in m.flags  # the photo can carry it, and there is none
    ]


@pytest.mark.parametrize(
    ("tone", "camera"),
    [
        ("I", {"px_per_mm": 34.0}),
        ("III", {"px_per_mm": 15.0}),
        ("VI", {"px_per_mm": 15.0, "gloss": 3.0}),
        ("II", {"px_per_mm": 11.5}),
        ("V", {"blur_px": 1.5}),
        ("II", {"blur_px": 2.6}),
        ("I", {"exposure_ev": 1.4}),
        ("V", {"exposure_ev": -2.5}),
        ("III", {"gradient": 1.6, "noise": 4.0, "jpeg_quality": 60}),
        ("II", {"white_balance": (0.75, 1.0, 1.7)}),
    ],
)
def test_guidance_says_no_exactly_where_assess_gives_no_number(tone: str, camera: dict[str, Any]) -> None:
    one = frame(tone, regions=REGIONS, **camera)
    assert disagreements(one) == []


def test_so_it_does_without_a_scale_without_colour_and_without_skin() -> None:
    assert disagreements(frame(scaled=False, regions=REGIONS)) == []
    grey = skin_photo("II")
    assert disagreements(make_frame(replace(grey, is_grey=True), mm_per_px=0.05, regions=REGIONS)) == []
    nothing = photo_of(np.full((300, 400, 3), (40, 90, 160), np.uint8))
    assert disagreements(make_frame(nothing, mm_per_px=0.05)) == []


def test_who_does_as_told_gets_the_measure() -> None:
    """66 um/px, 50 needed: come a quarter closer. A quarter closer is 50 um/px, and sizes every pore."""
    far = advise(frame(px_per_mm=15.0), wanted=["pores"])
    advice = next(a for a in far.advice if a.flag == Flag.PORES_250_ONLY)
    assert (advice.found, advice.limit, advice.act) == (pytest.approx(66.7, abs=0.1), 50.0, "closer")
    assert "67 µm/px, 50 needed" in advice.text
    assert "come a quarter closer or use the 2x lens" in advice.text
    assert far.verdict == "usable"
    near = advise(frame(px_per_mm=15.0 * advice.found / advice.limit), wanted=["pores"])
    assert near.verdict == "good"
    assert near.advice == ()


def test_who_is_blurred_is_not_told_to_come_closer() -> None:
    told = advise(frame(blur_px=2.6), wanted=["pores"])
    assert told.verdict == "cannot"
    assert told.advice[0].flag == Flag.BLURRED
    assert told.advice[0].found > told.advice[0].limit == 1.8
    assert "focus" in told.advice[0].todo
    assert not any("closer" in a.text for a in told.advice)
    soft = advise(frame(blur_px=1.6), wanted=["pores"])  # resolves 60-70 um/px for its blur alone
    assert [a.act for a in soft.advice] == ["focus"]


@cache
def usual() -> Frame:
    return frame()


@settings(max_examples=25)
@given(st.floats(20.0, 400.0))
def test_what_is_needed_for_texture_is_enough(um_per_px: float) -> None:
    """At the scale that the advice asks for, the gate that refused lets the measure through."""
    one = replace(usual(), scale=Scale(um_per_px / 1e3, um_per_px / 1e5, "given"))
    maps = Maps(one)
    cells = cells_of(one.regions[SKIN][maps.box], 1)
    for name, measure in all_measures().items():
        refusal = measure.gate(maps, cells) if measure.gate and name.startswith("texture.") else None
        if refusal is None or refusal.flag == Flag.REGION_TOO_SMALL_FOR_BAND:
            continue
        needed = nearest_that_passes(Found(refusal, maps, SKIN, cells, measure))
        assert needed < um_per_px
        nearer = Maps(replace(one, scale=Scale(needed / 1e3, needed / 1e5, "given")))
        assert measure.gate is not None
        again = measure.gate(nearer, cells)
        assert again is None or again.flag != refusal.flag


@pytest.mark.parametrize(("azimuth_deg", "side"), [(0, "right"), (90, "bottom"), (180, "left"), (225, "upper left")])
def test_the_brighter_side_is_named_as_it_lies_in_the_picture(azimuth_deg: float, side: str) -> None:
    one = frame(azimuth_deg=azimuth_deg, gradient=1.75, elevation_deg=80.0)
    assert brighter_side(one) == side
    assert any(f"the {side} of the picture is brighter" in a.text for a in advise(one).advice)


def test_no_side_is_named_under_even_light() -> None:
    assert brighter_side(frame(gradient=0.0, vignetting=0.0)) is None


def scale_advice(photo: Photo, **settings: Any) -> list[str]:
    """What is said of the scale."""
    return [one.text for one in advise(photo, wanted=["pores", "texture"], **settings).advice if one.act == "scale"]


@pytest.mark.parametrize("tone", ["I", "VI"])
def test_a_sticker_whose_side_nobody_gave_is_seen_and_its_side_asked_for(tone: str) -> None:
    shown = skin_photo(tone, 31, Props(marker_mm=8.0, marker_at_mm=(-4.0, -3.0), marker_id=7))
    (without,) = scale_advice(shown)
    assert "sticker 7 lies in the photo" in without
    assert "black square" in without
    assert scale_advice(shown, marker_mm=8.0) == []
    (bare,) = scale_advice(skin_photo(tone))
    assert "lies in the photo" not in bare
    assert "lay the sticker" in bare


def test_what_stops_is_said_before_what_weakens_and_three_sentences_are_enough() -> None:
    told = advise(frame(scaled=False, noise=4.0, gradient=1.6))
    assert 2 <= len(told.sentences) <= 3
    assert told.advice[0].flag == Flag.NO_SCALE
    assert told.sentences[0] == "Usable for redness and pigment; not for pores, texture, lines and scars."
    assert "sticker" in told.sentences[1]
    stops = [bool(a.stops) for a in told.advice]
    assert stops == sorted(stops, reverse=True)


def test_only_what_is_wanted_is_judged() -> None:
    one = frame(scaled=False)
    assert advise(one, wanted=["redness.area"]).verdict == "good"  # told within the photo: needs neither scale nor card
    assert advise(one, wanted=["redness"]).verdict == "usable"
    assert advise(one, wanted=["pores", "texture"]).verdict == "cannot"
    with pytest.raises(ParameterError, match="neither a family"):
        advise(one, wanted=["wrinkles"])
    with pytest.raises(ParameterError, match="no measure is wanted"):
        advise(one, wanted=[])


def test_overexposed_skin_is_told_so_and_not_to_come_closer() -> None:
    told = advise(frame("I", exposure_ev=2.2))
    assert told.verdict == "cannot"
    assert told.advice[0].act == "exposure"
    assert "lower the exposure" in told.sentences[1]


def test_darkest_skin_is_told_what_would_show_it() -> None:
    told = advise(frame("VI", exposure_ev=-0.5), wanted=["redness", "pigment"])
    advice = next(a for a in told.advice if a.flag == Flag.OUT_OF_MODEL)
    assert set(advice.weakens) == {"redness.haemoglobin", "redness.area", "pigment.melanin", "pigment.spot_area"}
    assert "polarise" in advice.todo


def test_colour_is_told_without_developing_the_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    one = frame()
    monkeypatch.setattr(Maps, "_developed", lambda self: pytest.fail("measured, where a glance is enough"))
    assert advise(one, wanted=["redness", "pigment", "texture"]).verdict == "usable"


def test_guidance_is_json() -> None:
    told = advise(frame(px_per_mm=10.0, regions=REGIONS)).to_dict()
    again = json.loads(json.dumps(told, allow_nan=False))
    assert again["schema"] == 1
    assert {o["verdict"] for o in again["outlooks"]} <= {"good", "usable", "cannot"}
    assert all(a["text"] and "\n" not in a["text"] for a in again["advice"])


def test_a_region_is_told_its_own_shine() -> None:
    """Drops of oil on the cheek: 40 discs of 5 px radius that add white light."""
    photo = skin_photo("IV")
    light = photo.linear_rgb()
    oil = np.zeros(photo.shape, np.uint8)
    draw = np.random.default_rng(4)
    for x, y in draw.integers(120, 280, (40, 2)):
        cv2.circle(oil, (int(x), int(y)), 5, 1, -1)
    shining = light + light[..., 1].mean() * oil[..., None]
    coded = np.where(shining <= 0.0031308, 12.92 * shining, 1.055 * np.maximum(shining, 0) ** (1 / 2.4) - 0.055)
    regions = {"cheek": square(100, 100, 200), "chin": square(300, 300, 150)}
    one = make_frame(photo_of(np.clip(np.round(255 * coded), 0, 255).astype(np.uint8)), mm_per_px=0.05, regions=regions)
    told = {a.region: a for a in advise(one).advice if a.flag == Flag.SHINY}
    assert "chin" not in told
    truth = 100.0 * oil[100:300, 100:300].mean()
    assert told["cheek"].found == pytest.approx(truth, rel=0.25)
    assert "shines" in told["cheek"].text
    assert "polarise" in told["cheek"].todo


def test_a_sticker_in_a_region_does_not_shine() -> None:
    photo = skin_photo("IV", props=Props(marker_mm=5.0, marker_at_mm=(0.0, 0.0)))
    one = make_frame(photo, marker_mm=5.0, regions={"cheek": square(140, 140, 200)})
    assert one.scale is not None
    assert not any(a.flag in (Flag.SHINY, Flag.CLIPPED_DARK) for a in advise(one).advice)


def test_pores_in_the_midst_of_skin_are_counted_as_in_the_whole() -> None:
    """Regions that hold about as many pores as are needed: those at their edges must not count otherwise."""
    regions = {f"r{side}": square(120, 120, side) for side in (60, 80, 100, 130, 170, 220)}
    assert disagreements(frame("II", px_per_mm=22.0, regions=regions)) == []


@pytest.mark.parametrize(
    ("notice", "weakened"),
    [
        (Notice(Flag.NO_SCALE, "no iris can be told"), lambda measure: measure.needs_scale),
        (Notice(Flag.CARD_DOUBTFUL, "the lamp is none that is known"), lambda measure: measure.needs_colour),
        (Notice(Flag.COVERED, "lettering 2.0% of the skin"), lambda measure: False),
        (Notice(Flag.SEVERAL_FACES, "2"), lambda measure: False),
        (Notice(Flag.MIRRORED, "the card in it is"), lambda measure: False),
    ],
)
def test_a_notice_weakens_what_it_bears_on_and_no_more(notice: Notice, weakened: Any) -> None:
    one = frame(regions={"cheek": square(60, 60, 250)})
    before, after = (advise(of) for of in (one, replace(one, notices=(*one.notices, notice))))
    verdicts = [
        {(o.region, name): v for o in told.outlooks for name, v in o.measures.items()} for told in (before, after)
    ]
    worse = {name for (_, name), verdict in verdicts[1].items() if verdict != verdicts[0][_, name]}
    bearing = {name for name, measure in all_measures().items() if weakened(measure)}
    assert worse <= bearing
    told = [a for a in after.advice if a.flag == notice.flag]
    assert all(set(a.weakens) <= bearing and not a.stops for a in told)
    assert told if bearing else [a.region for a in told] == [SKIN]
    assert all(a.todo for a in told)


OF_A_PHOTO = [*Flag][: [*Flag].index(Flag.LITTLE_SKIN) + 1]


@pytest.mark.parametrize(
    "flag", [flag for flag in (*OF_A_PHOTO, Flag.NO_SCALE, Flag.MIRRORED) if flag not in (*SILENT_FLAGS, *LOST_FLAGS)]
)
def test_what_a_photo_says_against_itself_is_told_with_what_to_do(flag: Flag) -> None:
    scaled = flag != Flag.NO_SCALE
    one = replace(usual(), scale=usual().scale if scaled else None, notices=(Notice(flag, "as seen"),))
    told = [a for a in advise(one).advice if a.flag == flag]
    assert told
    assert all(a.finding and a.todo for a in told)

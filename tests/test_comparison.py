from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import skinscan
from skinscan.capture.regions import parse_regions
from skinscan.comparison import compare_frames, order_notices
from skinscan.judgement import verdict_of
from skinscan.measures import all_measures
from skinscan.phantom import Camera, Props, Shot, Skin, SkinRecipe, change, make_skin, photograph, write_shot
from skinscan.records import Comparison, Flag
from tests.conftest import PX_PER_MM

RECIPE = SkinRecipe(seed=21, tone="IV", width_mm=34, height_mm=34)
CAMERA = Camera(px_per_mm=30.0, size_px=(800, 800), sensitivities=101, seed=1)
GREY = Props(grey_mm=5.0, grey_at_mm=(-9.0, -9.0))
AGAIN = replace(
    CAMERA, seed=2, exposure_ev=0.25, white_balance=(1.08, 1.0, 0.95), rotation_deg=3.0, shift_mm=(0.5, -0.3)
)


def square(x_mm: float, y_mm: float, side_mm: float) -> list[tuple[float, float]]:
    x, y, half = 399.5 + 30 * x_mm, 399.5 + 30 * y_mm, 15 * side_mm
    return [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]


REGIONS = {"grey": square(-9, -9, 3.6), "cheek": square(3, 3, 14)}


@pytest.fixture(scope="module")
def skin() -> Skin:
    return make_skin(RECIPE, 19.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pairs")


@pytest.fixture(scope="module")
def before(skin: Skin, folder: Path) -> Path:
    return write_shot(photograph(skin, CAMERA, GREY), folder / "before.jpg")


@pytest.fixture(scope="module")
def unchanged(before: Path, skin: Skin, folder: Path) -> Comparison:
    after = write_shot(photograph(skin, AGAIN, GREY), folder / "unchanged.jpg")
    return skinscan.compare(before, after, 1 / 30, REGIONS, reference="grey")


@pytest.fixture(scope="module")
def treated(before: Path, folder: Path) -> Comparison:
    after = write_shot(photograph(treated_skin(-0.40), AGAIN, GREY), folder / "treated.jpg")
    return skinscan.compare(before, after, 1 / 30, REGIONS, reference="grey", same_lamp=True)


def treated_skin(blood: float = -0.25) -> Skin:
    return make_skin(change(RECIPE, pore_diameter=-0.12, blood=blood, roughness=-0.15), 19.0)


def found(comparison: Comparison, measure: str, region: str = "skin"):  # type: ignore[no-untyped-def]
    return next(c for c in comparison.changes if c.measure == measure and c.region == region)


def test_the_same_skin_twice_is_mostly_within_error(unchanged: Comparison) -> None:
    assert unchanged.comparable
    judged = [c for c in unchanged.changes if c.verdict != "not_comparable"]
    assert len(judged) > 30
    assert sum(c.verdict == "within_error" for c in judged) >= 0.85 * len(judged)


def test_every_change_is_judged_by_the_one_test(unchanged: Comparison, treated: Comparison) -> None:
    for c in (*unchanged.changes, *treated.changes):
        assert c.reason
        if c.verdict == "not_comparable":
            continue
        assert (abs(c.change) > c.sdc) == (c.verdict != "within_error")
        assert c.sdc > 0
        assert "another set-up" in c.sdc_source
        assert "missing: device, day to day" in c.sdc_source


def test_a_sharp_pair_is_not_refused_its_pores_and_roughness(unchanged: Comparison) -> None:
    for c in unchanged.changes:
        if c.region != "grey" and c.measure.startswith(("pores.", "texture.roughness")):
            too_small = c.region == "cheek" and c.measure.endswith(
                ("diameter_p10", "diameter_p90", "matched_diameter_change")
            )
            assert c.verdict != "not_comparable" or too_small, (c.measure, c.region, c.reason)


def test_true_changes_are_called(treated: Comparison) -> None:
    """Pores -12 %, blood -40 %, under another set-up; less blood than that is lost in JPEG's rounding of the patch."""
    assert found(treated, "pores.matched_diameter_change").verdict == "improved"
    assert found(treated, "pores.matched_diameter_change").change == pytest.approx(-12, abs=2.5)
    assert found(treated, "redness.haemoglobin").verdict == "improved"
    assert found(treated, "texture.roughness_250_500um").change < 0


def test_without_jpeg_a_quarter_less_blood_is_called_under_another_setup(skin: Skin, folder: Path) -> None:
    lossless = {"jpeg_quality": None}
    photos = [
        write_shot(photograph(one, replace(camera, **lossless), GREY), folder / name)  # type: ignore[arg-type]
        for one, camera, name in ((skin, CAMERA, "plain.png"), (treated_skin(), AGAIN, "treated.png"))
    ]
    comparison = skinscan.compare(*photos, 1 / 30, REGIONS, reference="grey", same_lamp=True, evidence=False)
    changed = found(comparison, "redness.haemoglobin")
    assert changed.verdict == "improved", (changed.change, changed.sdc)


FROM_A_STAND = replace(CAMERA, seed=3, shift_mm=(0.2, 0.1))
AFTER_LYING_DOWN_AGAIN = replace(FROM_A_STAND, tilt_deg=1.5, rotation_deg=1.5, px_per_mm=30.3)


@pytest.fixture(scope="module")
def treated_from_a_stand(before: Path, folder: Path) -> Comparison:
    after = write_shot(photograph(treated_skin(), FROM_A_STAND, GREY), folder / "stand.jpg")
    return skinscan.compare(before, after, 1 / 30, REGIONS, reference="grey", same_lamp=True, evidence=False)


@pytest.mark.parametrize(
    "measure", ["pores.matched_diameter_change", "redness.haemoglobin", "texture.roughness_250_500um"]
)
def test_the_same_setup_is_seen_and_calls_smaller_changes(treated_from_a_stand: Comparison, measure: str) -> None:
    """Pores -12 %, blood -25 %, relief -15 %, from a stand that nobody told of; of camera and lamp they did."""
    c = found(treated_from_a_stand, measure)
    assert c.verdict == "improved", (c.change, c.sdc)
    assert "the same set-up" in c.sdc_source
    assert "missing: light, device, day to day" in c.sdc_source


@pytest.mark.parametrize("lamp", ["A", "F11", "LED_B3"])
def test_another_lamp_that_a_grey_hides_is_no_treatment(before: Path, folder: Path, skin: Skin, lamp: str) -> None:
    """The same view, camera and white balance on the patch, unchanged skin: nobody says that the lamp is the same."""
    camera = replace(FROM_A_STAND, illuminant=lamp)  # type: ignore[arg-type]
    after = write_shot(photograph(skin, camera, GREY), folder / f"{lamp}.jpg")
    comparison = skinscan.compare(before, after, 1 / 30, REGIONS, reference="grey", evidence=False)
    assert Flag.LAMP_UNKNOWN in {n.flag for n in comparison.notices}
    for c in comparison.changes:
        if c.measure.startswith(("redness.", "pigment.")):
            assert c.verdict in ("within_error", "not_comparable"), c
            assert "lamp" in c.sdc_source or c.verdict == "not_comparable"


def test_what_is_said_of_the_lamp_is_taken_unless_the_photos_speak_against_it(
    before: Path, folder: Path, skin: Skin
) -> None:
    def compared(name: str, camera: Camera, **stated: bool) -> Comparison:
        after = write_shot(photograph(skin, camera, GREY), folder / name)
        return skinscan.compare(before, after, 1 / 30, REGIONS, reference="grey", evidence=False, **stated)

    unsaid, said, setup = (
        compared("same_lamp.jpg", FROM_A_STAND, **stated) for stated in ({}, {"same_lamp": True}, {"same_setup": True})
    )
    assert found(said, "redness.a_star").sdc < 0.25 * found(unsaid, "redness.a_star").sdc
    assert found(setup, "redness.a_star").sdc <= found(said, "redness.a_star").sdc
    assert Flag.LAMP_UNKNOWN not in {n.flag for n in (*said.notices, *setup.notices)}
    by_another = replace(FROM_A_STAND, sensitivities="Nikon D5300", illuminant="A")
    wrong = compared("by_another.jpg", by_another, same_lamp=True)
    assert Flag.LAMP_UNKNOWN in {n.flag for n in wrong.notices}
    assert found(wrong, "redness.a_star").verdict == "within_error"


def test_a_stated_setup_is_taken_unless_the_photos_speak_against_it(before: Path, folder: Path, skin: Skin) -> None:
    def compared(camera: Camera, stated: bool) -> Comparison:
        after = write_shot(photograph(skin, camera, GREY), folder / "stated.jpg")
        return skinscan.compare(before, after, 1 / 30, same_setup=stated, evidence=False)

    plain, stated = (compared(AFTER_LYING_DOWN_AGAIN, stated) for stated in (False, True))
    name = "texture.roughness_250_500um"
    assert "another set-up" in found(plain, name).sdc_source
    assert "the same set-up" in found(stated, name).sdc_source
    assert found(stated, name).sdc < found(plain, name).sdc
    assert Flag.SETUP_DIFFERS not in {n.flag for n in stated.notices}
    doubted = compared(AGAIN, True)
    assert "another set-up" in found(doubted, name).sdc_source
    (notice,) = [n for n in doubted.notices if n.flag == Flag.SETUP_DIFFERS]
    assert "turned" in notice.text


def test_colour_is_not_compared_without_a_reference(before: Path, folder: Path, skin: Skin) -> None:
    after = write_shot(photograph(skin, AGAIN, GREY), folder / "other_lamp.jpg")
    comparison = skinscan.compare(before, after, 1 / 30, evidence=False)
    assert comparison.comparable
    for c in comparison.changes:
        if all_measures()[c.measure].needs_colour:
            assert c.verdict == "not_comparable"
            assert Flag.UNCORRECTED_COLOUR in c.flags
            assert "reference" in c.reason
    assert found(comparison, "redness.area").verdict != "not_comparable"
    assert found(comparison, "pores.area").verdict != "not_comparable"


def test_a_reference_that_could_be_drawn_is_told_and_ties_colour_once_drawn(folder: Path, skin: Skin) -> None:
    """Nothing ties the two photos' colours, but a neutral patch lies in both. What the notice says is followed."""
    first, second = (
        write_shot(photograph(skin, camera, GREY), folder / f"untied-{name}.jpg")
        for name, camera in (("before", CAMERA), ("after", AGAIN))
    )
    cheek = {"cheek": REGIONS["cheek"]}
    untied = skinscan.compare(first, second, 1 / 30, cheek, evidence=False)
    assert found(untied, "redness.a_star", "cheek").verdict == "not_comparable"
    (notice,) = [n for n in untied.notices if n.flag == Flag.REFERENCE_POSSIBLE]
    assert "a neutral surface beside the skin" in notice.text
    told = re.search(r"reference=\d+(,\d+)+", notice.text)
    assert told is not None
    corners = parse_regions([told.group()])["reference"]
    patch = np.array(REGIONS["grey"])
    assert (corners >= patch.min(axis=0) - 21).all()  # the patch itself: 5 mm, of which REGIONS draws 3.6
    assert (corners <= patch.max(axis=0) + 21).all()

    tied = skinscan.compare(
        first, second, 1 / 30, cheek | {"reference": corners}, reference="reference", evidence=False
    )
    assert {n.flag for n in tied.notices}.isdisjoint({Flag.REFERENCE_POSSIBLE, Flag.REFERENCE_LOST})
    change = found(tied, "redness.a_star", "cheek")
    assert change.verdict == "within_error"
    assert abs(change.change) < 0.6


def test_with_a_reference_another_white_balance_is_no_redness(unchanged: Comparison) -> None:
    """A white balance of +8 % red alone would move a* by about 2.5."""
    c = found(unchanged, "redness.a_star")
    assert abs(c.change) < 0.6
    assert Flag.RELATIVE in c.flags


def test_scale_and_regions_follow_the_skin(before: Path, folder: Path, skin: Skin) -> None:
    """The after photo is taken from further off: its scale is the baseline's by way of registration."""
    far = replace(AGAIN, px_per_mm=26.0)
    shot = photograph(skin, far, GREY)
    comparison = skinscan.compare(before, write_shot(shot, folder / "far.jpg"), 1 / 30, REGIONS, evidence=False)
    scale = comparison.after.frame.scale
    assert scale is not None
    assert scale.source == "registered"
    assert scale.mm_per_px == pytest.approx(shot.truth.mm_per_px, rel=0.005)
    carried = comparison.after.frame.regions["cheek"]
    truth = shot.truth.to_photo(np.array([[3.0, 3.0]]))[0]
    rows, columns = np.nonzero(carried)
    assert np.hypot(columns.mean() - truth[0], rows.mean() - truth[1]) < 3
    assert carried.sum() * scale.mm_per_px**2 == pytest.approx(14 * 14, rel=0.04)


def test_other_skin_is_not_compared(before: Path, folder: Path) -> None:
    other = write_shot(photograph(make_skin(replace(RECIPE, seed=99), 19.0), CAMERA), folder / "other.jpg")
    comparison = skinscan.compare(before, other, 1 / 30, evidence=False)
    assert not comparison.comparable
    assert comparison.reasons
    assert all(c.verdict == "not_comparable" and c.reason for c in comparison.changes)
    assert [m for m in comparison.before.measurements if not math.isnan(m.value)]
    json.loads(comparison.to_json())


def test_a_mirrored_photo_is_noticed(before: Path, folder: Path, skin: Skin) -> None:
    after = photograph(skin, AGAIN, GREY)
    path = folder / "mirrored.png"
    assert cv2.imwrite(str(path), after.pixels[:, ::-1, ::-1])
    comparison = skinscan.compare(before, path, 1 / 30, REGIONS, reference="grey", evidence=False)
    assert comparison.comparable
    assert Flag.MIRRORED in {n.flag for n in comparison.notices}
    assert abs(found(comparison, "redness.a_star").change) < 0.6


def test_the_wrong_order_is_noticed(shot: Shot, photo_path: Path) -> None:
    from skinscan.capture.photo import read_photo

    photo = read_photo(photo_path)
    early, late = (
        replace(photo, sha256="a", taken_at="2026-01-01T10:00:00"),
        replace(photo, taken_at="2026-03-01T10:00:00"),
    )
    assert [n.flag for n in order_notices(late, early)] == [Flag.SWAPPED]
    assert order_notices(early, late) == []
    assert [n.flag for n in order_notices(photo, photo)] == [Flag.SAME_PHOTO]


def test_words_of_the_verdict() -> None:
    lower, neither = all_measures()["pores.area"], all_measures()["pigment.ita"]
    assert verdict_of(lower, -1.0, 0.5) == "improved"
    assert verdict_of(lower, 1.0, 0.5) == "worsened"
    assert verdict_of(lower, 0.5, 0.5) == "within_error"
    assert verdict_of(neither, 9.0, 0.5) == "changed"
    assert verdict_of(lower, math.nan, 0.5) == "within_error"


def test_progress_is_told(photo_path: Path) -> None:
    told: list[float] = []
    skinscan.compare(
        photo_path, photo_path, 1 / PX_PER_MM, evidence=False, progress=lambda share, text: told.append(share)
    )
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_table_has_a_row_a_change(unchanged: Comparison) -> None:
    assert len(unchanged.to_frame()) == len(unchanged.changes)


def test_the_callers_frames_are_left_alone(unchanged: Comparison) -> None:
    before, after = unchanged.before.frame, unchanged.after.frame
    kept = before.regions["skin"].copy()
    compare_frames(before, after, evidence=False)
    assert np.array_equal(before.regions["skin"], kept)


def test_one_sticker_is_enough(folder: Path, skin: Skin) -> None:
    """The after photo shows none: its scale follows the skin. Without any the error says what to do."""
    sticker = replace(GREY, marker_mm=5.0, marker_at_mm=(8.0, -8.0))
    first = write_shot(photograph(skin, CAMERA, sticker), folder / "sticker.jpg")
    second = write_shot(photograph(skin, AGAIN), folder / "bare.jpg")
    comparison = skinscan.compare(first, second, marker_mm=5.0, evidence=False)
    assert comparison.before.frame.scale is not None
    assert comparison.before.frame.scale.source == "aruco"
    assert comparison.before.frame.scale.mm_per_px == pytest.approx(1 / 30, rel=0.004)
    assert comparison.after.frame.scale is not None
    assert "no_scale" not in comparison.before.to_dict()["frame"]["flags"]


def test_a_lost_reference_is_told(before: Path, folder: Path, skin: Skin) -> None:
    """A white pad lies on the grey patch in the after photo: colour is not compared, the rest is."""
    shot = photograph(skin, replace(AGAIN, rotation_deg=0.0), GREY)
    covered = shot.pixels.copy()
    covered[:260, :260] = 255
    after = folder / "lost.png"
    assert cv2.imwrite(str(after), covered[..., ::-1])
    comparison = skinscan.compare(before, after, 1 / 30, REGIONS, reference="grey", evidence=False)
    assert comparison.comparable
    assert Flag.REFERENCE_LOST in {n.flag for n in comparison.notices}
    assert found(comparison, "redness.a_star").verdict == "not_comparable"
    assert found(comparison, "pores.area").verdict != "not_comparable"


def test_the_references_own_scatter_cancels_between_the_photos(before: Path, folder: Path, skin: Skin) -> None:
    """Untreated skin as the reference, the same photo twice: what both share is no uncertainty."""
    from skinscan.capture.frame import make_frame
    from skinscan.capture.photo import read_photo
    from skinscan.capture.registration.register import register
    from skinscan.judgement import colour_uncertainty
    from skinscan.measures.maps import Maps
    from skinscan.pairing import pair_of
    from skinscan.tying import tie

    regions = {"untreated": square(-3, 6, 7)}
    photo = read_photo(write_shot(photograph(skin, CAMERA), folder / "plain.jpg"))
    first = make_frame(photo, mm_per_px=1 / 30, regions=regions, reference="untreated")
    registration = register(first, make_frame(photo))
    tied = tie(first, make_frame(photo), registration)
    pair = pair_of(Maps(tied[0]), Maps(tied[1]), registration)
    of_colour = all_measures()["redness.a_star"].of_colour
    assert of_colour is not None
    assert colour_uncertainty(of_colour, pair) < 0.02
    again = make_frame(read_photo(write_shot(photograph(skin, AGAIN), folder / "plain_again.jpg")))
    registration = register(first, again)
    tied = tie(first, again, registration)
    assert 0 < colour_uncertainty(of_colour, pair_of(Maps(tied[0]), Maps(tied[1]), registration)) < 0.3


@pytest.mark.parametrize("tone", ["III", "VI"])
def test_a_patch_brighter_than_the_skin_is_no_gloss(folder: Path, tone: str) -> None:
    """A white patch on dark skin: it stays the reference in both photos, and ties their colours."""
    skin = make_skin(replace(RECIPE, tone=tone), 19.0)  # type: ignore[arg-type]
    white = replace(GREY, grey=0.6)
    paths = [
        write_shot(photograph(skin, replace(camera, exposure_ev=ev), white), folder / f"{tone}{name}.jpg")
        for name, camera, ev in (("before", CAMERA, -0.3), ("after", AGAIN, -0.1))
    ]
    comparison = skinscan.compare(*paths, 1 / 30, REGIONS, reference="grey", evidence=False)
    assert comparison.after.frame.colour.state == "reference"
    assert found(comparison, "redness.a_star").verdict == "within_error"


def test_the_rounding_of_an_even_patch_is_part_of_the_colours_error(before: Path, folder: Path, skin: Skin) -> None:
    """All blocks of a grey patch round alike, so that their scatter does not show it; without JPEG there is none."""
    from skinscan.capture.frame import make_frame
    from skinscan.capture.photo import read_photo
    from skinscan.capture.registration.register import register
    from skinscan.judgement import colour_uncertainty
    from skinscan.measures.maps import Maps
    from skinscan.pairing import pair_of
    from skinscan.tying import tie

    of_colour = all_measures()["redness.a_star"].of_colour
    assert of_colour is not None
    told = []
    for quality in (None, 75):
        paths = [
            write_shot(shot, folder / f"rounded{number}{shot.suffix}")
            for number, camera in enumerate((CAMERA, AGAIN))
            for shot in [photograph(skin, replace(camera, jpeg_quality=quality), GREY)]
        ]
        first = make_frame(read_photo(paths[0]), mm_per_px=1 / 30, regions=REGIONS, reference="grey")
        second = make_frame(read_photo(paths[1]))
        registration = register(first, second)
        first, second, _ = tie(first, second, registration)
        told.append(colour_uncertainty(of_colour, pair_of(Maps(first), Maps(second), registration)))
    assert told[0] < 0.1
    assert 0.2 < told[1] < 1.0


def test_the_user_is_told_which_setup_was_taken(treated_from_a_stand: Comparison, unchanged: Comparison) -> None:
    assert Flag.SAME_SETUP in {n.flag for n in treated_from_a_stand.notices}
    assert "stand" in " ".join(treated_from_a_stand.to_dict()["notices"])
    assert Flag.SAME_SETUP not in {n.flag for n in unchanged.notices}


def test_of_what_neither_photo_shows_the_limit_is_what_both_may_miss(unchanged: Comparison) -> None:
    """Skin without lines: its blocks are all alike, which is no sign of a faultless measure."""
    change = found(unchanged, "lines.length_density")
    assert change.before == change.after == 0
    assert change.verdict == "within_error"
    missed = math.hypot(
        *(
            next(m.spread for m in one.measurements if (m.measure, m.region) == (change.measure, "skin"))
            for one in (unchanged.before, unchanged.after)
        )
    )
    assert 1.96 * missed <= change.sdc < 1.5 * 1.96 * missed


def test_skin_that_was_not_prepared_alike_is_compared_but_for_its_colours(
    before: Path, skin: Skin, folder: Path
) -> None:
    after = write_shot(photograph(skin, AGAIN, GREY), folder / "made_up.jpg")
    told = skinscan.compare(
        before, after, 1 / 30, REGIONS, reference="grey", prepared=("make-up was on at the visit after",)
    )
    assert Flag.PREPARATION_DIFFERS in {notice.flag for notice in told.notices}
    colours = [c for c in told.changes if c.measure.startswith(("redness.", "pigment.")) and c.region == "cheek"]
    assert colours
    assert {c.verdict for c in colours} == {"not_comparable"}
    (a_star,) = [c for c in colours if c.measure == "redness.a_star"]
    assert "make-up was on at the visit after" in a_star.reason
    assert any(c.verdict != "not_comparable" for c in told.changes if c.measure.startswith("texture."))

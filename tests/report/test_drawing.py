"""What is drawn lies where it was measured, in the colour and the digits that it should have."""

import math

import builders
import cv2
import numpy as np
import pytest

from skinscan.records import Change, Evidence
from skinscan.report import maps, pictures, rows, tables, warping, words
from skinscan.report.numbers import change_places, decimals, number


@pytest.mark.parametrize(
    ("uncertainty", "places"),
    [(0.6, 1), (0.12, 2), (0.29, 2), (0.3, 1), (3.4, 0), (25.0, 0), (0.0007, 4), (1.4, 1)],
)
def test_digits_follow_the_uncertainty(uncertainty, places):
    assert decimals(uncertainty) == places


def test_numbers_are_printed_with_a_real_minus_and_no_negative_zero():
    assert number(-0.8, 1, signed=True) == "−0.8"
    assert number(-0.01, 1) == "0.0"
    assert number(0.8, 1, signed=True) == "+0.8"
    assert number(math.nan, 1) == "–"


def test_a_change_never_looks_equal_to_its_limit_when_it_is_not():
    places = change_places(0.62, 0.6)
    assert number(0.62, places) != number(0.6, places)
    assert change_places(0.6, 0.6) == 1


def test_titles_of_unknown_measures_are_made_from_their_names():
    assert words.title("texture.sheen_100um") == "Sheen 100 µm"
    assert words.title("lines.unheard_of") == "Unheard of"
    assert words.family("unheard.of") == "other"


def test_every_measure_has_its_title_and_a_family():
    from skinscan.measures import all_measures

    for name, measure in all_measures().items():
        assert words.title(name) == measure.title.replace(" um", " µm").replace("-um", "-µm")
        assert words.family(name) == measure.family


def test_names_cannot_turn_the_reading_direction():
    assert words.visible("a\u202egpj.exe\n") == "a\ufffdgpj.exe\ufffd"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", " =1"])
def test_formulas_are_quoted(text):
    assert tables.text_cell(text) == f"'{text}"


def test_a_reduced_photo_has_the_colour_of_the_file():
    picture = pictures.shown(builders.photo(), long_side=480)
    difference = picture.astype(int) - builders.photo().pixels.astype(int)
    assert np.abs(difference).max() <= 1  # two roundings through float32


def test_the_palette_picture_is_a_png_that_others_read():
    index = np.tile(np.arange(64, dtype=np.uint8), (5, 1))
    colours = maps.palette()
    read = cv2.imdecode(np.frombuffer(pictures.palette_png(index, colours), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read[..., [2, 1, 0, 3]], colours[index])


def test_unmeasured_is_clear_and_the_ends_take_the_end_colours():
    values = np.array([[np.nan, -5.0, 0.0, 1.0, 9.0]], np.float32)
    assert maps.indexed(values, 0.0, 1.0).tolist() == [[0, 1, 1, maps.LEVELS, maps.LEVELS]]


def test_both_photos_share_one_range():
    both = {"before": builders.comparison().before, "after": builders.comparison().after}
    layer = maps.layers(both)[0]
    assert set(layer.evidence) == {"before", "after"}
    alone = maps.layers({"before": both["before"]})[0]
    assert layer.high > alone.high


def test_a_map_of_a_number_that_is_not_comparable_says_so():
    import dataclasses

    comparison = builders.comparison()
    assert [layer.caution for layer in maps.compared_layers(comparison)] == [
        "",
        "",
    ]  # one of two is comparable
    kept = tuple(c for c in comparison.changes if c.measure != "redness.area")
    refused = Change("redness.area", "skin", 1.0, 2.0, 1.0, "%", math.nan, "", "not_comparable", "lamp")
    comparison = dataclasses.replace(comparison, changes=(*kept, refused))
    assert [layer.caution for layer in maps.compared_layers(comparison)] == [maps.CAUTION, ""]
    unmatched = maps.compared_layers(builders.comparison(comparable=False))
    assert all(layer.caution for layer in unmatched)


def test_a_flat_map_still_has_a_range():
    low, high = maps.shared_range([np.full((3, 3), 2.0, np.float32)])
    assert low < 2.0 < high


def test_reducing_a_map_does_not_mix_in_what_was_not_measured():
    values = np.full((40, 40), np.nan, np.float32)
    values[:, 20:] = 3.0
    small = maps.reduced(values, 10)
    assert np.isnan(small[:, :5]).all()
    np.testing.assert_allclose(small[:, 5:], 3.0)


@pytest.mark.parametrize("step", [1.0, 4.0, 7.5])
def test_a_map_lies_where_it_was_measured(step):
    shape = (300, 400)
    one = builders.assessment(shape=shape, with_evidence=False)
    values = np.zeros((math.ceil(shape[0] / step), math.ceil(shape[1] / step)), np.float32)
    values[int(200 / step), int(100 / step)] = 1.0
    evidence = Evidence("Spot", "1", values, step, ("redness.area",))
    layer = maps.Layer("spot", "Spot", "spot", "1", (), 0.0, 1.0, {"photo": evidence})
    bright = maps.overlay(layer, "photo", pictures.shown(one.frame.photo), shape).astype(int)
    yellow = bright[..., 0] + bright[..., 1] - 2 * bright[..., 2]
    y, x = np.unravel_index(np.argmax(yellow), yellow.shape)
    assert abs(y - 200) <= step
    assert abs(x - 100) <= step


def test_the_after_photo_is_laid_onto_the_before_photo():
    import dataclasses

    comparison = builders.comparison()
    registration = comparison.registration
    before = comparison.before.frame.photo.pixels
    height, width = before.shape[:2]
    moved = cv2.warpPerspective(before, registration.homography, (width, height), borderValue=(127, 127, 127))
    photo = dataclasses.replace(comparison.after.frame.photo, pixels=moved)
    after = dataclasses.replace(comparison.after, frame=dataclasses.replace(comparison.after.frame, photo=photo))
    first, laid = warping.aligned(dataclasses.replace(comparison, after=after))
    inner = (slice(40, -40), slice(40, -40))
    assert first.shape == laid.shape
    residual = np.abs(first[inner].astype(int) - laid[inner].astype(int)).mean()
    unmoved = np.abs(first[inner].astype(int) - moved[inner].astype(int)).mean()
    # what is left is the blur of two bilinear interpolations; a shift by half a pixel would leave a third
    assert residual < unmoved / 5


def test_regions_are_outlined_in_the_after_photo_where_registration_finds_them():
    comparison = builders.comparison()
    carried = warping.carried_polygons(comparison)["cheek"]
    corner = comparison.before.frame.polygons["cheek"][0]
    matrix = comparison.registration.homography
    np.testing.assert_allclose(carried[0], matrix[:2, :2] @ corner + matrix[:2, 2])
    assert warping.carried_polygons(builders.comparison(comparable=False)) == {}


def test_photos_of_other_shapes_that_were_not_matched_still_fit_one_slider():
    import dataclasses

    comparison = builders.comparison(comparable=False)
    other = builders.assessment("tall.jpg", shape=(500, 200))
    first, second = warping.aligned(dataclasses.replace(comparison, after=other))
    assert first.shape == second.shape


def test_rings_have_the_size_of_the_pores():
    one = builders.assessment()
    picture = maps.pores_over(one)
    plain = pictures.shown(one.frame.photo)
    x, y = one.pores.x_px[0], one.pores.y_px[0]
    radius = one.pores.diameter_um[0] / 2 / (builders.MM_PER_PX * 1000)
    changed = np.argwhere((picture != plain).any(axis=-1))
    distance = np.hypot(changed[:, 1] - x, changed[:, 0] - y)
    assert abs(distance[distance < 2 * radius].mean() - radius) < 1.0


def test_a_strip_stops_at_its_end_and_says_so():
    change = Change("pores.area", "skin", 1.0, 9.0, 8.0, "%", 0.5, "study", "worsened", "")
    strip = rows.change_row(change).strip
    assert strip.beyond == "right"
    assert strip.dot <= 100
    assert "+16.0 times" in strip.label


def test_a_change_that_cannot_be_compared_shows_no_change():
    row = rows.change_row(
        Change("redness.a_star", "skin", 14.2, 15.9, 1.7, "CIELAB a*", math.nan, "", "not_comparable", "lamp")
    )
    assert row.change == "–"
    assert row.strip is None


def test_prominent_numbers_come_first_and_the_rest_is_folded():
    families = rows.families(map(rows.change_row, builders.changes()))
    assert [family.key for family in families] == ["redness", "pigment", "pores", "texture"]
    pores = families[2]
    assert [row.measure for row in pores.first] == [
        "pores.area",
        "pores.area",
        "pores.matched_diameter_change",
    ]
    assert [row.measure for row in pores.rest] == ["pores.density"]

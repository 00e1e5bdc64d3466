"""Polygons are read strictly, refused with a reason, and rasterised pixel by pixel as the definition says."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skinscan.capture.regions import (
    check_polygon,
    parse_region,
    parse_regions,
    rasterise,
    read_regions,
    share_outside,
    signed_area,
)
from skinscan.records import RegionError

SQUARE = [[1, 1], [9, 1], [9, 9], [1, 9]]


def inside(corners, x, y):
    """Even-odd rule on half-open edges, one point at a time (Shimrat 1962)."""
    result = False
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if (y0 <= y) != (y1 <= y):
            low, high = ((x0, y0), (x1, y1)) if y0 < y1 else ((x1, y1), (x0, y0))
            if low[0] + (y - low[1]) * ((high[0] - low[0]) / (high[1] - low[1])) <= x:
                result = not result
    return result


@given(
    st.lists(
        st.tuples(st.integers(-20, 120), st.integers(-20, 120)).map(lambda p: (p[0] / 4, p[1] / 4)),
        min_size=3,
        max_size=7,
    )
)
@settings(max_examples=60, deadline=None)
def test_a_pixel_belongs_when_its_centre_is_inside(points):
    corners = np.array(points, np.float64)
    mask = rasterise(corners, (20, 24))
    expected = [[inside(corners, x, y) for x in range(24)] for y in range(20)]
    np.testing.assert_array_equal(mask, expected)


def test_two_polygons_with_a_common_edge_share_no_pixel_and_leave_none_out():
    left = rasterise(np.array([[-0.5, -0.5], [5.0, -0.5], [8.0, 19.5], [-0.5, 19.5]]), (20, 20))
    right = rasterise(np.array([[5.0, -0.5], [19.5, -0.5], [19.5, 19.5], [8.0, 19.5]]), (20, 20))
    assert not (left & right).any()
    assert (left | right).all()


def test_a_square_from_pixel_edge_to_pixel_edge_has_its_area():
    assert rasterise(np.array([[1.5, 2.5], [6.5, 2.5], [6.5, 5.5], [1.5, 5.5]]), (9, 9)).sum() == 15


def test_the_share_outside_is_exact():
    assert share_outside(np.array([[-5.5, 0.0], [4.5, 0.0], [4.5, 5.0], [-5.5, 5.0]]), (10, 10)) == pytest.approx(0.5)
    assert share_outside(np.array(SQUARE, float), (20, 20)) == pytest.approx(0.0)
    assert share_outside(np.array(SQUARE, float) + 50, (20, 20)) == 1.0


def test_pairs_flat_lists_and_a_closing_corner_are_one_polygon():
    flat = [v for p in SQUARE for v in p]
    for points in (SQUARE, flat, [*SQUARE, SQUARE[0]], np.array(SQUARE)):
        np.testing.assert_array_equal(check_polygon("a", points), SQUARE)
    name, corners = parse_region(" cheek_left = 1,1, 9,1, 9,9, 1,9")
    assert name == "cheek_left"
    np.testing.assert_array_equal(corners, SQUARE)


def test_what_is_lent_is_not_written():
    lent = np.array(SQUARE, np.float64)
    lent.flags.writeable = False
    checked = check_polygon("a", lent)
    assert checked is not lent
    assert signed_area(checked) == 64.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,2,3,4,5,6", "no name"),
        ("=1,2,3,4,5,6", "cannot name"),
        ("skin=1,1,9,1,9,9", "'skin'"),
        ("a b=1,1,9,1,9,9", "cannot name"),
        ("../a=1,1,9,1,9,9", "cannot name"),
        ("a=", "no polygon"),
        ("a=1,1,9,1", "found 2"),
        ("a=1,1,9,1,9", "without its y"),
        ("a=1,1,9,one,9,9", "'one'"),
        ("a=1,1,9,,9,9", "''"),
        ("a=1,1,9,nan,9,9", "nowhere"),
        ("a=1,1,9,1,9,inf", "nowhere"),
        ("a=1,1,5,5,9,9", "no area"),
        ("a=0,0,10,10,10,0,0,10", "crosses itself"),
        ("a=0,0,10,0,5,0,5,8", "crosses itself"),
    ],
)
def test_what_is_no_polygon_is_refused_with_the_reason(text, says):
    with pytest.raises(RegionError, match=says):
        parse_region(text)


def test_files_with_and_without_the_word_regions_are_read(tmp_path):
    flat = [v for p in SQUARE for v in p]
    for name, content in (("a.json", {"cheek": SQUARE}), ("b.json", {"regions": {"cheek": flat}})):
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
        np.testing.assert_array_equal(read_regions(tmp_path / name)["cheek"], SQUARE)


def test_files_that_are_none_are_refused_by_name(tmp_path):
    (tmp_path / "bin.json").write_bytes(b"\xff\xd8\xff\x00\x80")
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "twice.json").write_text('{"a": [0,0,1,0,1,1], "a": [0,0,1,0,1,1]}')
    (tmp_path / "deep.json").write_text("[" * 100_000)
    cases = {
        "bin.json": "not text",
        "bad.json": "not valid JSON",
        "list.json": "no regions",
        "twice.json": "twice",
        "deep.json": "deep.json",
        "gone.json": "not there",
        ".": "folder",
    }
    for name, says in cases.items():
        with pytest.raises(RegionError, match=says):
            read_regions(tmp_path / name)


def test_a_name_given_twice_is_refused():
    with pytest.raises(RegionError, match="twice"):
        parse_regions(["a=1,1,9,1,9,9", "a=1,1,9,1,9,9"])
    assert list(parse_regions(["b=1,1,9,1,9,9", "a=1,1,9,1,9,9"])) == ["b", "a"]

"""Points, masks and labels carried from one image to another, each against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skinscan.arrays import warp

GRID = 16


def homographies():
    """Rotation, scale 0.5-2, shift, tilt, with or without a mirror, about a 96 x 128 image."""

    def build(angle, scale, shift_x, shift_y, tilt_x, tilt_y, mirror):
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        if mirror:
            turn = turn @ np.diag([-1.0, 1.0])
        matrix = np.eye(3)
        matrix[:2, :2] = turn
        centre = np.array([64.0, 48.0])
        matrix[:2, 2] = centre + np.array([shift_x, shift_y]) - turn @ centre
        tilt = np.eye(3)
        tilt[2, :2] = tilt_x, tilt_y
        return matrix @ tilt

    number = st.floats
    return st.builds(
        build,
        number(-3.2, 3.2),
        number(0.5, 2),
        number(-40, 40),
        number(-40, 40),
        number(-2e-4, 2e-4),
        number(-2e-4, 2e-4),
        st.booleans(),
    )


def field(seed, shape=(96, 128), size=2.0):
    rng = np.random.default_rng(seed)
    rows, columns = -(-shape[0] // GRID) + 1, -(-shape[1] // GRID) + 1
    return rng.uniform(-size, size, (rows, columns, 2)).astype(np.float32)


def forward_loop(point, homography, displacement):
    """The definition, one point at a time."""
    x, y = point
    u, v, w = (sum(row[k] * (x, y, 1.0)[k] for k in range(3)) for row in homography)
    if w <= 0:
        return np.array([np.nan, np.nan])
    rows, columns = displacement.shape[:2]
    gx, gy = min(max(x / GRID, 0), columns - 1), min(max(y / GRID, 0), rows - 1)
    total = np.array([u / w, v / w])
    for row in range(rows):
        for column in range(columns):
            weight = max(0, 1 - abs(gx - column)) * max(0, 1 - abs(gy - row))
            if weight > 0:
                total = total + weight * displacement[row, column].astype(float)
    return total


@settings(max_examples=25, deadline=None)
@given(homographies(), st.integers(0, 2**31), st.floats(-20, 150), st.floats(-20, 120))
def test_forward_is_the_definition(homography, seed, x, y):
    displacement = field(seed)
    got = warp.forward(np.array([[x, y]]), homography, displacement, GRID)[0]
    np.testing.assert_allclose(got, forward_loop((x, y), homography, displacement), atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(homographies(), st.integers(0, 2**31))
def test_inverse_takes_forward_back(homography, seed):
    points = np.random.default_rng(seed).uniform([0, 0], [127, 95], (50, 2))
    displacement = field(seed, size=0.8)
    after = warp.forward(points, homography, displacement, GRID)
    back = warp.inverse(after, homography, displacement, GRID)
    again = warp.forward(back, homography, displacement, GRID)
    np.testing.assert_allclose(again, after, atol=warp.INVERSE_TOLERANCE_PX)
    # the tolerance is one of the after image: it grows on the way back where the after image is smaller
    np.testing.assert_allclose(back, points, atol=10 * warp.INVERSE_TOLERANCE_PX)


def test_inverse_of_a_folding_field_is_nan_rather_than_wrong():
    displacement = field(1, size=40.0)
    after = np.stack(np.meshgrid(np.arange(128.0), np.arange(96.0)), axis=-1)
    back = warp.inverse(after, np.eye(3), displacement, GRID)
    known = np.isfinite(back).all(axis=-1)
    assert 0 < known.mean() < 1
    again = warp.forward(back, np.eye(3), displacement, GRID)
    assert np.abs(again - after)[known].max() <= warp.INVERSE_TOLERANCE_PX


@settings(max_examples=10, deadline=None)
@given(homographies(), st.integers(0, 2**31))
def test_maps_agree_with_points(homography, seed):
    displacement = field(seed, size=0.8)
    x, y = warp.inverse_map((60, 83), homography, displacement, GRID, step=1)
    nodes = np.stack(np.meshgrid(np.arange(83.0), np.arange(60.0)), axis=-1)
    expected = warp.inverse(nodes, homography, displacement, GRID)
    np.testing.assert_allclose(np.stack([x, y], axis=-1), expected, atol=1e-3)


def test_a_coarse_map_is_within_a_twentieth_of_a_pixel():
    turn, scale = np.radians(12), 1.3
    homography = np.array(
        [
            [scale * np.cos(turn), -scale * np.sin(turn), 40],
            [scale * np.sin(turn), scale * np.cos(turn), -25],
            [6e-5, -4e-5, 1],
        ]
    )
    # smooth, as registration makes it: at most 0.4 px from sample to sample 48 px away
    y, x = np.mgrid[0:22, 0:30] * 48.0
    displacement = np.stack([2 * np.sin(x / 250), 2 * np.cos(y / 250)], axis=-1).astype(np.float32)
    exact = warp.inverse_map((900, 1300), homography, displacement, 48, step=1)
    coarse = warp.inverse_map((900, 1300), homography, displacement, 48, step=8)
    for fine, rough in zip(exact, coarse, strict=True):
        assert np.nanmax(np.abs(fine - rough)) < 0.05
    exact = warp.forward_map((900, 1300), homography, displacement, 48, step=1)
    coarse = warp.forward_map((900, 1300), homography, displacement, 48, step=8)
    for fine, rough in zip(exact, coarse, strict=True):
        assert np.nanmax(np.abs(fine - rough)) < 0.05


def carry_loop(source, shape, where):
    out = np.zeros(shape, source.dtype)
    for row in range(shape[0]):
        for column in range(shape[1]):
            x, y = where(column, row)
            if np.isfinite(x) and np.isfinite(y):
                i, j = round(float(y)), round(float(x))
                if 0 <= i < source.shape[0] and 0 <= j < source.shape[1]:
                    out[row, column] = source[i, j]
    return out


@settings(max_examples=5, deadline=None)
@given(homographies(), st.integers(0, 2**31))
def test_labels_go_where_their_pixel_goes(homography, seed):
    labels = np.random.default_rng(seed).integers(0, 5, (40, 50)).astype(np.int32)
    displacement = field(seed, size=0.8)
    got = warp.carry_labels(labels, (30, 45), homography, displacement, GRID, step=1)
    expected = carry_loop(labels, (30, 45), lambda x, y: warp.inverse(np.array([x, y]), homography, displacement, GRID))
    assert got.dtype == np.int32
    # a coordinate within float32 rounding of half a pixel may fall to either side
    assert (got != expected).mean() <= 0.005


@settings(max_examples=5, deadline=None)
@given(homographies(), st.integers(0, 2**31))
def test_masks_come_back_the_same_way(homography, seed):
    mask = np.random.default_rng(seed).random((40, 50)) < 0.5
    displacement = field(seed, size=0.8)
    got = warp.carry_mask_back(mask, (30, 45), homography, displacement, GRID, step=1)
    expected = carry_loop(mask, (30, 45), lambda x, y: warp.forward(np.array([x, y]), homography, displacement, GRID))
    assert got.dtype == np.bool_
    assert (got != expected).mean() <= 0.005


def test_identity_returns_the_labels_themselves():
    labels = np.arange(35 * 50, dtype=np.int32).reshape(35, 50)
    np.testing.assert_array_equal(warp.carry_labels(labels, labels.shape, np.eye(3)), labels)
    np.testing.assert_array_equal(warp.carry_mask_back(labels, labels.shape, np.eye(3)), labels)


def test_outside_is_zero():
    away = np.array([[1.0, 0, 1000], [0, 1, 0], [0, 0, 1]])
    labels = np.ones((20, 20), np.int32)
    assert not warp.carry_labels(labels, (20, 20), away).any()
    assert not warp.carry_mask_back(labels, (20, 20), away).any()


def test_unknown_displacement_carries_nothing_there_and_all_elsewhere():
    displacement = np.zeros((7, 9, 2), np.float32)
    displacement[2, 3] = np.nan
    labels = np.ones((96, 128), np.int32)
    got = warp.carry_labels(labels, labels.shape, np.eye(3), displacement, GRID, step=1)
    expected = np.ones_like(labels)
    expected[GRID + 1 : 3 * GRID, 2 * GRID + 1 : 4 * GRID] = 0  # the four cells around the lost sample
    np.testing.assert_array_equal(got, expected)
    coarse = warp.carry_labels(labels, labels.shape, np.eye(3), displacement, GRID, step=8)
    assert not (coarse > expected).any()


def test_beyond_the_horizon_is_nan():
    homography = np.array([[1.0, 0, 0], [0, 1, 0], [-0.02, 0, 1]])
    points = np.array([[10.0, 5.0], [50.0, 5.0], [80.0, 5.0]])
    got = warp.project(homography, points)
    assert np.isfinite(got[0]).all()
    assert np.isnan(got[1:]).all()


def test_nan_points_stay_nan():
    points = np.array([[np.nan, 1.0], [3.0, 4.0]])
    for displacement in (warp.NO_DISPLACEMENT, field(0)):
        for move in (warp.forward, warp.inverse):
            got = move(points, np.eye(3), displacement, GRID)
            assert np.isnan(got[0]).all()
            assert np.isfinite(got[1]).all()


def test_jacobian_of_an_affine_map_is_its_matrix():
    matrix = np.array([[1.2, -0.3, 5], [0.4, 0.9, -7], [0, 0, 1]])
    got = warp.jacobian(matrix, warp.NO_DISPLACEMENT, 1, np.array([[3.0, 4.0], [50.0, 60.0]]))
    np.testing.assert_allclose(got, np.broadcast_to(matrix[:2, :2], (2, 2, 2)), atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_sampling_says_outside_where_the_map_is_nan(dtype):
    image = np.full((8, 8), 9, dtype)
    x = np.array([[1.0, np.nan, np.nan, 100.0, 3.0]], np.float32)
    y = np.array([[1.0, np.nan, 2.0, 2.0, 3.0]], np.float32)
    np.testing.assert_array_equal(warp.sample(image, x, y, outside=5), [[9, 5, 5, 5, 9]])

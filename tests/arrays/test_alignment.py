"""Shifts of patches and the smooth fields through them, against known shifts and plain regressions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from skinscan.arrays import alignment, warp


def texture(seed, side=160):
    noise = np.random.default_rng(seed).normal(size=(side, side))
    return (ndimage.gaussian_filter(noise, 1.5) - ndimage.gaussian_filter(noise, 6)).astype(np.float32)


def cut(image, x, y, side=64):
    return image[y : y + side, x : x + side][None]


@pytest.mark.parametrize("shift", [(0, 0), (3, -5), (-9, 9)])
def test_a_shift_by_whole_pixels_is_found_at_correlation_one(shift):
    image = texture(1)
    found = alignment.patch_shifts(cut(image, 40, 40), cut(image, 40 - shift[0], 40 - shift[1]), 10)
    np.testing.assert_allclose(found.xy, [shift], atol=0.02)
    assert found.peak[0] == pytest.approx(1.0, abs=1e-4)
    assert not found.edge[0]


@pytest.mark.parametrize("shift", [(0.3, -0.2), (0.5, 0.5), (-2.25, 1.6)])
def test_a_shift_by_part_of_a_pixel_is_found_whatever_the_contrast(shift):
    image = texture(2)
    moved = ndimage.shift(image, (shift[1], shift[0]), order=5).astype(np.float32)
    found = alignment.patch_shifts(cut(image, 40, 40), 3 * cut(moved, 40, 40), 8)
    # the parabola is off by a few hundredths between pixels; a second pass, near zero, is not
    np.testing.assert_allclose(found.xy, [shift], atol=0.06)


def test_correlation_is_the_weighted_one():
    one, other = texture(3), texture(4) + 0.5 * texture(3)
    found = alignment.patch_shifts(cut(one, 40, 40), cut(other, 40, 40), 8)
    weights = alignment.window(64, 8)
    a, b = cut(one, 40, 40)[0], cut(other, 40, 40)[0]
    expected = (weights * a * b).sum() / np.sqrt((weights * a * a).sum() * (weights * b * b).sum())
    assert found.centre[0] == pytest.approx(expected, abs=1e-4)


def test_empty_patches_say_nothing():
    nothing = np.zeros((1, 64, 64), np.float32)
    for pair in ((nothing, cut(texture(1), 40, 40)), (cut(texture(1), 40, 40), nothing), (nothing, nothing)):
        found = alignment.patch_shifts(*pair, 8)
        assert np.isnan(found.peak[0])
        assert found.edge[0]
    assert len(alignment.patch_shifts(nothing[:0], nothing[:0], 8).xy) == 0


def test_other_texture_does_not_correlate():
    found = alignment.patch_shifts(cut(texture(1), 40, 40), cut(texture(9), 40, 40), 8)
    assert found.peak[0] < 0.5


def scattered(count=60, seed=5):
    draw = np.random.default_rng(seed)
    return draw.uniform(0, 300, (count, 2)), draw.normal(size=(count, 2)), draw.uniform(0.2, 1, count)


def test_prediction_is_the_weighted_plane_of_a_plain_loop():
    points, values, weights = scattered()
    places = np.array([[50.0, 60.0], [200.0, 250.0]])
    width = 60.0
    smoother = alignment.Smoother.between(points, width, places)
    got, gain = smoother.predict(values, weights), smoother.gain(weights)
    for place, row, one_gain in zip(places, got, gain, strict=True):
        offset = (points - place) / width
        kernel = np.exp(-0.5 * (offset**2).sum(axis=1)) * weights
        columns = np.column_stack([np.ones(len(points)), offset])
        normal = columns.T @ (kernel[:, None] * columns) + np.diag([0, 1, 1]) * 0.02 * kernel.sum()
        share = np.linalg.solve(normal, (kernel[:, None] * columns).T)[0]
        np.testing.assert_allclose(row, share @ values, rtol=1e-9)
        assert one_gain == pytest.approx((share**2).sum(), rel=1e-9)


def test_left_out_points_have_no_part_in_their_own_prediction():
    points, values, weights = scattered()
    before = alignment.Smoother.between(points, 50.0).predict(values, weights)
    values[7] += 1000
    after = alignment.Smoother.between(points, 50.0).predict(values, weights)
    np.testing.assert_allclose(after[7], before[7], rtol=1e-9)
    assert not np.allclose(after[8:], before[8:])


def test_points_without_weight_or_value_have_no_part():
    points, values, weights = scattered()
    weights[3] = 0
    smoother = alignment.Smoother.between(points, 50.0, points[:5])
    expected = smoother.predict(values, weights)
    values[3] = np.nan
    np.testing.assert_array_equal(smoother.predict(values, weights), expected)
    far = alignment.Smoother.between(points, 5.0, np.array([[5000.0, 5000.0]]))
    assert np.isnan(far.predict(values, weights)).all()


def test_a_homography_comes_back_exactly_from_its_points():
    truth = np.array([[1.1, 0.2, 30], [-0.1, 0.9, 50], [1e-4, -2e-4, 1]])
    points = np.random.default_rng(0).uniform(0, 1000, (30, 2))
    target = warp.project(truth, points)
    target[0] += 500
    weights = np.ones(30)
    weights[0] = 0
    np.testing.assert_allclose(alignment.fit_homography(points, target, weights), truth, rtol=1e-5, atol=1e-9)


def test_weights_fall_to_nothing_far_out():
    got = alignment.biweight(np.array([0.0, 4.0, 4.685, 100.0, np.nan]), 1.0)
    assert got[0] == 1
    assert 0 < got[1] < 0.1
    assert (got[2:] == 0).all()


def test_the_scale_of_normal_residuals_is_their_standard_deviation():
    length = np.linalg.norm(np.random.default_rng(1).normal(0, 3.0, (20_000, 2)), axis=1)
    assert alignment.radial_scale(length) == pytest.approx(3.0, rel=0.03)
    assert np.isnan(alignment.radial_scale(np.array([np.nan])))


def test_a_band_leaves_the_mask_zero_and_the_mean_out():
    image = texture(1) + 5
    mask = np.zeros(image.shape, bool)
    mask[20:140, 20:140] = True
    image[~mask] = 1e6
    got = alignment.band(image, mask, 1.0, 8.0)
    assert (got[~mask] == 0).all()
    assert abs(got[mask].mean()) < 0.1 * got[mask].std()
    assert np.abs(got).max() < 1

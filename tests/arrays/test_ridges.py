from __future__ import annotations

import math

import numpy as np
import pytest

from skinscan.arrays import ridges, tracing

SIDE = 240


def valley(angle_rad: float, sigma: float, depth: float = 0.3, off: float = 0.37) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """A straight Gaussian valley through the picture, and each pixel's signed distance to its centre line."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    distance = -x * math.sin(angle_rad) + y * math.cos(angle_rad) - off
    return (-depth * np.exp(-0.5 * (distance / sigma) ** 2)).astype(np.float32), distance


def traced(image: np.ndarray, sigmas: list[float], least: float = 0.02) -> tuple[ridges.Points, np.ndarray]:  # type: ignore[type-arg]
    """Points, and the longest line's path."""
    looks = ridges.looks(image, sigmas)
    points = ridges.valleys(looks, np.ones(image.shape, np.bool_), least)
    points = ridges.drawn_out(points, [look[2] for look in looks], 6.0, [-0.2, 0.0, 0.2])
    chains = tracing.trace(points, 2 * least, 6.0)
    longest = points.where(max(chains, key=len))
    return longest, tracing.smoothed(np.stack([longest.x, longest.y], 1), 2.0)


@pytest.mark.parametrize("degrees", [0, 7, 18.4, 30, 45, 63.4, 90, 117, 135, 171])
def test_a_straight_valley_at_any_angle_is_as_long_as_it_is(degrees: float) -> None:
    """Analytic: the part of the line inside a circle of radius 100 px is 2 sqrt(100^2 - 0.37^2) long; a count of pixels
    would be off by up to 41 %."""
    angle = math.radians(degrees)
    image, _ = valley(angle, 4.0)
    points, path = traced(image, [3.0, 4.5])
    inside = np.hypot(*(path - SIDE / 2).T) <= 100
    steps = tracing.lengths(path)[inside[1:] & inside[:-1]]
    assert steps.sum() == pytest.approx(2 * math.sqrt(100**2 - 0.37**2), abs=2.0)  # the ends fall between points
    away = (path - SIDE / 2) @ [-math.sin(angle), math.cos(angle)] - 0.37
    assert np.abs(away[inside]).max() < 0.05
    turned = np.abs((points.angle[inside] - angle + math.pi / 2) % math.pi - math.pi / 2)
    assert turned.max() < 0.03


def test_a_ring_is_as_long_as_its_circle() -> None:
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    ring = (-0.3 * np.exp(-0.5 * ((np.hypot(x, y) - 80) / 4) ** 2)).astype(np.float32)
    _, path = traced(ring, [3.0, 4.5])
    assert tracing.lengths(path).sum() == pytest.approx(2 * math.pi * 80, rel=0.015)


@pytest.mark.parametrize("sigma", [2.0, 4.0, 8.0])
def test_the_response_is_that_of_a_gaussian_valley(sigma: float) -> None:
    """Lindeberg 1998: A w s^2 / (w^2 + s^2)^1.5, largest at s = sqrt(2) w."""
    image, _ = valley(0.3, 5.0)
    points, _ = traced(image, [sigma], 0.005)
    expected = 0.3 * 5.0 * sigma**2 / (25.0 + sigma**2) ** 1.5
    middle = np.hypot(points.x - SIDE / 2, points.y - SIDE / 2) < 60
    assert np.median(points.response[middle]) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(("sigma", "slope"), [(2.0, 0.0), (4.0, 0.002), (9.0, -0.002), (14.0, 0.0)])
def test_the_cross_section_of_a_gaussian_valley(sigma: float, slope: float) -> None:
    """Its own depth and width, whatever light falls off across it."""
    image, distance = valley(0.7, sigma)
    along = np.arange(-60, 61.0)
    path = np.stack([along * math.cos(0.7) - 0.37 * math.sin(0.7), along * math.sin(0.7) + 0.37 * math.cos(0.7)], 1)
    found = tracing.sections(
        (image + slope * distance).astype(np.float32),
        path + SIDE / 2,
        [3.0, 7.0, 15.0],
        10.0,
        tracing.gaussian_valley,
    )
    assert found.depth[60] == pytest.approx(0.3, rel=0.03)
    assert found.width_px[60] == pytest.approx(tracing.FWHM * sigma, rel=0.06)


@pytest.mark.parametrize("width", [9.0, 16.0, 30.0])
def test_the_cross_section_of_a_flat_valley(width: float) -> None:
    """Its own depth and width, from a picture whose pixels each hold the mean of their own square."""
    _, distance = valley(0.0, 1.0, off=0.0)
    share = np.clip(width / 2 - np.abs(distance) + 0.5, 0, 1)
    path = np.stack([np.arange(40, 200.0), np.full(160, SIDE / 2)], 1)
    found = tracing.sections((-0.4 * share).astype(np.float32), path, [5.0, 9.0, 16.0], 5.0, tracing.flat_valley)
    assert found.width_px[80] == pytest.approx(width, rel=0.04)
    assert found.depth[80] == pytest.approx(0.4, rel=0.04)


def test_a_gap_is_crossed_where_the_line_goes_on_and_not_around_a_corner() -> None:
    image, _ = valley(0.0, 4.0)
    broken = image.copy()
    broken[:, 118:122] = 0
    assert len(traced(broken, [4.0])[1]) > 200
    corner = np.where(np.arange(SIDE)[None, :] < 120, image, image.T)
    assert len(traced(corner, [4.0])[1]) < 180


def test_no_point_is_of_two_lines() -> None:
    draw = np.random.default_rng(1)
    noise = draw.normal(0, 1, (120, 120)).astype(np.float32)
    looks = ridges.looks(noise, [2.0])
    points = ridges.valleys(looks, np.ones(noise.shape, np.bool_), 0.1)
    seen = np.concatenate(tracing.trace(points, 0.2, 4.0))
    assert len(seen) == len(np.unique(seen))


def test_nothing_is_found_in_nothing() -> None:
    flat = np.zeros((50, 60), np.float32)
    points = ridges.valleys(ridges.looks(flat, [2.0, 4.0]), np.ones(flat.shape, np.bool_), 0.01)
    assert len(points) == 0
    assert tracing.trace(points, 0.02, 4.0) == []
    lonely = tracing.smoothed(np.array([[1.0, 2.0]]), 2.0)
    assert lonely.tolist() == [[1.0, 2.0]]

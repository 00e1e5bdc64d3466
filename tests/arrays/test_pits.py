from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from skinscan.arrays import pits


def disc(
    size: int, x: float, y: float, diameter: float, ratio: float = 1.0, angle: float = 0.0, blur: float = 0.0
) -> np.ndarray:
    """A pit of unit contrast with its area, drawn at 8x and averaged down."""
    fine = (np.arange(size * 8) + 0.5) / 8 - 0.5
    u, v = np.meshgrid(fine - x, fine - y)
    a, b = diameter / 2 * np.sqrt(ratio), diameter / 2 / np.sqrt(ratio)
    p, q = u * np.cos(angle) + v * np.sin(angle), -u * np.sin(angle) + v * np.cos(angle)
    inside = ((p / a) ** 2 + (q / b) ** 2 <= 1).astype(float)
    image = -inside.reshape(size, 8, size, 8).mean((1, 3))
    return (ndimage.gaussian_filter(image, blur) if blur else image).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.floats(5, 16), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(1, 1.6), st.floats(0, 3.1))
def test_a_discs_diameter_at_half_contrast(diameter: float, dx: float, dy: float, ratio: float, angle: float) -> None:
    """Analytic: an ellipse's equivalent diameter is 2 sqrt(a b); within 4 % from 5 px.

    Its centre, sought from up to 0.7 px away, comes within 0.1 px for 98.6 % of 6000 random ones, 0.165 px at worst.
    """
    image = disc(64, 32 + dx, 32 + dy, diameter, ratio, angle)
    found = pits.measure_pits(image, np.array([32.0]), np.array([32.0]), np.array([diameter * 1.15]))
    assert found.diameter[0] == pytest.approx(diameter, rel=0.04)
    assert np.hypot(found.x[0] - 32 - dx, found.y[0] - 32 - dy) < 0.17
    assert found.contrast[0] == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("ratio", [1.0, 1.3, 1.6])
def test_elongation_is_the_axis_ratio(ratio: float) -> None:
    found = pits.measure_pits(disc(64, 32, 32, 14, ratio, 0.4), np.array([32.0]), np.array([32.0]), np.array([14.0]))
    assert found.elongation[0] == pytest.approx(ratio, abs=0.06)


def test_contrast_does_not_change_the_diameter() -> None:
    image = disc(64, 32, 32, 9, blur=0.8)
    full = pits.measure_pits(image, np.array([32.0]), np.array([32.0]), np.array([9.0]))
    faint = pits.measure_pits(image * np.float32(0.2), np.array([32.0]), np.array([32.0]), np.array([9.0]))
    assert full.diameter[0] == pytest.approx(faint.diameter[0], rel=1e-4)


def test_nothing_to_measure() -> None:
    nothing = np.zeros(0)
    found = pits.measure_pits(np.zeros((20, 20), np.float32), nothing, nothing, nothing)
    assert len(found) == 0
    assert len(pits.without_overlaps(found)) == 0


def test_of_two_that_overlap_the_stronger_stays() -> None:
    image = disc(64, 32, 32, 10)
    found = pits.measure_pits(image, np.array([32.0, 33.5]), np.array([32.0, 32.0]), np.array([10.0, 7.0]))
    assert len(pits.without_overlaps(found)) == 1


def test_the_widening_by_blur_is_that_of_the_stated_profile() -> None:
    """0.5^(rho^3) drawn at 50 px radius, blurred, read off at half of its own depth: within 2 %."""
    y, x = np.mgrid[-300:301, -300:301]
    profile = 0.5 ** ((np.hypot(x, y) / 50) ** 3)
    for blur in (5.0, 10.0, 20.0, 28.0, 36.0):
        row = ndimage.gaussian_filter(profile, blur)[300, 300:]
        after = int(np.argmax(row < row[0] / 2))
        radius = after - 1 + (row[after - 1] - row[0] / 2) / (row[after - 1] - row[after])
        assert pits.unblurred(np.array([2 * radius]), blur)[0] == pytest.approx(100, rel=0.02)


def test_a_sharp_photo_is_not_corrected() -> None:
    assert pits.unblurred(np.array([5.0, 9.0]), 0.0).tolist() == [5.0, 9.0]
    assert np.abs(pits.unblurred(np.array([30.0]), 0.7) / 30 - 1) < 0.005


def test_a_very_wide_image_is_measured_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers as at once, in the order in which they were asked for."""
    image = np.concatenate([disc(64, 32, 32, 9), disc(64, 32, 32, 12), disc(64, 30, 33, 7)], 1)
    places = np.array([160.0, 32.0, 96.0]), np.array([32.0, 32.0, 32.0]), np.array([8.0, 9.0, 11.0])
    at_once = pits.measure_pits(image, *places)
    monkeypatch.setattr(pits, "LARGEST_SIDE", 150)
    tiles = pits.measure_pits(image, *places)
    for name in ("x", "y", "diameter", "contrast"):
        assert getattr(tiles, name) == pytest.approx(getattr(at_once, name), abs=1e-4)

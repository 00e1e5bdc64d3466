"""Repeats that agree, held against the published example."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinscan.arrays.agreement import (
    icc_agreement,
    icc_consistency,
    slope_on_level,
    standard_error_of_measurement,
)

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], np.float64
)
"""Table 2 of Shrout and Fleiss 1979: six targets, four judges."""


def test_published_example_absolute_agreement() -> None:
    found = icc_agreement(SHROUT_FLEISS)
    assert (round(found.value, 2), round(found.low, 2), round(found.high, 2)) == (0.29, 0.02, 0.76)


def test_published_example_consistency() -> None:
    found = icc_consistency(SHROUT_FLEISS)
    assert (round(found.value, 2), round(found.low, 2), round(found.high, 2)) == (0.71, 0.34, 0.95)


@given(st.floats(-50, 50), st.integers(0, 10_000))
def test_a_shift_of_one_visit_is_error_to_agreement_and_none_to_consistency(shift: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    values = draw.normal(0, 3, (12, 1)) + draw.normal(0, 1, (12, 2))
    moved = values + np.array([0.0, shift])
    assert icc_consistency(moved).value == pytest.approx(icc_consistency(values).value, abs=1e-9)
    if abs(shift) > 20:
        assert icc_agreement(moved).value < icc_agreement(values).value


def test_error_of_one_measurement_is_that_of_the_simulation() -> None:
    draw = np.random.default_rng(1)
    values = draw.normal(0, 5, (4000, 1)) + draw.normal(0, 0.7, (4000, 2))
    assert standard_error_of_measurement(values) == pytest.approx(0.7, rel=0.03)  # SE of an SD of 4000: 1.1 %


def test_error_that_grows_with_the_level_shows_in_the_slope() -> None:
    level = np.linspace(1, 10, 50)
    slope, error = slope_on_level(level, 1.1 * level)
    assert slope == pytest.approx(2 * 0.1 / 2.1)  # difference 0.1 x, mean 1.05 x
    assert error < 1e-6


@pytest.mark.parametrize("values", [np.zeros((2, 2)), np.ones((5, 1)), np.ones((5, 2)), np.full((5, 2), np.nan)])
def test_too_little_is_undefined(values: np.ndarray) -> None:
    assert math.isnan(icc_agreement(values).value)
    assert math.isnan(icc_consistency(values).value)

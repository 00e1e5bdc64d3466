"""Two sides that changed alike are not called different, and two that did not are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinscan.arrays.asymmetry import asymmetry, error_correlation

COUNT = 4000
BINOMIAL = 3 * math.sqrt(0.05 * 0.95 / COUNT)
"""Three standard errors of a share of 5 % of COUNT."""


def alarms(correlation: float, taken: float, true: tuple[float, float], s: tuple[float, float]) -> float:
    """Share of courses called marked: errors of a correlation, judged by another."""
    covariance = correlation * s[0] * s[1]
    errors = np.random.default_rng(5).multivariate_normal(
        true, [[s[0] ** 2, covariance], [covariance, s[1] ** 2]], COUNT
    )
    found = [asymmetry(left, s[0], right, s[1], correlation=taken, least_share=0.0) for left, right in errors]
    return float(np.mean([one.marked for one in found]))


@pytest.mark.parametrize("s", [(1.0, 1.0), (0.5, 2.0)])
@pytest.mark.parametrize("correlation", [0.0, 0.4, 0.9])
def test_a_shared_lamp_makes_no_more_false_alarms_than_stated(correlation: float, s: tuple[float, float]) -> None:
    """Colour is judged as if errors were independent: 5 % where they are, fewer where lamp and camera are shared."""
    found = alarms(correlation, error_correlation(fine=False), (3.0, 3.0), s)
    assert found <= 0.05 + BINOMIAL
    if correlation == 0:
        assert found >= 0.05 - BINOMIAL


@pytest.mark.parametrize("correlation", [-1.0, -0.5, 0.0])
def test_a_lamp_that_moved_sideways_makes_no_more_either(correlation: float) -> None:
    """Fine structure is judged for a lamp that raises it on one side by what it lowers it on the other."""
    assert alarms(correlation, error_correlation(fine=True), (0.0, 0.0), (1.0, 1.0)) <= 0.05 + BINOMIAL


def test_errors_that_oppose_each_other_would_be_missed_by_independent_ones() -> None:
    """Why fine structure takes -1: taken as independent, sqrt(2) s for a true 2 s is exceeded 16.6 % of the time."""
    assert alarms(-1.0, 0.0, (0.0, 0.0), (1.0, 1.0)) == pytest.approx(0.166, abs=0.02)


def test_the_known_answer() -> None:
    """+4 and +1, SDs 0.6 and 0.8: they differ by 3, three quarters of 4; detectable 1.96 x 1 = 1.96."""
    found = asymmetry(4.0, 0.6, 1.0, 0.8)
    assert (found.difference, found.share, found.sided) == (3.0, 0.75, "left")
    assert found.detectable == pytest.approx(1.96)
    assert asymmetry(1.0, 0.6, 4.0, 0.8).sided == "right"


def test_a_difference_larger_than_error_but_small_beside_the_change_is_not_marked() -> None:
    assert not asymmetry(10.0, 0.1, 8.0, 0.1).marked
    assert asymmetry(10.0, 0.1, 8.0, 0.1, least_share=0.1).marked


def test_what_is_not_known_marks_nothing() -> None:
    assert not asymmetry(math.nan, 1.0, 50.0, 1.0).marked
    assert not asymmetry(50.0, math.nan, 0.0, 1.0).marked
    assert not asymmetry(0.0, 0.0, 0.0, 0.0).marked


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="uncertainties"):
        asymmetry(0.0, -1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="correlation"):
        asymmetry(0.0, 1.0, 0.0, 1.0, correlation=1.5)


@given(*[st.floats(-100, 100)] * 2, *[st.floats(0.01, 10)] * 2, st.floats(-1, 1))
def test_sides_are_treated_alike(left: float, right: float, s_left: float, s_right: float, correlation: float) -> None:
    one = asymmetry(left, s_left, right, s_right, correlation=correlation)
    other = asymmetry(right, s_right, left, s_left, correlation=correlation)
    assert one.difference == -other.difference
    assert one.detectable == pytest.approx(other.detectable, abs=1e-9)
    assert one.marked == other.marked or abs(one.difference) == pytest.approx(one.detectable)

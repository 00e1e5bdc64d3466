"""The robust line: exact on exact points, its interval true, one wrong point not followed."""

from __future__ import annotations

import numpy as np
import pytest

from skinscan.arrays.trend import robust_line


def test_exact_points_give_their_line() -> None:
    x = np.array([0.0, 1.0, 2.0, 5.0])
    line = robust_line(x, 3.0 - 0.5 * x, np.full(4, 0.1))
    assert line is not None
    assert line.slope == pytest.approx(-0.5)
    assert line.start == pytest.approx(3.0)
    assert line.low < -0.5 < line.high


@pytest.mark.parametrize("count", [3, 5, 8])
def test_the_interval_holds_the_truth(count: int) -> None:
    """95 % of 1000 lines: within three standard errors (0.7 %) of that, and Huber's loss costs it little."""
    draw = np.random.default_rng(count)
    held = 0
    for _ in range(1000):
        x = np.sort(draw.uniform(0, 6, count))
        sd = draw.uniform(0.5, 2.0, count)
        line = robust_line(x, 1.0 + 0.3 * x + sd * draw.standard_normal(count), sd)
        assert line is not None
        held += line.low <= 0.3 <= line.high
    assert 0.925 <= held / 1000 <= 0.985


def test_one_wrong_visit_moves_it_less_than_least_squares() -> None:
    x = np.arange(7.0)
    y = -0.4 * x
    y[5] += 8.0
    sd = np.full(7, 0.3)
    line = robust_line(x, y, sd)
    assert line is not None
    least_squares = np.polyfit(x, y, 1)[0]
    assert abs(line.slope + 0.4) < abs(least_squares + 0.4) / 3
    assert line.low < -0.4 < line.high


def test_scatter_beyond_the_stated_errors_widens_the_interval() -> None:
    draw = np.random.default_rng(4)
    x = np.arange(6.0)
    y = 5.0 * draw.standard_normal(6)
    line, calm = robust_line(x, y, np.full(6, 0.1)), robust_line(x, 0.02 * y, np.full(6, 0.1))
    assert line is not None
    assert calm is not None
    assert line.high - line.low > 5 * (calm.high - calm.low)


def test_too_few_points_have_no_line() -> None:
    two = np.array([0.0, 1.0])
    assert robust_line(two, two, np.ones(2)) is None
    assert robust_line(np.zeros(4), np.arange(4.0), np.ones(4)) is None
    with_nan = np.array([0.0, 1.0, np.nan, 3.0])
    assert robust_line(np.arange(4.0), with_nan, np.ones(4)) is not None
    assert robust_line(np.arange(4.0), with_nan, np.array([1.0, 0.0, 1.0, 1.0])) is None

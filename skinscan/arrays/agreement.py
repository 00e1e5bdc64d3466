"""How well repeats agree: intraclass correlation, the error of one measurement, and its dependence on the level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Coefficient:
    """An intraclass correlation and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Squares:
    subjects: int
    repeats: int
    of_subjects: float
    of_repeats: float
    of_error: float


def icc_agreement(values: Array) -> Coefficient:
    """ICC(2,1), absolute agreement of any one repeat: values (subjects, repeats), none missing.

    For operators, devices and visits, whose offsets count as error. NaN with fewer than 3 subjects or 2 repeats.
    Shrout and Fleiss 1979, doi 10.1037/0033-2909.86.2.420; interval after McGraw and Wong 1996,
    doi 10.1037/1082-989X.1.1.30.
    """
    s = _mean_squares(values)
    if s is None:
        return Coefficient(math.nan, math.nan, math.nan)
    n, k = s.subjects, s.repeats
    rest = k * s.of_repeats + (k * n - k - n) * s.of_error
    r = n * (s.of_subjects - s.of_error) / (n * s.of_subjects + rest)
    a, b = k * r / (n * (1 - r)), 1 + k * r * (n - 1) / (n * (1 - r))
    freedom = (a * s.of_repeats + b * s.of_error) ** 2 / (
        (a * s.of_repeats) ** 2 / (k - 1) + (b * s.of_error) ** 2 / ((n - 1) * (k - 1))
    )
    below, above = _f_point(n - 1, freedom), _f_point(freedom, n - 1)
    low = n * (s.of_subjects - below * s.of_error) / (below * rest + n * s.of_subjects)
    high = n * (above * s.of_subjects - s.of_error) / (rest + n * above * s.of_subjects)
    return Coefficient(r, low, high)


def icc_consistency(values: Array) -> Coefficient:
    """ICC(3,1), consistency of one fixed pipeline: a shift that all subjects share is no error. As `icc_agreement`."""
    s = _mean_squares(values)
    if s is None:
        return Coefficient(math.nan, math.nan, math.nan)
    n, k = s.subjects, s.repeats
    freedom = (n - 1) * (k - 1)
    ratio = s.of_subjects / s.of_error
    low, high = ratio / _f_point(n - 1, freedom), ratio * _f_point(freedom, n - 1)
    return Coefficient(*((f - 1) / (f + k - 1) for f in (ratio, low, high)))


def standard_error_of_measurement(values: Array) -> float:
    """Within-subject SD of values (subjects, repeats): SDC95 = 1.96 sqrt(2) times it. NaN without repeats."""
    if values.ndim != 2 or values.shape[1] < 2 or not len(values):
        return math.nan
    return float(np.sqrt(np.mean(np.var(values, axis=1, ddof=1))))


def slope_on_level(first: Array, second: Array) -> tuple[float, float]:
    """Bland and Altman's regression of the difference (n,) on the mean (n,): slope and its standard error.

    A slope far from 0 says that the error grows with the level. NaN with fewer than 3 pairs or one level only.
    doi 10.1191/096228099673819272.
    """
    from scipy.stats import linregress

    level = (first + second) / 2
    if len(level) < 3 or float(np.ptp(level)) == 0.0:
        return math.nan, math.nan
    found = linregress(level, second - first)
    return float(found.slope), float(found.stderr)


def _mean_squares(values: Array) -> _Squares | None:
    """Of a two-way layout without replication; None where it is too small, or all is one number."""
    if values.ndim != 2 or values.shape[0] < 3 or values.shape[1] < 2 or not np.isfinite(values).all():
        return None
    n, k = values.shape
    mean = values.mean()
    rows, columns = values.mean(1) - mean, values.mean(0) - mean
    error = values - mean - rows[:, None] - columns
    of_error = float(np.sum(error**2)) / ((n - 1) * (k - 1))
    if of_error == 0.0:
        return None
    return _Squares(n, k, k * float(np.sum(rows**2)) / (n - 1), n * float(np.sum(columns**2)) / (k - 1), of_error)


def _f_point(one: float, other: float) -> float:
    """97.5 % point of the F distribution."""
    from scipy.stats import f

    return float(f.ppf(0.975, one, other))

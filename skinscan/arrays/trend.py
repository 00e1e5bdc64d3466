"""A straight line through values of known uncertainty, of which some may be wrong."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

HUBER = 1.345
"""Residuals of so many SDs and more pull no harder: 95 % as sharp as least squares on normal errors (Huber 1981)."""

LEAST_POINTS = 3

TOO_SCATTERED = 0.05
"""Probability of the scatter about the line under the stated errors, below which the scatter itself is taken."""


class Line(NamedTuple):
    """Slope and its 95 % interval, in units of y per unit of x; `start` is the line's y at x = 0."""

    start: float
    slope: float
    low: float
    high: float


def robust_line(x: Array, y: Array, sd: Array) -> Line | None:
    """A line through (x, y), (n,) each, by Huber's loss on errors of standard deviations `sd` (n,).

    The interval is that of the stated errors; where the points scatter more than those explain, that of their own
    scatter (t quantile). None with fewer than three points, or all at one x. Source: Huber, Robust Statistics, 1981;
    scipy.optimize.least_squares.
    """
    from scipy.optimize import least_squares
    from scipy.stats import chi2, t

    known = np.isfinite(x) & np.isfinite(y) & np.isfinite(sd) & (sd > 0)
    x, y, sd = (np.asarray(values, float)[known] for values in (x, y, sd))
    if len(x) < LEAST_POINTS or np.ptp(x) == 0:
        return None
    middle, reach = float(np.mean(x)), float(np.ptp(x))
    design = np.stack([np.ones_like(x), (x - middle) / reach], axis=1) / sd[:, None]
    target = y / sd
    start = np.linalg.lstsq(design, target, rcond=None)[0]
    fitted = least_squares(lambda p: design @ p - target, start, jac=lambda p: design, loss="huber", f_scale=HUBER)
    left = design @ fitted.x - target
    weight = np.minimum(1.0, HUBER / np.maximum(np.abs(left), 1e-12))
    variance = np.linalg.inv(design.T @ (weight[:, None] * design))[1, 1]
    freedom = len(x) - 2
    scatter = float(np.sum(weight * left**2))
    factor = 1.96
    if chi2.sf(scatter, freedom) < TOO_SCATTERED:
        factor = max(factor, float(t.ppf(0.975, freedom)) * math.sqrt(scatter / freedom))
    slope, half = fitted.x[1] / reach, factor * math.sqrt(variance) / reach
    start = fitted.x[0] - slope * middle
    return Line(float(start), float(slope), float(slope - half), float(slope + half))

"""Uncertainty of a value and of a paired difference from its blocks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

COVERAGE_95 = 1.96
"""Standard deviations on either side that hold 95 % of a normal distribution."""


def percentile(values: Array, share: float) -> float:
    """Percentile of values (n,), n > 0, as `numpy.percentile`, whose checks cost ten times the work for a few."""
    place = (len(values) - 1) * share / 100.0
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    ordered = np.partition(values, (low, high))
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


def block_standard_error(value: float, blocks: Array, weights: Array) -> float:
    """Standard error of `value` from the values (K,) of its blocks, weighted by size (K,).

    Each block's pull on the whole is weight * (block - value); NaN with fewer than four measured blocks.
    """
    return _standard_error(blocks - value, weights)


def paired_standard_error(
    before: float, after: float, blocks_before: Array, blocks_after: Array, weights: Array, scale: Transform
) -> float:
    """Standard error of g(after) - g(before), g the transform, from the same blocks in both photos.

    Linearised: the pull of a block is weight * (g'(after)(after_b - after) - g'(before)(before_b - before)), so
    that what both photos share (the skin's own variance) cancels.
    """
    pulls = scale.slope(after) * (blocks_after - after) - scale.slope(before) * (blocks_before - before)
    return _standard_error(pulls, weights)


def _standard_error(pulls: Array, weights: Array) -> float:
    good = np.isfinite(pulls) & (weights > 0)
    count = int(good.sum())
    if count < 4:
        return float("nan")
    share = weights[good] / weights[good].sum()
    pulls = pulls[good] - np.sum(share * pulls[good])
    return float(np.sqrt(count / (count - 1) * np.sum((share * pulls) ** 2)))


@dataclass(frozen=True)
class Transform:
    """A scale on which differences of a measure are judged, as capture moves it there by about the same anywhere.

    `forward(value)`, NaN where it is undefined; `inverse` of any number, within what the measure can be; `slope`, the
    derivative of forward.
    """

    forward: Callable[[float], float]
    inverse: Callable[[float], float]
    slope: Callable[[float], float]


IDENTITY = Transform(lambda value: value, lambda scaled: scaled, lambda value: 1.0)
LOG = Transform(
    lambda value: math.log(value) if value > 0 else math.nan,
    lambda scaled: math.exp(scaled) if scaled < 700 else math.inf,
    lambda value: 1 / value if value > 0 else math.nan,
)
SQRT = Transform(
    lambda value: math.sqrt(value) if value >= 0 else math.nan,
    lambda scaled: max(scaled, 0.0) ** 2,
    # at zero every block is zero as well, so that any finite slope gives a pull of zero
    lambda value: 0.5 / math.sqrt(max(value, 1e-6)),
)


def above_threshold(quantiles: Array) -> Transform:
    """The scale of a share (%) above a threshold: how far the threshold lies down the baseline's own values.

    `quantiles` (k,) are those values at evenly spaced probabilities, ascending. A lamp or a white balance moves every
    value alike, and so moves the share much where many pixels lie near the threshold and little where few do.
    """
    shares = np.linspace(100.0, 0.0, len(quantiles))

    def forward(share: float) -> float:
        return -float(np.interp(share, shares[::-1], quantiles[::-1])) if math.isfinite(share) else math.nan

    def inverse(scaled: float) -> float:
        return float(np.interp(-scaled, quantiles, shares))

    def slope(share: float) -> float:
        low, high = max(share - 0.5, 0.0), min(share + 0.5, 100.0)
        return (forward(high) - forward(low)) / (high - low)

    return Transform(forward, inverse, slope)


def backward_spread(value: float, sd: float, scale: Transform) -> float:
    """Standard uncertainty in a value's own unit of an SD on its transformed scale: half of what lies within it."""
    middle = scale.forward(value)
    low, high = scale.inverse(middle - sd), scale.inverse(middle + sd)
    return max((high - low) / 2, high - value if low <= 0 else 0.0)


def detectable_change(before: float, s_d: float, upward: bool, scale: Transform, factor: float = COVERAGE_95) -> float:
    """The change, in the measure's unit, that `factor` standard deviations `s_d` of the transformed difference make.

    Told on the side of the change: on a log scale before (exp(1.96 s) - 1) up, before (1 - exp(-1.96 s)) down.
    """
    limit = factor * s_d
    return abs(scale.inverse(scale.forward(before) + (limit if upward else -limit)) - before)


def change_interval(
    before: float, after: float, s_d: float, scale: Transform, factor: float = COVERAGE_95
) -> tuple[float, float, float]:
    """The change's interval in the measure's unit, `factor` SDs `s_d` of the transformed difference to either side, and
    the change in such SDs, told so that 1.96 is the edge of 95 % whatever the factor."""
    middle, limit = scale.forward(after), factor * s_d
    low, high = scale.inverse(middle - limit) - before, scale.inverse(middle + limit) - before
    shift = middle - scale.forward(before)
    return low, high, shift / limit * COVERAGE_95 if limit > 0 else math.copysign(math.inf, shift) if shift else 0.0

"""Uncertainty of a value and of a paired difference from its blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def block_standard_error(value: float, blocks: Array, weights: Array) -> float:
    """Standard error of `value` from the values (K,) of its blocks, weighted by size (K,).

    Each block's pull on the whole is weight * (block - value); NaN with fewer than four measured blocks.
    """
    return _standard_error(blocks - value, weights)


def paired_standard_error(
    before: float, after: float, blocks_before: Array, blocks_after: Array, weights: Array, transform: str
) -> float:
    """Standard error of g(after) - g(before), g the transform, from the same blocks in both photos.

    Linearised: the pull of a block is weight * (g'(after)(after_b - after) - g'(before)(before_b - before)), so
    that what both photos share (the skin's own variance) cancels.
    """
    pulls = slope(after, transform) * (blocks_after - after) - slope(before, transform) * (blocks_before - before)
    return _standard_error(pulls, weights)


def _standard_error(pulls: Array, weights: Array) -> float:
    good = np.isfinite(pulls) & (weights > 0)
    count = int(good.sum())
    if count < 4:
        return float("nan")
    share = weights[good] / weights[good].sum()
    pulls = pulls[good] - np.sum(share * pulls[good])
    return float(np.sqrt(count / (count - 1) * np.sum((share * pulls) ** 2)))


def forward(value: float, transform: str) -> float:
    """The scale on which differences of a measure are judged: identity, log or sqrt. NaN where it is undefined."""
    if transform == "log":
        return float(np.log(value)) if value > 0 else float("nan")
    if transform == "sqrt":
        return float(np.sqrt(value)) if value >= 0 else float("nan")
    return value


def slope(value: float, transform: str) -> float:
    """Derivative of `forward` at a value."""
    if transform == "log":
        return 1 / value if value > 0 else float("nan")
    if transform == "sqrt":
        # at zero every block is zero as well, so that any finite slope gives a pull of zero
        return float(0.5 / np.sqrt(max(value, 1e-6)))
    return 1.0


def detectable_change(before: float, s_d: float, upward: bool, transform: str, factor: float = 1.96) -> float:
    """The change, in the measure's unit, that `factor` standard deviations `s_d` of the transformed difference make.

    Told on the side of the change: log: before (exp(1.96 s) - 1) up, before (1 - exp(-1.96 s)) down.
    """
    limit = factor * s_d
    if transform == "log":
        return float(before * (np.exp(limit) - 1) if upward else before * (1 - np.exp(-limit)))
    if transform == "sqrt":
        root = np.sqrt(before)
        return float((root + limit) ** 2 - before if upward else before - max(root - limit, 0.0) ** 2)
    return float(limit)

"""How far each place of a fitted warp may be off: what patches scatter by, and what they are off by together.

Scatter shrinks as patches are averaged, by as much as the fit says (`Smoother.gain`, or the leverage of a homography).
What neighbours are off by together does not: there the field was smoother than the skin's own movement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import alignment, warp

Array = NDArray[np.float64]

OVERLAPPING = 2.0
"""Variance of a mean of patches over that of as many independent ones: neighbours share a part of their pixels."""

SMOOTHED = 3.0
"""Square of what a field is off by between the patches over what neighbours are off by in common (swollen phantoms)."""

_PRIOR = 8.0
"""How many patches the scatter of all patches counts for beside that of the patches around."""

_REACH = 2.0
_FLOOR_PX = 0.003


@dataclass(frozen=True, eq=False)
class Known:
    """Patches at before points (n, 2), their leave-one-out residuals (n, 2) in after px, weights (n,), and the standard
    deviation of one axis of all residuals."""

    points: Array
    apart: Array
    weights: Array
    scatter: float


def of_field(known: Known, homography: Array, width: float, grid: tuple[Array, Array], near_px: float) -> warp.Field:
    """Standard uncertainty of one axis, in after px, at the samples of a grid (x (w,), y (h,)): (h, w) float32.

    `width` of the smoothing kernel in px, infinite where the homography is all there is. NaN further than `near_px`
    from every patch that has a say.
    """
    used = np.flatnonzero((known.weights > 0) & np.isfinite(known.apart).all(axis=1))
    x, y = grid
    if len(used) < 4:
        return np.full((len(y), len(x)), np.nan, np.float32)
    points, apart, weights = known.points[used], known.apart[used], known.weights[used]
    across, down = (
        np.exp(-0.5 * ((points[:, axis, None] - line[None]) / (_REACH * near_px / 1.5)) ** 2)
        for axis, line in enumerate((x, y))
    )

    def around(values: Array) -> Array:
        return np.asarray((down * values[:, None]).T @ across)

    total = np.maximum(around(weights), 1e-300)
    crowd = total**2 / np.maximum(around_squared(down, across, weights), 1e-300)
    scatter = known.scatter**2
    local = around(weights * (apart**2).sum(axis=1) / 2) / total
    local = (crowd * local + _PRIOR * scatter) / (crowd + _PRIOR)
    common = (around(weights * apart[:, 0]) ** 2 + around(weights * apart[:, 1]) ** 2) / (2 * total**2)
    common = np.maximum(common - local / crowd, 0.0)
    nodes = np.stack(np.meshgrid(x, y), axis=-1)
    gap = ((points[:, 1, None] - y[None]) ** 2).T[:, None] + ((points[:, 0, None] - x[None]) ** 2).T[None]
    inside = gap.min(axis=2) <= near_px**2
    gain = np.full(inside.shape, np.nan)
    if inside.any():
        if np.isfinite(width):
            smoother = alignment.Smoother.between(points, width, nodes[inside])
            gain[inside] = smoother.gain(weights)
        gain[inside] = np.fmax(gain[inside], leverage(homography, points, weights, nodes[inside]))
    variance = OVERLAPPING * gain * local + SMOOTHED * common + _FLOOR_PX**2
    return np.asarray(np.sqrt(variance), np.float32)


def around_squared(down: Array, across: Array, weights: Array) -> Array:
    """Sum of squared weights under a separable kernel, (h, w)."""
    return np.asarray((down**2 * (weights**2)[:, None]).T @ across**2)


def leverage(homography: Array, points: Array, weights: Array, places: Array) -> Array:
    """Variance of each place (m,) of a homography fitted to points (n, 2), over that of one axis of one point."""
    centre, size = points.mean(axis=0), max(float(points.std()), 1e-9)
    fit = homography @ np.array([[size, 0, centre[0]], [0, size, centre[1]], [0, 0, 1.0]])
    at_points, at_places = (_slopes(fit, (p - centre) / size) for p in (points, places))
    shares = weights / weights.sum()
    normal = np.einsum("nai,n,naj->ij", at_points, shares, at_points)
    inverse = np.linalg.pinv(normal)
    # weighted least squares of values of one variance: (A'WA)^-1 A'WWA (A'WA)^-1
    sandwich = inverse @ np.einsum("nai,n,naj->ij", at_points, shares**2, at_points) @ inverse
    return np.asarray(np.einsum("mai,ij,maj->m", at_places, sandwich, at_places) / 2)


def _slopes(homography: Array, points: Array) -> Array:
    """d(x, y) / d(the first eight entries) of projected points (n, 2): (n, 2, 8)."""
    ones = np.column_stack([points, np.ones(len(points))])
    depth = (ones @ homography[2])[:, None]
    there = (ones @ homography[:2].T) / depth
    out = np.zeros((len(points), 2, 8))
    out[:, 0, :3] = ones / depth
    out[:, 1, 3:6] = ones / depth
    out[:, :, 6:] = -there[:, :, None] * points[:, None, :] / depth[:, :, None]
    return out

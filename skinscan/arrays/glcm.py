"""Grey-level co-occurrence with masked pixels left out, counted block by block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

ANGLES = (0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4)


def quantise(image: NDArray[np.floating[Any]], levels: int, half_range: float) -> NDArray[np.uint8]:
    """Levels 0..levels-1 of values in +-half_range, (H, W); values beyond it fall into the end bins."""
    step = 2 * half_range / levels
    scaled = np.floor((np.nan_to_num(image) + half_range) / step)
    return np.asarray(np.clip(scaled, 0, levels - 1), np.uint8)


def offsets(distance_px: float) -> list[tuple[int, int]]:
    """(row, column) steps of the four directions, each rounded to whole pixels as scikit-image does."""
    return [(round(math.sin(a) * distance_px), round(math.cos(a) * distance_px)) for a in ANGLES]


def worst_offset_error(distance_px: float) -> float:
    """How far the farthest-off of the four whole-pixel steps is from the distance asked for, as a share of it."""
    if distance_px <= 0:
        return math.inf
    return max(abs(math.hypot(*step) - distance_px) for step in offsets(distance_px)) / distance_px


def _pair(step: int, size: int) -> tuple[slice, slice]:
    if step >= 0:
        return slice(0, max(size - step, 0)), slice(step, size)
    return slice(-step, size), slice(0, max(size + step, 0))


def cooccurrence(
    quantised: NDArray[np.uint8], labels: NDArray[np.int32], count: int, distance_px: float, levels: int
) -> NDArray[np.int64]:
    """Symmetric counts merged over four angles, (count, levels, levels).

    A pair counts for the block of its first pixel when both pixels lie inside (labels > 0). Summed over the
    blocks this is the matrix of the whole region.
    """
    height, width = quantised.shape
    counts = np.zeros(count * levels * levels, np.int64)
    inside = labels > 0
    base = (labels.astype(np.int64) - 1) * (levels * levels) + quantised.astype(np.int64) * levels
    for row, column in offsets(distance_px):
        r0, r1 = _pair(row, height)
        c0, c1 = _pair(column, width)
        both = inside[r0, c0] & inside[r1, c1]
        code = base[r0, c0][both] + quantised[r1, c1][both]
        counts += np.bincount(code, minlength=counts.size)
    matrices = counts.reshape(count, levels, levels)
    return matrices + matrices.transpose(0, 2, 1)


def features(matrices: NDArray[np.integer[Any]]) -> dict[str, NDArray[np.float64]]:
    """Haralick features of count matrices (..., L, L) -> name -> (...).

    contrast, homogeneity (IBSI inverse difference moment), entropy (log2), energy (sum p^2, the IBSI angular
    second moment), correlation (NaN for a constant region). All NaN where nothing was counted.
    """
    levels = matrices.shape[-1]
    total = matrices.sum((-2, -1), keepdims=True).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = matrices / total
    i = np.arange(levels, dtype=np.float64)[:, None]
    j = i.T
    marginal = p.sum(-1)
    mean = (marginal * i[:, 0]).sum(-1)
    variance = (marginal * (i[:, 0] - mean[..., None]) ** 2).sum(-1)
    covariance = (p * (i - mean[..., None, None]) * (j - mean[..., None, None])).sum((-2, -1))
    log_p = np.log2(p, out=np.zeros_like(p), where=p > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(variance > 1e-12, covariance / variance, np.nan)
    return {
        "contrast": (p * (i - j) ** 2).sum((-2, -1)),
        "homogeneity": (p / (1 + (i - j) ** 2)).sum((-2, -1)),
        "entropy": np.where(np.isnan(mean), np.nan, -(p * log_p).sum((-2, -1))),
        "energy": (p**2).sum((-2, -1)),
        "correlation": correlation,
    }

"""Grey-level co-occurrence with masked pixels left out, counted block by block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

ANGLES = (0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4)


def quantise(image: NDArray[np.floating[Any]], levels: int, half_range: float) -> NDArray[np.uint8]:
    """Levels 0..levels-1 of values in +-half_range, (H, W); values beyond it fall into the end bins."""
    step = 2 * half_range / levels
    if image.size == 0:
        return np.zeros(image.shape, np.uint8)
    if not math.isfinite(cv2.sumElems(image)[0]):
        image = np.nan_to_num(image)
    # OpenCV rounds where levels are cut: half a level less, and a hair more so that an edge belongs to the upper one
    found = cv2.addWeighted(image, 1 / step, image, 0, levels / 2 - 0.5 + 1e-6, dtype=cv2.CV_8U)
    return np.asarray(np.minimum(found, levels - 1, out=found), np.uint8)


def offsets(distance_px: float) -> list[tuple[int, int]]:
    """(row, column) steps of the four directions, each rounded to whole pixels as scikit-image does."""
    return [(round(math.sin(a) * distance_px), round(math.cos(a) * distance_px)) for a in ANGLES]


def worst_offset_error(distance_px: float) -> float:
    """How far the farthest-off of the four whole-pixel steps is from the distance asked for, as a share of it."""
    if distance_px <= 0:
        return math.inf
    return max(abs(math.hypot(*step) - distance_px) for step in offsets(distance_px)) / distance_px


STRIPE_ROWS = 1024


def cooccurrence(
    quantised: NDArray[np.uint8], labels: NDArray[np.integer[Any]], count: int, distance_px: float, levels: int
) -> NDArray[np.int64]:
    """`cooccurrences` at one distance, (count, levels, levels)."""
    return np.asarray(cooccurrences(quantised, labels, count, [distance_px], levels)[0], np.int64)


def cooccurrences(
    quantised: NDArray[np.uint8],
    labels: NDArray[np.integer[Any]],
    count: int,
    distances_px: Sequence[float],
    levels: int,
    first: tuple[slice, slice] = (slice(None), slice(None)),
) -> NDArray[np.int64]:
    """Symmetric counts merged over four angles, (distances, count, levels, levels).

    A pair counts for the block of its first pixel when both pixels lie inside (labels > 0). Summed over the
    blocks this is the matrix of the whole region. `first`: rows and columns of which pairs' first pixels are counted;
    over tiles that meet, with as many pixels around them as a step is long, counts add up to those of the whole.

    Block, first and second level make one 16-bit number, and OpenCV's histogram counts those; more blocks than fit are
    counted in turns. A second pixel outside has the level `levels`, which is dropped.
    """
    of_block = levels * (levels + 1)
    at_once = 2**16 // of_block - 1
    counts = np.zeros((len(distances_px), count, levels, levels), np.int64)
    if labels.size == 0:
        return counts
    level = quantised.astype(np.uint16)
    second = level
    if np.count_nonzero(labels) < labels.size:
        second = np.where(labels == 0, np.uint8(levels), quantised).astype(np.uint16)
    lent = np.empty((min(STRIPE_ROWS, len(labels)), labels.shape[1]), np.uint16)  # written anew for each step
    for first_block in range(0, count, at_once):
        some = min(count - first_block, at_once)
        own = labels
        if count > at_once:
            own = np.where((labels > first_block) & (labels <= first_block + some), labels - first_block, 0)
        base = _base(own[first], level[first], levels, labels.shape, first)
        for number, distance_px in enumerate(distances_px):
            found = np.zeros((some + 1) * of_block, np.int64)
            for step in offsets(distance_px):
                _count(base, second, step, lent, found)
            table = found[of_block:].reshape(some, levels, levels + 1)[..., :levels]
            counts[number, first_block : first_block + some] = table
    return counts + counts.swapaxes(-1, -2)


def _base(
    labels: NDArray[np.integer[Any]],
    level: NDArray[np.uint16],
    levels: int,
    shape: tuple[int, ...],
    first: tuple[slice, slice],
) -> NDArray[np.uint16]:
    """Block and level of each first pixel as one number; block 0 outside `first`."""
    told = labels.astype(np.uint16)
    cv2.addWeighted(told, levels * (levels + 1), level, levels + 1, 0, dst=told)
    if told.shape == shape:
        return told
    base = np.zeros(shape, np.uint16)
    base[first] = told
    return base


def _count(
    base: NDArray[np.uint16],
    second: NDArray[np.uint16],
    step: tuple[int, int],
    lent: NDArray[np.uint16],
    found: NDArray[np.int64],
) -> None:
    """Add to `found` how often each number base + second a step away comes; in stripes, in memory lent for one."""
    height, width = base.shape
    row, column = step
    if abs(row) >= height or abs(column) >= width:
        return
    along = slice(max(-column, 0), width - max(column, 0))
    across = slice(along.start + column, along.stop + column)
    for top in range(max(-row, 0), height - max(row, 0), STRIPE_ROWS):
        bottom = min(top + STRIPE_ROWS, height - max(row, 0))
        code = lent[: bottom - top, : along.stop - along.start]
        cv2.add(base[top:bottom, along], second[top + row : bottom + row, across], dst=code)
        found += cv2.calcHist([code], [0], None, [len(found)], [0, len(found)]).reshape(-1).astype(np.int64)


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

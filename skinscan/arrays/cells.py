"""Pixels grouped into blocks: the ground that every value and every resampling stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Cells:
    """A region cut into `count` blocks.

    `labels` (H, W) int32: 0 outside, 1..count inside; `index` flat pixel indices sorted by block; `starts`
    (count + 1,) where each block begins in `index`.
    """

    labels: NDArray[np.int32]
    index: NDArray[np.int64]
    starts: NDArray[np.int64]

    @property
    def count(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Pixels a block, (count,)."""
        return np.diff(self.starts)

    def take(self, image: NDArray[Any]) -> NDArray[Any]:
        """Pixels of the region in block order: (H, W[, C]) -> (n[, C])."""
        flat = image.reshape(image.shape[0] * image.shape[1], *image.shape[2:])
        return np.asarray(flat[self.index])

    def each(self, values: NDArray[Any], statistic: Callable[[NDArray[Any]], float]) -> NDArray[np.float64]:
        """`statistic` of the values (n, ...) of each block, (count,); NaN for an empty block."""
        out = np.full(self.count, np.nan)
        for block in range(self.count):
            part = values[self.starts[block] : self.starts[block + 1]]
            if len(part):
                out[block] = statistic(part)
        return out

    def means(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Mean of the values (n,) of each block, (count,); NaN for an empty block."""
        sizes = self.sizes
        total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
        sums = total[self.starts[1:]] - total[self.starts[:-1]]
        return np.asarray(np.divide(sums, sizes, out=np.full(self.count, np.nan), where=sizes > 0))


def cells_of(labels: NDArray[np.integer[Any]], count: int) -> Cells:
    """Cells of a label image (H, W): 0 outside, 1..count inside."""
    whole = np.ascontiguousarray(labels, np.int32)
    flat = whole.ravel()
    inside = np.flatnonzero(flat)
    of_inside = flat[inside]
    order = np.argsort(of_inside, kind="stable")
    starts = np.searchsorted(of_inside[order], np.arange(1, count + 2))
    return Cells(whole, inside[order], starts.astype(np.int64))


def grid_blocks(mask: NDArray[np.bool_], target: int = 36, least_share: float = 0.3) -> tuple[NDArray[np.int32], int]:
    """Cut a mask (H, W) into about `target` square blocks: (labels, count).

    Cells of the grid less than `least_share` full join the nearest fuller one, so that every pixel is in a block.
    """
    labels = np.zeros(mask.shape, np.int32)
    area = int(mask.sum())
    if area == 0:
        return labels, 0
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, left = rows[0], columns[0]
    side = max(round(np.sqrt(area / target)), 1)
    n_columns = (columns[-1] - left) // side + 1
    n_rows = (rows[-1] - top) // side + 1
    y, x = np.nonzero(mask)
    cell = ((y - top) // side) * n_columns + (x - left) // side
    sizes = np.bincount(cell, minlength=n_rows * n_columns)
    full = np.flatnonzero(sizes >= min(least_share * side * side, sizes.max()))
    number = np.zeros(len(sizes), np.int32)
    number[full] = np.arange(1, len(full) + 1)
    for poor in np.flatnonzero((sizes > 0) & (number == 0)):
        distance = (full // n_columns - poor // n_columns) ** 2 + (full % n_columns - poor % n_columns) ** 2
        number[poor] = number[full[int(np.argmin(distance))]]
    labels[y, x] = number[cell]
    return labels, len(full)

"""Pixels grouped into blocks: the ground that every value and every resampling stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Labels = NDArray[np.unsignedinteger[Any]]
Piece = tuple[slice, slice, NDArray[np.bool_] | None]

MOST_BLOCKS = 2**16 - 1
_THINNED_SIDE = 256
_COUNTED_PX = 2**22  # OpenCV tells counts as 32-bit floats, which hold whole numbers up to four times as many


@dataclass(frozen=True, eq=False)
class Cells:
    """A region cut into `count` blocks: `labels` (H, W), 0 outside, 1..count inside; 8 bits where those do."""

    labels: Labels | GridLabels
    count: int

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Pixels a block, (count,)."""
        if self.labels.size == 0:
            return np.zeros(self.count, np.int64)
        sizes = np.zeros(self.count + 1, np.int64)
        at_once = max(_COUNTED_PX // self.labels.shape[1], 1)
        for top in range(0, len(self.labels), at_once):
            part = np.ascontiguousarray(self.labels[top : top + at_once])
            sizes += cv2.calcHist([part], [0], None, [self.count + 1], [0, self.count + 1]).reshape(-1).astype(np.int64)
        return sizes[1:]

    @cached_property
    def pixels(self) -> int:
        """Pixels of the region."""
        return int(self.sizes.sum())

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each block begins in what `take` gives, (count + 1,)."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    @cached_property
    def _pieces(self) -> list[Piece]:
        """Of each block: the rows and columns around it, and where it lies in them; None where it fills them."""
        step = max(min(self.labels.shape) // _THINNED_SIDE, 1)
        boxes = self._boxes(step)
        found = [self._piece(number, box) for number, box in enumerate(boxes)]
        if any(piece is None for piece in found):  # a block has a pixel far from all that thinning left of it
            exact = self._boxes(1)
            found = [piece or self._piece(number, exact[number]) for number, piece in enumerate(found)]
        return [(slice(0), slice(0), None) if piece is None else piece for piece in found]

    def _boxes(self, step: int) -> list[tuple[slice, slice]]:
        """Rows and columns around each block, from every `step`-th pixel."""
        thin = self.labels[::step, ::step]
        sides: list[list[slice]] = []
        for axis, length in enumerate(thin.shape):
            present = np.zeros((self.count + 1, length), bool)
            along = np.arange(length)
            present[thin, along[:, None] if axis == 0 else along[None, :]] = True
            first, last = present.argmax(1), length - present[:, ::-1].argmax(1)
            seen = np.flatnonzero(present.any(1))
            boxes = [slice(0, 0)] * (self.count + 1)
            for label in seen:
                boxes[label] = slice(max(int(first[label]) - 1, 0) * step, (int(last[label]) + 1) * step)
            sides.append(boxes[1:])
        return list(zip(*sides, strict=True))

    def _piece(self, number: int, box: tuple[slice, slice]) -> Piece | None:
        """A block's piece if the whole block lies within a box."""
        size = int(self.sizes[number])
        if size == 0:
            return slice(0), slice(0), None
        own = self.labels[box] == number + 1
        if np.count_nonzero(own) != size:
            return None
        rows, columns = (slice(int(at[0]), int(at[-1]) + 1) for at in map(np.flatnonzero, (own.any(1), own.any(0))))
        place = slice(box[0].start + rows.start, box[0].start + rows.stop)
        along = slice(box[1].start + columns.start, box[1].start + columns.stop)
        own = own[rows, columns]
        return place, along, None if own.all() else own

    def on(self, image: NDArray[Any]) -> Cells:
        """These cells on a map of this size: itself, or the pixels of a map reduced by a whole factor."""
        factor = factor_between(self.labels.shape, image.shape)
        return self if factor == 1 else self.reduced(factor)

    def hardly_on(self, image: NDArray[Any]) -> bool:
        """Whether a map of this size misses most of the region, which is thinner than the map's pixels."""
        own = self.on(image)
        expected = self.pixels * own.labels.size / max(self.labels.size, 1)
        return own.pixels < 0.25 * expected or own.pixels == 0

    @cached_property
    def _reduced(self) -> dict[int, Cells]:
        return {}

    def reduced(self, factor: int) -> Cells:
        """The cells of a map whose pixels each hold `factor` x `factor` of these: a pixel belongs to its middle's."""
        if factor not in self._reduced:
            thinned = np.ascontiguousarray(self.labels[factor // 2 :: factor, factor // 2 :: factor])
            height, width = (-(-side // factor) for side in self.labels.shape)
            missing = (height - thinned.shape[0], width - thinned.shape[1])
            if any(missing):
                thinned = np.pad(thinned, ((0, missing[0]), (0, missing[1])))
            self._reduced[factor] = Cells(thinned, self.count)
        return self._reduced[factor]

    def any(self) -> bool:
        """Whether there is a pixel of the region."""
        return bool(np.asarray(self.labels[:]).any())

    def cut(self, place: tuple[slice, slice]) -> Cells:
        """These cells in some rows and columns."""
        return Cells(self.labels[place], self.count)

    def take(self, image: NDArray[Any]) -> NDArray[Any]:
        """Pixels of the region in block order: (H, W[, C]) -> (n[, C])."""
        out = np.empty((self.pixels, *image.shape[2:]), image.dtype)
        for start, stop, (rows, columns, own) in zip(self.starts, self.starts[1:], self._pieces, strict=False):
            part = image[rows, columns]
            out[start:stop] = part.reshape(-1, *image.shape[2:]) if own is None else part[own]
        return out

    def parts(self, image: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
        """Each block that holds any, and its pixels, (n[, C]): what `take` gives, one block at a time."""
        for block, (rows, columns, own) in enumerate(self._pieces):
            part = image[rows, columns]
            part = part.reshape(-1, *image.shape[2:]) if own is None else part[own]
            if len(part):
                yield block, part

    def squares(self, image: NDArray[np.float32]) -> NDArray[np.float64]:
        """Sum of squares of an image (H, W) over each block, (count,)."""
        out = np.zeros(self.count)
        for block, (rows, columns, own) in enumerate(self._pieces):
            part = image[rows, columns]
            if part.size:
                out[block] = cv2.norm(part, cv2.NORM_L2SQR, None if own is None else own.view(np.uint8))
        return out

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
        return self.each(values, lambda part: float(part.mean(dtype=None if part.dtype.kind == "f" else np.float64)))

    def medians(self, values: NDArray[Any]) -> tuple[float, NDArray[np.float64]]:
        """Median of all values (n,) and of each block's, (count,); NaN where there is none."""
        return median(values), self.each(values, median)


def factor_between(whole: tuple[int, ...], reduced: tuple[int, ...]) -> int:
    """How many pixels of a map (H, W, ...) lie along one of its reduced map (ceil(H / f), ceil(W / f), ...), f = 2^k.

    Raises ValueError where it is no such map.
    """
    factor = 1
    while factor < 2 * max(*whole[:2], 1):
        if tuple(-(-side // factor) for side in whole[:2]) == tuple(reduced[:2]):
            return factor
        factor *= 2
    raise ValueError(f"a map of {reduced[:2]} pixels is no reduction of one of {whole[:2]}")


def median(values: NDArray[Any]) -> float:
    """Median of values (n,) without NaN, as `numpy.median` and several times faster; NaN for none."""
    count = len(values)
    if count == 0:
        return float("nan")
    high = count // 2
    ordered = np.partition(values, high)
    upper = ordered[high]
    return float(upper) if count % 2 else (float(upper) + float(ordered[:high].max())) / 2


def cells_of(labels: NDArray[np.integer[Any]] | NDArray[np.bool_], count: int) -> Cells:
    """Cells of a label image (H, W): 0 outside, 1..count inside."""
    return Cells(np.ascontiguousarray(labels, _label_type(count)), count)


def _label_type(count: int) -> type[np.uint8] | type[np.uint16]:
    return np.uint8 if count < 2**8 else np.uint16


@dataclass(frozen=True, eq=False)
class GridLabels:
    """Labels of a mask (H, W) by a grid over it, made where they are asked for: as an array of them, read only.

    `rows`, `columns`: which of the grid's an image's row and column lies in, -1 outside; `table`: labels of the grid.
    """

    mask: NDArray[np.bool_]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    table: Labels

    @property
    def shape(self) -> tuple[int, ...]:
        return self.mask.shape

    @property
    def size(self) -> int:
        return self.mask.size

    def __len__(self) -> int:
        return len(self.mask)

    def __getitem__(self, place: slice | tuple[Any, Any]) -> Labels:
        rows, columns = place if isinstance(place, tuple) else (place, slice(None))
        inside = self.mask[rows, columns]
        row, column = self.rows[rows], self.columns[columns]
        found = self.table[row, column] if inside.ndim < 2 else np.take(self.table[:, column], row, axis=0)
        return np.multiply(found, inside, out=found)


def grid_labels(mask: NDArray[np.bool_], target: int = 36, least_share: float = 0.3) -> tuple[GridLabels, int]:
    """Cut a mask (H, W) into about `target` square blocks: (labels, count).

    Cells of the grid less than `least_share` full join the nearest fuller one, so that every pixel is in a block.
    """
    height, width = mask.shape
    outside = np.full(height, -1), np.full(width, -1)
    area = int(np.count_nonzero(mask))
    if area == 0:
        return GridLabels(mask, *outside, np.zeros((1, 1), np.uint8)), 0
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, left, bottom, right = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    side = max(round(np.sqrt(area / target)), 1)
    n_rows, n_columns = -(-(bottom - top) // side), -(-(right - left) // side)
    if n_rows * n_columns > MOST_BLOCKS:  # a line of single pixels
        side = max(-(-(bottom - top) // 255), -(-(right - left) // 255))
        n_rows, n_columns = -(-(bottom - top) // side), -(-(right - left) // side)
    inside = mask[top:bottom, left:right].view(np.uint8)
    starts = np.arange(n_columns) * side
    in_rows = (
        cv2.reduce(inside[row * side : (row + 1) * side], 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S) for row in range(n_rows)
    )
    sizes = np.concatenate([np.add.reduceat(columns.reshape(-1), starts) for columns in in_rows])
    full = np.flatnonzero(sizes >= min(least_share * side * side, sizes.max()))
    number = np.zeros(len(sizes), np.uint16)
    number[full] = np.arange(1, len(full) + 1)
    for poor in np.flatnonzero((sizes > 0) & (number == 0)):
        distance = (full // n_columns - poor // n_columns) ** 2 + (full % n_columns - poor % n_columns) ** 2
        number[poor] = number[full[int(np.argmin(distance))]]
    table: Labels = np.asarray(number.reshape(n_rows, n_columns), _label_type(len(full)))
    outside[0][top:bottom], outside[1][left:right] = (np.arange(n) // side for n in (bottom - top, right - left))
    return GridLabels(mask, *outside, table), len(full)


def grid_blocks(mask: NDArray[np.bool_], target: int = 36, least_share: float = 0.3) -> tuple[Labels, int]:
    """`grid_labels` as an array, (H, W)."""
    labels, count = grid_labels(mask, target, least_share)
    return labels[:], count

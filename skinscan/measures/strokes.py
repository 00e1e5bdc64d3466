"""What measures of long things share: their lengths by block, medians along them, and their picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import tracing
from skinscan.arrays.cells import Cells
from skinscan.measures import Sample
from skinscan.measures.maps import Maps

Values = NDArray[np.float64]

ROWS_AT_ONCE = 128


@dataclass(frozen=True, eq=False)
class Stroke:
    """A long thing: its centre (n, 2) in pixels of the maps, and what it has at each point, each (n,), by name."""

    path: Values
    along: Mapping[str, Values]

    def part(self, run: slice) -> Stroke:
        """Some of its points."""
        return Stroke(self.path[run], {name: values[run] for name, values in self.along.items()})

    def length(self, unit_per_px: float) -> float:
        """Its length in the unit."""
        return float(tracing.lengths(self.path).sum()) * unit_per_px


@dataclass(frozen=True, eq=False)
class Searched:
    """Pixels (h, w) of a reduced picture that were searched, and how many pixels of the maps lie along one."""

    mask: NDArray[np.bool_]
    factor: int


@dataclass(frozen=True, eq=False)
class Pieces:
    """The steps of all strokes in a region, each (n,): length in mm, what they have, and the block that each lies in
    (0..K-1); and the searched skin of each block in cm2, (K,)."""

    length_mm: Values
    along: Mapping[str, Values]
    block: NDArray[np.int64]
    area_cm2: Values

    @property
    def by_block(self) -> Values:
        """Length in each block, mm (K,)."""
        return summed(self.block, self.length_mm, len(self.area_cm2))

    def density(self, count: int) -> Sample:
        """Length over searched skin, mm/cm2, of `count` strokes."""
        area, length = self.area_cm2, self.by_block
        blocks = length / np.where(area > 0, area, np.nan)
        return Sample(float(length.sum() / area.sum()), blocks, area, count)

    def median(self, name: str, count: int) -> Sample:
        """Median along all strokes of what they have."""
        values, blocks = self.along[name], len(self.area_cm2)
        order = np.argsort(self.block, kind="stable")
        members = np.split(order, np.searchsorted(self.block[order], np.arange(1, blocks)))
        of_blocks = np.array([weighted_median(values[own], self.length_mm[own]) for own in members])
        return Sample(weighted_median(values, self.length_mm), of_blocks, self.by_block, count)


def pieces_of(maps: Maps, cells: Cells, strokes: Sequence[Stroke], names: Iterable[str], searched: Searched) -> Pieces:
    """The steps of strokes that lie in a region."""
    middles = [(stroke.path[1:] + stroke.path[:-1]) / 2 for stroke in strokes]
    x, y = np.concatenate([np.zeros((0, 2)), *middles]).T
    label = labels_at(cells, x, y)
    own = label > 0
    length_px = np.concatenate([np.zeros(0), *(tracing.lengths(stroke.path) for stroke in strokes)])
    length_mm = length_px * maps.um_per_px_at(x, y) / 1000
    along = {
        name: np.concatenate([np.zeros(0), *((v[1:] + v[:-1]) / 2 for v in (s.along[name] for s in strokes))])[own]
        for name in names
    }
    return Pieces(length_mm[own], along, label[own] - 1, _searched_cm2(maps, cells, searched))


def _searched_cm2(maps: Maps, cells: Cells, searched: Searched) -> Values:
    labels = np.asarray(cells.on(searched.mask).labels[:])
    step, total = float(searched.factor), np.zeros(cells.count)
    for top in range(0, len(labels), ROWS_AT_ONCE):
        own, known = labels[top : top + ROWS_AT_ONCE], searched.mask[top : top + ROWS_AT_ONCE]
        row, column = np.nonzero(known & (own > 0))
        side_um: Values = np.asarray(step * maps.um_per_px_at(column * step, (row + top) * step), np.float64)
        total += summed(own[row, column] - 1, (side_um / 1e4) ** 2, cells.count)
    return total


def summed(block: NDArray[Any], weights: Values, count: int) -> Values:
    """Sum of weights in each block, (count,)."""
    return np.asarray(np.bincount(block, weights=weights, minlength=count), np.float64)


def labels_at(cells: Cells, x: Values, y: Values) -> NDArray[np.int64]:
    """The block (1..K) that each place lies in, 0 outside, (n,)."""
    height, width = cells.labels.shape
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    label = np.zeros(len(x), np.int64)
    label[inside] = cells.labels[row[inside], column[inside]]
    return label


def weighted_median(values: Values, weights: Values) -> float:
    """Weighted median; NaN for none."""
    if len(values) == 0:
        return math.nan
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(np.interp(0.5 * total[-1], total - weights[order] / 2, values[order]))


def runs(chosen: NDArray[np.bool_]) -> list[slice]:
    """Where a row (n,) is true without a break."""
    turns = np.flatnonzero(np.diff(chosen.astype(np.int8), prepend=0, append=0))
    return [slice(int(start), int(stop)) for start, stop in turns.reshape(-1, 2)]


def without_rim(known: NDArray[np.bool_], rim_px: float, hole_px: float) -> NDArray[np.bool_]:
    """What is known (h, w) less its rim, small holes closed."""
    if not known.any():
        return known

    def disc(radius_px: float) -> NDArray[np.uint8]:
        side = 2 * max(round(radius_px), 1) + 1
        return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)

    pad = round(hole_px) + 2
    mask = cv2.morphologyEx(np.pad(known.astype(np.uint8), pad), cv2.MORPH_CLOSE, disc(hole_px / 2))
    return np.asarray(cv2.erode(mask, disc(rim_px))[pad:-pad, pad:-pad] > 0)


def drawn(maps: Maps, strokes: Sequence[Stroke], value: str, width_px: str) -> NDArray[np.float32]:
    """What strokes have, drawn on the maps (h, w) as wide as they are; 0 on skin without one, NaN off it."""
    top, left = maps.place[0].start, maps.place[1].start
    out: NDArray[np.float32] = np.zeros(maps.measured.shape, np.float32)
    for stroke in strokes:
        places = np.rint((stroke.path - (left, top)) * 16).astype(np.int32)
        widths = np.maximum(np.rint(stroke.along[width_px]), 1).astype(int)
        for at in range(len(places) - 1):
            level = float(stroke.along[value][at])
            cv2.polylines(out, [places[at : at + 2]], False, level, int(widths[at]), cv2.LINE_8, 4)
    return np.where(maps.measured, out, np.float32(np.nan))

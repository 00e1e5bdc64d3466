"""Whether a region holds enough pores, told without looking for all of them."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.cells import Cells, cells_of
from skinscan.assessment import EVIDENCE_MARGIN_MM, LEAST_PIXELS
from skinscan.measures import Measure
from skinscan.measures.maps import Maps
from skinscan.measures.pores import LEAST_PORES, LEAST_PORES_TAIL, count_in
from skinscan.records import SKIN, Notice

PORE_WINDOWS_PX = (400, 900, 2000)
"""Sides of the windows in which pores are counted, one after the other, until there are enough of them."""

SURE = 1.6
"""Ratio of the pores in a window to those that are needed, either way, from which the whole photo is not asked: what is
a pore is told against the whole photo's own contrast, and a window counts up to a third more or fewer."""


def too_few_pores(maps: Maps, region: str, measure: Measure) -> Notice | None:
    """Why there are too few pores, told by counting in windows that grow until there are enough, or all is counted;
    where that is too near to call, as `assess` counts."""
    assert measure.evaluate is not None
    for side in (*PORE_WINDOWS_PX, None):
        window = maps.once(("window", region, side), partial(_window, maps, region, side))
        if window is None:
            continue
        part, cells, whole = window
        count = count_in(part, cells)
        if count >= SURE * LEAST_PORES_TAIL:
            return None
        if whole:
            if not _sure(count):
                part, cells = maps, maps.once(("region", region), partial(_cells, maps, region))
            sample = measure.evaluate(part, cells, None)
            return sample.notices[0] if math.isnan(sample.value) else None
    return None


def _sure(count: int) -> bool:
    """Whether so many pores in a window are clearly enough, or clearly too few, for each kind of number."""
    return all(count * SURE < least or count >= SURE * least for least in (LEAST_PORES, LEAST_PORES_TAIL))


def _cells(maps: Maps, region: str) -> Cells:
    return cells_of(maps.frame.regions[region][maps.box], 1)


def _window(maps: Maps, region: str, side: int | None) -> tuple[Maps, Cells, bool] | None:
    """Maps of a square of a region around its middle, its cells, and whether that is all of the region; None where a
    square would hold all of it as well. Around it lies what is measured there, as in the whole photo's maps."""
    frame, mask = maps.frame, maps.frame.regions[region]
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    place = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    if side is not None:
        if side >= max(rows[-1] - rows[0], columns[-1] - columns[0]):
            return None
        row, column = _middle(mask)
        place = slice(max(row - side // 2, 0), row + side // 2), slice(max(column - side // 2, 0), column + side // 2)
        if int(np.count_nonzero(mask[place])) < LEAST_PIXELS:
            return None
    inside, around = np.zeros_like(mask), np.zeros_like(mask)
    inside[place] = mask[place]
    margin = math.ceil(EVIDENCE_MARGIN_MM * 1000 / maps.um_per_px)
    near = (
        slice(max(place[0].start - margin, 0), place[0].stop + margin),
        slice(max(place[1].start - margin, 0), place[1].stop + margin),
    )
    around[near] = np.logical_or.reduce([other[near] for other in frame.regions.values()])
    own = Maps(replace(frame, regions={SKIN: around}, reference_mask=None), lasting=False)
    own.coarser_um_per_px = maps.coarser_um_per_px
    return own, cells_of(inside[own.box], 1), side is None


def _middle(mask: NDArray[Any]) -> tuple[int, int]:
    """Row and column of the pixel of a mask nearest to its middle."""
    step = max(min(mask.shape) // 256, 1)
    rows, columns = np.nonzero(mask[::step, ::step])
    nearest = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    return int(rows[nearest]) * step, int(columns[nearest]) * step

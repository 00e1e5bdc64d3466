"""Exact medians of values that are too many to be held at once: counted in bins, then looked at again in one bin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.cells import Cells, median

Floats = NDArray[np.float32]
Parts = Callable[[], Iterable[tuple[Cells, Sequence[Floats]]]]
"""Starts a pass over all parts: of each its cells, and its maps (h, w), one a channel."""

Counted = tuple[Floats, NDArray[np.int64]]

BINS = 4096
COUNTED_FROM = 4096


def medians_of(
    parts: Parts, count: int, spans: Sequence[tuple[float, float]], held: bool = False
) -> list[tuple[float, NDArray[np.float64]]]:
    """Median of all values and of each of `count` blocks, (count,), of each channel; NaN where there is none.

    As `Cells.medians` tells them of a whole map. `spans`: where the values of each channel mostly lie; others are as
    exact, and cost more. `held`: all values are held after all, for half the work.
    """
    if held:
        return _medians_of_held(parts, count, len(spans))
    counts = np.zeros((len(spans), count + 1, BINS), np.int64)  # the last row is all blocks together
    for cells, maps in parts():
        for channel, values in _values(cells, maps):
            bins = _bins(values, spans[channel])
            for block in range(count):
                part = bins[cells.starts[block] : cells.starts[block + 1]]
                counts[channel, block] += np.bincount(part, minlength=BINS)
    counts[:, count] = counts[:, :count].sum(1)
    before = np.cumsum(counts, axis=2)
    total = before[..., -1]
    ranks = np.maximum(np.stack([(total - 1) // 2, total // 2], -1), 0)
    wanted = np.stack([(before <= ranks[..., side, None]).sum(2) for side in (0, 1)], -1).clip(0, BINS - 1)
    found: list[list[list[Counted]]] = [[[] for _ in range(count + 1)] for _ in spans]
    for cells, maps in parts():
        for channel, values in _values(cells, maps):
            bins = _bins(values, spans[channel])
            for block in range(count + 1):
                own = slice(cells.starts[block], cells.starts[block + 1]) if block < count else slice(None)
                low, high = wanted[channel, block]
                found[channel][block].append(_counted(values[own][(bins[own] >= low) & (bins[own] <= high)]))
    out = []
    for channel in range(len(spans)):
        told = np.full(count + 1, np.nan)
        for block in range(count + 1):
            if total[channel, block]:
                low = wanted[channel, block, 0]
                below = before[channel, block, low] - counts[channel, block, low]
                told[block] = _at_ranks(found[channel][block], ranks[channel, block] - below).mean()
        out.append((float(told[count]), told[:count]))
    return out


def _counted(values: Floats) -> Counted:
    """Values, and how often each comes where they are so many that they may be few in truth: flat pictures."""
    if len(values) <= COUNTED_FROM:
        return values, np.ones(len(values), np.int64)
    return np.unique(values, return_counts=True)


def _at_ranks(found: Sequence[Counted], ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    """The values at some places of all in ascending order."""
    values, counts = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(values)
    places = np.searchsorted(np.cumsum(counts[order]), ranks, side="right")
    return values[order][places].astype(np.float64)


def _medians_of_held(parts: Parts, count: int, channels: int) -> list[tuple[float, NDArray[np.float64]]]:
    blocks: list[list[list[Floats]]] = [[[] for _ in range(count)] for _ in range(channels)]
    for cells, maps in parts():
        for channel, values in enumerate(maps):
            for block, part in cells.parts(values):
                blocks[channel][block].append(part.copy())
    out = []
    for of_channel in blocks:
        told = [median(np.concatenate(part)) if part else np.nan for part in of_channel]
        every = [values for part in of_channel for values in part]
        out.append((median(np.concatenate(every)) if every else np.nan, np.array(told)))
        of_channel.clear()
    return out


def _values(cells: Cells, maps: Sequence[Floats]) -> Iterable[tuple[int, Floats]]:
    return ((channel, cells.take(values)) for channel, values in enumerate(maps))


def _bins(values: Floats, span: tuple[float, float]) -> NDArray[np.uint16]:
    low, high = span
    place = (values - np.float32(low)) * np.float32(BINS / (high - low))
    return np.asarray(np.clip(place, 0, BINS - 1), np.uint16)

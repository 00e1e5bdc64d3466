"""Regions proposed from the skin's shape alone, where no face shows which part is which."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.records import BoolArray

Points = NDArray[np.float64]

GRID_PX = 128
"""Longer side of the reduced mask of the skin's surroundings in which rectangles are looked for."""

FINE_PX = 512
"""Longer side to which a larger mask is thinned first: whole photos are slow to look through."""

MOST_AREAS = 6
LEAST_SHARE = 0.03
"""An area must hold this share of the skin, or it is not worth a name."""

WHOLE_SHARE = 0.6
"""Share of the skin from which one rectangle is split in four: so much of a close-up is better compared in parts."""

MARGIN = 0.02
"""Distance kept to the skin's edge (outlines, hair's roots), in sides of a square as large as the skin."""

LEAST_ELONGATION = 1.25
"""Ratio of the skin's axes from which the areas follow its own direction (an arm across the picture)."""


class _Rectangle(NamedTuple):
    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)


def propose_regions(skin: BoolArray) -> dict[str, Points]:
    """Polygons (4, 2) in photo pixels of up to six areas of skin, `area_1` and on in reading order; may be empty.

    `skin` (H, W). They are the largest rectangles within the skin, along its own direction, split into parts that are
    not much longer than wide. They say nothing of which part of a body they are: they are for a person to accept, to
    name and to move. The same skin in another photo is found by registration, not by proposing anew.
    """
    every = max(1, max(skin.shape) // FINE_PX)
    thinned = skin[every // 2 :: every, every // 2 :: every]
    rows, columns = (np.flatnonzero(thinned.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return {}
    corner = np.array([columns[0], rows[0]], np.float64)
    seen = thinned[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = seen.shape
    factor = min(1.0, GRID_PX / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(seen.astype(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 200
    to_grid = _upright(small, size)
    side = int(np.ceil(np.hypot(*size))) + 2
    turned = cv2.warpAffine(small.view(np.uint8), to_grid, (side, side), flags=cv2.INTER_NEAREST)
    cells = float(np.count_nonzero(turned))
    reach = max(1, round(MARGIN * np.sqrt(cells)))
    free = cv2.erode(turned, np.ones((2 * reach + 1,) * 2, np.uint8), borderValue=0) > 0
    back = cv2.invertAffineTransform(to_grid)
    scale = np.array([width / size[0], height / size[1]])
    areas = [
        ((_corners(block) @ back[:, :2].T + back[:, 2] + 0.5) * scale - 0.5 + corner) * every + every // 2
        for block in _blocks(free, LEAST_SHARE * cells)
    ]
    areas = [np.clip(area, 0.0, (skin.shape[1] - 1.0, skin.shape[0] - 1.0)) for area in areas]
    return {f"area_{number}": area for number, area in enumerate(_in_reading_order(areas), 1)}


def _in_reading_order(areas: list[Points]) -> list[Points]:
    """Row by row: areas belong to a row when their middles differ by less than half the first one's height."""
    left, ordered = sorted(areas, key=lambda area: float(area[:, 1].mean())), []
    while left:
        limit = float(left[0][:, 1].mean()) + 0.5 * float(np.ptp(left[0][:, 1]))
        row = [area for area in left if float(area[:, 1].mean()) < limit] or left[:1]
        ordered += sorted(row, key=lambda area: float(area[:, 0].mean()))
        left = left[len(row) :]
    return ordered


def _upright(small: BoolArray, size: tuple[int, int]) -> Points:
    """The affine map (2, 3) that turns the skin's long axis level or upright, into a square that holds all of it."""
    rows, columns = np.nonzero(small)
    spread = np.atleast_2d(np.cov(np.stack([columns, rows]))) if len(rows) > 2 else np.eye(2)
    values, vectors = np.linalg.eigh(spread)
    turn = 0.0
    if values[1] > LEAST_ELONGATION**2 * max(float(values[0]), 1e-9):
        turn = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
        turn = (turn + 45.0) % 90.0 - 45.0
    middle = ((size[0] - 1) / 2, (size[1] - 1) / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, turn, 1.0), np.float64)
    matrix[:, 2] += (np.ceil(np.hypot(*size)) + 1) / 2 - np.array(middle)
    return matrix


def _blocks(free: BoolArray, least: float) -> list[_Rectangle]:
    """Disjoint rectangles within the free cells, largest first, each split until it is near a square."""
    blocks: list[_Rectangle] = []
    left = free.copy()
    total = max(1, int(np.count_nonzero(free)))
    while len(blocks) < MOST_AREAS:
        found = _largest(left)
        if found is None or found.area < least:
            break
        left[found.top : found.bottom, found.left : found.right] = False
        parts = _split(found, 2 if found.area > WHOLE_SHARE * total else 1)
        blocks += [part for part in parts if part.area >= least]
    return blocks[:MOST_AREAS]


def _split(whole: _Rectangle, least_parts: int) -> list[_Rectangle]:
    """A rectangle cut along each side into parts, `least_parts` or more, so that none is twice as long as wide."""
    width, height = whole.right - whole.left, whole.bottom - whole.top
    across = max(least_parts, min(3, round(width / height)))
    down = max(least_parts, min(3, round(height / width)))
    x = np.linspace(whole.left, whole.right, across + 1).round().astype(int)
    y = np.linspace(whole.top, whole.bottom, down + 1).round().astype(int)
    return [_Rectangle(int(x[i]), int(y[j]), int(x[i + 1]), int(y[j + 1])) for j in range(down) for i in range(across)]


def _largest(free: BoolArray) -> _Rectangle | None:
    """The largest rectangle of free cells: of all the heights above each row, the widest run that reaches them."""
    best: _Rectangle | None = None
    heights = np.zeros(free.shape[1] + 1, np.int64)
    for row, cells in enumerate(free):
        heights[:-1] = np.where(cells, heights[:-1] + 1, 0)
        open_runs: list[tuple[int, int]] = []  # start and height, rising
        for column, height in enumerate(heights.tolist()):
            start = column
            while open_runs and open_runs[-1][1] >= height:
                start, tall = open_runs.pop()
                if tall and (best is None or tall * (column - start) > best.area):
                    best = _Rectangle(start, row + 1 - tall, column, row + 1)
            open_runs.append((start, height))
    return best


def _corners(block: _Rectangle) -> Points:
    """Corners in cell coordinates, a cell's middle being whole; half a cell of gap lies between neighbours."""
    left, top, right, bottom = block.left - 0.25, block.top - 0.25, block.right - 0.75, block.bottom - 0.75
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])

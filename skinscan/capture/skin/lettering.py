"""Watermarks and other lettering drawn over skin, opaque or half transparent, lighter or darker than it.

A letter is a stroke much longer than wide, of one opacity all along, and its neighbours have the same. A glint, a
freckle or a pore is a spot; a hair or a furrow is a stroke whose strength comes and goes, and whose neighbours differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.statistics import percentile
from skinscan.records import BoolArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

WIDEST_STROKE_PX = 11
"""Widest stroke that is looked for in the picture, and in the picture at a half."""

LEAST_OPACITY, OVER_STRUCTURE = 0.05, 6.0
"""Least opacity of a stroke, and in median absolute deviations (as SD) of the skin's own structure."""

LONG = 3.2
"""Least area of a letter over its stroke's width squared; spots have 0.8."""

LEAST_AREA_PX, LEAST_SIZE_PX, LARGEST_SHARE = 45, 10, 0.2
LEAST_PIECE_PX = 8
"""Area from which a dot or a piece of a letter is taken along with sure letters of its opacity beside it."""

SHARP = 0.25
"""Least gradient on the rim of a letter, a pixel of the picture at full size, over its contrast: drawn edges have 0.3
and more, shading has 0.1 and less."""

UNEVEN = 0.25
"""Largest range of opacity (20th to 80th percentile) within a letter, over its median."""

ALIKE = 1.25
LETTERS = 5
"""Letters of one opacity (within this factor), near one another and of like size, that make lettering."""


IN_LINE = 0.4
"""Largest distance of a letter's middle from its line, in sizes."""


EVERY = 3
"""Rows and columns from one pixel to the next of those by which what is usual on this skin is told."""


def lettering(grey: Bytes, skin: BoolArray, where: BoolArray) -> BoolArray:
    """(h, w) mask of lettering within `where` of a picture (h, w) in codes whose bare skin is `skin`."""
    found: NDArray[Any] = np.zeros(skin.shape, np.uint8)
    gradient = _gradient(grey)
    for part in (1, 2):
        size = (skin.shape[1] // part, skin.shape[0] // part)
        if min(size) < 100:
            break
        small = _floats(cv2.GaussianBlur(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), (0, 0), 0.7))
        bare, near = (cv2.resize(m.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0 for m in (skin, where))
        steep = _floats(cv2.resize(gradient, size, interpolation=cv2.INTER_NEAREST))
        gradient = _floats(cv2.dilate(gradient, np.ones((3, 3), np.uint8)))
        for lighter in (True, False):
            strokes = _strokes(small, bare, near, steep, lighter)
            if strokes.any():
                large = cv2.resize(strokes.view(np.uint8), skin.shape[::-1], interpolation=cv2.INTER_NEAREST)
                found = cv2.bitwise_or(found, large)
    return np.asarray(found) > 0


@dataclass(frozen=True, slots=True)
class _Letter:
    label: int
    x: float
    y: float
    size: float
    opacity: float
    sure: bool


def _gradient(grey: Bytes) -> Floats:
    """Codes a pixel, the largest of 3 x 3."""
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order, scale=0.125) for order in ((1, 0), (0, 1)))
    return _floats(cv2.dilate(cv2.magnitude(across, down), np.ones((3, 3), np.uint8)))


def _floats(values: NDArray[Any]) -> Floats:
    return np.asarray(values, np.float32)


def _strokes(level: Floats, skin: BoolArray, where: BoolArray, steep: Floats, lighter: bool) -> BoolArray:
    beside = _beside(level, lighter)
    opacity = _floats(
        (level - beside) / np.maximum(255.0 - beside, 30.0) if lighter else 1 - level / np.maximum(beside, 30.0)
    )
    sharpness = _floats(steep / np.maximum(np.abs(level - beside), 1.0))
    inside = opacity[::EVERY, ::EVERY][skin[::EVERY, ::EVERY]]
    if not inside.size:
        return np.zeros_like(skin)
    spread = 1.48 * float(np.median(np.abs(inside - np.median(inside))))
    marked = (opacity > max(LEAST_OPACITY, OVER_STRUCTURE * spread)) & where
    _, labels, stats, centres = cv2.connectedComponentsWithStats(marked.view(np.uint8), connectivity=8)
    areas, sizes = stats[:, cv2.CC_STAT_AREA], stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)

    def told(chosen: NDArray[Any]) -> list[_Letter]:
        looks = (_letter(int(n), labels, stats[n], centres[n], opacity, sharpness) for n in np.flatnonzero(chosen) if n)
        return [letter for letter in looks if letter is not None]

    large = (areas >= LEAST_AREA_PX) & (sizes >= LEAST_SIZE_PX) & (sizes <= LARGEST_SHARE * max(labels.shape))
    company = _in_company([letter for letter in told(large) if letter.sure])
    if not company:
        return np.zeros_like(skin)
    near = sizes <= LARGEST_SHARE * max(labels.shape)
    pieces = told((areas >= LEAST_PIECE_PX) & near & _beside_any(centres, company))
    kept = np.zeros(len(stats), np.bool_)
    kept[[letter.label for letter in company]] = True
    kept[[piece.label for piece in pieces if _belongs(piece, company)]] = True
    grown: BoolArray = cv2.dilate(kept[labels].view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return grown


def _beside(level: Floats, lighter: bool) -> Floats:
    """The level of what is beside thin lighter (or darker) things, under them too."""
    side = WIDEST_STROKE_PX + 2
    kind = cv2.MORPH_OPEN if lighter else cv2.MORPH_CLOSE
    return _floats(cv2.blur(cv2.morphologyEx(level, kind, np.ones((side, side), np.uint8)), (5, 5)))


def _letter(
    label: int,
    labels: NDArray[Any],
    stats: NDArray[Any],
    centre: NDArray[Any],
    opacity: Floats,
    sharpness: Floats,
) -> _Letter | None:
    left, top, width, height, area = (int(v) for v in stats)
    size = max(width, height)
    box = (slice(top, top + height), slice(left, left + width))
    own = labels[box] == label
    depth = cv2.distanceTransform(np.pad(own.view(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    stroke = 2.0 * float(depth.max())
    core = opacity[box][own & (depth >= 0.25 * stroke)]
    low, middle, high = (percentile(core, share) for share in (20, 50, 80))
    sure = size >= LEAST_SIZE_PX and area >= max(LEAST_AREA_PX, LONG * stroke * stroke) and high - low < UNEVEN * middle
    if percentile(sharpness[box][own & (depth < 1.5)], 35) < SHARP:
        return None
    return _Letter(label, float(centre[0]), float(centre[1]), float(size), float(middle), bool(sure))


def _in_company(letters: list[_Letter]) -> list[_Letter]:
    """Those that stand in a line with LETTERS - 1 others of like opacity and size, none further than four sizes."""
    if len(letters) < LETTERS:
        return []
    at = np.array([(letter.x, letter.y) for letter in letters])
    size, opacity = (np.array([getattr(letter, name) for letter in letters]) for name in ("size", "opacity"))
    found = []
    for number, letter in enumerate(letters):
        far = np.linalg.norm(at - at[number], axis=1)
        like = (np.abs(np.log(opacity / letter.opacity)) < np.log(ALIKE)) & (np.abs(np.log(size / letter.size)) < 1.1)
        like &= (far < 4.0 * np.maximum(size, letter.size)) & (far > 0)
        ways = (at[like] - at[number]) / far[like, None]
        if len(ways) and _in_line(at[like] - at[number], ways, IN_LINE * letter.size) >= LETTERS - 1:
            found.append(letter)
    return found


def _beside_any(centres: NDArray[Any], company: list[_Letter]) -> NDArray[np.bool_]:
    """Which places (n, 2) lie within twice the size of a letter."""
    at = np.array([(letter.x, letter.y) for letter in company])
    reach = 2.0 * np.array([letter.size for letter in company])
    near: NDArray[np.bool_] = (np.abs(centres[:, None] - at[None]).max(axis=2) < reach).any(axis=1)
    return near


def _belongs(piece: _Letter, company: list[_Letter]) -> bool:
    """Whether a dot or a piece has the opacity of a letter within twice its size."""
    return any(
        max(abs(piece.x - letter.x), abs(piece.y - letter.y)) < 2.0 * letter.size
        and piece.size < 3.0 * letter.size
        and 1 / ALIKE < piece.opacity / letter.opacity < ALIKE
        for letter in company
    )


def _in_line(places: NDArray[Any], ways: NDArray[Any], width: float) -> int:
    """The most of the places (n, 2) that lie within `width` of a line through the origin along one of `ways` (n, 2)."""
    beside = np.abs(ways[:, :1] * places[None, :, 1] - ways[:, 1:] * places[None, :, 0])
    return int((beside < width).sum(1).max())

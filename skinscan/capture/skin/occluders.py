"""What covers skin or was drawn over it: blur and solid patches, mosaics, pads and bars, lettering, hair.

Nothing is learnt: each kind breaks a rule that bare skin keeps on every tone. Skin in one photo has one fine structure
(grain, pores, sensor noise), and hardly a spot without it; its gradients point anywhere; its colours pass into one
another without a closed outline along which they jump by one and the same step; what is drawn on it by nature (veins,
furrows, glints) is soft or uneven. All is judged on the photo at about 1000 px, of which the skin mask has made most.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.skin.covering import laid
from skinscan.capture.skin.lettering import lettering
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import BoolArray, Photo

MOST_PX = 1400
"""Longer side of the picture that is searched: the photo, halved until it is no longer than this."""

LEAST_STRUCTURE = 0.45
"""Codes of fine structure under which a photo's skin is too smooth for missing structure to be told."""

SMOOTH_SHARE = 0.40
"""A pixel is structureless when it is within this share of the skin's median structure."""
SMOOTH_SEED, SMOOTH_EDGE = 0.70, 0.48
"""Share of structureless pixels around one: bare skin has 0.31, less than 0.6 at its 99.9th percentile."""

AXIS_SEED, AXIS_EDGE = 0.31, 0.42
"""Gradients both across and down over the fewer of the two kinds: bare skin 0.6, more than 0.40 at its 0.1st
percentile, blurred or not."""
MOST_BLOCKS = 2.0
"""Gradients on the borders of 8 x 8 blocks over those inside, beyond which JPEG has made a mosaic of its own."""

LEAST_SIDE_PX = 24
"""Pixels that what is searched must hold across: windows and blocks of 8."""

WINDOW_PX = 17
AXIS_WINDOW_PX = 21
LEAST_PART_PX = 150

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def find_occluders(photo: Photo, skin: BoolArray, thumbnails: Thumbnails | None = None) -> dict[str, BoolArray]:
    """(H, W) masks of what covers or overlies the skin, by kind, each True where it lies; only kinds that were found.

    `smooth`: blurred, painted or solid patches; `mosaic`: pixelated ones; `laid`: pads, bars, stickers and other
    things with a closed, sharp outline; `lettering`: watermarks and text. `skin` is the mask of `find_skin`: it says
    what bare skin looks like in this photo and where to look (in it, in its holes, and a little beyond its rim).
    Nothing is found where the skin is too small or the photo has too little structure to tell.
    """
    thumbnails = thumbnails or Thumbnails(photo)
    pixels = _codes(thumbnails.pixels(_size(photo)))
    near = np.asarray(cv2.resize(skin.view(np.uint8), pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST)) > 0
    if np.count_nonzero(near) < 2500:
        return {}
    where = _hull(near)
    box = _box(where)
    if min(side.stop - side.start for side in box) < LEAST_SIDE_PX:
        return {}
    size, found = photo.shape[::-1], {}
    for kind, part in _found(np.ascontiguousarray(pixels[box]), near[box], where[box]).items():
        if part.any():
            whole = np.zeros(near.shape, np.uint8)
            whole[box] = part
            found[kind] = np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_NEAREST)) > 0
    return found


def _found(pixels: Bytes, skin: BoolArray, where: BoolArray) -> dict[str, BoolArray]:
    """Each kind in a picture (h, w, 3), whether it is there or not."""
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    found = {"smooth": _smooth(pixels, grey, skin) & where, "mosaic": _mosaic(grey, skin) & where}
    covered = found["smooth"] | found["mosaic"]
    found["laid"] = laid(pixels, skin, where)
    found["lettering"] = lettering(grey, skin, where & ~covered)
    return found


def _box(mask: BoolArray) -> tuple[slice, slice]:
    """Rows and columns that hold all of a mask; the rows start at a multiple of 8, as the columns do: JPEG's blocks."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return slice(int(rows[0]) // 8 * 8, int(rows[-1]) + 1), slice(int(columns[0]) // 8 * 8, int(columns[-1]) + 1)


def _size(photo: Photo) -> int:
    longest = max(photo.shape)
    halvings = max(0, math.ceil(math.log2(longest / MOST_PX)))
    return math.ceil(longest / (1 << halvings))


def _codes(pixels: NDArray[Any]) -> Bytes:
    """Samples as 8-bit codes."""
    if pixels.dtype == np.uint8:
        return np.asarray(pixels)
    return np.asarray(pixels >> 8, np.uint8)


def _hull(skin: BoolArray) -> BoolArray:
    """Skin, what it encloses, and its surroundings to a fiftieth of the picture."""
    reach = 2 * max(3, round(0.02 * max(skin.shape))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    grown = cv2.dilate(skin.view(np.uint8), kernel)
    outlines, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    filled: BoolArray = cv2.drawContours(grown, outlines, -1, 1, -1) > 0
    return filled


def _smooth(pixels: Bytes, grey: Bytes, skin: BoolArray) -> BoolArray:
    """Patches without the fine structure that the skin of this photo has."""
    level = grey.astype(np.float32)
    structure = np.abs(level - cv2.GaussianBlur(level, (0, 0), 1.0)) / np.sqrt(level + np.float32(8.0))
    inner = cv2.erode(skin.view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if np.count_nonzero(inner) < 1000:
        return np.zeros_like(skin)
    typical = float(np.median(structure[inner]))
    if typical * math.sqrt(float(np.median(level[inner])) + 8.0) < LEAST_STRUCTURE:
        return np.zeros_like(skin)
    clipped = (pixels.max(axis=2) > 249) | (grey < 12)
    bare = ((structure < np.float32(SMOOTH_SHARE * typical)) & ~clipped).astype(np.float32)
    share = cv2.blur(bare, (WINDOW_PX, WINDOW_PX))
    return _parts(share > SMOOTH_EDGE, share > SMOOTH_SEED, 5)


def _mosaic(grey: Bytes, skin: BoolArray) -> BoolArray:
    """Patches whose gradients run across or down, both, and nowhere else."""
    level = grey.astype(np.float32)
    if _blocks(level, skin) > MOST_BLOCKS:
        return np.zeros_like(skin)
    across, down = (np.abs(a) for a in (level[1:-1, 2:] - level[1:-1, :-2], level[2:, 1:-1] - level[:-2, 1:-1]))
    window = (AXIS_WINDOW_PX, AXIS_WINDOW_PX)
    both, one, other = (cv2.blur(a, window) for a in (np.minimum(across, down), across, down))
    fewer = np.minimum(one, other)
    ratio = np.pad((both + np.float32(0.02)) / (fewer + np.float32(0.1)), 1, constant_values=1.0)
    strong = np.pad(fewer > 0.3, 1)
    part = _parts((ratio < AXIS_EDGE) & strong, (ratio < AXIS_SEED) & strong, 7)
    closed: BoolArray = cv2.morphologyEx(part.view(np.uint8), cv2.MORPH_CLOSE, np.ones(window, np.uint8)) > 0
    return closed


def _blocks(level: Floats, skin: BoolArray) -> float:
    """How much larger the skin's steps across are where JPEG's blocks meet, in a picture at its own size."""
    steps = np.where(skin[:, 1:] & skin[:, :-1], np.abs(np.diff(level, axis=1)), np.float32(np.nan))
    with np.errstate(invalid="ignore"):
        columns = [float(np.nanmean(steps[:, start::8])) for start in range(8)]
    inside = float(np.median(columns))
    return columns[7] / max(inside, 0.05)


def _parts(wide: BoolArray, sure: BoolArray, grow_px: int) -> BoolArray:
    """The connected parts of `wide` that hold something sure and are large enough, grown."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(wide.view(np.uint8), connectivity=4)
    kept = np.bincount(labels[sure & wide], minlength=len(stats)) > 20
    kept &= stats[:, cv2.CC_STAT_AREA] >= LEAST_PART_PX
    kept[0] = False
    part = kept[labels].view(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (grow_px, grow_px))
    grown: BoolArray = cv2.dilate(part, kernel) > 0
    return grown

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

RING_PX = 20
CLEAR_STEP, LEAST_CLEAR_STEP, FULL = 0.36, 0.26, 0.875
"""How many more structureless pixels such a patch has than the skin within RING_PX of it; least, where it fills this
share of its hull. Blurred discs and bars have 0.26-0.7 more, smooth skin made so by JPEG 0.20-0.32."""

AXIS_SEED, AXIS_EDGE = 0.31, 0.42
"""Gradients both across and down over the fewer of the two kinds: bare skin 0.6, more than 0.40 at its 0.1st
percentile, blurred or not."""
FILLED = 0.6
"""Share of its hull from which a mosaic is taken to be all of it."""

MOST_BLOCKS = 2.0
"""Gradients on the borders of 8 x 8 blocks over those inside, beyond which JPEG has made a mosaic of its own."""

JPEG_STEP = 5.0
"""Codes of brightness from one block of a JPEG to the next over which it is no smooth skin but a mosaic."""

EVERY = 3
"""Rows and columns from one pixel to the next of those by which what is usual on this skin is told."""

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
    found = {"smooth": _smooth(pixels, grey, skin) & where, "mosaic": _mosaic(grey) & where}
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
    few = inner[::EVERY, ::EVERY]
    typical, usual = (float(np.median(a[::EVERY, ::EVERY][few])) for a in (structure, level))
    if typical * math.sqrt(usual + 8.0) < LEAST_STRUCTURE:
        return np.zeros_like(skin)
    clipped = (pixels.max(axis=2) > 249) | (grey < 12)
    bare = ((structure < np.float32(SMOOTH_SHARE * typical)) & ~clipped).astype(np.float32)
    share = cv2.blur(bare, (WINDOW_PX, WINDOW_PX))
    part = _parts(share > SMOOTH_EDGE, share > SMOOTH_SEED, 5)
    return _outlined(part, np.asarray(share, np.float32), skin)


def _outlined(found: BoolArray, share: Floats, skin: BoolArray) -> BoolArray:
    """The connected parts that end as what an editor has made does: at once, and mostly in a full outline.

    JPEG takes the fine structure from smooth or evenly lit skin too, but in rags, and less and less towards their rim.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found.view(np.uint8), connectivity=4)
    kept = found.copy()
    for label in range(1, count):
        left, top, width, height = (int(v) for v in stats[label, :4])
        box = (
            slice(max(top - RING_PX, 0), top + height + RING_PX),
            slice(max(left - RING_PX, 0), left + width + RING_PX),
        )
        own = labels[box] == label
        near, far = (
            cv2.dilate(own.view(np.uint8), np.ones((2 * px + 1, 2 * px + 1), np.uint8)) > 0
            for px in (RING_PX // 3, RING_PX)
        )
        ring = far & ~near & skin[box] & ~found[box]
        step = float(share[box][own].mean()) - (float(share[box][ring].mean()) if ring.any() else 0.0)
        if step < CLEAR_STEP and (step < LEAST_CLEAR_STEP or _fullness(own) < FULL):
            kept[box][own] = False
    return kept


def _fullness(part: BoolArray) -> float:
    """Share of its convex hull that a connected part fills, its holes filled."""
    outlines, _ = cv2.findContours(part.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = max(outlines, key=cv2.contourArea)
    return float(cv2.contourArea(outline) / max(cv2.contourArea(cv2.convexHull(outline)), 1.0))


def _mosaic(grey: Bytes) -> BoolArray:
    """Patches whose gradients run across or down, both, and nowhere else."""
    level = grey.astype(np.float32)
    across, down = (np.abs(a) for a in (level[1:-1, 2:] - level[1:-1, :-2], level[2:, 1:-1] - level[:-2, 1:-1]))
    window = (AXIS_WINDOW_PX, AXIS_WINDOW_PX)
    both, one, other = (cv2.blur(a, window) for a in (np.minimum(across, down), across, down))
    fewer = np.minimum(one, other)
    ratio = np.pad((both + np.float32(0.02)) / (fewer + np.float32(0.1)), 1, constant_values=1.0)
    strong = np.pad(fewer > 0.3, 1)
    part = _parts((ratio < AXIS_EDGE) & strong, (ratio < AXIS_SEED) & strong, 7)
    part = _not_jpegs_own(level, part)
    return _filled(cv2.morphologyEx(part.view(np.uint8), cv2.MORPH_CLOSE, np.ones(window, np.uint8)))


def _filled(part: NDArray[Any]) -> BoolArray:
    """Parts near one another, (h, w), filled to their hull where they fill most of it already.

    Cells that happen to be alike show no steps; who makes a mosaic draws a bar or a disc.
    """
    reach = np.ones((2 * AXIS_WINDOW_PX + 1, 2 * AXIS_WINDOW_PX + 1), np.uint8)
    joined = cv2.morphologyEx(np.asarray(part, np.uint8), cv2.MORPH_CLOSE, reach)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    found = np.asarray(part, np.uint8).copy()
    for label in range(1, len(stats)):
        own = (labels == label) & (part > 0)
        hull = cv2.convexHull(np.ascontiguousarray(np.argwhere(own)[:, ::-1], np.int32))
        if np.count_nonzero(own) > FILLED * cv2.contourArea(hull):
            cv2.fillConvexPoly(found, hull, 1)
    return np.asarray(found > 0)


def _not_jpegs_own(level: Floats, part: BoolArray) -> BoolArray:
    """The connected parts whose small steps do not all lie where JPEG's blocks meet: smooth skin, saved small."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(part.view(np.uint8), connectivity=4)
    kept = part.copy()
    for label in range(1, count):
        left, top, width, height = (int(v) for v in stats[label, :4])
        left, top = left // 8 * 8, top // 8 * 8
        box = (slice(top, int(stats[label, 1]) + height), slice(left, int(stats[label, 0]) + width))
        own, values = labels[box] == label, level[box]
        steps = [_step_at_blocks(values, own), _step_at_blocks(values.T, own.T)]
        if min(over for over, _ in steps) > MOST_BLOCKS and max(size for _, size in steps) < JPEG_STEP:
            kept[box][own] = False
    return kept


def _step_at_blocks(level: Floats, own: BoolArray) -> tuple[float, float]:
    """The mean step across where JPEG's blocks meet, over that elsewhere, and its size in codes."""
    steps = np.where(own[:, 1:] & own[:, :-1], np.abs(np.diff(level, axis=1)), np.float32(np.nan))
    meets = steps[:, 7::8]
    within = np.delete(steps, np.s_[7::8], axis=1)
    if not (np.isfinite(meets).any() and np.isfinite(within).any()):
        return 0.0, 0.0
    size = float(np.nanmean(meets))
    return size / max(float(np.nanmean(within)), 0.05), size


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

"""Things that lie on skin with a sharp outline: pads, plasters, bars, stickers."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.records import BoolArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

EDGE_OVER_STRUCTURE = (4.0, 2.5)
"""A pixel belongs to an outline when its gradient exceeds the skin's median gradient this many times: pads of the
colour of skin are told at the second, where bare skin's contours close more often and are held to more."""

LEAST_EDGE = 3.0
"""Codes a pixel under which no gradient is an outline."""

EVEN_STEP = (1.6, 2.6)
"""Mean step of colour across an outline over the scatter of that step, for each of these edges: bare skin's closed
contours have less."""

LEAST_STEP = 8.0
"""Codes of colour between what lies on skin and the skin beside it."""

SHADOW = 0.25
"""Most that the channels of what is inside may differ, in logarithm, over how much darker it is, in a mere shadow."""

LAID_SHARE = (0.002, 0.4)
"""Least and largest size of a thing that lies on skin, as a share of the skin and its holes."""

MOLE_SHARE = 0.03
"""Size, as a share of the skin, under which a thing that is darker as melanin makes it is a mole and nothing laid."""

AMID_SKIN = 0.6
"""Least share of the rim around it that is skin."""

FULL = 0.86
"""Least share of its convex hull that a pad, a bar or a disc fills."""

EVERY = 2
"""Rows and columns from one pixel to the next of those by which what is usual on this skin is told."""


def laid(pixels: Bytes, skin: BoolArray, where: BoolArray) -> BoolArray:
    """(h, w) mask of closed areas with a sharp, even outline: pads, bars, stickers, plasters of any colour.

    Along its whole rim such a thing differs from what is beside it by one and the same step of colour; a shadow, a
    reddened spot or a fold does so softly or in parts. Looked for at a half and a quarter of the picture's size, where
    the skin's own structure is averaged away and a step is not.
    """
    found: NDArray[Any] = np.zeros(skin.shape, np.uint8)
    for part in (2, 4):
        size = (skin.shape[1] // part, skin.shape[0] // part)
        if min(size) < 40:
            continue
        small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        masks = [cv2.resize(m.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0 for m in (skin, where)]
        part_found = _laid_at(small, masks[0], masks[1])
        if part_found.any():
            large = cv2.resize(part_found.view(np.uint8), skin.shape[::-1], interpolation=cv2.INTER_NEAREST)
            found = cv2.bitwise_or(found, large)
    return np.asarray(found) > 0


def _laid_at(pixels: Bytes, skin: BoolArray, where: BoolArray) -> BoolArray:
    smooth = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.8), np.float32)
    gradient = _gradient(smooth)
    usual = gradient[::EVERY, ::EVERY][skin[::EVERY, ::EVERY]]
    found = np.zeros_like(skin)
    if not usual.size:
        return found
    limits = [max(LEAST_EDGE, over * float(np.median(usual))) for over in EDGE_OVER_STRUCTURE]
    for limit, even in zip(limits, EVEN_STEP, strict=True):
        found |= _within_edges(gradient > limit, smooth, skin, where, even)
    return found


def _within_edges(edges: BoolArray, smooth: Floats, skin: BoolArray, where: BoolArray, even: float) -> BoolArray:
    """What lies on the skin among the areas that these edges (h, w) part."""
    inside = where & ~edges
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inside.view(np.uint8), connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA]
    whole = float(np.count_nonzero(where))
    found = np.zeros_like(skin)
    for label in np.flatnonzero((areas > LAID_SHARE[0] * whole) & (areas < LAID_SHARE[1] * whole)):
        if label == 0:
            continue
        left, top, width, height = (int(v) for v in stats[label, :4])
        box = (slice(max(top - 10, 0), top + height + 10), slice(max(left - 10, 0), left + width + 10))
        small = areas[label] < MOLE_SHARE * whole
        part = _is_laid(labels[box] == label, smooth[box], skin[box], even, small)
        if part is not None:
            found[box] |= part
    return found


def _gradient(smooth: Floats) -> Floats:
    """Largest gradient of the three channels, codes a pixel, (h, w)."""
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125)
    return np.asarray(np.sqrt((across * across + down * down).max(axis=2)), np.float32)


def _is_laid(part: BoolArray, smooth: Floats, skin: BoolArray, even: float, small: bool) -> BoolArray | None:
    """The part grown to its outline if that is full, lies amid skin, and its step is even; else None."""
    grown = cv2.morphologyEx(part.view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=cv2.contourArea)
    area = cv2.contourArea(outline)
    if area < FULL * cv2.contourArea(cv2.convexHull(outline)) or area < 60:
        return None
    inner, outer = _beside(outline[:, 0].astype(np.float32), smooth)
    if len(inner) < 12 or not _even(inner - outer, even) or _shadow(inner, outer, len(inner) == len(outline)):
        return None
    if small and _pigment(inner, outer):
        return None
    filled = cv2.drawContours(np.zeros_like(grown), [outline], -1, 1, -1)
    rim = cv2.dilate(filled, np.ones((11, 11), np.uint8)) > cv2.dilate(filled, np.ones((7, 7), np.uint8))
    if np.count_nonzero(rim & skin) < AMID_SKIN * np.count_nonzero(rim):
        return None
    found: BoolArray = cv2.dilate(filled, np.ones((5, 5), np.uint8)) > 0
    return found


def _even(steps: Floats, even: float) -> bool:
    """Whether the steps of colour (n, 3) along an outline are large and alike."""
    mean = np.median(steps, 0)
    size = float(np.linalg.norm(mean))
    scatter = float(np.sqrt(np.mean(np.sum((steps - mean) ** 2, 1))))
    return size > LEAST_STEP and size > even * scatter


def _shadow(inner: Floats, outer: Floats, closed: bool) -> bool:
    """Whether only the light differs: darker inside, or, where the outline runs into the picture's rim, brighter."""
    ratio = np.log(np.median(inner, 0) + 4.0) - np.log(np.median(outer, 0) + 4.0)
    step = float(ratio.mean())
    return float(np.ptp(ratio)) < SHADOW * abs(step) and (step < 0 or not closed)


def _pigment(inner: Floats, outer: Floats) -> bool:
    """Whether it is darker inside as melanin makes it: least in red, most in blue."""
    ratio = np.log(np.median(inner, 0) + 4.0) - np.log(np.median(outer, 0) + 4.0)
    return bool(ratio.mean() < 0 and ratio[0] > ratio[1] and ratio[1] > ratio[2] - 0.1)


def _beside(outline: Floats, smooth: Floats) -> tuple[Floats, Floats]:
    """Colours (n, 3) 2 px inside and 4 px outside an outline (m, 2), the picture's rim left out."""
    ahead = np.roll(outline, -4, 0) - np.roll(outline, 4, 0)
    length = np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-3)
    outward = np.stack([ahead[:, 1], -ahead[:, 0]], 1) / length
    middle = outline.mean(0)
    if np.sum((outline - middle) * outward) < 0:
        outward = -outward
    within, beyond = outline - 2 * outward, outline + 4 * outward
    height, width = smooth.shape[:2]
    kept = (beyond.min(1) > 2) & (beyond[:, 0] < width - 3) & (beyond[:, 1] < height - 3)
    kept &= (within.min(1) >= 0) & (within[:, 0] <= width - 1) & (within[:, 1] <= height - 1)
    inner, outer = (np.round(points[kept]).astype(int) for points in (within, beyond))
    return smooth[inner[:, 1], inner[:, 0]], smooth[outer[:, 1], outer[:, 0]]

"""Hair on a scalp: which share of each pixel lies under strands, by fine oriented texture and by tone.

Where strands lie is rough along one direction; the smoothest places are bare scalp, and their colour says what scalp
looks like here. What no scalp of this light can look like is hair, of whatever colour: darker, lighter, greyer or
redder. The axis in linear RGB that parts the two best (Fisher 1936, doi 10.1111/j.1469-1809.1936.tb02137.x) then tells
of each pixel how much of it is hair, as light mixes linearly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Colours = NDArray[np.floating[Any]]

GRADIENT_MM, LEAST_GRADIENT_PX, AROUND_MM = 0.05, 0.7, 0.3
"""SD of the blur that strands' edges are told at, and of the neighbourhood that they are summed over."""

SEEDS = 0.03
"""Share of the region that is taken for bare scalp at first: the least oriented of it."""

LEAST_WARMTH = 0.2
"""ln(R / B) of bare scalp at least: skin of any tone has 0.5 and more, white, grey and black hair about 0."""

SURE_SCALP, NO_SCALP = 9.0, 25.0
"""Squared distances (Mahalanobis) from the scalp's colour up to which a pixel is scalp, and from which it is not."""

CORE = 0.75
"""Share of hair from which the inside of a strand, or of many, is taken for hair throughout."""

LEAST_CORE_PX, FITTED_PX = 200, 400_000
GAP_MM, MOST_SHADE = 0.6, 0.45
"""How far around a pixel the scalp between strands is looked for, and how far its shade may go towards hair."""

CORE_QUANTILE, BRIGHT_QUANTILE, BRIGHT = 60.0, 30.0, 2.5
"""Percentile of hair along the axis that counts as all hair: its edges hold some light of what is around. Hair that is
brighter than the scalp is as much more uneven as it is bright, down to the second percentile at so many times."""

DOUBT = 0.1
"""Share up to which a pixel counts as all scalp, and as far from hair as all hair: noise and furrows are no hair."""


@dataclass(frozen=True, eq=False)
class Cover:
    """`share` (h, w) of each pixel under hair, 0..1, NaN outside of the region; and how surely hair and scalp part.

    `separation`: distance of hair's and scalp's mean colours along the axis, in their pooled standard deviations.
    `roughness`: oriented log-luminance gradient, 1/mm, of bare scalp; `contrast`: how many times as rough hair is.
    `found` is "" where both were found, else which of the two was not.
    """

    share: Floats
    separation: float
    roughness: float
    contrast: float
    found: str = ""


def oriented_gradient(rgb: Floats, mm_per_px: float) -> Floats:
    """Root of the structure tensor's difference of eigenvalues, (h, w), per mm, of log-luminance in linear RGB."""
    level = np.log(rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32) + np.float32(0.004))
    smooth = cv2.GaussianBlur(level, (0, 0), max(GRADIENT_MM / mm_per_px, LEAST_GRADIENT_PX))
    x, y = (cv2.Sobel(smooth, cv2.CV_32F, dx, 1 - dx, scale=0.125 / mm_per_px) for dx in (1, 0))
    xx, yy, xy = (cv2.GaussianBlur(part, (0, 0), AROUND_MM / mm_per_px) for part in (x * x, y * y, x * y))
    return np.asarray(np.sqrt(np.sqrt((xx - yy) ** 2 + 4 * xy * xy)), np.float32)


def hair_cover(rgb: Floats, inside: Mask, mm_per_px: float) -> Cover:
    """The share of hair in each pixel of a region `inside` (h, w) of linear RGB (h, w, 3)."""
    nowhere = np.full(inside.shape, np.nan, np.float32)
    rough = oriented_gradient(rgb, mm_per_px)
    of_region = rough[inside]
    if not len(of_region):
        return Cover(nowhere, np.nan, np.nan, np.nan, "region")
    colours = np.maximum(rgb[inside], 0.0)
    seeds = of_region <= np.quantile(of_region, SEEDS)
    scalp = _scalp_distance(colours, seeds)
    red, _, blue = np.maximum(np.median(colours[seeds], 0), 1e-4)
    if scalp is None or np.log(red / blue) < LEAST_WARMTH:
        return Cover(nowhere, np.nan, np.nan, np.nan, "scalp")
    axis = _axis(colours, scalp, inside)
    smoothest = float(np.median(of_region[seeds]))
    if axis is None:
        return Cover(nowhere, np.nan, smoothest, np.nan, "hair")
    told, separation, core = axis
    share = np.zeros(inside.shape, np.float32)
    share[inside] = np.clip(told, -0.5, 1.5)
    contrast = float(np.median(of_region[core])) / max(smoothest, 1e-6)
    return Cover(_unshaded(share, inside, mm_per_px), separation, smoothest, contrast)


def _scalp_distance(colours: Colours, seeds: Mask) -> NDArray[np.float64] | None:
    """Squared distance (n,) of each colour from the seeds' main one, in cube roots, where noise is about even."""
    seen = np.cbrt(colours[seeds].astype(np.float64))
    middle = np.median(seen, 0)
    spread = np.diag((1.4826 * np.median(np.abs(seen - middle), 0)) ** 2) + 1e-5 * np.eye(3)
    for _ in range(4):
        kept = seen[_squared(seen - middle, spread) < SURE_SCALP]
        if len(kept) < 50:
            return None
        # what the seeds' own truncation took, and the file's steps
        middle, spread = kept.mean(0), 1.2 * np.cov(kept.T) + 2e-5 * np.eye(3)
    return _squared(np.cbrt(colours.astype(np.float64)) - middle, spread)


def _squared(offsets: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("ij,jk,ik->i", offsets, np.linalg.inv(spread), offsets, optimize=True))


def _axis(colours: Colours, scalp: NDArray[np.float64], inside: Mask) -> tuple[NDArray[np.float64], float, Mask] | None:
    """How far each colour lies from scalp (0) to hair (1), (n,), the separation, and what is hair throughout."""

    def inner(mask: Mask) -> Mask:
        whole = np.zeros(inside.shape, np.uint8)
        whole[inside] = mask
        return np.asarray(cv2.erode(whole, np.ones((3, 3), np.uint8))[inside] > 0)

    bare, core = inner(scalp < SURE_SCALP), inner(scalp > NO_SCALP)
    if int(bare.sum()) < LEAST_CORE_PX:
        return None
    of_scalp = colours[bare].astype(np.float64)
    for _ in range(4):
        if int(core.sum()) < LEAST_CORE_PX:
            return None
        of_hair = colours[core].astype(np.float64)
        apart = of_hair.mean(0) - of_scalp.mean(0)
        within = np.cov(of_scalp.T) + np.cov(of_hair.T) + 1e-7 * np.eye(3)
        weights = np.linalg.solve(within, apart)
        told = (colours - of_scalp.mean(0)) @ weights / float(apart @ weights)
        separation = float(apart @ weights / np.sqrt(weights @ within @ weights / 2))
        core = inner((told > CORE) & (scalp > NO_SCALP))
    if int(core.sum()) < LEAST_CORE_PX:
        return None
    brighter = np.log(max(float(of_hair.mean() / of_scalp.mean()), 1.0)) / np.log(BRIGHT)
    quantile = CORE_QUANTILE + (BRIGHT_QUANTILE - CORE_QUANTILE) * min(brighter, 1.0)
    return told / float(np.percentile(told[core], quantile)), separation, core


def _unshaded(share: Floats, inside: Mask, mm_per_px: float) -> Floats:
    """The share 0..1 once scalp in the strands' shade counts as scalp: a neighbourhood's least is no hair there."""
    radius = max(round(GAP_MM / mm_per_px), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    smooth = cv2.GaussianBlur(share, (0, 0), 0.7)
    least = cv2.GaussianBlur(cv2.erode(smooth, disc), (0, 0), float(radius))
    least = np.clip(least, 0.0, MOST_SHADE)
    told = (share - least) / (1.0 - least)
    told = np.clip((told - DOUBT) / (1.0 - 2 * DOUBT), 0.0, 1.0)
    return np.where(inside, told, np.float32(np.nan)).astype(np.float32)


def closed(labels: NDArray[Any], reach_px: int) -> NDArray[Any]:
    """Labels (h, w) with the gaps between them that are under twice `reach_px` wide, and the holes, given to what is
    beside them: strands that were left out of a region as no skin."""
    inside = np.ascontiguousarray(labels > 0).view(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach_px + 1, 2 * reach_px + 1))
    rim = 2 * reach_px
    near = cv2.morphologyEx(np.pad(inside, rim), cv2.MORPH_CLOSE, disc)[rim:-rim, rim:-rim]
    outlines, _ = cv2.findContours(np.ascontiguousarray(near), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = cv2.drawContours(np.zeros(inside.shape, np.uint8), outlines, -1, 1, -1) > 0
    beside = labels
    for _ in range(64):  # a hole may be wider than the reach
        missing = whole & (beside == 0)
        if not missing.any():
            break
        beside = np.where(missing, cv2.dilate(np.ascontiguousarray(beside, np.uint16), disc), beside)
    return np.asarray(beside * whole, labels.dtype)

"""The patches read: mean codes of their middles from the photo's own pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.chart import PATCHES, PLACES
from skinscan.capture.card.edges import projected
from skinscan.records import BoolArray, Photo

Array = NDArray[np.float64]

MARGIN_PX = 3.5
"""Left out along a patch's edges: blur, sharpening's halo, and half of a block of halved colour."""

LEAST_SHARE = 0.45
"""Of a patch's side, what is read at least, however small the patch: less would be a few noisy pixels."""

MOST_PIXELS = 6_000
"""Read of one patch; more say nothing new."""

BRIGHT, DARK = 0.985, 0.006
"""Codes at which a channel is at the end of its range."""


@dataclass(frozen=True, eq=False)
class Middles:
    """Mean codes (24, 3), standard deviation (24, 3) of the pixels, how many (24,), where a channel is clipped (24, 3),
    and how light changes within each patch, relative, from one side to the other (24,)."""

    codes: Array
    spread: Array
    pixels: NDArray[np.int64]
    clipped: BoolArray
    slope: Array


def read_middles(photo: Photo, homography: Array, patch: float) -> Middles:
    """What the photo shows in the middle of every patch. Patches partly outside of the picture have 0 pixels."""
    codes, spread = np.full((PATCHES, 3), np.nan), np.full((PATCHES, 3), np.nan)
    pixels, clipped = np.zeros(PATCHES, np.int64), np.zeros((PATCHES, 3), bool)
    slope = np.full(PATCHES, np.nan)
    for k in range(PATCHES):
        found = _samples(photo, homography, PLACES[k], patch)
        if found is None:
            continue
        samples, xy = found
        pixels[k] = len(samples)
        codes[k], spread[k] = _trimmed(samples)
        clipped[k] = ((samples >= BRIGHT).mean(axis=0) > 0.02) | ((samples <= DARK).mean(axis=0) > 0.25)
        slope[k] = _slope(samples, xy)
    return Middles(codes, spread, pixels, clipped, slope)


def _samples(photo: Photo, homography: Array, centre: Array, patch: float) -> tuple[Array, Array] | None:
    """Codes 0 to 1 (n, 3) of the pixels in a patch's middle, and their places (n, 2); None where it is cut off."""
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)
    outer = projected(homography, centre + square * patch / 2)
    side = float(np.sqrt(cv2.contourArea(outer.astype(np.float32))))
    if side < 4:
        return None
    share = max(1.0 - 2 * MARGIN_PX / side, LEAST_SHARE) * 0.95
    inner = projected(homography, centre + square * share * patch / 2)
    height, width = photo.shape
    if (inner < 0).any() or (inner[:, 0] > width - 1).any() or (inner[:, 1] > height - 1).any():
        return None
    low, high = np.ceil(inner.min(axis=0)).astype(int), np.floor(inner.max(axis=0)).astype(int) + 1
    mask = np.zeros(tuple((high - low)[::-1]), np.uint8)
    cv2.fillConvexPoly(mask, np.rint((inner - low) * 16).astype(np.int32), 1, cv2.LINE_8, 4)
    y, x = np.nonzero(mask)
    if len(y) < 4:
        return None
    step = max(1, len(y) // MOST_PIXELS)
    y, x = y[::step] + low[1], x[::step] + low[0]
    samples = photo.pixels[y, x].astype(np.float64) / np.iinfo(photo.pixels.dtype).max
    return samples, np.column_stack([x, y]).astype(np.float64)


def _trimmed(samples: Array) -> tuple[Array, Array]:
    """Mean and standard deviation (3,) without what lies beyond four robust standard deviations: dust, a hair."""
    grey = samples @ np.full(3, 1 / 3)
    middle = np.median(grey)
    reach = 4 * max(1.4826 * float(np.median(np.abs(grey - middle))), 0.004)
    kept = samples[np.abs(grey - middle) <= reach]
    return kept.mean(axis=0), kept.std(axis=0)


def _slope(samples: Array, xy: Array) -> float:
    """Change of codes from one side of the samples to the other, over their mean."""
    place = xy - xy.mean(axis=0)
    grey = samples @ np.full(3, 1 / 3)
    slope, *_ = np.linalg.lstsq(place, grey - grey.mean(), rcond=None)
    return float(np.linalg.norm(slope) * np.ptp(place, axis=0).max() / max(grey.mean(), 0.02))

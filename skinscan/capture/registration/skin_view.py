"""What registration looks at: log-luminance of the skin alone, at any size, and the way back to the photo."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import luminance
from skinscan.arrays.filters import inside, masked_gaussian
from skinscan.records import BoolArray, Frame, Photo

_STRIPE_ROWS = 256
_FLOOR_OF_MEDIAN = 0.02


@dataclass(frozen=True, eq=False)
class SkinView:
    """Log-luminance (h, w) float32 of a cut-out of a photo, possibly reduced, and where skin is in it.

    `to_photo` (3, 3) takes pixels of the view to pixels of the photo. Values outside `mask` mean nothing.
    """

    values: NDArray[np.float32]
    mask: BoolArray
    to_photo: NDArray[np.float64]

    @property
    def photo_px(self) -> float:
        """Photo pixels to one pixel of this view."""
        return float(np.sqrt(abs(np.linalg.det(self.to_photo[:2, :2]))))

    def resized(self, photo_px: float) -> SkinView:
        """The same cut-out with about `photo_px` photo pixels to one of its own (never enlarged)."""
        factor = photo_px / self.photo_px
        if factor <= 1.02:
            return self
        height, width = self.mask.shape
        total, share, halving = self._sums(int(math.log2(factor / 0.98)))
        high, wide = share.shape
        size = max(8, round(width / factor)), max(8, round(height / factor))
        if factor > 1.02 * halving:
            total, share = (
                np.asarray(cv2.resize(a, size, interpolation=cv2.INTER_AREA), np.float32) for a in (total, share)
            )
        values = np.zeros_like(total)
        np.divide(total, share, out=values, where=share > 0)
        step_x, step_y = halving * wide / share.shape[1], halving * high / share.shape[0]
        up = np.array([[step_x, 0, step_x / 2 - 0.5], [0, step_y, step_y / 2 - 0.5], [0, 0, 1]])
        return SkinView(values, share > 0.5, self.to_photo @ up)

    def _sums(self, halvings: int) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
        """Mean of the values with 0 outside the mask, and of the mask, over squares of 2^halvings px; that side."""
        if halvings == 0:
            return inside(self.values, self.mask), self.mask.astype(np.float32), 1
        while len(self._halved) < halvings:
            above = self._halved[-1] if self._halved else None
            self._halved.append(self._first_half() if above is None else (_halved(above[0]), _halved(above[1])))
        return *self._halved[halvings - 1], 2**halvings

    @cached_property
    def _halved(self) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        return []

    def _first_half(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The first halving, in stripes: what it is made of is four times as large."""
        shape = tuple(-(-side // 2) for side in self.mask.shape)
        total, share = np.empty(shape, np.float32), np.empty(shape, np.float32)
        for top in range(0, len(self.mask), _STRIPE_ROWS):
            rows, half = slice(top, top + _STRIPE_ROWS), slice(top // 2, (top + _STRIPE_ROWS) // 2)
            total[half] = _halved(inside(self.values[rows], self.mask[rows]))
            share[half] = _halved(self.mask[rows].astype(np.float32))
        return total, share

    def flipped(self) -> SkinView:
        """Left and right exchanged."""
        width = self.mask.shape[1]
        flip = np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])
        values = np.ascontiguousarray(self.values[:, ::-1])
        return SkinView(values, np.ascontiguousarray(self.mask[:, ::-1]), self.to_photo @ flip)

    def equalised(self, width_px: float) -> NDArray[np.uint8]:
        """Local shading taken out and local contrast made alike, (h, w) 128 +- 40 a standard deviation.

        For finding the same place again, never for measuring. 128 outside the mask.
        """
        high = self.values - masked_gaussian(self.values, self.mask, width_px)
        high = np.where(self.mask, high, np.float32(0)).astype(np.float32)
        power = masked_gaussian(high * high, self.mask, 2 * width_px)
        scale = np.sqrt(np.maximum(np.nan_to_num(power), 1e-10))
        grey = np.where(self.mask, 128 + 40 * high / scale, 128)
        return np.asarray(np.clip(np.nan_to_num(grey, nan=128.0), 0, 255), np.uint8)


def _halved(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over squares of 2 px, nothing beyond the edge."""
    height, width = (side + side % 2 for side in image.shape)
    if image.shape != (height, width):
        below, beside = height - image.shape[0], width - image.shape[1]
        image = np.asarray(cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=0), np.float32)
    return np.asarray(cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.float32)


def skin_view(frame: Frame) -> SkinView | None:
    """The photo's measured pixels at full size, cut out around all regions; None if there is none."""
    mask = registered_mask(frame)
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if width == 0:
        return None
    rows, columns = slice(top, top + height), slice(left, left + width)
    mask = np.ascontiguousarray(mask[rows, columns])
    values = _log_luminance(frame.photo, rows, columns, mask)
    shift = np.array([[1.0, 0, left], [0, 1, top], [0, 0, 1]])
    return SkinView(values, mask, shift)


def registered_mask(frame: Frame) -> BoolArray:
    """All regions together, (H, W): the skin that was found and what the user drew, where the photo is
    usable.

    A reference that is not skin (a grey card) is no region, and has no say in where the skin lies.
    """
    mask = np.zeros(frame.shape, bool)
    for region in frame.regions.values():
        mask |= region
    return mask


def _log_luminance(photo: Photo, rows: slice, columns: slice, mask: BoolArray) -> NDArray[np.float32]:
    """Natural log of (luminance + 2 % of its median in the mask): without exposure, dark noise kept low."""
    values, weights = np.empty(mask.shape, np.float32), np.asarray(luminance(np.eye(3)))
    for top in range(0, mask.shape[0], _STRIPE_ROWS):
        stripe = slice(rows.start + top, min(rows.start + top + _STRIPE_ROWS, rows.stop))
        values[top : top + _STRIPE_ROWS] = _weighted(photo, stripe, columns, weights)
    return _logs(values, mask)


def log_channel(photo: Photo, rows: slice, columns: slice, weights: Any) -> NDArray[np.float32]:
    """The same of any sum of linear RGB over a tile, the floor taken from the whole tile."""
    values = _weighted(photo, rows, columns, weights)
    return _logs(values, np.ones(values.shape, bool))


def _logs(values: NDArray[np.float32], mask: BoolArray) -> NDArray[np.float32]:
    step = 4 if mask.sum() > 10_000 else 1
    floor = _FLOOR_OF_MEDIAN * max(float(np.median(values[::step, ::step][mask[::step, ::step]])), 1e-4)
    np.maximum(values, 0, out=values)
    return np.asarray(cv2.log(values + np.float32(floor)), np.float32)


def _weighted(photo: Photo, rows: slice, columns: slice, weights: Any) -> NDArray[np.float32]:
    """A sum of linear RGB straight from the tables: a third of the work of linear RGB."""
    shares = np.asarray(weights, np.float64) @ photo.matrix.astype(np.float64)
    tile = photo.pixels[rows, columns]
    tables = (photo.lut * shares[:, None]).astype(np.float32)
    if tile.dtype == np.uint8:
        parts = cv2.LUT(tile, np.ascontiguousarray(tables.T)[None])
        return np.asarray(cv2.transform(parts, np.ones((1, 3), np.float32)), np.float32)
    total = np.zeros(tile.shape[:2], np.float32)
    for channel in range(3):
        total += np.take(tables[channel], tile[..., channel])
    return total

"""What registration looks at: log-luminance of the skin alone, at any size, and the way back to the photo."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import luminance
from skinscan.arrays.filters import masked_gaussian
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
        size = max(8, round(width / factor)), max(8, round(height / factor))
        inside = np.where(self.mask, self.values, np.float32(0))
        share, total = (
            np.asarray(cv2.resize(a, size, interpolation=cv2.INTER_AREA), np.float32)
            for a in (self.mask.astype(np.float32), inside)
        )
        values = np.zeros_like(total)
        np.divide(total, share, out=values, where=share > 0)
        step_x, step_y = width / size[0], height / size[1]
        up = np.array([[step_x, 0, step_x / 2 - 0.5], [0, step_y, step_y / 2 - 0.5], [0, 0, 1]])
        return SkinView(values, share > 0.5, self.to_photo @ up)

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


def skin_view(frame: Frame) -> SkinView | None:
    """The photo's measured pixels at full size, cut out around all regions; None if there is none."""
    mask = registered_mask(frame)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    mask = np.ascontiguousarray(mask[top:bottom, left:right])
    values = _log_luminance(frame.photo, slice(top, bottom), slice(left, right), mask)
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
    values = np.empty(mask.shape, np.float32)
    for top in range(0, mask.shape[0], _STRIPE_ROWS):
        stripe = slice(rows.start + top, min(rows.start + top + _STRIPE_ROWS, rows.stop))
        values[top : top + _STRIPE_ROWS] = _luminance(photo, stripe, columns)
    step = 4 if mask.sum() > 10_000 else 1
    floor = _FLOOR_OF_MEDIAN * max(float(np.median(values[::step, ::step][mask[::step, ::step]])), 1e-4)
    np.maximum(values, 0, out=values)
    return np.asarray(cv2.log(values + np.float32(floor)), np.float32)


def _luminance(photo: Photo, rows: slice, columns: slice) -> NDArray[np.float32]:
    """Luminance straight from the tables: a third of the work of linear RGB."""
    shares = np.asarray(luminance(np.eye(3)), np.float64) @ photo.matrix.astype(np.float64)
    tile = photo.pixels[rows, columns]
    total = np.zeros(tile.shape[:2], np.float32)
    for channel in range(3):
        total += np.take((photo.lut[channel] * shares[channel]).astype(np.float32), tile[..., channel])
    return total

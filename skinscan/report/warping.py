"""The after photo laid onto the before photo, for looking only: every number is read from unwarped pixels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import warp
from skinscan.records import Comparison, Photo, Registration
from skinscan.report import pictures
from skinscan.report.pictures import Picture

Points = NDArray[np.float64]

_MARGIN = 127


def aligned(comparison: Comparison, long_side: int = pictures.LONG_SIDE) -> tuple[Picture, Picture]:
    """Both photos as pictures of one size, (h, w, 3) uint8 each: before, and after laid onto it.

    Grey where the after photo does not reach. Without a registration the after photo is only brought to the
    size of the before photo, with grey margins.
    """
    before, after = comparison.before.frame.photo, comparison.after.frame.photo
    base, other = pictures.shown(before, long_side), pictures.shown(after, long_side)
    registration = comparison.registration
    if registration is None or not registration.ok:
        return base, _fitted(other, base.shape[:2])
    shrink = np.array([other.shape[1] / after.shape[1], other.shape[0] / after.shape[0]])
    where = warp.forward(
        _points(base.shape[:2], before.shape),
        registration.homography,
        warp.fill_unknown(registration.displacement),
        registration.grid_px,
    )
    where = ((where + 0.5) * shrink - 0.5).astype(np.float32)
    return base, warp.sample(other, where[..., 0], where[..., 1], outside=_MARGIN)


def aligned_part(
    before: Photo, after: Photo, registration: Registration, rows: slice, columns: slice, long_side: int
) -> tuple[Picture, Picture]:
    """Some rows and columns of the before photo, and the after photo laid onto them, as pictures of one size, at most
    `long_side` pixels on the longer side; grey where the after photo does not reach."""
    base = pictures.shown(_cut(before, rows, columns), long_side)
    there = warp.forward(
        np.add(_points(base.shape[:2], (rows.stop - rows.start, columns.stop - columns.start)), _start(rows, columns)),
        registration.homography,
        warp.fill_unknown(registration.displacement),
        registration.grid_px,
    )
    known = there[np.isfinite(there).all(-1)]
    low, high = (known.min(0), known.max(0)) if len(known) else (np.zeros(2), np.zeros(2))
    left, top = np.clip(np.floor(low).astype(int) - 2, 0, np.array(after.shape[::-1]) - 1)
    right, bottom = np.clip(np.ceil(high).astype(int) + 3, (left + 1, top + 1), np.array(after.shape[::-1]))
    other = _cut(after, slice(top, bottom), slice(left, right))
    # as fine as it is shown: a photo taken from closer would flicker between its pixels
    shrink = min(1.0, max(base.shape[:2]) / max(rows.stop - rows.start, columns.stop - columns.start))
    reduced = pictures.shown(other, max(round(max(other.shape) * min(1.0, shrink * 1.5)), 1))
    size = np.array(reduced.shape[1::-1]) / np.array(other.shape[::-1])
    where = ((there - (left, top) + 0.5) * size - 0.5).astype(np.float32)
    return base, warp.sample(reduced, where[..., 0], where[..., 1], outside=_MARGIN)


def _start(rows: slice, columns: slice) -> tuple[int, int]:
    return columns.start, rows.start


def _cut(photo: Photo, rows: slice, columns: slice) -> Photo:
    """Some rows and columns of a photo, for looking at."""
    return replace(photo, pixels=photo.pixels[rows, columns], opaque=None)


def carried_polygons(comparison: Comparison) -> dict[str, Points]:
    """The regions of the before photo as they lie in the after photo, in its pixels; none where unmatched."""
    registration = comparison.registration
    if registration is None or not registration.ok:
        return {}
    field = warp.fill_unknown(registration.displacement)
    carried = {
        name: warp.forward(points, registration.homography, field, registration.grid_px)
        for name, points in comparison.before.frame.polygons.items()
    }
    return {name: points for name, points in carried.items() if np.isfinite(points).all()}


def _points(size: tuple[int, int], shape: tuple[int, int]) -> NDArray[np.float64]:
    """(h, w, 2): the point of a photo of `shape` under each pixel of its picture of `size`."""
    x = (np.arange(size[1]) + 0.5) * shape[1] / size[1] - 0.5
    y = (np.arange(size[0]) + 0.5) * shape[0] / size[0] - 0.5
    return np.stack(np.meshgrid(x, y), axis=-1)


def _fitted(picture: Picture, size: tuple[int, int]) -> Picture:
    """The whole picture inside `size`, with grey margins."""
    shrink = min(size[0] / picture.shape[0], size[1] / picture.shape[1])
    height, width = max(1, round(picture.shape[0] * shrink)), max(1, round(picture.shape[1] * shrink))
    fitted = np.full((*size, 3), _MARGIN, np.uint8)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    fitted[top : top + height, left : left + width] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return fitted

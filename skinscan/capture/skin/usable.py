"""Which pixels carry a colour and a shading at all: neither clipped, nor gloss, nor see-through.

Judged on the photo alone, wherever skin may be; the share of skin lost is reported by `quality`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.thumbnails import Thumbnails, shrunk
from skinscan.records import BoolArray, Photo

GUARD_PX = 1
"""Pixels around a clipped or glossy one that are left out with it: demosaicing and JPEG spread it that
far."""

GLOSS_BRIGHTER = 0.35
GLOSS_SHARE = 0.30
"""A pixel is gloss when it is 35 % brighter than the diffuse skin around it and 30 % of its light is
white."""

GLOSS_PX = 2000
"""Longer side of the picture in which gloss is looked for."""

DIFFUSE_PX = 160
"""Longer side of the picture in which the skin without gloss is told."""

Floats = NDArray[np.float32]


BRIGHT, DARK, SPECULAR = (np.uint8(1), np.uint8(2), np.uint8(4))

_STRIPE_ROWS = 128


@dataclass(frozen=True, slots=True)
class Usable:
    """(H, W): `mask` of what can be measured, and `lost`, what was lost to what (bits, without the guard)."""

    mask: BoolArray
    lost: NDArray[np.uint8]

    def lost_to(self, reason: np.uint8) -> BoolArray:
        """(H, W) mask of what was lost to BRIGHT, DARK or SPECULAR."""
        return np.asarray((self.lost & reason) > 0)


def find_usable(photo: Photo, skin: BoolArray, thumbnails: Thumbnails | None = None) -> Usable:
    """Pixels that are opaque, not clipped and not gloss, with a guard of one pixel."""
    lost = clipped(photo)
    _mark_specular(lost, photo, skin, thumbnails or Thumbnails(photo))
    return Usable(_whole(photo, lost), lost)


def unclipped(photo: Photo) -> BoolArray:
    """Pixels that are opaque and not clipped, with the guard: what can be measured of a patch that is no skin.

    A white patch on dark skin looks like gloss, and is none.
    """
    return _whole(photo, clipped(photo))


def _whole(photo: Photo, lost: NDArray[np.uint8]) -> BoolArray:
    mask: BoolArray = _grown(lost) == 0
    if photo.opaque is not None:
        mask &= _grown((~photo.opaque).view(np.uint8)) == 0
    return mask


def clipped(photo: Photo) -> NDArray[np.uint8]:
    """(H, W) BRIGHT where a pixel is clipped bright, DARK where dark, on the integer pixels, without a guard.

    Bright: any channel is in the top 255th of its range, because its colour is lost even if the others go on.
    Dark: the largest channel is at 0 or 1 of 255. A blue of 0 under a red of 20 is no loss of luminance: dark
    skin under a yellow lamp looks like that and stays.
    """
    top = int(np.iinfo(photo.pixels.dtype).max)
    step = top // 255
    found = np.empty(photo.shape, np.uint8)
    planes: list[NDArray[Any]] = [np.empty((0, 0), photo.pixels.dtype)] * 3
    for start in range(0, len(found), _STRIPE_ROWS):
        rows = slice(start, start + _STRIPE_ROWS)
        pixels = photo.pixels[rows]
        if planes[0].shape != pixels.shape[:2]:
            planes = [np.empty(pixels.shape[:2], pixels.dtype) for _ in range(3)]
        cv2.split(pixels, planes)
        largest = cv2.max(cv2.max(planes[0], planes[1], dst=planes[0]), planes[2], dst=planes[0])
        np.greater_equal(largest, top - step, out=found[rows].view(np.bool_))
        found[rows] |= (largest <= step).view(np.uint8) << 1
    return found


def _mark_specular(lost: NDArray[np.uint8], photo: Photo, skin: BoolArray, thumbnails: Thumbnails) -> None:
    """Adds SPECULAR to `lost` (H, W) where the skin shines.

    Gloss has the lamp's colour: it adds the same to red and to blue, so red minus blue stays as it was while
    the luminance rises. Shading scales both. With the skin's own (R - B)/Y taken from the diffuse skin
    around, the white share of a pixel's light is 1 - ((R - B)/Y) / its local value (dichromatic model, Shafer
    1985). That is relative to the skin's own light, so that it finds the same sheen on dark skin as on pale.
    """
    height, width = photo.shape
    size = thumbnails.size(GLOSS_PX)
    near = np.asarray(cv2.resize(skin.view(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.uint8)
    rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
    if not len(rows):
        return
    box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    linear = np.maximum(photo.developed(thumbnails.pixels(GLOSS_PX)[box]), np.float32(0))
    gloss = _gloss(linear, near[box], max(size) / DIFFUSE_PX)
    if not gloss.any():
        return
    times = width // size[0]
    if (size[0] * times, size[1] * times) == (width, height):
        whole = (slice(box[0].start * times, box[0].stop * times), slice(box[1].start * times, box[1].stop * times))
    else:
        whole = (slice(0, height), slice(0, width))
        gloss = _laid(gloss, box, near.shape)
    shape = (whole[1].stop - whole[1].start, whole[0].stop - whole[0].start)
    found = np.asarray(cv2.resize(gloss, shape, interpolation=cv2.INTER_NEAREST), np.uint8)
    lost[whole] |= found * SPECULAR


def _laid(part: NDArray[np.uint8], box: tuple[slice, slice], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    whole = np.zeros(shape, np.uint8)
    whole[box] = part
    return whole


def _gloss(linear: Floats, near: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Gloss (h, w) in linear RGB, in skin (h, w), 1 or 0; the diffuse skin is looked at `factor` times smaller."""
    shares = ([0.2126, 0.7152, 0.0722], [1.0, 0.0, -1.0])
    mixed = (cv2.transform(linear, np.array([share], np.float32)) for share in shares)
    luminance, difference = (_floats(cv2.blur(a.reshape(near.shape), (3, 3))) for a in mixed)
    level, colourful = _diffuse(luminance, difference, near, factor)
    found = luminance > np.float32(1.0 + GLOSS_BRIGHTER) * level
    np.logical_and(found, colourful > np.float32(0.05), out=found)
    if found.any():
        np.logical_and(found, difference < np.float32(1.0 - GLOSS_SHARE) * colourful * luminance, out=found)
    return np.asarray(found.view(np.uint8) & near)


def _diffuse(luminance: Floats, difference: Floats, skin: NDArray[np.uint8], factor: float) -> tuple[Floats, Floats]:
    """Local luminance and (R - B)/Y of the skin without its gloss, both (h, w).

    Masked means over a twentieth of the picture, what may be gloss given up twice.
    """
    factor = max(1.0, factor)
    size = (max(1, round(luminance.shape[1] / factor)), max(1, round(luminance.shape[0] / factor)))
    y, d = (_floats(shrunk(a, size)) for a in (luminance, difference))
    weight = _floats(shrunk(skin * np.uint8(255), size)) / np.float32(255)
    saturation = _floats(d / np.maximum(y, 1e-4))
    sigma = DIFFUSE_PX / 20.0
    level, colourful = _mean(y, weight, sigma), _mean(saturation, weight, sigma)
    for _ in range(2):
        kept = _floats(weight * ((y < 1.4 * level) & (saturation > 0.75 * colourful)))
        level, colourful = _mean(y, kept, sigma), _mean(saturation, kept, sigma)
    back = (luminance.shape[1], luminance.shape[0])
    return _floats(cv2.resize(level, back)), _floats(cv2.resize(colourful, back))


def _mean(values: Floats, weight: Floats, sigma: float) -> Floats:
    """Gaussian mean over the weighted pixels; the mean of all of them where none is near."""
    weight = weight.astype(np.float32)
    total = cv2.GaussianBlur(values * weight, (0, 0), sigma)
    norm = cv2.GaussianBlur(weight, (0, 0), sigma)
    overall = float((values * weight).sum() / max(float(weight.sum()), 1e-6))
    return np.asarray((total + 1e-3 * overall) / (norm + 1e-3), np.float32)


def _floats(values: NDArray[Any]) -> Floats:
    return np.asarray(values, np.float32)


def _grown(lost: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What was lost with all pixels within GUARD_PX rows and columns; not 0 there."""
    side = 2 * GUARD_PX + 1
    return np.asarray(cv2.dilate(lost, np.ones((side, side), np.uint8)), np.uint8)

"""How much of a drawn region is lost to the exposure and to shine: a cheek may shine where the face does not."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour
from skinscan.capture.regions import rasterise
from skinscan.capture.skin.usable import BRIGHT, DARK, GUARD_PX, clipped
from skinscan.measures.maps import Maps
from skinscan.records import BoolArray, Frame, Photo

BRIGHTER = 1.2
"""Times the region's median luminance from which what is not usable can be shine: what is darker was left out for
another reason."""


def with_own_shares(maps: Maps, region: str) -> Maps:
    """The same maps, of a frame whose clipped and shining shares are those of a drawn region."""
    frame = maps.frame
    if region not in frame.polygons:
        return maps
    bright, dark, shiny = lost_shares(frame, region)
    own = copy(maps)
    own.frame = replace(
        frame,
        quality=replace(frame.quality, clipped_bright_share=bright, clipped_dark_share=dark, specular_share=shiny),
    )
    return own


def lost_shares(frame: Frame, region: str) -> tuple[float, float, float]:
    """Shares of a drawn region that are clipped bright, clipped dark, and shine."""
    inside = rasterise(frame.polygons[region], frame.shape)
    rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    if len(rows) == 0:
        return 0.0, 0.0, 0.0
    place = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    part, inside = _cut(frame.photo, place), inside[place]
    why = clipped(part)
    shiny = _lost(frame)[place] & (why == 0) & (_luminance(part) > _brightest_diffuse(frame, part, place, inside))
    count = int(np.count_nonzero(inside))
    bright, dark, shine = (
        float(np.count_nonzero(lost & inside)) / count for lost in ((why & BRIGHT) > 0, (why & DARK) > 0, shiny)
    )
    return bright, dark, shine


def _cut(photo: Photo, place: tuple[slice, slice]) -> Photo:
    pixels: Any = np.ascontiguousarray(photo.pixels[place])
    return replace(photo, pixels=pixels, opaque=None)


def _lost(frame: Frame) -> BoolArray:
    """Opaque pixels that are not usable and under no sticker, without the guard that was laid around them."""
    side = 2 * GUARD_PX + 1
    lost = np.asarray(cv2.erode((~frame.usable).view(np.uint8), np.ones((side, side), np.uint8))) > 0
    if frame.photo.opaque is not None:
        lost &= frame.photo.opaque
    return lost if frame.covered is None else lost & ~frame.covered


def _luminance(part: Photo) -> NDArray[np.float32]:
    return np.asarray(colour.luminance(part.linear_rgb()), np.float32)


def _brightest_diffuse(frame: Frame, part: Photo, place: tuple[slice, slice], inside: BoolArray) -> float:
    usable = _luminance(part)[frame.usable[place] & inside]
    return BRIGHTER * float(np.median(usable)) if usable.size else 0.0

"""What a flag shows: the part of two photos around what is new, or a whole view with where a colour rose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import warp
from skinscan.arrays.cells import factor_between
from skinscan.course_records import Picture, Sight
from skinscan.measures.maps import Maps
from skinscan.records import Registration
from skinscan.report import pictures
from skinscan.report.warping import aligned_part

Points = NDArray[np.float64]
Ring = tuple[float, float, float]

SIGHT_PX = 480
LEAST_SIGHT_MM, AROUND = 12.0, 0.2
"""A sight's least side, and how much it shows around what was found, in shares of its extent."""

RISE_PX = 240
RISES = {"redness.haemoglobin": "smooth_haemoglobin", "pigment.melanin": "smooth_melanin"}
"""Numbers of which a sight can show where they rose, and the maps that hold them."""


def around(
    before: Maps, after: Maps, registration: Registration, lines: Sequence[Points] = (), rings: Sequence[Ring] = ()
) -> Sight:
    """The part of both photos around lines (n, 2) and rings of the before photo, and where in it they lie."""
    corners = [*lines, *(np.array([[x - r, y - r], [x + r, y + r]]) for x, y, r in rings)]
    rows, columns = _box(np.concatenate(corners), before.frame.shape, 1000 * LEAST_SIGHT_MM / before.um_per_px)
    both = aligned_part(before.frame.photo, after.frame.photo, registration, rows, columns, SIGHT_PX)
    first, second = (
        pictures.rebalanced(picture, maps.frame.colour.gains)
        for picture, maps in zip(both, (before, after), strict=True)
    )
    shrink = first.shape[1] / (columns.stop - columns.start)
    origin = np.array([columns.start, rows.start])
    circles = [(*_placed(np.array([x, y]), shrink, origin).tolist(), r * shrink) for x, y, r in rings]
    return Sight(first, second, tuple(_placed(line, shrink, origin) for line in lines), tuple(circles))


def _placed(points: Points, shrink: float, origin: Points | float = 0.0) -> Points:
    """Points of a photo in a picture of it that begins at `origin`."""
    return np.asarray((points - origin + 0.5) * shrink - 0.5)


def _box(points: Points, shape: tuple[int, int], least_px: float) -> tuple[slice, slice]:
    """Rows and columns around points (n, 2), neither side under 0.6 of the other where the photo reaches so far."""
    low, high = points.min(0), points.max(0)
    extent = (1 + 2 * AROUND) * (high - low)
    extent = np.maximum(extent, max(least_px, 0.6 * float(extent.max())))
    sides = []
    for middle, length, most in zip((low + high) / 2, extent, shape[::-1], strict=True):
        start = max(math.floor(min(middle - length / 2, most - length)), 0)
        sides.append(slice(start, min(start + math.ceil(length), most)))
    return sides[1], sides[0]


def rises(before: Maps, after: Maps, registration: Registration) -> dict[str, NDArray[np.float16]]:
    """How much each of RISES rose over the before photo, (h, w) of at most RISE_PX, NaN where one photo shows no
    skin."""
    shape = before.frame.shape
    height, width = pictures.shown_size(shape, RISE_PX)
    spacing = shape[1] / width
    x, y = (np.arange(count) + 0.5 for count in (width, height))
    here = np.stack(np.meshgrid(x * shape[1] / width - 0.5, y * shape[0] / height - 0.5), -1)
    field = warp.fill_unknown(registration.displacement)
    there = warp.forward(here, registration.homography, field, registration.grid_px)
    known = np.isfinite(there).all(-1)
    known &= _sampled(before, before.measured, here, spacing) > 0.5
    known &= _sampled(after, after.measured, there, spacing) > 0.5
    return {
        name: np.where(
            known,
            _sampled(after, getattr(after, picture), there, spacing)
            - _sampled(before, getattr(before, picture), here, spacing),
            np.nan,
        ).astype(np.float16)
        for name, picture in RISES.items()
    }


def _sampled(maps: Maps, picture: NDArray[np.generic], at: Points, spacing: float) -> NDArray[np.float32]:
    """A map of a photo at places (h, w, 2) that lie `spacing` pixels of the photo apart, averaged over about that."""
    step = factor_between(maps.measured.shape, picture.shape)
    image = cv2.GaussianBlur(np.asarray(picture, np.float32), (0, 0), max(0.5 * spacing / step, 0.3))
    own = ((at - maps.origin_xy - (step - 1) / 2) / step).astype(np.float32)
    return np.asarray(warp.sample(image, own[..., 0], own[..., 1]), np.float32)


def of_view(
    before: Picture,
    after: Picture,
    outlines: Iterable[Points],
    photo_width: int,
    risen: Mapping[str, NDArray[np.float16]],
    name: str,
) -> Sight:
    """A whole view with the outlines of regions, in pixels of the baseline's photo of that width, and where a number
    rose, if that is known."""
    shrink = before.pixels.shape[1] / photo_width
    lines = tuple(_placed(np.asarray(line, np.float64), shrink) for line in outlines)
    known = name in risen and bool(np.isfinite(risen[name]).any())
    return Sight(before.pixels, after.pixels, lines, closed=True, rise=risen[name] if known else None,
                 rise_of=name if known else "")  # fmt: skip

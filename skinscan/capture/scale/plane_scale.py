"""From a plane to the scale of the skin in it, carried to another photo, and held against what registration says."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from skinscan.capture.scale.markers import Points
from skinscan.capture.scale.plane import Plane
from skinscan.records import BoolArray, Scale

PRINT_RELATIVE = 0.002
"""Standard uncertainty of a printed side: 0.2 %, printers' stated feed error."""

PITCH_RELATIVE = 0.002
"""Standard uncertainty of a colour card's pitch measured with a ruler over five patches, 0.5 mm in 230; makers keep to
less."""

_OF_THE_THING = {"aruco": PRINT_RELATIVE, "skin_card": PRINT_RELATIVE, "card": PITCH_RELATIVE}
"""The part of a scale's uncertainty that one and the same sticker or card brings into every photo."""

LIFT_MM, LEAN, DISTANCE_MM = 0.5, 0.03, 300.0
"""Standard uncertainty of how far a sticker or card lies before or behind the skin it is laid on, of its tilt against
that skin (1.7 degrees), and the distance at which these are counted. What lies 5 mm off at 300 mm, 10 of these standard
uncertainties, is off by 1.7 %, and no single photo shows it."""


def plane_scale(
    plane: Plane,
    skin: BoolArray | None,
    source: Literal["aruco", "card", "skin_card"],
    *,
    apart: float = 0.0,
    printed: float = PRINT_RELATIVE,
    lift_mm: float = LIFT_MM,
    lean: float = LEAN,
) -> Scale:
    """The scale of the measured skin, mask (H, W), that lies in a plane; without a mask that where the markers lie.

    `mm_per_px` is the root of the mean area of the skin's pixels, so that areas of all of it are right. Its standard
    uncertainty holds what the markers' borders leave open there (it grows with the distance from them), printing
    (`printed`; 0 where the plane's covariance holds what is not known of the size), stickers that are `apart`, and a
    plane that is not quite the skin's: off by `lift_mm` at the markers and by `lean` times the distance from them.
    """
    points = plane.at_px[None] if skin is None else _thinned(skin, plane)
    scales = plane.mm_per_px_at(points)
    value = float(np.sqrt(np.mean(scales**2)))
    middle, there = plane.millimetres(np.stack([plane.at_px, points.mean(axis=0)]))
    off = math.hypot(lift_mm, lean * float(np.linalg.norm(there - middle))) / DISTANCE_MM
    seen = max(plane.relative_at(points), apart)
    variation = float(np.std(np.log(scales)))
    # a region read at one scale: what is too large on its near side is too small on its far side, to the first order
    relative = math.sqrt(seen**2 + printed**2 + off**2 + variation**4)
    return Scale(value, value * relative, source, tuple(plane.homography.ravel().tolist()), variation)


def _thinned(skin: BoolArray, plane: Plane) -> Points:
    """Some pixels (n, 2) of a mask, evenly; the middle of the markers where it is empty or beyond the horizon."""
    step = max(1, math.isqrt(int(skin.size)) // 128)
    rows, columns = np.nonzero(skin[::step, ::step])
    points = np.column_stack([columns, rows]).astype(np.float64) * step
    w = plane.depth_share_at(points)
    points = points[(w > 0.3) & (w < 3.0)]
    return points if len(points) else plane.at_px[None]


def carried(scale: Scale, homography: Points, ratio: float, relative_error: float) -> Scale:
    """A scale as another photo of the same skin has it: `homography` takes this photo's pixels to the other's, which
    `ratio` says are how many times as many a millimetre; `relative_error` of that ratio adds to the uncertainty."""
    value = scale.mm_per_px / ratio
    plane = None
    if scale.plane is not None:
        matrix = np.reshape(scale.plane, (3, 3)) @ np.linalg.inv(homography)
        plane = tuple((matrix / np.linalg.norm(matrix)).ravel().tolist())
    return Scale(value, value * math.hypot(scale.relative, relative_error), "registered", plane, scale.variation)


def contradiction(
    before: Scale,
    after: Scale,
    before_px: Points,
    after_px: Points,
    ratio: float,
    *,
    ratio_error: float = 0.001,
    same_print: bool = True,
) -> tuple[float, float]:
    """How far two photos' scales are apart by what registration says, as a logarithm, and its standard uncertainty.

    `before_px` and `after_px` (n, 2) are the same places of the skin in both photos, `ratio` the pixels of the after
    photo to one of the before photo there, with its relative standard error. Where both planes are known a change of
    tilt is none of the difference. `same_print`: both scales come from the same printed sticker or card, and share its
    error. A card that lay 5 mm off the skin in one of two photos at 300 mm is 1.7 % or about 6 standard uncertainties
    off; one that lay so in both is not seen, and does no harm to their comparison.
    """
    first, second = (
        np.log(scale.mm_per_px_at(px[:, 0], px[:, 1])) for scale, px in ((before, before_px), (after, after_px))
    )
    apart = float(np.mean(first - second)) - math.log(ratio)
    shared = _OF_THE_THING.get(before.source, 0.0) if same_print and before.source == after.source else 0.0
    own = [scale.relative**2 - shared**2 for scale in (before, after)]
    return apart, math.sqrt(max(sum(own), 0.0) + ratio_error**2)

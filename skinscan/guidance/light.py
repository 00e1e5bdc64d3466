"""From which side the light falls on the skin, and how that differs between two photos."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour, warp
from skinscan.capture.registration.skin_view import registered_mask
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import Frame, Registration

LOOK_PX = 160
"""Longer side of the picture in which the light is looked at."""

LEAST_PX = 200
LEAST_FACTOR = 1.1
"""Pixels of that picture that the skin must fill, and a fall of light across it that a side is named from."""

_SIDES = ("right", "lower right", "bottom", "lower left", "left", "upper left", "top", "upper right")


def side_towards(angle_deg: float) -> str:
    """Which side of a picture lies in a direction: 0 right, 90 down, as images count."""
    return _SIDES[round(angle_deg / 45.0) % 8]


def brighter_side(frame: Frame) -> str | None:
    """The side of the picture on which the skin is brighter; None where no side is."""
    logs, inside = _log_luminance(frame)
    fall = _fall(logs, inside)
    return side_towards(fall[1]) if fall and fall[0] >= LEAST_FACTOR else None


def light_moved(before: Frame, after: Frame, registration: Registration) -> tuple[float, str] | None:
    """How much one side of the same skin gained on the other since the baseline (a factor), and which side of the after
    photo that is; None where no side gained."""
    ours, here = _log_luminance(before)
    theirs, there = _log_luminance(after)
    rows, columns = np.nonzero(here)
    step = np.array([before.shape[1] / ours.shape[1], before.shape[0] / ours.shape[0]])
    points = (np.stack([columns, rows], 1) + 0.5) * step - 0.5
    moved = warp.forward(points, registration.homography, registration.displacement, registration.grid_px)
    back = np.array([after.shape[1] / theirs.shape[1], after.shape[0] / theirs.shape[0]])
    at = np.rint((np.where(np.isfinite(moved), moved, -1e6) + 0.5) / back - 0.5).astype(int)
    seen = (at >= 0).all(1) & (at[:, 0] < theirs.shape[1]) & (at[:, 1] < theirs.shape[0])
    seen[seen] = there[at[seen, 1], at[seen, 0]]
    ratio = theirs[at[seen, 1], at[seen, 0]] - ours[rows[seen], columns[seen]]
    fall = _plane(at[seen].astype(np.float64), ratio)
    return (fall[0], side_towards(fall[1])) if fall and fall[0] >= LEAST_FACTOR else None


def _log_luminance(frame: Frame) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    linear = Thumbnails(frame.photo).linear(LOOK_PX)
    logs = np.log(colour.luminance(linear) + 0.002).astype(np.float32)
    size = (logs.shape[1], logs.shape[0])
    mask = registered_mask(frame).view(np.uint8)
    return logs, np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)) > 0


def _fall(logs: NDArray[np.float32], inside: NDArray[np.bool_]) -> tuple[float, float] | None:
    rows, columns = np.nonzero(inside)
    return _plane(np.stack([columns, rows], 1).astype(np.float64), logs[inside])


def _plane(points: NDArray[np.float64], logs: NDArray[np.float32]) -> tuple[float, float] | None:
    """Factor from the dark end to the bright end of the best plane, and where that rises to (degrees, 0 right, 90
    down); None for too few points. The ends hold nine tenths of the points between them."""
    if len(points) < LEAST_PX:
        return None
    centred = points - points.mean(0)
    slope = np.linalg.lstsq(centred, logs - logs.mean(), rcond=None)[0]
    along = centred @ slope
    low, high = np.percentile(along, (5, 95))
    return math.exp(float(high - low)), math.degrees(math.atan2(slope[1], slope[0]))

"""The card as a ruler of its own plane, and what it covers of the photo."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.edges import projected
from skinscan.capture.card.sighting import Sighting
from skinscan.capture.scale.plane import Plane
from skinscan.capture.scale.plane_scale import PITCH_RELATIVE
from skinscan.records import BoolArray, ParameterError, frozen

Array = NDArray[np.float64]

CENTRE: Array = frozen(np.array([2.5, 1.5]))
"""The card's centre in chart coordinates."""

LENS_RELATIVE = 0.001
"""What a phone's lens bends across a card beyond its own correction."""

BODY = (1.0, 1.1, 1.0, 1.1)
"""How far the body may reach beyond the outer patches' centres (left, top, right, bottom), in pitches: the Classic's
0.7, the opened Passport's case 1.1."""


def check_pitch(pitch_mm: float) -> float:
    """The distance from patch to patch, if it can be meant. Raises ParameterError."""
    if not (isinstance(pitch_mm, int | float) and math.isfinite(pitch_mm) and 1.0 <= pitch_mm <= 200.0):
        raise ParameterError(
            f"pitch_mm = {pitch_mm!r} cannot be meant",
            expected="the distance from patch to patch of the card, 1 to 200 mm",
            todo="measure with a ruler over five patches and divide by five",
        )
    return float(pitch_mm)


def card_plane(sighting: Sighting, pitch_mm: float) -> Plane:
    """Scale, perspective and tilt of the card's plane from a known distance between neighbouring patches' centres.

    ColorChecker Classic about 46 mm, Passport and Mini about 13.5: to be measured on the user's own card (over five
    pitches, from the left edge of one patch to the left edge of the fifth after it). The covariance holds the edges',
    the pitch's and the lens' part. Raises ParameterError.
    """
    pitch = check_pitch(pitch_mm)
    to_mm = np.diag([pitch, pitch, 1.0]) @ np.linalg.inv(sighting.homography)
    at = projected(sighting.homography, CENTRE)
    x, y = CENTRE
    # log(mm/px) and its gradient in chart coordinates, over what the covariance is of
    told = np.array([[0.5, 0, 0, 0, 0.5, 0, -1.5 * x, -1.5 * y], [0] * 6 + [-1.5, 0], [0] * 6 + [0, -1.5]])
    to_px = np.eye(3)
    to_px[1:, 1:] = _slope(np.asarray(np.linalg.inv(sighting.homography), np.float64), at).T
    covariance = to_px @ told @ sighting.covariance @ told.T @ to_px.T
    covariance[0, 0] += PITCH_RELATIVE**2 + LENS_RELATIVE**2
    return Plane(to_mm / to_mm[2, 2], at, covariance, 1.0)


def card_mask(sighting: Sighting, shape: tuple[int, int], margin: float = 0.0) -> BoolArray:
    """(H, W) True where the card and its body may lie, `margin` pitches more on every side."""
    left, top, right, bottom = (reach + margin for reach in BODY)
    corners = np.array([[-left, -top], [5 + right, -top], [5 + right, 3 + bottom], [-left, 3 + bottom]])
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, np.rint(projected(sighting.homography, corners) * 16).astype(np.int32), 1, cv2.LINE_8, 4)
    return mask > 0


def _slope(matrix: Array, at: Array) -> Array:
    """Derivative (2, 2) of a homography at a point."""
    depth = float(matrix[2, :2] @ at + matrix[2, 2])
    return np.asarray((matrix[:2, :2] - np.outer(projected(matrix, at), matrix[2, :2])) / depth)

"""The card as a ruler of its own plane, and what it covers of the photo."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.edges import projected
from skinscan.capture.card.sighting import Sighting
from skinscan.capture.scale.plane import Plane
from skinscan.records import BoolArray, ParameterError, frozen

Array = NDArray[np.float64]

CENTRE: Array = frozen(np.array([2.5, 1.5]))
"""The card's centre in chart coordinates."""

PITCH_RELATIVE = 0.002
"""Standard uncertainty of a pitch measured with a ruler over five patches, 0.5 mm in 230; makers keep to less."""

LENS_RELATIVE = 0.001
"""What a phone's lens bends across a card beyond its own correction."""

BODY = (1.0, 1.1, 1.0, 1.1)
"""How far the body may reach beyond the outer patches' centres (left, top, right, bottom), in pitches: the Classic's
0.7, the opened Passport's case 1.1."""


@dataclass(frozen=True, eq=False)
class PlaneScale:
    """The plane of a card: `to_mm` (3, 3) takes pixels of the photo to mm in it, (0, 0) the centre of dark skin.

    `relative` is the standard uncertainty of lengths at the card's centre over their value, `tilt_deg` how far the
    plane leans against the line of sight, from foreshortening there. `covariance` as in Sighting.
    """

    to_mm: Array
    relative: float
    tilt_deg: float
    pitch_mm: float
    covariance: Array

    def mm_per_px(self, points: Array) -> Array:
        """Scale at points (n, 2) of the photo: the root of the area of a pixel in the plane, (n,)."""
        return np.asarray(np.sqrt(np.abs(_jacobian(self.to_mm, np.asarray(points, np.float64)))))

    def relative_at(self, points: Array) -> Array:
        """Relative standard uncertainty of lengths around points (n, 2) of the photo, (n,): it grows off the card."""
        chart = projected(self.to_mm, np.asarray(points, np.float64)) / self.pitch_mm
        return _relative(chart, self.covariance)


def card_scale(sighting: Sighting, pitch_mm: float) -> PlaneScale:
    """Scale, perspective and tilt of the card's plane from a known distance between neighbouring patches' centres.

    ColorChecker Classic about 46 mm, Passport and Mini about 13.5: to be measured on the user's own card (over five
    pitches, from the left edge of one patch to the left edge of the fifth after it). What lies before or behind the
    plane is off by its distance over that of the lens. Raises ParameterError.
    """
    check_pitch(pitch_mm)
    to_mm = np.diag([pitch_mm, pitch_mm, 1.0]) @ np.linalg.inv(sighting.homography)
    to_mm /= to_mm[2, 2]
    relative = float(_relative(CENTRE[None], sighting.covariance)[0])
    at = projected(sighting.homography, CENTRE)
    return PlaneScale(frozen(to_mm), relative, _tilt(to_mm, at), float(pitch_mm), sighting.covariance)


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
    """The card's plane, with how well its scale is known at its centre and away from it. Raises ParameterError."""
    pitch = check_pitch(pitch_mm)
    to_mm = np.diag([pitch, pitch, 1.0]) @ np.linalg.inv(sighting.homography)
    at = projected(sighting.homography, CENTRE)
    x, y = CENTRE
    # log(mm/px) and its gradient in chart coordinates, over what the covariance is of
    told = np.array([[0.5, 0, 0, 0, 0.5, 0, -1.5 * x, -1.5 * y], [0] * 6 + [-1.5, 0], [0] * 6 + [0, -1.5]])
    to_px = np.eye(3)
    to_px[1:, 1:] = _slope(np.asarray(np.linalg.inv(sighting.homography), np.float64), at).T
    covariance = to_px @ told @ sighting.covariance @ told.T @ to_px.T
    covariance[0, 0] += LENS_RELATIVE**2
    return Plane(to_mm / to_mm[2, 2], at, covariance, 1.0)


def card_mask(sighting: Sighting, shape: tuple[int, int], margin: float = 0.0) -> BoolArray:
    """(H, W) True where the card and its body may lie, `margin` pitches more on every side."""
    left, top, right, bottom = (reach + margin for reach in BODY)
    corners = np.array([[-left, -top], [5 + right, -top], [5 + right, 3 + bottom], [-left, 3 + bottom]])
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, np.rint(projected(sighting.homography, corners) * 16).astype(np.int32), 1, cv2.LINE_8, 4)
    return mask > 0


def _jacobian(matrix: Array, points: Array) -> Array:
    """Determinant of a homography's slope at points (n, 2): (n,)."""
    depth = points @ matrix[2, :2] + matrix[2, 2]
    return np.asarray(np.linalg.det(matrix) / depth**3)


def _slope(matrix: Array, at: Array) -> Array:
    """Derivative (2, 2) of a homography at a point."""
    depth = float(matrix[2, :2] @ at + matrix[2, 2])
    return np.asarray((matrix[:2, :2] - np.outer(projected(matrix, at), matrix[2, :2])) / depth)


def _tilt(to_mm: Array, at: Array) -> float:
    """Angle between the plane's normal and the line of sight at a point, from a pixel's longer and shorter side."""
    long, short = np.linalg.svd(_slope(to_mm, at), compute_uv=False)
    return math.degrees(math.acos(min(1.0, float(short / long))))


def _relative(chart: Array, covariance: Array) -> Array:
    """Relative standard uncertainty of lengths at chart coordinates (n, 2): the edges', the pitch's, the lens'."""
    x, y = chart[:, 0], chart[:, 1]
    zero, half = np.zeros_like(x), np.full_like(x, 0.5)
    design = np.stack([half, zero, zero, zero, half, zero, -1.5 * x, -1.5 * y], axis=-1)
    variance = np.einsum("ni,ij,nj->n", design, covariance, design)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0) + PITCH_RELATIVE**2 + LENS_RELATIVE**2))

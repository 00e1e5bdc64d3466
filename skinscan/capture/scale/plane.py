"""The plane that printed markers lie in, from where their borders are seen: px -> mm, tilt, and how well it is known.

    log(mm/px) at p  =  log(mm/px) at p0  -  3/2 log(w(p) / w(p0)),      w the third row of the homography

so what perspective does to a scale is two numbers, the gradient of w. One small sticker tells them poorly: they are
held towards zero (a plane that faces the camera) as far as the sticker's own foreshortening allows, and what stays
unknown grows with the distance from the sticker.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.scale.markers import UNIT, Borders, Points, through
from skinscan.records import frozen

SHIFT_PX = 0.3
"""Standard uncertainty, before looking, of how far all borders move alike from black to white: a clipped white, a tone
curve, ink that spreads."""

OWN_SIZE = 0.002
"""Standard uncertainty of one sticker's size against the others: its ink, its glue, 0.5 mm of height at 300 mm."""

SHORTEST_FOCAL = 0.6
"""Focal length over the picture's longer side of the widest lens that anybody sizes skin with (24 mm on 36 mm is 0.67);
cropping makes it longer. It bounds the perspective that a tilt can make."""

ANISOTROPY = 0.003
"""By how much a printer may stretch a sticker along its feed: no sign of a tilt."""

WIDEST_TILT_SIN = 0.8

LEAST_MISFIT = 0.8
"""Borders are trusted as far as they agree with one another, but never to less than this share of the error that each
is stated with: so much JPEG and the pixels' grid have in common over a marker (phantoms; without it intervals away from
a sticker hold the truth too rarely)."""

_ROUNDS = 8
_STEP = 1e-6


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane in a photo. `homography` (3, 3): px to mm in the plane. `at_px` (2,): the middle of what told it.

    `covariance` (3, 3) of log(mm/px) at `at_px` and its gradient over x and y (1/px); printing and what does not lie
    in the plane come on top. `residual` is how far the borders miss, as a multiple of their own standard errors.
    """

    homography: NDArray[np.float64]
    at_px: NDArray[np.float64]
    covariance: NDArray[np.float64]
    residual: float

    def __post_init__(self) -> None:
        for array in (self.homography, self.at_px, self.covariance):
            frozen(array)

    def mm_per_px_at(self, points: Points) -> Points:
        """Square root of the area in mm2 of a pixel at points (n, 2) px: (n,)."""
        return mm_per_px_at(self.homography, points)

    def sensitivity_at(self, points: Points) -> Points:
        """By how much log(mm/px) at points (n, 2) px changes with what `covariance` is of: (n, 3)."""
        away = points - self.at_px
        share = np.maximum(self.depth_share_at(points), 0.1)
        return np.column_stack([np.ones(len(points)), away / share[:, None]])

    def relative_at(self, points: Points) -> float:
        """Relative standard uncertainty of the mean scale over points (n, 2) px, of what was seen alone."""
        mean = self.sensitivity_at(points).mean(axis=0)
        return math.sqrt(float(mean @ self.covariance @ mean))

    def millimetres(self, points: Points) -> Points:
        """Points (n, 2) px in the plane's mm."""
        return through(self.homography, points)

    @property
    def stretch(self) -> float:
        """Largest over smallest mm a pixel at the middle."""
        long, short = np.linalg.svd(_jacobian(self.homography, self.at_px), compute_uv=False)
        return float(long / short)

    @property
    def tilt_deg(self) -> float:
        """Tilt against the line of sight, from foreshortening: acos(short / long)."""
        return math.degrees(math.acos(min(1.0, 1.0 / self.stretch)))

    def depth_share_at(self, points: Points) -> Points:
        """Inverse distance from the lens at points (n, 2) px as a share of that at the middle; not above 0 where the
        plane is not seen."""
        w = np.vstack([points, self.at_px]) @ self.homography[2, :2] + self.homography[2, 2]
        return np.asarray(w[:-1] / w[-1])


def mm_per_px_at(homography: Points, points: Points) -> Points:
    """Square root of |det of the derivative| of a homography at points (n, 2): (n,)."""
    w = points @ homography[2, :2] + homography[2, 2]
    return np.asarray(np.sqrt(abs(np.linalg.det(homography)) / np.abs(w) ** 3))


def _jacobian(homography: Points, point: Points) -> Points:
    x, y, w = homography @ [point[0], point[1], 1.0]
    return np.asarray((homography[:2, :2] - np.outer([x / w, y / w], homography[2, :2])) / w)


@dataclass(frozen=True, eq=False)
class _Problem:
    """Unknowns: 8 of mm -> px (scaled), the common shift, then for stickers log size and (but for the first) turn and
    place each. All are of the order of 1 or less."""

    borders: Sequence[Borders]
    placed: Sequence[Points] | None
    side_mm: float
    unit_mm: float
    origin_mm: Points
    unit_px: float
    origin_px: Points

    @property
    def stickers(self) -> int:
        return 0 if self.placed is not None else len(self.borders)

    def laid(self, unknowns: Points) -> list[Points]:
        """The borders' pieces in the plane, scaled mm."""
        if self.placed is not None:
            return [
                ((corners[0] + b.at @ (corners[[1, 3]] - corners[0])) - self.origin_mm) / self.unit_mm
                for b, corners in zip(self.borders, self.placed, strict=True)
            ]
        sizes, poses = unknowns[9 : 9 + self.stickers], unknowns[9 + self.stickers :].reshape(-1, 3)
        laid = []
        for number, b in enumerate(self.borders):
            own = (b.at - 0.5) * self.side_mm * math.exp(sizes[number]) / self.unit_mm
            if number:
                turn, x, y = poses[number - 1]
                own = own @ _turning(turn).T + [x, y]
            laid.append(own)
        return laid

    def residuals(self, unknowns: Points) -> Points:
        """Places across the borders, seen less predicted, over their standard errors."""
        rows = []
        for b, points in zip(self.borders, self.laid(unknowns), strict=True):
            miss = np.sum((b.seen - self.seen_at(unknowns, points)) * b.normal, axis=1)
            rows.append((miss - unknowns[8] * SHIFT_PX) / b.error_px)
        return np.concatenate(rows)

    def seen_at(self, unknowns: Points, points: Points) -> Points:
        straight = points @ unknowns[:4].reshape(2, 2).T + unknowns[4:6]
        return np.asarray(self.origin_px + self.unit_px * straight / (1.0 + points @ unknowns[6:8])[:, None])

    def homography(self, unknowns: Points) -> Points:
        """px -> mm."""
        to_px = np.array([[self.unit_px, 0, self.origin_px[0]], [0, self.unit_px, self.origin_px[1]], [0, 0, 1.0]])
        scaled = np.vstack([np.column_stack([unknowns[:4].reshape(2, 2), unknowns[4:6]]), [*unknowns[6:8], 1.0]])
        from_mm = (
            np.array([[1, 0, -self.origin_mm[0]], [0, 1, -self.origin_mm[1]], [0, 0, self.unit_mm]]) / self.unit_mm
        )
        inverse = np.linalg.inv(to_px @ scaled @ from_mm)
        return np.asarray(inverse / np.linalg.norm(inverse))


def fit_plane(
    borders: Sequence[Borders],
    rough: Sequence[Points],
    longer_px: int,
    *,
    side_mm: float = 1.0,
    placed: Sequence[Points] | None = None,
    own_size: float = OWN_SIZE,
) -> Plane:
    """The plane of markers seen with corners `rough` (4, 2) px each, in a picture of `longer_px` along its longer side.

    `placed`: the markers' corners (4, 2) mm on their card; None for loose stickers of side `side_mm`, which lie in one
    plane, turned and placed as they will, and whose sizes differ by `own_size`
    (relative standard uncertainty). Least squares on all borders, with what else could explain them (a common
    shift, stickers of unequal size) held to its own likely size.
    """
    problem, start = _posed(borders, rough, side_mm, placed)
    free = _prior(problem, longer_px, WIDEST_TILT_SIN, own_size, start)
    unknowns, covariance, _ = _solved(problem, start, free)
    tilt_sin = _likely_tilt_sin(problem, unknowns, covariance)
    unknowns, covariance, residual = _solved(
        problem, unknowns, _prior(problem, longer_px, tilt_sin, own_size, unknowns)
    )
    at_px = np.mean([b.seen.mean(axis=0) for b in borders], axis=0)
    slopes = _derivatives(lambda u: _scale_and_gradient(problem.homography(u), at_px), unknowns)
    return Plane(problem.homography(unknowns), at_px, slopes @ covariance @ slopes.T, residual)


def _posed(
    borders: Sequence[Borders], rough: Sequence[Points], side_mm: float, placed: Sequence[Points] | None
) -> tuple[_Problem, Points]:
    """The problem in units in which its unknowns are about 1, and where to start."""
    import cv2

    origin_px = np.mean([quad.mean(axis=0) for quad in rough], axis=0)
    unit_px = max(float(np.ptp(np.concatenate(list(rough)), axis=0).max()) / 2, 1.0)
    if placed is not None:
        corners = np.concatenate(list(placed))
        origin_mm, unit_mm = corners.mean(axis=0), float(np.ptp(corners, axis=0).max()) / 2
        matrix, _ = cv2.findHomography(
            (corners - origin_mm) / unit_mm, (np.concatenate(list(rough)) - origin_px) / unit_px
        )
        poses = np.zeros(0)
    else:
        origin_mm = np.zeros(2)
        unit_mm = side_mm * unit_px / float(np.linalg.norm(rough[0][0] - rough[0][2]) / math.sqrt(2))
        own = (UNIT - 0.5) * side_mm / unit_mm
        matrix, _ = cv2.findHomography(own, (rough[0] - origin_px) / unit_px)
        back = np.asarray(np.linalg.inv(matrix), np.float64)
        poses = np.concatenate(
            [np.zeros(len(rough)), *(_pose(own, through(back, (q - origin_px) / unit_px)) for q in rough[1:])]
        )
    matrix = np.asarray(matrix, np.float64) / matrix[2, 2]
    start = np.concatenate([matrix[:2, :2].ravel(), matrix[:2, 2], matrix[2, :2], [0.0], poses])
    return _Problem(borders, placed, side_mm, unit_mm, origin_mm, unit_px, origin_px), start


def _pose(own: Points, seen: Points) -> Points:
    """Turn (rad) and place of a square that is seen at four points of the plane."""
    middle = seen.mean(axis=0)
    near = seen - middle
    turn = math.atan2(float(np.sum(own[:, 0] * near[:, 1] - own[:, 1] * near[:, 0])), float(np.sum(own * near)))
    return np.array([turn, *middle])


def _turning(angle: float) -> Points:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _prior(problem: _Problem, longer_px: int, tilt_sin: float, own_size: float, unknowns: Points) -> Points:
    """Standard deviations of the unknowns before looking, infinite where nothing is known."""
    spreads = np.full(len(unknowns), np.inf)
    # a plane tilted by t at the distance D is nearer by sin(t) / D a mm: D = focal length (px) times mm/px
    mm_per_px = problem.unit_mm / (problem.unit_px * math.sqrt(abs(float(np.linalg.det(unknowns[:4].reshape(2, 2))))))
    spreads[6:8] = tilt_sin * problem.unit_mm / (SHORTEST_FOCAL * longer_px * mm_per_px)
    spreads[8] = 1.0
    spreads[9 : 9 + problem.stickers] = own_size if problem.stickers > 1 else 1e-6  # else it is the printing's
    return spreads


def _likely_tilt_sin(problem: _Problem, unknowns: Points, covariance: Points) -> float:
    """Sine of the largest tilt that the foreshortening allows."""

    def stretch(u: Points) -> Points:
        at = problem.origin_px
        long, short = np.linalg.svd(_jacobian(problem.homography(u), at), compute_uv=False)
        return np.array([long / short])

    slope = _derivatives(stretch, unknowns)
    spread = math.hypot(math.sqrt(float((slope @ covariance @ slope.T)[0, 0])), ANISOTROPY)
    return min(WIDEST_TILT_SIN, math.sqrt(1.0 - 1.0 / float(stretch(unknowns)[0] + 2.0 * spread) ** 2))


def _solved(problem: _Problem, start: Points, spreads: Points) -> tuple[Points, Points, float]:
    """Most likely unknowns, their covariance, and the misfit (1 where borders miss by their standard errors)."""
    held = np.flatnonzero(np.isfinite(spreads))
    rows = np.zeros((len(held), len(start)))
    rows[np.arange(len(held)), held] = 1.0 / spreads[held]
    unknowns, misfit = start.copy(), 1.0
    for _ in range(_ROUNDS):
        residuals = problem.residuals(unknowns)
        middle = 1.4826 * float(np.median(np.abs(residuals)))
        weights = np.sqrt(np.minimum(1.0, 3.0 * max(middle, 1.0) / np.maximum(np.abs(residuals), 1e-9)))
        degrees = max(len(residuals) - len(start) + len(held), 1)
        misfit = max(LEAST_MISFIT, math.sqrt(float(np.sum((weights * residuals) ** 2)) / degrees))
        slopes = _derivatives(problem.residuals, unknowns)
        matrix = np.vstack([slopes * (weights / misfit)[:, None], rows])
        target = np.concatenate([residuals * weights / misfit, unknowns[held] / spreads[held]])
        step, *_ = np.linalg.lstsq(matrix, -target, rcond=None)
        unknowns = unknowns + step
        if np.abs(step).max() < 1e-6:  # a few ten-thousandths of a pixel
            break
    return unknowns, np.asarray(np.linalg.pinv(matrix.T @ matrix)), misfit


def _derivatives(function: Callable[[Points], Points], unknowns: Points) -> Points:
    """Jacobian (m, n) by central differences."""
    columns = []
    for number in range(len(unknowns)):
        step = np.zeros(len(unknowns))
        step[number] = _STEP
        columns.append((function(unknowns + step) - function(unknowns - step)) / (2 * _STEP))
    return np.stack(columns, axis=1)


def _scale_and_gradient(homography: Points, point: Points) -> Points:
    """log(mm/px) at a point and its gradient, 1/px."""
    w = float(homography[2, :2] @ point + homography[2, 2])
    value = 0.5 * math.log(abs(float(np.linalg.det(homography)))) - 1.5 * math.log(abs(w))
    return np.array([value, *(-1.5 * homography[2, :2] / w)])

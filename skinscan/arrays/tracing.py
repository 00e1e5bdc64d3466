"""Points of centre lines strung into lines, and what a line's cross-section says."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.ridges import Image, Points, Values, sampled

STEP_PX = 1.8
"""How far the next point of a line lies at most where none is missing."""
WIDEST_RAD = 0.6
"""How far a line may turn from one point to the next."""
ALIGNMENT_PX = 2.0
"""SD over which places along a line are smoothed: the noise of single points would lengthen it."""

Chain = NDArray[np.int64]


def trace(points: Points, least: float, gap_px: float) -> list[Chain]:
    """Indices of the points of each line, in order, no point in two lines.

    Lines start at points of `least` response, strongest first, and go on through weaker ones, over gaps of up to
    `gap_px` where they go on straight.
    """
    walk = _Walk(points, gap_px)
    chains = []
    for start in np.argsort(-points.response, kind="stable").tolist():
        if points.response[start] < least:
            break
        if not walk.used[start]:
            forward, back = walk.from_point(start)
            chains.append(np.array([*back[::-1], start, *forward], np.int64))
    return chains


class _Walk:
    """Steps from point to point; plain lists, as each step looks at a handful."""

    def __init__(self, points: Points, gap_px: float) -> None:
        from scipy.spatial import cKDTree

        self.gap_px = gap_px
        self.x, self.y = points.x.tolist(), points.y.tolist()
        self.cos, self.sin = np.cos(points.angle).tolist(), np.sin(points.angle).tolist()
        self.places = np.stack([points.x, points.y], 1)
        self.tree = cKDTree(self.places) if len(points) else None
        self.near = self.tree.query_ball_point(self.places, STEP_PX + 0.5) if self.tree is not None else []
        self.used = bytearray(len(points))

    def from_point(self, start: int) -> tuple[list[int], list[int]]:
        """The points that follow one, to both sides."""
        self.used[start] = 1
        halves = []
        for sign in (1.0, -1.0):
            found: list[int] = []
            at, dx, dy = start, sign * self.cos[start], sign * self.sin[start]
            while (step := self._next(at, dx, dy)) is not None:
                self.used[step] = 1
                self._pass(at)
                c, s = self.cos[step], self.sin[step]
                if c * dx + s * dy < 0:
                    c, s = -c, -s
                dx, dy = 0.7 * dx + 0.3 * c, 0.7 * dy + 0.3 * s
                norm = math.hypot(dx, dy)
                at, dx, dy = step, dx / norm, dy / norm
                found.append(step)
            self._pass(at)
            halves.append(found)
        return halves[0], halves[1]

    def _next(self, at: int, dx: float, dy: float) -> int | None:
        found = self._best(self.near[at], at, dx, dy, STEP_PX)
        if found is None and self.gap_px > STEP_PX and self.tree is not None:
            middle = (self.x[at] + 0.5 * self.gap_px * dx, self.y[at] + 0.5 * self.gap_px * dy)
            found = self._best(self.tree.query_ball_point(middle, 0.6 * self.gap_px), at, dx, dy, self.gap_px)
        return found

    def _best(self, candidates: list[int], at: int, dx: float, dy: float, reach: float) -> int | None:
        """The candidate that goes on most nearly straight, within reach."""
        best, least = None, math.inf
        for other in candidates:
            if self.used[other]:
                continue
            ex, ey = self.x[other] - self.x[at], self.y[other] - self.y[at]
            ahead, beside = ex * dx + ey * dy, abs(ex * dy - ey * dx)
            turn = abs(self.sin[other] * dx - self.cos[other] * dy)
            if 0.5 <= ahead <= reach and beside <= 0.35 * ahead + 0.5 and turn <= WIDEST_RAD:
                cost = ahead + 2 * beside + 2 * turn
                if cost < least:
                    best, least = other, cost
        return best

    def _pass(self, at: int) -> None:
        """A point's twins beside it are of the same line."""
        for other in self.near[at]:
            ex, ey = self.x[other] - self.x[at], self.y[other] - self.y[at]
            along = abs(ex * self.cos[at] + ey * self.sin[at])
            if along <= 0.75 and abs(self.sin[other] * self.cos[at] - self.cos[other] * self.sin[at]) < WIDEST_RAD:
                self.used[other] = 1


def smoothed(values: Values, sigma: float) -> Values:
    """Gaussian mean along the first axis, (n[, m]); the ends are carried on straight where values are places."""
    values = np.asarray(values, np.float64)
    if len(values) < 3 or sigma <= 0:
        return values.copy()
    reach = min(math.ceil(3 * sigma), len(values) - 1)
    before, after = 2 * values[:1] - values[reach:0:-1], 2 * values[-1:] - values[-2 : -reach - 2 : -1]
    padded = np.concatenate([before, values, after]).reshape(len(values) + 2 * reach, -1)
    at = np.arange(-reach, reach + 1)
    bell = np.exp(-0.5 * (at / sigma) ** 2)
    out = cv2.filter2D(padded, cv2.CV_64F, (bell / bell.sum()).reshape(-1, 1), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(out[reach : reach + len(values)], np.float64).reshape(values.shape)


def lengths(path: Values) -> Values:
    """Lengths of the steps of a path (n, 2), (n - 1,)."""
    return np.asarray(np.hypot(*np.diff(path, axis=0).T), np.float64)


def turning(path: Values, step: float) -> float:
    """How a path (n, 2) turns: RMS of the change of its heading from `step` to `step`, radians; 0 where it is shorter
    than that."""
    along = np.concatenate([[0.0], np.cumsum(lengths(path))])
    at = np.arange(0.0, along[-1], step / 2)
    heading = np.unwrap(np.arctan2(*(np.diff(np.interp(at, along, path[:, axis])) for axis in (1, 0))))
    return float(np.sqrt(np.mean((heading[2:] - heading[:-2]) ** 2))) if len(heading) > 2 else 0.0


@dataclass(frozen=True, eq=False)
class Section:
    """A line's cross-section at each of its points, (n,), as that of a valley of a stated profile: depth at its middle
    (0 where it is no valley), and full width at half depth in px (0 where it is narrower than could be told)."""

    depth: Values
    width_px: Values


Model = Callable[[Values, Values, float, float], Section]
"""(second derivatives at a narrower and at a wider SD, times SD^2; both SDs) -> cross-section."""


def sections(image: Image, path: Values, sigmas_px: Sequence[float], over: float, model: Model) -> Section:
    """Cross-sections of a path (n, 2) through an image, their mean over `over` points (Gaussian SD).

    Told from the profile's second derivatives at neighbouring ones of the widths `sigmas_px` (ascending), the first
    two whose answer is no wider than the larger of them: even shading and a slope leave them alone.
    """
    tangent = np.gradient(path, axis=0)
    tangent /= np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
    step = min(sigmas_px[0] / 3, 1.0)
    reach = math.ceil(4 * sigmas_px[-1] / step)
    offsets: Values = np.arange(-reach, reach + 1) * np.float64(step)
    x = path[:, :1] - offsets * tangent[:, 1:]
    y = path[:, 1:] + offsets * tangent[:, :1]
    profile = smoothed(sampled(image, x, y).astype(np.float64), over)
    bends = [np.asarray(profile @ _bend(offsets, sigma), np.float64) for sigma in sigmas_px]
    found = model(bends[0], bends[1], sigmas_px[0], sigmas_px[1])
    for at in range(2, len(sigmas_px)):
        wider = found.width_px > FWHM * sigmas_px[at - 1]
        more = model(bends[at - 1], bends[at], sigmas_px[at - 1], sigmas_px[at])
        found = Section(np.where(wider, more.depth, found.depth), np.where(wider, more.width_px, found.width_px))
    return found


FWHM = 2 * math.sqrt(2 * math.log(2))


def gaussian_valley(narrow: Values, wide: Values, narrow_px: float, wide_px: float) -> Section:
    """Of a Gaussian valley of depth A and SD w the second derivative at SD s, times s^2, is A w s^2 / (w^2 + s^2)^1.5:
    two of them tell both."""
    with np.errstate(divide="ignore", invalid="ignore"):
        q = (np.maximum(narrow, 0) / wide * (wide_px / narrow_px) ** 2) ** (2 / 3)
        variance = np.where(q > 1, (wide_px**2 - q * narrow_px**2) / (q - 1), np.inf)
    sigma = np.sqrt(np.clip(np.nan_to_num(variance, nan=np.inf), 0.0, (2 * wide_px) ** 2))
    width = np.maximum(sigma, 0.25 * narrow_px)
    depth = np.where(wide > 0, wide * (width**2 + wide_px**2) ** 1.5 / (width * wide_px**2), 0.0)
    return Section(depth, FWHM * sigma)


def flat_valley(narrow: Values, wide: Values, narrow_px: float, wide_px: float) -> Section:
    """Of a valley of even depth A and width W with steep sides it is A W / (s sqrt(2 pi)) exp(-W^2 / 8 s^2)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = wide_px * wide / (narrow_px * np.maximum(narrow, 1e-9 * np.abs(wide)))
        squared = 8 * np.log(np.maximum(ratio, 1.0)) / (1 / narrow_px**2 - 1 / wide_px**2)
    width = np.sqrt(np.clip(np.nan_to_num(squared), 0.0, (6 * wide_px) ** 2))
    least = np.maximum(width, 0.5 * narrow_px)
    depth = wide * wide_px * math.sqrt(2 * math.pi) / least * np.exp(least**2 / (8 * wide_px**2))
    return Section(np.where(wide > 0, depth, 0.0), width)


def _bend(offsets: Values, sigma: float) -> Values:
    """Second derivative of a Gaussian times sigma^2 at even offsets, blind to a constant, right on a parabola."""
    bell = np.exp(-0.5 * (offsets / sigma) ** 2)
    bell /= bell.sum()
    bend = (offsets**2 / sigma**2 - 1) * bell
    bend -= bell * bend.sum()
    return np.asarray(bend * 2 * sigma**2 / (bend @ offsets**2), np.float64)

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
_NONE = -1
_CELL_PX = 0.5


def trace(points: Points, least: float, gap_px: float) -> list[Chain]:
    """Indices of the points of each line, in order, no point in two lines.

    Each point chooses, to either side, the one that goes on most nearly straight; two that choose each other follow
    one another. Ends that are left choose again, over gaps of up to `gap_px`. A line has a point of `least` response.
    Its cost is that of the points, whatever they show.
    """
    chosen = _apart(points)
    own = points.where(chosen)
    after = np.full((len(own), 2), _NONE, np.int64)
    for reach in (STEP_PX, STEP_PX, gap_px):
        ends = np.flatnonzero((after == _NONE).any(1))
        if len(ends) > 1:
            _follow(own, after, ends, reach)
    return [chosen[chain] for chain in _walked(after, own.response, least)]


def _apart(points: Points) -> Chain:
    """Indices of the points but for the weaker of any two that neighbouring pixels found at nearly one place: which of
    them comes first would be chance."""
    chosen = np.arange(len(points))
    for shift in (0.0, 0.5):
        own = points.where(chosen)
        column, row = (np.floor(values / _CELL_PX + shift).astype(np.int64) for values in (own.x, own.y))
        place = row * (column.max(initial=0) + 2) + column
        order = np.lexsort((-own.response, place))
        first = np.diff(place[order], prepend=np.iinfo(np.int64).min) != 0
        chosen = chosen[np.sort(order[first])]
    return chosen


def _follow(points: Points, after: Chain, ends: Chain, reach: float) -> None:
    """Write into `after` (n, 2), the neighbours along and against each point's direction, what free `ends` choose."""
    from scipy.spatial import cKDTree

    places = np.stack([points.x[ends], points.y[ends]], 1)
    pairs = ends[cKDTree(places).query_pairs(reach * _DIAGONAL, output_type="ndarray")]
    one, other = np.concatenate([pairs, pairs[:, ::-1]]).T
    cos, sin = np.cos(points.angle), np.sin(points.angle)
    ex, ey = points.x[other] - points.x[one], points.y[other] - points.y[one]
    along, beside = ex * cos[one] + ey * sin[one], np.abs(ex * sin[one] - ey * cos[one])
    ahead, turn = np.abs(along), np.abs(sin[other] * cos[one] - cos[other] * sin[one])
    slot = 2 * one + (along < 0)
    back = 2 * other + (ex * cos[other] + ey * sin[other] > 0)  # the side of the other that looks at the one
    free = after.ravel()
    fits = (ahead <= reach) & (beside <= 0.35 * ahead + 0.5) & (turn <= WIDEST_RAD)
    fits &= (free[slot] == _NONE) & (free[back] == _NONE) & (free[slot ^ 1] != other)
    cost, slot, back = (ahead + 2 * beside + 2 * turn)[fits], slot[fits], back[fits]
    order = np.lexsort((cost, slot))
    first = order[np.diff(slot[order], prepend=_NONE) > 0]
    best = np.full(len(free), _NONE, np.int64)
    best[slot[first]] = back[first]
    own = np.flatnonzero(best != _NONE)
    mutual = own[best[best[own]] == own]
    free[mutual] = best[mutual] // 2


_DIAGONAL = 1.2
"""Within reach ahead, and as far beside as is still straight on."""


def _walked(after: Chain, response: Values, least: float) -> list[Chain]:
    """The points of each line from end to end, a ring from anywhere, longest response first."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(after)
    at, side = np.nonzero(after != _NONE)
    links = coo_matrix((np.ones(len(at), np.int8), (at, after[at, side])), shape=(count, count))
    _, line = connected_components(links, directed=False)
    size = np.bincount(line)
    strongest = np.full(len(size), -np.inf)
    np.maximum.at(strongest, line, response)
    # its first end, or, of a ring, any point
    order = np.lexsort(((after != _NONE).all(1), line))
    starts = order[np.diff(line[order], prepend=_NONE) > 0]
    starts = starts[strongest >= least]
    neighbours = after.tolist()
    return [_from(start, int(size[line[start]]), neighbours) for start in starts.tolist()]


def _from(start: int, size: int, neighbours: list[list[int]]) -> Chain:
    chain, before = [start], _NONE
    while len(chain) < size:
        here = chain[-1]
        one, other = neighbours[here]
        chain.append(one if one not in (before, _NONE) else other)
        before = here
    return np.array(chain, np.int64)


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

"""From a first guess to a fraction of a pixel: patches say how far they are off, a smooth field listens.

Each pass lays a grid of patches over the before view, looks each one up in the after view around the place
where the warp so far puts it, and fits a homography plus the smoothest displacement that predicts left-out
patches as well as any (`arrays.alignment`). Where patches do not agree with their neighbours nobody knows
where the skin went, and the displacement is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import alignment, warp
from skinscan.arrays.threads import each
from skinscan.capture.registration import uncertainty
from skinscan.capture.registration.skin_view import SkinView
from skinscan.capture.registration.uncertainty import Known
from skinscan.records import BoolArray

Array = NDArray[np.float64]

SIDE = 64
"""Patch side in px of the view, the search included."""

_CHUNK = 128
_LEAST = 8
_LEAST_COVER = 0.5
_COVER_STEP, _COVER_FROM = 4, 2
_NEIGHBOURHOOD = slice(4, 12)
"""How much of a patch is skin is told from every fourth pixel; of a node's neighbourhood, from its middle half."""

_WIDTHS = (1.0, 1.6, 2.5, 4.0, 7.0)
_NEAR = 1.5
_LEAST_AGREEMENT = 0.4
_AGREE_PX = 1.5
"""A patch agrees when its own peak is this near, in view pixels, to what its neighbours predict."""


@dataclass(frozen=True, eq=False)
class Warp:
    """after = project(homography, before) + displacement, in photo pixels (`arrays.warp`)."""

    homography: Array
    displacement: warp.Field
    grid_px: int

    def __call__(self, points: NDArray[Any]) -> Array:
        return warp.forward(points, self.homography, self.displacement, self.grid_px)


@dataclass(frozen=True, eq=False)
class Pass:
    """What one pass found.

    `patches` patches were looked up, `agreeing` of them have their peak where their neighbours predict it;
    `standard_error_px` of the fitted field in after pixels (both axes together); `spread` (h, w) the same place by
    place, one axis, on the grid of a displacement of `warp.grid_px`, NaN where no patch is near.
    """

    warp: Warp
    spread: NDArray[np.float32]
    patches: int
    agreeing: int
    standard_error_px: float
    correlation: float


@dataclass(frozen=True, eq=False)
class Banded:
    """A view and its band-passed values (h, w): what patches are cut from."""

    view: SkinView
    band: NDArray[np.float32]


def banded(view: SkinView, fine: float = 1.0) -> Banded:
    """Band-passed between standard deviations `fine` and 6 `fine` + 2 px, heavy tails cut."""
    values = alignment.band(view.values, view.mask, fine, 6 * fine + 2)
    return Banded(view, values)


@dataclass(frozen=True, eq=False)
class _Votes:
    """Where each patch says that its centre lies: before and after points (n, 2), weights, peaks (n,)."""

    before: Array
    after: Array
    weights: Array
    peak: Array
    after_px: float


def refine(
    before: Banded, after: Banded, start: Warp, shape: tuple[int, int], search: int, spacing: int
) -> Pass | None:
    """One pass over two views of the same scale; None where fewer than 8 patches could be looked up and fitted.

    `shape` of the before photo, `search` and `spacing` in view pixels.
    """
    votes = _look_up(before, after, start, search, spacing)
    if len(votes.before) < _LEAST or (votes.weights > 0).sum() < _LEAST:
        return None
    return _fit(votes, shape, spacing * before.view.photo_px)


def _look_up(one: Banded, other: Banded, start: Warp, search: int, spacing: int) -> _Votes:
    before, after = one.view, other.view
    nodes = _nodes(before.mask, spacing)
    centre = warp.project(before.to_photo, nodes)
    middle, slope = _places(centre, before, after, start)
    known = np.isfinite(middle).all(axis=1) & np.isfinite(slope).all(axis=(1, 2))
    nodes, centre, middle, slope = (a[known] for a in (nodes, centre, middle, slope))
    weights = alignment.window(SIDE, search)[_COVER_FROM::_COVER_STEP, _COVER_FROM::_COVER_STEP]

    def chunk(start: int) -> tuple[Array, Array, Array] | None:
        some = slice(start, start + _CHUNK)
        x, y = _patch_maps(middle[some], slope[some])
        cover = _cover(before.mask, nodes[some]) & _cover_there(after.mask, x, y)
        enough = (cover * weights).sum(axis=(1, 2)) >= _LEAST_COVER * weights.sum()
        if not enough.any():
            return None
        moved = _read(other.band, x[enough], y[enough], cv2.INTER_CUBIC)
        found = alignment.patch_shifts(_cut(one.band, nodes[some][enough]), moved, search)
        keep = np.isfinite(found.peak)
        return centre[some][enough][keep], found.xy[keep], found.peak[keep]

    parts = [part for part in each(chunk, range(0, len(nodes), _CHUNK)) if part is not None]
    if not parts:
        empty = np.zeros((0, 2))
        return _Votes(empty, empty, np.zeros(0), np.zeros(0), after.photo_px)
    points, shift, peak = (np.concatenate(part) for part in zip(*parts, strict=True))
    target = start(points + shift @ before.to_photo[:2, :2].T)
    strength = np.clip(peak, 0, 0.99) ** 2
    trust = np.where(np.isfinite(target).all(axis=1), strength / (1 - strength), 0.0)
    return _Votes(points, target, trust, peak, after.photo_px)


def _nodes(skin: BoolArray, spacing: int) -> Array:
    """Patch centres (n, 2) in view pixels: a regular grid, where most of the neighbourhood is skin."""
    height, width = skin.shape
    x = np.arange((width % spacing) // 2, width, spacing)
    y = np.arange((height % spacing) // 2, height, spacing)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float64)
    covered = _cover(skin, grid)[:, _NEIGHBOURHOOD, _NEIGHBOURHOOD].mean(axis=(1, 2))
    return np.asarray(grid[covered >= _LEAST_COVER])


def _cover(skin: BoolArray, nodes: Array) -> BoolArray:
    """Whether every _COVER_STEP-th pixel of the patches is skin, (n, SIDE / _COVER_STEP, SIDE / _COVER_STEP)."""
    offsets = np.arange(_COVER_FROM, SIDE, _COVER_STEP) - SIDE // 2
    columns, rows = (nodes[:, axis, None].astype(np.intp) + offsets for axis in range(2))
    height, width = skin.shape
    seen = skin[rows.clip(0, height - 1)[:, :, None], columns.clip(0, width - 1)[:, None, :]]
    seen &= ((rows >= 0) & (rows < height))[:, :, None]
    seen &= ((columns >= 0) & (columns < width))[:, None, :]
    return np.asarray(seen)


def _cover_there(skin: BoolArray, x: warp.Field, y: warp.Field) -> BoolArray:
    """The same where the maps (n, SIDE, SIDE) lead."""
    x, y = (np.ascontiguousarray(a[:, _COVER_FROM::_COVER_STEP, _COVER_FROM::_COVER_STEP]) for a in (x, y))
    return _read(skin.view(np.uint8), x, y, cv2.INTER_NEAREST).astype(bool)


def _read(image: NDArray[Any], x: warp.Field, y: warp.Field, interpolation: int) -> NDArray[Any]:
    """`image` at maps (n, h, w); 0 beyond its edge."""
    size = (-1, x.shape[2])
    return np.asarray(cv2.remap(image, x.reshape(size), y.reshape(size), interpolation)).reshape(x.shape)


def _places(centre: Array, before: SkinView, after: SkinView, start: Warp) -> tuple[Array, Array]:
    """Where photo points (n, 2) lie in the after view (n, 2), and how the views' axes turn there (n, 2, 2)."""
    to_view = np.linalg.inv(after.to_photo)
    slope = warp.jacobian(start.homography, start.displacement, start.grid_px, centre)
    return warp.project(to_view, start(centre)), to_view[:2, :2] @ slope @ before.to_photo[:2, :2]


def _patch_maps(middle: Array, slope: Array) -> tuple[warp.Field, warp.Field]:
    """After-view coordinates (n, SIDE, SIDE) of the patches' pixels: affine around each centre."""
    offsets = np.arange(SIDE) - SIDE // 2
    along = (middle[:, :, None] + slope[:, :, 0, None] * offsets).astype(np.float32)
    down = (slope[:, :, 1, None] * offsets).astype(np.float32)
    x, y = (along[:, axis, None, :] + down[:, axis, :, None] for axis in range(2))
    return x, y


def _cut(image: NDArray[np.float32], nodes: Array) -> NDArray[np.float32]:
    """Patches (n, SIDE, SIDE) around whole pixels; 0 beyond the edge."""
    out = np.zeros((len(nodes), SIDE, SIDE), np.float32)
    height, width = image.shape
    for patch, (x, y) in zip(out, nodes.astype(int) - SIDE // 2, strict=True):
        rows, columns = slice(max(y, 0), min(y + SIDE, height)), slice(max(x, 0), min(x + SIDE, width))
        patch[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x] = image[rows, columns]
    return out


def _fit(votes: _Votes, shape: tuple[int, int], spacing_px: float) -> Pass | None:
    homography = _robust_homography(votes)
    rest = votes.after - warp.project(homography, votes.before)
    rest[votes.weights == 0] = np.nan
    if np.isfinite(rest).all(axis=1).sum() < _LEAST:
        return None  # a wild homography puts the others behind the horizon
    width, robust, apart = _smoothest(votes, rest, spacing_px)
    off = np.linalg.norm(apart, axis=1)
    weights = votes.weights * robust
    tolerance = max(_AGREE_PX * votes.after_px, 0.0)
    agreeing = off <= tolerance
    grid_px = max(8, round(spacing_px))
    displacement, gain = _field(votes, rest, weights, width, shape, grid_px)
    lost = _lost(votes, agreeing, shape, grid_px, spacing_px)
    if lost.any():
        if displacement.size == 0:
            displacement = np.zeros((*lost.shape, 2), np.float32)
        displacement[lost] = np.nan
    scatter = _scatter(off, weights)
    known = Known(votes.before, apart, weights, scatter)
    spread = uncertainty.of_field(known, homography, width, _grid(shape, grid_px), _NEAR * spacing_px)
    spread[lost] = np.nan
    return Pass(
        Warp(homography, displacement, grid_px),
        spread,
        len(votes.before),
        int(agreeing.sum()),
        float(np.sqrt(2 * gain) * scatter),
        float(np.median(votes.peak)),
    )


def _scatter(off: Array, weights: Array) -> float:
    """Weighted standard deviation of one axis of residual lengths."""
    use = np.isfinite(off) & (weights > 0)
    if not use.any():
        return float("nan")
    return float(np.sqrt((weights[use] * off[use] ** 2).sum() / (2 * weights[use].sum())))


def _robust_homography(votes: _Votes) -> Array:
    weights = votes.weights.copy()
    robust = np.ones_like(weights)
    source, target = votes.before, np.nan_to_num(votes.after)
    homography = np.eye(3)
    for _ in range(8):
        homography = alignment.fit_homography(source, target, weights * robust)
        off = np.linalg.norm(target - warp.project(homography, source), axis=1)
        robust = alignment.biweight(off, max(alignment.radial_scale(off, weights), 0.05 * votes.after_px))
        if (robust * weights > 0).sum() < 6:
            robust = np.ones_like(weights)
            break
    return homography


def _smoothest(votes: _Votes, rest: Array, spacing_px: float) -> tuple[float, Array, Array]:
    """Kernel width in px (inf: none needed), robust weights (n,), leave-one-out residuals (n, 2)."""
    floor = 0.02 * votes.after_px
    flat = np.linalg.norm(rest, axis=1)
    tried = [(np.inf, alignment.biweight(flat, max(alignment.radial_scale(flat), floor)), flat, rest)]
    for factor in reversed(_WIDTHS):
        width = factor * spacing_px
        robust = tried[-1][1]
        off, apart = flat, rest
        smoother = alignment.Smoother.between(votes.before, width)
        for _ in range(3):
            predicted = smoother.predict(rest, votes.weights * robust)
            apart = rest - predicted
            off = np.linalg.norm(apart, axis=1)
            robust = alignment.biweight(off, max(alignment.radial_scale(off), floor))
        tried.append((width, robust, off, apart))
    cut = 3 * max(min(alignment.radial_scale(off) for _, _, off, _ in tried), floor)
    scores = [_score(off, votes.weights, cut) for _, _, off, _ in tried]
    enough = 1.03 * min(scores)
    width, robust, _, apart = next(one for one, score in zip(tried, scores, strict=True) if score <= enough)
    return width, robust, apart


def _score(off: Array, weights: Array, cut: float) -> float:
    short = np.minimum(np.nan_to_num(off, nan=np.inf), cut)
    return float((weights * short**2).sum() / max(weights.sum(), 1e-300))


def _field(
    votes: _Votes, rest: Array, weights: Array, width: float, shape: tuple[int, int], grid_px: int
) -> tuple[warp.Field, float]:
    """Displacement on the grid of the whole photo, and the mean variance gain of the fit."""
    known = int((weights > 1e-3 * weights.max(initial=0)).sum())
    shares = weights / max(float(weights.sum()), 1e-300)
    if not np.isfinite(width):
        return warp.NO_DISPLACEMENT.copy(), 4 * float((shares**2).sum())
    x, y = _grid(shape, grid_px)
    apart = _squares(votes.before[:, 1], y).T[:, None] + _squares(votes.before[:, 0], x).T[None]
    inside = apart.min(axis=2) <= (_NEAR * grid_px) ** 2
    nodes = np.stack(np.meshgrid(x, y), axis=-1)
    field = np.full(nodes.shape, np.nan, np.float32)
    typical = float("nan")
    if inside.any():
        smoother = alignment.Smoother.between(votes.before, width, nodes[inside])
        field[inside] = smoother.predict(rest, weights)
        typical = float(np.nanmedian(smoother.gain(weights))) if known else typical
    return np.array(warp.fill_unknown(field)), typical


def _grid(shape: tuple[int, int], grid_px: int) -> tuple[Array, Array]:
    """x and y of the samples of a displacement that covers a photo."""
    height, width = shape
    return (
        np.arange(0, width + grid_px - 1, grid_px, dtype=np.float64),
        np.arange(0, height + grid_px - 1, grid_px, dtype=np.float64),
    )


def _squares(one: Array, other: Array) -> Array:
    """Squared differences (n, m) of coordinates (n,) and (m,)."""
    return np.asarray((one[:, None] - other[None]) ** 2)


def _lost(votes: _Votes, agreeing: BoolArray, shape: tuple[int, int], grid_px: int, spacing_px: float) -> BoolArray:
    """Grid samples where the patches around disagree with one another, (h, w)."""
    x, y = _grid(shape, grid_px)
    # a Gaussian kernel is the product of one along x and one along y
    across, down = (
        np.exp(-0.5 * _squares(votes.before[:, axis], line) / (_NEAR * spacing_px) ** 2)
        for axis, line in enumerate((x, y))
    )
    total = down.T @ across
    share = (down[agreeing].T @ across[agreeing]) / np.maximum(total, 1e-9)
    return np.asarray((total > 2.0) & (share < _LEAST_AGREEMENT))

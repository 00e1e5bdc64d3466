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
from skinscan.capture.skin_view import SkinView
from skinscan.records import BoolArray

Array = NDArray[np.float64]

SIDE = 64
"""Patch side in px of the view, the search included."""

_LEAST_COVER = 0.5
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
    `standard_error_px` of the fitted field in after pixels (both axes together).
    """

    warp: Warp
    patches: int
    agreeing: int
    standard_error_px: float
    correlation: float


@dataclass(frozen=True, eq=False)
class Banded:
    """A view and its band-passed values (h, w): what patches are cut from."""

    view: SkinView
    band: NDArray[np.float32]
    cover: NDArray[np.float32]


def banded(view: SkinView, fine: float = 1.0) -> Banded:
    """Band-passed between standard deviations `fine` and 6 `fine` + 2 px, heavy tails cut."""
    values = alignment.band(view.values, view.mask, fine, 6 * fine + 2)
    return Banded(view, values, view.mask.astype(np.float32))


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
    """One pass over two views of the same scale; None where fewer than 8 patches could be looked up.

    `shape` of the before photo, `search` and `spacing` in view pixels.
    """
    votes = _look_up(before, after, start, search, spacing)
    if len(votes.before) < 8 or (votes.weights > 0).sum() < 8:
        return None
    return _fit(votes, shape, spacing * before.view.photo_px)


def _look_up(one: Banded, other: Banded, start: Warp, search: int, spacing: int) -> _Votes:
    before, after = one.view, other.view
    reference, skin = _padded(one.band), _padded(one.cover)
    nodes = _nodes(one.cover, spacing)
    centre = warp.project(before.to_photo, nodes)
    weights = alignment.window(SIDE, search)
    parts = []
    for i in range(0, len(nodes), 128):
        some = nodes[i : i + 128]
        where_x, where_y = _patch_maps(some, centre[i : i + 128], before, after, start)
        moved = _cut(other.band, where_x, where_y, cv2.INTER_CUBIC)
        cover = _cut_whole(skin, some) * _cut(other.cover, where_x, where_y, cv2.INTER_LINEAR)
        still = _cut_whole(reference, some)
        enough = (cover * weights).sum(axis=(1, 2)) >= _LEAST_COVER * weights.sum()
        found = alignment.patch_shifts(still, moved, search)
        keep = enough & np.isfinite(found.peak)
        parts.append((centre[i : i + 128][keep], found.xy[keep], found.peak[keep]))
    if not parts:
        empty = np.zeros((0, 2))
        return _Votes(empty, empty, np.zeros(0), np.zeros(0), after.photo_px)
    points, shift, peak = (np.concatenate(part) for part in zip(*parts, strict=True))
    target = start(points + shift @ before.to_photo[:2, :2].T)
    strength = np.clip(peak, 0, 0.99) ** 2
    trust = np.where(np.isfinite(target).all(axis=1), strength / (1 - strength), 0.0)
    return _Votes(points, target, trust, peak, after.photo_px)


def _nodes(skin: NDArray[np.float32], spacing: int) -> Array:
    """Patch centres (n, 2) in view pixels: a regular grid, where most of the neighbourhood is skin."""
    height, width = skin.shape
    x = np.arange((width % spacing) // 2, width, spacing)
    y = np.arange((height % spacing) // 2, height, spacing)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    cover = cv2.blur(skin, (SIDE // 2, SIDE // 2), borderType=cv2.BORDER_CONSTANT)
    chosen = grid[cover[grid[:, 1], grid[:, 0]] >= _LEAST_COVER]
    return np.asarray(chosen, np.float64)


def _patch_maps(
    nodes: Array, centre: Array, before: SkinView, after: SkinView, start: Warp
) -> tuple[warp.Field, warp.Field]:
    """After-view coordinates (n SIDE, SIDE) of the patches' pixels: affine around each centre."""
    offsets = np.arange(SIDE) - SIDE // 2
    to_view = np.linalg.inv(after.to_photo)
    middle = warp.project(to_view, start(centre))
    slope = warp.jacobian(start.homography, start.displacement, start.grid_px, centre)
    slope = to_view[:2, :2] @ slope @ before.to_photo[:2, :2]
    x, y = offsets[None, None, :], offsets[None, :, None]
    maps = [
        middle[:, axis, None, None] + slope[:, axis, 0, None, None] * x + slope[:, axis, 1, None, None] * y
        for axis in range(2)
    ]
    return maps[0].reshape(-1, SIDE).astype(np.float32), maps[1].reshape(-1, SIDE).astype(np.float32)


def _cut(image: NDArray[np.float32], x: warp.Field, y: warp.Field, interpolation: int) -> NDArray[np.float32]:
    return warp.sample(image, x, y, interpolation).reshape(-1, SIDE, SIDE)


def _padded(image: NDArray[np.float32]) -> NDArray[np.float32]:
    half = SIDE // 2
    padded = cv2.copyMakeBorder(image, half, half, half, half, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(padded, np.float32)


def _cut_whole(padded: NDArray[np.float32], nodes: Array) -> NDArray[np.float32]:
    """Patches around whole pixels, out of an image with half a patch of zeros around it."""
    return np.stack([padded[y : y + SIDE, x : x + SIDE] for x, y in nodes.astype(int)])


def _fit(votes: _Votes, shape: tuple[int, int], spacing_px: float) -> Pass:
    homography = _robust_homography(votes)
    rest = votes.after - warp.project(homography, votes.before)
    rest[votes.weights == 0] = np.nan
    width, robust, off = _smoothest(votes, rest, spacing_px)
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
    return Pass(
        Warp(homography, displacement, grid_px),
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
    """Kernel width in px (inf: none needed), robust weights (n,), leave-one-out residual lengths (n,)."""
    floor = 0.02 * votes.after_px
    flat = np.linalg.norm(rest, axis=1)
    tried = [(np.inf, alignment.biweight(flat, max(alignment.radial_scale(flat), floor)), flat)]
    for factor in reversed(_WIDTHS):
        width = factor * spacing_px
        robust = tried[-1][1]
        off = flat
        smoother = alignment.Smoother.between(votes.before, width)
        for _ in range(3):
            predicted = smoother.predict(rest, votes.weights * robust)
            off = np.linalg.norm(rest - predicted, axis=1)
            robust = alignment.biweight(off, max(alignment.radial_scale(off), floor))
        tried.append((width, robust, off))
    cut = 3 * max(min(alignment.radial_scale(off) for _, _, off in tried), floor)
    scores = [_score(off, votes.weights, cut) for _, _, off in tried]
    enough = 1.03 * min(scores)
    return next(one for one, score in zip(tried, scores, strict=True) if score <= enough)


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
    nodes = _grid(shape, grid_px)
    smoother = alignment.Smoother.between(votes.before, width, nodes.reshape(-1, 2))
    predicted, gain = smoother.predict(rest, weights), smoother.gain(weights)
    nearest = np.sqrt(((nodes.reshape(-1, 1, 2) - votes.before[None]) ** 2).sum(axis=-1)).min(axis=1)
    inside = nearest <= _NEAR * grid_px
    predicted[~inside] = np.nan
    typical = float(np.nanmedian(gain[inside])) if inside.any() and known else float("nan")
    field = predicted.reshape(nodes.shape).astype(np.float32)
    return np.array(warp.fill_unknown(field)), typical


def _grid(shape: tuple[int, int], grid_px: int) -> Array:
    height, width = shape
    x = np.arange(0, width + grid_px - 1, grid_px, dtype=np.float64)
    y = np.arange(0, height + grid_px - 1, grid_px, dtype=np.float64)
    return np.stack(np.meshgrid(x, y), axis=-1)


def _lost(votes: _Votes, agreeing: BoolArray, shape: tuple[int, int], grid_px: int, spacing_px: float) -> BoolArray:
    """Grid samples where the patches around disagree with one another, (h, w)."""
    nodes = _grid(shape, grid_px)
    away = ((nodes.reshape(-1, 1, 2) - votes.before[None]) ** 2).sum(axis=-1)
    kernel = np.exp(-0.5 * away / (_NEAR * spacing_px) ** 2)
    total = kernel.sum(axis=1)
    share = (kernel @ agreeing) / np.maximum(total, 1e-9)
    return np.asarray(((total > 2.0) & (share < _LEAST_AGREEMENT)).reshape(nodes.shape[:2]))

"""How alike two registered views of the same skin are: what both see, their fine shading, their light."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import warp
from skinscan.arrays.filters import CUTOFF_TO_SIGMA, masked_gaussian, wavelength_band
from skinscan.capture.registration.refining import Warp
from skinscan.capture.registration.skin_view import SkinView
from skinscan.records import BoolArray

_TILE_PX = 320
_MOST_TILES = 24
_MAP_STEP = 8
_LIGHT_PX = 160
_LIGHT_WAVES = 8
_SAMPLES = 60_000
_SLOPES = 3000

BAND_MM = (0.25, 1.0)
BAND_PX = (6.0, 30.0)


@dataclass(frozen=True, eq=False)
class Overlap:
    """Share of the before skin that the after photo sees, the same the other way round, and where.

    `points` (n, 2) are before pixels that both see, a regular sample.
    """

    of_before: float
    of_after: float
    points: NDArray[np.float64]


def overlap(first: SkinView, second: SkinView, fit: Warp) -> Overlap:
    """What both photos see of the skin."""
    step = max(1, int(math.sqrt(first.mask.sum() / _SAMPLES)))
    rows, columns = np.nonzero(first.mask[::step, ::step])
    points = warp.project(first.to_photo, np.stack([columns, rows], axis=1) * float(step))
    there = warp.project(np.linalg.inv(second.to_photo), fit(points))
    height, width = second.mask.shape
    known = np.isfinite(there[:, 0])
    where = np.rint(np.where(known[:, None], there, -1)).astype(int)
    inside = np.flatnonzero(known & np.all((where >= 0) & (where < [width, height]), axis=1))
    seen = np.zeros(len(points), bool)
    column, row = where[inside].T
    seen[inside] = second.mask[row, column]
    enlarged = scale_at(fit, points[seen]) ** 2 if seen.any() else 0.0
    covered = enlarged * float(seen.sum()) * (step * first.photo_px) ** 2
    skin_after = max(float(second.mask.sum()) * second.photo_px**2, 1.0)
    return Overlap(float(seen.mean()) if seen.size else 0.0, min(covered / skin_after, 1.0), points[seen])


@dataclass(frozen=True, slots=True)
class Texture:
    """How alike the fine shading of the same skin is in two photos, all NaN where nothing is shared.

    `correlation`: Pearson's; `ratio` of the standard deviations, after to before. `anisotropy_change`: the anisotropy
    of a shading is ((xx - yy), 2 xy) / (xx + yy) of its gradients' mean squares, a vector no longer than 1 at twice the
    direction in which it changes most; this is the length of the difference of the two. A lamp shades what runs across
    its light: 20 degrees lower or higher make 0.03 to 0.14, 15 degrees round the skin as much; another exposure,
    sharpness or file under 0.01 (0.03 in grainy photos), skin that is smoother by 15 % 0.01 to 0.03.
    """

    correlation: float
    ratio: float
    anisotropy_change: float


def texture_likeness(one: SkinView, other: SkinView, fit: Warp, mm_per_px: float | None) -> Texture:
    """How alike the shading of both views is over what both see, in before coordinates.

    The band is BAND_MM where the scale is known (at least 3 px of the views), else BAND_PX of the views, which have
    pixels of the same size on the skin. Both views go through the very same filter.
    """
    shortest, longest = BAND_PX
    if mm_per_px is not None:
        view_mm = mm_per_px * one.photo_px
        if BAND_MM[0] / view_mm >= 12:
            reduction = 2 ** int(math.log2(BAND_MM[0] / view_mm / 6))
            ratio = other.photo_px / one.photo_px
            one = one.resized(one.photo_px * reduction)
            other = other.resized(one.photo_px * ratio)
            view_mm = mm_per_px * one.photo_px
        shortest = max(BAND_MM[0] / view_mm, 3.0)
        longest = max(BAND_MM[1] / view_mm, 3 * shortest)
    sums, slopes = np.zeros(6), np.zeros((2, 3))
    cover = other.mask.astype(np.float32)
    for tile in _tiles(one.mask):
        of_tile, its_slopes = _moments(one, other, cover, fit, tile, shortest, longest)
        sums += of_tile
        slopes += its_slopes
    return Texture(*_correlation(sums), _anisotropy_change(slopes))


def _correlation(sums: NDArray[np.float64]) -> tuple[float, float]:
    """Pearson's, and the ratio of the standard deviations."""
    count, a, b, aa, bb, ab = sums
    first, second = (aa - a * a / count, bb - b * b / count) if count >= 100 else (0.0, 0.0)
    if not (first > 0 and second > 0):
        return math.nan, math.nan
    return float((ab - a * b / count) / math.sqrt(first * second)), math.sqrt(second / first)


def _anisotropy_change(slopes: NDArray[np.float64]) -> float:
    """From sums (2, 3) of xx, yy and xy of both photos' gradients."""
    xx, yy, xy = slopes.T
    if not (xx + yy > 0).all():
        return math.nan
    along, across = (xx - yy) / (xx + yy), 2 * xy / (xx + yy)
    return math.hypot(along[1] - along[0], across[1] - across[0])


def light_change(first: SkinView, second: SkinView, fit: Warp, shared: NDArray[np.float64]) -> float:
    """SD over what both see of the low-frequency log ratio of their luminance, its mean left out.

    Low: wavelengths over an eighth of the side of a square as large as what both see. NaN if nothing is
    shared.
    """
    reduction = max(max(first.mask.shape) * first.photo_px / _LIGHT_PX, 1.0)
    one = first.resized(reduction)
    ratio = scale_at(fit, shared)
    other = second.resized(reduction * ratio)
    every = slice(0, one.mask.shape[0]), slice(0, one.mask.shape[1])
    there, both = _seen_by(one, other, other.mask.astype(np.float32), fit, every, 1)
    if both.sum() < 50:
        return float("nan")
    sigma = CUTOFF_TO_SIGMA * math.sqrt(float(both.sum())) / _LIGHT_WAVES
    low = masked_gaussian(there - one.values, both, max(sigma, 0.5))
    return float(low[both].std())


def scale_at(fit: Warp, points: NDArray[np.float64]) -> float:
    """After pixels to a before pixel, mean over points (n, 2); the displacement plays no part."""
    areas = np.abs(np.linalg.det(slopes_at(fit, points)))
    return float(np.sqrt(areas.mean())) if areas.size else float("nan")


def slopes_at(fit: Warp, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slopes (m, 2, 2) of the homography at a sample of points (n, 2), where they lie before the horizon."""
    thin = points[:: max(len(points) // _SLOPES, 1)]
    slopes = warp.jacobian(fit.homography, warp.NO_DISPLACEMENT, 1, thin)
    return slopes[np.isfinite(slopes).all(axis=(1, 2))]


def _tiles(mask: BoolArray) -> list[tuple[slice, slice]]:
    """Up to _MOST_TILES tiles with the most skin, spread over the view."""
    height, width = mask.shape
    tiles = [
        (slice(top, min(top + _TILE_PX, height)), slice(left, min(left + _TILE_PX, width)))
        for top in range(0, height, _TILE_PX)
        for left in range(0, width, _TILE_PX)
    ]
    full = [tile for tile in tiles if mask[tile].any()]
    good = [tile for tile in full if mask[tile].mean() > 0.5] or full
    every = -(-len(good) // _MOST_TILES)
    return good[every // 2 :: every]


def _moments(
    one: SkinView,
    other: SkinView,
    cover: NDArray[np.float32],
    fit: Warp,
    tile: tuple[slice, slice],
    shortest: float,
    longest: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of both bands' values, squares and products (6,), and of their gradients' xx, yy and xy (2, 3)."""
    there, both = _seen_by(one, other, cover, fit, tile, _MAP_STEP)
    if both.sum() < 100:
        return np.zeros(6), np.zeros((2, 3))
    bands = [
        wavelength_band(image, both, shortest, longest) for image in (np.ascontiguousarray(one.values[tile]), there)
    ]
    a, b = (band[both].astype(np.float64) for band in bands)
    slopes = np.array([_slope_sums(band, both, shortest) for band in bands])
    return np.array([len(a), a.sum(), b.sum(), a @ a, b @ b, a @ b]), slopes


def _slope_sums(band: NDArray[np.float32], mask: BoolArray, shortest: float) -> list[float]:
    """Sums of xx, yy and xy of the gradients of a band's longer half, where noise is no more: grain has no direction
    and would hide the shading's."""
    low = cv2.GaussianBlur(np.where(mask, band, np.float32(0)), (0, 0), CUTOFF_TO_SIGMA * 2 * shortest)
    around = np.ones((2 * round(shortest / 2) + 1,) * 2, np.uint8)
    inner = cv2.erode(mask.view(np.uint8), around, borderValue=0) > 0
    x, y = (cv2.Sobel(low, cv2.CV_32F, *axis, ksize=1)[inner].astype(np.float64) for axis in ((1, 0), (0, 1)))
    return [float(x @ x), float(y @ y), float(x @ y)]


def _seen_by(
    one: SkinView, other: SkinView, cover: NDArray[np.float32], fit: Warp, tile: tuple[slice, slice], step: int
) -> tuple[NDArray[np.float32], BoolArray]:
    """The other view under a tile of the first, and where both hold skin; `cover` is the other's mask.

    The warp is exact every `step` pixels of the tile.
    """
    to_other = np.linalg.inv(other.to_photo)
    map_x, map_y = warp.map_between(
        lambda nodes: warp.project(to_other, fit(warp.project(one.to_photo, nodes))), tile, step
    )
    values = warp.sample(other.values, map_x, map_y, cv2.INTER_CUBIC)
    return np.asarray(values, np.float32), (warp.sample(cover, map_x, map_y) > 0.99) & one.mask[tile]

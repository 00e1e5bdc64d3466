"""How far patches of two images are shifted against each other, and the smooth field that fits such shifts.

Both work on many patches at once. A shift is found by normalised cross-correlation under a smooth window,
which neither exposure nor contrast move (Lewis 1995), to a fraction of a pixel by a parabola through the
peak. Shifts become a field by local linear regression (Cleveland 1979), robust by Tukey's biweight weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from skinscan.arrays.filters import inside, masked_gaussian, reduced, reduced_inside

Array = NDArray[np.float64]
Patches = NDArray[np.float32]

_CHUNK = 128
_RIDGE = 0.02
_FINE_REACH = 3.0
_WIDE, _LEAST_SIDE = 6.0, 64


@dataclass(frozen=True, eq=False)
class Shifts:
    """What each of n patch pairs says.

    `xy` (n, 2) px: moved(p + xy) looks like reference(p). `peak` (n,) is the correlation there and `centre`
    (n,) the one without any shift, NaN where either patch is empty; `edge` (n,): the peak lies at the end of
    the search, so that `xy` is NaN.
    """

    xy: Array
    peak: Array
    centre: Array
    edge: NDArray[np.bool_]


def window(side: int, search: int) -> Patches:
    """Smooth weights (side, side) of the reference patch: Hann, zero within `search` px of the border."""
    line = _line(side, search)
    return np.outer(line, line).astype(np.float32)


def _line(side: int, search: int) -> Array:
    length = side - 2 * search
    line = np.zeros(side)
    line[search : search + length] = np.hanning(length + 2)[1:-1]
    return line


def patch_shifts(reference: Patches, moved: Patches, search: int) -> Shifts:
    """Shift of each `moved` patch against its `reference`, both (n, side, side) with mean near zero.

    Shifts up to `search` px each way are tried; pixels without data are 0 in both.
    """
    count, side = reference.shape[:2]
    weights = window(side, search)
    parts = [
        _peaks(_correlation(reference[i : i + _CHUNK], moved[i : i + _CHUNK], weights, search))
        for i in range(0, count, _CHUNK)
    ]
    if not parts:
        return Shifts(np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0, bool))
    return Shifts(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _correlation(reference: Patches, moved: Patches, weights: Patches, search: int) -> Patches:
    """Normalised correlation (n, 2 search + 1, 2 search + 1) for every shift; NaN where a patch is empty."""
    side = reference.shape[1]
    picks = np.arange(-search, search + 1)
    template = reference * weights
    spectrum = fft.rfft2(template)
    np.conj(spectrum, out=spectrum)
    spectrum *= fft.rfft2(moved)
    cross = fft.irfft2(spectrum, s=(side, side), overwrite_x=True)[:, picks[:, None], picks[None, :]]
    # the window is the product of two lines: its sums over the squares are two matrix products
    shifted = np.stack([np.roll(_line(side, search), shift) for shift in picks]).astype(np.float32)
    energy = shifted @ ((moved * moved).reshape(-1, side) @ shifted.T).reshape(-1, side, len(picks))
    own = np.einsum("nij,nij->n", template, reference)[:, None, None]
    most = energy.max(axis=(1, 2), keepdims=True)
    out = np.full(cross.shape, np.nan, np.float32)
    np.divide(cross, np.sqrt(own * np.maximum(energy, 1e-6 * np.maximum(most, 1e-20))), out=out, where=own > 1e-12)
    return np.where(most > 1e-12, out, np.float32(np.nan))


def _peaks(correlation: Patches) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
    count, size = correlation.shape[:2]
    reach = size // 2
    flat = np.nan_to_num(correlation, nan=-2.0).reshape(count, -1)
    best = flat.argmax(axis=1)
    row, column = best // size, best % size
    edge = (row == 0) | (row == size - 1) | (column == 0) | (column == size - 1)
    inner_row, inner_column = row.clip(1, size - 2), column.clip(1, size - 2)
    around = np.stack(
        [correlation[np.arange(count), inner_row + i, inner_column + j] for i in (-1, 0, 1) for j in (-1, 0, 1)],
        axis=1,
    ).astype(np.float64)
    offset = _parabola(around)
    xy = np.stack([inner_column, inner_row], axis=1) - reach + offset
    xy[edge] = np.nan
    peak = correlation[np.arange(count), row, column].astype(np.float64)
    centre = correlation[:, reach, reach].astype(np.float64)
    return xy, peak, centre, edge | ~np.isfinite(peak)


def _parabola(around: Array) -> Array:
    """Top of the least-squares quadratic through 3 x 3 values (n, 9), an offset (x, y) within one pixel."""
    a = around.reshape(-1, 3, 3)
    slope_x = (a[:, :, 2] - a[:, :, 0]).sum(axis=1) / 6
    slope_y = (a[:, 2] - a[:, 0]).sum(axis=1) / 6
    bend_x = (a[:, :, 0] - 2 * a[:, :, 1] + a[:, :, 2]).sum(axis=1) / 3
    bend_y = (a[:, 0] - 2 * a[:, 1] + a[:, 2]).sum(axis=1) / 3
    twist = (a[:, 0, 0] + a[:, 2, 2] - a[:, 0, 2] - a[:, 2, 0]) / 4
    determinant = bend_x * bend_y - twist**2
    with np.errstate(divide="ignore", invalid="ignore"):
        x = (twist * slope_y - bend_y * slope_x) / determinant
        y = (twist * slope_x - bend_x * slope_y) / determinant
    offset = np.stack([x, y], axis=1)
    bad = ~np.isfinite(offset).all(axis=1) | (determinant <= 0) | (bend_x >= 0)
    offset[bad] = 0
    return offset.clip(-1, 1)


@dataclass(frozen=True, eq=False)
class Smoother:
    """Local linear regression from points (n, 2) to places (m, 2), its kernel computed once.

    Gaussian kernel of standard deviation `width` px. Without places each point is predicted from all others
    (leave one out). A small ridge turns it into a local mean where the points do not carry a slope.
    """

    kernel: Array
    scaled: Array
    at_scaled: Array

    @classmethod
    def between(cls, points: Array, width: float, at: Array | None = None) -> Smoother:
        centre = points.mean(axis=0)
        scaled = (points - centre) / width
        at_scaled = scaled if at is None else (at - centre) / width
        away = (at_scaled**2).sum(axis=1)[:, None] + (scaled**2).sum(axis=1)[None] - 2 * at_scaled @ scaled.T
        kernel = np.exp(-0.5 * np.maximum(away, 0))
        if at is None:
            np.fill_diagonal(kernel, 0.0)
        return cls(kernel, scaled, at_scaled)

    def predict(self, values: Array, weights: Array) -> Array:
        """Prediction (m, 2) from values (n, 2) and weights (n,); NaN where nothing is near."""
        x, y = self.scaled[:, :1], self.scaled[:, 1:]
        known = np.where(weights[:, None] > 0, np.nan_to_num(values), 0.0) * weights[:, None]
        columns = np.concatenate([_moments(self.scaled) * weights[:, None], known, known * x, known * y], axis=1)
        sums = self.kernel @ columns
        slope, norm = self._plane(sums[:, :6].T, weights)
        level = 1 + (slope * self.at_scaled).sum(axis=1)
        total = level[:, None] * sums[:, 6:8] - slope[:, :1] * sums[:, 8:10] - slope[:, 1:] * sums[:, 10:]
        return np.asarray(total / norm[:, None], np.float64)

    def gain(self, weights: Array) -> Array:
        """Variance of each prediction (m,) over that of one value: the sum of its squared shares."""
        moments = _moments(self.scaled)
        slope, norm = self._plane((self.kernel @ (moments * weights[:, None])).T, weights)
        level = 1 + (slope * self.at_scaled).sum(axis=1)
        # (level - slope . x)^2 multiplied out
        of_x, of_y = slope.T
        factors = level**2, -2 * level * of_x, -2 * level * of_y, of_x**2, 2 * of_x * of_y, of_y**2
        squares = self.kernel**2 @ (moments * weights[:, None] ** 2)
        return np.asarray((squares * np.stack(factors, axis=1)).sum(axis=1) / norm**2, np.float64)

    def _plane(self, sums: Array, weights: Array) -> tuple[Array, Array]:
        """With share_i = kernel_i weight_i (1 - slope . offset_i): slope (m, 2), sum of shares (m,).

        `sums` (6, m) of the weighted moments under the kernel.
        """
        total, sum_x, sum_y, sum_xx, sum_xy, sum_yy = sums
        at_x, at_y = self.at_scaled.T
        first_x, first_y = sum_x - at_x * total, sum_y - at_y * total
        ridge = _RIDGE * total
        xx = sum_xx - 2 * at_x * sum_x + at_x**2 * total + ridge
        yy = sum_yy - 2 * at_y * sum_y + at_y**2 * total + ridge
        xy = sum_xy - at_x * sum_y - at_y * sum_x + at_x * at_y * total
        near = total > 1e-6 * max(float(weights.max(initial=0.0)), 1e-300)
        determinant = np.where(near, xx * yy - xy * xy, 1.0)
        slope_x = (yy * first_x - xy * first_y) / determinant
        slope_y = (xx * first_y - xy * first_x) / determinant
        norm = total - (slope_x * first_x + slope_y * first_y)
        return np.stack([slope_x, slope_y], axis=1), np.where(near & (norm > 1e-9 * total), norm, np.nan)


def _moments(points: Array) -> Array:
    """1, x, y, x^2, x y, y^2 of points (n, 2)."""
    x, y = points.T
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def biweight(residual: Array, scale: float, cut: float = 4.685) -> Array:
    """Tukey's robust weights (n,) of residual lengths (n,): 1 at zero, 0 from `cut` scales on or at NaN."""
    ratio = np.nan_to_num(residual, nan=np.inf) / max(cut * scale, 1e-12)
    return np.where(ratio < 1, (1 - np.minimum(ratio, 1) ** 2) ** 2, 0.0)


def radial_scale(residual: Array, weights: Array | None = None) -> float:
    """Robust standard deviation (one axis) of two-dimensional residual lengths (n,): median / 1.1774."""
    known = np.isfinite(residual)
    if weights is not None:
        known &= weights > 0
    return float(np.median(residual[known])) / 1.1774 if known.any() else float("nan")


def fit_homography(source: Array, target: Array, weights: Array) -> NDArray[np.float64]:
    """Weighted homography (3, 3) with target ~ project(homography, source); (n, 2) each, n >= 4.

    Direct linear transform on centred, scaled points (Hartley 1997), then weighted by depth once, so that
    errors count in target pixels. [2, 2] is 1.
    """
    from_source, to_target = _centring(source, weights), _centring(target, weights)
    s = source * from_source[0, 0] + from_source[:2, 2]
    t = target * to_target[0, 0] + to_target[:2, 2]
    scale = np.sqrt(weights)
    homography = np.eye(3)
    for _ in range(3):
        depth = np.abs(s @ homography[2, :2] + homography[2, 2])
        row = np.concatenate([s, np.ones((len(s), 1))], axis=1) * (scale / np.maximum(depth, 1e-6))[:, None]
        nothing = np.zeros_like(row)
        system = np.concatenate(
            [
                np.concatenate([row, nothing, -t[:, :1] * row], axis=1),
                np.concatenate([nothing, row, -t[:, 1:] * row], axis=1),
            ]
        )
        _, vectors = np.linalg.eigh(system.T @ system)
        homography = vectors[:, 0].reshape(3, 3)
        homography = homography / homography[2, 2]
    full = np.linalg.inv(to_target) @ homography @ from_source
    return np.asarray(full / full[2, 2], np.float64)


def _centring(points: Array, weights: Array) -> Array:
    total = max(float(weights.sum()), 1e-300)
    centre = (points * weights[:, None]).sum(axis=0) / total
    spread = float(np.sqrt((((points - centre) ** 2).sum(axis=1) * weights).sum() / total))
    factor = np.sqrt(2) / max(spread, 1e-9)
    out = np.diag([factor, factor, 1.0])
    out[:2, 2] = -factor * centre
    return out


def band(
    image: NDArray[np.float32], mask: NDArray[np.bool_], fine: float, coarse: float, clip: float = 4.0
) -> NDArray[np.float32]:
    """`image` between two Gaussians (standard deviations in px), tails cut; 0 outside the mask.

    The coarse one leaves the mask out, for the fine one the mean that it found goes on outside.
    """
    out = inside(image - _wide_mean(image, mask, coarse), mask)
    if fine > 0:
        side = 2 * math.ceil(_FINE_REACH * fine) + 1
        blurred = cv2.GaussianBlur(out, (side, side), fine, borderType=cv2.BORDER_CONSTANT)
        out = inside(np.asarray(blurred, np.float32), mask)
    spread = typical(out, mask)
    return np.clip(out, -clip * spread, clip * spread, out=out)


def _wide_mean(image: NDArray[np.float32], mask: NDArray[np.bool_], sigma_px: float) -> NDArray[np.float32]:
    """`masked_gaussian` on a quarter of the pixels' sides where it is wide: for finding patches, not for measuring."""
    if sigma_px < _WIDE or min(image.shape) < _LEAST_SIDE:
        return masked_gaussian(image, mask, sigma_px)
    # averaging and linear interpolation blur too: (f^2 - 1) / 12 and f^2 / 6 in variance
    sigma = math.sqrt((sigma_px**2 - 15 / 12 - 16 / 6) / 16)
    total, share = (
        cv2.GaussianBlur(reduced(a, 2), (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        for a in reduced_inside(image, mask, 2)
    )
    small = cv2.divide(total, np.maximum(share, np.float32(1e-3)))
    height, width = image.shape
    whole = cv2.resize(small, (4 * small.shape[1], 4 * small.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(whole[:height, :width], np.float32)


def typical(values: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    """Robust standard deviation about zero of `values` within `mask`: 1.4826 median |value|, over 1e-9."""
    step = max(1, int(np.sqrt(values.size / 60_000)))
    sizes = np.abs(values[::step, ::step][mask[::step, ::step]])
    return max(1.4826 * float(np.median(sizes)), 1e-9) if sizes.size else 1e-9

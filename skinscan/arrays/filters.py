"""Gaussian filters that leave masked pixels out, and bands of spatial wavelength made of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

CUTOFF_TO_SIGMA = math.sqrt(math.log(2) / 2) / math.pi
"""Standard deviation of the Gaussian that passes a wavelength at half amplitude, as a share of that wavelength.

The Gaussian profile filter of ISO 16610-21 (and its areal form ISO 16610-61).
"""

_DIRECT_SIGMA = 6.0
_REDUCED_SIGMA = 4.0


def reduced(image: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Means over squares of `factor` pixels, (H, W[, C]) -> (ceil(H / factor), ceil(W / factor)[, C]).

    The edge repeats.
    """
    height, width = image.shape[:2]
    if factor == 1 or image.size == 0:
        return image
    below, beside = -height % factor, -width % factor
    if below or beside:
        image = np.asarray(cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REPLICATE), np.float32)
    size = (image.shape[1] // factor, image.shape[0] // factor)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def masked_gaussian(image: NDArray[np.float32], mask: NDArray[np.bool_], sigma_px: float) -> NDArray[np.float32]:
    """Gaussian mean over the pixels of `mask` alone (normalised convolution), (H, W); NaN where none is near.

    Values outside the mask have no influence, NaN included. Wide ones are done on a reduced image, to 0.3 % of the
    image's range (tested).
    """
    if image.size == 0:
        return image.copy()
    factor = mean_factor(sigma_px, image.shape)
    mean = WideMean.of(*reduced_inside(image, mask, factor), factor, sigma_px)
    return mean.part(slice(0, image.shape[0]), slice(0, image.shape[1]))


def mean_factor(sigma_px: float, shape: tuple[int, ...]) -> int:
    """Side of the squares on which a masked Gaussian mean is told; 1 where it is narrow, or the image small."""
    factor = int(sigma_px / _REDUCED_SIGMA) if sigma_px > _DIRECT_SIGMA else 1
    return factor if min(shape) >= 4 * factor else 1


@dataclass(frozen=True)
class WideMean:
    """A wide masked Gaussian mean, held on squares of `factor` pixels and told at any pixel."""

    small: NDArray[np.float32]
    factor: int

    @classmethod
    def of(cls, total: NDArray[np.float32], share: NDArray[np.float32], factor: int, sigma_px: float) -> WideMean:
        """From what `reduced_inside` gives."""
        # averaging and linear interpolation blur too: (f^2 - 1) / 12 and f^2 / 6 in variance
        spread = (factor**2 - 1) / 12 + (factor**2 / 6 if factor > 1 else 0.0)
        left = math.sqrt(max((sigma_px**2 - spread) / factor**2, 0.25))
        return cls(_ratio(*(_blurred(a, left) for a in (total, share))), factor)

    def part(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """The mean in some rows and columns of the image, bilinear between squares."""
        low = [max(side.start // self.factor - 1, 0) for side in (rows, columns)]
        high = [-(-side.stop // self.factor) + 1 for side in (rows, columns)]
        near = self.small[low[0] : high[0], low[1] : high[1]]
        size = (near.shape[1] * self.factor, near.shape[0] * self.factor)
        top, left = (side.start - at * self.factor for side, at in zip((rows, columns), low, strict=True))
        wide = cv2.resize(near, size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(
            wide[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start], np.float32
        )


def inside(image: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The image in its mask, 0 outside it."""
    return np.asarray(cv2.copyTo(image, mask.view(np.uint8)), np.float32) if image.size else image.copy()


def reduced_inside(
    image: NDArray[np.float32], mask: NDArray[np.bool_], factor: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Sum of the image over the mask, and the mask's share, in squares of `factor` pixels; 0 beyond the edge."""
    height, width = (-(-side // factor) for side in image.shape)
    total, share = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    at_once = max(STRIPE_ROWS // factor, 1)
    for top in range(0, height, at_once):
        rows, of_image = slice(top, top + at_once), slice(top * factor, (top + at_once) * factor)
        total[rows] = _shrunk(inside(image[of_image], mask[of_image]), factor)
        share[rows] = _shrunk(mask[of_image].astype(np.float32), factor)
    return total, share


def _shrunk(image: NDArray[Any], factor: int) -> NDArray[Any]:
    """`reduced`, with nothing beyond the edge."""
    below, beside = (-side % factor for side in image.shape)
    if below or beside:
        image = cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=0)
    size = (image.shape[1] // factor, image.shape[0] // factor)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def _blurred(image: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Gaussian blur, zero beyond the edge."""
    size = 2 * math.ceil(4 * sigma_px) + 1
    return np.asarray(cv2.GaussianBlur(image, (size, size), sigma_px, borderType=cv2.BORDER_CONSTANT), np.float32)


def _ratio(total: NDArray[np.float32], norm: NDArray[np.float32]) -> NDArray[np.float32]:
    out = np.full(total.shape, np.nan, np.float32)
    np.divide(total, norm, out=out, where=norm > 1e-3)
    return out


def flatten(image: NDArray[np.float32], mask: NDArray[np.bool_], sigma_px: float) -> NDArray[np.float32]:
    """`image` less its masked Gaussian mean, (H, W); 0 outside the mask, and where pixels are too few for a mean."""
    if image.size == 0:
        return image.copy()
    factor = mean_factor(sigma_px, image.shape)
    mean = WideMean.of(*reduced_inside(image, mask, factor), factor, sigma_px)
    return less(image, mean, mask, (slice(0, image.shape[0]), slice(0, image.shape[1])))


def less(
    image: NDArray[np.float32], mean: WideMean, mask: NDArray[np.bool_], place: tuple[slice, slice]
) -> NDArray[np.float32]:
    """`image` (h, w) less a mean, told where in that the image lies; 0 outside the mask, and where it is unknown."""
    flat = np.empty(image.shape, np.float32)
    for top in range(0, len(image), STRIPE_ROWS):
        rows = slice(top, min(top + STRIPE_ROWS, len(image)))
        there = mean.part(slice(place[0].start + rows.start, place[0].start + rows.stop), place[1])
        cv2.subtract(image[rows], there, dst=flat[rows])
        if not mask[rows].all():
            flat[rows][~mask[rows]] = 0
        if not math.isfinite(cv2.sumElems(flat[rows])[0]):
            np.nan_to_num(flat[rows], copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return flat


LEAST_BAND_SIGMA = 1.4
"""A band is told on squares of 2^k pixels as long as the Gaussian of its shorter cut-off has an SD of this many."""

STRIPE_ROWS = 256
_BAND_REACH = 3.0
_LEAST_TO_ADD = 1.0


def wavelength_bands(
    image: NDArray[np.float32], mask: NDArray[np.bool_], edges_px: Sequence[float]
) -> Iterator[NDArray[np.float32]]:
    """The parts of `image` between neighbouring spatial wavelengths in px (ascending), as many as there are gaps.

    Each is the difference of two masked Gaussian means with half-amplitude cut-offs at the two wavelengths (ISO
    16610-61). One pixel of it stands for 2^k by 2^k of the image's: (ceil(H / 2^k), ceil(W / 2^k)). What lies outside
    the mask means nothing.
    """
    sigmas = [CUTOFF_TO_SIGMA * edge for edge in edges_px]
    factors = [_band_factor(sigma, min(image.shape)) for sigma in sigmas[:-1]]
    total: NDArray[np.float32] = image
    share: NDArray[Any] = mask
    reached = 1
    for factor, group in groupby(range(len(factors)), key=factors.__getitem__):
        if factor > reached:
            if reached == 1:
                total, share = reduced_inside(image, mask, factor)
            else:
                total, share = (_shrunk(a, factor // reached) for a in (total, share))
            reached = factor
        own = [*group]
        yield from _bands_at(total, share, factor, [sigmas[index] for index in (*own, own[-1] + 1)])


def bands_reach(edges_px: Sequence[float]) -> int:
    """Pixels around a pixel beyond which nothing has a part in its bands."""
    return math.ceil(_BAND_REACH * CUTOFF_TO_SIGMA * sum(edges_px)) + 4 * len(edges_px)


def wavelength_band(
    image: NDArray[np.float32], mask: NDArray[np.bool_], shortest_px: float, longest_px: float
) -> NDArray[np.float32]:
    """One such band at the image's own size, (H, W)."""
    return _bands_at(image, mask, 1, [CUTOFF_TO_SIGMA * shortest_px, CUTOFF_TO_SIGMA * longest_px])[0]


def _band_factor(sigma_px: float, side: int) -> int:
    factor = 1
    while sigma_px >= 2 * LEAST_BAND_SIGMA * factor and side >= 8 * factor:
        factor *= 2
    return factor


def _bands_at(
    total: NDArray[np.float32], share: NDArray[Any], factor: int, sigmas_px: Sequence[float]
) -> list[NDArray[np.float32]]:
    """The bands between neighbouring SDs, in stripes that stay in cache.

    `total`, `share`: what `reduced_inside` gives for the factor; for 1 the image and its mask.
    """
    blurs = _blurs_of(factor, sigmas_px)
    halo = sum(blur.reach for blur in blurs)
    height = total.shape[0]
    bands = [np.empty(total.shape, np.float32) for _ in sigmas_px[1:]]
    for top in range(0, height, STRIPE_ROWS):
        start, bottom = max(top - halo, 0), min(top + STRIPE_ROWS, height)
        part, seen = total[start : bottom + halo], share[start : bottom + halo]
        if factor == 1 and not seen.all():
            part = inside(part, seen)
        means = _means(part, seen, blurs, slice(top - start, bottom - start))
        before = next(means)
        for number, mean in enumerate(means):
            cv2.subtract(before, mean, dst=bands[number][top:bottom])
            before = mean
    return bands


@dataclass(frozen=True)
class _Blur:
    """One of several blurs: of the image itself, or on from the one before; SD and reach in px."""

    anew: bool
    sigma: float
    reach: int

    def of(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Zero beyond the edge; along one axis where the other is one pixel wide."""
        height, width = image.shape
        side = 2 * self.reach + 1
        size = (1 if width == 1 else side, 1 if height == 1 else side)
        found = cv2.GaussianBlur(image, size, self.sigma, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(found, np.float32).reshape(height, width)


def _blurs_of(factor: int, sigmas_px: Sequence[float]) -> list[_Blur]:
    averaged = (1 - 1 / factor**2) / 12
    blurs, done = [], averaged
    for sigma in sigmas_px:
        wanted = (sigma / factor) ** 2
        # a narrow Gaussian on a grid is no true one, and two of them do not add up: from the image itself then
        anew = done < _LEAST_TO_ADD
        left = math.sqrt(max(wanted - (averaged if anew else done), 0.01))
        blurs.append(_Blur(anew, left, math.ceil(_BAND_REACH * left)))
        done = wanted
    return blurs


def _means(
    total: NDArray[np.float32], share: NDArray[Any], blurs: Sequence[_Blur], rows: slice
) -> Iterator[NDArray[np.float32]]:
    """Masked means of some rows, one a blur.

    Where nothing is left out near by, the share falls off at the image's edges alone, along each axis for itself; it is
    blurred only where something is.
    """
    height, width = total.shape
    halo = sum(blur.reach for blur in blurs)
    windows = _windows(share, halo)
    shares = [share[:, max(at.start - halo, 0) : at.stop + halo].astype(np.float32) for at in windows]
    down, across, smooth, seen = np.ones((height, 1), np.float32), np.ones((1, width), np.float32), total, shares
    for blur in blurs:
        if blur.anew:
            smooth, down, across, seen = total, np.ones_like(down), np.ones_like(across), shares
        smooth, down, across, seen = blur.of(smooth), blur.of(down), blur.of(across), [blur.of(a) for a in seen]
        mean = smooth[rows].copy()
        low, beside = np.flatnonzero(down[rows, 0] < 1), np.flatnonzero(across[0] < 1)
        mean[low] /= down[rows][low]
        mean[:, beside] /= across[:, beside]
        for at, part in zip(windows, seen, strict=True):
            first = min(halo, at.start)
            least = np.maximum(part[rows, first : first + at.stop - at.start], np.float32(1e-3))
            mean[:, at] = cv2.divide(smooth[rows, at], least).reshape(least.shape)
        yield mean


def _windows(share: NDArray[Any], halo: int) -> list[slice]:
    """The columns within `halo` of one where something is left out; all of them as one where those are most."""
    width = share.shape[1]
    if share.dtype == bool:
        left_out = (~share.all(0)).view(np.uint8)
    else:
        left_out = (cv2.reduce(share, 0, cv2.REDUCE_MIN).reshape(-1) < 1).view(np.uint8)
    if not left_out.any():
        return []
    near = cv2.dilate(left_out.reshape(1, -1), np.ones((1, 2 * halo + 1), np.uint8)).reshape(-1)
    if np.count_nonzero(near) > 0.6 * width:
        return [slice(0, width)]
    turns = np.flatnonzero(np.diff(near, prepend=0, append=0))
    return [slice(int(start), int(stop)) for start, stop in turns.reshape(-1, 2)]

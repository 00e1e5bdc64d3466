"""Blur and noise of a photo, from the spectrum of its own skin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.records import BoolArray, Photo

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)
MOST_TILES = 24
_GRAIN = 16


def log_luminance(photo: Photo, rows: slice, columns: slice) -> Floats:
    """Natural log of the linear luminance of a tile, (h, w) float32."""
    luminance = photo.linear_rgb(rows, columns) @ _WEIGHTS
    return np.asarray(np.log(np.maximum(luminance, 0.0) + np.float32(0.001)), np.float32)


def tiles(mask: BoolArray, least: int = 6) -> tuple[int, list[tuple[int, int]]]:
    """Side and top-left corners (row, column) of square tiles that are at least 97 % inside a mask.

    128 px if `least` of them fit, else 64, else 32; up to 24, spread evenly.
    """
    found: list[tuple[int, int]] = []
    height, width = (length // _GRAIN for length in mask.shape)
    # eight pixels a byte, sixteen a number: counted without a copy of the mask
    packed = np.packbits(mask[: height * _GRAIN, : width * _GRAIN], axis=1).view(np.uint16)
    counts = np.bitwise_count(packed).reshape(height, _GRAIN, width).sum(1, dtype=np.float32)
    share = counts / np.float32(_GRAIN**2)
    side = 128
    for side in (128, 64, 32):
        found = _tiles_of(share, mask.shape, side)
        if len(found) >= least:
            break
    if len(found) > MOST_TILES:
        found = [found[i] for i in np.linspace(0, len(found) - 1, MOST_TILES).round().astype(int)]
    return side, found


def _tiles_of(share: Floats, shape: tuple[int, int], side: int) -> list[tuple[int, int]]:
    """Corners of squares that do not overlap, half a side apart or more; `share` (h, w) of the mask in each _GRAIN."""
    grains, step = side // _GRAIN, side // 2 // _GRAIN
    if min(shape) < side:
        return []
    inside = cv2.boxFilter(share, -1, (grains, grains), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    inside = inside[: share.shape[0] - grains + 1 : step, : share.shape[1] - grains + 1 : step]
    taken = np.zeros((inside.shape[0] + 1, inside.shape[1] + 1), np.bool_)
    found = []
    for row, column in np.argwhere(inside >= 0.97):
        if not taken[row : row + 2, column : column + 2].any():
            taken[row : row + 2, column : column + 2] = True
            found.append((int(row) * side // 2, int(column) * side // 2))
    return found


def spectrum(tile: Floats) -> tuple[Doubles, Doubles]:
    """Frequencies in cycles a pixel (n,) and the mean power of a square tile around each (n,)."""
    window, which, twice, frequency, counts = _rings(tile.shape[0])
    spread = np.fft.rfft2(_detrended(tile) * window)
    power = (spread.real**2 + spread.imag**2) * twice
    return frequency, np.bincount(which, power.ravel(), minlength=18)[1:17] / counts


@cache
def _rings(side: int) -> tuple[Any, ...]:
    """Of a real tile's transform: the window (side, side), each value's ring (n,), how many values of the whole
    transform a column stands for, and the rings' mean frequency and number of values (16,). Ring 17 belongs to none."""
    hann = np.hanning(side)
    across = np.fft.rfftfreq(side)
    radius = np.hypot(np.fft.fftfreq(side)[:, None], across[None, :])
    which = np.round(radius * 32.0).astype(np.intp)
    which[(which < 1) | (which > 16)] = 17
    twice = np.where((across > 0) & (across < 0.5), 2.0, 1.0)
    weight = np.broadcast_to(twice, radius.shape).ravel()
    counts = np.bincount(which.ravel(), weight, minlength=18)[1:17]
    middle = np.bincount(which.ravel(), weight * radius.ravel(), minlength=18)[1:17] / counts
    window: Doubles = np.outer(hann, hann)
    return np.asarray(window / np.sqrt(np.sum(window**2)), np.float64), which.ravel(), twice, middle, counts


def _detrended(tile: Floats) -> Doubles:
    """A tile less its best quadratic surface."""
    basis = _surface(tile.shape[0])
    values = tile.reshape(-1).astype(np.float64)
    return np.asarray(values - basis @ (basis.T @ values), np.float64).reshape(tile.shape)


@cache
def _surface(side: int) -> Doubles:
    """Orthonormal quadratic surfaces on a square (side^2, 6)."""
    t = np.linspace(-1, 1, side)
    x, y = np.meshgrid(t, t)
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1).reshape(-1, 6)
    return np.asarray(np.linalg.qr(basis)[0], np.float64)


@dataclass(frozen=True, slots=True)
class Blur:
    """Blur of a photo: `sigma_px` its standard deviation, `relative` the standard uncertainty of its
    logarithm.

    `noise` is the SD of log-luminance a pixel that is not structure of the skin (the spectrum's floor);
    `tiles` how many tiles it rests on.
    """

    sigma_px: float
    relative: float
    noise: float
    tiles: int


SLOPE = (1.0, 0.2)
"""Mean and SD of the exponent with which the power of sharp skin falls with frequency."""

USUAL_PX, USUAL_LOG_SD = 1.2, 0.8
"""Median and SD of ln of the blur to be expected before looking."""

MISFIT = 0.15
"""SD of ln(power) about the model that skin's own structure leaves."""

_SIGMAS = np.exp(np.linspace(np.log(0.25), np.log(7.0), 50))
_SLOPES = np.linspace(0.6, 3.0, 9)


def _noises(f: Doubles) -> Doubles:
    """ln(power) of noise less a constant, (k, n): white, demosaiced (falls from half Nyquist), and JPEG's.

    JPEG gives up fine noise first. Steeper shapes than these would pass sharp skin for noise.
    """
    late = np.maximum(f - 0.27, 0.0)
    lorentz = np.log1p((f / 0.15) ** 2)
    shapes = [0.0 * f, -4.0 * late, -8.0 * late, -3.0 * f, -6.0 * f, -0.5 * lorentz, -0.8 * lorentz]
    return np.stack(shapes)


def tiles_of(photo: Photo, mask: BoolArray) -> list[Floats]:
    """Log-luminance of the `tiles` of a mask."""
    side, corners = tiles(mask)
    return [log_luminance(photo, slice(row, row + side), slice(column, column + side)) for row, column in corners]


def estimate_blur(skin: Sequence[Floats]) -> Blur | None:
    """Blur of the skin of a photo from tiles of it, or None where there is none."""
    if not skin:
        return None
    spectra = []
    for tile in skin:
        frequency, power = spectrum(tile)
        spectra.append(np.log(power + 1e-12))
    return fit_blur(frequency, np.median(spectra, axis=0), len(skin))


def fit_blur(frequency: Doubles, log_power: Doubles, count: int) -> Blur:
    """Blur from ln(power): A f^-b exp(-4 pi^2 s^2 f^2) + N n(f), over all s, b and n.

    The first term is skin behind a Gaussian blur, with the prior SLOPE on b; the second is noise, which
    demosaicing and JPEG make fall towards high frequencies. Blur shows as the knee between the two.

    Root mean square error on phantoms (tones I, II, III, V, VI; 12 to 30 px/mm; JPEG 80 and 95, tone curve,
    sharpening, three times the noise): 0.25 px for blurs of 0.5 to 1.8 px, 0.5 px at 2.5 and 0.9 px at 4,
    where it is 0.3 and 0.6 px too low on average. On real faces blurred further it follows within 0.1 px
    (median) and 0.7 px (worst) at 1 to 3 px; one of 19 at JPEG quality 80 came out 2 px too soft.
    """
    f, y = frequency, log_power
    at = f[:, None, None, None]
    sigma, slope = _SIGMAS[:, None, None], _SLOPES[None, :, None]
    signal = -slope * np.log(at) - 4 * np.pi**2 * sigma**2 * at**2
    noise = _noises(f).T[:, None, None]
    floor, cost = _levels(signal, noise, y[:, None, None, None])
    unusual = ((slope - SLOPE[0]) / SLOPE[1]) ** 2
    unusual = unusual + (np.log(sigma / USUAL_PX) / USUAL_LOG_SD) ** 2
    score = -0.5 * cost / MISFIT**2 - 0.5 * unusual
    weight = np.exp(score - score.max())
    weight /= weight.sum()
    logs = np.log(sigma)
    mean = float(np.sum(weight * logs))
    spread = float(np.sqrt(np.sum(weight * (logs - mean) ** 2)))
    best = np.unravel_index(int(np.argmax(score)), score.shape)
    power = np.exp(floor[best] + noise[:, 0, 0, best[2]])
    modes = f / np.sum(f)
    return Blur(float(np.exp(mean)), max(spread, 0.05), float(np.sqrt(np.sum(power * modes))), count)


def _levels(signal: Doubles, noise: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
    """ln N and the squared misfit of y = ln(A exp(signal) + N exp(noise)) for all shapes, (n, ...) each -> (...)."""
    shape = np.broadcast_shapes(signal.shape[1:], noise.shape[1:])
    level = np.broadcast_to(np.median((y - signal)[:4], axis=0), shape)
    floor = np.broadcast_to(np.median((y - noise)[-4:], axis=0), shape)
    first, second = np.exp(signal), np.exp(noise)
    for _ in range(10):
        by_level, by_floor = np.exp(level) * first, np.exp(floor) * second
        model = by_level + by_floor
        residual = y - np.log(model)
        by_level /= model
        by_floor /= model
        pairs = ((by_level, by_level), (by_floor, by_floor), (by_level, by_floor), (by_level, residual),
                 (by_floor, residual))  # fmt: skip
        aa, bb, ab, ra, rb = ((u * v).sum(0) for u, v in pairs)
        aa, bb = aa + 1e-3, bb + 1e-3
        determinant = aa * bb - ab * ab
        level = level + np.clip((bb * ra - ab * rb) / determinant, -2, 2)
        floor = floor + np.clip((aa * rb - ab * ra) / determinant, -2, 2)
    residual = y - np.log(np.exp(level) * first + np.exp(floor) * second)
    return floor, np.square(residual).sum(0)

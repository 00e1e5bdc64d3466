"""Small dark pits, each measured at half of its own contrast.

Images are flattened log-luminance, so a pit's contrast is the natural log of surround over centre.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import fused

Values = NDArray[np.float64]
Floats = NDArray[np.float32]

REACH = 2.5
"""How far a polar profile reaches, in units of the expected radius."""

PLACING, READING = (12, 16), (24, 22)
"""Rays of a polar profile and samples along each: to place a pit, and to read it."""

SNAP = np.float32(1.5 * 2**15)
"""Added to a distance and taken off again, it leaves whole 256ths of a pixel. Samples lie on those, so that single
precision holds their places exactly, and a pit in a tile is the pit of the whole photo."""

AT_ONCE = 512
"""Pits whose profiles are in memory at a time: what fits a processor's cache."""


@dataclass(frozen=True)
class Pits:
    """Measured pits, (n,) each: centre and equivalent diameter in px, contrast, major/minor axis, how much of the
    outline was found, how uneven the outline's radius is once the ellipse is taken out, the scatter (robust SD) of the
    surround, how much of the contrast the rim keeps on its weaker sides (a fifth of the rays; near 1 all round, near 0
    or below where one side opens into a furrow or a slope), and the share of the variance within the rim's
    neighbourhood that depends on the radius alone."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    diameter: NDArray[np.float64]
    contrast: NDArray[np.float64]
    elongation: NDArray[np.float64]
    closed: NDArray[np.float64]
    roughness: NDArray[np.float64]
    scatter: NDArray[np.float64]
    weak_side: NDArray[np.float64]
    symmetry: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.x)

    def where(self, keep: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Pits:
        return Pits(**{name: getattr(self, name)[keep] for name in self.__dataclass_fields__})


def _snapped(place: Values) -> Values:
    return np.asarray(np.rint(place * 256) / 256, np.float64)


def _grid(rays: int, radii: int) -> Floats:
    """Samples of a polar profile, ray by ray: distance in radii, cosine and sine of the ray, (3, rays * radii)."""
    angle = np.repeat(np.arange(rays) * (2 * np.pi / rays), radii)
    step = np.tile(np.arange(radii) * (REACH / (radii - 1)), rays)
    return np.stack([step, np.cos(angle), np.sin(angle)]).astype(np.float32)


def _polar(image: Floats, x: Values, y: Values, radius: Values, grid: tuple[int, int]) -> Floats:
    """Samples along rays from each centre out to REACH radii, (n, rays, radii), bilinear, the edge repeated."""
    rays, radii = grid
    step, cosine, sine = _grid(rays, radii)
    reach = radius.astype(np.float32)[:, None] * step
    map_x = reach * cosine
    map_y = np.multiply(reach, sine, out=reach)
    for places, centre in ((map_x, x), (map_y, y)):
        places += SNAP
        places -= SNAP
        places += centre.astype(np.float32)[:, None]
    found = cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32).reshape(-1, rays, radii)


def _crossing(profile: Floats, level: Floats) -> Floats:
    """First radius index (fractional) at which each ray rises through `level` (n,), NaN where it never does."""
    count, rays, radii = profile.shape
    above = profile >= level[:, None, None]
    above[..., 0] = False
    first = above.argmax(-1)
    flat = np.arange(count * rays).reshape(count, rays) * radii + first
    samples = profile.reshape(-1)
    upper, lower = samples[flat], samples[np.maximum(flat - 1, 0)]
    rise = upper - lower
    part = np.divide(level[:, None] - lower, rise, out=np.zeros_like(rise), where=rise > 0)
    return np.where(first > 0, first - 1 + np.clip(part, 0, 1), np.float32(np.nan)).astype(np.float32)


def measure_pits(
    image: Floats, x: Values, y: Values, diameter: Values, rounds: int = 3, max_shift: float = 0.5
) -> Pits:
    """Outline of each pit at half of its contrast, from polar profiles around (x, y) of expected `diameter` px.

    Centre and size are refined in all `rounds` but the last; a centre moves by at most `max_shift` expected diameters.
    The equivalent diameter is that of the disc with the outline's area. With the kernels of `fused` the same within
    1e-4 of each value and 1e-4 (px, or log-luminance where the contrast is near 1), but for a ray that just touches
    its level: there rounding decides, as on a plain of one value.
    """
    x, y, diameter = (np.ascontiguousarray(values, np.float64) for values in (x, y, diameter))
    if not len(x) == len(y) == len(diameter):
        raise ValueError(f"{len(x)} x, {len(y)} y and {len(diameter)} diameters of pits")
    kernels = fused.kernels()
    if kernels is not None and image.size:
        found = kernels.measure(
            np.asarray(image, np.float32), x, y, diameter, rounds, max_shift, SNAP, *_kernel_grids()
        )
        return Pits(*np.ascontiguousarray(found.T))
    measured = _in_tiles if max(image.shape) >= LARGEST_SIDE and len(x) else _in_batches
    return measured(image, x, y, diameter, rounds, max_shift)


def reach(diameter: Values) -> int:
    """Pixels around a pit of one of these expected diameters beyond which nothing has a part in what is told of it."""
    return math.ceil(8 * float(diameter.max())) + 2


@cache
def _kernel_grids() -> tuple[Any, ...]:
    """Rays and samples to place and to read pits, and the radius numbers that part them, as kernels.measure asks."""
    told: list[Any] = []
    numbers: list[int] = []
    for rays, radii in (PLACING, READING):
        told += [rays, np.ascontiguousarray(_grid(rays, radii).reshape(3, rays, radii).swapaxes(1, 2)).reshape(3, -1)]
        numbers += [_core_end(radii), _rim(radii)]
    return *told, np.array([*numbers, *_ring(READING[1]), _near_end(READING[1])])


def _core_end(radii: int) -> int:
    return max(2, round(0.35 / REACH * (radii - 1)))


def _rim(radii: int) -> int:
    """The radius number that the surround begins at."""
    return round(1.6 / REACH * (radii - 1))


def _ring(radii: int) -> tuple[int, int]:
    """First and past the last radius number of the rim that `weak_side` is read from."""
    return int(1.2 / REACH * (radii - 1)), int(1.7 / REACH * (radii - 1)) + 1


def _near_end(radii: int) -> int:
    return int(1.6 / REACH * (radii - 1)) + 1


def joined(parts: Sequence[Pits]) -> Pits:
    """All pits of some parts."""
    return Pits(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in Pits.__dataclass_fields__})


def _in_batches(image: Floats, x: Values, y: Values, diameter: Values, rounds: int, max_shift: float) -> Pits:
    parts = []
    for start in range(0, max(len(x), 1), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        parts.append(_measure(image, x[part], y[part], diameter[part], rounds, max_shift))
    return joined(parts)


LARGEST_SIDE = 32_767
"""OpenCV looks up no place in a longer image; those are cut into tiles, of which each pit lies well inside one."""


def _in_tiles(image: Floats, x: Values, y: Values, diameter: Values, rounds: int, max_shift: float) -> Pits:
    side = LARGEST_SIDE // 2
    margin = reach(diameter)
    row, column = (np.clip(place, 0, None).astype(int) // side for place in (y, x))
    order, parts = [], []
    for tile in sorted(set(zip(row.tolist(), column.tolist(), strict=True))):
        own = np.flatnonzero((row == tile[0]) & (column == tile[1]))
        top, left = (max(at * side - margin, 0) for at in tile)
        part = image[top : (tile[0] + 1) * side + margin, left : (tile[1] + 1) * side + margin]
        found = _in_batches(part, x[own] - left, y[own] - top, diameter[own], rounds, max_shift)
        order.append(own)
        parts.append(replace(found, x=found.x + left, y=found.y + top))
    return joined(parts).where(np.argsort(np.concatenate(order)))


@dataclass(frozen=True)
class _Outline:
    """What a profile (n, rays, radii) says: its levels, and the radius at half contrast along each ray, px."""

    annulus: Floats
    surround: Floats
    core: Floats
    half: Floats
    closed: Values


def _outline(profile: Floats, radius: Values) -> _Outline:
    count, rays, radii = profile.shape
    annulus = profile[:, :, _rim(radii) :].reshape(count, -1)
    surround = _row_medians(annulus)
    core = profile[:, :, : _core_end(radii)].mean((1, 2))
    half = _crossing(profile, (surround + core) / 2) * (radius * REACH / (radii - 1)).astype(np.float32)[:, None]
    found = np.isfinite(half)
    rows = np.where(found, half, np.float32(np.inf))
    rows.sort(1)
    n = found.sum(1)
    pick = np.arange(count)
    typical = (rows[pick, np.maximum(n - 1, 0) // 2] + rows[pick, np.minimum(n // 2, rays - 1)]) / 2
    typical = np.where(n > 0, typical, radius.astype(np.float32))
    # a ray that ran into a neighbour or never rose says little: keep it near the typical radius
    half = np.where(found, half, typical[:, None])
    half = np.clip(half, 0.4 * typical[:, None], 2.0 * typical[:, None])
    return _Outline(annulus, surround, core, half, found.mean(1))


def _scatter(outline: _Outline) -> Floats:
    """Robust SD of the surround, (n,)."""
    away = outline.annulus - outline.surround[:, None]
    return np.asarray(np.float32(1.4826) * _row_medians(np.abs(away, out=away)), np.float32)


def _weak(ring: Floats) -> Floats:
    """20th percentile of each row (n, k)."""
    ordered = np.sort(ring, axis=1)
    below, part = divmod((ring.shape[1] - 1) / 5, 1)
    low, high = ordered[:, int(below)], ordered[:, int(below) + 1]
    return np.asarray(low + (high - low) * np.float32(part), np.float32)


def _row_medians(values: Floats) -> Floats:
    """Median of each row (n, k), k > 0."""
    low, high = (values.shape[1] - 1) // 2, values.shape[1] // 2
    ordered = np.sort(values, axis=1)  # of rows as short as these five times faster than np.partition
    return np.asarray((ordered[:, low] + ordered[:, high]) / 2, np.float32)


def _measure(image: Floats, x: Values, y: Values, diameter: Values, rounds: int, max_shift: float) -> Pits:
    if len(x) == 0:
        return Pits(*[np.zeros(0)] * len(Pits.__dataclass_fields__))
    x0, y0, expected = x, y, diameter / 2
    radius = expected
    angle = np.arange(PLACING[0]) * (2 * np.pi / PLACING[0])
    x, y = _snapped(x), _snapped(y)
    for _ in range(rounds - 1):
        half = _outline(_polar(image, x, y, radius, PLACING), radius).half
        area = np.maximum((half**2).sum(1), 1e-9)
        limit = max_shift * 2 * expected
        x = _snapped(np.clip(x + (half**3 @ np.cos(angle)) / area * (2 / 3), x0 - limit, x0 + limit))
        y = _snapped(np.clip(y + (half**3 @ np.sin(angle)) / area * (2 / 3), y0 - limit, y0 + limit))
        radius = np.clip(np.sqrt((half**2).mean(1)), 0.5 * expected, 2.0 * expected)
    rays, radii = READING
    profile = _polar(image, x, y, radius, READING)
    # light from one side brightens one wall and darkens the other; the mean of opposite rays is free of it
    even = (profile[:, : rays // 2] + profile[:, rays // 2 :]) * np.float32(0.5)
    found = _outline(even, radius)
    contrast, half = found.surround - found.core, found.half
    equivalent = np.sqrt((half**2).mean(1))
    ring = even[:, :, slice(*_ring(radii))].mean(2)
    weak_side = (_weak(ring) - found.core) / np.maximum(contrast, 1e-6)
    near = even[:, :, 1 : _near_end(radii)]
    by_radius = near - near.mean(1, keepdims=True)
    overall = near - near.mean((1, 2), keepdims=True)
    symmetry = 1 - np.square(by_radius).mean((1, 2)) / np.maximum(np.square(overall).mean((1, 2)), 1e-12)
    angle = np.arange(rays // 2) * (2 * np.pi / rays)
    second = (half * np.exp(2j * angle)).mean(1)  # an ellipse's radius varies as its second harmonic
    mean = half.mean(1)
    axis = np.clip(2 * np.abs(second) / np.maximum(mean, 1e-9), 0, 0.9)
    ellipse = mean[:, None] + 2 * np.real(second[:, None] * np.exp(-2j * angle))
    roughness = np.sqrt(((half - ellipse) ** 2).mean(1)) / np.maximum(equivalent, 1e-9)
    told = (2 * equivalent, contrast, (1 + axis) / (1 - axis), found.closed, roughness, _scatter(found), weak_side,
            symmetry)  # fmt: skip
    return Pits(x, y, *(np.asarray(values, np.float64) for values in told))


WIDENING = np.array(
    [
        (2.70, 1.60), (2.73, 1.562), (2.85, 1.424), (2.98, 1.322), (3.12, 1.247), (3.27, 1.190), (3.44, 1.146),
        (3.61, 1.112), (3.80, 1.085), (4.20, 1.049), (4.62, 1.027), (5.06, 1.013), (6.0, 0.999), (8.0, 0.992),
        (12.0, 0.993), (20.0, 0.997), (40.0, 1.0),
    ]
)  # fmt: skip
"""Seen over true half-contrast diameter of a pit, by seen diameter over the blur's SD.

Computed (and recomputed by a test) for the profile 0.5^(rho^3), between a cone and a disc, under a Gaussian blur. A
rounder pit (exponent 2) of five SD widens by 5 % more, a steeper one (4) by 4 % less; which it was cannot be told of a
pore of three pixels. A point under a blur is 2.36 SD wide, so that below 2.7 the true size cannot be told; there 1.6
stands.
"""


def unblurred(diameter: Values, blur_px: float) -> Values:
    """Half-contrast diameters (n,) px as they were before a Gaussian blur of SD `blur_px`; NaN where that is NaN."""
    if blur_px <= 0:
        return diameter
    return np.asarray(diameter / np.interp(diameter / blur_px, WIDENING[:, 0], WIDENING[:, 1]))


def without_overlaps(pits: Pits, share: float = 0.6) -> NDArray[np.int64]:
    """Indices of pits kept when, of two whose centres are nearer than `share` of the larger radius plus the smaller
    one's half, only the one with more contrast times diameter stays."""
    from scipy.spatial import cKDTree

    if len(pits) == 0:
        return np.zeros(0, np.int64)
    order = np.argsort(-pits.contrast * pits.diameter, kind="stable")
    places = np.stack([pits.x, pits.y], 1)
    pairs = cKDTree(places).query_pairs(float(pits.diameter.max()) * share * 1.5, output_type="ndarray")
    if len(pairs) == 0:
        return np.sort(order)
    gap = np.hypot(*(places[pairs[:, 0]] - places[pairs[:, 1]]).T)
    radii = pits.diameter[pairs] / 2
    close = pairs[gap < share * (radii.max(1) + 0.5 * radii.min(1))]
    rank = np.empty(len(pits), np.int64)
    rank[order] = np.arange(len(pits))
    neighbours: dict[int, list[int]] = {}
    for a, b in close.tolist():
        better, worse = (a, b) if rank[a] < rank[b] else (b, a)
        neighbours.setdefault(worse, []).append(better)
    kept = np.ones(len(pits), bool)
    for worse in sorted(neighbours, key=lambda index: int(rank[index])):
        kept[worse] = not any(kept[other] for other in neighbours[worse])
    return np.flatnonzero(kept)

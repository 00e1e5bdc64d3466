"""Small dark pits: finding them over scales, and measuring each at half of its own contrast.

Images are flattened log-luminance, so a pit's contrast is the natural log of surround over centre.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RAYS = 24
RADII = 28
REACH = 2.5
"""Rays of a polar profile, samples along each, and how far they reach in units of the expected radius."""

AT_ONCE = 8192
"""Pits whose profiles are in memory at a time."""

DISC_RESPONSE = 2 / math.e
"""Largest sigma^2 Laplacian response of a disc of unit contrast (at sigma = radius / sqrt 2)."""


@dataclass(frozen=True)
class Pits:
    """Measured pits, (n,) each: centre and equivalent diameter in px, contrast, major/minor axis, how much of the
    outline was found, how uneven the outline's radius is once the ellipse is taken out, and its steepness (the
    share of the half-contrast radius over which the rim rises from a quarter to three quarters of the contrast),
    the scatter (robust SD) of the surround, and how much of the contrast the rim keeps on its weaker sides (a fifth
    of the rays; near 1 all round, near 0 or below where one side opens into a furrow or a slope), and the share of
    the variance within the rim's neighbourhood that depends on the radius alone."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    diameter: NDArray[np.float64]
    contrast: NDArray[np.float64]
    elongation: NDArray[np.float64]
    closed: NDArray[np.float64]
    roughness: NDArray[np.float64]
    rim: NDArray[np.float64]
    scatter: NDArray[np.float64]
    weak_side: NDArray[np.float64]
    symmetry: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.x)

    def where(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Pits:
        return Pits(**{name: getattr(self, name)[keep] for name in self.__dataclass_fields__})


def blob_candidates(
    image: NDArray[np.float32], mask: NDArray[np.bool_], diameters: NDArray[np.float64], least_contrast: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Dark blobs as maxima over place and scale of sigma^2 Laplacian: x, y, diameter (px), contrast, (n,) each.

    `diameters` ascending, in px; sigma = diameter / (2 sqrt 2). `image` must be 0 outside `mask`. A candidate's
    contrast is that of the disc with the same response.
    """
    kernel = np.ones((3, 3), np.uint8)
    responses = []
    for diameter in diameters:
        sigma = diameter / (2 * math.sqrt(2))
        size = 2 * math.ceil(4 * sigma) + 1
        smooth = cv2.GaussianBlur(image, (size, size), sigma)
        responses.append(cv2.Laplacian(smooth, cv2.CV_32F, ksize=1) * np.float32(sigma**2 / DISC_RESPONSE))
    found = []
    for level, response in enumerate(responses):
        peak = response >= cv2.dilate(response, kernel)
        peak &= response > least_contrast
        peak &= mask
        if level > 0:
            peak &= response > cv2.dilate(responses[level - 1], kernel)
        if level + 1 < len(responses):
            peak &= response >= cv2.dilate(responses[level + 1], kernel)
        y, x = np.nonzero(peak)
        found.append(np.stack([x, y, np.full(len(x), diameters[level]), response[y, x]], 1))
    table = np.concatenate(found) if found else np.zeros((0, 4))
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]


def _polar(image: NDArray[np.float32], x: Values, y: Values, radius: Values) -> NDArray[np.float32]:
    """Samples along rays from each centre out to REACH radii, (n, RAYS, RADII)."""
    angle = np.arange(RAYS) * (2 * np.pi / RAYS)
    steps = np.arange(RADII) * (REACH / (RADII - 1))
    reach = radius[:, None, None] * steps
    map_x = (x[:, None, None] + reach * np.cos(angle)[None, :, None]).astype(np.float32)
    map_y = (y[:, None, None] + reach * np.sin(angle)[None, :, None]).astype(np.float32)
    out = np.empty(map_x.shape, np.float32)
    rows = max(1, 30000 // RAYS)  # cv2.remap takes sides under 32768
    for start in range(0, len(x), rows):
        part = slice(start, start + rows)
        flat = (-1, RADII)
        out[part] = cv2.remap(
            image,
            map_x[part].reshape(flat),
            map_y[part].reshape(flat),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ).reshape(-1, RAYS, RADII)
    return out


def _crossing(profile: NDArray[np.float32], level: NDArray[np.float32]) -> NDArray[np.float64]:
    """First radius index (fractional) at which each ray rises through `level` (n,), NaN where it never does."""
    above = profile >= level[:, None, None]
    above[..., 0] = False
    first = above.argmax(-1)
    has = first > 0
    upper = np.take_along_axis(profile, first[..., None], -1)[..., 0]
    lower = np.take_along_axis(profile, np.maximum(first - 1, 0)[..., None], -1)[..., 0]
    rise = upper - lower
    part = np.divide(level[:, None] - lower, rise, out=np.zeros_like(rise), where=rise > 0)
    return np.where(has, first - 1 + np.clip(part, 0, 1), np.nan).astype(np.float64)


def measure_pits(
    image: NDArray[np.float32], x: Values, y: Values, diameter: Values, rounds: int = 3, max_shift: float = 0.5
) -> Pits:
    """Outline of each pit at half of its contrast, from polar profiles around (x, y) of expected `diameter` px.

    Centre and size are refined in `rounds`; a centre moves by at most `max_shift` expected diameters. The
    equivalent diameter is that of the disc with the outline's area.
    """
    x, y, diameter = (np.asarray(values, np.float64) for values in (x, y, diameter))
    parts = []
    for start in range(0, max(len(x), 1), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        parts.append(_measure(image, x[part], y[part], diameter[part], rounds, max_shift))
    return Pits(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in Pits.__dataclass_fields__})


def _measure(image: NDArray[np.float32], x: Values, y: Values, diameter: Values, rounds: int, max_shift: float) -> Pits:
    x0, y0 = np.asarray(x, np.float64).copy(), np.asarray(y, np.float64).copy()
    x, y = x0.copy(), y0.copy()
    radius = np.asarray(diameter, np.float64) / 2
    expected = radius.copy()
    angle = np.arange(RAYS) * (2 * np.pi / RAYS)
    contrast = closed = roughness = rim = elongation = scatter = weak_side = symmetry = np.zeros(len(x))
    for turn in range(rounds):
        profile = _polar(image, x, y, radius)
        if turn == rounds - 1:
            # light from one side brightens one wall and darkens the other; the mean of opposite rays is free of it
            profile = (profile + np.roll(profile, RAYS // 2, axis=1)) * np.float32(0.5)
        step = radius * REACH / (RADII - 1)
        start = round(1.6 / REACH * (RADII - 1))
        annulus = profile[:, :, start:].reshape(len(x), RAYS * (RADII - start))
        surround = np.median(annulus, axis=1) if len(x) else np.zeros(0, np.float32)
        core = profile[:, :, : max(2, round(0.35 / REACH * (RADII - 1)))].mean((1, 2))
        contrast = (surround - core).astype(np.float64)
        half = _crossing(profile, ((surround + core) / 2).astype(np.float32)) * step[:, None]
        found = np.isfinite(half)
        closed = found.mean(1)
        typical = np.nanmedian(np.where(found, half, np.nan), 1) if len(x) else np.zeros(0)
        typical = np.where(np.isfinite(typical), typical, radius)
        # a ray that ran into a neighbour or never rose says little: keep it near the typical radius
        half = np.where(found, half, typical[:, None])
        half = np.clip(half, 0.4 * typical[:, None], 2.0 * typical[:, None])
        dx = (half**3 * np.cos(angle)).sum(1) / np.maximum((half**2).sum(1), 1e-9) * (2 / 3)
        dy = (half**3 * np.sin(angle)).sum(1) / np.maximum((half**2).sum(1), 1e-9) * (2 / 3)
        equivalent = np.sqrt((half**2).mean(1))
        if turn < rounds - 1:
            limit = max_shift * 2 * expected
            x = np.clip(x + dx, x0 - limit, x0 + limit)
            y = np.clip(y + dy, y0 - limit, y0 + limit)
            radius = np.clip(equivalent, 0.5 * expected, 2.0 * expected)
            continue
        scatter = 1.4826 * np.median(np.abs(annulus - surround[:, None]), 1) if len(x) else np.zeros(0)
        ring = profile[:, :, int(1.2 / REACH * (RADII - 1)) : int(1.7 / REACH * (RADII - 1)) + 1].mean(2)
        weak_side = (np.percentile(ring, 20, axis=1) - core) / np.maximum(contrast, 1e-6) if len(x) else np.zeros(0)
        near = profile[:, :, 1 : int(1.6 / REACH * (RADII - 1)) + 1]
        by_radius = near - near.mean(1, keepdims=True)
        overall = near - near.mean((1, 2), keepdims=True)
        symmetry = 1 - (by_radius**2).mean((1, 2)) / np.maximum((overall**2).mean((1, 2)), 1e-12)
        second = (half * np.exp(2j * angle)).mean(1)  # an ellipse's radius varies as its second harmonic
        axis = np.clip(2 * np.abs(second) / np.maximum(half.mean(1), 1e-9), 0, 0.9)
        elongation = (1 + axis) / (1 - axis)
        ellipse = half.mean(1)[:, None] + 2 * np.real(second[:, None] * np.exp(-2j * angle))
        roughness = np.sqrt(((half - ellipse) ** 2).mean(1)) / np.maximum(equivalent, 1e-9)
        quarter = _crossing(profile, (core + 0.25 * (surround - core)).astype(np.float32)) * step[:, None]
        three = _crossing(profile, (core + 0.75 * (surround - core)).astype(np.float32)) * step[:, None]
        gap = np.where(np.isfinite(three - quarter), three - quarter, np.nan)
        with np.errstate(all="ignore"):
            rim = np.nan_to_num(_nanmedian(gap)) / np.maximum(equivalent, 1e-9)
        radius = equivalent
    return Pits(x, y, 2 * radius, contrast, elongation, closed, roughness, rim, scatter, weak_side, symmetry)


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
    """Half-contrast diameters (n,) px as they were before a Gaussian blur of SD `blur_px`."""
    if not blur_px > 0:
        return diameter
    return np.asarray(diameter / np.interp(diameter / blur_px, WIDENING[:, 0], WIDENING[:, 1]))


def _nanmedian(values: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full(len(values), np.nan)
    some = np.isfinite(values).any(1)
    out[some] = np.nanmedian(values[some], 1)
    return out


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
    for a, b in close:
        better, worse = (a, b) if rank[a] < rank[b] else (b, a)
        neighbours.setdefault(int(worse), []).append(int(better))
    kept = np.ones(len(pits), bool)
    for index in order:
        if any(kept[other] for other in neighbours.get(int(index), ())):
            kept[index] = False
    return np.flatnonzero(kept)

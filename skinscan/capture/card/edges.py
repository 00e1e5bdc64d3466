"""The card's place to a fraction of a pixel: from the edges of all its patches, in linear light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.chart import PLACES
from skinscan.records import BoolArray

Array = NDArray[np.float64]

FROM, TO = 0.27, 0.50
"""Where an edge is looked for, in pitches from a patch's centre: from within every patch to the middle of the gap."""

ALONG: Array = np.linspace(-0.27, 0.27, 7)
"""Where along its side an edge is measured, in pitches."""

STEPS = 33
LEAST_CONTRAST = 0.02
"""Linear light between a patch and the frame, over that of the card's brightest patch: less is no edge to measure."""

LEAST_EDGES = 16
"""Edges of 96 that must be seen: twice as many as there are unknowns."""


@dataclass(frozen=True, eq=False)
class Placed:
    """`homography` (3, 3) chart coordinates to pixels, `patch` side of a patch in pitches, `covariance` (8, 8) of the
    correction in chart coordinates x + (a x + b y + c) - x (g x + h y), y + (d x + e y + f) - y (g x + h y), in the
    order a to h, `residual` the root mean square distance of an edge from its place in pixels, `edges` how many."""

    homography: Array
    patch: float
    covariance: Array
    residual: float
    edges: int


def linear_at(pixels: NDArray[np.uint8] | NDArray[np.uint16], lut: NDArray[np.float32], xy: Array) -> Array:
    """Linear light (..., 3) in the file's own primaries at places (..., 2), bilinear between developed pixels; NaN
    outside the picture."""
    height, width = pixels.shape[:2]
    flat = xy.reshape(-1, 2)
    outside = ~((flat >= 0).all(axis=1) & (flat[:, 0] <= width - 1) & (flat[:, 1] <= height - 1))
    flat = np.where(outside[:, None], 0.0, flat)
    low = np.minimum(flat.astype(np.intp), [max(width - 2, 0), max(height - 2, 0)])
    share = flat - low
    out = np.zeros((len(flat), 3))
    for dy in (0, 1):
        for dx in (0, 1):
            codes = pixels[np.minimum(low[:, 1] + dy, height - 1), np.minimum(low[:, 0] + dx, width - 1)]
            weight = (share[:, 0] if dx else 1 - share[:, 0]) * (share[:, 1] if dy else 1 - share[:, 1])
            out += weight[:, None] * np.stack([lut[c][codes[:, c]] for c in range(3)], axis=-1)
    out[outside] = np.nan
    return out.reshape(*xy.shape[:-1], 3)


def projected(homography: Array, places: Array) -> Array:
    """Places (..., 2) through a homography."""
    flat = places @ homography[:, :2].T + homography[:, 2]
    return np.asarray(flat[..., :2] / flat[..., 2:])


def place(
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    lut: NDArray[np.float32],
    homography: Array,
    patches: BoolArray,
    rounds: int = 3,
) -> Placed | None:
    """The homography refined on the edges of the patches (24,) that are to be trusted; None where too few are seen.

    An edge is where the light is half way between the patch and the frame, which blur does not move; a wrong tone
    curve, sharpening or flare move the opposite edges of a patch alike, so its `patch` takes that and not its place.
    """
    size, placed = 0.84, None
    reach = (TO - FROM) / 2
    for turn in range(rounds):
        middle = (FROM + TO) / 2 if turn == 0 else size / 2
        found = _measured(pixels, lut, homography, max(middle - reach, FROM), min(middle + reach, TO))
        if found is None:
            return None
        at, seen, middles = found
        placed = _solved(homography, at, seen & patches[:, None], middles)
        if placed is None:
            return None
        homography, size = placed.homography, placed.patch
        pitch = float(np.linalg.norm(np.diff(projected(homography, np.array([[2.0, 1.5], [3.0, 1.5]])), axis=0)))
        reach = min(max(0.045, 5.0 / pitch), (TO - FROM) / 2)
    return placed


def _measured(
    pixels: NDArray[np.uint8] | NDArray[np.uint16], lut: NDArray[np.float32], homography: Array, low: float, high: float
) -> tuple[Array, BoolArray, Array] | None:
    """Where the edges are: distance from the patch's centre in pitches (24, 4), which were seen (24, 4), and their
    middles in chart coordinates (24, 4, 2). Sides in the order right, left, below, above."""
    sides = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float64)
    across = np.linspace(low, high, STEPS)
    offsets = sides[:, None, None] * across[:, None] + sides[:, None, None, ::-1] * ALONG[:, None, None]
    where = PLACES[:, None, None, None] + offsets  # (24, 4, 7, STEPS, 2)
    light = linear_at(pixels, lut, projected(homography, where))
    inner, outer = light[..., :4, :].mean(axis=-2), light[..., -3:, :].mean(axis=-2)
    step = inner - outer
    contrast = np.linalg.norm(step, axis=-1)
    brightest = np.nanpercentile(np.linalg.norm(light[..., 0, :], axis=-1), 95) if np.isfinite(light).any() else 0.0
    if not brightest > 0:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        part = ((light - outer[..., None, :]) * step[..., None, :]).sum(axis=-1) / (contrast**2)[..., None]
        below = part < 0.5
        first = np.argmax(below, axis=-1)
        once = below.any(axis=-1) & (first > 0) & (np.diff(below.astype(np.int8), axis=-1) != 0).sum(axis=-1) == 1
        before = np.take_along_axis(part, np.maximum(first - 1, 0)[..., None], -1)[..., 0]
        after = np.take_along_axis(part, first[..., None], -1)[..., 0]
        at = across[np.maximum(first - 1, 0)] + (before - 0.5) / (before - after) * (across[1] - across[0])
    good = once & (contrast > LEAST_CONTRAST * brightest) & np.isfinite(at)
    seen = good.sum(axis=-1) >= 4
    at = np.where(good, at, np.nan)
    middle = np.full(seen.shape, np.nan)
    middle[seen] = np.nanmedian(at[seen], axis=-1)
    straight = np.zeros(seen.shape, bool)
    straight[seen] = np.nanmax(np.abs(at[seen] - middle[seen][:, None]), axis=-1) < 0.06
    return middle, seen & straight, PLACES[:, None] + sides * np.nan_to_num(middle)[..., None]


def _solved(homography: Array, at: Array, seen: BoolArray, middles: Array) -> Placed | None:
    """The correction of the homography and the side of a patch that explain the edges, by robust least squares."""
    if seen.sum() < LEAST_EDGES:
        return None
    sign = np.array([1.0, -1.0, 1.0, -1.0])
    x, y = middles[..., 0], middles[..., 1]
    zero, one = np.zeros_like(x), np.ones_like(x)
    across = np.stack([x, y, one, zero, zero, zero, -x * x, -x * y], axis=-1)
    down = np.stack([zero, zero, zero, x, y, one, -x * y, -y * y], axis=-1)
    design = np.concatenate([across[:, :2], down[:, 2:]], axis=1)
    design = np.concatenate([design * sign[:, None], -0.5 * one[..., None]], axis=-1)[seen]
    target = -at[seen]
    weight = np.ones(len(target))
    for _ in range(6):
        scaled = design * weight[:, None]
        normal = scaled.T @ design + 1e-9 * np.eye(9)
        solution = np.linalg.solve(normal, scaled.T @ target)
        miss = target - design @ solution
        spread = max(1.4826 * float(np.median(np.abs(miss))), 1e-5)
        weight = np.clip(1 - (miss / (4.0 * spread)) ** 2, 0.0, None) ** 2
    used = int((weight > 0).sum())
    if used < LEAST_EDGES or not 0.6 < solution[8] < 1.0:
        return None
    variance = float((weight * miss**2).sum() / max(weight.sum() - 9.0, 1.0))
    covariance = variance * np.linalg.inv(normal)[:8, :8]
    a, b, c, d, e, f, g, h = solution[:8]
    correction = np.array([[1 + a, b, c], [d, 1 + e, f], [g, h, 1.0]])
    refined = homography @ np.linalg.inv(correction)
    pitch = float(np.linalg.norm(np.diff(projected(refined, np.array([[2.0, 1.5], [3.0, 1.5]])), axis=0)))
    return Placed(refined / refined[2, 2], float(solution[8]), covariance, np.sqrt(variance) * pitch, used)

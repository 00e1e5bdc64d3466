"""Which patches can be believed: what is hidden, shaded, or shines does not follow from what the others say.

The chart's published colours, the light's colour and a straight line of tone predict each patch. A shadow keeps a
patch's colour and takes of its level; what covers a patch has another colour or a texture; shine adds light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.chart import PLACES, patch_linear
from skinscan.capture.card.decoding import explained
from skinscan.capture.card.patches import Middles
from skinscan.records import BoolArray

Array = NDArray[np.float64]

COLOUR_OFF = 0.14
"""Distance in normalised codes at which a patch's colour is another one; lamps and tone curves leave up to 0.1."""

DARK, TOO_DARK = 0.06, 1.0
"""Mean code below which a patch's colour is not judged, and by how much (natural logarithm) less light than its level
something dark lies on it."""

TEXTURE = 0.02
"""Standard deviation of codes, above twice the other patches', that a flat patch does not have."""

SLOPE, SLOPE_CODES = 0.10, 0.012
"""Change of codes across one patch, over their mean and in codes, of a shadow's edge or a spot of shine."""

LEVEL_OFF = 0.22
"""Natural logarithm of light by which a patch may be off its level: saturated ones are, under lamps, by 0.15."""

SHADE = 0.12
"""Least step of light, in natural logarithms, that is called a shadow."""

SHADE_EXPLAINS = 0.25
"""What a shadow's edge must leave at most of the variance that there is without one."""


@dataclass(frozen=True, eq=False)
class Judged:
    """`usable`, `shaded`, `hidden` (24,): as in Sighting."""

    usable: BoolArray
    shaded: BoolArray
    hidden: BoolArray


def judge(middles: Middles) -> Judged:
    """Which of the patches read can be believed."""
    seen = middles.pixels > 0
    codes = np.where(seen[:, None], np.nan_to_num(middles.codes), 0.0)
    spread = np.nan_to_num(middles.spread).max(axis=1)
    textured = spread > 2 * float(np.median(spread[seen])) + TEXTURE
    mean = codes.mean(axis=1)
    sloping = (np.nan_to_num(middles.slope) > SLOPE) & (np.nan_to_num(middles.slope) * mean > SLOPE_CODES)
    plain = seen & ~textured & ~sloping
    member = plain if plain.sum() >= 10 else seen
    miss = explained(codes[None], member[None], seen[None])[0][0]
    far = max(COLOUR_OFF, 4 * 1.4826 * float(np.median(miss[member])))
    coloured = seen & (miss > far) & (mean > DARK) & ~middles.clipped.any(axis=1)
    hidden = ~seen | coloured | (textured & ~sloping)
    fair = plain & ~coloured & ~middles.clipped.any(axis=1) & (mean > DARK)
    predicted, level = _levels(codes, plain & ~coloured)
    usual = float(np.median(level[fair])) if fair.any() else 0.0
    hidden |= seen & (mean <= DARK) & (level < usual - TOO_DARK)
    shaded, odd = _lights(level, np.log(predicted), fair)
    in_shade = shaded & seen
    other_light = in_shade if in_shade[fair].sum() <= (fair & ~shaded).sum() else seen & ~shaded
    usable = seen & ~hidden & ~middles.clipped.all(axis=1) & ~textured & ~sloping & ~other_light & ~(odd & fair)
    return Judged(usable, in_shade & ~hidden, hidden)


def _levels(codes: Array, fair: BoolArray) -> tuple[Array, Array]:
    """Light that each patch should send (24,), and the logarithm of what it sends over that (24,).

    Linear light is the published one through some matrix (lamp and camera), times a level of each patch. The matrix is
    had from the directions of the patches' colours alone, whatever their levels.
    """
    light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4) + 0.002
    published = np.maximum(patch_linear(), 0.0) + 0.002
    length = np.linalg.norm(light, axis=1)
    level, weight = np.ones(24), fair.astype(np.float64)
    for _ in range(12):
        scaled = published * level[:, None] / length[:, None]
        left = scaled.T @ (weight[:, None] * scaled) + 1e-9 * np.eye(3)
        through = np.linalg.solve(left, scaled.T @ (weight[:, None] * light / length[:, None]))
        wanted = published @ through
        size = np.maximum(np.linalg.norm(wanted, axis=1), 1e-4)
        level = np.maximum((light * wanted).sum(axis=1) / size**2, 1e-4)
        miss = np.linalg.norm(light - level[:, None] * wanted, axis=1) / length
        weight = fair / (1 + (miss / 0.08) ** 2) ** 2
        level /= np.exp((weight * np.log(level)).sum() / max(weight.sum(), 1e-9))
    return size, np.log(level)


def _lights(level: Array, tone: Array, fair: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Which patches lie in the darker of two lights (24,), and which are off the level that their light gives (24,).

    Level is explained by the tone (a parabola), how pale the patch is, the light's fall across the card, and at most
    one straight edge of shadow, which is looked for in all directions. The fit is robust.
    """
    nothing = np.zeros(24, bool)
    x, y = ((PLACES - [2.5, 1.5]) / [2.5, 1.5]).T
    published = np.maximum(patch_linear(), 0.0)
    pale = published.min(axis=1) / published.max(axis=1)
    base = np.stack([np.ones(24), tone, tone * tone, pale, x, y], axis=-1)
    if fair.sum() < 9:
        return nothing, nothing
    miss = _robust(base, level, fair)[1]
    edges = _edges()
    sides = edges[(edges[:, fair].sum(axis=1) >= 2) & ((~edges)[:, fair].sum(axis=1) >= 2)]
    shaded = nothing
    if len(sides):
        designs = np.concatenate([np.broadcast_to(base, (len(sides), 24, 6)), sides[..., None]], axis=-1)
        steps, misses = _robust(designs, level, fair)
        cost, alone = (np.minimum(np.abs(m[..., fair]), 0.5) ** 2 for m in (misses, miss))
        best = int(np.argmin(cost.sum(axis=1)))
        step = float(steps[best, 6])
        if abs(step) > SHADE and cost[best].sum() < SHADE_EXPLAINS * alone.sum():
            shaded, miss = (sides[best] if step < 0 else ~sides[best]), misses[best]
    reach = max(LEVEL_OFF, 4 * 1.4826 * float(np.median(np.abs(miss[fair]))))
    return shaded, np.abs(miss) > reach


def _robust(design: Array, level: Array, fair: BoolArray) -> tuple[Array, Array]:
    """Coefficients (..., m) and residuals (..., 24) of a fit of levels (24,) on designs (..., 24, m)."""
    weight = np.broadcast_to(fair.astype(np.float64), design.shape[:-1])
    ridge = np.diag([1e-6, 1e-3, 0.3, 0.1, 0.3, 0.3, 1e-6][: design.shape[-1]])  # tone and fall of light are gentle
    for _ in range(4):
        scaled = np.swapaxes(design * weight[..., None], -1, -2)
        solution = np.linalg.solve(scaled @ design + ridge, (scaled @ level)[..., None])[..., 0]
        miss = level - (design @ solution[..., None])[..., 0]
        weight = fair / (1 + (miss / 0.1) ** 2)
    return np.asarray(solution, np.float64), np.asarray(miss, np.float64)


def _edges() -> BoolArray:
    """Every way (k, 24) in which a straight line parts the patches."""
    sides = set()
    for angle in np.linspace(0, np.pi, 25)[:-1] + 0.01:
        along = PLACES @ np.array([np.cos(angle), np.sin(angle)])
        for cut in np.sort(along)[:-1] + 1e-6:
            sides.add(tuple((along > cut).tolist()))
    return np.array(sorted(sides))

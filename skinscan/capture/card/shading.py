"""A shadow across the card: which patches lie in which light, from their levels alone.

The logarithm of what a patch sends over what it should send is explained by the tone curve (a cubic in the logarithm
of what it sends: finished pictures need one), how pale the patch is, and the light's fall across the card; and by at
most one shadow with a straight edge, sharp or soft, looked for at every place and in every direction. All fits are
robust.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.chart import PLACES, patch_linear
from skinscan.records import BoolArray

Array = NDArray[np.float64]

GREY_OFF, VIVID_OFF = 0.02, 0.05
"""Standard deviation of a patch's level about what explains it, natural logarithm: of a grey, and what is added in full
for a colour without any white in it, which lamps and cameras see differently."""

LEAST_STEP = 0.10
"""Least step of light, in natural logarithms, that is called a shadow."""

BETTER = 24.0
"""By how much a shadow must lower the sum of squares, in units of the patches' variance: chance among all its places
lowers it by 10 to 20."""

LEAST_UNRULY, MOST_UNRULY = 0.6, 3.0
"""What levels scatter by over those, between these: cards in plain photos 0.2 to 0.6, so that a light shadow is seen,
finished pictures up to 3."""

LEAST_EACH = 1.5
"""Patches of each light that must be seen, at least: one alone may be off for any reason."""

OUTLIER = 4.0
"""Standard deviations from which a patch says no more against an explanation, the further off it is."""

SOFT = (0.1, 0.7, 1.4)
"""Widths of a shadow's edge that are tried, in pitches."""

DIRECTIONS, CUTS = 24, 0.45
"""Directions that a shadow may fall in, and from one place of its edge to the next, in pitches."""

BEFOREHAND = (10.0, 0.5, 0.3, 0.15, 0.3, 0.05, 0.05, 0.6)
"""Standard deviations beforehand: level, tone's slope, bend and twist, pale, the light's fall along both sides (middle
to end), the shadow's step."""

ROUNDS = 4


@dataclass(frozen=True, eq=False)
class Shading:
    """`step` of the shadow (natural logarithm, negative; 0 where there is none), `share` (24,) how far each patch lies
    in it, 0 to 1, `miss` (24,) what is left of each level."""

    step: float
    share: Array
    miss: Array


def find_shadow(level: Array, seen_light: Array, fair: BoolArray) -> Shading:
    """The shadow on patches whose level (24,) is what they send over what they should, `seen_light` (24,) the former,
    natural logarithms; told by those that are `fair` (24,)."""
    base = _base(seen_light, fair)
    if fair.sum() < 9:
        return Shading(0.0, np.zeros(24), np.zeros(24))
    shares = _shadows()
    inside = (shares * fair).sum(axis=1)
    shares = shares[(inside >= LEAST_EACH) & (fair.sum() - inside >= LEAST_EACH)]
    spread = GREY_OFF + VIVID_OFF * (1 - _pale())
    shadow, gain = _best(base, shares, level, spread, fair)
    unruly = 1.4826 * float(np.median(np.abs(shadow.miss / spread)[fair]))
    # a shadow is held against what this picture's own levels scatter by
    shadow, gain = _best(base, shares, level, spread * min(max(unruly, LEAST_UNRULY), MOST_UNRULY), fair)
    if shadow.step < -LEAST_STEP and gain > BETTER:
        return shadow
    return Shading(0.0, np.zeros(24), _fitted(base[None], level, spread, fair)[0][0])


def _best(base: Array, shares: Array, level: Array, spread: Array, fair: BoolArray) -> tuple[Shading, float]:
    """The best of the shadows of `shares` (k, 24), and by how much it lowers the bounded sum of squares."""
    miss, alone, _ = _fitted(base[None], level, spread, fair)
    if not len(shares):
        return Shading(0.0, np.zeros(24), miss[0]), 0.0
    designs = np.concatenate([np.broadcast_to(base, (len(shares), *base.shape)), shares[..., None]], axis=-1)
    misses, cost, steps = _fitted(designs, level, spread, fair)
    best = int(np.argmin(np.where(steps < 0, cost, np.inf)))
    return Shading(float(steps[best]), shares[best], misses[best]), float(alone[0] - cost[best])


def _pale() -> Array:
    """Least over largest channel of the published colours (24,): 1 for greys."""
    published = np.maximum(patch_linear(), 0.0)
    return np.asarray(published.min(axis=1) / published.max(axis=1))


def _base(seen_light: Array, fair: BoolArray) -> Array:
    """What explains a level without a shadow: (24, 7)."""
    x, y = ((PLACES - [2.5, 1.5]) / [2.5, 1.5]).T
    tone = seen_light - (float(np.median(seen_light[fair])) if fair.any() else 0.0)
    return np.stack([np.ones(24), tone, tone**2, tone**3, _pale(), x, y], axis=-1)


def _fitted(designs: Array, level: Array, spread: Array, fair: BoolArray) -> tuple[Array, Array, Array]:
    """Residuals (k, 24), sums of bounded squares (k,) and last coefficients (k,) of fits on designs (k, 24, m)."""
    ridge = np.diag(1 / np.array(BEFOREHAND[: designs.shape[-1]]) ** 2)
    weight = np.broadcast_to(fair / spread**2, designs.shape[:-1])
    for _ in range(ROUNDS):
        scaled = np.swapaxes(designs * weight[..., None], -1, -2)
        solution = np.linalg.solve(scaled @ designs + ridge, (scaled @ level)[..., None])
        miss = level - (designs @ solution)[..., 0]
        off = (miss / (OUTLIER * spread)) ** 2
        weight = fair / spread**2 / (1 + off) ** 2
    cost = (fair * (miss / spread) ** 2 / (1 + off)).sum(axis=-1)
    cost += np.einsum("kmi,mn,kni->k", solution, ridge, solution)
    return np.asarray(miss), np.asarray(cost), np.asarray(solution[:, -1, 0])


@cache
def _shadows() -> Array:
    """How far each patch lies in the shadow, for every shadow that is tried: (k, 24)."""
    inner = np.linspace(-0.35, 0.35, 5)
    within = np.stack(np.meshgrid(inner, inner), axis=-1).reshape(-1, 2)
    shares = []
    for turn in np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS + 0.01:
        depth = (PLACES[:, None] + within) @ np.array([np.cos(turn), np.sin(turn)])
        for soft in SOFT:
            for cut in np.arange(depth.min(), depth.max(), CUTS):
                t = np.clip((depth - cut) / soft + 0.5, 0.0, 1.0)
                shares.append((t * t * (3 - 2 * t)).mean(axis=1))
    return np.unique(np.round(shares, 3), axis=0)

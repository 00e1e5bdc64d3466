"""From what the card tells to a matrix for skin, and to equally plausible other ones.

Each alternative is a draw of tone curve, sensitivities and light from the posterior. Modelled skins are seen through
every alternative; the matrix is the one of least expected error in Lab over alternatives and skins, and an alternative
matrix is the one that would be right if that alternative were the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import ciede2000, lab
from skinscan.capture.card import fitting, rendering, tone_curve
from skinscan.capture.card.evenness import Step
from skinscan.capture.card.fitting import Fit
from skinscan.capture.card.prior import Prior
from skinscan.capture.card.rendering import Space

Array = NDArray[np.float64]

ALTERNATIVES = 48
NEAR_LAB = 12.0
"""Skins count by their nearness in Lab to the skin in the photo (standard deviation of a Gaussian)..."""
FAR_SHARE = 0.03
"""... but none less than this, so that the matrix holds for a mole and for a bruise too."""
LOOK_TURNS = 2
"""Rounds in which the colour that a look made of a skin is found: each leaves a tenth."""
GREY_LIGHTS, SPARE = np.array([0.09, 0.20, 0.36, 0.59]), 0.04
"""Greys (linear light) that should stay grey in the picture, and what they may cost skin: its squared expected error
rises by no more than SPARE, its error by half of that. A fifth of the cast goes that a matrix for skin alone leaves; on
measured skins a* is then off by 0.48 instead of 0.46 (rms), at three times as much by 0.53 for another fifth."""
LEAST_GREY, MOST_GREY = 1e-5, 1.0
"""Weights of greys that are tried, against skin's 1."""
RIDGE = 3e-5
"""Pull of an alternative matrix towards none, against skins' squared linear RGB."""


@dataclass(frozen=True, eq=False)
class Alternatives:
    """Skins as the corrected codes would show them, had each alternative been true.

    `seen` (k, n, 3): linear light of the file's channels by the one chosen tone curve. The `own` part of their scatter
    would not come again in another photo by the same camera under the same light.
    """

    seen: Array
    own: Array


@cache
def _draws(length: int, which: int) -> Array:
    """Standard normal draws (ALTERNATIVES, length), in pairs of opposite sign, the same in every photo."""
    half = np.random.default_rng([which, length]).standard_normal((ALTERNATIVES // 2, length))
    return np.stack([half, -half], 1).reshape(ALTERNATIVES, length)


def shares(log_evidence: Sequence[float]) -> NDArray[np.int64]:
    """How many pairs of alternatives each explanation gets, by its evidence."""
    log = np.asarray(log_evidence, float)
    probability = np.exp(log - log.max())
    probability /= probability.sum()
    edges = np.concatenate([[0.0], np.cumsum(probability)])
    steps = (np.arange(ALTERNATIVES // 2) + 0.5) / (ALTERNATIVES // 2)
    return np.histogram(steps, bins=edges)[0].astype(np.int64)


def draw_alternatives(
    fits: Sequence[Fit],
    prior: Prior,
    spaces: Sequence[Space],
    table: NDArray[np.float32],
    linear_of_code: Array,
    step: Step | None = None,
    rounding: Array | None = None,
) -> Alternatives:
    """Skins through every alternative. `spaces` are those of `rendering.spaces`, `table` (3, codes) the tone curve that
    the photo gets; `step` is the light on the skin against that on the card, `rounding` (2, 3) one standard deviation
    of JPEG's rounding of the skin in the logarithm of the channels' light."""
    step = step or Step()
    codes_to_light = [(linear_of_code[c], table[c].astype(np.float64)) for c in range(3)]
    parts: list[list[Array]] = [[], []]
    at = 0
    for one, pairs in zip(fits, shares([f.log_evidence for f in fits]), strict=True):
        rows = slice(2 * at, 2 * (at + int(pairs)))
        at += int(pairs)
        if not pairs:
            continue
        wide = _draws(one.parameters.size, 1)[rows]
        noise = _draws(3 * 24, 2)[rows, : one.noise.size]
        shared = wide - (wide @ one.design.T) @ one.gain.T
        own = -(noise * one.own_noise) @ one.gain.T
        total = shared - (noise * one.noise) @ one.gain.T
        light = step.log + step.spread * _draws(1, 3)[rows] + one.way.finish.light * _draws(1, 7)[rows]
        fine = np.zeros((len(light), 3)) if rounding is None else _draws(2, 4)[rows] @ rounding
        for part, change in zip(parts, (total, own), strict=True):
            file = _values_in_file(one, prior, spaces[one.way.space], change, light)
            seen = np.stack([np.interp(file[..., c], *codes_to_light[c]) for c in range(3)], -1)
            part.append(seen * np.exp(fine)[:, None, :])
    return Alternatives(*(np.concatenate(part) for part in parts))


def shining(seen: Array, sheen: float) -> Array:
    """Skins (k, n, 3) with a share of white mirrored by their surface (half normal, of scale `sheen`)."""
    return np.asarray(seen + sheen * np.abs(_draws(1, 5))[:, :, None])


def _values_in_file(one: Fit, prior: Prior, space: Space, changes: Array, light: Array) -> Array:
    """Skins as values by the file's own profile (k, n, 3) where the explanation's parameters are off by `changes`
    (k, parameters) and the light by `light` (k, 1), a logarithm."""
    tone, rank = tone_curve.size(), prior.bases.shape[1]
    back = np.linalg.inv(space.from_file)
    grid, basis = _grid()
    parameters = one.parameters + changes
    curves = grid[None, :, None] * np.exp(np.clip(np.einsum("gcp,kp->kgc", basis, parameters[:, :tone]), -8, 8))
    lifts = parameters[:, :tone] @ tone_curve.lift_basis().T
    curves = np.maximum.accumulate(curves, axis=1)
    out = []
    for k, now in enumerate(parameters):
        sensors = fitting.sensitivities(prior, one.way.family, now[tone : tone + rank], space.to_space)
        wanted = prior.skins @ sensors * np.exp(light[k]) - lifts[k]
        look, weights = np.zeros(3), one.look(now)
        for _ in range(LOOK_TURNS if weights.size else 1):
            there = wanted * np.exp(-look)
            file = np.stack([np.interp(there[:, c], curves[k, :, c], grid) for c in range(3)], -1) @ back.T
            if weights.size:
                look = one.way.finish.look * rendering.look_at(weights, file @ space.to_srgb.T)
        out.append(file)
    return np.array(out)


@cache
def _grid() -> tuple[Array, Array]:
    """Values from 0 to beyond 1 and the tone curve's basis there."""
    at = np.linspace(0.0, 1.1, 331) ** tone_curve.CODE_GAMMA
    return at, tone_curve.log_basis(np.repeat(at[:, None], 3, axis=1))


# --- matrices -------------------------------------------------------------------------------------------------


@cache
def _metric(prior: Prior) -> Array:
    """What a small error in linear sRGB of each skin is in Lab, chroma compressed as in dE00: (n, 3, 3)."""
    base = lab(prior.skins_rgb)
    step = 1e-4
    slope = np.stack([(lab(prior.skins_rgb + step * axis) - base) / step for axis in np.eye(3)], -1)
    chroma = np.hypot(base[:, 1], base[:, 2])
    shrink = np.stack([np.ones_like(chroma), 1 / (1 + 0.03 * chroma), 1 / (1 + 0.03 * chroma)], -1)
    return np.asarray(slope * shrink[..., None])


def nearness(prior: Prior, skin_lab: Array | None) -> Array:
    """How near each modelled skin is to the skin in the photo (n,), summing to 1; alike where that is not known."""
    if skin_lab is None:
        return np.full(len(prior.skins), 1 / len(prior.skins))
    away = ((lab(prior.skins_rgb) - skin_lab) ** 2).sum(1)
    weight = np.exp(-0.5 * (away - away.min()) / NEAR_LAB**2)
    return np.asarray(weight / weight.sum())


def skin_weights(near: Array) -> Array:
    """How much each modelled skin counts in the matrix (n,): by its nearness, but none for nothing."""
    weight = near / near.max() + FAR_SHARE
    return np.asarray(weight / weight.sum())


def least_error_matrix(prior: Prior, seen: Array, weights: Array) -> Array:
    """The (3, 3) from `seen` (k, n, 3) to linear sRGB of least expected squared Lab error on skin, with as little cast
    on greys as skin can spare."""
    slope = _metric(prior)
    square = np.einsum("n,nki,nkj->nij", weights, slope, slope)
    outer = np.einsum("kni,knj->nij", seen, seen) / len(seen)
    left = np.einsum("nij,nkl->ikjl", square, outer).reshape(9, 9)
    right = np.einsum("nij,nj,nk->ik", square, prior.skins_rgb, seen.mean(0)).reshape(9)
    best = np.linalg.solve(left, right)
    error = float(np.einsum("nij,ni,nj->", square, prior.skins_rgb, prior.skins_rgb) - right @ best)
    grey_left, grey_right = _greys()
    found, low, high = best, np.log(LEAST_GREY), np.log(MOST_GREY)
    for _ in range(20):  # what skin loses rises with the weight of greys: halving finds where it is all that it spares
        weight = np.exp((low + high) / 2)
        tried = np.linalg.solve(left + weight * grey_left, right + weight * grey_right)
        if (tried - best) @ left @ (tried - best) <= SPARE * error:
            low, found = np.log(weight), tried
        else:
            high = np.log(weight)
    return np.asarray(found.reshape(3, 3))


@cache
def _greys() -> tuple[Array, Array]:
    """Greys' part of the equations for the matrix, (9, 9) and (9,); the tone curve has made them grey."""
    greys, step = np.repeat(GREY_LIGHTS[:, None], 3, axis=1), 1e-4
    slope = np.stack([(lab(greys + step * axis) - lab(greys)) / step for axis in np.eye(3)], -1)
    square = np.einsum("nki,nkj->nij", slope, slope) * (GREY_LIGHTS**2)[:, None, None] / len(greys)
    left = np.einsum("nij,kl->ikjl", square, np.ones((3, 3))).reshape(9, 9)
    right = np.einsum("nij,j,k->ik", square, np.ones(3), np.ones(3)).reshape(9)
    return np.asarray(left, np.float64), np.asarray(right, np.float64)


def doubts(prior: Prior, corrected: Array, near: Array, misfit: bool = True) -> Array:
    """For each alternative the matrix (k, 3, 3) that takes corrected linear sRGB `corrected` (k, n, 3) to the truth.

    No matrix is right for all skins at once: with `misfit` each is made right for one skin, drawn by its nearness, so
    that the scatter over alternatives holds what is left between skins too.
    """
    weight = skin_weights(near) / (prior.skins_rgb**2).sum(1)
    outer = np.einsum("n,kni,knj->kij", weight, corrected, corrected) + RIDGE * np.eye(3)
    cross = np.einsum("n,ni,knj->kij", weight, prior.skins_rgb, corrected) + RIDGE * np.eye(3)
    found = np.linalg.solve(outer, cross.transpose(0, 2, 1)).transpose(0, 2, 1)
    if misfit:
        steps = (np.arange(len(found)) + 0.5) / len(found)
        skin = np.minimum(np.searchsorted(np.cumsum(near), steps), len(near) - 1)
        skin = skin[np.random.default_rng(len(found)).permutation(len(found))]
        seen = corrected[np.arange(len(found)), skin]
        left = prior.skins_rgb[skin] - np.einsum("kij,kj->ki", found, seen)
        found = found + left[:, :, None] * seen[:, None, :] / (seen**2).sum(1)[:, None, None]
    return np.asarray(found)


def errors(prior: Prior, corrected: Array, near: Array) -> tuple[float, float]:
    """Expected dE00 and the standard uncertainty of a* over alternatives and skins."""
    truth, found = lab(prior.skins_rgb), lab(corrected)
    de00 = ciede2000(found, np.broadcast_to(truth, found.shape)).mean(0)
    a_star = ((found[..., 1] - truth[:, 1]) ** 2).mean(0)
    return float(near @ de00), float(np.sqrt(near @ a_star))

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
from skinscan.capture.card import fitting, tone_curve
from skinscan.capture.card.evenness import Step
from skinscan.capture.card.fitting import Fit
from skinscan.capture.card.prior import Prior

Array = NDArray[np.float64]

ALTERNATIVES = 48
NEAR_LAB = 12.0
"""Skins count by their nearness in Lab to the skin in the photo (standard deviation of a Gaussian)..."""
FAR_SHARE = 0.03
"""... but none less than this, so that the matrix holds for a mole and for a bruise too."""
RIDGE = 3e-5
"""Pull of an alternative matrix towards none, against skins' squared linear RGB."""


@dataclass(frozen=True, eq=False)
class Alternatives:
    """Skins as the corrected codes would show them, had each alternative been true.

    `seen` (k, n, 3): linear light of the file's channels by the one chosen tone curve. The `shared` part would come
    again in another photo by the same camera under the same light, the `own` part would not.
    """

    seen: Array
    shared: Array
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
    to_file: Array,
    chosen: Fit,
    linear_of_code: Array,
    step: Step | None = None,
    rounding: Array | None = None,
) -> Alternatives:
    """Skins through every alternative. `step` is the light on the skin against that on the card, `rounding` (2, 3) one
    standard deviation of JPEG's rounding of the skin in the logarithm of the channels' light."""
    step = step or Step()
    tone, rank = tone_curve.size(), prior.bases.shape[1]
    parts: list[list[Array]] = [[], [], []]
    sensitivities = fitting.sensitivities(prior, chosen.family, chosen.parameters[tone : tone + rank], to_file)
    codes = _codes_of(chosen, linear_of_code, prior.skins @ sensitivities)
    here, _ = tone_curve.apply(chosen.parameters[:tone], codes)
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
        falls = step.log + step.spread * _draws(1, 3)[rows]
        if rounding is not None:
            falls = falls + _draws(2, 4)[rows] @ rounding
        for part, change, fall in zip(parts, (total, shared, own), (falls, np.zeros_like(falls), falls), strict=True):
            part.append(_seen(one, prior, to_file, change, codes, here, fall))
    return Alternatives(*(np.concatenate(part) for part in parts))


def disturbed(seen: Array, sheen: float, look: float) -> Array:
    """Skins (k, n, 3) with a share of white mirrored by their surface (half normal, of scale `sheen`) and with each
    channel's light off by what the camera's look does to it (standard deviation `look` of the logarithm)."""
    mirrored = seen + sheen * np.abs(_draws(1, 5))[:, :, None]
    return np.asarray(mirrored * np.exp(look * _draws(3, 6))[:, None, :])


def _codes_of(chosen: Fit, linear_of_code: Array, light: Array) -> Array:
    """Values by the file's own profile (n, 3) that the tone curve takes to linear light (n, 3)."""
    table = tone_curve.monotone_table(chosen.parameters[: tone_curve.size()], linear_of_code).astype(np.float64)
    return np.stack([np.interp(light[:, c], table[c], linear_of_code[c]) for c in range(3)], -1)


def _seen(one: Fit, prior: Prior, to_file: Array, changes: Array, codes: Array, here: Array, fall: Array) -> Array:
    tone, rank = tone_curve.size(), prior.bases.shape[1]
    basis = tone_curve.log_basis(codes)
    out = []
    for change, light in zip(changes, fall, strict=True):
        parameters = one.parameters + change
        skins = prior.skins @ fitting.sensitivities(prior, one.family, parameters[tone : tone + rank], to_file)
        there, _ = tone_curve.apply(parameters[:tone], codes, basis)
        out.append(skins * np.exp(light) * here / np.maximum(there, 1e-4))
    return np.array(out)


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
    """The (3, 3) from `seen` (k, n, 3) to linear sRGB of least expected squared Lab error."""
    slope = _metric(prior)
    square = np.einsum("n,nki,nkj->nij", weights, slope, slope)
    outer = np.einsum("kni,knj->nij", seen, seen) / len(seen)
    left = np.einsum("nij,nkl->ikjl", square, outer).reshape(9, 9)
    right = np.einsum("nij,nj,nk->ik", square, prior.skins_rgb, seen.mean(0)).reshape(9)
    return np.linalg.solve(left, right).reshape(3, 3)


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

"""The card's patches explained: tone curve, sensitivities and the light's fall-off together, with their doubt.

One linearised Gaussian model (Gauss-Newton) for each family of lamps and formulation of the chart: what the tone curve
makes of a patch's codes equals its reflectance seen through the effective sensitivities, times the light there. The
evidence (Laplace) says how well each family explains this card.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card import tone_curve
from skinscan.capture.card.prior import Prior
from skinscan.records import BoolArray

Array = NDArray[np.float64]

PLANE, BOWL = 0.10, 0.02
"""Standard deviation of the light's fall-off across half a card, in logarithms: along a side, and of its curvature."""
CHART_RELATIVE, CHART_ABSOLUTE = 0.006, 0.0006
"""How far a patch of this chart is from the published spectrum (makers tolerate 1 dE), and its shine and glare."""
ROUNDS, FAR = 8, 3.0
"""Gauss-Newton steps; residuals beyond FAR standard deviations weigh less (Huber)."""


@dataclass(frozen=True, eq=False)
class Readings:
    """What is fitted: `linear` (n, 3) by the file's own profile, its standard uncertainty `spread` (n, 3), which of
    them count (`used`), and the patches' places on the chart `place` (n, 2)."""

    linear: Array
    spread: Array
    used: BoolArray
    place: Array


@dataclass(frozen=True, eq=False)
class Fit:
    """One explanation of the card.

    `parameters` are the tone curve's, the sensitivities' and the light's, standard normal beforehand; `prior_mean`
    theirs (the gains start where the greys put them). `gain` (p, m) takes residuals to parameters, `design` (m, p)
    parameters to residuals, `noise` (m,) are the residuals' standard deviations, `own_noise` (m,) what of them another
    photo of the same chart would not repeat, `left_out` (n, 3) how far each patch lies from
    what all others say of it (NaN where unused), `seen` (n, 3) the light that the model expects of the patches without
    its fall-off. `misfit` is the residuals' size over their standard deviation: 1 where the model holds.
    """

    family: int
    formulation: int
    parameters: Array
    prior_mean: Array
    gain: Array
    design: Array
    noise: Array
    own_noise: Array
    left_out: Array
    seen: Array
    log_evidence: float
    misfit: float


def sensitivities(prior: Prior, family: int, weights: Array, to_file: Array) -> Array:
    """Effective sensitivities (71, 3) of the file's channels; `to_file` (3, 3) takes linear sRGB to them."""
    return np.asarray((prior.means[family] + np.tensordot(weights, prior.bases[family], 1)) @ to_file.T)


def light_basis(place: Array) -> Array:
    """(n, 5): what each of the light's parameters adds to the logarithm of light at places (n, 2) on the chart."""
    x, y = (place[:, 0] - 2.5) / 2.5, (place[:, 1] - 1.5) / 1.5
    return np.stack([PLANE * x, PLANE * y, BOWL * (x * x - 0.5), BOWL * (y * y - 0.5), BOWL * x * y], -1)


def fit(readings: Readings, prior: Prior, family: int, formulation: int, to_file: Array, inflation: float = 1.0) -> Fit:
    """The most likely explanation of the readings by one family of lamps and one formulation."""
    tone, rank = tone_curve.size(), prior.bases.shape[1]
    spectra = prior.patches[formulation]
    mean = spectra @ prior.means[family] @ to_file.T
    slopes = np.einsum("pw,rwc,dc->pdr", spectra, prior.bases[family], to_file)
    basis, fall = tone_curve.log_basis(readings.linear), light_basis(readings.place)
    start = np.concatenate([tone_curve.gain_parameters(_gains(readings, mean)), np.zeros(rank + fall.shape[1])])
    used = readings.used.ravel()
    now, weight = start, np.ones(int(used.sum()))
    for turn in range(ROUNDS):
        bright, by_tone = tone_curve.apply(now[:tone], readings.linear, basis)
        seen = mean + slopes @ now[tone : tone + rank]
        light = np.exp(np.clip(fall @ now[tone + rank :], -2, 2))[:, None]
        residual = (bright - light * seen).ravel()[used]
        design = np.concatenate(
            [by_tone, -light[..., None] * slopes, -(light * seen)[..., None] * fall[:, None, :]], axis=-1
        ).reshape(used.size, -1)[used]
        steep = bright / np.maximum(readings.linear, tone_curve.DARKEST)
        variance = (steep * readings.spread) ** 2 + (CHART_RELATIVE * seen) ** 2 + CHART_ABSOLUTE**2
        noise = inflation * np.sqrt(variance).ravel()[used]
        if turn > 2:
            size = np.abs(residual) / noise
            weight = np.where(size > FAR, FAR / np.maximum(size, FAR), 1.0)
        scaled = design / (noise / np.sqrt(weight))[:, None]
        target = (design @ (now - start) - residual) / (noise / np.sqrt(weight))
        inner = np.eye(len(target)) + scaled @ scaled.T
        now = start + scaled.T @ np.linalg.solve(inner, target)
    root = noise / np.sqrt(weight)
    inverse = np.linalg.inv(inner)
    unexplained = inverse @ target
    evidence = -0.5 * float(target @ unexplained) - 0.5 * float(np.linalg.slogdet(inner)[1]) - float(np.log(root).sum())
    left_out = np.full(used.size, np.nan)
    left_out[used] = root * _left_out(inverse, unexplained, np.flatnonzero(used) // 3)
    # the residuals are `unexplained`; what they are expected to be follows from the same matrix
    misfit = float(
        np.sqrt(unexplained @ unexplained / np.trace(inverse @ inverse + inverse @ scaled @ scaled.T @ inverse))
    )
    return Fit(
        family=family,
        formulation=formulation,
        parameters=now,
        prior_mean=start,
        gain=((inverse @ scaled) / root[:, None]).T,
        design=design,
        noise=root,
        own_noise=(inflation * steep * readings.spread).ravel()[used],
        left_out=left_out.reshape(readings.linear.shape),
        seen=seen,
        log_evidence=evidence,
        misfit=misfit,
    )


def _left_out(inverse: Array, unexplained: Array, patch: NDArray[np.int64]) -> Array:
    """Residuals of each patch against the model without it, in standard deviations of the noise: (m,)."""
    out = np.empty_like(unexplained)
    for one in np.unique(patch):
        rows = np.flatnonzero(patch == one)
        out[rows] = np.linalg.solve(inverse[np.ix_(rows, rows)], unexplained[rows])
    return out


def _gains(readings: Readings, seen: Array) -> Array:
    """Gains (3,) that bring the readings to what is expected of them, in the middle."""
    ratio = np.where(
        readings.used & (readings.linear > 1e-3) & (seen > 1e-2), seen / np.maximum(readings.linear, 1e-3), np.nan
    )
    middle = [np.median(np.log(one[np.isfinite(one)])) if np.isfinite(one).any() else 0.0 for one in ratio.T]
    return np.exp(np.array(middle, np.float64))

"""The card's patches explained: tone curve, look, sensitivities and the light together, with their doubt.

One linearised Gaussian model (Gauss-Newton) for each way in which a photo may have come about: family of lamps,
formulation of the chart, space of the tone curve, finish. What tone curve and look make of a patch's codes equals its
reflectance seen through the effective sensitivities, times the light there. The evidence (Laplace) says how well each
way explains this card.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card import rendering, tone_curve
from skinscan.capture.card.prior import Prior
from skinscan.capture.card.rendering import PLAIN, Finish
from skinscan.records import BoolArray

Array = NDArray[np.float64]

PLANE, BOWL = 0.10, 0.02
"""Standard deviation of the light's fall-off across half a card, in logarithms: along a side, and of its curvature."""
CHART_ABSOLUTE = 0.0006
"""Shine and glare of a patch (standard deviation of linear light)."""
ROUNDS, SETTLED, FAR = 8, 0.01, 3.0
"""Gauss-Newton steps at most, and the largest change of a parameter (standard deviations beforehand) at which they end;
residuals beyond FAR standard deviations weigh less (Huber)."""


@dataclass(frozen=True, eq=False)
class Readings:
    """What is fitted: `linear` (n, 3) by the file's own profile, its standard uncertainty `spread` (n, 3), which of
    them count (`used`), the patches' places on the chart `place` (n, 2), and `srgb` (n, 3), their linear sRGB by the
    file's own profile. `log_volume` is the logarithm of how much larger colours are in this space than in the file's:
    evidence is a density of the file's values."""

    linear: Array
    spread: Array
    used: BoolArray
    place: Array
    srgb: Array
    log_volume: float = 0.0

    def through(self, matrix: Array) -> Readings:
        """The same in another space: `matrix` (3, 3) from the channels of `linear`. A patch counts with all channels or
        with none, since each takes of all."""
        whole = self.used.all(axis=1, keepdims=True) & np.ones(3, bool)
        linear = self.linear @ matrix.T
        whole &= (linear > tone_curve.DARKEST).all(axis=1, keepdims=True)
        spread = np.sqrt(self.spread**2 @ (matrix**2).T)
        volume = float(np.linalg.slogdet(matrix)[1])
        return replace(self, linear=linear, spread=spread, used=whole, log_volume=self.log_volume + volume)


@dataclass(frozen=True, slots=True)
class Way:
    """How a photo may have come about: `family` of lamps, `formulation` of the chart, `space` of the tone curve (in
    `rendering.spaces`), `finish`."""

    family: int
    formulation: int
    space: int = 0
    finish: Finish = PLAIN


@dataclass(frozen=True, eq=False)
class Fit:
    """One explanation of the card.

    `parameters` are the tone curve's, the sensitivities', the light's, the look's and each patch's own brightness,
    standard normal beforehand; `prior_mean` theirs (the gains start where the greys put them). `gain` (p, m) takes
    residuals to parameters, `design` (m, p) parameters to residuals, `noise` (m,) are the residuals' standard
    deviations, `own_noise` (m,) what of them another photo of the same chart would not repeat, `seen` (n, 3) the light
    that the model expects of the patches without its fall-off. `used` (n, 3) are the readings that counted, `inverse`
    (m, m) the inverse of their covariance in units of the noise and `unexplained` (m,) that times the readings.
    `misfit` is the residuals' size over their standard deviation: 1 where the model holds.
    """

    way: Way
    parameters: Array
    prior_mean: Array
    gain: Array
    design: Array
    noise: Array
    own_noise: Array
    seen: Array
    used: BoolArray
    inverse: Array
    unexplained: Array
    log_evidence: float
    misfit: float

    def left_out(self) -> Array:
        """How far each patch lies from what all others say of it (n, 3), NaN where it was not read."""
        out = np.full(self.used.size, np.nan)
        rows = np.flatnonzero(self.used)
        out[rows] = self.noise * _left_out(self.inverse, self.unexplained, rows // 3)
        return out.reshape(self.used.shape)

    @property
    def tone(self) -> Array:
        return self.parameters[: tone_curve.size()]

    @property
    def fall(self) -> Array:
        start = len(self.parameters) - self._finish_size()
        return self.parameters[start - 5 : start]

    def look(self, parameters: Array) -> Array:
        """Weights (weights, ...) of the look among `parameters` (all, ...), none for a plain finish."""
        start = len(self.parameters) - self._finish_size()
        return parameters[start : start + (rendering.look_size() if self.way.finish.look else 0)]

    def _finish_size(self) -> int:
        finish = self.way.finish
        return (rendering.look_size() if finish.look else 0) + (len(self.seen) if finish.light else 0)


def sensitivities(prior: Prior, family: int, weights: Array, to_file: Array) -> Array:
    """Effective sensitivities (71, 3) of the file's channels; `to_file` (3, 3) takes linear sRGB to them."""
    return np.asarray((prior.means[family] + np.tensordot(weights, prior.bases[family], 1)) @ to_file.T)


def light_basis(place: Array) -> Array:
    """(n, 5): what each of the light's parameters adds to the logarithm of light at places (n, 2) on the chart."""
    x, y = (place[:, 0] - 2.5) / 2.5, (place[:, 1] - 1.5) / 1.5
    return np.stack([PLANE * x, PLANE * y, BOWL * (x * x - 0.5), BOWL * (y * y - 0.5), BOWL * x * y], -1)


def finish_basis(readings: Readings, finish: Finish) -> Array:
    """(n, 3, p): what look and own brightness of each patch add to the logarithm of its light."""
    count = len(readings.linear)
    parts = [np.zeros((count, 3, 0))]
    if finish.look:
        parts.append(finish.look * rendering.look_basis(readings.srgb))
    if finish.light:
        parts.append(finish.light * np.broadcast_to(np.eye(count)[:, None, :], (count, 3, count)))
    return np.concatenate(parts, axis=-1)


def fit(readings: Readings, prior: Prior, way: Way, to_space: Array, inflation: float = 1.0) -> Fit:
    """The most likely explanation of the readings by one way; `readings` in the space of its tone curve, which
    `to_space` (3, 3) makes of linear sRGB."""
    tone, rank = tone_curve.size(), prior.bases.shape[1]
    spectra = prior.patches[way.formulation]
    mean = spectra @ prior.means[way.family] @ to_space.T
    slopes = np.einsum("pw,rwc,dc->pdr", spectra, prior.bases[way.family], to_space)
    fall, finish = light_basis(readings.place), finish_basis(readings, way.finish)
    basis = np.concatenate([tone_curve.log_basis(readings.linear), finish], axis=-1)
    own = slice(tone + rank + fall.shape[1], None)
    lengths = rank + fall.shape[1] + finish.shape[-1]
    start = np.concatenate([tone_curve.gain_parameters(_gains(readings, mean)), np.zeros(lengths)])
    used = readings.used.ravel()
    now, weight = start, np.ones(int(used.sum()))
    for turn in range(ROUNDS):
        bright, by_tone = tone_curve.apply(np.concatenate([now[:tone], now[own]]), readings.linear, basis)
        seen = mean + slopes @ now[tone : tone + rank]
        light = np.exp(np.clip(fall @ now[tone + rank : own.start], -2, 2))[:, None]
        residual = (bright - light * seen).ravel()[used]
        design = np.concatenate(
            [
                by_tone[..., :tone],
                -light[..., None] * slopes,
                -(light * seen)[..., None] * fall[:, None, :],
                by_tone[..., tone:],
            ],
            axis=-1,
        ).reshape(used.size, -1)[used]
        steep = bright / np.maximum(readings.linear, tone_curve.DARKEST)
        variance = (steep * readings.spread) ** 2 + (way.finish.chart * seen) ** 2 + CHART_ABSOLUTE**2
        noise = inflation * np.sqrt(variance).ravel()[used]
        if turn > 2:
            size = np.abs(residual) / noise
            weight = np.where(size > FAR, FAR / np.maximum(size, FAR), 1.0)
        scaled = design / (noise / np.sqrt(weight))[:, None]
        target = (design @ (now - start) - residual) / (noise / np.sqrt(weight))
        inner = np.eye(len(target)) + scaled @ scaled.T
        before, now = now, start + scaled.T @ np.linalg.solve(inner, target)
        if turn > 3 and np.abs(now - before).max() < SETTLED:
            break
    root = noise / np.sqrt(weight)
    inverse = np.linalg.inv(inner)
    unexplained = inverse @ target
    evidence = -0.5 * float(target @ unexplained) - 0.5 * float(np.linalg.slogdet(inner)[1]) - float(np.log(root).sum())
    evidence += readings.log_volume * float(used.sum()) / 3
    # the residuals are `unexplained`; what they are expected to be follows from the same matrix
    misfit = float(
        np.sqrt(unexplained @ unexplained / np.trace(inverse @ inverse + inverse @ scaled @ scaled.T @ inverse))
    )
    return Fit(
        way=way,
        parameters=now,
        prior_mean=start,
        gain=((inverse @ scaled) / root[:, None]).T,
        design=design,
        noise=root,
        own_noise=(inflation * steep * readings.spread).ravel()[used],
        seen=seen,
        used=readings.used,
        inverse=inverse,
        unexplained=unexplained,
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

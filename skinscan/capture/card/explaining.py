"""How a photo of a card came about: every lamp, chart and finish that may explain its patches, weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import ciede2000, lab
from skinscan.capture.card import fitting, rendering
from skinscan.capture.card.fitting import Fit, Readings, Way
from skinscan.capture.card.prior import Prior
from skinscan.capture.card.rendering import Space
from skinscan.records import Formulation

Array = NDArray[np.float64]

FORMULATIONS: tuple[Formulation, ...] = ("before_2014", "after_2014")
LEAST_PATCHES = 12
"""Patches that must be readable in all channels: four greys carry a tone curve, eight colours a sensor."""
LIKELY_WAYS, FAR_BEHIND = 9, 6.0
"""How many lamps, charts and spaces are tried with every finish; what is less likely than the best by more than the
second (natural logarithm) counts for nothing."""


def explain(
    readings: Readings,
    prior: Prior,
    spaces: Sequence[Space],
    which: Sequence[int] = (0, 1),
) -> tuple[list[Fit], Fit]:
    """The ways in which the photo may have come about, fitted, and the best of the plain ones, for the formulations
    `which` of the chart.

    Looks and the wide space are only tried where a plain finish leaves more than the noise; then all ways are judged
    on the same patches. Where even the best leaves more, the noise is taken to be as large as that.
    """
    plain = [Way(family, one) for family in range(len(prior.families)) for one in which]
    fits = [fitting.fit(readings, prior, way, spaces[0].to_space) for way in plain]
    best = max(fits, key=by_evidence)
    if best.misfit <= 1.0:
        return fits, best
    best = fitting.fit(readings, prior, best.way, spaces[0].to_space, best.misfit)
    wide = [readings.through(space.from_file) for space in spaces]
    whole = np.all([there.used for there in wide], axis=0)
    if whole.all(axis=1).sum() < LEAST_PATCHES:
        return [fitting.fit(readings, prior, way, spaces[0].to_space, best.misfit) for way in plain], best
    same = [replace(there, used=whole) for there in wide]

    def fitted(ways: Sequence[Way], inflation: float = 1.0) -> list[Fit]:
        return [fitting.fit(same[way.space], prior, way, spaces[way.space].to_space, inflation) for way in ways]

    middle = rendering.FINISHES[len(rendering.FINISHES) // 2]
    fits = fitted([replace(way, space=space, finish=middle) for way in plain for space in range(len(spaces))])
    likely = sorted(fits, key=by_evidence)[-LIKELY_WAYS:]
    fits = fits + fitted(
        [replace(f.way, finish=finish) for f in likely for finish in rendering.FINISHES if finish != middle]
    )
    top = max(fits, key=by_evidence)
    fits = [one for one in fits if one.log_evidence > top.log_evidence - FAR_BEHIND]
    if top.misfit > 1.0:
        fits = fitted([one.way for one in fits], top.misfit)
    return fits, best


def by_evidence(one: Fit) -> float:
    return one.log_evidence


def left_out_de00(fit: Fit, prior: Prior) -> Array:
    """dE00 (24,) between each patch and what all other patches say of it; NaN where it was not read."""
    to_rgb = np.linalg.lstsq(fit.seen, prior.patches_rgb[fit.way.formulation], rcond=None)[0]
    left_out = fit.left_out()
    de00 = ciede2000(lab((fit.seen + np.nan_to_num(left_out)) @ to_rgb), lab(fit.seen @ to_rgb))
    return np.where(np.isfinite(left_out).any(1), de00, np.nan)


def residual_de00(fit: Fit, prior: Prior) -> float:
    """Median of these."""
    return float(np.nanmedian(left_out_de00(fit, prior)))

"""What two photos of unchanged skin differ by: the shipped study's model, looked up for a pair.

`skinscan/study/` fits the model on phantom pairs and writes `datasets/study/repeatability.json`; this reads it.
The model gives, for each measure, the SD of the transformed difference that capture alone makes, beyond the
scatter that the pair's own blocks show:

    log s = b0 + b_tone + b_resolution + sum_k b_k covariate_k
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from skinscan.environment import data_path

COVARIATES = ("light", "blur", "pose", "noise", "exposure")
"""How two captures differ, each 0 for twins: see `Difference`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How the capture of two photos differs, each 0 for twins.

    light: sqrt(1 - correlation of their fine shading); blur: |ln| of the ratio of their resolved detail; pose:
    |ln| of the scale ratio plus the anisotropy of the registration; noise: |ln| of their noise ratio; exposure:
    |ln| of their luminance ratio. `tone_ita` and `um_per_px` say where on the table the pair lies.
    """

    light: float
    blur: float
    pose: float
    noise: float
    exposure: float
    tone_ita: float
    um_per_px: float


@cache
def model() -> Mapping[str, Any]:
    """The shipped model: {"about", "limits": {covariate: largest}, "measures": {name: coefficients}}."""
    loaded: dict[str, Any] = json.loads(data_path("datasets", "study", "repeatability.json").read_text())
    return loaded


def features(difference: Difference) -> list[float]:
    """The row of the design matrix of a pair: constant, tone, resolution, covariates."""
    ita = 20.0 if math.isnan(difference.tone_ita) else min(max(difference.tone_ita, -60.0), 70.0)
    darkness = (55.0 - ita) / 50.0
    um_per_px = 33.0 if math.isnan(difference.um_per_px) else difference.um_per_px
    resolution = math.log(min(max(um_per_px, 10.0), 120.0) / 33.0)
    return [1.0, darkness, darkness**2, resolution, *(getattr(difference, name) for name in COVARIATES)]


def capture_sd(measure: str, state: str, difference: Difference) -> tuple[float, float] | None:
    """SD of the transformed difference that capture makes, and the factor that makes 95 % of it.

    None where the study holds nothing for this measure in this colour state.
    """
    entry = model()["measures"].get(f"{measure}|{state}") or model()["measures"].get(measure)
    if entry is None:
        return None
    log_sd = sum(b * x for b, x in zip(entry["coefficients"], features(difference), strict=True))
    return math.exp(min(log_sd, 10.0)), float(entry["factor"])


FINE = ("light", "blur", "noise")
"""Covariates of fine structure: they bear on pores and texture, not on the colour of an area."""


def beyond_study(difference: Difference, fine: bool = True) -> tuple[str, ...]:
    """What of this pair lies beyond the pairs that the study holds, in words; empty if nothing does.

    `fine`: the measure rests on fine structure (pores, texture); for others the covariates of FINE are left out.
    """
    words = {
        "light": "the light comes from another direction",
        "blur": "one photo is much less sharp",
        "pose": "the view is tilted or scaled differently",
        "noise": "one photo is much noisier",
        "exposure": "one photo is much brighter",
    }
    limits = model()["limits"]
    said = []
    for name in COVARIATES:
        value = getattr(difference, name)
        if not value <= limits[name] and (fine or name not in FINE):
            shown = "could not be told" if math.isnan(value) else f"{value:.2f}"
            said.append(f"{words[name]} ({shown}, studied up to {limits[name]:.2f})")
    finest, coarsest = model()["um_per_px"]
    if fine and not finest <= difference.um_per_px <= coarsest:
        said.append(f"{difference.um_per_px:.0f} um/px lies outside the {finest:.0f}-{coarsest:.0f} um/px studied")
    return tuple(said)


def source(parts: list[str]) -> str:
    """The `sdc_source` sentence: which parts an SDC holds, and which it lacks."""
    about = model()["about"]
    return f"{about['name']} ({', '.join(parts)}); missing: {', '.join(about['missing'])}"

"""What two photos of unchanged skin differ by: the shipped study's model, looked up for a pair.

`skinscan/study/` fits the model on phantom pairs and writes `datasets/study/repeatability.json`; this reads it.
The model gives, for each measure, the SD of the transformed difference that capture alone makes, beyond the
scatter that the pair's own blocks show:

    log s = b0 + b_tone + b_resolution + sum_k b_k covariate_k

once for pairs of another set-up (a visit later, another lamp) and once for pairs of the same one (same camera, lamp
and place). Which a pair is matters: a lamp raised by ten degrees changes the shading by 15 % and leaves no trace in the
picture by which that could be told from smoother skin. So the smaller error of the same set-up is taken only where
the user states it, or where nothing of the capture differs that shows (SEEN_LIMITS).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np

from skinscan.accuracy import DARKEST_ITA, LIGHTEST_ITA, darkness_of
from skinscan.environment import data_path

Setup = Literal["other", "same"]

COVARIATES: Mapping[Setup, Mapping[str, float]] = {
    "other": {"light": 1.0, "blur": 1.0, "pose": 1.0, "noise": 1.0, "exposure": 1.0, "contrast": 1.0,
              "compression": 0.5},
    "same": {"pose": 0.02, "turn_deg": 2.0, "blur": 1.0, "noise": 1.0, "exposure": 0.1},
}  # fmt: skip
"""How two captures differ, each 0 for twins (see `Difference`), and the difference that counts as 1 in the model."""

FINE = ("light", "blur", "noise", "contrast")
"""Covariates of fine structure: they bear on pores and texture, hardly on the colour of an area."""

SEEN_LIMITS: Mapping[str, float] = {
    "pose": 0.006, "turn_deg": 0.75, "exposure": 0.06, "chroma": 0.06, "gradient": 0.015, "contrast": 0.2, "light": 0.4,
    "compression": 0.1,
}  # fmt: skip
"""Up to here in every one of these, beside the study's own limits, a pair is seen to be of the same set-up.

Nobody holds a camera again within 0.75 degrees and 0.6 % of its distance by hand, nor sets its exposure and white
balance again within 6 % (which leaves room for what treatment does to the skin): that takes a stand. Sensor noise
alone makes `light` 0.1-0.3; a lamp 12 degrees lower raises the contrast by 0.2-0.5."""

STATED_LIMITS: Mapping[str, float] = {"chroma": 0.15, "gradient": 0.10, "contrast": 0.35, "light": 0.65}
"""Beyond any of these, beside the study's own limits, photos speak against a set-up that is stated to be the same."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How the capture of two photos differs, each 0 for twins.

    light: sqrt(1 - correlation of their fine shading), contrast: |ln| of the ratio of its strength; blur: |ln| of the
    ratio of their resolved detail; pose: |ln| of the scale ratio plus the anisotropy of the registration; noise: |ln|
    of their noise ratio; exposure: |ln| of their luminance ratio, and chroma: the larger |ln| of their red to green and
    blue to green, of the reference or else of the skin; turn_deg: rotation between them; gradient: SD of the
    low-frequency log ratio; compression: difference of `rounding.coarseness`; `same_camera`: nothing in the files says
    otherwise. `tone_ita` and `um_per_px` say where on the table the pair lies; `setup` which half of the model holds
    for it. `of_face`: a face, which moves as no patch of skin does. NaN: could not be told.
    """

    light: float
    blur: float
    pose: float
    noise: float
    exposure: float
    contrast: float
    turn_deg: float
    chroma: float
    gradient: float
    compression: float
    tone_ita: float
    um_per_px: float
    same_camera: bool = True
    setup: Setup = "other"
    of_face: bool = False


@cache
def model() -> Mapping[str, Any]:
    """The shipped model: {"about", "limits": {set-up: {covariate: largest}}, "measures": {`key_of`: coefficients}}."""
    loaded: dict[str, Any] = json.loads(data_path("datasets", "study", "repeatability.json").read_text())
    return loaded


def features(difference: Difference, fine: bool) -> list[float]:
    """The row of the design matrix of a pair: constant, tone, resolution, covariates; NaN where one is unknown.

    The colour of an area (`fine` False) depends on neither resolution nor the covariates FINE: those stay 0. Contrast
    bears on texture as well, though it is what texture measures: skin whose shading is all stronger by a third is more
    likely under a lower lamp, and is held against the error of that.
    """
    darkness = darkness_of(difference.tone_ita)
    resolution = math.log(min(max(difference.um_per_px, 10.0), 120.0) / 33.0) if fine else 0.0
    covariates = [
        getattr(difference, name) / unit if fine or name not in FINE else 0.0
        for name, unit in COVARIATES[difference.setup].items()
    ]
    return [1.0, darkness, darkness**2, resolution, *covariates]


def key_of(measure: str, state: str | None, setup: Setup) -> str:
    """The model's entry of a measure; `state` for those that the colour state bears on."""
    return "|".join(part for part in (measure, state, setup) if part)


class CaptureError(NamedTuple):
    """SD of the transformed difference that capture makes, the factor that makes 95 % of it, and whose it is: real
    people's, or a clinic's own repeats' (told in words)."""

    sd: float
    factor: float
    of_people: bool
    of_clinic: str = ""


@cache
def people() -> Mapping[str, Any]:
    """What real faces' repeats differ by: {"people", "about", "measures": {name: {"capture_sd", ...}}}."""
    loaded: dict[str, Any] = json.loads(data_path("datasets", "study", "people.json").read_text(encoding="utf-8"))
    return loaded


def capture_error(
    measure: str,
    state: str,
    difference: Difference,
    fine: bool = True,
    region: str = "",
    clinic: Mapping[str, Any] | None = None,
) -> CaptureError | None:
    """What capture makes of an unchanged pair; None where the study holds nothing for it. `clinic`: a clinic's own
    table (`study.clinic_repeats.own_table`), which comes first where it holds this measure and so different a capture.

    A face turns, moves and blushes as no patch of phantom skin does: there the larger of the phantoms' error and that
    of real people's repeats is taken.
    """
    own_repeats = None if clinic is None else clinic_error(clinic, measure, state, difference, fine, region)
    if own_repeats is not None:
        return own_repeats
    known = phantom_error(measure, state, difference, fine)
    told = people()["measures"].get(measure) if difference.of_face else None
    if known is None or told is None:
        return known
    own = told["regions"].get(region, told)  # of this region, or else of all regions of a face together
    of_people = CaptureError(own["capture_sd"], own["factor"], True)
    return max(known, of_people, key=lambda one: one.sd * one.factor)


def clinic_error(
    clinic: Mapping[str, Any], measure: str, state: str, difference: Difference, fine: bool, region: str
) -> CaptureError | None:
    """What a clinic's own repeats tell of this measure and region, or of the worst of its regions; None where they hold
    nothing of it, or were taken more alike than this pair."""
    entries = clinic["measures"]
    told = entries.get(key_of(measure, state, "other")) or entries.get(key_of(measure, None, "other"))
    if told is None:
        return None
    own = told["regions"].get(region, told)
    finest, coarsest = own["um_per_px"]
    limits = {name: limit for name, limit in own["limits"].items() if fine or name not in FINE}
    if _beyond(difference, limits) or (fine and not finest <= difference.um_per_px <= coarsest):
        return None
    words = f"this clinic's own {own['pairs']} repeats of {own['patients']} patients"
    missing = f"missing: {', '.join(clinic['missing'])}"
    return CaptureError(own["capture_sd"], own["factor"], False, f"{words}; {missing}")


def phantom_error(measure: str, state: str, difference: Difference, fine: bool = True) -> CaptureError | None:
    """What capture makes of unchanged phantoms; None where their study holds nothing for this measure in this colour
    state and set-up."""
    entries = model()["measures"]
    setup = difference.setup
    entry = entries.get(key_of(measure, state, setup)) or entries.get(key_of(measure, None, setup))
    if entry is None:
        return None
    tones = (difference.tone_ita,)
    if math.isnan(difference.tone_ita):
        # a grey photo, or one under a blue lamp, tells no tone: the tone that errs most is taken
        tones = tuple(np.linspace(DARKEST_ITA, LIGHTEST_ITA, 14))
    rows = np.array([features(replace(difference, tone_ita=tone), fine) for tone in tones])
    log_sd = float(np.max(rows @ np.array(entry["coefficients"])))
    return CaptureError(math.exp(min(log_sd, 10.0)), float(entry["factor"]), False)


_WORDS = {
    "light": "the light comes from another direction",
    "blur": "one photo is much less sharp",
    "pose": "the view is tilted or scaled differently",
    "noise": "one photo is much noisier",
    "exposure": "one photo is much brighter",
    "contrast": "the skin's shading is much stronger in one, as under a lower lamp",
    "turn_deg": "the camera is turned",
    "chroma": "the white balance differs",
    "gradient": "the light falls otherwise across the skin",
    "compression": "one photo is compressed much harder",
}


def _beyond(difference: Difference, limits: Mapping[str, float]) -> list[str]:
    said = []
    for name, limit in limits.items():
        value = getattr(difference, name)
        if not value <= limit:
            shown = "could not be told" if math.isnan(value) else f"{value:.2f}"
            said.append(f"{_WORDS[name]} ({shown}, {limit:.2f} at most)")
    return said


def beyond_study(difference: Difference, fine: bool = True) -> tuple[str, ...]:
    """What of this pair lies beyond the pairs that the study holds, in words; empty if nothing does.

    `fine`: the measure rests on fine structure (pores, texture); for others the covariates of FINE are left out.
    """
    limits = model()["limits"][difference.setup]
    said = _beyond(difference, {name: limits[name] for name in limits if fine or name not in FINE})
    finest, coarsest = model()["um_per_px"]
    if fine and not finest <= difference.um_per_px <= coarsest:
        said.append(f"{difference.um_per_px:.0f} um/px lies outside the {finest:.0f}-{coarsest:.0f} um/px studied")
    return tuple(said)


def seen_to_be_same(difference: Difference) -> bool:
    """Whether nothing in the two photos differs by more than a stand lets it."""
    return not (_beyond(difference, SEEN_LIMITS) or against_same(difference))


def against_same(difference: Difference) -> tuple[str, ...]:
    """What in the two photos speaks against a set-up that the user states to be the same, in words."""
    said = _beyond(difference, {**STATED_LIMITS, **model()["limits"]["same"]})
    return tuple(
        said if difference.same_camera else [*said, "the cameras, the lamps or the sizes of the two photos differ"]
    )


def source(parts: list[str], setup: Setup, known: CaptureError | None = None) -> str:
    """The `sdc_source` sentence: which parts an SDC holds, and which it lacks."""
    if known is not None and known.of_clinic:
        name, missing = known.of_clinic.split("; ", 1)
        return f"{name} ({', '.join(parts)}); {missing}"
    about = model()["about"]
    if known is not None and known.of_people:
        told, name = people()["about"], f"repeats of {people()['people']} people"
        return f"{name}, {told['name']} ({', '.join(parts)}); missing: {', '.join(told['missing'])}"
    told = about["setups"][setup]
    return f"{about['name']}, {told['name']} ({', '.join(parts)}); missing: {', '.join(told['missing'])}"

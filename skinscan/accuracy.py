"""How far a number of one photo is from the truth: the shipped studies, looked up.

A number's blocks show how skin differs from place to place, which is no error of the number: pores and lines are held
against the true ones of phantoms instead, and colours against skin seen by other cameras under other lamps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from skinscan.arrays.statistics import COVERAGE_95
from skinscan.environment import data_path

DARKEST_ITA, LIGHTEST_ITA = -60.0, 70.0
"""The studies' tones end here."""


def darkness_of(ita_degree: float) -> float:
    """Tone as the studies' models take it: 0 at the lightest class, 1 each 50 degrees darker; NaN where unknown."""
    return math.nan if math.isnan(ita_degree) else (55.0 - min(max(ita_degree, DARKEST_ITA), LIGHTEST_ITA)) / 50.0


@cache
def _table(name: str) -> Mapping[str, Any]:
    loaded: dict[str, Any] = json.loads(data_path("datasets", "study", name).read_text())
    return loaded


def of_colour(measure: str) -> float:
    """RMS error that lamp and camera make in a colour measure of an uncorrected photo (study/colour_accuracy.py)."""
    return float(_table("colour_accuracy.json")["rms"][measure])


def of_another_lamp(measure: str, ita_degree: float) -> float:
    """RMS change that another camera under another lamp makes of skin that a grey patch ties to the first photo's.

    White balance makes the two alike for greys, not for skin. A tone that is not known takes the largest. 0 for
    measures that do not tell a level of colour.
    """
    entry = _table("colour_accuracy.json")["another_lamp"]
    known = entry["neutral"].get(measure, [0.0] * len(entry["ita_degree"]))
    if math.isnan(ita_degree):
        return float(max(known))
    return float(np.interp(ita_degree, entry["ita_degree"][::-1], known[::-1]))


def of_another_lamp_on_contrast(measure: str) -> float:
    """RMS change that it makes of a contrast within one person's skin, as a share of it; 0 for what is no colour."""
    return float(_table("colour_accuracy.json")["another_lamp"]["contrast"].get(measure, 0.0))


def features(ita_degree: float, um_per_px: float, count: int) -> list[float]:
    """The row of the design matrix of a pore measure: constant, tone, resolution, number of pores."""
    darkness = darkness_of(ita_degree)
    resolution = math.log(min(max(um_per_px, 10.0), 120.0) / 33.0)
    return [1.0, darkness, darkness**2, resolution, -0.5 * math.log(max(count, 1) / 100.0)]


def of_pores(measure: str, ita_degree: float, um_per_px: float, count: int) -> float | None:
    """Standard uncertainty of a pore measure against the truth, on its transformed scale (study/pore_accuracy.py).

    Twice as large an interval (1.96) holds the truth in 95 % of photos. A tone that is not known takes that of the
    tone that errs most. None for measures that the study does not hold.
    """
    entry = _table("pore_accuracy.json")["measures"].get(measure)
    if entry is None:
        return None
    tones = np.linspace(DARKEST_ITA, LIGHTEST_ITA, 14) if math.isnan(ita_degree) else [ita_degree]
    rows = np.array([features(float(tone), um_per_px, count) for tone in tones])
    log_sd = float(np.max(rows @ np.array(entry["coefficients"])))
    return math.exp(min(log_sd, 10.0)) * float(entry["factor"]) / COVERAGE_95


def features_of_lines(ita_degree: float, um_per_px: float, size: float, value: float) -> list[float]:
    """The row of the design matrix of a line measure: constant, tone, resolution, what it rests on (searched skin in
    cm2, or length of lines in mm), and its value where the error grows with that."""
    darkness = darkness_of(ita_degree)
    resolution = math.log(min(max(um_per_px, 10.0), 120.0) / 50.0)
    return [1.0, darkness, resolution, -0.5 * math.log(max(size, 0.1) / 10.0), math.log1p(value)]


def of_lines(measure: str, ita_degree: float, um_per_px: float, size: float, value: float) -> float | None:
    """Standard uncertainty of a line measure against the truth, in its unit (study/line_errors.py); of a length of 0
    too, for faint lines are missed.

    Twice as large an interval (1.96) holds the truth in 95 % of photos. A tone that is not known takes that of the
    tone that errs most. None for measures that the study does not hold.
    """
    entry = _table("line_accuracy.json")["measures"].get(measure)
    if entry is None:
        return None
    density = measure.endswith("_density")
    tones = np.linspace(DARKEST_ITA, LIGHTEST_ITA, 14) if math.isnan(ita_degree) else [ita_degree]
    rows = np.array([features_of_lines(float(tone), um_per_px, size, value if density else 0.0) for tone in tones])
    sd = (
        math.exp(min(float(np.max(rows @ np.array(entry["coefficients"]))), 5.0)) * float(entry["factor"]) / COVERAGE_95
    )
    return sd if density else sd * abs(value)

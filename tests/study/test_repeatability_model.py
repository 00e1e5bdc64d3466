from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skinscan import repeatability
from skinscan.environment import data_path
from skinscan.measures import all_measures
from skinscan.repeatability import COVARIATES, Difference
from skinscan.study import repeatability_model


def rows(count: int, sd: float, light_slope: float, known: float, seed: int = 0) -> list[dict[str, Any]]:
    """Pairs whose capture SD is sd * exp(light_slope * light), beside a known SD."""
    draw = np.random.default_rng(seed)
    made = []
    for index in range(count):
        light = float(draw.uniform(0, 0.6))
        scale = math.hypot(sd * math.exp(light_slope * light), known)
        made.append(
            {
                "measure": "pores.area", "region": "skin", "state": "reference", "seed": index, "repeat": 0,
                "difference": float(draw.normal(0, scale)), "known_sd": known, "light": light,
                **{name: float(draw.uniform(0, 0.2)) for name in COVARIATES if name != "light"},
                "tone_ita": float(draw.uniform(-50, 60)), "um_per_px": 33.0,
            }
        )  # fmt: skip
    return made


def difference(light: float) -> Difference:
    return Difference(light=light, blur=0.1, pose=0.1, noise=0.1, exposure=0.1, tone_ita=20, um_per_px=33.0)


def predicted(model: dict[str, Any], light: float) -> float:
    entry = model["measures"]["pores.area"]
    x = repeatability.features(difference(light))
    return math.exp(sum(b * v for b, v in zip(entry["coefficients"], x, strict=True)))


def test_a_known_error_is_found_again() -> None:
    """3000 pairs with SD 0.05 exp(3 light) beside a known 0.02: found within 20 %, and the factor is 1.96."""
    model = repeatability_model.fit(rows(3000, 0.05, 3.0, 0.02))
    for light in (0.05, 0.3, 0.55):
        assert predicted(model, light) == pytest.approx(0.05 * math.exp(3 * light), rel=0.2)
    assert model["measures"]["pores.area"]["factor"] == pytest.approx(1.96, abs=0.1)


def test_what_the_blocks_already_explain_is_not_counted_twice() -> None:
    model = repeatability_model.fit(rows(3000, 1e-4, 0.0, 0.05))
    assert predicted(model, 0.3) < 0.015


def test_too_few_pairs_make_no_entry() -> None:
    assert repeatability_model.fit(rows(25, 0.05, 0.0, 0.01))["measures"] == {}


def test_the_shipped_model_holds_every_measure_that_compares() -> None:
    shipped = json.loads(Path(data_path("datasets", "study", "repeatability.json")).read_text())
    assert shipped["covariates"] == list(COVARIATES)
    assert shipped["about"]["missing"] == ["device", "day to day"]
    for measure in all_measures().values():
        states = ("reference",) if measure.needs_colour else ("reference", "uncorrected")
        for state in states:
            known = repeatability.capture_sd(measure.name, state, difference(0.2))
            assert known is not None, (measure.name, state)
            assert known[0] > 0
            assert 1.2 < known[1] < 3.5, (measure.name, known)


def test_more_difference_never_means_less_error() -> None:
    for measure in all_measures().values():
        near = repeatability.capture_sd(measure.name, "reference", difference(0.1))
        far = repeatability.capture_sd(measure.name, "reference", difference(0.5))
        assert near is not None
        assert far is not None
        assert far[0] >= near[0]


def test_pairs_beyond_the_study_are_told() -> None:
    assert repeatability.beyond_study(difference(0.1)) == ()
    (said,) = repeatability.beyond_study(difference(9.0))
    assert "light" in said

"""Repeats of real people: read from a folder, summarised honestly."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skinscan import repeatability
from skinscan.measures import all_measures
from skinscan.records import ParameterError
from skinscan.study import people
from skinscan.study.repeatability_model import difference_of

NOTHING_DIFFERS = {
    "light": 0.0, "blur": 0.0, "pose": 0.0, "noise": 0.0, "exposure": 0.0, "contrast": 0.0, "turn_deg": 0.0,
    "chroma": 0.0, "gradient": 0.0, "compression": 0.0, "tone_ita": 40.0, "um_per_px": 150.0, "same_camera": True,
    "setup": "same", "of_face": True, "state": "reference",
}  # fmt: skip


def rows_of_people(sd_of_people: float, sd_of_shots: float, known_sd: float, count: int = 400) -> list[dict[str, Any]]:
    draw = np.random.default_rng(4)
    level = draw.normal(10, sd_of_people, count)
    before, after = (level + draw.normal(0, sd_of_shots, count) for _ in range(2))
    return [
        {
            "person": f"{i:03d}", "measure": "redness.a_star", "region": region, "before": a, "after": b,
            "difference": b - a, "known_sd": known_sd, **NOTHING_DIFFERS,
        }
        for i, (a, b) in enumerate(zip(before, after, strict=True))
        for region in ("skin", "nose")
    ]  # fmt: skip


def test_summary_tells_what_was_simulated() -> None:
    summary = people.summarise(rows_of_people(2.0, 0.5, 0.3), people.manifest("faces_frl"))
    nose = summary["measures"]["redness.a_star"]["regions"]["nose"]
    assert nose["sem"] == pytest.approx(0.5, rel=0.08)  # 400 pairs: 3.5 % standard error
    assert nose["sdc95"] == pytest.approx(1.96 * math.sqrt(2) * nose["sem"], rel=1e-3)
    assert nose["icc_2_1"][0] == pytest.approx(4 / 4.25, abs=0.02)
    # what the pairs' own blocks do not explain: 2 x 0.5^2 - 0.3^2
    assert summary["measures"]["redness.a_star"]["capture_sd"] == pytest.approx(math.sqrt(0.5 - 0.09), rel=0.1)
    assert "| redness.a_star | nose | 400 |" in people.table(summary)


def test_too_few_people_are_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "001_03.jpg").write_bytes(b"")
    with pytest.raises(ParameterError, match="too few people"):
        people.repeats_in(tmp_path, people.manifest("faces_frl"))


def test_shared_faces_are_paired(test_photos: Path) -> None:
    found = people.repeats_in(test_photos / "faces_frl", people.manifest("faces_frl"))
    assert len(found) == 12
    assert all(one.first.name.endswith("_03.jpg") and one.second.name.endswith("_08.jpg") for one in found)


def test_a_face_is_held_against_peoples_repeats_where_they_differ_more() -> None:
    difference = difference_of(NOTHING_DIFFERS)
    larger = 0
    for name, told in repeatability.people()["measures"].items():
        measure = all_measures()[name]
        phantoms = repeatability.phantom_error(name, "reference", difference, measure.fine)
        face = repeatability.capture_error(name, "reference", difference, measure.fine)
        patch = repeatability.capture_error(name, "reference", replace(difference, of_face=False), measure.fine)
        if phantoms is None or face is None:
            continue
        assert patch == phantoms
        assert face.sd * face.factor >= phantoms.sd * phantoms.factor
        assert face.sd * face.factor >= told["capture_sd"] * told["factor"]
        larger += face.of_people
        by_region = repeatability.capture_error(name, "reference", difference, measure.fine, "forehead")
        assert by_region is not None
        own = told["regions"].get("forehead", told)
        assert by_region.sd * by_region.factor >= own["capture_sd"] * own["factor"]
    assert larger > 0
    assert "people" in repeatability.source(["capture 1"], "same", repeatability.CaptureError(1.0, 2.0, True))

"""A clinic's own repeats: the error that was put in comes out, and replaces the shipped one only where it holds."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.stats import t

from skinscan import compare, repeatability
from skinscan.repeatability import COVARIATES, Difference
from skinscan.study.clinic_repeats import LEAST_PAIRS, LEAST_PATIENTS, own_table, rows_of_repeat
from tests.conftest import PX_PER_MM

NEAR = Difference(0.2, 0.05, 0.01, 0.1, 0.1, 0.1, 1.0, 0.05, 0.02, 0.0, tone_ita=30.0, um_per_px=40.0)


def _rows(pairs: int, patients: int, sd: float, known: float = 0.01, seed: int = 0, **of: Any) -> list[dict[str, Any]]:
    draw = np.random.default_rng(seed)
    return [
        {
            **asdict(NEAR), "state": "reference", "measure": "texture.roughness_250_500um", "region": "skin",
            "patient": f"p{pair % patients}", "pair": str(pair), "known_sd": known, "before": 1.0, "after": 1.0,
            "difference": float(draw.normal(0, math.hypot(sd, known))), **of,
        }
        for pair in range(pairs)
    ]  # fmt: skip


def _key(table: dict[str, Any]) -> str:
    (key,) = table["measures"]
    return str(key)


def test_the_error_that_was_put_in_comes_out() -> None:
    table = own_table(_rows(400, 40, sd=0.08, known=0.05))
    entry = table["measures"][_key(table)]
    assert entry["capture_sd"] == pytest.approx(0.08, rel=0.12)  # 3 SD of an SD from 400 pairs, a part of it known
    assert entry["factor"] == pytest.approx(t.ppf(0.975, 39))
    assert (table["pairs"], table["patients"]) == (400, 40)


def test_ten_pairs_of_five_patients_are_enough_and_fewer_are_not() -> None:
    assert own_table(_rows(LEAST_PAIRS, LEAST_PATIENTS, 0.1))["measures"]
    assert own_table(_rows(LEAST_PAIRS - 1, LEAST_PATIENTS, 0.1))["measures"] == {}
    assert own_table(_rows(3 * LEAST_PAIRS, LEAST_PATIENTS - 1, 0.1))["measures"] == {}
    assert own_table([])["measures"] == {}


def test_pairs_that_say_nothing_are_no_pairs() -> None:
    rows = _rows(LEAST_PAIRS, LEAST_PATIENTS, 0.1)
    rows[0] = {**rows[0], "difference": math.nan}
    rows.append({"measure": "", "region": "", "flags": "not_registered", "patient": "p0", "pair": "x"})
    table = own_table(rows)
    assert table["measures"] == {}
    assert table["pairs"] == LEAST_PAIRS


def test_it_replaces_the_shipped_error_where_it_holds() -> None:
    rows = _rows(20, 10, 0.3) + _rows(20, 10, 0.1, seed=1, region="chin")
    table = own_table(rows)
    regions = table["measures"][_key(table)]["regions"]

    def found(difference: Difference, region: str, fine: bool = True) -> repeatability.CaptureError | None:
        return repeatability.capture_error("texture.roughness_250_500um", "reference", difference, fine, region, table)

    for region in ("skin", "chin"):
        error = found(NEAR, region)
        assert error is not None
        assert error.sd == regions[region]["capture_sd"]
        told = repeatability.source(["capture 0.3"], "other", error)
        assert told.startswith("this clinic's own 20 repeats of 10 patients (capture 0.3); missing: day to day")
    elsewhere = found(NEAR, "nose")
    assert elsewhere is not None
    assert elsewhere.sd == regions["skin"]["capture_sd"]  # the larger of the two: nothing is known of the nose
    for name in COVARIATES["other"]:
        far = replace(NEAR, **{name: 2 * getattr(NEAR, name) + 0.1})
        error = found(far, "skin")
        assert error is None or not error.of_clinic, name
    assert not (found(replace(NEAR, um_per_px=90.0), "skin") or elsewhere).of_clinic
    shipped = repeatability.capture_error("pores.diameter", "reference", NEAR)
    assert repeatability.capture_error("pores.diameter", "reference", NEAR, clinic=table) == shipped


def test_a_pair_of_photos_becomes_rows_and_the_report_names_the_clinic(photo_path: Path, tmp_path: Path) -> None:
    picture = cv2.imread(str(photo_path))
    assert picture is not None
    moved = np.ascontiguousarray(picture[3:, 4:])
    again = tmp_path / "again.jpg"
    assert cv2.imwrite(str(again), moved, [cv2.IMWRITE_JPEG_QUALITY, 95])
    settings: dict[str, Any] = {"mm_per_px": 1 / PX_PER_MM, "face": False, "card": "none"}
    one = rows_of_repeat("p0", photo_path.read_bytes(), again.read_bytes(), **settings)
    rough = [row for row in one if row["measure"].startswith("texture.roughness_250_500um")]
    assert rough
    assert all(math.isfinite(row["difference"]) for row in rough)
    name = rough[0]["measure"]
    many = [{**row, "patient": f"p{n}", "pair": str(n)} for n in range(12) for row in one]
    found = compare(
        photo_path, again, mm_per_px=1 / PX_PER_MM, face=False, card="none", evidence=False, clinic=own_table(many)
    )
    (change,) = [change for change in found.changes if change.measure == name and change.region == "skin"]
    assert change.sdc_source.startswith("this clinic's own 12 repeats of 12 patients")

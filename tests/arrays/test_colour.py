from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skinscan.arrays import colour

REFERENCE = Path(__file__).parents[1] / "reference"


def sharma_rows() -> list[dict[str, str]]:
    with (REFERENCE / "sharma34.csv").open() as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("row", sharma_rows(), ids=lambda row: row["pair"])
def test_ciede2000_passes_sharmas_pairs(row: dict[str, str]) -> None:
    """Sharma, Wu, Dalal 2005, table 1, printed to four decimals."""
    first = np.array([float(row[k]) for k in ("L1", "a1", "b1")])
    second = np.array([float(row[k]) for k in ("L2", "a2", "b2")])
    assert colour.ciede2000(first, second) == pytest.approx(float(row["dE00"]), abs=5e-5)
    assert colour.ciede2000(second, first) == pytest.approx(float(row["dE00"]), abs=5e-5)


def test_lab_equals_colour_science() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # colour-science warns of optional packages that it lacks
        import colour as science
    rgb = np.random.default_rng(1).uniform(0, 1, (500, 3))
    xyz = science.RGB_to_XYZ(rgb, "sRGB", apply_cctf_decoding=False)
    expected = science.XYZ_to_Lab(xyz, science.CCS_ILLUMINANTS["CIE 1931 2 Degree Standard Observer"]["D65"])
    assert np.abs(colour.lab(rgb) - expected).max() < 1e-9
    difference = science.delta_E(expected[:-1], expected[1:], method="CIE 2000")
    assert np.abs(colour.ciede2000(expected[:-1], expected[1:]) - difference).max() < 1e-9


def test_single_precision_lab_is_within_a_thousandth() -> None:
    rgb = np.random.default_rng(2).uniform(0, 1, (2000, 3))
    exact, single = colour.lab(rgb), colour.lab(rgb.astype(np.float32))
    assert single.dtype == np.float32
    assert colour.ciede2000(exact, single.astype(float)).max() < 1e-3


def test_white_black_and_grey() -> None:
    assert colour.lab(np.ones(3)) == pytest.approx([100, 0, 0], abs=0.02)
    assert colour.lab(np.zeros(3)) == pytest.approx([0, 0, 0], abs=1e-9)
    assert colour.lab(np.full(3, 0.184187)) == pytest.approx([50, 0, 0], abs=0.02)


@pytest.mark.parametrize(
    ("l_star", "b_star", "ita", "name"),
    [(70, 10, 63.435, "I"), (65, 15, 45, "II"), (60, 16, 32.005, "III"), (55, 18, 15.524, "IV"), (45, 18, -15.524, "V"),
     (30, 15, -53.130, "VI")],
)  # fmt: skip
def test_ita_and_its_class(l_star: float, b_star: float, ita: float, name: str) -> None:
    """Angles by hand; class bounds 55, 41, 28, 10, -30 (Chardon 1991, Del Bino 2006)."""
    assert colour.ita_degree(l_star, b_star) == pytest.approx(ita, abs=1e-3)
    assert colour.ita_class(ita) == name


def test_ita_is_undefined_where_b_star_is_not_positive() -> None:
    assert np.isnan(colour.ita_degree(60.0, 0.0))
    assert np.isnan(colour.ita_degree(60.0, -3.0))
    assert colour.ita_class(float("nan")) == ""


@given(hnp.arrays(np.float64, (5, 3), elements=st.floats(0, 1)), st.floats(0.1, 4))
def test_exposure_moves_all_densities_alike(rgb: np.ndarray, gain: float) -> None:
    bright = np.maximum(rgb, 0.01)
    moved = colour.optical_density(bright * gain) - colour.optical_density(bright)
    assert np.abs(moved + np.log10(gain)).max() < 1e-9


def test_nan_stays_nan() -> None:
    assert np.isnan(colour.lab(np.array([np.nan, 0.5, 0.5]))).any()

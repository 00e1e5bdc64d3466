from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
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
    opposite = first[1:] @ second[1:] < -0.99 * np.hypot(*first[1:]) * np.hypot(*second[1:])
    if not opposite:  # which way round the mean hue lies hangs on the last digit there
        faster = colour.ciede2000_to(second[None].astype(np.float32), first)[0]
        assert faster == pytest.approx(float(row["dE00"]), abs=2e-4)


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


def test_the_typical_camera_is_the_mean_of_the_phantoms() -> None:
    from skinscan.phantom import light

    matrices = [np.asarray(light.camera_rgb(camera, "D65")[1], np.float64) for camera in range(40)]
    mean = np.mean([matrix / matrix.sum(1, keepdims=True) for matrix in matrices], 0)
    assert np.abs(colour.CAMERA_TO_SRGB - mean).max() < 0.006
    assert np.allclose(colour.CAMERA_TO_SRGB.sum(1), 1.0), "white stays white"


def test_equal_gains_are_an_exposure_and_gains_undo_themselves() -> None:
    rgb = np.random.default_rng(3).uniform(0.05, 0.9, (50, 3))
    assert np.allclose(colour.rebalanced(rgb, np.full(3, 1.3)), 1.3 * rgb)
    gains = np.array([1.2, 1.0, 0.8])
    assert np.allclose(colour.rebalanced(colour.rebalanced(rgb, gains), 1 / gains), rgb)
    assert np.allclose(colour.sensor_rgb(colour.rebalanced(rgb, gains)), gains * colour.sensor_rgb(rgb))


@pytest.mark.parametrize("tone", ["I", "III", "V", "VI"])
def test_a_grey_patch_undoes_a_white_balance_on_skin_of_every_tone(tone: str) -> None:
    """Twenty cameras, white balance off by up to 12 %: a* of skin tied to the patch is within 0.8, RMS 0.3."""
    from skinscan.phantom import light, optics

    skin = optics.reflectance(optics.MELANIN[tone], 0.025)  # type: ignore[index]
    errors = []
    for camera in range(100, 120):
        weights, matrix, _ = light.camera_rgb(camera, "D65")
        balance = np.exp(np.random.default_rng(camera).uniform(-0.12, 0.12, 3))
        (grey, bare), (grey_again, again) = (
            ((matrix @ (gains * (spectrum @ weights))) for spectrum in (np.full_like(skin, 0.35), skin))
            for gains in (np.ones(3), balance)
        )
        tied = colour.rebalanced(again, colour.sensor_rgb(grey) / colour.sensor_rgb(grey_again))
        errors.append(colour.lab(tied)[1] - colour.lab(bare)[1])
    assert np.abs(errors).max() < 0.8
    assert np.sqrt(np.mean(np.square(errors))) < 0.3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(5, 95), st.floats(-60, 60), st.floats(-60, 60), st.floats(0.1, 40))
def test_ciede2000_to_one_colour_is_ciede2000(
    seed: int, l_star: float, a_star: float, b_star: float, sd: float
) -> None:
    """But within 1e-3 of hues that lie opposite each other, where CIEDE2000 itself jumps."""
    draw = np.random.default_rng(seed)
    centre = np.array([l_star, a_star, b_star])
    lab = (centre + draw.normal(0, sd, (500, 3))).astype(np.float32)
    lab[:, 0] = np.clip(lab[:, 0], 0, 100)
    plain = colour.ciede2000(lab.astype(float), centre)
    hues = np.arctan2(lab[:, 2], lab[:, 1]) - np.arctan2(b_star, a_star)
    jumps = np.abs(np.abs((hues + np.pi) % (2 * np.pi) - np.pi) - np.pi) < 0.3
    assert np.abs(colour.ciede2000_to(lab, centre) - plain)[~jumps].max(initial=0.0) < 1e-3

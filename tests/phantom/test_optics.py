"""Spectra and colour: physical limits, directions, published values, an independent colour library."""

import warnings

import numpy as np
import pytest

from skinscan.arrays.colour import ita_class, ita_degree
from skinscan.phantom import light, optics
from skinscan.phantom.optics import BLOOD, MELANIN, WAVELENGTH_NM, reflectance

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import colour

TONES = list(MELANIN)
MIDDLE_DEGREE = {"I": 60.0, "II": 48.0, "III": 34.5, "IV": 19.0, "V": -10.0, "VI": -48.0}


def _spectrum(values: np.ndarray) -> colour.SpectralDistribution:
    return colour.SpectralDistribution(dict(zip(WAVELENGTH_NM, values, strict=True)))


def _colour_lab(values: np.ndarray) -> np.ndarray:
    """Lab by colour-science, spectra cut to the same 380-730 nm."""
    shape = colour.SpectralShape(380, 730, 5)
    observer = colour.MSDS_CMFS["CIE 1931 2 Degree Standard Observer"].copy().align(shape)
    lamp = colour.SDS_ILLUMINANTS["D65"].copy().align(shape)
    xyz = colour.sd_to_XYZ(_spectrum(values), observer, lamp, method="Integration") / 100
    return colour.XYZ_to_Lab(xyz, colour.CCS_ILLUMINANTS["CIE 1931 2 Degree Standard Observer"]["D65"])


def test_haemoglobin_holds_prahls_printed_values():
    names, values = optics.table("haemoglobin.csv")
    at = dict(zip(values[:, 0], values[:, 1:], strict=True))
    assert names == ("wavelength_nm", "oxy", "deoxy")
    # omlc.org/spectra/hemoglobin/summary.html
    assert at[500].tolist() == [20932.8, 20862]
    assert at[560].tolist() == [32613.2, 53788]
    assert at[576].tolist() == [55540, 40092]
    assert at[576][0] > at[560][0] < at[542][0], "oxyhaemoglobin has two peaks with a dip at 560 nm"
    assert at[556][1] > at[556][0], "deoxyhaemoglobin has one peak, near 556 nm"


def test_reflectance_is_a_share_and_falls_with_each_pigment():
    melanin = np.geomspace(0.0004, 0.8, 60)
    blood = np.geomspace(0.0004, 0.5, 40)
    r = reflectance(melanin[:, None], blood[None, :])
    assert r.shape == (60, 40, WAVELENGTH_NM.size)
    assert np.isfinite(r).all()
    assert r.min() > 0
    assert r.max() < 1
    assert (np.diff(r, axis=0) < 0).all(), "more melanin, less light at every wavelength"
    assert (np.diff(r, axis=1) <= 1e-12).all(), "more blood, no more light at any wavelength"


@pytest.mark.parametrize("tone", TONES)
def test_each_tone_lies_in_the_middle_of_its_class_and_among_measured_skin(tone):
    lab = light.lab_of(reflectance(MELANIN[tone], BLOOD))
    ita = float(ita_degree(lab[0], lab[2]))
    assert ita_class(ita) == tone
    assert ita == pytest.approx(MIDDLE_DEGREE[tone], abs=0.5)
    # Alaluf 2002 and Xiao 2017 over people and sites: a* 5.6-12.9, b* 13.3-19.6; very light and dark skin
    # lie below
    assert 8 < lab[1] < 13
    assert 8 < lab[2] < 20.5


def test_tones_darken_in_order():
    labs = np.array([light.lab_of(reflectance(MELANIN[t], BLOOD)) for t in TONES])
    assert (np.diff(labs[:, 0]) < 0).all()
    assert labs[0, 0] == pytest.approx(72, abs=2)
    assert labs[-1, 0] == pytest.approx(32, abs=4)


@pytest.mark.parametrize("tone", TONES)
def test_more_blood_is_redder_and_more_melanin_darker(tone):
    lab, bloody, dark = (
        light.lab_of(reflectance(MELANIN[tone] * m, BLOOD * b)) for m, b in ((1, 1), (1, 1.25), (1.25, 1))
    )
    assert bloody[1] > lab[1]
    assert dark[0] < lab[0]


@pytest.mark.parametrize("tone", TONES)
def test_lab_agrees_with_colour_science(tone):
    spectrum = reflectance(MELANIN[tone], BLOOD)
    # the white is the sum over 380-730 nm here and CIE's printed chromaticity there: under 0.06 apart
    np.testing.assert_allclose(light.lab_of(spectrum), _colour_lab(spectrum), atol=0.08)


@pytest.mark.parametrize(
    ("name", "theirs"), [("D65", "D65"), ("A", "A"), ("F11", "FL11"), ("LED_B3", "LED-B3"), ("D50", "D50")]
)
def test_lamps_have_their_published_chromaticity(name, theirs):
    xyz = light.xyz(np.ones(WAVELENGTH_NM.size), name)
    expected = colour.CCS_ILLUMINANTS["CIE 1931 2 Degree Standard Observer"][theirs]
    np.testing.assert_allclose(xyz[:2] / xyz.sum(), expected, atol=0.001)


def test_the_ideal_camera_is_srgb_under_daylight():
    weights, matrix, _ = light.camera_rgb(None, "D65")
    spectra = light.generic_reflectances()
    np.testing.assert_allclose(spectra @ weights @ matrix.T, light.linear_srgb(spectra), atol=1e-3)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("lamp", ["D65", "A", "F11", "LED_B1"])
def test_camera_matrices_keep_white_and_err_like_cameras(seed, lamp):
    weights, matrix, gains = light.camera_rgb(seed, lamp)
    np.testing.assert_allclose(matrix @ weights.sum(axis=0), 1, atol=1e-9)
    assert gains.min() == pytest.approx(1.0)
    skin = np.stack([reflectance(MELANIN[t], BLOOD) for t in TONES])
    off = light.lab(skin @ weights @ matrix.T) - light.lab_of(skin)
    error = np.sqrt((off**2).sum(axis=-1)).mean()
    assert 0.2 < error < (5 if lamp == "D65" else 14), "a real camera is off, but not absurdly"

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.feature import graycomatrix, graycoprops

from skinscan.arrays import glcm
from skinscan.assessment import cells_in
from skinscan.measures import all_measures
from skinscan.measures.maps import Maps
from skinscan.records import Flag


def sample(maps: Maps, measure: str):  # type: ignore[no-untyped-def]
    evaluate = all_measures()[measure].evaluate
    assert evaluate is not None
    return evaluate(maps, cells_in(maps, "skin"), None)


def test_roughness_of_a_known_wave(maps: Maps) -> None:
    """Analytic: a Gaussian with cut-off c passes 2^-(c / wavelength)^2 of a wave (ISO 16610-21); a band is two."""
    wave = Maps(maps.frame)
    x = np.arange(maps.measured.shape[1]) * maps.um_per_px
    ripple = 0.05 * math.sqrt(2) * np.sin(2 * np.pi * x / 700.0)
    wave.__dict__["log_luminance"] = np.tile(ripple, (maps.measured.shape[0], 1)).astype(np.float32)
    passed = 2 ** -((500 / 700) ** 2) - 2 ** -((1000 / 700) ** 2)
    assert sample(wave, "texture.roughness_500_1000um").value == pytest.approx(0.05 * passed, rel=0.02)
    assert sample(wave, "texture.roughness_2000_5000um").value < 0.006


def test_exposure_does_not_change_roughness(maps: Maps) -> None:
    darker = Maps(maps.frame)
    darker.__dict__["log_luminance"] = maps.log_luminance - np.float32(0.5)
    for name in ("texture.roughness_250_500um", "texture.glcm_contrast_200um"):
        assert sample(darker, name).value == pytest.approx(sample(maps, name).value, rel=1e-3)


def test_more_blur_is_less_roughness(maps: Maps) -> None:
    import cv2

    soft = Maps(maps.frame)
    soft.__dict__["log_luminance"] = cv2.GaussianBlur(maps.log_luminance, (0, 0), 3.0)
    for name in ("texture.roughness_250_500um", "texture.glcm_contrast_200um"):
        assert sample(soft, name).value < 0.8 * sample(maps, name).value


def test_glcm_is_scikit_images_on_the_same_levels(maps: Maps) -> None:
    """Over the whole, unmasked picture: 200 um at 25 px/mm are 5 px."""
    if not maps.frame.regions["skin"].all():
        pytest.fail("this close-up should be skin throughout")
    levels = glcm.quantise(maps.flattened, 32, 0.32)
    counts = graycomatrix(levels, [5], list(glcm.ANGLES), levels=32, symmetric=True).sum(-1, keepdims=True)
    normed = counts / counts.sum()
    for ours, theirs in (
        ("contrast", "contrast"),
        ("homogeneity", "homogeneity"),
        ("energy", "ASM"),
        ("correlation", "correlation"),
    ):
        found = sample(maps, f"texture.glcm_{ours}_200um").value
        assert found == pytest.approx(graycoprops(normed, theirs)[0, 0], rel=1e-6)


def test_without_scale_texture_is_refused(maps: Maps) -> None:
    from dataclasses import replace

    bare = Maps(replace(maps.frame, scale=None))
    for name in all_measures():
        if name.startswith("texture."):
            found = sample(bare, name)
            assert math.isnan(found.value)
            assert [n.flag for n in found.notices] == [Flag.NO_SCALE]


def test_too_fine_bands_and_too_coarse_offsets_are_refused(maps: Maps) -> None:
    """At 40 um/px 100 um are 2.5 px: under 3 for the band, and 2 px or (2, 2) for the offset."""
    assert [n.flag for n in sample(maps, "texture.roughness_100_250um").notices] == [Flag.BAND_TOO_FINE]
    assert [n.flag for n in sample(maps, "texture.glcm_contrast_100um").notices] == [Flag.OFFSET_TOO_COARSE]
    assert not math.isnan(sample(maps, "texture.roughness_250_500um").value)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from skinscan.arrays import filters


@pytest.mark.parametrize("sigma", [0.7, 2.0, 5.9, 6.1, 12.0, 60.0])
@pytest.mark.parametrize("shape", [(200, 260), (131, 97)])
@pytest.mark.parametrize("hole", [False, True])
def test_a_masked_mean_is_scipys_normalised_convolution(sigma: float, shape: tuple[int, int], hole: bool) -> None:
    """Wide blurs are done on a reduced image: within 0.3 % of the image's range."""
    image = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=shape), 1.5).astype(np.float32)
    mask = np.ones(shape, bool)
    if hole:
        mask[40:70, 30:55] = False
        mask[:, 80:83] = False
    total, norm = (
        ndimage.gaussian_filter(a.astype(float), sigma, mode="constant", truncate=4) for a in (image * mask, mask)
    )
    found = filters.masked_gaussian(image, mask, sigma)
    assert np.abs(found[mask] - total[mask] / norm[mask]).max() < 0.003 * np.ptp(image)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.6, 9))
def test_masked_pixels_have_no_influence(seed: int, sigma: float) -> None:
    draw = np.random.default_rng(seed)
    image = draw.normal(size=(40, 50)).astype(np.float32)
    mask = draw.random((40, 50)) > 0.3
    other = np.where(mask, image, np.float32(np.nan))
    first, second = filters.masked_gaussian(image, mask, sigma), filters.masked_gaussian(other, mask, sigma)
    assert np.array_equal(first, second, equal_nan=True)


def test_a_constant_stays_itself_up_to_the_masks_edge() -> None:
    mask = np.zeros((80, 80), bool)
    mask[20:60, 10:70] = True
    found = filters.masked_gaussian(np.full((80, 80), 3.0, np.float32), mask, 20.0)
    assert np.abs(found[mask] - 3).max() < 1e-4
    assert np.abs(filters.flatten(np.full((80, 80), 3.0, np.float32), mask, 20.0)).max() < 1e-4


@pytest.mark.parametrize("wavelength", [6.0, 12.0, 30.0])
def test_half_the_amplitude_passes_at_the_cutoff(wavelength: float) -> None:
    """ISO 16610-21: the Gaussian filter transmits 50 % at its cut-off wavelength."""
    x = np.arange(600, dtype=np.float32)
    wave = np.tile(np.sin(2 * np.pi * x / wavelength), (200, 1)).astype(np.float32)
    smooth = filters.masked_gaussian(wave, np.ones(wave.shape, bool), filters.CUTOFF_TO_SIGMA * wavelength)
    assert smooth[100, 200:400].std() / wave[100, 200:400].std() == pytest.approx(0.5, abs=0.01)


def test_a_band_holds_what_lies_in_it() -> None:
    """A wave of RMS 0.1 in the middle of the band keeps most of it, one far outside nearly nothing."""
    x = np.arange(800, dtype=np.float32)
    mask = np.ones((300, 800), bool)

    def rms(wavelength: float) -> float:
        wave = np.tile(0.1 * np.sqrt(2) * np.sin(2 * np.pi * x / wavelength), (300, 1)).astype(np.float32)
        return float(
            np.sqrt(np.nanmean(next(filters.wavelength_bands(wave, mask, [8.0, 32.0]))[50:-50, 100:-100] ** 2))
        )

    assert 0.06 < rms(16.0) < 0.1
    assert rms(200.0) < 0.01
    assert rms(3.0) < 0.01


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(3.0, 60.0), st.floats(2.0, 3.0))
def test_a_band_has_the_power_of_the_plain_way(seed: int, shortest: float, ratio: float) -> None:
    """RMS of the difference of two masked means of scipy's, each at full size: within 4 %.

    Reducing costs 0.1 % of the finest bands and 1.7 +- 0.4 % of one of 50-100 px, six of which fit the picture.
    """
    draw = np.random.default_rng(seed)
    image = (ndimage.gaussian_filter(draw.normal(size=(300, 320)), 1.0) * 0.1).astype(np.float32)
    mask = np.ones(image.shape, bool)
    mask[100:140, 60:90] = False

    def plainly(wavelength: float) -> np.ndarray:
        sigma = filters.CUTOFF_TO_SIGMA * wavelength
        total, norm = (ndimage.gaussian_filter(a.astype(float), sigma, mode="constant") for a in (image * mask, mask))
        return total[mask] / norm[mask]

    expected = np.sqrt(np.mean((plainly(shortest) - plainly(shortest * ratio)) ** 2))
    (band,) = filters.wavelength_bands(image, mask, [shortest, shortest * ratio])
    factor = round(300 / band.shape[0])
    middle = mask[factor // 2 :: factor, factor // 2 :: factor]
    inside = band[: middle.shape[0], : middle.shape[1]][middle]
    assert np.sqrt(np.mean(inside**2)) == pytest.approx(expected, rel=0.04)


def test_nothing_near_is_nan() -> None:
    mask = np.zeros((60, 60), bool)
    mask[:5, :5] = True
    found = filters.masked_gaussian(np.ones((60, 60), np.float32), mask, 1.0)
    assert np.isnan(found[40, 40])
    assert found[2, 2] == pytest.approx(1)


def test_a_lone_pixel_is_flat_and_not_undefined() -> None:
    """Too few pixels for a mean of so wide a Gaussian: 0, and nothing near the rest of the mask moves."""
    image = np.random.default_rng(0).normal(size=(600, 600)).astype(np.float32)
    mask = np.zeros(image.shape, bool)
    mask[:200] = True
    without = filters.flatten(image, mask, 40.0)
    mask[500:502, 300:302] = True
    found = filters.flatten(image, mask, 40.0)
    assert np.isfinite(found).all()
    assert np.array_equal(found[:200], without[:200])


@pytest.mark.parametrize("share", [0.5, 0.1, 0.03])
def test_a_constant_stays_itself_under_a_scattered_mask(share: float) -> None:
    mask = np.random.default_rng(1).random((400, 400)) < share
    found = filters.masked_gaussian(np.full(mask.shape, -4.0, np.float32), mask, 60.0)
    assert np.abs(found[mask] + 4).max() < 1e-4


@given(st.integers(0, 100), st.integers(30, 90), st.integers(30, 90), st.floats(6.5, 20))
def test_a_wide_mean_is_the_same_told_in_part(seed: int, height: int, width: int, sigma: float) -> None:
    draw = np.random.default_rng(seed)
    image, mask = draw.normal(size=(height, width)).astype(np.float32), draw.random((height, width)) > 0.3
    factor = filters.mean_factor(sigma, image.shape)
    mean = filters.WideMean.of(*filters.reduced_inside(image, mask, factor), factor, sigma)
    rows, columns = (slice(*sorted(draw.choice(side + 1, 2, replace=False).tolist())) for side in image.shape)
    part = mean.part(rows, columns)
    assert np.allclose(part, filters.masked_gaussian(image, mask, sigma)[rows, columns], atol=1e-6, equal_nan=True)

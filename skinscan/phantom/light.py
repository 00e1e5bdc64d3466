"""Lamps, the standard observer, and cameras as they turn spectra into colour."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

import numpy as np

from skinscan.arrays.colour import D65_WHITE, SRGB_TO_XYZ, lab
from skinscan.environment import data_path
from skinscan.phantom.optics import WAVELENGTH_NM, Float, column
from skinscan.records import frozen

Illuminant = Literal["D65", "D50", "A", "F2", "F11", "LED_B1", "LED_B3", "LED_B5"]
WARM: tuple[Illuminant, ...] = ("A", "LED_B1")


@cache
def illuminant(name: Illuminant) -> Float:
    """Relative spectral power (71,) of a CIE illuminant."""
    return frozen(column("illuminants.csv", name))


@cache
def observer() -> Float:
    """CIE 1931 2 degree observer (71, 3)."""
    return frozen(np.stack([column("observer.csv", c) for c in ("x_bar", "y_bar", "z_bar")], axis=-1))


def xyz(reflectance: Float, name: Illuminant = "D65") -> Float:
    """XYZ of reflectance spectra (..., 71) -> (..., 3); a perfect white has Y = 1."""
    weights = observer() * illuminant(name)[:, None]
    result: Float = reflectance @ (weights / weights[:, 1].sum())
    return result


def linear_srgb(reflectance: Float) -> Float:
    """Linear sRGB of reflectance spectra under D65, a perfect white at exactly (1, 1, 1): (..., 3)."""
    white = xyz(np.ones(WAVELENGTH_NM.size))
    to_rgb = np.linalg.inv(SRGB_TO_XYZ)
    return np.asarray((xyz(reflectance) / white * D65_WHITE) @ to_rgb.T / (to_rgb @ D65_WHITE))


def lab_of(reflectance: Float) -> Float:
    """CIELAB (D65, 2 degree) of reflectance spectra: (..., 3)."""
    return lab(linear_srgb(reflectance))


def ideal_sensitivity() -> Float:
    """The camera whose channels are the linear sRGB of the observer: (71, 3), negative in places."""
    return np.asarray(observer() @ np.linalg.inv(SRGB_TO_XYZ).T)


@cache
def measured_cameras() -> Mapping[str, Float]:
    """Measured spectral sensitivities (71, 3) of cameras by name (`datasets/cameras/`)."""
    with data_path("datasets", "cameras", "sensitivities.csv").open(encoding="utf-8") as lines:
        rows = [line.strip().split(",") for line in lines if line.strip() and not line.startswith("#")]
    names, values = rows[0][1::3], np.array(rows[1:], np.float64)[:, 1:]
    return {name[:-2]: frozen(values[:, 3 * at : 3 * at + 3].copy()) for at, name in enumerate(names)}


def sensitivity(which: int | str) -> Float:
    """A camera (71, 3): measured, by name, or of smooth lobes drawn by seed, each with a faint second lobe as dye
    filters have."""
    if isinstance(which, str):
        return measured_cameras()[which]
    seed = which
    draw = np.random.default_rng([seed, 71])
    lobes = []
    for peak, width, second, share in ((598, 33, 445, 0.05), (536, 38, 610, 0.10), (458, 29, 530, 0.10)):
        centre, spread = peak + draw.normal(0, 5), width * draw.uniform(0.88, 1.15)
        main = np.exp(-0.5 * ((WAVELENGTH_NM - centre) / spread) ** 2)
        faint = np.exp(-0.5 * ((WAVELENGTH_NM - second) / 35.0) ** 2)
        lobes.append(main + share * draw.uniform(0.3, 1.7) * faint)
    cut = 1.0 / (1.0 + np.exp((WAVELENGTH_NM - draw.uniform(660, 690)) / 8.0))  # the infrared filter
    return np.asarray(np.stack(lobes, axis=-1) * cut[:, None])


@cache
def generic_reflectances() -> Float:
    """Smooth spectra of no particular thing (300, 71): what a camera's own matrix is fitted on."""
    draw = np.random.default_rng(300)
    knots = np.linspace(370.0, 740.0, 9)
    logits = np.cumsum(draw.normal(0, 0.8, (300, 9)), axis=1)
    logits += draw.normal(-0.7, 0.8, (300, 1)) - logits.mean(axis=1, keepdims=True)
    smooth = np.stack([np.interp(WAVELENGTH_NM, knots, row) for row in logits])
    kernel = np.hanning(11) / np.hanning(11).sum()
    smooth = np.stack([np.convolve(np.pad(row, 5, mode="edge"), kernel, "valid") for row in smooth])
    return frozen(1.0 / (1.0 + np.exp(-smooth)))


@cache
def camera_rgb(sensitivities: int | str | None, name: Illuminant) -> tuple[Float, Float, Float]:
    """How a camera sees under a lamp: weights (71, 3), matrix (3, 3), sensor gains (3,).

    `reflectance @ weights` is white-balanced camera RGB, white at (1, 1, 1); `matrix @` that is linear sRGB,
    white kept. The matrix is the camera's own, fitted on generic reflectances under D65 (under A for warm
    lamps). `gains` are what white balance multiplied each channel by, the strongest channel 1.
    """
    if sensitivities is None:
        weights = ideal_sensitivity() * illuminant(name)[:, None]
        return weights / weights.sum(axis=0), np.eye(3), np.array([1.9, 1.0, 1.6])
    shape = sensitivity(sensitivities)

    def balanced(lamp: Illuminant) -> Float:
        response = shape * illuminant(lamp)[:, None]
        normal: Float = response / response.sum(axis=0)
        return normal

    surfaces = generic_reflectances()
    source = surfaces @ balanced("A" if name in WARM else "D65")
    target = linear_srgb(surfaces)
    matrix = np.empty((3, 3))
    for row in range(3):  # least squares under the constraint that each row sums to 1
        free, *_ = np.linalg.lstsq(source[:, :2] - source[:, 2:], target[:, row] - source[:, 2], rcond=None)
        matrix[row] = (*free, 1.0 - free.sum())
    whites = (shape * illuminant(name)[:, None]).sum(axis=0)
    return balanced(name), matrix, whites.max() / whites

"""Spectra of the newer colour cards, of which only colours are published."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from skinscan.phantom import light
from skinscan.phantom.chart import patch_reflectances, published_lab
from skinscan.phantom.optics import WAVELENGTH_NM
from skinscan.records import frozen

Array = NDArray[np.float64]


def lab_d50(reflectance: Array) -> Array:
    """CIELAB under D50 of spectra (..., 71): (..., 3)."""
    ratio = light.xyz(reflectance, "D50") / light.xyz(np.ones(WAVELENGTH_NM.size), "D50")
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


@cache
def after_2014() -> Array:
    """Plausible reflectance (24, 71) of the newer charts, of which only Lab is published.

    The older spectra times exp(d), with the d of least curvature and size that moves Lab (D50) as far as X-Rite's two
    tables lie apart. The difference of the tables is used, so that what separates the thirty measured charts from the
    table does not enter twice.
    """
    older, newer = published_lab("before_2014"), published_lab("after_2014")
    base = np.asarray(patch_reflectances("before_2014"), np.float64)
    goal = lab_d50(base) + newer - older
    bend = np.diff(np.eye(WAVELENGTH_NM.size), 2, axis=0)
    easy = np.linalg.inv(bend.T @ bend * 1e4 + 1e-1 * np.eye(WAVELENGTH_NM.size))
    found = np.zeros_like(base)
    for _ in range(8):  # Newton; each step is the least change that closes the gap to first order
        for patch, change in enumerate(found):
            spectrum = base[patch] * np.exp(change)
            step = 1e-4
            now = lab_d50(spectrum)
            slope = (lab_d50(spectrum[None] * np.exp(step * np.eye(WAVELENGTH_NM.size))) - now).T / step
            gap = goal[patch] - now + slope @ change
            found[patch] = easy @ slope.T @ np.linalg.solve(slope @ easy @ slope.T, gap)
    return frozen(base * np.exp(found))

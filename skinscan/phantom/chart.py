"""The patches of a 24-patch ColorChecker as spectra: both formulations."""

from __future__ import annotations

import csv
from functools import cache
from typing import Literal

import numpy as np

from skinscan.environment import data_path
from skinscan.phantom.light import xyz
from skinscan.phantom.optics import WAVELENGTH_NM, Float
from skinscan.records import frozen

Formulation = Literal["before_2014", "after_2014"]


@cache
def patch_reflectances(formulation: Formulation = "before_2014") -> Float:
    """Reflectance (24, 71) of the patches, dark skin first, black last.

    Measured for the charts made before November 2014 (`datasets/charts/`). The later ones are known by their colours
    alone: their spectra here are the earlier ones times the smoothest factor that moves each patch by the difference
    of the two published colours.
    """
    path = data_path("datasets", "charts", "colorchecker24_spectra.csv")
    with path.open(encoding="utf-8") as lines:
        rows = [line.split(",") for line in lines if not line.startswith("#")]
    values = np.array(rows[1:], np.float64)
    before = np.stack([np.interp(WAVELENGTH_NM, values[:, 0], column) for column in values.T[1:]])
    if formulation == "before_2014":
        return frozen(before)
    change = published_lab("after_2014") - published_lab("before_2014")
    return frozen(np.stack([_moved(spectrum, step) for spectrum, step in zip(before, change, strict=True)]))


@cache
def published_lab(formulation: Formulation) -> Float:
    """CIELAB (D50, 2 degree) of the patches as their maker published it: (24, 3)."""
    path = data_path("datasets", "charts", "colorchecker24_lab.csv")
    with path.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return frozen(np.array([[float(row[f"{formulation}_{axis}"]) for axis in "Lab"] for row in rows]))


def _moved(spectrum: Float, change: Float) -> Float:
    """A spectrum (71,) times exp of a smooth curve, so that its CIELAB (D50) moves by `change` (3,)."""
    at = np.linspace(-1.0, 1.0, WAVELENGTH_NM.size)
    basis = np.stack([np.ones_like(at), at, at * at])
    target = _lab_d50(spectrum) + change
    weights = np.zeros(3)
    for _ in range(8):  # Newton's steps
        now = _lab_d50(spectrum * np.exp(weights @ basis))
        slope = np.stack(
            [(_lab_d50(spectrum * np.exp((weights + d) @ basis)) - now) / 1e-4 for d in np.eye(3) * 1e-4], axis=1
        )
        weights = weights + np.linalg.solve(slope, target - now)
    return np.asarray(spectrum * np.exp(weights @ basis))


def _lab_d50(spectrum: Float) -> Float:
    white = xyz(np.ones(WAVELENGTH_NM.size), "D50")
    ratio = xyz(spectrum, "D50") / white
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])

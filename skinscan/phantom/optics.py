"""How skin reflects light: published absorption and scattering, two layers after Kubelka and Munk.

An epidermis of 60 um holding melanin lies on a semi-infinite dermis holding blood and a yellow pigment;
Saunderson's correction adds what the surface itself reflects and holds back. Sources: S. L. Jacques,
omlc.org, for melanosomes, bloodless skin and scattering; S. Prahl, omlc.org, for haemoglobin
(`datasets/spectra/haemoglobin.csv`); Saunderson (1942) for the surface.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skinscan.environment import data_path
from skinscan.records import frozen

Float = NDArray[np.floating[Any]]
Tone = Literal["I", "II", "III", "IV", "V", "VI"]

WAVELENGTH_NM: Float = frozen(np.arange(380.0, 731.0, 5.0))
"""The wavelengths of every spectrum here."""

EPIDERMIS_CM = 60e-4
SATURATION = 0.7
"""Share of the haemoglobin that carries oxygen."""
YELLOW_PER_CM = 1.0
"""Absorption of the dermis' yellow pigment (carotene, bilirubin) at its peak of 460 nm."""
SCATTERING_PER_CM = 89.0
SURFACE_REFLECTION, INNER_REFLECTION = 0.028, 0.53

MELANIN: Mapping[Tone, float] = MappingProxyType(
    {"I": 0.0068, "II": 0.0198, "III": 0.0361, "IV": 0.0575, "V": 0.1094, "VI": 0.2324}
)
"""Melanosome volume fraction of the epidermis that puts flat skin in the middle of each ITA class."""
BLOOD = 0.025
"""Blood volume fraction of the dermis of every tone."""


def table(name: str) -> tuple[tuple[str, ...], Float]:
    """Column names and numbers (n, columns) of a file under `datasets/spectra/`, wavelength first."""
    with data_path("datasets", "spectra", name).open(encoding="utf-8") as lines:
        rows = [line.strip().split(",") for line in lines if line.strip() and not line.startswith("#")]
    return tuple(rows[0]), np.array(rows[1:], np.float64)


def column(name: str, which: str) -> Float:
    """One column of such a file at `WAVELENGTH_NM`."""
    names, values = table(name)
    return np.interp(WAVELENGTH_NM, values[:, 0], values[:, names.index(which)])


@cache
def _blood_per_cm(saturation: float = SATURATION) -> Float:
    oxy, deoxy = (column("haemoglobin.csv", which) for which in ("oxy", "deoxy"))
    molar: Float = saturation * oxy + (1 - saturation) * deoxy
    return np.asarray(np.log(10.0) * molar * 150.0 / 64500.0)


def absorption(
    melanin: ArrayLike, blood: ArrayLike, saturation: float = SATURATION, yellow_per_cm: float = YELLOW_PER_CM
) -> tuple[Float, Float]:
    """Absorption of epidermis and dermis, 1/cm: two arrays (..., 71) of melanin and blood volume fractions
    (...)."""
    wavelength = WAVELENGTH_NM
    baseline = 0.244 + 85.3 * np.exp(-(wavelength - 154.0) / 66.2)
    melanosome = 6.6e11 * wavelength**-3.33
    yellow = yellow_per_cm * np.exp(-(((wavelength - 460.0) / 40.0) ** 2))
    melanin = np.asarray(melanin, np.float64)[..., None]
    blood = np.asarray(blood, np.float64)[..., None]
    epidermis = melanin * melanosome + (1.0 - melanin) * baseline
    dermis = blood * _blood_per_cm(saturation) + (1.0 - blood) * baseline + yellow
    return epidermis, dermis


def scattering() -> Float:
    """Reduced scattering of skin, 1/cm (71,)."""
    relative = WAVELENGTH_NM / 500.0
    return SCATTERING_PER_CM * (0.05 * relative**-4.0 + 0.95 * relative**-1.0)


def _kubelka_munk(absorbing: Float) -> tuple[Float, Float]:
    """K and S, 1/cm. S is held above a tenth of its pure value, where the diffusion limit would turn
    negative."""
    reduced = scattering()
    return 2.0 * absorbing, np.maximum(0.75 * reduced - 0.25 * absorbing, 0.075 * reduced)


def body_reflectance(
    melanin: ArrayLike, blood: ArrayLike, saturation: float = SATURATION, yellow_per_cm: float = YELLOW_PER_CM
) -> Float:
    """Share of light that comes back from inside the skin: what a cross-polarised camera sees, (..., 71)."""
    epidermis, dermis = absorption(melanin, blood, saturation, yellow_per_cm)
    k, s = _kubelka_munk(dermis)
    ratio = k / s
    ground = 1.0 + ratio - np.sqrt(ratio * ratio + 2.0 * ratio)
    k, s = _kubelka_munk(epidermis)
    a = 1.0 + k / s
    b = np.sqrt(a * a - 1.0)
    b_coth = b / np.tanh(b * s * EPIDERMIS_CM)
    inside = (1.0 - ground * (a - b_coth)) / (a - ground + b_coth)
    outward = (1.0 - SURFACE_REFLECTION) * (1.0 - INNER_REFLECTION)
    result: Float = outward * inside / (1.0 - INNER_REFLECTION * inside)
    return result


def reflectance(melanin: ArrayLike, blood: ArrayLike) -> Float:
    """Reflectance of flat skin with its surface, as a spectrophotometer sees it: (..., 71), in (0, 1).

    `melanin` and `blood` are volume fractions of epidermis and dermis, any shape (...), broadcast.
    """
    return SURFACE_REFLECTION + body_reflectance(melanin, blood)

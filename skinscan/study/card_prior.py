"""What the correction by a colour card knows beforehand: `skinscan study card-prior`.

Effective sensitivities (camera x lamp x the camera's own matrix, each channel's response to white being 1) are drawn
for families of lamps and kept as a mean and the strongest components of each family. The cameras in HELD_OUT, the CIE
illuminants F2, F11, LED-B1, LED-B3 and LED-B5 and every camera of the phantom are never drawn: the accuracy study uses
them. With them go the spectra of both formulations of the chart and a family of modelled skins with their true colour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import SRGB_TO_XYZ
from skinscan.environment import data_path
from skinscan.phantom import light, optics
from skinscan.phantom.chart import patch_reflectances
from skinscan.phantom.optics import WAVELENGTH_NM
from skinscan.study import card_spectra

Array = NDArray[np.float64]

HELD_OUT_MAKERS = ("ARRI", "Arashi Vision", "Fujifilm", "Hasselblad", "Panasonic")
HELD_OUT = ("Canon EOS R5", "Canon PowerShot S90", "Nikon D5100", "Nikon Z f", "Sony DSC-RX100M4", "Sony ILCE-7SM2")
"""Cameras that the prior does not know: all of five makers, and six of the others."""

DRAWS, RANK = 1500, 32
"""Draws a family, and components kept of each: the rest hold under 0.1 % of the variance."""


@cache
def known_cameras() -> tuple[Array, ...]:
    """Those that the prior is drawn from."""
    return tuple(
        np.asarray(s)
        for name, s in light.measured_cameras().items()
        if name not in HELD_OUT and not name.startswith(HELD_OUT_MAKERS)
    )


def held_out_cameras() -> dict[str, Array]:
    """Those that it does not know."""
    return {
        name: np.asarray(s)
        for name, s in light.measured_cameras().items()
        if name in HELD_OUT or name.startswith(HELD_OUT_MAKERS)
    }


def _csv(*parts: str) -> tuple[list[str], Array]:
    with data_path("datasets", *parts).open(encoding="utf-8") as lines:
        rows = [line.strip().split(",") for line in lines if line.strip() and not line.startswith("#")]
    return rows[0], np.array(rows[1:], np.float64)


@cache
def _lamps() -> Mapping[str, Array]:
    names, values = _csv("spectra", "lamps.csv")
    return {name: values[:, at] for at, name in enumerate(names) if at}


# --- lamps ----------------------------------------------------------------------------------------------------


def black_body(kelvin: float) -> Array:
    """Relative spectral power (71,) after Planck, 1 at 560 nm."""
    metres = WAVELENGTH_NM * 1e-9
    scale = (metres / 560e-9) ** -5.0
    return np.asarray(scale * np.expm1(1.4388e-2 / (560e-9 * kelvin)) / np.expm1(1.4388e-2 / (metres * kelvin)))


def daylight(kelvin: float) -> Array:
    """Relative spectral power (71,) of natural light: the black body's colour on D65's and D50's own structure.

    Between and beyond the two CIE phases linearly in the reciprocal temperature (mired), as daylight nearly is.
    """
    d50, d65 = (s / s.mean() for s in (light.illuminant("D50"), light.illuminant("D65")))
    share = (1e6 / kelvin - 1e6 / 6504) / (1e6 / 5003 - 1e6 / 6504)
    logs = (1 - share) * np.log(d65) + share * np.log(d50)
    return np.asarray(np.exp(logs), np.float64)


def white_led(draw: np.random.Generator) -> Array:
    """A blue chip under phosphors: a peak near 450 nm, a broad band, at times a narrow red one."""
    blue = np.exp(-0.5 * ((WAVELENGTH_NM - draw.normal(452, 6)) / draw.uniform(8, 14)) ** 2)
    centre, width = draw.uniform(545, 610), draw.uniform(45, 70)
    sides = np.where(centre < WAVELENGTH_NM, 1.15, 0.8)
    phosphor = np.exp(-0.5 * ((WAVELENGTH_NM - centre) / (width * sides)) ** 2)
    if draw.random() < 0.4:
        red = np.exp(-0.5 * ((WAVELENGTH_NM - draw.normal(630, 8)) / draw.uniform(12, 35)) ** 2)
        phosphor = phosphor + draw.uniform(0.1, 0.6) * red
    return np.asarray(draw.uniform(0.15, 1.6) * blue + phosphor)


def _one_of(*names: str) -> Callable[[np.random.Generator], Array]:
    return lambda draw: _lamps()[names[int(draw.integers(len(names)))]]


def _natural(draw: np.random.Generator) -> Array:
    return daylight(draw.uniform(4000, 10_000)) if draw.random() < 0.7 else black_body(draw.uniform(4500, 9000))


def _mixed(draw: np.random.Generator) -> Array:
    """Two lamps at once: a window and a ceiling."""
    names = [name for name in FAMILIES if name != "mixed"]
    parts = [FAMILIES[names[int(draw.integers(len(names)))]](draw) for _ in range(2)]
    share = draw.uniform(0.1, 0.9)
    return np.asarray(share * parts[0] / parts[0].mean() + (1 - share) * parts[1] / parts[1].mean())


FAMILIES: Mapping[str, Callable[[np.random.Generator], Array]] = {
    "daylight": _natural,
    "incandescent": lambda draw: black_body(draw.uniform(2300, 3500)),
    "halophosphate": _one_of("FL1", "FL3", "FL4", "FL5", "FL6", "FL3_1", "FL3_2", "FL3_3"),
    "broadband": _one_of(
        "FL7", "FL8", "FL9", "FL3_4", "FL3_5", "FL3_6", "FL3_12", "FL3_13", "FL3_14", "FL3_15"
    ),
    "triband": _one_of("FL10", "FL12", "FL3_7", "FL3_8", "FL3_9", "FL3_10", "FL3_11"),
    "white_led": white_led,
    "measured_led": _one_of("LED_B2", "LED_B4", "LED_BH1", "LED_V1", "LED_V2"),
    "rgb_led": _one_of("LED_RGB1"),
    "mixed": _mixed,
}  # fmt: skip
"""Families of lamps: what each is drawn from."""


# --- cameras --------------------------------------------------------------------------------------------------


@cache
def _wave(length_nm: float) -> Array:
    away = (WAVELENGTH_NM[:, None] - WAVELENGTH_NM[None]) / length_nm
    return np.asarray(np.linalg.cholesky(np.exp(-0.5 * away**2) + 1e-6 * np.eye(WAVELENGTH_NM.size)))


def _wavy(draw: np.random.Generator, columns: int, length_nm: float, amplitude: float) -> Array:
    return np.asarray(np.exp(amplitude * _wave(length_nm) @ draw.standard_normal((WAVELENGTH_NM.size, columns))))


def makers_matrix(sensitivity: Array, lamp: Array) -> Array:
    """(3, 3) from white-balanced camera RGB to linear sRGB, fitted on generic surfaces, white kept."""
    response = sensitivity * lamp[:, None]
    surfaces = light.generic_reflectances()
    source, target = surfaces @ (response / response.sum(0)), light.linear_srgb(surfaces)
    free = np.linalg.lstsq(source[:, :2] - source[:, 2:], target - source[:, 2:], rcond=None)[0].T
    return np.column_stack([free, 1.0 - free.sum(1)])


def effective(sensitivity: Array, lamp: Array, matrix: Array, balance: Array) -> Array:
    """Effective sensitivities (71, 3) of linear sRGB channels as a camera writes them, each 1 on white."""
    raw = sensitivity * lamp[:, None]
    mixed = (raw / raw.sum(0) * balance) @ matrix.T
    return np.asarray(mixed / mixed.sum(0))


def draw_effective(draw: np.random.Generator, family: str) -> Array:
    """One camera under one lamp of a family, (71, 3).

    Measured cameras are blended, shifted and made wavy by 8 %, since phones differ more than they do; the lamp's
    light takes the colour of a room; the maker's matrix is fitted under daylight, a lamp or the light itself, its
    saturation is turned up, and white balance misses.
    """
    lamp = FAMILIES[family](draw) * _wavy(draw, 1, 60.0, 0.08)[:, 0]
    known = known_cameras()
    first, second = (known[int(k)] for k in draw.choice(len(known), 2))
    share = draw.uniform() if draw.random() < 0.5 else 0.0
    blend = (1 - share) * first + share * second
    shift = draw.normal(0, 3, 3)
    moved = np.stack([np.interp(WAVELENGTH_NM - shift[c], WAVELENGTH_NM, blend[:, c]) for c in range(3)], -1)
    sensitivity = moved * _wavy(draw, 3, 40.0, 0.08)
    tuned = (daylight(6504), black_body(2856), lamp)[int(draw.integers(3))]
    saturation = draw.normal(1.05, 0.1)
    matrix = makers_matrix(sensitivity, tuned)
    matrix = (saturation * np.eye(3) + (1 - saturation) * SRGB_TO_XYZ[1]) @ matrix
    taste = draw.normal(0, 0.03, (3, 3))
    matrix = matrix + taste - taste.mean(1, keepdims=True)
    return effective(sensitivity, lamp, matrix, np.exp(draw.normal(0, 1, 3) * [0.08, 0.03, 0.10]))


# --- skins ----------------------------------------------------------------------------------------------------


def skins() -> Array:
    """Reflectance (n, 71) of modelled skins: melanin, blood, its oxygen, the yellow pigment and the surface."""
    melanin, blood = np.geomspace(0.003, 0.36, 10)[:, None], np.geomspace(0.006, 0.09, 5)[None]
    variants = ((0.7, 1.0, 0.028), (0.45, 0.3, 0.005), (0.9, 2.0, 0.045), (0.45, 2.0, 0.028), (0.9, 0.3, 0.028))
    parts = [optics.body_reflectance(melanin, blood, oxygen, yellow) + surface for oxygen, yellow, surface in variants]
    return np.concatenate([part.reshape(-1, WAVELENGTH_NM.size) for part in parts])


def derive(seed: int = 20) -> dict[str, Any]:
    """The arrays of datasets/optics/card_prior.npz."""
    means, bases = [], []
    for at, family in enumerate(FAMILIES):
        draw = np.random.default_rng([seed, at])
        drawn = np.stack([draw_effective(draw, family).ravel() for _ in range(DRAWS)])
        mean = drawn.mean(0)
        _, strength, directions = np.linalg.svd(drawn - mean, full_matrices=False)
        means.append(mean.reshape(-1, 3))
        bases.append((strength[:RANK, None] * directions[:RANK] / np.sqrt(DRAWS - 1)).reshape(RANK, -1, 3))
    family_of_skins = skins()
    patches = np.array([patch_reflectances("before_2014"), card_spectra.after_2014()])
    return {
        "families": np.array(list(FAMILIES)),
        "means": np.array(means, np.float32),
        "bases": np.array(bases, np.float32),
        "patches": patches.astype(np.float32),
        "skins": family_of_skins.astype(np.float32),
        "skins_rgb": light.linear_srgb(family_of_skins).astype(np.float32),
        "patches_rgb": light.linear_srgb(patches).astype(np.float32),
    }


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **derive())

"""The 24 patches by their published colours: what the finder knows of a card."""

from __future__ import annotations

import csv
from functools import cache

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import D65_WHITE, SRGB_TO_XYZ
from skinscan.environment import data_path
from skinscan.records import frozen

Array = NDArray[np.float64]

COLUMNS, ROWS = 6, 4
PATCHES = COLUMNS * ROWS

PLACES: Array = frozen(np.stack([np.arange(24) % 6, np.arange(24) // 6], axis=-1).astype(np.float64))
"""Chart coordinates (24, 2) of the patches' centres: pitches from the centre of dark skin."""

GREYS = slice(18, 24)

_D50_WHITE = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@cache
def patch_linear() -> Array:
    """Linear sRGB (24, 3) of the patches in daylight: the mean of both formulations. Cyan's red is a little below 0."""
    path = data_path("datasets", "charts", "colorchecker24_lab.csv")
    with path.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    lab = np.array(
        [[[float(r[f"{year}_2014_{axis}"]) for axis in "Lab"] for r in rows] for year in ("before", "after")]
    )
    lightness, a, b = np.moveaxis(lab, -1, 0)
    f = (lightness[..., None] + 16) / 116 + np.stack([a / 500, np.zeros_like(a), -b / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _D50_WHITE
    adapt = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ D65_WHITE / (_BRADFORD @ _D50_WHITE)) @ _BRADFORD
    return frozen((xyz @ (np.linalg.inv(SRGB_TO_XYZ) @ adapt).T).mean(axis=0))


@cache
def patch_codes() -> Array:
    """What sRGB makes of them, 0 to 1: (24, 3)."""
    linear = np.clip(patch_linear(), 0.0, 1.0)
    return frozen(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))

"""What is known before the card is looked at: cameras under lamps, the chart's spectra, and skins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from skinscan.environment import data_path
from skinscan.records import frozen

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prior:
    """Shipped by `study/card_prior.py`; wavelengths are 380-730 nm by 5 nm.

    `families` (f) of lamps. Effective sensitivities (71, 3) of a family's cameras are `means[f]` plus standard normal
    weights times `bases[f]` (r, 71, 3); each channel sums to 1, so that white gives 1. `patches` (2, 24, 71) are the
    chart's reflectances before and after November 2014, `patches_rgb` (2, 24, 3) their linear sRGB (D65); `skins`
    (n, 71) and `skins_rgb` (n, 3) the same of modelled skins from the lightest to the darkest.
    """

    families: tuple[str, ...]
    means: Array
    bases: Array
    patches: Array
    patches_rgb: Array
    skins: Array
    skins_rgb: Array


@cache
def load_prior() -> Prior:
    with np.load(data_path("datasets", "optics", "card_prior.npz")) as file:
        arrays = {name: frozen(file[name].astype(np.float64)) for name in file.files if name != "families"}
        return Prior(families=tuple(str(name) for name in file["families"]), **arrays)

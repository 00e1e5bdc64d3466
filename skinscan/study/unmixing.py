"""Derive the unmixing curve from the skin model: `skinscan study unmixing`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import optical_density
from skinscan.phantom import light, optics

NODES = 96
BLOOD_STEP = 0.25


def _plane(melanin: NDArray[np.float64], blood: float) -> NDArray[np.float64]:
    """u = D_G - D_R and v = D_B - D_G of flat skin with its surface under D65, (n, 2)."""
    rgb = np.array([light.linear_srgb(optics.reflectance(m, blood)) for m in melanin])
    density = optical_density(rgb)
    return np.stack([density[:, 1] - density[:, 0], density[:, 2] - density[:, 1]], 1)


def derive() -> dict[str, Any]:
    """The curve of rising melanin and the direction of blood along it, up to where melanin turns the colour back.

    Skin's surface reflects 2.8 % of the light unchanged. On the darkest skin that outweighs what comes from
    inside, more melanin no longer moves the hue away from it, and the curve folds; it ends there.
    """
    melanin = np.geomspace(0.002, 0.4, 400)
    curve = _plane(melanin, optics.BLOOD)
    step = np.diff(curve, axis=0)
    forward = step[:, 0] + step[:, 1] > 0  # away from grey
    last = int(np.argmax(~forward)) if (~forward).any() else len(step)
    last = int(0.97 * last)  # short of the fold itself, where a hair of colour is any amount of melanin
    curve, melanin = curve[: last + 1], melanin[: last + 1]
    coordinate = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    more = _plane(melanin, optics.BLOOD * (1 + BLOOD_STEP)) - _plane(melanin, optics.BLOOD * (1 - BLOOD_STEP))
    angle = np.unwrap(np.arctan2(more[:, 1], more[:, 0]))
    none = _plane(melanin, 0.0) - curve
    bloodless = float(np.median(none[:, 0] * np.cos(angle) + none[:, 1] * np.sin(angle)))
    nodes = np.linspace(0, coordinate[-1], NODES)
    columns = {
        "melanin": nodes,
        "u": np.interp(nodes, coordinate, curve[:, 0]),
        "v": np.interp(nodes, coordinate, curve[:, 1]),
        "angle": np.interp(nodes, coordinate, angle),
    }
    return {
        "about": "Unmixing of skin colour, derived from the skin model of skinscan/phantom/optics.py (published "
        "absorption and scattering), sRGB primaries, D65",
        "version": 1,
        "largest_melanin_fraction": float(melanin[-1]),
        "bloodless": round(bloodless, 6),
        **{name: [round(float(value), 6) for value in values] for name, values in columns.items()},
    }


def write(path: Path) -> None:
    path.write_text(json.dumps(derive()) + "\n")

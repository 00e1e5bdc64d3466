"""How far a colour measure of one uncorrected photo is from the skin's own: `skinscan study colour-accuracy`.

Flat skin of every tone and some blood levels, seen by many cameras under many lamps with an imperfect white balance
and exposure; the error against the ideal camera under D65. Its RMS is the uncertainty that the lamp and the camera
add to every colour value of a photo without a card; it cancels between two photos that share a reference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from skinscan.measures import all_measures
from skinscan.phantom import light, optics

CAMERAS = 40
LAMPS = ("D65", "D50", "LED_B1", "LED_B3", "LED_B5", "A")
WHITE_BALANCE_SD = 0.03
EXPOSURE_SD = 0.3
BLOOD = (0.015, 0.025, 0.04)


def derive(seed: int = 1) -> dict[str, Any]:
    """RMS error of each colour measure, over cameras, lamps, tones and blood; exposure in units of a factor e."""
    draw = np.random.default_rng(seed)
    errors: dict[str, list[float]] = {m.name: [] for m in all_measures().values() if m.of_colour is not None}
    for camera in range(CAMERAS):
        for lamp in LAMPS:
            weights, matrix, _ = light.camera_rgb(camera, lamp)
            gains = np.exp(draw.normal(0, WHITE_BALANCE_SD, 3)) * np.exp(draw.normal(0, EXPOSURE_SD))
            for melanin in optics.MELANIN.values():
                for blood in BLOOD:
                    spectrum = optics.reflectance(melanin, blood)
                    seen = np.asarray(np.maximum(matrix @ (gains * (spectrum @ weights)), 1e-4), np.float64)
                    true = np.asarray(light.linear_srgb(spectrum), np.float64)
                    for measure in all_measures().values():
                        if measure.of_colour is not None:
                            errors[measure.name].append(measure.of_colour(seen) - measure.of_colour(true))
    return {
        "about": "RMS error of an uncorrected photo's colour values: cameras, lamps, white balance, exposure",
        "cameras": CAMERAS,
        "lamps": list(LAMPS),
        "rms": {name: round(float(np.sqrt(np.nanmean(np.square(values)))), 4) for name, values in errors.items()},
    }


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(derive(), indent=1) + "\n")

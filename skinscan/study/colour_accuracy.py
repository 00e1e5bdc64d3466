"""How far a colour measure of one uncorrected photo is from the skin's own: `skinscan study colour-accuracy`.

Flat skin of every tone and some blood levels, seen by many cameras under many lamps with an imperfect white balance
and exposure; the error against the ideal camera under D65. Its RMS is the uncertainty that the lamp and the camera
add to every colour value of a photo without a card.

Between two photos that share a reference most of it cancels, not all: white balance on a grey makes two lamps alike for
greys, not for skin. What is left of it is told too, for photos that another camera took under another lamp.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour
from skinscan.measures import all_measures
from skinscan.phantom import light, optics
from skinscan.study import pairs
from skinscan.study.tables import put_table

Array = NDArray[np.float64]
View = Callable[[Array], Array]

CAMERAS = 40
LAMPS = ("D65", "D50", "LED_B1", "LED_B3", "LED_B5", "A")
WHITE_BALANCE_SD = 0.03
EXPOSURE_SD = 0.3
BLOOD = (0.015, 0.025, 0.04)

OF_LEVEL = {"redness.area": "redness.haemoglobin", "pigment.spot_area": "pigment.melanin"}
"""Measures that hold a colour measure's value against a threshold."""

OF_DIFFERENCE = ("pigment.evenness", "scars.contrast", "striae.contrast_de00", "striae.contrast_redness")
"""Measures that are themselves a difference in colour between places of one skin."""

PAIRS = 600
MELANIN_SHARES = (0.85, 1.0, 1.15)
"""How one person's skin differs from place to place, beside its blood."""

TYPICAL = len(MELANIN_SHARES) * len(BLOOD) // 2


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
        "rms": {name: _rounded(_rms(values)) for name, values in errors.items()},
        "another_lamp": between_lamps(),
    }


def _rms(values: Any) -> float:
    return float(np.sqrt(np.nanmean(np.square(values))))


def _rounded(value: float) -> float:
    return round(value, 4)


def between_lamps(seed: int = 2) -> dict[str, Any]:
    """What another camera under another lamp leaves of the difference of unchanged skin, tied by a reference.

    `neutral`: RMS of each colour measure's difference by tone, where the reference is a grey. `contrast`: where it is
    skin of the same person, RMS as a share of how far the skin lies from that; of colour differences within one skin,
    RMS of the log ratio.
    """
    views = list(_pairs_of_views(np.random.default_rng(seed)))
    told = {tone: [_seen_twice(skins_of(melanin), *view) for view in views] for tone, melanin in optics.MELANIN.items()}
    neutral, contrast = {}, {}
    for measure in all_measures().values():
        value = all_measures()[OF_LEVEL.get(measure.name, measure.name)].of_colour
        if value is not None:
            neutral[measure.name] = [
                _rounded(_rms([value(seen.balanced[TYPICAL]) - value(seen.first[TYPICAL]) for seen in of_tone]))
                for of_tone in told.values()
            ]
            shares = np.concatenate([_contrasts(value, seen) for of_tone in told.values() for seen in of_tone])
            contrast[measure.name] = _rounded(_rms(shares[:, 1] - shares[:, 0]) / _rms(shares[:, 0]))
    ratios = [_log_ratios(seen) for of_tone in told.values() for seen in of_tone]
    return {
        "about": "RMS difference of unchanged skin between two photos that a reference ties, another camera and lamp",
        "cameras": len(light.measured_cameras()),
        "lamps": list(pairs.LAMPS),
        "ita_degree": [round(_ita_of(melanin), 1) for melanin in optics.MELANIN.values()],
        "neutral": neutral,
        "contrast": {**contrast, **dict.fromkeys(OF_DIFFERENCE, _rounded(_rms(np.concatenate(ratios))))},
    }


class SeenTwice(NamedTuple):
    """Linear RGB (N, 3) of places of one skin: in the first photo, in the second as balanced on a grey, and that tied
    to the first by the typical place."""

    first: Array
    balanced: Array
    tied: Array


def skins_of(melanin: float) -> Array:
    """Spectra (N, 71) of one person's skin at several places, the typical one at TYPICAL."""
    return np.stack([optics.reflectance(melanin * share, blood) for share in MELANIN_SHARES for blood in BLOOD])


def _seen_twice(spectra: Array, first: View, second: View) -> SeenTwice:
    one, other = first(spectra), second(spectra)
    gains = colour.sensor_rgb(one[TYPICAL]) / colour.sensor_rgb(other[TYPICAL])
    return SeenTwice(one, other, np.asarray(colour.rebalanced(other, gains), np.float64))


def _contrasts(value: Callable[[Array], float], seen: SeenTwice) -> Array:
    """How far each place lies from the typical one in both photos, (N, 2)."""
    both = np.array([[value(rgb) for rgb in rows] for rows in (seen.first, seen.tied)])
    return np.asarray((both - both[:, TYPICAL, None]).T)


def _log_ratios(seen: SeenTwice) -> Array:
    """ln of how much larger each place's colour difference to the typical one is in the second photo, (N - 1,)."""
    first, second = (colour.lab(rows) for rows in (seen.first, seen.tied))
    there = np.arange(len(first)) != TYPICAL
    one, other = (colour.ciede2000(rows, rows[TYPICAL])[there] for rows in (first, second))
    return np.asarray(np.log(other / one))


def _ita_of(melanin: float) -> float:
    lab = light.lab_of(optics.reflectance(melanin, BLOOD[1]))
    return float(colour.ita_degree(lab[0], lab[2]))


def _pairs_of_views(draw: np.random.Generator) -> Iterator[tuple[View, View]]:
    """Two measured cameras under two lamps, as functions from spectra (..., 71) to the linear RGB that each gives."""

    def view(camera: str, lamp: light.Illuminant) -> View:
        weights, matrix, _ = light.camera_rgb(camera, lamp)
        return lambda spectra: np.asarray(np.maximum(spectra @ weights @ matrix.T, 1e-4), np.float64)

    names = list(light.measured_cameras())
    for _ in range(PAIRS):
        cameras = draw.choice(len(names), 2, replace=False)
        lamps = draw.choice(len(pairs.LAMPS), 2, replace=False)
        first, second = (view(names[c], pairs.LAMPS[k]) for c, k in zip(cameras, lamps, strict=True))
        yield first, second


def table_of_lamps(entry: Mapping[str, Any]) -> str:
    """`between_lamps` as the table of docs/colour.md."""
    lines = [
        f"| | unit | neutral reference, tones {', '.join(optics.MELANIN)} | skin: share of its distance |",
        "|---|---|---|---|",
    ]
    for name, share in entry["contrast"].items():
        measure = all_measures()[name]
        rms = entry["neutral"].get(name)
        unit = all_measures()[OF_LEVEL.get(name, name)].unit
        told = " / ".join(f"{value:.2g}" for value in rms) if rms else ""
        lines.append(f"| {measure.title} | {unit} | {told} | {share:.0%} |")
    return "\n".join(lines)


def write(path: Path, page: Path) -> None:
    """The table of numbers that ships, and the same for people in the page of the documentation."""
    found = derive()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")
    put_table(page, "lamp", table_of_lamps(found["another_lamp"]))

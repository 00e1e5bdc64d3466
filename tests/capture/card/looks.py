"""Photos of a card and skin finished by looks of another recipe than the correction's: films, tone mapping, filters.

Curves of each channel in one of five spaces, tone mapping by lightness, or curves that keep hue as raw converters do;
saturation in coded colour; windows of hue that are turned, strengthened and brightened; flare; and surfaces that are
brightened on their own. Cameras are not those of the prior.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.sighting import Sighting
from skinscan.phantom import light, optics
from skinscan.phantom.chart import patch_reflectances
from skinscan.records import Photo
from skinscan.study import card_spectra
from skinscan.study.card_prior import held_out_cameras
from tests.capture.card.patches import srgb_code

Array = NDArray[np.float64]

SIDE = 100
TONES: tuple[optics.Tone, ...] = ("I", "II", "III", "IV", "V", "VI")
LAMPS: tuple[light.Illuminant, ...] = ("D65", "D50", "A", "F2", "F11", "LED_B1", "LED_B3", "LED_B5")
SPACES = [
    np.array(rows) / np.sum(rows, axis=1, keepdims=True)
    for rows in (
        np.eye(3),
        np.linalg.inv([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]]),  # Display P3
        [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]],  # Rec. 2020
        [[0.7152, 0.2848, 0], [0, 1, 0], [0, 0.0412, 0.9588]],  # Adobe RGB
        [[0.5293, 0.3301, 0.1406], [0.0983, 0.8735, 0.0282], [0.0169, 0.1177, 0.8654]],  # ROMM
    )
]


class Look:
    """A finish drawn at `strength` 0 to 1: `apply` takes linear sRGB (n, 3) to codes."""

    def __init__(self, draw: np.random.Generator, strength: float) -> None:
        self.kind = ("film", "lightness", "hue kept")[draw.integers(3)]
        self.space = SPACES[draw.integers(len(SPACES))]
        self.contrast = 1 + 0.5 * strength * draw.uniform()
        self.shoulder = draw.uniform(0, 2.5) * min(2 * strength, 1)
        self.channels = 1 + 0.02 * strength * draw.normal(size=3)
        self.saturation = 1 + 0.4 * strength * draw.uniform()
        self.windows = [
            (
                draw.uniform(0, 360),
                draw.uniform(20, 50),
                6 * strength * draw.normal(),
                1 + 0.10 * strength * draw.normal(),
                1 + 0.05 * strength * draw.normal(),
            )
            for _ in range(draw.integers(1, 5))
        ]
        self.flare = strength * draw.uniform(0, 0.03) * (draw.random() < 0.6)
        self.surface = strength * draw.uniform(0, 0.06)
        self.chart = draw.uniform(0, 0.010)

    def curve(self, x: Array | float) -> Array:
        value = np.maximum(x, 0.0)
        soft = value * (1 + self.shoulder) / (1 + self.shoulder * value)
        return np.asarray(soft * ((soft + 0.02) / 0.2) ** (self.contrast - 1))

    def apply(self, linear: Array) -> Array:
        linear = linear * (1 - self.flare) + 0.35 * self.flare
        x = np.maximum(linear @ self.space.T, 1e-6)
        each = np.stack([self.curve(x[:, c] ** self.channels[c]) for c in range(3)], -1)
        if self.kind == "film":
            shown = each
        elif self.kind == "lightness":
            norm = 0.5 * x @ [0.25, 0.65, 0.1] + 0.5 * x.max(-1)
            shown = 0.6 * each + 0.4 * x * (self.curve(norm) / norm)[:, None]
        else:
            low, middle, high = np.sort(x, -1).T
            ends = self.curve(low), self.curve(high)
            share = (middle - low) / np.maximum(high - low, 1e-9)
            order = np.argsort(np.argsort(x, -1), -1)
            shown = np.stack([ends[0], ends[0] + share * (ends[1] - ends[0]), ends[1]], -1)
            shown = np.take_along_axis(shown, order, -1)
        code = srgb_code(shown / self.curve(1.0) @ np.linalg.inv(self.space).T)
        grey = (code @ [0.299, 0.587, 0.114])[:, None]
        return np.array([self._windowed(one) for one in np.clip(grey + self.saturation * (code - grey), 0, 1)])

    def _windowed(self, code: Array) -> tuple[float, float, float]:
        hue, saturation, value = colorsys.rgb_to_hsv(*code)
        turn, stronger, brighter = 0.0, 1.0, 1.0
        for middle, width, degrees, more, light_there in self.windows:
            inside = np.exp(-0.5 * (((hue * 360 - middle + 180) % 360 - 180) / width) ** 2) * min(saturation / 0.25, 1)
            turn, stronger, brighter = (
                turn + inside * degrees, stronger * more**inside, brighter * light_there**inside,
            )  # fmt: skip
        return colorsys.hsv_to_rgb((hue + turn / 360) % 1, min(saturation * stronger, 1), min(value * brighter, 1))


@dataclass(frozen=True)
class Shown:
    """A photo of skin, its card, and the skin's true CIELAB."""

    photo: Photo
    sighting: Sighting
    truth: Array


def photographed(seed: int, tone: optics.Tone, strength: float) -> Shown:
    draw = np.random.default_rng([seed, 991])
    kinds: list[int | str] = [*held_out_cameras(), 201, 202, 203, 204]
    kind, lamp = kinds[draw.integers(len(kinds))], LAMPS[draw.integers(len(LAMPS))]
    melanin, blood = optics.MELANIN[tone] * np.exp(draw.normal(0, 0.1)), optics.BLOOD * np.exp(draw.normal(0, 0.3))
    skin = optics.reflectance(melanin, blood)
    chart = (patch_reflectances("before_2014"), card_spectra.after_2014())[draw.integers(2)]
    look = Look(draw, strength)
    weights, matrix, _ = light.camera_rgb(kind, lamp)
    gains = draw.uniform(0.65, 0.98) * np.exp(draw.normal(0, 0.03, 3))
    own = np.exp(look.chart * draw.normal(size=(24, 3)) + look.surface * draw.normal(size=(24, 1)))
    codes = look.apply(chart @ weights * own * gains @ matrix.T) + draw.normal(0, 0.2 / 255, (24, 3))
    shown = look.apply((skin @ weights * np.exp(look.surface * draw.normal()) * gains @ matrix.T)[None])[0]
    pixels = np.clip(np.rint(255 * shown + draw.normal(0, 1.5, (SIDE, SIDE, 3))), 0, 255).astype(np.uint8)
    at = np.linspace(0, 1, 256)
    lut = np.where(at <= 0.04045, at / 12.92, ((at + 0.055) / 1.055) ** 2.4).astype(np.float32)
    codes = np.clip(codes, 0, 1)
    return Shown(
        Photo(pixels, np.tile(lut, (3, 1)), np.eye(3, dtype=np.float32), sha256="", name="look.png", format="PNG"),
        Sighting(
            homography=np.array([[10.0, 0, 24.5], [0, 10.0, 34.5], [0, 0, 1]]),
            mirrored=False,
            codes=codes,
            spread=np.full((24, 3), 1.5 / 255),
            pixels=np.full(24, 900),
            usable=np.ones(24, bool),
            clipped=(codes > 0.99) | (codes < 0.01),
        ),
        np.asarray(light.lab_of(skin)),
    )

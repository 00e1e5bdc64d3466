"""A card and skin seen by a phantom's camera without drawing a picture: codes of patches, and a small photo of skin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.sighting import Sighting
from skinscan.phantom import light, optics
from skinscan.phantom.chart import patch_reflectances
from skinscan.records import Photo

Array = NDArray[np.float64]

SIDE = 120
TO_P3 = np.linalg.inv(np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]))
"""Linear sRGB to linear Display P3."""


def srgb_code(linear: Array) -> Array:
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def filmic_code(linear: Array) -> Array:
    """A contrasty curve with a soft shoulder (Hable), of no kind that the correction knows."""

    def shoulder(x: Array | float) -> Array:
        return np.asarray((x * (0.15 * x + 0.05) + 0.004) / (x * (0.15 * x + 0.5) + 0.06) - 0.02 / 0.3)

    return srgb_code(shoulder(3.0 * np.clip(linear, 0, 1)) / shoulder(3.0))


CURVES = {"srgb": srgb_code, "filmic": filmic_code, "gamma": lambda v: np.clip(v, 0, 1) ** (1 / 1.8)}


@dataclass(frozen=True)
class Scene:
    """What is seen, and how; `fall` is the light's logarithm from the card's middle to its right side, `sheen` the
    share of white that the skin's surface mirrors."""

    camera: int | str = "Fujifilm X-T4"
    lamp: light.Illuminant = "D65"
    tone: optics.Tone = "III"
    formulation: Literal["before_2014", "after_2014"] = "before_2014"
    curve: str = "filmic"
    balance: tuple[float, float, float] = (1.03, 1.0, 0.97)
    exposure: float = 0.8
    fall: float = 0.0
    skin_light: float = 1.0
    grain: float = 1.5
    seed: int = 0
    bits: int = 8
    p3: bool = False
    sheen: float = 0.0

    def codes(self, reflectance: Array, light_there: Array | float = 1.0) -> Array:
        weights, matrix, _ = light.camera_rgb(self.camera, self.lamp)
        seen = self.exposure * (reflectance @ weights) * light_there
        linear = (seen * 0.996 + 0.001) * np.array(self.balance) @ matrix.T
        return CURVES[self.curve](linear @ TO_P3.T if self.p3 else linear)

    def truth(self) -> Array:
        """CIELAB of the skin."""
        return np.asarray(light.lab_of(self.skin()))

    def skin(self) -> Array:
        return np.asarray(optics.reflectance(optics.MELANIN[self.tone], optics.BLOOD))

    def photo(self) -> Photo:
        """Skin with a grain, SIDE px square."""
        top = 2**self.bits - 1
        draw = np.random.default_rng(self.seed)
        code = (
            self.codes(self.skin() + self.sheen, self.skin_light) * top
            + draw.normal(0, self.grain, (SIDE, SIDE, 3)) * top / 255
        )
        v = np.linspace(0, 1, top + 1)
        lut = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4).astype(np.float32)
        return Photo(
            pixels=np.clip(np.rint(code), 0, top).astype(np.uint8 if self.bits == 8 else np.uint16),
            lut=np.tile(lut, (3, 1)),
            matrix=np.linalg.inv(TO_P3 if self.p3 else np.eye(3)).astype(np.float32),
            sha256="",
            name="skin.png",
            format="PNG",
        )

    def sighting(self) -> Sighting:
        """The card, its middle in the middle of the photo."""
        x = np.arange(24) % 6
        falling = np.exp(self.fall * (x - 2.5) / 2.5)[:, None]
        draw = np.random.default_rng(self.seed + 1)
        codes = self.codes(patch_reflectances(self.formulation), falling) + draw.normal(0, 0.2 / 255, (24, 3))
        pitch = 12.0
        middle = (SIDE - 1) / 2
        return Sighting(
            homography=np.array([[pitch, 0, middle - 2.5 * pitch], [0, pitch, middle - 1.5 * pitch], [0, 0, 1.0]]),
            mirrored=False,
            codes=np.clip(codes, 0, 1),
            spread=np.full((24, 3), self.grain / 255),
            pixels=np.full(24, 900),
            usable=np.ones(24, bool),
            clipped=(codes > 0.99) | (codes < 0.01),
        )


EVERYWHERE = np.ones((SIDE, SIDE), bool)

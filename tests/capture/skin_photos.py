"""Photos for the tests of capture: of phantoms, and of pixels made by hand."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.phantom import Camera, Props, Shot, Skin, SkinRecipe, make_skin, photograph
from skinscan.records import Photo

TONES = ("I", "II", "III", "IV", "V", "VI")


def photo_of(pixels: NDArray[Any], **fields: Any) -> Photo:
    """An sRGB Photo of (H, W, 3) uint8 or uint16 pixels, which are copied."""
    top = np.iinfo(pixels.dtype).max
    code = np.arange(top + 1) / top
    curve = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return Photo(
        pixels=np.array(pixels, order="C"),
        lut=np.tile(curve, (3, 1)),
        matrix=np.eye(3, dtype=np.float32),
        sha256="0" * 64,
        name="test.png",
        format="PNG",
        **fields,
    )


@cache
def _skin(tone: str, seed: int, side_mm: float, grid_um: float) -> Skin:
    recipe = SkinRecipe(seed, tone, width_mm=side_mm, height_mm=side_mm)  # type: ignore[arg-type]
    return make_skin(recipe, grid_um)


@cache
def shot(tone: str, seed: int = 31, props: Props | None = None, **camera: Any) -> Shot:
    """A phantom's photograph of 480 x 480 px at 20 px/mm, unless told otherwise."""
    view = Camera(**{"px_per_mm": 20.0, "size_px": (480, 480), **camera})
    side = 1.45 * max(view.size_px) / view.px_per_mm + 4.0
    return photograph(_skin(tone, seed, side, min(30.0, 1000.0 / view.px_per_mm / 1.5)), view, props)


def skin_photo(tone: str, seed: int = 31, props: Props | None = None, **camera: Any) -> Photo:
    return photo_of(shot(tone, seed, props, **camera).pixels)

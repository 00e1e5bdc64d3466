"""Whether skin shines so that its colour is moved, told from its fine structure.

The fine structure of matte skin is dark: light is lost in pores and furrows, and nothing stands out much brighter than
the level skin around. What the surface mirrors stands in small bright peaks, where it faces the lamp; luminance skewed
to the bright side is what people see as gloss (Motoyoshi et al. 2007, doi 10.1038/nature05724). How much is mirrored
cannot be told so, for an even sheen has no peaks: a flag that stays off proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from skinscan.arrays.statistics import percentile
from skinscan.capture.blur import Floats

GLOSSY, MOST_NOISE = 0.045, 0.10
"""Peaks, times how much they outweigh the pits, from which the skin is said to shine (`Peaks.gloss`); and the noise of
a photo (SD of a pixel's log-luminance) from which on that makes such peaks by itself, on dark skin before others."""
FINE_PX, COARSE_PX = 1.0, 8.0
"""Fine structure is what lies between Gaussians of these widths; noise of single pixels is less."""
EDGE_PX = 8
"""Left out along a tile's edges, where the wide Gaussian lacks its other half."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """How far the brightest hundredth of fine structure stands above its middle, `bright`, and the darkest below it,
    `dark`: natural logarithms of luminance, medians over tiles; NaN where there is no tile."""

    bright: float
    dark: float

    @property
    def gloss(self) -> float:
        """`bright` times its ratio to `dark`: 0.02 on matte skin, 0.04 to 0.05 at most; NaN where unknown."""
        return self.bright**2 / self.dark if self.dark > 0 else math.nan

    def tell_gloss(self, noise: float) -> bool:
        """Whether they tell that the skin shines, in a photo of this noise (`blur.Blur.noise`)."""
        return self.gloss > GLOSSY and noise < MOST_NOISE


def find_peaks(skin: Sequence[Floats]) -> Peaks:
    """The peaks and pits of tiles of log-luminance (`blur.tiles_of`)."""
    found = [_of_tile(tile) for tile in skin if min(tile.shape) > 3 * EDGE_PX]
    if not found:
        return Peaks(math.nan, math.nan)
    bright, dark = np.median(found, axis=0)
    return Peaks(float(bright), float(dark))


def _of_tile(tile: Floats) -> tuple[float, float]:
    fine, coarse = (cv2.GaussianBlur(tile, (0, 0), sigma) for sigma in (FINE_PX, COARSE_PX))
    within = slice(EDGE_PX, -EDGE_PX, 2)  # every other pixel: Gaussians of a pixel make neighbours alike
    values = (fine - coarse)[within, within].ravel()
    low, middle, high = (float(percentile(values, share)) for share in (1, 50, 99))
    return high - middle, middle - low

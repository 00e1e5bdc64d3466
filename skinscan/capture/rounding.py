"""What JPEG's rounding does to the colour of an even patch.

A patch of one colour has one colour coefficient a block, and every block rounds it alike: to a step of half an 8-bit
count at quality 85, unseen by any scatter within the patch. Skin is uneven enough that its blocks round each their way.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from skinscan.records import BoolArray, Photo

FIRST_COLOUR_STEP = 17
"""Quantiser of the mean colour in the JPEG standard's example table (T.81, K.2), at IJG quality 50."""

WHOLE_COUNTS = 0.25
"""SD in Cb and Cr of red, green and blue rounded to whole counts, alike all over a patch that JPEG has made flat."""

CB_TO_RGB, CR_TO_RGB = (0.0, -0.344, 1.772), (1.402, -0.714, 0.0)
"""JFIF: what one count of Cb, or Cr, adds to red, green and blue."""


def coarseness(quality: int | None) -> float:
    """How coarsely JPEG of an IJG quality of 1-100 rounds: its steps over those at quality 50; 0 for no JPEG."""
    if quality is None:
        return 0.0
    return (5000 / max(quality, 1) if quality < 50 else 200 - 2 * quality) / 100


def colour_step(quality: int) -> float:
    """Step of a block's mean Cb and Cr, in 8-bit counts, at an IJG quality of 1-100."""
    return max(1.0, math.floor(FIRST_COLOUR_STEP * coarseness(quality) + 0.5)) / 8


def patch_errors(photo: Photo, patch: BoolArray) -> NDArray[np.float64]:
    """Linear RGB that one SD of rounding of Cb, and of Cr, adds to an even patch: (2, 3); (0, 3) if it is no JPEG."""
    if photo.jpeg_quality is None or photo.pixels.dtype != np.uint8 or not patch.any():
        return np.zeros((0, 3))
    codes = photo.pixels[patch].mean(0)
    sd = math.hypot(colour_step(photo.jpeg_quality) / math.sqrt(12), WHOLE_COUNTS)
    counts = np.arange(photo.lut.shape[1])
    linear = [
        [np.interp(code + sd * share, counts, lut) - np.interp(code, counts, lut) for code, share, lut in zip(
            codes, shares, photo.lut, strict=True)]
        for shares in (CB_TO_RGB, CR_TO_RGB)
    ]  # fmt: skip
    return np.asarray(np.array(linear) @ photo.matrix.T.astype(np.float64))

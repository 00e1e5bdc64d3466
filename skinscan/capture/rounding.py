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

RGB_TO_CB, RGB_TO_CR = (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312)
"""JFIF: Cb and Cr of red, green and blue."""


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


def skin_errors(photo: Photo, skin: BoolArray) -> NDArray[np.float64]:
    """One SD of what rounding of Cb, and of Cr, does to the mean of skin: red, green and blue in codes of 0-1, (2, 3).

    Rounding a signal of spread s to steps d leaves a mean error of up to d / pi exp(-2 pi^2 (s / d)^2) (Widrow): next
    to nothing for uneven skin, nearly all of it for dark skin in a photo that was saved small.
    """
    if photo.jpeg_quality is None or photo.pixels.dtype != np.uint8 or not skin.any():
        return np.zeros((2, 3))
    side = 16 if photo.chroma_subsampled else 8
    step = colour_step(photo.jpeg_quality)
    rows, columns = (length // side for length in skin.shape)
    every = max(rows * columns // 2000, 1)
    whole = skin[: rows * side, : columns * side].reshape(rows, side, columns, side).all(axis=(1, 3))
    blocks = np.argwhere(whole)[::every]
    errors = np.zeros((2, 3))
    means = np.array(
        [photo.pixels[r * side : (r + 1) * side, c * side : (c + 1) * side].mean((0, 1)) for r, c in blocks]
    )
    for row, (shares, weights) in enumerate(((CB_TO_RGB, RGB_TO_CB), (CR_TO_RGB, RGB_TO_CR))):
        spread = float(np.std(means @ weights)) if len(means) > 1 else 0.0
        rest = math.exp(-2 * math.pi**2 * (spread / step) ** 2) if step > 0 else 0.0
        errors[row] = np.array(shares) * step / (math.pi * math.sqrt(2)) * rest / 255
    return errors

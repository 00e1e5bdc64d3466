"""Which pixels show skin: without a face, without a trained model, on every skin tone.

Skin colour is melanin and blood over white scatter: whatever its tone, red exceeds green exceeds blue in linear
light. The 4392 measured spectra of Xiao et al. 2016 have, in linear sRGB under D65, ln(R/G) = 0.50 +- 0.12 and
ln(G/B) = 0.35 +- 0.09, nearly uncorrelated and nearly the same from pale to dark. A lamp or white balance off by
20 % shifts both by up to 0.2: that is the breadth of the prior. The photo itself then says where inside the prior
its skin lies (two colour histograms, skin and rest, learnt in turn), so that a beige wall or brown hair that
differs from the skin is told apart. A photo with nothing but skin has no rest, and all of it is taken.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.records import BoolArray, Photo

WORK_PX = 640
"""Longer side of the reduced photo on which skin is found."""

LOCUS_MEAN = (0.50, 0.32)
LOCUS_SD = (0.22, 0.25)
"""Centre and standard deviation of ln(R/G), ln(G/B): spectra of skin and a white balance off by 20 %."""

Floats = NDArray[np.float32]

_FLOOR = 0.002
"""Added to linear light before ratios are taken: the noise and glare of a camera's black."""
_BINS = (24, 24, 20)
_LOW = (-0.6, -0.8, -5.5)
_HIGH = (1.6, 1.6, 0.2)
_ROUNDS = 5


def find_skin(photo: Photo) -> BoolArray:
    """(H, W) mask of skin. Pores, spots and redness within skin belong to it; hair, eyes, lips and cloth do not."""
    work = reduced(photo, WORK_PX)
    small = _skin_of(work)
    height, width = photo.shape
    soft = cv2.resize(small.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    mask: BoolArray = soft > 0.5
    if photo.opaque is not None:
        mask &= photo.opaque
    return mask


def reduced(photo: Photo, longest_px: int) -> Floats:
    """Linear-light RGB of the photo with its longer side reduced to `longest_px` (never enlarged), >= 0."""
    height, width = photo.shape
    factor = min(1.0, longest_px / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    codes = photo.pixels if factor == 1.0 else cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    linear = np.stack([photo.lut[c][codes[..., c]] for c in range(3)], axis=-1)
    return np.maximum(linear @ photo.matrix.T, 0.0).astype(np.float32)


def _skin_of(linear: Floats) -> BoolArray:
    features = colour_features(linear)
    texture = _texture(features[..., 2])
    prior = _prior(features, texture)
    probability = _learn(features, prior)
    probability *= _not_far_darker(features[..., 2], texture, probability)
    mask = (probability > 0.5) & ~_constant(linear)
    return _tidy(mask)


def _not_far_darker(log_luminance: Floats, texture: Floats, probability: Floats) -> Floats:
    """1 for pixels as bright as the skin found, down to 0 for those far darker and textured: hair and brows.

    Smooth skin may lie in a shadow of 1/20; hair is darker than 1/5 of the skin and full of edges.
    """
    sure = probability > 0.8
    if np.count_nonzero(sure) < 50:
        return np.ones_like(probability)
    level = float(np.median(log_luminance[sure]))
    darker = np.clip((level - log_luminance) / np.log(5.0), 0.0, 2.0)
    hairy = darker * (0.5 + cv2.GaussianBlur(texture, (0, 0), 2.0) / 0.25)
    return (1.0 / (1.0 + np.exp(np.clip((hairy - 1.3) / 0.15, -30, 30)))).astype(np.float32)


def colour_features(linear: Floats) -> Floats:
    """ln(R/G), ln(G/B) and ln(luminance) of linear RGB, (h, w, 3) float32."""
    logs = np.log(linear + _FLOOR)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    return np.stack(
        [logs[..., 0] - logs[..., 1], logs[..., 1] - logs[..., 2], np.log(luminance + _FLOOR)], axis=-1
    )


def _texture(log_luminance: Floats) -> Floats:
    """SD of log-luminance in 5 x 5 pixels: hair, cloth and outlines."""
    mean = cv2.blur(log_luminance, (5, 5))
    square = cv2.blur(log_luminance * log_luminance, (5, 5))
    return np.sqrt(np.maximum(square - mean * mean, 0.0))


def _prior(features: Floats, texture: Floats) -> Floats:
    """Chance of skin by colour and texture alone, from 0 to 1."""
    u = (features[..., 0] - LOCUS_MEAN[0]) / LOCUS_SD[0]
    v = (features[..., 1] - LOCUS_MEAN[1]) / LOCUS_SD[1]
    colour = np.exp(-0.5 * (np.maximum(np.hypot(u, v) - 1.2, 0.0) / 0.7) ** 2)
    smooth = np.exp(-((texture / 0.45) ** 2))
    dark = 1.0 / (1.0 + np.exp(-(features[..., 2] - np.log(0.012)) / 0.25))
    result: Floats = (colour * smooth * dark).astype(np.float32)
    return np.clip(result, 1e-4, 0.98)


def _learn(features: Floats, prior: Floats) -> Floats:
    """Chance of skin once this photo's own colours are learnt, (h, w)."""
    low, high, bins = (np.array(a, np.float32) for a in (_LOW, _HIGH, _BINS))
    place = np.clip((features - low) / (high - low) * bins, 0, bins - 1).astype(np.intp)
    index = np.ravel_multi_index(tuple(place[..., k] for k in range(3)), _BINS)
    floor = 0.02 / np.prod(_BINS)
    odds_prior = np.log(prior / (1.0 - prior))
    probability = prior
    for _ in range(_ROUNDS):
        skin = _density(index, probability) + 0.2 * floor
        rest = float((1.0 - probability).mean()) * _density(index, 1.0 - probability) + floor
        odds = odds_prior + np.clip(np.log(skin / rest), -3.0, 3.0)[index]
        odds = cv2.GaussianBlur(np.clip(odds, -6, 6).astype(np.float32), (0, 0), 1.2)
        probability = (1.0 / (1.0 + np.exp(-odds))).astype(np.float32)
    return probability


def _density(index: NDArray[np.intp], weight: Floats) -> NDArray[np.float64]:
    """Smoothed, normalised colour histogram, flat."""
    from scipy.ndimage import gaussian_filter

    counts = np.bincount(index.ravel(), weight.ravel(), minlength=int(np.prod(_BINS))).reshape(_BINS)
    smooth: NDArray[np.float64] = gaussian_filter(counts, 1.0, mode="nearest").ravel()
    return smooth / max(float(smooth.sum()), 1e-9)


def _constant(linear: Floats) -> BoolArray:
    """Where 5 x 5 pixels are exactly alike: bars, pads and borders drawn by software."""
    kernel = np.ones((5, 5), np.uint8)
    spread = sum(cv2.dilate(c, kernel) - cv2.erode(c, kernel) for c in cv2.split(linear))
    flat = (np.asarray(spread) == 0.0).astype(np.uint8)
    grown: BoolArray = cv2.dilate(flat, kernel) > 0
    return grown


def _tidy(mask: BoolArray) -> BoolArray:
    """Small islands away, small holes filled.

    Islands: under 0.1 % of the picture or 2 % of the largest. Holes: under 0.03 %, and up to 3 % where skin fills
    the picture, since a hole in a close-up is a mole, a scar or a crease, and not an eye.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    filling = float(np.clip((opened.mean() - 0.75) / 0.15, 0.0, 1.0))
    without = _large_parts(opened, 0.001 * mask.size, 0.02)
    result: BoolArray = ~_large_parts(~without, (0.0003 + 0.03 * filling) * mask.size, 0.0)
    return result


def _large_parts(mask: BoolArray, least_px: float, share_of_largest: float) -> BoolArray:
    """The mask without the connected parts (4 neighbours) that are small."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    large = areas >= max(least_px, share_of_largest * float(areas.max()), 1.0)
    result: BoolArray = large[labels]
    return result

"""Which pixels show skin: without a face, without a trained model, on every skin tone.

Skin colour is melanin and blood over white scatter: whatever its tone, red exceeds green exceeds blue in
linear light. The 4392 measured spectra of Xiao et al. 2016 have, in linear sRGB under D65, ln(R/G) = 0.50 +-
0.12 and ln(G/B) = 0.35 +- 0.09, nearly uncorrelated and nearly the same from pale to dark. A lamp or white
balance off by 20 % shifts both by up to 0.2; and melanin without the surface's white light goes on to 1 and
more (`colours.py`). The photo itself then says where in this its skin lies: first by how each of its colours
lies in the picture (`main_colour.py`), then by two colour histograms, skin and rest, learnt in turn, so that a
beige wall or brown hair that differs from the skin is told apart. A photo with nothing but skin has no rest,
and all of it is taken; one of nothing but wood or leather of skin's colours cannot be told from skin.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.skin.colours import Colours, Floats, colours_of, locus
from skinscan.capture.skin.main_colour import MainColour, main_colour, near
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import BoolArray, Photo

WORK_PX = 640
"""Longer side of the reduced photo on which skin is found."""

CLOSE_UP_SHARE = 0.85
"""Share of a photo in colours of skin and its pigments from which it is a close-up without surroundings."""

MOST_TEXTURE = 0.17
"""Median SD of log-luminance in 5 x 5 pixels of the reduced photo, and of half of it, over which it is bark, cloth or
gravel: skin has up to 0.12, and more only where a sensor's grain makes it, which is gone at half the size."""

DRAWN_PX = 29
"""Side of the square of exactly alike reduced pixels from which software, and no camera, made them."""

_BINS = (24, 30, 20)
_LOW = (-0.6, -0.8, -5.5)
_HIGH = (1.6, 2.2, 0.2)
_BINS_OF_ALL = _BINS[0] * _BINS[1] * _BINS[2]
_ROUNDS = 5
_EVERY = 2
_BELL = cv2.getGaussianKernel(9, 1.0)


def find_skin(photo: Photo, thumbnails: Thumbnails | None = None, covered: BoolArray | None = None) -> BoolArray:
    """(H, W) mask of skin. Pores, spots and redness within skin belong to it; hair, eyes and cloth do not.

    Lips are left out where they are much redder than the skin. Without colour (`photo.is_grey`) nothing can
    be told apart, and all that is not a constant area is taken. `thumbnails` of the photo where they are made already;
    `covered` (H, W): stickers and cards, of which no colour is asked and which are no skin.

    On 12 portraits with hand-placed points, light to dark: 94-98 % of the face's skin is found, 0 % of wall
    and shirt, up to 15 % of short or parted hair. On phantoms of tones I-VI, with white balance off by 20 %:
    98 % or more of a close-up, and 99 % of skin before a neutral ground at a precision of 99 %.
    """
    work = (thumbnails or Thumbnails(photo)).linear(WORK_PX)
    bare = np.ones(work.shape[:2], np.bool_)
    if covered is not None:
        size = (work.shape[1], work.shape[0])
        bare = cv2.resize(covered.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) == 0
    small = ~_constant(work) if photo.is_grey else _skin_of(work, bare)
    height, width = photo.shape
    soft = cv2.resize(small.view(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_LINEAR)
    mask: BoolArray = soft > 127
    if photo.opaque is not None:
        mask &= photo.opaque
    if covered is not None:
        mask &= ~covered
    return mask


def _skin_of(linear: Floats, bare: BoolArray) -> BoolArray:
    colours = colours_of(linear)
    texture = _texture(colours.level)
    carrying = _carrying(colours.level, texture)
    main = main_colour(linear, carrying, texture, bare)
    if main is None:
        return np.zeros(linear.shape[:2], np.bool_)
    probability = _learn(colours, np.cbrt(locus(colours)) * carrying * near(colours, main))
    probability *= _not_far_darker(colours.level, texture, probability)
    drawn = _constant(linear)
    mask = _tidy((probability > 0.5) & ~drawn)
    pigmented = _pigmented(colours, main) & (carrying > 0.2) & ~drawn
    if pigmented.mean() > CLOSE_UP_SHARE and mask.mean() > 0.5:
        mask = _tidy(pigmented | mask)
    return np.zeros_like(mask) if _rough(texture, colours.level, mask) else mask


def _rough(texture: Floats, log_luminance: Floats, mask: BoolArray) -> bool:
    """Whether what was found is too rough for skin."""
    if not mask.any() or float(np.median(texture[mask])) < MOST_TEXTURE:
        return False
    size = (max(1, mask.shape[1] // 2), max(1, mask.shape[0] // 2))
    coarse = _texture(np.asarray(cv2.resize(log_luminance, size, interpolation=cv2.INTER_AREA), np.float32))
    within = cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return bool(within.any()) and float(np.median(coarse[within])) > MOST_TEXTURE


def _pigmented(colours: Colours, main: MainColour) -> BoolArray:
    """Colours that more blood or melanin, or less melanin, can make of skin of the main colour."""
    u, v = colours.u - main[0], colours.v - main[1]
    result: BoolArray = (u > -0.25) & (u < 0.9) & (np.abs(v - 0.1) < 0.5)
    return result


def _not_far_darker(log_luminance: Floats, texture: Floats, probability: Floats) -> Floats:
    """1 for pixels as bright as the skin found, down to 0 for those far darker and textured: hair and brows.

    Smooth skin may lie in a shadow of 1/20; hair is darker than 1/5 of the skin and full of edges.
    """
    sure = probability > 0.8
    if np.count_nonzero(sure[::_EVERY, ::_EVERY]) < 50:
        return np.ones_like(probability)
    level = float(np.median(log_luminance[::_EVERY, ::_EVERY][sure[::_EVERY, ::_EVERY]]))
    darker = np.clip((level - log_luminance) / np.log(5.0), 0.0, 2.0)
    hairy = darker * (0.5 + cv2.GaussianBlur(texture, (0, 0), 2.0) / 0.25)
    return np.asarray(1.0 / (1.0 + np.exp(np.clip((hairy - 1.3) / 0.15, -30, 30))), np.float32)


def _texture(log_luminance: Floats) -> Floats:
    """SD of log-luminance in 5 x 5 pixels: hair, cloth and outlines."""
    mean = cv2.blur(log_luminance, (5, 5))
    square = cv2.blur(log_luminance * log_luminance, (5, 5))
    return np.sqrt(np.maximum(square - mean * mean, 0.0))


def _carrying(log_luminance: Floats, texture: Floats) -> Floats:
    """Chance that a pixel is smooth and bright enough to be skin, from 0 to 1."""
    smooth = np.exp(-((texture / 0.33) ** 2))
    dark = 1.0 / (1.0 + np.exp(-(log_luminance - np.log(0.010)) / 0.25))
    return np.asarray(smooth * dark, np.float32)


def _learn(colours: Colours, prior: Floats) -> Floats:
    """Chance of skin once this photo's own colours are learnt, (h, w)."""
    prior = np.clip(prior, np.float32(1e-4), np.float32(0.98))
    few, odds = _bin_of(colours.thinned(_EVERY)), _odds(prior[::_EVERY, ::_EVERY])
    every = _smoothed(np.bincount(few.ravel(), minlength=_BINS_OF_ALL))
    probability, learnt = _chance(odds), np.zeros(_BINS_OF_ALL, np.float32)
    floor = 0.02 / _BINS_OF_ALL
    for _ in range(_ROUNDS):
        counts = _smoothed(np.bincount(few.ravel(), probability.ravel(), minlength=_BINS_OF_ALL))
        skin = _normalised(counts) + 0.2 * floor
        rest = (1.0 - float(probability.mean())) * _normalised(every - counts) + floor
        learnt = np.clip(np.log(skin / rest), -3.0, 3.0).astype(np.float32)
        probability = _chance(_blurred_odds(odds + learnt[few], 1.2 / _EVERY))
    return _chance(_blurred_odds(_odds(prior) + learnt[_bin_of(colours)], 1.2))


def _bin_of(colours: Colours) -> NDArray[np.intp]:
    """Each pixel's bin of the colour histogram, (h, w)."""
    index = np.zeros(colours.u.shape, np.float32)
    for plane, low, high, bins in zip(colours, _LOW, _HIGH, _BINS, strict=True):
        place = (plane - np.float32(low)) * np.float32(bins / (high - low))
        index = index * bins + np.floor(np.clip(place, 0, bins - 1, out=place), out=place)
    return index.astype(np.intp)


def _odds(chance: Floats) -> Floats:
    return np.asarray(np.log(chance / (1.0 - chance)), np.float32)


def _chance(odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-odds)), np.float32)


def _blurred_odds(odds: Floats, sigma_px: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(np.clip(odds, -6, 6), (0, 0), sigma_px), np.float32)


def _smoothed(counts: NDArray[Any]) -> NDArray[np.float64]:
    """A colour histogram (flat) smoothed along each of its axes."""
    table: NDArray[np.float64] = np.asarray(counts, np.float64).reshape(_BINS)
    for axis in range(3):
        lines = np.ascontiguousarray(np.moveaxis(table, axis, -1))
        flat = lines.reshape(-1, lines.shape[-1])
        smooth = cv2.sepFilter2D(flat, -1, _BELL, np.ones(1), borderType=cv2.BORDER_REPLICATE)
        table = np.moveaxis(np.asarray(smooth, np.float64).reshape(lines.shape), -1, axis)
    return np.ascontiguousarray(table).ravel()


def _normalised(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """A histogram as shares."""
    counts = np.maximum(counts, 0.0)
    return counts / max(float(counts.sum()), 1e-9)


def _constant(linear: Floats) -> BoolArray:
    """Where all pixels of a square are exactly alike: bars, pads and borders drawn by software.

    Smooth skin saved as a small JPEG is alike within a block of 8 x 8 and from a block to the next, but not over many.
    """
    kernel = np.ones((5, 5), np.uint8)
    alike = cv2.inRange(cv2.dilate(linear, kernel) - cv2.erode(linear, kernel), (0, 0, 0), (0, 0, 0))
    least = np.ones((DRAWN_PX - 4, DRAWN_PX - 4), np.uint8)
    whole = cv2.morphologyEx(alike, cv2.MORPH_OPEN, least)
    grown: BoolArray = cv2.dilate(whole, kernel) > 0
    return grown


def _tidy(mask: BoolArray) -> BoolArray:
    """Small islands away, small holes filled.

    Islands: under 0.1 % of the picture or 2 % of the largest. Holes: under 0.03 %, and up to 3 % where skin
    fills the picture, since a hole in a close-up is a mole, a scar or a crease, and not an eye.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    opened = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    filling = float(np.clip((opened.mean() - 0.75) / 0.15, 0.0, 1.0))
    without = _large_parts(opened, 0.001 * mask.size, 0.02)
    result: BoolArray = ~_large_parts(~without, (0.0003 + 0.03 * filling) * mask.size, 0.0)
    return result


def _large_parts(mask: BoolArray, least_px: float, share_of_largest: float) -> BoolArray:
    """The mask without the connected parts (4 neighbours) that are small."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    large = areas >= max(least_px, share_of_largest * float(areas.max()), 1.0)
    result: BoolArray = large[labels]
    return result

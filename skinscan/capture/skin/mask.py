"""Which pixels show skin: without a face, without a trained model, on every skin tone.

Skin colour is melanin and blood over white scatter: whatever its tone, red exceeds green exceeds blue in
linear light. The 4392 measured spectra of Xiao et al. 2016 have, in linear sRGB under D65, ln(R/G) = 0.50 +-
0.12 and ln(G/B) = 0.35 +- 0.09, nearly uncorrelated and nearly the same from pale to dark. A lamp or white
balance off by 20 % shifts both by up to 0.2: that is the breadth of the prior. The photo itself then says
where inside the prior its skin lies (two colour histograms, skin and rest, learnt in turn), so that a beige
wall or brown hair that differs from the skin is told apart. A photo with nothing but skin has no rest, and
all of it is taken.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import BoolArray, Photo

WORK_PX = 640
"""Longer side of the reduced photo on which skin is found."""

LOCUS_MEAN = (0.50, 0.32)
LOCUS_SD = (0.22, 0.25)
"""Centre and standard deviation of ln(R/G), ln(G/B): spectra of skin and a white balance off by 20 %."""

CLOSE_UP_SHARE = 0.85
"""Share of a photo in colours of skin and its pigments from which it is a close-up without surroundings."""

ONE_SKIN_SD = (0.15, 0.14)
"""Standard deviation of ln(R/G), ln(G/B) within one photo of one person: spots, redness, gloss, shadow."""

DEEP_ACROSS, DEEP_MOST, DEEP_SHARE = (0.05, 0.32), 2.1, 0.1
"""Colourful dark skin: centre and half-width of ln(R/G) - ln(G/B), largest sum of both, and how much less likely such
a colour (which wood and clay have too) is taken for the photo's skin than an ordinary one."""

PAPER = 0.05
"""ln(R/G) - ln(G/B) under which a colour is that of paper or paint rather than of skin (0.15 +- 0.15)."""

PALE = 0.85
"""ln(R/B) from which a colour is too strong for a white wall under a warm lamp."""

REDDER_SHARE, REDDER_SCORE = 0.03, 0.2
"""Least share of the skin-like colours, and least score beside the best one's, of a colour that is taken instead."""

LEAST_COLOUR = 0.36
"""ln(R/B) under which a photo's most skin-like colour is grey, and not pale skin under a bluish lamp
(0.40)."""

MOST_TEXTURE = 0.17
"""Median SD of log-luminance in 5 x 5 reduced pixels over which it is bark, cloth or gravel (skin: up to
0.12)."""

Floats = NDArray[np.float32]

_FLOOR = 0.002
"""Added to linear light before ratios are taken: the noise and glare of a camera's black."""
_BINS = (24, 24, 20)
_LOW = (-0.6, -0.8, -5.5)
_HIGH = (1.6, 1.6, 0.2)
_BINS_OF_ALL = _BINS[0] * _BINS[1] * _BINS[2]
_ROUNDS = 5
_EVERY = 2
_BELL = cv2.getGaussianKernel(9, 1.0)


def find_skin(photo: Photo, thumbnails: Thumbnails | None = None) -> BoolArray:
    """(H, W) mask of skin. Pores, spots and redness within skin belong to it; hair, eyes and cloth do not.

    Lips are left out where they are much redder than the skin. Without colour (`photo.is_grey`) nothing can
    be told apart, and all that is not a constant area is taken. `thumbnails` of the photo where they are made already.

    On 12 portraits with hand-placed points, light to dark: 94-98 % of the face's skin is found, 0 % of wall
    and shirt, up to 15 % of short or parted hair. On phantoms of tones I-VI, with white balance off by 20 %:
    98 % or more of a close-up, and 99 % of skin before a neutral ground at a precision of 99 %.
    """
    work = (thumbnails or Thumbnails(photo)).linear(WORK_PX)
    small = ~_constant(work) if photo.is_grey else _skin_of(work)
    height, width = photo.shape
    soft = cv2.resize(small.view(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_LINEAR)
    mask: BoolArray = soft > 127
    if photo.opaque is not None:
        mask &= photo.opaque
    return mask


class _Colours(NamedTuple):
    """ln(R/G), ln(G/B) and ln(luminance) of a picture, (h, w) each."""

    u: Floats
    v: Floats
    level: Floats

    def thinned(self) -> _Colours:
        """Every _EVERY-th pixel of every _EVERY-th row: enough to count colours by."""
        return _Colours(*(np.ascontiguousarray(plane[::_EVERY, ::_EVERY]) for plane in self))


def _skin_of(linear: Floats) -> BoolArray:
    colours = _colours(linear)
    texture = _texture(colours.level)
    carrying = _carrying(colours.level, texture)
    locus = _locus(colours)
    main = _main_colour(colours.thinned(), (locus * carrying)[::_EVERY, ::_EVERY])
    if main[0] + main[1] < LEAST_COLOUR:
        return np.zeros(linear.shape[:2], np.bool_)
    probability = _learn(colours, np.cbrt(locus) * carrying * _near(colours, main))
    probability *= _not_far_darker(colours.level, texture, probability)
    drawn = _constant(linear)
    mask = _tidy((probability > 0.5) & ~drawn)
    pigmented = _pigmented(colours, main) & (carrying > 0.2) & ~drawn
    if pigmented.mean() > CLOSE_UP_SHARE and mask.mean() > 0.5:
        mask = _tidy(pigmented | mask)
    if mask.any() and float(np.median(texture[mask])) > MOST_TEXTURE:
        return np.zeros_like(mask)
    return mask


def _pigmented(colours: _Colours, main: tuple[float, float, float]) -> BoolArray:
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


def _colours(linear: Floats) -> _Colours:
    logs = cv2.log(linear + np.float32(_FLOOR))
    luminance = cv2.transform(linear, np.array([[0.2126, 0.7152, 0.0722]], np.float32))
    planes = cv2.transform(logs, np.array([[1, -1, 0], [0, 1, -1]], np.float32))
    u, v, level = (planes[..., 0], planes[..., 1], cv2.log(luminance + np.float32(_FLOOR)))
    return _Colours(*(np.ascontiguousarray(a, np.float32).reshape(linear.shape[:2]) for a in (u, v, level)))


def _distance(u: Floats, v: Floats) -> Floats:
    return np.asarray(np.sqrt(u * u + v * v), np.float32)


def _texture(log_luminance: Floats) -> Floats:
    """SD of log-luminance in 5 x 5 pixels: hair, cloth and outlines."""
    mean = cv2.blur(log_luminance, (5, 5))
    square = cv2.blur(log_luminance * log_luminance, (5, 5))
    return np.sqrt(np.maximum(square - mean * mean, 0.0))


def _locus(colours: _Colours) -> Floats:
    """Chance that a colour is some person's skin under some lamp, from 0 to 1."""
    u = (colours.u - LOCUS_MEAN[0]) / LOCUS_SD[0]
    v = (colours.v - LOCUS_MEAN[1]) / LOCUS_SD[1]
    return np.maximum(_plateau(_distance(u, v), 1.2), _deep(colours.u, colours.v).astype(np.float32))


def _deep(u: NDArray[Any], v: NDArray[Any]) -> NDArray[Any]:
    """Chance that a colour is pigmented skin without the surface's white light, from 0 to 1.

    Cross-polarised, or under a soft lamp that does not mirror, dark skin is far more colourful than the spectra, which
    hold their gloss: melanin over blood moves along ln(R/G) = ln(G/B), to 1 and more, a yellow lamp further.
    """
    across, along = (u - v - DEEP_ACROSS[0]) / DEEP_ACROSS[1], np.maximum(u + v - DEEP_MOST, 0.0) / 0.15
    found: NDArray[Any] = _plateau(_distance(across, along), 1.0) / (1.0 + np.exp(-(u + v - 0.9) / 0.1))
    return found


def _carrying(log_luminance: Floats, texture: Floats) -> Floats:
    """Chance that a pixel is smooth and bright enough to be skin, from 0 to 1."""
    smooth = np.exp(-((texture / 0.33) ** 2))
    dark = 1.0 / (1.0 + np.exp(-(log_luminance - np.log(0.010)) / 0.25))
    return np.asarray(smooth * dark, np.float32)


def _plateau(distance: Floats, wide: float) -> Floats:
    """1 up to `wide` standard deviations, then a Gaussian fall of SD 0.7."""
    beyond = np.maximum(distance - wide, 0.0) / 0.7
    return np.asarray(np.exp(-0.5 * (beyond * beyond)), np.float32)


def _main_colour(colours: _Colours, prior: Floats) -> tuple[float, float, float]:
    """ln(R/G), ln(G/B), ln(luminance) of this photo's skin: the commonest skin-like colour, the middle of the
    picture first.

    Of a grey wall and a face under a yellow lamp both can look like skin: the face is the more colourful one.
    Of a beige wall, a wooden door and a face, the face is the redder one: in skin ln(R/G) exceeds ln(G/B) or
    nearly so (0.15 +- 0.15 in the spectra), in paper, wood and paint it mostly does not.
    """
    down, across = (np.exp(-(np.linspace(-1, 1, n) ** 2) / (2 * 0.7**2)).astype(np.float32) for n in prior.shape)
    weight = prior * down[:, None] * across
    step = 0.04
    edges_u, edges_v = np.arange(-0.2, 1.4, step), np.arange(-0.6, 1.3, step)
    counts = _counts(colours, weight, edges_u, edges_v)
    u, v = edges_u[:-1, None] + step / 2, edges_v[None, :-1] + step / 2
    likely = _plateau(np.hypot((u - 0.55) / 0.22, (v - 0.36) / 0.22), 1.8).astype(np.float64)
    likely = likely / (1.0 + np.exp(-(u - v + 0.10) / 0.04))
    likely = np.maximum(likely, DEEP_SHARE * _deep(u, v)) / (1.0 + np.exp(-(u + v - 0.5) / 0.08))
    score = cv2.GaussianBlur(counts, (0, 0), 0.09 / step, sigmaY=0.10 / step, borderType=cv2.BORDER_REFLECT) * likely
    row, column = (int(n) for n in np.unravel_index(int(np.argmax(score)), score.shape))
    if u[row, 0] - v[0, column] < PAPER and u[row, 0] + v[0, column] < PALE:
        row, column = _redder(counts, score, u, v, (row, column))
    main_u, main_v = float(u[row, 0]), float(v[0, column])
    close = weight * (_distance(colours.u - np.float32(main_u), colours.v - np.float32(main_v)) < 0.15)
    return main_u, main_v, float(np.vdot(close, colours.level)) / max(float(close.sum()), 1e-6)


def _redder(
    counts: NDArray[np.float64],
    score: NDArray[Any],
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    best: tuple[int, int],
) -> tuple[int, int]:
    """The place of a redder, far more colourful colour that holds enough of the picture, or else the best one.

    A white wall under a lamp that is 20 % too warm has the colour of pale skin under a cool one. It is a wall when a
    smooth, redder thing lies before it: then that is skin, and dark most often.
    """
    more = (u + v > u[best[0], 0] + v[0, best[1]] + 0.4) & (u - v > PAPER)
    if not more.any():
        return best
    place = np.unravel_index(int(np.argmax(np.where(more, score, -1.0))), score.shape)
    near = np.hypot(u - u[place[0], 0], v - v[0, place[1]]) < 0.2
    if counts[near].sum() < REDDER_SHARE * counts.sum() or score[place] < REDDER_SCORE * score[best]:
        return best
    return int(place[0]), int(place[1])


def _counts(
    colours: _Colours, weight: Floats, edges_u: NDArray[np.float64], edges_v: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights in a grid of even bins of ln(R/G) and ln(G/B)."""
    shape = len(edges_u) - 1, len(edges_v) - 1
    place = []
    for values, edges in ((colours.u, edges_u), (colours.v, edges_v)):
        bins = (values - np.float32(edges[0])) * np.float32(1 / (edges[1] - edges[0])) + 1  # 0: too low
        place.append(np.clip(bins, 0, len(edges)).astype(np.intp))
    index = place[0] * (shape[1] + 2) + place[1]
    size = (shape[0] + 2) * (shape[1] + 2)
    counts = np.bincount(index.ravel(), weight.ravel(), minlength=size).reshape(shape[0] + 2, shape[1] + 2)
    return np.ascontiguousarray(counts[1:-1, 1:-1])


def _near(colours: _Colours, main: tuple[float, float, float]) -> Floats:
    """Chance that a colour belongs to the skin of this main colour: 1 within about 1.3 SD of one person.

    Broader for dark skin, against which gloss and glare weigh more, and for what lies in shadow, where light
    that skin throws on skin adds colour.
    """
    u0, v0, level = main
    dark_skin = float(np.clip((0.12 / math.exp(level)) ** 0.35, 1.0, 1.5))
    wide = dark_skin * (1.0 + 0.5 * np.clip(level - colours.level, 0.0, 1.5))
    distance = _distance((colours.u - u0) / ONE_SKIN_SD[0], (colours.v - v0) / ONE_SKIN_SD[1]) / wide
    return np.maximum(_plateau(distance, 1.3), np.float32(1e-4))


def _learn(colours: _Colours, prior: Floats) -> Floats:
    """Chance of skin once this photo's own colours are learnt, (h, w)."""
    prior = np.clip(prior, np.float32(1e-4), np.float32(0.98))
    few, odds = _bin_of(colours.thinned()), _odds(prior[::_EVERY, ::_EVERY])
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


def _bin_of(colours: _Colours) -> NDArray[np.intp]:
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
    """Where 5 x 5 pixels are exactly alike: bars, pads and borders drawn by software."""
    kernel = np.ones((5, 5), np.uint8)
    alike = cv2.inRange(cv2.dilate(linear, kernel) - cv2.erode(linear, kernel), (0, 0, 0), (0, 0, 0))
    grown: BoolArray = cv2.dilate(alike, kernel) > 0
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

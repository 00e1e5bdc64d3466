"""Dark blobs as maxima over place and scale, each scale looked for on an image no larger than it needs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import fused

Floats = NDArray[np.float32]
Values = NDArray[np.float64]
Places = NDArray[np.intp]

DISC_RESPONSE = 2 / math.e
"""Largest sigma^2 Laplacian response of a disc of unit contrast (at sigma = radius / sqrt 2)."""

LEAST_SIGMA_PX = 1.4
"""A scale is looked for on the smallest image, halved and halved again, where its sigma has as many pixels."""

RING = 1.7
"""Radius of the ring that a blob is held against, in radii of the blob."""

STRIPE_ROWS = 256
"""Rows of the full image that are blurred at a time: what stays in a processor's cache is blurred faster."""

_RING_POINTS = 8
_REACH = 3.0
_NOTHING = np.empty((0, 0), np.float32)
_SQUARE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Blobs:
    """Dark blobs, (n,) each: centre and diameter in px, and what a first look tells of them.

    contrast: of the disc with the same response; relative: response over the root mean square of its scale; roundness:
    4 det / trace^2 of the Hessian (1 for a disc, 0 for a furrow); unevenness: SD around a ring over its mean height
    above the centre.
    """

    x: Values
    y: Values
    diameter: Values
    contrast: Values
    relative: Values
    roundness: Values
    unevenness: Values

    def __len__(self) -> int:
        return len(self.x)

    def where(self, keep: NDArray[np.bool_]) -> Blobs:
        return Blobs(**{name: getattr(self, name)[keep] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class _Scale:
    """One scale: its diameter, and the blur (SD, px of its octave) that the scale before leaves to be done."""

    diameter: float
    octave: int
    sigma: float
    left: float

    @property
    def reach(self) -> int:
        return math.ceil(_REACH * self.left)


@dataclass(frozen=True)
class _Level:
    """A scale of some rows of an image: blurred, its response, and the largest response within one pixel.

    `top`: the first row, in pixels of the scale's octave. The largest is empty where kernels look for it themselves.
    """

    scale: _Scale
    top: int
    smooth: Floats
    response: Floats
    largest: Floats

    def nearest(self, level: _Level, place: Places) -> Places:
        """Another level's pixels nearest to this one's, both as row times width plus column."""
        shift = self.scale.octave - level.scale.octave
        if shift == 0:
            return np.asarray(place + (self.top - level.top) * level.response.shape[1], np.intp)
        row, column = np.divmod(place, self.response.shape[1])
        height, width = level.response.shape
        row = np.clip(_across(row + self.top, shift) - level.top, 0, height - 1)
        return np.asarray(row * width + np.minimum(_across(column, shift), width - 1), np.intp)


def _across(place: Places, shift: int) -> Places:
    """Pixel numbers `shift` octaves finer (coarser where negative): of two pixels as near, the even one."""
    across: Places = place >> -shift if shift < 0 else (place << shift) + ((1 << shift >> 1) & ~1)
    return across


def find_blobs(
    image: Floats, mask: NDArray[np.bool_], diameters: Values, least_contrast: float, least_roundness: float = -math.inf
) -> Blobs:
    """Dark blobs as maxima over place and scale of sigma^2 Laplacian.

    `diameters` ascending in equal ratios, in px; sigma = diameter / (2 sqrt 2). `image` must be 0 outside `mask`.
    Places and diameters are refined by parabolas. With the kernels of `fused` the same blobs in the same order, each
    number within 1e-6 of itself, the unevenness within 1e-4.
    """
    return joined([look(image, mask, diameters, least_contrast, least_roundness)], int(np.count_nonzero(mask)))


@dataclass(frozen=True)
class Look:
    """What one image shows: at each scale its blobs, `relative` left to be told, and the response's sum of squares."""

    blobs: list[tuple[int, Blobs]]
    power: Values


def joined(looks: Sequence[Look], pixels: int) -> Blobs:
    """The blobs of parts of an image that hold `pixels` measured pixels together."""
    rms = np.maximum(np.sqrt(sum((look.power for look in looks), np.zeros(1)) / max(pixels, 1)), 1e-9)
    nothing = Blobs(*[np.zeros(0)] * len(Blobs.__dataclass_fields__))
    found = [replace(blobs, relative=blobs.contrast / rms[index]) for look in looks for index, blobs in look.blobs]
    return Blobs(**{name: np.concatenate([getattr(b, name) for b in (nothing, *found)]) for name in nothing.__dict__})


def reach(diameters: Values) -> int:
    """Pixels around a blob beyond which nothing has a part in what is told of it."""
    spread = _REACH * sum(diameters) / (2 * math.sqrt(2))
    return math.ceil(spread + RING * float(max(diameters))) + 16


def look(
    image: Floats,
    mask: NDArray[np.bool_],
    diameters: Values,
    least_contrast: float,
    least_roundness: float = -math.inf,
    own: tuple[slice, slice] | None = None,
) -> Look:
    """What `find_blobs` finds, before scales are held against their own mean: to be `joined`.

    `own`: the rows and columns that count, of an image that is a tile of a larger one with a margin of `reach`.
    """
    own = own or (slice(0, image.shape[0]), slice(0, image.shape[1]))
    if min(image.shape) < 3 or not mask[own].any():
        return Look([], np.zeros(len(diameters)))
    kernels = fused.kernels()
    peaks = _peaks_of if kernels is None else partial(_peaks_by, kernels)
    image = np.asarray(image, np.float32)
    scales = _scales(diameters, min(image.shape))
    fine = [scale for scale in scales if scale.octave == 0]
    coarse = _coarse(image, scales[len(fine) :], kernels is None)
    power = np.zeros(len(scales))
    found: list[tuple[int, Blobs]] = []
    halo = sum(scale.reach for scale in fine) + 2
    halo += math.ceil(RING * fine[-1].diameter * 2**0.25 / 2) + 1 if fine else 0
    height, width = image.shape
    # memory written before is faster than memory that the system has yet to give: each stripe overwrites the last
    lent = np.empty((len(fine), 3, min(STRIPE_ROWS + 2 * halo, height), width), np.float32)
    for top in range(0, height if fine else 0, STRIPE_ROWS):
        bottom, start = min(top + STRIPE_ROWS, height), max(top - halo, 0)
        # the first of the coarse scales goes along, while the one below it is at hand
        levels = [*_levels(image[start : bottom + halo], fine, start, lent, kernels is None), *coarse[:1]]
        for index, level in enumerate(levels):
            factor, (of_rows, of_columns) = 2**level.scale.octave, (_coarser(side, level.scale.octave) for side in own)
            inside = slice(-(-top // factor) - level.top, -(-bottom // factor) - level.top)
            counted = _meeting(inside, slice(of_rows.start - level.top, of_rows.stop - level.top))
            power[index] += _power(level.response[counted, of_columns]) * factor**2
            sides = [levels[index - 1] if index else None, [*levels, *coarse[1:2], None][index + 1]]
            found.append((index, peaks(level, sides, mask, inside, least_contrast, least_roundness)))
    for number in range(1 if fine else 0, len(coarse)):
        level, index = coarse[number], len(fine) + number
        of_rows, of_columns = (_coarser(side, level.scale.octave) for side in own)
        power[index] = _power(level.response[of_rows, of_columns]) * 4.0**level.scale.octave
        sides = [coarse[number - 1] if number else None, [*coarse, None][number + 1]]
        whole = slice(0, level.response.shape[0])
        found.append((index, peaks(level, sides, mask, whole, least_contrast, least_roundness)))
    return Look([(index, blobs.where(_inside(blobs, own))) for index, blobs in found], power)


def _meeting(one: slice, other: slice) -> slice:
    start = max(one.start, other.start)
    return slice(start, max(min(one.stop, other.stop), start))


def _coarser(side: slice, octave: int) -> slice:
    return slice(side.start >> octave, -(-side.stop >> octave))


def _inside(blobs: Blobs, own: tuple[slice, slice]) -> NDArray[np.bool_]:
    """Those that lie in some rows and columns, of which each pixel reaches half a pixel either way."""
    rows, columns = own
    inside = (blobs.y >= rows.start - 0.5) & (blobs.y < rows.stop - 0.5)
    return np.asarray(inside & (blobs.x >= columns.start - 0.5) & (blobs.x < columns.stop - 0.5))


def _scales(diameters: Values, smallest_side: int) -> list[_Scale]:
    """Each diameter's octave, and what of its blur is left once the scale before it, or the halving, is counted."""
    made: list[_Scale] = []
    octave, variance = 0, 0.0
    for diameter in diameters:
        sigma = float(diameter) / (2 * math.sqrt(2))
        while sigma >= 2 * LEAST_SIGMA_PX * 2**octave and smallest_side >= 32 * 2**octave:
            octave += 1
            variance = (1 - 4.0**-octave) / 12  # of averaging over 2^octave pixels, in px^2 of the octave
        wanted = sigma / 2**octave
        made.append(_Scale(float(diameter), octave, wanted, math.sqrt(max(wanted**2 - variance, 0.01))))
        variance = wanted**2
    return made


def _coarse(image: Floats, scales: Sequence[_Scale], with_largest: bool) -> list[_Level]:
    """The levels of halved images, whole."""
    made: list[_Level] = []
    for octave in range(1, scales[-1].octave + 1 if scales else 1):
        image = _halved(image)
        own = [scale for scale in scales if scale.octave == octave]
        made += _levels(image, own, 0, np.empty((len(own), 3, *image.shape), np.float32), with_largest)
    return made


def _levels(image: Floats, scales: Sequence[_Scale], top: int, lent: Floats, with_largest: bool) -> Iterator[_Level]:
    """The levels of one octave, each blurred from the one before, in memory (scales, 3, rows or more, columns)."""
    smooth = image
    for scale, (blurred, response, largest) in zip(scales, lent[:, :, : len(image)], strict=True):
        size = 2 * scale.reach + 1
        cv2.GaussianBlur(smooth, (size, size), scale.left, dst=blurred)
        cv2.Laplacian(blurred, cv2.CV_32F, dst=response, ksize=1, scale=scale.sigma**2 / DISC_RESPONSE)
        if with_largest:
            cv2.dilate(response, _SQUARE, dst=largest)
        yield _Level(scale, top, blurred, response, largest if with_largest else _NOTHING)
        smooth = blurred


def _power(response: Floats) -> float:
    """Sum of squares."""
    return float(cv2.norm(response, cv2.NORM_L2SQR)) if response.size else 0.0


def _halved(image: Floats) -> Floats:
    height, width = image.shape
    if height % 2 or width % 2:
        image = np.asarray(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.float32)
    size = (image.shape[1] // 2, image.shape[0] // 2)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def _peaks_of(
    here: _Level,
    sides: Sequence[_Level | None],
    mask: NDArray[np.bool_],
    rows: slice,
    least_contrast: float,
    least_roundness: float,
) -> Blobs:
    """Peaks in some rows of a level that neither neighbouring scale exceeds. `relative` is left to be told."""
    height, width = here.response.shape
    inner = slice(max(rows.start, 1), min(rows.stop, height - 1))
    highest = here.response[inner] > np.float32(least_contrast)
    highest &= here.response[inner] >= here.largest[inner]
    highest[:, [0, -1]] = False
    place = np.flatnonzero(highest) + inner.start * width
    beside = [level for level in sides if level is not None]
    for level in beside:
        place = place[here.response.take(place) > level.largest.take(here.nearest(level, place))]
    factor = 2**here.scale.octave
    middle = (factor - 1) // 2
    row, column = np.divmod(place, width)
    row += here.top
    mask_row, mask_column = (
        np.minimum(at * factor + middle, side - 1) for at, side in zip((row, column), mask.shape, strict=True)
    )
    keep = mask[mask_row, mask_column]
    roundness = _roundness(here.smooth, place)
    keep &= roundness >= least_roundness
    place, row, column, roundness = place[keep], row[keep], column[keep], roundness[keep]
    value = here.response.take(place)
    diameter = np.full(len(place), here.scale.diameter)
    if len(beside) == 2:
        low, high = (level.response.take(here.nearest(level, place)) for level in beside)
        diameter *= np.exp(math.log(beside[1].scale.diameter / here.scale.diameter) * _vertex(low, value, high))
    left, right, above, below = (here.response.take(place + step) for step in (-1, 1, -width, width))
    return Blobs(
        x=(column + 0.5) * factor - 0.5 + factor * _vertex(left, value, right),
        y=(row + 0.5) * factor - 0.5 + factor * _vertex(above, value, below),
        diameter=diameter,
        contrast=value.astype(np.float64),
        relative=np.full(len(place), np.nan),
        roundness=roundness,
        unevenness=_unevenness(here.smooth, place, diameter / factor),
    )


def _peaks_by(
    kernels: ModuleType,
    here: _Level,
    sides: Sequence[_Level | None],
    mask: NDArray[np.bool_],
    rows: slice,
    least_contrast: float,
    least_roundness: float,
) -> Blobs:
    """As _peaks_of, in one pass."""
    angle = np.arange(_RING_POINTS) * (2 * math.pi / _RING_POINTS)
    low, high = (
        (level is not None, (told.response, told.top, told.scale.octave, told.scale.diameter))
        for level, told in ((level, level or here) for level in sides)
    )
    x, y, diameter, contrast, roundness, unevenness = kernels.peaks(
        here.response, here.smooth, rows.start, rows.stop, here.top, here.scale.octave, here.scale.diameter,
        *low, *high, mask, least_contrast, least_roundness, RING / 2, np.stack([np.sin(angle), np.cos(angle)], 1),
    ).T  # fmt: skip
    return Blobs(x, y, diameter, contrast, np.full(len(x), np.nan), roundness, unevenness)


def _unevenness(smooth: Floats, place: Places, diameter: Values) -> Values:
    """SD around a ring of RING radii over the ring's mean height above the centre, (n,); at most 2."""
    height, width = smooth.shape
    row, column = np.divmod(place, width)
    away = RING * diameter / 2
    ring = np.empty((_RING_POINTS, len(place)), np.float32)
    for point in range(_RING_POINTS):
        angle = 2 * math.pi * point / _RING_POINTS
        r = np.clip(np.rint(row + away * math.sin(angle)).astype(np.intp), 0, height - 1)
        c = np.clip(np.rint(column + away * math.cos(angle)).astype(np.intp), 0, width - 1)
        ring[point] = smooth.take(r * width + c)
    above = np.maximum(ring.mean(0) - smooth.take(place), 1e-6)
    return np.asarray(np.minimum(ring.std(0) / above, 2.0), np.float64)


def _roundness(smooth: Floats, place: Places) -> Values:
    """4 det / trace^2 of the Hessian at pixels, (n,)."""
    width = smooth.shape[1]
    centre = 2 * smooth.take(place)
    xx = smooth.take(place - 1) - centre + smooth.take(place + 1)
    yy = smooth.take(place - width) - centre + smooth.take(place + width)
    xy = smooth.take(place + width + 1) - smooth.take(place + width - 1)
    xy = (xy - smooth.take(place - width + 1) + smooth.take(place - width - 1)) / 4
    return np.asarray(4 * (xx * yy - xy * xy) / np.maximum((xx + yy) ** 2, 1e-20), np.float64)


def _vertex(low: Floats, middle: Floats, high: Floats) -> Values:
    """Where the parabola through three equally spaced values peaks, in steps from the middle, within half a step."""
    curvature = np.minimum(low.astype(np.float64) - 2.0 * middle + high, -1e-12)
    return np.asarray(np.clip(0.5 * (low - high) / curvature, -0.5, 0.5), np.float64)

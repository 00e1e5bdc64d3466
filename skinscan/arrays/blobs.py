"""Dark blobs as maxima over place and scale, each scale looked for on an image no larger than it needs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Values = NDArray[np.float64]
Places = NDArray[np.intp]

DISC_RESPONSE = 2 / math.e
"""Largest sigma^2 Laplacian response of a disc of unit contrast (at sigma = radius / sqrt 2)."""

LEAST_SIGMA_PX = 1.4
"""A scale is looked for on the smallest image, halved and halved again, where its sigma has as many pixels."""

RING = 1.7
"""Radius of the ring that a blob is held against, in radii of the blob."""

STRIPE_ROWS = 512
"""Rows of the full image that are blurred at a time: what stays in a processor's cache is blurred faster."""

_RING_POINTS = 8
_REACH = 3.0
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

    `top`: the first row, in pixels of the scale's octave.
    """

    scale: _Scale
    top: int
    smooth: Floats
    response: Floats
    largest: Floats

    def at(self, values: Floats, row: Places, column: Places, octave: int) -> Floats:
        """Values of this level at the pixels nearest to those of another octave."""
        factor = 2.0 ** (octave - self.scale.octave)
        height, width = values.shape
        row, column = (np.rint((place + 0.5) * factor - 0.5).astype(np.intp) for place in (row, column))
        return values[np.clip(row - self.top, 0, height - 1), np.clip(column, 0, width - 1)]


def find_blobs(
    image: Floats, mask: NDArray[np.bool_], diameters: Values, least_contrast: float, least_roundness: float = -math.inf
) -> Blobs:
    """Dark blobs as maxima over place and scale of sigma^2 Laplacian.

    `diameters` ascending in equal ratios, in px; sigma = diameter / (2 sqrt 2). `image` must be 0 outside `mask`.
    Places and diameters are refined by parabolas.
    """
    nothing = Blobs(*[np.zeros(0)] * len(Blobs.__dataclass_fields__))
    if min(image.shape) < 3 or not mask.any():
        return nothing
    scales = _scales(diameters, min(image.shape))
    fine = [scale for scale in scales if scale.octave == 0]
    coarse = _coarse(image, scales[len(fine) :])
    power = np.zeros(len(scales))
    found: list[tuple[int, Blobs]] = []
    halo = sum(scale.reach for scale in fine) + 2
    halo += math.ceil(RING * fine[-1].diameter * 2**0.25 / 2) + 1 if fine else 0
    height, width = image.shape
    # the finest of the coarse scales is held against this: the largest responses of the scale before, at its own size
    bridge = np.zeros((2, -(-height // 2), -(-width // 2)), np.float32)
    for top in range(0, height if fine else 0, STRIPE_ROWS):
        bottom, start = min(top + STRIPE_ROWS, height), max(top - halo, 0)
        levels = list(_levels(image[start : bottom + halo], fine, start))
        inside = slice(top - start, bottom - start)
        for index, level in enumerate(levels):
            power[index] += np.square(level.response[inside]).sum(dtype=np.float64)
            sides = [levels[index - 1] if index else None, [*levels, *coarse[:1], None][index + 1]]
            found.append((index, _peaks_of(level, sides, mask, inside, least_contrast, least_roundness)))
        half = slice(top // 2, -(-bottom // 2))
        bridge[0, half], bridge[1, half] = (a[inside][::2, ::2] for a in (levels[-1].response, levels[-1].largest))
    below = _Level(replace(fine[-1], octave=1), 0, bridge[0], bridge[0], bridge[1]) if fine else None
    for number, level in enumerate(coarse):
        index = len(fine) + number
        power[index] = np.square(level.response).sum(dtype=np.float64) * 4.0**level.scale.octave
        sides = [coarse[number - 1] if number else below, [*coarse, None][number + 1]]
        whole = slice(0, level.response.shape[0])
        found.append((index, _peaks_of(level, sides, mask, whole, least_contrast, least_roundness)))
    rms = np.maximum(np.sqrt(power / np.count_nonzero(mask)), 1e-9)
    parts = [nothing, *(replace(blobs, relative=blobs.contrast / rms[index]) for index, blobs in found)]
    return Blobs(**{name: np.concatenate([getattr(b, name) for b in parts]) for name in Blobs.__dataclass_fields__})


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


def _coarse(image: Floats, scales: Sequence[_Scale]) -> list[_Level]:
    """The levels of halved images, whole."""
    made: list[_Level] = []
    for octave in range(1, scales[-1].octave + 1 if scales else 1):
        image = _halved(image)
        made += _levels(image, [scale for scale in scales if scale.octave == octave], 0)
    return made


def _levels(image: Floats, scales: Sequence[_Scale], top: int) -> Iterator[_Level]:
    """The levels of one octave, each blurred from the one before."""
    smooth = image
    for scale in scales:
        size = 2 * scale.reach + 1
        smooth = np.asarray(cv2.GaussianBlur(smooth, (size, size), scale.left), np.float32)
        response = cv2.Laplacian(smooth, cv2.CV_32F, ksize=1, scale=scale.sigma**2 / DISC_RESPONSE)
        largest = cv2.dilate(response, _SQUARE)
        yield _Level(scale, top, smooth, np.asarray(response, np.float32), np.asarray(largest, np.float32))


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
    response, smooth, octave = here.response, here.smooth, here.scale.octave
    height, width = response.shape
    highest = (response[rows] >= here.largest[rows]) & (response[rows] > np.float32(least_contrast))
    places = cv2.findNonZero(highest.view(np.uint8)) if highest.size else None
    column, row = (np.zeros((0, 2)) if places is None else places.reshape(-1, 2)).astype(np.intp).T
    row = row + rows.start
    factor = 2**octave
    x, y = (column + 0.5) * factor - 0.5, (row + here.top + 0.5) * factor - 0.5
    keep = (row > 0) & (row < height - 1) & (column > 0) & (column < width - 1)
    keep &= mask[np.minimum(y.astype(np.intp), mask.shape[0] - 1), np.minimum(x.astype(np.intp), mask.shape[1] - 1)]
    row, column, x, y = row[keep], column[keep], x[keep], y[keep]
    value = response[row, column]
    keep = np.ones(len(row), bool)
    beside = []
    for level in sides:
        if level is not None:
            keep &= value > level.at(level.largest, row + here.top, column, octave)
            beside.append(level)
    roundness = _roundness(smooth, row[keep], column[keep])
    keep[keep] = roundness >= least_roundness
    row, column, x, y, value = row[keep], column[keep], x[keep], y[keep], value[keep]
    diameter = np.full(len(value), here.scale.diameter)
    if len(beside) == 2:
        low, high = (level.at(level.response, row + here.top, column, octave) for level in beside)
        diameter *= np.exp(math.log(beside[1].scale.diameter / here.scale.diameter) * _vertex(low, value, high))
    return Blobs(
        x=x + factor * _vertex(response[row, column - 1], value, response[row, column + 1]),
        y=y + factor * _vertex(response[row - 1, column], value, response[row + 1, column]),
        diameter=diameter,
        contrast=value.astype(np.float64),
        relative=np.full(len(value), np.nan),
        roundness=roundness[roundness >= least_roundness],
        unevenness=_unevenness(smooth, row, column, diameter / factor),
    )


def _unevenness(smooth: Floats, row: Places, column: Places, diameter: Values) -> Values:
    """SD around a ring of RING radii over the ring's mean height above the centre, (n,); at most 2."""
    height, width = smooth.shape
    ring = np.empty((_RING_POINTS, len(row)), np.float32)
    for point in range(_RING_POINTS):
        angle = 2 * math.pi * point / _RING_POINTS
        away = RING * diameter / 2
        r = np.clip(np.rint(row + away * math.sin(angle)).astype(np.intp), 0, height - 1)
        c = np.clip(np.rint(column + away * math.cos(angle)).astype(np.intp), 0, width - 1)
        ring[point] = smooth[r, c]
    above = np.maximum(ring.mean(0) - smooth[row, column], 1e-6)
    return np.asarray(np.minimum(ring.std(0) / above, 2.0), np.float64)


def _roundness(smooth: Floats, row: Places, column: Places) -> Values:
    """4 det / trace^2 of the Hessian at pixels, (n,)."""
    centre = 2 * smooth[row, column]
    xx = smooth[row, column - 1] - centre + smooth[row, column + 1]
    yy = smooth[row - 1, column] - centre + smooth[row + 1, column]
    xy = smooth[row + 1, column + 1] - smooth[row + 1, column - 1]
    xy = (xy - smooth[row - 1, column + 1] + smooth[row - 1, column - 1]) / 4
    return np.asarray(4 * (xx * yy - xy * xy) / np.maximum((xx + yy) ** 2, 1e-20), np.float64)


def _vertex(low: Floats, middle: Floats, high: Floats) -> Values:
    """Where the parabola through three equally spaced values peaks, in steps from the middle, within half a step."""
    curvature = np.minimum(low.astype(np.float64) - 2.0 * middle + high, -1e-12)
    return np.asarray(np.clip(0.5 * (low - high) / curvature, -0.5, 0.5), np.float64)

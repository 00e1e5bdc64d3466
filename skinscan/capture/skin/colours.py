"""Colours of a picture as skin's pigments move them, and how likely a colour is some person's skin under some lamp."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LOCUS_MEAN = (0.50, 0.32)
LOCUS_SD = (0.22, 0.25)
"""Centre and standard deviation of ln(R/G), ln(G/B): spectra of skin and a white balance off by 20 %."""

DEEP_FROM, DEEP_BEND, DEEP_ACROSS, DEEP_MOST = 0.9, 0.40, (0.15, 0.34), 2.8
"""Colourful dark skin, of which blue is all but gone: ln(R/G) + ln(G/B) from which it is that, how much ln(R/G) -
ln(G/B) falls for each unit of that sum beyond, its centre and half-width there, and the largest sum. Skin of every
melanin and blood under five lamps by 30 measured cameras, white balance off by 10 % (SD), has ln(R/G) - ln(G/B) of
0.24, 0.10, -0.09, -0.30 (SD 0.27) at a sum of 0.6, 1.2, 1.8, 2.4."""

FLOOR = 0.002
"""Added to linear light before ratios are taken: the noise and glare of a camera's black."""


class Colours(NamedTuple):
    """ln(R/G), ln(G/B) and ln(luminance) of a picture, (h, w) each."""

    u: Floats
    v: Floats
    level: Floats

    def thinned(self, every: int) -> Colours:
        """Every so many pixels of every so many rows: enough to count colours by."""
        return Colours(*(np.ascontiguousarray(plane[::every, ::every]) for plane in self))


def colours_of(linear: Floats) -> Colours:
    """The colours of linear RGB (h, w, 3), >= 0."""
    logs = cv2.log(linear + np.float32(FLOOR))
    luminance = cv2.transform(linear, np.array([[0.2126, 0.7152, 0.0722]], np.float32))
    planes = cv2.transform(logs, np.array([[1, -1, 0], [0, 1, -1]], np.float32))
    u, v, level = (planes[..., 0], planes[..., 1], cv2.log(luminance + np.float32(FLOOR)))
    return Colours(*(np.ascontiguousarray(a, np.float32).reshape(linear.shape[:2]) for a in (u, v, level)))


def locus(colours: Colours) -> Floats:
    """Chance that a colour is some person's skin under some lamp, from 0 to 1."""
    u = (colours.u - LOCUS_MEAN[0]) / LOCUS_SD[0]
    v = (colours.v - LOCUS_MEAN[1]) / LOCUS_SD[1]
    return np.maximum(plateau(distance(u, v), 1.2), deep(colours.u, colours.v).astype(np.float32))


def deep(u: NDArray[Any], v: NDArray[Any]) -> NDArray[Any]:
    """Chance that a colour is pigmented skin without the surface's white light, from 0 to 1.

    Cross-polarised, or under a soft lamp that does not mirror, dark skin is far more colourful than the spectra, which
    hold their gloss: melanin over blood moves along ln(R/G) = ln(G/B), to 1 and more, and then along ln(G/B) alone,
    because there is hardly any blue left to lose.
    """
    depth = u + v
    across, along = (u - v - usual_difference(depth, DEEP_ACROSS[0])) / DEEP_ACROSS[1], depth - DEEP_MOST
    found: NDArray[Any] = plateau(distance(across, np.maximum(along, 0.0) / 0.15), 1.0)
    return np.asarray(found / (1.0 + np.exp(-(depth - DEEP_FROM) / 0.1)))


def usual_difference(depth: Any, pale: float) -> Any:
    """ln(R/G) - ln(G/B) of skin with this sum of both: `pale`, and less from DEEP_FROM on."""
    return pale - DEEP_BEND * np.maximum(depth - DEEP_FROM, 0.0)


def distance(u: Floats, v: Floats) -> Floats:
    """Length of (u, v)."""
    return np.asarray(np.sqrt(u * u + v * v), np.float32)


def plateau(far: Floats, wide: float) -> Floats:
    """1 up to `wide` standard deviations, then a Gaussian fall of SD 0.7."""
    beyond = np.maximum(far - wide, 0.0) / 0.7
    return np.asarray(np.exp(-0.5 * (beyond * beyond)), np.float32)


def counts(colours: Colours, weight: Floats, edges_u: NDArray[Any], edges_v: NDArray[Any]) -> NDArray[np.float64]:
    """Weights in a grid of even bins of ln(R/G) and ln(G/B)."""
    shape = len(edges_u) - 1, len(edges_v) - 1
    place = []
    for values, edges in ((colours.u, edges_u), (colours.v, edges_v)):
        bins = (values - np.float32(edges[0])) * np.float32(1 / (edges[1] - edges[0])) + 1  # 0: too low
        place.append(np.clip(bins, 0, len(edges)).astype(np.intp))
    index = place[0] * (shape[1] + 2) + place[1]
    size = (shape[0] + 2) * (shape[1] + 2)
    found = np.bincount(index.ravel(), weight.ravel(), minlength=size).reshape(shape[0] + 2, shape[1] + 2)
    return np.ascontiguousarray(found[1:-1, 1:-1])


def log_of(value: float) -> float:
    """Natural logarithm of a share that may be 0."""
    return math.log(max(value, 1e-4))

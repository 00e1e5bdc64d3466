"""What cameras and photo programs do to colours beyond a curve of each channel: the finish of a picture.

Seen on real photos of colour cards, in the order of how much of their contradictions it explains: the tone curve works
on the channels of a wide space, not on those of the file; local tone mapping and relief give each surface its own
brightness; a look (saturation, hues moved towards taste, gamut mapping) moves colours by their hue and saturation; and
patches are a little off the published spectra. A `Finish` says how strong the last three are. A card tells which of
them it was finished by; what it did to skin is then known only as far as the patches near skin show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROMM = np.array([[0.5293, 0.3301, 0.1406], [0.0983, 0.8735, 0.0282], [0.0169, 0.1177, 0.8654]])
"""Linear sRGB to linear ROMM (ISO 22028-2, ProPhoto), white kept (Bradford from D65 to D50): what raw converters and
phones curve their channels in. Any wide space does: those of Rec. 2020 and of sensors lie between."""


@dataclass(frozen=True, eq=False)
class Space:
    """Where a tone curve works: matrices (3, 3) that keep white, from the file's linear channels to the space, from
    linear sRGB to the space, and from the file's channels to linear sRGB."""

    from_file: Array
    to_space: Array
    to_srgb: Array


def spaces(to_srgb: Array) -> tuple[Space, Space]:
    """The file's own space and a wide one, for a file whose channels `to_srgb` (3, 3) takes to linear sRGB."""
    to_srgb = to_srgb / to_srgb.sum(1, keepdims=True)
    wide = _ROMM / _ROMM.sum(1, keepdims=True)
    own = np.asarray(np.linalg.inv(to_srgb), np.float64)
    return Space(np.eye(3), own, to_srgb), Space(wide @ to_srgb, wide, to_srgb)


@dataclass(frozen=True, slots=True)
class Finish:
    """Standard deviations (logarithm of linear light): `light` of a surface's own brightness, `look` of each channel
    for colours as strong as the chart's, `chart` of a patch against the published spectrum."""

    light: float
    look: float
    chart: float


PLAIN = Finish(0.0, 0.0, 0.006)
"""A raw conversion without a look; makers of charts tolerate 1 dE."""
FINISHES = (PLAIN, Finish(0.02, 0.03, 0.010), Finish(0.05, 0.06, 0.015), Finish(0.09, 0.12, 0.018))

STEP, REACH, LENGTH = 0.45, 1.3, 0.6
"""Nodes of the look over opponent colour relative to lightness (codes), and its correlation length: 0.6 is some 40
degrees of hue on the chart's strong colours, as wide as the bands of photo programs."""
PALE = 0.4
"""Greys stay as they are; from this colourfulness on a look acts in full."""
BY_LIGHTNESS = 0.5
"""How much the look of dark colours may differ from that of bright ones."""


@cache
def _nodes() -> tuple[Array, Array]:
    """Places (k, 2) and what takes values there to independent weights (k, k)."""
    steps = np.arange(-4, 5) * STEP
    places = np.array([(x, y) for x in steps for y in steps if np.hypot(x, y) < REACH])
    kernel = np.exp(-0.5 * ((places[:, None] - places[None]) ** 2).sum(-1) / LENGTH**2)
    return places, np.linalg.inv(np.linalg.cholesky(kernel + 1e-6 * np.eye(len(places))))


def look_size() -> int:
    return 6 * len(_nodes()[0])


def _waves(linear_srgb: Array) -> Array:
    """The smooth process over hue, saturation and lightness at colours (n, 3): (n, weights of one channel)."""
    code = np.maximum(linear_srgb, 0.0) ** (1 / 2.2)
    lightness = code.mean(-1) + 0.05
    red, green, blue = code.T
    place = np.stack([(red - green) / np.sqrt(2), (red + green - 2 * blue) / np.sqrt(6)], -1) / lightness[:, None]
    places, whiten = _nodes()
    away = ((place[:, None] - places[None]) ** 2).sum(-1)
    waves = np.exp(-0.5 * away / LENGTH**2) @ whiten.T * np.tanh(np.linalg.norm(place, axis=-1) / PALE)[:, None]
    return np.concatenate([waves, BY_LIGHTNESS * ((lightness - 0.55) / 0.25)[:, None] * waves], -1)


def look_basis(linear_srgb: Array) -> Array:
    """(n, 3, weights): what each weight, standard normal beforehand, adds to the logarithm of each channel's light at
    `linear_srgb` (n, 3) for a look of 1: smooth in hue and saturation, none on greys."""
    waves = _waves(linear_srgb)
    return np.asarray(np.einsum("nk,cd->ncdk", waves, np.eye(3)).reshape(len(waves), 3, -1), np.float64)


def look_at(weights: Array, linear_srgb: Array) -> Array:
    """What a look of 1 with `weights` adds to the logarithm of each channel's light at colours (n, 3): (n, 3)."""
    return np.asarray(_waves(linear_srgb) @ weights.reshape(3, -1).T)

"""How uncertain a colour measure is in one photo with a card, and its change between two."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skinscan.records import BoolArray, Colour

Array = NDArray[np.float64]
OfColour = Callable[[Array], float]

LARGEST_MISMATCH = 1.5
"""Residual, in standard deviations, up to which two cards were seen by the same camera in the same light."""
LEAST_SHARED_PATCHES = 12


def uncertainty(of_colour: OfColour, rgb: Array, colour: Colour) -> float:
    """Standard uncertainty of a colour measure of corrected linear sRGB (3,), by the card; NaN without a card."""
    return _scatter(of_colour, rgb, colour.doubt)


def mismatch(before: Colour, after: Colour) -> float:
    """How far the patches of two cards are from being the same seen by the same camera in the same light.

    White balance, exposure and the maker's matrix only mix channels linearly: what is left after the best 3x3 between
    the two, in standard deviations. NaN where there is no card, or too few patches are seen in both.
    """
    first, second = before.responses, after.responses
    if first is None or second is None or before.responses_spread is None or after.responses_spread is None:
        return float("nan")
    both: BoolArray = np.asarray((np.isfinite(first) & np.isfinite(second)).all(axis=1))
    if both.sum() < LEAST_SHARED_PATCHES:
        return float("nan")
    spread = np.hypot(before.responses_spread[both], after.responses_spread[both])
    left = 0.0
    for c in range(3):
        weighted = first[both] / spread[:, c : c + 1]
        target = second[both, c] / spread[:, c]
        mixing, *_ = np.linalg.lstsq(weighted, target, rcond=None)
        left += float(np.sum((target - weighted @ mixing) ** 2))
    return float(np.sqrt(left / (3 * (int(both.sum()) - 3))))


def same_camera_and_light(before: Colour, after: Colour) -> bool:
    """Whether both cards can have been seen by the same camera in the same light, whatever its white balance."""
    return bool(before.formulation == after.formulation and mismatch(before, after) <= LARGEST_MISMATCH)


def change_uncertainty(
    of_colour: OfColour, rgb_before: Array, rgb_after: Array, before: Colour, after: Colour
) -> float:
    """Standard uncertainty that colour correction adds to the change of a colour measure of the same skin.

    `rgb_before` and `rgb_after` (3,) are the corrected linear sRGB. By the same camera in the same light only what
    each photo has of its own is left. Else both doubts about camera and lamp count in full; how this skin differs from
    other skins counts as far as the two lights do not show it alike. NaN without two cards.
    """
    if same_camera_and_light(before, after):
        return math.hypot(_own(of_colour, rgb_before, before), _own(of_colour, rgb_after, after))
    kind = _of_the_skin(of_colour, rgb_after, after) - _of_the_skin(of_colour, rgb_before, before)
    return math.hypot(
        _scatter(of_colour, rgb_before, before.sensor_doubt),
        _scatter(of_colour, rgb_after, after.sensor_doubt),
        float(np.sqrt(np.nanmean(kind**2))) if np.isfinite(kind).any() else math.nan,
    )


def _own(of_colour: OfColour, rgb: Array, colour: Colour) -> float:
    """Scatter of a measure by what another photo would not share, about its own mean: how far that lies from the value
    itself is the same in both."""
    if colour.own_doubt is None:
        return float("nan")
    others = np.array([of_colour(matrix @ rgb) for matrix in colour.own_doubt], np.float64)
    return float(np.nanstd(others)) if np.isfinite(others).any() else float("nan")


def _of_the_skin(of_colour: OfColour, rgb: Array, colour: Colour) -> Array:
    """What it adds to a measure that this skin is another kind of skin, (k,): the same kinds in the same order in every
    photo of it. One NaN without a card."""
    if colour.doubt is None or colour.sensor_doubt is None:
        return np.array([np.nan])
    pairs = zip(colour.doubt, colour.sensor_doubt, strict=True)
    return np.array([of_colour(whole @ rgb) - of_colour(sensor @ rgb) for whole, sensor in pairs], np.float64)


def _scatter(of_colour: OfColour, rgb: Array, doubt: Array | None) -> float:
    if doubt is None:
        return float("nan")
    rgb = np.asarray(rgb, np.float64)
    middle = of_colour(rgb)
    others = np.array([of_colour(matrix @ rgb) for matrix in doubt], np.float64)
    return float(np.sqrt(np.nanmean((others - middle) ** 2))) if np.isfinite(others).any() else float("nan")

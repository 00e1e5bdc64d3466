"""Share of a region above a threshold of a pigment, told from untreated skin or from the region itself, and carried
from the baseline to every follow-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import filters
from skinscan.arrays.cells import Cells, cells_of, factor_between, median
from skinscan.measures import Sample, refused, refused_for
from skinscan.measures.colours import beyond_unmixing, smooth_colour_refused
from skinscan.measures.maps import Maps
from skinscan.records import Flag, Notice

MAD_TO_SD = 1.4826
QUANTILES = 1001
NARROW_MM = 2.0
BROAD_RATIO = 1.7
"""Scatter of a region's haemoglobin over that of what is narrower than NARROW_MM, from which much of the region itself
is red (told of melanin likewise). Ordinary phantoms have 1.0-1.6; a flush over 30 % of the region 1.9-2.4 on tones
I-III, and 1.5 on V, whose own noise hides it. The threshold has then risen with the redness: a true 31-34 % reads as
2-15 %, 45 % as 1-7 %."""


def _threshold(values: NDArray[np.float32]) -> tuple[float, float]:
    """Median, and median + 2 robust standard deviations."""
    middle = median(values)
    mad = median(np.abs(values - np.float32(middle)))
    return middle, middle + 2 * MAD_TO_SD * mad


def _is_broad(maps: Maps, picture: NDArray[np.float32], own: Cells, values: NDArray[np.float32]) -> bool:
    """Whether a region's pigment varies so widely that its own threshold is no measure of unaffected skin."""
    if maps.frame.scale is None:
        return False

    def make() -> NDArray[np.float32]:
        mm_per_px = maps.um_per_px / 1000 * factor_between(maps.measured.shape, picture.shape)
        skin = np.ascontiguousarray(cells_of(maps.measured, 1).on(picture).labels[:] > 0)
        return filters.flatten(picture, skin, NARROW_MM / mm_per_px)

    narrow = own.take(maps.once(("narrow", id(picture)), lambda: (picture, make()))[1])
    scatter, of_narrow = (median(np.abs(part - np.float32(median(part)))) for part in (values, narrow))
    return bool(scatter > BROAD_RATIO * of_narrow)


def _quantiles(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """QUANTILES of the values at evenly spaced probabilities, as numpy's default method gives them."""
    ordered = np.sort(values)
    place = np.linspace(0, len(ordered) - 1, QUANTILES)
    low = place.astype(np.intp)
    low_value, high_value = (ordered[np.minimum(at, len(ordered) - 1)].astype(np.float64) for at in (low, low + 1))
    return low_value + (place - low) * (high_value - low_value)


def _untreated(maps: Maps, picture: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values of the reference where that is skin (a neutral patch says nothing about blood), else the region's own."""
    frame = maps.frame
    if frame.reference_mask is None or frame.colour.reference not in frame.regions:
        return values
    where = cells_of(frame.reference_mask[maps.box], 1).on(picture)
    return np.asarray(where.take(picture), np.float32)


def share_above(
    picture_of: Callable[[Maps], NDArray[np.float32]],
    affected: str,
    maps: Maps,
    cells: Cells,
    carried: Mapping[str, float] | None,
) -> Sample:
    """Share of the pixels of a map of averaged colour above the threshold; `affected`: what such skin is called.

    The threshold is the reference region's (or the baseline's same region's) median + 2 robust SD. Where the two
    photos' colours are not tied together, what is carried is its height above the region's own median, so that
    the lamp drops out; an even change of the whole region is then not seen, and the flag says so.
    """
    refusal = smooth_colour_refused(maps, cells)
    if refusal is not None:
        return refused_for(refusal, cells)
    picture = picture_of(maps)
    own = cells.on(picture)
    values = own.take(picture)
    tied = maps.frame.colour.state != "uncorrected"
    notices = beyond_unmixing(maps, cells)
    if carried is None:
        untreated = _untreated(maps, picture, values)
        threshold = _threshold(untreated)[1]
        detail = "compare two photos to carry the threshold"
        if untreated is values and _is_broad(maps, picture, own, values):
            detail += (
                f"; much of the region may be {affected}, and its own threshold then understates the area: "
                "name untreated skin as reference"
            )
        notices = (*notices, Notice(Flag.WITHIN_PHOTO, detail))
    elif tied:
        threshold = carried["threshold"]
    else:
        threshold = median(values) + carried["height"]
        notices = (
            *notices,
            Notice(Flag.RELATIVE, "told against the region's own median: an even change of all of it is not seen"),
        )
    if not np.isfinite(threshold):
        return refused(Flag.UNDEFINED, "the threshold could not be told", cells)
    above = values > np.float32(threshold)
    share = 100.0 * np.count_nonzero(above) / len(above)
    return Sample(
        share,
        100.0 * own.means(above),
        cells.sizes.astype(float),
        cells.pixels,
        notices,
        {"threshold": threshold, "height": threshold - median(values)},
        _quantiles(values),
    )

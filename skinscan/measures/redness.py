"""Redness: how much more the skin reflects red than green, told four ways."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour, filters
from skinscan.arrays.cells import Cells, cells_of, factor_between, median
from skinscan.measures import Measure, Sample, refused, refused_for
from skinscan.measures.colours import beyond_unmixing, colour_medians, colour_refused, smooth_colour_refused
from skinscan.measures.maps import Maps, chromophores_of
from skinscan.records import Flag, Notice

MAD_TO_SD = 1.4826
QUANTILES = 1001
NARROW_MM = 2.0
BROAD_RATIO = 1.7
"""Scatter of a region's haemoglobin over that of what is narrower than NARROW_MM, from which much of the region itself
is red. Ordinary phantoms have 1.0-1.6; a flush over 30 % of the region 1.9-2.4 on tones I-III, and 1.5 on V, whose own
noise hides it. The threshold has then risen with the redness: a true 31-34 % reads as 2-15 %, 45 % as 1-7 %."""


def a_star_map(maps: Maps) -> NDArray[np.float32]:
    return maps.lab[..., 1]


def erythema_map(maps: Maps) -> NDArray[np.float32]:
    """log10 R - log10 G."""
    return maps.erythema


def haemoglobin_map(maps: Maps) -> NDArray[np.float32]:
    return maps.chromophores[1]


def smooth_haemoglobin_map(maps: Maps) -> NDArray[np.float32]:
    return maps.smooth_haemoglobin


def _median_of(name: str) -> Callable[[Maps, Cells, Mapping[str, float] | None], Sample]:
    def evaluate(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
        refusal = colour_refused(maps, cells)
        if refusal is not None:
            return refused_for(refusal, cells)
        value, blocks = colour_medians(maps, cells, name)
        return Sample(value, blocks, cells.sizes.astype(float), cells.pixels)

    return evaluate


def _haemoglobin(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    sample = _median_of("haemoglobin")(maps, cells, carried)
    if math.isnan(sample.value):
        return sample
    notices = beyond_unmixing(maps, cells)
    return replace(sample, notices=(*sample.notices, *notices))


def _threshold(values: NDArray[np.float32]) -> tuple[float, float]:
    """Median, and median + 2 robust standard deviations."""
    middle = median(values)
    mad = median(np.abs(values - np.float32(middle)))
    return middle, middle + 2 * MAD_TO_SD * mad


def _broadly_red(maps: Maps, picture: NDArray[np.float32], own: Cells, values: NDArray[np.float32]) -> bool:
    """Whether the region's redness varies so widely that its own threshold is no measure of unreddened skin."""
    if maps.frame.scale is None:
        return False

    def make() -> NDArray[np.float32]:
        mm_per_px = maps.um_per_px / 1000 * factor_between(maps.measured.shape, picture.shape)
        skin = np.ascontiguousarray(cells_of(maps.measured, 1).on(picture).labels[:] > 0)
        return filters.flatten(picture, skin, NARROW_MM / mm_per_px)

    narrow = own.take(maps.once("narrow_haemoglobin", make))
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


def _area(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    """Share of pixels above the threshold.

    The threshold is the reference region's (or the baseline's same region's) median + 2 robust SD. Where the two
    photos' colours are not tied together, what is carried is its height above the region's own median, so that
    the lamp drops out; even reddening of the whole region is then not seen, and the flag says so.
    """
    refusal = smooth_colour_refused(maps, cells)
    if refusal is not None:
        return refused_for(refusal, cells)
    picture = smooth_haemoglobin_map(maps)
    own = cells.on(picture)
    values = own.take(picture)
    tied = maps.frame.colour.state != "uncorrected"
    notices = beyond_unmixing(maps, cells)
    if carried is None:
        untreated = _untreated(maps, picture, values)
        threshold = _threshold(untreated)[1]
        detail = "compare two photos to carry the threshold"
        if untreated is values and _broadly_red(maps, picture, own, values):
            detail += (
                "; much of the region may be red, and its own threshold then understates the area: name untreated "
            )
            detail += "skin as reference"
        notices = (*notices, Notice(Flag.WITHIN_PHOTO, detail))
    elif tied:
        threshold = carried["threshold"]
    else:
        threshold = median(values) + carried["height"]
        notices = (*notices, Notice(Flag.RELATIVE, "told against the region's own median: even reddening is not seen"))
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


def _a_star_of(rgb: NDArray[np.float64]) -> float:
    return float(colour.lab(rgb)[1])


def _erythema_index_of(rgb: NDArray[np.float64]) -> float:
    density = colour.optical_density(rgb)
    return float(density[1] - density[0])


def _haemoglobin_of(rgb: NDArray[np.float64]) -> float:
    return float(chromophores_of(colour.optical_density(rgb))[1])


MEASURES = (
    Measure(
        name="redness.a_star",
        title="Redness (a*)",
        unit="CIELAB a* (D65)",
        better="lower",
        definition="median CIELAB a* of the region, D65, 2 degree observer",
        source="CIE 15:2018",
        version=2,
        evidence=a_star_map,
        evidence_title="a*",
        evaluate=_median_of("a*"),
        of_colour=_a_star_of,
        gate=colour_refused,
        same="light, camera and white balance, or a card or reference in both photos",
    ),
    Measure(
        name="redness.erythema_index",
        title="Erythema index",
        unit="log10",
        better="lower",
        definition="median of log10 R - log10 G, linear RGB; depends on the camera, so not a Mexameter unit",
        source="Diffey, Oliver, Farr 1984, doi 10.1111/j.1365-2133.1984.tb00112.x",
        version=2,
        evidence=erythema_map,
        evidence_title="erythema index",
        evaluate=_median_of("erythema"),
        of_colour=_erythema_index_of,
        gate=colour_refused,
        same="light, camera and white balance, or a card or reference in both photos",
    ),
    Measure(
        name="redness.haemoglobin",
        title="Haemoglobin",
        unit="optical density",
        better="lower",
        definition="median haemoglobin coordinate of -log10 RGB, freed of shading and solved with melanin",
        source="Tsumura et al. 1999, doi 10.1364/JOSAA.16.002169; vectors in datasets/optics/unmixing.json",
        version=2,
        evidence=haemoglobin_map,
        evidence_title="haemoglobin",
        evaluate=_haemoglobin,
        of_colour=_haemoglobin_of,
        gate=colour_refused,
        same="light, camera and white balance, or a card or reference in both photos",
    ),
    Measure(
        name="redness.area",
        title="Reddened area",
        unit="% of region",
        better="lower",
        definition="pixels whose haemoglobin exceeds median + 2 x 1.4826 MAD of the reference region, or of the "
        "baseline's same region; colour averaged over 0.15 mm; the threshold is carried to the follow-up. Where more "
        "than a fifth of the region is red and no untreated skin is named, the threshold rises with it and the area is "
        "understated",
        source="skinscan; robust threshold after Rousseeuw and Croux 1993",
        version=2,
        evidence=smooth_haemoglobin_map,
        evidence_title="haemoglobin, averaged",
        evidence_unit="optical density",
        evaluate=_area,
        transform="threshold",
        within_photo=True,
        gate=smooth_colour_refused,
        same="the threshold (carried from the baseline) and the light's direction",
    ),
)

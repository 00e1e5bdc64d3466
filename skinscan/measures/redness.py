"""Redness: how much more the skin reflects red than green, told four ways."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour
from skinscan.arrays.cells import Cells
from skinscan.measures import Measure, Sample, refused_for
from skinscan.measures.above import share_above
from skinscan.measures.colours import beyond_unmixing, colour_medians, colour_refused, smooth_colour_refused
from skinscan.measures.maps import Maps, chromophores_of


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


def _area(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    return share_above(smooth_haemoglobin_map, "red", maps, cells, carried)


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

"""Pigment: how much melanin the skin shows, its colour class, and how even its colour is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour
from skinscan.arrays.cells import Cells, cells_of, median
from skinscan.measures import Measure, Sample, refused_for
from skinscan.measures.above import share_above
from skinscan.measures.colours import (
    beyond_unmixing,
    colour_medians,
    colour_refused,
    glanced_lab,
    smooth_colour_refused,
)
from skinscan.measures.maps import Maps, chromophores_of
from skinscan.records import Flag, Notice


def melanin_map(maps: Maps) -> NDArray[np.float32]:
    return maps.chromophores[0]


def smooth_melanin_map(maps: Maps) -> NDArray[np.float32]:
    return maps.smooth_melanin


def ita_map(maps: Maps) -> NDArray[np.float32]:
    return maps.once("ita", lambda: colour.ita_degree(maps.lab[..., 0], maps.lab[..., 2]).astype(np.float32))


def difference_map(maps: Maps) -> NDArray[np.float32]:
    """CIEDE2000 to the median colour of all measured skin (each region's number uses its own median)."""

    def make() -> NDArray[np.float32]:
        lab, centre = maps.smooth_lab, maps.whole.once("centre", lambda: _centre(maps.whole))
        return colour.ciede2000_to(lab.reshape(-1, 3), centre).reshape(lab.shape[:2])

    return maps.once("difference", make)


def _melanin(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    refusal = colour_refused(maps, cells)
    if refusal is not None:
        return refused_for(refusal, cells)
    value, blocks = colour_medians(maps, cells, "melanin")
    return Sample(value, blocks, cells.sizes.astype(float), cells.pixels, beyond_unmixing(maps, cells))


def _b_star_not_positive(b_star: float) -> Notice:
    return Notice(Flag.B_STAR_NOT_POSITIVE, f"b* is {b_star:.1f}: the white balance is far off")


def _ita_refused(maps: Maps, cells: Cells) -> Notice | None:
    refusal = colour_refused(maps, cells)
    if refusal is not None:
        return refusal
    b_star = float(glanced_lab(maps, cells)[2])
    return None if b_star > 0 else _b_star_not_positive(b_star)


def _ita(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    refusal = colour_refused(maps, cells)
    if refusal is not None:
        return refused_for(refusal, cells)
    (l_star, l_blocks), (b_star, b_blocks) = (colour_medians(maps, cells, name) for name in ("L*", "b*"))
    value = float(colour.ita_degree(l_star, b_star))
    notices = (_b_star_not_positive(b_star),) if np.isnan(value) else ()
    blocks = np.asarray(colour.ita_degree(l_blocks, b_blocks), np.float64)
    return Sample(value, blocks, cells.sizes.astype(float), cells.pixels, notices)


def _centre(maps: Maps) -> NDArray[np.float64]:
    """Median L*, a* and b* of all measured skin, of the averaged colour."""
    lab = maps.smooth_lab
    return _median_colour(cells_of(maps.measured, 1).on(lab), lab)


def _median_colour(cells: Cells, lab: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.array([median(cells.take(lab[..., channel])) for channel in range(3)])


def _evenness(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    refusal = smooth_colour_refused(maps, cells)
    if refusal is not None:
        return refused_for(refusal, cells)
    lab = maps.smooth_lab
    own = cells.on(lab)
    centre = _median_colour(own, lab)
    blocks = np.full(own.count, np.nan)
    for block, values in own.parts(lab):
        blocks[block] = colour.ciede2000_to(values, centre).mean(dtype=np.float64)
    whole = float(np.nansum(blocks * own.sizes) / own.pixels)
    return Sample(whole, blocks, cells.sizes.astype(float), cells.pixels)


def _spot_area(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    return share_above(smooth_melanin_map, "pigmented", maps, cells, carried)


def _melanin_of(rgb: NDArray[np.float64]) -> float:
    return float(chromophores_of(colour.optical_density(rgb))[0])


def _ita_of_colour(rgb: NDArray[np.float64]) -> float:
    lab = colour.lab(rgb)
    return float(colour.ita_degree(float(lab[0]), float(lab[2])))


MEASURES = (
    Measure(
        name="pigment.melanin",
        title="Melanin",
        unit="optical density",
        better="neither",
        definition="median melanin coordinate of -log10 RGB, freed of shading and solved with haemoglobin",
        source="Tsumura et al. 1999, doi 10.1364/JOSAA.16.002169; vectors in datasets/optics/unmixing.json",
        version=2,
        evidence=melanin_map,
        evidence_title="melanin",
        evaluate=_melanin,
        of_colour=_melanin_of,
        gate=colour_refused,
        same="light, camera and white balance, or a card or reference in both photos",
    ),
    Measure(
        name="pigment.ita",
        title="Individual typology angle (ITA)",
        unit="degree",
        better="neither",
        definition="atan2(L* - 50, b*) in degrees from the region's median L* and b*; undefined where b* <= 0",
        source="Chardon, Cretois, Hourseau 1991, doi 10.1111/j.1467-2494.1991.tb00561.x",
        version=2,
        evidence=ita_map,
        evidence_title="ITA",
        evaluate=_ita,
        of_colour=_ita_of_colour,
        gate=_ita_refused,
        same="light, camera, white balance and exposure, or a card or reference in both photos",
    ),
    Measure(
        name="pigment.evenness",
        title="Colour unevenness",
        unit="dE00",
        better="lower",
        definition="mean CIEDE2000 to the region's median colour, colour averaged over 0.15 mm; smaller is more even",
        source="Sharma, Wu, Dalal 2005, doi 10.1002/col.20070",
        version=2,
        evidence=difference_map,
        evidence_title="dE00 to the median colour",
        evaluate=_evenness,
        transform="log",
        gate=smooth_colour_refused,
        same="light direction, distance, sharpness and noise",
    ),
    Measure(
        name="pigment.spot_area",
        title="Pigmented area",
        unit="% of region",
        better="lower",
        definition="pixels whose melanin coordinate exceeds median + 2 x 1.4826 MAD of the reference region, or of the "
        "baseline's same region; colour averaged over 0.15 mm; the threshold is carried to the follow-up. Where more "
        "than a fifth of the region is pigmented and no untreated skin is named, the threshold rises with it and the "
        "area is understated. How deep the pigment lies is not told",
        source="skinscan; robust threshold after Rousseeuw and Croux 1993",
        version=1,
        evidence=smooth_melanin_map,
        evidence_title="melanin, averaged",
        evidence_unit="optical density",
        evaluate=_spot_area,
        transform="threshold",
        within_photo=True,
        gate=smooth_colour_refused,
        same="the threshold (carried from the baseline) and the light's direction",
    ),
)

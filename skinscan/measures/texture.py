"""Texture: how rough the skin looks, band by band, and the co-occurrence of its grey levels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import filters, glcm
from skinscan.arrays.cells import Cells, factor_between
from skinscan.measures import Measure, Sample, refused, refused_for
from skinscan.measures.maps import Maps
from skinscan.records import Flag, Notice

BANDS_UM = ((100, 250), (250, 500), (500, 1000), (1000, 2000), (2000, 5000))
LEAST_PX_A_WAVELENGTH = 3.0
ALLOWANCE = 0.95
"""A follow-up taken from a hand's breadth further off still counts."""

LEAST_WAVELENGTHS_ACROSS = 2.0
"""A region's side, in longest wavelengths of the band, under which its RMS says nothing."""

DISTANCES_UM = (100, 200, 400)
GLCM_LEVELS = 32
GLCM_HALF_RANGE = 0.32
LARGEST_OFFSET_ERROR = 0.15
END_BIN_SHARE = 0.05
GLCM_FEATURES = ("contrast", "homogeneity", "entropy", "energy", "correlation")


Gate = Callable[[Maps, Cells], Notice | None]
NO_SCALE = Notice(Flag.NO_SCALE, "give --mm-per-px, or put a sticker of known size on the skin")


def _too_fine(maps: Maps, wavelength_um: float) -> bool:
    return wavelength_um / maps.um_per_px < LEAST_PX_A_WAVELENGTH * ALLOWANCE


def _edges(maps: Maps) -> tuple[list[tuple[int, int]], list[float]]:
    """The bands that are not too fine, and their cut-offs in px."""
    told = [band for band in BANDS_UM if not _too_fine(maps, band[0])]
    edges_um = (told[0][0], *(longest for _, longest in told)) if told else ()
    return told, [um / maps.um_per_px for um in edges_um]


def _bands(maps: Maps) -> Iterator[tuple[tuple[int, int], NDArray[np.float32]]]:
    """Each band that is not too fine, with its map."""
    told, edges_px = _edges(maps)
    if told:
        yield from zip(told, filters.wavelength_bands(maps.flattened, maps.measured, edges_px), strict=True)


def _band_maps(maps: Maps) -> dict[tuple[int, int], NDArray[np.float32]]:
    return dict(_bands(maps))


def band_map(shortest_um: int, longest_um: int) -> Callable[[Maps], NDArray[np.float32]]:
    def picture(maps: Maps) -> NDArray[np.float32]:
        found = maps.once("bands", partial(_band_maps, maps)).get((shortest_um, longest_um))
        return np.full(maps.measured.shape, np.nan, np.float32) if found is None else found

    return picture


Powers = dict[tuple[int, int], tuple[NDArray[np.float64], NDArray[np.int64]]]
"""Of each band the sum of squares in each block, (K,), and the band's pixels there, (K,)."""


def _powers(maps: Maps, cells: Cells) -> Powers:
    def make() -> tuple[Cells, Powers]:
        told, edges_px = _edges(maps)
        again = maps.lasting or len(maps.frame.regions) > 1
        found: Powers = {band: (np.zeros(cells.count), np.zeros(cells.count, np.int64)) for band in told}
        for part in maps.tiles(filters.bands_reach(edges_px)):
            of_part = cells.cut(part.place) if part is not maps else cells
            if part is not maps and not of_part.cut(part.own).any():
                continue
            bands = part.once("bands", partial(_band_maps, part)).items() if again else _bands(part)
            for band, picture in bands:
                _add_power(found[band], picture, of_part, part)
        return cells, found  # the cells live as long as what their id names

    return maps.once(("powers", id(cells)), make)[1]


def _add_power(
    found: tuple[NDArray[np.float64], NDArray[np.int64]], picture: NDArray[np.float32], cells: Cells, part: Maps
) -> None:
    """Add a band's squares in the part's own pixels."""
    own = cells.on(picture)
    factor = factor_between(part.measured.shape, picture.shape)
    if part.in_margins:
        place = (_reduced(part.own[0], factor), _reduced(part.own[1], factor))
        own, picture = own.cut(place), picture[place]
    found[0][:] += own.squares(picture)
    found[1][:] += own.sizes


def _reduced(side: slice, factor: int) -> slice:
    return slice(side.start // factor, -(-side.stop // factor))


def _band_refused(shortest_um: int, longest_um: int) -> Gate:
    def gate(maps: Maps, cells: Cells) -> Notice | None:
        if maps.frame.scale is None:
            return NO_SCALE
        if _too_fine(maps, shortest_um):
            return Notice(
                Flag.BAND_TOO_FINE, f"{maps.um_per_px:.0f} um/px, {shortest_um / LEAST_PX_A_WAVELENGTH:.0f} needed"
            )
        side_um = math.sqrt(cells.pixels) * maps.um_per_px
        if side_um < LEAST_WAVELENGTHS_ACROSS * longest_um:
            return Notice(
                Flag.REGION_TOO_SMALL_FOR_BAND,
                f"{side_um / 1000:.3g} mm across, {LEAST_WAVELENGTHS_ACROSS * longest_um / 1000:.3g} mm needed",
            )
        return None

    return gate


def _roughness(shortest_um: int, longest_um: int) -> Callable[[Maps, Cells, Mapping[str, float] | None], Sample]:
    gate = _band_refused(shortest_um, longest_um)

    def evaluate(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
        refusal = gate(maps, cells)
        if refusal is not None:
            return refused_for(refusal, cells)
        power, sizes = _powers(maps, cells)[shortest_um, longest_um]
        if not sizes.any():
            return refused(Flag.REGION_TOO_SMALL_FOR_BAND, "the region is thinner than the band's pixels", cells)
        whole = math.sqrt(float(power.sum()) / int(sizes.sum()))
        blocks = np.sqrt(power / np.where(sizes > 0, sizes, np.nan))
        return Sample(whole, blocks, cells.sizes.astype(float), cells.pixels)

    return evaluate


def flattened_map(maps: Maps) -> NDArray[np.float32]:
    return np.where(maps.measured, maps.flattened, np.float32(np.nan))


def _distance_refused(distance_um: float) -> Gate:
    def gate(maps: Maps, cells: Cells) -> Notice | None:
        if maps.frame.scale is None:
            return NO_SCALE
        distance_px = distance_um / maps.um_per_px
        error = _offset_error(maps, distance_um)
        if error > LARGEST_OFFSET_ERROR:
            return Notice(
                Flag.OFFSET_TOO_COARSE,
                f"{distance_um} um are {distance_px:.2f} px here; whole pixels are off by up to {100 * error:.0f} %",
            )
        return None

    return gate


def _glcm(feature: str, distance_um: float) -> Callable[[Maps, Cells, Mapping[str, float] | None], Sample]:
    gate = _distance_refused(distance_um)

    def evaluate(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
        refusal = gate(maps, cells)
        if refusal is not None:
            return refused_for(refusal, cells)
        whole, blocks, weights = _counted(maps, cells)[0][distance_um]
        if weights.sum() == 0:
            return refused(Flag.REGION_TOO_SMALL, "no pair of pixels at this distance", cells)
        notices: list[Notice] = []
        beyond = _counted(maps, cells)[1]
        if beyond > END_BIN_SHARE:
            notices.append(Notice(Flag.END_BINS, f"{100 * beyond:.0f} % of the pixels"))
        if math.isnan(whole[feature]):
            notices.append(Notice(Flag.UNDEFINED, "the region is constant"))
        return Sample(whole[feature], blocks[feature], weights, int(weights.sum() // 2), tuple(notices))

    return evaluate


Features = tuple[dict[str, float], dict[str, NDArray[np.float64]], NDArray[np.float64]]
"""Of one distance: the whole region's features, the blocks' (K,), and the pairs in each block (K,)."""


def _offset_error(maps: Maps, distance_um: float) -> float:
    return glcm.worst_offset_error(distance_um / maps.um_per_px)


def _counted(maps: Maps, cells: Cells) -> tuple[dict[float, Features], float]:
    """Features of every distance that whole pixels come near enough, counted together; and the share of the region's
    pixels that fall into an end bin for want of range."""

    def make() -> tuple[Cells, tuple[dict[float, Features], float]]:
        told = [um for um in DISTANCES_UM if _offset_error(maps, um) <= LARGEST_OFFSET_ERROR]
        distances_px = [um / maps.um_per_px for um in told]
        counts = np.zeros((len(told), cells.count, GLCM_LEVELS, GLCM_LEVELS), np.int64)
        beyond = 0
        for part in maps.tiles(math.ceil(max(distances_px, default=0.0)) + 1):
            of_part = cells.cut(part.place) if part is not maps else cells
            if part is not maps and not of_part.cut(part.own).any():
                continue
            quantised = part.once("quantised", partial(_quantised, part))
            counts += glcm.cooccurrences(quantised, of_part.labels[:], cells.count, distances_px, GLCM_LEVELS, part.own)
            beyond += _beyond(part.flattened[part.own], of_part.labels[part.own])
        found: dict[float, Features] = {}
        for um, of_blocks in zip(told, counts, strict=True):
            whole = {name: float(value) for name, value in glcm.features(of_blocks.sum(0)).items()}
            found[um] = (whole, glcm.features(of_blocks), of_blocks.sum((1, 2)).astype(float))
        return cells, (found, beyond / max(cells.pixels, 1))  # the cells live as long as what their id names

    return maps.once(("cooccurrence", id(cells)), make)[1]


def _beyond(flattened: NDArray[np.float32], labels: NDArray[np.integer[Any]]) -> int:
    """Pixels of a region that lie outside the range of levels."""
    most = float(np.nextafter(np.float32(GLCM_HALF_RANGE), np.float32(0)))
    out = cv2.inRange(flattened, -most, most) == 0 if flattened.size else np.zeros(flattened.shape, np.bool_)
    return int(np.count_nonzero(labels[out])) if out.any() else 0


def _quantised(maps: Maps) -> NDArray[np.uint8]:
    return glcm.quantise(maps.flattened, GLCM_LEVELS, GLCM_HALF_RANGE)


def _roughness_measure(shortest_um: int, longest_um: int) -> Measure:
    return Measure(
        name=f"texture.roughness_{shortest_um}_{longest_um}um",
        title=f"Optical roughness {shortest_um}-{longest_um} um",
        unit="log-luminance RMS",
        better="lower",
        definition=f"RMS of flattened natural log-luminance between spatial wavelengths of {shortest_um} and "
        f"{longest_um} um; optical, not a height (Ra and Sa are not claimed)",
        source="Gaussian cut-offs of ISO 16610-21 and -61",
        version=2,
        evidence=band_map(shortest_um, longest_um),
        evidence_title=f"log-luminance, {shortest_um}-{longest_um} um",
        evidence_unit="log-luminance",
        evaluate=_roughness(shortest_um, longest_um),
        gate=_band_refused(shortest_um, longest_um),
        transform="log",
        needs_scale=True,
        fine=True,
        largest_um_per_px=shortest_um / LEAST_PX_A_WAVELENGTH,
        scale_power=0.5,
        same="light direction and height, sharpness, tone curve and sharpening of the camera",
    )


def _glcm_measure(feature: str, distance_um: int) -> Measure:
    meaning = {
        "contrast": "sum p (i - j)^2",
        "homogeneity": "sum p / (1 + (i - j)^2), the IBSI inverse difference moment",
        "entropy": "-sum p log2 p",
        "energy": "sum p^2, the IBSI angular second moment",
        "correlation": "covariance / variance of the paired levels",
    }[feature]
    return Measure(
        name=f"texture.glcm_{feature}_{distance_um}um",
        title=f"Grey-level {feature}, {distance_um} um",
        unit="bit" if feature == "entropy" else "1",
        better="neither",
        definition=f"{meaning} of co-occurring flattened log-luminance {distance_um} um apart; 32 levels over +-0.32, "
        "symmetric, four angles merged, masked pairs left out",
        source="Haralick 1973, doi 10.1109/TSMC.1973.4309314; IBSI 1, doi 10.1148/radiol.2020191145",
        version=2,
        evidence=flattened_map,
        evidence_title="flattened log-luminance",
        evidence_unit="log-luminance",
        evaluate=_glcm(feature, distance_um),
        gate=_distance_refused(distance_um),
        transform="identity" if feature == "correlation" else "log",
        needs_scale=True,
        fine=True,
        scale_power=0.5 if feature == "contrast" else 0.0,
        same="light direction and height, sharpness, distance, tone curve and sharpening of the camera",
    )


MEASURES = (
    *(_roughness_measure(*band) for band in BANDS_UM),
    *(_glcm_measure(feature, distance) for distance in DISTANCES_UM for feature in GLCM_FEATURES),
)

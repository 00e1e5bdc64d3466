"""Frame -> Assessment: every measure of every region, with its spread, its reason where it is refused, its map."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import metadata
from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan import accuracy
from skinscan.arrays.cells import Cells, grid_labels
from skinscan.arrays.statistics import backward_spread, block_standard_error
from skinscan.capture.aids import CardChoice
from skinscan.capture.card import difference
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.quality import at_scale
from skinscan.environment import check_opencv
from skinscan.measures import Measure, Sample, all_measures, refused
from skinscan.measures.colours import median_rgb
from skinscan.measures.maps import Maps
from skinscan.measures.pores import counted_pores, pores_refused
from skinscan.records import (
    SKIN,
    Assessment,
    Evidence,
    Flag,
    Frame,
    Measurement,
    Notice,
    ParameterError,
    Pores,
    Scale,
)

LEAST_PIXELS = 2000
"""Measured pixels under which a region is refused: its blocks would be smaller than the structures in them."""

EVIDENCE_SIDE_PX = 1600

EVIDENCE_MARGIN_MM = 6.0
"""What may lie around a tile and have a part in its maps: the longest wavelength, and a little."""

NOWHERE_ELSE = Notice(
    Flag.FEW_FOUND, "it lies in fewer than four parts of the region, so how sure its number is cannot be told"
)
"""Why a number without an uncertainty is none."""

Picture = Callable[[Maps], NDArray[np.float32]]


def assess(
    path: str | os.PathLike[str],
    mm_per_px: float | None = None,
    regions: Mapping[str, Sequence[Any]] | None = None,
    *,
    marker_mm: float | None = None,
    card_pitch_mm: float | None = None,
    card: CardChoice = "auto",
    reference: str | None = None,
    face: bool = True,
    cross_polarised: bool = False,
    raking_light: bool = False,
    site: str = "",
    max_megapixels: float = 60.0,
    evidence: bool = True,
) -> Assessment:
    """Read a photo, make it a Frame and measure it.

    `mm_per_px`: millimetres a pixel on the skin; or `marker_mm`: the outer black side of an ArUco sticker
    (DICT_4X4_50) lying on it; or `card_pitch_mm`: from the middle of one patch of a colour card to that of the next.
    The printed skin card tells its size itself, and a face's irises are the last resort; without any, lengths are
    refused and the rest still comes. `card`: which ColorChecker Classic may be in the photo (`before_2014`,
    `after_2014`; `auto` tries both), or `none` to look for no card. `regions`: name -> polygon [(x, y), ...] in pixels
    of the upright photo; without any, a face's own are proposed unless `face` is False. `reference` names a region of
    untreated skin or a neutral patch. `cross_polarised`: filters on lamp and lens cross, so nothing shines.
    `raking_light`: one fixed lamp stands low beside the skin and all other light is out, as dimples need it. `site`:
    the part of the body (`face`, `scalp`, `neck`, `decolletage`, `abdomen`, `thigh`, `buttock`, `upper_arm`); stretch
    marks are told only where it is stated. Raises a SkinscanError that says what to do.
    """
    check_opencv()
    check_site(site)
    photo = read_photo(path, max_megapixels=max_megapixels)
    frame = make_frame(
        photo,
        mm_per_px=mm_per_px,
        marker_mm=marker_mm,
        card_pitch_mm=card_pitch_mm,
        card=card,
        regions=regions,
        reference=reference,
        face=face,
        cross_polarised=cross_polarised,
        raking_light=raking_light,
        site=site,
    )
    return assess_frame(Maps(frame, lasting=evidence), evidence=evidence)


def check_site(site: str) -> None:
    """Raise ParameterError for a site of the body that no table knows; none at all is fine."""
    if not site:
        return
    from skinscan.treatment import SHIPPED
    from skinscan.treatment.functions import sites_of

    known = sites_of(SHIPPED)
    if site not in known:
        raise ParameterError(
            f"'{site}' is no site of the body that is known", expected=f"one of {', '.join(known)}", found=f"'{site}'",
            todo="name one of them, or leave it out",
        )  # fmt: skip


def assess_frame(maps: Maps, *, evidence: bool = True) -> Assessment:
    """Every measure of every region of a frame."""
    frame = maps.frame
    cells = {region: cells_in(maps, region) for region in frame.regions}
    single = [measure for measure in all_measures().values() if measure.evaluate is not None]
    found: dict[tuple[str, str], Measurement] = {}
    for fine in (False, True):
        for region, measure in product(cells, (measure for measure in single if measure.fine is fine)):
            sample = read(measure, maps, cells[region], region)
            found[region, measure.name] = measurement_of(measure, maps, region, sample)
        if not (maps.lasting or fine):
            maps.release_colour()
    measurements = [found[region, measure.name] for region, measure in product(cells, single)]
    return Assessment(
        frame=frame,
        measurements=tuple(measurements),
        evidence=evidence_of(maps, measurements) if evidence else (),
        pores=catalogue(maps),
        versions=versions(),
    )


def cells_in(maps: Maps, region: str) -> Cells:
    """A region of the maps' box, cut into blocks."""
    labels, count = grid_labels(maps.frame.regions[region][maps.box])
    return Cells(labels if maps.in_tiles else labels[:], count)


def read(measure: Measure, maps: Maps, cells: Cells, region: str, carried: Mapping[str, float] | None = None) -> Sample:
    """A measure's sample of a region; refused where the region is too small."""
    assert measure.evaluate is not None
    if cells.pixels < LEAST_PIXELS:
        flag = Flag.NO_SKIN if region == SKIN and cells.pixels == 0 else Flag.REGION_TOO_SMALL
        return refused(flag, f"{cells.pixels} measurable pixels, {LEAST_PIXELS} needed", cells)
    return measure.evaluate(maps, cells, carried)


def measurement_of(measure: Measure, maps: Maps, region: str, sample: Sample) -> Measurement:
    """The record of a sample, its standard uncertainty and the flags that bear on it."""
    notices = list(sample.notices)
    if not math.isnan(sample.value) and measure.needs_colour and maps.frame.colour.state != "card":
        by_card = maps.frame.colour.doubt is not None
        notices.append(Notice(Flag.CARD_DOUBTFUL if by_card else Flag.UNCORRECTED_COLOUR))
    spread = math.nan if math.isnan(sample.value) else spread_of(measure, maps, region, sample)
    unsure = math.isnan(spread) and not math.isnan(sample.value)
    said = [*sample.notices, *([NOWHERE_ELSE] if unsure else [])]
    return Measurement(
        measure=measure.name,
        region=region,
        value=math.nan if unsure else sample.value,
        unit=measure.unit,
        spread=spread,
        n=sample.n,
        flags=tuple(dict.fromkeys(notice.flag for notice in (*said, *notices))),
        version=measure.version,
        reason="; ".join(notice.text for notice in said),
    )


def spread_of(measure: Measure, maps: Maps, region: str, sample: Sample) -> float:
    """Standard uncertainty of a value: what the study holds against the truth, or else the scatter of its blocks;
    the scale; and for colour the lamp and the camera.

    The last belongs to the value of this photo alone; between two photos that share a reference it cancels, and
    without one colour is not compared. With a colour card it is what the card leaves open on this skin.
    """
    frame = maps.frame
    seen = (measure.name, maps.typical_ita, maps.effective_um_per_px)
    known, of_lines = accuracy.of_pores(*seen, sample.n), _of_lines(*seen, sample)
    if of_lines is not None:
        own = of_lines
    elif known is None:
        own = block_standard_error(sample.value, sample.blocks, sample.weights)
    else:
        own = backward_spread(sample.value, known, measure.scale(sample))
    scale = abs(measure.scale_power * sample.value) * frame.scale.relative if frame.scale else 0.0
    of_method = measure.method_error
    if measure.method_error_scaled:
        of_method = math.hypot(
            of_method, backward_spread(sample.value, measure.method_error_scaled, measure.scale(sample))
        )
    return math.hypot(own, scale, _lamp_and_camera(measure, maps, region), of_method)


def _of_lines(measure: str, ita_degree: float, um_per_px: float, sample: Sample) -> float | None:
    """What the study holds of a line measure, whose sample weighs what it rests on."""
    return accuracy.of_lines(measure, ita_degree, um_per_px, float(np.nansum(sample.weights)), sample.value)


def _lamp_and_camera(measure: Measure, maps: Maps, region: str) -> float:
    """Standard uncertainty that the lamp and the camera leave in a colour measure of a region."""
    if measure.of_colour is None:
        return 0.0
    colour = maps.frame.colour
    if colour.doubt is None:
        return accuracy.of_colour(measure.name)
    return difference.uncertainty(measure.of_colour, median_rgb(maps, region), colour)


def catalogue(maps: Maps) -> Pores | None:
    """The counted pores of a frame in coordinates of the upright photo, or None where none could be looked for."""
    frame = maps.frame
    if pores_refused(maps) is not None or not maps.measured.any():
        return None
    pits = counted_pores(maps)
    x, y = pits.x + maps.origin_xy[0], pits.y + maps.origin_xy[1]
    row, column = np.rint(y).astype(int), np.rint(x).astype(int)
    inside = (row >= 0) & (row < frame.shape[0]) & (column >= 0) & (column < frame.shape[1])
    x, y, row, column, pits = x[inside], y[inside], row[inside], column[inside], pits.where(inside)
    region = np.full(len(pits), "", dtype=object)
    # the narrowest region a pore lies in: smaller regions are written over larger ones
    for name in sorted(frame.regions, key=lambda item: -int(frame.regions[item].sum())):
        region[frame.regions[name][row, column]] = name
    keep = region != ""
    return Pores(
        x_px=x[keep],
        y_px=y[keep],
        diameter_um=pits.diameter[keep] * maps.um_per_px,
        contrast=pits.contrast[keep],
        elongation=pits.elongation[keep],
        region=tuple(region[keep]),
    )


def evidence_of(maps: Maps, measurements: Sequence[Measurement]) -> tuple[Evidence, ...]:
    """The maps behind the numbers that came, each once, reduced to a size for looking at, over the whole photo."""
    came = {m.measure for m in measurements if not math.isnan(m.value)}
    sources: dict[Picture, list[Measure]] = {}
    for measure in all_measures().values():
        if measure.evidence is not None and measure.name in came:
            sources.setdefault(measure.evidence, []).append(measure)
    told = [
        (picture, measures[0].evidence_title, measures[0].evidence_unit or measures[0].unit, measures)
        for picture, measures in sources.items()
    ]
    if maps.in_tiles:
        step = float(math.ceil(max(maps.frame.shape) / EVIDENCE_SIDE_PX))
        pictures = _reduced_in_tiles(maps, list(sources), int(step))
    else:
        step = max(max(maps.frame.shape) / EVIDENCE_SIDE_PX, 1.0)
        pictures = [_reduced(_looked_at(maps, picture), maps.box, maps.frame.shape, step) for picture in sources]
    return tuple(
        Evidence(title, unit, values, step, tuple(measure.name for measure in measures))
        for values, (_, title, unit, measures) in zip(pictures, told, strict=True)
    )


def _looked_at(maps: Maps, picture: Picture) -> NDArray[np.float32]:
    return np.where(maps.measured, maps.enlarged(picture(maps)), np.float32(np.nan))


def _reduced_in_tiles(maps: Maps, pictures: Sequence[Picture], step: int) -> list[NDArray[np.float32]]:
    """What `_reduced` gives for each map, made tile by tile, `step` whole pixels to one."""
    height, width = (-(-side // step) for side in maps.frame.shape)
    totals, shares = (np.zeros((len(pictures), height, width), np.float32) for _ in range(2))
    margin_px = math.ceil(EVIDENCE_MARGIN_MM * 1000 / maps.um_per_px) if maps.frame.scale else 0
    for part in maps.tiles(margin_px):
        rows, columns = (slice(box.start + own.start, box.start + own.stop)
                         for box, own in zip(part.box, part.own, strict=True))  # fmt: skip
        place = tuple(slice(side.start // step, -(-side.stop // step)) for side in (rows, columns))
        around = [(side.start % step, -side.stop % step) for side in (rows, columns)]
        for number, picture in enumerate(pictures):
            values = np.pad(_looked_at(part, picture)[part.own], around, constant_values=np.nan)
            known = np.isfinite(values)
            size = (place[1].stop - place[1].start, place[0].stop - place[0].start)
            for sums, image in ((totals, np.where(known, values, np.float32(0))), (shares, known.astype(np.float32))):
                sums[number][place] += cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    with np.errstate(invalid="ignore", divide="ignore"):
        return [
            np.where(share > 0.25, total / share, np.float32(np.nan))
            for total, share in zip(totals, shares, strict=True)
        ]


def _reduced(
    values: NDArray[np.float32], box: tuple[slice, slice], shape: tuple[int, int], step: float
) -> NDArray[np.float32]:
    """Values (h, w) of a box laid on the whole photo and averaged down by `step`; NaN where nothing is known."""
    whole = np.full(shape, np.nan, np.float32)
    whole[box] = values
    if step == 1.0:
        return whole
    size = (round(shape[1] / step), round(shape[0] / step))
    known = np.isfinite(whole)
    total = cv2.resize(np.where(known, whole, np.float32(0)), size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    out = np.full(total.shape, np.nan, np.float32)
    np.divide(total, share, out=out, where=share > 0.25)
    return out


@cache
def _installed() -> dict[str, str]:
    names = ("skinscan", "numpy", "scipy", "opencv-python-headless", "pillow", "simplejpeg")
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


def versions() -> dict[str, str]:
    """Versions of everything that a number depends on."""
    return dict(_installed())


def rescaled(frame: Frame, scale: Scale) -> Frame:
    """The same frame at another scale, its quality told in that."""
    return replace(frame, scale=scale, quality=at_scale(frame.quality, frame.scale, scale))

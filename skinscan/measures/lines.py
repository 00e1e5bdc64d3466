"""Lines: fine lines and wrinkles as valleys of shading, their length, width and contrast along the centre line.

Valleys are looked for at three widths in flattened log-luminance, averaged along each centre line's own direction, and
strung into lines. Hairs and the skin's own net of furrows are narrower, and furrows turn every half millimetre.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import filters, ridges, tracing
from skinscan.arrays.cells import Cells
from skinscan.measures import Measure, Sample, refused_for
from skinscan.measures.maps import Maps
from skinscan.records import Flag, Notice

Values = NDArray[np.float64]

SIGMAS_UM = (110.0, 160.0, 240.0)
"""Widths (SD) of the valleys that are looked for."""
LARGEST_STEP_UM = 60.0
"""Pixels of the reduced picture in which they are looked for, where the photo has them."""
LARGEST_UM_PER_PX = 66.0
REACH_UM = 1200.0
"""How far along a centre line to either side its response is averaged."""
WEAKEST, STRONG = 1.6, 2.4
LEAST_WEAK = 0.02
"""Response at which a line goes on, and at which it may begin, in what the skin's own texture answers; and the least
(log-luminance) that goes on on smooth skin."""
TURNS_RAD = tuple(np.linspace(-0.6, 0.6, 9).tolist())
GAP_UM = 400.0
LEAST_LOG_ODDS = 0.5
LEAST_MM = 1.0
PROFILE_UM = (80.0, 200.0, 450.0)
PROFILE_OVER_UM = 500.0
TURN_MM = 0.5
LEAST_TEXTURE = 0.002
COEFFICIENTS = (-3.67, 3.75, 5.49, -1.53, -4.12)
LEAST_WIDTH_UM = 175.0
"""Full width at half depth from which a valley is a line: hairs have up to 120 um, furrows 100-160."""
FWHM = 2 * math.sqrt(2 * math.log(2))
RIM_UM, HOLE_UM = 150.0, 300.0
"""Skin at the rim of what is measured that is not searched, and holes in it (glints) over which lines go on."""
LEAST_SEARCHED = 0.25
LEAST_LINES_MM = 5.0
"""Length of lines under which their width and contrast say nothing."""


@dataclass(frozen=True, eq=False)
class Line:
    """A line's centre (n, 2) in pixels of the maps, and at each point its width at half depth and its depth in
    log-luminance, (n,)."""

    path: Values
    width_um: Values
    contrast: Values


@dataclass(frozen=True, eq=False)
class Picture:
    """Flattened log-luminance with holes filled, what is searched of it, and pixels of the maps along one of its."""

    image: NDArray[np.float32]
    searched: NDArray[np.bool_]
    factor: int


def picture_of(maps: Maps) -> Picture:
    """What lines are looked for in."""
    return maps.whole.once("lines picture", partial(_picture, maps.whole))


def _picture(maps: Maps) -> Picture:
    factor = 1
    while 2 * factor * maps.um_per_px <= LARGEST_STEP_UM:
        factor *= 2
    height, width = (-(-side // factor) for side in maps.measured.shape)
    total, share = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for part in maps.tiles():
        place = tuple(slice(side.start // factor, -(-side.stop // factor)) for side in part.place)
        total[place] = filters.reduced(part.flattened, factor)  # 0 where nothing is measured
        share[place] = filters.reduced(part.measured.astype(np.float32), factor)
    step_um = factor * maps.um_per_px
    known = share > 0.5
    image = np.where(known, total / np.maximum(share, np.float32(0.5)), np.float32(0))
    if not known.all():
        around = filters.masked_gaussian(image, known, SIGMAS_UM[0] / step_um)
        np.copyto(image, np.nan_to_num(around), where=~known)
    return Picture(image, _searched(known, step_um), factor)


def _searched(known: NDArray[np.bool_], step_um: float) -> NDArray[np.bool_]:
    """Without the rim, small holes closed."""

    def disc(um: float) -> NDArray[np.uint8]:
        side = 2 * max(round(um / step_um), 1) + 1
        return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)

    mask = np.pad(known.astype(np.uint8), 16)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disc(HOLE_UM / 2)))
    return np.asarray(cv2.erode(mask, disc(RIM_UM))[16:-16, 16:-16] > 0)


def find_lines(maps: Maps) -> tuple[Line, ...]:
    """Every line of the frame's measured pixels, longest first."""
    return maps.whole.once("lines", lambda: _find(maps.whole))


def _find(maps: Maps) -> tuple[Line, ...]:
    found, texture = candidates(maps)
    kept = [line for line in found if log_odds(line_features(line, texture, maps.um_per_px)) > LEAST_LOG_ODDS]
    return tuple(sorted(kept, key=lambda line: -len(line.path)))


def candidates(maps: Maps) -> tuple[list[Line], float]:
    """Every valley of a line's width, and how strongly this skin's texture answers (log-luminance)."""
    picture = picture_of(maps)
    step_um = picture.factor * maps.um_per_px
    looks = ridges.looks(picture.image, [um / step_um for um in SIGMAS_UM])
    hessians = [hessian for _, _, hessian in looks]
    texture = _texture(hessians[0], picture.searched)
    weakest = max(WEAKEST * texture, LEAST_WEAK)
    points = ridges.valleys(looks, picture.searched, weakest / 2)
    for turns, share in ((0.0,), 0.6), (TURNS_RAD, 1.0):
        points = ridges.drawn_out(points, hessians, REACH_UM / step_um, turns)
        points = points.where(points.response > share * weakest)
    found = []
    for chain in tracing.trace(points, weakest * STRONG / WEAKEST, GAP_UM / step_um):
        if len(chain) * step_um * math.sqrt(2) > 1000 * LEAST_MM:
            found += _lines_of(points.where(chain), picture, maps)
    return found, texture


def _texture(hessian: ridges.Hessian, searched: NDArray[np.bool_]) -> float:
    """How strongly skin without a line answers: the median of every seventh searched pixel."""
    seen = ridges.across(hessian)[searched][::7]
    return max(float(np.median(np.abs(seen))), LEAST_TEXTURE) if len(seen) else LEAST_TEXTURE


FEATURES = ("constant", "log length", "log contrast", "log texture", "turning")


def line_features(line: Line, texture: float, um_per_px: float) -> Values:
    """What tells a line from a row of furrows, pores or specks, (len(FEATURES),): how long it is, how dark nearly all
    along against what the skin's texture answers, and how it turns each half millimetre."""
    steps_mm = tracing.lengths(line.path) * um_per_px / 1000
    along = np.concatenate([[0.0], np.cumsum(steps_mm)])
    at = np.arange(0.0, along[-1], TURN_MM / 2)
    heading = np.unwrap(np.arctan2(*(np.diff(np.interp(at, along, line.path[:, axis])) for axis in (1, 0))))
    turning = float(np.sqrt(np.mean((heading[2:] - heading[:-2]) ** 2))) if len(heading) > 2 else 0.0
    contrast = max(float(np.percentile(line.contrast, 20)), 0.03)
    return np.array([1.0, math.log(along[-1]), math.log(contrast / 0.2), math.log(texture / 0.02), turning])


def log_odds(features: Values) -> float:
    """Natural log of the odds that a valley is a line."""
    return float(features @ np.array(COEFFICIENTS))


def _lines_of(points: ridges.Points, picture: Picture, maps: Maps) -> list[Line]:
    """The parts of a chain of points that are lines."""
    step_um = picture.factor * maps.um_per_px
    path = tracing.smoothed(np.stack([points.x, points.y], 1), tracing.ALIGNMENT_PX)
    section = tracing.sections(picture.image, path, [um / step_um for um in PROFILE_UM], PROFILE_OVER_UM / step_um)
    blur_um = maps.frame.quality.blur_px * maps.um_per_px
    width_um = FWHM * np.sqrt(np.maximum((section.sigma_px * step_um) ** 2 - blur_um**2, 0.0))
    is_line = (width_um >= LEAST_WIDTH_UM) & (section.depth > 0)
    found = []
    for run in _runs(is_line):
        part = path[run]
        if tracing.lengths(part).sum() * step_um >= 1000 * LEAST_MM:
            full = part * picture.factor + (picture.factor - 1) / 2
            found.append(Line(full, width_um[run], section.depth[run]))
    return found


def _runs(chosen: NDArray[np.bool_]) -> list[slice]:
    turns = np.flatnonzero(np.diff(chosen.astype(np.int8), prepend=0, append=0))
    return [slice(int(start), int(stop)) for start, stop in turns.reshape(-1, 2)]


@dataclass(frozen=True, eq=False)
class Pieces:
    """The steps of all lines in a region, each (n,): length in mm, width, contrast, and the block that it lies in
    (0..K-1); and the searched skin of each block in cm2, (K,)."""

    length_mm: Values
    width_um: Values
    contrast: Values
    block: NDArray[np.int64]
    area_cm2: Values


def _pieces(maps: Maps, cells: Cells) -> Pieces:
    def make() -> tuple[Cells, Pieces]:
        found = find_lines(maps)
        middles = [(line.path[1:] + line.path[:-1]) / 2 for line in found]
        x, y = np.concatenate([np.zeros((0, 2)), *middles]).T
        length_px, width, contrast = (
            np.concatenate([np.zeros(0), *parts])
            for parts in (
                [tracing.lengths(line.path) for line in found],
                [(line.width_um[1:] + line.width_um[:-1]) / 2 for line in found],
                [(line.contrast[1:] + line.contrast[:-1]) / 2 for line in found],
            )
        )
        length_mm = length_px * maps.um_per_px_at(x, y) / 1000
        label = _labels_at(cells, x, y)
        own = label > 0
        pieces = Pieces(length_mm[own], width[own], contrast[own], label[own] - 1, _searched_cm2(maps, cells))
        return cells, pieces  # the cells live as long as what their id names

    return maps.once(("lines of", id(cells)), make)[1]


def _searched_cm2(maps: Maps, cells: Cells) -> Values:
    """Searched skin of each block, (K,)."""
    picture = picture_of(maps)
    labels = np.asarray(cells.on(picture.image).labels[:])
    row, column = np.nonzero(picture.searched & (labels > 0))
    step = float(picture.factor)
    side_um: Values = np.asarray(step * maps.um_per_px_at(column * step, row * step), np.float64)
    return _summed(labels[row, column] - 1, (side_um / 1e4) ** 2, cells.count)


def _summed(block: NDArray[Any], weights: Values, count: int) -> Values:
    return np.asarray(np.bincount(block, weights=weights, minlength=count), np.float64)


def _labels_at(cells: Cells, x: Values, y: Values) -> NDArray[np.int64]:
    """The block (1..K) that each place lies in, 0 outside, (n,)."""
    height, width = cells.labels.shape
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    label = np.zeros(len(x), np.int64)
    label[inside] = cells.labels[row[inside], column[inside]]
    return label


def _refused(maps: Maps, cells: Cells) -> Notice | None:
    """Why lines cannot be looked for in this photo, as far as the frame tells."""
    if maps.frame.scale is None:
        return Notice(Flag.NO_SCALE, "give --mm-per-px, or put a sticker of known size on the skin")
    resolved = maps.effective_um_per_px
    if math.isnan(resolved):
        return Notice(Flag.TOO_FAR, "its sharpness could not be told: too little connected skin")
    if resolved > LARGEST_UM_PER_PX:
        return Notice(
            Flag.TOO_FAR, f"{resolved:.0f} um/px resolved (blur included), {LARGEST_UM_PER_PX:.0f} needed: come closer"
        )
    return None


def _density(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    refusal = _refused(maps, cells)
    if refusal is not None:
        return refused_for(refusal, cells)
    pieces = _pieces(maps, cells)
    area = pieces.area_cm2
    if area.sum() * 1e8 / maps.um_per_px**2 < LEAST_SEARCHED * cells.pixels:
        return refused_for(
            Notice(Flag.REGION_TOO_SMALL, "what is measured of the region is thinner than a line"), cells
        )
    length = _summed(pieces.block, pieces.length_mm, cells.count)
    blocks = length / np.where(area > 0, area, np.nan)
    return Sample(float(length.sum() / area.sum()), blocks, area, len(find_lines(maps)))


def _of_lines(name: str) -> Callable[[Maps, Cells, Mapping[str, float] | None], Sample]:
    """Median of what lines have along their length."""

    def evaluate(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
        refusal = _refused(maps, cells)
        if refusal is not None:
            return refused_for(refusal, cells)
        pieces = _pieces(maps, cells)
        total = float(pieces.length_mm.sum())
        if total < LEAST_LINES_MM:
            return refused_for(Notice(Flag.FEW_LINES, f"{total:.1f} mm found, {LEAST_LINES_MM:g} mm needed"), cells)
        values = getattr(pieces, name)
        weights = _summed(pieces.block, pieces.length_mm, cells.count)
        blocks = np.array([_median(values[own], pieces.length_mm[own]) for own in _members(pieces.block, cells.count)])
        return Sample(_median(values, pieces.length_mm), blocks, weights, len(find_lines(maps)))

    return evaluate


def _members(block: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    order = np.argsort(block, kind="stable")
    return np.split(order, np.searchsorted(block[order], np.arange(1, count)))


def _median(values: Values, weights: Values) -> float:
    """Weighted median; NaN for none."""
    if len(values) == 0:
        return math.nan
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(np.interp(0.5 * total[-1], total - weights[order] / 2, values[order]))


def lines_map(maps: Maps) -> NDArray[np.float32]:
    """Contrast of the lines, as wide as they are, 0 on skin without one."""
    top, left = maps.place[0].start, maps.place[1].start
    out: NDArray[np.float32] = np.zeros(maps.measured.shape, np.float32)
    for line in find_lines(maps) if maps.frame.scale is not None else ():
        width_px = max(round(float(np.median(line.width_um)) / maps.um_per_px), 1)
        place = np.rint((line.path - (left, top)) * 16).astype(np.int32)
        contrast = float(np.median(line.contrast))
        cv2.polylines(out, [place], False, contrast, width_px, cv2.LINE_8, 4)
    return np.where(maps.measured, out, np.float32(np.nan))


def _measure(
    name: str,
    title: str,
    unit: str,
    definition: str,
    evaluate: Callable[[Maps, Cells, Mapping[str, float] | None], Sample],
    **more: object,
) -> Measure:
    return Measure(
        name=f"lines.{name}",
        title=title,
        unit=unit,
        better="lower",
        definition=definition,
        source="ridges after Steger 1998, doi 10.1109/34.659930; scale normalised after Lindeberg 1998, "
        "doi 10.1023/A:1008097225773",
        version=1,
        evidence=lines_map,
        evidence_title="lines and their contrast",
        evidence_unit="log-luminance",
        evaluate=evaluate,
        gate=_refused,
        needs_scale=True,
        fine=True,
        largest_um_per_px=LARGEST_UM_PER_PX,
        same="light direction and height, sharpness, distance, expression of the face",
        **more,  # type: ignore[arg-type]
    )


MEASURES = (
    _measure(
        "length_density",
        "Line length",
        "mm/cm2",
        "length of the centre lines of dark valleys 175 um wide and more, 2 mm long and more, over the skin searched; "
        "hairs and the net of furrows are left out",
        _density,
        transform="sqrt",
        scale_power=-1.0,
    ),
    _measure(
        "width_um",
        "Line width",
        "um",
        "median along the lines of the full width at half depth of their cross-section, the photo's blur taken off",
        _of_lines("width_um"),
        transform="log",
        scale_power=1.0,
    ),
    _measure(
        "contrast",
        "Line contrast",
        "log-luminance",
        "median along the lines of how much darker their middle is than the skin beside, natural logarithm",
        _of_lines("contrast"),
        transform="log",
    ),
)

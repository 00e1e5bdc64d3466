"""Lines: fine lines and wrinkles as valleys of shading, their length, width and contrast along the centre line.

Valleys are looked for at three widths in flattened log-luminance, averaged along each centre line's own direction, and
strung into lines. Hairs and the skin's own net of furrows are narrower, and furrows turn every half millimetre.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import filters, ridges, tracing
from skinscan.arrays.cells import Cells
from skinscan.measures import Measure, Sample, refused, refused_for
from skinscan.measures.maps import Maps
from skinscan.measures.strokes import Pieces, Searched, Stroke, drawn, pieces_of, runs, without_rim
from skinscan.records import Flag, Notice

Values = NDArray[np.float64]

SIGMAS_UM = (110.0, 160.0, 240.0)
"""Widths (SD) of the valleys that are looked for."""
LARGEST_STEP_UM = 60.0
"""Pixels of the reduced picture in which they are looked for, where the photo has them."""
SEARCH_UM = 90.0
"""Pixels on which they are looked for; only what is found is read from the finer picture."""
LARGEST_UM_PER_PX = 66.0
BAND_PX = 1_500_000
"""Pixels of the searched picture that are looked at together."""
REACH_UM = 1200.0
"""How far along a centre line to either side its response is averaged."""
WEAKEST, STRONG = 1.6, 2.4
LEAST_WEAK = 0.02
"""Response at which a line goes on, and at which it may begin, in what the skin's own texture answers; and the least
(log-luminance) that goes on on smooth skin."""
FIRST, SECOND = 0.75, 0.7
"""Share of the former that a point needs alone, and averaged along its own direction, to be looked at further."""
MOST_CONTRAST = 6.0
"""The contrast of a valley over its response: 2.6 to 4.5 for those that are looked for, and room."""
TURNS_RAD = tuple(np.linspace(-0.6, 0.6, 9).tolist())
GAP_UM = 400.0
LEAST_LOG_ODDS = 0.3
LEAST_MM = 1.0
PROFILE_UM = (80.0, 200.0, 450.0)
PROFILE_OVER_UM = 500.0
TURN_MM = 0.5
LEAST_TEXTURE = 0.002
COEFFICIENTS = (-2.7, 3.74, 4.17, -1.65, -2.07)
LEAST_WIDTH_UM = 175.0
"""Full width at half depth from which a valley is a line: hairs have up to 120 um, furrows 100-160."""
RIM_UM, HOLE_UM = 150.0, 300.0
"""Skin at the rim of what is measured that is not searched, and holes in it (glints) over which lines go on."""
LEAST_SEARCHED = 0.25
LEAST_LINES_MM = 5.0
"""Length of lines under which their width and contrast say nothing."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Flattened log-luminance with holes filled, what is searched of it, and pixels of the maps along one of its."""

    image: NDArray[np.float32]
    searched: NDArray[np.bool_]
    factor: int

    @property
    def where(self) -> Searched:
        return Searched(self.searched, self.factor)


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
    if known.any() and not known.all():
        around = filters.masked_gaussian(image, known, SIGMAS_UM[0] / step_um)
        np.copyto(image, np.nan_to_num(around), where=~known)
    return Picture(image, without_rim(known, RIM_UM / step_um, HOLE_UM / step_um), factor)


def find_lines(maps: Maps) -> tuple[Stroke, ...]:
    """Every line of the frame's measured pixels, longest first."""
    return maps.whole.once("lines", lambda: _find(maps.whole))


def _find(maps: Maps) -> tuple[Stroke, ...]:
    found, texture = candidates(maps)
    kept = [line for line in found if log_odds(line_features(line, texture, maps.um_per_px)) > LEAST_LOG_ODDS]
    return tuple(sorted(kept, key=lambda line: -len(line.path)))


def candidates(maps: Maps) -> tuple[list[Stroke], float]:
    """Every valley of a line's width, and how strongly this skin's texture answers (log-luminance)."""
    picture = picture_of(maps)
    if not picture.searched.any():
        return [], LEAST_TEXTURE
    image, searched, ratio = _coarser(picture, SEARCH_UM / (picture.factor * maps.um_per_px))
    step_um = ratio * picture.factor * maps.um_per_px
    texture = _texture(image, searched, step_um)
    weakest = max(WEAKEST * texture, LEAST_WEAK)
    points = ridges.joined([_points_of(image, searched, rows, step_um, weakest) for rows in _bands(image.shape)])
    found = []
    for chain in _hopeful(
        tracing.trace(points, weakest * STRONG / WEAKEST, GAP_UM / step_um), points, texture, step_um
    ):
        path = tracing.smoothed(np.stack([points.x[chain], points.y[chain]], 1), tracing.ALIGNMENT_PX)
        found += _lines_of((path + 0.5) * ratio - 0.5, picture, maps)
    return found, texture


def _bands(shape: tuple[int, ...]) -> list[slice]:
    """Rows that are looked at together, so that a large picture takes no more memory than a small one."""
    height, width = shape[:2]
    at_once = max(BAND_PX // max(width, 1), 64)
    return [slice(top, min(top + at_once, height)) for top in range(0, height, at_once)]


def _around(rows: slice, height: int, step_um: float) -> slice:
    """The rows, and what beside them has a part in what they answer."""
    margin = math.ceil(REACH_UM / step_um + 5 * SIGMAS_UM[-1] / step_um)
    return slice(max(rows.start - margin, 0), min(rows.stop + margin, height))


def _points_of(
    image: NDArray[np.float32], searched: NDArray[np.bool_], rows: slice, step_um: float, weakest: float
) -> ridges.Points:
    """Points of centre lines in some rows that answer as a line does when drawn out."""
    around = _around(rows, len(image), step_um)
    looks = ridges.looks(np.ascontiguousarray(image[around]), [um / step_um for um in SIGMAS_UM])
    hessians = [hessian for _, _, hessian in looks]
    inside = searched[around].copy()
    inside[: rows.start - around.start] = False
    inside[rows.stop - around.start :] = False
    points = ridges.valleys(looks, inside, FIRST * weakest)
    for turns, share in ((0.0,), SECOND), (TURNS_RAD, 1.0):
        points = ridges.drawn_out(points, hessians, REACH_UM / step_um, turns)
        points = points.where(points.response > share * weakest)
    return replace(points, y=points.y + around.start)


def _coarser(picture: Picture, ratio: float) -> tuple[NDArray[np.float32], NDArray[np.bool_], float]:
    """The picture and what is searched of it with pixels `ratio` times as large, and how many times they are."""
    if ratio <= 1:
        return picture.image, picture.searched, 1.0
    image = cv2.resize(picture.image, None, fx=1 / ratio, fy=1 / ratio, interpolation=cv2.INTER_AREA)
    at = [
        np.minimum(((np.arange(n) + 0.5) * ratio).astype(int), m - 1)
        for n, m in zip(image.shape, picture.searched.shape, strict=True)
    ]
    return np.asarray(image, np.float32), picture.searched[np.ix_(*at)], ratio


def _hopeful(
    chains: Sequence[tracing.Chain], points: ridges.Points, texture: float, step_um: float
) -> list[tracing.Chain]:
    """The chains that would be lines if all of each had the contrast that its response can have at most, and ran
    straight: most are not, and are not looked at."""
    if not chains:
        return []
    size = np.array([len(chain) for chain in chains])
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    response = np.add.reduceat(points.response[np.concatenate(chains)], start) / size
    most = {
        "constant": np.ones(len(size)),
        "log length": np.log(size * step_um * math.sqrt(2) / 1000),
        "log contrast": np.log(MOST_CONTRAST * response / 0.2),
        "log texture": np.full(len(size), math.log(texture / 0.02)),
        "turning": np.zeros(len(size)),
    }
    odds = np.stack([most[name] for name in FEATURES], 1) @ np.array(COEFFICIENTS)
    kept = (odds > LEAST_LOG_ODDS) & (most["log length"] > math.log(LEAST_MM))
    return [chain for chain, hope in zip(chains, kept, strict=True) if hope]


def _texture(image: NDArray[np.float32], searched: NDArray[np.bool_], step_um: float) -> float:
    """How strongly skin without a line answers: the median of every seventh searched pixel."""
    seen = []
    for rows in _bands(image.shape):
        around = _around(rows, len(image), step_um)
        hessian = ridges.derivatives(np.ascontiguousarray(image[around]), SIGMAS_UM[0] / step_um)[2]
        own = slice(rows.start - around.start, rows.stop - around.start)
        seen.append(np.abs(ridges.across(hessian)[own][searched[rows]][::7]))
    answers = np.concatenate(seen)
    return max(float(np.median(answers)), LEAST_TEXTURE) if len(answers) else LEAST_TEXTURE


FEATURES = ("constant", "log length", "log contrast", "log texture", "turning")


def line_features(line: Stroke, texture: float, um_per_px: float) -> Values:
    """What tells a line from a row of furrows, pores or specks, (len(FEATURES),): how long it is, how dark nearly all
    along against what the skin's texture answers, and how it turns each half millimetre."""
    path_mm = line.path * um_per_px / 1000
    length = float(tracing.lengths(path_mm).sum())
    turning = tracing.turning(path_mm, TURN_MM)
    contrast = max(float(np.percentile(line.along["contrast"], 20)), 0.03)
    return np.array([1.0, math.log(length), math.log(contrast / 0.2), math.log(texture / 0.02), turning])


def log_odds(features: Values) -> float:
    """Natural log of the odds that a valley is a line."""
    return float(features @ np.array(COEFFICIENTS))


def _lines_of(path: Values, picture: Picture, maps: Maps) -> list[Stroke]:
    """The parts of a chain of points that are lines."""
    step_um = picture.factor * maps.um_per_px
    sigmas_px = [um / step_um for um in PROFILE_UM]
    over = PROFILE_OVER_UM / step_um / max(float(np.median(tracing.lengths(path))), 0.5)
    section = tracing.sections(picture.image, path, sigmas_px, over, tracing.gaussian_valley)
    blur_um = tracing.FWHM * maps.frame.quality.blur_px * maps.um_per_px
    width_um = np.sqrt(np.maximum((section.width_px * step_um) ** 2 - blur_um**2, 0.0))
    full = path * picture.factor + (picture.factor - 1) / 2
    whole = Stroke(full, {"width_um": width_um, "width_px": width_um / maps.um_per_px, "contrast": section.depth})
    parts = [whole.part(run) for run in runs((width_um >= LEAST_WIDTH_UM) & (section.depth > 0))]
    return [part for part in parts if part.length(maps.um_per_px) >= 1000 * LEAST_MM]


def _pieces(maps: Maps, cells: Cells) -> Pieces:
    def make() -> tuple[Cells, Pieces]:
        found = pieces_of(maps, cells, find_lines(maps), ("width_um", "contrast"), picture_of(maps).where)
        return cells, found  # the cells live as long as what their id names

    return maps.once(("lines of", id(cells)), make)[1]


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
    if pieces.area_cm2.sum() * 1e8 / maps.um_per_px**2 < LEAST_SEARCHED * cells.pixels:
        return refused(Flag.REGION_TOO_SMALL, "what is measured of the region is thinner than a line", cells)
    return pieces.density(len(find_lines(maps)))


def _of_lines(name: str) -> Callable[[Maps, Cells, Mapping[str, float] | None], Sample]:
    """Median of what lines have along their length."""

    def evaluate(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
        refusal = _refused(maps, cells)
        if refusal is not None:
            return refused_for(refusal, cells)
        pieces = _pieces(maps, cells)
        total = float(pieces.length_mm.sum())
        if total < LEAST_LINES_MM:
            return refused(Flag.FEW_FOUND, f"{total:.1f} mm found, {LEAST_LINES_MM:g} mm needed", cells)
        return pieces.median(name, len(find_lines(maps)))

    return evaluate


def lines_map(maps: Maps) -> NDArray[np.float32]:
    """Contrast of the lines, as wide as they are, 0 on skin without one."""
    return drawn(maps, find_lines(maps) if maps.frame.scale is not None else (), "contrast", "width_px")


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
        version=2,
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

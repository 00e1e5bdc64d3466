"""Parallel linear marks that were not there before: what a needling device that is dragged leaves ('tram tracks').

Two registered photos are held against each other place by place, in redness (free of shading) and in darkness. A line
of change that is long, stands out against how much everything else differs between these two photos, and was no line
before is new; several that run side by side in one direction, more than lines at random would, are told as parallel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import filters, ridges, tracing
from skinscan.arrays.cells import factor_between
from skinscan.arrays.ridges import sampled
from skinscan.arrays.warp import forward
from skinscan.measures.maps import Maps
from skinscan.measures.strokes import without_rim
from skinscan.records import Flag, Notice, Registration

Values = NDArray[np.float64]
Image = NDArray[np.float32]
Kind = Literal["redder", "darker"]
KINDS: tuple[Kind, ...] = ("redder", "darker")

LARGEST_UM_PER_PX = 80.0
LARGEST_STEP_UM = 70.0
SIGMAS_UM = (110.0, 180.0)
REACH_UM = 1500.0
TURNS_RAD = tuple(np.linspace(-0.3, 0.3, 7).tolist())
WEAKEST, STRONG = 3.0, 4.5
"""Response at which a line goes on, and at which it may begin, in the median of what the difference answers."""
GAP_UM = 800.0
LEAST_MM, LARGEST_TURNING, TURN_MM = 4.0, 0.2, 1.0
RIM_UM = 300.0
WAS_THERE = 0.5
"""A line of the before photo itself, this share as strong as the change, is no new one seen in other light."""
HAIR_UM, HAIR_PALER = 150.0, 0.05
"""A hair is narrower than this, or hides the skin's colour: its redness falls by this share of its darkness, while a
scratch, whose walls light one another, is redder."""
WITHIN_DEG, LEAST_COUNT = 8.0, 3
SPACING_MM = (0.4, 10.0)
LEAST_OVERLAP = 0.3
LARGEST_CHANCE = 0.05


@dataclass(frozen=True, eq=False)
class NewMark:
    """A line that is new: its path (n, 2) in pixels of the before photo, length, direction (degrees from +x towards +y,
    modulo 180), how it differs, and how strong it is in SDs of what such a line reads where nothing is new."""

    path: Values
    length_mm: float
    direction_deg: float
    kind: Kind
    strength: float


@dataclass(frozen=True, eq=False)
class NewMarks:
    """New lines of a pair: the `parallel` ones (three or more side by side, or none), and the `others`.

    Of the parallel ones: `direction_deg`, median `spacing_mm` from one to the next, `strength` of the middle one, and
    by `chance` how likely as many of so many lines point one way at random. NaN where there are none. `searched_cm2`
    is the skin that both photos show; `refused` says why nothing could be looked for.
    """

    parallel: tuple[NewMark, ...] = ()
    others: tuple[NewMark, ...] = ()
    direction_deg: float = math.nan
    spacing_mm: float = math.nan
    strength: float = math.nan
    chance: float = math.nan
    searched_cm2: float = 0.0
    refused: Notice | None = None


def new_parallel_marks(before: Maps, after: Maps, registration: Registration) -> NewMarks:
    """Linear marks that only the after photo shows, and which of them are parallel.

    Never a diagnosis: whoever raises a flag from it shows the marks. Refused without a registration or a scale, beyond
    LARGEST_UM_PER_PX, and where one of the photos has no colour and the light is another.
    """
    refusal = _refused(before, after, registration)
    if refusal is not None:
        return NewMarks(refused=refusal)
    pair = _pair(before, after, registration)
    area = float(pair.searched.sum()) * (pair.step_um / 1e4) ** 2
    if not pair.searched.any():
        return NewMarks(refused=Notice(Flag.LITTLE_OVERLAP, "no skin that both photos show"))
    found = [mark for kind in KINDS for mark in _lines(pair, kind, before)]
    return _grouped(_once(found, before.um_per_px), before.um_per_px / 1000, area)


def _refused(before: Maps, after: Maps, registration: Registration) -> Notice | None:
    if not registration.ok:
        return next(iter(registration.notices), Notice(Flag.NOT_REGISTERED))
    if before.frame.scale is None or after.frame.scale is None:
        return Notice(Flag.NO_SCALE, "give --mm-per-px, or put a sticker of known size on the skin")
    coarser = max(before.um_per_px, after.um_per_px)
    if coarser > LARGEST_UM_PER_PX:
        return Notice(Flag.TOO_FAR, f"{coarser:.0f} um/px, {LARGEST_UM_PER_PX:.0f} needed: come closer")
    if before.frame.photo.is_grey or after.frame.photo.is_grey:
        return Notice(Flag.NO_COLOUR, "a hair or a shadow cannot be told from a mark without colour")
    return None


@dataclass(frozen=True, eq=False)
class _Pair:
    """Both photos on one grid of the before photo, (h, w): log-luminance and redness, before and after."""

    dark: tuple[Image, Image]
    red: tuple[Image, Image]
    searched: NDArray[np.bool_]
    factor: int
    step_um: float
    blur_um: float


def _pair(before: Maps, after: Maps, registration: Registration) -> _Pair:
    factor = _factor(before.um_per_px)
    own = [_reduced(before, picture, factor) for picture in (_dark(before), _red(before))]
    shape = own[0].shape
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    middle = (factor - 1) / 2
    places = np.stack([columns * factor + middle, rows * factor + middle], -1) + before.origin_xy
    there = forward(places, registration.homography, registration.displacement, registration.grid_px) - after.origin_xy
    other_factor = _factor(after.um_per_px)
    height, width = after.measured.shape
    x, y = there[..., 0], there[..., 1]
    known = np.isfinite(there).all(-1) & (x >= 0) & (y >= 0) & (x < width - 1) & (y < height - 1)
    x, y = (np.where(known, (a - (other_factor - 1) / 2) / other_factor, 0.0) for a in (x, y))
    moved = [sampled(_reduced(after, picture, other_factor), x, y) for picture in (_dark(after), _red(after))]
    seen = sampled(filters.reduced(after.measured.astype(np.float32), other_factor), x, y) > 0.9
    seen &= known & (filters.reduced(before.measured.astype(np.float32), factor) > 0.9)
    step_um = factor * before.um_per_px
    searched = without_rim(seen, RIM_UM / step_um, RIM_UM / step_um)
    blur_um = after.frame.quality.blur_px * after.um_per_px
    for picture in (*own, *moved):
        picture[~seen] = 0
    return _Pair((own[0], moved[0]), (own[1], moved[1]), searched, factor, step_um, blur_um)


def _factor(um_per_px: float) -> int:
    factor = 1
    while 2 * factor * um_per_px <= LARGEST_STEP_UM:
        factor *= 2
    return factor


def _dark(maps: Maps) -> Image:
    return maps.flattened


def _red(maps: Maps) -> Image:
    """Erythema index less its mean of 2 mm: skin's own hue and the lamp's drop out."""
    red = maps.erythema
    step = factor_between(maps.measured.shape, red.shape)
    mask = np.asarray(filters.reduced(maps.measured.astype(np.float32), step) > 0.5)
    return filters.flatten(np.nan_to_num(red), mask, 2000.0 / maps.um_per_px / step)


def _reduced(maps: Maps, picture: Image, factor: int) -> Image:
    """A map on pixels of `factor` of the photo's."""
    own = factor_between(maps.measured.shape, picture.shape)
    if own > factor:
        picture, own = maps.enlarged(picture), 1
    return np.array(filters.reduced(np.ascontiguousarray(picture), factor // own), np.float32)


def _lines(pair: _Pair, kind: Kind, maps: Maps) -> list[NewMark]:
    """New lines of one kind."""
    first, second = pair.red if kind == "redder" else pair.dark
    sign = np.float32(-1 if kind == "redder" else 1)  # looked for as valleys
    looks = ridges.looks(np.ascontiguousarray(sign * (second - first)), [um / pair.step_um for um in SIGMAS_UM])
    hessians = [hessian for _, _, hessian in looks]
    noise = float(np.median(np.abs(ridges.across(hessians[0])[pair.searched]))) + 1e-6
    points = ridges.valleys(looks, pair.searched, WEAKEST * noise / 2)
    for turns, share in ((0.0,), 0.6), (TURNS_RAD, 1.0):
        points = ridges.drawn_out(points, hessians, REACH_UM / pair.step_um, turns)
        points = points.where(points.response > share * WEAKEST * noise)
    was = [look[2] for look in ridges.looks(np.ascontiguousarray(sign * first), [h.sigma_px for h in hessians])]
    before = ridges.drawn_out(points, was, REACH_UM / pair.step_um, TURNS_RAD).response
    own = np.where(np.isfinite(before), before, 0.0) if len(points) else np.zeros(0)
    kept = own < WAS_THERE * points.response
    points = points.where(kept)
    found = []
    for chain in tracing.trace(points, STRONG * noise, GAP_UM / pair.step_um):
        path = tracing.smoothed(np.stack([points.x, points.y], 1)[chain], 2 * tracing.ALIGNMENT_PX)
        length_mm = float(tracing.lengths(path).sum()) * pair.step_um / 1000
        if length_mm < LEAST_MM or tracing.turning(path * pair.step_um / 1000, TURN_MM) > LARGEST_TURNING:
            continue
        if kind == "darker" and _is_hair(path, pair):
            continue
        strength = float(np.median(points.response[chain])) / noise / _SD_OF_MEDIAN
        full = path * pair.factor + (pair.factor - 1) / 2 + maps.origin_xy
        found.append(NewMark(full, length_mm, _direction_deg(path), kind, strength))
    return found


_SD_OF_MEDIAN = 1.4826
"""The median of the absolute response of nothing new, as an SD."""


def _is_hair(path: Values, pair: _Pair) -> bool:
    """Whether a new dark line is narrow as a hair, or takes the skin's colour with it."""
    over = 500.0 / pair.step_um
    told = [
        tracing.sections(second - first, path, [80 / pair.step_um, 200 / pair.step_um], over, tracing.gaussian_valley)
        for first, second in (pair.dark, pair.red)
    ]
    width_um = math.sqrt(
        max((float(np.median(told[0].width_px)) * pair.step_um) ** 2 - (tracing.FWHM * pair.blur_um) ** 2, 0.0)
    )
    paler = float(np.median(told[1].depth)) * math.log(10)
    return width_um < HAIR_UM or paler > HAIR_PALER * float(np.median(told[0].depth))


def _direction_deg(path: Values) -> float:
    middle = path - path.mean(0)
    values, vectors = np.linalg.eigh(middle.T @ middle)
    x, y = vectors[:, int(np.argmax(values))]
    return math.degrees(math.atan2(y, x)) % 180


def _once(found: Sequence[NewMark], um_per_px: float) -> list[NewMark]:
    """Strongest first, each line once: a red scratch is redder and darker."""
    from scipy.spatial import cKDTree

    kept: list[NewMark] = []
    for mark in sorted(found, key=lambda one: -one.strength * one.length_mm):
        near = (cKDTree(other.path).query(mark.path)[0] * um_per_px < 400 for other in kept)
        if not any(np.mean(close) > 0.5 for close in near):
            kept.append(mark)
    return kept


def _grouped(marks: Sequence[NewMark], mm_per_px: float, area_cm2: float) -> NewMarks:
    """The largest group of marks side by side in one direction, if random lines would hardly make it."""
    best: list[int] = []
    for mark in marks:
        group = [at for at, other in enumerate(marks) if _turned(mark.direction_deg, other.direction_deg) <= WITHIN_DEG]
        group = _side_by_side([marks[at] for at in group], group, mark.direction_deg, mm_per_px)
        if (len(group), sum(marks[at].length_mm for at in group)) > (
            len(best),
            sum(marks[at].length_mm for at in best),
        ):
            best = group
    chance = _chance(len(best), len(marks))
    if len(best) < LEAST_COUNT or chance > LARGEST_CHANCE:
        return NewMarks(others=tuple(marks), searched_cm2=area_cm2)
    chosen = [marks[at] for at in best]
    direction = _mean_direction([mark.direction_deg for mark in chosen])
    return NewMarks(
        parallel=tuple(chosen),
        others=tuple(mark for at, mark in enumerate(marks) if at not in best),
        direction_deg=direction,
        spacing_mm=_spacing_mm(chosen, direction, mm_per_px),
        strength=float(np.median([mark.strength for mark in chosen])),
        chance=chance,
        searched_cm2=area_cm2,
    )


def _turned(one: float, other: float) -> float:
    return abs((one - other + 90) % 180 - 90)


def _mean_direction(degrees: Sequence[float]) -> float:
    doubled = np.exp(2j * np.radians(degrees)).mean()
    return math.degrees(float(np.angle(doubled)) / 2) % 180


def _across_and_along(mark: NewMark, direction_deg: float, mm_per_px: float) -> tuple[float, float, float]:
    """Where a mark lies across a direction, and from where to where along it, mm."""
    c, s = math.cos(math.radians(direction_deg)), math.sin(math.radians(direction_deg))
    along = (mark.path @ np.array([c, s])) * mm_per_px
    return float((mark.path @ np.array([-s, c])).mean()) * mm_per_px, float(along.min()), float(along.max())


def _side_by_side(marks: Sequence[NewMark], numbers: Sequence[int], direction: float, mm_per_px: float) -> list[int]:
    """The longest row of marks of which each lies beside the next."""
    placed = sorted((*_across_and_along(m, direction, mm_per_px), n) for m, n in zip(marks, numbers, strict=True))
    rows: list[list[tuple[float, float, float, int]]] = []
    for item in placed:
        for row in rows:
            last = row[-1]
            shared = min(last[2], item[2]) - max(last[1], item[1])
            beside = SPACING_MM[0] <= item[0] - last[0] <= SPACING_MM[1]
            if beside and shared >= LEAST_OVERLAP * min(last[2] - last[1], item[2] - item[1]):
                row.append(item)
                break
        else:
            rows.append([item])
    longest = max(rows, key=len, default=[])
    return [item[3] for item in longest]


def _spacing_mm(marks: Sequence[NewMark], direction: float, mm_per_px: float) -> float:
    places = sorted(_across_and_along(mark, direction, mm_per_px)[0] for mark in marks)
    return float(np.median(np.diff(places)))


def _chance(count: int, total: int) -> float:
    """A bound on how likely some `count` of `total` lines at random lie within WITHIN_DEG of one of them."""
    share = 2 * WITHIN_DEG / 180
    others = range(count - 1, total)
    tail = sum(math.comb(total - 1, k) * share**k * (1 - share) ** (total - 1 - k) for k in others) if count else 1.0
    return min(1.0, total * tail)

"""A short burst of one view: its best frame, and how much the numbers scatter between its frames."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from skinscan.arrays import statistics, warp
from skinscan.arrays.cells import cells_of
from skinscan.assessment import read
from skinscan.capture.blur import estimate_blur, log_luminance, tiles_of
from skinscan.capture.registration.register import register
from skinscan.guidance.advising import Shot, frame_of
from skinscan.guidance.carried import drawn_in, tied_together, with_drawn
from skinscan.guidance.nouns import BurstResult, Ranked, Spread
from skinscan.guidance.wanted import suited, told_first, wanted_measures
from skinscan.measures import Measure, Sample
from skinscan.measures.maps import Maps
from skinscan.records import FLAGS, SKIN, BoolArray, Flag, Frame, ParameterError, Registration, SkinscanError

NAN = math.nan
LEAST_FRAMES = 3
MOST_FRAMES = 20

CAUTION = (
    "A burst of one occasion holds the camera's noise and the hand's tremor alone. It leaves out putting the patient, "
    "the camera and the lamp there again, and another day: the real smallest detectable change is larger (this "
    "understates it). Reliability between people (ICC) cannot be told from one person, and is not."
)

NO_VIEW = (
    "These photos do not show one view: no frame matches most of the others.",
    "Give the frames of one burst, of the same skin from the same place.",
)
REGIONS_LOST = "What was drawn in the first photo is not found in the best one: draw it there."

MIXED = "it does not show the same skin as most of the burst"

SAME_EXPOSURE = 0.7
"""Share of the scatter that two exposures' noise makes, under which two files are one exposure saved twice. Phantoms:
0.85-1.25 between exposures from a stand, 1.1-3.4 by hand, 0.15-0.6 for a file saved again at quality 90 or better."""

CLEARLY = 1.1
LEAST_SHARE = 0.5
"""Ratio of resolved skin from which one copy of an exposure is better than another, and share of the best frame's under
which a frame is left out: nobody would keep it."""

_COMPARED_PX = 256


@dataclass(frozen=True, eq=False)
class _Frame:
    """A frame of a burst: where it came in the list, and how many resolved pieces of usable skin it holds."""

    index: int
    name: str
    frame: Frame
    elements: float


def best_of(shots: Sequence[Shot], wanted: Sequence[str] | None = None, **settings: Any) -> BurstResult:
    """The best frame of a burst, and the burst's own repeatability.

    Best is the frame with the most resolved pieces of usable skin: usable skin pixels over (1 + blur^2), the pixels
    that the blur's SD mixes, so that sharpness and lost skin (clipped, shiny) are weighed in one unit. The same file
    or exposure twice counts once; a frame that is poor, or that does not register to most of the others, is left out
    and said so. `settings` are those of `skinscan.assess`; `regions` are drawn in the first photo and carried to the
    best by registration: its `frame` holds them where they lie there.

    Raises ParameterError for fewer than two photos or more than 20, and the first photo's own error where none can be
    read. Where no view has a majority, `best` is None.
    """
    if not 2 <= len(shots) <= MOST_FRAMES:
        raise ParameterError(
            "a burst needs several photos of one view", expected=f"2 to {MOST_FRAMES} photos", found=str(len(shots))
        )
    measures = wanted_measures(wanted)
    reasons: dict[int, str] = {}
    read_frames = _read(shots, settings, reasons)
    ranked = sorted(_distinct(read_frames, reasons), key=lambda one: -one.elements)
    good = [one for one in ranked if one.frame.quality.verdict != "poor" and one.elements > 0]
    for one in ranked:
        if one not in good:
            reasons[one.index] = "poor: " + ("; ".join(n.text for n in one.frame.notices) or "no sharp skin")
    for one in good:
        if one.elements < LEAST_SHARE * good[0].elements and len(good) > 1:
            reasons[one.index] = "less than half as much sharp skin as in the best frame"
    group = _same_view(good)
    if group:
        best = group[0][0].elements
        group = [member for member in group if member[0].elements >= LEAST_SHARE * best]
    for one in good:
        if group is None or one.index not in {member.index for member, _ in group}:
            reasons.setdefault(one.index, MIXED)
    shown = told_first(measures, wanted) or measures
    return _result(shots, ranked, group, reasons, shown, read_frames, bool(settings.get("regions")))


def _read(shots: Sequence[Shot], settings: Mapping[str, Any], reasons: dict[int, str]) -> list[_Frame]:
    """The frames that can be read; the regions belong to the first photo, whether or not that can be."""
    frames: list[_Frame] = []
    first_error: SkinscanError | None = None
    for index, shot in enumerate(shots):
        own = dict(settings) if index == 0 else {k: v for k, v in settings.items() if k not in ("regions", "reference")}
        try:
            frame = frame_of(shot, **own)
        except ParameterError:
            raise
        except SkinscanError as error:
            first_error = first_error or error
            reasons[index] = str(error)
            continue
        frames.append(_Frame(index, frame.photo.name, frame, _elements(frame)))
    if not frames and first_error is not None:
        raise first_error
    return frames


def _elements(frame: Frame) -> float:
    """Resolved pieces of usable skin: pixels over the pixels that the blur mixes; 0 where nothing tells the blur."""
    skin = frame.regions[SKIN]
    blur = estimate_blur(tiles_of(frame.photo, skin))
    return float(np.count_nonzero(skin)) / (1.0 + blur.sigma_px**2) if blur else 0.0


def _distinct(frames: Sequence[_Frame], reasons: dict[int, str]) -> list[_Frame]:
    """The frames without those that are another one again; of two that are one exposure, the first, unless the second
    holds clearly more."""
    kept: list[_Frame] = []
    for one in frames:
        twin = next((other for other in kept if _same_photo(one.frame, other.frame)), None)
        if twin is None:
            kept.append(one)
            continue
        better = one.elements > CLEARLY * twin.elements
        if better:
            kept[kept.index(twin)] = one
        left, stays = (twin, one) if better else (one, twin)
        reasons[left.index] = f"{FLAGS[Flag.SAME_PHOTO]} (number {stays.index + 1})"
    return kept


def _same_photo(one: Frame, other: Frame) -> bool:
    """Whether two files hold one exposure: the same file, or the same noise in both."""
    if one.photo.sha256 == other.photo.sha256:
        return True
    noise = min(one.quality.noise, other.quality.noise)
    if one.shape != other.shape or not noise > 0:
        return False
    inside = one.regions[SKIN] & other.regions[SKIN]
    left, top, width, height = cv2.boundingRect(inside.view(np.uint8))
    row, column = (max(middle - _COMPARED_PX // 2, 0) for middle in (top + height // 2, left + width // 2))
    place = slice(row, row + _COMPARED_PX), slice(column, column + _COMPARED_PX)
    seen = inside[place]
    if np.count_nonzero(seen) < _COMPARED_PX:
        return False
    apart = log_luminance(one.photo, *place)[seen] - log_luminance(other.photo, *place)[seen]
    return float(apart.std()) < SAME_EXPOSURE * math.sqrt(2) * noise


Group = list[tuple[_Frame, Registration | None]]
"""The frames of one view, the best first, each with its registration from that one (None for itself)."""


def _same_view(frames: Sequence[_Frame]) -> Group | None:
    """The first frame, best first, that most of the burst registers to, and those that do."""
    for anchor in frames:
        group: Group = [(anchor, None)]
        lost = 0
        for other in frames:
            if other is anchor:
                continue
            found = register(anchor.frame, other.frame)
            if found.ok and not found.mirrored:
                group.append((other, found))
            else:
                lost += 1
            if 2 * lost >= len(frames):
                break
        if 2 * len(group) > len(frames):
            return group
    return None


def _result(
    shots: Sequence[Shot],
    ranked: Sequence[_Frame],
    group: Group | None,
    reasons: Mapping[int, str],
    measures: Mapping[str, Measure],
    frames: Sequence[_Frame],
    regions: bool,
) -> BurstResult:
    used = {member.index for member, _ in group} if group else set()
    elements = {one.index: one.elements for one in frames}
    order = sorted(range(len(shots)), key=lambda i: (i not in used, -elements.get(i, 0.0), i))
    names = {one.index: one.name for one in frames}
    told = tuple(
        Ranked(names.get(i, _name(shots[i])), elements.get(i, NAN), i in used, "" if i in used else reasons.get(i, ""))
        for i in order
    )
    if not group:
        return BurstResult(None, None, told, (), NO_VIEW, "")
    best = group[0][0]
    frame = _with_regions(frames[0], best, regions)
    spreads = tuple(_spreads(group, frame or best.frame, measures))
    said = _sentences(best, told, spreads, len(used), lost=frame is None)
    return BurstResult(best.name, best.index, told, spreads, said, CAUTION if spreads else "", frame or best.frame)


def _with_regions(first: _Frame, best: _Frame, regions: bool) -> Frame | None:
    """The best frame with what was drawn in the first photo, None where that cannot be carried."""
    if first.index != 0 and regions:
        return None
    return with_drawn(first.frame, best.frame) if first is not best and drawn_in(first.frame) else best.frame


def _name(shot: Shot) -> str:
    from pathlib import Path

    return Path(shot).name if isinstance(shot, str | Path) else "photo"


def _sentences(
    best: _Frame, told: Sequence[Ranked], spreads: Sequence[Spread], used: int, lost: bool
) -> tuple[str, ...]:
    """What to say first, three sentences at most. `lost`: what was drawn could not be carried to the best frame."""
    said = [f"Best: number {best.index + 1}, {best.name}: the most sharp and usable skin of {len(told)} photos."]
    if lost:
        said.append(REGIONS_LOST)
    left = [one for one in told if not one.used]
    if left:
        said.append(f"Left out: {len(left)}, as {left[0].photo}: {left[0].reason}.")
    if any(math.isfinite(spread.sdc) for spread in spreads):
        said.append(
            f"The scatter of {used} frames leaves out repositioning and the day: it understates the real error."
        )
    else:
        said.append(f"{used} usable frames tell no repeatability: {LEAST_FRAMES} are needed.")
    return tuple(said[:3])


def _spreads(group: Group, best: Frame, measures: Mapping[str, Measure]) -> Iterator[Spread]:
    """Scatter of each measure over the skin that all frames of the group see, region by region of the best."""
    others = [(member.frame, registration) for member, registration in group if registration is not None]
    frames = tied_together(best, others)
    tied = list(zip(frames, (None, *(registration for _, registration in others)), strict=True))
    maps = [Maps(frame) for frame in frames]
    resolved = [m.effective_um_per_px for m in maps]
    for one in maps:
        one.coarser_um_per_px = 0.0 if any(math.isnan(um) for um in resolved) else max(resolved)
    meant = suited(maps[0], measures)
    for region in frames[0].regions:
        areas = _areas([(m, r) for m, (_, r) in zip(maps, tied, strict=True)], region)
        for measure in meant.get(region, {}).values():
            if measure.evaluate is not None:
                yield _spread(measure, region, maps, areas)


def _areas(tied: Sequence[tuple[Maps, Registration | None]], region: str) -> list[BoolArray]:
    """In each frame, the part of a region that all of them see."""
    anchor = tied[0][0].frame
    common = anchor.regions[region].copy()
    for maps, r in tied[1:]:
        assert r is not None
        common &= warp.carry_mask_back(
            maps.frame.regions.get(region, maps.frame.measurable), anchor.shape, r.homography, r.displacement, r.grid_px
        )
    areas = [common]
    for maps, r in tied[1:]:
        assert r is not None
        there = warp.carry_labels(common, maps.frame.shape, r.homography, r.displacement, r.grid_px)
        areas.append(there & maps.frame.regions.get(region, maps.frame.measurable))
    return areas


def _spread(measure: Measure, region: str, maps: Sequence[Maps], areas: Sequence[BoolArray]) -> Spread:
    samples: list[Sample] = []
    for own, area in zip(maps, areas, strict=True):
        carried = samples[0].carried or None if samples else None
        samples.append(read(measure, own, cells_of(area[own.box], 1), region, carried))
    values = tuple(float(sample.value) for sample in samples)
    known = [value for value in values if math.isfinite(value)]
    if len(known) < LEAST_FRAMES:
        refused = next((s.notices[0].text for s in samples if math.isnan(s.value) and s.notices), "")
        reason = refused or f"{len(known)} frames, {LEAST_FRAMES} needed"
        return Spread(measure.name, region, measure.unit, values, NAN, NAN, reason)
    if len(set(known)) < LEAST_FRAMES:
        reason = "the frames give one and the same number: the file's own steps are coarser than the scatter"
        return Spread(measure.name, region, measure.unit, values, NAN, NAN, reason)
    sem, sdc = scatter(known, measure.scale(samples[0]))
    return Spread(measure.name, region, measure.unit, values, sem, sdc, "" if math.isfinite(sdc) else "not told")


def scatter(values: Sequence[float], scale: statistics.Transform) -> tuple[float, float]:
    """SEM and SDC95 of repeated values, in their own unit: SD on the measure's scale, t quantile for so few.

    SDC95 = t(0.975, n - 1) sqrt(2) SEM, the larger of both sides of the mean: a difference of two further single shots
    stays within it in 95 % of bursts.
    """
    from scipy.stats import t

    judged = np.array([scale.forward(value) for value in values])
    sd, middle = float(judged.std(ddof=1)), scale.inverse(float(judged.mean()))
    factor = float(t.ppf(0.975, len(values) - 1))
    sides = [statistics.detectable_change(middle, math.sqrt(2) * sd, up, scale, factor) for up in (True, False)]
    return statistics.backward_spread(middle, sd, scale), max(sides)

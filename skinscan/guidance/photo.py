"""What one photo can carry, told before anything is measured: the frame's own notices and the measures' own gates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from skinscan.arrays.cells import Cells, cells_of
from skinscan.arrays.colour import ita_degree
from skinscan.assessment import LEAST_PIXELS, read
from skinscan.capture.quality import CLIPPED_SHARE
from skinscan.capture.scale.stickers import markers_seen
from skinscan.guidance.findings import SHINY_SHARE, Finding, Found, rank_of, sticker_without_size, told
from skinscan.guidance.lost import with_own_shares
from skinscan.guidance.nouns import Advice, Outcome, Outlook, together
from skinscan.guidance.pore_count import too_few_pores
from skinscan.measures import Measure, Sample, refused_for
from skinscan.measures.colours import DARKEST_ITA, glanced_lab
from skinscan.measures.maps import Maps
from skinscan.measures.pores import large_pores_only
from skinscan.records import SKIN, Flag, Frame, Notice
from skinscan.report.words import PROMINENT, readable

FINE_FLAGS = frozenset(
    {Flag.BLURRED, Flag.NOISY, Flag.COMPRESSED, Flag.SMOOTHING_SUSPECTED, Flag.TOO_SMALL, Flag.SHARPNESS_DIFFERS}
)
"""What spoils fine structure and leaves the colour of an area as it is."""

LOST_FLAGS = (Flag.CLIPPED_BRIGHT, Flag.CLIPPED_DARK, Flag.SHINY)
"""What is told of each region by its own share."""

TOLD_ALONE = frozenset({Flag.COVERED, Flag.SEVERAL_FACES, Flag.MIRRORED})
"""Notices that somebody should act upon though they weaken no measure: what they speak of is left out already."""

SILENT_FLAGS = frozenset({Flag.ALPHA, Flag.REFERENCE_LOST})
"""Notices of a frame that weaken no measure of what is left."""


ByRegion = Mapping[str, Mapping[str, Measure]]
"""Of each region the measures that are meant for it, by name."""


@dataclass(frozen=True, eq=False)
class Reason:
    """A finding about a region, and the measures that it stops and weakens."""

    notice: Notice
    finding: Finding
    region: str
    stops: tuple[str, ...]
    weakens: tuple[str, ...]


def advice_on(maps: Maps, measures: ByRegion) -> tuple[Advice, ...]:
    """Everything that is in the way of each region's measures in a frame, what matters most first."""
    reasons: list[Reason] = []
    whole = maps
    for region in maps.frame.regions:
        single = {n: measure for n, measure in measures.get(region, {}).items() if measure.evaluate is not None}
        cells = cells_of(maps.frame.regions[region][maps.box], 1)
        maps = with_own_shares(whole, region)
        stopped = list(_stops(maps, cells, region, single))
        taken = {name for reason in stopped for name in reason.stops}
        left = {name: measure for name, measure in single.items() if name not in taken}
        reasons += [*stopped, *_weakens(maps, cells, region, left)]
    merged = _by_stickers(whole.frame, list(_merged(reasons)))
    return tuple(sorted((_advice(reason) for reason in merged), key=importance))


def _by_stickers(frame: Frame, reasons: list[Reason]) -> list[Reason]:
    """The same; where there is no scale and stickers lie in the photo, it is their size that is missing."""
    unscaled = [reason.notice.flag == Flag.NO_SCALE for reason in reasons]
    markers = markers_seen(frame.photo) if any(unscaled) and frame.scale is None else ()
    if not markers:
        return reasons
    finding = sticker_without_size(markers)
    return [replace(r, finding=finding) if without else r for r, without in zip(reasons, unscaled, strict=True)]


def _stops(maps: Maps, cells: Cells, region: str, measures: Mapping[str, Measure]) -> Iterator[Reason]:
    """Why measures of a region would be refused, as `assess` would refuse them."""
    groups: dict[Notice, list[str]] = {}
    for name, measure in measures.items():
        refusal = _refusal(maps, cells, region, measure)
        if refusal is not None:
            groups.setdefault(refusal, []).append(name)
    for notice, names in groups.items():
        found = Found(notice, maps, region, cells, measures[names[0]])
        yield Reason(notice, told(found), region, tuple(names), ())


def _refusal(maps: Maps, cells: Cells, region: str, measure: Measure) -> Notice | None:
    """Why `assess` would refuse a measure of a region, or None."""
    if cells.pixels >= LEAST_PIXELS and measure.family == "pores" and not _gated(maps, cells, region, measure):
        return too_few_pores(maps, region, measure)
    return _gated(maps, cells, region, measure)


def _gated(maps: Maps, cells: Cells, region: str, measure: Measure) -> Notice | None:
    gate = measure.gate

    def only_the_gate(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
        refusal = gate(maps, cells) if gate is not None else None
        return _PASSED if refusal is None else refused_for(refusal)

    sample = read(replace(measure, evaluate=only_the_gate), maps, cells, region)
    return sample.notices[0] if math.isnan(sample.value) else None


_PASSED = Sample(0.0, np.zeros(0), np.zeros(0), 0)


def _weakens(maps: Maps, cells: Cells, region: str, measures: Mapping[str, Measure]) -> Iterator[Reason]:
    """What weakens the measures of a region that come nevertheless."""
    for notice in _weak_notices(maps, cells, region, measures):
        names = tuple(name for name, measure in measures.items() if bears_on(notice.flag, measure))
        if names or (notice.flag in TOLD_ALONE and region == SKIN):
            yield Reason(notice, told(Found(notice, maps, region, cells)), region, (), names)


def _weak_notices(maps: Maps, cells: Cells, region: str, measures: Mapping[str, Measure]) -> Iterator[Notice]:
    frame = maps.frame
    for notice in frame.notices:
        if notice.flag not in (*SILENT_FLAGS, *LOST_FLAGS) and notice.region in (None, region):
            yield notice
    limits = (CLIPPED_SHARE, CLIPPED_SHARE, SHINY_SHARE)
    shares = (frame.quality.clipped_bright_share, frame.quality.clipped_dark_share, frame.quality.specular_share)
    yield from (Notice(flag) for flag, share, limit in zip(LOST_FLAGS, shares, limits, strict=True) if share > limit)
    only = large_pores_only(maps) if any(measure.family == "pores" for measure in measures.values()) else None
    if only is not None:
        yield only
    if frame.colour.state == "uncorrected":
        yield Notice(Flag.UNCORRECTED_COLOUR)
    if any(name in BEYOND_MODEL for name in measures):
        lab = glanced_lab(maps, cells)
        ita = float(ita_degree(float(lab[0]), float(lab[2])))
        if ita < DARKEST_ITA:
            detail = f"ITA {ita:.0f}: on skin this dark the surface outshines the inside"
            yield Notice(Flag.OUT_OF_MODEL, detail)


BEYOND_MODEL = ("redness.haemoglobin", "redness.area", "pigment.melanin", "pigment.spot_area")
"""Measures that the unmixing of melanin and blood stands behind."""


EVERY_NUMBER = frozenset(
    {
        *LOST_FLAGS,
        Flag.UNEVEN_LIGHT,
        Flag.SKIN_DOUBTFUL,
        Flag.NO_SKIN,
        Flag.LITTLE_SKIN,
        Flag.LITTLE_OVERLAP,
        Flag.GREY,
        Flag.NO_COLOUR,
    }
)
"""What leaves less skin to every measure, or the light on it uneven. A flag in no list weakens none."""


ELSEWHERE: Mapping[str, frozenset[Flag]] = {
    "hair": frozenset({Flag.NO_SKIN, Flag.LITTLE_SKIN, Flag.SHINY}),
    "dimples": FINE_FLAGS | {Flag.UNEVEN_LIGHT},
}
"""What does not weaken a family: a scalp under hair shows little skin; raking light falls off, and structure of 2 mm
and more is not fine."""


def bears_on(flag: Flag, measure: Measure) -> bool:
    """Whether a notice of a photo, or of a pair, weakens a measure."""
    if flag in ELSEWHERE.get(measure.family, ()):
        return False
    if flag in FINE_FLAGS:
        return measure.fine
    if flag in (Flag.GLOSS, Flag.UNCORRECTED_COLOUR, Flag.CARD_DOUBTFUL, Flag.REFERENCE_LOST, Flag.LAMP_UNKNOWN):
        return measure.needs_colour
    if flag in (Flag.NO_SCALE, Flag.SCALE_DISAGREES, Flag.CARD_BENT, Flag.OTHER_SCALE):
        return measure.needs_scale
    if flag == Flag.PORES_250_ONLY:
        return measure.family == "pores"
    if flag == Flag.OUT_OF_MODEL:
        return measure.name in BEYOND_MODEL
    return flag in EVERY_NUMBER


def _merged(reasons: Iterable[Reason]) -> Iterator[Reason]:
    """One reason for each flag, finding and region: what stops one measure often weakens another."""
    groups: dict[tuple[str, str], Reason] = {}
    for reason in reasons:
        key = (_same_errand(reason.notice.flag), reason.region)
        if key[0] == Flag.BAND_TOO_FINE:
            key = (reason.finding.finding, reason.region)
        earlier = groups.get(key)
        if earlier is None:
            groups[key] = reason
        else:
            kept = reason if reason.notice.flag == Flag.PORES_250_ONLY else earlier
            groups[key] = replace(
                kept,
                stops=tuple(dict.fromkeys(earlier.stops + reason.stops)),
                weakens=tuple(dict.fromkeys(earlier.weakens + reason.weakens)),
            )
    yield from groups.values()


def _same_errand(flag: Flag) -> str:
    """What a photo resolves too little for, it says once: the smaller pores and their share among all."""
    if flag in (Flag.TOO_FAR, Flag.PORES_250_ONLY):
        return Flag.TOO_FAR.value
    return Flag.BAND_TOO_FINE.value if flag == Flag.OFFSET_TOO_COARSE else flag.value


def _advice(reason: Reason) -> Advice:
    f = reason.finding
    return Advice(
        reason.notice.flag,
        f.act,
        readable(f.finding),
        readable(f.todo),
        f.found,
        f.limit,
        f.unit,
        reason.region,
        reason.stops,
        tuple(name for name in reason.weakens if name not in reason.stops),
    )


def importance(advice: Advice) -> tuple[float, ...]:
    """What comes first: what stops numbers that people look at, then other numbers, then what weakens them."""
    stops, weakens = ([name for name in names if name in PROMINENT] for names in (advice.stops, advice.weakens))
    return (
        -len(stops), -len(weakens), -len(advice.stops), -len(advice.weakens), advice.region != SKIN, -rank_of(advice),
    )  # fmt: skip


def outlooks_of(
    frame: Frame, measures: ByRegion, families: Sequence[str], advice: Sequence[Advice]
) -> tuple[Outlook, ...]:
    """The verdict for each family of measures in each region that it is meant for."""
    told = []
    for region, family in product(frame.regions, families):
        of_family = [m for m in measures.get(region, {}).values() if m.family == family]
        if of_family:
            told.append(_outlook(family, region, [m for m in of_family if m.evaluate is not None], advice))
    return tuple(told)


def _outlook(family: str, region: str, measures: Sequence[Measure], advice: Sequence[Advice]) -> Outlook:
    here = [a for a in advice if a.region == region]
    verdicts: dict[str, Outcome] = {m.name: _verdict_of(m.name, here) for m in measures}
    verdict = together(verdicts.values())
    bearing = [a for a in here if any(name in verdicts for name in (*a.stops, *a.weakens))]
    first = bearing[0] if bearing else None
    return Outlook(family, region, verdict, first.finding if first else "", first.todo if first else "", verdicts)


def _verdict_of(name: str, advice: Sequence[Advice]) -> Outcome:
    if any(name in a.stops for a in advice):
        return "cannot"
    return "usable" if any(name in a.weakens for a in advice) else "good"

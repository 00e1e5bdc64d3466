"""A photo held against its baseline while the patient is still there: will the comparison carry what is wanted?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from skinscan.arrays.cells import Cells
from skinscan.assessment import LEAST_PIXELS, read
from skinscan.capture.registration.by_view import match
from skinscan.comparison import order_notices
from skinscan.guidance.aim import aim_of
from skinscan.guidance.differences import Setup, differences
from skinscan.guidance.findings import FOCUS
from skinscan.guidance.nouns import Advice, Aim, Guidance, Outcome, Outlook, Prospect, together
from skinscan.guidance.photo import ByRegion, advice_on, importance
from skinscan.guidance.sentences import sentences_of
from skinscan.guidance.wanted import families_of, suited, told_first, united
from skinscan.judgement import judge, judge_paired, lamp_notices
from skinscan.measures import Measure
from skinscan.measures.maps import Maps
from skinscan.pairing import Pair, pair_of, shared_cells
from skinscan.records import SKIN, Change, Flag, Frame, Notice, Registration
from skinscan.report.words import readable
from skinscan.tying import tie

NAN = math.nan
SAME_PLACE = "photograph the same skin from the same side, angle and distance, in the same light"


def against(
    baseline: Frame,
    frame: Frame,
    measures: Mapping[str, Measure],
    wanted: Sequence[str] | None = None,
    *,
    same_setup: bool = False,
    same_lamp: bool = False,
    registration: Registration | None = None,
) -> Guidance:
    """What a pair of photos carries, as `compare` would judge it, and how to mend the second one.

    Prospects are told of the measures that a report shows first and of those that `wanted` names. `same_setup` and
    `same_lamp` as in `compare`; `registration` of the two where it is known already.
    """
    registration = registration or match(baseline, frame, same_setup)
    notices = [*order_notices(baseline.photo, frame.photo), *registration.notices]
    if not registration.ok:
        by_region = suited(Maps(baseline, lasting=False), measures, wanted is not None)
        return _unmatched(baseline, frame, by_region, united(by_region, measures), notices)
    before, after, tied = tie(baseline, frame, registration)
    maps = Maps(before), Maps(after)
    pair = pair_of(*maps, registration, same_setup, same_lamp)
    by_region = suited(maps[0], measures, wanted is not None)
    measures = united(by_region, measures)
    shown = {region: told_first(own, wanted) or own for region, own in by_region.items()}
    prospects = tuple(prospect for region, own in shown.items() for prospect in _prospects(pair, region, own))
    aim = aim_of(before, after, registration, *_head(baseline, frame))
    setup = Setup(pair, aim)
    own = [one for one in _own_advice(maps[1], by_region) if not _beyond_baseline(one, before)]
    advice = (*differences(setup, measures, [*notices, *tied, *lamp_notices(pair)]), *own)
    advice = tuple(sorted(advice, key=importance))
    outlooks = tuple(
        _outlook(family, region, prospects, advice)
        for region, own_measures in by_region.items()
        for family in families_of(own_measures)
    )
    return _guidance(baseline, frame, outlooks, advice, prospects, aim)


def _head(baseline: Frame, frame: Frame) -> tuple[bool, float | None]:
    """Whether both photos show a face, and how far it has turned to the patient's left since the baseline."""
    if baseline.face is None or frame.face is None:
        return False, None
    return True, frame.face.yaw_deg - baseline.face.yaw_deg


def _guidance(
    baseline: Frame,
    frame: Frame,
    outlooks: tuple[Outlook, ...],
    advice: tuple[Advice, ...],
    prospects: tuple[Prospect, ...],
    aim: Aim | None,
) -> Guidance:
    verdict = together(outlook.verdict for outlook in outlooks)
    said = sentences_of(outlooks, advice, aim.moves if aim else (), what="these two photos")
    return Guidance(frame.photo.name, baseline.photo.name, verdict, said, outlooks, advice, prospects, aim)


def _own_advice(maps: Maps, measures: ByRegion) -> tuple[Advice, ...]:
    """What the photo says against itself, once it has the baseline's scale; its tie of colour is the pair's matter."""
    # a finer baseline is read as coarsely as this photo: that is said of the pair, not of the photo
    kept = maps.coarser_um_per_px
    maps.coarser_um_per_px = 0.0
    try:
        return tuple(one for one in advice_on(maps, measures) if one.flag != Flag.UNCORRECTED_COLOUR)
    finally:
        maps.coarser_um_per_px = kept


def _beyond_baseline(advice: Advice, baseline: Frame) -> bool:
    """Whether it asks for finer pixels than the baseline's own: it could not be compared, and the view would differ."""
    return advice.act == "closer" and not advice.limit > baseline.um_per_px


def _prospects(pair: Pair, region: str, measures: Mapping[str, Measure]) -> Iterator[Prospect]:
    before, after = shared_cells(pair, region)
    for measure in measures.values():
        yield _prospect(_judged(pair, region, measure, before, after), measure)


def _judged(pair: Pair, region: str, measure: Measure, before: Cells, after: Cells) -> Change:
    """The change that `compare` would tell."""
    if measure.paired is not None:
        enough = min(before.pixels, after.pixels) >= LEAST_PIXELS
        sample = measure.paired(pair.before, pair.after, pair.registration, before, after) if enough else None
        return judge_paired(measure, pair, region, sample)
    first = read(measure, pair.before, before, region)
    return judge(measure, pair, region, first, read(measure, pair.after, after, region, first.carried or None))


def _prospect(change: Change, measure: Measure) -> Prospect:
    carries = change.verdict != "not_comparable"
    reason = "" if carries else readable(change.reason)
    return Prospect(
        change.measure,
        change.region,
        carries,
        reason,
        float(change.sdc) if carries else NAN,
        change.before,
        measure.unit,
    )


def _outlook(family: str, region: str, prospects: Sequence[Prospect], advice: Sequence[Advice]) -> Outlook:
    own = [p for p in prospects if p.region == region and p.measure.partition(".")[0] == family]
    weak = {name for one in advice if one.region in (region, SKIN) for name in one.weakens}
    verdicts: dict[str, Outcome] = {
        p.measure: "cannot" if not p.carries else "usable" if p.measure in weak else "good" for p in own
    }
    bearing = [a for a in advice if a.region in (region, SKIN) and any(n in verdicts for n in (*a.stops, *a.weakens))]
    first = bearing[0] if bearing else None
    refused = next((p.reason for p in own if not p.carries), "")
    verdict = together(verdicts.values()) if verdicts else "cannot"
    why = first.finding if first else refused
    return Outlook(family, region, verdict, why, first.todo if first else "", verdicts)


def _unmatched(
    baseline: Frame, frame: Frame, by_region: ByRegion, measures: Mapping[str, Measure], notices: Sequence[Notice]
) -> Guidance:
    """Nothing can be compared: why, what this photo says against itself, and no more."""
    notice = next((n for n in notices if n.flag in (Flag.NOT_REGISTERED, Flag.LITTLE_OVERLAP)), None)
    text = notice.text.partition(";")[0] if notice else "the two photos could not be matched"
    todo = SAME_PLACE
    if Flag.BLURRED in {n.flag for n in frame.notices}:
        todo = f"{FOCUS}; {todo}"
    flag = notice.flag if notice else Flag.NOT_REGISTERED
    main = Advice(flag, "framing", readable(text), todo, NAN, NAN, "", SKIN, tuple(measures), ())
    own = _own_advice(Maps(frame, lasting=False), {region: by_region.get(region, measures) for region in frame.regions})
    advice = (main, *(replace(one, stops=()) for one in own if one.flag != Flag.NO_SCALE or baseline.scale is None))
    outlooks = tuple(
        Outlook(
            family,
            region,
            "cannot",
            main.finding,
            todo,
            {n: "cannot" for n, m in own_measures.items() if m.family == family},
        )
        for region, own_measures in by_region.items()
        for family in families_of(own_measures)
    )
    prospects = tuple(
        Prospect(name, region, False, main.finding, NAN, NAN, measure.unit)
        for region, own_measures in by_region.items()
        for name, measure in told_first(own_measures, None).items()
    )
    return _guidance(baseline, frame, outlooks, advice, prospects, None)

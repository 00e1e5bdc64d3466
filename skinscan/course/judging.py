"""What was measured at each visit, judged by the clock and together: from Measured to trajectories.

A visit in the days of the reaction judges redness alone. The change from a baseline of several visits is that from
their mean. All measures and regions of a visit are judged together by Benjamini and Hochberg (1995), but for the
primary measure, which was chosen before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from skinscan.arrays.trend import robust_line
from skinscan.course.measuring import Compared, Measured
from skinscan.course_records import Plan, Point, Step, Trajectory, Trend
from skinscan.judgement import verdict_of
from skinscan.measures import Measure, all_measures
from skinscan.records import SKIN, Change, Flag
from skinscan.treatment import Treatment
from skinscan.treatment.functions import reaction_days, timing

FALSE_DISCOVERIES = 0.05
EDGE_95 = 1.96
DAYS_A_MONTH = 30.0

Key = tuple[str, str]
"""Measure and region."""


def trajectories_of(plan: Plan, measured: Sequence[Measured], primary: str, treatment: Treatment) -> list[Trajectory]:
    """Every measure of every region of every view through the course."""
    lines = [line for one in measured for line in _of_view(plan, one, primary, treatment)]
    return _corrected(lines)


def primary_region(regions: Iterable[str], reference: str | None) -> str:
    """Where the primary measure is told: the one region that was drawn, or else all of the skin."""
    drawn = [name for name in regions if name not in (SKIN, reference)]
    return drawn[0] if len(drawn) == 1 else SKIN


def _of_view(plan: Plan, measured: Measured, primary: str, treatment: Treatment) -> list[Trajectory]:
    own = {(m.measure, m.region): m for m in measured.baseline.measurements}
    chosen = primary_region(measured.baseline.regions, measured.baseline.reference)
    found = []
    keys = dict.fromkeys((c.measure, c.region) for one in measured.visits for c in one.from_baseline[0])
    for measure_name, region in keys:
        measure = all_measures()[measure_name]
        points = tuple(_points(plan, measured.visits, measure, region, treatment))
        value = own.get((measure_name, region))
        if value is not None and Flag.NOT_APPLICABLE in value.flags and measure_name != primary:
            continue  # it is meant for another site or light
        found.append(
            Trajectory(
                view=measured.view,
                measure=measure_name,
                region=region,
                unit=measure.unit,
                better=measure.better,
                baseline=math.nan if value is None else value.value,
                baseline_spread=math.nan if value is None else value.spread,
                points=points,
                trend=trend_of(plan, points, treatment),
                is_primary=measure_name == primary and region == chosen,
            )
        )
    return found


def _points(
    plan: Plan, visits: Sequence[Compared], measure: Measure, region: str, treatment: Treatment
) -> Iterable[Point]:
    before: Compared | None = None
    for one in visits:
        when, why = timing(treatment, measure.name, one.visit.days_after)
        step = from_mean([_change(changes, measure.name, region) for changes in one.from_baseline], measure)
        previous = None
        if one.from_previous is not None and before is not None:
            previous = from_mean([_change(one.from_previous, measure.name, region)], measure)
            earlier, earlier_why = timing(treatment, measure.name, before.visit.days_after)
            if earlier == "hidden":
                previous = _hidden(previous, f"the visit before was on {earlier_why}")
        if when == "hidden":
            step, previous = _hidden(step, why), previous and _hidden(previous, why)
        yield Point(one.visit.number, step, previous, when, why)
        before = one


def _change(changes: Iterable[Change], measure: str, region: str) -> Change | None:
    return next((c for c in changes if c.measure == measure and c.region == region), None)


def from_mean(changes: Sequence[Change | None], measure: Measure) -> Step:
    """The change from the mean of several baselines: with m of them the error of the baseline is 1/sqrt(m) of one's,
    that of the visit stays, so the whole is sqrt((1 + 1/m) / 2) of what one pair has."""
    known = [c for c in changes if c is not None and c.verdict != "not_comparable" and math.isfinite(c.z)]
    if not known:
        told = next((c.reason for c in changes if c is not None), "the visit before does not show this region")
        nothing = math.nan
        return Step(nothing, nothing, nothing, nothing, nothing, "not_comparable", told)
    share = math.sqrt((1 + 1 / len(known)) / 2)
    change, below, above, sdc, z = (
        float(np.mean(values))
        for values in zip(
            *((c.change, c.change - c.change_low, c.change_high - c.change, c.sdc, c.z) for c in known), strict=True
        )
    )
    sdc, z = sdc * share, z / share
    if len(known) == 1:
        verdict, reason = known[0].verdict, known[0].reason
    else:
        verdict, reason = verdict_of(measure, change, sdc), f"against the mean of {len(known)} baseline visits"
    return Step(change, change - below * share, change + above * share, sdc, z, verdict, reason)


def _hidden(step: Step, why: str) -> Step:
    return replace(step, verdict="not_comparable", reason=why)


def trend_of(plan: Plan, points: Sequence[Point], treatment: Treatment) -> Trend | None:
    """The robust trend over the visits that are not in the days of a reaction, the baseline among them.

    All changes share the baseline's error: as levels, the baseline at 0, each has its own, 1 / sqrt(2) of a change's.
    """
    days = {visit.number: visit for visit in plan.visits}
    told = [
        (days[p.visit].day, p.from_baseline.change, (p.from_baseline.high - p.from_baseline.low) / (2 * EDGE_95))
        for p in points
        if p.from_baseline.verdict != "not_comparable" and _past(days[p.visit].days_after, treatment)
    ]
    if len(told) < 2:
        return None
    start = _middle([visit.day for visit in plan.visits if visit.is_baseline])
    months = np.array([0.0, *((day.toordinal() - start) / DAYS_A_MONTH for day, _, _ in told)])
    levels = np.array([0.0, *(change for _, change, _ in told)])
    errors = np.array([sd for _, _, sd in told]) / math.sqrt(2)
    line = robust_line(months, levels, np.array([float(np.median(errors)), *errors]))
    return None if line is None else Trend(line.start, line.slope, line.low, line.high, len(told) + 1)


def _middle(days: Sequence[date]) -> float:
    return float(np.mean([day.toordinal() for day in days]))


def _past(days_after: int | None, treatment: Treatment) -> bool:
    return days_after is None or days_after > reaction_days(treatment)


def _corrected(lines: Sequence[Trajectory]) -> list[Trajectory]:
    """Each point told whether it survives when its visit is judged as a whole."""
    from scipy.stats import false_discovery_control

    at: dict[int, list[tuple[int, int, float]]] = {}
    for n, line in enumerate(lines):
        for k, point in enumerate(line.points):
            if not line.is_primary and point.from_baseline.verdict != "not_comparable":
                p = math.erfc(abs(point.from_baseline.z) / math.sqrt(2))
                at.setdefault(point.visit, []).append((n, k, p))
    survives: dict[tuple[int, int], bool] = {}
    for told in at.values():
        adjusted = false_discovery_control([p for _, _, p in told])
        survives |= {(n, k): bool(a <= FALSE_DISCOVERIES) for (n, k, _), a in zip(told, adjusted, strict=True)}
    return [
        replace(
            line,
            points=tuple(replace(p, survives_correction=survives.get((n, k))) for k, p in enumerate(line.points)),
        )
        for n, line in enumerate(lines)
    ]


def by_key(lines: Iterable[Trajectory], view: str) -> Mapping[Key, Trajectory]:
    """The trajectories of a view by measure and region."""
    return {(line.measure, line.region): line for line in lines if line.view == view}

"""A measure's way through a course as a chart: every place a percentage, every label a text; the template draws it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from skinscan.course_records import Plan, Point, Trajectory, Visit
from skinscan.measures import all_measures
from skinscan.records import SKIN
from skinscan.report import words
from skinscan.report.numbers import change_places, decimals, number, unit_text
from skinscan.treatment.rows import ClinicianScale

MARGIN = 4.0
"""Percent of the chart left free at either side."""

LEAST_APART = 18.0
"""Percent of the width between two labels under which the later one is left out."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A visit: its place and whisker in percent of the chart, its verdict, and all of it in words."""

    x: float
    y: float
    top: float
    bottom: float
    verdict: str
    early: bool
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A label at a percentage of an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One measure through the course. `band`: an SVG polygon in percent, what measurement error alone may show; `line`:
    the trend's two ends; `reactions`: (left, width) of the days after each session in which only redness is judged."""

    title: str
    where: str
    unit: str
    primary: bool
    dots: tuple[Dot, ...]
    band: str
    zero: float
    line: tuple[float, float, float, float] | None
    sessions: tuple[float, ...]
    reactions: tuple[tuple[float, float], ...]
    days: tuple[Tick, ...]
    levels: tuple[Tick, ...]
    missing: tuple[str, ...]


def chart(plan: Plan, line: Trajectory, reaction_days: int, for_patient: bool = False) -> Chart | None:
    """The chart of a trajectory, or None where no visit could be compared."""
    visits = {visit.number: visit for visit in plan.visits}
    told = [p for p in line.points if p.from_baseline.verdict != "not_comparable"]
    if not told:
        return None
    across = _Axis(*_days(plan))
    base = line.baseline if math.isfinite(line.baseline) else 0.0
    reach = [step for p in told for step in (p.from_baseline.low, p.from_baseline.high)]
    reach += [side * p.from_baseline.sdc for p in told for side in (-1, 1)]
    least = -base if all_measures()[line.measure].transform != "identity" else -math.inf  # no share lies below zero
    up = _Axis(*_widened(max(min(reach), least), max(reach), least))
    start = plan.visits[0].day.toordinal()
    trend = line.trend
    ends = None
    if trend is not None:
        last = visits[told[-1].visit].day.toordinal()
        ends = (
            across.at(start), 100 - up.at(trend.start),
            across.at(last), 100 - up.at(trend.start + trend.per_month * (last - start) / 30),
        )  # fmt: skip
    places = change_places(told[-1].from_baseline.change, told[-1].from_baseline.sdc, base)
    dots = [_dot(plan.visits[0], across, up, base, places)]
    for p in told:
        visit, s = visits[p.visit], p.from_baseline
        value = number(base + s.change, places)
        early = "; too early to judge" if p.timing == "too_early" else ""
        verdict = words.TO_PATIENT[s.verdict] if for_patient else words.VERDICTS[s.verdict].word.lower()
        dots.append(
            Dot(
                across.at(visit.day.toordinal()), 100 - up.at(s.change), 100 - up.at(s.high), 100 - up.at(s.low),
                s.verdict, p.timing == "too_early",
                f"{visit.day}{_after(visit)}: {value} ({number(s.change, places, signed=True)}, 95 % "
                f"{number(s.low, places, signed=True)} to {number(s.high, places, signed=True)}), "
                f"{verdict}{early}",
            )
        )  # fmt: skip
    where = [words.visible(line.region).replace("_", " ") if line.region != SKIN else "all skin", line.view]
    return Chart(
        title=words.title(line.measure),
        where=", ".join(part for part in where if part),
        unit=unit_text(line.unit),
        primary=line.is_primary,
        dots=tuple(dots),
        band=_band(told, visits, across, up, least),
        zero=100 - up.at(0.0),
        line=ends,
        sessions=tuple(across.at(s.day.toordinal()) for s in plan.sessions),
        reactions=tuple(_stripe(s.day.toordinal(), reaction_days, across) for s in plan.sessions),
        days=_apart([Tick(across.at(v.day.toordinal()), f"{v.day:%d %b}") for v in plan.visits]),
        levels=tuple(Tick(100 - up.at(v), number(base + v, decimals(up.width / 4))) for v in up.marks),
        missing=tuple(
            f"{visits[p.visit].day}: {_reason(p, for_patient)}" for p in line.points
            if p.from_baseline.verdict == "not_comparable"
        ),
    )  # fmt: skip


def _reason(point: Point, for_patient: bool) -> str:
    """Why a visit is left out; the sources at its end, `(T2)`, are for who treats."""
    reason = words.readable(point.from_baseline.reason)
    return re.sub(r" \([A-Z]\w*(, [A-Z]\w*)*\)$", "", reason) if for_patient else reason


def score_chart(plan: Plan, scale: ClinicianScale) -> Chart | None:
    """The scores that a clinician gave on a scale, over its whole range; None where none was given. They carry no
    error: nobody measured how this clinician repeats."""
    told = [(visit, visit.scores[scale.scale]) for visit in plan.visits if scale.scale in visit.scores]
    if not told:
        return None
    across, up = _Axis(*_days(plan)), _Axis(scale.lowest, scale.highest)
    dots = []
    for visit, score in told:
        at = 100 - up.at(score)
        label = f"{visit.day}{_after(visit)}: {scale.scale} {score:g}, given by the clinician"
        dots.append(Dot(across.at(visit.day.toordinal()), at, at, at, "score", False, label))
    better = {"lower": "lower is better", "higher": "higher is better"}.get(scale.better, "")
    return Chart(
        title=f"{scale.scale}: {scale.title}",
        where="; ".join(part for part in (scale.meaning, better) if part),
        unit="",
        primary=False,
        dots=tuple(dots),
        band="",
        zero=100 - up.at(scale.lowest),
        line=None,
        sessions=tuple(across.at(s.day.toordinal()) for s in plan.sessions),
        reactions=(),
        days=_apart([Tick(across.at(v.day.toordinal()), f"{v.day:%d %b}") for v, _ in told]),
        levels=tuple(Tick(100 - up.at(value), f"{value:g}") for value in (scale.lowest, scale.highest)),
        missing=(),
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """From a value to percent of the chart."""

    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low

    @property
    def marks(self) -> tuple[float, ...]:
        """Zero, and near either end where that is not close to zero."""
        ends = (self.high - 0.06 * self.width, self.low + 0.06 * self.width)
        return (0.0, *(end for end in ends if abs(end) > 0.12 * self.width))

    def at(self, value: float) -> float:
        share = (value - self.low) / self.width if self.width > 0 else 0.5
        return round(MARGIN + (100 - 2 * MARGIN) * share, 2)


def _days(plan: Plan) -> tuple[float, float]:
    days = [day.toordinal() for day in (*(v.day for v in plan.visits), *(s.day for s in plan.sessions))]
    return min(days), max(days)


def _widened(low: float, high: float, least: float) -> tuple[float, float]:
    low, high = min(low, 0.0), max(high, 0.0)
    spare = 0.05 * (high - low) or 1.0
    return max(low - spare, least), high + spare


def _dot(visit: Visit, across: _Axis, up: _Axis, base: float, places: int) -> Dot:
    at = 100 - up.at(0.0)
    return Dot(
        across.at(visit.day.toordinal()), at, at, at, "baseline", False, f"{visit.day}: baseline {number(base, places)}"
    )


def _after(visit: Visit) -> str:
    return "" if visit.days_after is None else f", day {visit.days_after} after a session"


def _band(told: Sequence[Point], visits: dict[int, Visit], across: _Axis, up: _Axis, least: float) -> str:
    """What lies within one smallest detectable change of the baseline, from visit to visit."""
    start = min(visits.values(), key=lambda visit: visit.number).day.toordinal()
    xs = [across.at(start), *(across.at(visits[p.visit].day.toordinal()) for p in told)]
    sdcs = [p.from_baseline.sdc for p in told]
    sdcs = [sdcs[0], *sdcs]
    above = [f"{x},{100 - up.at(sdc)}" for x, sdc in zip(xs, sdcs, strict=True)]
    below = [f"{x},{100 - up.at(max(-sdc, least))}" for x, sdc in zip(xs, sdcs, strict=True)]
    return " ".join([*above, *reversed(below)])


def _stripe(day: int, days: int, across: _Axis) -> tuple[float, float]:
    left, right = across.at(day), min(across.at(day + days), 100 - MARGIN)
    return left, round(max(right - left, 0.0), 2)


def _apart(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    kept: list[Tick] = []
    for tick in ticks:
        if not kept or tick.at - kept[-1].at >= LEAST_APART:
            kept.append(tick)
    return tuple(kept)

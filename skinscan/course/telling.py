"""A course in plain words, for who treats and for who is treated. Every figure comes with what it must exceed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from skinscan.course_records import CourseFlag, Plan, Role, Step, Trajectory, Visit
from skinscan.measures import all_measures
from skinscan.records import SKIN
from skinscan.report import words
from skinscan.report.numbers import change_places, number, with_unit
from skinscan.treatment import Treatment
from skinscan.treatment.functions import indication_of, windows_on

_WAYS = {
    ("redness", True): "Your skin looks redder", ("redness", False): "Your skin looks less red",
    ("pores", True): "Pores take up more of your skin", ("pores", False): "Pores take up less of your skin",
    ("texture", True): "Your skin looks rougher", ("texture", False): "Your skin looks smoother",
    ("lines", True): "More lines are seen", ("lines", False): "Fewer lines are seen",
    ("scars", True): "Scars take up more of your skin", ("scars", False): "Scars take up less of your skin",
}  # fmt: skip

SHOWN = 5
"""Changes told one by one; the table has them all."""


def summary_of(
    plan: Plan, lines: Sequence[Trajectory], flags: Sequence[CourseFlag], treatment: Treatment
) -> dict[Role, tuple[str, ...]]:
    """The whole course in a few sentences for either reader."""
    return {
        "practitioner": tuple(_to_practitioner(plan, lines, flags, treatment)),
        "patient": tuple(_to_patient(plan, lines, flags, treatment)),
    }


def _to_practitioner(
    plan: Plan, lines: Sequence[Trajectory], flags: Sequence[CourseFlag], treatment: Treatment
) -> Iterable[str]:
    yield _where_it_stands(plan, treatment)
    for flag in flags:
        yield flag.sentence()
    indication = indication_of(treatment, plan.indication)
    for line in _primary(lines):
        yield _of_primary(plan, line)
        if line.trend is not None:
            yield _trend(line)
    if not indication.primary:
        yield f"{indication.title}: a photo cannot show it: {indication.limits}."
    elif not _primary(lines):
        yield f"{words.title(indication.primary)}, the measure of this indication, could not be told."
    elif indication.limits:
        yield f"To keep in mind: {indication.limits}."
    yield from _others(plan, lines)
    yield from _scores(plan)


def _where_it_stands(plan: Plan, treatment: Treatment) -> str:
    last, sessions = plan.visits[-1], plan.sessions
    if not sessions:
        count, days = len(plan.visits), f"from {plan.visits[0].day} to {last.day}"
        return f"{count} visits {days}; no session was told, so nothing is held against its clock."
    days = f"from {sessions[0].day} to {sessions[-1].day}" if len(sessions) > 1 else f"on {sessions[0].day}"
    told = f"{len(sessions)} session{'s' if len(sessions) > 1 else ''} {days}"
    now = "; ".join(f"{row.what} ({', '.join(row.source)})" for row in windows_on(treatment, last.days_after or 0))
    return f"{told}; the last photo is of day {last.days_after} after one{f': {now}' if now else ''}."


def _primary(lines: Sequence[Trajectory]) -> list[Trajectory]:
    return [line for line in lines if line.is_primary]


def _of_primary(plan: Plan, line: Trajectory) -> str:
    """The primary measure at the last visit: its change, what that must exceed, and whether it is time."""
    point = line.points[-1]
    named = _named(line)
    step = point.from_baseline
    if step.verdict == "not_comparable":
        return f"{named} (primary) on {plan.visits[point.visit].day}: not comparable. {words.readable(step.reason)}."
    early = f" Too early to judge: {point.timing_reason}." if point.timing == "too_early" else ""
    return f"{named} (primary) on {plan.visits[point.visit].day}: {_figures(line, step)}.{early}"


def _figures(line: Trajectory, step: Step) -> str:
    places = change_places(step.change, step.sdc, line.baseline)
    moved, sdc = number(step.change, places, signed=True), number(step.sdc, places)
    limit = f"smallest detectable change {sdc}"
    said = words.VERDICTS[step.verdict]
    if math.isfinite(line.baseline):
        after = with_unit(number(line.baseline + step.change, places), line.unit)
        figures = f"{number(line.baseline, places)} → {after} ({moved}; {limit})"
    else:
        figures = f"{with_unit(moved, line.unit)} ({limit})"
    word = f"{said.word.lower()}, " if step.verdict in ("improved", "worsened") else ""
    return f"{figures}: {word}{said.sentence.rstrip('.')}"


def _trend(line: Trajectory) -> str:
    trend = line.trend
    assert trend is not None
    places = change_places(trend.per_month, (trend.high - trend.low) / 2)
    sure = "" if trend.low > 0 or trend.high < 0 else "; its interval holds zero"
    unit = with_unit("", line.unit).strip()
    return (
        f"Its trend over {trend.visits} visits: {number(trend.per_month, places, signed=True)} {unit} a month "
        f"(95 % interval {number(trend.low, places, signed=True)} to {number(trend.high, places, signed=True)}{sure})."
    )


def _named(line: Trajectory) -> str:
    where = [] if line.region == SKIN else [words.visible(line.region).replace("_", " ")]
    where += [line.view] if line.view else []
    return words.title(line.measure) + (f" ({', '.join(where)})" if where else "")


def _others(plan: Plan, lines: Sequence[Trajectory]) -> Iterable[str]:
    """What else moved at the last visit, beyond error also when all is judged together."""
    last = plan.visits[-1].number
    judged = [
        (line, point)
        for line in lines
        for point in line.points
        if point.visit == last and not line.is_primary and point.from_baseline.verdict != "not_comparable"
    ]
    if not judged:
        yield "Nothing else could be compared at the last visit."
        return
    beyond = sum(point.from_baseline.verdict != "within_error" for _, point in judged)
    kept = sorted((one for one in judged if one[1].survives_correction), key=lambda one: -abs(one[1].from_baseline.z))
    yield (
        f"Of {len(judged)} other numbers {beyond} lie beyond their smallest detectable change, {len(kept)} also when "
        f"all are judged together{':' if kept else '.'}"
    )
    for line, point in kept[:SHOWN]:
        early = " Too early to judge." if point.timing == "too_early" else ""
        yield f"{_named(line)} {_figures(line, point.from_baseline)}.{early}"
    if len(kept) > SHOWN:
        yield f"And {len(kept) - SHOWN} more, in the table."


def _scores(plan: Plan) -> Iterable[str]:
    told: dict[str, list[str]] = {}
    for visit in plan.visits:
        for scale, score in visit.scores.items():
            told.setdefault(scale, []).append(f"{score:g} on {visit.day}")
    for scale, scores in told.items():
        yield f"{scale}, as entered: {', '.join(scores)}."


def _to_patient(
    plan: Plan, lines: Sequence[Trajectory], flags: Sequence[CourseFlag], treatment: Treatment
) -> Iterable[str]:
    yield from dict.fromkeys(flag.to_patient for flag in flags)
    last = plan.visits[-1]
    yield f"Your photo of {last.day} was held against {_first_photo(plan.visits)}."
    for line in _primary(lines):
        yield _primary_to_patient(line)
    indication = indication_of(treatment, plan.indication)
    if not _primary(lines):
        yield "A photo cannot show this." if not indication.primary else "This photo does not show it clearly enough."
    if last.days_after is not None:
        yield from (row.for_patient for row in windows_on(treatment, last.days_after) if row.for_patient)


def _first_photo(visits: Sequence[Visit]) -> str:
    count = sum(visit.is_baseline for visit in visits)
    return "your first photo" if count == 1 else f"your first {count} photos"


def _primary_to_patient(line: Trajectory) -> str:
    point = line.points[-1]
    step = point.from_baseline
    name = words.title(line.measure).lower()
    if step.verdict == "not_comparable":
        return f"The two photos cannot be compared for this ({name}): {words.readable(step.reason)}."
    early = " It is too early to judge: your skin is still changing." if point.timing == "too_early" else ""
    if step.verdict == "within_error":
        return (
            f"{words.capital(name)}: {words.TO_PATIENT[step.verdict]}. This does not show that nothing changed.{early}"
        )
    seen = _WAYS.get((all_measures()[line.measure].family, step.change > 0), f"There is a difference in {name}")
    return f"{seen}: the change is {words.TO_PATIENT[step.verdict]}.{early}"

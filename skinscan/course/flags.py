"""What the practitioner should look at: each rule of `treatment/flags.csv`, and the numbers that raise it.

No flag is a diagnosis, and none is raised by a change within measurement error. Where a rule cannot be looked at
(redness not comparable, no protocol with a spacing) that is told as a notice, so that silence means something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from skinscan.course.judging import by_key
from skinscan.course_records import CourseFlag, Level, Plan, Point, Step, Trajectory, Visit
from skinscan.records import SKIN
from skinscan.report import words
from skinscan.report.numbers import change_places, number, with_unit
from skinscan.treatment import Treatment
from skinscan.treatment.functions import least_spacing_days, rule_for, too_soon

REDNESS = ("redness.a_star", "redness.haemoglobin")
"""Either tells that skin is redder; a* first, as people see it."""

MELANIN = ("pigment.melanin",)

Points = Mapping[str, Point | None]
Found = tuple[list[CourseFlag], list[str]]


def flags_of(plan: Plan, lines: Sequence[Trajectory], treatment: Treatment) -> Found:
    """Flags and notices of a whole course."""
    flags, notices = _spacing(plan, treatment)
    for view in plan.views:
        seen = by_key(lines, view)
        regions = list(dict.fromkeys(region for _, region in seen))
        blind: dict[str, list[str]] = {}
        for visit in plan.visits:
            for region in regions:
                points = {measure: _point(seen.get((measure, region)), visit) for measure in (*REDNESS, *MELANIN)}
                flags += _redness(visit, view, region, points, treatment)
                flags += _pigment(visit, view, region, points, treatment)
                if region == SKIN and not visit.is_baseline and _told(points, REDNESS) is None:
                    why = next((p.from_baseline.reason for p in points.values() if p is not None), "not measured")
                    blind.setdefault(why, []).append(str(visit.day))
        notices += [f"redness could not be watched on {', '.join(days)}: {why}" for why, days in blind.items()]
    return _gathered(flags, plan), notices


def _point(line: Trajectory | None, visit: Visit) -> Point | None:
    return next((p for p in line.points if p.visit == visit.number), None) if line else None


def _told(points: Points, names: Iterable[str]) -> tuple[str, Step] | None:
    """The first of some measures that could be compared."""
    for name in names:
        point = points[name]
        if point is not None and point.from_baseline.verdict != "not_comparable":
            return name, point.from_baseline
    return None


def _is_up(points: Points, region: str, told: tuple[str, Step]) -> bool:
    """More than the smallest detectable change; of a part of the skin also when all regions are judged together, as
    there are many of them."""
    name, step = told
    point = points[name]
    return step.change > step.sdc and (region == SKIN or (point is not None and point.survives_correction is not False))


def _redness(visit: Visit, view: str, region: str, points: Points, treatment: Treatment) -> list[CourseFlag]:
    told = _told(points, REDNESS)
    if told is None or not _due("redness_persists", visit, treatment) or not _is_up(points, region, told):
        return []
    return [_flag("redness_persists", visit, view, region, [told], treatment)]


def _pigment(visit: Visit, view: str, region: str, points: Points, treatment: Treatment) -> list[CourseFlag]:
    """Melanin up while the blood has settled: where blood could not be compared it is not known to have settled."""
    melanin, blood = _told(points, MELANIN), _told(points, ("redness.haemoglobin",))
    if melanin is None or blood is None or not _due("pigment_after_inflammation", visit, treatment):
        return []
    if not _is_up(points, region, melanin) or blood[1].change > blood[1].sdc:
        return []
    return [_flag("pigment_after_inflammation", visit, view, region, [melanin, blood], treatment)]


def _due(name: str, visit: Visit, treatment: Treatment) -> bool:
    return visit.days_after is not None and rule_for(treatment, name, visit.days_after) is not None


def _flag(
    name: str, visit: Visit, view: str, region: str, steps: Sequence[tuple[str, Step]], treatment: Treatment
) -> CourseFlag:
    numbers = "; ".join(_numbers(measure, step) for measure, step in steps)
    return raised(name, treatment, visit, view, region, f"day {visit.days_after} after the session: {numbers}")


def raised(name: str, treatment: Treatment, visit: Visit | None, view: str, region: str, numbers: str) -> CourseFlag:
    """A flag at the level that its rule gives it on that day."""
    rule = rule_for(treatment, name, None if visit is None else visit.days_after)
    assert rule is not None
    return CourseFlag(
        name, rule.level, None if visit is None else visit.number, view, region,
        f"from day {rule.from_day} after a session", numbers, rule.to_practitioner, rule.to_patient, rule.source,
    )  # fmt: skip


def _numbers(measure: str, step: Step) -> str:
    from skinscan.measures import all_measures

    places, unit = change_places(step.change, step.sdc), all_measures()[measure].unit
    moved = with_unit(number(step.change, places, signed=True), unit)
    return f"{words.title(measure)} {moved} (smallest detectable change {number(step.sdc, places)})"


def _spacing(plan: Plan, treatment: Treatment) -> Found:
    told = least_spacing_days(treatment, plan.indication)
    if told is None:
        if len(plan.sessions) < 2:
            return [], []
        return [], ["no protocol of this indication tells how far apart sessions lie, so that is not checked"]
    days, protocol = told
    flags = [
        raised(
            "session_too_soon", treatment, None, "", "",
            f"{second} came {(second - first).days} days after {first}; {protocol.protocol}: {days} days at least "
            f"({', '.join(protocol.source)})",
        )
        for first, second in too_soon([session.day for session in plan.sessions], days)
    ]  # fmt: skip
    return flags, []


def _gathered(flags: Iterable[CourseFlag], plan: Plan) -> list[CourseFlag]:
    """One flag of a kind and view: of the latest visit that raises it, of all the skin if that shows it, else of the
    regions that do; red before amber, and the earlier visits named."""
    groups: dict[tuple[str, str], list[CourseFlag]] = {}
    for flag in flags:
        groups.setdefault((flag.flag, flag.view), []).append(flag)
    order: dict[Level, int] = {"red": 0, "amber": 1}
    days = {visit.number: visit.day for visit in plan.visits}
    kept: list[CourseFlag] = []
    for group in groups.values():
        latest = [flag for flag in group if flag.visit == max(f.visit or 0 for f in group) or flag.visit is None]
        shown = [flag for flag in latest if flag.region in (SKIN, "")] or latest
        earlier = sorted({days[f.visit] for f in group if f.visit is not None and f.visit != shown[0].visit})
        told = f"; also on {', '.join(map(str, earlier))}" if earlier else ""
        kept += [replace(flag, numbers=flag.numbers + told) for flag in shown]
    return sorted(kept, key=lambda flag: order[flag.level])

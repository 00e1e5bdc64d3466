"""What the practitioner should look at: each rule of `treatment/flags.csv`, and the numbers that raise it.

No flag is a diagnosis, and none is raised by a change within measurement error. Where a rule cannot be looked at
(redness not comparable, no protocol with a spacing) that is told as a notice, so that silence means something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product

from skinscan.course.judging import by_key
from skinscan.course.looking import NAMES
from skinscan.course.measuring import Compared, Measured
from skinscan.course.sided import pairs, sided
from skinscan.course.sights import of_view as view_sight
from skinscan.course_records import CourseFlag, Level, Plan, Point, Step, Trajectory, Visit
from skinscan.records import SKIN, Flag
from skinscan.report import words
from skinscan.report.numbers import change_places, number, with_unit
from skinscan.treatment import Treatment
from skinscan.treatment.functions import least_spacing_days, rule_for, too_soon

REDNESS = ("redness.a_star", "redness.haemoglobin")
"""Either tells that skin is redder; a* first, as people see it."""

MELANIN = ("pigment.melanin",)

Points = Mapping[str, Point | None]
Found = tuple[list[CourseFlag], list[str]]


def flags_of(plan: Plan, lines: Sequence[Trajectory], treatment: Treatment, measured: Sequence[Measured] = ()) -> Found:
    """Flags and notices of a whole course, each flag once; `measured` tells what was looked for beside the measures."""
    flags, notices = every_flag(plan, lines, treatment, measured)
    return [_with_sight(flag, measured) for flag in _gathered(flags, plan)], notices


def every_flag(
    plan: Plan, lines: Sequence[Trajectory], treatment: Treatment, measured: Sequence[Measured] = ()
) -> Found:
    """The flags of every visit for itself, and the notices."""
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
    for one in measured:
        flags += [flag for visit in one.visits for flag in _new(visit, treatment)]
    notices += _unseen(measured)
    of_sides, unsided = _asymmetry(plan, lines, treatment, measured)
    return [*flags, *of_sides], [*notices, *unsided]


def _with_sight(flag: CourseFlag, measured: Sequence[Measured]) -> CourseFlag:
    """A flag of measures with its view at the baseline and at the visit that raised it."""
    shown = [(of_view, one) for of_view in measured for one in of_view.visits
             if (of_view.view, one.visit.number) == (flag.view, flag.visit)]  # fmt: skip
    if flag.sight is not None or not shown:
        return flag
    of_view, one = shown[0]
    polygons = of_view.baseline.polygons
    names = [flag.region] if flag.region in polygons else flag.region.split(", ")
    outlines = [polygons[name] for name in names if name in polygons]
    family = next(iter(flag.figures), "").split(".", 1)[0]
    number = {"redness": REDNESS[1], "pigment": MELANIN[0]}.get(family, "")
    sight = view_sight(of_view.picture, one.picture, outlines, of_view.baseline.width_px, one.looked.rises, number)
    return replace(flag, sight=sight)


def _new(compared: Compared, treatment: Treatment) -> list[CourseFlag]:
    """What was found new at a visit."""
    visit, day = compared.visit, f"day {compared.visit.days_after} after the session"
    return [
        replace(
            raised(found.flag, treatment, visit, compared.view, found.region, f"{day}: {found.told}"),
            figures=found.figures, sight=found.sight,
        )
        for found in compared.looked.findings
    ]  # fmt: skip


def _unseen(measured: Sequence[Measured]) -> list[str]:
    """What could not be looked for, one sentence a reason, so that silence means that nothing was found."""
    told: dict[Flag, tuple[str, dict[str, None], dict[str, None]]] = {}
    for one in (visit for of_view in measured for visit in of_view.visits):
        for name, notice in one.looked.unseen.items():
            _, names, days = told.setdefault(notice.flag, (notice.text, {}, {}))
            names[NAMES[name]] = None
            days[f"{one.visit.day}{f' ({one.view})' if one.view else ''}"] = None
    return [
        f"{' and '.join(names)} could not be looked for on {', '.join(days)}: {why}"
        for why, names, days in told.values()
    ]


def _asymmetry(plan: Plan, lines: Sequence[Trajectory], treatment: Treatment, measured: Sequence[Measured]) -> Found:
    """Sides that changed otherwise, visit by visit; a reference, which is left untreated, is no side."""
    primary = next((line.measure for line in lines if line.is_primary), "")
    references = {one.view: one.baseline.reference for one in measured}
    flags, watched, awaited = [], False, False
    for view, visit in product(plan.views, plan.visits):
        if visit.is_baseline or not _due("asymmetry", visit, treatment):
            continue
        awaited = True
        points = {key: (line, _point(line, visit)) for key, line in by_key(lines, view).items()}
        sides = pairs(dict.fromkeys(region for _, region in points if region != references.get(view)))
        watched = watched or bool(sides)
        steps = {key: (line, point.from_baseline) for key, (line, point) in points.items() if point is not None}
        found = sided(steps, sides, primary)
        if found:
            flag = raised(
                "asymmetry", treatment, visit, view, f"{found[0].regions[0]}, {found[0].regions[1]}",
                f"day {visit.days_after} after the session: {'; '.join(one.told for one in found)}",
            )  # fmt: skip
            flags.append(replace(flag, figures={name: v for one in found for name, v in one.figures.items()}))
    if watched or not (awaited and measured):
        return flags, []
    return flags, ["asymmetry was not looked for: no two regions are named as the left and the right of one thing"]


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
    flag = raised(name, treatment, visit, view, region, f"day {visit.days_after} after the session: {numbers}")
    figures = {f"{measure}.{key}": getattr(step, key) for measure, step in steps for key in ("change", "sdc")}
    return replace(flag, figures=figures)


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

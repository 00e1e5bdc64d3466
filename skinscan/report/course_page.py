"""The report of a course: a page for who treats and one for who is treated, the table as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skinscan.course_records import Course, CourseFlag, Point, Role, Trajectory, Used
from skinscan.measures import all_measures
from skinscan.records import SKIN, Change
from skinscan.report import folder as _folder
from skinscan.report import page, pictures, rows, tables, words
from skinscan.report.course_charts import Chart, chart, score_chart
from skinscan.report.flag_pictures import sight_views
from skinscan.treatment import Treatment
from skinscan.treatment.functions import (
    care_on,
    how_to_photograph,
    indication_of,
    protocols_of,
    reaction_days,
    windows_on,
)

PAGE, PATIENT, TABLE, JSON = "report.html", "patient.html", "trajectories.csv", "course.json"
FLAGS = "flags.csv"

CHARTS = 7
"""Charts shown at once; the rest of the measures is in the table."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first lines of the page."""

    title: str
    lead: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A view at a visit, for looking at."""

    key: str
    uri: str
    day: str
    note: str
    view: str
    width: int
    height: int
    matched: bool


def write_course(course: Course, treatment: Treatment, folder: Path) -> Path:
    """Write `report.html` (practitioner), `patient.html`, `trajectories.csv`, `flags.csv` and `course.json` into a
    folder; returns the path of the report. Raises ParameterError as `folder.write_files` does."""
    import json

    told = json.dumps(course.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    files = {
        PAGE: course_page(course, treatment, "practitioner"),
        PATIENT: course_page(course, treatment, "patient"),
        TABLE: tables.course_csv(course),
        FLAGS: tables.flags_csv(course),
        JSON: told,
    }
    _folder.write_files(folder, {name: text.encode("utf-8", "backslashreplace") for name, text in files.items()})
    return folder / PAGE


def course_page(course: Course, treatment: Treatment, role: Role, care: bool = True) -> str:
    """The HTML of a course for one reader. `care`: whether the patient reads what to do after the last photo."""
    plan, indication = course.plan, indication_of(treatment, course.plan.indication)
    shown = {flag.sentence() for flag in course.flags}  # as cards, with their pictures
    said = [text for text in course.summary[role] if text not in shown]
    last = plan.visits[-1]
    sights = sight_views(course.flags, plan)
    strips = _strips(course)
    for_patient, site = role == "patient", f", {words.visible(plan.site)}" if plan.site else ""
    return page.render(
        "course.html",
        head=Head(f"{indication.title}{site}: {plan.visits[0].day} to {last.day}", said[0]),
        shots=[],
        role=role,
        said=said[1:],
        flags=[] if for_patient else list(zip(course.flags, sights, strict=True)),
        sights=[] if for_patient else [sight for sight in sights if sight is not None],
        charts=charts_of(course, treatment, for_patient),
        strips=strips,
        slides=slides(strips),
        families=[] if for_patient else rows.families([rows.change_row(c) for c in last_changes(course)]),
        last_day=str(last.day),
        sessions=plan.sessions,
        scores=[] if for_patient else score_charts(course, treatment),
        notices=[] if for_patient else [words.readable(text) for text in course.notices],
        windows=windows_on(treatment, last.days_after) if last.days_after is not None else (),
        clock=treatment.clock,
        outcomes=[row for row in treatment.outcomes if row.indication == indication.indication],
        protocols=protocols_of(treatment, indication.indication),
        care=care_on(treatment, last.days_after) if care and for_patient and last.days_after is not None else (),
        screening=treatment.screening,
        site_facts=how_to_photograph(treatment, plan.site),
        sources={row.source: row for row in treatment.sources},
        used=[(_photo_name(course, photo), photo) for photo in course.used],
        sdc_sources=course.sdc_sources,
        versions=[*course.versions.items(), *_measure_versions(course)],
    )  # fmt: skip


def charts_of(course: Course, treatment: Treatment, for_patient: bool) -> list[Chart]:
    """The primary measure first, then those of the indication, then the prominent ones, of all skin."""
    wanted = [course.primary, *indication_of(treatment, course.plan.indication).others]
    wanted += [] if for_patient else [name for name in words.PROMINENT if name not in wanted]
    order = {name: rank for rank, name in enumerate(wanted)}
    of_primary = {line.region for line in course.trajectories if line.is_primary} or {SKIN}
    lines = [line for line in course.trajectories if line.measure in order and line.region in of_primary]
    lines.sort(key=lambda line: (not line.is_primary, order[line.measure]))
    drawn = [chart(course.plan, line, reaction_days(treatment), for_patient) for line in lines]
    return [one for one in drawn if one is not None][: 1 if for_patient else CHARTS]


def score_charts(course: Course, treatment: Treatment) -> list[Chart]:
    """What the clinician graded by eye, beside what was measured; the indication's own scales first."""
    own = indication_of(treatment, course.plan.indication).scales
    scales = sorted(treatment.scales, key=lambda row: own.index(row.scale) if row.scale in own else len(own))
    drawn = [score_chart(course.plan, scale) for scale in scales]
    return [one for one in drawn if one is not None]


def last_changes(course: Course) -> list[Change]:
    """Every trajectory's change from the baseline at the last visit, as a comparison tells changes."""
    last = course.plan.visits[-1].number
    return [
        _change(line, point) for line in course.trajectories for point in line.points if point.visit == last
    ]  # fmt: skip


def _change(line: Trajectory, point: Point) -> Change:
    step = point.from_baseline
    region = f"{line.region}, {line.view}" if line.view else line.region
    reason = "; ".join(part for part in (step.reason, _timing(point)) if part)
    return Change(
        line.measure, region, line.baseline, line.baseline + step.change, step.change, line.unit, step.sdc, "",
        step.verdict, reason,
    )  # fmt: skip


def _timing(point: Point) -> str:
    early = f"too early to judge: {point.timing_reason}" if point.timing == "too_early" else ""
    alone = "not when all numbers of the visit are judged together" if (
        point.survives_correction is False and point.from_baseline.verdict not in ("within_error", "not_comparable")
    ) else ""  # fmt: skip
    return "; ".join(part for part in (early, alone) if part)


def _strips(course: Course) -> list[Strip]:
    visits = {visit.number: visit for visit in course.plan.visits}
    found = []
    for place, picture in enumerate(course.pictures):
        visit = visits[picture.visit]
        note = "baseline" if visit.is_baseline else f"day {visit.days_after} after session {visit.sessions}"
        if visit.days_after is None and not visit.is_baseline:
            note = ""
        height, width = picture.pixels.shape[:2]
        uri = pictures.data_uri(pictures.jpeg(picture.pixels), "jpeg")
        key = f"strip-{place}"
        found.append(Strip(key, uri, str(visit.day), note, picture.view, width, height, picture.matched))
    return found


def slides(strips: Sequence[Strip]) -> list[tuple[Strip, Strip]]:
    """Of each view its first photo and the last one that could be laid onto it."""
    found = []
    for view in dict.fromkeys(strip.view for strip in strips):
        matched = [strip for strip in strips if strip.view == view and strip.matched]
        if len(matched) > 1:
            found.append((matched[0], matched[-1]))
    return found


def _photo_name(course: Course, photo: Used) -> str:
    """`2026-03-04`, with the view where there are several."""
    day = next(visit.day for visit in course.plan.visits if visit.number == photo.visit)
    return f"{day}, {words.visible(photo.view)}" if photo.view else str(day)


def _measure_versions(course: Course) -> list[tuple[str, str]]:
    """(measure, its version) of what the course told."""
    known = all_measures()
    names = dict.fromkeys(line.measure for line in course.trajectories)
    return [(name, f"version {known[name].version}") for name in names]


def flag_numbers(flags: Sequence[CourseFlag]) -> list[str]:
    """Each flag in a line, for a terminal."""
    return [f"{flag.level.upper()}: {flag.text('practitioner')}" for flag in flags]

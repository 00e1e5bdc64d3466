"""The CSV files: long form, full precision, empty where undefined, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping

from skinscan.course_records import Course
from skinscan.records import Assessment, Change

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Cell = str | int | float


def text_cell(text: str) -> str:
    """Text that a spreadsheet shows instead of running: a leading `=`, `+`, `-` or `@` is quoted with `'`."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return text_cell(value)
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else ""
    return str(value)


def _csv(columns: list[str], rows: Iterable[list[Cell]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def measurements_csv(assessments: Mapping[str, Assessment]) -> str:
    """One row a measurement. `assessments`: role (`before`, `after`, `photo`, ...) -> Assessment."""
    columns = ["role", "photo", "region", "measure", "value", "unit", "spread", "n", "flags", "version"]
    return _csv(
        [*columns, "reason", "sha256"],
        (
            [
                role,
                assessment.frame.photo.name,
                m.region,
                m.measure,
                float(m.value),
                m.unit,
                float(m.spread),
                int(m.n),
                ";".join(m.flags),
                m.version,
                m.reason,
                assessment.frame.photo.sha256,
            ]
            for role, assessment in assessments.items()
            for m in assessment.measurements
        ),
    )


def changes_csv(changes: Iterable[Change]) -> str:
    """One row a measure and region of a comparison."""
    columns = ["region", "measure", "before", "after", "change", "unit", "sdc", "sdc_source", "verdict"]
    return _csv(
        [*columns, "reason", "flags", "n"],
        (
            [
                c.region,
                c.measure,
                float(c.before),
                float(c.after),
                float(c.change),
                c.unit,
                float(c.sdc),
                c.sdc_source,
                c.verdict,
                c.reason,
                ";".join(c.flags),
                int(c.n),
            ]
            for c in changes
        ),
    )


def course_csv(course: Course) -> str:
    """One row a measure, region, view and visit of a course."""
    told = course.rows()
    columns = list(told[0]) if told else []
    return _csv(columns, ([_plain(value) for value in row.values()] for row in told))


def flags_csv(course: Course) -> str:
    """One row a flag of a course and figure of it; a flag without figures has one row."""
    columns = ["flag", "level", "visit", "day", "view", "region", "rule", "numbers", "figure", "value", "source"]
    days = {visit.number: visit.day.isoformat() for visit in course.plan.visits}
    return _csv(
        columns,
        (
            [
                flag.flag, flag.level, _plain(flag.visit), "" if flag.visit is None else days[flag.visit], flag.view,
                flag.region, flag.rule, flag.numbers, name, _plain(value), ";".join(flag.source),
            ]
            for flag in course.flags
            for name, value in (flag.figures or {"": ""}).items()
        ),
    )  # fmt: skip


def _plain(value: object) -> Cell:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str | int | float) else str(value)


def pores_csv(assessments: Mapping[str, Assessment]) -> str:
    """One row a pore; x and y in pixels of the upright photo, (0, 0) the centre of its top-left pixel."""
    columns = ["role", "photo", "region", "x_px", "y_px", "diameter_um", "contrast", "elongation"]
    return _csv(columns, (row for role, a in assessments.items() for row in _pore_rows(role, a)))


def _pore_rows(role: str, assessment: Assessment) -> Iterable[list[Cell]]:
    pores = assessment.pores
    if pores is None:
        return
    for i, region in enumerate(pores.region):
        numbers = (pores.x_px[i], pores.y_px[i], pores.diameter_um[i], pores.contrast[i], pores.elongation[i])
        yield [role, assessment.frame.photo.name, region, *(float(v) for v in numbers)]

"""Courses made of numbers alone: plans, comparisons' changes, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from skinscan.course.ordering import Read, in_order
from skinscan.course_records import Plan, Session, Shot
from skinscan.measures import all_measures
from skinscan.records import Change
from skinscan.treatment import SHIPPED

START = date(2026, 1, 12)


def day(number: int) -> date:
    return START + timedelta(days=number)


def a_plan(visits: Sequence[int], sessions: Sequence[int] = (0, 30, 60), indication: str = "pores") -> Plan:
    """Visits and sessions on days from the first; one view."""
    shots = [Shot(Path(f"{n}.jpg"), "", day(n), None, f"row {n}") for n in visits]
    return in_order(Read(shots, [Session(day(n)) for n in sessions], [], []), indication, SHIPPED)


def a_change(measure: str, change: float, sd: float, region: str = "skin", before: float = 1.0) -> Change:
    """A judged change of an error of `sd`, in the measure's own unit."""
    sdc = 1.96 * sd
    kind = all_measures()[measure]
    verdict = "within_error" if abs(change) <= sdc else "changed"
    if verdict == "changed" and kind.better != "neither":
        verdict = "improved" if (change < 0) == (kind.better == "lower") else "worsened"
    return Change(
        measure, region, before, before + change, change, kind.unit, sdc, "made", verdict, "said", (), 100,
        change - sdc, change + sdc, change / sd,
    )  # type: ignore[arg-type]  # fmt: skip


def refused(measure: str, reason: str = "too dark", region: str = "skin") -> Change:
    nothing = math.nan
    unit = all_measures()[measure].unit
    return Change(measure, region, nothing, nothing, nothing, unit, nothing, "", "not_comparable", reason)


def with_errors(
    draw: np.random.Generator, truth: Mapping[str, float], sd: float, region: str = "skin"
) -> tuple[Change, ...]:
    return tuple(
        a_change(name, value + sd * float(draw.standard_normal()), sd, region) for name, value in truth.items()
    )


def in_region(changes: Sequence[Change], region: str) -> tuple[Change, ...]:
    return tuple(replace(change, region=region) for change in changes)

"""Records made ready to print: every cell a text, every picture of a number a percentage of its strip."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from skinscan.records import FLAGS, SKIN, Assessment, Change, Measurement
from skinscan.report import words
from skinscan.report.numbers import change_places, decimals, number, unit_text, with_unit

STRIP_LIMITS = 3.0
"""A change strip ends at this many smallest detectable changes on either side."""


@dataclass(frozen=True, slots=True)
class Strip:
    """A dot on a strip, in percent of its width, with the band or whisker it is held against."""

    dot: float
    left: float
    right: float
    label: str
    beyond: str = ""
    zero: float | None = None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One line of a table of changes."""

    title: str
    explanation: str
    measure: str
    region: str
    before: str
    after: str
    change: str
    sdc: str
    unit: str
    verdict: str
    word: str
    mark: str
    reason: str
    sentence: str
    strip: Strip | None


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One line of a table of values."""

    title: str
    explanation: str
    measure: str
    region: str
    value: str
    margin: str
    unit: str
    n: int
    notes: str
    strip: Strip | None


Row = TypeVar("Row", ChangeRow, ValueRow)


@dataclass(frozen=True)
class Family(Generic[Row]):
    """The lines of one family: those to see first, and the rest."""

    key: str
    title: str
    first: tuple[Row, ...]
    rest: tuple[Row, ...]


def change_rows(changes: Iterable[Change]) -> list[ChangeRow]:
    """The changes as text, without those of measures that are not meant for what was photographed."""
    return [change_row(change) for change in changes if words.meant_for(change.flags)]


def change_row(change: Change) -> ChangeRow:
    """One change as text."""
    places = change_places(change.change, change.sdc, change.before)
    word = words.VERDICTS[change.verdict]
    return ChangeRow(
        title=words.title(change.measure),
        explanation=words.explanation(change.measure),
        measure=change.measure,
        region=words.visible(change.region),
        before=number(change.before, places),
        after=number(change.after, places),
        change=number(math.nan if change.verdict == "not_comparable" else change.change, places, signed=True),
        sdc=number(change.sdc, places),
        unit=unit_text(change.unit),
        verdict=change.verdict,
        word=word.word,
        mark=word.mark,
        reason=words.readable(change.reason),
        sentence=_sentence(change, places),
        strip=_change_strip(change),
    )


def _sentence(change: Change, places: int) -> str:
    """`Pore area 4.1 -> 3.3 % (-0.8; smallest detectable change 0.6): larger than measurement error.`"""
    name = words.title(change.measure)
    if change.region != SKIN:
        name += f" ({words.visible(change.region)})"
    if change.verdict == "not_comparable":
        return f"{name}: not comparable. {words.readable(change.reason)}".rstrip()
    moved = number(change.change, places, signed=True)
    limit = f"smallest detectable change {number(change.sdc, places)}"
    if math.isfinite(change.before) and math.isfinite(change.after):
        after = with_unit(number(change.after, places), change.unit)
        figures = f"{number(change.before, places)} → {after} ({moved}; {limit})"
    else:
        figures = f"{with_unit(moved, change.unit)} ({limit})"
    return f"{name} {figures}: {words.VERDICTS[change.verdict].sentence}"


def _change_strip(change: Change) -> Strip | None:
    if change.verdict == "not_comparable" or not (math.isfinite(change.change) and change.sdc > 0):
        return None
    ratio = change.change / change.sdc
    kept = max(-STRIP_LIMITS, min(STRIP_LIMITS, ratio))

    def place(times: float) -> float:
        return round(50 + times * 46 / STRIP_LIMITS, 2)

    side = "" if kept == ratio else ("right" if ratio > 0 else "left")
    label = f"{number(ratio, 1, signed=True)} times the smallest detectable change"
    return Strip(place(kept), place(-1), place(1), label, side)


def value_rows(assessment: Assessment, axes: Mapping[str, tuple[float, float]]) -> list[ValueRow]:
    """The measurements of one photo as text. `axes` from `shared_axes`."""
    return [_value_row(m, axes.get(m.measure)) for m in assessment.measurements if words.meant_for(m.flags)]


def _value_row(m: Measurement, axis: tuple[float, float] | None) -> ValueRow:
    margin = 1.96 * m.spread
    places = decimals(margin, m.value)
    notes = [m.reason, *(FLAGS[flag] for flag in m.flags if not m.reason or FLAGS[flag] not in m.reason)]
    return ValueRow(
        title=words.title(m.measure),
        explanation=words.explanation(m.measure),
        measure=m.measure,
        region=words.visible(m.region),
        value=number(m.value, places),
        margin=number(margin, places),
        unit=unit_text(m.unit),
        n=int(m.n),
        notes=words.readable("; ".join(dict.fromkeys(note for note in notes if note))),
        strip=_value_strip(m, margin, axis),
    )


def shared_axes(assessments: Iterable[Assessment]) -> dict[str, tuple[float, float]]:
    """For each measure one axis over all regions of all photos; it holds zero, so that none misleads."""
    ends: dict[str, list[float]] = {}
    for assessment in assessments:
        for m in assessment.measurements:
            if math.isfinite(m.value):
                margin = 1.96 * m.spread if math.isfinite(m.spread) else 0.0
                ends.setdefault(m.measure, [0.0]).extend((m.value - margin, m.value + margin))
    return {measure: (min(v), max(v)) for measure, v in ends.items() if max(v) > min(v)}


def _value_strip(m: Measurement, margin: float, axis: tuple[float, float] | None) -> Strip | None:
    if axis is None or not math.isfinite(m.value):
        return None
    low, high = axis

    def place(value: float) -> float:
        return round(3 + 94 * (value - low) / (high - low), 2)

    half = margin if math.isfinite(margin) else 0.0
    label = f"on a scale from {number(low, decimals(margin, low))} to {number(high, decimals(margin, high))}"
    return Strip(place(m.value), place(m.value - half), place(m.value + half), label, zero=place(0.0))


def families(rows: Iterable[Row]) -> list[Family[Row]]:
    """Rows by family, the prominent ones first in their own order, regions in the order they came."""
    rows = list(rows)
    rank = {measure: i for i, measure in enumerate(words.PROMINENT)}
    result: list[Family[Row]] = []
    for key, title in words.FAMILIES.items():
        mine = [row for row in rows if words.family(row.measure) == key]
        first = sorted((row for row in mine if row.measure in rank), key=lambda row: rank[row.measure])
        rest = [row for row in mine if row.measure not in rank]
        if not first:
            first, rest = rest, []
        if mine:
            result.append(Family(key, title, tuple(first), tuple(rest)))
    return result

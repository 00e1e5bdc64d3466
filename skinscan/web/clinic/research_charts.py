"""The researcher's charts as places in percent, for the page to draw: no script, letters of the page's own size.

What is told of a group is its middle half and its median; what is drawn are the numbers themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skinscan.report.numbers import decimals, number, with_unit
from skinscan.services.research import FEW_PATIENTS

if TYPE_CHECKING:
    import pandas as pd

TONES = ("I", "II", "III", "IV", "V", "VI", "")
"""Of the lightest skin to the darkest; the last where the tone could not be measured."""

TIMES: tuple[tuple[str, int | None, int | None], ...] = (
    ("before", None, None), ("0–2", 0, 2), ("3–7", 3, 7), ("8–14", 8, 14), ("15–29", 15, 29),
    ("30–59", 30, 59), ("60–90", 60, 90), ("later", 91, None),
)  # fmt: skip
"""Days after the last session, in steps of the skin's own clock (treatment/clock.csv); `before` the first session."""

MOST_DOTS = 2000
"""Drawn in one chart; of more, every n-th is drawn, and the chart says so."""

MARGIN = 4.0
"""Percent of the axis that stay free at either end."""

GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Dot:
    """One number: its place in percent along the axis of values and across its group, its tone, what it says when it is
    asked."""

    along: float
    across: float
    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Numbers of one time or one tone. `low`, `middle`, `high`: lower quartile, median, upper quartile as text, and
    `box` their places in percent along the axis; no box for fewer than two numbers. `few`: of few patients."""

    name: str
    patients: int
    n: int
    low: str
    middle: str
    high: str
    box: tuple[float, float, float] | None
    few: bool
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: its groups in order, and the marks of the axis of values; `left_out` numbers are not drawn."""

    groups: tuple[Group, ...]
    marks: tuple[Tick, ...]
    left_out: int


def by_time(rows: pd.DataFrame) -> Chart:
    """Values against the time after the last session: columns from left to right, values upwards."""
    told = rows[rows["value"].notna()]
    places = [_time_of(None if _is_none(days) else int(days)) for days in told["days_after_session"]]
    return _chart(told, places, [name for name, _, _ in TIMES], upwards=True)


def by_tone(rows: pd.DataFrame) -> Chart:
    """Values of each skin tone: rows from the lightest to the darkest, values to the right."""
    told = rows[rows["value"].notna()]
    return _chart(told, [TONES.index(tone) for tone in told["tone"]], TONES, upwards=False)


def _time_of(days: int | None) -> int:
    if days is None:
        return 0
    return next(number for number, (_, first, last) in enumerate(TIMES) if first is not None and days <= (last or days))


@dataclass(frozen=True, slots=True)
class _Axis:
    """From a value to percent of the axis; the marks are round numbers `step` apart."""

    low: float
    high: float
    step: float
    upwards: bool

    @staticmethod
    def of(values: pd.Series[float], upwards: bool) -> _Axis:
        low, high = float(values.min()), float(values.max())
        if high - low <= 1e-9 * max(abs(low), abs(high)):
            spare = abs(high) / 10 or 1.0
            low, high = low - spare, high + spare
        raw = (high - low) / 5
        unit = 10.0 ** math.floor(math.log10(raw))
        return _Axis(low, high, next(unit * k for k in (1, 2, 5, 10) if unit * k >= raw), upwards)

    def at(self, value: float) -> float:
        share = MARGIN + (100 - 2 * MARGIN) * (value - self.low) / (self.high - self.low)
        return round(100 - share if self.upwards else share, 2)

    def text(self, value: float) -> str:
        return number(value, decimals(self.step / 10))

    @property
    def marks(self) -> tuple[Tick, ...]:
        first, last = math.ceil(self.low / self.step - 1e-9), math.floor(self.high / self.step + 1e-9)
        places = decimals(self.step)
        return tuple(Tick(self.at(k * self.step), number(k * self.step, places)) for k in range(first, last + 1))


def _chart(told: pd.DataFrame, places: Sequence[int], names: Sequence[str], *, upwards: bool) -> Chart:
    if told.empty:
        return Chart((), (), 0)
    axis = _Axis.of(told["value"], upwards)
    step = -(-len(told) // MOST_DOTS)
    grouped = told.assign(place=list(places)).groupby("place")
    groups = tuple(_group(names[int(str(key))], group, axis, step) for key, group in grouped)
    return Chart(groups, axis.marks, len(told) - sum(len(group.dots) for group in groups))


def _group(name: str, group: pd.DataFrame, axis: _Axis, step: int) -> Group:
    quartiles = [float(one) for one in group["value"].quantile([0.25, 0.5, 0.75])]
    low, middle, high = (axis.text(one) for one in quartiles)
    box = (axis.at(quartiles[0]), axis.at(quartiles[1]), axis.at(quartiles[2])) if len(group) > 1 else None
    patients = int(group["research_id"].nunique())
    dots = tuple(_dot(row, axis, count) for count, row in enumerate(group.iloc[::step].itertuples()))
    return Group(name, patients, len(group), low, middle, high, box, patients < FEW_PATIENTS, dots)


def _dot(row: Any, axis: _Axis, count: int) -> Dot:
    # multiples of the golden ratio lie evenly over the group's width, and no two on one line
    return Dot(axis.at(float(row.value)), round(14 + 72 * ((count + 0.5) * GOLDEN % 1), 1), row.tone, _said(row))


def _said(row: Any) -> str:
    spread = float(row.standard_uncertainty)
    value = number(float(row.value), decimals(spread, float(row.value)))
    doubt = f" ± {number(spread, decimals(spread))}" if math.isfinite(spread) else ""
    when = "before the first session" if _is_none(row.days_after_session) else f"day {row.days_after_session}"
    tone = f"tone {row.tone}" if row.tone else "tone not measured"
    return f"{with_unit(value + doubt, row.unit)}; {row.region.replace('_', ' ')}, {when}, {tone}"


def _is_none(value: Any) -> bool:
    import pandas as pd

    return value is None or value is pd.NA or value != value

"""Small questions to the tables: which window, when to judge, how deep, how far apart, what to do today."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal

from skinscan.records import ParameterError
from skinscan.treatment.rows import Care, Depth, FlagRule, Indication, Level, Protocol, SiteFact, Source, Window
from skinscan.treatment.tables import Treatment

Timing = Literal["judged", "too_early", "hidden"]


def indication_of(treatment: Treatment, name: str) -> Indication:
    """The row of an indication; a ParameterError names those there are."""
    for row in treatment.indications:
        if row.indication == name:
            return row
    known = ", ".join(row.indication for row in treatment.indications)
    raise ParameterError("Unknown indication", expected=known, found=repr(name))


def timing(treatment: Treatment, measure: str, days_after: int | None) -> tuple[Timing, str]:
    """Whether a measure can be judged so many days after the last session (None: no session yet), and why not."""
    family = measure.split(".", 1)[0]
    row = next((row for row in treatment.judging if row.family == family), None)
    if days_after is None or row is None or days_after > row.early_until_day:
        return "judged", ""
    when: Timing = "hidden" if days_after <= row.hidden_until_day else "too_early"
    return when, f"day {days_after} after a session: {row.why} ({', '.join(row.source)})"


def windows_on(treatment: Treatment, days_after: int) -> tuple[Window, ...]:
    """What happens in the skin on that day after a session."""
    return tuple(row for row in treatment.clock if row.from_day <= days_after <= row.to_day)


def care_on(treatment: Treatment, days_after: int) -> tuple[Care, ...]:
    """What the patient does on that day after a session."""
    return tuple(
        row for row in treatment.aftercare
        if row.from_day <= days_after and (row.to_day is None or days_after <= row.to_day)
    )  # fmt: skip


def depth_for(treatment: Treatment, region: str) -> Depth | None:
    """The depths told for a region, or None where no source tells any."""
    return next((row for row in treatment.depths if region in row.regions), None)


def protocols_of(treatment: Treatment, indication: str) -> tuple[Protocol, ...]:
    """The protocols with a source for an indication; none for many."""
    return tuple(row for row in treatment.protocols if row.indication == indication)


def least_spacing_days(treatment: Treatment, indication: str) -> tuple[int, Protocol] | None:
    """The shortest spacing that any protocol of the indication allows, and that protocol; None where none tells."""
    told = [(row.spacing_min_days, row) for row in protocols_of(treatment, indication) if row.spacing_min_days]
    return min(((days, row) for days, row in told), key=lambda one: one[0], default=None)


def too_soon(sessions: Sequence[date], spacing_days: int) -> list[tuple[date, date]]:
    """Neighbouring sessions that lie closer together than `spacing_days`."""
    ordered = sorted(sessions)
    return [(a, b) for a, b in itertools.pairwise(ordered) if (b - a).days < spacing_days]


def days_after(sessions: Iterable[date], day: date) -> int | None:
    """Days since the last session before or on `day`; None where there is none."""
    return min(((day - session).days for session in sessions if session <= day), default=None)


def rule_for(treatment: Treatment, flag: str, days: int | None) -> FlagRule | None:
    """The flag's rule of the highest level whose day has come, or None where it is too early for any."""
    order: dict[Level, int] = {"amber": 0, "red": 1}
    told = [row for row in treatment.flags if row.flag == flag and (days is None or days >= row.from_day)]
    return max(told, key=lambda row: order[row.level], default=None)


def source_of(treatment: Treatment, name: str) -> Source:
    """The full source of a short name; every name in the tables has one."""
    return next(row for row in treatment.sources if row.source == name)


def reaction_days(treatment: Treatment) -> int:
    """How long the reaction to a session lasts: until then redness tells of the session, not of the treatment."""
    return next(row.early_until_day for row in treatment.judging if row.family == "redness")


def sites_of(treatment: Treatment) -> tuple[str, ...]:
    """The sites of the body that the tables know."""
    return tuple(dict.fromkeys(row.site for row in treatment.sites))


def how_to_photograph(treatment: Treatment, site: str) -> tuple[SiteFact, ...]:
    """View, distance, light, posture, scale and what to keep the same at a site; nothing for one that is not told."""
    how = ("view", "distance_cm", "light", "posture", "scale", "keep")
    return tuple(row for row in treatment.sites if row.site == site and row.aspect in how)

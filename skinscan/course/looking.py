"""What is new at a visit that no measure counts: parallel linear marks and red foci, as the tables' flags ask for them.

Looked for in the maps that the comparison with the first baseline has made, and only from the day on which a rule would
use it. What is kept is small: figures, and the part of the two photos that shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from skinscan.course.sights import around, rises
from skinscan.course_records import Finding, Visit
from skinscan.measures.foci import Foci, new_foci
from skinscan.measures.maps import Maps
from skinscan.measures.new_marks import NewMark, NewMarks, new_parallel_marks
from skinscan.records import SKIN, Flag, Frame, Notice, Registration
from skinscan.report.numbers import number, with_unit
from skinscan.treatment import Treatment
from skinscan.treatment.functions import rule_for

Points = NDArray[np.float64]

MARKS, FOCI = "parallel_marks", "papular_foci"
NAMES = {MARKS: "new parallel marks", FOCI: "new red spots"}
OF_COLOUR = ("redness_persists", "pigment_after_inflammation", "asymmetry")
"""Flags that show where a colour rose."""

BEAD_MM = 0.6
"""A red spot so close to the middle of a new line is a part of it."""


@dataclass(frozen=True)
class Looked:
    """What was found; why what could not be looked for was not, by flag; and where colours rose (`sights.rises`)."""

    findings: tuple[Finding, ...] = ()
    unseen: Mapping[str, Notice] = field(default_factory=dict)
    rises: Mapping[str, NDArray[np.float16]] = field(default_factory=dict)


def due(visit: Visit, treatment: Treatment) -> tuple[str, ...]:
    """The flags whose rules would use what is found at a visit."""
    if visit.days_after is None:
        return ()
    return tuple(name for name in (*NAMES, *OF_COLOUR) if rule_for(treatment, name, visit.days_after) is not None)


class Looking:
    """Looks in a comparison's maps for what some flags need; `looked` holds what came of it."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self.looked = Looked(unseen={name: Notice(Flag.NOT_REGISTERED) for name in self._names if name in NAMES})

    def __call__(self, before: Maps, after: Maps, registration: Registration) -> None:
        told: dict[str, Finding | Notice | None] = {}
        lines: tuple[NewMark, ...] = ()
        if MARKS in self._names:
            marks = new_parallel_marks(before, after, registration)
            lines = marks.parallel
            told[MARKS] = marks.refused or (_marks(marks, before, after, registration) if lines else None)
        if FOCI in self._names:
            spots = new_foci(before, after, registration)
            refused = None if spots.searched_mm2 else next(iter(spots.notices), None)
            apart = _apart_from(spots, lines, before.um_per_px)
            told[FOCI] = refused or (_foci(apart, before, after, registration) if len(apart) else None)
        self.looked = Looked(
            tuple(found for found in told.values() if isinstance(found, Finding)),
            {name: found for name, found in told.items() if isinstance(found, Notice)},
            rises(before, after, registration) if any(name in OF_COLOUR for name in self._names) else {},
        )


def _marks(found: NewMarks, before: Maps, after: Maps, registration: Registration) -> Finding:
    lengths = [mark.length_mm for mark in found.parallel]
    figures = {
        "count": len(found.parallel), "shortest_mm": min(lengths), "longest_mm": max(lengths),
        "spacing_mm": found.spacing_mm, "direction_deg": found.direction_deg, "strength_sd": found.strength,
        "chance": found.chance, "other_new_lines": len(found.others), "searched_cm2": found.searched_cm2,
    }  # fmt: skip
    told = (
        f"{len(lengths)} parallel {_kind(found.parallel)} lines of {_span(lengths)} mm, {found.spacing_mm:.1f} mm from "
        f"one to the next, {found.direction_deg:.0f}° clockwise from the picture's width; the middle one is "
        f"{found.strength:.1f} SD strong. {_others(len(found.others))} in {found.searched_cm2:.1f} cm²; at random so "
        f"many would point one way with a chance of {_chance(found.chance)}"
    )
    paths = [mark.path for mark in found.parallel]
    return Finding(MARKS, _region(before.frame, np.concatenate(paths)), figures, told,
                   around(before, after, registration, lines=paths))  # fmt: skip


def _kind(marks: Iterable[NewMark]) -> str:
    kinds = {mark.kind for mark in marks}
    return " or ".join(sorted(kinds, reverse=True))


def _others(count: int) -> str:
    return f"{count} other new line{'' if count == 1 else 's'}" if count else "No other new line"


def _chance(share: float) -> str:
    return f"under {with_unit('0.1', '%')}" if share < 0.001 else with_unit(f"{100 * share:.1f}", "%")


def _span(values: Iterable[float]) -> str:
    """`1.2`, or `1.2 to 3.4`."""
    low, high = min(values := list(values)), max(values)
    return f"{low:.1f}" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f} to {high:.1f}"


def _apart_from(found: Foci, lines: Iterable[NewMark], um_per_px: float) -> Foci:
    """Spots that are no beads of a new line: those that the line does not run through."""
    keep = np.ones(len(found), np.bool_)
    for line in lines:
        away = np.hypot(found.x_px - line.path[:, :1], found.y_px - line.path[:, 1:]).min(0) * um_per_px / 1000
        keep &= away > np.maximum(found.diameter_mm / 2, BEAD_MM)
    names = ("x_px", "y_px", "after_x_px", "after_y_px", "diameter_mm", "strength", "strength_sd")
    region = tuple(name for name, kept in zip(found.region, keep, strict=True) if kept)
    return replace(found, **{name: getattr(found, name)[keep] for name in names}, region=region)


def _foci(found: Foci, before: Maps, after: Maps, registration: Registration) -> Finding:
    figures = {
        "count": len(found), "smallest_mm": float(found.diameter_mm.min()),
        "largest_mm": float(found.diameter_mm.max()), "strength_od": float(found.strength.max()),
        "strength_sd": float(found.strength_sd.max()), "searched_cm2": found.searched_mm2 / 100,
    }  # fmt: skip
    doubts = "".join(f". {notice.detail}" for notice in found.notices)
    told = (
        f"{len(found)} new round red spot{'s' if len(found) > 1 else ''} of {_span(found.diameter_mm)} mm in "
        f"{found.searched_mm2 / 100:.1f} cm²; the strongest is {figures['strength_sd']:.1f} SD of what unchanged skin "
        f"reads here ({number(figures['strength_od'], 3)} of haemoglobin's optical density){doubts}"
    )
    places = np.stack([found.x_px, found.y_px], 1)
    return Finding(FOCI, _region(before.frame, places), figures, told,
                   around(before, after, registration, rings=_rings(found, before.um_per_px)))  # fmt: skip


def _rings(found: Foci, um_per_px: float) -> list[tuple[float, float, float]]:
    """A ring a little outside each spot."""
    radii = found.diameter_mm / 2 * 1.4 * 1000 / um_per_px
    return [(float(x), float(y), float(r)) for x, y, r in zip(found.x_px, found.y_px, radii, strict=True)]


def _region(frame: Frame, places: Points) -> str:
    """The smallest region that holds all places (n, 2), or else all skin."""
    height, width = frame.shape
    column, row = (
        np.clip(np.rint(places[:, axis]), 0, most - 1).astype(int) for axis, most in ((0, width), (1, height))
    )
    drawn = [name for name in frame.regions if name != SKIN and frame.regions[name][row, column].all()]
    return min(drawn, key=lambda name: int(frame.regions[name].sum()), default=SKIN)

"""What is new at a visit that no measure counts: parallel linear marks and red foci, as the tables' flags ask for them.

Looked for in the maps that the comparison with the first baseline has made, and only from the day on which a rule would
use it. What is kept is small: figures, and the part of the two photos that shows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from skinscan.course_records import Finding, Sight, Visit
from skinscan.measures.foci import Foci, new_foci
from skinscan.measures.maps import Maps
from skinscan.measures.new_marks import NewMark, new_parallel_marks
from skinscan.records import SKIN, Flag, Frame, Notice, Registration
from skinscan.report import pictures
from skinscan.report.numbers import number
from skinscan.report.warping import aligned_part
from skinscan.treatment import Treatment
from skinscan.treatment.functions import rule_for

Points = NDArray[np.float64]

MARKS, FOCI = "parallel_marks", "papular_foci"
NAMES = {MARKS: "new parallel marks", FOCI: "new red spots"}

SIGHT_PX = 480
LEAST_SIGHT_MM, AROUND = 12.0, 0.2
"""A sight's least side, and how much it shows around what was found, in shares of its extent."""


@dataclass(frozen=True)
class Looked:
    """What was found, and for what could not be looked for why not, by flag."""

    findings: tuple[Finding, ...] = ()
    unseen: Mapping[str, Notice] = field(default_factory=dict)


def due(visit: Visit, treatment: Treatment) -> tuple[str, ...]:
    """The flags whose rules would use what is found at a visit."""
    if visit.days_after is None:
        return ()
    return tuple(name for name in NAMES if rule_for(treatment, name, visit.days_after) is not None)


class Looking:
    """Looks for some flags in a comparison's maps; `looked` holds what came of it."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self.looked = Looked(unseen={name: Notice(Flag.NOT_REGISTERED) for name in self._names})

    def __call__(self, before: Maps, after: Maps, registration: Registration) -> None:
        told = {name: _FINDERS[name](before, after, registration) for name in self._names}
        self.looked = Looked(
            tuple(found for found in told.values() if isinstance(found, Finding)),
            {name: found for name, found in told.items() if isinstance(found, Notice)},
        )


def _marks(before: Maps, after: Maps, registration: Registration) -> Finding | Notice | None:
    found = new_parallel_marks(before, after, registration)
    if found.refused is not None:
        return found.refused
    if not found.parallel:
        return None
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
                   _sight(before, after, registration, lines=paths))  # fmt: skip


def _kind(marks: Iterable[NewMark]) -> str:
    kinds = {mark.kind for mark in marks}
    return " or ".join(sorted(kinds, reverse=True))


def _others(count: int) -> str:
    return f"{count} other new line{'' if count == 1 else 's'}" if count else "No other new line"


def _chance(share: float) -> str:
    return "under 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def _span(values: Iterable[float]) -> str:
    """`1.2`, or `1.2 to 3.4`."""
    low, high = min(values := list(values)), max(values)
    return f"{low:.1f}" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f} to {high:.1f}"


def _foci(before: Maps, after: Maps, registration: Registration) -> Finding | Notice | None:
    found = new_foci(before, after, registration)
    if not len(found):
        return next(iter(found.notices), None) if not found.searched_mm2 else None
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
                   _sight(before, after, registration, rings=_rings(found, before.um_per_px)))  # fmt: skip


def _rings(found: Foci, um_per_px: float) -> list[tuple[float, float, float]]:
    """A ring a little outside each spot."""
    radii = found.diameter_mm / 2 * 1.4 * 1000 / um_per_px
    return [(float(x), float(y), float(r)) for x, y, r in zip(found.x_px, found.y_px, radii, strict=True)]


_FINDERS: Mapping[str, Callable[[Maps, Maps, Registration], Finding | Notice | None]] = {MARKS: _marks, FOCI: _foci}


def _region(frame: Frame, places: Points) -> str:
    """The smallest region that holds all places (n, 2), or else all skin."""
    height, width = frame.shape
    column, row = (
        np.clip(np.rint(places[:, axis]), 0, most - 1).astype(int) for axis, most in ((0, width), (1, height))
    )
    drawn = [name for name in frame.regions if name != SKIN and frame.regions[name][row, column].all()]
    return min(drawn, key=lambda name: int(frame.regions[name].sum()), default=SKIN)


def _sight(
    before: Maps, after: Maps, registration: Registration, *,
    lines: Iterable[Points] = (), rings: Iterable[tuple[float, float, float]] = (),
) -> Sight:  # fmt: skip
    """The part of both photos around what was found, and where in it that lies."""
    lines, rings = list(lines), list(rings)
    corners = [*lines, *(np.array([[x - r, y - r], [x + r, y + r]]) for x, y, r in rings)]
    rows, columns = _box(np.concatenate(corners), before.frame.shape, 1000 * LEAST_SIGHT_MM / before.um_per_px)
    first, second = aligned_part(
        before.frame.photo, after.frame.photo, registration, rows, columns, SIGHT_PX
    )  # fmt: skip
    first, second = (
        pictures.rebalanced(picture, maps.frame.colour.gains) for picture, maps in ((first, before), (second, after))
    )
    shrink = first.shape[1] / (columns.stop - columns.start)
    origin = np.array([columns.start, rows.start])

    def placed(points: Points) -> Points:
        return np.asarray((points - origin + 0.5) * shrink - 0.5)

    circles = [(*placed(np.array([x, y])).tolist(), r * shrink) for x, y, r in rings]
    return Sight(first, second, tuple(placed(line) for line in lines), tuple(circles))


def _box(points: Points, shape: tuple[int, int], least_px: float) -> tuple[slice, slice]:
    """Rows and columns around points (n, 2), no narrower than they are half as high, nor the other way."""
    low, high = points.min(0), points.max(0)
    extent = (1 + 2 * AROUND) * (high - low)
    extent = np.maximum(extent, max(least_px, 0.6 * float(extent.max())))
    sides = []
    for middle, length, most in zip((low + high) / 2, extent, shape[::-1], strict=True):
        start = max(math.floor(min(middle - length / 2, most - length)), 0)
        sides.append(slice(start, min(start + math.ceil(length), most)))
    return sides[1], sides[0]

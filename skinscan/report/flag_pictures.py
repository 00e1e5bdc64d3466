"""The pictures of a course's flags: baseline, visit, the visit with what was found drawn on it, where a colour rose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.course_records import CourseFlag, Plan, Sight
from skinscan.report import pictures, words
from skinscan.report.numbers import decimals, number

STEPS = 63
"""Steps of the colours of a rise, the middle one for none."""

LESS, MORE = (33, 102, 172), (178, 24, 43)
"""Ends of a scale that colour-blind readers tell apart (ColorBrewer RdBu)."""

STRONGEST = 225
UNIT = "optical density"
LEAST_RANGE = 0.02
"""Optical density of a rise that takes the end colour at least, so that noise stays pale."""


@dataclass(frozen=True, slots=True)
class Rise:
    """Where a number rose, as a picture to lay over a photo, and what its end colours stand for."""

    uri: str
    title: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class SightView:
    """A sight as the page shows it: pictures as data URIs, what is drawn over them in their pixels."""

    key: str
    width: int
    height: int
    before: str
    after: str
    baseline_day: str
    day: str
    lines: tuple[str, ...]
    rings: tuple[tuple[float, float, float], ...]
    closed: bool
    rise: Rise | None


def sight_views(flags: Sequence[CourseFlag], plan: Plan) -> list[SightView | None]:
    """The pictures of each flag; None for one that has none."""
    days = {visit.number: str(visit.day) for visit in plan.visits}
    return [
        None if flag.sight is None or flag.visit is None
        else _view(f"flag-{n}", flag.sight, str(plan.visits[0].day), days[flag.visit])
        for n, flag in enumerate(flags)
    ]  # fmt: skip


def _view(key: str, sight: Sight, baseline_day: str, day: str) -> SightView:
    height, width = sight.before.shape[:2]
    before, after = (pictures.data_uri(pictures.jpeg(picture), "jpeg") for picture in (sight.before, sight.after))
    lines = tuple(" ".join(f"{x:.1f},{y:.1f}" for x, y in line) for line in sight.lines)
    rings = tuple((round(x, 1), round(y, 1), round(r, 1)) for x, y, r in sight.rings)
    rise = None if sight.rise is None else rise_of(sight.rise, f"{words.title(sight.rise_of)}, {UNIT}")
    return SightView(key, width, height, before, after, baseline_day, day, lines, rings, sight.closed, rise)


def rise_of(values: NDArray[np.floating], title: str) -> Rise:
    """A rise (h, w), NaN where unknown, in colours that are the clearer the larger it is."""
    known = np.abs(values[np.isfinite(values)].astype(np.float64))
    limit = max(float(np.percentile(known, 98)) if len(known) else 0.0, LEAST_RANGE)
    share = np.clip(np.nan_to_num(values.astype(np.float64)) / limit, -1, 1)
    index = np.round((share + 1) / 2 * (STEPS - 1)).astype(np.uint8)
    places = decimals(limit)
    uri = pictures.data_uri(pictures.palette_png(index, palette()), "png")
    return Rise(uri, title, number(-limit, places, signed=True), number(limit, places, signed=True))


def palette() -> NDArray[np.uint8]:
    """(STEPS, 4) RGBA from less to more, clear in the middle."""
    share = np.linspace(-1, 1, STEPS)
    colours = np.zeros((STEPS, 4), np.uint8)
    colours[share < 0, :3], colours[share >= 0, :3] = LESS, MORE
    colours[:, 3] = np.round(STRONGEST * np.abs(share))
    return colours

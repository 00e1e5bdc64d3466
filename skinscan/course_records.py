"""The nouns of a course: sessions and visits on their days, each measure's way through them, and what was noticed.

    Plan (what was done and photographed) -> Course (what it shows)

Frozen, as the nouns of `skinscan.records`; days are dates of the place where the photos were taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, time
from pathlib import Path
from typing import Any, Literal

from skinscan.records import SCHEMA, Better, Verdict, plain_json

Timing = Literal["judged", "too_early", "hidden"]
Level = Literal["amber", "red"]
Role = Literal["practitioner", "patient"]


@dataclass(frozen=True, slots=True)
class Session:
    """A treatment: what was done on a day, and how deep in which region (mm; the key `` is the whole area)."""

    day: date
    device: str = ""
    tip: str = ""
    depth_mm: Mapping[str, float] = field(default_factory=dict)
    passes: int | None = None
    topical: str = ""
    numbing: str = ""
    operator: str = ""
    adverse_events: str = ""
    notes: str = ""
    at: time | None = None


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo of a visit: its file, the view it is taken from, and the row of the manifest or the file it came by."""

    path: Path
    view: str
    day: date
    at: time | None = None
    place: str = ""
    after_session: bool | None = None
    """Whether it was taken after that day's session; None: not said."""


_PREPARED = {"washed": "washed", "sunscreen": "with sunscreen on", "tan": "tanned"}


@dataclass(frozen=True, slots=True)
class Preparation:
    """How the skin was prepared at a visit; None where nobody said."""

    washed: bool | None = None
    make_up: bool | None = None
    sunscreen: bool | None = None
    tan: bool | None = None
    rest_minutes: int | None = None

    def against_colour(self, after: Preparation) -> tuple[str, ...]:
        """Why redness and pigment of two visits are not comparable, in words: make-up at either, or a preparation that
        is told of both and differs. Empty where nothing speaks against it; what was not said is not taken for a
        difference."""
        told = {"before": self, "after": after}
        reasons = [f"make-up was on at the visit {when}" for when, one in told.items() if one.make_up]
        for name, words in _PREPARED.items():
            was, now_is = getattr(self, name), getattr(after, name)
            if None not in (was, now_is) and was != now_is:
                reasons.append(f"the skin was {words} at the visit {'before' if was else 'after'}, not at the other")
        return tuple(reasons)


@dataclass(frozen=True, slots=True)
class Visit:
    """A day on which photos were taken; `days_after` the last session (None: before any), `sessions` done so far."""

    number: int
    day: date
    shots: tuple[Shot, ...]
    days_after: int | None
    sessions: int
    is_baseline: bool
    scores: Mapping[str, float] = field(default_factory=dict)
    preparation: Preparation = field(default_factory=Preparation)


@dataclass(frozen=True, slots=True)
class Plan:
    """A patient's sessions and photos of one site, checked and in order."""

    indication: str
    site: str
    sessions: tuple[Session, ...]
    visits: tuple[Visit, ...]

    @property
    def views(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(shot.view for visit in self.visits for shot in visit.shots))


@dataclass(frozen=True, slots=True)
class Step:
    """A change from an earlier visit and its verdict; `low` and `high` hold the true change with 95 %."""

    change: float
    low: float
    high: float
    sdc: float
    z: float
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Point:
    """A measure at a visit: the change from the baseline, that from the visit before, and whether it may be judged yet.

    `survives_correction`: the change stands when all measures and regions of the visit are judged together
    (Benjamini-Hochberg, 5 %); None where it is exempt (the primary measure) or nothing was judged.
    """

    visit: int
    from_baseline: Step
    from_previous: Step | None
    timing: Timing
    timing_reason: str
    survives_correction: bool | None = None


@dataclass(frozen=True, slots=True)
class Trend:
    """Change a month (30 days) over the whole course, its 95 % interval, and how many visits it rests on.

    `start`: where the line lies at the baseline, as a change from it."""

    start: float
    per_month: float
    low: float
    high: float
    visits: int


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One measure of one region in one view: the baseline, and a point for each later visit."""

    view: str
    measure: str
    region: str
    unit: str
    better: Better
    baseline: float
    baseline_spread: float
    points: tuple[Point, ...]
    trend: Trend | None
    is_primary: bool


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What a flag shows: a part of a view at the baseline and the same at a visit, laid onto it and brought to its
    colours, (h, w, 3) uint8 sRGB each, for looking at only.

    Drawn over it, in its pixels (centre of the top-left one at (0, 0)): `lines`, each (n, 2), closed where `closed`;
    `rings` (x, y, radius). `rise` (h', w') float32: how much the number of `rise_of` rose over the same part, NaN where
    nothing is known; None where no map is meant.
    """

    before: Any
    after: Any
    lines: tuple[Any, ...] = ()
    rings: tuple[tuple[float, float, float], ...] = ()
    closed: bool = False
    rise: Any = None
    rise_of: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """What a visit shows that no measure counts: the flag whose rule it falls under, where it lies, its figures as data
    and in words, and the picture of it."""

    flag: str
    region: str
    figures: Mapping[str, float]
    told: str
    sight: Sight


@dataclass(frozen=True, slots=True)
class CourseFlag:
    """Something that the practitioner should look at: the rule, the numbers that raised it, and where. No diagnosis.

    `figures` are the numbers as data; `sight` the picture, None for a rule that is not about the skin."""

    flag: str
    level: Level
    visit: int | None
    view: str
    region: str
    rule: str
    numbers: str
    to_practitioner: str
    to_patient: str
    source: tuple[str, ...]
    figures: Mapping[str, float | str] = field(default_factory=dict)
    sight: Sight | None = field(default=None, compare=False, repr=False)

    def text(self, role: Role) -> str:
        return f"{self.to_practitioner} ({self.numbers})" if role == "practitioner" else self.to_patient

    def sentence(self) -> str:
        """The flag in the practitioner's summary."""
        return f"{self.level.capitalize()} flag: {self.text('practitioner')}."

    def to_dict(self) -> dict[str, Any]:
        """Everything but the picture."""
        told = asdict(replace(self, sight=None))
        del told["sight"]
        return told


@dataclass(frozen=True, slots=True)
class Picture:
    """A view at a visit laid onto its baseline and brought to its colours, (h, w, 3) uint8 sRGB, for looking at only.

    `matched` where it could be laid onto it."""

    visit: int
    view: str
    pixels: Any
    matched: bool


@dataclass(frozen=True, slots=True)
class Used:
    """A photo that the course was read from: the SHA-256 of its file, and how it was made comparable, (what, how)."""

    visit: int
    view: str
    sha256: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Course:
    """What a course shows: trajectories, flags, what could not be told, and the whole in words for either reader."""

    plan: Plan
    primary: str
    trajectories: tuple[Trajectory, ...]
    flags: tuple[CourseFlag, ...]
    notices: tuple[str, ...]
    summary: Mapping[Role, tuple[str, ...]]
    pictures: tuple[Picture, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    used: tuple[Used, ...] = ()
    sdc_sources: tuple[str, ...] = ()
    """Where the smallest detectable changes come from, each source once."""

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row a measure, region, view and visit."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """One flat row a measure, region, view and visit; NaN where nothing was told."""
        days = {visit.number: visit for visit in self.plan.visits}
        return [
            {
                "view": line.view, "region": line.region, "measure": line.measure, "unit": line.unit,
                "primary": line.is_primary, "visit": point.visit, "day": days[point.visit].day.isoformat(),
                "days_after_session": days[point.visit].days_after, "sessions": days[point.visit].sessions,
                "baseline": line.baseline, **_step("", point.from_baseline), "timing": point.timing,
                "timing_reason": point.timing_reason, "survives_correction": point.survives_correction,
                **_step("previous_", point.from_previous or _NO_STEP),
            }
            for line in self.trajectories
            for point in line.points
        ]  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `skinscan course --json`, NaN as None; names of files without their folders."""
        plan = self.plan
        told: dict[str, Any] = plain_json(
            {
                "schema": SCHEMA,
                "indication": plan.indication,
                "site": plan.site,
                "primary": self.primary,
                "sessions": [_dated(asdict(session)) for session in plan.sessions],
                "visits": [
                    {
                        "visit": visit.number,
                        "day": visit.day.isoformat(),
                        "days_after_session": visit.days_after,
                        "sessions": visit.sessions,
                        "baseline": visit.is_baseline,
                        "photos": {shot.view: shot.path.name for shot in visit.shots},
                        "scores": dict(visit.scores),
                    }
                    for visit in plan.visits
                ],
                "trajectories": [_trajectory(line) for line in self.trajectories],
                "flags": [flag.to_dict() for flag in self.flags],
                "notices": list(self.notices),
                "summary": {role: list(lines) for role, lines in self.summary.items()},
                "versions": dict(self.versions),
                "digests": [{"visit": u.visit, "view": u.view, "sha256": u.sha256} for u in self.used],
                "sdc_sources": list(self.sdc_sources),
            }
        )
        return told


_NO_STEP = Step(math.nan, math.nan, math.nan, math.nan, math.nan, "not_comparable", "")


def _step(prefix: str, step: Step) -> dict[str, Any]:
    return {prefix + name: getattr(step, name) for name in Step.__slots__}


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date | time) else value for name, value in row.items()}


def _trajectory(line: Trajectory) -> dict[str, Any]:
    return asdict(line)

"""One row of each table: what a clinic reads in the CSV, checked and typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["amber", "red"]
Shows = Literal["yes", "partly", "no"]
Better = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure comes from: the short name used in the other tables, its title, where to find it."""

    source: str
    title: str
    where: str


@dataclass(frozen=True, slots=True)
class Device:
    """A kind of device and the depths that it is used at."""

    device: str
    kind: str
    setting: Literal["practice", "home"]
    depth_min_mm: float | None
    depth_max_mm: float | None
    note: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Depth:
    """How deep the needles go, by kind of skin; `regions` are those it holds for."""

    area: str
    regions: tuple[str, ...]
    depth_min_mm: float | None
    depth_max_mm: float | None
    note: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indication:
    """A concern that is treated: the primary measure, chosen beforehand, further measures and clinicians' scales.

    `photo_shows`: whether a photo can show it; `limits` what it cannot show. `primary` empty: nothing is measured.
    """

    indication: str
    title: str
    primary: str
    others: tuple[str, ...]
    scales: tuple[str, ...]
    photo_shows: Shows
    limits: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Protocol:
    """How many sessions, how many days apart; None where the source gives no figure."""

    protocol: str
    indication: str
    sessions_min: int
    sessions_max: int
    spacing_min_days: int | None
    spacing_max_days: int | None
    note: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """What happens in the skin from one day after a session to another."""

    window: str
    from_day: int
    to_day: int
    what: str
    for_patient: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judging:
    """When a family of measures can be judged after a session.

    Up to `hidden_until_day` the reaction hides it (-1: never); up to `early_until_day` it is too early to judge the
    treatment by it.
    """

    family: str
    hidden_until_day: int
    early_until_day: int
    why: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a study found: context for people, never what an image measure is expected to do."""

    study: str
    indication: str
    regime: str
    found: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question before a session; the practitioner decides."""

    prompt: str
    question: str
    note: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Care:
    """What the patient does from one day to another (None: on and on); sources say 'the first days' where 3 stands."""

    step: str
    from_day: int
    to_day: int | None
    text: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClinicianScale:
    """A scale that a clinician enters beside the measures; `step` None where any number is allowed."""

    scale: str
    title: str
    lowest: float
    highest: float
    step: float | None
    better: Better
    meaning: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlagRule:
    """A flag of a course: from which day after a session it is raised at a level, and what each reader is told."""

    flag: str
    level: Level
    from_day: int
    to_practitioner: str
    to_patient: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteFact:
    """One thing to know of a site of the body: regions to draw, an indication, a measure (`*` for a family), the view,
    distance, light, posture, scale, or what to keep the same at every visit; `why` in a few words."""

    site: str
    aspect: Literal["regions", "indication", "measure", "view", "distance_cm", "light", "posture", "scale", "keep"]
    value: str
    why: str
    source: tuple[str, ...]

"""What guidance says: the verdict for each family of measures, the advice behind it, where to move the camera."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from skinscan.records import SCHEMA, Flag, Frame

Outcome = Literal["good", "usable", "cannot"]
"""good: nothing in the way; usable: some of it refused or weaker than it could be; cannot: no number would come."""

Act = Literal["scale", "closer", "focus", "light", "exposure", "gloss", "colour", "file", "framing", "other"]
"""What kind of thing mends it. Two pieces of advice of one kind are one errand, so only the first is said up front."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that is in the way of measuring: what was found, what it is held against, how to mend it.

    `found` and `limit` are in `unit` (NaN where there is no number); `stops` and `weakens` name measures.
    """

    flag: Flag
    act: Act
    finding: str
    todo: str
    found: float
    limit: float
    unit: str
    region: str
    stops: tuple[str, ...]
    weakens: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{self.finding}: {self.todo}" if self.todo else self.finding


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a photo can carry of one family of measures in one region. `measures`: each wanted one's own verdict."""

    family: str
    region: str
    verdict: Outcome
    why: str
    todo: str
    measures: Mapping[str, Outcome]


@dataclass(frozen=True, slots=True)
class Prospect:
    """Whether this pair of photos carries a measure, and the smallest change that it could show.

    `sdc` in `unit`, NaN with a `reason` where the change could not be judged. The change itself is not told: whoever
    takes the photo should not choose the one that looks best.
    """

    measure: str
    region: str
    carries: bool
    reason: str
    sdc: float
    baseline: float
    unit: str


@dataclass(frozen=True, slots=True)
class Aim:
    """How the camera must move so that the next photo lies on the baseline.

    `right_share`, `down_share`: of the picture's width and height; `right_mm`, `down_mm` on the skin, NaN without a
    scale. `distance_factor`: 0.9 is a tenth closer. `clockwise_deg`: turn of the camera about the line of sight, as
    its user sees it. `tilt_deg`: how much more the skin leans away than in the baseline, `farther_deg` towards which
    side of the picture (0 right, 90 down, 180 left, -90 up); NaN where the side cannot be told. `moves` says it in
    words, what matters most first; empty where the new photo sits well.
    """

    right_share: float
    down_share: float
    right_mm: float
    down_mm: float
    distance_factor: float
    clockwise_deg: float
    tilt_deg: float
    farther_deg: float
    mirrored: bool
    moves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Guidance:
    """What to say to the person with the camera: three sentences at most, then the details."""

    photo: str
    baseline: str | None
    verdict: Outcome
    sentences: tuple[str, ...]
    outlooks: tuple[Outlook, ...]
    advice: tuple[Advice, ...]
    prospects: tuple[Prospect, ...] = ()
    aim: Aim | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `skinscan guide --json`, NaN as None."""
        told: dict[str, Any] = {"schema": SCHEMA, **plain(self)}
        return told


@dataclass(frozen=True, slots=True)
class Spread:
    """How much a measure scatters within a burst, over the skin that all of its frames see.

    `values` one a frame; `sem` the within-burst SD on the measure's own side of no change, in `unit`; `sdc` =
    t sqrt(2) SEM with the t quantile of so few frames. NaN with a `reason` where there are too few.
    """

    measure: str
    region: str
    unit: str
    values: tuple[float, ...]
    sem: float
    sdc: float
    reason: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """One frame of a burst: `elements` is how many resolved pieces of usable skin it holds, `used` whether it is one
    of the frames that the repeatability rests on, `reason` why not."""

    photo: str
    elements: float
    used: bool
    reason: str


@dataclass(frozen=True, slots=True)
class BurstResult:
    """The best frame of a burst, and what the burst says of its own repeatability.

    `frame`: the best one itself, with the regions that were drawn in the first photo; no part of the JSON.
    """

    best: str | None
    index: int | None
    ranked: tuple[Ranked, ...]
    spreads: tuple[Spread, ...]
    sentences: tuple[str, ...]
    caution: str
    frame: Frame | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it, NaN as None."""
        told: dict[str, Any] = {"schema": SCHEMA, **plain(replace(self, frame=None))}
        del told["frame"]
        return told


def together(outcomes: Iterable[Outcome]) -> Outcome:
    """One verdict for several: good or cannot where all are, usable else."""
    found = set(outcomes)
    return "good" if found <= {"good"} else "cannot" if found == {"cannot"} else "usable"


def plain(value: Any) -> Any:
    """Plain JSON values of a noun: NaN and infinities as None."""
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {**told, "text": value.text} if isinstance(value, Advice) else told
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value

"""What real photos carry and what they are refused: a table for the documentation, made by assessing a folder."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skinscan.assessment import assess
from skinscan.measures import all_measures
from skinscan.records import FLAGS, SKIN, Assessment, Flag, SkinscanError

SUFFIXES = (
    ".jpg", ".jpeg", ".mpo", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif", ".gif", ".ico",
)  # fmt: skip

MEASURED = "yes"


@dataclass(frozen=True)
class Outcome:
    """What came of one photo: a refusal to read it, or what was found and, for each family, yes or the reason."""

    folder: str
    name: str
    refusal: str = ""
    face: bool = False
    regions: int = 0
    scale: str = ""
    colour: str = ""
    families: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def kind(self) -> tuple[object, ...]:
        """Photos of one folder with the same kind of outcome share a row."""
        return self.folder, self.refusal, self.face, self.scale, self.colour, self.families


def photos_in(folder: Path) -> list[Path]:
    """Every file that could be a photo, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def families() -> tuple[str, ...]:
    return tuple(dict.fromkeys(measure.family for measure in all_measures().values()))


def outcome(path: Path) -> Outcome:
    """One photo assessed as a user without any knowledge would."""
    try:
        found = assess(path, evidence=False)
    except SkinscanError as error:
        return Outcome(path.parent.name, path.name, refusal=error.what.split(": ", 1)[-1])
    frame = found.frame
    return Outcome(
        path.parent.name,
        path.name,
        face=frame.face is not None,
        regions=len(frame.regions) - 1,
        scale=frame.scale.source if frame.scale else "",
        colour=frame.colour.state,
        families=tuple(_family(found, family) for family in families()),
        told=tuple(sorted({notice.flag.value for notice in frame.notices})),
    )


def _family(found: Assessment, family: str) -> str:
    """Whether a family was measured in the whole skin, or the reason that most of its measures give."""
    of = [m for m in found.measurements if m.region == SKIN and m.measure.split(".", 1)[0] == family]
    if any(not math.isnan(m.value) for m in of):
        return MEASURED
    reasons = Counter(m.flags[0].value for m in of if m.flags)
    return reasons.most_common(1)[0][0] if reasons else Flag.UNDEFINED.value


def table(outcomes: Iterable[Outcome]) -> str:
    """Markdown: one row for the photos of a folder that fared alike."""
    groups: dict[tuple[object, ...], list[Outcome]] = defaultdict(list)
    for one in outcomes:
        groups[one.kind].append(one)
    head = ("photos", "which", "found", *families(), "told besides")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for of in groups.values():
        first = of[0]
        which = f"{first.folder}: {_named([one.name for one in of])}"
        if first.refusal:
            cells: Sequence[str] = (str(len(of)), which, f"not read: {first.refusal}", *[""] * len(families()), "")
        else:
            told = Counter(flag for one in of for flag in one.told)
            besides = ", ".join(f"`{flag}`" + (f" ({n})" if n < len(of) else "") for flag, n in sorted(told.items()))
            cells = (str(len(of)), which, _found(first, of), *map(_shown, first.families), besides)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _named(names: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return shown if len(names) <= most else f"{shown}, ..."


def _found(first: Outcome, of: Sequence[Outcome]) -> str:
    regions = sorted({one.regions for one in of})
    parts = ["a face" if first.face else "no face"]
    if regions != [0]:
        parts.append(f"{regions[0]}-{regions[-1]} regions" if len(regions) > 1 else f"{regions[0]} regions")
    parts.append(f"scale: {first.scale}" if first.scale else "no scale")
    parts.append(f"colour: {first.colour}")
    return ", ".join(parts)


def _shown(state: str) -> str:
    return state if state == MEASURED else f"`{state}`"


def meanings(outcomes: Iterable[Outcome]) -> Mapping[str, str]:
    """The words of every flag that the table names."""
    named = {flag for one in outcomes for flag in (*one.families, *one.told) if flag != MEASURED}
    return {flag: FLAGS[Flag(flag)] for flag in sorted(named)}

"""What a report says first: what changed, how good the photos are, what is missing, what to do next time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from skinscan.records import SKIN, Assessment, Change, Comparison, Flag, Measurement, Notice
from skinscan.report import words
from skinscan.report.rows import ChangeRow, change_row

_MOST_SENTENCES = 6
_ENOUGH_FOR_CHANCE = 10
_CHANCE = 0.05
_LARGER = ("improved", "worsened", "changed")


@dataclass(frozen=True, slots=True)
class Headline:
    """The first screen of a report, as texts."""

    title: str
    lead: str
    larger: tuple[ChangeRow, ...] = ()
    notes: tuple[str, ...] = ()
    quality: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    advice: tuple[str, ...] = ()


def of_comparison(comparison: Comparison) -> Headline:
    """The first screen of a comparison."""
    judged = [c for c in comparison.changes if c.verdict != "not_comparable"]
    larger = [c for c in judged if c.verdict in _LARGER]
    title, lead = _result(comparison, len(judged), len(larger))
    notices = [*comparison.notices, *comparison.before.frame.notices, *comparison.after.frame.notices]
    if comparison.registration:
        notices.extend(comparison.registration.notices)
    flags = [notice.flag for notice in notices]
    flags += [flag for c in _refused(comparison) for flag in c.flags]
    return Headline(
        title=title,
        lead=lead,
        larger=tuple(map(change_row, _first(larger))),
        notes=tuple(_notes(comparison, len(judged), len(larger))),
        quality=tuple(quality({"Before": comparison.before, "After": comparison.after})),
        missing=tuple(_missing(comparison)),
        advice=tuple(words.advice(flags)),
    )


def _result(comparison: Comparison, judged: int, larger: int) -> tuple[str, str]:
    if not comparison.comparable:
        return "These two photos cannot be compared", " ".join(map(_sentence, comparison.reasons))
    if judged == 0:
        return "Nothing could be compared", "No number can be held against the other photo; see why below."
    if larger == 0:
        return (
            "No change beyond measurement error",
            f"All {judged} numbers that could be compared are within measurement error; "
            "this does not show that nothing changed.",
        )
    title = f"{larger} of {judged} numbers changed by more than measurement error"
    if larger == judged:
        return title, "Every number that could be compared changed by more than its measurement error."
    others = "The other one is" if judged - larger == 1 else f"The other {judged - larger} are"
    return title, f"{others} within measurement error; this does not show that nothing changed there."


def _notes(comparison: Comparison, judged: int, larger: int) -> Iterable[str]:
    if larger > _MOST_SENTENCES:
        yield f"{larger - _MOST_SENTENCES} more are in the tables below."
    if judged >= _ENOUGH_FOR_CHANCE:
        yield (
            f"Of {judged} numbers about {max(1, round(_CHANCE * judged))} are expected to pass the limit "
            "by chance alone, even where nothing changed."
        )
    for notice in comparison.notices:
        yield _sentence(notice.text)


def _first(changes: list[Change]) -> list[Change]:
    """The prominent measures first, the whole skin before its regions."""
    rank = {measure: i for i, measure in enumerate(words.PROMINENT)}
    ordered = sorted(changes, key=lambda c: (rank.get(c.measure, len(rank)), c.region != SKIN))
    return ordered[:_MOST_SENTENCES]


def of_assessments(assessments: Mapping[str, Assessment]) -> Headline:
    """The first screen of one or several photos. `assessments`: label -> Assessment."""
    several = len(assessments) > 1
    measured = sum(math.isfinite(m.value) for a in assessments.values() for m in a.measurements)
    names = words.listing([words.visible(a.frame.photo.name) for a in assessments.values()])
    flags: list[Flag] = []
    for assessment in assessments.values():
        flags += [notice.flag for notice in assessment.frame.notices]
        flags += [flag for m in assessment.measurements if not math.isfinite(m.value) for flag in m.flags]
    return Headline(
        title=f"What {names} shows" if not several else f"What {len(assessments)} photos show",
        lead=f"{measured} numbers could be measured"
        + (", each with its measurement error." if measured else "; see why below.")
        + (" Photos are not held against each other here: compare does that." if several else ""),
        quality=tuple(quality(assessments)),
        missing=tuple(
            (f"{label}: {what}" if several else what, why)
            for label, assessment in assessments.items()
            for what, why in _unmeasured(assessment)
        ),
        advice=tuple(words.advice(flags)),
    )


def quality(assessments: Mapping[str, Assessment]) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    """(label, verdict, what is wrong) of each photo."""
    for label, assessment in assessments.items():
        frame = assessment.frame
        yield label, frame.quality.verdict, tuple(dict.fromkeys(_sentence(_placed(n)) for n in frame.notices))


def _placed(notice: Notice) -> str:
    return f"{words.visible(notice.region)}: {notice.text}" if notice.region else notice.text


def _missing(comparison: Comparison) -> Iterable[tuple[str, str]]:
    yield from _grouped((c.measure, c.reason) for c in _refused(comparison))


def _refused(comparison: Comparison) -> Iterable[Change]:
    return (c for c in comparison.changes if c.verdict == "not_comparable" and words.is_news(c.flags))


def _unmeasured(assessment: Assessment) -> Iterable[tuple[str, str]]:
    missing = (m for m in assessment.measurements if not math.isfinite(m.value) and words.is_news(m.flags))
    yield from _grouped((m.measure, _why(m)) for m in missing)


def _why(m: Measurement) -> str:
    return m.reason or "; ".join(Notice(flag).text for flag in m.flags)


def _grouped(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """(measures, reason): the measures that share a reason, together."""
    groups: dict[str, list[str]] = {}
    for measure, reason in pairs:
        names = groups.setdefault(reason, [])
        if words.title(measure) not in names:
            names.append(words.title(measure))
    for reason, names in groups.items():
        yield words.listing(names, 8), _sentence(reason or "no reason was given")


def _sentence(text: str) -> str:
    """The text with a capital first letter and a full stop."""
    text = words.readable(text).strip()
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")

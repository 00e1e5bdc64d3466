"""Capture guidance as a page: one screen of a phone says what comes and what to do, the rest explains.

It is drawn from the JSON objects of `skinscan guide --json`, so that whoever holds those can draw it as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinscan.records import SKIN
from skinscan.report import folder as _folder
from skinscan.report import numbers, page, pictures, words

GUIDE = "guide.html"
GHOST = "ghost.png"
OVERLAY = "overlay.png"

LIGHTS: Mapping[str, tuple[str, str]] = {"good": ("Good", "✓"), "usable": ("Usable", "△"), "cannot": ("Cannot", "✕")}
"""Each verdict's word and mark; its shape (round, triangle-topped, square) is the style sheet's."""

PICTURE_PX = 900


@dataclass(frozen=True, slots=True)
class Head:
    """The first lines of the page."""

    title: str
    lead: str


@dataclass(frozen=True, slots=True)
class Light:
    """One traffic light: its verdict in a word and a mark, and why in a sentence."""

    verdict: str
    word: str
    mark: str
    title: str
    region: str
    why: str
    todo: str


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to do: in words, and which numbers it stops or weakens."""

    text: str
    region: str
    stops: str
    weakens: str


@dataclass(frozen=True, slots=True)
class Line:
    """One number in a table: what it is called, where, and its texts."""

    title: str
    region: str
    unit: str
    verdict: str
    word: str
    mark: str
    texts: tuple[str, ...]
    reason: str


def guide_page(
    guidance: Mapping[str, Any] | None,
    burst: Mapping[str, Any] | None = None,
    shown: Mapping[str, tuple[str, pictures.Picture]] | None = None,
) -> str:
    """The HTML of guidance, of a burst, or of both. `shown`: key -> (words, picture)."""
    sentences = [*(burst["sentences"] if burst else []), *(guidance["sentences"] if guidance else [])]
    head = Head(words.readable(sentences[0]), words.readable(" ".join(sentences[1:])))
    return page.render(
        "guide.html",
        head=head,
        shots=[],
        lights=lights(guidance) if guidance else [],
        errands=errands(guidance) if guidance else [],
        moves=[words.capital(move) for move in (guidance.get("aim") or {}).get("moves", [])] if guidance else [],
        aimed=bool(guidance and guidance.get("aim")),
        prospects=prospects(guidance) if guidance else [],
        baseline=words.visible(guidance["baseline"]) if guidance and guidance["baseline"] else "",
        photo=words.visible(guidance["photo"]) if guidance else "",
        ranked=burst["ranked"] if burst else [],
        spreads=spreads(burst) if burst else [],
        caution=burst["caution"] if burst else "",
        pictures=[
            (key, text, pictures.data_uri(pictures.jpeg(picture), "jpeg"), picture.shape[1], picture.shape[0])
            for key, (text, picture) in (shown or {}).items()
        ],
    )


def write_guide(html: str, files: Mapping[str, bytes], folder: Path) -> Path:
    """Write the page and the pictures beside it into a folder; returns the page's path. Raises ParameterError as
    `folder.write_files` does."""
    _folder.write_files(folder, {GUIDE: html.encode("utf-8", "backslashreplace"), **files})
    return folder / GUIDE


def lights(guidance: Mapping[str, Any]) -> list[Light]:
    """A light for each family of each region; the region is named where there are several."""
    several = len({outlook["region"] for outlook in guidance["outlooks"]}) > 1
    return [
        Light(
            outlook["verdict"],
            *LIGHTS[outlook["verdict"]],
            words.FAMILIES.get(outlook["family"], words.capital(outlook["family"])),
            _region(outlook["region"]) if several else "",
            words.capital(outlook["why"]),
            words.capital(outlook["todo"]),
        )
        for outlook in guidance["outlooks"]
    ]


def errands(guidance: Mapping[str, Any]) -> list[Errand]:
    """What to do, in the order in which it matters; what several regions ask for is said once."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for one in guidance["advice"]:
        groups.setdefault(one["text"], []).append(one)
    found = []
    for text, same in groups.items():
        regions = [one["region"] for one in same]
        told = "" if SKIN in regions else words.listing([_region(name) for name in regions])
        stops, weakens = (list(dict.fromkeys(n for one in same for n in one[k])) for k in ("stops", "weakens"))
        left = [name for name in weakens if name not in stops]
        found.append(Errand(words.capital(text), words.capital(told), _named(stops), _named(left)))
    return found


def _named(measures: Sequence[str]) -> str:
    """Measures by their families where a whole family is meant, else by their titles."""
    from skinscan.measures import all_measures

    left, said = list(measures), []
    for family in words.FAMILIES:
        whole = [m.name for m in all_measures().values() if m.family == family and m.evaluate is not None]
        if whole and set(whole) <= set(left):
            said.append(words.FAMILIES[family].lower())
            left = [name for name in left if words.family(name) != family]
    return words.listing([*said, *(words.title(name) for name in left)], 3)


def prospects(guidance: Mapping[str, Any]) -> list[Line]:
    """What the pair carries, and the smallest change that it could show."""
    lines = []
    for one in guidance["prospects"]:
        verdict = "carries" if one["carries"] else "cannot"
        places = numbers.decimals(one["sdc"] or 0.0)
        sdc = numbers.number(one["sdc"], places) if one["sdc"] is not None else numbers.MISSING
        base = numbers.number(one["baseline"], places) if one["baseline"] is not None else numbers.MISSING
        lines.append(_line(one, verdict, (base, sdc)))
    return lines


def spreads(burst: Mapping[str, Any]) -> list[Line]:
    """The scatter of each measure within a burst."""
    lines = []
    for one in burst["spreads"]:
        told = one["sdc"] is not None
        places = numbers.decimals(one["sem"] or 0.0)
        known = [value for value in one["values"] if value is not None]
        low, high = (numbers.number(f(known), places) if known else numbers.MISSING for f in (min, max))
        texts = tuple(numbers.number(one[k], places) if told else numbers.MISSING for k in ("sem", "sdc"))
        values = low if low == high else f"{low} to {high}"
        lines.append(_line(one, "good" if told else "cannot", (values, *texts)))
    return lines


def _line(one: Mapping[str, Any], verdict: str, texts: tuple[str, ...]) -> Line:
    word, mark = {**LIGHTS, "carries": ("Carried", "✓")}[verdict]
    return Line(
        words.title(one["measure"]), _region(one["region"]), numbers.unit_text(one["unit"]), verdict, word, mark, texts,
        words.capital(one["reason"]),
    )  # fmt: skip


def _region(name: str) -> str:
    return words.visible(name).replace("_", " ")

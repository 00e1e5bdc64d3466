"""The researcher's page: filters, charts and downloads over the measurements of those who agree.

The filters are a plain form and stand in the page's address, so a view can be kept as a bookmark; no word in them is a
person's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import gradio as gr

from skinscan.records import SKIN, ParameterError, SkinscanError
from skinscan.report import words
from skinscan.report.numbers import unit_text
from skinscan.services import Clinic, research
from skinscan.services.research import Choices, Filters
from skinscan.web.clinic import research_charts
from skinscan.web.clinic.asking import actor_of
from skinscan.web.clinic.pages import render

if TYPE_CHECKING:
    import pandas as pd
    from starlette.requests import Request

TITLE = "Research"
_WORDS = {"measure": "measures", "region": "regions", "site": "sites", "tone": "tones", "indication": "indications"}
_DAYS = ("first_day", "last_day")


@dataclass(frozen=True, slots=True)
class Box:
    """One word that can be chosen, as it is shown."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Pick:
    """A filter of which several words can be chosen; `said`: those that are."""

    name: str
    title: str
    boxes: tuple[Box, ...]
    said: str


def filters_in(pairs: Iterable[tuple[str, str]]) -> Filters:
    """The filters in the pairs of an address. Raises ParameterError for days that are no numbers."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if value:
            found.setdefault(name, []).append(value)
    words_of = {plural: tuple(dict.fromkeys(found.get(name, ()))) for name, plural in _WORDS.items()}
    return Filters(**words_of, **{name: _day(found.get(name, [""])[0]) for name in _DAYS})  # type: ignore[arg-type]


def address_of(filters: Filters) -> str:
    """The same as the query of an address."""
    pairs = [(name, word) for name, plural in _WORDS.items() for word in getattr(filters, plural)]
    pairs += [(name, str(day)) for name in _DAYS if (day := getattr(filters, name)) is not None]
    return urlencode(pairs)


def settled(filters: Filters, there: Sequence[str]) -> Filters:
    """One measure is looked at: the first of the prominent ones where none that is there is named."""
    named = [name for name in filters.measures if name in there]
    known = [name for name in words.PROMINENT if name in there] or list(there)
    return replace(filters, measures=tuple((named or known)[:1]))


def html(rows: pd.DataFrame, choices: Choices, filters: Filters, wrong: str = "") -> str:
    """The page of a measure's rows, seen through the filters. `wrong`: what could not be understood of them."""
    filters = settled(filters, choices.measures)
    shown = research.chosen(rows, filters)
    told = shown[shown["value"].notna()]
    measure = filters.measures[0] if filters.measures else ""
    return render(
        "researcher.html",
        title=TITLE,
        wrong=wrong,
        choices=choices,
        filters=filters,
        families=_families(choices, measure),
        picks=_picks(choices, filters),
        measure=words.title(measure) if measure else "",
        explanation=words.explanation(measure),
        unit=unit_text(str(shown["unit"].iloc[0])) if len(shown) else "",
        patients=int(told["research_id"].nunique()),
        photos=int(told["assessment"].nunique()),
        numbers=len(told),
        missing=len(shown) - len(told),
        versions=sorted({int(one) for one in shown["version"]}),
        few=research.FEW_PATIENTS,
        charts=(research_charts.by_time(shown), research_charts.by_tone(shown)),
        tones=[tone for tone in research_charts.TONES if tone in set(told["tone"])],
        columns=research.COLUMNS,
        query=address_of(filters),
        all_query=address_of(replace(filters, measures=())),
        parquet=research.parquet_is_here(),
    )


def build(clinic: Clinic) -> gr.Blocks:
    """The page as Gradio Blocks; it is made anew whenever it is opened."""

    def opened(request: gr.Request) -> str:
        actor = actor_of(clinic, request)
        asked: Request = request.request  # type: ignore[assignment]
        there, wrong = research.measures(clinic, actor), ""
        try:
            filters = filters_in(asked.query_params.multi_items())
        except SkinscanError as error:
            filters, wrong = Filters(), str(error)
        filters = settled(filters, there)
        return html(*research.look(clinic, actor, filters.measures[0] if there else ""), filters, wrong)

    page: gr.Blocks = gr.Blocks(title=TITLE, analytics_enabled=False)
    with page:
        shown = gr.HTML(render("waiting.html", title=TITLE), apply_default_css=False, padding=False)
        page.load(opened, None, shown, show_progress="hidden")
    return page


def _day(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise ParameterError("This is no number of days", expected="a whole number as 30", found=repr(text[:20]))
    return int(text)


def _families(choices: Choices, chosen: str) -> Mapping[str, list[Box]]:
    found: dict[str, list[Box]] = {}
    order = {name: rank for rank, name in enumerate(words.PROMINENT)}
    for name in sorted(choices.measures, key=lambda one: (order.get(one, len(order)), one)):
        box = Box(name, words.title(name), name == chosen)
        found.setdefault(words.FAMILIES[words.family(name)], []).append(box)
    return found


def _picks(choices: Choices, filters: Filters) -> list[Pick]:
    titles = {"region": "Region", "site": "Site", "tone": "Skin tone", "indication": "Treated for"}
    return [_pick(name, title, getattr(choices, _WORDS[name]), getattr(filters, _WORDS[name])) for name, title in
            titles.items()]  # fmt: skip


def _pick(name: str, title: str, there: Iterable[str], chosen: tuple[str, ...]) -> Pick:
    boxes = tuple(Box(word, _readable(word), word in chosen) for word in there)
    said = words.listing([box.text for box in boxes if box.chosen], 2) or "all"
    return Pick(name, title, boxes, said)


def _readable(word: str) -> str:
    return "all skin" if word == SKIN else word.replace("_", " ")

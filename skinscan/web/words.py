"""Results as HTML for the page: the report's own words and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skinscan.guidance.nouns import Guidance
from skinscan.records import SKIN, Assessment, Comparison
from skinscan.report import guide_page, headline, page, rows
from skinscan.report.words import readable

_TEMPLATES = Path(__file__).resolve().parent / "templates"


def of_comparison(comparison: Comparison) -> str:
    """What changed, how good the photos are, what is missing, what to do next time."""
    return _render("words.html", head=headline.of_comparison(comparison), done="compared")


def of_assessment(assessment: Assessment) -> str:
    """How good the photo is, what is missing, what to do next time."""
    return _render("words.html", head=headline.of_assessments({"Photo": assessment}), done="measured")


def changes(comparison: Comparison) -> str:
    """The table of changes."""
    return _render("changes.html", families=rows.families(rows.change_rows(comparison.changes)))


def values(assessment: Assessment) -> str:
    """The table of values."""
    axes = rows.shared_axes([assessment])
    return _render("values.html", families=rows.families(rows.value_rows(assessment, axes)))


def advice(guidance: Guidance, note: str = "") -> str:
    """What a photo just added can carry, of its skin as a whole: the lights, the first thing to do, and a note."""
    told = guidance.to_dict()
    told["outlooks"] = [outlook for outlook in told["outlooks"] if outlook["region"] == SKIN]
    return _render(
        "advice.html",
        head=readable(guidance.sentences[0]),
        lights=guide_page.lights(told),
        errands=guide_page.errands(told),
        note=note,
    )


def note(text: str) -> str:
    """A sentence that is neither a result nor a failure."""
    return _render("note.html", text=text)


def failure(text: str) -> str:
    """An error that the user can do something about."""
    return _render("failure.html", text=text)


def surprise(kind: str) -> str:
    """An error that nobody foresaw."""
    return failure(
        f"Something went wrong inside skinscan ({kind}). The photos have not left this computer. "
        "Try other photos; where it happens again, please report it with the text in the terminal."
    )


def style() -> str:
    """The report's style, for parts of the page inside an element of class `skinscan`."""
    css = page.style("report.css", "drawings.css")
    return f".skinscan {{\n{css.replace(':root', '&').replace('body {', '& {')}\n}}"


def _render(template: str, **context: Any) -> str:
    return page.environment(_TEMPLATES).get_template(template).render(**context)

"""What the parts of the page share."""

from __future__ import annotations

import html as escaping
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from skinscan.records import SkinscanError
from skinscan.report import page

_TEMPLATES = Path(__file__).resolve().parent / "templates"
_STAYS = None


@dataclass(frozen=True)
class Patient:
    """A part of a patient's page: `show(patient_id, request)` gives the values of `outputs` when the page is opened."""

    show: Callable[..., Any]
    outputs: Sequence[Any]


def view(template: str, **context: Any) -> str:
    """HTML of a template; every text is escaped."""
    return page.environment(_TEMPLATES).get_template(template).render(**context)


def html(**options: Any) -> gr.HTML:
    return gr.HTML(apply_default_css=False, padding=False, **options)


@contextmanager
def refusing() -> Iterator[None]:
    """What cannot be done is told on the page, escaped: the words may hold what someone typed."""
    try:
        yield
    except SkinscanError as error:
        raise gr.Error(escaping.escape(str(error)), duration=_STAYS, print_exception=False) from None
    except gr.Error:
        raise
    except Exception as error:
        logging.getLogger(__name__).error("a step of the practitioner's page failed", exc_info=error)
        raise gr.Error(
            f"Something went wrong inside skinscan ({type(error).__name__}). What was saved is safe. Open the page "
            "again; where it happens again, please report it with the server's log.",
            duration=_STAYS, print_exception=False,
        ) from None  # fmt: skip


def number_in(what: str, text: str | None) -> float | None:
    """A typed number, with a point or a comma; None where nothing was typed. Raises ParameterError."""
    from skinscan.records import ParameterError

    told = (text or "").strip().replace(",", ".")
    try:
        value = float(told) if told else None
        if value is not None and not math.isfinite(value):
            raise ValueError  # "nan" and "inf" are none, and no JSON: an export of the patient would fail on them
        return value
    except ValueError:
        raise ParameterError(f"{what} could not be read", expected="a number", found=told[:40]) from None


def words_of(name: str) -> str:
    """A name of a table as a person writes it."""
    return name.replace("_", " ")

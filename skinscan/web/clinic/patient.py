"""The patient's page: what was shared, what to do today, and what is theirs to decide."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import gradio as gr

from skinscan.records import EnvironmentFault
from skinscan.report import pdf
from skinscan.services import Actor, Clinic
from skinscan.services.own_progress import OwnProgress, Result, make_anew, own_progress
from skinscan.web.clinic.asking import actor_of
from skinscan.web.clinic.pages import render

TITLE = "Your treatment"


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a patient agrees to, in their words: what it is, what withdrawing and agreeing do, and the two buttons."""

    title: str
    what: str
    withdrawn: str
    given: str
    stop: str
    start: str


PURPOSES: Mapping[str, Purpose] = {
    "sharing": Purpose(
        "See my photos here",
        "Your practitioner may show you photos and reports of your own on this page.",
        "Everything under Your results disappears at once. Your clinic keeps the photos. If you agree again later, "
        "your practitioner has to share each thing anew.",
        "Your practitioner may then share photos and reports of yours with you on this page.",
        "Yes, stop showing them",
        "Yes, I agree",
    ),
    "research": Purpose(
        "Help research",
        "Researchers of your clinic may use the numbers measured in your photos, without your name, your photos or any "
        "date.",
        "Your numbers leave the research tables at once. What was downloaded before cannot be called back.",
        "Researchers of your clinic may then use your numbers, without your name, your photos or any date.",
        "Yes, take my numbers out",
        "Yes, I agree",
    ),
    "treatment": Purpose(
        "Photos for my treatment",
        "Your clinic may take photos of your skin, keep them encrypted, and measure them.",
        "No further photos of you can be saved. Those that are there stay until you ask your clinic to erase them.",
        "Your clinic may then save and measure further photos of your skin.",
        "Yes, no more photos",
        "Yes, I agree",
    ),
}
"""In the order of the page."""

NOTICES: Mapping[str, str] = {
    "stopped": "Done. You no longer agree, from this moment on.",
    "agreed": "Thank you. You agree, from this moment on.",
}
"""What is said after a choice, by the word in the page's address."""


def html(told: OwnProgress, notice: str = "", failed: Collection[str] = (), with_pdf: bool = False) -> str:
    """The page. `notice`: a key of `NOTICES`; any other says nothing. `failed`: courses whose report cannot be made."""
    order = list(PURPOSES)
    known = sorted(told.agreements, key=lambda one: order.index(one.purpose))
    said = NOTICES.get(notice, "")
    return render(
        "patient.html", title=TITLE, told=told, agreements=known, purposes=PURPOSES, notice=said, failed=failed,
        with_pdf=with_pdf,
    )  # fmt: skip


class Making:
    """Makes reports anew that are not kept any more, one after the other. `failed`: courses of which none can be."""

    def __init__(self, clinic: Clinic) -> None:
        self.failed: set[str] = set()
        self._clinic = clinic
        self.begun: set[str] = set()
        self._turn = threading.Lock()

    def begin(self, actor: Actor, results: Sequence[Result]) -> None:
        """Begin with those that are not there and that nobody began yet."""
        for one in results:
            if one.media_id is None and one.course_id not in self.begun:
                self.begun.add(one.course_id)
                threading.Thread(target=self._make, args=(actor, one), daemon=True).start()

    def _make(self, actor: Actor, result: Result) -> None:
        try:
            with self._turn:
                make_anew(self._clinic, actor, result)
            self.failed.discard(result.course_id)
        except Exception as error:  # a photo is damaged, or gone meanwhile: the patient is sent to the clinic
            self.failed.add(result.course_id)
            logging.getLogger(__name__).error("a report could not be made anew: %s", type(error).__name__)
        finally:
            self.begun.discard(result.course_id)


@cache
def pdf_is_here() -> bool:
    """Whether this computer can make a PDF."""
    try:
        pdf.check()
    except EnvironmentFault:
        return False
    return True


def build(clinic: Clinic) -> gr.Blocks:
    """The page as Gradio Blocks; it is made anew whenever it is opened."""
    making = Making(clinic)

    def opened(request: gr.Request) -> str:
        actor = actor_of(clinic, request)
        told = own_progress(clinic, actor, datetime.now(UTC))
        making.begin(actor, told.results)
        return html(told, request.query_params.get("done", ""), making.failed, pdf_is_here())

    page: gr.Blocks = gr.Blocks(title=TITLE, analytics_enabled=False)
    with page:
        shown = gr.HTML(render("waiting.html", title=TITLE), apply_default_css=False, padding=False)
        page.load(opened, None, shown, show_progress="hidden")
    return page

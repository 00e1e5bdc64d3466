"""The page as Gradio components: the list, or one patient in tabs."""

from __future__ import annotations

from typing import Any

import gradio as gr

from skinscan.services import Clinic, patients
from skinscan.web.clinic.asking import actor_of
from skinscan.web.clinic.practitioner import listing, own, person, photos, results, session
from skinscan.web.clinic.practitioner.parts import Patient, html, refusing, view

TITLE = "skinscan: patients"


def build(clinic: Clinic) -> gr.Blocks:
    """The practitioner's page of a clinic. Which patient is shown stands in the address (`?patient=`)."""
    page: gr.Blocks = gr.Blocks(title=TITLE, analytics_enabled=False)
    with page:
        head = html(elem_id="head")
        patient_id = gr.State("")
        with gr.Column(visible=False, elem_id="all-patients") as all_patients:
            table = listing.build(clinic)
            own_error = own.build(clinic)
        with gr.Column(visible=False, elem_id="one-patient") as one_patient, gr.Tabs(elem_id="tabs"):
            parts: list[Patient] = [
                session.build(clinic, patient_id),
                results.build(clinic, patient_id),
                photos.build(clinic, patient_id),
                person.build(clinic, patient_id),
            ]
        outputs = [head, patient_id, all_patients, one_patient, table, own_error]
        page.load(_open(clinic), None, outputs, show_progress="hidden")
        for part in parts:
            page.load(_shown(part), None, part.outputs, show_progress="hidden")
    page.queue(api_open=False, max_size=64)
    return page


def wanted_in(request: gr.Request) -> str:
    """Which patient the page was opened for; empty for the list."""
    return str(request.query_params.get("patient", ""))


def _shown(part: Patient) -> Any:
    def show(request: gr.Request) -> Any:
        wanted = wanted_in(request)
        return part.show(wanted, request) if wanted else (gr.skip(),) * len(part.outputs)

    return show


def _open(clinic: Clinic) -> Any:
    def open_page(request: gr.Request) -> tuple[Any, ...]:
        with refusing():
            actor = actor_of(clinic, request)
            wanted = wanted_in(request)
            if not wanted:
                rows, told = listing.rows(clinic, actor, ""), own.standing(clinic, actor)
                head = view("head.html", actor=actor)
                return head, "", gr.update(visible=True), gr.update(visible=False), rows, told
            one = patients.open_patient(clinic, actor, wanted)
            head = view("head.html", actor=actor, person=one)
            return head, one.patient_id, gr.update(visible=False), gr.update(visible=True), "", ""

    return open_page

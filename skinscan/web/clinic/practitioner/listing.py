"""All patients: search, and a new one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from skinscan.services import Actor, Clinic, patients
from skinscan.treatment.functions import sites_of
from skinscan.web.clinic.asking import actor_of
from skinscan.web.clinic.practitioner.parts import html, refusing, view, words_of

PURPOSES = {
    "treatment": "photos for the treatment",
    "sharing": "results shown in the patient's own account",
    "research": "numbers, under a pseudonym, for research",
}
OPEN_PATIENT = "(id) => { if (id) window.location.search = '?patient=' + encodeURIComponent(id); return id; }"


def build(clinic: Clinic) -> gr.HTML:
    """The list and the form; the list's component."""
    search = gr.Textbox(label="Find a patient", placeholder="name or code", elem_id="search", max_lines=1)
    table = html(elem_id="patients")
    search.change(_search(clinic), [search], [table], show_progress="hidden", trigger_mode="always_last")
    with gr.Accordion("New patient", open=False, elem_id="new-patient"):
        with gr.Row():
            name = gr.Textbox(
                label="Name to show", info="Optional. Kept encrypted, apart from the record.", max_lines=1
            )
            skin_type = gr.Dropdown(
                [("not told", ""), *((f"type {one}", one) for one in patients.FITZPATRICK)], value="",
                label="Fitzpatrick type",
            )  # fmt: skip
        with gr.Row():
            treated = gr.Dropdown(indications(clinic), label="What is treated", value="pores")
            site = gr.Dropdown(sites(clinic), label="Where", value=sites_of(clinic.treatment)[0])
        agrees = gr.CheckboxGroup([(text, name) for name, text in PURPOSES.items()], label="The patient agrees to")
        add = gr.Button("Add the patient", variant="primary", elem_id="add-patient")
        made = gr.Textbox(visible=False)
        add.click(_add(clinic), [name, skin_type, treated, site, agrees], [made], concurrency_limit=8).success(
            None, [made], None, js=OPEN_PATIENT
        )
    return table


def indications(clinic: Clinic) -> list[tuple[str, str]]:
    return [(row.title, row.indication) for row in clinic.treatment.indications]


def sites(clinic: Clinic) -> list[tuple[str, str]]:
    return [(words_of(site), site) for site in sites_of(clinic.treatment)]


def rows(clinic: Clinic, actor: Actor, words: str) -> str:
    """The list as HTML."""
    found = patients.find(clinic, actor, words)
    return view("patients.html", people=found, words=words)


def _search(clinic: Clinic) -> Any:
    def search(words: str | None, request: gr.Request) -> str:
        with refusing():
            return rows(clinic, actor_of(clinic, request), words or "")

    return search


def _add(clinic: Clinic) -> Any:
    def add(
        name: str | None, skin_type: str | None, treated: str, site: str, agrees: Sequence[str], request: gr.Request
    ) -> str:
        with refusing():
            return patients.add(
                clinic, actor_of(clinic, request), name=name or "", fitzpatrick=skin_type or "",
                agrees_to=tuple(agrees or ()), indication=treated or "", site=site or "",
            )  # fmt: skip

    return add

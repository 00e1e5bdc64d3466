"""The patient's name, what is treated, what they agree to, their account, and their rights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from skinscan.services import Actor, Clinic, inviting, patients
from skinscan.web.clinic.asking import actor_of, base_of
from skinscan.web.clinic.practitioner.listing import PURPOSES, indications, sites
from skinscan.web.clinic.practitioner.parts import Patient, html, refusing, view

TO_LIST = "(gone) => { if (gone) window.location.search = ''; return gone; }"


def build(clinic: Clinic, patient_id: gr.State) -> Patient:
    with gr.Tab("Patient", id="person", elem_id="tab-person"):
        with gr.Row():
            name = gr.Textbox(label="Name to show", info="kept encrypted, apart from the record", max_lines=1)
            rename = gr.Button("Save the name", elem_id="rename")
        agrees = gr.CheckboxGroup([(text, key) for key, text in PURPOSES.items()], label="The patient agrees to")
        agreed, ticked = html(elem_id="agreed"), gr.State([])
        gr.Markdown("### Also to be treated")
        with gr.Row():
            indication = gr.Dropdown(indications(clinic), label="What", value="pores")
            site = gr.Dropdown(sites(clinic), label="Where", value=sites(clinic)[0][1])
            begin = gr.Button("Begin a course", elem_id="begin-course")
        courses = html(elem_id="courses")
        gr.Markdown("### The patient's own account")
        invite = gr.Button("Make a one-time link", elem_id="invite")
        link = html(elem_id="invitation")
        gr.Markdown("### The patient's rights")
        rights = html(elem_id="rights")
        with gr.Row():
            code = gr.Textbox(label="To erase everything for good, type the patient's code", elem_id="erase-code")
            erase = gr.Button("Erase this patient", variant="stop", elem_id="erase")
        gone = gr.Textbox(visible=False)
    rename.click(_rename(clinic), [patient_id, name], [agreed], show_progress="hidden")
    agrees.input(_agree(clinic), [patient_id, agrees, ticked], [agreed, agrees, ticked], show_progress="hidden")
    begin.click(_begin(clinic), [patient_id, indication, site], [courses], show_progress="hidden")
    invite.click(_invite(clinic), [patient_id], [link], show_progress="hidden")
    erase.click(_erase(clinic), [patient_id, code], [gone], show_progress_on=[erase]).success(
        None, [gone], None, js=TO_LIST
    )
    return Patient(_show(clinic), [name, agrees, ticked, agreed, courses, rights, link])


def _show(clinic: Clinic) -> Any:
    def show(patient_id: str, request: gr.Request) -> tuple[Any, ...]:
        with refusing():
            actor = actor_of(clinic, request)
            held = held_by(clinic, actor, patient_id)
            one = patients.person(clinic, actor, patient_id)
            rights = view("rights.html", patient_id=patient_id, code=one.code)
            account = patients.account_of(clinic, actor, patient_id)
            link = view("account.html", account=account)
            return (
                one.name,
                held,
                held,
                agreements(clinic, actor, patient_id),
                _courses(clinic, actor, patient_id),
                rights,
                link,
            )

    return show


def held_by(clinic: Clinic, actor: Actor, patient_id: str) -> list[str]:
    """The purposes that the patient agrees to now."""
    return [one.purpose for one in patients.agreements(clinic, actor, patient_id) if one.holds]


def agreements(clinic: Clinic, actor: Actor, patient_id: str) -> str:
    rows = patients.agreements(clinic, actor, patient_id)
    return view("agreements.html", rows=rows, purposes=PURPOSES)


def _courses(clinic: Clinic, actor: Actor, patient_id: str) -> str:
    titles = {row.indication: row for row in clinic.treatment.indications}
    rows = [(titles[row.indication], row) for row in patients.courses(clinic, actor, patient_id)]
    return view("courses.html", rows=rows)


def _rename(clinic: Clinic) -> Any:
    def rename(patient_id: str, name: str, request: gr.Request) -> str:
        with refusing():
            actor = actor_of(clinic, request)
            patients.rename(clinic, actor, patient_id, name or "")
            gr.Info("The name is saved.")
            return agreements(clinic, actor, patient_id)

    return rename


def _agree(clinic: Clinic) -> Any:
    """Record what was just ticked or taken off, and nothing else: since the page was opened the patient may have
    withdrawn another consent, which a tick that still stands here must not give back."""

    def agree(
        patient_id: str, held: Sequence[str], ticked: Sequence[str], request: gr.Request
    ) -> tuple[str, list[str], list[str]]:
        with refusing():
            actor = actor_of(clinic, request)
            for purpose in sorted(set(held or ()) ^ set(ticked or ())):
                patients.set_agreement(clinic, actor, patient_id, purpose, purpose in (held or ()))
            now = held_by(clinic, actor, patient_id)
            return agreements(clinic, actor, patient_id), now, now

    return agree


def _begin(clinic: Clinic) -> Any:
    def begin(patient_id: str, indication: str, site: str, request: gr.Request) -> str:
        with refusing():
            actor = actor_of(clinic, request)
            patients.begin_course(clinic, actor, patient_id, indication or "", site or "")
            return _courses(clinic, actor, patient_id)

    return begin


def _invite(clinic: Clinic) -> Any:
    def invite(patient_id: str, request: gr.Request) -> str:
        with refusing():
            actor = actor_of(clinic, request)
            invitation = inviting.invite_patient(clinic, actor, patient_id)
            address = invitation.link(base_of(request))
            account = patients.account_of(clinic, actor, patient_id)
            return view("account.html", account=account, address=address, qr=inviting.qr_code(address))

    return invite


def _erase(clinic: Clinic) -> Any:
    def erase(patient_id: str, code: str, request: gr.Request) -> str:
        with refusing():
            missed = patients.erase(clinic, actor_of(clinic, request), patient_id, code or "")
            if missed:
                gr.Warning("Some backups cannot be reached: their keys go when they expire, or with the next backup.")
            return "gone"

    return erase

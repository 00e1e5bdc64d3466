"""All photos by visit; a region drawn on one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import gradio as gr

from skinscan.records import ParameterError
from skinscan.services import Actor, Clinic, visits
from skinscan.services.days import day_of, local
from skinscan.store.tables import Photo, Session, Visit
from skinscan.web.clinic.asking import actor_of
from skinscan.web.clinic.practitioner.parts import Patient, html, refusing, view
from skinscan.web.clinic.practitioner.results import photo_choices


def build(clinic: Clinic, patient_id: gr.State) -> Patient:
    with gr.Tab("Photos and regions", id="photos", elem_id="tab-photos"):
        every = html(elem_id="visits")
        with gr.Accordion("Draw or correct a region", open=False, elem_id="regions"):
            gr.Markdown(
                "Regions drawn on the first photo of a view hold for its whole course. A region named `reference`, "
                "over untreated skin or a grey patch, ties the colours of the photos."
            )
            with gr.Row():
                photo = gr.Dropdown([], label="Photo", elem_id="region-photo")
                name = gr.Textbox(label="Name of the region", value="treated", max_lines=1, elem_id="region-name")
            drawing = html(elem_id="region-drawing")
            corners = gr.Textbox(
                label="Corners: x,y,x,y,... in pixels", info="click in the photo, or type", elem_id="region-corners"
            )
            with gr.Row():
                keep = gr.Button("Keep the region", variant="primary", elem_id="region-keep")
                drop = gr.Button("Remove the region of this name", elem_id="region-drop")
        with gr.Accordion("Note something of a session later", open=False, elem_id="later"):
            session = gr.Dropdown([], label="Session", elem_id="later-session")
            events = gr.Textbox(label="Adverse events", lines=2)
            notes = gr.Textbox(label="Notes", info="Kept in clear: no names here", lines=2)
            note = gr.Button("Save the notes", elem_id="later-save")
        with gr.Accordion("Remove a photo", open=False, elem_id="removal"):
            gr.Markdown("One that shows somebody else, or that was not agreed to. It cannot be undone.")
            wrong = gr.Dropdown([], label="Photo to remove", elem_id="removal-photo")
            sure = gr.Checkbox(label="Remove it for good, with its numbers", elem_id="removal-sure")
            remove = gr.Button("Remove the photo", variant="stop", elem_id="removal-go")
    session.input(_session(clinic), [session], [events, notes], show_progress="hidden")
    note.click(_note(clinic), [session, events, notes, patient_id], [every], show_progress="hidden")
    remove.click(_remove(clinic), [wrong, sure, patient_id], [every, wrong, sure, photo], show_progress_on=[every])
    inputs = [photo, name]
    photo.input(_drawing(clinic), [photo], [drawing, corners], show_progress="hidden")
    keep.click(_keep(clinic), [*inputs, corners, patient_id], [drawing, corners, every], show_progress="hidden")
    drop.click(_drop(clinic), [*inputs, patient_id], [drawing, corners, every], show_progress="hidden")
    return Patient(_show(clinic), [every, photo, drawing, corners, wrong, session, events, notes])


def _show(clinic: Clinic) -> Any:
    def show(patient_id: str, request: gr.Request) -> tuple[Any, ...]:
        with refusing():
            actor = actor_of(clinic, request)
            choices = photo_choices(clinic, actor, patient_id)
            first = choices[0][1] if choices else None
            drawn = drawing_of(clinic, actor, first) if first else ""
            sessions = [(str(day_of(one)), one.id) for one in visits.sessions_of(clinic, actor, patient_id)]
            return (
                of_visits(clinic, actor, patient_id), gr.update(choices=choices, value=first), drawn, "",
                gr.update(choices=choices, value=None), gr.update(choices=sessions, value=None), "", "",
            )  # fmt: skip

    return show


def of_visits(clinic: Clinic, actor: Actor, patient_id: str) -> str:
    """Every visit with its photos and how the skin was prepared, and every session, the latest first."""
    found = visits.visits_of(clinic, actor, patient_id)
    sessions = {day_of(one): one for one in visits.sessions_of(clinic, actor, patient_id)}
    rows: list[tuple[datetime, Visit | None, list[Photo], Session | None]] = []
    rows += [(local(visit), visit, photos, sessions.pop(day_of(visit), None)) for visit, photos in found]
    rows += [(local(one), None, [], one) for one in sessions.values()]
    rows.sort(key=lambda row: row[0], reverse=True)
    questions = {row.prompt: row.question for row in clinic.treatment.screening}
    return view("visits.html", rows=rows, questions=questions)


def drawing_of(clinic: Clinic, actor: Actor, photo_id: str) -> str:
    """The photo to draw on, with the regions that it has."""
    photo = visits.photo_of(clinic, actor, photo_id)
    regions = visits.regions_of(clinic, actor, photo_id)
    outlines = {name: " ".join(f"{x:.1f},{y:.1f}" for x, y in corners) for name, corners in regions.items()}
    return view("drawing.html", photo=photo, outlines=outlines)


def _drawing(clinic: Clinic) -> Any:
    def drawing(photo_id: str, request: gr.Request) -> tuple[str, str]:
        with refusing():
            return drawing_of(clinic, actor_of(clinic, request), photo_id or ""), ""

    return drawing


def _keep(clinic: Clinic) -> Any:
    def keep(photo_id: str, name: str, corners: str, patient_id: str, request: gr.Request) -> tuple[str, str, str]:
        with refusing():
            actor = actor_of(clinic, request)
            visits.draw_region(clinic, actor, photo_id or "", f"{name or ''}={corners or ''}")
            return drawing_of(clinic, actor, photo_id), "", of_visits(clinic, actor, patient_id)

    return keep


def _drop(clinic: Clinic) -> Any:
    def drop(photo_id: str, name: str, patient_id: str, request: gr.Request) -> tuple[str, str, str]:
        with refusing():
            actor = actor_of(clinic, request)
            visits.drop_region(clinic, actor, photo_id or "", (name or "").strip())
            return drawing_of(clinic, actor, photo_id), "", of_visits(clinic, actor, patient_id)

    return drop


def _session(clinic: Clinic) -> Any:
    def chosen(session_id: str, request: gr.Request) -> tuple[str, str]:
        with refusing():
            one = visits.session_of(clinic, actor_of(clinic, request), session_id or "")
            return one.adverse_events, one.notes

    return chosen


def _note(clinic: Clinic) -> Any:
    def note(session_id: str, events: str, notes: str, patient_id: str, request: gr.Request) -> str:
        with refusing():
            actor = actor_of(clinic, request)
            visits.note_later(clinic, actor, session_id or "", events or "", notes or "")
            gr.Info("The notes are saved.")
            return of_visits(clinic, actor, patient_id)

    return note


def _remove(clinic: Clinic) -> Any:
    def remove(photo_id: str, sure: bool, patient_id: str, request: gr.Request) -> tuple[Any, ...]:
        with refusing():
            actor = actor_of(clinic, request)
            if not sure:
                raise ParameterError("Nothing was removed", expected="the tick that it goes for good", found="none")
            visits.remove_photo(clinic, actor, photo_id or "")
            choices = gr.update(choices=photo_choices(clinic, actor, patient_id), value=None)
            return of_visits(clinic, actor, patient_id), choices, False, choices

    return remove

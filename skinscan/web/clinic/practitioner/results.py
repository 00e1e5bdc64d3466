"""What changed: the course, and any two photos."""

from __future__ import annotations

from typing import Any

import gradio as gr

from skinscan.services import Actor, Clinic, flags, measuring, patients, sharing, visits
from skinscan.services.days import day_of
from skinscan.store.tables import Photo, Visit
from skinscan.web.clinic.asking import actor_of
from skinscan.web.clinic.practitioner import measured
from skinscan.web.clinic.practitioner.parts import Patient, html, refusing, view


def build(clinic: Clinic, patient_id: gr.State) -> Patient:
    with gr.Tab("What changed", id="changed", elem_id="tab-changed"):
        with gr.Row():
            course = gr.Dropdown([], label="Course", elem_id="course")
            follow = gr.Button("Follow the course", variant="primary", elem_id="follow")
            share = gr.Button("Share with the patient", elem_id="share")
            stop = gr.Button("Stop sharing", elem_id="stop-sharing")
        shared = html(elem_id="shared")
        raised = html(elem_id="flags")
        looked = gr.Button("I have looked at these flags", visible=False, elem_id="flags-looked")
        of_course = html(elem_id="course-report")
        gr.Markdown("### Any two photos")
        with gr.Row():
            before = gr.Dropdown([], label="Before", elem_id="pair-before")
            after = gr.Dropdown([], label="After", elem_id="pair-after")
            compare = gr.Button("Compare", variant="primary", elem_id="compare")
        of_pair = html(elem_id="pair-report")
    measuring_now: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "measuring", "trigger_mode": "once"}
    followed = follow.click(_follow(clinic), [course], [of_course], show_progress_on=[of_course], **measuring_now)
    followed.success(_flags(clinic), [patient_id], [raised, looked], show_progress="hidden")
    looked.click(_looked(clinic), [patient_id], [raised, looked], show_progress="hidden")
    compare.click(_compare(clinic), [before, after], [of_pair], show_progress_on=[of_pair], **measuring_now)
    course.input(_kept(clinic), [course, patient_id], [of_course, shared], show_progress="hidden")
    share.click(_share(clinic), [course, patient_id], [shared], show_progress="hidden")
    stop.click(_stop(clinic), [course, patient_id], [shared], show_progress="hidden")
    return Patient(_show(clinic), [course, before, after, of_course, shared, raised, looked])


def _show(clinic: Clinic) -> Any:
    def show(patient_id: str, request: gr.Request) -> tuple[Any, ...]:
        with refusing():
            actor = actor_of(clinic, request)
            courses = course_choices(clinic, actor, patient_id)
            photos = photo_choices(clinic, actor, patient_id)
            chosen = courses[0][1] if courses else None
            return (
                gr.update(choices=courses, value=chosen),
                gr.update(choices=photos, value=photos[0][1] if len(photos) > 1 else None),
                gr.update(choices=photos, value=photos[-1][1] if len(photos) > 1 else None),
                *_of_course(clinic, actor, patient_id, chosen),
                *flags_shown(clinic, actor, patient_id),
            )

    return show


def flags_shown(clinic: Clinic, actor: Actor, patient_id: str) -> tuple[str, Any]:
    """The patient's flags as HTML, and whether any waits."""
    found = flags.flags_of(clinic, actor, patient_id)
    return view("flags.html", flags=found), gr.update(visible=any(one.reviewed_at is None for one in found))


def _flags(clinic: Clinic) -> Any:
    def shown(patient_id: str, request: gr.Request) -> tuple[str, Any]:
        with refusing():
            return flags_shown(clinic, actor_of(clinic, request), patient_id)

    return shown


def _looked(clinic: Clinic) -> Any:
    def looked(patient_id: str, request: gr.Request) -> tuple[str, Any]:
        with refusing():
            actor = actor_of(clinic, request)
            flags.review_all(clinic, actor, patient_id)
            return flags_shown(clinic, actor, patient_id)

    return looked


def course_choices(clinic: Clinic, actor: Actor, patient_id: str) -> list[tuple[str, str]]:
    titles = {row.indication: row.title for row in clinic.treatment.indications}
    rows = patients.courses(clinic, actor, patient_id)
    return [(f"{titles.get(row.indication, row.indication)}, {row.site.replace('_', ' ')}", row.id) for row in rows]


def photo_choices(clinic: Clinic, actor: Actor, patient_id: str) -> list[tuple[str, str]]:
    """Every photo, the first first: its day, view, site and shot."""
    found = reversed(visits.visits_of(clinic, actor, patient_id))
    return [(_title(visit, photo), photo.id) for visit, photos in found for photo in photos]


def _title(visit: Visit, photo: Photo) -> str:
    shot = f"shot {photo.shot}" if photo.shot > 1 else ""
    after = "after the session" if photo.after_session else ""
    told = (str(day_of(visit)), photo.view, photo.site.replace("_", " "), shot, after)
    return ", ".join(part for part in told if part)


def _of_course(clinic: Clinic, actor: Actor, patient_id: str, course_id: str | None) -> tuple[str, str]:
    """The course's page where it was made already, and whether it is shared."""
    if not course_id:
        return view("report.html", told=None), ""
    kept = measuring.kept_course(clinic, course_id)
    told = None
    if kept:
        told = measured.Told("The course", "course", kept[measuring.REPORT], measuring.told_of(clinic, kept))
    return view("report.html", told=told), _sharing(clinic, actor, patient_id, course_id)


def _sharing(clinic: Clinic, actor: Actor, patient_id: str, course_id: str) -> str:
    running = [one for one in sharing.shares_of(clinic, actor, patient_id) if one.course_id == course_id]
    agrees = any(one.purpose == "sharing" and one.holds for one in patients.agreements(clinic, actor, patient_id))
    current = bool(running) and running[0].key == measuring.followed(clinic, course_id).key(clinic)
    return view("shared.html", share=running[0] if running else None, agrees=agrees, current=current)


def _kept(clinic: Clinic) -> Any:
    def kept(course_id: str, patient_id: str, request: gr.Request) -> tuple[str, str]:
        with refusing():
            return _of_course(clinic, actor_of(clinic, request), patient_id, course_id)

    return kept


def _follow(clinic: Clinic) -> Any:
    def follow(course_id: str, request: gr.Request, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008
        with refusing():
            actor = actor_of(clinic, request)
            tell = lambda share, text: progress(share, desc=text)  # noqa: E731
            return view("report.html", told=measured.course(clinic, actor, course_id or "", tell))

    return follow


def _compare(clinic: Clinic) -> Any:
    def compare(
        before: str, after: str, request: gr.Request, progress: gr.Progress = gr.Progress()  # noqa: B008
    ) -> str:  # fmt: skip
        with refusing():
            actor = actor_of(clinic, request)
            tell = lambda share, text: progress(share, desc=text)  # noqa: E731
            return view("report.html", told=measured.pair(clinic, actor, before or "", after or "", tell))

    return compare


def _share(clinic: Clinic) -> Any:
    def share(course_id: str, patient_id: str, request: gr.Request) -> str:
        with refusing():
            actor = actor_of(clinic, request)
            sharing.share_course(clinic, actor, course_id or "")
            return _sharing(clinic, actor, patient_id, course_id)

    return share


def _stop(clinic: Clinic) -> Any:
    def stop(course_id: str, patient_id: str, request: gr.Request) -> str:
        with refusing():
            actor = actor_of(clinic, request)
            for one in sharing.shares_of(clinic, actor, patient_id):
                if one.course_id == course_id:
                    sharing.stop(clinic, actor, one.share_id)
            return _sharing(clinic, actor, patient_id, course_id)

    return stop

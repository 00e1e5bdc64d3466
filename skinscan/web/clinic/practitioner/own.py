"""The clinic's own measurement error: how far it is, and measuring it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from skinscan.services import Actor, Clinic, own_error
from skinscan.web.clinic.asking import actor_of
from skinscan.web.clinic.practitioner.parts import html, refusing, view


def build(clinic: Clinic) -> gr.HTML:
    """The part; the component that tells how far the clinic is."""
    with gr.Accordion("This clinic's own measurement error", open=False, elem_id="own-error"):
        told = html(elem_id="own-error-told")
        measure = gr.Button("Measure the repeats", elem_id="measure-repeats")
    measure.click(
        _measure(clinic), None, [told], show_progress_on=[told], concurrency_limit=1, concurrency_id="measuring",
        trigger_mode="once",
    )  # fmt: skip
    return told


def standing(clinic: Clinic, actor: Actor) -> str:
    """How far the clinic is, as HTML."""
    return view("own_error.html", now=own_error.standing(clinic, actor))


def _measure(clinic: Clinic) -> Any:
    def measure(request: gr.Request, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008
        with refusing():
            actor = actor_of(clinic, request)
            own_error.measure(clinic, actor, lambda share, text: progress(share, desc=text))
            return standing(clinic, actor)

    return measure

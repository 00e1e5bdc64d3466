"""What the pages of all roles share."""

from __future__ import annotations

import gradio as gr

from skinscan.web.clinic.pages import render
from skinscan.web.page import HEAD as _HEAD

_SHARED = (
    f'{_HEAD.replace("no-referrer", "same-origin")}<link rel="stylesheet" href="/static/skinscan.css">'
    '<script src="/static/skinscan.js" defer></script>'
)
"""For every page of Gradio: our style, and the script that gives frames their height and notices a lost sign-in."""

_READER = '<link rel="stylesheet" href="/static/reader.css"><script src="/static/reader.js" defer></script>'

_OWN = {
    "patient": _READER,
    "researcher": _READER,
    "practitioner": (
        '<link rel="stylesheet" href="/static/practitioner.css"><script src="/static/drawing.js" defer></script>'
    ),
}


def head(role: str) -> str:
    """What a role's page of Gradio loads beside Gradio's own."""
    return _SHARED + _OWN.get(role, "")


def bar(title: str) -> gr.HTML:
    """The page's head: its title, home, and the button that signs out."""
    return gr.HTML(render("bar.html", title=title), elem_id="bar", padding=False)

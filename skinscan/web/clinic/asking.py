"""Who asks, for a handler of a Gradio page: every handler can be called by any program that is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skinscan.services import Actor, Clinic
from skinscan.services.signing_in import actor_of_sign_in
from skinscan.store.errors import NotFound
from skinscan.web.clinic.door import SIGN_IN

if TYPE_CHECKING:
    import gradio as gr
    from starlette.requests import Request


def actor_of(clinic: Clinic, request: gr.Request) -> Actor:
    """Who asks, looked up now: between a click and its turn in the queue the sign-in may have ended. NotFound then."""
    sign_in = sign_in_of(request.request)
    actor = actor_of_sign_in(clinic, sign_in) if sign_in else None
    if actor is None:
        raise NotFound("You are signed out", todo="sign in again")
    return actor


def base_of(request: gr.Request) -> str:
    """The clinic's address as this browser asked for it, as https://clinic.example."""
    inner: Request = request.request  # type: ignore[assignment]
    return f"{inner.scope['scheme']}://{inner.headers.get('host', '')}"


def sign_in_of(request: Request | None) -> str | None:
    """The digest of the sign-in's token, as the door wrote it down; None where nobody is signed in."""
    found = request.scope.get(SIGN_IN) if request is not None else None
    return found if isinstance(found, str) else None

"""Our own routes: signing in and out, one-time links, photos and reports, our style."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from skinscan.records import ParameterError
from skinscan.services import Actor, Clinic, inviting
from skinscan.services.actor import ADMINISTRATOR, PATIENT, PRACTITIONER, RESEARCHER
from skinscan.services.passwords import SHORTEST
from skinscan.services.signing_in import SignInRefused, TooMany, actor_of_token, sign_in, sign_out
from skinscan.store.errors import NotFound
from skinscan.web.clinic import cookie, pages
from skinscan.web.clinic.door import ACTOR, ADDRESS, NOTHING, SIGN_IN
from skinscan.web.clinic.front import Front

HOME_OF_ROLE = {
    PRACTITIONER: "/practitioner/",
    PATIENT: "/patient/",
    RESEARCHER: "/researcher/",
    ADMINISTRATOR: "/admin/",
}
"""In the order in which who has several roles comes home."""

_HASHING = 4

_STATIC = re.compile(r"[a-z]+\.(css|js)")

Ending = Callable[[str], Awaitable[None]]

Text = Annotated[str, Form(max_length=2000)]


def actor_in(request: Request) -> Actor:
    """Who asks, as the door found; 404 for nobody (the door lets nobody as far)."""
    actor = request.scope.get(ACTOR)
    if not isinstance(actor, Actor):
        raise HTTPException(404, NOTHING)
    return actor


def home_of(actor: Actor) -> str:
    """The page of an actor's first role."""
    return next((place for role, place in HOME_OF_ROLE.items() if actor.has(role)), "/logout")


def routes(clinic: Clinic, front: Front, end: Ending) -> APIRouter:
    """The routes. `end` stops what is under way for a sign-in."""
    router = APIRouter(default_response_class=HTMLResponse)
    # threads of their own: hashing takes its time, and who is not signed in must not take everybody else's
    hashing = CapacityLimiter(_HASHING)

    def secure(request: Request) -> bool:
        return front.is_secure(request.headers.get("host", ""))

    def signed_in(request: Request) -> Actor | None:
        found = request.scope.get(ACTOR)
        return found if isinstance(found, Actor) else None

    @router.get("/")
    def home(request: Request) -> Response:
        return _to(home_of(actor_in(request)))

    @router.get("/login")
    def ask_sign_in(request: Request) -> Response:
        actor = signed_in(request)
        return _to(home_of(actor)) if actor else _page("login.html", username="", wrong="")

    @router.post("/login")
    async def do_sign_in(request: Request, username: Text = "", password: Text = "") -> Response:
        # a sign-in that is there already ends: whoever signs in anew, with another's cookie too, gets a new one
        try:
            begin = partial(sign_in, clinic, username, password, request.scope[ADDRESS])
            token = await to_thread.run_sync(begin, limiter=hashing)
        except TooMany as error:
            page = _page("login.html", username=username, wrong=str(error), status=429)
            page.headers["retry-after"] = str(error.wait_s)
            return page
        except SignInRefused as error:
            return _page("login.html", username=username, wrong=str(error), status=401)
        await _leave(request)
        actor = await run_in_threadpool(actor_of_token, clinic, token)
        answer = _to(home_of(actor) if actor else "/login")
        answer.headers["set-cookie"] = cookie.setting(token, secure(request))
        return answer

    @router.get("/logout")
    def ask_sign_out(request: Request) -> Response:
        return _page("logout.html", username=actor_in(request).username)

    @router.post("/logout")
    async def do_sign_out(request: Request) -> Response:
        actor = signed_in(request)
        if actor is not None:
            clinic.tray.clear(actor)
        await _leave(request)
        answer = _to("/login")
        answer.headers["set-cookie"] = cookie.clearing(secure(request))
        answer.headers["clear-site-data"] = '"cache", "storage"'
        return answer

    async def _leave(request: Request) -> None:
        token = cookie.token_in(request.headers.get("cookie", ""), secure(request))
        if token:
            await run_in_threadpool(sign_out, clinic, token)
        if request.scope.get(SIGN_IN):
            await end(request.scope[SIGN_IN])

    @router.get("/invitation/{token}")
    def show_invitation(token: str) -> Response:
        try:
            username = inviting.username_of(clinic, token)
        except NotFound:
            return _page("no_link.html", status=404)
        return _page("invitation.html", username=username, wrong="", shortest=SHORTEST)

    @router.post("/invitation/{token}")
    def take_invitation(token: str, password: Text = "", again: Text = "") -> Response:
        try:
            username = inviting.username_of(clinic, token)
            if password != again:
                raise ParameterError("The two passwords differ", todo="type the same one twice")
            inviting.accept(clinic, token, password)
        except ParameterError as error:
            return _page("invitation.html", username=username, wrong=str(error), shortest=SHORTEST, status=400)
        except NotFound:
            return _page("no_link.html", status=404)
        return _page("welcome.html", username=username)

    @router.get("/media/{media_id}")
    def media(request: Request, media_id: str, download: bool = False) -> Response:
        from skinscan.services.media import media_of

        try:
            found = media_of(clinic, actor_in(request), media_id)
        except NotFound:
            raise HTTPException(404, NOTHING) from None
        return shown(found.content, found.media_type, found.name, download)

    @router.get("/favicon.ico")
    def icon() -> Response:
        return Response(status_code=204)

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        if not _STATIC.fullmatch(name) or not (pages.HERE / "static" / name).is_file():
            raise HTTPException(404, NOTHING)
        return FileResponse(pages.HERE / "static" / name)

    return router


_SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "text/html"})
"""Types that are shown in a page; all others are handed over as files, SVG too: it could hold scripts."""

_REPORTS = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {scripts}; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
_SCRIPTS = re.compile(rb"""http-equiv="Content-Security-Policy" content="[^"]*script-src ((?:'sha256-[\w+/=]+' ?)+)""")


def shown(content: bytes, media_type: str, name: str, download: bool = False) -> Response:
    """Bytes for the browser: a picture, or a report in a frame of ours whose only script is its own; else a file."""
    kind = media_type.split(";")[0].strip().lower()
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff", "x-frame-options": "SAMEORIGIN"}
    where = "inline" if kind in _SHOWN and not download else "attachment"
    headers["content-disposition"] = disposition(where, name)
    policy = "default-src 'none'; frame-ancestors 'self'; sandbox"
    if kind == "text/html":
        found = _SCRIPTS.search(content[:4096])
        policy = _REPORTS.format(scripts=found[1].decode().strip() if found else "'none'")
        media_type = "text/html; charset=utf-8"
    headers["content-security-policy"] = policy
    return Response(content, media_type=media_type, headers=headers)


def disposition(where: str, name: str) -> str:
    """Content-Disposition. The name's own letters go percent-encoded, so it cannot begin another header."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "file"
    return f"{where}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _to(place: str) -> Response:
    """Go there: a place of ours, never one that the browser told."""
    return RedirectResponse(place, status_code=303)


def _page(template: str, status: int = 200, **context: object) -> HTMLResponse:
    return HTMLResponse(pages.render(template, **context), status_code=status)

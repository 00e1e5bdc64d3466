"""The administrator's page: plain forms, no script, neither photos nor patients' names."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from skinscan.records import SkinscanError
from skinscan.services import Actor, Clinic, inviting, users
from skinscan.services.inviting import Invitation
from skinscan.store.errors import NotFound
from skinscan.web.clinic import pages
from skinscan.web.clinic.door import NOTHING
from skinscan.web.clinic.routes import HOME_OF_ROLE, actor_in

Text = Annotated[str, Form(max_length=200)]
Roles = Annotated[list[str], Form(max_length=10)]

_DOING = {"disable": users.disable_user, "enable": users.enable_user, "unlock": users.unlock_user}


def routes(clinic: Clinic) -> APIRouter:
    """The routes under /admin."""
    router = APIRouter(prefix="/admin", default_response_class=HTMLResponse)

    @router.get("/")
    def overview(request: Request) -> Response:
        return _overview(clinic, actor_in(request))

    @router.post("/users")
    def create(request: Request, username: Text = "", roles: Roles = []) -> Response:  # noqa: B006
        actor = actor_in(request)
        try:
            return _invitation(request, users.create_user(clinic, actor, username, roles))
        except NotFound:
            raise HTTPException(404, NOTHING) from None
        except SkinscanError as error:
            return _overview(clinic, actor, str(error), username)

    @router.post("/users/{user_id}/invite")
    def invite(request: Request, user_id: str) -> Response:
        try:
            return _invitation(request, inviting.invite_user(clinic, actor_in(request), user_id))
        except NotFound:
            raise HTTPException(404, NOTHING) from None

    @router.post("/users/{user_id}/roles")
    def set_roles(request: Request, user_id: str, roles: Roles = []) -> Response:  # noqa: B006
        return _done(clinic, actor_in(request), lambda actor: users.set_roles(clinic, actor, user_id, roles))

    @router.post("/users/{user_id}/{doing}")
    def change(request: Request, user_id: str, doing: str) -> Response:
        if doing not in _DOING:
            raise HTTPException(404, NOTHING)
        return _done(clinic, actor_in(request), lambda actor: _DOING[doing](clinic, actor, user_id))

    return router


def _done(clinic: Clinic, actor: Actor, do: object) -> Response:
    try:
        do(actor)  # type: ignore[operator]
    except NotFound:
        raise HTTPException(404, NOTHING) from None
    except SkinscanError as error:
        return _overview(clinic, actor, str(error))
    return RedirectResponse("/admin/", status_code=303)


def _overview(clinic: Clinic, actor: Actor, wrong: str = "", username: str = "") -> Response:
    page = pages.render(
        "admin.html", accounts=users.list_users(clinic, actor), staff=users.STAFF, wrong=wrong, username=username,
        me=actor, others=[place for role, place in HOME_OF_ROLE.items() if actor.has(role) and place != "/admin/"],
    )  # fmt: skip
    return HTMLResponse(page, status_code=400 if wrong else 200)


def _invitation(request: Request, made: Invitation) -> Response:
    link = made.link(f"{request.url.scheme}://{request.url.netloc}")
    page = pages.render("invited.html", made=made, link=link, qr=inviting.qr_code(link), back="/admin/")
    return HTMLResponse(page, status_code=201)

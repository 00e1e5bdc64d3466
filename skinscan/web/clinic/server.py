"""The clinic's server: the door, our routes, and a page of Gradio for each role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import fastapi
import gradio as gr
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount

from skinscan.services import Actor, Clinic
from skinscan.services.signing_in import actor_of_sign_in
from skinscan.web.clinic import admin, downloads, parts, patient, practitioner, researcher, routes
from skinscan.web.clinic.bodies import UPLOAD_BYTES
from skinscan.web.clinic.door import ACTOR, ROLE_OF_PLACE, Door
from skinscan.web.clinic.front import Front
from skinscan.web.clinic.running import Running
from skinscan.web.clinic.tenancy import Tenancy
from skinscan.web.page import theme
from skinscan.web.workplace import Workplace

LONGEST_QUEUE = 64
"""Events that wait in a role's page; one more is told to try again."""

AT_ONCE = 8
"""Events of a kind that are worked on at once, where nothing less is said of them: by Gradio's own default of one, a
page waits while another opens."""

_PAGES: dict[str, Callable[[Clinic], gr.Blocks]] = {
    "/practitioner": practitioner.build,
    "/patient": patient.build,
    "/researcher": researcher.build,
}


def application(clinic: Clinic, workplace: Workplace, front: Front | None = None) -> Door:
    """The ASGI application. `workplace` holds Gradio's files: `skinscan.web.server.prepare` must have named it before
    gradio was imported."""
    front = front or Front()
    tenancy = Tenancy(workplace)

    async def holds(sign_in: str) -> bool:
        return await run_in_threadpool(actor_of_sign_in, clinic, sign_in, in_use=False) is not None

    running = Running(holds, tenancy.forget)

    @asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
        yield
        running.close()

    app = fastapi.FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=lifespan,
        exception_handlers={HTTPException: _plainly},
    )  # fmt: skip
    app.add_middleware(CORSMiddleware, allow_origins=[])  # Gradio's own, which echoes any origin, stands down for it
    app.include_router(routes.routes(clinic, front, running.end))
    app.include_router(admin.routes(clinic))
    app.include_router(downloads.routes(clinic))
    for place in ROLE_OF_PLACE:
        app.add_api_route(place, _slashed(place), methods=["GET"])
    for place, build in _PAGES.items():
        tenancy.mounted(place, _mount(app, place, build(clinic)))
    return Door(app, clinic, front, tenancy, running)


def _mount(app: fastapi.FastAPI, place: str, page: gr.Blocks) -> Any:
    """Mount a role's page; its Gradio application."""
    page.queue(api_open=False, max_size=LONGEST_QUEUE, default_concurrency_limit=AT_ONCE)
    gr.mount_gradio_app(
        app,
        page,
        path=place,
        auth_dependency=_user_at(place),
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=UPLOAD_BYTES,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme(),
        head=parts.head(place.strip("/")),
    )
    return next(route.app for route in app.routes if isinstance(route, Mount) and route.path == place)


def _user_at(place: str) -> Callable[[fastapi.Request], str | None]:
    """For Gradio: the username of who may be here. The door has asked already; this is the second lock."""

    def user(request: fastapi.Request) -> str | None:
        actor = request.scope.get(ACTOR)
        return actor.username if isinstance(actor, Actor) and actor.has(ROLE_OF_PLACE[place]) else None

    return user


def _slashed(place: str) -> Callable[[], fastapi.Response]:
    def to_page() -> fastapi.Response:
        return fastapi.responses.RedirectResponse(f"{place}/", status_code=303)

    return to_page


async def _plainly(_: fastapi.Request, error: Any) -> fastapi.Response:
    return PlainTextResponse(str(error.detail), status_code=error.status_code, headers=error.headers)

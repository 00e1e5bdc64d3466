"""What is taken away, and what a patient decides: plain routes, each for the one role that its use case lets in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import IO, Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse

from skinscan.records import EnvironmentFault, ParameterError
from skinscan.services import Actor, Clinic, media, own_progress, patients, research
from skinscan.services.actor import PATIENT, RESEARCHER
from skinscan.services.research import Filters
from skinscan.store.errors import NotFound
from skinscan.web.clinic.door import NOTHING
from skinscan.web.clinic.researcher import filters_in
from skinscan.web.clinic.routes import actor_in, disposition

_CHUNK_BYTES = 1 << 18
_OWN_PAGE = "/patient/?done={}#yours"


def routes(clinic: Clinic) -> APIRouter:
    """The routes."""
    router = APIRouter()
    at_it = _AtIt()

    @router.get("/download/everything.zip")
    def everything(request: Request) -> Response:
        actor = actor_in(request)
        if not at_it.begin(actor.user_id):
            return PlainTextResponse("Your file is being made already. Please wait for it.", status_code=429)
        try:
            file = own_progress.export_own(clinic, actor)
        except NotFound:
            raise HTTPException(404, NOTHING) from None
        finally:
            at_it.end(actor.user_id)
        return _zip(file, "my-skinscan-data.zip")

    @router.get("/download/patients/{patient_id}.zip")
    def everything_of(request: Request, patient_id: str) -> Response:
        actor = actor_in(request)
        if not at_it.begin(actor.user_id):
            return PlainTextResponse("A file is being made already. Please wait for it.", status_code=429)
        try:
            file = patients.export(clinic, actor, patient_id)
        except NotFound:
            raise HTTPException(404, NOTHING) from None
        finally:
            at_it.end(actor.user_id)
        return _zip(file, "patient-data.zip")

    @router.get("/download/{media_id}.pdf")
    def report(request: Request, media_id: str) -> Response:
        actor = actor_in(request)
        if not at_it.begin(actor.user_id):
            return PlainTextResponse("A file is being made already. Please wait for it.", status_code=429)
        try:
            found = media.pdf_of(clinic, actor, media_id)
        except NotFound:
            raise HTTPException(404, NOTHING) from None
        except EnvironmentFault as error:
            return PlainTextResponse(str(error), status_code=503)
        finally:
            at_it.end(actor.user_id)
        return Response(found.content, media_type=found.media_type, headers=_as_file(found.name))

    @router.get("/download/measurements.csv")
    def csv(request: Request) -> Response:
        return _measurements(clinic, request, research.as_csv, "text/csv; charset=utf-8", "measurements.csv")

    @router.get("/download/measurements.parquet")
    def parquet(request: Request) -> Response:
        media_type = "application/vnd.apache.parquet"
        return _measurements(clinic, request, research.as_parquet, media_type, "measurements.parquet")

    @router.post("/own/agreement")
    def agreement(
        request: Request,
        purpose: Annotated[str, Form(max_length=40)] = "",
        holds: Annotated[str, Form(max_length=3)] = "",
    ) -> Response:
        actor = actor_in(request)
        try:
            actor.must_be(PATIENT)
            if holds not in ("yes", "no"):
                raise ParameterError("This is no choice", expected="yes or no")
            own_progress.set_own_agreement(clinic, actor, purpose, holds == "yes")
        except NotFound:
            raise HTTPException(404, NOTHING) from None
        except ParameterError as error:
            return PlainTextResponse(str(error), status_code=400)
        return RedirectResponse(_OWN_PAGE.format("agreed" if holds == "yes" else "stopped"), status_code=303)

    return router


class _AtIt:
    """Whose file is being made: one of a patient at a time, as each takes disk and a while."""

    def __init__(self) -> None:
        self._users: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, user_id: str) -> bool:
        with self._lock:
            free = user_id not in self._users
            self._users.add(user_id)
            return free

    def end(self, user_id: str) -> None:
        with self._lock:
            self._users.discard(user_id)


def _measurements(
    clinic: Clinic, request: Request, made: Callable[[Clinic, Actor, Filters], bytes], media_type: str, name: str
) -> Response:
    actor = actor_in(request)
    try:
        actor.must_be(RESEARCHER)  # before anything is said of what was asked
        content = made(clinic, actor, filters_in(request.query_params.multi_items()))
    except NotFound:
        raise HTTPException(404, NOTHING) from None
    except ParameterError as error:
        return PlainTextResponse(str(error), status_code=400)
    except EnvironmentFault as error:
        return PlainTextResponse(str(error), status_code=503)
    return Response(content, media_type=media_type, headers=_as_file(name))


def _zip(file: IO[bytes], name: str) -> Response:
    headers = _as_file(name) | {"content-length": str(os.fstat(file.fileno()).st_size)}
    return StreamingResponse(_read(file), media_type="application/zip", headers=headers)


def _as_file(name: str) -> dict[str, str]:
    return {
        "content-disposition": disposition("attachment", name), "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }  # fmt: skip


def _read(file: IO[bytes]) -> Iterator[bytes]:
    """The file piece by piece; with its end, or with the browser's leaving, it is gone."""
    with file:
        while piece := file.read(_CHUNK_BYTES):
            yield piece

"""Running the clinic's server, from an empty computer or an existing record, until it is interrupted."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skinscan.arrays.fused import warm_up
from skinscan.environment import check_opencv
from skinscan.records import ParameterError
from skinscan.services import Clinic, users
from skinscan.services.clinic import ZONE_VARIABLE, own_zone
from skinscan.store import Places, Store, make_store, open_store
from skinscan.web.clinic.front import Front, front, is_local
from skinscan.web.server import HOST, end_softly, listen, prepare
from skinscan.web.workplace import Workplace

if TYPE_CHECKING:
    import socket

USER_VARIABLE, PASSWORD_VARIABLE = "SKINSCAN_ADMIN_USER", "SKINSCAN_ADMIN_PASSWORD"

Say = Callable[[str], None]
Ask = Callable[[], tuple[str, str]]
"""Asks a person for the first administrator's username and password."""

_CONNECTIONS = 500
_QUIET_S = 10
_HELD_S = 75


@dataclass(frozen=True, slots=True)
class Serving:
    """Where to listen, and under which address the browsers come."""

    host: str = HOST
    port: int = 7860
    url: str = ""
    proxied: bool = False
    open_browser: bool = False


def serve(serving: Serving, ask: Ask, say: Say = print) -> None:
    """Serve the clinic of the environment's places; where there is none, make it. Raises a SkinscanError."""
    check_opencv()
    door = _front(serving)
    with ExitStack() as stack:
        listener = stack.enter_context(listen(serving.port, serving.host))
        workplace, desk = prepare(), Workplace()  # two: what lies in the first, Gradio may read
        for place in (workplace, desk):
            stack.callback(place.close)
        store = stack.enter_context(open_or_make(Places.of_environment(), say))
        clinic = Clinic(store, desk.path)
        first_administrator(clinic, ask, say)
        address = serving.url.rstrip("/") or address_of(listener)

        def tell() -> None:
            say(f"skinscan is at {address} (Ctrl+C to stop).")
            if serving.open_browser:
                webbrowser.open(address)

        run(clinic, workplace, listener, door, tell)


def run(
    clinic: Clinic,
    workplace: Workplace,
    listener: socket.socket,
    door: Front | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve a clinic on a listening socket until interrupted; `prepare` has been called. `ready` is called once all is
    built: whoever connects from then on is answered."""
    import uvicorn

    from skinscan.web.clinic.server import application

    threading.Thread(target=warm_up, daemon=True).start()
    end_softly()
    config = uvicorn.Config(application(clinic, workplace, door), **OF_UVICORN)
    ready()
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


OF_UVICORN: dict[str, Any] = {
    "log_level": "warning",
    "access_log": False,  # addresses of invitations are secrets, and who opened which patient is in the audit log
    "ws": "none",
    "proxy_headers": False,  # the door decides whether X-Forwarded-For is to be believed
    "server_header": False,
    "limit_concurrency": _CONNECTIONS,
    "timeout_graceful_shutdown": _QUIET_S,
    "timeout_keep_alive": _HELD_S,  # longer than a proxy holds a connection, or it would send into a closed one
}
"""Settings of the server; tests take the same."""


def open_or_make(places: Places, say: Say) -> Store:
    """The clinic of `places`, made where there is nothing yet. What is half there, or without its key, is left as it
    is: a StoreError says how to mend it."""
    if not _is_new(places):
        return open_store(places)
    store = make_store(places)
    say(f"A new clinic. Record and photos: {places.folder}")
    say(f"Keys: {places.keys}")
    if places.master is None:
        say(f"Master key: {places.master_file}")
        say("Keep a copy of the master key elsewhere: it is in no backup, and without it no photo can be read.")
    say(f"Times are told in {own_zone()}; {ZONE_VARIABLE} names another time zone.")
    return store


def first_administrator(clinic: Clinic, ask: Ask, say: Say) -> None:
    """Make an administrator where there is none: of the environment, else of who sits at the console. There is no
    default password. Raises ParameterError."""
    # taken out of the environment in any case: no later program shall find them there
    name, password = (os.environ.pop(variable, "") for variable in (USER_VARIABLE, PASSWORD_VARIABLE))
    if users.has_administrator(clinic):
        return
    if not (name and password):
        if not sys.stdin.isatty():
            raise ParameterError(
                "Nobody can administrate this clinic yet", expected=f"{USER_VARIABLE} and {PASSWORD_VARIABLE}, or a "
                "terminal to ask in", found="neither", todo="set both for the first start, or start in a terminal",
            )  # fmt: skip
        name, password = ask()
    say(f"Administrator: {users.make_administrator(clinic, name, password)}")


def address_of(listener: socket.socket) -> str:
    """Where the browsers of this computer find a listening socket."""
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    return f"http://{name if is_local(name) else 'localhost'}:{port}"


def _front(serving: Serving) -> Front:
    if not serving.url and not is_local(f"[{serving.host}]" if ":" in serving.host else serving.host):
        raise ParameterError(
            "Other computers come in by TLS only", expected="--url https://NAME", found=f"--host {serving.host} alone",
            todo="put a proxy with TLS before skinscan and give its address with --url; see docs/deployment.md",
        )  # fmt: skip
    return front(serving.url, serving.proxied)


def _is_new(places: Places) -> bool:
    """Whether there is nothing of a clinic: no record, no keys. (Of a database elsewhere, its keys tell.)"""
    if places.keys.exists() and any(places.keys.iterdir()):
        return False
    return not places.record.exists() and not (places.vault.exists() and any(places.vault.iterdir()))

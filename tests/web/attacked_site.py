"""The clinic's real server on a loopback port, with people of each role, a patient's shared page, and a page of Gradio
that shows what the guard must keep apart: files, states, events."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from skinscan.services import Actor, Clinic, measuring, patients, sharing, visits
from skinscan.store import Places, access, deriving, make_store
from skinscan.store.deriving import Made, Of
from tests.services.identity import CHEAP, PASSWORD

PEOPLE = {
    "dr": "practitioner", "dora": "practitioner", "res": "researcher", "rita": "researcher", "root": "administrator",
}  # fmt: skip
"""Two of the roles whose pages take something in: what one does the other must not reach. Patients come on top."""

PLACES = {role: f"/{role}/" for role in ("practitioner", "patient", "researcher")} | {"administrator": "/admin/"}

SHARED_PAGE = b"<!doctype html><title>Your course</title><p>shared with Ada alone</p>"


@dataclass
class Site:
    """The server: its address, clinic and folder of uploads, its application, and the ids of what is in the record."""

    address: str
    clinic: Clinic
    uploads: Path
    door: Any
    ids: dict[str, str]
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, cookies: dict[str, str] | None = None, **headers: str) -> httpx.Client:
        """A program that asks; `cookies` as a browser would send them."""
        made = httpx.Client(
            base_url=self.address, cookies=cookies, headers=headers, timeout=30, trust_env=False,
            verify=False,  # there is no TLS, and reading all certificates takes a while
            limits=httpx.Limits(max_keepalive_connections=0),  # hundreds of programs, and none may hold its connection
        )  # fmt: skip
        self.clients.append(made)
        return made

    def anonymous(self, **headers: str) -> httpx.Client:
        return self.client(**headers)

    def sign_in(self, username: str) -> httpx.Client:
        """A new sign-in."""
        client = self.client()
        answer = client.post("/login", data={"username": username, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client

    def of(self, username: str) -> httpx.Client:
        """A sign-in of this user that lasts as long as the site."""
        if username not in self.cookies:
            self.cookies[username] = dict(self.sign_in(username).cookies)
        return self.client(self.cookies[username])

    def with_role(self, role: str) -> httpx.Client:
        return self.of(next((name for name, has in PEOPLE.items() if has == role), self.ids["ada"]))


def probe(clinic: Clinic) -> Any:
    """A page that reads a file, keeps a state, and takes its time."""
    import gradio as gr

    page = gr.Blocks(analytics_enabled=False)
    with page:
        file, text, out = gr.File(), gr.Textbox(), gr.Textbox()
        state = gr.State("")
        button = gr.Button()
        button.click(lambda path: Path(path).read_text("utf-8") if path else "none", file, out)
        button.click(lambda words: (words, "kept"), text, [state, out])
        button.click(lambda kept: f"state: {kept}", state, out)
        button.click(_slowly, None, out)
    return page


READ, KEEP, RECALL, SLOW = range(4)
"""The probe's events, by Gradio's number of each."""


def _slowly() -> Iterator[str]:
    for number in range(300):
        time.sleep(0.1)
        yield str(number)


class Page:
    """An open page of Gradio, as a program of a sign-in speaks to it."""

    def __init__(self, client: httpx.Client, place: str = "/researcher", session: str | None = None) -> None:
        self.client, self.place = client, place
        self.session = session or secrets.token_hex(6)
        self._trigger = _trigger(client, place)

    def url(self, route: str) -> str:
        return f"{self.place}/gradio_api/{route}"

    def join(self, event: int, *data: Any, **more: Any) -> httpx.Response:
        body = {
            "data": list(data), "event_data": None, "fn_index": event, "trigger_id": self._trigger,
            "session_hash": self.session,
        }  # fmt: skip
        return self.client.post(self.url("queue/join"), json=body | more)

    def result(self, event: int, *data: Any) -> Any:
        """What an event gives back; an AssertionError where it is refused."""
        joined = self.join(event, *data)
        assert joined.status_code == 200, joined.text
        with self.stream() as messages:
            for message in messages:
                if message["msg"] == "process_completed" and message["event_id"] == joined.json()["event_id"]:
                    assert message["success"], message
                    return message["output"]["data"][-1]
        raise AssertionError("the event never ended")

    @contextmanager
    def stream(self) -> Iterator[Iterator[dict[str, Any]]]:
        with self.client.stream("GET", self.url("queue/data"), params={"session_hash": self.session}) as answer:
            assert answer.status_code == 200
            yield (json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: "))

    def upload(self, content: bytes, name: str = "photo.txt") -> str:
        """The path under which Gradio keeps an uploaded file."""
        answer = self.client.post(self.url("upload"), files={"files": (name, content)})
        assert answer.status_code == 200, answer.text
        (path,) = answer.json()
        return str(path)


def _trigger(client: httpx.Client, place: str) -> int:
    """The number of the page's first button."""
    config = client.get(f"{place}/config").json()
    return next((one["id"] for one in config["components"] if one["type"] == "button"), 0)


def file_data(path: str, url: str | None = None) -> dict[str, Any]:
    """A file as the browser names it."""
    return {"path": path, "url": url, "orig_name": "photo.txt", "meta": {"_type": "gradio.FileData"}}


def walk(routes: Any, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """(method, path, route) of every route of an application, those of mounted ones too."""
    for route in routes:
        included = getattr(route, "original_router", None)  # how FastAPI keeps what `include_router` was given
        path = prefix + (route.include_context.prefix if included else getattr(route, "path", ""))
        inner = included.routes if included else getattr(route, "routes", None)
        if inner:
            yield from walk(inner, path)
        else:
            for method in sorted(getattr(route, "methods", None) or ()):
                yield method, path, route


def parameters(path: str) -> list[str]:
    return re.findall(r"{([^}:]+)", path)


@contextmanager
def serving(folder: Path, photo: bytes, url: str = "") -> Iterator[Site]:
    """A site in `folder`, with the probe in place of the researcher's page."""
    import uvicorn

    from skinscan.web.server import listen, prepare
    from skinscan.web.workplace import Workplace

    workplace = prepare(Workplace(folder))
    from skinscan.web.clinic import server
    from skinscan.web.clinic.front import front
    from skinscan.web.clinic.serving import OF_UVICORN

    store = make_store(Places.under(folder / "clinic"))
    desk = folder / "desk"
    desk.mkdir(mode=0o700)
    clinic = Clinic(store, desk, passwords=CHEAP)
    ids = _filled(clinic, photo)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(server._PAGES, "/researcher", probe)
        door = server.application(clinic, workplace, front(url))
        listener = listen(0)
        running = uvicorn.Server(uvicorn.Config(door, **OF_UVICORN))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not running.started:
            assert thread.is_alive()
            time.sleep(0.05)
        site = Site(f"http://127.0.0.1:{listener.getsockname()[1]}", clinic, workplace.path, door, ids)
        try:
            yield site
        finally:
            for client in site.clients:
                client.close()
            running.should_exit = True
            thread.join(30)
            listener.close()
            workplace.close()
            store.close()
    assert not thread.is_alive()


def _filled(clinic: Clinic, photo: bytes) -> dict[str, str]:
    """People, and two patients with a course each; Ada's is shared with her, Bea's with nobody."""
    hashed = CHEAP.hash(PASSWORD)
    users = {
        name: access.new_user(clinic.store, name, [role], password_hash=hashed).id for name, role in PEOPLE.items()
    }
    dr = Actor(users["dr"], "dr", frozenset({"practitioner"}))
    ids = {f"user {name}": user_id for name, user_id in users.items()}
    for number, name in enumerate(("ada", "bea")):
        patient_id = patients.add(
            clinic, dr, name=name, agrees_to=("treatment", "sharing"), indication="pores", site="face"
        )
        ids |= {
            f"{name} {what}": one for what, one in _treated(clinic, dr, patient_id, photo + bytes([number])).items()
        }
        ids[name] = patients.person(clinic, dr, patient_id).code.lower()
        account = access.new_user(clinic.store, ids[name], ["patient"], password_hash=hashed, patient_id=patient_id)
        ids |= {f"{name} patient": patient_id, f"user {name}": account.id}
    sharing.share_course(clinic, dr, ids["ada course"])
    return ids


def _treated(clinic: Clinic, dr: Actor, patient_id: str, photo: bytes) -> dict[str, str]:
    at = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    item = visits.bring(clinic, dr, "close.jpg", photo).item
    saved = visits.save(
        clinic, dr, patient_id, visits.Visiting(at, "Europe/Berlin", "face"), [visits.Shown(item, "close", False)]
    )
    waiting = visits.bring(clinic, dr, "other.jpg", photo + b"\0").item
    (course,) = patients.courses(clinic, dr, patient_id)
    made = {
        measuring.REPORT: Made(b"<p>for the practitioner</p>", "text/html"),
        measuring.FOR_PATIENT: Made(SHARED_PAGE, "text/html", for_patient=True),
    }
    key = measuring.followed(clinic, course.id).key(clinic)
    kept = deriving.keep(clinic.store, Of(patient_id, course_id=course.id), key, made)
    return {
        "photo": saved.photos[0], "course": course.id, "page": kept[measuring.FOR_PATIENT],
        "report": kept[measuring.REPORT], "tray": waiting,
    }  # fmt: skip

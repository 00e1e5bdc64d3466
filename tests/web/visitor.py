"""A practitioner's browser without a window: what it sends to the real server, message for message.

It signs in by the form, reads a page's `/config`, and sends the events of its components as Gradio's own script does:
every input's value as the page holds it, uploads first. So it needs no name of a function, and breaks where a person
would find a button missing.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from gradio_client.utils import apply_diff

PATIENCE_S = 120.0
_PLACE = "/practitioner"
_PICTURE = re.compile(r'src="/media/([0-9a-f]{32})"')


class Refused(Exception):
    """What the page told instead of doing it."""


@dataclass
class Told:
    """What came back of an event: warnings, and for each message of progress what was under way."""

    warnings: list[str] = field(default_factory=list)
    progress: list[str] = field(default_factory=list)


class Visitor:
    """Somebody who is signed in. Use it from one thread."""

    def __init__(self, address: str, cookies: Any = None) -> None:
        self.address = address
        self.http = httpx.Client(base_url=address, timeout=PATIENCE_S, headers={"origin": address}, cookies=cookies)
        self.session = secrets.token_hex(6)
        self._values: dict[int, Any] = {}
        self._config: dict[str, Any] = {}
        self._of_id: dict[str, int] = {}

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def sign_in(self, name: str, password: str) -> None:
        answer = self.http.post("/login", data={"username": name, "password": password})
        assert answer.status_code == 303, answer.text

    # --- a patient's page -------------------------------------------------------------------------------------

    def open(self, patient_id: str) -> None:
        """Open a patient's page: all that it loads, one after the other."""
        self.session = secrets.token_hex(6)
        self._config = self._json(self.http.get(f"{_PLACE}/config"))
        parts = self._config["components"]
        self._values = {part["id"]: part["props"].get("value") for part in parts}
        self._of_id = {part["props"]["elem_id"]: part["id"] for part in parts if part["props"].get("elem_id")}
        for event in self._config["dependencies"]:
            if any(kind == "load" for _, kind in event["targets"]):
                self._fire(event, {"patient": patient_id})
        assert self._values[self._of_id["when"]], "the part of a new session is shown once the page is open"

    def add(self, *photos: tuple[str, bytes]) -> Told:
        """Drop photos (name, bytes) on the page; what was said of those that were refused."""
        self.type("photos", self.upload(*photos))
        return self.fire("photos", "upload")

    def judge(self) -> Told:
        """Have the new photos judged, as the page does by itself after they were added."""
        return self._fire(self._after(self._event("photos", "upload")), {})

    def upload(self, *photos: tuple[str, bytes], content_type: str = "image/jpeg") -> list[dict[str, Any]]:
        """Send files into the page's upload folder, as the browser does before it tells of them."""
        files = [("files", (name, data, content_type)) for name, data in photos]
        answer = self.http.post(f"{_PLACE}/gradio_api/upload", files=files)
        if answer.status_code != 200:
            raise Refused(f"{answer.status_code} {answer.text}")
        return [
            {"path": path, "orig_name": name, "size": len(data), "meta": {"_type": "gradio.FileData"}}
            for path, (name, data) in zip(answer.json(), photos, strict=True)
        ]

    def shown(self) -> list[str]:
        """The new photos on the screen: their items on the tray."""
        pictures = [self._values.get(self._inside(number)) for number in range(8)]
        return [_PICTURE.search(text)[1] for text in pictures if text and _PICTURE.search(text)]  # type: ignore[index]

    def verdict(self, number: int) -> str:
        """What is said of a photo on the screen."""
        return str(self._values[self._of_id[f"verdict-{number}"]] or "")

    def type(self, elem_id: str, value: Any) -> None:
        """Enter a value."""
        self._values[self._of_id[elem_id]] = value

    def save(self) -> Told:
        """Press the button, and wait until the page says that it is saved. Raises Refused."""
        return self.fire("save", "click")

    def measure(self) -> Told:
        """Have what was saved measured, as the page does by itself after it was saved."""
        return self._fire(self._after(self._event("save", "click")), {})

    @property
    def done(self) -> str:
        """What the page says of the saving, as HTML."""
        return str(self._values[self._of_id["done"]] or "")

    def media(self, media_id: str) -> httpx.Response:
        return self.http.get(f"/media/{media_id}")

    # --- Gradio's events --------------------------------------------------------------------------------------

    def fire(self, elem_id: str, kind: str) -> Told:
        """Something happens to a component. Raises Refused."""
        return self._fire(self._event(elem_id, kind), {})

    def _event(self, elem_id: str, kind: str) -> dict[str, Any]:
        wanted = [self._of_id[elem_id], kind]
        (found,) = [event for event in self._config["dependencies"] if wanted in event["targets"]]
        return dict(found)

    def _after(self, event: dict[str, Any]) -> dict[str, Any]:
        """What follows an event that went well."""
        (found,) = [e for e in self._config["dependencies"] if e.get("trigger_after") == event["id"]]
        return dict(found)

    def _inside(self, number: int) -> int:
        """The picture of a slot: the component that its event changes just before the verdict."""
        outputs = self._event("photos", "upload")["outputs"]
        return int(outputs[outputs.index(self._of_id[f"verdict-{number}"]) - 1])

    def _fire(self, event: dict[str, Any], query: dict[str, str]) -> Told:
        states = {part["id"] for part in self._config["components"] if part["type"] == "state"}
        body = {
            "data": [None if one in states else self._values.get(one) for one in event["inputs"]],
            "fn_index": event["id"], "session_hash": self.session, "trigger_id": (event["targets"] or [[None]])[0][0],
        }  # fmt: skip
        joined = self.http.post(f"{_PLACE}/gradio_api/queue/join", params=query, json=body)
        if joined.status_code != 200:
            raise Refused(f"{joined.status_code} {joined.text}")
        told, last = Told(), None
        for message in self._messages(joined.json()["event_id"]):
            kind = message["msg"]
            if kind == "log":
                told.warnings.append(message["log"])
            elif kind == "progress":
                told.progress += [str(unit["desc"]) for unit in message["progress_data"]]
            elif kind in ("process_generating", "process_completed"):
                if not message["success"]:
                    raise Refused(str(message["output"].get("error")))
                data = message["output"]["data"]
                of_last = kind == "process_generating" and last is not None
                last = [apply_diff(*pair) for pair in zip(last, data, strict=True)] if of_last else data
                self._take(event["outputs"], last)
        return told

    def _messages(self, event_id: str) -> Iterator[dict[str, Any]]:
        query = {"session_hash": self.session}
        with self.http.stream("GET", f"{_PLACE}/gradio_api/queue/data", params=query) as stream:
            if stream.status_code != 200:
                raise Refused(f"{stream.status_code}")
            for line in stream.iter_lines():
                if not line.startswith("data:"):
                    continue
                message = json.loads(line[len("data:") :])
                if message.get("event_id") == event_id:
                    yield message
                if message["msg"] == "close_stream" or (
                    message["msg"] == "process_completed" and message.get("event_id") == event_id
                ):
                    return
        raise ConnectionError("the server went away")

    def _take(self, outputs: list[int], data: list[Any]) -> None:
        for one, value in zip(outputs, data, strict=True):
            if isinstance(value, dict) and value.get("__type__") == "update":
                if "value" in value:
                    self._values[one] = value["value"]
            else:
                self._values[one] = value

    @staticmethod
    def _json(answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

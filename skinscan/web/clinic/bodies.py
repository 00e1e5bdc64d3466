"""How much a request may send, and how long it may take: counted as it comes, whatever it says of itself."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field

from skinscan.web.guard import Message, Receive, Scope, Send

FORM_BYTES = 64 * 1024
EVENT_BYTES = 4 * 1024 * 1024
UPLOAD_BYTES = 300 * 1024 * 1024


_DRAINED_S = 5.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """Bytes of a body, seconds for all of it, and seconds of silence within it."""

    bytes: int
    lasts_s: float
    silent_s: float = 20.0


FORM = Allowance(FORM_BYTES, 30.0)
EVENT = Allowance(EVENT_BYTES, 60.0)
UPLOAD = Allowance(UPLOAD_BYTES, 1800.0)


class Refused(Exception):
    """A body that is too large (413) or too slow (408)."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class Measured:
    """Receives a body within an allowance; raises Refused, and `refused` keeps why, as whoever reads may catch it."""

    receive: Receive
    allowance: Allowance
    refused: int = 0
    ended: bool = False
    _bytes: int = 0
    _began: float = field(default_factory=time.monotonic)

    async def __call__(self) -> Message:
        if self.refused:
            raise Refused(self.refused)
        if self.ended:
            return await self.receive()  # waits for the browser to go away
        left = self._began + self.allowance.lasts_s - time.monotonic()
        try:
            message = await asyncio.wait_for(self.receive(), max(0.0, min(left, self.allowance.silent_s)))
        except TimeoutError:
            self._refuse(408)
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self.ended = not message.get("more_body", False)
            if self._bytes > self.allowance.bytes:
                self._refuse(413)
        else:
            self.ended = True
        return message

    def _refuse(self, status: int) -> None:
        self.refused = status
        raise Refused(status)


async def whole(receive: Receive) -> bytes:
    """All of a body. Raises Refused, and ConnectionError where the browser goes away."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError("the browser went away")
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def again(body: bytes, receive: Receive) -> Receive:
    """Receives a body that was read already, then what follows it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def answer(scope: Scope, send: Send, status: int, text: str, rest: Receive | None = None) -> None:
    """A short answer in plain text, and for Gradio's pages, which read nothing else, as JSON. What the browser still
    sends is taken from `rest` for a while, and thrown away: many read no answer before they have sent all."""
    for_gradio = "/gradio_api/" in scope.get("path", "")
    told = json.dumps({"detail": text}) if for_gradio else text
    body = b"" if scope.get("method") == "HEAD" else told.encode()
    kind = b"application/json" if for_gradio else b"text/plain; charset=utf-8"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    if rest is not None:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if rest is not None:
        await _drained(rest)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drained(receive: Receive) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAINED_S):
            while True:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return

"""The guard over Gradio's own routes: each sign-in reaches only what it began itself.

Gradio's routes ask who somebody is, not whose a file, a page's session or an event is: another's can be named, and is
served. Here the first sign-in that names a session or an upload, sent a file, or began an event is its owner, and to
everyone else it is not there. A route that is not listed is not there for anyone. This rests on how Gradio 6 names
things, so tests/web/test_attacks.py goes through all its routes.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from skinscan.web.clinic import bodies
from skinscan.web.guard import Application, Message, Receive, Scope, Send
from skinscan.web.workplace import Workplace

UPLOADED_BYTES = 1 << 30
"""Files of one sign-in that wait to be taken in; beyond that the oldest are wiped."""

QUEUED = 24
"""Events of one sign-in that wait in a page's queue: whoever asks for more must not keep the others out."""

MOST = 5000
"""Sessions, uploads, files, events that one sign-in may own: a day of reloading pages, and no more memory."""

_OPEN = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|manifest\.json)|/(assets|static|svelte)/[\w./@+-]+"
    r"|/gradio_api/(startup-events|theme\.css|app_id|user|login_check)/?"
)
_HEARTBEAT = re.compile(r"/gradio_api/heartbeat/([A-Za-z0-9_-]{1,64})")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MEDIA = re.compile(r"/media/[0-9a-f]{32}")

_EVENTS = frozenset(f"/gradio_api/{name}" for name in ("queue/join", "cancel", "reset"))
_UPLOAD = "/gradio_api/upload"
_OF_BODY = (b"content-length", b"content-type", b"transfer-encoding")


_NO_ROOM = (
    b"The photo could not be taken in: the clinic's computer may have no room left. Nothing of it was kept. Make room "
    b"there, then add it again."
)


class NotTheirs(Exception):
    """A request names what is another's, or what there is not."""


class TooBusy(Exception):
    """A sign-in has as much in the queue as it may."""


class Owned:
    """What is whose, in memory as long as the sign-in holds."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str], set[str]] = {}
        self._of: dict[str, OrderedDict[tuple[str, str], None]] = {}
        self._ended: OrderedDict[tuple[str, str], None] = OrderedDict()

    def claim(self, sign_in: str, kind: str, name: str) -> None:
        """Own what nobody owns. Raises NotTheirs where another does, or this sign-in owns too much already."""
        owners = self._owners.get((kind, name))
        if (kind, name) in self._ended or (owners and sign_in not in owners):
            raise NotTheirs
        if not owners and len(self._of.get(sign_in, ())) >= 4 * MOST:
            raise NotTheirs
        self.give(sign_in, kind, name)

    def give(self, sign_in: str, kind: str, name: str) -> None:
        """Own, beside whoever does: the same file sent by two has one place."""
        self._owners.setdefault((kind, name), set()).add(sign_in)
        self._of.setdefault(sign_in, OrderedDict())[kind, name] = None

    def check(self, sign_in: str, kind: str, name: str) -> None:
        """Raise NotTheirs for what this sign-in does not own."""
        if sign_in not in self._owners.get((kind, name), ()):
            raise NotTheirs

    def of(self, sign_in: str, kind: str) -> list[str]:
        """Names that a sign-in owns, the oldest first."""
        return [name for of_kind, name in self._of.get(sign_in, ()) if of_kind == kind]

    def drop(self, sign_in: str, kind: str, name: str) -> bool:
        """Own no longer; whether nobody owns it now."""
        self._of.get(sign_in, OrderedDict()).pop((kind, name), None)
        owners = self._owners.get((kind, name), set())
        owners.discard(sign_in)
        if not owners:
            self._owners.pop((kind, name), None)
        return not owners

    def end(self, sign_in: str) -> None:
        """Forget a sign-in. Its sessions are nobody's for long: work that was under way may still write to one."""
        for kind, name in self._of.pop(sign_in, ()):
            if self.drop(sign_in, kind, name) and kind == "session":
                self._ended[kind, name] = None
        while len(self._ended) > 4 * MOST:
            self._ended.popitem(last=False)


class Tenancy:
    """ASGI guard before the mounted Gradio pages. The scope's path is that within the mount."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._root = str(workplace.path)
        self._owned = Owned()
        self._pages: dict[str, Any] = {}
        self._taking: set[str] = set()
        self._sending = 0

    def mounted(self, prefix: str, gradio_app: Any) -> None:
        """Know a role's Gradio application, of which a sign-in's sessions are removed when it ends."""
        self._pages[prefix] = gradio_app
        # no other page takes files: whoever has an account of whatever role could fill the disk
        if any(block.get_block_name() == "file" for block in gradio_app.get_blocks().blocks.values()):
            self._taking.add(prefix)

    async def serve(
        self, app: Application, path: str, sign_in: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let a request of a sign-in through to `app`, or raise NotTheirs."""
        if scope["method"] in ("GET", "HEAD"):
            self._check_get(path, sign_in, scope)
            await app(scope, receive, send)
        elif path == _UPLOAD and scope["path"].removesuffix(path) in self._taking:
            self._claim_query(sign_in, scope, "upload", "upload_id", needed=False)
            await self._upload(app, sign_in, scope, receive, send)
        elif path in _EVENTS:
            if path.endswith("/join"):
                self._check_queue(sign_in, scope["path"].removesuffix(path))
            await self._event(app, path, sign_in, scope, receive, send)
        else:
            raise NotTheirs

    async def forget(self, sign_in: str) -> None:
        """A sign-in ended: its files are wiped, its pages' states removed, and nothing of it is known any more."""
        for page in self._pages.values():
            for session in self._owned.of(sign_in, "session"):
                await _forget_session(page, session)
        for path in self._owned.of(sign_in, "file"):
            if self._owned.drop(sign_in, "file", path):
                self._workplace.forget(Path(path))
        self._owned.end(sign_in)

    def _check_get(self, path: str, sign_in: str, scope: Scope) -> None:
        found = _HEARTBEAT.fullmatch(path)
        if found:
            self._owned.claim(sign_in, "session", found[1])
        elif path == "/gradio_api/queue/data":
            self._claim_query(sign_in, scope, "session", "session_hash")
        elif path == "/gradio_api/upload_progress":
            self._claim_query(sign_in, scope, "upload", "upload_id")
        elif not _OPEN.fullmatch(path) or "deep_link" in _query(scope):
            raise NotTheirs

    def _claim_query(self, sign_in: str, scope: Scope, kind: str, name: str, needed: bool = True) -> None:
        values = _query(scope).get(name, [])
        if len(values) != 1:
            if needed or values:
                raise NotTheirs
            return
        self._claim(sign_in, kind, values[0])

    def _claim(self, sign_in: str, kind: str, name: object) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise NotTheirs
        self._owned.claim(sign_in, kind, name)

    async def _upload(self, app: Application, sign_in: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._sending += 1
        try:
            await app(_uncompressed(scope), receive, _telling_no_room(self._noting_files(sign_in, send)))
        except ClientDisconnect:
            raise ConnectionError("the browser went away") from None
        finally:
            self._sending -= 1
            await run_in_threadpool(self._workplace.wipe_unclaimed, self._sending)

    async def _event(
        self, app: Application, path: str, sign_in: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        body = _parsed(await bodies.whole(receive))
        if path.endswith(("/cancel", "/reset")):
            self._check_event_id(sign_in, body.get("event_id"))
        if not path.endswith("/reset"):
            self._claim(sign_in, "session", body.get("session_hash"))
        if path.endswith("/join"):
            body["event_id"] = None  # Gradio gives it
        self._check_files(sign_in, body)
        # written anew: whoever reads on must find what was checked, not the first of two keys of one name
        told = json.dumps(body).encode()
        kept = [pair for pair in _uncompressed(scope)["headers"] if pair[0].lower() not in _OF_BODY]
        headers = [*kept, (b"content-type", b"application/json"), (b"content-length", str(len(told)).encode())]
        joined = self._noting_event(sign_in, send) if path.endswith("/join") else send
        await app({**scope, "headers": headers}, bodies.again(told, receive), joined)

    def _check_queue(self, sign_in: str, place: str) -> None:
        queues = self._pages[place].get_blocks()._queue.event_queue_per_concurrency_id.values()
        own = set(self._owned.of(sign_in, "session"))
        if sum(event.session_hash in own for queue in queues for event in queue.queue) >= QUEUED:
            raise TooBusy

    def _check_event_id(self, sign_in: str, event_id: object) -> None:
        self._owned.check(sign_in, "event", event_id if isinstance(event_id, str) else "")

    def _check_files(self, sign_in: str, body: Any) -> None:
        for one in _mappings(body):
            path = one.get("path")
            if isinstance(path, str) and path and not _MEDIA.fullmatch(path):
                self._owned.check(sign_in, "file", path)
                if "url" in one:
                    one["url"] = None  # where the browser found it: nothing here reads that
        for text in _texts(body):
            if self._root in text:
                self._owned.check(sign_in, "file", text)

    def _noting_files(self, sign_in: str, send: Send) -> Send:
        def note(told: Any) -> None:
            for path in told if isinstance(told, list) else []:
                if isinstance(path, str):
                    self._owned.give(sign_in, "file", path)
            self._wipe_oldest(sign_in)
            self._forget_oldest(sign_in, "file")

        return _reading(send, note)

    def _noting_event(self, sign_in: str, send: Send) -> Send:
        def note(told: Any) -> None:
            if isinstance(told, dict) and isinstance(told.get("event_id"), str):
                self._owned.give(sign_in, "event", told["event_id"])
            self._forget_oldest(sign_in, "event")

        return _reading(send, note)

    def _wipe_oldest(self, sign_in: str) -> None:
        held = 0
        for path in reversed(self._owned.of(sign_in, "file")):
            size = _size(path)
            held += size or 0
            if (held > UPLOADED_BYTES or size is None) and self._owned.drop(sign_in, "file", path):
                self._workplace.forget(Path(path))

    def _forget_oldest(self, sign_in: str, kind: str) -> None:
        """Files and events that are over: who names them later finds nothing, which is safe."""
        for name in self._owned.of(sign_in, kind)[:-MOST]:
            if self._owned.drop(sign_in, kind, name) and kind == "file":
                self._workplace.forget(Path(name))


def _size(path: str) -> int | None:
    """Bytes of a file; None of one that was taken in and is gone. An empty one is there, to be refused in words."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return None


def _query(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise NotTheirs from None
    if not isinstance(found, dict):
        raise NotTheirs
    return found


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a JSON value."""
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            yield one
            rest.extend(one.values())
        elif isinstance(one, list):
            rest.extend(one)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too."""
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            rest.extend(one)
            rest.extend(one.values())
        elif isinstance(one, list):
            rest.extend(one)


def _reading(send: Send, note: Any) -> Send:
    """`send` that shows a JSON answer of status 200 to `note` before the browser has it."""
    parts: list[bytes] = []
    held: list[Message] = []

    async def read(message: Message) -> None:
        if message["type"] == "http.response.start":
            held.append(message)
            return
        parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        body = b"".join(parts)
        if held and held[0]["status"] == 200:
            with suppress(ValueError):
                note(json.loads(body))
        for start in held:
            await send(start)
        await send({"type": "http.response.body", "body": body})

    return read


def _telling_no_room(send: Send) -> Send:
    """`send` that puts words in place of a bare 500: a file could not be written."""
    failed = False

    async def tell(message: Message) -> None:
        nonlocal failed
        if message["type"] == "http.response.start" and message["status"] == 500:
            failed = True
            headers = [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(_NO_ROOM)).encode()),
            ]
            await send({**message, "status": 507, "headers": headers})
        elif not failed:
            await send(message)
        elif not message.get("more_body", False):
            await send({**message, "body": _NO_ROOM})

    return tell


def _uncompressed(scope: Scope) -> Scope:
    """The scope of a request whose answer is read here."""
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != b"accept-encoding"]}


async def _forget_session(page: Any, session: str) -> None:
    """Remove what Gradio keeps of an open page: queued events, and the state that a later page could take up."""
    blocks = page.get_blocks()
    with suppress(Exception):
        await blocks._queue.clean_events(session_hash=session)
    blocks._queue.pending_messages_per_session.pop(session, None)
    blocks._queue.pending_event_ids_session.pop(session, None)
    page.state_holder.session_data.pop(session, None)

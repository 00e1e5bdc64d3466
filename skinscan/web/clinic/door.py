"""The door: every request passes here first, and nothing is reached that is not let through.

In this order: is it asked under our name, by our own pages, in a way that we know? Whose sign-in is it? May that role
come here? Only then is anything of the body read, and no more of it than the place takes.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool

from skinscan.services import Actor, Clinic
from skinscan.services.actor import ADMINISTRATOR, PATIENT, PRACTITIONER, RESEARCHER
from skinscan.services.passwords import digest_of
from skinscan.services.signing_in import actor_of_sign_in
from skinscan.web.clinic import bodies, cookie
from skinscan.web.clinic.front import METHODS, SAFE_METHODS, Front, headers_of
from skinscan.web.clinic.headers import dressed
from skinscan.web.clinic.running import Running, TooMany
from skinscan.web.clinic.tenancy import NotTheirs, Tenancy, TooBusy
from skinscan.web.guard import Application, Message, Receive, Scope, Send

ROLE_OF_PLACE = {
    "/practitioner": PRACTITIONER,
    "/patient": PATIENT,
    "/researcher": RESEARCHER,
    "/admin": ADMINISTRATOR,
}
GRADIO_PLACES = ("/practitioner", "/patient", "/researcher")

_ANYONES = ("/login", "/static/", "/invitation/", "/favicon.ico")
_ANY_ROLES = ("/", "/logout", "/media/", "/download/", "/own/")

NOTHING = "There is nothing here."

ACTOR, SIGN_IN, ADDRESS = "skinscan.actor", "skinscan.sign_in", "skinscan.address"
"""What the door writes into the scope: who asks (or None), the digest of their token, and from which address."""

_FORGED = ("x-forwarded-", "x-gradio-", "x-direct-url", "forwarded", "x-original-", "x-rewrite-")
"""Headers by which Gradio and others let themselves be told another address: no business of a browser's."""


class Door:
    """ASGI middleware around everything."""

    def __init__(self, app: Application, clinic: Clinic, front: Front, tenancy: Tenancy, running: Running) -> None:
        self.app, self.clinic, self.front, self.tenancy, self.running = app, clinic, front, tenancy, running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            headers = headers_of(scope["headers"])
        except ValueError:
            headers = {}
        host = headers.get("host", "")
        ours = self.front.is_ours(host)
        secure = ours and self.front.is_secure(host)
        send = dressed(send, scope["path"], secure)
        refusal = _refused(self.front, scope, headers, ours)
        if refusal is not None:
            await bodies.answer(scope, send, *refusal, rest=_rest(scope, receive))
            return
        token = cookie.token_in(headers.get("cookie", ""), secure)
        sign_in = digest_of(token) if token else None
        actor = await run_in_threadpool(actor_of_sign_in, self.clinic, sign_in) if sign_in else None
        client = (scope.get("client") or ("", 0))[0]
        scope = {
            **scope, "scheme": "https" if secure else "http", "headers": _honest(scope["headers"]), ACTOR: actor,
            SIGN_IN: sign_in if actor else None, ADDRESS: self.front.address_of(client, headers),
        }  # fmt: skip
        await self._placed(scope, receive, send, actor, sign_in)

    async def _placed(
        self, scope: Scope, receive: Receive, send: Send, actor: Actor | None, sign_in: str | None
    ) -> None:
        path = scope["path"]
        place = place_of(path)
        if not _may(actor, path, place):
            await _turn_away(scope, send, actor, path, _rest(scope, receive))
            return
        measured = bodies.Measured(receive, allowance(path))
        guarded = Answering(send)

        async def work() -> None:
            try:
                if place in GRADIO_PLACES and sign_in is not None and path != place:
                    await self.tenancy.serve(self.app, path[len(place) :], sign_in, scope, measured, guarded)
                else:
                    await self.app(scope, measured, guarded)
            except NotTheirs:
                await guarded.instead(scope, 404, NOTHING, _rest(scope, receive))
            except TooBusy:
                await guarded.instead(scope, 503, "Too much is being done for you already.", _rest(scope, receive))
            except bodies.Refused:
                pass  # told below: whoever read the body may have caught it too
            except ConnectionError:
                pass
            if measured.refused:
                await guarded.instead(scope, measured.refused, _words(measured.refused, path), _rest(scope, receive))

        guarded.measured = measured
        try:
            if sign_in is None or actor is None or path == "/logout":  # which is open to who has too much open
                await work()
            elif not await self.running.run(sign_in, actor.user_id, work):
                await guarded.instead(scope, 401, "You are signed out.", None)
        except TooMany:
            await guarded.instead(scope, 503, "Too many pages of yours are open.", _rest(scope, receive))


class Answering:
    """`send` that can be cut off: an answer that did not begin is replaced, one that did is ended."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._began = self._ended = False
        self.measured: bodies.Measured | None = None

    async def __call__(self, message: Message) -> None:
        if self._ended or (self.measured is not None and self.measured.refused and not self._began):
            return  # what an application makes of a body that was refused is not said
        self._began = True
        self._ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)

    async def instead(self, scope: Scope, status: int, text: str, rest: Receive | None) -> None:
        """End the answer here."""
        if self._ended:
            return
        self._ended = True
        if self._began:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await bodies.answer(scope, self._send, status, text, rest)


def _words(status: int, path: str) -> str:
    """Why a body was not taken."""
    if status == 408:
        return "This took too long to be sent."
    if allowance(path) is bodies.UPLOAD:
        return f"This is too large: photos of {bodies.UPLOAD_BYTES >> 20} MB together can be sent at once. Send fewer."
    return "This is too large to be sent here."


def place_of(path: str) -> str:
    """The role's place in which a path lies; empty where it is in none."""
    first = "/" + path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first in ROLE_OF_PLACE else ""


def allowance(path: str) -> bodies.Allowance:
    """How much may be sent there."""
    if path.endswith("/gradio_api/upload"):
        return bodies.UPLOAD
    return bodies.EVENT if "/gradio_api/" in path else bodies.FORM


def _refused(front: Front, scope: Scope, headers: Mapping[str, str], ours: bool) -> tuple[int, str] | None:
    """Status and words for what is not let in, whoever asks."""
    if not ours:
        return 421, "The clinic does not answer under this name."
    if scope["method"] not in METHODS:
        return 405, "This cannot be done here."
    if not front.is_own_page(scope["method"], headers):
        return 403, "This was asked by another site."
    if _is_crooked(scope["path"]):
        return 404, NOTHING
    if not _is_plain_form(scope["path"], headers.get("content-type", "")):
        return 415, "This cannot be sent here in this way."
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > allowance(scope["path"]).bytes:
        return 413, _words(413, scope["path"])
    return None


def _is_plain_form(path: str, content_type: str) -> bool:
    """Whether a body is of a kind that our pages send. Only Gradio's uploads come in parts, and none names a charset:
    it would choose how texts are decoded, and some of Python's codecs take seconds for what a form may hold."""
    kind = content_type.partition(";")[0].strip().lower()
    return not (kind.startswith("multipart/") and ("/gradio_api/" not in path or "charset" in content_type.lower()))


def _is_crooked(path: str) -> bool:
    """A path that two readers could read in two ways."""
    parts = path.split("/")
    odd_part = ".." in parts or "." in parts or "" in parts[1:-1]
    return odd_part or any(letter in path for letter in "\\;%") or not path.isprintable()


def _is_under(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or (place.endswith("/") and place != "/" and path.startswith(place)) for place in places)


def _may(actor: Actor | None, path: str, place: str) -> bool:
    """Whether this path is open to who asks; one that nobody named is open to no one."""
    if place:
        return actor is not None and actor.has(ROLE_OF_PLACE[place])
    return _is_under(path, _ANYONES) or (actor is not None and _is_under(path, _ANY_ROLES))


def _is_page(path: str) -> bool:
    return path == "/" or path.strip("/") in {place.strip("/") for place in ROLE_OF_PLACE}


async def _turn_away(scope: Scope, send: Send, actor: Actor | None, path: str, rest: Receive | None) -> None:
    """Whom we do not know is asked to sign in; for everyone else it is not there."""
    if actor is None and scope["method"] in SAFE_METHODS and _is_page(path):
        headers = [(b"location", b"/login"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
    elif actor is None and (place_of(path) or _is_under(path, _ANY_ROLES)):
        await bodies.answer(scope, send, 401, "Please sign in.", rest)
    else:
        await bodies.answer(scope, send, 404, NOTHING, rest)


def _rest(scope: Scope, receive: Receive) -> Receive | None:
    return None if scope["method"] in SAFE_METHODS else receive


def _honest(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if not name.decode("latin-1").lower().startswith(_FORGED)]

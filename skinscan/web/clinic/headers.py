"""The headers of every answer: nothing from elsewhere, in nobody's frame, in no cache."""

from __future__ import annotations

from skinscan.web.guard import POLICY, Message, Send

PLAIN_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Of our own forms: they need no script."""

GRADIO_POLICY = f"{POLICY}; frame-src 'self'"

_YEAR_S = 31_536_000

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"geolocation=(), microphone=(), camera=(self), payment=(), usb=()"),
)

_DROPPED = frozenset({b"server", b"access-control-allow-origin", b"access-control-allow-credentials"})


def dressed(send: Send, path: str, secure: bool) -> Send:
    """`send` with our headers. A route's own content-security-policy, and those it sets itself, stay."""

    async def dress(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(name.lower(), value) for name, value in message["headers"] if name.lower() not in _DROPPED]
            there = {name for name, _ in own}
            ours = [*_ALWAYS, *_of_place(path), *([_hsts()] if secure else [])]
            message = {**message, "headers": [*own, *(pair for pair in ours if pair[0] not in there)]}
        await send(message)

    return dress


def _of_place(path: str) -> list[tuple[bytes, bytes]]:
    in_gradio = path.startswith(("/practitioner", "/patient", "/researcher"))
    policy = GRADIO_POLICY if in_gradio else PLAIN_POLICY
    # an address that is a secret must not be told even to ourselves; a form's Origin needs more than no-referrer
    referrer = "strict-origin" if path.startswith("/invitation/") else "same-origin"
    return [
        (b"content-security-policy", policy.encode()),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", referrer.encode()),
        (b"cache-control", _freshness(path).encode()),
    ]


def _freshness(path: str) -> str:
    parts = path.split("/")
    is_program = path.startswith("/static/") or (len(parts) > 3 and parts[2] in ("assets", "static", "svelte"))
    return "private, max-age=3600" if is_program else "no-store"


def _hsts() -> tuple[bytes, bytes]:
    return (b"strict-transport-security", f"max-age={_YEAR_S}".encode())

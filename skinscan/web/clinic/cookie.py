"""The cookie of a sign-in."""

from __future__ import annotations

from skinscan.services.signing_in import LASTS

_NAME = "skinscan"


def name(secure: bool) -> str:
    """`__Host-`: a browser takes it only over TLS, for this very host and all of it, so no other host can plant one."""
    return f"__Host-{_NAME}" if secure else _NAME


def token_in(header: str, secure: bool) -> str | None:
    """The token in a Cookie header, where there is exactly one."""
    wanted, found = name(secure), set()
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == wanted and value:
            found.add(value)
    return found.pop() if len(found) == 1 else None


def setting(token: str, secure: bool) -> str:
    """The Set-Cookie header that begins a sign-in."""
    return _written(token, secure, int(LASTS.total_seconds()))


def clearing(secure: bool) -> str:
    """The Set-Cookie header that ends one."""
    return _written("", secure, 0)


def _written(token: str, secure: bool, max_age_s: int) -> str:
    parts = [f"{name(secure)}={token}", "Path=/", f"Max-Age={max_age_s}", "HttpOnly", "SameSite=Lax"]
    return "; ".join([*parts, "Secure"] if secure else parts)

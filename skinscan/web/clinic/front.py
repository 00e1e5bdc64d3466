"""Under which names the clinic answers, and whether a request comes from its own pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from skinscan.records import ParameterError
from skinscan.web.guard import NAMES, host_name

SAFE_METHODS = frozenset({"GET", "HEAD"})
METHODS = SAFE_METHODS | {"POST"}

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
"""A name or an address, and a port: links to the clinic are made of it, so it holds no user, path or query."""


@dataclass(frozen=True, slots=True)
class Front:
    """`url`: the public address, as https://clinic.example, where there is one; `proxied`: a reverse proxy of ours
    writes X-Forwarded-For. This computer's own names answer always."""

    url: str = ""
    proxied: bool = False

    @property
    def netloc(self) -> str:
        return urlsplit(self.url).netloc.lower()

    def is_ours(self, host: str) -> bool:
        """Whether a Host header names this clinic: else any name that is made to lead here would be trusted."""
        return bool(_HOST.fullmatch(host)) and (is_local(host) or self._is_named(host))

    def _is_named(self, host: str) -> bool:
        return bool(self.netloc) and host.lower() == self.netloc

    def scheme(self, host: str) -> str:
        """By which the browser asked: a proxy before us may have taken TLS off."""
        return "http" if is_local(host) and host.lower() != self.netloc else urlsplit(self.url).scheme

    def is_secure(self, host: str) -> bool:
        """Whether the cookie must never go without TLS: everywhere but on this computer itself."""
        return self.scheme(host) == "https"

    def is_own_page(self, method: str, headers: Mapping[str, str]) -> bool:
        """Whether a request was made by our own pages, by a person, or by a program, and not by another site.

        A browser tells with each request that changes something whence it comes (Origin), and with every request since
        2023 whether another site asks (Sec-Fetch-Site). One that has neither is no browser's: it can carry no cookie
        but its own program's, and passes, so that a plain HTTP client can sign in and out. Behind that the cookie is
        SameSite=Lax, which no browser adds to another site's POST.
        """
        host = headers.get("host", "")
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"{self.scheme(host)}://{host.lower()}":
            return False
        site = headers.get("sec-fetch-site", "none")
        if site in ("same-origin", "none"):
            return True
        # a link from elsewhere may open a page, and do no more
        return method in SAFE_METHODS and headers.get("sec-fetch-mode") == "navigate" and (
            headers.get("sec-fetch-dest") == "document"
        )  # fmt: skip

    def address_of(self, client: str, headers: Mapping[str, str]) -> str:
        """The browser's address: the last that our own proxy wrote down, as those before it are anyone's words."""
        told = headers.get("x-forwarded-for", "") if self.proxied else ""
        return told.rpartition(",")[2].strip() or client


def front(url: str = "", proxied: bool = False) -> Front:
    """Checked settings. Raises ParameterError for an address without TLS that is not of this computer."""
    if not url:
        return Front(proxied=proxied)
    parts = urlsplit(url)
    local = parts.scheme == "http" and is_local(parts.netloc)
    plain = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password)
    if not (plain and parts.hostname and (parts.scheme == "https" or local)):
        raise ParameterError(
            "This address cannot be the clinic's", expected="https://NAME, as https://clinic.example", found=url,
            todo="put a proxy with TLS before skinscan and give the address that the browsers use",
        )  # fmt: skip
    return Front(f"{parts.scheme}://{parts.netloc.lower()}", proxied)


def is_local(host: str) -> bool:
    return host_name(host) in NAMES


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name. Raises ValueError where one that decides is there twice: who reads on might take
    the other."""
    found: dict[str, str] = {}
    for name, value in raw:
        key = name.decode("latin-1").lower()
        if key in found and key in _ONCE:
            raise ValueError(key)
        text = value.decode("latin-1")
        found[key] = f"{found[key]}{'; ' if key == 'cookie' else ', '}{text}" if key in found else text
    return found


_ONCE = frozenset({"host", "origin", "sec-fetch-site", "content-length", "content-type"})

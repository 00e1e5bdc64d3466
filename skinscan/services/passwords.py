"""What a password is, and the random tokens of sign-ins and one-time links."""

from __future__ import annotations

import hashlib
import secrets
import threading
import unicodedata
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from skinscan.records import ParameterError

SHORTEST, LONGEST = 12, 1000
"""Characters of a password. Length is what makes it hard to guess; rules on letters and signs do not."""

_AT_ONCE = 4
"""Hashes made at once: each takes 64 MiB for a moment, and who is not signed in may ask for them."""


class Passwords:
    """Hashing with argon2id, by default as RFC 9106 advises; tests take a cheaper `hasher`."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        with self._places:
            return self._hasher.hash(_plain(password))

    def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether a password is that of a hash. Without one it is not, and finding that out takes as long."""
        compared = self._nobodys if password_hash is None else password_hash
        try:
            with self._places:
                return self._hasher.verify(compared, _plain(password)[:LONGEST]) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe())


def check_password(password: str, username: str) -> None:
    """Raise ParameterError for a password that is too short, too long, or the username. The words hold none of it."""
    plain = _plain(password)
    if not SHORTEST <= len(plain) <= LONGEST:
        raise ParameterError(
            "This password cannot be taken", expected=f"{SHORTEST} to {LONGEST} characters",
            found=f"{len(plain)} characters", todo="take a longer one: a few words in a row are easy to remember",
        )  # fmt: skip
    if plain.casefold() == plain_name(username):
        raise ParameterError("The password is the username", todo="take another one")


def plain_name(username: str) -> str:
    """A username as it is kept and compared: capitals and ways to write a letter make no difference."""
    return unicodedata.normalize("NFKC", username).strip().casefold()


def new_token() -> str:
    """A random text that nobody guesses: 256 bits, fit for a link and a cookie."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """What the record keeps of a token. It is random, so a plain digest gives nothing away."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(password: str) -> str:
    """One way to write each letter: keyboards differ."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace").decode("utf-8")

"""Signing in and out, and who a sign-in is.

Wrong passwords are counted for each username and for each address, in the record. The first few cost nothing; then each
doubles the wait. An account with many in a row is locked until an administrator unlocks it, or its user takes a new
one-time link: at one guess each quarter of an hour, that takes more than an hour of trying.
"""

from __future__ import annotations

import ipaddress
import math
from contextlib import suppress
from datetime import timedelta

from skinscan.records import SkinscanError
from skinscan.services.actor import Actor
from skinscan.services.clinic import Clinic
from skinscan.services.passwords import digest_of, new_token, plain_name
from skinscan.store import access, accounts, attempts
from skinscan.store.attempts import Counter, Limit
from skinscan.store.columns import now
from skinscan.store.errors import NotFound

LASTS = timedelta(hours=12)
"""A sign-in ends after a working day, however much it is used."""

IDLE = timedelta(hours=1)
"""A sign-in that is not used ends: computers in a clinic stand open."""

LOCK_AFTER = 20
"""Wrong passwords in a row."""

_OF_USER = Limit(free=5, longest=timedelta(minutes=15), memory=timedelta(days=1))
_OF_ADDRESS = Limit(free=20, longest=timedelta(minutes=1), memory=timedelta(hours=1))
"""A whole clinic may come from one address, so more are free and waits are shorter."""

_NOTED_EVERY = timedelta(minutes=1)


class SignInRefused(SkinscanError):
    """The one answer to a wrong password, an unknown, disabled or locked user: it tells nobody which users exist."""


class TooMany(SkinscanError):
    """Too many wrong passwords; `wait_s` whole seconds later the next may be tried."""

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__("Too many wrong passwords", todo=f"try again in {_lasting(wait_s)}")


def sign_in(clinic: Clinic, username: str, password: str, address: str) -> str:
    """A new sign-in's token. `address` is that of the browser.

    Raises SignInRefused, and TooMany before anything is looked at.
    """
    name, store = plain_name(username), clinic.store
    user_counter, address_counter = Counter(f"user {name}", _OF_USER), Counter(f"at {network(address)}", _OF_ADDRESS)
    counted = attempts.count(store, (user_counter, address_counter))
    if counted.wait_s:
        raise TooMany(math.ceil(counted.wait_s))
    user = access.user_named(store, name)
    matches = clinic.passwords.matches(password, user.password_hash if user is not None else None)
    if user is None or not matches:
        if user is not None and counted.failures[0] >= LOCK_AFTER and user.locked_at is None:
            accounts.lock(store, user.id)
        raise _refused()
    token = new_token()
    try:
        access.begin_login(store, user.id, digest_of(token), now() + LASTS, password_hash=user.password_hash)
    except NotFound:
        raise _refused() from None
    attempts.forget(store, user_counter.what)
    # not forgotten: else who has one account could clear the count while guessing at others
    attempts.take_back(store, address_counter.what)
    return token


def actor_of_sign_in(clinic: Clinic, sign_in: str, *, in_use: bool = True) -> Actor | None:
    """Who a sign-in is, by its token's digest; None where it has ended. `in_use` keeps it from ending as unused."""
    user = access.user_of_login(clinic.store, sign_in, IDLE)
    if user is None:
        return None
    if in_use:
        access.touch_login(clinic.store, sign_in, _NOTED_EVERY)
    return Actor(user.id, user.username, access.roles_of(clinic.store, user.id), user.patient_id)


def actor_of_token(clinic: Clinic, token: str) -> Actor | None:
    """Who a token is; None where its sign-in has ended."""
    return actor_of_sign_in(clinic, digest_of(token))


def sign_out(clinic: Clinic, token: str) -> None:
    """End a sign-in for good: its token is worth nothing from now on. One that is over is no error."""
    with suppress(NotFound):
        access.end_login(clinic.store, digest_of(token))


def network(address: str) -> str:
    """What is counted of an address: of IPv6 the first half, as one household or attacker has all of the second."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "elsewhere"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found.packed[:8] + bytes(8), 64)))
    return str(found)


def _refused() -> SignInRefused:
    return SignInRefused(
        "You could not be signed in", todo="check the username and the password. If you are sure of both, the account "
        "may be closed or locked: ask the clinic",
    )  # fmt: skip


def _lasting(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{seconds} seconds" if seconds < 60 else f"{minutes} minute{'s' if minutes > 1 else ''}"

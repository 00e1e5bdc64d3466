"""People who sign in with cheap passwords, and a clock that can be put forward."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher

from skinscan.services import Clinic, inviting, signing_in
from skinscan.services.passwords import Passwords
from skinscan.store import access, accounts, attempts, audit

CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
PASSWORD = "correct horse battery"


def cheap(clinic: Clinic) -> Clinic:
    """The clinic, hashing at no cost."""
    return replace(clinic, passwords=CHEAP)


def user(clinic: Clinic, name: str, *roles: str, patient_id: str | None = None) -> str:
    """A user with the password `PASSWORD`; their id."""
    hashed = CHEAP.hash(PASSWORD)
    return access.new_user(clinic.store, name, roles, password_hash=hashed, patient_id=patient_id).id


class Clock:
    """The time that everything about signing in goes by."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.at = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
        for module in (access, accounts, attempts, audit, inviting, signing_in):
            if hasattr(module, "now"):
                patch.setattr(module, "now", lambda: self.at)

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)

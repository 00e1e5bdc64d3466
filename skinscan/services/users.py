"""What an administrator does: users and their roles. Neither photos nor patients' names are seen here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from skinscan.records import ParameterError
from skinscan.services.actor import ADMINISTRATOR, PRACTITIONER, RESEARCHER, Actor
from skinscan.services.clinic import Clinic
from skinscan.services.inviting import Invitation, invite_user
from skinscan.services.passwords import check_password, plain_name
from skinscan.store import access, accounts, attempts
from skinscan.store.accounts import Account

STAFF = (PRACTITIONER, RESEARCHER, ADMINISTRATOR)
"""Roles that an administrator gives; a patient's account comes with the patient's invitation."""

_USERNAME = re.compile(r"[\w.@+-]{2,64}")


def list_users(clinic: Clinic, actor: Actor) -> list[Account]:
    """Every account, by username. Raises NotFound for who is no administrator, as everything here."""
    actor.must_be(ADMINISTRATOR)
    return accounts.accounts(clinic.store)


def create_user(clinic: Clinic, actor: Actor, username: str, roles: Sequence[str]) -> Invitation:
    """A new user of the staff and the link by which they set their password. Raises ParameterError, RecordError."""
    actor.must_be(ADMINISTRATOR)
    name = checked_username(username)
    _staff_only(roles)
    if access.user_named(clinic.store, name) is not None:
        raise ParameterError(
            "There is a user of this name already",
            found=name,
            todo="Take another name, or make a new link for this user",
        )
    made = access.new_user(clinic.store, name, list(roles), actor=actor.user_id)
    return invite_user(clinic, actor, made.id)


def disable_user(clinic: Clinic, actor: Actor, user_id: str) -> None:
    """Close an account at once; its sign-ins end. Raises RecordError for the last administrator."""
    actor.must_be(ADMINISTRATOR)
    accounts.disable_user(clinic.store, user_id, actor=actor.user_id)


def enable_user(clinic: Clinic, actor: Actor, user_id: str) -> None:
    """Open a closed account again."""
    actor.must_be(ADMINISTRATOR)
    access.disable(clinic.store, user_id, disabled=False, actor=actor.user_id)


def unlock_user(clinic: Clinic, actor: Actor, user_id: str) -> None:
    """Let a user sign in again who was locked out by wrong passwords, and forget those."""
    actor.must_be(ADMINISTRATOR)
    accounts.unlock(clinic.store, user_id, actor=actor.user_id)
    attempts.forget(clinic.store, f"user {accounts.account(clinic.store, user_id).username}")


def set_roles(clinic: Clinic, actor: Actor, user_id: str, roles: Sequence[str]) -> None:
    """Other roles for a user of the staff. Raises ParameterError, RecordError for the last administrator."""
    actor.must_be(ADMINISTRATOR)
    if accounts.account(clinic.store, user_id).of_patient:
        raise ParameterError("A patient's account has no other role", todo="make a second account for this person")
    _staff_only(roles)
    accounts.set_roles(clinic.store, user_id, roles, actor=actor.user_id)


def has_administrator(clinic: Clinic) -> bool:
    """Whether anybody can administrate: a new clinic has to be given someone."""
    return accounts.has_administrator(clinic.store)


def make_administrator(clinic: Clinic, username: str, password: str) -> str:
    """From the computer's own console: a user who is an administrator, with this password, unlocked; the username.

    One that is there is given the password; whoever may read the master key needs no other proof.
    """
    name = checked_username(username)
    check_password(password, name)
    user = access.user_named(clinic.store, name)
    hashed = clinic.passwords.hash(password)
    if user is None:
        access.new_user(clinic.store, name, [ADMINISTRATOR], password_hash=hashed)
        return name
    if not accounts.account(clinic.store, user.id).roles & {ADMINISTRATOR}:
        raise ParameterError("This user is no administrator", found=name, todo="take another username")
    access.disable(clinic.store, user.id, disabled=False)
    accounts.unlock(clinic.store, user.id)
    access.set_password(clinic.store, user.id, hashed)
    attempts.forget(clinic.store, f"user {name}")
    return name


def checked_username(username: str) -> str:
    """A username as it is kept. Raises ParameterError."""
    name = plain_name(username)
    if not _USERNAME.fullmatch(name):
        raise ParameterError(
            "This username cannot be taken", expected="2 to 64 letters, digits and . _ - + @, without spaces",
            found=f"{len(name)} characters", todo="write it otherwise",
        )  # fmt: skip
    return name


def _staff_only(roles: Sequence[str]) -> None:
    if not roles or not set(roles) <= set(STAFF):
        raise ParameterError(
            "These roles cannot be given", expected=f"one or more of {', '.join(STAFF)}",
            found=", ".join(sorted(roles)) or "none",
        )  # fmt: skip

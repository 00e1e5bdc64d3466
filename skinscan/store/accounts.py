"""Users as an administrator sees them: listed, locked and unlocked, their roles changed. Never the last administrator
taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session as Rows

from skinscan.store.access import end_logins
from skinscan.store.access_tables import ROLES, Role, User
from skinscan.store.audit import SYSTEM
from skinscan.store.columns import now
from skinscan.store.errors import NotFound, RecordError
from skinscan.store.opening import Store
from skinscan.store.tables import Installation

ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Account:
    """A user without what is secret."""

    id: str
    username: str
    roles: frozenset[str]
    of_patient: bool
    has_password: bool
    made_at: datetime
    disabled_at: datetime | None
    locked_at: datetime | None


def accounts(store: Store) -> list[Account]:
    """Every user, by name."""
    with store.database.reading() as rows:
        roles: dict[str, set[str]] = {}
        for user_id, role in rows.execute(select(Role.user_id, Role.role)):
            roles.setdefault(user_id, set()).add(role)
        users = rows.scalars(select(User).order_by(User.username)).all()
    return [_account(user, roles.get(user.id, ())) for user in users]


def account(store: Store, user_id: str) -> Account:
    """One user. Raises NotFound."""
    with store.database.reading() as rows:
        user = _user(rows, user_id)
        return _account(user, rows.scalars(select(Role.role).where(Role.user_id == user_id)).all())


def accounts_of_patient(store: Store, patient_id: str) -> list[Account]:
    """A patient's own accounts."""
    with store.database.reading() as rows:
        found = rows.scalars(select(User.id).where(User.patient_id == patient_id).order_by(User.made_at)).all()
    return [account(store, user_id) for user_id in found]


def lock(store: Store, user_id: str) -> None:
    """No new sign-in of a user until `unlock`; those that are there hold, or anybody could end them. NotFound."""
    with store.change("lock", "user", user_id) as rows:
        user = _user(rows, user_id)
        user.locked_at = user.locked_at or now()


def unlock(store: Store, user_id: str, *, actor: str = SYSTEM) -> None:
    """Let a locked user sign in again. Raises NotFound."""
    with store.change("unlock", "user", user_id, actor) as rows:
        _user(rows, user_id).locked_at = None


def disable_user(store: Store, user_id: str, *, actor: str = SYSTEM) -> None:
    """Disable a user, whose sign-ins end. Raises NotFound, and RecordError for the last administrator."""
    with store.change("disable", "user", user_id, actor) as rows:
        _keep_an_administrator(rows, user_id)
        user = _user(rows, user_id)
        user.disabled_at = user.disabled_at or now()
        end_logins(rows, user_id)


def set_roles(store: Store, user_id: str, roles: Sequence[str], *, actor: str = SYSTEM) -> None:
    """Other roles for a user. Raises NotFound, and RecordError for none, one that there is not, or the last
    administrator."""
    unknown = sorted(set(roles) - set(ROLES))
    if unknown or not roles:
        raise RecordError("A user needs roles", expected=f"of {', '.join(ROLES)}", found=", ".join(unknown) or "none")
    with store.change("roles", "user", user_id, actor) as rows:
        _user(rows, user_id)
        if ADMINISTRATOR not in roles:
            _keep_an_administrator(rows, user_id)
        held = set(rows.scalars(select(Role.role).where(Role.user_id == user_id)))
        rows.execute(delete(Role).where(Role.user_id == user_id))
        rows.add_all(Role(user_id=user_id, role=role) for role in dict.fromkeys(roles))
        if held - set(roles):  # what is open by the role that is gone stops with the sign-ins
            end_logins(rows, user_id)


def has_administrator(store: Store) -> bool:
    """Whether an administrator could sign in (a locked one can be unlocked)."""
    with store.database.reading() as rows:
        return bool(_administrators(rows))


def _keep_an_administrator(rows: Rows, without: str) -> None:
    """Raise RecordError where nobody could administrate without this user, who does now."""
    # one at a time until the transaction ends: two who close each other's account at once must not both succeed
    rows.scalars(select(Installation.id).with_for_update()).all()
    if _administrators(rows) == {without}:
        raise RecordError(
            "The last administrator stays", expected="another administrator who has set a password", found="none",
            todo="make another administrator first",
        )  # fmt: skip


def _administrators(rows: Rows) -> set[str]:
    able = (Role.role == ADMINISTRATOR, User.disabled_at.is_(None), User.password_hash.is_not(None))
    return set(rows.scalars(select(User.id).join(Role, Role.user_id == User.id).where(*able)))


def _user(rows: Rows, user_id: str) -> User:
    user = rows.get(User, user_id)
    if user is None:
        raise NotFound("There is no such user", found=user_id)
    return user


def _account(user: User, roles: Sequence[str] | set[str]) -> Account:
    return Account(
        user.id, user.username, frozenset(roles), user.patient_id is not None, user.password_hash is not None,
        user.made_at, user.disabled_at, user.locked_at,
    )  # fmt: skip

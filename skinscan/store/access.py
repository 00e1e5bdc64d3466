"""Users, their roles and their sign-ins, as rows.

What a password or a token is, and who may do what, is not known here: only a token's digest and a password's hash come
in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session as Rows

from skinscan.store.access_tables import ROLES, Invitation, LoginSession, Role, User
from skinscan.store.audit import SYSTEM
from skinscan.store.columns import new_id, now
from skinscan.store.errors import NotFound, RecordError
from skinscan.store.opening import Store


def new_user(
    store: Store,
    username: str,
    roles: Sequence[str],
    *,
    password_hash: str | None = None,
    patient_id: str | None = None,
    actor: str = SYSTEM,
) -> User:
    """A new user with roles (`access_tables.ROLES`). Raises RecordError where the name is taken or a role is none."""
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise RecordError("A user needs roles", expected=f"of {', '.join(ROLES)}", found=", ".join(unknown) or "none")
    user = User(id=new_id(), username=username, password_hash=password_hash, patient_id=patient_id)
    with store.change("add", "user", user.id, actor) as rows:
        rows.add(user)
        rows.flush()
        rows.add_all(Role(user_id=user.id, role=role) for role in dict.fromkeys(roles))
    return user


def user_named(store: Store, username: str) -> User | None:
    """The user of a name, disabled or not."""
    with store.database.reading() as rows:
        return rows.scalar(select(User).where(User.username == username))


def user_of_patient(store: Store, patient_id: str) -> User | None:
    """The patient's own account, where there is one."""
    with store.database.reading() as rows:
        return rows.scalar(select(User).where(User.patient_id == patient_id))


def roles_of(store: Store, user_id: str) -> frozenset[str]:
    """A user's roles; none of one who is disabled or not there."""
    with store.database.reading() as rows:
        held = select(Role.role).join(User, User.id == Role.user_id)
        return frozenset(rows.scalars(held.where(User.id == user_id, User.disabled_at.is_(None))))


def set_password(store: Store, user_id: str, password_hash: str, *, actor: str = SYSTEM) -> None:
    """Another password; every sign-in of the user ends. Raises NotFound."""
    with store.change("password", "user", user_id, actor) as rows:
        user = rows.get(User, user_id)
        if user is None:
            raise NotFound("There is no such user", found=user_id)
        user.password_hash = password_hash
        end_logins(rows, user_id)


def disable(store: Store, user_id: str, *, disabled: bool = True, actor: str = SYSTEM) -> None:
    """Disable a user, whose sign-ins end, or enable one again. Raises NotFound."""
    with store.change("disable" if disabled else "enable", "user", user_id, actor) as rows:
        user = rows.get(User, user_id)
        if user is None:
            raise NotFound("There is no such user", found=user_id)
        user.disabled_at = now() if disabled else None
        end_logins(rows, user_id)


def begin_login(
    store: Store, user_id: str, token_digest: str, expires_at: datetime, *, password_hash: str | None = None
) -> LoginSession:
    """A sign-in of a user who is neither disabled nor locked, and whose password is still that of `password_hash`,
    where one is given: it may have been changed while it was checked. Raises NotFound."""
    session = LoginSession(
        id=new_id(), user_id=user_id, token_digest=token_digest, expires_at=expires_at, seen_at=now()
    )
    with store.change("login", "user", user_id, user_id) as rows:
        # locked: a password that is changed at this moment ends this sign-in, or is seen here
        user = rows.get(User, user_id, with_for_update=True)
        if user is None or user.disabled_at is not None or user.locked_at is not None:
            raise NotFound("There is no such user", found=user_id)
        if password_hash is not None and user.password_hash != password_hash:
            raise NotFound("The password was changed meanwhile", found=user_id)
        ended = (LoginSession.ended_at.is_not(None)) | (LoginSession.expires_at < now())
        rows.execute(delete(LoginSession).where(LoginSession.user_id == user_id, ended))
        rows.add(session)
    return session


def user_of_login(store: Store, token_digest: str, idle: timedelta | None = None) -> User | None:
    """The user whose sign-in this is, as long as it holds: neither ended nor expired nor, where `idle` is given, unused
    for that long; and the user not disabled."""
    held = [
        LoginSession.token_digest == token_digest,
        LoginSession.ended_at.is_(None),
        LoginSession.expires_at > now(),
        User.disabled_at.is_(None),
    ]
    if idle is not None:
        held.append(func.coalesce(LoginSession.seen_at, LoginSession.made_at) > now() - idle)
    with store.database.reading() as rows:
        return rows.scalar(select(User).join(LoginSession, LoginSession.user_id == User.id).where(*held))


def touch_login(store: Store, token_digest: str, every: timedelta) -> None:
    """Note that a sign-in is in use, unless that was noted less than `every` ago."""
    at = now()
    own = (LoginSession.token_digest == token_digest, LoginSession.ended_at.is_(None))
    seen = func.coalesce(LoginSession.seen_at, LoginSession.made_at)
    with store.database.reading() as rows:
        due = rows.scalar(select(LoginSession.id).where(*own, seen < at - every))
    if due is not None:
        with store.database.writing() as rows:
            rows.execute(update(LoginSession).where(*own).values(seen_at=at))


def end_login(store: Store, token_digest: str) -> None:
    """End a sign-in; none is no error."""
    with store.database.writing() as rows:
        own = (LoginSession.token_digest == token_digest, LoginSession.ended_at.is_(None))
        rows.execute(update(LoginSession).where(*own).values(ended_at=now()))


def invite(store: Store, user_id: str, token_digest: str, expires_at: datetime, *, actor: str = SYSTEM) -> None:
    """Keep a one-time link's digest; earlier links of the user hold no longer."""
    with store.change("invite", "user", user_id, actor) as rows:
        if rows.get(User, user_id) is None:
            raise NotFound("There is no such user", found=user_id)
        rows.execute(delete(Invitation).where(Invitation.user_id == user_id))
        rows.add(Invitation(id=new_id(), user_id=user_id, token_digest=token_digest, expires_at=expires_at))


def invited_user(store: Store, token_digest: str) -> User:
    """Whom a one-time link is for. Raises NotFound where it is used, expired or none."""
    fresh = (Invitation.token_digest == token_digest, Invitation.used_at.is_(None), Invitation.expires_at > now())
    with store.database.reading() as rows:
        found = select(User).join(Invitation, Invitation.user_id == User.id)
        user = rows.scalar(found.where(*fresh, User.disabled_at.is_(None)))
    if user is None:
        raise _no_link()
    return user


def use_invitation(store: Store, token_digest: str, password_hash: str) -> User:
    """Set the password that a one-time link is for, once, and unlock the account. Raises NotFound where the link is
    used, expired or none."""
    at = now()
    fresh = (Invitation.token_digest == token_digest, Invitation.used_at.is_(None), Invitation.expires_at > at)
    with store.database.reading() as rows:
        user_id = rows.scalar(select(Invitation.user_id).where(*fresh))
    if user_id is None:
        raise _no_link()
    with store.change("accept", "user", user_id, user_id) as rows:
        taken = rows.scalar(update(Invitation).where(*fresh).values(used_at=at).returning(Invitation.id))
        user = rows.get(User, user_id)
        if taken is None or user is None or user.disabled_at is not None:
            raise _no_link()
        user.password_hash = password_hash
        user.locked_at = None
        end_logins(rows, user_id)
    return user


def end_logins(rows: Rows, user_id: str) -> None:
    """End every sign-in of a user, within a writing transaction."""
    running = (LoginSession.user_id == user_id, LoginSession.ended_at.is_(None))
    rows.execute(update(LoginSession).where(*running).values(ended_at=now()))


def _no_link() -> NotFound:
    return NotFound(
        "This link does not hold", expected="one that is neither used nor older than its hours", found="another",
        todo="ask the clinic for a new one",
    )  # fmt: skip

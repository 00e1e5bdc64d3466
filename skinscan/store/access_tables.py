"""Who may see what: consents, shares, users and their roles, sign-ins, and the log of what was done."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from skinscan.store.columns import Base, Id, new_id, now
from skinscan.store.tables import OF_PATIENT, owner

PURPOSES = ("treatment", "sharing", "research")
"""What a patient may agree to: photos for the treatment, their being shown to the patient's own account, and the
pseudonymised measurements and photos in research."""

ROLES = ("administrator", "practitioner", "patient", "researcher")

OF_USER = "user.id"


def _one_of(column: str, words: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(word) for word in words)})", name=column)


class Consent(Base):
    """What a patient agreed to, when, by which wording, and when that was withdrawn."""

    __tablename__ = "consent"
    __table_args__ = (_one_of("purpose", PURPOSES),)
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    patient_id: Mapped[str] = owner(OF_PATIENT)
    purpose: Mapped[str] = mapped_column(String(32))
    wording: Mapped[str] = mapped_column(String(200), default="")
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class Share(Base):
    """What a practitioner shows to the patient: a photo, a pair of photos, or the course of a site. It holds while it
    is not stopped *and* the patient agrees to sharing. `key`: under which the shared report is kept (`Derived.key`), so
    that nothing is shown that nobody has looked at."""

    __tablename__ = "share"
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    patient_id: Mapped[str] = owner(OF_PATIENT)
    photo_id: Mapped[str | None] = owner("photo.id", nullable=True)
    after_photo_id: Mapped[str | None] = owner("photo.id", nullable=True)
    course_id: Mapped[str | None] = owner("course.id", nullable=True)
    shared_by: Mapped[str | None] = mapped_column(Id, ForeignKey(OF_USER, ondelete="SET NULL"))
    shared_at: Mapped[datetime] = mapped_column(default=now)
    stopped_at: Mapped[datetime | None]
    key: Mapped[str | None] = mapped_column(String(64))


class User(Base):
    """Someone who may sign in; `patient_id` where it is a patient's own account. Disabled, never removed, but with the
    patient; locked after too many wrong passwords."""

    __tablename__ = "user"
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    username: Mapped[str] = mapped_column(String(100), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    patient_id: Mapped[str | None] = owner(OF_PATIENT, nullable=True)
    made_at: Mapped[datetime] = mapped_column(default=now)
    disabled_at: Mapped[datetime | None]
    locked_at: Mapped[datetime | None]


class Role(Base):
    """A role that a user has."""

    __tablename__ = "role"
    __table_args__ = (_one_of("role", ROLES),)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey(OF_USER, ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16), primary_key=True)


class Invitation(Base):
    """A one-time link, of which only the token's digest is kept."""

    __tablename__ = "invitation"
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str] = owner(OF_USER)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LoginSession(Base):
    """A sign-in, of whose token only the digest is kept; it holds until it ends or expires."""

    __tablename__ = "login_session"
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str] = owner(OF_USER)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Attempts(Base):
    """Sign-ins tried in a row without success, by a keyed digest of whose or from where: it names nobody."""

    __tablename__ = "attempts"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    wait_until: Mapped[datetime | None]


class AuditLine(Base):
    """What was done: ids only, each line bound to the one before. The database refuses to change or remove one."""

    __tablename__ = "audit"
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(32))
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64), unique=True)

"""The clinical record: patients, what they agreed to, sessions, visits, photos and what was measured.

Everything of a patient hangs on the patient's row, so that erasing it leaves nothing. Undefined numbers are NULL with
a reason: SQLite turns NaN into NULL, PostgreSQL does not, and the record says the same on both.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from skinscan.store.columns import Base, Id, new_id, now

OF_PATIENT = "patient.id"


def owner(target: str, nullable: bool = False) -> Mapped[Any]:
    """A row that goes when what it belongs to goes."""
    return mapped_column(Id, ForeignKey(target, ondelete="CASCADE"), index=True, nullable=nullable)


class Installation(Base):
    """One row: which record this is, so that no other's vault or keys are taken for its own."""

    __tablename__ = "installation"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    made_at: Mapped[datetime] = mapped_column(default=now)


class Patient(Base):
    """A patient under a code that tells nothing."""

    __tablename__ = "patient"
    __table_args__ = (CheckConstraint("fitzpatrick IN ('I', 'II', 'III', 'IV', 'V', 'VI')", name="fitzpatrick"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    fitzpatrick: Mapped[str | None] = mapped_column(String(3))
    made_at: Mapped[datetime] = mapped_column(default=now)


class PatientName(Base):
    """The name to show, sealed under the patient's own key and kept apart: no query over the record meets it."""

    __tablename__ = "patient_name"
    patient_id: Mapped[str] = mapped_column(Id, ForeignKey(OF_PATIENT, ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[bytes]


class Session(Base):
    """A treatment. `depth_mm`: region -> mm, the key `` is the whole area; `zone`: the IANA name of the place's time
    zone, by which `at` falls on a day."""

    __tablename__ = "session"
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    patient_id: Mapped[str] = owner(OF_PATIENT)
    at: Mapped[datetime]
    zone: Mapped[str] = mapped_column(String(64))
    site: Mapped[str] = mapped_column(String(64), default="")
    device: Mapped[str] = mapped_column(String(200), default="")
    tip: Mapped[str] = mapped_column(String(200), default="")
    depth_mm: Mapped[dict[str, Any]] = mapped_column(default=dict)
    passes: Mapped[int | None]
    topical: Mapped[str] = mapped_column(String(500), default="")
    numbing: Mapped[str] = mapped_column(String(500), default="")
    operator: Mapped[str] = mapped_column(String(200), default="")
    adverse_events: Mapped[str] = mapped_column(default="")
    notes: Mapped[str] = mapped_column(default="")
    screening: Mapped[dict[str, Any]] = mapped_column(default=dict)
    made_at: Mapped[datetime] = mapped_column(default=now)


class Visit(Base):
    """An occasion on which photos were taken, and how the skin was prepared; None where nobody said."""

    __tablename__ = "visit"
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    patient_id: Mapped[str] = owner(OF_PATIENT)
    at: Mapped[datetime]
    zone: Mapped[str] = mapped_column(String(64))
    washed: Mapped[bool | None]
    make_up: Mapped[bool | None]
    sunscreen: Mapped[bool | None]
    tan: Mapped[bool | None]
    rest_minutes: Mapped[int | None]
    scores: Mapped[dict[str, Any]] = mapped_column(default=dict)
    notes: Mapped[str] = mapped_column(default="")
    made_at: Mapped[datetime] = mapped_column(default=now)


class Photo(Base):
    """A photo of a visit. `digest` is the vault's address of the original (keyed, so that it confirms nothing to who
    has only the record); `shot` counts the shots of a view; `decoding` is what was done to decode it; `taken_at` is the
    camera's own clock; `capture` what was said of how it was taken (size of the sticker, the light, a stand);
    `repositioned` whether camera and patient were placed anew before this shot. The file's name is
    not kept: it may be the patient's."""

    __tablename__ = "photo"
    __table_args__ = (
        UniqueConstraint("patient_id", "digest"),
        UniqueConstraint("visit_id", "view", "site", "shot"),
        CheckConstraint("bytes > 0", name="bytes"),
        CheckConstraint("shot > 0", name="shot"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    patient_id: Mapped[str] = owner(OF_PATIENT)
    visit_id: Mapped[str] = owner("visit.id")
    view: Mapped[str] = mapped_column(String(64))
    site: Mapped[str] = mapped_column(String(64), default="")
    shot: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int]
    format: Mapped[str] = mapped_column(String(16), default="")
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    taken_at: Mapped[str | None] = mapped_column(String(40))
    camera: Mapped[str | None] = mapped_column(String(200))
    decoding: Mapped[list[Any]] = mapped_column(default=list)
    after_session: Mapped[bool | None]
    repositioned: Mapped[bool | None]
    capture: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    made_at: Mapped[datetime] = mapped_column(default=now)

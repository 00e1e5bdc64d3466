"""Adding to the record: patients, sessions, visits, photos."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session as Rows

from skinscan.store.audit import SYSTEM
from skinscan.store.columns import Base, new_id
from skinscan.store.errors import NotFound, RecordError
from skinscan.store.files import locked
from skinscan.store.measured_tables import Course, Region
from skinscan.store.opening import Store
from skinscan.store.sealing import derived, seal
from skinscan.store.tables import Patient, PatientName, Photo, Session, Visit

_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Of a code: none that is taken for another when it is read out or written down."""


def new_patient(store: Store, *, name: str = "", fitzpatrick: str | None = None, actor: str = SYSTEM) -> Patient:
    """A new patient under a random code; `name`, to be shown only, is sealed. Raises RecordError."""
    patient = Patient(id=new_id(), code=_new_code(), fitzpatrick=fitzpatrick)
    with locked(store.places.lock, alone=False):
        key = store.keys.add(patient.id)
        # where this fails the key stays, as the record may have been written all the same; it protects nothing
        with store.change("add", "patient", patient.id, actor) as rows:
            rows.add(patient)
            rows.flush()
            if name:
                rows.add(PatientName(patient_id=patient.id, sealed=_sealed_name(key, patient.id, name)))
    return patient


def _new_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"P-{letters[:4]}-{letters[4:]}"


def _sealed_name(key: bytes, patient_id: str, name: str) -> bytes:
    return seal(derived(key, "name"), name.encode("utf-8"), patient_id)


def add_session(
    store: Store, patient_id: str, at: datetime, zone: str, *, actor: str = SYSTEM, **details: Any
) -> Session:
    """A treatment at an instant (aware) in a time zone (IANA name); `details` are columns of `tables.Session`."""
    session = Session(id=new_id(), patient_id=patient_id, at=at, zone=checked_zone(zone), **details)
    with store.change("add", "session", session.id, actor) as rows:
        check_patient(rows, patient_id)
        rows.add(session)
    return session


def add_course(store: Store, patient_id: str, site: str, indication: str, *, actor: str = SYSTEM) -> Course:
    """What is treated where."""
    course = Course(id=new_id(), patient_id=patient_id, site=site, indication=indication)
    with store.change("add", "course", course.id, actor) as rows:
        check_patient(rows, patient_id)
        rows.add(course)
    return course


def add_visit(store: Store, patient_id: str, at: datetime, zone: str, *, actor: str = SYSTEM, **details: Any) -> Visit:
    """An occasion of photos at an instant (aware) in a time zone; `details` are columns of `tables.Visit`."""
    visit = Visit(id=new_id(), patient_id=patient_id, at=at, zone=checked_zone(zone), **details)
    with store.change("add", "visit", visit.id, actor) as rows:
        check_patient(rows, patient_id)
        rows.add(visit)
    return visit


def save_visit(store: Store, visit: Visit, session: Session | None, *, actor: str = SYSTEM) -> Visit:
    """Keep a visit and what was done at it, both or neither. One of the patient and of the very same instant that is
    there stands for it (saving twice makes no second), and is what comes back. Raises NotFound, RecordError."""
    checked_zone(visit.zone)
    with store.change("save", "visit", visit.id, actor) as rows:
        check_patient(rows, visit.patient_id)
        rows.scalar(select(Patient.id).where(Patient.id == visit.patient_id).with_for_update())  # one after the other
        same = (Visit.patient_id == visit.patient_id, Visit.at == visit.at)
        known = rows.scalar(select(Visit).where(*same).limit(1))
        if known is None:
            rows.add(visit)
        if session is not None and not _is_there(rows, session):
            rows.add(session)
            store.audit.add(rows, "add", "session", session.id, actor)
    return known or visit


def _is_there(rows: Rows, session: Session) -> bool:
    same = (Session.patient_id == session.patient_id, Session.at == session.at, Session.site == session.site)
    return rows.scalar(select(Session.id).where(*same).limit(1)) is not None


def set_name(store: Store, patient_id: str, name: str, *, actor: str = SYSTEM) -> None:
    """Another name to show, or none. Raises NotFound."""
    with locked(store.places.lock, alone=False), store.change("name", "patient", patient_id, actor) as rows:
        check_patient(rows, patient_id)
        kept = rows.get(PatientName, patient_id)
        sealed = _sealed_name(store.keys.of(patient_id), patient_id, name)
        if kept is None:
            rows.add(PatientName(patient_id=patient_id, sealed=sealed))
        else:
            kept.sealed = sealed


def correct(store: Store, table: type[Base], row_id: str, *, actor: str = SYSTEM, **values: Any) -> None:
    """Change what a row says (a session's notes, a visit's preparation, a photo's view); never its id or patient.

    Raises NotFound, and RecordError where a column is none that may be changed.
    """
    fixed = {"id", "patient_id", "digest", "bytes", "made_at", *(() if table is not Photo else ("visit_id",))}
    wrong = [name for name in values if name in fixed or name not in table.__table__.columns]
    if wrong:
        raise RecordError("That cannot be changed", expected="a column of the row's own", found=", ".join(wrong))
    with store.change("correct", table.__tablename__, row_id, actor) as rows:
        row = rows.get(table, row_id)
        if row is None:
            raise NotFound("There is nothing to correct", found=row_id)
        for name, value in values.items():
            setattr(row, name, value)


def save_photo(
    store: Store,
    visit_id: str,
    original: bytes,
    view: str,
    *,
    site: str = "",
    details: Mapping[str, Any] | None = None,
    actor: str = SYSTEM,
) -> Photo:
    """Keep a photo: the original in the vault first, then its row; so a row always has its photo.

    `details` are further columns of `tables.Photo`. Raises VaultError or RecordError, and then no row tells of it; and
    RecordError where the patient has this very photo already.
    """
    with locked(store.places.lock, alone=False):
        with store.database.reading() as rows:
            patient_id = rows.scalar(select(Visit.patient_id).where(Visit.id == visit_id))
        if patient_id is None:
            raise NotFound("There is no such visit", found=visit_id)
        digest = store.vault.put(patient_id, original)
        photo = Photo(
            id=new_id(), patient_id=patient_id, visit_id=visit_id, view=view, site=site, digest=digest,
            bytes=len(original), **(details or {}),
        )  # fmt: skip
        with store.change("add", "photo", photo.id, actor) as rows:
            photo.shot = _next_shot(rows, photo)
            rows.add(photo)
    return photo


def _next_shot(rows: Rows, photo: Photo) -> int:
    """The number of the next shot of this view of the visit; whoever saves another one meanwhile waits."""
    rows.scalar(select(Visit.id).where(Visit.id == photo.visit_id).with_for_update())
    same = (Photo.visit_id == photo.visit_id, Photo.view == photo.view, Photo.site == photo.site)
    known = rows.scalars(select(Photo.id).where(Photo.patient_id == photo.patient_id, Photo.digest == photo.digest))
    if known.first() is not None:
        raise RecordError(
            "This very photo is in the record already", expected="a photo of its own for each shot",
            todo="leave it out; nothing was changed",
        )  # fmt: skip
    return (rows.scalar(select(func.max(Photo.shot)).where(*same)) or 0) + 1


def set_region(store: Store, photo: Photo, name: str, polygon: list[Any], *, actor: str = SYSTEM) -> None:
    """Keep a region drawn on a photo, in place of one of the same name; `polygon` [[x, y], ...] in its pixels."""
    with store.change("draw", "photo", photo.id, actor) as rows:
        rows.execute(delete(Region).where(Region.photo_id == photo.id, Region.name == name))
        drawn_by = None if actor == SYSTEM else actor
        rows.add(
            Region(
                id=new_id(),
                patient_id=photo.patient_id,
                photo_id=photo.id,
                name=name,
                polygon=polygon,
                drawn_by=drawn_by,
            )
        )


def drop_region(store: Store, photo: Photo, name: str, *, actor: str = SYSTEM) -> None:
    """Remove a region drawn on a photo; none is no error."""
    with store.change("undraw", "photo", photo.id, actor) as rows:
        rows.execute(delete(Region).where(Region.photo_id == photo.id, Region.name == name))


def checked_zone(zone: str) -> str:
    """The name of a time zone. Raises RecordError where there is none of that name."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise RecordError(
            "The time zone is not known", expected="an IANA name as Europe/Berlin", found=repr(zone)
        ) from None
    return zone


def check_patient(rows: Rows, patient_id: str) -> None:
    """Raise NotFound where there is no such patient."""
    if rows.get(Patient, patient_id) is None:
        raise NotFound("There is no such patient", found=patient_id)

"""What a patient agrees to, and what is shared with the patient because of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session as Rows

from skinscan.store.access_tables import PURPOSES, Consent, Share
from skinscan.store.audit import SYSTEM
from skinscan.store.columns import Base, new_id, now
from skinscan.store.errors import NotFound, RecordError
from skinscan.store.measured_tables import Course
from skinscan.store.opening import Store
from skinscan.store.recording import check_patient
from skinscan.store.tables import Patient, Photo


def give_consent(store: Store, patient_id: str, purpose: str, *, wording: str = "", actor: str = SYSTEM) -> Consent:
    """Record that a patient agrees to a purpose (`access_tables.PURPOSES`), by which wording. Raises RecordError."""
    if purpose not in PURPOSES:
        raise RecordError("This is no purpose", expected=f"one of {', '.join(PURPOSES)}", found=repr(purpose))
    consent = Consent(id=new_id(), patient_id=patient_id, purpose=purpose, wording=wording, given_at=now())
    with store.change("consent", "patient", patient_id, actor) as rows:
        check_patient(rows, patient_id)
        rows.add(consent)
    return consent


def withdraw_consent(store: Store, patient_id: str, purpose: str, *, actor: str = SYSTEM) -> int:
    """Record that a patient no longer agrees to a purpose; how many consents that ends. Where the purpose is sharing,
    every share stops in the same moment."""
    at = now()
    with store.change("withdraw", "patient", patient_id, actor) as rows:
        _lock(rows, patient_id)
        check_patient(rows, patient_id)
        held = (Consent.patient_id == patient_id, Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
        ended = rows.scalars(select(Consent).where(*held)).all()
        for consent in ended:
            consent.withdrawn_at = at
        if purpose == "sharing":
            running = (Share.patient_id == patient_id, Share.stopped_at.is_(None))
            rows.execute(update(Share).where(*running).values(stopped_at=at))
    return len(ended)


def agrees(store: Store, patient_id: str, purpose: str) -> bool:
    """Whether a patient agrees to a purpose now."""
    with store.database.reading() as rows:
        return _agrees(rows, patient_id, purpose)


def share(
    store: Store,
    patient_id: str,
    *,
    photo_id: str | None = None,
    after_photo_id: str | None = None,
    course_id: str | None = None,
    key: str | None = None,
    shared_by: str | None = None,
) -> Share:
    """Show a photo, a pair of photos (before and after) or a course to the patient's own account. `key`: under which
    the report that is shared is kept.

    Raises RecordError where the patient does not agree to sharing, or where what is to be shared is another's or none.
    """
    made = Share(
        id=new_id(), patient_id=patient_id, photo_id=photo_id, after_photo_id=after_photo_id, course_id=course_id,
        shared_by=shared_by, key=key,
    )  # fmt: skip
    with store.change("share", "share", made.id, shared_by or SYSTEM) as rows:
        _lock(rows, patient_id)
        check_patient(rows, patient_id)
        if not _agrees(rows, patient_id, "sharing"):
            raise RecordError(
                "The patient does not agree to sharing", expected="a consent to sharing that was not withdrawn",
                found="none", todo="ask the patient, and record the consent first",
            )  # fmt: skip
        if (photo_id is None) == (course_id is None) or (after_photo_id is not None and photo_id is None):
            raise RecordError("There is nothing to share", expected="a photo, a pair of photos, or a course")
        named: tuple[tuple[type[Base], str | None], ...]
        named = ((Photo, photo_id), (Photo, after_photo_id), (Course, course_id))
        for table, one in named:
            if one is not None and getattr(rows.get(table, one), "patient_id", None) != patient_id:
                raise NotFound("There is no such thing of this patient to share", found=one)
        rows.add(made)
    return made


def stop_share(store: Store, share_id: str, *, actor: str = SYSTEM) -> None:
    """Show it no longer. Raises NotFound."""
    with store.change("stop", "share", share_id, actor) as rows:
        found = rows.get(Share, share_id)
        if found is None:
            raise NotFound("There is no such share", found=share_id)
        found.stopped_at = found.stopped_at or now()


def shares_of(store: Store, patient_id: str) -> Sequence[Share]:
    """What the patient may see now: nothing without a consent to sharing."""
    with store.database.reading() as rows:
        if not _agrees(rows, patient_id, "sharing"):
            return []
        return rows.scalars(
            select(Share).where(Share.patient_id == patient_id, Share.stopped_at.is_(None)).order_by(Share.shared_at)
        ).all()


def _agrees(rows: Rows, patient_id: str, purpose: str) -> bool:
    held = (Consent.patient_id == patient_id, Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
    return rows.scalar(select(Consent.id).where(*held).limit(1)) is not None


def _lock(rows: Rows, patient_id: str) -> None:
    """Have sharing and withdrawing of one patient wait for each other, so that no share slips in between."""
    rows.scalar(select(Patient.id).where(Patient.id == patient_id).with_for_update())

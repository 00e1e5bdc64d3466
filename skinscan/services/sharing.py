"""What a practitioner shows to the patient: a course as it is told at that moment, until it is stopped or the patient
no longer agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from skinscan.services import measuring
from skinscan.services.actor import PRACTITIONER, Actor
from skinscan.services.clinic import Clinic
from skinscan.store import consents, deriving, reading
from skinscan.store.access_tables import Share
from skinscan.store.errors import RecordError
from skinscan.store.measured_tables import Course


@dataclass(frozen=True, slots=True)
class Shared:
    """A course that is shared: the report that a practitioner had looked at, kept under `key`. Later visits are not in
    it, nor what was drawn or corrected since."""

    share_id: str
    course_id: str
    indication: str
    site: str
    shared_at: datetime
    key: str


def share_course(clinic: Clinic, actor: Actor, course_id: str) -> str:
    """Share a course as it is now, in place of an earlier sharing of it; the share's id. Raises NotFound, RecordError
    where the patient does not agree or the course was not followed yet."""
    actor.must_be(PRACTITIONER)
    course = reading.row_of(clinic.store, Course, course_id)
    key = measuring.followed(clinic, course_id).key(clinic)
    if not deriving.kept(clinic.store, course.patient_id, key):
        raise RecordError(
            "The course as it is now was not looked at yet", expected="a course that was followed", found="none",
            todo="follow the course, look at it, then share it",
        )  # fmt: skip
    made = consents.share(clinic.store, course.patient_id, course_id=course_id, key=key, shared_by=actor.user_id)
    for one in shares_of(clinic, actor, course.patient_id):
        if one.course_id == course_id and one.share_id != made.id:
            consents.stop_share(clinic.store, one.share_id, actor=actor.user_id)
    return made.id


def stop(clinic: Clinic, actor: Actor, share_id: str) -> None:
    """Show it no longer. Raises NotFound."""
    actor.must_be(PRACTITIONER)
    consents.stop_share(clinic.store, share_id, actor=actor.user_id)


def shares_of(clinic: Clinic, actor: Actor, patient_id: str) -> list[Shared]:
    """What the patient may see now: asked by the practitioner, or by the patient."""
    actor.must_be_of(patient_id)
    return [_shared(clinic, row) for row in _running(clinic, patient_id)]


def is_shared(clinic: Clinic, patient_id: str, course_id: str, key: str) -> bool:
    """Whether a page of a course, made from what `key` is the digest of, is shared with its patient now."""
    return any((row.course_id, row.key) == (course_id, key) for row in _running(clinic, patient_id))


def is_photo_shared(clinic: Clinic, patient_id: str, photo_id: str) -> bool:
    """Whether a photo is one of a course that is shared with its patient now."""
    return any(
        photo.id == photo_id
        for row in _running(clinic, patient_id)
        if row.course_id is not None
        for photo, _ in measuring.followed(clinic, row.course_id, row.shared_at).photos
    )


def _running(clinic: Clinic, patient_id: str) -> Sequence[Share]:
    return [row for row in consents.shares_of(clinic.store, patient_id) if row.course_id is not None]


def _shared(clinic: Clinic, row: Share) -> Shared:
    course = reading.row_of(clinic.store, Course, row.course_id or "")
    return Shared(row.id, course.id, course.indication, course.site, row.shared_at, row.key or "")

"""Pictures and pages by their id, for whoever may see them; for everyone else they are not there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from skinscan.services import sharing
from skinscan.services.actor import PATIENT, PRACTITIONER, Actor
from skinscan.services.clinic import Clinic
from skinscan.services.visits import preview_of
from skinscan.store import deriving, measuring, reading
from skinscan.store.deriving import Made, Of
from skinscan.store.errors import NotFound
from skinscan.store.measured_tables import Derived
from skinscan.store.tables import Photo

JPEG = "image/jpeg"
PREVIEW = "preview.jpg"
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Media:
    """What is sent to the browser. `name` tells what it is, never whose."""

    content: bytes
    media_type: str
    name: str


def media_of(clinic: Clinic, actor: Actor, media_id: str) -> Media:
    """A preview of a photo (saved, or still on the tray of this user), or something made from photos. A practitioner
    sees all of the clinic's, a patient what is shared with them. Raises NotFound for all else."""
    if not _ID.fullmatch(media_id):
        raise _nothing()
    if actor.has(PRACTITIONER):
        return _found(clinic, actor, media_id)
    if actor.has(PATIENT) and actor.patient_id is not None and _is_shown(clinic, actor.patient_id, media_id):
        return _found(clinic, actor, media_id)
    raise _nothing()


def pdf_of(clinic: Clinic, actor: Actor, media_id: str) -> Media:
    """A report as PDF, for whoever may see the report. Raises NotFound, also for what is no report, and
    EnvironmentFault where this computer cannot make one."""
    from skinscan.report.pdf import to_pdf

    found = media_of(clinic, actor, media_id)
    if not found.media_type.startswith("text/html"):
        raise _nothing()
    made = to_pdf(found.content.decode("utf-8"))
    with clinic.store.change("pdf", "report", media_id, actor.user_id):
        return Media(made, "application/pdf", "skinscan-report.pdf")


def _is_shown(clinic: Clinic, patient_id: str, media_id: str) -> bool:
    """Whether it is of this patient and shared with them."""
    one = _row(clinic, media_id)
    if one is None or one.patient_id != patient_id:
        return False
    if isinstance(one, Photo):
        return sharing.is_photo_shared(clinic, patient_id, one.id)
    if not one.for_patient or one.course_id is None:
        return False
    return sharing.is_shared(clinic, patient_id, one.course_id, one.key)


def _found(clinic: Clinic, actor: Actor, media_id: str) -> Media:
    one = _row(clinic, media_id)
    if isinstance(one, Photo):
        return Media(_preview(clinic, one), JPEG, PREVIEW)
    if one is not None:
        return Media(deriving.content_of(clinic.store, one), one.media_type, one.name)
    if actor.has(PRACTITIONER):
        return Media(clinic.tray.get(actor, media_id).preview, JPEG, PREVIEW)
    raise _nothing()


def _row(clinic: Clinic, media_id: str) -> Photo | Derived | None:
    try:
        return reading.row_of(clinic.store, Photo, media_id)
    except NotFound:
        pass
    try:
        return reading.row_of(clinic.store, Derived, media_id)
    except NotFound:
        return None


def _preview(clinic: Clinic, photo: Photo) -> bytes:
    """The photo for looking at: small, upright, in sRGB, and without what else the file tells (place, camera)."""
    key = measuring.key_of(PREVIEW, photo.digest)
    kept = deriving.kept(clinic.store, photo.patient_id, key)
    if kept:
        return deriving.content_of(clinic.store, deriving.derived_of(clinic.store, kept[PREVIEW]))
    picture = preview_of(reading.original_of(clinic.store, photo.id))
    deriving.keep(clinic.store, Of(photo.patient_id, photo.id), key, {PREVIEW: Made(picture, JPEG)})
    return picture


def _nothing() -> NotFound:
    return NotFound("There is nothing here")

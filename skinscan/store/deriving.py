"""What is made from photos, kept sealed to spare the time. All of it can be made again, so what is missing is not
there, and no error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, select

from skinscan.store.columns import new_id
from skinscan.store.errors import NotFound, VaultError
from skinscan.store.files import locked
from skinscan.store.measured_tables import Derived
from skinscan.store.opening import Store


@dataclass(frozen=True, slots=True)
class Made:
    """Something made: its bytes, what they are, and whether it is written for the patient."""

    content: bytes
    media_type: str
    for_patient: bool = False


@dataclass(frozen=True, slots=True)
class Of:
    """Of what it was made: a patient's photo, pair of photos, or course."""

    patient_id: str
    photo_id: str | None = None
    after_photo_id: str | None = None
    course_id: str | None = None


def keep(store: Store, of: Of, key: str, made: Mapping[str, Made]) -> dict[str, str]:
    """Keep what was made, in place of what has the same key; name -> id. Raises VaultError, and NotFound where the
    patient is gone meanwhile."""
    with locked(store.places.lock, alone=False):
        addresses = {name: store.derived.put(of.patient_id, one.content) for name, one in made.items()}
        kept = [
            Derived(
                id=new_id(), patient_id=of.patient_id, photo_id=of.photo_id, after_photo_id=of.after_photo_id,
                course_id=of.course_id, key=key, name=name, media_type=one.media_type, address=addresses[name],
                for_patient=one.for_patient,
            )
            for name, one in made.items()
        ]  # fmt: skip
        with store.database.writing() as rows:
            rows.execute(delete(Derived).where(Derived.patient_id == of.patient_id, Derived.key == key))
            rows.add_all(kept)
    return {one.name: one.id for one in kept}


def kept(store: Store, patient_id: str, key: str) -> dict[str, str]:
    """Name -> id of what was kept under a key, where all of it is still there."""
    with store.database.reading() as rows:
        found = rows.scalars(select(Derived).where(Derived.patient_id == patient_id, Derived.key == key)).all()
    if any(store.derived.size(patient_id, one.address) is None for one in found):
        return {}
    return {one.name: one.id for one in found}


def derived_of(store: Store, derived_id: str) -> Derived:
    """What is known of something kept. Raises NotFound."""
    with store.database.reading() as rows:
        found = rows.get(Derived, derived_id)
    if found is None:
        raise NotFound("There is no such picture or report", found=derived_id)
    return found


def content_of(store: Store, one: Derived) -> bytes:
    """Its bytes. Raises NotFound where they were dropped or are not as they were kept: it has to be made anew."""
    try:
        return store.derived.get(one.patient_id, one.address)
    except VaultError:
        raise NotFound("This was dropped from the cache", found=one.id, todo="have it made anew") from None

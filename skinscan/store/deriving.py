"""What is made from photos, kept sealed to spare the time. All of it can be made again, so what is missing is not
there, and no error."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, select

from skinscan.store.columns import new_id
from skinscan.store.errors import NotFound, VaultError
from skinscan.store.files import locked
from skinscan.store.measured_tables import Derived
from skinscan.store.opening import Store

SETTLED_S = 600.0
"""A file this old without a row is not one whose row is about to be written."""


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


def keep(store: Store, of: Of, key: str, made: Mapping[str, Made], still: Collection[str] = ()) -> dict[str, str]:
    """Keep what was made, in place of what of the same names was made of the same before; name -> id. `still`: keys
    under which older things are still wanted. Raises VaultError, and NotFound where the patient is gone meanwhile."""
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
            for old in rows.scalars(_made_of(of)):
                if old.key == key or (old.name in made and old.key not in still):
                    rows.delete(old)
            rows.flush()
            rows.add_all(kept)
        _sweep(store, of.patient_id)
    return {one.name: one.id for one in kept}


def drop_patient(store: Store, patient_id: str) -> None:
    """Drop everything that was made of a patient."""
    with store.database.writing() as rows:
        rows.execute(delete(Derived).where(Derived.patient_id == patient_id))
    store.derived.remove_patient(patient_id)


def drop_all(store: Store) -> int:
    """Drop everything that was made; how many. It is made anew when it is asked for."""
    with locked(store.places.lock, alone=True):
        with store.database.writing() as rows:
            gone = rows.scalars(delete(Derived).returning(Derived.id)).all()
        for folder in store.derived.folder.iterdir():
            store.derived.remove_patient(folder.name)
    return len(gone)


def _made_of(of: Of) -> Select[Any]:
    same = (
        Derived.patient_id == of.patient_id,
        Derived.photo_id.is_not_distinct_from(of.photo_id),
        Derived.after_photo_id.is_not_distinct_from(of.after_photo_id),
        Derived.course_id.is_not_distinct_from(of.course_id),
    )
    return select(Derived).where(*same)


def _sweep(store: Store, patient_id: str) -> None:
    """Remove what no row tells of any more and nobody is just writing. A file that stays does no harm."""
    with store.database.reading() as rows:
        told = set(rows.scalars(select(Derived.address).where(Derived.patient_id == patient_id)))
    settled = time.time() - SETTLED_S
    for path in (store.derived.folder / patient_id).glob("*/*"):
        with suppress(OSError):
            if path.name not in told and path.stat().st_mtime < settled:
                path.unlink()


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
        with suppress(OSError):  # `kept` looks whether there is a file: what cannot be opened must not be found again
            store.derived.path_of(one.patient_id, one.address).unlink(missing_ok=True)
        raise NotFound("This was dropped from the cache", found=one.id, todo="have it made anew") from None

"""Removing a photo that should not be there: another patient's, or one that was not agreed to."""

from __future__ import annotations

from contextlib import suppress

from skinscan.store import deriving
from skinscan.store.audit import SYSTEM
from skinscan.store.errors import NotFound
from skinscan.store.files import locked, sync_folder
from skinscan.store.opening import Store
from skinscan.store.tables import Photo


def remove_photo(store: Store, photo_id: str, *, actor: str = SYSTEM) -> None:
    """Remove a photo, its numbers, and everything that was made of the patient's photos, as it may show this one. In
    backups it stays, sealed, until they are over. Raises NotFound."""
    with locked(store.places.lock, alone=True):
        with store.database.reading() as rows:
            photo = rows.get(Photo, photo_id)
        if photo is None:
            raise NotFound("There is no such photo", found=photo_id)
        with store.change("remove", "photo", photo_id, actor) as rows:
            rows.delete(rows.get_one(Photo, photo_id))
        deriving.drop_patient(store, photo.patient_id)
        path = store.vault.path_of(photo.patient_id, photo.digest)
        with suppress(FileNotFoundError):  # where the process ends before this, `vault verify --sweep` finds it
            path.unlink()
            sync_folder(path.parent)

"""Proving that every photo of the record is in the vault as it was kept, and telling what is there beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select

from skinscan.store.errors import StoreError, VaultError
from skinscan.store.files import locked
from skinscan.store.opening import Store
from skinscan.store.tables import Patient, Photo

Fault = Literal["missing", "truncated", "altered", "no_key"]


@dataclass(frozen=True)
class FoundFault:
    """A photo of the record that the vault cannot give back as it was kept."""

    photo_id: str
    patient_id: str
    fault: Fault


@dataclass(frozen=True)
class Verification:
    """What verifying found: photos that were sound, faults, patients without a key, and what no row tells of: photos
    whose saving was cut off before its row was written (`unreferenced`: patient and address), keys of nobody."""

    sound: int
    faults: tuple[FoundFault, ...]
    patients_without_key: tuple[str, ...]
    unreferenced: tuple[tuple[str, str], ...]
    keys_of_nobody: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing of the record is lost; what is there beside it does no harm."""
        return not self.faults and not self.patients_without_key


def verify(store: Store, progress: Callable[[int, int], None] = lambda done, total: None) -> Verification:
    """Open every photo of the record and hold it against its address. `progress(done, total)`.

    Photos may be saved meanwhile; an erasure waits.
    """
    with locked(store.places.lock, alone=False):
        # what is written first is looked at first: a file before its row, a key before its patient
        kept, keys_before = set(store.vault.kept()), set(store.keys.patients())
        with store.database.reading() as rows:
            patients = set(rows.scalars(select(Patient.id)))
            photos = rows.execute(select(Photo.id, Photo.patient_id, Photo.digest, Photo.bytes)).all()
        keys = set(store.keys.patients())
        faults = []
        for number, (photo_id, patient_id, digest, size) in enumerate(photos, 1):
            fault = _fault(store, patient_id, digest, size)
            if fault is not None:
                faults.append(FoundFault(photo_id, patient_id, fault))
            progress(number, len(photos))
    told = {(patient_id, digest) for _, patient_id, digest, _ in photos}
    return Verification(
        len(photos) - len(faults), tuple(faults), tuple(sorted(patients - keys)), tuple(sorted(kept - told)),
        tuple(sorted(keys_before - patients)),
    )  # fmt: skip


def remove_unreferenced(store: Store) -> int:
    """Remove from the vault what no row of the record tells of; how many files. Only when nobody is saving.

    Never asked for by a start: a record restored from an older backup does not know of later photos.
    """
    with locked(store.places.lock, alone=True):
        with store.database.reading() as rows:
            told = {(photo.patient_id, photo.digest) for photo in rows.scalars(select(Photo))}
        left = [one for one in store.vault.kept() if one not in told]
        for patient_id, address in left:
            store.vault.path_of(patient_id, address).unlink(missing_ok=True)
    return len(left)


def _fault(store: Store, patient_id: str, digest: str, size: int) -> Fault | None:
    found = store.vault.size(patient_id, digest)
    if found is None:
        return "missing"
    if found < size:
        return "truncated"
    try:
        return None if len(store.vault.get(patient_id, digest)) == size else "altered"
    except VaultError:
        return "altered"
    except StoreError:
        return "no_key"

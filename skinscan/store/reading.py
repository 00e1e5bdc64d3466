"""Looking into the record. Rows come out as they are and stay readable; what is not there is NotFound."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import func, select

from skinscan.store.columns import Base
from skinscan.store.errors import NotFound, StoreError
from skinscan.store.opening import Store
from skinscan.store.sealing import Broken, derived, unseal
from skinscan.store.tables import Patient, PatientName, Photo, Visit

Row = TypeVar("Row", bound=Base)


def patients(store: Store) -> Sequence[Patient]:
    """All patients, by code."""
    with store.database.reading() as rows:
        return rows.scalars(select(Patient).order_by(Patient.code)).all()


def patient_of(store: Store, code_or_id: str) -> Patient:
    """The patient of a code or an id. Raises NotFound."""
    with store.database.reading() as rows:
        found = rows.scalar(select(Patient).where((Patient.code == code_or_id) | (Patient.id == code_or_id)))
    if found is None:
        raise NotFound("There is no such patient", expected="a code as P-7K3Q-MW2X, or an id", found=code_or_id)
    return found


def row_of(store: Store, table: type[Row], row_id: str) -> Row:
    """A row by its id. Raises NotFound."""
    with store.database.reading() as rows:
        found = rows.get(table, row_id)
    if found is None:
        raise NotFound(f"There is no such {table.__tablename__}", found=row_id)
    return found


def last_visits(store: Store, patient_id: str | None = None) -> dict[str, tuple[int, Visit]]:
    """Patient -> number of visits and the last one; of all patients, or of one."""
    counts = select(Visit.patient_id, func.count(), func.max(Visit.at)).group_by(Visit.patient_id)
    if patient_id is not None:
        counts = counts.where(Visit.patient_id == patient_id)
    told = counts.subquery()
    of_last = select(told.c[1], Visit).join(told, (told.c[0] == Visit.patient_id) & (told.c[2] == Visit.at))
    with store.database.reading() as rows:
        return {visit.patient_id: (int(count), visit) for count, visit in rows.execute(of_last)}


def name_of(store: Store, patient_id: str) -> str:
    """The patient's name to show; empty where none was given. Raises NotFound where the patient's key is gone."""
    with store.database.reading() as rows:
        row = rows.get(PatientName, patient_id)
    if row is None:
        return ""
    try:
        return unseal(derived(store.keys.of(patient_id), "name"), row.sealed, patient_id).decode("utf-8")
    except Broken:
        raise NotFound(
            "The patient's name cannot be read", expected="it as it was sealed", found=f"other bytes for {patient_id}",
            todo="write the name anew",
        ) from None  # fmt: skip


def names(store: Store) -> dict[str, str]:
    """Patient -> name to show, of all that have one. One that cannot be read is left out: the others are wanted."""
    with store.database.reading() as rows:
        sealed = rows.execute(select(PatientName.patient_id, PatientName.sealed)).all()
    found = {}
    for patient_id, name in sealed:
        with suppress(Broken, StoreError):
            found[patient_id] = unseal(derived(store.keys.of(patient_id), "name"), name, patient_id).decode("utf-8")
    return found


def rows_of(store: Store, table: type[Row], patient_id: str) -> Sequence[Row]:
    """A patient's rows of a table that has `patient_id`, in order of time where it has one."""
    columns: Any = table
    order = next((getattr(table, name) for name in ("at", "made_at") if hasattr(table, name)), columns.patient_id)
    with store.database.reading() as rows:
        return rows.scalars(select(table).where(columns.patient_id == patient_id).order_by(order)).all()


def original_of(store: Store, photo_id: str) -> bytes:
    """A photo's original, byte for byte. Raises NotFound, or VaultError where it is not as it was kept."""
    with store.database.reading() as rows:
        photo = rows.get(Photo, photo_id)
    if photo is None:
        raise NotFound("There is no such photo", found=photo_id)
    return store.vault.get(photo.patient_id, photo.digest)

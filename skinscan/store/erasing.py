"""Erasing a patient for good: the key, the photos, the rows; what stays is an id in the audit log.

The decision is the line in the list of erasures. Whatever happens after it, the next start carries it out to the end.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from skinscan.store.audit import SYSTEM
from skinscan.store.columns import Base
from skinscan.store.database import checkpoint, translated
from skinscan.store.errors import NotFound, RecordError
from skinscan.store.files import PRIVATE_FILE, locked
from skinscan.store.tables import Patient

if TYPE_CHECKING:
    from skinscan.store.opening import Store

PURGE_PATIENCE_S = 30.0


def erase_patient(store: Store, patient_id: str, actor: str = SYSTEM) -> list[Path]:
    """Erase a patient: data key, photos, every row, and what the database's files still held of them; and photos and
    key in the backups that can be reached. Places of backups that cannot: their next backup carries it on.

    Waits for photos being saved and for a running backup. Raises NotFound where there is no such patient, StoreError
    where a backup takes too long, and RecordError where the database could not be purged; the erasure stands then, and
    the next start carries it on.
    """
    from skinscan.store.backup import reach_backups  # a backup knows the store, which knows erasing

    with locked(store.places.lock, alone=True):
        with store.database.reading() as rows:
            if rows.get(Patient, patient_id) is None:
                raise NotFound("There is no such patient", found=patient_id)
        store.erasures.add(patient_id)
        _due(store).touch(PRIVATE_FILE)
        _remove(store, patient_id, actor)
        missed = reach_backups(store, patient_id)
        purge(store)
    return missed


def unfinished(store: Store) -> list[str]:
    """Patients on the list of erasures of whom something is left."""
    ids = store.erasures.ids()
    if not ids:
        return []
    with store.database.reading() as rows:
        left = set(rows.scalars(select(Patient.id)))
    left.update(store.keys.patients())
    for vault in (store.vault, store.derived):
        left.update(path.name for path in vault.folder.iterdir())
    return [one for one in ids if one in left]


def finish(store: Store) -> None:
    """Carry erasures that were cut off to their end; only while holding the vault's lock alone."""
    left = unfinished(store)
    for patient_id in left:
        _remove(store, patient_id, SYSTEM)
    if left or _due(store).exists():
        purge(store)


def _remove(store: Store, patient_id: str, actor: str) -> None:
    store.keys.destroy(patient_id)
    for vault in (store.vault, store.derived):
        vault.remove_patient(patient_id)
    with store.change("erase", "patient", patient_id, actor) as rows:
        rows.execute(delete(Patient).where(Patient.id == patient_id))


def _due(store: Store) -> Path:
    """Is there as long as the database's files may hold something of the erased."""
    return store.keys.folder / "purge.due"


def purge(store: Store) -> None:
    """Have the database's files hold nothing of deleted rows. SQLite overwrites them (`secure_delete`), and its log is
    emptied here; PostgreSQL writes its tables anew. Raises RecordError where others keep the log in use."""
    if store.database.is_sqlite:
        end = time.monotonic() + PURGE_PATIENCE_S
        while not checkpoint(store.database):
            if time.monotonic() > end:
                raise RecordError(
                    "The patient is erased, but the database's log still holds old pages", expected="no long reader",
                    found="one at work", todo="close other programs that use the record, then start skinscan again",
                )  # fmt: skip
            time.sleep(0.05)
    else:
        _write_anew(store)
    _due(store).unlink(missing_ok=True)


def _write_anew(store: Store) -> None:
    """Have PostgreSQL write every table anew, without the rows that were deleted."""
    quoted = store.database.engine.dialect.identifier_preparer.quote
    with translated(), store.database.engine.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        alone.exec_driver_sql(f"SET lock_timeout = '{PURGE_PATIENCE_S:.0f}s'")
        try:
            for table in Base.metadata.sorted_tables:
                alone.exec_driver_sql(f"VACUUM FULL {quoted(table.name)}")
        finally:
            alone.exec_driver_sql("RESET lock_timeout")

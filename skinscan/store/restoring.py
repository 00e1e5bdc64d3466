"""From backups back to a clinic, in an empty place; whoever was erased since stays erased.

The keys come from the key store that is still there, else from a backup of it. Who was erased is known from the lists
beside the keys, beside the backups, and any that the user names; all of them are taken together.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from skinscan.store.audit import ANCHOR
from skinscan.store.backup import POOL, RECORD, photos_of
from skinscan.store.database import Database, open_database
from skinscan.store.dumping import load
from skinscan.store.erasing import purge
from skinscan.store.erasures import NAME, Erasures
from skinscan.store.errors import BackupError
from skinscan.store.files import private_folder, write_whole
from skinscan.store.keys import OWN, KeyStore
from skinscan.store.master_key import read_master_key
from skinscan.store.migrating import revision_of
from skinscan.store.opening import Store, open_store
from skinscan.store.places import Places
from skinscan.store.tables import Installation


@dataclass(frozen=True)
class Restored:
    """What came back: photos, and the patients left out because they had been erased since."""

    photos: int
    erased: tuple[str, ...]


def restore(
    places: Places,
    backup: Path,
    keys_backup: Path | None = None,
    *,
    erasures: Sequence[Path] = (),
    old_list_will_do: bool = False,
) -> Restored:
    """Bring a backup back into an empty place; nothing that is there is written over.

    `backup`: a folder `record-<time>` beside its photos; `keys_backup`: a folder `keys-<time>`, where the key store is
    lost too; `erasures`: further lists of erased patients. Raises BackupError where something is there already, a
    backup is not whole, or no list is as new as the last backup (`old_list_will_do`: that of the backup will do), and
    MasterKeyError.
    """
    master = read_master_key(places)
    had_keys = (places.keys / f"{OWN}.key").exists()
    for path in erasures:
        if not path.is_file():
            raise BackupError("The list of erased patients is missing", expected=f"a file {path}", found="none")
    lists = [backup.parent / NAME, *([keys_backup.parent / NAME] if keys_backup else []), *erasures]
    _check(places, backup, keys_backup, had_keys, lists, old_list_will_do)
    source = KeyStore.open(places.keys if had_keys else keys_backup or places.keys, master)
    erased = _all_erased(source, [*([places.keys / NAME] if had_keys else []), *lists])
    sealed = _read(backup / RECORD)
    database = open_database(places)
    try:
        _check_empty(database)
        _bring_keys(places, source, keys_backup, erased, master)
        keys = KeyStore.open(places.keys, master)
        for path in lists:
            Erasures(places.keys / NAME, keys).take_over(Erasures(path, keys))
        photos = _bring_photos(places, backup, erased)
        (places.keys / ANCHOR).unlink(missing_ok=True)  # the log ends earlier now; the next line writes it down
        load(database, sealed, keys, erased)
    finally:
        database.close()
    with open_store(places) as store:
        _tell(store, erased)
        purge(store)
    return Restored(photos, tuple(erased))


def _check(
    places: Places, backup: Path, keys_backup: Path | None, had_keys: bool, lists: Sequence[Path], old_will_do: bool
) -> None:
    if not (backup / RECORD).is_file():
        raise BackupError(
            "This is no backup of a record", expected=f"a folder record-<time> that holds {RECORD}", found=backup.name
        )
    if not had_keys and (keys_backup is None or not (keys_backup / f"{OWN}.key").is_file()):
        raise BackupError(
            "The keys are missing", expected=f"a key store in {places.keys}, or a backup of it: a folder keys-<time>",
            found="neither", todo="name the backup of the keys: --keys FOLDER/keys-<time>",
        )  # fmt: skip
    if not (had_keys or old_will_do or any(path.is_file() for path in lists)):
        raise BackupError(
            "Nothing tells who was erased since this backup", expected=f"{NAME} beside the backups, or a copy of it",
            found="none", todo="name one: --erasures FILE; if there is none, say so: --no-newer-erasures",
        )  # fmt: skip


def _check_empty(database: Database) -> None:
    if revision_of(database) is None:
        return
    with database.reading() as rows:
        found = rows.scalar(select(Installation.id))
    if found is not None:
        raise BackupError(
            "There is a record already", expected="an empty place", found=f"record {found}",
            todo="move it away first, or name another place; nothing was changed",
        )  # fmt: skip


def _all_erased(keys: KeyStore, lists: Sequence[Path]) -> list[str]:
    return list(dict.fromkeys(one for path in lists for one in Erasures(path, keys).ids()))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BackupError("The backup cannot be read", found=error.strerror or type(error).__name__) from None


def _bring_keys(places: Places, source: KeyStore, backup: Path | None, erased: Sequence[str], master: bytes) -> None:
    """Copy the keys that are not there, the installation's last, so that a killed restore begins anew."""
    private_folder(places.keys)
    for path in sorted(backup.glob("*.key") if backup else [], key=lambda one: one.stem == OWN):
        target = places.keys / path.name
        if path.stem not in erased and not target.exists():
            write_whole(target, path.read_bytes())
    if KeyStore.open(places.keys, master).installation != source.installation:
        raise BackupError("The keys there are of another clinic", expected=source.installation)


def _bring_photos(places: Places, backup: Path, erased: Sequence[str]) -> int:
    """Copy the photos that are not there; how many the backup holds of patients who were not erased."""
    private_folder(places.vault)
    pool, count = backup.parent / POOL, 0
    for patient_id, address in photos_of(backup):
        if patient_id in erased:
            continue
        count += 1
        part = Path(patient_id) / address[:2] / address
        target = places.vault / part
        if target.exists():
            continue
        try:
            sealed = (pool / part).read_bytes()
        except FileNotFoundError:
            raise BackupError(
                "A photo is missing from the backup", expected=f"it under {POOL}/ beside the backup",
                found=f"none at {address[:12]}... of patient {patient_id}", todo="take another backup",
            ) from None  # fmt: skip
        private_folder(target.parent)
        write_whole(target, sealed)
    for patient_id in erased:
        shutil.rmtree(places.vault / patient_id, ignore_errors=True)
    return count


def _tell(store: Store, erased: Sequence[str]) -> None:
    with store.change("restore", "installation", store.keys.installation) as rows:
        for patient_id in erased:
            store.audit.add(rows, "erase", "patient", patient_id)

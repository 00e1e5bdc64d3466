"""Backing up while the clinic works: the record and the vault to one place, the keys to another.

    FOLDER/record-<time>/record.sealed, photos.json      one backup of the record, and which photos are of it
    FOLDER/photos/<patient>/<..>/<address>               sealed photos, each once, of all backups there
    KEYS/keys-<time>/<patient>.key                       the wrapped keys
    FOLDER/erasures.list, KEYS/erasures.list             who was erased, as of the latest backup or erasure

The master key is in none of them. A backup older than its days is removed by the next one: once the backups of the
keys are, nothing reads an erased patient's photos in older backups of the vault.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from skinscan.store.audit import SYSTEM
from skinscan.store.columns import now
from skinscan.store.dumping import dumped
from skinscan.store.erasures import NAME, Erasures
from skinscan.store.errors import BackupError
from skinscan.store.files import BEGUN, locked, private_folder, sync_folder, write_whole
from skinscan.store.keys import wipe
from skinscan.store.opening import Store
from skinscan.store.tables import Photo

RECORD_DAYS, KEYS_DAYS = 90, 30
"""How long a backup is kept: of record and vault, and of the keys."""

RECORD, PHOTOS, POOL, LOCK = "record.sealed", "photos.json", "photos", "backup.lock"
_DESTINATIONS = "backups.json"


@dataclass(frozen=True)
class Made:
    """A backup that was made: where, and how many photos it holds."""

    record: Path
    keys: Path
    photos: int


def make_backup(
    store: Store, folder: Path, keys_folder: Path, *, record_days: int = RECORD_DAYS, keys_days: int = KEYS_DAYS
) -> Made:
    """Back up record, vault and keys as they are at one moment; photos may be saved meanwhile, an erasure waits.

    Only photos that are not there yet are copied. Raises BackupError where the two places are not apart, where one
    cannot be written, or a photo of the record is missing from the vault.
    """
    folder, keys_folder = folder.resolve(), keys_folder.resolve()
    _check_apart(store, folder, keys_folder)
    stamp = f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    try:
        for place in (folder, keys_folder):
            private_folder(place)
        places = [locked(place / LOCK, alone=True) for place in sorted((folder, keys_folder))]
        with places[0], places[1], locked(store.places.lock, alone=False):
            for place in (folder, keys_folder):
                Erasures(place / NAME, store.keys).take_over(store.erasures)
            _remember(store, folder, keys_folder)
            keys = _keys(store, keys_folder, stamp)
            record, photos = _record(store, folder, stamp)
            _prune(folder, "record-", record_days)
            _prune(keys_folder, "keys-", keys_days)
            _prune_pool(folder)
    except OSError as error:
        raise BackupError(
            "The backup could not be made", expected="room and leave to write it",
            found=error.strerror or type(error).__name__, todo="mend that, then make the backup again",
        ) from None  # fmt: skip
    with store.change("backup", "installation", store.keys.installation, SYSTEM):
        pass
    return Made(record, keys, photos)


def reach_backups(store: Store, patient_id: str) -> list[Path]:
    """Carry an erasure into the backups that can be reached: the lists, the photos, the keys; where it could not."""
    missed = []
    for place in _destinations(store):
        try:
            if not place.is_dir():
                raise FileNotFoundError
            Erasures(place / NAME, store.keys).take_over(store.erasures)
            for path in place.glob(f"keys-*/{patient_id}.key"):
                wipe(path)
            shutil.rmtree(place / POOL / patient_id, ignore_errors=True)
        except OSError:
            missed.append(place)
    return missed


def backups_in(folder: Path, kind: str) -> list[Path]:
    """Whole backups in a folder, `kind` "record-" or "keys-", oldest first."""
    return sorted(path for path in folder.glob(f"{kind}*") if path.is_dir())


def _check_apart(store: Store, folder: Path, keys_folder: Path) -> None:
    """Keys beside photos would make of two backups one."""
    if folder == keys_folder or folder in keys_folder.parents or keys_folder in folder.parents:
        raise BackupError(
            "Record and keys are to be backed up apart", expected="two folders, neither in the other",
            found="one in the other", todo="name another place for the keys, best on another medium",
        )  # fmt: skip
    own = [place.resolve() for place in (store.places.folder, store.places.keys)]
    if any(one == mine or mine in one.parents for one in (folder, keys_folder) for mine in own):
        raise BackupError("A backup does not belong among what it is of", todo="name a place outside the clinic's data")


def _keys(store: Store, folder: Path, stamp: str) -> Path:
    begun = folder / f"{BEGUN}{stamp}"
    private_folder(begun)
    for path in sorted(store.keys.folder.glob("*.key")):
        write_whole(begun / path.name, path.read_bytes())
    return Path(begun.rename(folder / f"keys-{stamp}"))


def _record(store: Store, folder: Path, stamp: str) -> tuple[Path, int]:
    begun = folder / f"{BEGUN}{stamp}"
    private_folder(begun)
    with store.database.reading() as rows:
        sealed = dumped(rows, store.keys)
        photos = [tuple(row) for row in rows.execute(select(Photo.patient_id, Photo.digest))]
    for patient_id, digest in photos:
        _copy_photo(store, folder, patient_id, digest)
    write_whole(begun / RECORD, sealed)
    write_whole(begun / PHOTOS, json.dumps(photos).encode())
    done = Path(begun.rename(folder / f"record-{stamp}"))
    sync_folder(folder)
    return done, len(photos)


def _copy_photo(store: Store, folder: Path, patient_id: str, digest: str) -> None:
    source = store.vault.path_of(patient_id, digest)
    target = folder / POOL / source.relative_to(store.vault.folder)
    try:
        size = source.stat().st_size
    except FileNotFoundError:
        raise BackupError(
            "A photo of the record is missing from the vault", expected="every photo there",
            found=f"none at {digest[:12]}... of patient {patient_id}",
            todo="see what is missing: skinscan vault verify; then restore it from an earlier backup",
        ) from None  # fmt: skip
    if target.exists() and target.stat().st_size == size:
        return
    private_folder(target.parent)
    write_whole(target, source.read_bytes())


def _prune(folder: Path, kind: str, days: int) -> None:
    """Remove backups older than their days, but the newest, and what killed ones left."""
    oldest = f"{kind}{now() - timedelta(days=days):%Y%m%dT%H%M%SZ}"
    for path in backups_in(folder, kind)[:-1]:
        if path.name < oldest:
            for key in path.glob("*.key"):
                wipe(key)
            shutil.rmtree(path)
    for path in folder.glob(f"{BEGUN}*"):  # of killed ones: this one holds the place alone, and has done its part
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _prune_pool(folder: Path) -> None:
    """Remove photos that no backup there is of any more."""
    told = {tuple(one) for backup in backups_in(folder, "record-") for one in photos_of(backup)}
    for path in folder.glob(f"{POOL}/*/*/*"):
        if (path.parent.parent.name, path.name) not in told and not path.name.startswith(BEGUN):
            path.unlink()


def photos_of(backup: Path) -> Iterator[tuple[str, str]]:
    """Patient and address of each photo of a backup. Raises BackupError."""
    try:
        yield from (tuple(one) for one in json.loads((backup / PHOTOS).read_bytes()))
    except (OSError, ValueError) as error:
        raise BackupError(
            "This is no whole backup", expected=f"{RECORD} and {PHOTOS} in {backup.name}", found=type(error).__name__,
            todo="take another backup; nothing was changed",
        ) from None  # fmt: skip


def _remember(store: Store, *places: Path) -> None:
    told = {str(place) for place in (*_destinations(store), *places)}
    write_whole(store.keys.folder / _DESTINATIONS, json.dumps(sorted(told)).encode())


def _destinations(store: Store) -> list[Path]:
    try:
        return [Path(text) for text in json.loads((store.keys.folder / _DESTINATIONS).read_bytes())]
    except (OSError, ValueError):
        return []

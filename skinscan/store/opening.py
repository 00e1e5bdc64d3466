"""Opening a clinic's record, vault and keys together, or refusing with what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as Rows

from skinscan.store import access_tables, measured_tables  # noqa: F401 - an open record knows all of its tables
from skinscan.store.audit import SYSTEM, Audit
from skinscan.store.columns import new_id
from skinscan.store.database import Database, open_database
from skinscan.store.erasing import finish
from skinscan.store.erasures import NAME, Erasures
from skinscan.store.errors import BusyError, NotFound, StoreError
from skinscan.store.files import PRIVATE_FILE, locked, private_folder, remove_begun
from skinscan.store.keys import KeyStore
from skinscan.store.master_key import make_master_key, read_master_key
from skinscan.store.migrating import revision_of, upgrade
from skinscan.store.places import Places
from skinscan.store.tables import Installation
from skinscan.store.vault import Vault


@dataclass(frozen=True)
class Store:
    """A clinic's record, vault and keys, open."""

    places: Places
    database: Database
    keys: KeyStore
    vault: Vault

    @property
    def derived(self) -> Vault:
        """What was made from the photos, sealed as they are; in no backup, and it may be dropped."""
        return Vault(self.places.derived, self.keys)

    @property
    def audit(self) -> Audit:
        return Audit(self.database, self.keys)

    @property
    def erasures(self) -> Erasures:
        return Erasures(self.keys.folder / NAME, self.keys)

    @contextmanager
    def change(self, action: str, kind: str, subject: str, actor: str = SYSTEM) -> Iterator[Rows]:
        """One writing transaction and its line in the audit log: both stand, or neither. Raises RecordError."""
        with self.database.writing() as rows:
            yield rows
            line = self.audit.add(rows, action, kind, subject, actor)
        with suppress(OSError):  # what was done is done; the next line writes the log's end down again
            self.audit.anchor(line)

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def make_store(places: Places) -> Store:
    """A new clinic: master key (where none is given), keys, record, vault. What a killed try left is taken up.

    Raises StoreError where a clinic is there already.
    """
    if places.master is None and not places.master_file.exists():
        if places.keys.exists() and any(places.keys.iterdir()):
            read_master_key(places)  # says that it is missing: a new one would not open these keys
        make_master_key(places.master_file)
    master = read_master_key(places)
    private_folder(places.folder)
    private_folder(places.vault)
    try:
        keys = KeyStore.open(places.keys, master)
    except NotFound:
        keys = KeyStore.make(places.keys, new_id(), master)
    database = open_database(places)
    try:
        upgrade(database)
        with database.writing() as rows:
            found = rows.scalar(select(Installation.id))
            if found is not None:
                raise StoreError("There is a clinic already", found=f"record {found}", todo="open it; nothing was made")
            if any(places.vault.iterdir()) or any(keys.patients()):
                raise StoreError(
                    "The record is new, but there are photos or keys of another", expected="an empty vault and no keys",
                    found="some", todo="restore the backup of the record, or move vault and keys away",
                )  # fmt: skip
            rows.add(Installation(id=keys.installation))
            Audit(database, keys).add(rows, "make", "installation", keys.installation)
    finally:
        database.close()
    return open_store(places)


def open_store(places: Places) -> Store:
    """The clinic there; its tables are brought to this version. What a killed process left half written is removed.

    Raises MasterKeyError where the master key is missing or another, NotFound where there is no clinic yet, and
    StoreError where record and keys are of two clinics. Nothing was changed then.
    """
    master = read_master_key(places)
    keys = KeyStore.open(places.keys, master)
    if not places.database_url and not places.record.exists():
        raise NotFound(
            "The record is missing", expected=f"a database {places.record}", found="none",
            todo="restore it from a backup: skinscan restore",
        )  # fmt: skip
    database = open_database(places)
    try:
        if revision_of(database) is None:
            raise NotFound(
                "The record is empty", expected="the record of this clinic", found="a database without tables",
                todo="name the right database, or restore a backup: skinscan restore",
            )  # fmt: skip
        upgrade(database)
        with database.reading() as rows:
            found = rows.scalar(select(Installation.id))
        if found != keys.installation:
            raise StoreError(
                "The record and the keys are not of one clinic", expected=f"record {keys.installation}",
                found=found or "an empty record", todo="name the places that belong together, or restore a backup",
            )  # fmt: skip
        for folder in (places.vault, places.derived):
            private_folder(folder)
        store = Store(places, database, keys, Vault(places.vault, keys))
        _tidy(store)
    except BaseException:
        database.close()
        raise
    return store


def _tidy(store: Store) -> None:
    """Carry on what killed processes left: files half written, erasures begun. Not where another process is at work."""
    if not store.places.lock.exists():
        store.places.lock.touch(PRIVATE_FILE)
    try:
        with locked(store.places.lock, alone=True, patience_s=0):
            for folder in (store.vault.folder, store.derived.folder, store.keys.folder):
                remove_begun(folder)
            finish(store)
    except BusyError:
        return

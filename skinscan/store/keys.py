"""The key store: a wrapped data key for each patient and one of the installation, each in a small file of its own.

Removing a patient's file is what makes every copy of that patient's photos unreadable; so the files lie apart from
record and vault and are backed up apart, for a shorter time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from skinscan.store.errors import MasterKeyError, NotFound, StoreError
from skinscan.store.files import private_folder, sync_folder, write_whole
from skinscan.store.sealing import KEY_BYTES, OVERHEAD_BYTES, Broken, new_key, seal, unseal

OWN = "installation"
"""Name of the key that belongs to no patient: of the audit log and the list of erasures."""


@dataclass(frozen=True)
class KeyStore:
    """Wrapped keys under `folder`. `installation`: which record they belong to; `own`: the installation's key."""

    folder: Path
    installation: str
    own: bytes = field(repr=False)
    _master: bytes = field(repr=False)

    @staticmethod
    def make(folder: Path, installation: str, master: bytes) -> KeyStore:
        """A new key store. Raises StoreError where one is there."""
        private_folder(folder)
        if (folder / _file_of(OWN)).exists():
            raise StoreError("There is a key store already", found=f"one in {folder}", todo="open it")
        own = new_key()
        sealed = seal(master, own, OWN)
        write_whole(folder / _file_of(OWN), installation.encode("ascii") + b"\n" + sealed)
        return KeyStore(folder, installation, own, master)

    @staticmethod
    def open(folder: Path, master: bytes) -> KeyStore:
        """The key store there. Raises MasterKeyError where the master key is another one, NotFound where none is."""
        try:
            line, _, sealed = (folder / _file_of(OWN)).read_bytes().partition(b"\n")
        except FileNotFoundError:
            raise NotFound(
                "There is no key store", expected=f"one in {folder}", found="none",
                todo="restore the backup of the keys: skinscan restore; for a new clinic run: skinscan vault init",
            ) from None  # fmt: skip
        try:
            own = unseal(master, sealed, OWN)
        except Broken:
            raise MasterKeyError(
                "The master key is not the one of this clinic", expected=f"the key that wraps the keys in {folder}",
                found="another one (or a damaged key store)",
                todo="put your copy of the right master key in its place; nothing was changed",
            ) from None  # fmt: skip
        return KeyStore(folder, line.decode("ascii"), own, master)

    def add(self, patient_id: str) -> bytes:
        """A new data key for a patient. Raises StoreError where there is one: photos may lie under it."""
        path = self.folder / _file_of(patient_id)
        if path.exists():
            raise StoreError("The patient has a key already", found=patient_id)
        key = new_key()
        write_whole(path, seal(self._master, key, patient_id))
        return key

    def of(self, patient_id: str) -> bytes:
        """A patient's data key. Raises NotFound where it is gone, and StoreError where its file is damaged."""
        try:
            sealed = (self.folder / _file_of(patient_id)).read_bytes()
        except FileNotFoundError:
            raise NotFound(
                "The patient's key is not there", expected=f"it in {self.folder}", found=f"none for {patient_id}",
                todo="if the patient was not erased, restore the backup of the keys: skinscan restore",
            ) from None  # fmt: skip
        try:
            return unseal(self._master, sealed, patient_id)
        except Broken:
            raise StoreError(
                "A patient's key is damaged", expected=f"{KEY_BYTES + OVERHEAD_BYTES} bytes sealed by the master key",
                found=f"{len(sealed)} bytes that are not, for {patient_id}",
                todo="restore the backup of the keys: skinscan restore",
            ) from None  # fmt: skip

    def destroy(self, patient_id: str) -> None:
        """Remove a patient's key for good: overwritten first, as far as the disk writes in place. None is no error."""
        wipe(self.folder / _file_of(patient_id))

    def patients(self) -> Iterator[str]:
        """Ids of the patients that have a key."""
        for path in sorted(self.folder.glob(_file_of("*"))):
            if path.stem != OWN:
                yield path.stem


def wipe(path: Path) -> None:
    """Remove a small file for good: overwritten first, as far as the disk writes in place. None is no error."""
    with suppress(FileNotFoundError):
        with path.open("r+b") as file:
            file.write(os.urandom(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    sync_folder(path.parent)


def _file_of(name: str) -> str:
    return f"{name}.key"

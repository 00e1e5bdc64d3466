"""The vault: originals byte for byte, sealed under their patient's key, addressed by a keyed digest."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from skinscan.store.errors import VaultError
from skinscan.store.files import private_folder, sync_folder, write_whole
from skinscan.store.keys import KeyStore
from skinscan.store.sealing import OVERHEAD_BYTES, Broken, derived, keyed_digest, seal, unseal

_ADDRESS = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Vault:
    """Photos under `folder`, a folder for each patient. An address is the HMAC-SHA256 of the original under a key of
    the patient's own, and what the sealed bytes are bound to: a file put in another's place is refused."""

    folder: Path
    keys: KeyStore

    def put(self, patient_id: str, original: bytes) -> str:
        """Keep an original; its address. It lasts when this returns; putting it again changes nothing.

        Raises VaultError where it cannot be written, and then nothing of it is there.
        """
        key = self.keys.of(patient_id)
        address = keyed_digest(derived(key, "address"), original)
        path = self.path_of(patient_id, address)
        try:
            for folder in (path.parent.parent, path.parent):
                if not folder.exists():
                    private_folder(folder)
                    sync_folder(folder.parent)
            write_whole(path, seal(derived(key, "photo"), original, address))
        except OSError as error:
            raise VaultError(
                "The photo could not be kept", expected=f"room and leave to write {len(original)} bytes",
                found=error.strerror or type(error).__name__,
                todo="make room on the disk of the vault, then save the photo again; nothing of it was kept",
            ) from None  # fmt: skip
        return address

    def get(self, patient_id: str, address: str) -> bytes:
        """The original, byte for byte. Raises VaultError where it is missing, cut short or altered."""
        key = self.keys.of(patient_id)
        try:
            sealed = self.path_of(patient_id, address).read_bytes()
        except OSError as error:
            raise VaultError(
                "The photo is missing from the vault", expected=f"a file that can be read for {address[:12]}...",
                found=error.strerror or type(error).__name__, todo="restore it from a backup: skinscan restore",
            ) from None  # fmt: skip
        try:
            original = unseal(derived(key, "photo"), sealed, address)
        except Broken:
            original = None
        if original is None or keyed_digest(derived(key, "address"), original) != address:
            raise VaultError(
                "The photo in the vault is not as it was kept", expected="the sealed original",
                found=f"{len(sealed)} bytes altered or cut short, at {address[:12]}...",
                todo="restore it from a backup: skinscan restore",
            )  # fmt: skip
        return original

    def size(self, patient_id: str, address: str) -> int | None:
        """Bytes of the original as its file's size tells; None where there is no file."""
        try:
            return self.path_of(patient_id, address).stat().st_size - OVERHEAD_BYTES
        except OSError:
            return None

    def path_of(self, patient_id: str, address: str) -> Path:
        """Where the sealed original lies. Raises VaultError where either is no id: nothing else becomes a path."""
        if not (_ID.fullmatch(patient_id) and _ADDRESS.fullmatch(address)):
            raise VaultError("This is no address in the vault", expected="an id and an address in hexadecimal digits")
        return self.folder / patient_id / address[:2] / address

    def remove_patient(self, patient_id: str) -> None:
        """Remove all that is kept of a patient; none is no error."""
        folder = self.path_of(patient_id, "0" * 64).parent.parent
        if folder.exists():
            shutil.rmtree(folder)
            sync_folder(self.folder)

    def kept(self) -> Iterator[tuple[str, str]]:
        """Patient and address of every file in the vault."""
        for path in sorted(self.folder.glob("*/*/*")):
            if _ADDRESS.fullmatch(path.name):
                yield path.parent.parent.name, path.name

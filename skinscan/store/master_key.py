"""The master key: 32 bytes that wrap every other key, from the environment or a file that only its owner reads."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path

from skinscan.store.errors import MasterKeyError
from skinscan.store.files import private_folder, write_whole
from skinscan.store.places import MASTER_FILE_VARIABLE, MASTER_VARIABLE, Places
from skinscan.store.sealing import KEY_BYTES, new_key

_FORM = f"{KEY_BYTES} random bytes in base64 ({4 * -(-KEY_BYTES // 3)} characters)"


def read_master_key(places: Places) -> bytes:
    """The master key of `places`. Raises MasterKeyError saying how to mend it."""
    if places.master is not None:
        return _decoded(places.master, f"the environment variable {MASTER_VARIABLE}")
    path = places.master_file
    try:
        status = path.stat()
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise MasterKeyError(
            "The master key is missing", expected=f"it in {MASTER_VARIABLE} or in the file {path}", found="neither",
            todo=f"put your copy of the key file there with mode 0600, or name its place in {MASTER_FILE_VARIABLE}; "
            "for a new clinic run: skinscan vault init",
        ) from None  # fmt: skip
    except (OSError, UnicodeDecodeError) as error:
        raise MasterKeyError(
            "The master key cannot be read", expected=f"a key file {path} that is yours", found=type(error).__name__,
            todo="put your copy of the key file there with mode 0600",
        ) from None  # fmt: skip
    mode = stat.S_IMODE(status.st_mode)
    if os.name == "posix" and mode & 0o077:
        raise MasterKeyError(
            "Others may read the master key", expected=f"mode 0600 of {path}", found=f"mode {mode:04o}",
            todo=f"run: chmod 600 {path}",
        )  # fmt: skip
    return _decoded(text, f"the file {path}")


def make_master_key(path: Path) -> bytes:
    """A new master key in a file of mode 0600. Raises MasterKeyError where one is there already."""
    if path.exists():
        raise MasterKeyError(
            "There is a master key already", expected=f"no file {path}", found="one",
            todo="keep it: without it no photo that it protects can be read",
        )  # fmt: skip
    key = new_key()
    private_folder(path.parent)
    write_whole(path, base64.b64encode(key) + b"\n")
    return key


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise MasterKeyError(
            "The master key is not one", expected=f"{_FORM} in {where}", found=f"{len(text.strip())} characters",
            todo="put your own copy of the key there",
        )  # fmt: skip
    return key

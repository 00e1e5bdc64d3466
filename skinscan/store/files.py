"""Files that are wholly there or not at all, and locks between processes."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from skinscan.store.errors import BusyError

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600

BEGUN = ".begun-"
"""Names of files that are still being written begin with this; one left behind by a killed process is nobody's."""


def private_folder(path: Path) -> Path:
    """The folder, made where it is missing, for nobody but this user."""
    path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    return path


def write_whole(path: Path, data: bytes, mode: int = PRIVATE_FILE) -> None:
    """Write a file that is there whole or not at all, whatever happens in between: temp, fsync, rename, fsync of the
    folder. Raises OSError (the disk is full, ...) and then leaves nothing."""
    begun = path.parent / f"{BEGUN}{secrets.token_hex(8)}"
    try:
        handle = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        begun.replace(path)
    except BaseException:
        with suppress(OSError):
            begun.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the folder's own entries last: without it a rename or a removal may be lost with the power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_begun(folder: Path) -> int:
    """Remove what killed processes left half written under a folder; only where none is writing. How many."""
    left = list(folder.rglob(f"{BEGUN}*"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


@contextmanager
def locked(path: Path, *, alone: bool, patience_s: float = 60.0) -> Iterator[None]:
    """Hold a lock between processes and threads: shared, or `alone`. It ends with the process, however that ends.

    Raises BusyError where others hold it for longer than `patience_s`.
    """
    import fcntl

    handle = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        end = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(handle, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise BusyError(
                        "The vault is busy",
                        expected=f"it to be free within {patience_s:.0f} s",
                        found="another process at work in it (a backup, an erasure, a photo being saved)",
                        todo="try again when that is done",
                    ) from None
                time.sleep(0.01)
        yield
    finally:
        os.close(handle)

"""Where photos lie while the page works on them: a private folder, wiped at the end or at the next start."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

PREFIX = "skinscan-web-"
LOCK = "lock"
_SETTLED_S = 60.0
_TAKEN_UP_WITHIN_S = 600.0
_DIGEST = re.compile(r"[0-9a-f]{64}")
"""Name of the folder in which Gradio lays a file that was sent."""


class Workplace:
    """A folder only this user can read; it goes when the process ends, however the next one finds it."""

    def __init__(self, base: Path | None = None) -> None:
        base = base or Path(tempfile.gettempdir())
        wipe_stale(base)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        self._lock: IO[str] | None = (self.path / LOCK).open("w")
        _hold(self._lock)
        self._uploads: dict[str, list[Path]] = {}
        atexit.register(self.close)

    def desk(self, session: str) -> Path:
        """The folder of one open page, made where it is missing. `session` may be any text."""
        name = "".join(c for c in session if c.isalnum())[:64] or "page"
        folder = self.path / f"desk-{name}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def remember(self, session: str, upload: Path) -> None:
        """Note a file that one open page sent, for `sweep`: just now the browser may still be reading it."""
        self._uploads.setdefault(session, []).append(upload)

    def sweep(self, session: str) -> None:
        """Wipe the files that one open page sent."""
        for upload in self._uploads.pop(session, []):
            self.forget(upload)

    def clear(self, session: str) -> None:
        """Wipe what one open page left."""
        self.sweep(session)
        shutil.rmtree(self.desk(session), ignore_errors=True)

    def forget(self, path: Path) -> None:
        """Wipe an uploaded file and the folder made for it; a path outside this folder is left alone."""
        path = path.resolve()
        root = self.path.resolve()
        if not path.is_relative_to(root) or path == root:
            return
        path.unlink(missing_ok=True)
        with suppress(OSError):  # the folder may be on its way out, or another upload just came into it
            if path.parent != root and not any(path.parent.iterdir()):
                path.parent.rmdir()

    def wipe_unclaimed(self, sending: int) -> None:
        """Wipe uploads that broke off (where none is under way: `sending`), and those that no page took up."""
        for path in [] if sending else self.path.glob("tmp*"):
            if path.is_file():
                path.unlink(missing_ok=True)
        for name in [one for one in os.listdir(self.path) if _DIGEST.fullmatch(one)]:
            with suppress(FileNotFoundError):  # a page takes uploads up meanwhile, and their folders go
                for path in list((self.path / name).iterdir()):
                    if time.time() - path.stat().st_mtime > _TAKEN_UP_WITHIN_S:
                        self.forget(path)

    def close(self) -> None:
        """Wipe everything."""
        atexit.unregister(self.close)
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        shutil.rmtree(self.path, ignore_errors=True)


def wipe_stale(base: Path) -> None:
    """Wipe the workplaces in `base` that dead processes of this user left (a killed one cannot tidy up)."""
    for folder in base.glob(f"{PREFIX}*"):
        if folder.is_symlink() or not folder.is_dir() or not _is_ours(folder):
            continue
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


def _is_abandoned(folder: Path) -> bool:
    """Whether nobody holds its lock. One without a lock may just be being made: it has a minute."""
    try:
        lock = (folder / LOCK).open("r+")
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > _SETTLED_S
    except OSError:
        return False
    with lock:
        return _hold(lock)


def _hold(lock: IO[str]) -> bool:
    """Lock a file until it is closed; False where another process holds it. Death lets go of it."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

"""The clinic's real server as a process of its own, which can be killed as a power cut kills."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skinscan.store import Places, Store, make_store
from skinscan.store.access import new_user
from tests.services.identity import CHEAP, PASSWORD

ROOT = Path(__file__).resolve().parents[2]
_SAID = re.compile(r"skinscan is at (http://\S+) ")


@dataclass(frozen=True)
class Ground:
    """Where a clinic lies, and its server's temporary files."""

    folder: Path
    database_url: str = ""

    @property
    def places(self) -> Places:
        return Places.under(self.folder, self.database_url)

    @property
    def temporary(self) -> Path:
        return self.folder / "temporary"

    def make(self, *usernames: str) -> Store:
        """A new clinic with practitioners who sign in with `PASSWORD`."""
        self.temporary.mkdir(parents=True)
        store = make_store(self.places)
        new_user(store, "head", ["administrator"], password_hash=CHEAP.hash(PASSWORD))
        for name in usernames:
            new_user(store, name, ["practitioner"], password_hash=CHEAP.hash(PASSWORD))
        return store

    def environment(self) -> dict[str, str]:
        places = self.places
        told = {
            "SKINSCAN_DATA": str(places.folder), "SKINSCAN_KEYS": str(places.keys),
            "SKINSCAN_MASTER_KEY_FILE": str(places.master_file), "SKINSCAN_ZONE": "Europe/Berlin",
            "TMPDIR": str(self.temporary), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        return {**os.environ, **told, **({"SKINSCAN_DATABASE_URL": self.database_url} if self.database_url else {})}


class ServedProcess:
    """`skinscan serve` on a free port; `address` once it answers there."""

    def __init__(self, ground: Ground, more: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "skinscan.cli", "serve", "--no-open", "--port", "0"]
        self._log = (ground.folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            command, cwd=ROOT, env={**ground.environment(), **(more or {})}, stdout=subprocess.PIPE, stderr=self._log,
            text=True,
        )  # fmt: skip
        self.address = self._address(ground)

    def _address(self, ground: Ground) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := _SAID.match(line):
                return found[1]
        raise AssertionError((ground.folder / "server.log").read_text())

    def kill(self) -> None:
        """As a power cut."""
        self.process.send_signal(signal.SIGKILL)
        self._gone()

    def stop(self) -> int:
        """Politely; the exit status."""
        self.process.terminate()
        return self._gone()

    def _gone(self) -> int:
        status = self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()
        return status

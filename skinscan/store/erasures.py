"""The list of erased patients: ids and days, each line sealed against forgery, kept beside the keys and every backup.

It is what keeps an erased patient erased when an older backup is restored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from skinscan.store.columns import now
from skinscan.store.errors import BackupError
from skinscan.store.files import write_whole
from skinscan.store.keys import KeyStore
from skinscan.store.sealing import derived, keyed_digest

NAME = "erasures.list"


@dataclass(frozen=True)
class Erasures:
    """A list in a file (that may not be there yet), and the keys of the clinic that it is of."""

    path: Path
    keys: KeyStore

    def ids(self) -> tuple[str, ...]:
        """Ids of the erased, oldest first; none where there is no list. Raises BackupError where a line is forged or
        damaged: what it said must be found out, not left out."""
        return tuple(json.loads(line)["patient"] for line in self._lines())

    def add(self, patient_id: str) -> None:
        """Put a patient on the list; it lasts when this returns. Only while holding the vault's lock alone."""
        told = {"patient": patient_id, "at": now().isoformat(timespec="seconds")}
        self._write([*self._lines(), json.dumps({**told, "proof": self._proof(told)})])

    def take_over(self, other: Erasures) -> None:
        """Add what only another list of this installation holds."""
        known = set(self.ids())
        new = [line for line in other._lines() if json.loads(line)["patient"] not in known]
        if new or not self.path.exists():
            self._write([*self._lines(), *new])

    def _lines(self) -> list[str]:
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        for number, line in enumerate(lines, 1):
            try:
                told = json.loads(line)
                proof = told.pop("proof")
                told["patient"] = str(told["patient"])
            except (ValueError, KeyError, TypeError, AttributeError):
                proof, told = "", {}
            if proof != self._proof(told):
                raise BackupError(
                    "The list of erased patients is damaged", expected=f"lines that this clinic wrote in {self.path}",
                    found=f"another one, line {number}", todo="put back a copy of the list, as beside any later backup",
                )  # fmt: skip
        return lines

    def _write(self, lines: Iterable[str]) -> None:
        write_whole(self.path, "".join(f"{line}\n" for line in lines).encode())

    def _proof(self, told: dict[str, str]) -> str:
        return keyed_digest(derived(self.keys.own, "erasures"), json.dumps(told, sort_keys=True).encode())

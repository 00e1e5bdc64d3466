"""The audit log: what was done by whom to what, as ids; append-only, each line's digest holding the one before.

The digests are keyed by the installation's own key, so that who can write to the database alone cannot make a log that
holds together. The last line is also written down beside the keys (`anchor`), so that a log cut short is noticed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session as Rows

from skinscan.store.access_tables import AuditLine
from skinscan.store.columns import now
from skinscan.store.database import Database
from skinscan.store.errors import AuditError
from skinscan.store.files import write_whole
from skinscan.store.keys import KeyStore
from skinscan.store.sealing import derived, keyed_digest

FIRST = "0" * 64
"""What the first line is bound to."""

SYSTEM = "system"
"""The actor where no user asked: the command line, a restart."""

ANCHOR = "audit.end"
"""The file beside the keys that says how the log ends."""

_LOCK = 7_305_216_115


@dataclass(frozen=True)
class Audit:
    """The log of one installation."""

    database: Database
    keys: KeyStore

    def add(self, rows: Rows, action: str, kind: str, subject: str, actor: str = SYSTEM) -> AuditLine:
        """Append a line within a writing transaction, so that it stands exactly if what it tells of was done."""
        if not self.database.is_sqlite:
            rows.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        last = rows.execute(
            select(AuditLine.number, AuditLine.digest).order_by(AuditLine.number.desc()).limit(1)
        ).first()
        number, previous = (0, FIRST) if last is None else (int(last[0]), str(last[1]))
        line = AuditLine(
            number=number + 1, at=now(), actor=actor, action=action, kind=kind, subject=subject, previous=previous
        )
        line.digest = self._digest(line)
        rows.add(line)
        rows.flush()
        return line

    def anchor(self, line: AuditLine) -> None:
        """Write a line's number and digest down beside the keys. Raises OSError."""
        write_whole(self._anchor, json.dumps({"number": line.number, "digest": line.digest}).encode())

    def verify(self) -> int:
        """Prove that no line was changed, removed or put in between; how many there are. Raises AuditError."""
        with self.database.reading() as rows:
            in_order = select(AuditLine).order_by(AuditLine.number).execution_options(yield_per=1000)
            with closing(rows.scalars(in_order)) as lines:
                digests = self._checked(lines)
        self._check_end(digests)
        return len(digests)

    def count(self) -> int:
        """How many lines there are, unproved."""
        with self.database.reading() as rows:
            return int(rows.scalar(select(func.count()).select_from(AuditLine)) or 0)

    def _checked(self, lines: Iterable[AuditLine]) -> list[str]:
        digests: list[str] = []
        previous = FIRST
        for number, line in enumerate(lines, 1):
            wrong = (
                f"line {number} is missing" if line.number != number
                else f"line {number} is not bound to the one before" if line.previous != previous
                else f"line {number} was changed" if line.digest != self._digest(line)
                else ""
            )  # fmt: skip
            if wrong:
                raise _broken(wrong)
            previous = line.digest
            digests.append(previous)
        return digests

    def _check_end(self, digests: list[str]) -> None:
        try:
            told = json.loads(self._anchor.read_bytes())
            number, digest = int(told["number"]), str(told["digest"])
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError):
            raise _broken("what was written down of its end cannot be read") from None
        if number > len(digests):
            raise _broken(f"it ends at line {len(digests)}, and line {number} was written")
        if digests[number - 1] != digest:
            raise _broken(f"line {number} is not the one that was written")

    def _digest(self, line: AuditLine) -> str:
        told = [line.number, _instant(line.at), line.actor, line.action, line.kind, line.subject, line.previous]
        return keyed_digest(derived(self.keys.own, "audit"), json.dumps(told).encode())

    @property
    def _anchor(self) -> Path:
        return self.keys.folder / ANCHOR


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def _broken(found: str) -> AuditError:
    return AuditError(
        "The audit log does not hold together", expected="every line as it was written", found=found,
        todo="keep this database as it is, find out who wrote to it, and compare with a backup",
    )  # fmt: skip

"""Counting sign-ins that failed, in the record, so that a restart forgets none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session as Rows

from skinscan.store.access_tables import Attempts
from skinscan.store.columns import now
from skinscan.store.opening import Store
from skinscan.store.sealing import derived, keyed_digest


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` failures in a row cost nothing; from then on each doubles the wait, from a second up to `longest`. They
    are forgotten when the last is `memory` ago."""

    free: int
    longest: timedelta
    memory: timedelta

    def wait(self, failures: int) -> timedelta:
        """How long to wait after so many failures."""
        if failures < self.free:
            return timedelta(0)
        return min(self.longest, timedelta(seconds=2.0 ** min(failures - self.free, 30)))


@dataclass(frozen=True, slots=True)
class Counter:
    """Who or where is counted, as text, and by which limit."""

    what: str
    limit: Limit


@dataclass(frozen=True, slots=True)
class Counted:
    """Seconds to wait, where the attempt may not be made yet; else, with it, the failures in a row of each counter."""

    wait_s: float
    failures: tuple[int, ...] = ()


def count(store: Store, counters: Sequence[Counter]) -> Counted:
    """Count an attempt as failed, before it is made: however many are made at once, none is left out. A counter that
    has to wait stops it, and then nothing is counted."""
    with store.database.writing() as rows:
        rows.execute(delete(Attempts).where(Attempts.last_at < now() - max(one.limit.memory for one in counters)))
        # in the order of the keys: two that take the same rows must not wait for each other
        found = {key: _held(store, rows, key) for key in sorted(_key(store, one.what) for one in counters)}
        at = now()  # those before us are done
        held = [found[_key(store, one.what)] for one in counters]
        waits = [(row.wait_until - at).total_seconds() for row in held if row.wait_until and row.wait_until > at]
        if waits:
            return Counted(max(waits))
        for one, row in zip(counters, held, strict=True):
            row.failures = 1 if row.last_at < at - one.limit.memory else row.failures + 1
            wait = one.limit.wait(row.failures)
            row.last_at, row.wait_until = at, at + wait if wait else None
        return Counted(0, tuple(row.failures for row in held))


def forget(store: Store, what: str) -> None:
    """Forget the failures of a counter: who it is has shown."""
    with store.database.writing() as rows:
        rows.execute(delete(Attempts).where(Attempts.key == _key(store, what)))


def take_back(store: Store, what: str) -> None:
    """Take back one count: the attempt was none that failed. Those before it stay."""
    own = (Attempts.key == _key(store, what), Attempts.failures > 0)
    with store.database.writing() as rows:
        rows.execute(update(Attempts).where(*own).values(failures=Attempts.failures - 1, wait_until=None))


def _held(store: Store, rows: Rows, key: str) -> Attempts:
    """The row of a counter, made where it is missing, and locked until the transaction ends."""
    values: dict[str, Any] = {"key": key, "failures": 0, "last_at": now(), "wait_until": None}
    insert = sqlite.insert if store.database.is_sqlite else postgresql.insert
    rows.execute(insert(Attempts).values(**values).on_conflict_do_nothing())
    return rows.scalars(select(Attempts).where(Attempts.key == key).with_for_update()).one()


def _key(store: Store, what: str) -> str:
    return keyed_digest(derived(store.keys.own, "attempts"), what.encode("utf-8", "surrogatepass"))

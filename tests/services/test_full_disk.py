"""The disk is full: saving says so, what was saved is whole, and with room again it goes on.

(`tests/store/test_faults.py` does the same one layer below, with a limit on the size of files, on every system.)
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from skinscan.records import SkinscanError
from skinscan.services import Actor, Clinic, patients, visits
from skinscan.store import Places, make_store, open_store, reading, verifying
from skinscan.store.access import new_user
from skinscan.store.tables import Photo, Visit
from tests.services.conftest import ZONE, at
from tests.web.made_photos import noise

MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB of its own."""
    mount = shutil.which("mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)]
    if mount is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here: it needs Linux and root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


class Saver:
    """A practitioner who saves photo after photo."""

    def __init__(self, places: Places, desk: Path) -> None:
        desk.mkdir(exist_ok=True)
        self.clinic = Clinic(make_store(places), desk, zone=ZONE)
        user = new_user(self.clinic.store, "tara", ["practitioner"])
        self.actor = Actor(user.id, "tara", frozenset({"practitioner"}))
        self.patient = patients.add(self.clinic, self.actor, agrees_to=("treatment",))
        self.saved: dict[str, bytes] = {}
        self.number = 0

    def save(self, photo: bytes) -> str:
        """Why it was not saved; empty where it was."""
        self.number += 1
        item = visits.bring(self.clinic, self.actor, "front.jpg", photo).item
        visiting = visits.Visiting(at("2026-01-12") + timedelta(minutes=self.number), ZONE, "face")
        try:
            done = visits.save(self.clinic, self.actor, self.patient, visiting, [visits.Shown(item, "front")])
        except SkinscanError as error:
            return str(error)
        self.saved.update(dict.fromkeys(done.photos, photo))
        return done.refused.get(item, "")

    def save_until_it_fails(self, make: Callable[[int], bytes]) -> str:
        for number in range(200):
            wrong = self.save(make(number))
            if wrong:
                return wrong
        raise AssertionError("the disk never was full")

    def check(self) -> None:
        store = self.clinic.store
        rows = reading.rows_of(store, Photo, self.patient)
        assert {row.id: reading.original_of(store, row.id) for row in rows} == self.saved
        assert {row.visit_id for row in rows} <= {row.id for row in reading.rows_of(store, Visit, self.patient)}
        assert verifying.verify(store).ok
        store.audit.verify()
        with store.database.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert not list(store.vault.folder.rglob(".begun-*"))


def ballast(disk: Path, room: int) -> None:
    """Fill a disk but for some room."""
    left = os.statvfs(disk)
    (disk / "ballast").write_bytes(bytes(max(left.f_bavail * left.f_frsize - room, 0)))


@pytest.mark.parametrize(("room", "side"), [(3 * MEGABYTE, 900), (300_000, 40)], ids=["the vault", "the database"])
def test_a_disk_that_fills_up_is_an_error_in_words(small_disk: Path, tmp_path: Path, room: int, side: int) -> None:
    saver = Saver(Places.under(small_disk / "clinic"), tmp_path / "desk")
    assert saver.save(noise(1)) == ""
    ballast(small_disk, room)
    wrong = saver.save_until_it_fails(lambda number: noise(100 + number, side, side))
    assert "make room" in wrong
    assert "could not be" in wrong
    saver.check()
    saver.clinic.store.close()
    with open_store(saver.clinic.store.places) as again:  # a start on a full disk reads what is there
        assert verifying.verify(again).ok
    (small_disk / "ballast").unlink()
    assert saver.save(noise(2, side, side)) == ""
    saver.check()
    saver.clinic.store.close()


def test_a_database_that_may_not_grow_is_an_error_in_words(tmp_path: Path) -> None:
    saver = Saver(Places.under(tmp_path / "clinic"), tmp_path / "desk")
    engine: Engine = saver.clinic.store.database.engine

    def may_grow_to(pages: int) -> None:
        def limit(connection: Any, _record: Any, _proxy: Any) -> None:
            connection.execute(f"PRAGMA max_page_count={pages}")

        if limits:
            event.remove(engine, "checkout", limits.pop())
        limits.append(limit)
        event.listen(engine, "checkout", limit)

    limits: list[Any] = []
    assert saver.save(noise(1)) == ""
    may_grow_to(1)  # SQLite takes the least that there is: no page more
    wrong = saver.save_until_it_fails(lambda number: noise(100 + number))
    assert "make room" in wrong
    saver.check()
    may_grow_to(1 << 30)
    assert saver.save(noise(2)) == ""
    saver.check()
    saver.clinic.store.close()

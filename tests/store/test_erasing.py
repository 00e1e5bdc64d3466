"""An erased patient is gone: from the record, from its file, from the vault and the keys."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import select, text

from skinscan.store import Store, erasing, open_store, reading, recording
from skinscan.store.access_tables import AuditLine
from skinscan.store.errors import NotFound, RecordError
from skinscan.store.tables import Photo
from tests.store.conftest import Seen

MARK = "quaint-and-unlikely-words"
"""Of a row that is searched for in the database's files: long enough to be no chance."""


def _files_of(store: Store) -> list[Path]:
    """The files that hold the database's tables."""
    if store.database.is_sqlite:
        return [path for path in store.places.folder.glob("record.sqlite*") if path.is_file()]
    with store.database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("CHECKPOINT"))
        folder = connection.execute(text("SHOW data_directory")).scalar_one()
        number = connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar_one()
    return [path for path in (Path(folder) / "base" / str(number)).iterdir() if path.is_file()]


def _held(store: Store, words: bytes) -> int:
    return sum(path.read_bytes().count(words) for path in _files_of(store))


def test_nothing_of_an_erased_patient_is_left(store: Store) -> None:
    gone, stays = Seen(store), Seen(store)
    for one in (gone, stays):
        for _ in range(3):
            recording.save_photo(store, one.visit.id, os.urandom(3000), "front")
    for number in range(40):
        recording.add_visit(
            store, gone.patient.id, gone.visit.at, gone.visit.zone, notes=f"{MARK} {number} " + "x" * 500
        )
    traces = [MARK, gone.patient.code, *(photo.digest for photo in reading.rows_of(store, Photo, gone.patient.id))]
    assert all(_held(store, trace.encode()) for trace in traces)

    erasing.erase_patient(store, gone.patient.id, actor="0" * 32)

    assert [_held(store, trace.encode()) for trace in traces] == [0] * len(traces)
    assert not (store.vault.folder / gone.patient.id).exists()
    assert list(store.keys.patients()) == [stays.patient.id]
    with pytest.raises(NotFound):
        reading.patient_of(store, gone.patient.code)
    for photo in reading.rows_of(store, Photo, stays.patient.id):
        assert len(reading.original_of(store, photo.id)) == 3000
    with store.database.reading() as rows:
        line = rows.scalars(select(AuditLine).order_by(AuditLine.number.desc())).first()
    assert line is not None
    assert (line.action, line.kind, line.subject, line.actor) == ("erase", "patient", gone.patient.id, "0" * 32)
    store.audit.verify()


def test_without_overwriting_the_search_would_have_found_it(tmp_path: Path) -> None:
    """What makes the test above mean something: the same deletion without `secure_delete` leaves its words."""
    import sqlite3

    with sqlite3.connect(tmp_path / "plain.sqlite") as plain:
        plain.execute("PRAGMA secure_delete=OFF")
        plain.execute("CREATE TABLE t (words)")
        plain.executemany("INSERT INTO t VALUES (?)", [(f"{MARK} {n} " + "x" * 500,) for n in range(40)])
        plain.commit()
        plain.execute("DELETE FROM t")
    plain.close()
    assert MARK.encode() in (tmp_path / "plain.sqlite").read_bytes()


def test_an_erasure_that_was_killed_is_carried_out_at_the_next_start(seen: Seen) -> None:
    recording.save_photo(seen.store, seen.visit.id, b"photo", "front")
    seen.store.erasures.add(seen.patient.id)  # killed right after the decision
    seen.store.close()
    with open_store(seen.store.places) as store:
        assert reading.patients(store) == []
        assert list(store.keys.patients()) == []
        assert list(store.vault.kept()) == []
        assert erasing.unfinished(store) == []


def test_erasing_nobody_is_said(store: Store) -> None:
    with pytest.raises(NotFound):
        erasing.erase_patient(store, "0" * 32)
    assert store.erasures.ids() == ()


def test_a_patient_who_was_erased_cannot_be_added_to(seen: Seen) -> None:
    erasing.erase_patient(seen.store, seen.patient.id)
    with pytest.raises(NotFound):
        recording.save_photo(seen.store, seen.visit.id, b"photo", "front")
    with pytest.raises(NotFound):
        recording.add_visit(seen.store, seen.patient.id, seen.visit.at, seen.visit.zone)


def test_files_that_could_not_be_purged_are_purged_at_the_next_start(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.add_visit(seen.store, seen.patient.id, seen.visit.at, seen.visit.zone, notes=MARK * 200)
    with monkeypatch.context() as patch:
        patch.setattr(erasing, "PURGE_PATIENCE_S", 1.0)
        with seen.store.database.reading() as rows:  # a long reader
            assert rows.scalars(select(Photo)).all() == []
            with pytest.raises(RecordError):
                erasing.erase_patient(seen.store, seen.patient.id)
    assert reading.patients(seen.store) == []
    seen.store.close()
    with open_store(seen.store.places) as store:
        assert _held(store, MARK.encode()) == 0

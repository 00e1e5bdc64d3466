"""The oldest record comes up to this version with its rows; and the migrations make what the models say."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from skinscan.store import Places, Store, migrating
from skinscan.store.columns import Base
from skinscan.store.database import Database, open_database, writing_connection
from skinscan.store.errors import RecordError
from skinscan.store.migrating import HEAD, revision_of, upgrade
from skinscan.store.tables import Patient, Photo, Session, Visit
from tests.store.children import forked

OLDEST = "0001"
ROWS = """
INSERT INTO patient (id, code, fitzpatrick, made_at) VALUES ('p', 'P-2222-3333', 'V', '2026-01-02 03:04:05.000006');
INSERT INTO patient_name (patient_id, sealed) VALUES ('p', {sealed});
INSERT INTO session (id, patient_id, at, zone, site, device, tip, depth_mm, passes, topical, numbing, operator,
 adverse_events, notes, screening, made_at) VALUES ('s', 'p', '2026-01-02 03:04:05.000000', 'UTC', 'face', 'd', 't',
 '{depths}', 3, '', '', '', '', 'n', '{empty}', '2026-01-02 03:04:05.000000');
INSERT INTO visit (id, patient_id, at, zone, washed, scores, notes, made_at) VALUES ('v', 'p',
 '2026-01-02 03:04:05.000000', 'UTC', {true}, '{empty}', '', '2026-01-02 03:04:05.000000');
INSERT INTO photo (id, patient_id, visit_id, view, site, shot, digest, bytes, format, decoding, made_at) VALUES ('f',
 'p', 'v', 'front', 'face', 1, 'abc', 9, 'JPEG', '[]', '2026-01-02 03:04:05.000000')
"""


def _old(places: Places) -> Database:
    database = open_database(places)
    upgrade(database, OLDEST)
    sqlite = database.is_sqlite
    words = {
        "sealed": "X'0102'" if sqlite else "'\\x0102'", "depths": '{"forehead": 0.5}', "empty": "{}",
        "true": "1" if sqlite else "true",
    }  # fmt: skip
    zone = "" if sqlite else "SET TIME ZONE 'UTC';"
    with writing_connection(database) as connection:
        for statement in (zone + ROWS.format(**words)).split(";"):
            if statement.strip():
                connection.exec_driver_sql(statement)
    return database


def test_the_oldest_record_comes_up_with_its_rows(places: Places) -> None:
    database = _old(places)
    upgrade(database)
    assert revision_of(database) == HEAD
    with database.reading() as rows:
        patient, session, visit, photo = (rows.query(table).one() for table in (Patient, Session, Visit, Photo))
        assert (patient.fitzpatrick, session.depth_mm, visit.washed) == ("V", {"forehead": 0.5}, True)
        assert patient.made_at == datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
        assert (photo.visit_id, photo.digest, photo.repositioned) == ("v", "abc", None)
        assert bytes(rows.execute(text("SELECT sealed FROM patient_name")).scalar_one()) == b"\1\2"
    database.close()


def test_an_upgrade_that_was_killed_left_nothing(places: Places) -> None:
    _old(places).close()

    def upgrade_without_end(say: object) -> None:
        with writing_connection(open_database(places), foreign_keys=False) as connection:
            command.upgrade(migrating._config(connection), HEAD)
            os.kill(os.getpid(), signal.SIGKILL)  # all done but the commit

    assert forked(upgrade_without_end).wait() == -signal.SIGKILL
    database = open_database(places)
    assert revision_of(database) == OLDEST
    upgrade(database)
    with database.reading() as rows:
        assert rows.query(Photo).one().digest == "abc"
    database.close()


def test_the_migrations_make_what_the_models_say(store: Store) -> None:
    with store.database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_record_of_a_newer_version_is_left_alone(store: Store) -> None:
    with writing_connection(store.database) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RecordError, match="newer skinscan"):
        upgrade(store.database)
    assert revision_of(store.database) == "9999"


def test_the_newest_revision_is_the_one_that_is_named() -> None:
    assert migrating._scripts().get_current_head() == HEAD


def test_every_revision_has_its_file() -> None:
    folder = Path(__file__).parents[2] / "skinscan" / "store" / "migrations" / "versions"
    assert sorted(path.stem[1:5] for path in folder.glob("r*.py"))[-1] == HEAD

"""The log of what was done: ids only, each line bound to the one before, and no way to change it unnoticed."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, text, update

from skinscan.store import Store, recording
from skinscan.store.access_tables import AuditLine
from skinscan.store.database import writing_connection
from skinscan.store.errors import AuditError, RecordError
from tests.store.conftest import NAME, Seen


def test_what_was_done_is_told_by_ids(seen: Seen) -> None:
    photo = recording.save_photo(seen.store, seen.visit.id, b"photo", "front", actor="1" * 32)
    with seen.store.database.reading() as rows:
        lines = rows.query(AuditLine).order_by(AuditLine.number).all()
    told = [(line.action, line.kind, line.subject) for line in lines]
    assert told[1:] == [
        ("add", "patient", seen.patient.id), ("add", "session", seen.session.id), ("add", "visit", seen.visit.id),
        ("add", "photo", photo.id),
    ]  # fmt: skip
    assert lines[-1].actor == "1" * 32
    assert NAME not in repr([vars(line) for line in lines])
    assert seen.store.audit.verify() == 5


def test_what_was_not_done_is_not_told(seen: Seen) -> None:
    before = seen.store.audit.count()
    with pytest.raises(RecordError), seen.store.change("add", "patient", "x") as rows:
        rows.execute(text("INSERT INTO patient (id) VALUES ('x')"))
    assert seen.store.audit.count() == before


def test_the_database_refuses_to_change_a_line(seen: Seen) -> None:
    for change in (update(AuditLine).values(actor="nobody"), delete(AuditLine)):
        with pytest.raises(RecordError, match="append-only"), seen.store.database.writing() as rows:
            rows.execute(change)
    seen.store.audit.verify()


def _without_guard(store: Store, *statements: str) -> None:
    """As someone who owns the database would."""
    guards = (
        ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"]
        if store.database.is_sqlite
        else ["DROP TRIGGER audit_append_only ON audit"]
    )
    with writing_connection(store.database) as connection:
        for statement in (*guards, *statements):
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["UPDATE audit SET actor = 'nobody' WHERE number = 2"], "line 2 was changed"),
        (["DELETE FROM audit WHERE number = 3"], "line 3 is missing"),
        (["DELETE FROM audit WHERE number = 3", "UPDATE audit SET number = 3 WHERE number = 4"], "line 3 is not bound"),
        (["DELETE FROM audit WHERE number > 3"], "it ends at line 3"),
        (["DELETE FROM audit"], "it ends at line 0"),
    ],
)
def test_a_change_past_the_guard_is_found(seen: Seen, statements: list[str], found: str) -> None:
    _without_guard(seen.store, *statements)
    with pytest.raises(AuditError, match=found):
        seen.store.audit.verify()

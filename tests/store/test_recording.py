"""What is saved is read back, on both databases."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from skinscan.store import Store, open_store, reading, recording
from skinscan.store.columns import new_id
from skinscan.store.errors import NotFound, RecordError
from skinscan.store.tables import Patient, Photo, Session, Visit
from tests.store.conftest import DAY, NAME, ZONE, Seen

BYTES = os.urandom(20_000)


def test_a_patient_is_read_back_after_a_restart(seen: Seen) -> None:
    photo = recording.save_photo(seen.store, seen.visit.id, BYTES, "front", site="face", details={"format": "JPEG"})
    seen.store.close()
    with open_store(seen.store.places) as store:
        assert reading.patient_of(store, seen.patient.code).fitzpatrick == "IV"
        assert reading.name_of(store, seen.patient.id) == NAME
        assert reading.original_of(store, photo.id) == BYTES
        (session,) = reading.rows_of(store, Session, seen.patient.id)
        assert session.depth_mm == {"": 1.0, "forehead": 0.5}
        assert session.screening == {"keloid": False, "herpes": True}
        assert session.notes == "<script>alert(1)</script>"
        (visit,) = reading.rows_of(store, Visit, seen.patient.id)
        assert (visit.washed, visit.make_up, visit.sunscreen, visit.rest_minutes) == (True, False, None, 15)


def test_an_instant_comes_back_in_utc_and_falls_on_the_day_of_its_place(seen: Seen) -> None:
    late = datetime(2026, 3, 29, 0, 30, tzinfo=ZoneInfo(ZONE))  # still the 28th in UTC
    recording.add_visit(seen.store, seen.patient.id, late, ZONE)
    first, second = reading.rows_of(seen.store, Visit, seen.patient.id)
    assert second.at == DAY
    assert first.at.tzinfo is UTC
    assert first.at == late
    assert first.at.day == 28
    assert first.at.astimezone(ZoneInfo(first.zone)).day == 29


def test_an_instant_without_a_time_zone_is_refused(seen: Seen) -> None:
    with pytest.raises(RecordError):
        recording.add_visit(seen.store, seen.patient.id, datetime(2026, 3, 29), ZONE)
    with pytest.raises(RecordError, match="time zone"):
        recording.add_visit(seen.store, seen.patient.id, DAY, "Nowhere/Town")


def test_shots_of_a_view_are_counted(seen: Seen) -> None:
    shots = [recording.save_photo(seen.store, seen.visit.id, os.urandom(99), "front").shot for _ in range(3)]
    assert shots == [1, 2, 3]
    assert recording.save_photo(seen.store, seen.visit.id, os.urandom(99), "left").shot == 1


def test_one_photo_twice_is_refused_and_the_first_stays(seen: Seen) -> None:
    photo = recording.save_photo(seen.store, seen.visit.id, BYTES, "front")
    with pytest.raises(RecordError, match="in the record already"):
        recording.save_photo(seen.store, seen.visit.id, BYTES, "left")
    assert reading.original_of(seen.store, photo.id) == BYTES
    assert len(reading.rows_of(seen.store, Photo, seen.patient.id)) == 1


def test_one_photo_of_two_patients_has_two_addresses(seen: Seen) -> None:
    other = Seen(seen.store)
    photos = [recording.save_photo(seen.store, one.visit.id, BYTES, "front") for one in (seen, other)]
    assert photos[0].digest != photos[1].digest


def test_what_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(NotFound):
        reading.patient_of(store, "P-NOBODY")
    with pytest.raises(NotFound):
        reading.original_of(store, "0" * 32)
    with pytest.raises(NotFound):
        recording.save_photo(store, "0" * 32, BYTES, "front")
    with pytest.raises(NotFound):
        recording.add_session(store, "0" * 32, DAY, ZONE)
    assert list(store.vault.kept()) == []


def test_a_skin_type_that_is_none_is_refused_without_telling_the_name(store: Store) -> None:
    with pytest.raises(RecordError) as refused:
        recording.new_patient(store, name=NAME, fitzpatrick="VII")
    assert NAME not in str(refused.value)
    assert reading.patients(store) == []


def test_the_name_lies_in_no_table_in_clear(seen: Seen) -> None:
    with seen.store.database.reading() as rows:
        for table in Patient.metadata.sorted_tables:
            assert NAME not in repr(rows.execute(table.select()).all())


def test_the_original_lies_in_no_file_in_clear(seen: Seen) -> None:
    recording.save_photo(seen.store, seen.visit.id, b"secret " * 1000, "front")
    files = [path for path in seen.store.places.folder.parent.rglob("*") if path.is_file()]
    assert len(files) >= 4
    for path in files:
        assert b"secret secret" not in path.read_bytes()
        assert not path.stat().st_mode & 0o077, path.name


def test_what_was_written_wrong_is_corrected(seen: Seen) -> None:
    recording.set_name(seen.store, seen.patient.id, "王 小明")
    assert reading.name_of(seen.store, seen.patient.id) == "王 小明"
    recording.correct(seen.store, Visit, seen.visit.id, make_up=True, notes="late")
    (visit,) = reading.rows_of(seen.store, Visit, seen.patient.id)
    assert (visit.make_up, visit.notes, visit.washed) == (True, "late", True)
    for values in ({"patient_id": "0" * 32}, {"nothing": 1}, {"id": "0" * 32}):
        with pytest.raises(RecordError, match="cannot be changed"):
            recording.correct(seen.store, Visit, seen.visit.id, **values)
    with pytest.raises(NotFound):
        recording.correct(seen.store, Visit, "0" * 32, notes="late")


def test_a_visit_and_its_session_are_kept_both_or_neither_and_once(seen: Seen) -> None:
    store, patient = seen.store, seen.patient.id
    at = DAY + timedelta(days=30)

    def visit(zone: str = ZONE) -> Visit:
        return Visit(id=new_id(), patient_id=patient, at=at, zone=zone)

    def session(**wrong: Any) -> Session:
        return Session(**{"id": new_id(), "patient_id": patient, "at": at, "zone": ZONE, "site": "face", **wrong})

    before = len(reading.rows_of(store, Visit, patient)), len(reading.rows_of(store, Session, patient))
    with pytest.raises(RecordError):
        recording.save_visit(store, visit(), session(id=seen.session.id, site="neck"))  # an id that is taken
    assert before == (len(reading.rows_of(store, Visit, patient)), len(reading.rows_of(store, Session, patient)))
    first = recording.save_visit(store, visit(), session())
    again = recording.save_visit(store, visit(), session())
    assert again.id == first.id
    assert (before[0] + 1, before[1] + 1) == (
        len(reading.rows_of(store, Visit, patient)), len(reading.rows_of(store, Session, patient))
    )  # fmt: skip
    assert store.audit.verify() > 0

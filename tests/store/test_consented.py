"""What research may read, on both databases: one state of the record, of those alone whose consent is in force."""

from __future__ import annotations

from datetime import timedelta

from skinscan.store import Store, consented, consents, recording
from skinscan.store.columns import new_id, now
from skinscan.store.measured_tables import AssessmentRow, MeasurementRow
from tests.store.conftest import Seen


def measured(seen: Seen, photo_id: str, value: float | None, days_ago: int = 0) -> str:
    made = AssessmentRow(
        id=new_id(), patient_id=seen.patient.id, photo_id=photo_id, key=new_id(), recipe={}, versions={}, frame={},
        made_at=now() - timedelta(days=days_ago),
    )  # fmt: skip
    with seen.store.database.writing() as rows:
        rows.add(made)
        rows.flush()
        rows.add(
            MeasurementRow(
                id=new_id(), patient_id=seen.patient.id, assessment_id=made.id, measure="pores.area", region="skin",
                value=value, unit="%", spread=0.5, n=9, flags=["blurred"], version=2,
            )
        )  # fmt: skip
    return made.id


def told(store: Store) -> list[dict]:
    return [dict(zip(consented.MEASURED, row, strict=True)) for row in consented.consented(store).measured]


def test_the_latest_numbers_of_who_agrees_now(seen: Seen) -> None:
    store, other = seen.store, Seen(seen.store)
    for one in (seen, other):
        photo = recording.save_photo(store, one.visit.id, b"photo", "front")
        measured(one, photo.id, 1.0, days_ago=2)
        latest = measured(one, photo.id, None, days_ago=1)
        measured(one, photo.id, 3.0, days_ago=3)
        consents.give_consent(store, one.patient.id, "research")
        consents.give_consent(store, one.patient.id, "research")  # twice: no row comes twice
    consents.withdraw_consent(store, seen.patient.id, "research")
    (row,) = told(store)
    assert row == {
        "patient_id": other.patient.id, "fitzpatrick": "IV", "photo_id": photo.id, "assessment_id": latest,
        "measure": "pores.area", "region": "skin", "value": None, "spread": 0.5, "unit": "%", "n": 9,
        "flags": ["blurred"], "version": 2,
    }  # fmt: skip
    around = consented.consented(store)
    kept = (around.photos, around.visits, around.sessions)
    assert [[one.patient_id for one in rows] for rows in kept] == [[other.patient.id]] * 3
    consents.withdraw_consent(store, other.patient.id, "research")
    assert consented.consented(store) == consented.Consented([], [], [], [], [])


def test_of_two_measurings_in_one_instant_one_counts(seen: Seen) -> None:
    photo = recording.save_photo(seen.store, seen.visit.id, b"photo", "front")
    consents.give_consent(seen.store, seen.patient.id, "research")
    both = [measured(seen, photo.id, float(value)) for value in (1, 2)]
    at = now()
    with seen.store.database.writing() as rows:
        for one in both:
            found = rows.get(AssessmentRow, one)
            assert found is not None
            found.made_at = at
    assert [row["assessment_id"] for row in told(seen.store)] == [max(both)]


def test_ids_differ_by_what_they_are_of_and_a_download_is_a_line_of_the_log(seen: Seen) -> None:
    first = consented.research_id(seen.store, "patient", seen.patient.id)
    assert first == consented.research_id(seen.store, "patient", seen.patient.id)
    assert first != consented.research_id(seen.store, "assessment", seen.patient.id)
    lines = seen.store.audit.verify()
    consented.note_download(seen.store, "csv", actor="someone")
    assert seen.store.audit.verify() == lines + 1

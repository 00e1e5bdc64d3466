"""What a practitioner enters, checked before anything is kept; and the list of all patients."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from skinscan.course_records import Preparation
from skinscan.records import ParameterError
from skinscan.services import Actor, Clinic, measuring, patients, visits
from skinscan.store import consents, recording
from tests.services.conftest import ZONE, SimulatedCourse, Treated, at

DONE = visits.Treated(device="dermapen")
VISIT = visits.Visiting(at("2026-01-12"), ZONE, "face", treated=DONE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": datetime.now(UTC) + timedelta(days=365)},
        {"preparation": Preparation(rest_minutes=10**12)},
        {"notes": "x" * 4001},
        {"treated": replace(DONE, passes=10**30)},
        {"treated": replace(DONE, device="x" * 201)},
        {"treated": replace(DONE, topical="x" * 501)},
        {"treated": replace(DONE, notes="a\0b")},
        {"treated": replace(DONE, depth_mm={"": float("nan")})},
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_kept(
    clinic: Clinic, practitioner: Actor, wrong: dict[str, Any]
) -> None:
    patient = patients.add(clinic, practitioner)
    with pytest.raises(ParameterError):
        visits.save(clinic, practitioner, patient, replace(VISIT, **wrong), [])
    assert visits.visits_of(clinic, practitioner, patient) == []
    assert visits.save(clinic, practitioner, patient, VISIT, []).visit_id


def test_one_damaged_key_does_not_hide_all_other_patients(clinic: Clinic, practitioner: Actor) -> None:
    for name in ("Bea", "Ada", "Cleo"):
        patients.add(clinic, practitioner, name=name)
    assert [one.title for one in patients.find(clinic, practitioner)] == ["Ada", "Bea", "Cleo"]
    (bea,) = patients.find(clinic, practitioner, "bea")
    (clinic.store.keys.folder / f"{bea.patient_id}.key").write_bytes(b"damaged")
    found = {one.patient_id: one.title for one in patients.find(clinic, practitioner)}
    assert found[bea.patient_id] == bea.code
    assert {"Ada", "Cleo"} < set(found.values())


def test_a_consents_day_is_that_of_the_clinic(
    clinic: Clinic, practitioner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    east = replace(clinic, zone="Pacific/Kiritimati")  # 14 h ahead of UTC
    patient = recording.new_patient(clinic.store).id
    monkeypatch.setattr(consents, "now", lambda: datetime(2026, 3, 1, 20, tzinfo=UTC))
    consents.give_consent(clinic.store, patient, "research")
    consents.withdraw_consent(clinic.store, patient, "research")
    (one,) = [one for one in patients.agreements(east, practitioner, patient) if one.purpose == "research"]
    assert (str(one.since), str(one.withdrawn)) == ("2026-03-02", "2026-03-02")


def test_a_photo_taken_again_stands_for_its_day_and_both_sides_of_a_session_are_in_the_course(
    clinic: Clinic, practitioner: Actor, treated: Treated, simulated: SimulatedCourse
) -> None:
    data = next(iter(simulated.photos.values()))

    def brought(hour: int, *after: bool | None, done: visits.Treated | None = None) -> tuple[str, ...]:
        number = len(visits.visits_of(clinic, practitioner, treated.patient_id))
        shown = []
        for place, side in enumerate(after):
            other = data + bytes([number, place, 1])
            shown.append(visits.Shown(visits.bring(clinic, practitioner, "x.jpg", other).item, "close", side))
        when = at("2026-06-30").replace(hour=hour)
        visiting = visits.Visiting(when, ZONE, "face", treated=done)
        return visits.save(clinic, practitioner, treated.patient_id, visiting, shown).photos

    def course() -> list[str]:
        of = measuring.followed(clinic, treated.course.id)
        with clinic.in_clear() as folder:
            measuring.plan_of(clinic, of, folder)  # can be told
        return [photo.id for photo, _ in of.photos]

    brought(9, None)
    (again,) = brought(11, None)
    assert course() == [*treated.photos, again]
    after, before = brought(13, True, False, done=visits.Treated())
    assert course() == [*treated.photos, before, after]

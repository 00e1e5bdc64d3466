"""A clinic's own repeats replace the shipped error once there are enough, and every report names them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from skinscan.records import ParameterError
from skinscan.services import Actor, Clinic, measuring, own_error, patients, visits
from skinscan.store import deriving
from skinscan.store.errors import NotFound
from tests.services.conftest import ZONE, SimulatedCourse, Treated, at


def repeated(clinic: Clinic, actor: Actor, simulated: SimulatedCourse, number: int) -> None:
    """A patient with two visits of two shots each; the bytes differ, the pictures are the course's first and last."""
    patient = patients.add(clinic, actor, agrees_to=("treatment",))
    capture = {"mm_per_px": simulated.mm_per_px}
    shots = list(simulated.photos.values())
    for turn, day in enumerate(("2026-01-12", "2026-02-12")):
        shown = []
        for shot in (0, 2):
            data = shots[shot] + bytes([number, turn, shot])  # after the picture's end: another file, the same photo
            item = visits.bring(clinic, actor, "x.jpg", data).item
            shown.append(visits.Shown(item, "close", repositioned=True if shot else None))
        assert not visits.save(
            clinic, actor, patient, visits.Visiting(at(day), ZONE, "face", capture=capture), shown
        ).refused


def test_enough_repeats_give_the_clinics_own_error_and_reports_name_it(
    clinic: Clinic, practitioner: Actor, simulated: SimulatedCourse, treated: Treated, someone: Callable[..., Actor],
) -> None:  # fmt: skip
    with pytest.raises(NotFound):
        own_error.measure(clinic, someone("researcher"))
    with pytest.raises(ParameterError, match="found 0 of 0"):
        own_error.measure(clinic, practitioner)
    for number in range(5):
        repeated(clinic, practitioner, simulated, number)
    now = own_error.standing(clinic, practitioner)
    assert (now.pairs, now.patients, now.table) == (10, 5, None)
    before, _, after = treated.photos
    shipped = sources_of(clinic, measuring.compare(clinic, practitioner, before, after))
    table = own_error.measure(clinic, practitioner)
    assert own_error.standing(clinic, practitioner).table == table
    assert table["patients"] == 5
    own = sources_of(clinic, measuring.compare(clinic, practitioner, before, after))
    assert not any("this clinic's own" in text for text in shipped)
    assert any("this clinic's own" in text for text in own)


def sources_of(clinic: Clinic, pages: dict[str, str]) -> set[str]:
    row = deriving.derived_of(clinic.store, pages[measuring.NUMBERS])
    return {change["sdc_source"] for change in json.loads(deriving.content_of(clinic.store, row))["changes"]}

"""What changes in the record while something is measured, and what an earlier state of a course must leave alone."""

from __future__ import annotations

from typing import Any

import pytest

from skinscan.services import Actor, Clinic, flags, measuring, sharing, visits
from skinscan.store import deriving
from skinscan.store.errors import NotFound
from skinscan.store.flags import Raised, set_flags
from tests.services.conftest import ZONE, SimulatedCourse, Treated, at

DRAWN = "cheek=40,40,300,40,300,300,40,300"


@pytest.mark.parametrize("what", ["photo", "pair"])
def test_a_region_drawn_while_it_is_measured_is_measured_the_next_time(
    clinic: Clinic, practitioner: Actor, treated: Treated, what: str
) -> None:
    first, _, last = treated.photos

    def drawing(share: float, text: str) -> None:
        visits.draw_region(clinic, practitioner, first, DRAWN)

    def made(progress: Any = None) -> dict[str, str]:
        if what == "photo":
            return measuring.assess(clinic, practitioner, first, progress)
        return measuring.compare(clinic, practitioner, first, last, progress)

    def kept() -> dict[str, str]:
        if what == "photo":
            return measuring.kept_assessment(clinic, practitioner, first)
        return measuring.kept_comparison(clinic, practitioner, first, last)

    made(drawing)
    assert kept() == {}  # the page without the region must not pass for one with it
    assert made() == kept()


def test_an_earlier_state_of_a_course_leaves_todays_pages_and_flags(
    clinic: Clinic, practitioner: Actor, treated: Treated, simulated: SimulatedCourse
) -> None:
    course = treated.course.id
    first = measuring.follow(clinic, practitioner, course)
    share = sharing.share_course(clinic, practitioner, course)
    late = next(iter(simulated.photos.values())) + b"\0"
    item = visits.bring(clinic, practitioner, "x.jpg", late).item
    visiting = visits.Visiting(at("2026-06-30"), ZONE, "face")
    visits.save(clinic, practitioner, treated.patient_id, visiting, [visits.Shown(item, "close")])
    today = measuring.follow(clinic, practitioner, course)
    set_flags(clinic.store, course, [Raised("redness", "ask", "2026-06-30", "", "look at it")])
    (shared,) = sharing.shares_of(clinic, practitioner, treated.patient_id)
    assert shared.share_id == share
    for one in first.values():  # lost, as after a new version: the patient's page makes them anew
        row = deriving.derived_of(clinic.store, one)
        clinic.store.derived.path_of(row.patient_id, row.address).unlink()
    anew = measuring.follow(clinic, practitioner, course, shared.shared_at)
    assert set(anew) == set(first)
    assert set(anew.values()).isdisjoint(first.values())
    assert measuring.kept_course(clinic, course) == today
    (waiting,) = flags.flags_of(clinic, practitioner, treated.patient_id)
    assert waiting.flag == "redness"


def test_a_page_that_was_damaged_on_the_disk_is_made_anew(
    clinic: Clinic, practitioner: Actor, treated: Treated
) -> None:
    photo = treated.photos[0]
    row = deriving.derived_of(clinic.store, measuring.assess(clinic, practitioner, photo)[measuring.TOLD])
    clinic.store.derived.path_of(row.patient_id, row.address).write_bytes(b"damaged")
    with pytest.raises(NotFound, match="dropped"):
        measuring.told_of(clinic, measuring.kept_assessment(clinic, practitioner, photo))
    assert measuring.told_of(clinic, measuring.assess(clinic, practitioner, photo))["title"]

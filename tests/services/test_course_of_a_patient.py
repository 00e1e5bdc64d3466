"""From photos brought to what the patient is shown: measured once, kept sealed, seen by whom it is for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from skinscan.records import ParameterError, PhotoError, SkinscanError
from skinscan.services import Actor, Clinic, flags, measuring, media, own_progress, patients, sharing, visits
from skinscan.store import deriving, recording, verifying
from skinscan.store.errors import NotFound, RecordError
from skinscan.store.flags import Raised, set_flags
from skinscan.store.tables import Visit
from skinscan.web.clinic.practitioner.parts import number_in
from tests.services.conftest import ZONE, SimulatedCourse, Treated, at


def numbers_of(clinic: Clinic, pages: dict[str, str]) -> dict:
    return json.loads(deriving.content_of(clinic.store, deriving.derived_of(clinic.store, pages[measuring.NUMBERS])))


def test_a_photo_is_measured_once_and_its_numbers_are_in_the_record(
    clinic: Clinic, practitioner: Actor, treated: Treated, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = treated.photos[-1]
    assert measuring.kept_assessment(clinic, practitioner, photo) == {}
    pages = measuring.assess(clinic, practitioner, photo)
    rows = measuring.measuring.measurements_of(clinic.store, photo)
    assert {row.measure for row in rows} >= {"pores.area", "texture.roughness_250_500um"}
    monkeypatch.setattr("skinscan.assessment.assess_frame", None)
    assert measuring.assess(clinic, practitioner, photo) == pages
    page = media.media_of(clinic, practitioner, pages[measuring.REPORT])
    assert b"2026-05-12, close" in page.content


def test_two_photos_are_compared_and_make_up_forbids_their_colours(
    clinic: Clinic, practitioner: Actor, treated: Treated
) -> None:
    before, _, after = treated.photos
    told = numbers_of(clinic, measuring.compare(clinic, practitioner, before, after))
    verdicts = {c["measure"]: c["verdict"] for c in told["changes"] if c["region"] == "skin"}
    assert verdicts["pores.matched_diameter_change"] == "improved"
    assert verdicts["redness.a_star"] != "not_comparable"
    visit = visits.photo_of(clinic, practitioner, after).visit_id
    recording.correct(clinic.store, Visit, visit, make_up=True)
    assert measuring.kept_comparison(clinic, practitioner, before, after) == {}  # another question now
    again = numbers_of(clinic, measuring.compare(clinic, practitioner, before, after))
    (a_star,) = [c for c in again["changes"] if (c["measure"], c["region"]) == ("redness.a_star", "skin")]
    assert a_star["verdict"] == "not_comparable"
    assert "make-up" in a_star["reason"]


def test_a_course_is_shared_as_it_is_and_stops_with_the_consent(
    clinic: Clinic, practitioner: Actor, treated: Treated, someone: Callable[..., Actor]
) -> None:
    course, patient = treated.course.id, someone("patient", treated.patient_id)
    other = someone("patient", patients.add(clinic, practitioner))
    with pytest.raises(RecordError, match="not looked at"):
        sharing.share_course(clinic, practitioner, course)
    pages = measuring.follow(clinic, practitioner, course)
    assert numbers_of(clinic, pages)["indication"] == "pores"
    ids = [pages[measuring.FOR_PATIENT], pages[measuring.REPORT], treated.photos[0]]
    assert [sees(clinic, patient, one) for one in ids] == [False, False, False]
    sharing.share_course(clinic, practitioner, course)
    assert [sees(clinic, patient, one) for one in ids] == [True, False, True]
    for stranger in (other, someone("researcher"), someone("administrator")):
        assert not any(sees(clinic, stranger, one) for one in ids)
    assert all(sees(clinic, practitioner, one) for one in ids)
    patients.set_agreement(clinic, patient, treated.patient_id, "sharing", False)
    assert [sees(clinic, patient, one) for one in ids] == [False, False, False]
    assert clinic.store.audit.verify() > 0


def test_a_later_visit_is_not_in_what_was_shared_before(
    clinic: Clinic, practitioner: Actor, treated: Treated, someone: Callable[..., Actor], simulated: SimulatedCourse
) -> None:
    patient = someone("patient", treated.patient_id)
    first = measuring.follow(clinic, practitioner, treated.course.id)
    sharing.share_course(clinic, practitioner, treated.course.id)
    late = next(iter(simulated.photos.values())) + b"\0"  # another file of a baseline photo
    item = visits.bring(clinic, practitioner, "x.jpg", late).item
    shown = [visits.Shown(item, "close")]
    saved = visits.save(
        clinic, practitioner, treated.patient_id, visits.Visiting(at("2026-06-30"), ZONE, "face"), shown
    )
    second = measuring.follow(clinic, practitioner, treated.course.id)
    assert first != second
    assert sees(clinic, patient, first[measuring.FOR_PATIENT])
    assert not sees(clinic, patient, second[measuring.FOR_PATIENT])
    assert not sees(clinic, patient, saved.photos[0])
    (share,) = sharing.shares_of(clinic, patient, treated.patient_id)
    assert measuring.kept_course(clinic, share.course_id, share.shared_at) == first
    sharing.share_course(clinic, practitioner, treated.course.id)
    assert sees(clinic, patient, second[measuring.FOR_PATIENT])
    assert len(sharing.shares_of(clinic, practitioner, treated.patient_id)) == 1


def test_an_older_state_made_anew_takes_no_flag_away(
    clinic: Clinic, practitioner: Actor, treated: Treated, someone: Callable[..., Actor]
) -> None:
    """A patient opens the page after the cache was dropped: what was shared is made anew, of fewer visits."""
    measuring.follow(clinic, practitioner, treated.course.id)
    sharing.share_course(clinic, practitioner, treated.course.id)
    (share,) = sharing.shares_of(clinic, practitioner, treated.patient_id)
    raised = Raised("later", "attention", "2026-06-30", "", "raised by a visit after that")
    set_flags(clinic.store, treated.course.id, [raised])
    deriving.drop_all(clinic.store)
    measuring.follow(clinic, someone("patient", treated.patient_id), treated.course.id, share.shared_at)
    assert "later" in {one.flag for one in flags.flags_of(clinic, practitioner, treated.patient_id)}


@pytest.mark.parametrize(
    "wrong",
    [
        visits.Treated(passes=10**20), visits.Treated(passes=-1), visits.Treated(notes="\ud800"),
        visits.Treated(tip="a\0"), visits.Treated(device="x" * 5000),
    ],
)  # fmt: skip
def test_what_the_database_cannot_hold_is_refused_before_anything_is_saved(
    clinic: Clinic, practitioner: Actor, wrong: visits.Treated
) -> None:
    patient_id = patients.add(clinic, practitioner, agrees_to=("treatment",))
    visiting = visits.Visiting(at("2026-01-12"), ZONE, "face", treated=wrong)
    with pytest.raises(ParameterError):
        visits.save(clinic, practitioner, patient_id, visiting, [])
    assert visits.visits_of(clinic, practitioner, patient_id) == []


@pytest.mark.parametrize("scale", [float("nan"), float("inf")])
def test_a_scale_that_is_no_number_is_refused(clinic: Clinic, practitioner: Actor, scale: float) -> None:
    """It went into the record, and every export of the patient failed from then on."""
    patient_id = patients.add(clinic, practitioner, agrees_to=("treatment",))
    visiting = visits.Visiting(at("2026-01-12"), ZONE, "face", capture={"mm_per_px": scale}, treated=visits.Treated())
    with pytest.raises(ParameterError):
        visits.save(clinic, practitioner, patient_id, visiting, [])
    with pytest.raises(ParameterError):
        number_in("Millimetres a pixel", str(scale))


def test_a_stray_view_is_left_out_in_words_and_stops_nothing(
    clinic: Clinic, practitioner: Actor, treated: Treated, simulated: SimulatedCourse
) -> None:
    item = visits.bring(clinic, practitioner, "x.jpg", next(iter(simulated.photos.values())) + b"\1").item
    visiting = visits.Visiting(at("2026-06-30"), ZONE, "face", treated=visits.Treated())
    visits.save(clinic, practitioner, treated.patient_id, visiting, [visits.Shown(item, "left")])
    visits.save(clinic, practitioner, treated.patient_id, replace(visiting, at=visiting.at + timedelta(hours=1)), [])
    told = numbers_of(clinic, measuring.follow(clinic, practitioner, treated.course.id))
    assert "'left' are left out" in told["notices"][0]
    assert {view for visit in told["visits"] for view in visit["photos"]} == {"close"}
    assert len(told["sessions"]) == 2  # the second of that day was the same session, written twice


def test_what_was_shared_stays_what_the_practitioner_saw(
    clinic: Clinic, practitioner: Actor, treated: Treated, someone: Callable[..., Actor]
) -> None:
    patient = someone("patient", treated.patient_id)
    first = measuring.follow(clinic, practitioner, treated.course.id)
    sharing.share_course(clinic, practitioner, treated.course.id)
    visits.draw_region(clinic, practitioner, treated.photos[0], "cheek=200,200,400,200,400,400")
    visits.drop_region(clinic, practitioner, treated.photos[0], "reference")
    assert sees(clinic, patient, first[measuring.FOR_PATIENT])
    second = measuring.follow(clinic, practitioner, treated.course.id)
    assert sees(clinic, patient, first[measuring.FOR_PATIENT])
    assert not sees(clinic, patient, second[measuring.FOR_PATIENT])
    deriving.drop_patient(clinic.store, treated.patient_id)
    (result,) = own_progress.own_progress(clinic, patient, datetime.now(UTC)).results
    assert result.media_id is None
    with pytest.raises(RecordError, match="cannot be shown any more"):  # and nothing else in its place
        own_progress.make_anew(clinic, patient, result)


def test_a_course_of_one_visit_says_why_it_cannot_be_told(clinic: Clinic, practitioner: Actor) -> None:
    patient = patients.add(clinic, practitioner, indication="pores", site="face")
    (course,) = patients.courses(clinic, practitioner, patient)
    with pytest.raises(SkinscanError, match="no photos in the course"):
        measuring.follow(clinic, practitioner, course.id)


def test_what_was_brought_is_seen_by_its_bringer_alone_and_gone_once_saved(
    clinic: Clinic, practitioner: Actor, someone: Callable[..., Actor], simulated: SimulatedCourse
) -> None:
    data = next(iter(simulated.photos.values()))
    item = visits.bring(clinic, practitioner, "face.jpg", data).item
    assert media.media_of(clinic, practitioner, item).content[:2] == b"\xff\xd8"
    assert not sees(clinic, someone("practitioner"), item)
    with pytest.raises(PhotoError):
        visits.bring(clinic, practitioner, "face.jpg", b"<svg onload=alert(1)>")
    patient = patients.add(clinic, practitioner)
    visiting, shown = visits.Visiting(at("2026-01-12"), ZONE, "face"), [visits.Shown(item, "front")]
    with pytest.raises(RecordError, match="not agreed"):
        visits.save(clinic, practitioner, patient, visiting, shown)
    patients.set_agreement(clinic, practitioner, patient, "treatment", True)
    saved = visits.save(clinic, practitioner, patient, visiting, shown)
    assert not saved.refused
    assert not sees(clinic, practitioner, item)
    again = visits.bring(clinic, practitioner, "again.jpg", data).item
    twice = visits.save(clinic, practitioner, patient, visiting, [visits.Shown(again, "front")])
    assert "already" in twice.refused[again]
    assert twice.visit_id == saved.visit_id  # of the same time: no second visit
    assert sees(clinic, practitioner, again)  # still on the tray
    clinic.tray.clear(practitioner)
    assert not sees(clinic, practitioner, again)


@pytest.mark.parametrize("role", ["patient", "researcher", "administrator"])
def test_the_practitioners_use_cases_are_there_for_practitioners_alone(
    clinic: Clinic, treated: Treated, someone: Callable[..., Actor], role: str
) -> None:
    actor = someone(role, treated.patient_id if role == "patient" else None)
    photo, course, patient = treated.photos[0], treated.course.id, treated.patient_id
    for ask in (
        lambda: patients.find(clinic, actor),
        lambda: patients.person(clinic, actor, patient),
        lambda: patients.add(clinic, actor),
        lambda: patients.rename(clinic, actor, patient, "x"),
        lambda: patients.courses(clinic, actor, patient),
        lambda: patients.course_of(clinic, actor, course),
        lambda: patients.begin_course(clinic, actor, patient, "pores", "face"),
        lambda: patients.account_of(clinic, actor, patient),
        lambda: patients.erase(clinic, actor, patient, "x"),
        lambda: visits.bring(clinic, actor, "x", b""),
        lambda: visits.save(clinic, actor, patient, visits.Visiting(at("2026-01-12"), ZONE, "face"), []),
        lambda: visits.visits_of(clinic, actor, patient),
        lambda: visits.visit_of(clinic, actor, visits.reading.row_of(clinic.store, visits.Photo, photo).visit_id),
        lambda: visits.sessions_of(clinic, actor, patient),
        lambda: visits.photo_of(clinic, actor, photo),
        lambda: visits.remove_photo(clinic, actor, photo),
        lambda: visits.session_of(clinic, actor, photo),
        lambda: visits.note_later(clinic, actor, photo, "", ""),
        lambda: visits.draw_region(clinic, actor, photo, "x=0,0,9,0,9,9"),
        lambda: visits.drop_region(clinic, actor, photo, "reference"),
        lambda: visits.regions_of(clinic, actor, photo),
        lambda: measuring.assess(clinic, actor, photo),
        lambda: measuring.compare(clinic, actor, photo, treated.photos[1]),
        lambda: measuring.frame_of(clinic, actor, photo),
        lambda: sharing.share_course(clinic, actor, course),
        lambda: sharing.stop(clinic, actor, course),
    ):
        with pytest.raises(NotFound):
            ask()


def test_a_photo_that_should_not_be_there_goes_with_all_that_was_made_of_it(
    clinic: Clinic, practitioner: Actor, treated: Treated, someone: Callable[..., Actor]
) -> None:
    patient = someone("patient", treated.patient_id)
    pages = measuring.follow(clinic, practitioner, treated.course.id)
    sharing.share_course(clinic, practitioner, treated.course.id)
    assert sees(clinic, patient, pages[measuring.FOR_PATIENT])
    gone = treated.photos[1]
    row = visits.photo_of(clinic, practitioner, gone)
    visits.remove_photo(clinic, practitioner, gone)
    assert not sees(clinic, practitioner, gone)
    assert not sees(clinic, patient, pages[measuring.FOR_PATIENT])
    assert clinic.store.vault.size(row.patient_id, row.digest) is None
    found = verifying.verify(clinic.store)
    assert found.ok
    assert (found.sound, found.unreferenced) == (2, ())
    assert not list(clinic.store.derived.kept())
    assert clinic.store.audit.verify() > 0


def test_what_comes_to_be_known_later_is_noted_and_grades_are_of_known_scales(
    clinic: Clinic, practitioner: Actor, treated: Treated
) -> None:
    (session,) = visits.sessions_of(clinic, practitioner, treated.patient_id)
    visits.note_later(clinic, practitioner, session.id, "red for a week", "called")
    assert visits.session_of(clinic, practitioner, session.id).adverse_events == "red for a week"
    done = visits.Treated()
    for scores, wrong in (({"GAIS": 99.0}, "no such score"), ({"Beauty": 1.0}, "no such scale")):
        visiting = visits.Visiting(at("2026-07-01"), ZONE, "face", treated=done, scores=scores)
        with pytest.raises(SkinscanError, match=wrong):
            visits.save(clinic, practitioner, treated.patient_id, visiting, [])


def sees(clinic: Clinic, actor: Actor, media_id: str) -> bool:
    try:
        return bool(media.media_of(clinic, actor, media_id).content)
    except NotFound:
        return False

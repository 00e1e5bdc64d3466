"""A patient sees their own, of it what was shared, and may leave whenever."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from skinscan.records import ParameterError
from skinscan.services import Actor, Clinic
from skinscan.services.actor import ADMINISTRATOR, PATIENT, PRACTITIONER, RESEARCHER
from skinscan.services.own_progress import OwnProgress, export_own, own_progress, set_own_agreement
from skinscan.store import consents, deriving
from skinscan.store.deriving import Made, Of
from skinscan.store.errors import NotFound
from tests.services.courses import FIRST, NAME, Treated, audited, new_clinic

PAGE = Made(b"<p>a report</p>", "text/html", for_patient=True)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = new_clinic(tmp_path)
    yield made
    made.store.close()


def seen(one: Treated, day: int = 20) -> OwnProgress:
    return own_progress(one.clinic, one.actor, FIRST + timedelta(days=day))


def test_only_what_was_shared_is_there_with_the_report_for_the_patient(clinic: Clinic) -> None:
    one, other = Treated(clinic).agrees("sharing"), Treated(clinic).agrees("sharing")
    before, after, alone = one.photo(0), one.photo(9), one.photo(9, view="left")
    for_practitioner = Made(b"<p>a diagnosis?</p>", "text/html")
    picture = Made(b"\x89PNG", "image/png", for_patient=True)
    of_course = Of(one.patient.id, course_id=one.course.id)
    deriving.keep(clinic.store, of_course, "1" * 64, {"old.html": PAGE})
    kept = deriving.keep(
        clinic.store, of_course, "2" * 64, {"a.html": PAGE, "b.html": for_practitioner, "c.png": picture}
    )
    deriving.keep(clinic.store, Of(other.patient.id, course_id=other.course.id), "3" * 64, {"a.html": PAGE})
    assert seen(one).shared == ()

    consents.share(clinic.store, one.patient.id, course_id=one.course.id)
    consents.share(clinic.store, one.patient.id, photo_id=before.id, after_photo_id=after.id)
    consents.share(clinic.store, one.patient.id, photo_id=alone.id)
    consents.share(clinic.store, other.patient.id, course_id=other.course.id)
    photo, pair, course = seen(one).shared
    assert (course.media_id, course.is_report, course.title) == (kept["a.html"], True, "Enlarged pores")
    assert (pair.media_id, pair.is_report, pair.days) == (None, True, (date(2026, 3, 2), date(2026, 3, 11)))
    assert (photo.media_id, photo.is_report, photo.days) == (alone.id, False, (date(2026, 3, 11),))

    for path in clinic.store.derived.folder.rglob("*"):
        if path.is_file():
            path.unlink()
    assert seen(one).shared[-1].media_id is None, "dropped from the cache"


def test_withdrawing_sharing_empties_it_at_once_and_agreeing_again_brings_nothing_back(clinic: Clinic) -> None:
    one = Treated(clinic).agrees("sharing", "research")
    consents.share(clinic.store, one.patient.id, course_id=one.course.id)
    assert len(seen(one).shared) == 1
    set_own_agreement(clinic, one.actor, "sharing", False)
    assert seen(one).shared == ()
    assert not seen(one).agrees("sharing")
    assert seen(one).agrees("research")
    assert audited(clinic.store)[-1] == (one.actor.user_id, "withdraw", "patient", one.patient.id)
    set_own_agreement(clinic, one.actor, "sharing", True)
    assert seen(one).agrees("sharing")
    assert seen(one).shared == ()
    with pytest.raises(ParameterError, match="no purpose"):
        set_own_agreement(clinic, one.actor, "marketing", True)


@pytest.mark.parametrize("role", [ADMINISTRATOR, PRACTITIONER, RESEARCHER])
def test_it_is_the_patients_alone(clinic: Clinic, role: str) -> None:
    one = Treated(clinic).agrees("sharing")
    for actor in (Actor("a", "a", frozenset({role}), one.patient.id), Actor("a", "a", frozenset({PATIENT}))):
        with pytest.raises(NotFound):
            own_progress(clinic, actor, FIRST)
        with pytest.raises(NotFound):
            export_own(clinic, actor)
        with pytest.raises(NotFound):
            set_own_agreement(clinic, actor, "sharing", False)
    assert consents.agrees(clinic.store, one.patient.id, "sharing")


def test_today_is_counted_from_the_last_session_on_the_clinics_calendar(clinic: Clinic) -> None:
    one = Treated(clinic)
    assert seen(one).skin == ()
    one.session(0)
    one.session(28)
    one.session(60)  # not yet: it is no session, and nothing is counted from it
    # half past midnight in Berlin, the evening before in UTC
    at = datetime(2026, 3, 31, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    told = own_progress(clinic, one.actor, at.astimezone(ZoneInfo("UTC")))
    assert told.today == date(2026, 3, 31)
    (skin,) = told.skin
    assert (skin.site, skin.session_on, skin.days_after) == ("face", date(2026, 3, 30), 1)
    assert [stage.window.window for stage in skin.stages if stage.now] == ["reaction"]
    assert (skin.stages[0].first_day, skin.stages[0].last_day) == (date(2026, 3, 30), date(2026, 4, 1))
    # aftercare.csv on day 1: all seven steps
    assert len(skin.care) == 7
    later = own_progress(clinic, one.actor, at + timedelta(days=20))
    assert later.skin[0].care == ("Use a broad-spectrum sunscreen of SPF 30 or more.",)
    assert [stage.past for stage in later.skin[0].stages] == [True, True, True, False, False]


def test_each_site_has_its_own_days(clinic: Clinic) -> None:
    one = Treated(clinic)
    one.session(0)
    one.site = "neck"
    one.session(18)
    assert [(skin.site, skin.days_after) for skin in seen(one).skin] == [("neck", 2), ("face", 20)]


def test_the_next_appointment_is_what_the_protocols_say_and_else_nobodys_guess(clinic: Clinic) -> None:
    """protocols.csv: acne scars 3 to 4 sessions, 14 (Alam 2014) to 30 days (JCAD 2020) apart; none for pores."""
    scars, pores = Treated(clinic, indication="acne_scars"), Treated(clinic)
    assert seen(scars).appointments[0].first_day is None, "no session yet"
    for one in (scars, pores):
        one.session(0)
        one.session(20)
    (told,) = seen(scars, 21).appointments
    assert (told.sessions, told.usual, told.past) == (2, (3, 4), False)
    assert (told.first_day, told.last_day) == (date(2026, 4, 5), date(2026, 4, 21))
    assert seen(scars, 51).appointments[0].past
    (told,) = seen(pores, 21).appointments
    assert (told.sessions, told.usual, told.first_day, told.last_day) == (2, None, None, None)
    scars.session(40)
    scars.session(60)
    (told,) = seen(scars, 61).appointments
    assert (told.sessions, told.first_day) == (4, None), "as many as any protocol has"


def test_the_export_holds_all_and_leaves_nothing_on_the_desk(clinic: Clinic) -> None:
    one = Treated(clinic).agrees("sharing")
    one.photo(0)
    with export_own(clinic, one.actor) as file:
        assert list(clinic.desk.iterdir()) == []
        with zipfile.ZipFile(io.BytesIO(file.read())) as archive:
            assert json.loads(archive.read("record.json"))["name"] == NAME
    assert audited(clinic.store)[-1] == (one.actor.user_id, "export", "patient", one.patient.id)

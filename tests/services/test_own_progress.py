"""A patient sees their own, of it what was shared, and may leave whenever."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from skinscan.records import ParameterError
from skinscan.services import Actor, Clinic
from skinscan.services.actor import ADMINISTRATOR, PATIENT, PRACTITIONER, RESEARCHER
from skinscan.services.measuring import FOR_PATIENT, HTML, REPORT, followed
from skinscan.services.media import media_of
from skinscan.services.own_progress import OwnProgress, export_own, make_anew, own_progress, set_own_agreement
from skinscan.services.sharing import share_course
from skinscan.store import consents, deriving
from skinscan.store.deriving import Made, Of
from skinscan.store.errors import NotFound
from tests.services.courses import FIRST, NAME, Followed, audited


def seen(one: Followed, day: int = 20) -> OwnProgress:
    return own_progress(one.clinic, one.actor, FIRST + timedelta(days=day))


def test_only_what_was_shared_is_there_with_the_report_for_the_patient(clinic: Clinic, practitioner: Actor) -> None:
    one, other = (Followed(clinic).agrees("sharing") for _ in range(2))
    for each in (one, other):
        each.photo(0)
        each.photo(9)
    pages = {REPORT: Made(b"for the practitioner", HTML), FOR_PATIENT: Made(b"for me", HTML, for_patient=True)}
    kept = {}
    for each in (one, other):
        key = followed(clinic, each.course.id).key(clinic)
        kept[each] = deriving.keep(clinic.store, Of(each.patient.id, course_id=each.course.id), key, pages)
    assert seen(one).results == ()

    share_course(clinic, practitioner, one.course.id)
    share_course(clinic, practitioner, other.course.id)
    (told,) = seen(one).results
    assert (told.media_id, told.title, told.site) == (kept[one][FOR_PATIENT], "Enlarged pores", "face")
    assert media_of(clinic, one.actor, str(told.media_id)).content == b"for me"
    one.photo(20)  # not in what was shared
    assert seen(one).results == (told,)

    for path in clinic.store.derived.folder.rglob("*"):
        if path.is_file():
            path.unlink()
    assert seen(one).results[0].media_id is None, "to be made anew"
    with pytest.raises(NotFound):
        make_anew(clinic, other.actor, told)


def test_withdrawing_sharing_empties_it_at_once_and_agreeing_again_brings_nothing_back(clinic: Clinic) -> None:
    one = Followed(clinic).agrees("sharing", "research")
    consents.share(clinic.store, one.patient.id, course_id=one.course.id)
    assert len(seen(one).results) == 1
    set_own_agreement(clinic, one.actor, "sharing", False)
    assert seen(one).results == ()
    assert not seen(one).agrees("sharing")
    assert seen(one).agrees("research")
    assert audited(clinic.store)[-1] == (one.actor.user_id, "withdraw", "patient", one.patient.id)
    set_own_agreement(clinic, one.actor, "sharing", True)
    assert seen(one).agrees("sharing")
    assert seen(one).results == ()
    with pytest.raises(ParameterError, match="no purpose"):
        set_own_agreement(clinic, one.actor, "marketing", True)


@pytest.mark.parametrize("role", [ADMINISTRATOR, PRACTITIONER, RESEARCHER])
def test_it_is_the_patients_alone(clinic: Clinic, role: str) -> None:
    one = Followed(clinic).agrees("sharing")
    for actor in (Actor("a", "a", frozenset({role}), one.patient.id), Actor("a", "a", frozenset({PATIENT}))):
        with pytest.raises(NotFound):
            own_progress(clinic, actor, FIRST)
        with pytest.raises(NotFound):
            export_own(clinic, actor)
        with pytest.raises(NotFound):
            set_own_agreement(clinic, actor, "sharing", False)
    assert consents.agrees(clinic.store, one.patient.id, "sharing")


def test_today_is_counted_from_the_last_session_on_the_clinics_calendar(clinic: Clinic) -> None:
    one = Followed(clinic)
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
    one = Followed(clinic)
    one.session(0)
    one.site = "neck"
    one.session(18)
    assert [(skin.site, skin.days_after) for skin in seen(one).skin] == [("neck", 2), ("face", 20)]


def test_the_next_appointment_is_what_the_protocols_say_and_else_nobodys_guess(clinic: Clinic) -> None:
    """protocols.csv: acne scars 3 to 4 sessions, 14 (Alam 2014) to 30 days (JCAD 2020) apart; none for pores."""
    scars, pores = Followed(clinic, indication="acne_scars"), Followed(clinic)
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
    one = Followed(clinic).agrees("sharing")
    one.photo(0)
    with export_own(clinic, one.actor) as file:
        assert list(clinic.desk.iterdir()) == []
        with zipfile.ZipFile(io.BytesIO(file.read())) as archive:
            assert json.loads(archive.read("record.json"))["name"] == NAME
    assert audited(clinic.store)[-1] == (one.actor.user_id, "export", "patient", one.patient.id)

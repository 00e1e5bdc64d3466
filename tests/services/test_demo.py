"""The demo's clinic: entered through the use cases, ready-made results that are what measuring gives today."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from skinscan import __version__
from skinscan.capture.frame import FRAME_VERSION
from skinscan.environment import data_path
from skinscan.services import Actor, Clinic, demo, demo_results, measuring, media, patients, sharing
from skinscan.services.passwords import Passwords
from skinscan.services.patients import Person
from skinscan.store import consents, deriving
from skinscan.store import measuring as rows
from skinscan.store.access import roles_of, user_named

MOST_BYTES = 12_500_000
"""Of all that the demo needs: it is in every install."""

SAME = 0.02
"""How far a number may be from the ready-made one, in its own smallest detectable change or uncertainty: other versions
of the libraries round otherwise."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clinic, list[demo.Login]]]:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    clinic, logins = demo.make_demo(tmp_path_factory.mktemp("demo"), passwords)
    with clinic.store:
        yield clinic, logins


@pytest.fixture(scope="module")
def clinic(made: tuple[Clinic, list[demo.Login]]) -> Clinic:
    return made[0]


@pytest.fixture(scope="module")
def practitioner(clinic: Clinic) -> Actor:
    return actor_named(clinic, "practitioner")


def actor_named(clinic: Clinic, name: str) -> Actor:
    user = user_named(clinic.store, name)
    assert user is not None
    return Actor(user.id, user.username, roles_of(clinic.store, user.id), user.patient_id)


def everyone(clinic: Clinic, practitioner: Actor) -> dict[str, Person]:
    return {one.name.split()[0].lower(): one for one in patients.find(clinic, practitioner)}


def numbers_of(clinic: Clinic, pages: dict[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        deriving.content_of(clinic.store, deriving.derived_of(clinic.store, pages[measuring.NUMBERS]))
    )
    return told


def test_there_is_a_practitioner_two_patients_and_a_researcher(made: tuple[Clinic, list[demo.Login]]) -> None:
    clinic, logins = made
    assert sorted(one.role for one in logins) == ["patient", "patient", "practitioner", "researcher"]
    assert all(actor_named(clinic, one.user).has(one.role) for one in logins)
    assert len({one.password for one in logins}) == 4
    for one in logins:
        user = user_named(clinic.store, one.user)
        assert user is not None
        assert Passwords().matches(one.password, user.password_hash)


def test_the_patients_differ_in_what_a_newcomer_should_see(clinic: Clinic, practitioner: Actor) -> None:
    people = everyone(clinic, practitioner)
    assert {one.fitzpatrick for one in people.values()} >= {"II", "IV", "VI"}
    agree = {name: consents.agrees(clinic.store, one.patient_id, "research") for name, one in people.items()}
    assert sorted(agree.values()) == [False, True, True, True]
    shared = [bool(sharing.shares_of(clinic, practitioner, one.patient_id)) for one in people.values()]
    assert sorted(shared) == [False, True, True, True]
    told = {name: course_of(clinic, practitioner, one) for name, one in people.items()}
    last = {name: verdicts_of(course) for name, course in told.items()}
    assert last["anna"][-1] == ("improved", "judged")
    assert last["bilal"][-2:] == [("within_error", "judged")] * 2
    assert [flag["flag"] for flag in told["chidi"]["flags"]] == ["parallel_marks"]
    assert last["dana"][-1] == ("improved", "judged")
    assert not any(told[name]["flags"] for name in ("anna", "bilal", "dana"))


def course_of(clinic: Clinic, practitioner: Actor, one: Person) -> dict[str, Any]:
    (course,) = patients.courses(clinic, practitioner, one.patient_id)
    pages = measuring.kept_course(clinic, course.id)
    assert pages, "the app would measure this course anew"
    return numbers_of(clinic, pages)


def verdicts_of(course: dict[str, Any]) -> list[tuple[str, str]]:
    (line,) = [one for one in course["trajectories"] if one["measure"] == course["primary"]]
    return [(point["from_baseline"]["verdict"], point["timing"]) for point in line["points"]]


def test_every_photo_has_its_numbers_and_days_lead_up_to_today(clinic: Clinic, practitioner: Actor) -> None:
    today = datetime.now(UTC).date()
    for told in demo.told_patients():
        one = everyone(clinic, practitioner)[told["key"]]
        assert one.last_visit is not None
        assert timedelta(0) < today - one.last_visit <= timedelta(days=7)
        found = demo.visits.visits_of(clinic, practitioner, one.patient_id)
        assert len(found) == len(told["visits"]) >= 5
        assert len(demo.visits.sessions_of(clinic, practitioner, one.patient_id)) == 3
        assert all(rows.measurements_of(clinic.store, photo.id) for _, (photo,) in found)
        course = course_of(clinic, practitioner, one)
        days = [date.fromisoformat(visit["day"]) for visit in course["visits"]]
        assert days == [today + timedelta(days=visit["day"]) for visit in told["visits"]]


def test_no_page_tells_of_the_day_it_was_made_on(clinic: Clinic, practitioner: Actor) -> None:
    for told in demo.told_patients():
        one = everyone(clinic, practitioner)[told["key"]]
        (course,) = patients.courses(clinic, practitioner, one.patient_id)
        for page in measuring.kept_course(clinic, course.id).values():
            text = media.media_of(clinic, practitioner, page).content.decode()
            days = set(re.findall(r"\b20\d\d-\d\d-\d\d\b", text))
            told_days = {one["day"] for one in (*told["visits"], *told["sessions"])}
            assert days <= {str(datetime.now(UTC).date() + timedelta(days=day)) for day in told_days}
    (pair,) = [one for one in demo.told_patients() if one["pair"]]
    photos = [p.id for _, (p,) in reversed(demo.visits.visits_of(
        clinic, practitioner, everyone(clinic, practitioner)[pair["key"]].patient_id))]  # fmt: skip
    kept = measuring.kept_comparison(clinic, practitioner, photos[0], photos[-1])
    assert kept, "the app would compare these photos anew"
    text = media.media_of(clinic, practitioner, kept[measuring.REPORT]).content.decode()
    assert str(datetime.now(UTC).date() + timedelta(days=pair["visits"][-1]["day"])) in text
    assert f"{demo_results.MADE_ON + timedelta(days=pair['visits'][-1]['day'])}" not in text


def test_days_move_all_at_once() -> None:
    told = {"visits": [{"day": -31}, {"day": -1}], "sessions": [{"day": -31}]}
    text = "2020-05-31 and 2020-06-30, <b>31 May</b>, 2020-06-29"
    moved = demo_results.move_days(text, told, date(2020, 7, 31))  # so that one new day is another's old one
    assert moved == "2020-06-30 and 2020-07-30, <b>30 Jun</b>, 2020-06-29"


def test_a_patient_sees_their_own_page_and_no_others(clinic: Clinic, practitioner: Actor) -> None:
    people = everyone(clinic, practitioner)
    anna = actor_named(clinic, "anna")
    (share,) = sharing.shares_of(clinic, anna, people["anna"].patient_id)
    page = measuring.kept_course(clinic, share.course_id, share.shared_at)[measuring.FOR_PATIENT]
    assert b"Pores take up less of your skin" in media.media_of(clinic, anna, page).content
    with pytest.raises(media.NotFound):
        media.media_of(clinic, actor_named(clinic, "bilal"), page)


def test_what_is_ready_made_is_of_todays_versions() -> None:
    today = demo_results.versions_of_today()
    for told in demo.told_patients():
        with zipfile.ZipFile(demo_results.file_of(told["key"])) as file:
            assert json.loads(file.read(demo_results.VERSIONS)) == today, REMAKE
            assessments = json.loads(file.read(demo_results.NUMBERS))
        assert len(assessments) == len(told["visits"])
        for one in assessments:
            assert {m["measure"]: m["version"] for m in one["measurements"]}.items() <= today.items(), REMAKE
            assert one["frame"]["recipe"]["frame_version"] == FRAME_VERSION, REMAKE
            assert one["versions"]["skinscan"] == __version__, REMAKE


REMAKE = "remake them: python -m skinscan.services.demo_results"


def test_what_is_ready_made_is_what_measuring_gives_today(tmp_path: Path) -> None:
    """Of one patient the first and the last visit, entered and followed anew."""
    (told,) = [one for one in demo.told_patients() if one["key"] == "dana"]
    short = {**told, "visits": [told["visits"][0], told["visits"][-1]]}
    clinic = demo.empty_clinic(tmp_path)
    with clinic.store:
        user = demo.new_user(clinic.store, "someone", ["practitioner"])
        actor = Actor(user.id, user.username, frozenset({"practitioner"}))
        entered = demo.enter(clinic, actor, short, demo_results.MADE_ON)
        measuring.assess(clinic, actor, entered.photos[-1])
        assessed = demo_results.assessment_of(clinic, entered.photos[-1])
        followed = numbers_of(clinic, measuring.follow(clinic, actor, entered.course_id))
    with zipfile.ZipFile(demo_results.file_of("dana")) as file:
        ready = json.loads(file.read(demo_results.NUMBERS))[-1]
        course = json.loads(file.read(f"{demo_results.COURSE}/{measuring.NUMBERS}"))
    figures = {(m["measure"], m["region"]): m for m in ready["measurements"]}
    assert {(m["measure"], m["region"]) for m in assessed["measurements"]} == set(figures)
    for m in assessed["measurements"]:
        was = figures[m["measure"], m["region"]]
        assert (m["value"] is None) == (was["value"] is None), m
        assert m["value"] is None or abs(m["value"] - was["value"]) <= SAME * was["spread"], (m, was, REMAKE)
    steps, were = last_steps(followed), last_steps(course)
    assert set(steps) == set(were)
    for name, step in steps.items():
        assert step["verdict"] == were[name]["verdict"], (name, REMAKE)
        if step["verdict"] != "not_comparable":
            assert abs(step["change"] - were[name]["change"]) <= SAME * were[name]["sdc"], (name, REMAKE)


def last_steps(course: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(line["measure"], line["region"]): line["points"][-1]["from_baseline"] for line in course["trajectories"]}


def test_the_demo_is_small_and_all_of_it_is_used() -> None:
    told = demo.told_patients()
    used = {visit["photo"] for one in told for visit in one["visits"]} | {f"{one['key']}.zip" for one in told}
    folder = data_path("datasets", "clinic")
    assert {path.name for path in folder.iterdir()} == used | {demo.MANIFEST}
    assert sum(path.stat().st_size for path in folder.iterdir()) <= MOST_BYTES

"""A clinic to look around in: invented patients with their courses, and someone of each role who may sign in.

    datasets/clinic (photos, manifest, what they measure) -> make_demo -> Clinic, logins

Everything goes in through the ordinary use cases, dated back from today; what would take minutes to measure is
ready-made (`demo_results`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from skinscan.course_records import Preparation
from skinscan.environment import data_path
from skinscan.services import demo_results, patients, sharing, visits
from skinscan.services.actor import PATIENT, PRACTITIONER, RESEARCHER, Actor
from skinscan.services.clinic import Clinic
from skinscan.services.passwords import Passwords
from skinscan.store import Places, make_store
from skinscan.store.access import new_user

MANIFEST = "clinic.json"
ZONE = "UTC"
"""Of all visits: where the demo is started is not known."""

OPEN_AT = time(10, 0, tzinfo=UTC)

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of a password: none that is taken for another when it is typed from a screen."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who may sign in to the demo, and how."""

    role: str
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Entered:
    """A patient of the demo in the record: the course, and the photos in order of their visits."""

    told: Mapping[str, Any]
    patient_id: str
    course_id: str
    photos: tuple[str, ...]


def make_demo(folder: Path, passwords: Passwords | None = None) -> tuple[Clinic, list[Login]]:
    """A new clinic in an empty folder, and its logins: passwords are new every time. Raises SkinscanError."""
    clinic = empty_clinic(folder)
    users = _Users(clinic, passwords or Passwords())
    practitioner = users.add(PRACTITIONER, "practitioner")
    today = datetime.now(UTC).date()
    for told in told_patients():
        entered = enter(clinic, practitioner, told, today)
        demo_results.put_in(clinic, entered.patient_id, entered.course_id, entered.photos, told, today)
        if told["share"]:
            sharing.share_course(clinic, practitioner, entered.course_id)
        if told["login"]:
            users.add(PATIENT, told["key"], entered.patient_id)
    users.add(RESEARCHER, "researcher")
    return clinic, users.logins


def empty_clinic(folder: Path) -> Clinic:
    """A new clinic with nobody in it."""
    desk = folder / "desk"
    desk.mkdir(mode=0o700, parents=True)
    return Clinic(make_store(Places.under(folder / "clinic")), desk)


def told_patients() -> Sequence[Mapping[str, Any]]:
    """The patients of the manifest."""
    manifest = json.loads(data_path("datasets", "clinic", MANIFEST).read_text(encoding="utf-8"))
    found: list[Mapping[str, Any]] = manifest["patients"]
    return found


def enter(clinic: Clinic, practitioner: Actor, told: Mapping[str, Any], today: date) -> Entered:
    """Enter a patient of the manifest with all visits and sessions, as a practitioner would."""
    patient = patients.add(
        clinic, practitioner, name=told["name"], fitzpatrick=told["fitzpatrick"], agrees_to=told["consents"],
        indication=told["indication"], site=told["site"],
    )  # fmt: skip
    (course,) = patients.courses(clinic, practitioner, patient)
    done = {session["day"]: session for session in told["sessions"]}
    photos: list[str] = []
    for visit in told["visits"]:
        # laid on the tray as it is: nobody looks at it there, and drawing what they would see takes a while
        item = clinic.tray.put(practitioner, visit["photo"], photo_file(visit).read_bytes(), b"").item
        visiting = visits.Visiting(
            datetime.combine(today + timedelta(days=visit["day"]), OPEN_AT), ZONE, told["site"],
            Preparation(**visit["preparation"]), visit["capture"], _treated(done.get(visit["day"])),
        )  # fmt: skip
        saved = visits.save(clinic, practitioner, patient, visiting, [visits.Shown(item, told["view"], False)])
        photos += saved.photos
    return Entered(told, patient, course.id, tuple(photos))


def photo_file(visit: Mapping[str, Any]) -> Path:
    """The file of a visit's photo."""
    return data_path("datasets", "clinic", visit["photo"])


def _treated(session: Mapping[str, Any] | None) -> visits.Treated | None:
    if session is None:
        return None
    return visits.Treated(**{name: value for name, value in session.items() if name != "day"})


class _Users:
    """The demo's users, each with a password of its own."""

    def __init__(self, clinic: Clinic, passwords: Passwords) -> None:
        self._clinic, self._passwords = clinic, passwords
        self.logins: list[Login] = []

    def add(self, role: str, name: str, patient_id: str | None = None) -> Actor:
        password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(3))
        user = new_user(
            self._clinic.store, name, [role], password_hash=self._passwords.hash(password), patient_id=patient_id
        )
        self.logins.append(Login(role, name, password))
        return Actor(user.id, user.username, frozenset({role}), patient_id)

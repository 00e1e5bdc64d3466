"""What a patient sees of their own: what was shared, what to do today, when the next appointment may be; and what they
may do themselves: take everything with them, or no longer agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import IO
from zoneinfo import ZoneInfo

from skinscan.services import measuring, patients
from skinscan.services.actor import PATIENT, Actor
from skinscan.services.clinic import Clinic
from skinscan.services.days import day_of
from skinscan.services.patients import Agreement
from skinscan.services.sharing import Shared, shares_of
from skinscan.store import deriving
from skinscan.store.errors import RecordError
from skinscan.store.measured_tables import Course
from skinscan.store.reading import row_of, rows_of
from skinscan.store.tables import Session
from skinscan.treatment import Treatment
from skinscan.treatment.functions import care_on, indication_of, least_spacing_days, protocols_of
from skinscan.treatment.rows import Window


@dataclass(frozen=True, slots=True)
class Result:
    """A course that the practitioner shows, as it was then. `media_id`: of its report for the patient; None where it
    has to be made anew, as after a new version of skinscan."""

    course_id: str
    media_id: str | None
    title: str
    site: str
    shared_at: datetime
    shared_on: date
    key: str


@dataclass(frozen=True, slots=True)
class Stage:
    """What happens in the skin from one day to another; `now` where today is one of them, `past` where it is over."""

    window: Window
    first_day: date
    last_day: date
    now: bool
    past: bool


@dataclass(frozen=True, slots=True)
class Skin:
    """A site after its last session: what is going on there, and what to do today."""

    site: str
    session_on: date
    days_after: int
    stages: tuple[Stage, ...]
    care: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Appointment:
    """When the next session of a treatment may be: from one day to another, None where no protocol tells it.
    `sessions` so far, of `usual` (fewest, most) in the protocols."""

    title: str
    site: str
    sessions: int
    usual: tuple[int, int] | None
    first_day: date | None
    last_day: date | None
    past: bool


@dataclass(frozen=True, slots=True)
class OwnProgress:
    """All that the patient's page shows."""

    today: date
    results: tuple[Result, ...]
    skin: tuple[Skin, ...]
    appointments: tuple[Appointment, ...]
    agreements: tuple[Agreement, ...]

    def agrees(self, purpose: str) -> bool:
        return any(one.purpose == purpose and one.holds for one in self.agreements)


def own_progress(clinic: Clinic, actor: Actor, now: datetime) -> OwnProgress:
    """The patient's own progress at an instant (aware). `today` is the day where the last session was."""
    patient_id = _own(actor)
    sessions = [one for one in rows_of(clinic.store, Session, patient_id) if one.at <= now]
    zone = ZoneInfo(sessions[-1].zone if sessions else clinic.zone)
    today = now.astimezone(zone).date()
    courses = rows_of(clinic.store, Course, patient_id)
    return OwnProgress(
        today=today,
        results=tuple(_result(clinic, one, zone) for one in reversed(shares_of(clinic, actor, patient_id))),
        skin=tuple(_skin(clinic.treatment, one, now) for one in _last_of_each_site(sessions)),
        appointments=tuple(_appointment(clinic.treatment, course, sessions, today) for course in courses),
        agreements=tuple(patients.agreements(clinic, actor, patient_id)),
    )


def make_anew(clinic: Clinic, actor: Actor, result: Result) -> None:
    """Make a report that is not kept any more, from what it was made from. Takes a minute. Raises SkinscanError."""
    _own(actor)
    if measuring.followed(clinic, result.course_id, result.shared_at).key(clinic) != result.key:
        raise RecordError(
            "What was shared cannot be shown any more", expected="the record as it was then", found="another",
            todo="the clinic shares it again",
        )  # fmt: skip
    measuring.follow(clinic, actor, result.course_id, result.shared_at)


def set_own_agreement(clinic: Clinic, actor: Actor, purpose: str, holds: bool) -> None:
    """Agree to a purpose, or no longer; no longer to sharing stops every share in the same moment. Raises
    ParameterError where it is no purpose."""
    patients.set_agreement(clinic, actor, _own(actor), purpose, holds)


def export_own(clinic: Clinic, actor: Actor) -> IO[bytes]:
    """Everything that the clinic keeps of the patient as an open zip file, which is gone once it is closed."""
    return patients.export(clinic, actor, _own(actor))


def _own(actor: Actor) -> str:
    actor.must_be(PATIENT)
    assert actor.patient_id is not None
    return actor.patient_id


def _result(clinic: Clinic, shared: Shared, zone: ZoneInfo) -> Result:
    patient_id = row_of(clinic.store, Course, shared.course_id).patient_id
    made = deriving.kept(clinic.store, patient_id, shared.key)
    title = indication_of(clinic.treatment, shared.indication).title
    day = shared.shared_at.astimezone(zone).date()
    return Result(
        shared.course_id, made.get(measuring.FOR_PATIENT), title, shared.site, shared.shared_at, day, shared.key
    )


def _last_of_each_site(sessions: Sequence[Session]) -> list[Session]:
    """The latest first."""
    last = {one.site: one for one in sessions}
    return sorted(last.values(), key=lambda one: one.at, reverse=True)


def _skin(treatment: Treatment, session: Session, now: datetime) -> Skin:
    start = day_of(session)
    today = now.astimezone(ZoneInfo(session.zone)).date()
    after = (today - start).days
    stages = tuple(
        Stage(
            row, start + timedelta(days=row.from_day), start + timedelta(days=row.to_day),
            row.from_day <= after <= row.to_day, after > row.to_day,
        )
        for row in treatment.clock
    )  # fmt: skip
    return Skin(session.site, start, after, stages, tuple(row.text for row in care_on(treatment, after)))


def _appointment(treatment: Treatment, course: Course, sessions: Sequence[Session], today: date) -> Appointment:
    own = [one for one in sessions if one.site in ("", course.site)]
    protocols = protocols_of(treatment, course.indication)
    usual = (
        (min(row.sessions_min for row in protocols), max(row.sessions_max for row in protocols)) if protocols else None
    )
    least = least_spacing_days(treatment, course.indication)
    first = last = None
    if own and least is not None and usual is not None and len(own) < usual[1]:
        most = max(row.spacing_max_days or 0 for row in protocols)
        start = day_of(own[-1])
        first, last = start + timedelta(days=least[0]), start + timedelta(days=max(most, least[0]))
    title = indication_of(treatment, course.indication).title
    return Appointment(title, course.site, len(own), usual, first, last, last is not None and today > last)

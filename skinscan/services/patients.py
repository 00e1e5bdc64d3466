"""The practitioner's patients: found, added, named, what they agreed to, what is treated; exported and erased."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from skinscan.records import ParameterError
from skinscan.services.actor import PRACTITIONER, Actor
from skinscan.services.clinic import Clinic
from skinscan.services.days import day_of
from skinscan.store import access, consents, erasing, exporting, reading, recording
from skinscan.store.access_tables import PURPOSES, Consent
from skinscan.store.flags import waiting
from skinscan.store.measured_tables import Course
from skinscan.store.tables import Patient, Visit
from skinscan.treatment.functions import indication_of, sites_of

FITZPATRICK = ("I", "II", "III", "IV", "V", "VI")
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Person:
    """A patient in the practitioner's list. `name` is empty where none was given."""

    patient_id: str
    code: str
    name: str
    fitzpatrick: str | None
    visits: int
    last_visit: date | None
    flags: int = 0
    """How many flags wait to be looked at."""

    @property
    def title(self) -> str:
        return self.name or self.code


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether a patient agrees to a purpose now, and since or until when."""

    purpose: str
    holds: bool
    since: date | None
    withdrawn: date | None


def find(clinic: Clinic, actor: Actor, words: str = "") -> list[Person]:
    """Patients whose name or code holds all the words, the last seen first."""
    actor.must_be(PRACTITIONER)
    wanted = words.casefold().split()
    visits = reading.last_visits(clinic.store)
    flags, names = waiting(clinic.store), reading.names(clinic.store)
    found = [
        _person(patient, names.get(patient.id, ""), visits, flags.get(patient.id, 0))
        for patient in reading.patients(clinic.store)
    ]
    kept = [one for one in found if all(word in f"{one.name} {one.code}".casefold() for word in wanted)]
    kept.sort(key=lambda one: one.title.casefold())
    return sorted(kept, key=lambda one: one.last_visit or date.min, reverse=True)


def person(clinic: Clinic, actor: Actor, patient_id: str) -> Person:
    """One patient. Raises NotFound."""
    actor.must_be(PRACTITIONER)
    patient = reading.patient_of(clinic.store, patient_id)
    visits = reading.last_visits(clinic.store, patient.id)
    name = reading.name_of(clinic.store, patient.id)
    return _person(patient, name, visits, waiting(clinic.store).get(patient.id, 0))


def open_patient(clinic: Clinic, actor: Actor, patient_id: str) -> Person:
    """One patient, whose page is opened: who looked when is in the audit log. Raises NotFound."""
    one = person(clinic, actor, patient_id)
    with clinic.store.change("open", "patient", one.patient_id, actor.user_id):
        return one


def add(
    clinic: Clinic,
    actor: Actor,
    *,
    name: str = "",
    fitzpatrick: str = "",
    agrees_to: Sequence[str] = (),
    indication: str = "",
    site: str = "",
) -> str:
    """A new patient and, where an indication is given, what is treated where; the patient's id. Raises
    ParameterError for what is none of the choices."""
    actor.must_be(PRACTITIONER)
    _check_name(name)
    if fitzpatrick and fitzpatrick not in FITZPATRICK:
        raise ParameterError("The Fitzpatrick type is none", expected=" ".join(FITZPATRICK), found=fitzpatrick[:20])
    unknown = [purpose for purpose in agrees_to if purpose not in PURPOSES]
    if unknown:
        raise ParameterError("This is no purpose", expected=", ".join(PURPOSES), found=unknown[0][:40])
    if indication:
        _check_course(clinic, indication, site)
    patient = recording.new_patient(
        clinic.store, name=name.strip(), fitzpatrick=fitzpatrick or None, actor=actor.user_id
    )
    for purpose in dict.fromkeys(agrees_to):
        consents.give_consent(clinic.store, patient.id, purpose, actor=actor.user_id)
    if indication:
        begin_course(clinic, actor, patient.id, indication, site)
    return patient.id


def rename(clinic: Clinic, actor: Actor, patient_id: str, name: str) -> None:
    """Another name to show."""
    actor.must_be(PRACTITIONER)
    _check_name(name)
    recording.set_name(clinic.store, patient_id, name.strip(), actor=actor.user_id)


def courses(clinic: Clinic, actor: Actor, patient_id: str) -> Sequence[Course]:
    """What is treated where."""
    actor.must_be(PRACTITIONER)
    reading.patient_of(clinic.store, patient_id)
    return reading.rows_of(clinic.store, Course, patient_id)


def course_of(clinic: Clinic, actor: Actor, course_id: str) -> Course:
    """One of them. Raises NotFound."""
    actor.must_be(PRACTITIONER)
    return reading.row_of(clinic.store, Course, course_id)


def begin_course(clinic: Clinic, actor: Actor, patient_id: str, indication: str, site: str) -> str:
    """What is to be treated where; its id. The indication names the primary measure, so it is said beforehand. Raises
    ParameterError where either is not known, or the patient has this one already."""
    actor.must_be(PRACTITIONER)
    _check_course(clinic, indication, site)
    for one in courses(clinic, actor, patient_id):
        if (one.site, one.indication) == (site, indication):
            raise ParameterError("This is being treated already", expected="another indication or site", found=site)
    return recording.add_course(clinic.store, patient_id, site, indication, actor=actor.user_id).id


def agreements(clinic: Clinic, actor: Actor, patient_id: str) -> list[Agreement]:
    """What the patient agrees to, purpose by purpose: for the practitioner, and for the patient's own."""
    actor.must_be_of(patient_id)
    reading.patient_of(clinic.store, patient_id)
    rows = reading.rows_of(clinic.store, Consent, patient_id)
    zone = ZoneInfo(clinic.zone)
    return [_agreement(purpose, [row for row in rows if row.purpose == purpose], zone) for purpose in PURPOSES]


def set_agreement(clinic: Clinic, actor: Actor, patient_id: str, purpose: str, holds: bool) -> None:
    """Record that the patient agrees to a purpose, or no longer: said to the practitioner, or by the patient."""
    told = {one.purpose: one.holds for one in agreements(clinic, actor, patient_id)}
    if purpose not in told:
        raise ParameterError("This is no purpose", expected=", ".join(PURPOSES), found=purpose[:40])
    if holds and not told[purpose]:
        consents.give_consent(clinic.store, patient_id, purpose, actor=actor.user_id)
    if not holds and told[purpose]:
        consents.withdraw_consent(clinic.store, patient_id, purpose, actor=actor.user_id)


def account_of(clinic: Clinic, actor: Actor, patient_id: str) -> str | None:
    """The user name of the patient's own account, where there is one."""
    actor.must_be(PRACTITIONER)
    user = access.user_of_patient(clinic.store, patient_id)
    return None if user is None else user.username


def export(clinic: Clinic, actor: Actor, patient_id: str) -> IO[bytes]:
    """Everything that the clinic keeps of a patient as an open zip file, which is gone once it is closed: asked for by
    the practitioner or by the patient."""
    agreements(clinic, actor, patient_id)  # raises where it is not theirs
    with clinic.in_clear() as folder:
        path = folder / "export.zip"
        exporting.export_patient(clinic.store, patient_id, path, actor=actor.user_id)
        return path.open("rb")  # the name goes with the folder, the bytes once whoever reads them is done


def erase(clinic: Clinic, actor: Actor, patient_id: str, code: str) -> list[Path]:
    """Erase a patient for good; `code` is typed to confirm. Places of backups that could not be reached."""
    actor.must_be(PRACTITIONER)
    patient = reading.patient_of(clinic.store, patient_id)
    if code.strip() != patient.code:
        raise ParameterError(
            "Nothing was erased", expected=f"the patient's code {patient.code}, typed to confirm", found=code[:20]
        )
    return erasing.erase_patient(clinic.store, patient.id, actor.user_id)


def _person(patient: Patient, name: str, visits: Mapping[str, tuple[int, Visit]], flags: int) -> Person:
    count, last = visits.get(patient.id, (0, None))
    day = None if last is None else day_of(last)
    return Person(patient.id, patient.code, name, patient.fitzpatrick, count, day, flags)


def _agreement(purpose: str, rows: Sequence[Consent], zone: ZoneInfo) -> Agreement:
    holding = [row for row in rows if row.withdrawn_at is None]
    if not rows:
        return Agreement(purpose, False, None, None)
    last = (holding or rows)[-1]
    withdrawn = None if last.withdrawn_at is None else last.withdrawn_at.astimezone(zone).date()
    return Agreement(purpose, bool(holding), last.given_at.astimezone(zone).date(), withdrawn)


def _check_name(name: str) -> None:
    if len(name) > LONGEST_NAME:
        raise ParameterError("The name is too long", expected=f"at most {LONGEST_NAME} letters", found=f"{len(name)}")


def _check_course(clinic: Clinic, indication: str, site: str) -> None:
    indication_of(clinic.treatment, indication)
    if site not in sites_of(clinic.treatment):
        raise ParameterError("The site is not known", expected=", ".join(sites_of(clinic.treatment)), found=site[:40])

"""A patient with visits, sessions, photos and numbers, for what reads the record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from skinscan.services import Actor, Clinic
from skinscan.services.actor import PATIENT, RESEARCHER
from skinscan.store import Store, consents, recording
from skinscan.store.columns import new_id
from skinscan.store.measured_tables import AssessmentRow, Course, MeasurementRow
from skinscan.store.tables import Photo

ZONE = "Europe/Berlin"
FIRST = datetime(2026, 3, 2, 9, 30, tzinfo=ZoneInfo(ZONE))
NAME = "Zoë Quimby-Ångström"
NOTE = "<script>document.title='taken'</script> works at the zoo"
RESEARCHING = Actor("researching", "rosa", frozenset({RESEARCHER}))


class Followed:
    """A patient treated at a site: a baseline on day 0, sessions from then on, photos with numbers."""

    def __init__(
        self, clinic: Clinic, *, name: str = NAME, fitzpatrick: str | None = "IV", site: str = "face",
        indication: str = "pores",
    ) -> None:  # fmt: skip
        self.clinic, self.store, self.site = clinic, clinic.store, site
        self.patient = recording.new_patient(self.store, name=name, fitzpatrick=fitzpatrick)
        self.actor = Actor(new_id(), "pat", frozenset({PATIENT}), self.patient.id)
        self.course = Course(id=new_id(), patient_id=self.patient.id, site=site, indication=indication)
        with self.store.database.writing() as rows:
            rows.add(self.course)

    def agrees(self, *purposes: str) -> Followed:
        for purpose in purposes:
            consents.give_consent(self.store, self.patient.id, purpose)
        return self

    def session(self, day: int, hours: int = 1) -> None:
        at = FIRST + timedelta(days=day, hours=hours)
        recording.add_session(
            self.store, self.patient.id, at, ZONE, site=self.site, notes=NOTE, operator=NAME, device="dermapen"
        )

    def photo(self, day: int, view: str = "front", **details: object) -> Photo:
        at = FIRST + timedelta(days=day)
        visit = recording.add_visit(self.store, self.patient.id, at, ZONE, notes=NOTE)
        content = f"{self.patient.id} {day} {view}".encode()
        return recording.save_photo(self.store, visit.id, content, view, site=self.site, details=details)

    def measured(
        self, photo: Photo, values: Mapping[tuple[str, str], float | None], made_at: datetime | None = None
    ) -> str:
        """Keep numbers of a photo, by measure and region; the assessment's id."""
        made = AssessmentRow(
            id=new_id(), patient_id=self.patient.id, photo_id=photo.id, key=new_id(), recipe={}, versions={}, frame={},
            made_at=made_at or datetime.now(UTC),
        )  # fmt: skip
        with self.store.database.writing() as rows:
            rows.add(made)
            rows.flush()
            rows.add_all(
                MeasurementRow(
                    id=new_id(), patient_id=self.patient.id, assessment_id=made.id, measure=measure, region=region,
                    value=value, unit="%", spread=None if value is None else 0.25, n=40,
                    flags=["too_far", "blurred"] if value is None else [], version=3,
                    reason="" if value is not None else "too far",
                )
                for (measure, region), value in values.items()
            )  # fmt: skip
        return made.id


def audited(store: Store) -> list[tuple[str, str, str, str]]:
    """(actor, action, kind, subject) of each line of the log."""
    from sqlalchemy import select

    from skinscan.store.access_tables import AuditLine

    with store.database.reading() as rows:
        lines = rows.scalars(select(AuditLine).order_by(AuditLine.number)).all()
    return [(line.actor, line.action, line.kind, line.subject) for line in lines]

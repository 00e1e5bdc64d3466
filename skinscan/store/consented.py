"""What research may read: measurements of patients whose consent to it is in force.

An id for research is a digest under a key of this installation that is not in the record: it stays the same from one
download to the next, and neither the patient's code nor the record alone leads to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session as Rows

from skinscan.store.access_tables import Consent
from skinscan.store.audit import SYSTEM
from skinscan.store.columns import Base
from skinscan.store.measured_tables import AssessmentRow, Course, MeasurementRow
from skinscan.store.opening import Store
from skinscan.store.sealing import derived, keyed_digest
from skinscan.store.tables import Patient, Photo, Session, Visit

_ID_CHARACTERS = 16
"""64 bits: two patients of a clinic under one id are out of the question."""

MEASURED = {
    "patient_id": Patient.id, "fitzpatrick": Patient.fitzpatrick, "photo_id": Photo.id,
    "assessment_id": AssessmentRow.id, "measure": MeasurementRow.measure, "region": MeasurementRow.region,
    "value": MeasurementRow.value, "spread": MeasurementRow.spread, "unit": MeasurementRow.unit,
    "n": MeasurementRow.n, "flags": MeasurementRow.flags, "version": MeasurementRow.version,
}  # fmt: skip
"""The columns of `Consented.measured`, in their order."""


@dataclass(frozen=True, slots=True)
class Consented:
    """The patients who agree to research, in one state of the record. `measured`: a tuple as `MEASURED` for each number
    of each photo's latest assessment."""

    measured: Sequence[Sequence[Any]]
    photos: Sequence[Photo]
    visits: Sequence[Visit]
    sessions: Sequence[Session]
    courses: Sequence[Course]


def consented(store: Store, measures: Sequence[str] = ()) -> Consented:
    """What is known of the patients who agree now, of these measures or of all: a consent withdrawn before this began
    leaves nothing."""
    query = _of_latest(select(*MEASURED.values()))
    if measures:
        query = query.where(MeasurementRow.measure.in_(measures))
    with store.database.reading() as rows:
        return Consented(
            rows.execute(query).all(),
            *(_of_those(rows, table) for table in (Photo, Visit, Session, Course)),
        )


@dataclass(frozen=True, slots=True)
class There:
    """How many patients agree and were measured, and the measures, regions and sites that there are of them."""

    patients: int
    measures: Sequence[str]
    regions: Sequence[str]
    sites: Sequence[str]


def there(store: Store) -> There:
    """What there is to look at, without the numbers."""
    columns = (MeasurementRow.measure, MeasurementRow.region, Photo.site)
    with store.database.reading() as rows:
        patients = rows.scalar(_of_latest(select(func.count(Patient.id.distinct()))))
        found = (rows.scalars(_of_latest(select(column).distinct())) for column in columns)
        return There(int(patients or 0), *(sorted(words) for words in found))


def note_download(store: Store, form: str, *, actor: str = SYSTEM) -> None:
    """Write down that someone took the measurements with them, in which form (csv, parquet)."""
    with store.change("download", "measurements", form, actor):
        pass


def research_id(store: Store, what: str, own_id: str) -> str:
    """The id for research of a patient, or of what else is named by `what`; in hex."""
    return keyed_digest(derived(store.keys.own, f"research {what}"), own_id.encode())[:_ID_CHARACTERS]


def _agreed() -> ColumnElement[bool]:
    held = (Consent.patient_id == Patient.id, Consent.purpose == "research", Consent.withdrawn_at.is_(None))
    return exists().where(*held)


def _of_latest(query: Select[Any]) -> Select[Any]:
    """A query over the numbers of each photo's latest assessment, of the patients who agree."""
    return (
        query.select_from(Patient)
        .join(Photo, Photo.patient_id == Patient.id)
        .join(AssessmentRow, AssessmentRow.photo_id == Photo.id)
        .join(MeasurementRow, MeasurementRow.assessment_id == AssessmentRow.id)
        .where(_agreed(), _latest())
    )


def _latest() -> ColumnElement[bool]:
    """There is no later assessment of the same photo; of two in one instant the one with the greater id is later."""
    other = AssessmentRow.__table__.alias("other")
    later = (other.c.made_at > AssessmentRow.made_at) | (
        (other.c.made_at == AssessmentRow.made_at) & (other.c.id > AssessmentRow.id)
    )
    return ~exists().where(other.c.photo_id == AssessmentRow.photo_id, later)


def _of_those(rows: Rows, table: type[Base]) -> Sequence[Any]:
    columns: Any = table
    return rows.scalars(select(table).join(Patient, Patient.id == columns.patient_id).where(_agreed())).all()

"""What was measured, into the record and back: assessments of photos."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select

from skinscan.records import Assessment, plain_json
from skinscan.store.audit import SYSTEM
from skinscan.store.columns import new_id
from skinscan.store.errors import NotFound
from skinscan.store.measured_tables import AssessmentRow, MeasurementRow
from skinscan.store.opening import Store
from skinscan.store.tables import Photo


def key_of(*parts: Any) -> str:
    """A digest (hex) of JSON values, the same for the same ones in whatever order their mappings are."""
    return hashlib.sha256(json.dumps(plain_json(list(parts)), sort_keys=True).encode()).hexdigest()


def save_assessment(store: Store, photo_id: str, assessment: Assessment, *, actor: str = SYSTEM) -> AssessmentRow:
    """Keep what a photo says; in place of an earlier assessment by the same recipe and versions. Raises NotFound."""
    return save_told(store, photo_id, assessment.to_dict(), actor=actor)


def save_told(store: Store, photo_id: str, assessment: Mapping[str, Any], *, actor: str = SYSTEM) -> AssessmentRow:
    """The same of an assessment as its JSON tells it (`Assessment.to_dict`). Raises NotFound."""
    frame, measurements = dict(assessment["frame"]), assessment["measurements"]
    recipe, versions = dict(frame.pop("recipe")), dict(assessment["versions"])
    of_measures = sorted({(m["measure"], m["version"]) for m in measurements})
    row = AssessmentRow(
        id=new_id(), photo_id=photo_id, key=key_of(recipe, versions, of_measures), recipe=recipe, versions=versions,
        frame=frame,
    )  # fmt: skip
    with store.change("assess", "photo", photo_id, actor) as rows:
        photo = rows.scalar(select(Photo).where(Photo.id == photo_id).with_for_update())
        if photo is None:
            raise NotFound("There is no such photo", found=photo_id)
        row.patient_id = photo.patient_id
        same = (AssessmentRow.photo_id == photo_id, AssessmentRow.key == row.key)
        rows.execute(delete(AssessmentRow).where(*same))
        rows.add(row)
        rows.flush()
        rows.add_all(
            MeasurementRow(id=new_id(), patient_id=photo.patient_id, assessment_id=row.id, **_columns(m))
            for m in measurements
        )
    return row


def _columns(measurement: Mapping[str, Any]) -> dict[str, Any]:
    """What a row keeps of a measurement as JSON tells it; undefined numbers are None there already."""
    names = ("measure", "region", "value", "unit", "spread", "n", "flags", "version", "reason")
    return {name: measurement[name] for name in names}


def measurements_of(store: Store, photo_id: str) -> Sequence[MeasurementRow]:
    """The measurements of a photo's latest assessment; none where it was not assessed."""
    with store.database.reading() as rows:
        latest = rows.scalar(
            select(AssessmentRow.id).where(AssessmentRow.photo_id == photo_id).order_by(AssessmentRow.made_at.desc())
        )
        of = select(MeasurementRow).where(MeasurementRow.assessment_id == latest)
        return rows.scalars(of.order_by(MeasurementRow.region, MeasurementRow.measure)).all() if latest else []

"""Measurements as FHIR R4 Observations: name, value, unit in UCUM where that has one, place, method, uncertainty."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from skinscan.store.measured_tables import AssessmentRow, MeasurementRow
from skinscan.store.tables import Patient, Photo, Visit

MEASURES, REGIONS, FLAGS = "urn:skinscan:measure", "urn:skinscan:region", "urn:skinscan:flag"
UCUM = "http://unitsofmeasure.org"

_CODES: Mapping[str, str] = {
    "%": "%", "% of pores": "%", "% of region": "%", "mm": "mm", "um": "um", "mm/cm2": "mm/cm2", "1/cm2": "/cm2",
    "degree": "deg", "bit": "bit",
}  # fmt: skip
"""UCUM's codes of units; all others are of dimension one, and named in words."""

_LISTING = "http://terminology.hl7.org/CodeSystem"


def observation(
    patient: Patient, visit: Visit, photo: Photo, assessment: AssessmentRow, measurement: MeasurementRow
) -> dict[str, Any]:
    """A measurement as an Observation (R4): a value with its standard uncertainty, or why there is none."""
    told: dict[str, Any] = {
        "resourceType": "Observation",
        "id": str(uuid.UUID(measurement.id)),
        "status": "final",
        "category": [{"coding": [{"system": f"{_LISTING}/observation-category", "code": "imaging"}]}],
        "code": {"coding": [{"system": MEASURES, "code": measurement.measure}], "text": measurement.measure},
        "subject": {"identifier": {"value": patient.code}},
        "effectiveDateTime": visit.at.isoformat(),
        "issued": assessment.made_at.isoformat(timespec="milliseconds"),
        "bodySite": {
            "coding": [{"system": REGIONS, "code": measurement.region}],
            "text": " ".join(part for part in (photo.site, measurement.region) if part),
        },
        "method": {"text": f"skinscan {assessment.versions.get('skinscan', '')}, measure v{measurement.version}"},
        "derivedFrom": [{"identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{uid_of(photo.id)}"}}],
    }
    if measurement.value is None:
        reason: dict[str, Any] = {"coding": [{"system": f"{_LISTING}/data-absent-reason", "code": "not-performed"}]}
        told["dataAbsentReason"] = {**reason, **({"text": measurement.reason} if measurement.reason else {})}
    else:
        told["valueQuantity"] = _quantity(measurement.value, measurement.unit)
        if measurement.spread is not None:
            told["component"] = [
                {
                    "code": {"text": "standard uncertainty"},
                    "valueQuantity": _quantity(measurement.spread, measurement.unit),
                }
            ]
    if measurement.flags:
        told["note"] = [{"text": f"{FLAGS}: {', '.join(measurement.flags)}"}]
    return told


def bundle(observations: list[dict[str, Any]]) -> dict[str, Any]:
    """Observations as one collection."""
    entries = [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in observations]
    return {"resourceType": "Bundle", "type": "collection", **({"entry": entries} if entries else {})}


def uid_of(row_id: str) -> str:
    """The DICOM UID of a row: its own id as a UUID under 2.25, so that an export made again names the same things."""
    return f"2.25.{int(row_id, 16)}"


def _quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": UCUM, "code": _CODES.get(unit, "1")}

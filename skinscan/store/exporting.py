"""All that is kept of a patient in one zip: for the patient, or for another clinic.

    record.json          name, code, skin type, consents, treatments, visits, photos
    photos/              the originals, byte for byte
    measurements.csv     every number of every photo
    observations.json    the same as a FHIR R4 Bundle of Observations
    dicom/               the photographs as DICOM VL Photographic Images

Names of files tell day, view and shot only.
"""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from skinscan.records import PhotoError
from skinscan.store import dicom, fhir
from skinscan.store.access_tables import Consent, Share
from skinscan.store.audit import SYSTEM
from skinscan.store.columns import Base
from skinscan.store.errors import StoreError
from skinscan.store.files import BEGUN, PRIVATE_FILE
from skinscan.store.measured_tables import AssessmentRow, Course, MeasurementRow, RaisedFlag, Region
from skinscan.store.opening import Store
from skinscan.store.reading import name_of, patient_of, rows_of
from skinscan.store.tables import Patient, Photo, Session, Visit

_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WebP": ".webp", "HEIC": ".heic"}
_COLUMNS = (
    "day", "view", "site", "shot", "measure", "region", "value", "unit", "spread", "n", "flags", "version", "reason",
    "recipe", "versions",
)  # fmt: skip
_OWN_TABLES: tuple[type[Base], ...] = (Consent, Course, Session, Visit, Photo, Region, RaisedFlag, Share)


@dataclass(frozen=True)
class Exported:
    """An export that was written; `not_as_dicom`: names of photos that cannot be decoded, and so are there as
    originals alone."""

    path: Path
    photos: int
    measurements: int
    not_as_dicom: tuple[str, ...]


def export_patient(store: Store, patient_id: str, path: Path, actor: str = SYSTEM) -> Exported:
    """Write all that is kept of a patient to a new zip of mode 0600: whole, or not at all.

    Raises NotFound, VaultError where a photo is not as it was kept, StoreError where the file is there already or
    cannot be written.
    """
    patient = patient_of(store, patient_id)
    if path.exists():
        raise StoreError("There is a file of that name already", found=path.name, todo="name another")
    begun = path.parent / f"{BEGUN}{secrets.token_hex(8)}"
    try:
        handle = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with os.fdopen(handle, "wb") as file:
            done = _written(store, patient, file, path)
            file.flush()
            os.fsync(file.fileno())
        with store.change("export", "patient", patient.id, actor):
            pass
        begun.replace(path)
    except OSError as error:
        raise StoreError(
            "The export could not be written", expected="room and leave to write it",
            found=error.strerror or type(error).__name__, todo="mend that, or name another folder",
        ) from None  # fmt: skip
    finally:
        begun.unlink(missing_ok=True)
    return done


def _written(store: Store, patient: Patient, file: IO[bytes], path: Path) -> Exported:
    visits = {visit.id: visit for visit in rows_of(store, Visit, patient.id)}
    photos = rows_of(store, Photo, patient.id)
    measured = list(_measured(store, patient.id))
    missed = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("record.json", _json(_record(store, patient)))
        for photo, name in zip(photos, _names(photos, visits), strict=True):
            original = store.vault.get(patient.id, photo.digest)
            suffix = _SUFFIXES.get(photo.format, ".bin")
            archive.writestr(f"photos/{name}{suffix}", original, zipfile.ZIP_STORED)
            image = _as_dicom(patient, visits[photo.visit_id], photo, original)
            if image is None:
                missed.append(f"{name}{suffix}")
            else:
                archive.writestr(f"dicom/{name}.dcm", image, zipfile.ZIP_STORED)
        archive.writestr("measurements.csv", _csv(photos, visits, measured))
        of = {photo.id: photo for photo in photos}
        told = [
            fhir.observation(patient, visits[of[made.photo_id].visit_id], of[made.photo_id], made, one)
            for made, one in measured
            if made.photo_id in of
        ]
        archive.writestr("observations.json", _json(fhir.bundle(told)))
    return Exported(path, len(photos), len(measured), tuple(missed))


def _as_dicom(patient: Patient, visit: Visit, photo: Photo, original: bytes) -> bytes | None:
    from skinscan.capture.photo import photo_of  # decoding loads OpenCV

    try:
        return dicom.photographic_image(patient, visit, photo, photo_of(original))
    except PhotoError:
        return None


def _measured(store: Store, patient_id: str) -> Iterator[tuple[AssessmentRow, MeasurementRow]]:
    with store.database.reading() as rows:
        of = select(AssessmentRow, MeasurementRow).join(
            MeasurementRow, MeasurementRow.assessment_id == AssessmentRow.id
        )
        order = (AssessmentRow.made_at, AssessmentRow.id, MeasurementRow.region, MeasurementRow.measure)
        yield from rows.execute(of.where(AssessmentRow.patient_id == patient_id).order_by(*order))


def _day(visit: Visit) -> str:
    return visit.at.astimezone(ZoneInfo(visit.zone)).date().isoformat()


def _names(photos: Sequence[Photo], visits: Mapping[str, Visit]) -> list[str]:
    """A name of its own for each photo; letters and digits only, as a view may be any text."""
    names: list[str] = []
    for photo in photos:
        view = "".join(c if c.isascii() and c.isalnum() else "_" for c in photo.view) or "view"
        stem = f"{_day(visits[photo.visit_id])}_{view}_{photo.shot}"
        names.append(stem if stem not in names else f"{stem}_{photo.id[:8]}")
    return names


def _csv(
    photos: Sequence[Photo], visits: Mapping[str, Visit], measured: Sequence[tuple[AssessmentRow, MeasurementRow]]
) -> str:
    of = {photo.id: photo for photo in photos}
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(_COLUMNS)
    for made, one in measured:
        photo = of.get(made.photo_id)
        if photo is None:
            continue
        lines.writerow(
            [_day(visits[photo.visit_id]), photo.view, photo.site, photo.shot, one.measure, one.region,
             "" if one.value is None else repr(one.value), one.unit, "" if one.spread is None else repr(one.spread),
             one.n, ";".join(one.flags), one.version, one.reason, _json(made.recipe), _json(made.versions)]
        )  # fmt: skip
    return "\ufeff" + text.getvalue()


def _record(store: Store, patient: Patient) -> dict[str, Any]:
    """What the record holds of the patient, row by row, and the name."""
    told: dict[str, Any] = {"name": name_of(store, patient.id), "patient": _row(patient)}
    for table in _OWN_TABLES:
        told[table.__tablename__] = [_row(row) for row in rows_of(store, table, patient.id)]
    return told


def _row(row: Base) -> dict[str, Any]:
    values = {column.name: getattr(row, column.name) for column in row.__table__.columns}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)

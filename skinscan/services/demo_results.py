"""What the demo's photos measure, ready-made: the numbers, and the pages that the app would make of them.

`python -m skinscan.services.demo_results` remakes them in a checkout, by entering the demo's patients and asking the
ordinary use cases. They are kept one file a patient, as of `MADE_ON`; put into a record, days move with the demo's.
"""

from __future__ import annotations

import json
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skinscan.environment import data_path
from skinscan.measures import all_measures
from skinscan.report.page import templates_digest
from skinscan.services import measuring
from skinscan.services.actor import PRACTITIONER, Actor
from skinscan.services.clinic import Clinic
from skinscan.services.flags import raised_in
from skinscan.store import deriving, reading
from skinscan.store import measuring as rows
from skinscan.store.deriving import Made, Of
from skinscan.store.flags import set_flags
from skinscan.store.measured_tables import AssessmentRow, MeasurementRow
from skinscan.store.tables import Photo

if TYPE_CHECKING:
    from skinscan.services.demo import Entered

MADE_ON = date(2020, 7, 1)
"""The day that counts as today where results are made; no day of a course is one of today's tables or sources."""

NUMBERS, VERSIONS = "assessments.json", "measures.json"
COURSE, PAIR = "course", "pair"
"""Folders in a patient's file: pages of the course; where the manifest wants them (they are large), pages of the first
and the last photo compared."""

_FIGURES = ("measure", "region", "value", "unit", "spread", "n", "flags", "version", "reason")


def file_of(key: str) -> Path:
    """The file of a patient's results."""
    return data_path("datasets", "clinic", f"{key}.zip")


def put_in(
    clinic: Clinic, patient_id: str, course_id: str, photo_ids: Sequence[str], told: Mapping[str, Any], today: date
) -> None:
    """Put a patient's results into the record, where the app looks for them."""
    with zipfile.ZipFile(file_of(told["key"])) as file:
        for photo_id, assessment in zip(photo_ids, json.loads(file.read(NUMBERS)), strict=True):
            rows.save_told(clinic.store, photo_id, assessment)
        key = measuring.followed(clinic, course_id).key(clinic)
        pages = _moved(file, COURSE, told, today)
        deriving.keep(clinic.store, Of(patient_id, course_id=course_id), key, pages)
        set_flags(clinic.store, course_id, raised_in(json.loads(pages[measuring.NUMBERS].content)))
        if told["pair"]:
            first, last = (reading.row_of(clinic.store, Photo, one) for one in (photo_ids[0], photo_ids[-1]))
            key = measuring.comparison_key(clinic, first, last)
            deriving.keep(clinic.store, Of(patient_id, first.id, last.id), key, _moved(file, PAIR, told, today))


def _moved(file: zipfile.ZipFile, folder: str, told: Mapping[str, Any], today: date) -> dict[str, Made]:
    """The pages of a folder, with the days that they have on `today`."""
    found = {}
    for name in (n for n in file.namelist() if n.startswith(f"{folder}/")):
        page = Path(name).name
        media_type = measuring.HTML if page.endswith(".html") else measuring.JSON
        text = move_days(file.read(name).decode("utf-8"), told, today)
        found[page] = Made(text.encode(), media_type, for_patient=page == measuring.FOR_PATIENT)
    return found


def move_days(text: str, told: Mapping[str, Any], today: date) -> str:
    """A page or a JSON text with each of the patient's days moved from `MADE_ON` to `today`."""
    days = sorted({one["day"] for one in (*told["visits"], *told["sessions"])})
    moved = {
        f"{MADE_ON + timedelta(days=day):{form}}": f"{today + timedelta(days=day):{form}}"
        for day in days for form in ("%Y-%m-%d", ">%d %b<")
    }  # fmt: skip
    return re.sub("|".join(map(re.escape, moved)), lambda found: moved[found[0]], text)


# --- making them ----------------------------------------------------------------------------------------------


def write(folder: Path) -> None:
    """Measure the demo's photos and write one file a patient; some minutes."""
    from skinscan.services import demo
    from skinscan.store.access import new_user

    with tempfile.TemporaryDirectory() as place:
        clinic = demo.empty_clinic(Path(place))
        user = new_user(clinic.store, "practitioner", [PRACTITIONER])
        actor = Actor(user.id, user.username, frozenset({PRACTITIONER}))
        with clinic.store:
            for told in demo.told_patients():
                entered = demo.enter(clinic, actor, told, MADE_ON)
                _write_patient(folder / f"{told['key']}.zip", clinic, actor, entered)


def _write_patient(path: Path, clinic: Clinic, actor: Actor, entered: Entered) -> None:
    photos = entered.photos
    for photo in photos:
        measuring.assess(clinic, actor, photo)
    pages = {COURSE: measuring.follow(clinic, actor, entered.course_id)}
    if entered.told["pair"]:
        pages[PAIR] = measuring.compare(clinic, actor, photos[0], photos[-1])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        _write(file, VERSIONS, json.dumps(versions_of_today()).encode())
        _write(file, NUMBERS, json.dumps([assessment_of(clinic, photo) for photo in photos]).encode())
        for folder, made in pages.items():
            for name, derived_id in made.items():
                content = deriving.content_of(clinic.store, deriving.derived_of(clinic.store, derived_id))
                _write(file, f"{folder}/{name}", content)


def versions_of_today() -> dict[str, Any]:
    """What results made today are made with: the versions of the measures, and the look of the pages."""
    return {**{one.name: one.version for one in all_measures().values()}, "pages": templates_digest()}


def _write(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    """The same bytes for the same content, whenever it is written."""
    file.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED, 9)


def assessment_of(clinic: Clinic, photo_id: str) -> dict[str, Any]:
    """What `store.measuring.save_told` takes, out of the record."""
    photo = reading.row_of(clinic.store, Photo, photo_id)
    (row,) = [one for one in reading.rows_of(clinic.store, AssessmentRow, photo.patient_id) if one.photo_id == photo_id]
    figures: list[MeasurementRow] = list(rows.measurements_of(clinic.store, photo_id))
    return {
        "frame": {**row.frame, "recipe": row.recipe},
        "versions": row.versions,
        "measurements": [{name: getattr(one, name) for name in _FIGURES} for one in figures],
    }


if __name__ == "__main__":
    write(data_path("datasets", "clinic"))

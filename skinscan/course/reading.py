"""From a folder of photos, or a manifest, to a Plan: which photo is of which visit, when the sessions were.

A manifest is a CSV file with a row for each photo, session and clinician's score:

    kind,day,photo,view,after_session,site,device,tip,depth_mm,passes,topical,numbing,operator,adverse_events,notes,scale,score

`kind` is `photo` (the default), `session` or `score`; every other column may be left out. A photo's day is that of its
row, or else the camera's, or else the one in the file's name. In a folder without `course.csv` every photo is taken.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

from skinscan.capture.photo import is_photo_name, photo_taken_at
from skinscan.course import dates
from skinscan.course.ordering import CourseError, Read, in_order
from skinscan.course_records import Plan, Session, Shot
from skinscan.records import PhotoError
from skinscan.treatment import Treatment
from skinscan.treatment.functions import indication_of

MANIFEST = "course.csv"

COLUMNS = (
    "kind", "day", "photo", "view", "after_session", "site", "device", "tip", "depth_mm", "passes", "topical",
    "numbing", "operator", "adverse_events", "notes", "scale", "score",
)  # fmt: skip

VIEWS = ("front", "left", "right", "oblique", "top", "close", "closeup", "macro", "parting", "side", "back", "chin")
"""Words in a file's name that tell the view."""

YES, NO = ("yes", "y", "true", "1", "after"), ("no", "n", "false", "0", "before")


def read_plan(place: Path, indication: str, treatment: Treatment, sessions: Sequence[str] = (), site: str = "") -> Plan:
    """The Plan of a folder or a manifest. `sessions`: further days of treatment as text.

    Raises CourseError naming the row or the file: a day that cannot be read, two photos of one view of one visit, more
    than one site, a view or a course without a baseline, nothing to compare.
    """
    indication_of(treatment, indication)
    read = _manifest(place) if place.is_file() else _folder(place)
    _check_alike(read.shots)
    given = [_session_of(text) for text in sessions]
    return in_order(replace(read, sessions=[*read.sessions, *given]), indication, treatment, site)


def _check_alike(shots: Sequence[Shot]) -> None:
    """Refuse one photo under two names: it would show that nothing changed."""
    known: dict[str, Shot] = {}
    for shot in shots:
        with shot.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest in known:
            raise CourseError(
                f"{shot.place}: {shot.path.name} is the same photo as that of {known[digest].place}",
                expected="a photo of its own for each visit", todo="leave one out",
            )  # fmt: skip
        known[digest] = shot


def _session_of(text: str) -> Session:
    try:
        day, at = dates.parse(text)
    except ValueError as error:
        raise CourseError("The day of a session cannot be read", expected=str(error), found=repr(text)) from None
    return Session(day, at=at)


def _folder(place: Path) -> Read:
    if not place.is_dir():
        raise CourseError("There is no such folder or manifest", found=place.name, todo="check the name")
    if (place / MANIFEST).is_file():
        return _manifest(place / MANIFEST)
    paths = sorted(path for path in place.iterdir() if path.is_file() and is_photo_name(path))
    if not paths:
        raise CourseError(
            f"The folder {place.name} holds no photos", expected="JPEG, PNG, TIFF, WebP or HEIC files",
            todo=f"give the folder of the photos, or a manifest ({MANIFEST})",
        )  # fmt: skip
    return Read([_shot(path, _view_of(path.stem), None, None, f"file {path.name}") for path in paths], [], [], [])


def _view_of(stem: str) -> str:
    words = [word for word in re.split(r"[^a-z]+", stem.lower()) if word in VIEWS]
    return "_".join(dict.fromkeys(words))


def _shot(path: Path, view: str, told: tuple[date, time | None] | None, after: bool | None, place: str) -> Shot:
    """A photo with its day: as told, or by its camera, or by its name."""
    found = told
    if not path.is_file():
        raise CourseError(
            f"{place}: there is no photo {path.name}", todo="check the name; it is looked for beside the manifest"
        )
    if found is None:
        try:
            text = photo_taken_at(path)
        except PhotoError as error:
            raise CourseError(f"{place}: {error}") from None
        found = dates.parse(text) if text else dates.in_name(path.stem)
    if found is None:
        raise CourseError(
            f"{place}: nothing tells the day of {path.name}",
            expected="a day in its row, from its camera, or in its name (2026-03-04_left.jpg)",
            todo="write the day into the manifest or into the file's name",
        )
    return Shot(path, view, found[0], found[1], place, after)


def _manifest(path: Path) -> Read:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            text = lines.read()
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(
            f"The manifest {path.name} cannot be read", found=str(error), todo="save it as CSV in UTF-8"
        ) from None
    dialect: Any = csv.excel
    first = text.split("\n", 1)[0]
    if first.count(";") > first.count(","):  # as spreadsheets of half of Europe save it
        dialect = type("Semicolons", (csv.excel,), {"delimiter": ";"})
    reader = csv.DictReader(text.splitlines(), dialect=dialect)
    names = [name.strip() for name in reader.fieldnames or ()]
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or "photo" not in names:
        raise CourseError(
            f"{path.name}: " + (f"no column is named {unknown[0]!r}" if unknown else "there is no column 'photo'"),
            expected=", ".join(COLUMNS),
        )
    reader.fieldnames = names
    read = Read([], [], [], [])
    for row in reader:
        _take(read, row, path.parent, f"row {reader.line_num}")
    return read


def _take(read: Read, row: Mapping[str | None, Any], folder: Path, place: str) -> None:
    """One row of a manifest into what was read so far."""
    if row.get(None):
        raise CourseError(f"{place}: more cells than columns", found=", ".join(row[None]))
    cells = {str(name): (value or "").strip() for name, value in row.items() if name is not None}
    if not any(cells.values()):
        return
    kind = cells.get("kind") or ("photo" if cells.get("photo") else "")
    told = _day(cells.get("day", ""), place)
    if cells.get("site"):
        read.sites.append((cells["site"], place))
    if kind == "photo":
        if not cells["photo"]:
            raise CourseError(f"{place}: a photo without its file", expected="its name in the column 'photo'")
        after = _yes_no(cells.get("after_session", ""), place)
        read.shots.append(_shot(folder / cells["photo"], cells.get("view", ""), told, after, place))
        return
    if told is None:
        raise CourseError(f"{place}: the row has no day", expected="a day as 2026-03-04 in the column 'day'")
    if kind == "session":
        read.sessions.append(_session(cells, told, place))
    elif kind == "score":
        read.scores.append((told[0], cells.get("scale", ""), _number(cells, "score", place), place))
    else:
        expected = "photo, session or score in the column 'kind'"
        raise CourseError(f"{place}: nothing says what the row is", expected=expected, found=repr(kind))


def _day(text: str, place: str) -> tuple[date, time | None] | None:
    if not text:
        return None
    try:
        return dates.parse(text)
    except ValueError as error:
        raise CourseError(f"{place}: the day cannot be read", expected=str(error), found=repr(text)) from None


def _yes_no(text: str, place: str) -> bool | None:
    if not text:
        return None
    if text.lower() in (*YES, *NO):
        return text.lower() in YES
    raise CourseError(f"{place}: after_session is neither yes nor no", found=repr(text))


def _number(cells: Mapping[str, str], name: str, place: str) -> float:
    try:
        return float(cells.get(name, "").replace(",", "."))
    except ValueError:
        raise CourseError(
            f"{place}: {name} is no number", expected="a number", found=repr(cells.get(name, ""))
        ) from None


def _session(cells: Mapping[str, str], told: tuple[date, time | None], place: str) -> Session:
    texts = {name: cells.get(name, "") for name in ("device", "tip", "topical", "numbing", "operator", "adverse_events",
                                                    "notes")}  # fmt: skip
    passes = int(_number(cells, "passes", place)) if cells.get("passes") else None
    return Session(told[0], at=told[1], depth_mm=depths_in(cells.get("depth_mm", ""), place), passes=passes, **texts)


def depths_in(text: str, place: str) -> dict[str, float]:
    """`1.5`, or `forehead=0.5 left_cheek=1.0`, in mm."""
    found: dict[str, float] = {}
    for part in text.split():
        name, _, number = part.rpartition("=")
        depth = _number({"depth_mm": number}, "depth_mm", place)
        if not 0 < depth <= 5:
            raise CourseError(f"{place}: no needle goes so deep", expected="0 to 5 mm", found=f"{depth:g} mm")
        found[name] = depth
    return found

"""From a folder or a manifest to a plan: the right one, or an error that names the row."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skinscan.course.ordering import CourseError
from skinscan.course.reading import read_plan
from skinscan.course_records import Plan
from skinscan.records import ParameterError
from skinscan.treatment import SHIPPED


def picture(path: Path, seed: int = 0, taken_at: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8))
    exif = Image.Exif()
    if taken_at:
        exif.get_ifd(0x8769)[0x9003] = taken_at
    image.save(path, exif=exif)
    return path


def manifest(folder: Path, *rows: str, names: str = "kind,day,photo,view,after_session,site,scale,score") -> Path:
    for number, row in enumerate(rows):
        for cell in row.replace(";", ",").split(","):
            if cell.endswith(".jpg") and not (folder / cell).exists() and not cell.startswith("missing"):
                picture(folder / cell, number)
    path = folder / "course.csv"
    path.write_text("\n".join([names, *rows, ""]), encoding="utf-8")
    return path


def plan_of(place: Path, *sessions: str) -> Plan:
    return read_plan(place, "pores", SHIPPED, sessions)


def test_a_folder_by_the_cameras_clock_and_by_names(tmp_path: Path) -> None:
    picture(tmp_path / "one.jpg", 1, "2026:01:12 09:30:00")
    picture(tmp_path / "IMG_20260214_101500.jpg", 2)
    picture(tmp_path / "2026-04-20.jpg", 3)
    (tmp_path / "notes.txt").write_text("nothing", encoding="utf-8")
    plan = plan_of(tmp_path, "2026-01-13", "2026-02-14")
    assert [visit.day for visit in plan.visits] == [date(2026, 1, 12), date(2026, 2, 14), date(2026, 4, 20)]
    assert [visit.is_baseline for visit in plan.visits] == [True, False, False]
    assert [visit.days_after for visit in plan.visits] == [None, 32, 65]  # on a session's day: before it


def test_views_by_name_are_series_of_their_own(tmp_path: Path) -> None:
    for number, name in enumerate(("2026-01-12_left", "2026-01-12_right", "2026-03-01 Left", "2026-03-01 RIGHT")):
        picture(tmp_path / f"{name}.jpg", number)
    plan = plan_of(tmp_path)
    assert plan.views == ("left", "right")
    assert len(plan.visits) == 2


def test_a_manifest_in_any_order_with_sessions_scores_and_both_sides_of_a_session(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        "photo,2026-02-12,c.jpg,,,face,,",
        "session,2026-01-12,,,,,,",
        "photo,2026-01-12,b.jpg,,yes,,,",
        "photo,2026-01-12,a.jpg,,no,face,,",
        "score,2026-02-12,,,,,CEA,2",
    )
    plan = plan_of(path)
    assert [shot.path.name for visit in plan.visits for shot in visit.shots] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [visit.days_after for visit in plan.visits] == [None, 0, 31]
    assert plan.visits[2].scores == {"CEA": 2.0}
    assert plan.site == "face"
    assert plan_of(tmp_path) == plan  # the folder finds its manifest


def test_a_spreadsheets_semicolons_and_byte_order_mark(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg", 1)
    picture(tmp_path / "b.jpg", 2)
    text = "\ufeffday;photo\n2026-01-12;a.jpg\n2026-02-12;b.jpg\n"
    (tmp_path / "course.csv").write_text(text, encoding="utf-8")
    assert len(plan_of(tmp_path).visits) == 2


def test_several_visits_before_the_first_session_are_the_baseline(tmp_path: Path) -> None:
    rows = [f"photo,2026-01-{n:02},p{n}.jpg,,,,," for n in (3, 10, 31)]
    plan = plan_of(manifest(tmp_path, *rows, "session,2026-01-12,,,,,,"))
    assert [visit.is_baseline for visit in plan.visits] == [True, True, False]


def test_depths_by_region(tmp_path: Path) -> None:
    rows = ("photo,2026-01-12,a.jpg,", "session,2026-01-12,,forehead=0.5 left_cheek=1.0", "photo,2026-03-12,b.jpg,")
    plan = plan_of(manifest(tmp_path, *rows, names="kind,day,photo,depth_mm"))
    assert plan.sessions[0].depth_mm == {"forehead": 0.5, "left_cheek": 1.0}


FIRST = "photo,2026-01-12,a.jpg,,,,,"
LAST = "photo,2026-03-12,z.jpg,,,,,"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((FIRST, "photo,12/03/2026,b.jpg,,,,,"), "row 3: the day cannot be read"),
        ((FIRST, "photo,,scan.jpg,,,,,"), "row 3: nothing tells the day of scan.jpg"),
        ((FIRST, "photo,2026-02-12,missing.jpg,,,,,"), "row 3: there is no photo missing.jpg"),
        ((FIRST, "photo,2026-03-12,,,,,,"), "row 3: a photo without its file"),
        ((FIRST, LAST, "photo,2026-03-12,y.jpg,,,,,"), "row 4: a second photo on 2026-03-12"),
        ((FIRST, LAST, "photo,2026-04-12,a.jpg,,,,,"), "row 4: a.jpg is the same photo as that of row 2"),
        ((FIRST, "photo,2026-03-12,b.jpg,left,,,,"), "row 3: the view 'left' has no baseline"),
        (("photo,2026-01-12,a.jpg,,,face,,", "photo,2026-03-12,b.jpg,,,thigh,,"), "row 3: another site"),
        (("session,2026-01-01,,,,,,", FIRST, LAST), "row 3: there is no baseline"),
        ((FIRST,), "There is nothing to compare: the course has one visit"),
        ((FIRST, "session,2026-01-20,,,,,,"), "no photo was taken after the first session"),
        ((FIRST, LAST, "session,2026-01-20,,,,,,", "session,2026-01-20,,,,,,"), "Two sessions on 2026-01-20"),
        ((FIRST, LAST, "session,,,,,,,"), "row 4: the row has no day"),
        ((FIRST, LAST, "injection,2026-01-20,,,,,,"), "row 4: nothing says what the row is"),
        ((FIRST, "photo,2026-03-12,b.jpg,,maybe,,,"), "row 3: after_session is neither yes nor no"),
        ((FIRST, LAST, "score,2026-03-12,,,,,CEA,9"), "row 4: CEA has no such score"),
        ((FIRST, LAST, "score,2026-03-12,,,,,CEA,1.5"), "row 4: CEA has no such score"),
        ((FIRST, LAST, "score,2026-03-12,,,,,CEA,high"), "row 4: score is no number"),
        ((FIRST, LAST, "score,2026-03-12,,,,,VAS,3"), "row 4: there is no scale 'VAS'"),
        ((FIRST, LAST, "score,2026-02-01,,,,,CEA,3"), "row 4: there is no visit on 2026-02-01"),
        ((FIRST, LAST, "photo,2026-04-12,b.jpg,,,,,,,"), "row 4: more cells than columns"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_row(tmp_path: Path, rows: tuple[str, ...], said: str) -> None:
    with pytest.raises(CourseError) as raised:
        plan_of(manifest(tmp_path, *rows))
    assert said in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def test_an_unknown_column_an_empty_folder_and_an_unknown_indication(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="no column is named 'foto'"):
        plan_of(manifest(tmp_path, "2026-01-12,a.jpg", names="day,foto"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CourseError, match="holds no photos"):
        plan_of(empty)
    with pytest.raises(CourseError, match="no such folder"):
        plan_of(tmp_path / "nowhere")
    with pytest.raises(ParameterError, match="Unknown indication"):
        read_plan(empty, "warts", SHIPPED)
    with pytest.raises(CourseError, match="day of a session"):
        plan_of(manifest(tmp_path, FIRST, LAST), "soon")


def test_a_file_that_is_no_photo_is_named(tmp_path: Path) -> None:
    (tmp_path / "course.csv").write_text("photo\nx.jpg\n", encoding="utf-8")
    (tmp_path / "x.jpg").write_text("not a photo", encoding="utf-8")
    with pytest.raises(CourseError, match=r"row 2: x\.jpg"):
        plan_of(tmp_path)

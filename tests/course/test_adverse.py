"""Courses that go badly, from their files to both reports: each raises its flag, with its numbers and its picture.

That nothing is raised where nothing of the kind happened is tested on the courses of test_course.py.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from skinscan.course.build import follow
from skinscan.course_records import Course, CourseFlag
from skinscan.phantom import SkinRecipe
from skinscan.phantom.course import Adverse, CourseRecipe, write_course
from skinscan.report.course_page import course_page
from skinscan.report.tables import flags_csv
from skinscan.treatment import SHIPPED

PX_PER_MM, SIDE, DAY = 20.0, 360, 20
RECIPE = CourseRecipe(SkinRecipe(seed=33, tone="III"), session_days=(0,), visit_days=(0, DAY), seed=7)


@dataclass(frozen=True)
class Followed:
    course: Course
    truth: dict[str, object]

    def flag(self, name: str) -> CourseFlag:
        return next(flag for flag in self.course.flags if flag.flag == name)


def followed(place: Path, adverse: Adverse) -> Followed:
    write_course(place, replace(RECIPE, adverse=adverse), px_per_mm=PX_PER_MM, size_px=SIDE)
    regions = json.loads((place / "regions.json").read_text(encoding="utf-8"))
    course = follow(place, "redness", 1 / PX_PER_MM, regions, reference="grey", same_lamp=True, card="none")
    return Followed(course, json.loads((place / "truth.json").read_text(encoding="utf-8"))["visits"][-1]["truth"])


@pytest.fixture(scope="module")
def marks(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    return followed(tmp_path_factory.mktemp("marks"), "marks")


@pytest.fixture(scope="module")
def foci(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    return followed(tmp_path_factory.mktemp("foci"), "foci")


def test_marks_of_the_device(marks: Followed) -> None:
    """The truth lies across the picture as it does on the skin: the baseline's camera is not turned."""
    flag = marks.flag("parallel_marks")
    tracks = RECIPE.tracks
    assert (flag.level, flag.visit) == ("red", 1)
    assert flag.figures["count"] == pytest.approx(tracks.count, abs=1)
    assert flag.figures["spacing_mm"] == pytest.approx(tracks.spacing_mm, rel=0.2)
    assert flag.figures["direction_deg"] == pytest.approx(tracks.direction_deg, abs=5)
    assert f"day {DAY} after the session: {flag.figures['count']} parallel" in flag.numbers
    assert marks.truth["tracks"]
    assert not [flag for flag in marks.course.flags if flag.flag == "papular_foci"]  # beads of the marks are none


def test_marks_lie_on_the_picture_where_they_were_made(marks: Followed) -> None:
    """Under the drawn lines the visit's picture is darker than beside them, and the baseline's is not."""
    sight = marks.flag("parallel_marks").sight
    assert sight is not None
    assert len(sight.lines) == marks.flag("parallel_marks").figures["count"]
    wide = sight.after.shape[1] * 6 // 100
    under, beside = ([], []), ([], [])
    for n, picture in enumerate((sight.before, sight.after)):
        for line in sight.lines:
            along = (line[-1] - line[0]) / np.hypot(*(line[-1] - line[0]))
            across = np.array([-along[1], along[0]]) * wide
            for values, places in ((under, line), (beside, np.concatenate([line - across, line + across]))):
                x, y = np.rint(places).astype(int).T
                kept = (x >= 0) & (y >= 0) & (x < picture.shape[1]) & (y < picture.shape[0])
                values[n].extend(picture[y[kept], x[kept]].mean(1))
    darker = [np.median(beside[n]) - np.median(under[n]) for n in (0, 1)]
    assert darker[1] > darker[0] + 3  # of 255: marks of 1.1 times more blood and 29 um, blurred by the camera
    assert abs(darker[0]) < 3


def test_red_papules(foci: Followed) -> None:
    flag = foci.flag("papular_foci")
    assert (flag.level, flag.visit) == ("amber", 1)
    assert flag.figures["count"] >= 3
    assert 0.8 <= flag.figures["smallest_mm"] <= flag.figures["largest_mm"] <= 5.1
    assert flag.figures["strength_sd"] > 4
    sight = flag.sight
    assert sight is not None
    assert len(sight.rings) == flag.figures["count"]
    x, y = (round(value) for value in sight.rings[0][:2])  # the strongest
    redder = []
    for picture in (sight.before, sight.after):
        ratio = picture[..., 0] / picture[..., 1].astype(float)
        redder.append(ratio[y - 3 : y + 4, x - 3 : x + 4].mean() / np.median(ratio))
    assert redder[1] > redder[0] + 0.02


def test_one_side_that_stays_red(tmp_path: Path) -> None:
    told = followed(tmp_path, "asymmetry")
    flag = told.flag("asymmetry")
    assert (flag.level, flag.region) == ("amber", "left, right")
    name = "redness.haemoglobin.left"
    assert flag.figures[f"{name}.change_left"] > flag.figures[f"{name}.sdc_left"]
    assert abs(flag.figures[f"{name}.change_right"]) < flag.figures[f"{name}.sdc_right"]
    assert flag.figures[f"{name}.difference"] > flag.figures[f"{name}.smallest_detectable_difference"]
    sight = flag.sight
    assert sight is not None
    assert sight.closed
    assert len(sight.lines) == 2
    half = sight.rise.shape[1] // 2
    assert np.nanmedian(sight.rise[:, half + 20 :]) > np.nanmedian(sight.rise[:, : half - 20]) + 0.02
    assert not any("asymmetry was not looked for" in text for text in told.course.notices)


@pytest.mark.parametrize(("which", "drawn"), [("marks", "polyline"), ("foci", "circle")])
def test_the_practitioner_sees_marks_and_numbers_and_the_patient_neither(
    which: str, drawn: str, request: pytest.FixtureRequest
) -> None:
    course: Course = request.getfixturevalue(which).course
    flag = next(flag for flag in course.flags if flag.flag in ("parallel_marks", "papular_foci"))
    practitioner, patient = (unescape(course_page(course, SHIPPED, role)) for role in ("practitioner", "patient"))
    assert practitioner.count(flag.numbers.split(":")[1].split(";")[0].strip()) == 1  # told once
    assert f"<{drawn} " in practitioner
    assert practitioner.count('id="flag-') == 2 * len(course.flags)  # baseline and visit, each once
    assert "Not a diagnosis" in practitioner
    body = patient.split("<main>")[1]
    assert flag.to_patient in patient
    assert f"<{drawn} " not in body
    assert "flag-" not in body
    assert not re.search(r"parallel|spots?\b|focus|foci|papul|scratch|\bSD\b", body)


def test_flags_as_data(marks: Followed) -> None:
    flag = marks.flag("parallel_marks")
    told = json.loads(json.dumps(marks.course.to_dict(), allow_nan=False))["flags"]
    mine = next(row for row in told if row["flag"] == "parallel_marks")
    assert mine["figures"]["spacing_mm"] == flag.figures["spacing_mm"]
    assert "sight" not in mine
    rows = [row for row in flags_csv(marks.course).splitlines() if row.startswith("parallel_marks,red,1,2026-02-01")]
    assert len(rows) == len(flag.figures)
    assert any(f",count,{flag.figures['count']}," in row for row in rows)

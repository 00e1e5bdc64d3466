"""A course with one more visit measures that visit alone, and says the same as one that was measured whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from skinscan.course import measuring
from skinscan.course.build import course_of
from skinscan.course.measuring import Seen
from skinscan.course.reading import read_plan
from skinscan.course_records import Course, Shot
from skinscan.phantom import SkinRecipe
from skinscan.phantom.course import CourseRecipe, write_course
from skinscan.treatment import SHIPPED


class InMemory:
    """A memo as plain as can be."""

    def __init__(self) -> None:
        self.held: dict[str, Seen] = {}

    def identity(self, shot: Shot) -> str:
        return shot.path.name

    def get(self, known: Any) -> Seen | None:
        return self.held.get(json.dumps(known))

    def put(self, known: Any, seen: Seen) -> None:
        self.held[json.dumps(known)] = seen


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("course")
    recipe = CourseRecipe(SkinRecipe(seed=3, tone="III"), session_days=(0, 28), visit_days=(-7, 0, 28, 90, 120), seed=2)
    write_course(place, recipe, px_per_mm=22.0, size_px=420)
    return place


def told(folder: Path, visits: int, place: Path, memo: InMemory | None, **more: Any) -> Course:
    """The course of the first visits."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for photo in sorted(folder.glob("20*"))[:visits]:
        shutil.copy(photo, place)
    plan = read_plan(place, "pores", SHIPPED, ["2026-01-12", "2026-02-09"])
    regions = json.loads((folder / "regions.json").read_text("utf-8"))
    return course_of(plan, regions, mm_per_px=1 / 22, reference="grey", card="none", memo=memo, **more)


def test_one_more_visit_is_measured_alone_and_says_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = told(folder, 5, tmp_path / "a", None)
    memo = InMemory()
    told(folder, 4, tmp_path / "b", memo)
    read: list[str] = []
    real = measuring._frame_of

    def frame_of(shot: Shot, choices: Any) -> Any:
        read.append(shot.path.name)
        return real(shot, choices)

    monkeypatch.setattr(measuring, "_frame_of", frame_of)
    later = told(folder, 5, tmp_path / "c", memo)
    assert len(read) == 4  # both baselines, the visit before, the new one
    assert later.to_dict() == whole.to_dict()
    read.clear()
    assert told(folder, 5, tmp_path / "c", memo).to_dict() == whole.to_dict()
    assert read == []
    told(folder, 5, tmp_path / "c", memo, same_lamp=True)
    assert len(read) == 5  # another question

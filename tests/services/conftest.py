"""A clinic on SQLite, people of each role, and photos that this project generates."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from skinscan.phantom import SkinRecipe
from skinscan.phantom.course import CourseRecipe, write_course
from skinscan.services import Actor, Clinic, patients, visits
from skinscan.store import Places, make_store, open_store
from skinscan.store.access import new_user

ZONE = "Europe/Berlin"


@pytest.fixture(scope="session")
def empty_clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new clinic's folder, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    make_store(Places.under(folder)).close()
    return folder


@pytest.fixture
def clinic(empty_clinic: Path, tmp_path: Path) -> Iterator[Clinic]:
    shutil.copytree(empty_clinic, tmp_path / "clinic")
    desk = tmp_path / "desk"
    desk.mkdir(mode=0o700)
    with open_store(Places.under(tmp_path / "clinic")) as store:
        yield Clinic(store, desk)
    assert not list(desk.iterdir()), "an original was left in clear"


@pytest.fixture
def someone(clinic: Clinic) -> Callable[..., Actor]:
    """A user of a role, as an Actor."""

    def made(role: str, patient_id: str | None = None) -> Actor:
        number = len(names)
        names.append(role)
        user = new_user(clinic.store, f"{role}-{number}", [role], patient_id=patient_id)
        return Actor(user.id, user.username, frozenset({role}), patient_id)

    names: list[str] = []
    return made


@pytest.fixture
def practitioner(someone: Callable[..., Actor]) -> Actor:
    return someone("practitioner")


@dataclass(frozen=True)
class SimulatedCourse:
    """Photos by their day, the grey patch that ties their colours, and the first photo's scale."""

    photos: dict[str, bytes]
    grey: list[list[float]]
    mm_per_px: float


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCourse:
    """A small course of two sessions (2026-01-12, 2026-02-09) and three visits."""
    folder = tmp_path_factory.mktemp("course")
    recipe = CourseRecipe(
        SkinRecipe(seed=11, tone="IV"), session_days=(0, 28), visit_days=(0, 2, 120), pores=-0.25, flush=1.5, seed=4
    )
    write_course(folder, recipe, px_per_mm=24.0, size_px=560)
    grey = json.loads((folder / "regions.json").read_text("utf-8"))["grey"]
    return SimulatedCourse({path.stem: path.read_bytes() for path in sorted(folder.glob("2026-*"))}, grey, 1 / 24)


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T10:00").replace(tzinfo=ZoneInfo(ZONE))


class Treated:
    """A patient whose course is in the record: sessions, visits, photos, the grey patch drawn on the first."""

    def __init__(self, clinic: Clinic, actor: Actor, simulated: SimulatedCourse) -> None:
        self.patient_id = patients.add(
            clinic, actor, name="Zoë Ångström", agrees_to=("treatment", "sharing"), indication="pores", site="face"
        )
        (self.course,) = patients.courses(clinic, actor, self.patient_id)
        self.photos: list[str] = []
        capture = {"mm_per_px": simulated.mm_per_px, "same_lamp": True}
        for day, data in simulated.photos.items():
            item = visits.bring(clinic, actor, f"{day}.jpg", data).item
            done = visits.Treated(device="dermapen", depth_mm={"": 1.0}) if day == "2026-01-12" else None
            visiting = visits.Visiting(at(day), ZONE, "face", capture=capture, treated=done)
            saved = visits.save(clinic, actor, self.patient_id, visiting, [visits.Shown(item, "close", False)])
            assert not saved.refused
            self.photos += saved.photos
        corners = ",".join(f"{value:.1f}" for point in simulated.grey for value in point)
        visits.draw_region(clinic, actor, self.photos[0], f"reference={corners}")


@pytest.fixture
def treated(clinic: Clinic, practitioner: Actor, simulated: SimulatedCourse) -> Treated:
    return Treated(clinic, practitioner, simulated)

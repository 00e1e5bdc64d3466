"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from hypothesis import HealthCheck, settings

from skinscan.measures.maps import Maps
from skinscan.phantom import Camera, Shot, SkinRecipe, make_skin, photograph, write_shot

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")  # these machines are shared: a deadline would test the neighbours

EXPECTED_SKIPS = ("root may read everything", "a small disk cannot be mounted here")
"""Reasons for which a test may skip in CI as well."""

_skipped: list[tuple[str, str]] = []


@pytest.fixture(scope="session")
def test_photos() -> Path:
    """The folder of shared photos, which are not part of the repository."""
    folder = os.environ.get("SKINSCAN_TEST_PHOTOS")
    if not folder:
        pytest.skip("SKINSCAN_TEST_PHOTOS is not set: the shared photos are not here")
    return Path(folder)


@pytest.fixture(scope="session")
def face_model() -> Iterator[Path]:
    """The optional face model, which is not part of the repository: in SKINSCAN_MODELS, or beside the shared photos."""
    from skinscan import models

    photos = os.environ.get("SKINSCAN_TEST_PHOTOS")
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get(models.FOLDER_VARIABLE) and photos:
            patch.setenv(models.FOLDER_VARIABLE, str(Path(photos).parent / "models"))
        place = models.locate("face_landmarker")
        if place.path is None:
            pytest.skip(f"the face model is not here: {place.reason}")
        yield place.path


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Tests run side by side; OpenCV must not start a thread for each core in each of them."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


PX_PER_MM = 25.0


@pytest.fixture(scope="session")
def shot() -> Shot:
    """A sharp close-up of intermediate skin, 25 px/mm."""
    skin = make_skin(SkinRecipe(seed=7, tone="III", width_mm=32, height_mm=32))
    return photograph(skin, Camera(px_per_mm=PX_PER_MM, size_px=(640, 640), seed=7))


@pytest.fixture(scope="session")
def photo_path(shot: Shot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shot(shot, tmp_path_factory.mktemp("photos") / "close-up.jpg")


@pytest.fixture(scope="session")
def maps(photo_path: Path) -> Maps:
    """Shared maps of that close-up with its scale."""
    from skinscan.capture.frame import make_frame
    from skinscan.capture.photo import read_photo

    return Maps(make_frame(read_photo(photo_path), mm_per_px=1 / PX_PER_MM))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        _skipped.append((report.nodeid, str(report.longrepr[2])))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a test that skips for a reason nobody expects is a failure."""
    if not os.environ.get("CI") or hasattr(session.config, "workerinput"):
        return
    unexpected = [(test, why) for test, why in _skipped if not any(reason in why for reason in EXPECTED_SKIPS)]
    if unexpected and session.exitstatus == 0:
        for test, why in unexpected:
            print(f"\nunexpected skip in CI: {test}: {why}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

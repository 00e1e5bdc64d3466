from __future__ import annotations

import ctypes
import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest

from skinscan import environment
from skinscan.records import EnvironmentFault


@pytest.fixture(autouse=True)
def _looked_anew() -> None:
    environment.check_opencv.cache_clear()


def wheels(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(metadata, "distributions", lambda: [SimpleNamespace(metadata={"Name": n}) for n in names])


def test_the_headless_opencv_alone_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    wheels(monkeypatch, "numpy", "opencv-python-headless")
    environment.check_opencv()


@pytest.mark.parametrize("other", ["opencv-python", "opencv_contrib_python", "opencv-contrib-python-headless"])
def test_a_second_opencv_is_told_with_the_command_that_mends_it(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    wheels(monkeypatch, "opencv-python-headless", other)
    with pytest.raises(EnvironmentFault, match=r"pip uninstall -y .* && pip install --force-reinstall"):
        environment.check_opencv()


def test_this_environment_is_sound() -> None:
    environment.check_opencv()


def test_shipped_data_is_found() -> None:
    assert environment.data_path("datasets", "demo", "before.jpg").exists()
    with pytest.raises(EnvironmentFault, match="reinstall"):
        environment.data_path("datasets", "nowhere.csv")


def test_memory_is_kept_or_it_is_said_that_it_cannot_be() -> None:
    code = "from skinscan.environment import keep_memory; print(keep_memory())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(sys.platform == "linux")


def test_another_c_library_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    assert not environment.keep_memory()

"""`skinscan serve --demo` as a newcomer types it: one line, everyone signs in, and nothing is left when it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from skinscan.cli.serving import serve
from skinscan.records import ParameterError
from skinscan.web.workplace import wipe_stale

MOST_CPU_S = 30.0
"""Of the whole command with everyone's sign-in; 8 s are usual. It shall be ready within a minute on two cores, and the
time on the clock is not the command's alone where tests run side by side."""

HOME = {"practitioner": "/practitioner/", "patient": "/patient/", "researcher": "/researcher/"}


class Demo:
    """The running command: what its line said, and how long that took."""

    def __init__(self, temporary: Path) -> None:
        command = [sys.executable, "-m", "skinscan.cli", "serve", "--demo", "--no-open", "--port", "0"]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(temporary)}, **pipes)
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()

    def end(self, how: signal.Signals) -> tuple[str, str]:
        self.process.send_signal(how)
        return self.process.communicate(timeout=60)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    one = Demo(tmp_path)
    yield one
    if one.process.poll() is None:
        one.end(signal.SIGKILL)


def test_everyone_signs_in_and_nothing_is_left(demo: Demo, tmp_path: Path) -> None:
    assert demo.line, demo.process.communicate()[1]
    told = json.loads(demo.line)
    assert set(told) == {"url", "logins"}
    assert sorted(one["role"] for one in told["logins"]) == ["patient", "patient", "practitioner", "researcher"]
    for one in told["logins"]:
        assert set(one) == {"role", "user", "password"}
        with httpx.Client(base_url=told["url"], timeout=60) as browser:
            assert browser.post("/login", data={"username": one["user"], "password": "not the one"}).status_code == 401
            answer = browser.post("/login", data={"username": one["user"], "password": one["password"]})
            assert (answer.status_code, answer.headers["location"]) == (303, HOME[one["role"]])
            assert browser.get(HOME[one["role"]]).status_code == 200
            others = [place for place in HOME.values() if place != HOME[one["role"]]]
            assert [browser.get(place).status_code for place in others] == [404, 404]
    photos = [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes()[:2] == b"\xff\xd8"]
    assert list(tmp_path.iterdir())
    assert photos == []  # sealed, in a throw-away clinic too
    before_s = cpu_of_children_s()
    out, words = demo.end(signal.SIGTERM)
    assert cpu_of_children_s() - before_s < MOST_CPU_S
    assert out == ""
    assert all(one["password"] in words for one in told["logins"])
    assert list(tmp_path.iterdir()) == []


def cpu_of_children_s() -> float:
    """Processor time of all child processes that have ended."""
    told = os.times()
    return told.children_user + told.children_system


@pytest.mark.skipif(os.name != "posix", reason="only POSIX kills a process so")
def test_what_a_killed_demo_left_goes_at_the_next_start(demo: Demo, tmp_path: Path) -> None:
    assert demo.line
    demo.end(signal.SIGKILL)
    assert list(tmp_path.rglob("master.key"))
    wipe_stale(tmp_path)  # the first thing that any start does
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("more", [["--local"], ["--host", "0.0.0.0"], ["--url", "https://clinic.example"]])
def test_the_demo_is_for_this_computer_alone(more: list[str]) -> None:
    result = CliRunner().invoke(serve, ["--demo", "--no-open", *more])
    assert isinstance(result.exception, ParameterError)
    assert "for this computer alone" in str(result.exception)

"""`skinscan serve` as a process: the first start, one without an administrator, and one that was killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner

from skinscan.cli import main
from skinscan.records import ParameterError
from skinscan.store import Places
from skinscan.web.clinic.front import front
from skinscan.web.clinic.serving import Serving, _front

PASSWORD = "correct horse battery"
ROOT = Path(__file__).resolve().parents[2]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Everything of the clinic and of temporary files in `folder`."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return os.environ | {
        "SKINSCAN_DATA": str(folder / "data"), "SKINSCAN_KEYS": str(folder / "keys"),
        "SKINSCAN_MASTER_KEY_FILE": str(folder / "master.key"), "TMPDIR": str(temporary),
        "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT),
    } | more  # fmt: skip


AS_ROOT = {"SKINSCAN_ADMIN_USER": "Root", "SKINSCAN_ADMIN_PASSWORD": PASSWORD}


@contextmanager
def started(folder: Path, *options: str, **more: str) -> Iterator[tuple[str, subprocess.Popen[str], str]]:
    """The command running: its address, process, and what it said until then."""
    command = [sys.executable, "-m", "skinscan.cli", "serve", "--port", "0", "--no-open", *options]
    process = subprocess.Popen(
        command, env=environment(folder, **more), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    try:
        for line in process.stdout:
            said += line
            if found := re.search(r"skinscan is at (\S+) ", line):
                yield found[1], process, said
                break
        else:
            raise AssertionError(said)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)
        process.stdout.close()


def client_of(address: str, cookies: dict[str, str] | None = None) -> httpx.Client:
    return httpx.Client(base_url=address, cookies=cookies, trust_env=False, timeout=60)


def sign_in(address: str, username: str = "root", password: str = PASSWORD) -> httpx.Client:
    client = client_of(address)
    answer = client.post("/login", data={"username": username, "password": password})
    assert answer.status_code == 303, answer.text
    return client


def cache(folder: Path) -> list[Path]:
    return [path for path in (folder / "tmp").rglob("*") if path.is_file() and path.name != "lock"]


def test_the_first_start_makes_the_clinic_and_its_administrator(tmp_path: Path) -> None:
    with started(tmp_path, **AS_ROOT) as (address, process, said):
        assert str(tmp_path / "master.key") in said
        assert "Keep a copy of the master key" in said
        assert "Administrator: root" in said
        assert PASSWORD not in said
        with closing(sign_in(address)) as client:
            assert client.get("/admin/").status_code == 200
    assert (tmp_path / "master.key").stat().st_mode & 0o077 == 0
    assert process.returncode in (0, 128 + signal.SIGTERM, -signal.SIGTERM)
    assert cache(tmp_path) == []
    # the second start needs nothing, and takes no other administrator from the environment
    other = {"SKINSCAN_ADMIN_USER": "mallory", "SKINSCAN_ADMIN_PASSWORD": "another password"}
    with started(tmp_path, **other) as (address, _, said):
        assert "Master key" not in said
        sign_in(address).close()
        with client_of(address) as client:
            data = {"username": "mallory", "password": "another password"}
            assert client.post("/login", data=data).status_code == 401


def test_there_is_no_default_password(tmp_path: Path) -> None:
    for more in ({}, {"SKINSCAN_ADMIN_USER": "root"}, AS_ROOT | {"SKINSCAN_ADMIN_PASSWORD": "short"}):
        done = subprocess.run(
            [sys.executable, "-m", "skinscan.cli", "serve", "--port", "0", "--no-open"],
            env=environment(tmp_path, **more), text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip
        assert done.returncode == 2, done.stdout
        assert "Traceback" not in done.stderr
        assert "SKINSCAN_ADMIN_PASSWORD" in done.stderr or "12 to 1000 characters" in done.stderr


def test_a_lost_master_key_stops_it(tmp_path: Path) -> None:
    with started(tmp_path, **AS_ROOT):
        pass
    (tmp_path / "master.key").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "skinscan.cli", "serve", "--port", "0", "--no-open"],
        env=environment(tmp_path), text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "master key is missing" in done.stderr
    assert not (tmp_path / "master.key").exists()


def test_what_a_killed_server_left_is_wiped_at_the_next_start(tmp_path: Path) -> None:
    with started(tmp_path, **AS_ROOT) as (address, process, _):
        with closing(sign_in(address)) as root:
            page = root.post("/admin/users", data={"username": "dr", "roles": "practitioner"}).text
            link = re.search(r"/invitation/[\w-]{43}", page)
            assert link is not None
            root.post(link[0], data={"password": PASSWORD, "again": PASSWORD})
        with closing(sign_in(address, "dr")) as client:
            sent = client.post("/practitioner/gradio_api/upload", files={"files": ("a.jpg", b"\xff\xd8 a photo")})
            assert Path(sent.json()[0]).read_bytes() == b"\xff\xd8 a photo"
            kept = dict(client.cookies)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert cache(tmp_path) != []
    with started(tmp_path) as (address, _, _):
        assert cache(tmp_path) == []
        with client_of(address, kept) as client:
            assert client.get("/practitioner/").status_code == 200  # a restart signs nobody out
            assert client.get(f"/practitioner/gradio_api/file={sent.json()[0]}").status_code == 404


def test_wrong_passwords_are_remembered_over_a_restart(tmp_path: Path) -> None:
    with (
        started(tmp_path, **AS_ROOT) as (address, process, _),
        httpx.Client(base_url=address, trust_env=False, timeout=60) as one,
    ):
        for _ in range(5):
            assert one.post("/login", data={"username": "root", "password": "wrong"}).status_code == 401
        time.sleep(1)
        for _ in range(2):
            status = one.post("/login", data={"username": "root", "password": "wrong"}).status_code
        assert status == 429
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    with started(tmp_path) as (address, _, _), client_of(address) as one:
        for _ in range(3):
            status = one.post("/login", data={"username": "root", "password": "wrong"}).status_code
        assert status == 429


def test_the_console_gives_an_administrator_a_new_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    runner = CliRunner()
    assert runner.invoke(main, ["vault", "init"]).exit_code == 0
    typed = ["a b", "Root", "short", "short", "root", PASSWORD, PASSWORD]
    done = runner.invoke(main, ["administrator"], input="\n".join(typed) + "\n")
    assert done.exit_code == 0, done.output
    assert "Administrator: root" in done.output
    assert PASSWORD not in done.output
    assert runner.invoke(main, ["administrator"], input=f"root\n{PASSWORD}\n{PASSWORD}\n").exit_code == 0


def test_other_computers_come_in_by_tls_only() -> None:
    for host in ("0.0.0.0", "192.0.2.1", "::", "clinic.example"):
        with pytest.raises(ParameterError, match="TLS"):
            _front(Serving(host=host))
        assert _front(Serving(host=host, url="https://clinic.example")).netloc == "clinic.example"
    for host in ("127.0.0.1", "::1", "localhost"):
        assert _front(Serving(host=host)).url == ""


@pytest.mark.parametrize(
    "url",
    ["http://clinic.example", "clinic.example", "https://", "https://clinic.example/app", "https://a:b@clinic.example",
     "https://clinic.example?x=1", "ftp://clinic.example", "javascript:alert(1)"],
)  # fmt: skip
def test_an_address_is_the_clinics_own_with_tls(url: str) -> None:
    with pytest.raises(ParameterError, match="cannot be the clinic's"):
        front(url)


def test_serve_says_what_its_options_mean() -> None:
    command = main.commands["serve"]
    assert isinstance(command, click.Command)
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_places_of_this_test_are_its_own(tmp_path: Path) -> None:
    """Else the tests above would work on the clinic of who runs them."""
    places = Places.of_environment(environment(tmp_path))
    assert all(path.is_relative_to(tmp_path) for path in (places.folder, places.keys, places.master_file))
    assert Path(tempfile.gettempdir()) != tmp_path

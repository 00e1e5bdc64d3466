"""Stores to try: on SQLite, and on a real PostgreSQL on a loopback port."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from skinscan.store import Places, Store, make_store, open_store, recording

ZONE = "Europe/Berlin"
DAY = datetime(2026, 3, 29, 9, 30, tzinfo=ZoneInfo(ZONE))
"""The day on which summer time begins there."""

NAME = "Zoë Quimby-Ångström"


def _postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL (without a database) of a PostgreSQL server of our own."""
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    memory = Path("/dev/shm")  # a hundred small databases are made and dropped
    folder = (memory if os.access(memory, os.W_OK) else Path("/tmp")) / f"skinscan-postgres-{secrets.token_hex(6)}"
    folder.mkdir(mode=0o700)
    as_user: dict[str, str] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres")
        as_user = {"user": "postgres"}
    port = _free_port()
    data = folder / "data"

    def call(*words: object) -> None:
        subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_user)  # type: ignore[call-overload]

    call(programs / "initdb", "-D", data, "-U", "skinscan", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off -c shared_buffers=16MB"
    call(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    yield f"postgresql://skinscan@127.0.0.1:{port}"
    call(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder)


def _new_database(server: str, template: str = "template1") -> str:
    import psycopg

    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return f"{server}/{name}"


def _drop(url: str) -> None:
    import psycopg

    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Of database."""
    return str(request.param)


@pytest.fixture
def places(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Places]:
    """Places of no clinic yet, once with SQLite and once with an empty PostgreSQL database."""
    if kind == "sqlite":
        yield Places.under(tmp_path / "clinic")
        return
    url = _new_database(request.getfixturevalue("postgres_server"))
    yield Places.under(tmp_path / "clinic", url)
    _drop(url)


@pytest.fixture(scope="session")
def sqlite_clinic(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A new clinic, to be copied: making one takes longer than most of what is tried."""
    places = Places.under(tmp_path_factory.mktemp("sqlite"))
    make_store(places).close()
    return places


@pytest.fixture(scope="session")
def postgres_clinic(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Places:
    places = Places.under(tmp_path_factory.mktemp("postgresql"), _new_database(postgres_server))
    make_store(places).close()
    return places


@pytest.fixture
def store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A new clinic."""
    made = request.getfixturevalue(f"{'sqlite' if kind == 'sqlite' else 'postgres'}_clinic")
    shutil.copytree(made.folder.parent, tmp_path / "clinic")
    places = Places.under(tmp_path / "clinic")
    if made.database_url:
        server, _, template = made.database_url.rpartition("/")
        places = Places.under(tmp_path / "clinic", _new_database(server, template))
    with open_store(places) as opened:
        yield opened
    if made.database_url:
        _drop(places.database_url)


class Seen:
    """A patient with a visit, and what was saved."""

    def __init__(self, store: Store, name: str = NAME) -> None:
        self.store = store
        self.patient = recording.new_patient(store, name=name, fitzpatrick="IV")
        self.session = recording.add_session(
            store, self.patient.id, DAY, ZONE, site="face", device="dermapen", tip="12 needles",
            depth_mm={"": 1.0, "forehead": 0.5}, passes=4, topical="PRP", numbing="lidocaine 5 %", operator="A",
            notes="<script>alert(1)</script>", screening={"keloid": False, "herpes": True},
        )  # fmt: skip
        self.visit = recording.add_visit(store, self.patient.id, DAY, ZONE, washed=True, make_up=False, rest_minutes=15)


@pytest.fixture
def seen(store: Store) -> Seen:
    return Seen(store)

"""The record's database: SQLite in one file, or PostgreSQL; the only place that opens either.

A writing transaction takes the write lock at its start (SQLite: BEGIN IMMEDIATE), so that two writers wait for each
other and both succeed; one that only reads sees one state throughout. `synchronous=FULL`: what was committed
survives the power's loss, at one fsync a commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from skinscan.records import EnvironmentFault
from skinscan.store.errors import RecordError
from skinscan.store.files import PRIVATE_FILE, private_folder
from skinscan.store.places import DATABASE_VARIABLE, Places

BUSY_MS = 30_000
"""How long a writer waits for others."""

_WRITES = "skinscan_writes"
_PRAGMAS = (
    "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", f"busy_timeout={BUSY_MS}",
    "trusted_schema=OFF",
)  # fmt: skip


@dataclass(frozen=True)
class Database:
    """An open record. `reading` and `writing` each are one transaction."""

    engine: Engine
    _turn: Lock = field(default_factory=Lock, repr=False, compare=False)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One state of the record, to read. Rows stay readable after it."""
        with translated(), Session(_reader(self.engine), expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """All that is done in it, or nothing: kept when it ends well. Raises RecordError where it cannot be kept."""
        # SQLite's own waiting looks again every so often, and who looks last may wait for long
        turn = self._turn if self.is_sqlite else nullcontext()
        with translated(), turn, Session(_writer(self.engine), expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self.engine.dispose()


def open_database(places: Places) -> Database:
    """The database that `places` names; its file is made where it is missing, its tables are not (see `migrating`)."""
    if places.url.startswith("sqlite"):
        private_folder(places.folder)
        if not places.database_url and not places.record.exists():
            places.record.touch(PRIVATE_FILE)
    try:
        with translated():
            # hide_parameters: a failed statement's message would tell what was to be written
            engine = create_engine(places.url, hide_parameters=True, pool_pre_ping=not places.url.startswith("sqlite"))
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            "The database's driver is not installed", expected=f"the package {error.name}", found="none",
            todo="run: pip install 'skinscan[postgresql]'",
        ) from None  # fmt: skip
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return Database(engine)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says, not where the driver guesses
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _writer(engine: Engine) -> Engine:
    return engine.execution_options(**{_WRITES: True})


def _reader(engine: Engine) -> Engine:
    return engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="REPEATABLE READ")


@contextmanager
def writing_connection(database: Database, *, foreign_keys: bool = True) -> Iterator[Connection]:
    """A writing transaction without objects; SQLite may leave foreign keys out until its end, as rebuilding a table
    would else take away the rows that hang on it."""
    with translated(), _writer(database.engine).connect() as connection:
        if database.is_sqlite and not foreign_keys:
            raw: Any = connection.connection.dbapi_connection
            raw.execute("PRAGMA foreign_keys=OFF")  # means nothing inside a transaction
        try:
            with connection.begin():
                yield connection
                if database.is_sqlite and not foreign_keys:
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                    if broken is not None:
                        raise RecordError("The record's rows do not hang together", found=f"in table {broken[0]}")
        finally:
            if database.is_sqlite and not foreign_keys:
                raw.execute("PRAGMA foreign_keys=ON")


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the database as RecordError, without the values that a statement held."""
    try:
        yield
    except IntegrityError as error:
        raise RecordError(
            "The record already holds that, or what it belongs to is gone", found=_said(error),
            todo="nothing was changed; look again at what is there",
        ) from None  # fmt: skip
    except (OperationalError, DBAPIError) as error:
        raise RecordError(
            "The record could not be read or written", expected="a database that answers and has room",
            found=_said(error), todo=f"make room on its disk, or check {DATABASE_VARIABLE}; nothing of it was kept",
        ) from None  # fmt: skip
    except SQLAlchemyError as error:
        raise RecordError("The record could not be used", found=type(error).__name__) from None


def _said(error: DBAPIError) -> str:
    """What the driver says, in one line; PostgreSQL's details, which quote values, are left out."""
    first = str(error.orig).strip().split("\n", 1)[0]
    return first or type(error.orig).__name__


def checkpoint(database: Database) -> bool:
    """Make SQLite's file hold all and its write-ahead log nothing; whether it could be done (others may be reading)."""
    if not database.is_sqlite:
        return True
    with translated(), database.engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.execute("PRAGMA busy_timeout=50")  # whoever asks knows how long to go on
        try:
            busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            raw.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        return not busy

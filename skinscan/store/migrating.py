"""Bringing the record's tables to this version of skinscan: Alembic, in one transaction, one process at a time."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from skinscan.store.database import Database, writing_connection
from skinscan.store.errors import RecordError

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

HEAD = "0006"
"""The newest revision: a record that is at it starts without Alembic."""

_ADVISORY = 7_305_216_114
"""PostgreSQL's number of the lock under which one process at a time migrates."""


def revision_of(database: Database) -> str | None:
    """The revision of the record's tables; None where there are none."""
    with database.reading() as session:
        connection = session.connection()
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(database: Database, revision: str = HEAD) -> None:
    """Make the tables, or bring them to a revision; rows stay. All of it or, whatever happens, nothing.

    Raises RecordError where the record is of a newer skinscan.
    """
    from alembic import command

    found = revision_of(database)
    if found == revision:
        return
    known = [script.revision for script in _scripts().walk_revisions()]
    if found is not None and found not in known:
        raise RecordError(
            "The record was made by a newer skinscan", expected=f"revision {HEAD} or older", found=found,
            todo="install that version of skinscan again; nothing was changed",
        )  # fmt: skip
    with writing_connection(database, foreign_keys=False) as connection:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY})"))
        command.upgrade(_config(connection), revision)


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@cache
def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())

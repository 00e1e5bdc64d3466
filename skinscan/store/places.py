"""Where the record, the vault, the keys and the master key lie."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DATABASE_VARIABLE = "SKINSCAN_DATABASE_URL"
FOLDER_VARIABLE = "SKINSCAN_DATA"
KEYS_VARIABLE = "SKINSCAN_KEYS"
MASTER_VARIABLE = "SKINSCAN_MASTER_KEY"
MASTER_FILE_VARIABLE = "SKINSCAN_MASTER_KEY_FILE"


@dataclass(frozen=True)
class Places:
    """Where a clinic's data lie. `folder` holds the vault, and the record where `database_url` names no other;
    `keys` the wrapped keys, apart from it so that a copy of the one is no copy of the other; `master_file` the master
    key, unless `master` (its text, from the environment) is given."""

    folder: Path
    keys: Path
    master_file: Path
    database_url: str = ""
    master: str | None = None

    def __repr__(self) -> str:
        return f"Places(folder={self.folder}, keys={self.keys})"  # neither a key nor a password

    @property
    def record(self) -> Path:
        """The SQLite file, where no other database is named."""
        return self.folder / "record.sqlite"

    @property
    def vault(self) -> Path:
        return self.folder / "vault"

    @property
    def derived(self) -> Path:
        return self.folder / "derived"

    @property
    def lock(self) -> Path:
        return self.folder / "vault.lock"

    @property
    def url(self) -> str:
        """SQLAlchemy's URL of the record; PostgreSQL always through psycopg 3."""
        if not self.database_url:
            return f"sqlite:///{self.record}"
        scheme, _, rest = self.database_url.partition("://")
        return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else self.database_url

    @classmethod
    def under(cls, folder: Path, database_url: str = "") -> Places:
        """Everything under one folder: for trials and tests."""
        return cls(folder / "data", folder / "keys", folder / "master.key", database_url)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Places:
        """Where the environment says, else in the platform's folders for this user."""
        from platformdirs import user_config_path, user_data_path  # not at the top: help shall start at once

        told = {
            n: Path(environment[n])
            for n in (FOLDER_VARIABLE, KEYS_VARIABLE, MASTER_FILE_VARIABLE)
            if environment.get(n)
        }
        return cls(
            told.get(FOLDER_VARIABLE) or user_data_path("skinscan", appauthor=False) / "clinic",
            told.get(KEYS_VARIABLE) or user_data_path("skinscan-keys", appauthor=False),
            told.get(MASTER_FILE_VARIABLE) or user_config_path("skinscan", appauthor=False) / "master.key",
            environment.get(DATABASE_VARIABLE, ""),
            environment.get(MASTER_VARIABLE) or None,
        )

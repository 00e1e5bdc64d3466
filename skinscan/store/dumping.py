"""The whole record as one sealed file, the same for SQLite and PostgreSQL, and back into either.

Inside: gzip of JSON lines, the first telling the tables' revision and the installation, then one a row. Sealed by the
installation's key, it says nothing to who finds a backup, and no altered one is taken for a record.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, DateTime, LargeBinary, MetaData, Table, delete, select
from sqlalchemy.orm import Session as Rows

from skinscan.store.columns import Base
from skinscan.store.database import Database, writing_connection
from skinscan.store.errors import BackupError
from skinscan.store.keys import KeyStore
from skinscan.store.migrating import HEAD, upgrade
from skinscan.store.sealing import Broken, derived, seal, unseal

_BATCH = 500
_BOUND = "record"


def dumped(rows: Rows, keys: KeyStore) -> bytes:
    """All rows that a reading transaction sees, sealed."""
    packed = io.BytesIO()
    with gzip.open(packed, "wt", encoding="utf-8", compresslevel=6) as lines:
        lines.write(json.dumps({"revision": HEAD, "installation": keys.installation}) + "\n")
        for table in Base.metadata.sorted_tables:
            for row in rows.connection().execute(select(table).execution_options(yield_per=_BATCH)).mappings():
                told = {name: _plain(value) for name, value in row.items()}
                lines.write(json.dumps({"table": table.name, "row": told}, allow_nan=False) + "\n")
    return seal(derived(keys.own, "backup"), packed.getvalue(), _BOUND)


def undumped(sealed: bytes, keys: KeyStore) -> tuple[dict[str, str], Iterator[dict[str, Any]]]:
    """What the first line tells, and the rows. Raises BackupError where it is not whole, or another clinic's."""
    try:
        packed = unseal(derived(keys.own, "backup"), sealed, _BOUND)
    except Broken:
        raise BackupError(
            "The backup of the record cannot be read", expected="a whole backup of this clinic",
            found=f"{len(sealed)} bytes altered, cut short or of another clinic",
            todo="take another backup; nothing was changed",
        ) from None  # fmt: skip
    told = _unpacked(packed)
    return next(told), told


def _unpacked(packed: bytes) -> Iterator[dict[str, Any]]:
    with gzip.open(io.BytesIO(packed), "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def load(database: Database, sealed: bytes, keys: KeyStore, without: Sequence[str]) -> None:
    """Fill an empty record, all or nothing, without the patients named, and bring it to this version.

    Raises BackupError, and RecordError where the database refuses.
    """
    told, rows = undumped(sealed, keys)
    upgrade(database, told["revision"])
    with writing_connection(database) as connection:
        found = MetaData()
        found.reflect(connection)
        for table, batch in _batches(rows, found.tables):
            connection.execute(table.insert(), batch)
        _leave_out(connection, found.tables["patient"], without)
    upgrade(database)


def _leave_out(connection: Connection, patients: Table, ids: Sequence[str]) -> None:
    """In the transaction that brought them: no one ever sees an erased patient again."""
    for one in ids:
        connection.execute(delete(patients).where(patients.c.id == one))


def _batches(
    rows: Iterable[Mapping[str, Any]], tables: Mapping[str, Table]
) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """Rows of one table at a time, as its columns hold them."""
    table, batch = None, []
    for one in rows:
        next_table = tables[one["table"]]
        if table is not None and (next_table is not table or len(batch) >= _BATCH):
            yield table, batch
            batch = []
        table = next_table
        batch.append({name: _typed(value, table.c[name].type) for name, value in one["row"].items()})
    if table is not None and batch:
        yield table, batch


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _typed(value: Any, kind: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, DateTime):
        return datetime.fromisoformat(value)
    return base64.b64decode(value) if isinstance(kind, LargeBinary) else value

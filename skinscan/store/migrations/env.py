"""How Alembic meets the record: on the connection, and in the transaction, that `migrating` opened."""

from __future__ import annotations

from alembic import context

from skinscan.store import access_tables, measured_tables, tables  # noqa: F401
from skinscan.store.columns import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()

"""Failed sign-ins are counted, accounts can be locked, and a sign-in knows when it was last used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("user") as user:
        user.add_column(sa.Column("locked_at", INSTANT))
    with op.batch_alter_table("login_session") as session:
        session.add_column(sa.Column("seen_at", INSTANT))
    op.create_table(
        "attempts",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False, index=True),
        sa.Column("wait_until", INSTANT),
    )

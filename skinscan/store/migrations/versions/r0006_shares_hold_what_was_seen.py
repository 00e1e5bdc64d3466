"""A share holds which report was shared: the very one that a practitioner had looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("share") as share:
        share.add_column(sa.Column("key", sa.String(64)))

"""Flags that a course raised, and who looked at them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.String(32)


def _of(column: str, target: str) -> sa.Column[str]:
    return sa.Column(column, ID, sa.ForeignKey(target, ondelete="CASCADE"), nullable=False, index=True)


def upgrade() -> None:
    op.create_table(
        "raised_flag",
        sa.Column("id", ID, primary_key=True),
        _of("patient_id", "patient.id"),
        _of("course_id", "course.id"),
        sa.Column("flag", sa.String(64), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("place", sa.String(140), nullable=False),
        sa.Column("told", sa.String, nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_by", ID, sa.ForeignKey("user.id", ondelete="SET NULL")),
        sa.Column("reviewed_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("course_id", "flag", "day", "place"),
    )

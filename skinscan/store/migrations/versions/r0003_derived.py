"""What is made from photos and kept to spare the time: previews, reports, pictures, tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.String(32)


def _of(column: str, target: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(column, ID, sa.ForeignKey(target, ondelete="CASCADE"), nullable=nullable, index=True)


def upgrade() -> None:
    op.create_table(
        "derived",
        sa.Column("id", ID, primary_key=True),
        _of("patient_id", "patient.id"),
        _of("photo_id", "photo.id", nullable=True),
        _of("after_photo_id", "photo.id", nullable=True),
        _of("course_id", "course.id", nullable=True),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("for_patient", sa.Boolean, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("patient_id", "key", "name"),
    )

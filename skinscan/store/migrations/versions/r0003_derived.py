"""What is made from photos and kept to spare the time; how a photo was taken; the clinic's own settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.String(32)


def _of(column: str, target: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(column, ID, sa.ForeignKey(target, ondelete="CASCADE"), nullable=nullable, index=True)


def upgrade() -> None:
    with op.batch_alter_table("photo") as photo:
        photo.add_column(sa.Column("capture", sa.JSON, nullable=False, server_default="{}"))
    op.create_table(
        "setting",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    )
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

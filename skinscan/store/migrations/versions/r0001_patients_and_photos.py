"""Patients, their treatments, visits and photos."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True)
ID = sa.String(32)


def _patient() -> sa.Column[str]:
    return sa.Column("patient_id", ID, sa.ForeignKey("patient.id", ondelete="CASCADE"), nullable=False, index=True)


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", ID, primary_key=True),
        sa.Column("made_at", INSTANT, nullable=False),
    )
    op.create_table(
        "patient",
        sa.Column("id", ID, primary_key=True),
        sa.Column("code", sa.String(16), nullable=False, unique=True),
        sa.Column("fitzpatrick", sa.String(3)),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.CheckConstraint("fitzpatrick IN ('I', 'II', 'III', 'IV', 'V', 'VI')", name="fitzpatrick"),
    )
    op.create_table(
        "patient_name",
        sa.Column("patient_id", ID, sa.ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "session",
        sa.Column("id", ID, primary_key=True),
        _patient(),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("device", sa.String(200), nullable=False),
        sa.Column("tip", sa.String(200), nullable=False),
        sa.Column("depth_mm", sa.JSON, nullable=False),
        sa.Column("passes", sa.Integer),
        sa.Column("topical", sa.String(500), nullable=False),
        sa.Column("numbing", sa.String(500), nullable=False),
        sa.Column("operator", sa.String(200), nullable=False),
        sa.Column("adverse_events", sa.String, nullable=False),
        sa.Column("notes", sa.String, nullable=False),
        sa.Column("screening", sa.JSON, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
    )
    op.create_table(
        "visit",
        sa.Column("id", ID, primary_key=True),
        _patient(),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        *(sa.Column(name, sa.Boolean) for name in ("washed", "make_up", "sunscreen", "tan")),
        sa.Column("rest_minutes", sa.Integer),
        sa.Column("scores", sa.JSON, nullable=False),
        sa.Column("notes", sa.String, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
    )
    op.create_table(
        "photo",
        sa.Column("id", ID, primary_key=True),
        _patient(),
        sa.Column("visit_id", ID, sa.ForeignKey("visit.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("view", sa.String(64), nullable=False),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("shot", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("width_px", sa.Integer),
        sa.Column("height_px", sa.Integer),
        sa.Column("taken_at", sa.String(40)),
        sa.Column("camera", sa.String(200)),
        sa.Column("decoding", sa.JSON, nullable=False),
        sa.Column("after_session", sa.Boolean),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.UniqueConstraint("patient_id", "digest"),
        sa.UniqueConstraint("visit_id", "view", "site", "shot"),
        sa.CheckConstraint("bytes > 0", name="bytes"),
    )

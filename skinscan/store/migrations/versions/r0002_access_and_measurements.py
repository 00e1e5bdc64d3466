"""Consents, shares, users, the audit log, courses and assessments; how repeats of a photo were taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INSTANT = sa.DateTime(timezone=True)
ID = sa.String(32)


def _id() -> sa.Column[str]:
    return sa.Column("id", ID, primary_key=True)


def _of(column: str, target: str, nullable: bool = False) -> sa.Column[str]:
    key = sa.ForeignKey(target, ondelete="CASCADE")
    return sa.Column(column, ID, key, nullable=nullable, index=True)


def _by(column: str) -> sa.Column[str]:
    return sa.Column(column, ID, sa.ForeignKey("user.id", ondelete="SET NULL"))


def _at(column: str, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(column, INSTANT, nullable=nullable)


def upgrade() -> None:
    with op.batch_alter_table("photo") as photo:
        photo.add_column(sa.Column("repositioned", sa.Boolean))
        photo.create_check_constraint("shot", "shot > 0")
    _access()
    _measured()
    op.create_table(
        "share",
        _id(),
        _of("patient_id", "patient.id"),
        _of("photo_id", "photo.id", nullable=True),
        _of("after_photo_id", "photo.id", nullable=True),
        _of("course_id", "course.id", nullable=True),
        _by("shared_by"),
        _at("shared_at"),
        _at("stopped_at", nullable=True),
    )
    _audit()


def _access() -> None:
    op.create_table(
        "user",
        _id(),
        sa.Column("username", sa.String(100), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(200)),
        _of("patient_id", "patient.id", nullable=True),
        _at("made_at"),
        _at("disabled_at", nullable=True),
    )
    op.create_table(
        "role",
        sa.Column("user_id", ID, sa.ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("role", sa.String(16), primary_key=True),
        sa.CheckConstraint("role IN ('administrator', 'practitioner', 'patient', 'researcher')", name="role"),
    )
    for name, last in (("invitation", "used_at"), ("login_session", "ended_at")):
        op.create_table(
            name,
            _id(),
            _of("user_id", "user.id"),
            sa.Column("token_digest", sa.String(64), nullable=False, unique=True),
            _at("made_at"),
            _at("expires_at"),
            _at(last, nullable=True),
        )
    op.create_table(
        "consent",
        _id(),
        _of("patient_id", "patient.id"),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("wording", sa.String(200), nullable=False),
        _at("given_at"),
        _at("withdrawn_at", nullable=True),
        sa.CheckConstraint("purpose IN ('treatment', 'sharing', 'research')", name="purpose"),
    )


def _measured() -> None:
    op.create_table(
        "course",
        _id(),
        _of("patient_id", "patient.id"),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("indication", sa.String(64), nullable=False),
        _at("made_at"),
    )
    op.create_table(
        "region",
        _id(),
        _of("patient_id", "patient.id"),
        _of("photo_id", "photo.id"),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("polygon", sa.JSON, nullable=False),
        _by("drawn_by"),
        _at("made_at"),
        sa.UniqueConstraint("photo_id", "name"),
    )
    op.create_table(
        "assessment",
        _id(),
        _of("patient_id", "patient.id"),
        _of("photo_id", "photo.id"),
        sa.Column("key", sa.String(64), nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("recipe", "versions", "frame")),
        _at("made_at"),
        sa.UniqueConstraint("photo_id", "key"),
    )
    op.create_table(
        "measurement",
        _id(),
        _of("patient_id", "patient.id"),
        _of("assessment_id", "assessment.id"),
        sa.Column("measure", sa.String(64), nullable=False, index=True),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("unit", sa.String(64), nullable=False),
        sa.Column("spread", sa.Double),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("flags", sa.JSON, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.UniqueConstraint("assessment_id", "measure", "region"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        _at("at"),
        *(sa.Column(name, sa.String(32), nullable=False) for name in ("actor", "action", "kind", "subject")),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
    )
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()"
    )

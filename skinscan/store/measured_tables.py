"""What was measured: assessments with their measurements, regions drawn by hand, and caches of what is derived."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from skinscan.store.columns import Base, Id, new_id, now
from skinscan.store.tables import OF_PATIENT, owner


class Course(Base):
    """What is treated where: chosen beforehand, as it names the primary measure."""

    __tablename__ = "course"
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    patient_id: Mapped[str] = owner(OF_PATIENT)
    site: Mapped[str] = mapped_column(String(64))
    indication: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(default=now)


class Region(Base):
    """A region drawn or corrected by hand: `polygon` [[x, y], ...] in pixels of the upright photo."""

    __tablename__ = "region"
    __table_args__ = (UniqueConstraint("photo_id", "name"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    patient_id: Mapped[str] = owner(OF_PATIENT)
    photo_id: Mapped[str] = owner("photo.id")
    name: Mapped[str] = mapped_column(String(64))
    polygon: Mapped[list[Any]]
    drawn_by: Mapped[str | None] = mapped_column(Id, ForeignKey("user.id", ondelete="SET NULL"))
    made_at: Mapped[datetime] = mapped_column(default=now)


class AssessmentRow(Base):
    """One measuring of a photo: by which recipe and versions, and what the frame says (scale, quality, colour). `key`
    is the digest of recipe and versions: a photo has one assessment for each."""

    __tablename__ = "assessment"
    __table_args__ = (UniqueConstraint("photo_id", "key"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    patient_id: Mapped[str] = owner(OF_PATIENT)
    photo_id: Mapped[str] = owner("photo.id")
    key: Mapped[str] = mapped_column(String(64))
    recipe: Mapped[dict[str, Any]]
    versions: Mapped[dict[str, Any]]
    frame: Mapped[dict[str, Any]]
    made_at: Mapped[datetime] = mapped_column(default=now)


class MeasurementRow(Base):
    """A number of a region. `value` and `spread` are NULL where undefined, and `reason` says why."""

    __tablename__ = "measurement"
    __table_args__ = (UniqueConstraint("assessment_id", "measure", "region"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    patient_id: Mapped[str] = owner(OF_PATIENT)
    assessment_id: Mapped[str] = owner("assessment.id")
    measure: Mapped[str] = mapped_column(String(64), index=True)
    region: Mapped[str] = mapped_column(String(64))
    value: Mapped[float | None]
    unit: Mapped[str] = mapped_column(String(64))
    spread: Mapped[float | None]
    n: Mapped[int]
    flags: Mapped[list[Any]]
    version: Mapped[int]
    reason: Mapped[str] = mapped_column(default="")


class Derived(Base):
    """Something made from photos and kept, sealed, to spare the time: a preview, a report, a table. It may be dropped
    whenever. `key` is the digest of all that it was made from; the columns before it say of what it is: a photo, a
    pair, a course; `for_patient` whether its words are meant for the patient."""

    __tablename__ = "derived"
    __table_args__ = (UniqueConstraint("patient_id", "key", "name"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    patient_id: Mapped[str] = owner(OF_PATIENT)
    photo_id: Mapped[str | None] = owner("photo.id", nullable=True)
    after_photo_id: Mapped[str | None] = owner("photo.id", nullable=True)
    course_id: Mapped[str | None] = owner("course.id", nullable=True)
    key: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    for_patient: Mapped[bool]
    made_at: Mapped[datetime] = mapped_column(default=now)


class Setting(Base):
    """Something that holds for the whole clinic, as the table of its own repeats."""

    __tablename__ = "setting"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[dict[str, Any]]
    made_at: Mapped[datetime] = mapped_column(default=now)


class RaisedFlag(Base):
    """Something that following a course found for the practitioner to look at, and who did. `day`: of the visit, ISO;
    `place`: view and region; `told`: in words."""

    __tablename__ = "raised_flag"
    __table_args__ = (UniqueConstraint("course_id", "flag", "day", "place"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    patient_id: Mapped[str] = owner(OF_PATIENT)
    course_id: Mapped[str] = owner("course.id")
    flag: Mapped[str] = mapped_column(String(64))
    level: Mapped[str] = mapped_column(String(16))
    day: Mapped[str] = mapped_column(String(10))
    place: Mapped[str] = mapped_column(String(140))
    told: Mapped[str]
    raised_at: Mapped[datetime] = mapped_column(default=now)
    reviewed_by: Mapped[str | None] = mapped_column(Id, ForeignKey("user.id", ondelete="SET NULL"))
    reviewed_at: Mapped[datetime | None]

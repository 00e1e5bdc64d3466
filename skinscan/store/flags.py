"""Flags that following a course raised: they wait until a practitioner has looked at them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from skinscan.store.audit import SYSTEM
from skinscan.store.columns import new_id, now
from skinscan.store.measured_tables import Course, RaisedFlag
from skinscan.store.opening import Store
from skinscan.store.reading import row_of


@dataclass(frozen=True, slots=True)
class Raised:
    """A flag as a course tells it: its name and level, the visit's day (ISO), view and region, and its words."""

    flag: str
    level: str
    day: str
    place: str
    told: str


def set_flags(store: Store, course_id: str, raised: Iterable[Raised], *, actor: str = SYSTEM) -> None:
    """What a course raises now: new ones wait; one that is raised no longer and nobody looked at goes. Raises
    NotFound."""
    patient_id = row_of(store, Course, course_id).patient_id
    told = {(one.flag, one.day, one.place): one for one in raised}
    with store.change("flags", "course", course_id, actor) as rows:
        known = {
            (row.flag, row.day, row.place): row
            for row in rows.scalars(select(RaisedFlag).where(RaisedFlag.course_id == course_id))
        }
        for key, row in known.items():
            if key not in told and row.reviewed_at is None:
                rows.delete(row)
            elif key in told and (row.told, row.level) != (told[key].told, told[key].level):
                row.told, row.level = told[key].told, told[key].level
        rows.add_all(
            RaisedFlag(
                id=new_id(), patient_id=patient_id, course_id=course_id, flag=one.flag, level=one.level, day=one.day,
                place=one.place, told=one.told,
            )
            for key, one in told.items() if key not in known
        )  # fmt: skip


def flags_of(store: Store, patient_id: str) -> Sequence[RaisedFlag]:
    """A patient's flags, those that wait first, then the latest visit's."""
    with store.database.reading() as rows:
        found = rows.scalars(select(RaisedFlag).where(RaisedFlag.patient_id == patient_id)).all()
    return sorted(sorted(found, key=lambda row: row.day, reverse=True), key=lambda row: row.reviewed_at is not None)


def waiting(store: Store) -> dict[str, int]:
    """Patient -> how many flags wait to be looked at."""
    count = select(RaisedFlag.patient_id, func.count()).where(RaisedFlag.reviewed_at.is_(None))
    with store.database.reading() as rows:
        return {patient: int(number) for patient, number in rows.execute(count.group_by(RaisedFlag.patient_id))}


def review(store: Store, flag_id: str, *, actor: str) -> None:
    """Note that a practitioner (`actor`, a user's id) has looked at it. Raises NotFound."""
    row_of(store, RaisedFlag, flag_id)
    with store.change("review", "flag", flag_id, actor) as rows:
        row = rows.get_one(RaisedFlag, flag_id)
        row.reviewed_by, row.reviewed_at = actor, now()

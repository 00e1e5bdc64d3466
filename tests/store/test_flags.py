"""Flags wait until someone has looked at them, and come back only as something new."""

from __future__ import annotations

import pytest

from skinscan.store import Store, recording
from skinscan.store.access import new_user
from skinscan.store.errors import NotFound
from skinscan.store.flags import Raised, flags_of, review, set_flags, waiting

MARKS = Raised("parallel_marks", "red", "2026-03-01", "close, skin", "3 parallel lines")
REDNESS = Raised("redness_persists", "amber", "2026-03-01", "close, skin", "redder for 20 days")


def test_flags_wait_until_they_were_looked_at(store: Store) -> None:
    patient = recording.new_patient(store)
    course = recording.add_course(store, patient.id, "face", "pores")
    tara = new_user(store, "tara", ["practitioner"])
    assert waiting(store) == {}
    set_flags(store, course.id, [MARKS, REDNESS])
    assert waiting(store) == {patient.id: 2}
    (marks,) = [row for row in flags_of(store, patient.id) if row.flag == MARKS.flag]
    review(store, marks.id, actor=tara.id)
    assert waiting(store) == {patient.id: 1}
    assert [row.flag for row in flags_of(store, patient.id)] == [REDNESS.flag, MARKS.flag]  # what waits comes first
    set_flags(store, course.id, [MARKS])  # followed again: redness is raised no longer
    (only,) = flags_of(store, patient.id)
    assert (only.flag, only.reviewed_by, waiting(store)) == (MARKS.flag, tara.id, {})
    set_flags(store, course.id, [MARKS, Raised(MARKS.flag, "red", "2026-04-01", MARKS.place, "again")])
    assert waiting(store) == {patient.id: 1}
    assert store.audit.verify() > 0


def test_there_are_none_of_what_is_not_there(store: Store) -> None:
    with pytest.raises(NotFound):
        set_flags(store, "0" * 32, [MARKS])
    with pytest.raises(NotFound):
        review(store, "0" * 32, actor="0" * 32)

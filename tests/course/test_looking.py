"""What is looked for at a visit, when, what cannot be, and how both become flags and notices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skinscan.course.flags import flags_of
from skinscan.course.looking import FOCI, MARKS, NAMES, Looked, Looking, _apart_from, due
from skinscan.course.sights import _box, around, rises
from skinscan.course_records import CourseFlag, Finding, Sight, Visit
from skinscan.measures.foci import Foci
from skinscan.measures.maps import Maps
from skinscan.measures.new_marks import NewMark
from skinscan.phantom import change
from skinscan.records import Flag, Notice
from skinscan.treatment import SHIPPED
from tests.course.plans import a_plan
from tests.course.test_judging import measured
from tests.measures.test_foci import CAMERA, LATER, SKIN, registered, taken

NOTHING = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(("day", "names"), [(None, set()), (6, set()), (7, set(NAMES)), (40, set(NAMES))])
def test_only_what_a_rule_would_use_is_looked_for(day: int | None, names: set[str]) -> None:
    visit = Visit(1, a_plan([0, 1]).visits[1].day, (), day, 1, False)
    assert set(due(visit, SHIPPED)) & set(NAMES) == names


def course(looked: dict[int, Looked]) -> tuple[list[CourseFlag], list[str]]:
    """Flags and notices of visits on some days after a session."""
    plan = a_plan([0, *looked], (0,))
    base = measured(plan, [()] * len(looked))
    visits = tuple(replace(one, looked=told) for one, told in zip(base.visits, looked.values(), strict=True))
    return flags_of(plan, [], SHIPPED, [replace(base, visits=visits)])


def found(name: str, count: int = 3) -> Finding:
    return Finding(name, "skin", {"count": count}, f"{count} of them", Sight(NOTHING, NOTHING))


@pytest.mark.parametrize(("name", "level"), [(MARKS, "red"), (FOCI, "amber")])
def test_a_finding_becomes_the_flag_of_its_rule(name: str, level: str) -> None:
    flags, _ = course({10: Looked((found(name, 3),)), 30: Looked((found(name, 4),)), 60: Looked()})
    assert [(flag.flag, flag.level, flag.visit) for flag in flags] == [(name, level, 2)]
    assert flags[0].numbers == "day 30 after the session: 4 of them; also on 2026-01-22"
    assert flags[0].figures == {"count": 4}
    assert flags[0].sight is not None
    assert flags[0].text("patient") == "Please contact your practitioner."


def test_what_cannot_be_looked_for_is_one_sentence_a_reason() -> None:
    far = {name: Notice(Flag.TOO_FAR, f"{um} um/px") for um, name in ((90, MARKS), (91, FOCI))}
    grey = {FOCI: Notice(Flag.NO_COLOUR, "grey")}
    flags, notices = course({10: Looked(unseen=far), 30: Looked(unseen=far), 60: Looked(unseen=grey)})
    assert not flags
    told = [text for text in notices if "could not be looked for" in text]
    assert len(told) == 2
    assert told[0].startswith("new parallel marks and new red spots could not be looked for on 2026-01-22, 2026-02-11:")
    assert told[1].startswith("new red spots could not be looked for on 2026-03-13:")
    assert any("asymmetry was not looked for" in text for text in notices)


def test_photos_that_do_not_meet_or_have_no_scale_or_colour_say_so() -> None:
    looking = Looking((MARKS, FOCI))
    assert {notice.flag for notice in looking.looked.unseen.values()} == {Flag.NOT_REGISTERED}  # until told otherwise
    first, shot = taken(SKIN, CAMERA)
    frame = first.frame
    for changed, flag in (
        (replace(frame, scale=None), Flag.NO_SCALE),
        (replace(frame, photo=replace(frame.photo, is_grey=True)), Flag.NO_COLOUR),
    ):
        looking = Looking((MARKS, FOCI))
        looking(Maps(changed), Maps(changed), registered(shot, shot))
        assert {name: notice.flag for name, notice in looking.looked.unseen.items()} == {MARKS: flag, FOCI: flag}
        assert looking.looked.findings == ()


def test_the_same_skin_in_other_light_shows_nothing_and_new_blood_shows_where() -> None:
    (first, shot), (second, later) = taken(SKIN, CAMERA), taken(SKIN, LATER)
    looking = Looking((MARKS, FOCI, "redness_persists"))
    looking(first, second, registered(shot, later))
    assert looking.looked.findings == ()
    assert looking.looked.unseen == {}
    still = looking.looked.rises["redness.haemoglobin"]
    bloodier, flushed = taken(change(SKIN, blood=0.6), LATER)
    risen = rises(first, bloodier, registered(shot, flushed))["redness.haemoglobin"]
    assert risen.shape == (240, 240)
    assert np.nanmedian(risen) > np.nanmedian(still) + 0.01
    assert not Looking((MARKS,)).looked.rises


def test_beads_of_a_new_line_are_no_spots() -> None:
    """At 100 um a pixel: a spot on the line, one 1 mm beside it, and a larger one that it runs through."""
    x, y, diameter = np.array([50.0, 50.0, 80.0]), np.array([50.0, 60.0, 60.0]), np.array([1.0, 1.0, 3.0])
    spots = Foci(x, y, x, y, diameter, diameter, diameter, ("skin", "cheek", "skin"), {"skin": 3}, 100.0)
    line = NewMark(np.stack([np.arange(100.0), np.full(100, 50.0)], 1), 10.0, 0.0, "redder", 5.0)
    kept = _apart_from(spots, [line], 100.0)
    assert kept.y_px.tolist() == [60.0]
    assert kept.region == ("cheek",)
    assert len(_apart_from(spots, [], 100.0)) == 3


def test_a_sight_shows_what_lies_around_and_no_more_than_the_photo() -> None:
    rows, columns = _box(np.array([[10.0, 100.0], [90.0, 110.0]]), (200, 300), 20.0)
    assert (columns.start, columns.stop) == (0, 112)  # 80 and a fifth on either side, moved into the photo
    assert rows.stop - rows.start == 68  # not under 0.6 of that
    assert rows.start <= 100 - 5
    assert rows.stop >= 110 + 5
    first, shot = taken(SKIN, CAMERA)
    second, later = taken(SKIN, LATER)
    sight = around(first, second, registered(shot, later), rings=[(150.0, 120.0, 8.0)])
    assert sight.before.shape == sight.after.shape
    x, y, r = sight.rings[0]
    assert r == pytest.approx(8.0, rel=0.02)  # 12 mm at 16 px/mm: not enlarged
    here = first.frame.photo.pixels[120, 150].astype(int)
    assert np.abs(sight.before[round(y), round(x)].astype(int) - here).max() <= 6
    assert x == pytest.approx(96, abs=2)  # in the middle

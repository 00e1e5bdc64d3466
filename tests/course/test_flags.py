"""Each flag on a course that should raise it, and on one that should not."""

from __future__ import annotations

import numpy as np
import pytest

from skinscan.course.flags import flags_of
from skinscan.course_records import CourseFlag
from skinscan.records import Change
from skinscan.treatment import SHIPPED
from tests.course.plans import a_change, a_plan, refused
from tests.course.test_judging import lines_of

A_STAR, BLOOD, MELANIN = "redness.a_star", "redness.haemoglobin", "pigment.melanin"


def skin(red: float = 0.0, blood: float = 0.0, melanin: float = 0.0) -> tuple[Change, ...]:
    """Changes in SDs of their error."""
    return (a_change(A_STAR, red, 1.0), a_change(BLOOD, blood, 1.0), a_change(MELANIN, melanin, 1.0))


def flags(visits: list[int], changes: list[tuple[Change, ...]], sessions: tuple[int, ...] = (0,)) -> list[CourseFlag]:
    plan = a_plan(visits, sessions)
    return flags_of(plan, list(lines_of(plan, changes).values()), SHIPPED)[0]


@pytest.mark.parametrize(
    ("day", "red", "level"),
    [(2, 9.0, None), (6, 9.0, None), (7, 3.0, "amber"), (13, 3.0, "amber"), (14, 3.0, "red"), (40, 9.0, "red"),
     (14, 1.9, None), (14, -5.0, None)],
)  # fmt: skip
def test_redness_that_does_not_settle(day: int, red: float, level: str | None) -> None:
    found = flags([0, day], [skin(red=red)])
    assert [flag.level for flag in found] == ([level] if level else [])
    if level:
        assert f"day {day} after the session" in found[0].numbers
        assert "smallest detectable change" in found[0].numbers
        assert found[0].text("patient") == "Please contact your practitioner."
        assert "haemoglobin" not in found[0].text("patient").lower()


@pytest.mark.parametrize(
    ("day", "melanin", "blood", "raised"),
    [(14, 3.0, 0.5, True), (60, 3.0, -3.0, True), (13, 9.0, 0.0, False), (14, 1.9, 0.0, False), (14, 3.0, 2.5, False)],
)
def test_pigment_after_inflammation(day: int, melanin: float, blood: float, raised: bool) -> None:
    found = [flag for flag in flags([0, day], [skin(melanin=melanin, blood=blood)]) if flag.flag.startswith("pigment")]
    assert bool(found) == raised
    if raised:
        assert "possible" in found[0].to_practitioner
        assert "diagnos" not in found[0].to_practitioner


def test_blood_that_could_not_be_compared_is_not_taken_to_have_settled() -> None:
    seen = (a_change(MELANIN, 5.0, 1.0), refused(BLOOD), refused(A_STAR))
    assert not flags([0, 30], [seen])


def test_a_course_whose_redness_cannot_be_watched_says_so() -> None:
    plan = a_plan([0, 30], (0,))
    lines = lines_of(plan, [(refused(A_STAR, "no colour card"), refused(BLOOD), refused(MELANIN))])
    found, notices = flags_of(plan, list(lines.values()), SHIPPED)
    assert not found
    assert any("redness could not be watched" in text and "no colour card" in text for text in notices)


def test_a_flag_of_several_visits_is_told_once_with_its_days() -> None:
    found = flags([0, 15, 40, 70], [skin(red=5.0), skin(red=4.0), skin()])
    assert len(found) == 1
    assert found[0].visit == 2
    assert "also on 2026-01-27" in found[0].numbers


def test_a_session_sooner_than_the_protocol() -> None:
    def told(sessions: tuple[int, ...], indication: str) -> tuple[list[CourseFlag], list[str]]:
        plan = a_plan([0, 200], sessions, indication)
        return flags_of(plan, list(lines_of(plan, [skin()]).values()), SHIPPED)

    found, _ = told((0, 20, 60), "cellulite")
    assert [flag.flag for flag in found] == ["session_too_soon"]
    assert "20 days after" in found[0].numbers
    assert "T4" in found[0].numbers
    assert not told((0, 28, 60), "cellulite")[0]
    found, notices = told((0, 3), "pores")
    assert not found
    assert any("no protocol" in text for text in notices)


def test_nothing_that_changed_raises_few_flags() -> None:
    """200 courses of four visits of unchanged skin: a* is one-sided at 2.5 %, melanin as well."""
    draw = np.random.default_rng(3)
    raised = visits = 0
    for _ in range(200):
        changes = [skin(*draw.standard_normal(3)) for _ in range(4)]
        plan = a_plan([0, 15, 30, 60, 90], (0,))
        for number in range(4):
            one = a_plan([0, (15, 30, 60, 90)[number]], (0,))
            raised += bool(flags_of(one, list(lines_of(one, [changes[number]]).values()), SHIPPED)[0])
            visits += 1
        assert plan.visits
    assert raised / visits < 0.05 + 3 * (0.05 * 0.95 / visits) ** 0.5

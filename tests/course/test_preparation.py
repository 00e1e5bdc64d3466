"""Make-up, and a preparation that differs, speak against comparing colours."""

from __future__ import annotations

from typing import Any

import pytest

from skinscan.course_records import Preparation


@pytest.mark.parametrize(
    ("before", "after", "reasons"),
    [
        ({}, {}, 0),
        ({"washed": True}, {"washed": None}, 0),
        ({"washed": True, "sunscreen": False, "tan": False}, {"washed": True, "sunscreen": False, "tan": False}, 0),
        ({"make_up": True}, {"make_up": True}, 2),
        ({"make_up": False}, {"make_up": True}, 1),
        ({"sunscreen": True, "tan": False}, {"sunscreen": False, "tan": True}, 2),
        ({"rest_minutes": 5}, {"rest_minutes": 30}, 0),
    ],
)
def test_what_speaks_against_it_is_said(before: dict[str, Any], after: dict[str, Any], reasons: int) -> None:
    first, second = Preparation(**before), Preparation(**after)
    assert len(first.against_colour(second)) == len(second.against_colour(first)) == reasons


def test_the_words_name_the_visit() -> None:
    told = Preparation(tan=False).against_colour(Preparation(tan=True))
    assert told == ("the skin was tanned at the visit after, not at the other",)

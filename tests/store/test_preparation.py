"""Make-up, and a preparation that differs, speak against comparing colours."""

from __future__ import annotations

from typing import Any

import pytest

from skinscan.store.preparation import against_colour
from skinscan.store.tables import Visit


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
    assert len(against_colour(Visit(**before), Visit(**after))) == reasons
    assert len(against_colour(Visit(**after), Visit(**before))) == reasons


def test_the_words_name_the_visit() -> None:
    assert against_colour(Visit(tan=False), Visit(tan=True)) == (
        "the skin was tanned at the visit after and not at the other",
    )

"""Days as people and cameras write them."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinscan.course import dates


@given(st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)))
def test_every_day_is_read_back(when: datetime) -> None:
    assert dates.parse(when.date().isoformat()) == (when.date(), None)
    assert dates.parse(when.isoformat(timespec="seconds")) == (when.date(), when.time().replace(microsecond=0))
    assert dates.in_name(f"IMG_{when:%Y%m%d_%H%M%S}") == (when.date(), when.time().replace(microsecond=0))
    assert dates.in_name(f"left cheek {when:%Y-%m-%d}") == (when.date(), None)


@pytest.mark.parametrize("text", ["03/04/2026", "4.3.2026", "2026-13-01", "2026-02-30", "yesterday", "", "2026-3"])
def test_what_could_be_two_days_or_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="day"):
        dates.parse(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PXL_20260304_101500123", (date(2026, 3, 4), time(10, 15))),  # with milliseconds
        ("PXL_20260304_101500", (date(2026, 3, 4), time(10, 15))),
        ("Screenshot 2026-03-04 at 10.15.00", (date(2026, 3, 4), time(10, 15))),
        ("WhatsApp Image 2026-03-04 at 10.15.00", (date(2026, 3, 4), time(10, 15))),
        ("IMG-20260304-WA0001", (date(2026, 3, 4), None)),
        ("2026-03-04_2026-03-05", None),
        ("DSC01234", None),
        ("120260304", None),
        ("20261304", None),
    ],
)
def test_days_in_names(name: str, expected: object) -> None:
    found = dates.in_name(name)
    assert found == expected

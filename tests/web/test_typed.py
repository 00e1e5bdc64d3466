"""What a practitioner types into a session: read, or refused in words."""

from __future__ import annotations

import pytest

from skinscan.records import ParameterError
from skinscan.web.clinic.practitioner.entering import moment, preparation
from skinscan.web.clinic.practitioner.parts import number_in


@pytest.mark.parametrize(("text", "number"), [("", None), (None, None), (" 0,5 ", 0.5), ("12", 12.0), ("0", 0.0)])
def test_a_number_is_read(text: str | None, number: float | None) -> None:
    assert number_in("The tip", text) == number


@pytest.mark.parametrize("text", ["abc", "-5", "nan", "inf", "1e9", "1.2.3"])
def test_what_is_no_sensible_number_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match=r"rest could not be read\. expected a number from 0"):
        preparation("unknown", "yes", "no", "unknown", text)


@pytest.mark.parametrize("text", ["", "2026-02-31 10:00", "tomorrow"])
def test_a_day_that_is_none_is_told_with_an_example(text: str) -> None:
    with pytest.raises(ParameterError, match=r"day of the visit could not be read\. expected a day and a time, as"):
        moment(text, "Europe/Berlin")

"""The patient's and the researcher's pages as plain functions: what they say, and that no word in them runs."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest

from skinscan.records import ParameterError
from skinscan.services import Actor, research
from skinscan.services.own_progress import Appointment, OwnProgress, Result, Skin, Stage
from skinscan.services.patients import Agreement
from skinscan.services.research import COLUMNS, Filters
from skinscan.store.errors import RecordError
from skinscan.treatment import SHIPPED
from skinscan.web.clinic import patient, research_charts, researcher

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"
DAY = date(2026, 3, 30)
AGREEMENTS = tuple(Agreement(purpose, purpose != "research", DAY, None) for purpose in patient.PURPOSES)


def progress(**changes: Any) -> OwnProgress:
    first = SHIPPED.clock[0]
    stage = Stage(first, DAY, DAY + timedelta(days=2), now=True, past=False)
    skin = Skin("face", DAY, 1, (stage,), ("Keep it cool.",))
    return replace(OwnProgress(DAY, (), (skin,), (), AGREEMENTS), **changes)


def said(html: str) -> str:
    """The words of a page, without its tags."""
    words: list[str] = []
    parser = HTMLParser()
    parser.handle_data = words.append  # type: ignore[method-assign]
    parser.feed(html)
    return re.sub(r"\s+", " ", " ".join(words))


def appointment(**changes: Any) -> str:
    one = Appointment("Acne scars", "face", 2, (3, 4), date(2026, 4, 13), date(2026, 4, 29), False)
    return said(patient.html(progress(appointments=(replace(one, **changes),))))


def test_words_of_others_are_shown_as_text() -> None:
    result = Result("c", "0" * 32, HOSTILE, HOSTILE, datetime.now(UTC), DAY, "")
    care = replace(progress().skin[0], site=HOSTILE, care=(HOSTILE,))
    page = patient.html(progress(results=(result,), skin=(care,)), HOSTILE)
    assert "<script>" not in page
    assert "<img" not in page
    assert page.count("<iframe") == 1
    assert 'src="/media/' + "0" * 32 in page
    assert 'alert(1)</script>"' not in page
    rows = some([("a", 3, "II", 1.0)])
    rows[["measure", "region", "unit", "site"]] = HOSTILE
    page = researcher.html(rows, research.choices_in(rows), Filters(), HOSTILE)
    assert "<script>" not in page
    assert "<img" not in page
    assert "<svg" in page


def test_the_next_appointment_in_words() -> None:
    assert "13 to 29 April 2026" in appointment()
    assert "28 April to 12 May 2026" in appointment(first_day=date(2026, 4, 28), last_day=date(2026, 5, 12))
    assert "20 December 2026 to 5 January 2027" in appointment(first_day=date(2026, 12, 20), last_day=date(2027, 1, 5))
    assert "About 13 April 2026" in appointment(last_day=date(2026, 4, 13))
    assert "ended on Wednesday 29 April 2026" in appointment(past=True)
    nowhere: dict[str, Any] = {"first_day": None, "last_day": None}
    assert "as many sessions as this treatment usually takes" in appointment(sessions=4, **nowhere)
    assert "not settled for this treatment" in appointment(usual=None, **nowhere)
    assert "sets the day of the first session" in appointment(sessions=0, **nowhere)


def test_what_is_not_there_is_said_kindly() -> None:
    assert "Nothing has been shared with you yet" in said(patient.html(progress()))
    without = tuple(replace(one, holds=False) for one in AGREEMENTS)
    told = said(patient.html(progress(agreements=without)))
    assert "as you have not agreed to sharing" in told
    assert told.count("You do not agree") == 3
    anew = Result("c", None, "Pores", "face", datetime.now(UTC), DAY, "")
    page = patient.html(progress(results=(anew,)))
    assert "just being made anew" in said(page)
    assert "<iframe" not in page
    assert "cannot be shown just now" in said(patient.html(progress(results=(anew,)), failed={"c"}))
    assert "No session yet" in said(patient.html(progress(skin=())))


def test_only_known_notices_are_said() -> None:
    assert 'role="status"' not in patient.html(progress(), "anything")
    assert "You no longer agree" in said(patient.html(progress(), "stopped"))


@pytest.mark.parametrize(
    "html", [lambda: patient.html(progress(skin=(), results=())), lambda: patient.html(progress())]
)
def test_headings_descend_by_one_and_every_field_has_a_name(html: Any) -> None:
    levels = [int(one) for one in re.findall(r"<h(\d)", html())]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    ids = re.findall(r' id="([^"]+)"', html())
    assert len(ids) == len(set(ids))
    assert all(target in ids for target in re.findall(r'href="#([^"]+)"', html()))


def test_what_is_not_kept_any_more_is_made_anew_once_and_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    results = [Result(name, None, "", "", datetime.now(UTC), DAY, "") for name in "abc"]
    results.append(Result("d", "0" * 32, "", "", datetime.now(UTC), DAY, ""))
    actor, made, at_work = Actor("u", "u", frozenset()), [], threading.Lock()
    go = threading.Event()

    def make_anew(clinic: Any, actor: Actor, result: Result) -> None:
        assert at_work.acquire(blocking=False), "two at once"
        go.wait(20)
        made.append(result.course_id)
        at_work.release()
        if result.course_id == "b":
            raise RecordError("a photo is gone")

    def wait_until(ended: Callable[[], bool]) -> None:
        until = time.monotonic() + 20
        while not ended():
            assert time.monotonic() < until
            time.sleep(0.01)

    monkeypatch.setattr(patient, "make_anew", make_anew)
    making = patient.Making(None)  # type: ignore[arg-type]
    making.begin(actor, results)
    making.begin(actor, results)
    go.set()
    wait_until(lambda: not making.begun)
    assert sorted(made) == ["a", "b", "c"]
    assert making.failed == {"b"}
    making.begin(actor, results[:1])  # dropped again
    wait_until(lambda: not making.begun)
    assert made[3:] == ["a"]


def test_a_pdf_is_offered_where_one_can_be_made() -> None:
    result = Result("c", "0" * 32, "Pores", "face", datetime.now(UTC), DAY, "")
    assert "/download/" + "0" * 32 + ".pdf" in patient.html(progress(results=(result,)), with_pdf=True)
    assert ".pdf" not in patient.html(progress(results=(result,)))


def some(values: list[tuple[str, int | None, str, float]]) -> pd.DataFrame:
    """Rows of (patient, days after a session, tone, value)."""
    told = {"measure": "pores.area", "region": "skin", "unit": "%", "standard_uncertainty": 0.25, "site": "face"}
    rows = [
        told | {"research_id": who, "days_after_session": days, "tone": tone, "value": value, "assessment": str(at)}
        for at, (who, days, tone, value) in enumerate(values)
    ]
    return research.typed(pd.DataFrame(rows, columns=list(COLUMNS)).assign(version=1))


def test_a_chart_tells_each_group_by_its_quartiles_and_its_patients() -> None:
    rows = some(
        [("a", None, "I", 1.0), ("a", 3, "I", 2.0), ("b", 7, "II", 4.0), ("b", 5, "", 6.0), ("c", 91, "VI", 9.0)]
    )
    chart = research_charts.by_time(rows)
    assert [(g.name, g.patients, g.n, g.middle) for g in chart.groups] == [
        ("before", 1, 1, "1.00"), ("3–7", 2, 3, "4.00"), ("later", 1, 1, "9.00"),
    ]  # fmt: skip
    assert (chart.groups[1].low, chart.groups[1].high) == ("3.00", "5.00")
    assert chart.groups[0].box is None
    assert all(group.few for group in chart.groups)
    # upwards: the least value lies lowest, 4 percent from the edge
    assert chart.groups[0].dots[0].along == 96.0
    assert chart.groups[2].dots[0].along == 4.0
    assert [mark.text for mark in chart.marks] == ["2.0", "4.0", "6.0", "8.0"]
    assert chart.groups[1].dots[0].text == "2.00 ± 0.25\N{NO-BREAK SPACE}%; skin, day 3, tone I"
    tones = research_charts.by_tone(rows)
    assert [group.name for group in tones.groups] == ["I", "II", "VI", ""]
    assert tones.groups[0].dots[0].along == 4.0


def test_a_chart_of_one_value_and_of_none() -> None:
    (group,) = research_charts.by_tone(some([("a", 3, "I", 0.0), ("b", 3, "I", 0.0)])).groups
    assert group.middle == "0.00"
    assert research_charts.by_time(some([("a", 3, "I", float("nan"))])) == research_charts.Chart((), (), 0)


def test_of_very_many_numbers_some_are_drawn_and_all_are_counted() -> None:
    rows = some([(str(k % 9), k % 80, "III", float(k)) for k in range(4500)])
    for chart in (research_charts.by_time(rows), research_charts.by_tone(rows)):
        drawn = sum(len(group.dots) for group in chart.groups)
        assert 1400 < drawn <= research_charts.MOST_DOTS
        assert sum(group.n for group in chart.groups) == 4500 == drawn + chart.left_out


def test_filters_stand_in_the_address_and_come_back_from_it() -> None:
    pairs = [("tone", "V"), ("tone", "VI"), ("measure", "pores.area"), ("first_day", "0"), ("last_day", ""), ("x", "y")]
    filters = researcher.filters_in(pairs)
    assert filters == Filters(measures=("pores.area",), tones=("V", "VI"), first_day=0)
    assert researcher.address_of(filters) == "measure=pores.area&tone=V&tone=VI&first_day=0"
    for wrong in ("-1", "1.5", "one", "٣", "9" * 6):
        with pytest.raises(ParameterError):
            researcher.filters_in([("first_day", wrong)])


def test_numbers_of_two_versions_are_warned_of() -> None:
    rows = some([("a", 3, "I", 1.0), ("b", 3, "I", 2.0)])
    rows["version"] = pd.array([3, 4], dtype="Int64")
    assert "versions 3 and 4" in said(researcher.html(rows, research.choices_in(rows), Filters()))


def test_no_patient_no_number_no_parquet_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    none = some([])
    assert "nothing to show yet" in said(researcher.html(none, research.choices_in(none), Filters()))
    rows = some([("a", 3, "I", 1.0)])
    assert "No number fits" in said(researcher.html(rows, research.choices_in(rows), Filters(tones=("VI",))))
    monkeypatch.setattr(research, "parquet_is_here", lambda: False)
    page = researcher.html(rows, research.choices_in(rows), Filters())
    assert "skinscan[parquet]" in page
    assert "measurements.parquet" not in page

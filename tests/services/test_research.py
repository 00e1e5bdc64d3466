"""Research sees numbers of those who agree, under ids that lead back to nobody; and nothing else."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from skinscan.records import EnvironmentFault, ParameterError
from skinscan.services import Actor, Clinic, research
from skinscan.services.actor import ADMINISTRATOR, PATIENT, PRACTITIONER
from skinscan.services.research import Filters
from skinscan.store import Places, consents, make_store
from skinscan.store.consented import research_id
from skinscan.store.errors import NotFound
from skinscan.store.measured_tables import Course
from skinscan.store.recording import correct
from tests.services.courses import FIRST, NAME, NOTE, RESEARCHING, Followed, audited

PORES, ITA = ("pores.area", "left_cheek"), ("pigment.ita", "skin")


@pytest.fixture
def treated(clinic: Clinic) -> Followed:
    """A course over three visits of someone who agrees to research; the middle one is on the day of a session."""
    one = Followed(clinic).agrees("research")
    one.measured(one.photo(0), {PORES: 9.5, ITA: 33.0, ("pores.area", "Anna's scar"): 1.0})
    one.session(14)
    one.measured(one.photo(14, after_session=True), {PORES: 9.0, ITA: 35.0})
    one.session(44)
    one.measured(one.photo(54), {PORES: None, ITA: 36.0})
    return one


def rows_of(clinic: Clinic, **filters: object) -> pd.DataFrame:
    return research.table(clinic, RESEARCHING, Filters(**filters))  # type: ignore[arg-type]


def test_each_number_comes_with_what_it_was_taken_from(clinic: Clinic, treated: Followed) -> None:
    rows = rows_of(clinic, measures=("pores.area",), regions=("left_cheek",))
    assert list(rows.columns) == list(research.COLUMNS)
    assert rows["day"].tolist() == [0, 14, 54]
    assert rows["sessions"].tolist() == [0, 1, 2]
    assert rows["days_after_session"].isna().tolist() == [True, False, False]
    assert rows["days_after_session"].tolist()[1:] == [0, 10]
    assert rows["value"].tolist()[:2] == [9.5, 9.0]
    assert rows["value"].isna().tolist() == [False, False, True]
    assert rows["standard_uncertainty"].tolist()[:2] == [0.25, 0.25]
    assert rows["flags"].tolist() == ["", "", "too_far;blurred"]
    # Chardon 1991: 28 < ITA <= 41 degrees is class III
    assert rows[["ita_deg", "tone"]].to_numpy().tolist() == [[33.0, "III"], [35.0, "III"], [36.0, "III"]]
    same = rows[["fitzpatrick", "site", "view", "indication", "unit", "n", "version", "shot"]].drop_duplicates()
    assert same.to_numpy().tolist() == [["IV", "face", "front", "pores", "%", 40, 3, 1]]
    assert rows["assessment"].nunique() == 3


@pytest.mark.parametrize("role", [ADMINISTRATOR, PRACTITIONER, PATIENT])
def test_no_other_role_reads_or_takes_them(clinic: Clinic, treated: Followed, role: str) -> None:
    actor = Actor("a", "a", frozenset({role}), treated.patient.id)
    for ask in (research.table, research.as_csv, research.as_parquet):
        with pytest.raises(NotFound):
            ask(clinic, actor, Filters())
    with pytest.raises(NotFound):
        research.look(clinic, actor, "pores.area")
    with pytest.raises(NotFound):
        research.measures(clinic, actor)
    assert not [line for line in audited(clinic.store) if line[1] == "download"]


def test_who_does_not_agree_or_no_longer_does_is_not_there(clinic: Clinic, treated: Followed) -> None:
    other = Followed(clinic).agrees("treatment", "sharing")
    other.measured(other.photo(0), {PORES: 4.0})
    assert rows_of(clinic)["research_id"].nunique() == 1
    consents.withdraw_consent(clinic.store, treated.patient.id, "research")
    assert rows_of(clinic).empty
    assert research.look(clinic, RESEARCHING, "pores.area")[1] == research.Choices(0)
    assert list(rows_of(clinic).columns) == list(research.COLUMNS)


def test_ids_stay_and_lead_to_nobody(clinic: Clinic, treated: Followed, tmp_path: Path) -> None:
    ids = set(rows_of(clinic)["research_id"])
    assert ids == set(rows_of(clinic)["research_id"])
    consents.withdraw_consent(clinic.store, treated.patient.id, "research")
    treated.agrees("research")
    assert set(rows_of(clinic)["research_id"]) == ids, "who agrees again comes back under the same id"
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in ids)
    # the same ids in another clinic, with another key, give other digests: the record alone does not lead to them
    other = make_store(Places.under(tmp_path / "other"))
    assert research_id(other, "patient", treated.patient.id) not in ids
    assert research_id(clinic.store, "patient", treated.patient.id) in ids
    assert research_id(clinic.store, "assessment", treated.patient.id) not in ids
    other.close()


def test_nothing_of_a_person_is_in_any_form_of_it(clinic: Clinic, treated: Followed) -> None:
    photo = treated.photo(60, view=f"{NAME} left")
    treated.measured(photo, {PORES: 8.0})
    correct(clinic.store, Course, treated.course.id, indication=NAME)
    told = research.as_csv(clinic, RESEARCHING, Filters()).decode("utf-8-sig")
    again = pd.read_parquet(io.BytesIO(research.as_parquet(clinic, RESEARCHING, Filters())), engine="pyarrow")
    told += again.to_csv()
    secrets = [
        NAME, "Zoë", "Anna", "zoo", NOTE, treated.patient.code, treated.patient.id, photo.id, photo.digest,
        photo.visit_id, treated.course.id, "dermapen", "2026",
    ]  # fmt: skip
    assert [one for one in secrets if one in told] == []
    assert not re.search(r"\d{4}-\d{2}-\d{2}", told)
    own = set(again["region"]) - {"left_cheek", "skin"}
    assert all(re.fullmatch("own-[0-9a-f]{8}", word) for word in own)
    assert len(own) == 1
    assert set(again["indication"]) == {"other"}


def test_only_the_latest_measuring_of_a_photo_counts(clinic: Clinic, treated: Followed) -> None:
    photo = treated.photo(70)
    treated.measured(photo, {PORES: 2.0}, made_at=FIRST + timedelta(days=71))
    treated.measured(photo, {PORES: 1.0}, made_at=FIRST + timedelta(days=70))
    rows = rows_of(clinic, measures=("pores.area",))
    assert rows.loc[rows["day"] == 70, "value"].tolist() == [2.0]


def test_filters_let_through_what_they_name(clinic: Clinic, treated: Followed) -> None:
    dark = Followed(clinic, fitzpatrick="VI", site="abdomen", indication="stretch_marks").agrees("research")
    dark.session(-3)
    dark.measured(dark.photo(0), {("striae.contrast_de00", "skin"): 5.0, ITA: -40.0})
    told = research.choices_in(rows_of(clinic))
    assert told.patients == 2
    assert told.sites == ("abdomen", "face")
    assert told.tones == ("III", "VI")
    assert told.indications == ("pores", "stretch_marks")
    assert told.measures == ("pigment.ita", "pores.area", "striae.contrast_de00")
    rows, of_one = research.look(clinic, RESEARCHING, "striae.contrast_de00")
    assert of_one == research.Choices(2, told.measures, told.sites, told.regions, ("VI",), ("stretch_marks",))
    assert rows["tone"].tolist() == ["VI"], "told from a number of another measure"
    assert research.measures(clinic, RESEARCHING) == told.measures
    assert set(rows_of(clinic, tones=("VI",))["site"]) == {"abdomen"}
    assert set(rows_of(clinic, indications=("pores",))["site"]) == {"face"}
    assert set(rows_of(clinic, sites=("abdomen",))["days_after_session"]) == {3}
    assert set(rows_of(clinic, first_day=1)["days_after_session"]) == {3, 10}
    assert set(rows_of(clinic, first_day=1, last_day=5)["days_after_session"]) == {3}
    assert len(rows_of(clinic)) == 9
    assert rows_of(clinic, measures=("hair.coverage",)).empty
    with pytest.raises(ParameterError, match="backwards"):
        Filters(first_day=9, last_day=3)


def test_a_session_elsewhere_does_not_count_and_one_of_the_same_morning_does(clinic: Clinic) -> None:
    one = Followed(clinic).agrees("research")
    one.session(0, hours=-1)  # an hour before the photo
    one.site = "neck"
    one.session(3)
    one.site = "face"
    one.measured(one.photo(0), {PORES: 9.0})
    one.measured(one.photo(5), {PORES: 9.0})
    rows = rows_of(clinic)
    assert rows[["days_after_session", "sessions"]].to_numpy().tolist() == [[0, 1], [5, 1]]


def test_each_download_is_in_the_audit_log_and_says_the_same(clinic: Clinic, treated: Followed) -> None:
    wanted = Filters(measures=("pores.area",))
    text = research.as_csv(clinic, RESEARCHING, wanted)
    packed = research.as_parquet(clinic, RESEARCHING, wanted)
    assert audited(clinic.store)[-2:] == [
        ("researching", "download", "measurements", "csv"), ("researching", "download", "measurements", "parquet"),
    ]  # fmt: skip
    assert text.startswith(b"\xef\xbb\xbfresearch_id,")
    one, other = pd.read_csv(io.BytesIO(text)), pd.read_parquet(io.BytesIO(packed), engine="pyarrow")
    assert one["value"].equals(other["value"])
    assert one["research_id"].tolist() == other["research_id"].tolist()
    assert clinic.store.audit.verify() > 0


def test_without_pyarrow_it_says_what_to_do(clinic: Clinic, treated: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(research, "parquet_is_here", lambda: False)
    with pytest.raises(EnvironmentFault, match=r"skinscan\[parquet\]"):
        research.as_parquet(clinic, RESEARCHING, Filters())
    assert not [line for line in audited(clinic.store) if line[1] == "download"]

"""The tables of treatment: sourced, sound, and changed by a clinic's own file only where it says so."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest

from skinscan.records import ParameterError
from skinscan.treatment import SHIPPED, TreatmentError, load
from skinscan.treatment.functions import (
    care_on,
    days_after,
    depth_for,
    indication_of,
    least_spacing_days,
    reaction_days,
    rule_for,
    source_of,
    timing,
    too_soon,
    windows_on,
)
from skinscan.treatment.tables import KINDS

INDICATIONS = (
    "pores", "fine_lines", "acne_scars", "uneven_tone", "melasma", "redness", "texture", "stretch_marks", "cellulite",
    "hair_loss", "lax_skin",
)  # fmt: skip


@pytest.mark.parametrize("table", [name for name in KINDS if name != "sources"])
def test_every_line_names_a_source_that_is_told_in_full(table: str) -> None:
    rows = getattr(SHIPPED, table)
    assert rows
    for row in rows:
        assert row.source
        for name in row.source:
            assert source_of(SHIPPED, name).where


def test_every_indication_of_the_source_texts_is_there() -> None:
    assert tuple(row.indication for row in SHIPPED.indications) == INDICATIONS
    assert indication_of(SHIPPED, "lax_skin").photo_shows == "no"
    assert not indication_of(SHIPPED, "lax_skin").primary
    with pytest.raises(ParameterError, match="pores"):
        indication_of(SHIPPED, "hydration")


def test_no_percentage_is_shipped_where_no_controlled_one_was_found() -> None:
    assert not [row for row in SHIPPED.outcomes if row.indication in ("pores", "cellulite")]
    assert not any("%" in row.found and "interval" not in row.found for row in SHIPPED.outcomes)


def test_the_clock() -> None:
    assert [row.window for row in windows_on(SHIPPED, 1)] == ["reaction"]
    assert [row.window for row in windows_on(SHIPPED, 45)] == ["building"]
    assert windows_on(SHIPPED, 200) == ()
    assert reaction_days(SHIPPED) == 7


@pytest.mark.parametrize(
    ("measure", "day", "expected"),
    [
        ("pores.area", None, "judged"),
        ("pores.area", 7, "hidden"),
        ("pores.area", 8, "too_early"),
        ("pores.area", 60, "too_early"),
        ("pores.area", 61, "judged"),
        ("redness.a_star", 0, "too_early"),
        ("redness.a_star", 8, "judged"),
        ("pigment.melanin", 10, "too_early"),
    ],
)
def test_when_a_measure_is_judged(measure: str, day: int | None, expected: str) -> None:
    when, why = timing(SHIPPED, measure, day)
    assert when == expected
    assert (why == "") == (expected == "judged")
    if why:
        assert f"day {day} after a session" in why


def test_every_family_of_measures_has_its_time() -> None:
    from skinscan.measures import all_measures

    told = {row.family for row in SHIPPED.judging}
    assert {measure.family for measure in all_measures().values()} <= told


def test_sessions_and_days() -> None:
    sessions = [date(2026, 1, 1), date(2026, 1, 25), date(2026, 3, 1)]
    assert days_after(sessions, date(2026, 1, 30)) == 5
    assert days_after(sessions, date(2025, 12, 30)) is None
    assert too_soon(sessions, 30) == [(date(2026, 1, 1), date(2026, 1, 25))]
    found = least_spacing_days(SHIPPED, "cellulite")
    assert found is not None
    assert found[0] == 28
    assert least_spacing_days(SHIPPED, "pores") is None


def test_depths_care_and_rules() -> None:
    depth = depth_for(SHIPPED, "forehead")
    assert depth is not None
    assert depth.depth_max_mm == 0.5
    assert depth_for(SHIPPED, "left_ear") is None
    assert "sun" in {row.step for row in care_on(SHIPPED, 400)}
    assert "cool" not in {row.step for row in care_on(SHIPPED, 3)}
    levels = {
        day: rule.level if (rule := rule_for(SHIPPED, "redness_persists", day)) else None for day in (6, 7, 13, 14)
    }
    assert levels == {6: None, 7: "amber", 13: "amber", 14: "red"}


def clinic(folder: Path, text: str) -> Path:
    file = folder / "clinic.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_clinic_adds_changes_and_removes_rows(tmp_path: Path) -> None:
    file = clinic(
        tmp_path,
        """
        [[sources]]
        source = "Our protocol"
        title = "Protocol of this clinic"
        where = "binder 3"
        [[protocols]]
        protocol = "pores here"
        indication = "pores"
        sessions_min = 3
        sessions_max = 5
        spacing_min_days = 28
        source = ["Our protocol"]
        [[aftercare]]
        step = "cool"
        to_day = 1
        [[aftercare]]
        step = "water"
        remove = true
        """,
    )
    ours = load(file)
    found = least_spacing_days(ours, "pores")
    assert found is not None
    assert (found[0], found[1].source) == (28, ("Our protocol",))
    steps = {row.step: row for row in ours.aftercare}
    assert steps["cool"].to_day == 1
    assert steps["cool"].text == next(row.text for row in SHIPPED.aftercare if row.step == "cool")
    assert "water" not in steps
    assert load() == SHIPPED  # nothing of the clinic's stays


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[protocols", "cannot be read"),
        ("[[nothing]]\na = 1", "no table 'nothing'"),
        ("protocols = 3", "no list of rows"),
        ("[[protocols]]\nindication = 'pores'", "has no protocol"),
        ("[[protocols]]\nprotocol = 'x'\nindication = 'pores'\nsessions_min = 3\nsessions_max = 4",
         "without its source"),
        ("[[protocols]]\nprotocol = 'x'\nindication = 'warts'\nsessions_min = 3\nsessions_max = 4\nsource = ['T1']",
         "no indication 'warts'"),
        ("[[protocols]]\nprotocol = 'cellulite'\nsessions_min = 'many'", "is no number"),
        ("[[protocols]]\nprotocol = 'cellulite'\nsessions_min = 9", "sessions_min is above sessions_max"),
        ("[[protocols]]\nprotocol = 'cellulite'\nspacing = 9", "no column is named 'spacing'"),
        ("[[flags]]\nflag = 'asymmetry'\nlevel = 'green'\nsource = ['T1']", "none of its choices"),
        ("[[aftercare]]\nstep = 'nothing'\nremove = true", "no row 'nothing' to remove"),
        ("[[aftercare]]\nstep = 'cool'\nsource = ['hearsay']", "without its source"),
        ("[[indications]]\nindication = 'pores'\nscales = ['VAS']", "no scale 'VAS'"),
    ],
)  # fmt: skip
def test_a_clinics_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TreatmentError, match=said) as raised:
        load(clinic(tmp_path, text))
    assert "clinic.toml" in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TreatmentError, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml")


def test_rows_say_what_their_columns_are() -> None:
    for name, (kind, _) in KINDS.items():
        assert kind.__doc__, name
        assert fields(kind)[-1].name == ("where" if name == "sources" else "source")

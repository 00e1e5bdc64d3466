"""The study of the colour card: its photos, its table."""

from __future__ import annotations

import numpy as np
import pytest

from skinscan.study import card_accuracy, card_table


@pytest.fixture(scope="module")
def row() -> dict[str, object]:
    return card_accuracy.errors(card_accuracy.jobs(1)[17])


def test_a_phantom_photo_is_within_the_bars(row: dict[str, object]) -> None:
    """goals.md: p95 of dE00 2.2; the plain matrix errs more."""
    assert row["state"] == "card"
    assert float(row["de00"]) < 1.5 < 2.2
    assert float(row["plain_de00"]) > float(row["de00"])
    assert row["formulation"]


def test_every_tone_and_lamp_is_asked_for() -> None:
    jobs = card_accuracy.jobs(2)
    assert {(job.tone, job.camera.illuminant) for job in jobs} == {
        (tone, lamp) for tone in card_accuracy.TONES for lamp in card_accuracy.LAMPS
    }
    assert len({job.camera.sensitivities for job in jobs}) > 10
    assert len({job.camera.seed for job in jobs}) == len(jobs)


def test_a_second_visit_changes_what_it_says() -> None:
    first = card_accuracy.jobs(1)[0].camera
    same, balanced, other = (card_accuracy.second_visit(first, setup, 5) for setup in card_accuracy.SETUPS)
    assert (same.illuminant, same.exposure_ev, same.white_balance) == (
        first.illuminant, first.exposure_ev, first.white_balance,
    )  # fmt: skip
    assert abs(balanced.exposure_ev - first.exposure_ev) >= 0.3
    assert (other.illuminant, other.sensitivities) != (first.illuminant, first.sensitivities)


def made(tone: str, lamp: str, error: float, state: str = "card") -> dict[str, object]:
    row: dict[str, object] = {"tone": tone, "lamp": lamp, "state": state, "residual_de00": 0.3}
    for name in ("de00", "predicted_de00", "plain_de00", "plain_a", "plain_ita"):
        row[name] = abs(error)
    for name in ("l", "a", "b", "ita"):
        row[f"d_{name}"], row[f"sd_{name}"] = error, 0.5
    return row


def test_the_table_adds_up() -> None:
    matte = [made("I", "D65", 0.3), made("I", "A", -0.4), made("II", "A", 9.0, "reference")]
    changes = [
        {"tone": "I", "setup": setup, "state": "card, card", "d_change": 0.3, "sd_change": 0.6, "same": True}
        for setup in card_accuracy.SETUPS
    ]
    table = card_table.collect(matte, matte[:1], changes)
    every = table["cross_polarised"]["all"]
    assert every["refused_share"] == pytest.approx(1 / 3, abs=1e-3)
    assert every["a_rms"] == pytest.approx(np.sqrt((0.09 + 0.16) / 2), abs=1e-3)
    assert every["a_z"] == pytest.approx(np.sqrt((0.09 + 0.16) / 2) / 0.5, abs=1e-3)
    assert table["cross_polarised"]["by_lamp"]["A"]["photos"] == 2
    assert table["cross_polarised"]["by_tone"]["II"] == {"photos": 1, "refused_share": 1.0}
    assert table["changes"]["same set-up"]["z"] == pytest.approx(0.5)
    text = card_table.markdown(table)
    assert "| tone II | 1 | 100% |" in text
    assert text.count("same set-up") == 1

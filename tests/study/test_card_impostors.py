"""What could be taken for a colour card and is none, and the tables of how surely cards are found."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from skinscan.study.card_finding import impostor_alone, with_card
from skinscan.study.card_finding_table import belief_table, found_table, shade_table, summary
from skinscan.study.card_impostors import KINDS, impostor


def test_an_impostor_is_the_same_again_and_another_by_another_seed() -> None:
    first = impostor(3, "paint_chart")
    assert np.array_equal(first, impostor(3, "paint_chart"))
    assert first.shape != impostor(4, "paint_chart").shape


@pytest.mark.parametrize("kind", list(KINDS))
def test_impostors_of_every_kind_are_refused(kind: str) -> None:
    """Read as a photo in memory; of many hundreds none was taken for a card (docs/scale.md)."""
    from skinscan.capture.card.find import find_card, strongest_belief
    from skinscan.study.card_finding import _photo_of

    _, data = cv2.imencode(".png", impostor(31, kind)[..., ::-1])
    photo = _photo_of(data.tobytes(), False)
    assert find_card(photo) is None
    assert not strongest_belief(photo) > 0


def test_rows_of_the_study_make_its_tables() -> None:
    card, none = with_card(50_000_004), impostor_alone(50_000_004)
    assert card["found"]
    assert card["belief"] > 0.1
    lost = {**card, "found": False, "seen": True, "tilt": 25.0}
    text = found_table([card, lost])
    assert "| all |  | 2 | 50.0 % | 1 |" in text
    dark = {**card, "shade": 0.5, "dark": 10, "dark_told": 9, "lit": 10, "lit_told": 1, "uneven": 0.02}
    assert "| 0.45 to 0.6 | 1 | 90.0 % | 10.0 % | 1 | 2.0 % |" in shade_table([dark])
    assert f"| none (1) | {int(not np.isfinite(none['belief']))} |" in belief_table({"none": [none]})
    assert f"| worst patch off by, px | {card['off_px']:.2f} |" in summary([card])

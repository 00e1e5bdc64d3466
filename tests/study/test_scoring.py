from __future__ import annotations

import numpy as np
import pytest

from skinscan.study.scoring import match, score


def test_each_true_pore_is_matched_once() -> None:
    true = np.array([[10.0, 10.0], [30.0, 10.0]])
    found = np.array([[10.5, 10.0], [11.0, 10.0], [30.0, 10.4], [80.0, 80.0]])
    pairs = match(found, np.array([5.0, 4.0, 6.0, 5.0]), true)
    assert sorted(map(tuple, pairs.tolist())) == [(0, 0), (2, 1)]


def test_scores_by_hand() -> None:
    """Four true pores of 150 um or more, three found, one invention: precision 3/4, recall 3/4."""
    true = np.array([[10.0, 10.0], [30.0, 10.0], [50.0, 10.0], [70.0, 10.0]])
    found = np.array([[10.0, 10.0], [30.0, 10.0], [50.0, 10.0], [90.0, 90.0]])
    result = score(found, np.array([220.0, 220.0, 198.0, 300.0]), true, np.array([200.0] * 4), 33.0)
    assert (result.precision, result.recall, result.f1) == (0.75, 0.75, 0.75)
    assert result.diameter_bias == pytest.approx(0.10)
    assert result.diameter_mae == pytest.approx((0.1 + 0.1 + 0.01) / 3)
    assert result.position_um == 0


def test_a_pore_at_the_floor_is_neither_invention_nor_miss() -> None:
    place = np.array([[10.0, 10.0]])
    over = score(place, np.array([152.0]), place, np.array([148.0]), 33.0)
    assert (over.precision, over.strict_f1) == (1.0, 0.0)
    under = score(place, np.array([148.0]), place, np.array([152.0]), 33.0)
    assert (under.recall, under.strict_f1) == (1.0, 0.0)


def test_nothing_found() -> None:
    nothing = np.zeros((0, 2))
    result = score(nothing, np.zeros(0), np.array([[5.0, 5.0]]), np.array([200.0]), 33.0)
    assert result.recall == 0
    assert np.isnan(result.diameter_bias)

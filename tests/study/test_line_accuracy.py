from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skinscan.measures.lines import FEATURES
from skinscan.phantom import SkinRecipe, make_skin
from skinscan.study.line_accuracy import Found, dense, false_density, fit, jobs, score, table, with_other_lines


def row(depth_um: float, found: float, right: float, true: float, hit: float) -> Found:
    nothing = np.zeros((0, len(FEATURES)))
    return Found(1, "III", depth_um, "own", 25.0, found, right, true, hit, 10.0, nothing, np.zeros(0))


def test_precision_recall_and_f1_are_of_lengths() -> None:
    rows = [row(150, 10, 8, 20, 10), row(150, 30, 28, 20, 20)]
    precision, recall, f1 = score(rows)
    assert (precision, recall) == pytest.approx((36 / 40, 30 / 40))
    assert f1 == pytest.approx(2 * 0.9 * 0.75 / 1.65)
    assert false_density([row(0, 3, 0, 0, 0), row(0, 1, 0, 0, 0)]) == pytest.approx(0.2)
    assert "| 150 um | own | 0.900 | 0.750 |" in table(rows)


def test_no_two_jobs_share_a_seed_and_every_tone_has_every_depth() -> None:
    all_jobs = jobs(1000, 3)
    assert len({job.seed for job in all_jobs}) == len(all_jobs)
    assert len({(job.tone, job.depth_um, job.recipe) for job in all_jobs}) == 6 * 4 * 2


def test_other_lines_are_valleys_along_their_paths() -> None:
    plain = make_skin(SkinRecipe(seed=1, width_mm=20, height_mm=20), 60.0)
    skin = with_other_lines(plain, np.random.default_rng(2), 3, 150.0)
    height, width = skin.grid.shape
    for line in skin.lines:
        middle = np.array(line.path_mm)[20:40]
        column, row_ = np.rint(middle / skin.grid.mm + [(width - 1) / 2, (height - 1) / 2]).astype(int).T
        inside = (column >= 0) & (column < width) & (row_ >= 0) & (row_ < height)
        assert np.median(skin.lines_um[row_[inside], column[inside]]) == pytest.approx(-150, rel=0.35)
    assert skin.lines_um.max() <= 0


def test_points_along_a_path_are_evenly_spaced() -> None:
    points = dense(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 10.0]]))
    assert np.hypot(*np.diff(points, axis=0).T) == pytest.approx(0.5, abs=0.06)


def test_the_fit_learns_what_tells_lines() -> None:
    """Made so that only contrast tells them apart."""
    draw = np.random.default_rng(3)
    features = np.column_stack([np.ones(400), *draw.normal(0, 1, (4, 400))])
    shares = (features[:, FEATURES.index("log contrast")] + draw.normal(0, 0.3, 400) > 0).astype(float)
    found = fit([replace(row(150, 1, 1, 1, 1), features=features, shares=shares)])
    assert found[FEATURES.index("log contrast")] > 3 * max(abs(found[1]), abs(found[3]), abs(found[4]))

"""Stretch marks and a device's tracks: drawn where their truth says, and nowhere unless asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skinscan.phantom import SkinRecipe, StriaeRecipe, TracksRecipe, make_skin
from skinscan.phantom.fields import Grid
from skinscan.phantom.striae import draw_striae
from skinscan.phantom.tracks import draw_tracks
from skinscan.records import ParameterError

RECIPE = SkinRecipe(seed=3, width_mm=50, height_mm=50, mottling=0.0, spots=0, redness_patches=0)
GRID_UM = 100.0


def at(picture: np.ndarray, grid: Grid, points_mm: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    height, width = grid.shape
    column, row = np.rint(points_mm / grid.mm + [(width - 1) / 2, (height - 1) / 2]).astype(int).T
    return np.asarray(picture[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)])


def test_marks_are_off_unless_asked_for() -> None:
    plain = make_skin(RECIPE, GRID_UM)
    assert plain.striae == plain.tracks == ()
    marked = make_skin(replace(RECIPE, striae=StriaeRecipe(blood=0.0, depth_um=0.0)), GRID_UM)
    assert len(marked.striae) == 5
    assert np.array_equal(marked.blood, plain.blood)
    assert np.allclose(marked.height_um, plain.height_um, atol=1e-4)


def test_a_stretch_mark_changes_pigment_and_blood_as_stated_and_is_as_wide() -> None:
    striae = StriaeRecipe(seed=1, count=3, melanin=-0.3, blood=0.6, spacing_mm=12.0, spread_deg=0.0)
    plain, skin = make_skin(RECIPE, GRID_UM), make_skin(replace(RECIPE, striae=striae), GRID_UM)
    for mark in skin.striae:
        path = np.array(mark.path_mm)
        middle = path[15:25]
        for drawn, bare, change in ((skin.melanin, plain.melanin, mark.melanin), (skin.blood, plain.blood, mark.blood)):
            assert np.median(at(drawn / bare, skin.grid, middle)) == pytest.approx(1 + change, rel=0.02)
        run = path[-1] - path[0]
        across = np.array([-run[1], run[0]]) / np.hypot(*run)
        section = path[20] + np.linspace(-8, 8, 801)[:, None] * across
        inside = at(skin.blood / plain.blood, skin.grid, section) > 1 + mark.blood / 2
        # ragged edges waver by an eighth of the half width on either side (SD)
        assert inside.sum() * 0.02 == pytest.approx(mark.width_mm, rel=0.4)
    away = np.array([[-24.0, 24.0], [24.0, -24.0]])
    assert np.allclose(at(skin.blood / plain.blood, skin.grid, away), 1, atol=0.01)


def test_marks_are_parallel_and_the_same_on_any_grid() -> None:
    recipe = StriaeRecipe(seed=2, spread_deg=3.0, direction_deg=40.0)
    coarse, fine = (draw_striae(recipe, Grid(um, 60, 60)) for um in (200.0, 100.0))
    assert coarse.marks == fine.marks
    for mark in fine.marks:
        run = np.subtract(mark.path_mm[-1], mark.path_mm[0])
        assert np.degrees(np.arctan2(run[1], run[0])) == pytest.approx(40, abs=20)
    assert np.abs(fine.blood[::2, ::2] - coarse.blood).mean() < 0.03


def test_tracks_are_drawn_side_by_side_where_the_truth_says() -> None:
    recipe = TracksRecipe(seed=4, count=4, spacing_mm=3.0, direction_deg=0.0, spread_deg=0.0, blood=1.0, depth_um=40.0)
    grid = Grid(50.0, 40.0, 40.0)
    drawn = draw_tracks(recipe, grid)
    middles = np.array([np.mean(track.path_mm, axis=0) for track in drawn.tracks])
    assert np.diff(middles[:, 1]) == pytest.approx(3.0, abs=0.8)
    for track in drawn.tracks:
        centre = at(drawn.blood, grid, np.array(track.path_mm)[8:22])
        assert np.median(centre) == pytest.approx(2.0, abs=0.35)  # uneven along the mark, SD 0.2
    assert drawn.relief_um.min() < -20
    assert drawn.relief_um.max() <= 0
    wide = draw_tracks(replace(recipe, spread_deg=90.0), grid)
    headings = [np.subtract(t.path_mm[-1], t.path_mm[0]) for t in wide.tracks]
    assert np.ptp([np.arctan2(h[1], h[0]) for h in headings]) > 0.5


@pytest.mark.parametrize("wrong", [{"width_mm": (0.0, 2.0)}, {"blood": -1.5}, {"spacing_mm": 0.0}])
def test_marks_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        StriaeRecipe(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ParameterError):
        TracksRecipe(spacing_mm=-1.0)

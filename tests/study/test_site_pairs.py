"""Pairs of scalps and thighs: what they hold, and that they cover what they should."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from skinscan.phantom import SkinRecipe
from skinscan.study import site_pairs
from skinscan.study.pairs import TONES, with_marks


def test_every_tone_of_either_site_has_its_pairs() -> None:
    jobs = site_pairs.site_jobs(12)
    for site in ("scalp", "thigh"):
        assert sorted(job.tone for job in jobs if job.site == site) == sorted(2 * TONES)
    assert len({job.seed for job in jobs}) == len(jobs)


@pytest.mark.parametrize("site", ["scalp", "thigh"])
def test_a_grid_carries_the_nearest_view(site: site_pairs.Site) -> None:
    for px_per_mm in site_pairs.PX_PER_MM[site]:
        job = site_pairs.SiteJob(1, "II", site, px_per_mm)
        assert site_pairs._grid_um(job) <= 1000 / (px_per_mm * math.exp(0.15)) / 1.4


def test_a_scalp_combed_anew_gives_rows_of_hair_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(site_pairs.SIDE_PX, "scalp", 300)
    monkeypatch.setattr(site_pairs, "LARGEST_GRID_UM", (43.0, 50.0))
    rows = site_pairs.run(site_pairs.SiteJob(site_pairs.site_jobs(6)[1].seed, "II", "scalp", 13.0, repeats=1))
    assert {row["measure"] for row in rows if row["measure"]} == {"hair.coverage", "hair.part_width_mm"}
    assert {row["site"] for row in rows} == {"scalp"}


def test_marks_are_told_by_the_seed_and_change_nothing_else() -> None:
    recipes = [SkinRecipe(seed=seed) for seed in range(24)]
    marked = [with_marks(recipe) for recipe in recipes]
    assert 0 < sum(recipe.scars > 0 for recipe in marked) < 24
    assert 0 < sum(recipe.lines > 0 for recipe in marked) < 24
    assert 0 < sum(recipe.striae is not None for recipe in marked) < 24
    for plain, recipe in zip(recipes, marked, strict=True):
        assert recipe == with_marks(plain)
        bare = replace(
            recipe, scars=0, scar_depth_um=plain.scar_depth_um, lines=plain.lines, line_depth_um=plain.line_depth_um,
            striae=None,
        )  # fmt: skip
        assert bare == plain

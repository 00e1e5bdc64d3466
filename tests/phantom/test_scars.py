"""Scars of the phantom: what their table says is what their maps hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skinscan.phantom import Camera, SkinRecipe, make_skin, photograph
from skinscan.phantom.fields import Grid
from skinscan.phantom.scars import Scar, draw_on, draw_scars, light_in_hollows

SCARRED = SkinRecipe(seed=3, tone="III", width_mm=30, height_mm=30, scars=9)
ROUND = Scar(0.0, 0.0, 1.5, "boxcar", 200.0, 0.0, 0.5, 1.0, 0.0, (0.0, 0.0, 0.0))


def test_a_skin_has_no_scars_unless_asked_for() -> None:
    skin = make_skin(SkinRecipe(seed=3, width_mm=8, height_mm=8))
    assert skin.scars == ()
    assert not skin.marks_um.any()
    assert not skin.scarred.any()


def test_the_same_scars_on_any_grid_tone_and_depth() -> None:
    """Places and sizes hang on the seed alone, so that a course heals scars where they are."""
    deeper = draw_scars(replace(SCARRED, scar_depth_um=440.0, tone="VI"))
    for one, other in zip(draw_scars(SCARRED), deeper, strict=True):
        assert replace(one, depth_um=other.depth_um) == other
        assert other.depth_um == pytest.approx(2 * one.depth_um)


@pytest.mark.parametrize("kind", ["rolling", "boxcar", "icepick"])
def test_a_scar_is_half_as_deep_on_its_outline(kind: str) -> None:
    """To the depth that a cell of 50 um adds at the steepest wall (2.5 depths a radius of 30 cells: 8 %)."""
    relief, _, _, inside = draw_on([replace(ROUND, kind=kind)], Grid(50.0, 8.0, 8.0))  # type: ignore[arg-type]
    edge = inside.astype(bool) & ~np.roll(inside.astype(bool), 1, axis=1)
    assert relief[edge].mean() == pytest.approx(-100.0, rel=0.08)


def test_the_true_area_is_that_of_the_outlines() -> None:
    """pi r^2: a wave of amplitude a adds a^2 / 2 of the area each, 0.4 % together; a cell of 50 um rounds 0.2 %."""
    *_, inside = draw_on([ROUND], Grid(50.0, 8.0, 8.0))
    assert inside.sum() * 0.05**2 == pytest.approx(np.pi * 1.5**2 * (1 + 1.5 * 0.05**2), rel=0.005)


def test_the_sky_seen_from_the_bottom_of_a_hollow() -> None:
    """From the middle of a round hollow the horizon is the steepest line to its wall, here told from the profile; of
    what meets the walls a share of the albedo comes back. The search steps by a quarter: 3 % of the horizon's height,
    and the outline's waves another 5 %."""
    relief, *_ = draw_on([replace(ROUND, depth_um=1000.0)], Grid(50.0, 10.0, 10.0))
    through = light_in_hollows(relief, Grid(50.0, 10.0, 10.0))
    far_mm = np.linspace(0.1, 4.0, 400)
    horizon = ((1 - 1 / (1 + (far_mm / 1.5) ** 10)) / far_mm).max()
    sky = 1 / (1 + horizon**2)
    assert through[100, 100] == pytest.approx(sky / (1 - 0.45 * (1 - sky)), abs=0.02)
    assert through[5, 5] == pytest.approx(1.0, abs=0.01)


def test_the_photo_tells_the_area_in_view() -> None:
    skin = make_skin(SCARRED, 40.0)
    whole = photograph(skin, Camera(px_per_mm=14, size_px=(410, 410))).truth
    assert whole.scar_area_percent == pytest.approx(100 * skin.scarred.mean(), abs=0.8)
    assert whole.to_dict()["scars"][0]["radius_mm"] == skin.scars[0].radius_mm

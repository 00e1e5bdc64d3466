"""A shadow across the card, told from levels alone, and from light that falls off, a tone curve and noise."""

from __future__ import annotations

import numpy as np
import pytest

from skinscan.capture.card.chart import PLACES, patch_linear
from skinscan.capture.card.shading import LEAST_STEP, Shading, find_shadow

ALL = np.ones(24, bool)
SENT = np.log(np.maximum(patch_linear(), 0.0).mean(axis=1))
"""What patches send in even light, natural logarithm."""


def told(level: np.ndarray, fair: np.ndarray = ALL) -> Shading:
    return find_shadow(level, SENT + level, fair)


def noise(seed: int, spread: float = 0.03) -> np.ndarray:
    """Of 3 %: what lamps and cameras leave of a patch's level in the phantom's scenes is 2 to 5 %."""
    return np.random.default_rng(seed).normal(0, spread, 24)


def shadow(turn_deg: float, past: float, soft: float) -> np.ndarray:
    """Share (24,) of a shadow behind a line that is `past` pitches beyond the card's middle."""
    towards = np.radians(turn_deg)
    depth = (PLACES - [2.5, 1.5]) @ np.array([np.cos(towards), np.sin(towards)]) - past
    return np.clip(depth / soft + 0.5, 0, 1)


@pytest.mark.parametrize("soft", [0.1, 1.2])
@pytest.mark.parametrize("turn_deg", [0.0, 70.0, 160.0, 250.0])
@pytest.mark.parametrize("factor", [0.35, 0.5, 0.65])
def test_a_shadow_is_told_with_its_depth(factor: float, turn_deg: float, soft: float) -> None:
    share = shadow(turn_deg, 0.4, soft)
    shading = told(np.log(1 - (1 - factor) * share) + noise(int(turn_deg)))
    assert shading.step == pytest.approx(np.log(factor), abs=0.2)  # its edge is as soft as one of three that are tried
    whole = (share == 0) | (share == 1)
    assert ((shading.share > 0.5) == (share > 0.5))[whole].mean() > 0.95


@pytest.mark.parametrize(("factor", "least"), [(0.75, 20), (0.8, 15)])
def test_a_light_shadow_is_told_where_levels_scatter_little(factor: float, least: int) -> None:
    """By 2 %, as in most scenes. Light that falls off looks like some of 24 directions; were a wider scatter than the
    picture's own held against them, 17 and 9 would be told."""
    steps = [
        told(np.log(1 - (1 - factor) * shadow(turn_deg, 0.4, 0.7)) + noise(int(turn_deg), 0.02)).step
        for turn_deg in range(0, 360, 15)
    ]
    assert sum(step < 0 for step in steps) >= least
    assert not any(told(noise(seed, 0.02)).step for seed in range(60))


def test_a_few_patches_off_their_level_hide_no_shadow() -> None:
    share = shadow(20.0, 0.3, 0.3)
    level = np.log(1 - 0.5 * share) + noise(1)
    level[[3, 9, 16]] += [0.9, -0.8, 0.6]  # shine, something dark, shine
    kept = np.setdiff1d(np.flatnonzero((share == 0) | (share == 1)), [3, 9, 16])
    assert ((told(level).share > 0.5) == (share > 0.5))[kept].all()


def test_even_light_is_seldom_called_a_shadow() -> None:
    """2 % by chance: of 60, 4 or more come in 1 of 100 runs; these are the same each time."""
    steps = [told(noise(seed)).step for seed in range(60)]
    assert sum(step < 0 for step in steps) <= 3


@pytest.mark.parametrize(
    "level",
    [0.12 * (PLACES[:, 0] - 2.5) / 2.5, -0.1 * (PLACES[:, 1] - 1.5) / 1.5, 0.15 * (SENT - SENT.mean())],
    ids=["light falls off to one side", "and down", "a contrasty tone curve"],
)
def test_what_changes_slowly_is_none(level: np.ndarray) -> None:
    shading = told(level + noise(5))
    assert shading.step == 0.0
    assert not shading.share.any()
    assert np.abs(shading.miss).max() < 0.12


def test_where_too_few_are_seen_none_is_told() -> None:
    few = np.arange(24) < 8
    assert told(np.where(PLACES[:, 0] > 2, np.log(0.5), 0.0), few).step == 0.0
    assert LEAST_STEP > 0

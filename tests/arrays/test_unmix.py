from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinscan.arrays import unmix

STRAIGHT = unmix.Unmixing(
    melanin=np.linspace(0, 0.5, 20),
    u=np.linspace(0.1, 0.1 + 0.5 * 0.6, 20),
    v=np.linspace(0.2, 0.2 + 0.5 * 0.8, 20),
    angle=np.full(20, -0.4),
    bloodless=-0.05,
)


@given(st.floats(-0.3, 0.9), st.floats(-0.3, 0.5))
def test_a_straight_curve_is_linear_unmixing(melanin: float, blood: float) -> None:
    u = np.array(0.1 + 0.6 * melanin + (blood - 0.05) * np.cos(-0.4))
    v = np.array(0.2 + 0.8 * melanin + (blood - 0.05) * np.sin(-0.4))
    assert unmix.solve(STRAIGHT, u, v) == pytest.approx([melanin, blood], abs=2e-5)


def test_the_table_is_the_solution() -> None:
    draw = np.random.default_rng(0)
    density = draw.uniform(0, 1, (40, 30, 3))
    found = unmix.unmix(density, unmix.table(STRAIGHT))
    u, v = density[..., 1] - density[..., 0], density[..., 2] - density[..., 1]
    assert np.abs(found - unmix.solve(STRAIGHT, u, v)).max() < 1e-4


def test_shading_and_exposure_drop_out() -> None:
    density = np.random.default_rng(1).uniform(0.1, 0.9, (10, 10, 3))
    table = unmix.table(STRAIGHT)
    assert np.abs(unmix.unmix(density + 0.3, table) - unmix.unmix(density, table)).max() < 1e-5


def test_nan_stays_nan_and_spoils_nothing_else() -> None:
    density = np.random.default_rng(2).uniform(0.1, 0.9, (4, 4, 3))
    table = unmix.table(STRAIGHT)
    clean = unmix.unmix(density, table)
    density[1, 2] = np.nan
    found = unmix.unmix(density, table)
    assert np.isnan(found[1, 2]).all()
    kept = np.ones((4, 4), bool)
    kept[1, 2] = False
    assert np.array_equal(found[kept], clean[kept])


def test_over_many_pixels_the_faster_look_up_is_right_within_its_rounding() -> None:
    """A 32nd of the table's step (0.006) to either side: 2e-4 at most here, and no bias."""
    density = np.random.default_rng(3).uniform(0.0, 0.9, (400, 300, 3)).astype(np.float32)
    assert density[..., 0].size > unmix.EXACT_PX
    table = unmix.table(STRAIGHT)
    difference = unmix.unmix(density, table) - np.concatenate(
        [unmix.unmix(part, table) for part in np.split(density, 4)]
    )
    assert np.abs(difference).max() < 2.5e-4
    assert np.abs(difference.mean((0, 1))).max() < 2e-6
    density[7, 9] = np.nan
    assert np.isnan(unmix.unmix(density, table)).sum() == 2

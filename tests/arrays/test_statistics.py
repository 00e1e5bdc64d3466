from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinscan.arrays import statistics


def test_the_error_of_a_mean_of_equal_blocks_is_sd_over_root_n() -> None:
    blocks = np.random.default_rng(0).normal(5, 2, 40)
    found = statistics.block_standard_error(float(blocks.mean()), blocks, np.ones(40))
    assert found == pytest.approx(blocks.std(ddof=1) / math.sqrt(40))


def test_what_both_photos_share_cancels() -> None:
    """The skin's own scatter is in both photos; only what differs is an error of the difference."""
    draw = np.random.default_rng(1)
    skin, weights = draw.normal(10, 3, 36), np.ones(36)
    noise = draw.normal(0, 0.1, 36)
    found = statistics.paired_standard_error(10.0, 10.0, skin, skin + noise, weights, "identity")
    alone = statistics.block_standard_error(10.0, skin, weights)
    assert found == pytest.approx(noise.std(ddof=1) / 6)
    assert found < 0.1 * alone


@given(st.sampled_from(["identity", "log", "sqrt"]), st.floats(0.5, 50))
def test_slope_is_the_derivative(transform: str, value: float) -> None:
    step = 1e-5 * value
    numeric = (statistics.forward(value + step, transform) - statistics.forward(value - step, transform)) / (2 * step)
    assert statistics.slope(value, transform) == pytest.approx(numeric, rel=1e-6)


@given(st.sampled_from(["identity", "log", "sqrt"]), st.floats(0.5, 50), st.floats(0.001, 0.5), st.booleans())
def test_the_detectable_change_is_the_limit_on_its_side(transform: str, before: float, s_d: float, up: bool) -> None:
    """A change of exactly the SDC moves the transformed value by 1.96 SD (or to zero, where that comes first)."""
    sdc = statistics.detectable_change(before, s_d, up, transform)
    after = before + sdc if up else before - sdc
    moved = abs(statistics.forward(after, transform) - statistics.forward(before, transform))
    if transform == "sqrt" and not up and 1.96 * s_d > math.sqrt(before):
        assert after == pytest.approx(0, abs=1e-9)
    else:
        assert moved == pytest.approx(1.96 * s_d, rel=1e-6)


def test_ratio_measures_have_the_limits_of_measures_md() -> None:
    assert statistics.detectable_change(10.0, 0.1, True, "log") == pytest.approx(10 * (math.exp(0.196) - 1))
    assert statistics.detectable_change(10.0, 0.1, False, "log") == pytest.approx(10 * (1 - math.exp(-0.196)))


def test_too_few_blocks_say_nothing() -> None:
    assert math.isnan(statistics.block_standard_error(1.0, np.array([1.0, 2.0, np.nan, np.nan]), np.ones(4)))


def test_undefined_stays_undefined() -> None:
    assert math.isnan(statistics.forward(0.0, "log"))
    assert math.isnan(statistics.forward(-1.0, "sqrt"))
    assert statistics.forward(0.0, "sqrt") == 0.0
    # all blocks without a pore, before and after: no scatter, no error
    assert statistics.paired_standard_error(0.0, 0.0, np.zeros(9), np.zeros(9), np.ones(9), "sqrt") == 0.0

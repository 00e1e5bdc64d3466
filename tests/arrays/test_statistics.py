from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinscan.arrays import statistics

SCALES = {"identity": statistics.IDENTITY, "log": statistics.LOG, "sqrt": statistics.SQRT}


def test_the_error_of_a_mean_of_equal_blocks_is_sd_over_root_n() -> None:
    blocks = np.random.default_rng(0).normal(5, 2, 40)
    found = statistics.block_standard_error(float(blocks.mean()), blocks, np.ones(40))
    assert found == pytest.approx(blocks.std(ddof=1) / math.sqrt(40))


def test_what_both_photos_share_cancels() -> None:
    """The skin's own scatter is in both photos; only what differs is an error of the difference."""
    draw = np.random.default_rng(1)
    skin, weights = draw.normal(10, 3, 36), np.ones(36)
    noise = draw.normal(0, 0.1, 36)
    found = statistics.paired_standard_error(10.0, 10.0, skin, skin + noise, weights, statistics.IDENTITY)
    alone = statistics.block_standard_error(10.0, skin, weights)
    assert found == pytest.approx(noise.std(ddof=1) / 6)
    assert found < 0.1 * alone


@given(st.sampled_from(["identity", "log", "sqrt"]), st.floats(0.5, 50))
def test_slope_is_the_derivative(transform: str, value: float) -> None:
    step = 1e-5 * value
    scale = SCALES[transform]
    numeric = (scale.forward(value + step) - scale.forward(value - step)) / (2 * step)
    assert scale.slope(value) == pytest.approx(numeric, rel=1e-6)


@given(st.sampled_from(["identity", "log", "sqrt"]), st.floats(0.01, 50))
def test_there_and_back(transform: str, value: float) -> None:
    assert SCALES[transform].inverse(SCALES[transform].forward(value)) == pytest.approx(value, rel=1e-9)


@given(st.sampled_from(["identity", "log", "sqrt"]), st.floats(0.5, 50), st.floats(0.001, 0.5), st.booleans())
def test_the_detectable_change_is_the_limit_on_its_side(transform: str, before: float, s_d: float, up: bool) -> None:
    """A change of exactly the SDC moves the transformed value by 1.96 SD (or to zero, where that comes first)."""
    scale = SCALES[transform]
    sdc = statistics.detectable_change(before, s_d, up, scale)
    after = before + sdc if up else before - sdc
    moved = abs(scale.forward(max(after, 0.0)) - scale.forward(before)) if transform == "sqrt" else 0.0
    if transform != "sqrt":
        moved = abs(scale.forward(after) - scale.forward(before))
    if transform == "sqrt" and not up and 1.96 * s_d > math.sqrt(before):
        assert after == pytest.approx(0, abs=1e-9)
    else:
        assert moved == pytest.approx(1.96 * s_d, rel=1e-6)


def test_ratio_measures_have_the_limits_of_measures_md() -> None:
    assert statistics.detectable_change(10.0, 0.1, True, statistics.LOG) == pytest.approx(10 * (math.exp(0.196) - 1))
    assert statistics.detectable_change(10.0, 0.1, False, statistics.LOG) == pytest.approx(10 * (1 - math.exp(-0.196)))


def test_too_few_blocks_say_nothing() -> None:
    assert math.isnan(statistics.block_standard_error(1.0, np.array([1.0, 2.0, np.nan, np.nan]), np.ones(4)))


def test_undefined_stays_undefined() -> None:
    assert math.isnan(statistics.LOG.forward(0.0))
    assert math.isnan(statistics.SQRT.forward(-1.0))
    assert statistics.SQRT.forward(0.0) == 0.0
    # all blocks without a pore, before and after: no scatter, no error
    assert statistics.paired_standard_error(0.0, 0.0, np.zeros(9), np.zeros(9), np.ones(9), statistics.SQRT) == 0.0


def test_a_share_above_a_threshold_is_judged_by_how_far_its_values_moved() -> None:
    """Every value of a normal map raised by 0.3 SD: 2.3 % above 2 SD become 4.5 %, 50 % above 0 become 62 %."""
    values = np.random.default_rng(2).normal(0, 1, 400_000)
    scale = statistics.above_threshold(np.quantile(values, np.linspace(0, 1, 1001)))
    for threshold in (2.0, 1.0, 0.0):
        before, after = (100 * float(np.mean(values + shift > threshold)) for shift in (0.0, 0.3))
        assert scale.forward(after) - scale.forward(before) == pytest.approx(0.3, abs=0.02)
        assert before + statistics.detectable_change(before, 0.3 / 1.96, True, scale) == pytest.approx(after, abs=0.3)
        assert scale.slope(before) == pytest.approx(
            (scale.forward(before + 0.4) - scale.forward(before - 0.4)) / 0.8, rel=0.1
        )
    assert 0.0 < statistics.detectable_change(0.0, 0.5, True, scale) < 1.0
    assert statistics.detectable_change(0.0, 0.5, False, scale) == 0.0


@pytest.mark.parametrize("value", [0.5, 10.0])
def test_a_spread_is_that_of_the_transformed_scale(value: float) -> None:
    assert statistics.backward_spread(value, 0.01, statistics.LOG) == pytest.approx(0.01 * value, rel=1e-3)
    assert statistics.backward_spread(value, 0.01, statistics.SQRT) == pytest.approx(0.02 * math.sqrt(value), rel=1e-3)
    assert statistics.backward_spread(value, 0.01, statistics.IDENTITY) == pytest.approx(0.01)


def test_no_pore_found_is_not_known_to_be_none() -> None:
    assert statistics.backward_spread(0.0, 0.3, statistics.SQRT) == pytest.approx(0.09)

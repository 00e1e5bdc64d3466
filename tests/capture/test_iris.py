"""The iris gives a scale of 4.3 % at best, and says what depth and distance cost."""

import math

import numpy as np
import pytest

from skinscan.capture.scale.iris import iris_scale
from skinscan.records import ParameterError, ScaleError


def test_known_depth_and_distance_leave_what_people_differ_by():
    """measures.md: +-4.3 % in the iris's own plane."""
    scale = iris_scale([117.0, 117.0], 0.5, depth_mm=0.0, depth_spread_mm=0.0, distance_mm=400.0)
    assert scale.source == "iris"
    assert scale.mm_per_px == pytest.approx(0.1 * 0.99, rel=0.001)  # eyes look aside by 8 degrees: 1 %
    assert scale.relative == pytest.approx(0.5 / 11.7, rel=0.08)


def test_a_region_20_mm_behind_the_iris_at_300_mm_is_7_percent_off_and_that_is_taken_off():
    """measures.md, 'Scale'."""
    near = iris_scale([117.0], 0.5, depth_mm=0.0, distance_mm=300.0)
    behind = iris_scale([117.0], 0.5, depth_mm=20.0, distance_mm=300.0)
    assert behind.mm_per_px / near.mm_per_px == pytest.approx(1 + 20 / 300)
    unknown = iris_scale([117.0], 0.5, distance_mm=300.0)
    assert unknown.mm_per_px == near.mm_per_px
    assert unknown.relative == pytest.approx(math.hypot(0.5 / 11.7, 20 / 300), rel=0.05)


@pytest.mark.parametrize("known_distance", [True, False])
@pytest.mark.parametrize("known_depth", [True, False])
def test_stated_intervals_hold_the_truth(known_depth, known_distance):
    """Drawn people, 2000 of them, so that 95 % is known to 0.5; 93-97 % is the house's bar."""
    draw = np.random.default_rng(5)
    inside = 0
    people = 2000
    for _ in range(people):
        iris_mm, distance = draw.normal(11.7, 0.5), math.exp(draw.uniform(math.log(200), math.log(700)))
        depth = draw.normal(15.0, 10.0) if known_depth else draw.normal(0.0, 20.0)
        turned = math.cos(math.radians(draw.normal(0, 8.0)))
        px_per_mm = 3500.0 / distance
        seen = iris_mm * turned * px_per_mm + draw.normal(0, 0.7, 2)
        scale = iris_scale(
            seen, 0.7, depth_mm=15.0 if known_depth else None, distance_mm=distance if known_distance else None
        )
        truth = (distance + depth) / 3500.0
        inside += abs(scale.mm_per_px - truth) < 1.96 * scale.spread
    assert 0.93 <= inside / people <= 0.97


def test_irises_that_contradict_one_another_are_refused():
    with pytest.raises(ScaleError, match="contradict"):
        iris_scale([100.0, 130.0], 0.5)


@pytest.mark.parametrize(
    ("diameters", "fields"),
    [
        ([], {}),
        ([100.0, 100.0, 100.0], {}),
        ([0.0], {}),
        ([math.nan], {}),
        ([100.0], {"spread_px": -1.0}),
        ([100.0], {"spread_px": math.nan}),
        ([100.0], {"distance_mm": 3.0}),
        ([100.0], {"distance_mm": 100.0, "depth_mm": -90.0}),
    ],
)
def test_what_cannot_be_meant_is_refused(diameters, fields):
    with pytest.raises(ParameterError, match="cannot be meant"):
        iris_scale(diameters, **{"spread_px": 0.5, **fields})

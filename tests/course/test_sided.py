"""Left and right: which regions mirror one another, what is marked, and how often where nothing differs."""

from __future__ import annotations

import math
from itertools import chain

import numpy as np
import pytest

from skinscan.course.sided import MEASURES, Told, mirrored, pairs, sided
from skinscan.course_records import Step, Trajectory
from skinscan.measures import all_measures

SIDES = [("left", "right")]


@pytest.mark.parametrize(
    ("name", "other"),
    [("left_cheek", "right_cheek"), ("cheek_right", "cheek_left"), ("Left", "Right"), ("cheek left", "cheek right"),
     ("skin", None), ("leftover", None), ("left of the right", None), ("bright", None)],
)  # fmt: skip
def test_the_other_side(name: str, other: str | None) -> None:
    assert mirrored(name) == other


def test_pairs_name_the_left_first_and_need_both() -> None:
    assert pairs(["skin", "right_cheek", "left_cheek", "left_jaw", "nose"]) == [("left_cheek", "right_cheek")]


def told(measure: str, region: str, change: float, sd: float, baseline: float = 1.0) -> tuple[tuple[str, str], Told]:
    kind = all_measures()[measure]
    low, high, sdc = change - 1.96 * sd, change + 1.96 * sd, 1.96 * sd
    verdict = "within_error" if abs(change) <= sdc else "worsened"
    step = Step(change, low, high, sdc, change / sd, verdict, "")  # type: ignore[arg-type]
    line = Trajectory("", measure, region, kind.unit, kind.better, baseline, 0.0, (), None, False)
    return (measure, region), (line, step)


def test_a_marked_difference_is_told_with_both_sides_and_its_limit() -> None:
    at = dict([told("redness.a_star", "left", 3.0, 0.5), told("redness.a_star", "right", 0.1, 0.5)])
    (one,) = sided(at, SIDES, "")
    assert one.found.sided == "left"
    assert one.figures["redness.a_star.left.difference"] == pytest.approx(2.9)
    # one pair alone: 1.96 times what two independent errors make
    limit = one.figures["redness.a_star.left.smallest_detectable_difference"]
    assert limit == pytest.approx(1.96 * 0.5 * math.sqrt(2), rel=1e-3)
    assert "left +3.0, right +0.1" in one.told
    assert "differ by 2.9 (smallest detectable 1.4)" in one.told


def test_fine_structure_is_held_against_light_from_the_other_side_and_told_as_shares() -> None:
    """Errors add up there, on the logarithm: 0.05 each is 1.96 * (0.05 + 0.05 / 1.3) where one side rose by 30 %."""
    name = "texture.roughness_250_500um"

    def at(left: float) -> dict[tuple[str, str], Told]:
        return dict(told(name, side, change, 0.05) for side, change in (("left", left), ("right", 0.0)))

    assert not sided(at(0.17), SIDES, "")
    (one,) = sided(at(0.3), SIDES, "")
    assert one.figures[f"{name}.left.difference"] == pytest.approx(0.3)
    assert one.figures[f"{name}.left.smallest_detectable_difference"] == pytest.approx(
        math.expm1(1.96 * (0.05 + 0.05 / 1.3)), rel=0.02
    )
    assert "differ by 30" in one.told


def test_both_sides_alike_within_error_or_refused_are_not_marked() -> None:
    alike = dict([told("redness.a_star", "left", 4.0, 0.3), told("redness.a_star", "right", 3.0, 0.3)])
    assert not sided(alike, SIDES, "")  # beyond error, but under half of the larger
    small = dict([told("redness.a_star", "left", 0.9, 0.5), told("redness.a_star", "right", -0.9, 0.5)])
    assert not sided(small, SIDES, "")  # neither side changed
    key, (line, step) = told("redness.a_star", "left", 3.0, 0.5)
    refused = Step(*[math.nan] * 5, "not_comparable", "dark")
    assert not sided(dict([(key, (line, refused)), told("redness.a_star", "right", 0.0, 0.5)]), SIDES, "")
    assert not sided({key: (line, step)}, SIDES, "")


def test_where_nothing_differs_few_visits_are_marked_even_if_the_sides_err_independently() -> None:
    """4 measures of 3 pairs: 5 % of visits together; three standard errors of 600 visits are 2.7 %."""
    draw = np.random.default_rng(4)
    sides = [(f"left_{n}", f"right_{n}") for n in "abc"]
    raised = 0
    for _ in range(600):
        at = dict(
            told(measure, region, 0.02 * draw.standard_normal(), 0.02)
            for measure in MEASURES
            for region in chain(*sides)
        )
        raised += bool(sided(at, sides, ""))
    assert raised / 600 < 0.05 + 0.027

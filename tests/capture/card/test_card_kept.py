"""Camera and lamp left as they were: both photos by one correction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skinscan.arrays.colour import lab
from skinscan.capture.card.correction import correct
from skinscan.capture.card.difference import change_uncertainty
from skinscan.capture.card.kept import Seen, by_one_correction, find_trace
from skinscan.records import Colour
from tests.capture.card.patches import EVERYWHERE, Scene

BASE = Scene("Fujifilm X-T4", "D65", "III")
DRIFTED = replace(BASE, seed=10, balance=(1.03 * 1.004, 1.0, 0.97 * 0.997), exposure=0.8 * 0.992)
"""A lamp that is 0.8 % weaker and a trace redder."""
OTHERS = {
    "balanced": replace(BASE, seed=11, balance=(0.95, 1.0, 1.06), exposure=0.6),
    "lamp": replace(BASE, seed=12, lamp="LED_B1"),
    "camera": replace(BASE, seed=13, camera="Nikon D5100"),
    "wide file": replace(BASE, seed=14, p3=True),
}


def seen(scene: Scene) -> Seen:
    photo = scene.photo()
    done = correct(photo, scene.sighting(), EVERYWHERE, cross_polarised=True)
    return Seen(photo, done.photo, done.colour, EVERYWHERE)


def a_star(rgb: np.ndarray) -> float:
    return float(lab(rgb)[1])


def middle(one: Seen) -> np.ndarray:
    return one.corrected.linear_rgb().reshape(-1, 3).mean(0, dtype=np.float64)


def change_and_doubt(before: Seen, after: Seen) -> tuple[float, float]:
    one, other = middle(before), middle(after)
    return a_star(other) - a_star(one), change_uncertainty(a_star, one, other, before.colour, after.colour)


@pytest.fixture(scope="module")
def first() -> Seen:
    return seen(BASE)


def test_the_noise_of_two_corrections_cancels(first: Seen) -> None:
    """Rms over six photos by noise alone: at most half of what corrections apart leave, and as large as is said."""
    again = [seen(replace(BASE, seed=seed)) for seed in range(20, 26)]
    apart = [change_and_doubt(first, one)[0] for one in again]
    tied = [change_and_doubt(*by_one_correction(first, one)) for one in again]
    changes, doubts = np.array(tied).T
    assert np.sqrt(np.mean(changes**2)) < 0.5 * np.sqrt(np.mean(np.square(apart)))
    assert np.sqrt(np.mean((changes / doubts) ** 2)) < 1.6


def test_a_lamp_that_drifts_is_followed(first: Seen) -> None:
    """Taken for the same it would look like a change of 0.3 of a*."""
    drifted = seen(DRIFTED)
    unseen = replace(drifted, corrected=replace(drifted.as_taken, lut=first.corrected.lut.copy(),
                                                matrix=first.corrected.matrix.copy()))  # fmt: skip
    change, doubt = change_and_doubt(*by_one_correction(first, drifted))
    trace = find_trace(first, drifted)
    assert trace is not None
    assert np.linalg.det(trace.mixing) ** (1 / 3) == pytest.approx(0.992, abs=0.004)
    assert abs(change) < 2.5 * doubt < 0.3
    assert abs(change) < 0.5 * abs(a_star(middle(unseen)) - a_star(middle(first)))


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_trace_keeps_its_own_correction(first: Seen, name: str) -> None:
    other = seen(OTHERS[name])
    assert find_trace(first, other) is None
    before, after = by_one_correction(first, other)
    assert before is first
    assert after is other


def test_without_readings_nothing_is_tied(first: Seen) -> None:
    bare = replace(first, colour=Colour())
    assert find_trace(first, bare) is None
    assert find_trace(first, replace(first, colour=replace(first.colour, readings=None))) is None

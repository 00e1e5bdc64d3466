"""The bars of goals.md for colour with a card, held on a small fixed sample; docs/colour.md has the whole study.

Cameras, lamps and skins are drawn by seeds that no constant was chosen on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skinscan.arrays.colour import ciede2000, lab
from skinscan.capture.card import kept
from skinscan.capture.card.difference import change_uncertainty
from skinscan.study.card_accuracy import LAMPS, SETUPS, TONES, Job, Visit, cameras, drawn_camera, second_visit, visit

SEEDS = range(640_000, 640_006)


def job(at: int, gloss: float = 0.0) -> Job:
    kinds = cameras()
    camera = drawn_camera(SEEDS[at], LAMPS[(5 * at + 1) % len(LAMPS)], kinds[(4 * at + 1) % len(kinds)], gloss)
    return Job(SEEDS[at], TONES[at], camera)


def de00(one: Visit) -> float:
    return float(ciede2000(lab(one.mean_rgb(one.seen)), one.truth))


@pytest.fixture(scope="module")
def matte() -> list[Visit]:
    return [visit(job(at)) for at in range(len(TONES))]


def test_skin_is_within_one_de00(matte: list[Visit]) -> None:
    """The bar is a mean of 1.0; the study finds 0.4, and a mean of six scatters by 0.08."""
    errors = [de00(one) for one in matte if one.state == "card"]
    assert len(errors) >= 5
    assert np.mean(errors) < 0.7
    assert max(errors) < 2.2


def test_no_tone_is_far_worse_than_another(matte: list[Visit]) -> None:
    """Of the same relative error of light CIELAB shows (L* + 16) / 3: 1.9 times as much on tone I as on VI. By that
    each error is held to the others; 3 is what two photos of one tone may differ by."""
    relative = [de00(one) / (one.truth[0] + 16) for one in matte if one.state == "card"]
    assert max(relative) < 3 * float(np.median(relative))


def a_star(rgb: np.ndarray) -> float:
    return float(lab(rgb)[1])


def test_the_same_set_up_shows_the_same_a_star(matte: list[Visit]) -> None:
    """The bar is 0.08 rms; the study finds 0.02. The stated uncertainty is as large as the errors, within what the rms
    of six may be off (a factor of 1.7 at 99 %)."""
    errors, doubts = [], []
    for at, first in enumerate(matte):
        camera = second_visit(job(at).camera, SETUPS[0], SEEDS[at] + 5000)
        second = visit(replace(job(at), camera=camera))
        before, after = kept.by_one_correction(first.seen, second.seen)
        one, other = first.mean_rgb(before), second.mean_rgb(after)
        errors.append((a_star(other) - second.truth[1]) - (a_star(one) - first.truth[1]))
        doubts.append(change_uncertainty(a_star, one, other, before.colour, after.colour))
    assert np.sqrt(np.mean(np.square(errors))) < 0.05
    assert np.sqrt(np.mean(np.square(np.divide(errors, doubts)))) < 1.7

"""The light on the skin against the light on the card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skinscan.capture.card import evenness
from tests.capture.card.patches import SIDE, Scene

SCENE = Scene(curve="srgb", grain=0.5)
PITCH = 6.0
CORNER = np.array([[PITCH, 0, 8.0], [0, PITCH, 8.0], [0, 0, 1.0]])
"""A card in the upper left of the photo; the skin below and beside it."""


def lit(fall: float, bowl: float = 0.0) -> tuple[evenness.Step, float]:
    """The step found, and the true one, in light that rises by `fall` from the middle of the photo to its right side
    and falls by `bowl` towards its corners."""
    photo = SCENE.photo()
    y, x = (np.mgrid[0:SIDE, 0:SIDE] - (SIDE - 1) / 2) / (SIDE / 2)
    surface = fall * x - bowl * (x * x + y * y) / 2
    codes = SCENE.codes(SCENE.skin(), np.exp(surface)[..., None]) * 255
    photo = replace(photo, pixels=np.clip(np.rint(codes), 0, 255).astype(np.uint8))
    skin = np.ones((SIDE, SIDE), bool)
    skin[:45, :60] = False
    places = np.stack([np.arange(24) % 6, np.arange(24) // 6], -1) * PITCH + 8.0
    at = np.rint(places).astype(int)
    light = surface[at[:, 1], at[:, 0]]
    middle = surface[np.rint(1.5 * PITCH + 8).astype(int), np.rint(2.5 * PITCH + 8).astype(int)]
    step = evenness.light_step(photo, photo.lut, np.eye(3), skin, CORNER, light - middle)
    return step, float(surface[skin].mean() - middle)


@pytest.mark.parametrize(("fall", "bowl"), [(0.0, 0.0), (0.1, 0.0), (-0.1, 0.0), (0.05, 0.08), (0.0, 0.10)])
def test_the_step_from_card_to_skin_is_found(fall: float, bowl: float) -> None:
    """10 % are 2 to 3 of L*; a fifth of the step and 1 % are left, which the uncertainty holds."""
    step, true = lit(fall, bowl)
    assert step.log == pytest.approx(true, abs=0.01 + 0.2 * abs(true))
    assert abs(step.log - true) < 2 * step.spread


def test_a_larger_step_is_less_certain() -> None:
    assert lit(0.3)[0].spread > lit(0.0)[0].spread >= evenness.UNKNOWN


def test_without_skin_the_light_is_the_cards() -> None:
    photo = SCENE.photo()
    step = evenness.light_step(photo, photo.lut, np.eye(3), np.zeros((SIDE, SIDE), bool), CORNER, np.zeros(24))
    assert step == evenness.Step()


def test_dark_and_unused_patches_tell_nothing() -> None:
    bright, seen = np.full((24, 3), 0.2), np.full((24, 3), 0.1)
    used = np.ones((24, 3), bool)
    used[3] = False
    bright[4] = 0.001
    light = evenness.patch_light(bright, seen, used)
    assert np.isnan(light[3:5]).all()
    assert light[0] == pytest.approx(np.log(2))

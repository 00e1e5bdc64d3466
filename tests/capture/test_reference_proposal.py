"""A reference is proposed where both photos show one, and never on the skin under judgement."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from skinscan.capture.frame import make_frame
from skinscan.capture.reference_proposal import propose_reference
from skinscan.capture.registration.register import register
from skinscan.phantom import Camera, Props, SkinRecipe, make_skin, photograph
from tests.capture.skin_photos import photo_of

CHEEK = [(130, 100), (270, 100), (270, 220), (130, 220)]
WALL, PATCH, NOTHING = (
    Props(skin_ellipse_mm=(10.5, 12.5), background=0.35),
    Props(grey_mm=7, grey_at_mm=(7.5, 7.5)),
    Props(),
)
BALANCE, EXPOSURE = (1.15, 1.0, 0.85), -0.4


@cache
def pair(tone, props, judged=True):
    skin = make_skin(SkinRecipe(seed=4, tone=tone, width_mm=34, height_mm=34), 38.0)
    camera = Camera(px_per_mm=15, size_px=(400, 400), sensitivities=3)
    again = replace(camera, white_balance=BALANCE, exposure_ev=EXPOSURE, rotation_deg=4.0, seed=3)
    before = make_frame(photo_of(photograph(skin, camera, props).pixels), regions={"cheek": CHEEK} if judged else None)
    after = make_frame(photo_of(photograph(skin, again, props).pixels))
    found = register(before, after)
    assert found.ok
    return before, after, found


@pytest.mark.parametrize("tone", ["II", "VI"])
@pytest.mark.parametrize("props", [WALL, PATCH], ids=["wall", "patch"])
def test_a_neutral_surface_comes_first_and_tells_the_lamp(tone, props):
    proposals = propose_reference(*pair(tone, props))
    best = proposals[0]
    assert best.kind == "neutral"
    assert best.trust > 0.5
    true = 2.0**-EXPOSURE / np.array(BALANCE)
    off = np.log(np.array(best.gains) / true)
    # the sensor's channels are told from sRGB by one camera's matrix for all: 2 % (its own least error)
    assert np.abs(off).max() < 3 * best.gain_spread
    assert np.abs(off).max() < 0.04


@pytest.mark.parametrize("tone", ["II", "VI"])
def test_without_one_it_is_skin_beside_what_is_judged(tone):
    before, after, found = pair(tone, NOTHING)
    proposals = propose_reference(before, after, found)
    assert proposals
    cheek = before.regions["cheek"]
    for proposal in proposals:
        assert proposal.kind == "skin"
        assert "if it was not treated" in proposal.why
        (left, top), (right, bottom) = (
            proposal.polygon.min(axis=0).astype(int),
            proposal.polygon.max(axis=0).astype(int),
        )
        assert not cheek[max(top, 0) : bottom + 1, max(left, 0) : right + 1].any()
        assert proposal.trust < 0.6
    assert [p.trust for p in proposals] == sorted((p.trust for p in proposals), reverse=True)


def test_where_all_skin_is_judged_none_of_it_is_proposed():
    assert propose_reference(*pair("II", NOTHING, judged=False)) == []


def test_another_towel_is_no_reference():
    """The wall turned blue: what it says of the lamp, the skin contradicts."""
    before, after, found = pair("II", WALL)
    pixels = after.photo.pixels.copy()
    beside = ~after.regions["skin"]
    pixels[beside] = (pixels[beside] * np.array([0.6, 0.8, 1.2])).clip(0, 250).astype(np.uint8)
    painted = replace(after, photo=replace(after.photo, pixels=pixels))
    assert all(proposal.kind == "skin" for proposal in propose_reference(before, painted, found))


def test_unregistered_photos_have_no_reference():
    before, after, found = pair("II", WALL)
    assert propose_reference(before, after, replace(found, ok=False)) == []

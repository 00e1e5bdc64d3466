"""Pigmented area against the spots that were drawn."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from skinscan.assessment import cells_in
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures import Sample, all_measures
from skinscan.measures.maps import Maps
from skinscan.phantom import Camera, SkinRecipe, make_skin, photograph, write_shot
from skinscan.phantom.photograph import map_to_photo
from skinscan.records import SKIN, Flag

MOTTLED = SkinRecipe(seed=702, width_mm=26, height_mm=26, spot_strength=1.0)


@cache
def seen(tone: str, spots: int) -> tuple[Maps, float]:
    """Maps of a photo, and the true share of it in % where spots add a quarter of melanin or more."""
    recipe = replace(MOTTLED, tone=tone, spots=spots)  # type: ignore[arg-type]
    skin, bare = make_skin(recipe, 35.0), make_skin(replace(recipe, spots=0), 35.0)
    shot = photograph(skin, Camera(px_per_mm=18, size_px=(420, 420), seed=5))
    with TemporaryDirectory() as folder:
        frame = make_frame(read_photo(write_shot(shot, Path(folder) / "photo.jpg")), mm_per_px=1 / 18, face=False)
    more = map_to_photo(np.asarray(skin.melanin / bare.melanin - 1, np.float32), skin, shot.truth)
    return Maps(frame), 100 * float(np.mean(more > 0.25))


def sample(maps: Maps, carried: object = None) -> Sample:
    evaluate = all_measures()["pigment.spot_area"].evaluate
    assert evaluate is not None
    return evaluate(maps, cells_in(maps, SKIN), carried)  # type: ignore[arg-type]


@pytest.mark.parametrize("tone", ["I", "II", "III", "IV"])
def test_spots_add_their_area_to_what_mottling_has(tone: str) -> None:
    """To 40 %: a faint spot's rim lies under the threshold, and spots raise the threshold a little."""
    (clear, _), (spotted, truth) = seen(tone, 0), seen(tone, 18)
    assert truth > 5
    assert sample(spotted).value - sample(clear).value == pytest.approx(truth, rel=0.4)


@pytest.mark.parametrize("tone", ["I", "III", "V"])
def test_spots_that_fade_are_told_by_the_carried_threshold(tone: str) -> None:
    """On tone V the white of the surface hides half of them, but not the direction."""
    spotted, truth = seen(tone, 18)
    before = sample(spotted)
    after = sample(seen(tone, 0)[0], before.carried)
    faded = before.value - after.value
    assert 0.15 * truth < faded < 1.4 * truth
    assert Flag.RELATIVE in [n.flag for n in after.notices]
    assert Flag.WITHIN_PHOTO in [n.flag for n in before.notices]


def test_on_the_darkest_skin_it_says_that_it_cannot() -> None:
    assert Flag.OUT_OF_MODEL in [n.flag for n in sample(seen("VI", 18)[0]).notices]


def test_where_most_is_pigmented_it_says_that_the_area_is_understated() -> None:
    recipe = replace(MOTTLED, tone="II", spots=0, mottling=0.3)
    skin = make_skin(recipe, 35.0)
    across = np.linspace(-1, 1, skin.melanin.shape[1], dtype=np.float32)
    grid = skin.melanin * (1 + np.exp(-(((across + 0.3) / 0.35) ** 2)))
    shot = photograph(replace(skin, melanin=grid, cache={}), Camera(px_per_mm=18, size_px=(420, 420), seed=5))
    with TemporaryDirectory() as folder:
        frame = make_frame(read_photo(write_shot(shot, Path(folder) / "photo.jpg")), mm_per_px=1 / 18, face=False)
    told = " ".join(notice.detail for notice in sample(Maps(frame)).notices)
    assert "much of the region may be pigmented" in told

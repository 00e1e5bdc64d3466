"""A scalp that was combed anew is compared by its view, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.registration.by_view import match
from skinscan.capture.registration.register import register
from skinscan.comparison import compare_frames
from skinscan.phantom import Camera, photograph, write_shot
from skinscan.phantom.scalp import ScalpRecipe, make_scalp
from skinscan.records import Flag, Frame

PX_PER_MM, SIDE_PX = 14.0, 420
FULL = ScalpRecipe(
    seed=5, tone="III", melanin=5.0, width_mm=40, height_mm=40, density_per_cm2=160, part_mm=3.0, part_angle_deg=88
)


@cache
def seen(recipe: ScalpRecipe, site: str = "scalp", scaled: bool = True, baseline: bool = False) -> Frame:
    shot = photograph(
        make_scalp(recipe, 45.0).skin,
        Camera(px_per_mm=PX_PER_MM, size_px=(SIDE_PX, SIDE_PX), seed=recipe.combing, gloss=0.5),
    )
    with TemporaryDirectory() as folder:
        photo = read_photo(write_shot(shot, Path(folder) / "scalp.jpg"))
    square = [(20, 20), (SIDE_PX - 20, 20), (SIDE_PX - 20, SIDE_PX - 20), (20, SIDE_PX - 20)]
    return make_frame(
        photo,
        mm_per_px=1 / PX_PER_MM if scaled else None,
        regions={"scalp_part": square} if baseline else None,
        site=site,
        face=False,
    )


@pytest.mark.parametrize(("thinner", "verdict"), [(0.0, "within_error"), (0.75, "worsened")])
def test_hair_that_was_combed_anew_is_compared(thinner: float, verdict: str) -> None:
    """The same head on another day, and the same head with a third of its hair and half of each side of the part."""
    later = replace(FULL, combing=3, density_per_cm2=160 * (1 - thinner), thinning=thinner)
    comparison = compare_frames(seen(FULL, baseline=True), seen(later), evidence=False)
    assert comparison.registration is not None
    assert comparison.registration.by_view
    assert Flag.MATCHED_BY_VIEW in [notice.flag for notice in comparison.notices]
    told = {change.measure: change for change in comparison.changes if change.region == "scalp_part"}
    assert told["hair.coverage"].verdict == verdict, told["hair.coverage"]
    others = [change for name, change in told.items() if not name.startswith("hair.")]
    assert {change.verdict for change in others} == {"not_comparable"}


def test_without_a_size_of_its_own_only_a_stated_stand_lets_it_be() -> None:
    before, after = seen(FULL, baseline=True), seen(replace(FULL, combing=3), scaled=False)
    found = match(before, after)
    assert not found.ok or not found.by_view
    if not found.ok:
        assert "sticker" in found.notices[0].text
    assert match(before, after, same_setup=True).ok


def test_skin_elsewhere_is_never_matched_by_its_view() -> None:
    before, after = seen(FULL, "", baseline=True), seen(replace(FULL, combing=3), "")
    assert match(before, after).ok == register(before, after).ok
    assert not match(before, after).by_view

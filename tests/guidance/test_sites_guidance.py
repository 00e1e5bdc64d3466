"""Guidance on what is no face: a thigh under raking light, an abdomen, a parted scalp."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from skinscan.capture.photo import read_photo
from skinscan.guidance import advise
from skinscan.guidance.nouns import Guidance
from skinscan.phantom import Camera, SkinRecipe, make_skin, photograph, write_shot
from skinscan.phantom.scalp import ScalpRecipe, make_scalp
from skinscan.phantom.skin import Skin
from skinscan.records import Photo

FACE_TALK = ("face", "head", "cheek", "eye", "iris", "brow")
RAKING = Camera(px_per_mm=5, size_px=(500, 500), elevation_deg=15, dome=0.15, gloss=0.5, gradient=0.8)
SQUARE = [(20, 20), (480, 20), (480, 480), (20, 480)]


def taken(skin: Skin, camera: Camera) -> Photo:
    with TemporaryDirectory() as folder:
        return read_photo(write_shot(photograph(skin, camera), Path(folder) / "site.jpg"))


@cache
def thigh() -> Photo:
    recipe = SkinRecipe(
        seed=3, width_mm=108, height_mm=108, dimples_um=300, hairs=0, vellus=0, pore_density_per_cm2=0
    )  # fmt: skip
    return taken(make_skin(recipe, 120.0), RAKING)


@cache
def scalp() -> Photo:
    made = make_scalp(ScalpRecipe(seed=4, tone="III", melanin=6.0, width_mm=38, height_mm=38), 45.0)
    return taken(made.skin, Camera(px_per_mm=14, size_px=(500, 500), gloss=0.5))


def words(told: Guidance) -> str:
    return " ".join([*told.sentences, *(one.text for one in told.advice)]).lower()


def verdicts(told: Guidance, region: str) -> dict[str, str]:
    return {o.family: o.verdict for o in told.outlooks if o.region == region}


def test_a_thigh_from_afar_is_advised_without_a_word_of_faces() -> None:
    for more in ({}, {"mm_per_px": 0.2, "regions": {"left_thigh": SQUARE}}):
        settings: dict[str, Any] = more
        told = words(advise(thigh(), **settings))
        assert not any(word in told.split() for word in FACE_TALK), told
        assert "hair" not in told
        assert "dimple" not in told


def test_under_stated_raking_light_the_fall_of_light_is_no_fault_of_dimples() -> None:
    told = advise(thigh(), mm_per_px=0.2, raking_light=True, regions={"left_thigh": SQUARE})
    assert verdicts(told, "left_thigh")["dimples"] == "good"
    assert "hair" not in verdicts(told, "left_thigh")
    assert "light it from both sides" not in words(told)


def test_a_parted_scalp_is_good_for_hair() -> None:
    region = [(15, 15), (485, 15), (485, 485), (15, 485)]
    told = advise(scalp(), mm_per_px=1 / 14, regions={"scalp_part": region}, wanted=["hair"])
    assert verdicts(told, "scalp_part") == {"hair": "good"}
    assert told.sentences[0] == "Good for hair."


def test_hair_from_too_far_is_told_in_its_own_terms() -> None:
    region = [(15, 15), (485, 15), (485, 485), (15, 485)]
    told = advise(scalp(), mm_per_px=0.12, regions={"scalp_part": region}, wanted=["hair"])
    assert verdicts(told, "scalp_part") == {"hair": "cannot"}
    assert "120 µm/px, 85 needed for strands of hair" in words(told)
    assert "pores" not in words(told)


def test_who_asks_for_hair_of_bare_skin_is_told_where_it_is_measured() -> None:
    told = advise(thigh(), mm_per_px=0.2, wanted=["hair"])
    assert told.verdict == "cannot"
    assert "draw a region on the scalp" in words(told)

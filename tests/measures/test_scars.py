"""Scars of phantoms: found where they are, not made of macules, redness and pores, and refused where they cannot be."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from skinscan.arrays.cells import cells_of
from skinscan.assessment import cells_in
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures import all_measures
from skinscan.measures.maps import Maps
from skinscan.measures.scars import found_marks
from skinscan.phantom import Camera, Shot, SkinRecipe, make_skin, map_to_photo, photograph, write_shot
from skinscan.records import Flag, Scale

PX_PER_MM = 14.0
CAMERA = Camera(px_per_mm=PX_PER_MM, size_px=(336, 336), elevation_deg=42, dome=0.4, seed=2)
SKIN = SkinRecipe(seed=901, tone="III", width_mm=29, height_mm=29, spots=4, redness_patches=2, redness_strength=0.5)
SCARRED = replace(SKIN, scars=9, scar_depth_um=450.0)
AREA, CONTRAST = (all_measures()[f"scars.{name}"] for name in ("area", "contrast"))


def maps_of(recipe: SkinRecipe, folder, camera: Camera = CAMERA) -> tuple[Maps, Shot, float]:  # type: ignore[no-untyped-def]
    """Maps of a photo of a skin, the photo, and the true scarred area in it in %."""
    shot = photograph(make_skin(recipe, 45.0), camera)
    photo = read_photo(write_shot(shot, folder / f"{recipe.seed}-{recipe.scars}-{camera.seed}.jpg"))
    return Maps(make_frame(photo, mm_per_px=1 / PX_PER_MM, face=False, card="none")), shot, shot.truth.scar_area_percent


def value(maps: Maps, measure=AREA, carried=None) -> float:  # type: ignore[no-untyped-def]
    return measure.evaluate(maps, cells_in(maps, "skin"), carried).value


@pytest.fixture(scope="module")
def scarred(tmp_path_factory: pytest.TempPathFactory) -> tuple[Maps, Shot, float]:
    return maps_of(SCARRED, tmp_path_factory.mktemp("scars"))


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> tuple[Maps, Shot, float]:
    return maps_of(SKIN, tmp_path_factory.mktemp("clear"))


def test_scars_are_found_where_they_are(scarred: tuple[Maps, Shot, float]) -> None:
    """More than half of what is marked is scar: by chance it would be the 7 % that scars cover."""
    maps, shot, _ = scarred
    found = found_marks(maps)
    skin = make_skin(SCARRED, 45.0)
    truth = map_to_photo(skin.scarred, skin, shot.truth)[maps.box]
    step = maps.measured.shape[0] // found.chance.shape[0]
    there = truth[step // 2 :: step, step // 2 :: step] > 0.5
    marked = (found.marks.labels > 0)[: there.shape[0], : there.shape[1]]
    assert (marked & there).sum() > 0.5 * marked.sum()


def test_skin_without_scars_has_hardly_any(clear: tuple[Maps, Shot, float], scarred: tuple[Maps, Shot, float]) -> None:
    """Macules, redness, pores and hairs are no scars: under 1 % of the skin, a quarter of what scarred skin has."""
    assert value(clear[0]) < min(1.0, 0.25 * value(scarred[0]))


def test_the_scarred_area_of_known_marks(scarred: tuple[Maps, Shot, float]) -> None:
    """The number is the share of the region's pixels that lie in marks, whatever is found: counted here by hand."""
    maps = scarred[0]
    found = found_marks(maps)
    half = np.zeros(maps.measured.shape, bool)
    half[:, : half.shape[1] // 2] = True
    cells = cells_of(half & maps.measured, 1)
    inside = found.marks.labels[cells.on(found.chance).labels > 0] > 0
    assert AREA.evaluate is not None
    assert AREA.evaluate(maps, cells, None).value == pytest.approx(100 * inside.mean())


def test_the_scatter_is_carried(scarred: tuple[Maps, Shot, float]) -> None:
    """Held against its own scatter again the same photo shows the same; against ten times the scatter, no scar."""
    maps = scarred[0]
    assert AREA.evaluate is not None
    first = AREA.evaluate(maps, cells_in(maps, "skin"), None)
    assert value(maps, carried=first.carried) == first.value
    assert value(maps, carried={name: 10 * sd for name, sd in first.carried.items()}) < 0.2 * first.value


def test_scars_stand_out_and_a_skin_without_them_has_no_contrast_of_them(
    scarred: tuple[Maps, Shot, float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert 0.3 < value(scarred[0], CONTRAST) < 20
    sparse = replace(SKIN, spots=0, redness_patches=0, hairs=0, lines=0, mottling=0.3, seed=5)
    smooth, _, _ = maps_of(sparse, tmp_path_factory.mktemp("smooth"))
    assert CONTRAST.evaluate is not None
    found = CONTRAST.evaluate(smooth, cells_in(smooth, "skin"), None)
    if value(smooth) == 0:
        assert math.isnan(found.value)
        assert [notice.flag for notice in found.notices] == [Flag.UNDEFINED]


@pytest.mark.parametrize(
    ("mm_per_px", "flag"), [(None, Flag.NO_SCALE), (0.5, Flag.TOO_FAR), (0.02, Flag.REGION_TOO_SMALL)]
)
def test_what_cannot_show_a_scar_is_refused(
    clear: tuple[Maps, Shot, float], mm_per_px: float | None, flag: Flag
) -> None:
    scale = None if mm_per_px is None else Scale(mm_per_px, mm_per_px / 100, "given")
    other = Maps(replace(clear[0].frame, scale=scale))
    for measure in (AREA, CONTRAST):
        assert measure.evaluate is not None
        found = measure.evaluate(other, cells_in(other, "skin"), None)
        assert math.isnan(found.value)
        assert [notice.flag for notice in found.notices] == [flag]

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.registration.register import register
from skinscan.measures.maps import Maps
from skinscan.measures.new_marks import NewMarks, _chance, new_parallel_marks
from skinscan.phantom import Camera, Skin, SkinRecipe, TracksRecipe, make_skin, photograph, write_shot
from skinscan.records import Flag, Frame, Registration

PX_PER_MM = 18.0
BEFORE = Camera(px_per_mm=PX_PER_MM, size_px=(440, 440), seed=1)
AFTER = replace(BEFORE, rotation_deg=6.0, shift_mm=(1.0, -0.7), exposure_ev=0.2, azimuth_deg=240.0, seed=2)
RECIPE = SkinRecipe(seed=4, tone="III", width_mm=33, height_mm=33, hairs=3)


def frame(folder: Path, skin: Skin, camera: Camera) -> Frame:
    shot = photograph(skin, camera)
    photo = read_photo(write_shot(shot, folder / f"photo{camera.seed}.jpg"))
    return make_frame(photo, mm_per_px=1 / PX_PER_MM)


def pair(
    folder: Path, later: SkinRecipe | Skin, camera: Camera = AFTER, first: SkinRecipe = RECIPE
) -> tuple[Maps, Maps, Registration]:
    skins = [make_skin(s, 31.0) if isinstance(s, SkinRecipe) else s for s in (first, later)]
    before, after = (frame(folder, skin, c) for skin, c in zip(skins, (BEFORE, camera), strict=True))
    registration = register(before, after)
    assert registration.ok
    return Maps(before), Maps(after), registration


def found(folder: Path, later: SkinRecipe | Skin, camera: Camera = AFTER, first: SkinRecipe = RECIPE) -> NewMarks:
    return new_parallel_marks(*pair(folder, later, camera, first))


@pytest.mark.parametrize(("blood", "depth_um"), [(1.5, 0.0), (0.4, 80.0)])
def test_a_row_of_new_marks_is_told_with_its_direction_and_spacing(
    blood: float, depth_um: float, tmp_path: Path
) -> None:
    """Reddened or scratched, 2.5 mm apart at 65 degrees."""
    tracks = TracksRecipe(seed=7, count=4, spacing_mm=2.5, direction_deg=65.0, blood=blood, depth_um=depth_um)
    told = found(tmp_path, replace(RECIPE, tracks=tracks))
    assert 3 <= len(told.parallel) <= 5
    assert told.direction_deg == pytest.approx(65.0, abs=4.0)
    assert told.spacing_mm == pytest.approx(2.5, rel=0.15)
    assert told.strength > 3
    assert told.chance < 0.05
    assert {mark.kind for mark in told.parallel} == ({"redder", "darker"} & {m.kind for m in told.parallel})
    for mark in told.parallel:
        assert mark.length_mm >= 4
        assert ((mark.path > 0) & (mark.path < 440)).all()


def test_lines_at_random_are_new_but_not_parallel(tmp_path: Path) -> None:
    tracks = TracksRecipe(seed=3, count=6, spread_deg=90.0, depth_um=80.0)
    told = found(tmp_path, replace(RECIPE, tracks=tracks))
    assert told.parallel == ()
    assert len(told.others) >= 3
    assert math.isnan(told.direction_deg)


def test_the_same_wrinkles_in_other_light_are_not_new(tmp_path: Path) -> None:
    wrinkled = replace(RECIPE, lines=6, line_depth_um=150.0)
    moved = replace(AFTER, azimuth_deg=290.0, elevation_deg=42.0)
    assert found(tmp_path, wrinkled, moved, first=wrinkled).parallel == ()


def test_furrows_alone_make_no_marks(tmp_path: Path) -> None:
    rough = replace(RECIPE, roughness_scale=1.5)
    told = found(tmp_path, rough, first=rough)
    assert told.parallel == ()
    assert len(told.others) <= 1
    assert told.searched_cm2 == pytest.approx(5.0, rel=0.2)


def test_hairs_fallen_across_side_by_side_are_no_marks(tmp_path: Path) -> None:
    skin = make_skin(RECIPE, 31.0)
    cover = skin.hair.copy()
    for off in (-5, -2, 1, 4):
        a, b = (np.array([s * 6, off + s]) / skin.grid.mm + np.array(skin.grid.shape[::-1]) / 2 for s in (-1, 1))
        line = np.zeros(skin.grid.shape, np.uint8)
        cv2.line(line, a.astype(int).tolist(), b.astype(int).tolist(), 230, 2, cv2.LINE_AA)
        np.maximum(cover, line.astype(np.float32) / 255, out=cover)
    assert found(tmp_path, replace(skin, hair=cover, cache={})).parallel == ()


def test_marks_that_were_there_before_are_not_new(tmp_path: Path) -> None:
    marked = replace(RECIPE, tracks=TracksRecipe(seed=7, blood=1.2, depth_um=60.0))
    assert found(tmp_path, marked, first=marked).parallel == ()


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    before, after, registration = pair(tmp_path, RECIPE)
    lost = new_parallel_marks(before, after, replace(registration, ok=False))
    assert lost.refused is not None
    assert lost.refused.flag == Flag.NOT_REGISTERED
    bare = new_parallel_marks(before, Maps(replace(after.frame, scale=None)), registration)
    assert bare.refused is not None
    assert bare.refused.flag == Flag.NO_SCALE


@pytest.mark.parametrize(("count", "total"), [(3, 3), (3, 6), (4, 8)])
def test_the_chance_bounds_what_random_lines_do(count: int, total: int) -> None:
    draw = np.random.default_rng(0)
    angles = draw.uniform(0, 180, (4000, total))
    apart = np.abs((angles[:, :, None] - angles[:, None, :] + 90) % 180 - 90) <= 8.0
    share = float((apart.sum(2).max(1) >= count).mean())
    assert share <= _chance(count, total) + 0.01
    assert _chance(count, total) <= max(4 * share, 0.05)  # a bound, and not an empty one

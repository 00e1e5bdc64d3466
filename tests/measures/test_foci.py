"""New red foci: found where they came, not made of redness, light, white balance or a registration that is off."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures import foci
from skinscan.measures.maps import Maps
from skinscan.phantom import Camera, Shot, SkinRecipe, change, make_skin, photograph, write_shot
from skinscan.records import Flag, Registration

PX_PER_MM = 16.0
CAMERA = Camera(px_per_mm=PX_PER_MM, size_px=(300, 300), seed=4)
SKIN = SkinRecipe(seed=611, tone="III", width_mm=24, height_mm=24, redness_patches=1, redness_strength=0.4, hairs=3)
LATER = replace(
    CAMERA,
    seed=9,
    azimuth_deg=240.0,
    exposure_ev=0.3,
    white_balance=(1.06, 1.0, 0.95),
    jpeg_quality=85,
    rotation_deg=3.0,
)


@cache
def taken(recipe: SkinRecipe, camera: Camera) -> tuple[Maps, Shot]:
    shot = photograph(make_skin(recipe, 40.0), camera)
    with TemporaryDirectory() as folder:
        photo = read_photo(write_shot(shot, Path(folder) / "photo.jpg"))
    return Maps(make_frame(photo, mm_per_px=1 / PX_PER_MM, face=False, card="none")), shot


def registered(first: Shot, second: Shot, off_px: float = 0.0) -> Registration:
    """The true registration of two shots, or one that is off along x."""
    there = np.array([[1, 0, off_px], [0, 1, 0], [0, 0, 1.0]]) @ first.truth.homography_to(second.truth)
    return Registration(True, there, np.zeros((0, 0, 2), np.float32), 1, 100, 0.3, 1.0, 1.0, 0.0, False, 0.9, 0.02)


def found(after: SkinRecipe, camera: Camera = LATER, off_px: float = 0.0, before: SkinRecipe = SKIN) -> foci.Foci:
    (first, shot), (second, later) = taken(before, CAMERA), taken(after, camera)
    return foci.new_foci(first, second, registered(shot, later, off_px))


def test_new_foci_are_found_where_they_came() -> None:
    """All of those wholly in view; centres to half a radius, diameters to the spacing of the radii looked for (26 %)
    and as much again for what light spreads under the skin."""
    papules = replace(SKIN, foci=14, focus_strength=2.0, focus_diameter_mm=(0.9, 3.5))
    told = found(papules)
    _, shot = taken(papules, LATER)
    at = shot.truth.to_photo(np.array([(focus.x_mm, focus.y_mm) for focus in shot.truth.foci]))
    seen = [
        (place, focus)
        for place, focus in zip(at, shot.truth.foci, strict=True)
        if (place > 2.5 * PX_PER_MM).all() and (place < 300 - 2.5 * PX_PER_MM).all()
    ]
    assert len(seen) >= 3
    for place, focus in seen:
        away = np.hypot(told.after_x_px - place[0], told.after_y_px - place[1]) / PX_PER_MM
        nearest = int(away.argmin())
        assert away[nearest] < focus.diameter_mm / 4 + 0.1
        assert told.diameter_mm[nearest] == pytest.approx(focus.diameter_mm, rel=0.55)
        assert told.strength[nearest] > 0.01
        assert told.strength_sd[nearest] >= foci.LEAST_RED_SD
    assert told.count["skin"] == len(told) == len(told.region)


@pytest.mark.parametrize(
    ("what", "after", "off_px"),
    [
        ("the same skin in another light", SKIN, 0.0),
        ("all of it redder", change(SKIN, blood=0.3), 0.0),
        ("its redness stronger", change(SKIN, redness=0.8), 0.0),
        ("registration off by a pixel", SKIN, 1.0),
        ("other hairs", change(SKIN, hairs=7), 0.0),
        ("darker macules", change(SKIN, spot=0.6), 0.0),
    ],
)
def test_what_is_no_new_focus_is_not_one(what: str, after: SkinRecipe, off_px: float) -> None:
    told = found(after, off_px=off_px)
    assert len(told) == 0, what
    assert told.notices == ()
    assert told.searched_mm2 > 200


def test_foci_that_were_there_before_are_not_new() -> None:
    """In other light and white balance, and a third stronger."""
    before = replace(SKIN, foci=7, focus_strength=1.5)
    assert len(found(before, before=before)) == 0
    assert len(found(replace(before, focus_strength=2.0), before=before)) == 0


def test_a_disc_of_known_contrast_tells_its_diameter_and_strength() -> None:
    """Made by hand on noise of 0.002: a disc of 0.1, 2 mm across, on pixels of 0.1 mm."""
    rise = np.random.default_rng(3).normal(0, 0.002, (200, 200)).astype(np.float32)
    rows, columns = np.indices(rise.shape)
    rise[np.hypot(rows - 90, columns - 110) <= 10] += 0.1
    peaks = foci._peaks(rise, np.zeros_like(rise), np.ones(rise.shape, bool), 0.1)
    best = int(np.argmax(peaks.contrast))
    assert (peaks.row[best], peaks.column[best]) == (90, 110)
    assert 2 * foci.RADII_MM[peaks.radius[best]] == pytest.approx(2.0, rel=0.14)
    assert peaks.contrast[best] == pytest.approx(0.1, rel=0.08)


def test_what_cannot_be_looked_for_says_why() -> None:
    first, shot = taken(SKIN, CAMERA)
    lost = replace(registered(shot, shot), ok=False)
    for maps, registration, flag in (
        (first, lost, Flag.NOT_REGISTERED),
        (Maps(replace(first.frame, scale=None)), registered(shot, shot), Flag.NO_SCALE),
        (
            Maps(replace(first.frame, photo=replace(first.frame.photo, is_grey=True))),
            registered(shot, shot),
            Flag.NO_COLOUR,
        ),
    ):
        told = foci.new_foci(maps, first, registration)
        assert len(told) == 0
        assert [notice.flag for notice in told.notices] == [flag]

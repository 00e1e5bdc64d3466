"""Gloss is told from the fine structure of skin: pits are dark, peaks are what the surface mirrors."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from skinscan.capture.blur import tiles_of
from skinscan.capture.gloss import GLOSSY, Peaks, find_peaks
from skinscan.capture.quality import measure_quality
from skinscan.capture.skin.usable import find_usable
from skinscan.records import Flag, Notice, Photo
from tests.capture.skin_photos import TONES, skin_photo

LAMP = {
    "azimuth_deg": 60.0,
    "elevation_deg": 72.0,
    "dome": 0.4,
    "jpeg_quality": 90,
    "px_per_mm": 14.0,
    "size_px": (320, 320),
}
"""A lamp 18 degrees beside the lens, where level skin mirrors it."""


def relief(depth: float, height: float) -> np.ndarray:
    """Log-luminance with 200 pits and 200 peaks of 1.5 px, and faint noise."""
    draw = np.random.default_rng(3)
    points = np.zeros((256, 256), np.float32)
    for size in (-depth, height):
        points[tuple(draw.integers(0, 256, (2, 200)))] += size
    return cv2.GaussianBlur(points, (0, 0), 1.5) * 14 + draw.normal(0, 0.01, points.shape).astype(np.float32)


def test_pits_are_no_gloss_and_peaks_are() -> None:
    matte, shining = find_peaks([relief(0.5, 0.05)]), find_peaks([relief(0.1, 0.5)])
    assert matte.dark > 2 * matte.bright
    assert shining.bright > 2 * shining.dark
    assert matte.gloss < GLOSSY < shining.gloss


def test_even_light_on_it_changes_nothing() -> None:
    tile = relief(0.4, 0.2)
    slope = np.linspace(-0.5, 0.5, 256, dtype=np.float32)[:, None]
    there, here = find_peaks([tile]), find_peaks([tile + slope - 1.0])
    assert here.gloss == pytest.approx(there.gloss, rel=0.05)


def test_without_skin_nothing_is_known() -> None:
    assert math.isnan(find_peaks([]).gloss)
    assert math.isnan(find_peaks([np.zeros((9, 9), np.float32)]).gloss)
    assert math.isnan(Peaks(0.1, 0.0).gloss)


def test_noise_is_not_taken_for_gloss() -> None:
    peaks = Peaks(0.2, 0.2)
    assert peaks.tell_gloss(0.02)
    assert not peaks.tell_gloss(0.15)
    assert not peaks.tell_gloss(math.nan)


def gloss_notices(photo: Photo) -> list[Notice]:
    skin = np.ones(photo.shape, np.bool_)
    _, notices = measure_quality(photo, skin, find_usable(photo, skin), None)
    return [notice for notice in notices if notice.flag == Flag.GLOSS]


def test_skin_that_shines_is_told_and_matte_skin_is_not() -> None:
    """goals.md: gloss is flagged. Of each tone one skin, oily and cross-polarised: 5 of 6 told, at most 1 in error."""
    told = {
        gloss: [bool(gloss_notices(skin_photo(tone, 77, gloss=gloss, **LAMP))) for tone in TONES] for gloss in (0, 2.5)
    }
    assert sum(told[2.5]) >= 5
    assert sum(told[0]) <= 1


def test_the_notice_says_how_strong_and_what_to_do() -> None:
    photo = skin_photo("V", 77, gloss=3.0, **LAMP)
    (notice,) = gloss_notices(photo)
    peak = math.expm1(find_peaks(tiles_of(photo, find_usable(photo, np.ones(photo.shape, np.bool_)).mask)).bright)
    assert f"{peak:.0%}" in notice.detail
    assert "polarisers" in notice.detail


def test_gloss_is_told_and_does_not_grade_the_photo() -> None:
    photo = skin_photo("V", 77, gloss=3.0, **LAMP)
    skin = np.ones(photo.shape, np.bool_)
    quality, notices = measure_quality(photo, skin, find_usable(photo, skin), None)
    others = [notice for notice in notices if notice.flag != Flag.GLOSS]
    assert quality.verdict == ("usable" if others else "good")

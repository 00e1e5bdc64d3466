"""Relief of dimples against the heights that were made."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from scipy.stats import spearmanr

from skinscan.assessment import cells_in
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures import Sample, all_measures
from skinscan.measures.maps import Maps
from skinscan.phantom import Camera, SkinRecipe, make_skin, photograph, write_shot
from skinscan.records import Flag, Frame

PX_PER_MM, SIDE_PX = 6.0, 300
RAKING = Camera(
    px_per_mm=PX_PER_MM, size_px=(SIDE_PX, SIDE_PX), elevation_deg=15, azimuth_deg=200, dome=0.15, gloss=0.5
)


@cache
def frame_of(seed: int, tone: str, dimples_um: float, camera: Camera = RAKING, stated: bool = True) -> Frame:
    recipe = SkinRecipe(
        seed=seed, tone=tone, width_mm=58, height_mm=58, dimples_um=dimples_um, hairs=0, vellus=0,
        pore_density_per_cm2=0,
    )  # type: ignore[arg-type]  # fmt: skip
    skin = make_skin(recipe, 100.0)
    with TemporaryDirectory() as folder:
        photo = read_photo(write_shot(photograph(skin, camera), Path(folder) / "thigh.jpg"))
    return make_frame(photo, mm_per_px=1 / PX_PER_MM, raking_light=stated, face=False)


def sample(frame: Frame, carried: dict[str, float] | None = None) -> Sample:
    maps = Maps(frame)
    evaluate = all_measures()["dimples.relief_2_20mm"].evaluate
    assert evaluate is not None
    return evaluate(maps, cells_in(maps, "skin"), carried)


def flags(found: Sample) -> list[Flag]:
    assert math.isnan(found.value)
    return [notice.flag for notice in found.notices]


@pytest.mark.parametrize("tone", ["II", "VI"])
def test_deeper_dimples_read_as_more_relief(tone: str) -> None:
    """The bar: Spearman .95 against the true heights, under one light, over two skins."""
    heights = [80.0, 160.0, 300.0, 500.0]
    told = [(um, sample(frame_of(seed, tone, um)).value) for seed in (5, 6) for um in heights]
    assert spearmanr(*np.transpose(told))[0] >= 0.95


def test_the_lamps_fall_off_leaves_no_trace() -> None:
    """A fall of 60 % across the picture is not relief: under 3 % of the number."""
    even, falling = (
        sample(frame_of(5, "II", 300.0, replace(RAKING, gradient=gradient))).value for gradient in (0.0, 0.6)
    )
    assert falling == pytest.approx(even, rel=0.03)


def test_relief_of_a_known_wave() -> None:
    """Analytic: a Gaussian with cut-off c passes 2^-(c / wavelength)^2 of a wave (ISO 16610-21); a band is two."""
    frame = frame_of(5, "II", 300.0)
    wave = Maps(frame)
    x = np.arange(wave.measured.shape[1]) / PX_PER_MM
    ripple = 0.1 * math.sqrt(2) * np.sin(2 * np.pi * x / 6.0)
    wave.__dict__["log_luminance"] = np.tile(ripple, (wave.measured.shape[0], 1)).astype(np.float32)
    evaluate = all_measures()["dimples.relief_2_20mm"].evaluate
    assert evaluate is not None
    passed = 2 ** -((2 / 6) ** 2) - 2 ** -((20 / 6) ** 2)
    found = evaluate(wave, cells_in(wave, "skin"), None)
    assert found.value == pytest.approx(0.1 * passed, rel=0.03)  # the region's edges cut waves
    assert found.carried["direction_deg"] % 180 == pytest.approx(0.0, abs=1.0)


def test_the_direction_of_the_lamp_is_told() -> None:
    assert sample(frame_of(5, "II", 300.0)).carried["direction_deg"] == pytest.approx(200 - 180, abs=10)


def test_without_a_statement_nothing_is_told() -> None:
    assert flags(sample(frame_of(5, "II", 300.0, stated=False))) == [Flag.NOT_APPLICABLE]


def test_light_from_all_sides_is_not_taken_for_raking() -> None:
    overhead = replace(RAKING, elevation_deg=85, dome=0.6)
    assert flags(sample(frame_of(5, "II", 300.0, overhead))) == [Flag.NOT_RAKING]


def test_light_from_another_side_than_in_the_baseline_is_refused() -> None:
    frame = frame_of(5, "II", 300.0)
    direction = sample(frame).carried["direction_deg"]
    assert not math.isnan(sample(frame, {"direction_deg": (direction + 15) % 180}).value)
    assert flags(sample(frame, {"direction_deg": (direction + 90) % 180})) == [Flag.NOT_RAKING]


def test_a_small_region_and_no_scale_are_refused() -> None:
    frame = frame_of(5, "II", 300.0)
    side = 30 * PX_PER_MM
    small = make_frame(
        frame.photo, mm_per_px=1 / PX_PER_MM, raking_light=True, face=False,
        regions={"thigh_left": [(9, 9), (9 + side, 9), (9 + side, 9 + side), (9, 9 + side)]},
    )  # fmt: skip
    maps = Maps(small)
    evaluate = all_measures()["dimples.relief_2_20mm"].evaluate
    assert evaluate is not None
    assert flags(evaluate(maps, cells_in(maps, "thigh_left"), None)) == [Flag.REGION_TOO_SMALL_FOR_BAND]
    assert flags(sample(replace(frame, scale=None))) == [Flag.NO_SCALE]

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from skinscan.assessment import cells_in
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures import all_measures
from skinscan.measures.bands import find_striae
from skinscan.measures.maps import Maps
from skinscan.measures.striae import striae_map
from skinscan.phantom import Camera, Shot, SkinRecipe, StriaeRecipe, make_skin, photograph, write_shot
from skinscan.records import Flag

PX_PER_MM = 8.0
SIDE_PX = 480
RUBRA = StriaeRecipe(seed=3, count=4, blood=0.9, length_mm=(22.0, 34.0))
ALBA = replace(RUBRA, blood=-0.4, melanin=-0.35)


def sample(maps: Maps, measure: str):  # type: ignore[no-untyped-def]
    evaluate = all_measures()[f"striae.{measure}"].evaluate
    assert evaluate is not None
    return evaluate(maps, cells_in(maps, "skin"), None)


def seen(folder: Path, striae: StriaeRecipe | None, **recipe: object) -> tuple[Maps, Shot]:
    side = SIDE_PX / PX_PER_MM + 3
    about = SkinRecipe(width_mm=side, height_mm=side, striae=striae, **recipe)  # type: ignore[arg-type]
    shot = photograph(make_skin(about, 70.0), Camera(px_per_mm=PX_PER_MM, size_px=(SIDE_PX, SIDE_PX), seed=5))
    path = write_shot(shot, folder / "photo.jpg")
    return Maps(make_frame(read_photo(path), mm_per_px=1 / PX_PER_MM, site="thigh")), shot


def dense(path: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = np.arange(0.0, along[-1], 0.5)
    return np.stack([np.interp(at, along, path[:, axis]) for axis in (0, 1)], 1)


@pytest.mark.parametrize(("tone", "striae"), [("I", RUBRA), ("III", RUBRA), ("II", ALBA), ("V", ALBA), ("VI", ALBA)])
def test_marks_are_found_where_they_are(tone: str, striae: StriaeRecipe, tmp_path: Path) -> None:
    """Within 1 mm of their middle, nearly nothing else, and two thirds of their length: they fade to their ends."""
    maps, shot = seen(tmp_path, striae, seed=8, tone=tone)
    found = np.concatenate([dense(mark.path) for mark in find_striae(maps)]) + maps.origin_xy
    true = np.concatenate([dense(shot.truth.to_photo(np.array(mark.path_mm))) for mark in shot.truth.striae])
    assert np.mean(cKDTree(true).query(found)[0] <= PX_PER_MM) >= 0.9
    assert np.mean(cKDTree(found).query(true)[0] <= PX_PER_MM) >= 0.65


def test_the_sign_tells_young_marks_from_old(tmp_path: Path) -> None:
    young, _ = seen(tmp_path, RUBRA, seed=9, tone="II")
    old, _ = seen(tmp_path, ALBA, seed=9, tone="II")
    assert sample(young, "contrast_redness").value > 0.5
    assert sample(young, "contrast_lightness").value < -1
    assert sample(old, "contrast_redness").value < 0
    assert sample(old, "contrast_lightness").value > 1


def drawn(maps: Maps, width_mm: float, lightness: float, angle_rad: float) -> Maps:
    """The same frame, its colour one straight band across even skin of L* 65, a* 12, b* 18."""
    shown = Maps(maps.frame)
    lab = np.zeros_like(maps.smooth_lab) + np.array([65.0, 12.0, 18.0], np.float32)
    height, width = lab.shape[:2]
    step = maps.measured.shape[0] / height / PX_PER_MM
    y, x = np.mgrid[:height, :width] - np.array([height / 2, width / 2])[:, None, None]
    far = np.abs(-x * math.sin(angle_rad) + y * math.cos(angle_rad)) * step
    lab[..., 0] += np.float32(lightness) * np.clip((width_mm / 2 - far) / step + 0.5, 0, 1)
    shown.__dict__["_smoothed"] = (lab, np.zeros((height, width), np.float32))
    return shown


@pytest.mark.parametrize(("width_mm", "degrees"), [(2.0, 0.0), (3.0, 30.0), (5.0, 60.0)])
def test_length_width_and_colour_of_a_known_band(maps_of_body: Maps, width_mm: float, degrees: float) -> None:
    """Analytic: a square is crossed over a / max(|cos|, |sin|), less a rim of 1 mm at both ends. dE00 of two colours
    that differ in L* alone is |dL*| / S_L, S_L = 1 + 0.015 (L - 50)^2 / sqrt(20 + (L - 50)^2) (Sharma 2005)."""
    angle = math.radians(degrees)
    shown = drawn(maps_of_body, width_mm, 6.0, angle)
    side_mm = SIDE_PX / PX_PER_MM - 2
    length_mm = side_mm / max(abs(math.cos(angle)), abs(math.sin(angle)))
    assert sample(shown, "length_density").value == pytest.approx(length_mm / (side_mm / 10) ** 2, rel=0.04)
    assert sample(shown, "width_mm").value == pytest.approx(width_mm, rel=0.1)
    off = 65.0 + 3.0 - 50
    s_l = 1 + 0.015 * off**2 / math.sqrt(20 + off**2)
    assert sample(shown, "contrast_de00").value == pytest.approx(6.0 / s_l, rel=0.03)
    assert sample(shown, "contrast_lightness").value == pytest.approx(6.0, rel=0.03)
    assert sample(shown, "contrast_redness").value == pytest.approx(0.0, abs=0.05)


@pytest.fixture(scope="module")
def maps_of_body(tmp_path_factory: pytest.TempPathFactory) -> Maps:
    return seen(tmp_path_factory.mktemp("body"), None, seed=10, tone="III")[0]


def test_skin_without_marks_has_none(maps_of_body: Maps, tmp_path: Path) -> None:
    """Mottled, spotted, reddened and hairy skin."""
    for maps in (maps_of_body, seen(tmp_path, None, seed=12, tone="V", mottling=1.4, spots=8, hairs=8)[0]):
        told = sample(maps, "length_density")
        if math.isnan(told.value):  # on dark skin that red marks were not found says little
            assert maps.typical_ita < 10
            assert [notice.flag for notice in told.notices] == [Flag.FEW_FOUND]
        else:
            assert told.value <= 0.25  # one stray of 9 mm on 36 cm2
        if not find_striae(maps):
            few = sample(maps, "width_mm")
            assert math.isnan(few.value)
            assert few.notices[0].flag == Flag.FEW_FOUND


def test_the_map_shows_the_marks(tmp_path: Path) -> None:
    maps, _ = seen(tmp_path, ALBA, seed=9, tone="II")
    picture = striae_map(maps)
    mark = find_striae(maps)[0]
    x, y = np.rint(mark.path[len(mark.path) // 2]).astype(int)
    assert picture[y, x] == pytest.approx(float(np.median(mark.along["de00"])), rel=0.5)
    assert 0 < np.mean(np.nan_to_num(picture) > 0) < 0.25


def test_a_face_and_a_scrap_of_skin_are_refused(maps_of_body: Maps) -> None:
    for site in ("", "face", "scalp"):
        frame = maps_of_body.frame
        elsewhere = Maps(replace(frame, recipe={**frame.recipe, "site": site}))
        assert sample(elsewhere, "length_density").notices[0].flag == Flag.NOT_APPLICABLE
    small = make_frame(maps_of_body.frame.photo, mm_per_px=1 / 60, site="thigh")
    assert sample(Maps(small), "length_density").notices[0].flag == Flag.REGION_TOO_SMALL

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from skinscan.arrays.pits import Pits
from skinscan.assessment import assess_frame, cells_in, rescaled
from skinscan.measures import all_measures
from skinscan.measures import pores as module
from skinscan.measures.maps import Maps
from skinscan.phantom import Shot
from skinscan.records import Flag
from skinscan.study.scoring import match, score


def sample(maps: Maps, measure: str, carried: dict[str, float] | None = None):  # type: ignore[no-untyped-def]
    evaluate = all_measures()[measure].evaluate
    assert evaluate is not None
    return evaluate(maps, cells_in(maps, "skin"), carried)


def planted(maps: Maps, diameters_um: list[float]) -> Maps:
    """The same frame with a catalogue of known pores in it."""
    n = len(diameters_um)
    x = np.linspace(100, 500, n)
    ones = np.ones(n)
    pits = Pits(x, np.full(n, 300.0), np.array(diameters_um) / maps.um_per_px, 0.2 * ones, 1.5 * ones, ones, 0.1 * ones,
                0.02 * ones, ones, ones)  # fmt: skip
    known = Maps(maps.frame)
    known.once("pores", lambda: pits)
    return known


SIZES = [120.0, 149.0] + [160.0 + 10 * i for i in range(25)]


def test_numbers_of_known_pores(maps: Maps) -> None:
    """27 pores planted, two of them under the floor of 150 um: every number by hand."""
    known, counted = planted(maps, SIZES), np.array(SIZES[2:])
    area_cm2 = maps.frame.regions["skin"].sum() * (maps.um_per_px / 1e4) ** 2
    assert sample(known, "pores.density").value == pytest.approx(25 / area_cm2)
    assert sample(known, "pores.area").value == pytest.approx(100 * np.sum(np.pi / 4 * (counted / 1e4) ** 2) / area_cm2)
    assert sample(known, "pores.diameter_p50").value == pytest.approx(np.median(counted))
    assert sample(known, "pores.diameter_p10").value == pytest.approx(np.percentile(counted, 10))
    assert sample(known, "pores.visible_share").value == pytest.approx(100 * np.mean(counted >= 250))
    assert sample(known, "pores.elongation").value == pytest.approx(1.5)


def test_too_few_pores_have_no_percentiles(maps: Maps) -> None:
    known = planted(maps, [200.0] * 6)
    assert sample(known, "pores.diameter_p50").value == pytest.approx(200)
    tail = sample(known, "pores.diameter_p90")
    assert math.isnan(tail.value)
    assert [n.flag for n in tail.notices] == [Flag.FEW_PORES]


def test_no_pore_is_a_density_of_zero(maps: Maps) -> None:
    known = planted(maps, [])
    assert sample(known, "pores.density").value == 0
    assert sample(known, "pores.area").value == 0


@pytest.mark.parametrize(("blur_px", "floor"), [(0.0, 150.0), (0.6, 250.0)])
def test_the_floor_follows_the_effective_resolution(maps: Maps, blur_px: float, floor: float) -> None:
    """At 40 um/px a sharp photo counts from 150 um; one resolving 50-80 um/px from 250 um, and says so."""
    effective = 45.0 if blur_px == 0 else 60.0
    frame = replace(maps.frame, quality=replace(maps.frame.quality, effective_um_per_px=effective))
    known = planted(Maps(frame), SIZES)
    found = sample(known, "pores.density")
    assert module.floor_um(known) == floor
    assert found.n == sum(size >= floor for size in SIZES)
    assert (Flag.PORES_250_ONLY in [n.flag for n in found.notices]) == (floor == 250.0)


def test_a_photo_from_too_far_is_refused_in_its_own_scale(maps: Maps) -> None:
    frame = replace(maps.frame, quality=replace(maps.frame.quality, effective_um_per_px=95.0))
    found = sample(Maps(frame), "pores.area")
    assert math.isnan(found.value)
    assert found.notices[0].flag == Flag.TOO_FAR
    assert "95 um/px" in found.notices[0].text
    assert "50 needed" in found.notices[0].text


def test_a_blurred_photo_is_refused(maps: Maps) -> None:
    frame = replace(maps.frame, quality=replace(maps.frame.quality, blur_px=2.3))
    (notice,) = sample(Maps(frame), "pores.area").notices
    assert notice.flag == Flag.BLURRED
    assert "2.3 px" in notice.text


def test_a_photo_whose_sharpness_is_unknown_is_refused(maps: Maps) -> None:
    frame = replace(maps.frame, quality=replace(maps.frame.quality, blur_px=math.nan, effective_um_per_px=None))
    assert math.isnan(sample(Maps(frame), "pores.area").value)


def test_two_photos_are_read_from_the_floor_of_the_coarser(maps: Maps) -> None:
    known = planted(Maps(maps.frame), SIZES)
    known.coarser_um_per_px = 60.0
    assert sample(known, "pores.density").n == sum(size >= 250 for size in SIZES)


def test_pores_of_a_phantom_are_found_and_sized(maps: Maps, shot: Shot) -> None:
    """One ordinary close-up of tone III at 40 um/px; the full table by tone and resolution is docs/results.md."""
    pores = assess_frame(maps, evidence=False).pores
    assert pores is not None
    truth, seen = shot.truth, shot.truth.pore_visible
    found = score(
        np.stack([pores.x_px, pores.y_px], 1), pores.diameter_um, np.stack([truth.pore_x_px, truth.pore_y_px], 1)[seen],
        truth.pores.diameter_um[seen], maps.um_per_px,
    )  # fmt: skip
    assert found.true > 100
    assert found.f1 > 0.85
    assert abs(found.diameter_bias) < 0.05


def test_scale_only_names_the_diameters_anew(maps: Maps) -> None:
    """The same pixels at half the scale hold the same pits at half the size."""
    pits = module.candidates(maps)
    half = rescaled(maps.frame, replace(maps.frame.scale, mm_per_px=maps.frame.scale.mm_per_px / 1.1))  # type: ignore[union-attr, type-var]
    again = module.candidates(Maps(half))
    pairs = match(np.stack([again.x, again.y], 1), again.diameter, np.stack([pits.x, pits.y], 1))
    strong = pits.contrast[pairs[:, 1]] > 0.15
    assert np.median(again.diameter[pairs[strong, 0]] / pits.diameter[pairs[strong, 1]]) == pytest.approx(1, abs=0.02)


def test_without_a_blur_or_a_resolution_nothing_passes_for_a_pore(maps: Maps) -> None:
    """Pores are refused before; should they be asked for all the same, no sharpness is made up for them."""
    unknown = Maps(replace(maps.frame, quality=replace(maps.frame.quality, blur_px=math.nan, effective_um_per_px=None)))
    assert module.pores_refused(unknown) is not None
    assert len(module.find_pores(unknown)) == 0


def tilted(maps: Maps, gradient: float) -> Maps:
    """The same frame with a plane whose pixels grow along x, of the frame's scale in the middle of the photo."""
    assert maps.frame.scale is not None
    middle = maps.frame.shape[1] / 2
    row = np.array([-gradient, 0.0, 1.0 + gradient * middle])
    matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], row])
    # mm/px = sqrt(det) / w^1.5, and w is 1 in the middle
    matrix[:2] *= maps.frame.scale.mm_per_px / math.sqrt(abs(np.linalg.det(matrix)))
    scale = replace(maps.frame.scale, plane=tuple(matrix.ravel().tolist()))
    return Maps(replace(maps.frame, scale=scale))


def test_where_a_plane_is_known_pores_are_sized_by_the_pixels_they_lie_on(maps: Maps) -> None:
    """A gradient of 2e-4 a px is a tilt of 30 degrees at 30 px/mm: 30 % from side to side of 1000 px."""
    level, steep = Maps(maps.frame), tilted(maps, 2e-4)
    x = np.array([0.0, 320.0, 639.0])
    left = steep.origin_xy[0]
    expected = maps.um_per_px * (1 - 2e-4 * (x + left - 320.0)) ** -1.5
    assert steep.um_per_px_at(x, np.zeros(3)) == pytest.approx(expected)
    assert level.um_per_px_at(x, np.zeros(3)) == pytest.approx(maps.um_per_px)
    one, other = module.find_pores(level), module.find_pores(steep)
    ratio = steep.um_per_px_at(one.x, one.y) / maps.um_per_px
    assert other.diameter == pytest.approx(one.diameter * ratio)
    assert np.ptp(ratio) > 0.1


def test_where_a_plane_is_known_areas_hold_the_size_of_their_pixels(maps: Maps) -> None:
    steep = planted(tilted(maps, 2e-4), SIZES)
    rows, columns = np.nonzero(maps.frame.regions["skin"])
    scale = steep.frame.scale
    assert scale is not None
    area_cm2 = np.sum(scale.mm_per_px_at(columns, rows) ** 2) / 100
    assert sample(steep, "pores.density").value == pytest.approx(25 / area_cm2, rel=0.001)
    area = 100 * np.sum(np.pi / 4 * (np.array(SIZES[2:]) / 1e4) ** 2) / area_cm2
    assert sample(steep, "pores.area").value == pytest.approx(area, rel=0.001)

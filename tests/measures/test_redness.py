from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from skinscan.arrays import colour
from skinscan.arrays.cells import cells_of
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures import all_measures
from skinscan.measures.maps import Maps, chromophores_of
from skinscan.phantom import (
    Camera,
    SkinRecipe,
    light,
    make_skin,
    map_to_photo,
    optics,
    photograph,
    write_shot,
)
from skinscan.records import Flag

TONES = list(optics.MELANIN)


def flat_maps(
    folder: Path, rgb8: tuple[int, int, int], patch: tuple[int, int, int] | None = None, ramp: int = 0
) -> Maps:
    """A photo of one colour, with a square of another in its middle; green rising by +-`ramp` counts across it.

    Without any scatter every pixel above the median would be an outlier.
    """
    pixels = np.empty((400, 400, 3), np.uint8)
    pixels[:] = rgb8
    if patch is not None:
        pixels[150:250, 150:250] = patch
    pixels[..., 1] += np.rint(np.linspace(-ramp, ramp, 400)).astype(np.int8).view(np.uint8)
    path = folder / "flat.png"
    assert cv2.imwrite(str(path), pixels[..., ::-1])
    return Maps(make_frame(read_photo(path), regions={"all": [(0, 0), (399, 0), (399, 399), (0, 399)]}))


def value(maps: Maps, measure: str, carried: dict[str, float] | None = None) -> float:
    mask = maps.frame.regions["all"][maps.box]
    evaluate = all_measures()[measure].evaluate
    assert evaluate is not None
    return evaluate(maps, cells_of(mask.astype(np.int32), 1), carried).value


def test_a_star_and_erythema_index_of_a_known_colour(tmp_path: Path) -> None:
    """sRGB (200, 150, 130): a* 16.057 by colour-science 0.4.7; linear R 0.57758, G 0.30499."""
    maps = flat_maps(tmp_path, (200, 150, 130))
    assert value(maps, "redness.a_star") == pytest.approx(16.057, abs=0.005)
    assert value(maps, "redness.erythema_index") == pytest.approx(math.log10(0.57758 / 0.30499), abs=1e-4)


@pytest.mark.parametrize("tone", TONES)
def test_more_blood_reads_as_more_redness(tone: str) -> None:
    """Redness rises with blood on every tone, haemoglobin at least half as strongly on V as on I."""
    fractions = np.array([0.015, 0.025, 0.035, 0.05])
    rgb = np.array([light.linear_srgb(optics.reflectance(optics.MELANIN[tone], b)) for b in fractions])  # type: ignore[index]
    density = colour.optical_density(rgb)
    assert (np.diff(chromophores_of(density)[:, 1]) > 0).all()
    assert (np.diff(density[:, 1] - density[:, 0]) > 0).all()


@pytest.mark.parametrize("tone", TONES[:5])
def test_blood_moves_melanin_by_less_than_a_tenth(tone: str) -> None:
    """goals.md: a change in one moves the other by under 10 % of its own effect. Tone VI: see docs/results.md."""
    melanin = optics.MELANIN[tone]  # type: ignore[index]
    base, blood, more = (
        chromophores_of(colour.optical_density(light.linear_srgb(optics.reflectance(m, b))))
        for m, b in ((melanin, 0.025), (melanin, 0.03125), (melanin * 1.25, 0.025))
    )
    assert abs(blood[0] - base[0]) < 0.1 * abs(blood[1] - base[1])
    assert abs(more[1] - base[1]) < 0.1 * abs(more[0] - base[0])


def test_exposure_does_not_move_the_pigments() -> None:
    rgb = light.linear_srgb(optics.reflectance(0.036, 0.025))
    first, second = (chromophores_of(colour.optical_density(rgb * gain)) for gain in (1.0, 0.4))
    assert np.abs(first - second).max() < 1e-5


def test_the_reddened_area_is_the_redder_patch(tmp_path: Path) -> None:
    """A patch of 1/16 of the photo, much redder than the rest: 6.25 %, the averaged edge some 0.2 % beside it."""
    maps = flat_maps(tmp_path, (200, 150, 130), (205, 130, 118), ramp=4)
    assert value(maps, "redness.area") == pytest.approx(6.25, abs=0.5)


def test_the_threshold_is_carried(tmp_path: Path) -> None:
    """Held against a higher threshold the same photo shows no reddened area."""
    maps = flat_maps(tmp_path, (200, 150, 130), (205, 130, 118))
    assert value(maps, "redness.area", {"threshold": 9.0, "height": 9.0}) == 0.0


def test_a_single_photo_says_that_its_threshold_is_its_own(tmp_path: Path) -> None:
    maps = flat_maps(tmp_path, (200, 150, 130), (205, 130, 118))
    cells = cells_of(maps.frame.regions["all"][maps.box].astype(np.int32), 1)
    evaluate = all_measures()["redness.area"].evaluate
    assert evaluate is not None
    assert [n.flag for n in evaluate(maps, cells, None).notices] == [Flag.WITHIN_PHOTO]


def test_a_grey_photo_has_no_redness(tmp_path: Path) -> None:
    maps = flat_maps(tmp_path, (150, 150, 150))
    for measure in ("redness.a_star", "redness.erythema_index", "redness.haemoglobin", "redness.area"):
        assert math.isnan(value(maps, measure))


@pytest.mark.parametrize(("rgb8", "told"), [((210, 170, 145), False), ((160, 112, 84), False), ((70, 46, 36), True)])
def test_on_the_darkest_skin_melanin_and_blood_are_said_not_to_be_told_apart(
    tmp_path: Path, rgb8: tuple[int, int, int], told: bool
) -> None:
    maps = flat_maps(tmp_path, rgb8, ramp=2)
    cells = cells_of(maps.frame.regions["all"][maps.box].astype(np.int32), 1)
    for name in ("redness.haemoglobin", "pigment.melanin"):
        evaluate = all_measures()[name].evaluate
        assert evaluate is not None
        found = evaluate(maps, cells, None)
        assert math.isfinite(found.value)
        assert (Flag.OUT_OF_MODEL in [n.flag for n in found.notices]) == told
    for name in ("redness.a_star", "redness.erythema_index"):
        evaluate = all_measures()[name].evaluate
        assert evaluate is not None
        assert evaluate(maps, cells, None).notices == ()


def flushed(folder: Path, share: float) -> tuple[Maps, float]:
    """A phantom with an even flush of soft border over about a share of its left; and the true share in %."""
    skin = make_skin(SkinRecipe(seed=803, tone="II", width_mm=26, height_mm=26, redness_patches=0), 50.0)
    x, _ = skin.grid.axes()
    inside = 1 / (1 + np.exp((x - np.quantile(x, share)) / 0.8))
    rise = np.broadcast_to(np.exp(np.log1p(0.7) * inside).astype(np.float32), skin.blood.shape)
    redder = replace(skin, blood=np.asarray(skin.blood * rise), cache={})
    shot = photograph(redder, Camera(px_per_mm=10, size_px=(230, 230), seed=3))
    photo = read_photo(write_shot(shot, folder / f"flush-{share}.jpg"))
    regions = {
        "all": [(0, 0), (229, 0), (229, 229), (0, 229)],
        "untreated": [(170, 20), (228, 20), (228, 210), (170, 210)],
    }
    named = make_frame(photo, mm_per_px=0.1, regions=regions, reference="untreated", card="none", face=False)
    seen = map_to_photo(np.broadcast_to(inside, skin.blood.shape).astype(np.float32), skin, shot.truth)
    return Maps(named), 100 * float((seen > 0.5).mean())


def test_a_flush_over_much_of_the_region_needs_untreated_skin_to_be_told_by(tmp_path: Path) -> None:
    """By its own threshold the region's redness is its background: half the region red reads as less than a fifth of
    that, and the notice says so. By untreated skin it is told to a fifth: the border is soft, and 2 SD up."""
    maps, truth = flushed(tmp_path, 0.45)
    cells = cells_of(maps.frame.regions["all"][maps.box].astype(np.int32), 1)
    evaluate = all_measures()["redness.area"].evaluate
    assert evaluate is not None
    assert evaluate(maps, cells, None).value == pytest.approx(truth, rel=0.2)
    alone = Maps(replace(maps.frame, reference_mask=None))
    told = evaluate(alone, cells, None)
    assert told.value < 0.2 * truth
    assert "understates" in told.notices[-1].detail
    even, _ = flushed(tmp_path, 0.0)
    assert "understates" not in evaluate(Maps(replace(even.frame, reference_mask=None)), cells, None).notices[-1].detail

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from skinscan import accuracy
from skinscan.arrays import colour
from skinscan.environment import data_path
from skinscan.measures import all_measures
from skinscan.phantom import Camera, SkinRecipe, light, make_skin, optics, photograph
from skinscan.study import pore_accuracy
from skinscan.study.colour_accuracy import OF_DIFFERENCE
from skinscan.study.pairs import LAMPS

MEASURES = json.loads(data_path("datasets", "study", "pore_accuracy.json").read_text())["measures"]


def test_every_pore_number_of_one_photo_is_held_against_the_truth() -> None:
    single = {m.name for m in all_measures().values() if m.family == "pores" and m.evaluate is not None}
    assert set(MEASURES) == single
    assert accuracy.of_pores("texture.anisotropy", 30.0, 33.0, 100) is None


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_fewer_pores_and_an_unknown_tone_are_never_more_certain(measure: str) -> None:
    many, few = (accuracy.of_pores(measure, 30.0, 33.0, count) for count in (800, 12))
    assert many is not None
    assert few is not None
    assert 0 < many <= few
    unknown = accuracy.of_pores(measure, math.nan, 33.0, 800)
    assert unknown is not None
    for ita in (65.0, 30.0, -10.0, -55.0):
        known = accuracy.of_pores(measure, ita, 33.0, 800)
        assert known is not None
        assert unknown >= 0.97 * known


def test_a_coarser_photo_is_less_certain_of_its_pores() -> None:
    for measure in ("pores.density", "pores.area"):
        sharp, coarse = (accuracy.of_pores(measure, 30.0, um_per_px, 300) for um_per_px in (30.0, 60.0))
        assert sharp is not None
        assert coarse is not None
        assert sharp < coarse


def test_lamp_and_camera_make_an_error_in_every_colour() -> None:
    for measure in all_measures().values():
        if measure.needs_colour:
            assert accuracy.of_colour(measure.name) > 0


def test_another_lamp_bears_on_every_colour_that_a_grey_ties_and_an_unknown_tone_is_no_surer() -> None:
    for measure in all_measures().values():
        tones = [accuracy.of_another_lamp(measure.name, ita) for ita in (90.0, 60.0, 20.0, -48.0, -90.0)]
        share = accuracy.of_another_lamp_on_contrast(measure.name)
        if measure.needs_colour or measure.name in ("redness.area", "pigment.spot_area"):
            assert min(tones) > 0
            assert 0 < share < 0.5
            assert accuracy.of_another_lamp(measure.name, math.nan) >= max(tones)
        else:
            assert max(tones) == 0
            assert (share > 0) == (measure.name in OF_DIFFERENCE)


@pytest.mark.parametrize("tone", ["I", "III", "V", "VI"])
def test_what_another_lamp_does_holds_for_cameras_that_it_was_not_derived_from(tone: str) -> None:
    """Cameras of drawn lobes, the study's being measured ones: 95 % of changes of a* within 1.96 SD, give or take."""
    a_star = all_measures()["redness.a_star"].of_colour
    assert a_star is not None
    skin = optics.reflectance(optics.MELANIN[tone], 0.025)  # type: ignore[index]
    ita = float(colour.ita_degree(*light.lab_of(skin)[[0, 2]]))
    values = []
    for camera in range(500, 512):
        for lamp in LAMPS:
            weights, matrix, _ = light.camera_rgb(camera, lamp)
            values.append(a_star(matrix @ (skin @ weights)))
    apart = np.abs(np.subtract.outer(values, values))
    share = np.mean(apart < 1.96 * accuracy.of_another_lamp("redness.a_star", ita))
    assert 0.9 < share < 0.999


def test_true_numbers_count_what_lies_in_the_region() -> None:
    shot = photograph(
        make_skin(SkinRecipe(seed=3, width_mm=30, height_mm=30)), Camera(px_per_mm=20, size_px=(400, 400))
    )
    truth, half = shot.truth, np.zeros((400, 400), bool)
    half[:, :200] = True
    found = pore_accuracy.true_numbers(truth, half, 150.0)
    inside = (np.rint(truth.pore_x_px) >= 0) & (np.rint(truth.pore_x_px) < 200)
    inside &= (np.rint(truth.pore_y_px) >= 0) & (np.rint(truth.pore_y_px) < 400) & (truth.pores.diameter_um >= 150)
    assert found["pores.density"] == pytest.approx(inside.sum() / 2.0)
    assert found["pores.area"] == pytest.approx(
        100 * np.sum(np.pi / 4 * (truth.pores.diameter_um[inside] / 1000) ** 2) / 200.0
    )
    assert found["pores.visible_share"] == pytest.approx(100 * np.mean(truth.pores.diameter_um[inside] >= 250))
    nothing = pore_accuracy.true_numbers(truth, half, 900.0)
    assert nothing == {"pores.density": 0.0, "pores.area": 0.0}


def test_a_length_of_no_lines_is_uncertain_and_a_longer_one_no_surer() -> None:
    """Faint lines are missed: a standard uncertainty of 0 would say that none can be there."""
    for ita in (65.0, 30.0, -10.0, -55.0, math.nan):
        none, some = (accuracy.of_lines("lines.length_density", ita, 50.0, 8.0, value) for value in (0.0, 10.0))
        assert none is not None
        assert some is not None
        assert 0 < none <= some
    known = [accuracy.of_lines("lines.width_um", ita, 50.0, 30.0, 300.0) for ita in (40.0, math.nan)]
    assert known[0] is not None
    assert known[1] is not None
    assert 0 < known[0] <= known[1] < 300
    assert accuracy.of_lines("texture.anisotropy", 30.0, 50.0, 8.0, 0.5) is None

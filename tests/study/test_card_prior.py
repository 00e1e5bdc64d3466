"""What is shipped about cameras, lamps, the chart and skins."""

from __future__ import annotations

import numpy as np
import pytest

from skinscan.arrays.colour import ciede2000
from skinscan.capture.card.prior import load_prior
from skinscan.phantom import light, optics
from skinscan.phantom.chart import patch_reflectances, published_lab
from skinscan.study import card_prior, card_spectra

PRIOR = load_prior()


def test_white_is_white_to_every_camera() -> None:
    assert PRIOR.means.sum(1) == pytest.approx(1.0, abs=1e-5)
    assert PRIOR.bases.sum(2) == pytest.approx(0.0, abs=1e-4)


def test_the_shipped_file_is_what_the_study_makes() -> None:
    """The skins and the chart whole; of the draws the mean of a family from a tenth of them, within five of its
    standard errors."""
    assert PRIOR.skins == pytest.approx(card_prior.skins(), abs=1e-6)
    assert PRIOR.patches[0] == pytest.approx(patch_reflectances("before_2014"), abs=1e-6)
    assert PRIOR.patches[1] == pytest.approx(card_spectra.after_2014(), abs=1e-6)
    assert PRIOR.families == tuple(card_prior.FAMILIES)
    for at, family in enumerate(card_prior.FAMILIES):
        draw = np.random.default_rng([1, at])
        drawn = np.stack([card_prior.draw_effective(draw, family) for _ in range(card_prior.DRAWS // 10)])
        error = drawn.std(0) / np.sqrt(len(drawn)) + 1e-5
        assert (np.abs(drawn.mean(0) - PRIOR.means[at]) < 5 * error).mean() > 0.99


def test_what_is_tested_on_is_not_known() -> None:
    known = {s.tobytes() for s in card_prior.known_cameras()}
    held = card_prior.held_out_cameras()
    assert len(held) >= 12
    assert not known & {s.tobytes() for s in held.values()}
    assert len(known) + len(held) == len(light.measured_cameras())


def test_newer_charts_move_from_the_older_as_their_maker_says() -> None:
    before, after = patch_reflectances("before_2014"), card_spectra.after_2014()
    moved = card_spectra.lab_d50(after) - card_spectra.lab_d50(before)
    assert moved == pytest.approx(published_lab("after_2014") - published_lab("before_2014"), abs=1e-6)
    assert ((after > 0) & (after < 1)).all()
    assert (np.abs(np.diff(np.log(after / before), 2, axis=1)) < 0.01).all()


def test_measured_charts_are_what_their_maker_says() -> None:
    """Thirty charts against the maker's table: 0.5 dE00 on average, 1.2 at white, which yellows."""
    away = ciede2000(card_spectra.lab_d50(patch_reflectances("before_2014")), published_lab("before_2014"))
    assert away.mean() < 0.6
    assert away.max() < 1.3


def test_daylight_is_that_of_the_cie() -> None:
    """Exact at D50 and D65, which it is drawn through."""
    for kelvin, name in ((5003, "D50"), (6504, "D65")):
        lamp = light.illuminant(name)
        assert card_prior.daylight(kelvin) == pytest.approx(lamp / lamp.mean(), rel=1e-6)


def test_skins_of_all_tones_are_there() -> None:
    tones = light.lab_of(optics.reflectance(np.array(list(optics.MELANIN.values())), optics.BLOOD))
    from skinscan.arrays.colour import lab

    nearest = [np.min(np.linalg.norm(lab(PRIOR.skins_rgb) - tone, axis=1)) for tone in tones]
    assert max(nearest) < 6


def test_a_makers_matrix_keeps_white() -> None:
    matrix = card_prior.makers_matrix(light.measured_cameras()["Nikon D5100"], light.illuminant("D65"))
    assert matrix.sum(1) == pytest.approx(1.0)


def test_a_phantom_can_be_photographed_by_a_measured_camera() -> None:
    weights, matrix, gains = light.camera_rgb("Nikon D5100", "D65")
    assert weights.sum(0) == pytest.approx(1.0)
    assert matrix.sum(1) == pytest.approx(1.0)
    assert gains.min() == 1.0
    assert light.sensitivity("Nikon D5100").max() == 1.0

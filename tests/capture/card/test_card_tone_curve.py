"""The tone curve as numbers."""

from __future__ import annotations

import numpy as np
import pytest

from skinscan.capture.card import tone_curve
from tests.capture.card.patches import EVERYWHERE, Scene, filmic_code

V = np.linspace(0, 1, 256)
LUT = np.tile(np.where(V <= 0.04045, V / 12.92, ((V + 0.055) / 1.055) ** 2.4), (3, 1))


def test_nothing_known_is_the_files_own_profile() -> None:
    table = tone_curve.monotone_table(np.zeros(tone_curve.size()), LUT)
    assert table == pytest.approx(LUT, abs=1e-6)


def test_gains_are_gains() -> None:
    gains = np.array([0.5, 1.0, 2.0])
    values, _ = tone_curve.apply(tone_curve.gain_parameters(gains), LUT[:, 50:200].T)
    assert values == pytest.approx(LUT[:, 50:200].T * gains, rel=1e-9)


def test_the_slope_is_that_of_the_curve() -> None:
    draw = np.random.default_rng(5)
    parameters, linear = 0.5 * draw.standard_normal(tone_curve.size()), LUT[:, ::25].T
    _, slope = tone_curve.apply(parameters, linear)
    step = 1e-6
    for at in range(0, tone_curve.size(), 7):
        moved = parameters.copy()
        moved[at] += step
        numeric = (tone_curve.apply(moved, linear)[0] - tone_curve.apply(parameters, linear)[0]) / step
        assert slope[..., at] == pytest.approx(numeric, rel=1e-3, abs=1e-5)


def test_a_table_never_falls_and_keeps_the_number_of_codes() -> None:
    draw = np.random.default_rng(6)
    deep = np.tile(np.linspace(0, 1, 65536) ** 2.2, (3, 1))
    for lut in (LUT, deep):
        table = tone_curve.monotone_table(2.0 * draw.standard_normal(tone_curve.size()), lut)
        assert table.shape == lut.shape
        assert table.dtype == np.float32
        assert (np.diff(table, axis=1) >= 0).all()


def test_a_phones_curve_is_undone_between_the_greys() -> None:
    """Light twice as strong comes out twice as strong, from 3 % to 80 % of white, within 4 % (one L*)."""
    from skinscan.capture.card.correction import correct

    scene = Scene(curve="filmic", balance=(1.0, 1.0, 1.0), exposure=0.9)
    table = correct(scene.photo(), scene.sighting(), EVERYWHERE).photo.lut
    light = np.geomspace(0.03, 0.8, 12)
    found = np.stack([np.interp(filmic_code(light) * 255, np.arange(256), table[c]) for c in range(3)])
    ratio = found / light
    assert ratio / np.median(ratio, axis=1, keepdims=True) == pytest.approx(1.0, abs=0.04)

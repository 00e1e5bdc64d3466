"""A card's patches become colour of skin, by cameras and lamps that the prior does not know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skinscan.arrays.colour import ciede2000, lab
from skinscan.capture.card import correction, skin_matrix
from skinscan.capture.card.correction import Correction, correct
from skinscan.capture.card.sighting import Sighting
from skinscan.phantom import optics
from skinscan.records import ParameterError
from tests.capture.card.patches import EVERYWHERE, Scene

UNKNOWN = [
    Scene("Fujifilm X-T4", "D65", "I", curve="srgb"),
    Scene("Nikon D5100", "D50", "II", "after_2014"),
    Scene(101, "F2", "III", curve="gamma"),
    Scene("Hasselblad L2D-20c", "LED_B3", "IV", "after_2014", curve="srgb"),
    Scene(102, "LED_B5", "V"),
    Scene("Canon PowerShot S90", "LED_B1", "VI", curve="gamma"),
    Scene("ARRI D21", "F11", "II"),
    Scene(103, "A", "V", "after_2014", curve="gamma"),
]


def by(scene: Scene, **fields: object) -> Correction:
    return correct(scene.photo(), replace(scene.sighting(), **fields), EVERYWHERE, cross_polarised=True)


def skin_lab(found: Correction) -> np.ndarray:
    return np.asarray(lab(found.photo.linear_rgb().mean((0, 1), dtype=np.float64)))


def error(scene: Scene, found: Correction) -> float:
    return float(ciede2000(skin_lab(found), scene.truth()))


@pytest.fixture(scope="module")
def corrected() -> list[Correction]:
    return [by(scene) for scene in UNKNOWN]


def test_skin_of_unknown_cameras_and_lamps_is_right(corrected: list[Correction]) -> None:
    """goals.md: mean dE00 1.0, 95 % within 2.2, a* rms 0.45; these few reach 0.3, 0.7 and 0.3."""
    assert [found.state for found in corrected] == ["card"] * len(UNKNOWN)
    errors = [error(scene, found) for scene, found in zip(UNKNOWN, corrected, strict=True)]
    assert np.mean(errors) < 0.6
    assert max(errors) < 1.2
    off = [skin_lab(found)[1] - scene.truth()[1] for scene, found in zip(UNKNOWN, corrected, strict=True)]
    assert np.sqrt(np.mean(np.square(off))) < 0.45


def test_the_predicted_error_is_neither_boast_nor_excuse(corrected: list[Correction]) -> None:
    """Errors are 0.3 to 1.4 predicted standard uncertainties, over all (8 x 3 values: a fair sum is within 0.7-1.3; the
    model's own skins leave half of what real ones do)."""
    z = []
    for scene, found in zip(UNKNOWN, corrected, strict=True):
        rgb = found.photo.linear_rgb().mean((0, 1), dtype=np.float64)
        others = lab(np.einsum("kij,j->ki", found.colour.doubt, rgb))
        z.append((lab(rgb) - scene.truth()) / np.sqrt(((others - lab(rgb)) ** 2).mean(0)))
    assert 0.3 < np.sqrt(np.mean(np.square(z))) < 1.4


def test_the_chart_says_when_it_was_made(corrected: list[Correction]) -> None:
    assert [found.colour.formulation for found in corrected] == [scene.formulation for scene in UNKNOWN]


def test_a_wrong_formulation_costs_certainty() -> None:
    scene = UNKNOWN[1]
    right = correct(scene.photo(), scene.sighting(), EVERYWHERE, "after_2014").colour
    wrong = correct(scene.photo(), scene.sighting(), EVERYWHERE, "before_2014").colour
    assert wrong.residual_de00 > right.residual_de00
    assert wrong.predicted_de00 > right.predicted_de00


def test_the_lamp_is_recognised(corrected: list[Correction]) -> None:
    assert corrected[0].lamp == "daylight"
    assert corrected[2].lamp == "halophosphate"
    assert corrected[6].lamp == "triband"


def test_the_parts_of_the_doubt(corrected: list[Correction]) -> None:
    """This skin's own kind adds to the doubt; a second photo by the same camera shares most of it."""
    for found in corrected:
        rgb = found.skin_rgb
        sizes = [
            float(np.std(lab(np.einsum("kij,j->ki", doubt, rgb))[:, 1]))
            for doubt in (found.colour.doubt, found.colour.sensor_doubt, found.colour.own_doubt)
        ]
        assert sizes[0] > sizes[2]
        assert 0.02 < sizes[2] < 0.6
        assert found.colour.doubt.shape == (skin_matrix.ALTERNATIVES, 3, 3)
        assert sizes[0] == pytest.approx(found.colour.predicted_a_star, rel=0.6)


def test_what_is_kept_and_what_is_new() -> None:
    scene = UNKNOWN[0]
    photo = scene.photo()
    found = correct(photo, scene.sighting(), EVERYWHERE)
    assert found.photo.pixels is photo.pixels
    assert found.photo.steps[:-1] == photo.steps
    assert "card" in found.photo.steps[-1]
    assert (np.diff(found.photo.lut, axis=1) >= 0).all()
    again = correct(photo, scene.sighting(), EVERYWHERE)
    assert np.array_equal(again.photo.lut, found.photo.lut)
    assert np.array_equal(again.photo.matrix, found.photo.matrix)


def test_display_p3_and_sixteen_bits_change_nothing() -> None:
    plain, wide, deep = Scene(), Scene(p3=True), Scene(bits=16)
    first = skin_lab(by(plain))
    assert ciede2000(skin_lab(by(wide)), first) < 0.3
    assert ciede2000(skin_lab(by(deep)), first) < 0.2


def test_without_a_mask_the_matrix_serves_all_skins() -> None:
    scene = Scene()
    found = correct(scene.photo(), scene.sighting())
    assert found.skin_rgb is None
    assert error(scene, found) < 1.0


def test_hidden_and_clipped_patches_are_done_without() -> None:
    scene = Scene(exposure=1.2)  # white and the next grey at the end of the range
    sighting = scene.sighting()
    assert sighting.clipped[18].all()
    usable = np.ones(24, bool)
    usable[[0, 1, 6, 7, 12, 13]] = False  # a finger over the left third
    assert error(scene, by(scene, usable=usable)) < 1.0


def test_light_that_falls_off_from_card_to_skin() -> None:
    """The photo's skin is all around the card, so both have the same light; a card alone in a gradient keeps that."""
    even, uneven = by(Scene()), by(Scene(fall=0.1))
    assert skin_lab(uneven) == pytest.approx(skin_lab(even), abs=0.5)


def shuffled(sighting: Sighting, order: np.ndarray) -> dict[str, np.ndarray]:
    return {"codes": sighting.codes[order], "clipped": sighting.clipped[order]}


@pytest.mark.parametrize("what", ["upside down", "mirrored", "any squares"])
def test_what_is_no_card_in_one_light_is_left_alone(what: str) -> None:
    scene = Scene(curve="srgb")
    sighting = scene.sighting()
    at = np.arange(24).reshape(4, 6)
    if what == "upside down":
        fields = shuffled(sighting, at[::-1, ::-1].ravel())
    elif what == "mirrored":
        fields = shuffled(sighting, at[:, ::-1].ravel())
    else:
        fields = {"codes": np.random.default_rng(3).uniform(0.1, 0.9, (24, 3)), "clipped": np.zeros((24, 3), bool)}
    found = by(scene, **fields)
    assert found.state == "uncorrected"
    assert np.array_equal(found.photo.lut, scene.photo().lut)
    assert "dE00" in found.reasons[0]


def test_a_card_that_contradicts_itself_is_less_certain() -> None:
    """Half in shade; in a vivid mode, which makes strong colours stronger; and a printed copy, patches off by 8 %."""
    scene = Scene(curve="srgb")
    codes = scene.sighting().codes
    honest = by(scene).colour
    shade = np.where((np.arange(24) % 6 > 2)[:, None], 0.8, 1.0)
    pale = codes.mean(1, keepdims=True)
    vivid = pale + (1 + np.ptp(codes, axis=1, keepdims=True)) * (codes - pale)
    for changed in (codes * shade, np.clip(vivid, 0.02, 0.98)):
        found = by(scene, codes=changed).colour
        assert found.residual_de00 > 2 * honest.residual_de00
        assert found.predicted_a_star > 1.2 * honest.predicted_a_star
    printed = by(scene, codes=np.clip(codes * (1 + np.random.default_rng(4).normal(0, 0.08, (24, 3))), 0.02, 0.98))
    assert printed.state != "card"
    assert "contradict" in printed.reasons[0]


def test_too_little_of_a_card_is_refused() -> None:
    usable = np.zeros(24, bool)
    usable[12:] = True
    usable[19:22] = False
    found = by(Scene(), usable=usable)
    assert found.state == "uncorrected"
    assert "3 of its 6 greys" in found.reasons[0]
    assert found.colour.doubt is None


def test_skin_that_may_shine_is_less_certain_and_dark_skin_most() -> None:
    """1.2 % of white on skin that reflects 3 % of light is a third of it; on light skin a fiftieth."""
    added = []
    for tone in ("II", "VI"):
        scene = Scene(tone=tone)
        matte, ordinary = by(scene), correct(scene.photo(), scene.sighting(), EVERYWHERE)
        assert np.array_equal(ordinary.photo.matrix, matte.photo.matrix)
        first, second = matte.colour.predicted_a_star, ordinary.colour.predicted_a_star
        added.append(np.sqrt(max(second**2 - first**2, 0)))
        if second > 1:
            assert ordinary.state == "reference"
            assert "cross-polarised" in ordinary.reasons[0]
    assert added[1] > 2 * added[0]


@pytest.mark.parametrize("tone", ["I", "III", "V", "VI"])
@pytest.mark.parametrize("sheen", [0.0, 0.008, 0.02])
def test_what_skin_mirrors_is_within_the_doubt(tone: optics.Tone, sheen: float) -> None:
    """From powdered to shining skin: a* within 2.5 standard uncertainties, and never `card` where it is off by 2."""
    scene = Scene(tone=tone, sheen=sheen)
    found = correct(scene.photo(), scene.sighting(), EVERYWHERE)
    rgb = found.photo.linear_rgb().mean((0, 1), dtype=np.float64)
    others = lab(np.einsum("kij,j->ki", found.colour.doubt, rgb))
    off = float(lab(rgb)[1] - scene.truth()[1])
    assert abs(off) < 2.5 * float(np.sqrt(np.mean((others[:, 1] - lab(rgb)[1]) ** 2)))
    assert found.state == "reference" or abs(off) < 2.0


def test_greys_are_held_as_far_as_skin_can_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix for skin alone leaves a chroma of 5 on greys under these lamps; a sixth of that goes at the least, and
    the error predicted on this skin rises by 4 % (over all skins, by their weight, it may by 2)."""

    def chroma_and_error() -> tuple[float, float]:
        chroma, errors = [], []
        for lamp in ("A", "F11", "LED_B1", "D65"):
            scene = Scene(lamp=lamp, curve="srgb")
            found, sighting = by(scene), scene.sighting()
            at = np.linspace(0, 1, 256)
            light = [np.interp(sighting.codes[19:23, c], at, found.photo.lut[c]) for c in range(3)]
            grey = lab(np.stack(light, -1) @ found.photo.matrix.T.astype(np.float64))
            chroma.append(np.hypot(grey[:, 1], grey[:, 2]).mean())
            errors.append(found.colour.predicted_de00)
        return float(np.mean(chroma)), float(np.mean(errors))

    held = chroma_and_error()
    monkeypatch.setattr(skin_matrix, "SPARE", 0.0)
    alone = chroma_and_error()
    assert held[0] < 0.84 * alone[0]
    assert held[1] < 1.06 * alone[1]


def test_a_light_that_leaves_skin_uncertain_is_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    found = by(Scene())
    monkeypatch.setattr(correction, "LARGEST_A_STAR", found.colour.predicted_a_star * 0.9)
    again = by(Scene())
    assert again.state == "reference"
    assert "reference region" in again.reasons[0]
    assert np.array_equal(again.photo.matrix, found.photo.matrix)


def test_settings_that_cannot_be_meant() -> None:
    scene = Scene()
    with pytest.raises(ParameterError, match="formulation"):
        correct(scene.photo(), scene.sighting(), None, "2014")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="size"):
        correct(scene.photo(), scene.sighting(), np.ones((3, 3), bool))


def test_the_card_readings_rest_on_what_can_be_read() -> None:
    sighting = Scene().sighting()
    codes = sighting.codes.copy()
    codes[5] = np.nan
    readings = correction.read(Scene().photo(), replace(sighting, codes=codes))
    assert not readings.used[5].any()
    assert np.isfinite(readings.linear).all()
    assert (readings.spread > 0).all()

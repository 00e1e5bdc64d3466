"""Marks of maps made by hand: a hollow's shading, a spot of pigment, and what is too small, too long or too wide."""

from __future__ import annotations

import numpy as np
import pytest

from skinscan.arrays import marks

MM = 0.1
SHAPE = (240, 240)


def maps(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    return [rng.normal(0, 0.01, SHAPE).astype(np.float32) for _ in range(count)]


def far(x: float = 120, y: float = 120) -> np.ndarray:
    rows, columns = np.indices(SHAPE)
    return np.asarray(np.hypot(columns - x, rows - y) * MM, np.float32)


def skin(darkness: np.ndarray, melanin: np.ndarray, haemoglobin: np.ndarray) -> marks.Skin:
    return marks.skin_of(darkness, melanin, haemoglobin, np.ones(SHAPE, bool), MM)


def test_brightness_that_pigment_explains_is_no_shading() -> None:
    """Density rises by 1.5 times the melanin and 0.7 times the haemoglobin: what is left is the noise alone."""
    rng = np.random.default_rng(1)
    noise, melanin, haemoglobin = maps(rng, 3)
    for image, disc in ((melanin, far()), (haemoglobin, far(60, 60))):
        image[disc < 2] += 0.1
    found = skin(
        noise * np.float32(0.1) + np.float32(1.5) * melanin + np.float32(0.7) * haemoglobin, melanin, haemoglobin
    )
    assert marks.robust_sd(found.shading) == pytest.approx(0.001, rel=0.2)
    assert np.abs(found.shading).max() < 0.02


def test_a_disc_of_pigment_tells_its_contrast_at_its_own_radius() -> None:
    """The response of a disc of unit contrast is 1 by definition; widened by a pixel of 0.1 mm, and the skin around
    takes 4 % off in flattening."""
    flat = np.zeros(SHAPE, np.float32)
    found = dict(marks.responses(skin(flat, np.asarray(0.2 * (far() <= 1.0), np.float32), flat)))
    discs = {radius: float(found[f"melanin_disc_{radius}"][120, 120]) for radius in marks.RADII_MM}
    assert max(discs, key=lambda radius: discs[radius]) == 1.0
    assert discs[1.0] == pytest.approx(0.2, rel=0.08)
    assert np.abs(found["haemoglobin_disc_1.0"]).max() == 0


def test_a_hollow_lit_from_one_side_slopes_in_its_middle() -> None:
    """Shading is the slope of the hollow along the light: odd across the middle, so that its own slope peaks there,
    to half a pixel of the coarser map that so wide a mark is looked for in, 0.2 mm."""
    hollow = np.exp(-0.5 * (far() / 1.0) ** 2)
    shading = np.asarray(-np.gradient(hollow, axis=1), np.float32)
    flat = np.zeros(SHAPE, np.float32)
    slope = dict(marks.responses(skin(shading, flat, flat)))["shading_slope_1.5"]
    assert np.abs(np.array(np.unravel_index(np.argmax(slope), SHAPE)) - 120).max() <= 2


def test_coarser_maps_show_wide_marks_as_the_finest_does(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    seen = skin(*maps(rng, 3))
    fast = dict(marks.responses(seen))
    monkeypatch.setattr(marks, "COARSEST_SIGMA_PX", np.inf)
    for name, plain in marks.responses(seen):
        inner = (slice(30, -30), slice(30, -30))
        assert np.corrcoef(fast[name][inner].ravel(), plain[inner].ravel())[0, 1] > 0.98, (
            name
        )  # of white noise, which no coarser map carries as well


def test_responses_are_told_in_the_skins_own_scatter() -> None:
    """Noise ten times as strong gives the same features, and with a carried scatter it does not. Half precision."""
    pictures = [[image * scale for image in maps(np.random.default_rng(2), 3)] for scale in (1, 10)]
    (one, sd), (ten, _) = (marks.features(skin(*each)) for each in pictures)
    assert np.abs(one.astype(float) - ten).max() < 0.02
    carried, kept = marks.features(skin(*pictures[1]), sd)
    assert kept == sd
    assert np.median(np.abs(carried)) > 2 * np.median(np.abs(one))


@pytest.mark.parametrize(
    ("what", "chance", "count"),
    [
        ("a mark", far() < 1.2, 1),
        ("a ring, whose floor belongs to it", (far() < 1.6) & (far() > 1.0), 1),
        ("a pore", far() < 0.25, 0),
        ("a hair", np.abs(far() - 8) < 0.15, 0),
        ("a blotch wider than any mark", far() < 5, 0),
        ("two marks", (far(60, 60) < 1) | (far(180, 180) < 2), 2),
    ],
)
def test_only_what_is_as_large_and_round_as_a_mark_is_one(what: str, chance: np.ndarray, count: int) -> None:
    found = marks.marked(chance.astype(np.float32), np.ones(SHAPE, bool), MM)
    assert len(found) == count, what


def test_the_area_of_a_mark() -> None:
    """pi r^2 of 1.2 mm; a pixel of 0.1 mm along the outline is 8 %."""
    found = marks.marked((far() < 1.2).astype(np.float32), np.ones(SHAPE, bool), MM)
    assert found.area_mm2[0] == pytest.approx(np.pi * 1.2**2, rel=0.08)


def test_the_network_is_what_it_says() -> None:
    """One hidden unit: log odds 2 tanh(0.5 x + 0.1) - 1."""
    network = marks.Layers(
        np.array([[0.5]], np.float32), np.array([0.1], np.float32), np.array([2.0], np.float32), -1.0
    )
    chance = network.chance(np.full((1, 2, 3), 0.8, np.float32))
    assert chance.shape == (2, 3)
    assert chance[0, 0] == pytest.approx(1 / (1 + np.exp(1 - 2 * np.tanh(0.5))), abs=1e-6)

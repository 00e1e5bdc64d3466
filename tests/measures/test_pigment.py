from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from skinscan.arrays import colour
from skinscan.measures.maps import chromophores_of
from skinscan.phantom import light, optics
from tests.measures.test_redness import flat_maps, value

TONES = list(optics.MELANIN)


def test_ita_of_a_known_colour(tmp_path: Path) -> None:
    """sRGB (200, 150, 130) is L* 66.293, b* 17.864 by colour-science 0.4.7: atan2(16.293, 17.864) = 42.366."""
    assert value(flat_maps(tmp_path, (200, 150, 130)), "pigment.ita") == pytest.approx(42.366, abs=0.01)


def test_ita_is_undefined_on_bluish_skin(tmp_path: Path) -> None:
    assert math.isnan(value(flat_maps(tmp_path, (140, 150, 190)), "pigment.ita"))


def test_evenness_of_two_known_colours(tmp_path: Path) -> None:
    """1/16 of the photo differs by a known CIEDE2000 from the rest, which is the median: the mean is 1/16 of it."""
    maps = flat_maps(tmp_path, (200, 150, 130), (180, 135, 117))
    first, second = (
        colour.lab(maps.frame.photo.linear_rgb(slice(row, row + 1), slice(200, 201)).astype(float))[0, 0]
        for row in (10, 200)
    )
    assert value(maps, "pigment.evenness") == pytest.approx(float(colour.ciede2000(first, second)) / 16, rel=0.03)


def test_even_colour_is_zero(tmp_path: Path) -> None:
    assert value(flat_maps(tmp_path, (200, 150, 130)), "pigment.evenness") == pytest.approx(0, abs=1e-4)


def test_more_melanin_reads_as_more_from_tone_to_tone() -> None:
    """I to V rise; on VI the surface's reflection folds the hue back (largest_melanin_fraction in unmixing.json)."""
    rgb = np.array([light.linear_srgb(optics.reflectance(optics.MELANIN[t], 0.025)) for t in TONES])  # type: ignore[index]
    melanin = chromophores_of(colour.optical_density(rgb))[:, 0]
    assert (np.diff(melanin[:5]) > 0.02).all()
    assert melanin[5] > melanin[3]

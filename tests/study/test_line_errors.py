from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from skinscan import accuracy
from skinscan.measures.lines import Picture
from skinscan.study import line_errors as study


def row(value: float, true: float, seed: int, measure: str = study.LENGTH) -> dict[str, Any]:
    return {
        "measure": measure, "value": value, "true": true, "size": 8.0, "ita_degree": 40.0 - seed % 70,
        "um_per_px": 50.0, "seed": seed, "tone": "III",
    }  # fmt: skip


def test_the_fit_covers_the_truth_where_nothing_is_found_too() -> None:
    """A fifth of skins without found lines has some; the interval at 0 must reach them, and the one at 10 the error."""
    draw = np.random.default_rng(4)
    rows = [row(0.0, 2.0 if n % 5 == 0 else 0.0, n) for n in range(200)]
    rows += [row(max(v, 0.1), 10.0, 200 + n) for n, v in enumerate(draw.normal(10, 1.5, 200))]
    for name in (study.WIDTH, study.CONTRAST):
        rows += [row(math.exp(e), 1.0, n, name) for n, e in enumerate(draw.normal(0, 0.2, 100))]
    entry = study.fit(rows)["measures"][study.LENGTH]
    x = np.array([accuracy.features_of_lines(40.0, 50.0, 8.0, value) for value in (0.0, 10.0)])
    half = np.exp(x @ np.array(entry["coefficients"])) * entry["factor"]
    assert half[0] >= 2.0
    assert half[1] > 2.0


def test_contrast_along_a_true_line_is_that_of_its_valley() -> None:
    """Gaussian, 0.2 deep: the sides at 1.27 widths hold 0.011 of it."""
    y = np.arange(200.0)[:, None] - 90.0
    image = np.repeat(-0.2 * np.exp(-0.5 * (y / 3.0) ** 2), 200, 1).astype(np.float32)
    path = np.stack([np.arange(20.0, 180.0, 0.5), np.full(320, 90.0)], 1)
    seen = study.contrast_along(Picture(image, np.ones(image.shape, np.bool_), 1), [path], [3 * 2.3548 * 50], 50.0)
    assert seen == pytest.approx(0.2 * (1 - math.exp(-0.5 * (1.27 * 2.3548) ** 2)), rel=0.02)

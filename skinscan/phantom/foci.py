"""Papules: small round red foci, as a skin may show them days after a treatment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skinscan.phantom.fields import Grid, Image
from skinscan.phantom.recipes import SkinRecipe

GAP_MM = 1.0
EDGE = 0.15
"""Width of a focus's edge, in radii."""


@dataclass(frozen=True, slots=True)
class Focus:
    """A red focus: centre, diameter at half strength, relative rise of blood, and height of its dome."""

    x_mm: float
    y_mm: float
    diameter_mm: float
    blood: float
    height_um: float


def draw_foci(recipe: SkinRecipe) -> tuple[Focus, ...]:
    """The foci of a recipe: places and sizes by its seed alone, strengths then scaled."""
    draw = np.random.default_rng([recipe.seed, 9])
    found: list[Focus] = []
    low, high = np.log(recipe.focus_diameter_mm)
    for _ in range(60 * recipe.foci):
        if len(found) == recipe.foci:
            break
        diameter = float(np.exp(draw.uniform(low, high)))
        x, y = (float(v) for v in draw.uniform(-0.46, 0.46, 2) * (recipe.width_mm, recipe.height_mm))
        strength = float(recipe.focus_strength * draw.uniform(0.8, 1.25))
        height = float(recipe.focus_height_um * draw.uniform(0.5, 1.5))
        if any(np.hypot(f.x_mm - x, f.y_mm - y) < (f.diameter_mm + diameter) / 2 + GAP_MM for f in found):
            continue
        found.append(Focus(x, y, diameter, strength, height))
    return tuple(found)


def draw_on(foci: Sequence[Focus], grid: Grid) -> tuple[Image, Image]:
    """Maps (h, w) of foci: relief in um (0 or above) and rise of ln blood."""
    relief, blood = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    x, y = grid.axes()
    for focus in foci:
        reach = 1.6 * focus.diameter_mm
        columns, rows = (
            slice(*np.searchsorted(axis, (middle - reach, middle + reach)))
            for axis, middle in ((x, focus.x_mm), (y, focus.y_mm))
        )
        far = np.hypot(x[None, columns] - np.float32(focus.x_mm), y[rows, None] - np.float32(focus.y_mm))
        far = far / np.float32(focus.diameter_mm / 2)
        inside = 1.0 / (1.0 + np.exp(np.minimum((far - 1.0) / np.float32(EDGE), 60.0)))
        blood[rows, columns] += np.log1p(np.float32(focus.blood) * inside)
        relief[rows, columns] += np.float32(focus.height_um) * np.exp(np.float32(-np.log(2.0)) * far * far)
    return relief, blood

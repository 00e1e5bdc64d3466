"""Dimples of thigh and buttock: a field of shallow dents and bumps 5-15 mm wide, of known root mean square height."""

from __future__ import annotations

import numpy as np

from skinscan.phantom.fields import Grid, Image
from skinscan.phantom.recipes import SkinRecipe

WIDTH_MM = (5.0, 15.0)
"""Width of a dent at half of its depth."""
A_CM2 = 1.1
"""Dents a square centimetre."""
BUMPS = 0.3
"""Share of them that bulge."""


def dimple_relief(recipe: SkinRecipe, grid: Grid) -> Image | None:
    """Height (h, w) in um of the recipe's dimples, mean 0 and root mean square `dimples_um`; None where that is 0.

    The same dents on any grid: rounds of Gaussian profile, elongated by up to a half, as deep as they are wide.
    """
    if not recipe.dimples_um:
        return None
    draw = np.random.default_rng([recipe.seed, 31])
    beyond = 2 * WIDTH_MM[1]
    width, height = recipe.width_mm + beyond, recipe.height_mm + beyond
    count = max(round(A_CM2 * width * height / 100.0), 1)
    x0, y0 = draw.uniform(-0.5, 0.5, count) * width, draw.uniform(-0.5, 0.5, count) * height
    wide = np.exp(draw.uniform(np.log(WIDTH_MM[0]), np.log(WIDTH_MM[1]), count))
    longer, turn = np.sqrt(draw.uniform(1.0, 1.5, count)), draw.uniform(0, np.pi, count)
    depth = wide * draw.uniform(0.5, 1.5, count) * np.where(draw.uniform(size=count) < BUMPS, -0.6, 1.0)
    x, y = grid.axes()
    relief = np.zeros(grid.shape, np.float32)
    for at_x, at_y, sigma, stretch, angle, deep in zip(x0, y0, wide / 2.355, longer, turn, depth, strict=True):
        reach = 4.0 * sigma * stretch
        columns = slice(*np.searchsorted(x, (at_x - reach, at_x + reach)))
        rows = slice(*np.searchsorted(y, (at_y - reach, at_y + reach)))
        dx, dy = x[None, columns] - np.float32(at_x), y[rows, None] - np.float32(at_y)
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        squared = ((dx * cos + dy * sin) / (sigma * stretch)) ** 2 + ((dy * cos - dx * sin) / (sigma / stretch)) ** 2
        relief[rows, columns] -= np.float32(deep) * np.exp(np.float32(-0.5) * squared)
    relief -= relief.mean()
    return np.asarray(relief * np.float32(recipe.dimples_um / max(float(relief.std()), 1e-9)), np.float32)

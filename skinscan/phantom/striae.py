"""Stretch marks: a bundle of roughly parallel bands of other pigment and blood, a little sunken and finely creased."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.phantom.fields import Grid, Image, smooth_noise
from skinscan.records import ParameterError

EDGE_MM = 0.25
"""SD of the softness of a mark's edge."""
CREASE_MM = 0.5
"""Spacing of the creases across a mark, half as deep as the mark itself is sunken."""


@dataclass(frozen=True, slots=True)
class StriaeRecipe:
    """A bundle of stretch marks along one direction.

    Widths are drawn from `width_mm` (full width in the middle; marks taper to both ends), lengths from `length_mm`,
    `spacing_mm` is from middle to middle. `melanin` and `blood` are relative changes within a mark: a young red one
    (rubra) has more blood, an old pale one (alba) less of both. `depth_um` is how far it is sunken.
    """

    seed: int = 0
    count: int = 5
    width_mm: tuple[float, float] = (1.5, 5.0)
    length_mm: tuple[float, float] = (20.0, 45.0)
    spacing_mm: float = 9.0
    direction_deg: float = 30.0
    spread_deg: float = 6.0
    bend: float = 0.3
    melanin: float = 0.0
    blood: float = 0.8
    depth_um: float = 60.0

    def __post_init__(self) -> None:
        if min(*self.width_mm, *self.length_mm, self.spacing_mm) <= 0 or min(self.melanin, self.blood) <= -1:
            raise ParameterError(
                "No stretch mark is like that",
                expected="widths, lengths and spacing above 0, changes of melanin and blood above -1",
                found=str(self),
            )


@dataclass(frozen=True, slots=True)
class Stria:
    """A stretch mark along a path (n, 2) mm, `width_mm` wide in its middle, with its relative changes of melanin and
    blood and how far it is sunken."""

    path_mm: tuple[tuple[float, float], ...]
    width_mm: float
    melanin: float
    blood: float
    depth_um: float


@dataclass(frozen=True, eq=False)
class Drawn:
    """Marks on a grid, (h, w): factors on melanin and blood, and the relief that they add, um."""

    marks: tuple[Stria, ...]
    melanin: Image
    blood: Image
    relief_um: Image


def draw_striae(recipe: StriaeRecipe, grid: Grid) -> Drawn:
    """The marks of a recipe; the same on any grid."""
    draw = np.random.default_rng([recipe.seed, 8])
    marks = tuple(_mark(recipe, number, draw) for number in range(recipe.count))
    ragged, creases = (smooth_noise(draw, grid, spacing) for spacing in (1.2, CREASE_MM))
    inside = np.zeros(grid.shape, np.float32)
    factors = [np.ones(grid.shape, np.float32) for _ in range(2)]
    sunken = np.zeros(grid.shape, np.float32)
    for mark in marks:
        share = _share(mark, grid, ragged)
        for factor, change in zip(factors, (mark.melanin, mark.blood), strict=True):
            factor *= 1 + np.float32(change) * share
        np.maximum(inside, share, out=inside)
        np.maximum(sunken, np.float32(mark.depth_um) * share, out=sunken)
    relief = -sunken * (1 + np.float32(0.25) * creases)
    return Drawn(marks, factors[0], factors[1], np.asarray(relief, np.float32))


def _mark(recipe: StriaeRecipe, number: int, draw: np.random.Generator) -> Stria:
    length, width = float(draw.uniform(*recipe.length_mm)), float(np.exp(draw.uniform(*np.log(recipe.width_mm))))
    along = np.linspace(-0.5, 0.5, 40)
    heading = np.radians(recipe.direction_deg + draw.normal(0, recipe.spread_deg)) + recipe.bend * along
    heading += np.cumsum(draw.normal(0, 0.02, 40))
    path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1) * length / 40, 0)
    across = np.radians(recipe.direction_deg + 90)
    beside = (number - (recipe.count - 1) / 2) * recipe.spacing_mm + draw.normal(0, 0.12 * recipe.spacing_mm)
    middle = beside * np.array([np.cos(across), np.sin(across)])
    middle = middle + draw.uniform(-0.2, 0.2) * length * np.array([-np.sin(across), np.cos(across)])
    change = float(draw.uniform(0.75, 1.25))
    return Stria(
        tuple(map(tuple, (path - path.mean(0) + middle).tolist())),
        width,
        recipe.melanin * change,
        recipe.blood * change,
        recipe.depth_um * float(draw.uniform(0.7, 1.3)),
    )


def _share(mark: Stria, grid: Grid, ragged: Image) -> Image:
    """How far each cell is of the mark, 0..1: half of it at the mark's edge, which tapers to its ends and wavers."""
    path = np.array(mark.path_mm)
    line = np.full(grid.shape, 255, np.uint8)
    at = (path / grid.mm + (np.array(grid.shape[::-1]) - 1) / 2) * 16
    cv2.polylines(line, [np.rint(at).astype(np.int32)], False, 0, 1, cv2.LINE_8, 4)
    far = cv2.distanceTransform(line, cv2.DIST_L2, 5) * np.float32(grid.mm)
    half = half_width_mm(mark, _place(path, grid)) * (1 + np.float32(0.12) * ragged)
    return np.asarray(
        1 / (1 + np.exp(np.clip((far - half) / np.float32(0.6 * EDGE_MM), -30, 30))) * (half > 0), np.float32
    )


def _place(path: NDArray[np.float64], grid: Grid) -> Image:
    """Where along the chord from its first to its last point each cell lies, 0..1 between them."""
    x, y = grid.axes()
    run = path[-1] - path[0]
    return np.asarray(
        ((x[None, :] - path[0, 0]) * run[0] + (y[:, None] - path[0, 1]) * run[1]) / (run @ run), np.float32
    )


def half_width_mm(mark: Stria, place: Image) -> Image:
    """Half of the mark's width at places along its chord, 0..1: an ellipse, blunt at the ends; 0 beyond them."""
    return np.asarray(0.5 * mark.width_mm * np.sqrt(np.clip(1 - (2 * place - 1) ** 2, 0, 1)), np.float32)

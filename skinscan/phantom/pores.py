"""Pores: where they are, how large, and the pits they make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.phantom.fields import Grid, Image
from skinscan.phantom.optics import Float
from skinscan.phantom.recipes import SkinRecipe

MEDIAN_UM, GSD = 170.0, 1.55
SMALLEST_UM, LARGEST_UM = 50.0, 500.0
GAP_MM = 0.40
"""No two pores' centres are nearer than this."""
STEEPNESS = 5.0


@dataclass(frozen=True, eq=False)
class PoreTable:
    """One entry of each (n,) array a pore. Centres in mm, `diameter_um` equivalent (2 sqrt(a b)) at half
    depth.

    `elongation` major/minor axis, `angle_deg` of the major axis from +x towards +y, `depth_um` of the pit,
    `darkness` the share of light lost at the centre, before light spreads under the surface.
    """

    x_mm: Float
    y_mm: Float
    diameter_um: Float
    elongation: Float
    angle_deg: Float
    depth_um: Float
    darkness: Float

    def __len__(self) -> int:
        return int(self.x_mm.size)


def _diameters(draw: np.random.Generator, count: int) -> Float:
    found = np.empty(0)
    while found.size < count:
        more = MEDIAN_UM * GSD ** draw.standard_normal(count + 64)
        found = np.concatenate([found, more[(more >= SMALLEST_UM) & (more <= LARGEST_UM)]])
    return found[:count]


def _places(draw: np.random.Generator, width_mm: float, height_mm: float, count: int) -> Float:
    """(n, 2) mm, no two nearer than GAP_MM: random throws, those too near an earlier one dropped."""
    taken: dict[tuple[int, int], list[tuple[float, float]]] = {}
    kept: list[tuple[float, float]] = []
    for x, y in draw.uniform(-0.5, 0.5, (count * 12 + 50, 2)) * (width_mm, height_mm):
        if len(kept) == count:
            break
        i, j = int(x // GAP_MM), int(y // GAP_MM)
        near = (other for di in (-1, 0, 1) for dj in (-1, 0, 1) for other in taken.get((i + di, j + dj), ()))
        if all((x - ox) ** 2 + (y - oy) ** 2 >= GAP_MM**2 for ox, oy in near):
            taken.setdefault((i, j), []).append((x, y))
            kept.append((float(x), float(y)))
    return np.array(kept, np.float64).reshape(-1, 2)


def draw_pores(recipe: SkinRecipe) -> PoreTable:
    """The pores of a recipe: where and how large by its seed alone, then scaled."""
    draw = np.random.default_rng([recipe.seed, 1])
    drawn_density = draw.uniform(50.0, 150.0)
    density = drawn_density if recipe.pore_density_per_cm2 is None else recipe.pore_density_per_cm2
    count = round(density * recipe.width_mm * recipe.height_mm / 100.0)
    places = _places(draw, recipe.width_mm, recipe.height_mm, count)
    n = len(places)
    natural = _diameters(draw, n)
    elongation = 1.0 + 0.6 * draw.beta(1.3, 2.2, n)
    slant = draw.uniform(0.0, 180.0)
    angle = (slant + draw.normal(0.0, 35.0, n)) % 180.0
    depth = natural * draw.uniform(0.10, 0.22, n)
    darkness = draw.uniform(0.16, 0.40, n) * np.clip((natural / MEDIAN_UM) ** 0.35, 0.6, 1.3)
    return PoreTable(
        places[:, 0],
        places[:, 1],
        natural * recipe.pore_diameter_scale,
        elongation,
        angle,
        depth * recipe.pore_diameter_scale,
        np.clip(darkness * recipe.pore_darkness, 0.0, 0.9),
    )


def pits(pores: PoreTable, grid: Grid) -> tuple[Image, Image]:
    """Darkness (share of light lost, 0..1) and depth (um, downward positive) of the pores' pits on a grid.

    A pit's profile is 1 / (1 + rho^5), half of its depth exactly on the ellipse of its stated diameter.
    """
    dark, deep = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    h, w = grid.shape
    for x, y, diameter, elongation, angle, depth, darkness in zip(
        pores.x_mm / grid.mm + (w - 1) / 2,
        pores.y_mm / grid.mm + (h - 1) / 2,
        pores.diameter_um / grid.um,
        pores.elongation,
        np.radians(pores.angle_deg),
        pores.depth_um,
        pores.darkness,
        strict=True,
    ):
        major, minor = diameter / 2 * np.sqrt(elongation), diameter / 2 / np.sqrt(elongation)
        reach = 2.6 * major + 1
        left, right = max(int(x - reach), 0), min(int(x + reach) + 2, w)
        top, bottom = max(int(y - reach), 0), min(int(y + reach) + 2, h)
        if left >= right or top >= bottom or diameter <= 0:
            continue
        dx = (np.arange(left, right) - x).astype(np.float32)[None, :]
        dy = (np.arange(top, bottom) - y).astype(np.float32)[:, None]
        cos, sin = np.cos(angle), np.sin(angle)
        squared = ((dx * cos + dy * sin) / major) ** 2 + ((dy * cos - dx * sin) / minor) ** 2
        profile: NDArray[np.float32] = (1.0 / (1.0 + squared ** (STEEPNESS / 2))).astype(np.float32)
        window = np.s_[top:bottom, left:right]
        np.maximum(dark[window], np.float32(darkness) * profile, out=dark[window])
        np.maximum(deep[window], np.float32(depth) * profile, out=deep[window])
    return dark, deep

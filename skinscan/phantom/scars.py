"""Scars of acne and chickenpox: where they are, the hollows they make, and what they do to the skin's colour.

Kinds after Jacob, Dover and Kaminer (2001, doi 10.1067/mjd.2001.113451): rolling (4-5 mm, gentle), boxcar (1.5-4 mm,
steep walls, a flat floor), icepick (under 2 mm, narrow and deep); and flat marks that are discoloured alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import cv2
import numpy as np

from skinscan.phantom.fields import Grid, Image
from skinscan.phantom.recipes import SkinRecipe

ScarKind = Literal["rolling", "boxcar", "icepick", "flat"]
Tint = Literal["none", "red", "brown", "pale"]

RADIUS_MM: Mapping[ScarKind, tuple[float, float]] = MappingProxyType(
    {"rolling": (1.6, 2.8), "boxcar": (0.75, 2.0), "icepick": (0.42, 0.9), "flat": (0.5, 2.4)}
)
DEPTH: Mapping[ScarKind, float] = MappingProxyType({"rolling": 0.9, "boxcar": 1.0, "icepick": 1.6, "flat": 0.0})
"""Depth in units of the recipe's `scar_depth_um`."""

GAP_MM = 0.5
EDGE = 0.12
"""Width of a discoloured mark's edge, in radii."""
RAGGED = 0.05
"""Amplitude of each of the outline's three waves, in radii."""
SKIN_ALBEDO = 0.45
"""Share of the light meeting a hollow's walls that they send on into it."""
SKY_GRID_UM = 80.0
SKY_REACH_MM = (0.08, 0.16, 0.24, 0.34, 0.48, 0.68, 0.96, 1.2, 1.5, 1.9, 2.4, 3.0)
SKY_AZIMUTHS = 8


@dataclass(frozen=True, slots=True)
class Scar:
    """A scar: centre, mean radius to half depth (flat ones: to half strength), depth, relative change of pigments.

    `elongation` major/minor axis, `angle_deg` of the major axis from +x towards +y, `waves` phases of the outline's
    2nd to 4th wave. `melanin` and `blood` are relative rises (-0.3: 30 % less).
    """

    x_mm: float
    y_mm: float
    radius_mm: float
    kind: ScarKind
    depth_um: float
    melanin: float
    blood: float
    elongation: float
    angle_deg: float
    waves: tuple[float, float, float]

    @property
    def tint(self) -> Tint:
        """What it looks like beside the skin around it."""
        if self.melanin == 0 and self.blood == 0:
            return "none"
        if self.melanin < 0:
            return "pale"
        return "brown" if self.melanin > 0 else "red"


def draw_scars(recipe: SkinRecipe) -> tuple[Scar, ...]:
    """The scars of a recipe: places, sizes and kinds by its seed alone, depths and colours then scaled."""
    if not recipe.scars:
        return ()
    draw = np.random.default_rng([recipe.seed, 8])
    found: list[Scar] = []
    for _ in range(40 * recipe.scars):
        if len(found) == recipe.scars:
            break
        kind: ScarKind = recipe.scar_kinds[int(draw.integers(len(recipe.scar_kinds)))]
        radius = float(np.exp(draw.uniform(*np.log(RADIUS_MM[kind]))))
        x, y = (float(v) for v in draw.uniform(-0.46, 0.46, 2) * (recipe.width_mm, recipe.height_mm))
        depth, melanin, blood = draw.uniform(0.75, 1.25), *_tint(draw, kind)
        shape = (float(draw.uniform(1.0, 1.35)), float(draw.uniform(0, 180)))
        waves = tuple(float(v) for v in draw.uniform(0, 2 * np.pi, 3))
        if any(np.hypot(s.x_mm - x, s.y_mm - y) < 1.3 * (s.radius_mm + radius) + GAP_MM for s in found):
            continue
        um = float(depth * DEPTH[kind] * recipe.scar_depth_um)
        tints = (float(melanin * recipe.scar_colour), float(blood * recipe.scar_colour))
        found.append(Scar(x, y, radius, kind, um, *tints, *shape, waves))  # type: ignore[arg-type]
    return tuple(found)


def _tint(draw: np.random.Generator, kind: ScarKind) -> tuple[float, float]:
    """Relative rises of melanin and blood: red, brown or pale; hollows are often of the skin's own colour."""
    which = int(draw.integers(3 if kind == "flat" else 6))
    strength = float(draw.uniform(0.7, 1.3)) * (1.0 if kind == "flat" else 0.7)
    rises = {0: (0.0, 0.9), 1: (0.45, 0.1), 2: (-0.45, -0.4)}.get(which, (0.0, 0.0))
    return rises[0] * strength, rises[1] * strength


def _reach(scar: Scar, grid: Grid, x: Image, y: Image) -> tuple[tuple[slice, slice], Image]:
    """The window of the grid around a scar and how far its cells lie out, in the outline's own radius there."""
    reach = 3.2 * scar.radius_mm * scar.elongation**0.5
    columns, rows = (
        slice(*np.searchsorted(axis, (middle - reach, middle + reach)))
        for axis, middle in ((x, scar.x_mm), (y, scar.y_mm))
    )
    dx, dy = x[None, columns] - np.float32(scar.x_mm), y[rows, None] - np.float32(scar.y_mm)
    cos, sin = (np.float32(f(np.radians(scar.angle_deg))) for f in (np.cos, np.sin))
    along = (dx * cos + dy * sin) / np.float32(scar.elongation**0.5)
    across = (dy * cos - dx * sin) * np.float32(scar.elongation**0.5)
    angle = np.arctan2(across, along)
    outline = np.ones_like(angle)
    for order, phase in enumerate(scar.waves, start=2):
        outline += np.float32(RAGGED) * np.cos(np.float32(order) * angle + np.float32(phase))
    far = np.hypot(along, across) / (np.float32(scar.radius_mm) * outline)
    return (rows, columns), np.asarray(far, np.float32)


def _hollow(kind: ScarKind, far: Image) -> Image:
    """Depth at `far` radii in units of the scar's depth: one half at 1."""
    if kind == "rolling":
        return np.asarray(np.exp(np.float32(-np.log(2.0)) * far * far))
    power = 10.0 if kind == "boxcar" else 3.0
    return np.asarray(1.0 / (1.0 + np.minimum(far, 30.0) ** np.float32(power)))


def draw_on(scars: Sequence[Scar], grid: Grid) -> tuple[Image, Image, Image, Image]:
    """Maps (h, w) of scars: relief in um (0 or below), rises of ln melanin and ln blood, and where a scar is (0, 1)."""
    relief, melanin, blood, inside = (np.zeros(grid.shape, np.float32) for _ in range(4))
    x, y = grid.axes()
    for scar in scars:
        window, far = _reach(scar, grid, x, y)
        if not far.size:
            continue
        if scar.depth_um > 0:
            np.minimum(relief[window], np.float32(-scar.depth_um) * _hollow(scar.kind, far), out=relief[window])
        mark = 1.0 / (1.0 + np.exp(np.minimum((far - 1.0) / np.float32(EDGE), 60.0)))
        melanin[window] += np.log1p(np.float32(scar.melanin) * mark)
        blood[window] += np.log1p(np.float32(scar.blood) * mark)
        np.maximum(inside[window], (far <= 1.0).astype(np.float32), out=inside[window])
    return relief, melanin, blood, inside


def light_in_hollows(relief_um: Image, grid: Grid) -> Image:
    """Share of light (h, w) that hollows wider than pores let through, 1 on level skin.

    Of the sky each place sees what lies over its horizon, cos^2 of the horizon's height averaged over azimuths; light
    that meets the walls comes back in part (a cavity of albedo a with opening F sends F / (1 - a (1 - F)) on).
    """
    step = max(int(SKY_GRID_UM / grid.um), 1)
    h, w = relief_um.shape
    small = cv2.resize(relief_um, (max(w // step, 1), max(h // step, 1)), interpolation=cv2.INTER_AREA)
    mm = grid.mm * w / small.shape[1]
    sky: Image = np.zeros_like(small)
    for azimuth in np.arange(SKY_AZIMUTHS) * (2 * np.pi / SKY_AZIMUTHS):
        horizon = np.zeros_like(small)
        for far in SKY_REACH_MM:
            shift = np.array([[1, 0, np.cos(azimuth) * far / mm], [0, 1, np.sin(azimuth) * far / mm]])
            there = cv2.warpAffine(small, shift, small.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
            np.maximum(horizon, (there - small) / np.float32(1000 * far), out=horizon)
        sky = sky + np.float32(1 / SKY_AZIMUTHS) / (1.0 + horizon * horizon)
    through = sky / (1.0 - np.float32(SKIN_ALBEDO) * (1.0 - sky))
    return np.asarray(cv2.resize(through, (w, h), interpolation=cv2.INTER_LINEAR), np.float32)

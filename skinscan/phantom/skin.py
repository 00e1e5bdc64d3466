"""Skin with known answers: maps of pigment, blood and relief in the skin's plane."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.phantom import foci as red_foci
from skinscan.phantom.coat import Coat
from skinscan.phantom.dimples import dimple_relief
from skinscan.phantom.fields import Grid, Image, furrow_net, octaves, smooth_noise
from skinscan.phantom.light import lab_of
from skinscan.phantom.optics import BLOOD, MELANIN, Float, reflectance
from skinscan.phantom.pores import PoreTable, draw_pores, pits
from skinscan.phantom.recipes import SkinRecipe
from skinscan.phantom.scars import Scar, draw_on, draw_scars, light_in_hollows
from skinscan.phantom.striae import Stria, draw_striae
from skinscan.phantom.tracks import Track, draw_tracks

SQ_UM = 17.0
"""Root mean square height of the default relief, pores and lines left out."""
CAVITY_PER_UM = 0.005
"""Optical depth that each um below the surroundings adds: furrows see less of the light."""
CAVITY_MM = 0.35
SPOT_MELANIN = 0.03
"""A macule of strength 1 doubles the melanin of a skin that holds this much."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A macule or an erythema patch: centre, radius to half strength, peak relative rise of its pigment."""

    x_mm: float
    y_mm: float
    radius_mm: float
    strength: float


@dataclass(frozen=True, slots=True)
class Line:
    """A wrinkle: a valley of Gaussian profile along a path (n, 2) mm, fading over the fifth at either end."""

    path_mm: tuple[tuple[float, float], ...]
    depth_um: float
    sigma_mm: float


@dataclass(frozen=True, slots=True)
class Hair:
    """A hair along a path (n, 2) mm. Vellus hair is thin and half transparent."""

    path_mm: tuple[tuple[float, float], ...]
    width_um: float
    vellus: bool


@dataclass(frozen=True, eq=False)
class Skin:
    """Maps (h, w) float32 in the skin's plane, `grid.um` a cell, and the tables they were drawn from.

    `melanin`, `blood`: volume fractions of epidermis and dermis. `furrows_um`: the skin's own relief, zero
    mean; `lines_um` wrinkles and marks (0 or below but for the creases of stretch marks), `pits_um` pores (0 or
    below), `marks_um` scars (below 0) and papules (above); `dimples_um` cellulite, None without. `dark`: share of light
    lost in pores. `scarred`: 1 inside a scar's outline, else 0. `hair` (h, w): share covered by hair; `coat` how the
    strands of a scalp look, None on skin with single hairs.
    """

    recipe: SkinRecipe
    grid: Grid
    melanin: Image
    blood: Image
    furrows_um: Image
    lines_um: Image
    pits_um: Image
    dark: Image
    hair: Image
    pores: PoreTable
    spots: tuple[Patch, ...]
    redness: tuple[Patch, ...]
    lines: tuple[Line, ...]
    hairs: tuple[Hair, ...]
    scars: tuple[Scar, ...]
    foci: tuple[red_foci.Focus, ...]
    marks_um: Image
    scarred: Image
    dimples_um: Image | None = None
    coat: Coat | None = None
    striae: tuple[Stria, ...] = ()
    tracks: tuple[Track, ...] = ()
    cache: dict[object, object] = field(default_factory=dict, repr=False)

    @property
    def height_um(self) -> Image:
        """The whole relief (h, w)."""
        relief = self.furrows_um + self.lines_um + self.pits_um
        if self.scars or self.foci:
            relief = relief + self.marks_um
        return np.asarray(relief if self.dimples_um is None else relief + self.dimples_um)

    @property
    def flat_melanin(self) -> float:
        return MELANIN[self.recipe.tone] * self.recipe.melanin_scale

    @property
    def flat_blood(self) -> float:
        return BLOOD * self.recipe.blood_scale

    @cached_property
    def flat_lab(self) -> Float:
        """CIELAB (D65) of flat skin of the recipe's pigment, no mottling, surface reflection included."""
        return lab_of(reflectance(self.flat_melanin, self.flat_blood))

    @cached_property
    def sq_um(self) -> dict[str, float]:
        """Root mean square of the skin's own relief and its wrinkles: all of it and by bands of spatial wavelength."""
        relief = self.furrows_um + self.lines_um
        middle = relief - relief.mean()
        out = {"all": float(np.sqrt(np.mean(middle.astype(np.float64) ** 2)))}
        for low, high in ((100, 250), (250, 500), (500, 1000), (1000, 2000), (2000, 5000)):
            band = _low_pass(middle, low / self.grid.um) - _low_pass(middle, high / self.grid.um)
            out[f"{low}_{high}um"] = float(np.sqrt(np.mean(band.astype(np.float64) ** 2)))
        return out

    @cached_property
    def slopes(self) -> tuple[Image, Image]:
        """dz/dx and dz/dy, dimensionless, z up."""
        height = self.height_um
        kernel = np.array([[-1, 0, 1]], np.float32) / np.float32(2 * self.grid.um)
        return np.asarray(cv2.filter2D(height, -1, kernel)), np.asarray(cv2.filter2D(height, -1, kernel.T))

    @cached_property
    def transmitted(self) -> Image:
        """Share of light that pores, furrows and scars let through, 1 on level skin (green light)."""
        relief = self.furrows_um + self.lines_um
        below = np.minimum(relief - fast_blur(relief, CAVITY_MM / self.grid.mm), 0.0)
        result: Image = np.exp(np.float32(CAVITY_PER_UM) * below) * (1.0 - self.dark)
        return result * light_in_hollows(self.marks_um, self.grid) if self.marks_um.any() else result


def _low_pass(image: Image, wavelength_cells: float) -> Image:
    """Gaussian that passes half the amplitude at a wavelength."""
    return fast_blur(image, wavelength_cells * float(np.sqrt(np.log(2.0) / 2.0)) / np.pi)


def fast_blur(image: Image, sigma: float) -> Image:
    """Gaussian blur; wide ones on a reduced copy."""
    if sigma <= 0:
        return image
    step = max(int(sigma / 3.0), 1)
    if step == 1:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))
    h, w = image.shape[:2]
    small = cv2.resize(image, (max(w // step, 1), max(h // step, 1)), interpolation=cv2.INTER_AREA)
    # reducing (box) and enlarging (triangle) each add variance of their own
    rest = np.sqrt(max((sigma / step) ** 2 - 1.0 / 12.0 - 1.0 / 6.0, 0.05))
    small = cv2.GaussianBlur(small, (0, 0), float(rest), borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR))


def make_skin(recipe: SkinRecipe, grid_um: float = 20.0) -> Skin:
    """The skin of a recipe on a grid of `grid_um`; fine enough for cameras of up to 1000 / (1.5 grid_um)
    px/mm."""
    grid = Grid(grid_um, recipe.width_mm, recipe.height_mm)
    pores = draw_pores(recipe)
    dark, deep = pits(pores, grid)
    lines, lines_um = _lines(recipe, grid)
    # a macule adds pigment of its own, so it stands out less where there is much already
    spot_strength = recipe.spot_strength * float(np.sqrt(SPOT_MELANIN / MELANIN[recipe.tone]))
    spots = _patches(recipe, 4, recipe.spots, spot_strength, (0.5, 2.0))
    redness = _patches(recipe, 5, recipe.redness_patches, recipe.redness_strength, (2.0, 7.0))
    melanin, blood = _pigments(recipe, grid, spots, redness)
    scars = draw_scars(recipe)
    hollows, more_melanin, more_blood, scarred = draw_on(scars, grid)
    if scars:
        melanin, blood = melanin * np.exp(more_melanin), blood * np.exp(more_blood)
    foci = red_foci.draw_foci(recipe)
    if foci:
        domes, redder = red_foci.draw_on(foci, grid)
        hollows, blood = hollows + domes, blood * np.exp(redder)
    if recipe.left_blood or recipe.left_melanin:
        left = _left_half(grid)
        melanin, blood = melanin * (1 + recipe.left_melanin * left), blood * (1 + recipe.left_blood * left)
    hairs, hair = _hairs(recipe, grid)
    furrows = _furrows(recipe, grid)
    striae: tuple[Stria, ...] = ()
    tracks: tuple[Track, ...] = ()
    if recipe.striae is not None:
        bands = draw_striae(recipe.striae, grid)
        striae = bands.marks
        melanin, blood, lines_um = melanin * bands.melanin, blood * bands.blood, lines_um + bands.relief_um
    if recipe.tracks is not None:
        scratches = draw_tracks(recipe.tracks, grid)
        tracks = scratches.tracks
        blood, lines_um = blood * scratches.blood, lines_um + scratches.relief_um
    return Skin(
        recipe,
        grid,
        melanin,
        blood,
        furrows,
        lines_um,
        -deep,
        dark,
        hair,
        pores,
        spots,
        redness,
        lines,
        hairs,
        scars,
        foci,
        hollows,
        scarred,
        dimple_relief(recipe, grid),
        striae=striae,
        tracks=tracks,
    )


def _left_half(grid: Grid) -> Image:
    """1 where x > 0, else 0, over 2 mm: (1, w)."""
    x = np.asarray(grid.axes()[0], np.float64)
    return np.asarray(1 / (1 + np.exp(-4 * np.clip(x, -9, 9))), np.float32)[None, :]


def _furrows(recipe: SkinRecipe, grid: Grid) -> Image:
    draw = np.random.default_rng([recipe.seed, 2])
    angle = draw.uniform(0.0, 180.0)
    primary = furrow_net(draw, grid, 0.62 * draw.uniform(0.85, 1.2), 0.055, draw.uniform(1.2, 1.8), angle)
    secondary = furrow_net(draw, grid, 0.30 * draw.uniform(0.85, 1.2), 0.033, 1.3, angle + draw.uniform(50.0, 90.0))
    plateaus = octaves(draw, grid, (1.2, 0.6, 0.3), 0.7)
    fine = octaves(draw, grid, (0.11, 0.06), 0.7)
    worn = np.clip(0.75 + 0.45 * smooth_noise(draw, grid, 2.2), 0.15, 1.6)  # nets fade in places, as on real skin
    height = -0.85 * worn * primary - 0.42 * secondary + 0.20 * plateaus + 0.055 * fine
    height -= height.mean()
    height *= np.float32(SQ_UM * recipe.roughness_scale / max(float(height.std()), 1e-9))
    return np.asarray(height, np.float32)


def _patches(
    recipe: SkinRecipe, stream: int, count: int, strength: float, radius_mm: tuple[float, float]
) -> tuple[Patch, ...]:
    draw = np.random.default_rng([recipe.seed, stream])
    found = []
    for _ in range(count):
        x, y = draw.uniform(-0.42, 0.42, 2) * (recipe.width_mm, recipe.height_mm)
        radius = np.exp(draw.uniform(np.log(radius_mm[0]), np.log(radius_mm[1])))
        found.append(Patch(float(x), float(y), float(radius), float(strength * draw.uniform(0.5, 1.3))))
    return tuple(found)


def _pigments(
    recipe: SkinRecipe, grid: Grid, spots: tuple[Patch, ...], redness: tuple[Patch, ...]
) -> tuple[Image, Image]:
    draw = np.random.default_rng([recipe.seed, 3])
    mottle = np.float32(recipe.mottling)
    melanin = 0.07 * mottle * octaves(draw, grid, (4.0, 1.5, 0.5, 0.2), 0.75)
    blood = 0.14 * mottle * octaves(draw, grid, (5.0, 2.0, 0.8, 0.35), 0.85)
    x, y = grid.axes()
    ragged = smooth_noise(draw, grid, 0.5)
    for target, patches, edge in ((melanin, spots, 0.10), (blood, redness, 0.35)):
        rise = np.zeros(grid.shape, np.float32)
        for p in patches:
            far = np.hypot(x[None, :] - np.float32(p.x_mm), y[:, None] - np.float32(p.y_mm))
            wobble = 1.0 + np.float32(0.1) * ragged
            inside = np.minimum((far * wobble / np.float32(p.radius_mm) - 1.0) / np.float32(edge), 60.0)
            rise += np.float32(p.strength) / (1.0 + np.exp(inside))
        target += np.log1p(rise)
    melanin_flat = MELANIN[recipe.tone] * recipe.melanin_scale
    blood_flat = BLOOD * recipe.blood_scale
    return (
        np.asarray(np.float32(melanin_flat) * np.exp(melanin), np.float32),
        np.asarray(np.float32(blood_flat) * np.exp(blood), np.float32),
    )


def _path(draw: np.random.Generator, recipe: SkinRecipe, length_mm: float, bend: float) -> NDArray[np.float64]:
    """A gently curved path (24, 2) mm."""
    start = draw.uniform(-0.5, 0.5, 2) * (recipe.width_mm, recipe.height_mm)
    heading = draw.uniform(0, 2 * np.pi) + np.cumsum(draw.normal(0.0, 0.05, 24)) + np.linspace(0, bend, 24)
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=-1) * (length_mm / 24)
    path = np.cumsum(steps, axis=0)
    result: NDArray[np.float64] = start + path - path.mean(axis=0)
    return result


def _stroke(grid: Grid, path: NDArray[np.float64], width_um: float) -> Image:
    """Anti-aliased share of each cell that a stroke covers."""
    fine = 2
    h, w = grid.shape
    canvas = np.zeros((h * fine, w * fine), np.uint8)
    at = (path / grid.mm + np.array([w / 2, h / 2])) * fine - 0.5
    cv2.polylines(
        canvas, [np.rint(at * 16).astype(np.int32)], False, 255, max(round(width_um / grid.um * fine), 1),
        cv2.LINE_AA, 4,
    )  # fmt: skip
    return np.asarray(cv2.resize(canvas, (w, h), interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)


def _lines(recipe: SkinRecipe, grid: Grid) -> tuple[tuple[Line, ...], Image]:
    draw = np.random.default_rng([recipe.seed, 6])
    lines = []
    depth = np.zeros(grid.shape, np.float32)
    x, y = grid.axes()
    for _ in range(recipe.lines):
        path = _path(draw, recipe, draw.uniform(0.3, 0.7) * min(recipe.width_mm, recipe.height_mm), draw.normal(0, 0.4))
        line = Line(
            tuple(map(tuple, path.tolist())),
            recipe.line_depth_um * draw.uniform(0.8, 1.2),
            draw.uniform(0.1, 0.18),
        )
        lines.append(line)
        far = cv2.distanceTransform(
            np.where(_stroke(grid, path, grid.um) > 0.25, 0, 255).astype(np.uint8), cv2.DIST_L2, 5
        )
        valley = np.exp(-0.5 * (far * np.float32(grid.mm / line.sigma_mm)) ** 2)
        start, run = path[0], path[-1] - path[0]
        place = ((x[None, :] - start[0]) * run[0] + (y[:, None] - start[1]) * run[1]) / np.dot(run, run)
        fade = np.clip(np.minimum(place, 1.0 - place) / 0.2, 0.0, 1.0)
        np.minimum(depth, -line.depth_um * valley * fade * fade * (3.0 - 2.0 * fade), out=depth)
    if lines:
        depth = np.asarray(cv2.GaussianBlur(depth, (0, 0), 20.0 / grid.um), np.float32)
    return tuple(lines), depth


def _hairs(recipe: SkinRecipe, grid: Grid) -> tuple[tuple[Hair, ...], Image]:
    draw = np.random.default_rng([recipe.seed, 7])
    hairs = []
    cover = np.zeros(grid.shape, np.float32)
    for vellus, count in ((False, recipe.hairs), (True, recipe.vellus)):
        if not count:
            continue
        paths = []
        for _ in range(count):
            path = _path(
                draw,
                recipe,
                draw.uniform(1.5, 4.0) if vellus else draw.uniform(4.0, 14.0),
                draw.normal(0, 0.7),
            )
            width = draw.uniform(15, 30) if vellus else draw.uniform(30, 80)
            hairs.append(Hair(tuple(map(tuple, path.tolist())), float(width), vellus))
            paths.append((path, width))
        for path, width in paths:
            low = np.floor((path.min(axis=0) - 0.3) / grid.mm).astype(int)
            high = np.ceil((path.max(axis=0) + 0.3) / grid.mm).astype(int)
            h, w = grid.shape
            left, top = max(low[0] + w // 2, 0), max(low[1] + h // 2, 0)
            right, bottom = min(high[0] + w // 2, w), min(high[1] + h // 2, h)
            if left >= right or top >= bottom:
                continue
            part = Grid(grid.um, (right - left) * grid.mm, (bottom - top) * grid.mm)
            centre = (np.array([(left + right) / 2, (top + bottom) / 2]) - np.array([w / 2, h / 2])) * grid.mm
            stroke = _stroke(part, path - centre, width)
            if width < grid.um:
                stroke *= np.float32(width / grid.um)
            window = np.s_[top:bottom, left:right]
            np.maximum(cover[window], stroke * np.float32(0.2 if vellus else 0.9), out=cover[window])
    return tuple(hairs), cover

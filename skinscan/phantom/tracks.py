"""Marks of a needling device dragged over the skin: thin lines, reddened or scratched, parallel or at random."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from skinscan.phantom.fields import Grid, Image, smooth_noise
from skinscan.records import ParameterError


@dataclass(frozen=True, slots=True)
class TracksRecipe:
    """Thin marks: `count` of them side by side, `spacing_mm` apart, about `direction_deg` (from +x towards +y).

    `spread_deg` is the SD of their directions; from 45 they also lie at random. `width_um` is the full width at half
    strength. `blood` is the relative rise of blood in the middle of a mark, `depth_um` how deep it is scratched.
    `dashes_mm` breaks a mark into pricks that far apart (0: drawn through).
    """

    seed: int = 0
    count: int = 5
    spacing_mm: float = 2.0
    direction_deg: float = 20.0
    spread_deg: float = 2.0
    length_mm: tuple[float, float] = (10.0, 18.0)
    width_um: float = 250.0
    blood: float = 1.0
    depth_um: float = 0.0
    dashes_mm: float = 0.0
    at_mm: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if min(self.spacing_mm, self.width_um, *self.length_mm) <= 0 or self.blood <= -1:
            raise ParameterError(
                "No mark is like that", expected="spacing, width and length above 0, blood above -1", found=str(self)
            )


@dataclass(frozen=True, slots=True)
class Track:
    """A mark along a path (n, 2) mm."""

    path_mm: tuple[tuple[float, float], ...]
    width_um: float


@dataclass(frozen=True, eq=False)
class DrawnTracks:
    """Marks on a grid, (h, w): factor on blood, and the relief that they add, um (0 or below)."""

    tracks: tuple[Track, ...]
    blood: Image
    relief_um: Image


def draw_tracks(recipe: TracksRecipe, grid: Grid) -> DrawnTracks:
    """The marks of a recipe; the same on any grid."""
    draw = np.random.default_rng([recipe.seed, 9])
    tracks = tuple(_track(recipe, number, draw) for number in range(recipe.count))
    uneven = np.clip(1 + np.float32(0.2) * smooth_noise(draw, grid, 0.8), 0.3, 1.7)
    strength = np.zeros(grid.shape, np.float32)
    for track in tracks:
        np.maximum(strength, _strength(track, grid, recipe.dashes_mm), out=strength)
    strength *= uneven
    blood = np.asarray(1 + np.float32(recipe.blood) * strength, np.float32)
    return DrawnTracks(tracks, blood, np.asarray(np.float32(-recipe.depth_um) * strength, np.float32))


def _track(recipe: TracksRecipe, number: int, draw: np.random.Generator) -> Track:
    length, turn = float(draw.uniform(*recipe.length_mm)), float(draw.normal(0, 1))
    beside, along = draw.normal(0, 0.05, 2)
    stray = draw.uniform(-0.5, 0.5, 2) * recipe.count * recipe.spacing_mm * 1.5
    at_random = recipe.spread_deg >= 45
    heading = np.radians(recipe.direction_deg + recipe.spread_deg * turn)
    heading = heading + np.cumsum(draw.normal(0, 0.01, 30)) + 0.1 * draw.normal() * np.linspace(-0.5, 0.5, 30)
    path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1) * length / 30, 0)
    across, ahead = np.radians(recipe.direction_deg + 90), np.radians(recipe.direction_deg)
    off = (number - (recipe.count - 1) / 2 + beside) * recipe.spacing_mm
    row = off * np.array([np.cos(across), np.sin(across)]) + 20 * along * np.array([np.cos(ahead), np.sin(ahead)])
    middle = np.array(recipe.at_mm) + (stray if at_random else row)
    return Track(tuple(map(tuple, (path - path.mean(0) + middle).tolist())), recipe.width_um)


def _strength(track: Track, grid: Grid, dashes_mm: float) -> Image:
    """Gaussian across, fading over the tenth at either end; pricked where asked for."""
    path = np.array(track.path_mm)
    line = np.full(grid.shape, 255, np.uint8)
    at = (path / grid.mm + (np.array(grid.shape[::-1]) - 1) / 2) * 16
    cv2.polylines(line, [np.rint(at).astype(np.int32)], False, 0, 1, cv2.LINE_8, 4)
    far = cv2.distanceTransform(line, cv2.DIST_L2, 5) * np.float32(grid.mm)
    sigma = track.width_um / 2354.8
    x, y = grid.axes()
    run = path[-1] - path[0]
    place = ((x[None, :] - path[0, 0]) * run[0] + (y[:, None] - path[0, 1]) * run[1]) / (run @ run)
    fade = np.clip(np.minimum(place, 1 - place) / 0.1, 0, 1)
    across = np.exp(-0.5 * np.minimum(far / np.float32(sigma), 12) ** 2)
    if dashes_mm:
        fade = fade * (0.5 + 0.5 * np.cos(2 * np.pi * place * np.hypot(*run) / dashes_mm))
    return np.asarray(fade * across, np.float32)

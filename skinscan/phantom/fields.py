"""Random fields in millimetres: the same field on any grid, so a skin does not depend on its resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Image = NDArray[np.floating[Any]]
"""A map over a grid, float32 throughout."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of `um` in the skin's plane, centred on (0, 0) mm."""

    um: float
    width_mm: float
    height_mm: float

    @property
    def shape(self) -> tuple[int, int]:
        return round(self.height_mm * 1000 / self.um), round(self.width_mm * 1000 / self.um)

    @property
    def mm(self) -> float:
        return self.um / 1000.0

    def axes(self) -> tuple[Image, Image]:
        """x mm of the columns (w,) and y mm of the rows (h,)."""
        h, w = self.shape
        x = (np.arange(w) - (w - 1) / 2) * self.mm
        y = (np.arange(h) - (h - 1) / 2) * self.mm
        return x.astype(np.float32), y.astype(np.float32)

    def from_mm(self) -> NDArray[np.float64]:
        """(3, 3) from mm to cell (column, row)."""
        h, w = self.shape
        return np.array([[1 / self.mm, 0, (w - 1) / 2], [0, 1 / self.mm, (h - 1) / 2], [0, 0, 1]])


def smooth_noise(draw: np.random.Generator, grid: Grid, spacing_mm: float) -> Image:
    """Isotropic noise of unit variance whose finest wavelength is about twice `spacing_mm`."""
    h, w = grid.shape
    columns = int(np.ceil(grid.width_mm / spacing_mm)) + 5
    rows = int(np.ceil(grid.height_mm / spacing_mm)) + 5
    lattice = draw.standard_normal((rows, columns)).astype(np.float32)
    lattice = np.asarray(cv2.GaussianBlur(lattice, (0, 0), 0.7, borderType=cv2.BORDER_REFLECT), np.float32)
    lattice /= max(float(lattice.std()), 1e-6)
    step = grid.mm / spacing_mm
    to_lattice = np.array(
        [[step, 0, (columns - 1) / 2 - step * (w - 1) / 2], [0, step, (rows - 1) / 2 - step * (h - 1) / 2]]
    )
    # cv2.warpAffine looks up its source at 1/32 cell: too coarse for slopes, so two separable exact passes
    across = _cubic_rows(lattice, to_lattice[0, 2], step, w)
    return np.ascontiguousarray(_cubic_rows(np.ascontiguousarray(across.T), to_lattice[1, 2], step, h).T)


def _cubic_rows(image: Image, start: float, step: float, count: int) -> Image:
    """Each row of (h, n) resampled at start + step * k by cubic B-splines: (h, count)."""
    at = start + step * np.arange(count)
    base = np.floor(at).astype(int)
    t = at - base
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    where = np.clip(base[:, None] + np.arange(-1, 3), 0, image.shape[1] - 1)
    matrix = csr_matrix(
        (weights.astype(np.float32).ravel(), where.ravel(), np.arange(0, 4 * count + 1, 4)),
        shape=(count, image.shape[1]),
    )
    return np.asarray(matrix @ image.T, np.float32).T


def octaves(draw: np.random.Generator, grid: Grid, spacings_mm: tuple[float, ...], fall: float) -> Image:
    """A sum of smooth noises, each `fall` times as strong as the coarser one before it; unit variance.

    Noises finer than the grid can hold are left out, their variance with them.
    """
    total = np.zeros(grid.shape, np.float32)
    power = 0.0
    for order, spacing in enumerate(spacings_mm):
        if spacing > 0.8 * grid.mm:
            total += np.float32(fall**order) * smooth_noise(draw, grid, spacing)
        power += fall ** (2 * order)
    total /= np.float32(np.sqrt(power))
    return total


def furrow_net(
    draw: np.random.Generator,
    grid: Grid,
    spacing_mm: float,
    width_mm: float,
    stretch: float,
    angle_deg: float,
) -> Image:
    """Furrows around irregular cells: 0 on the plateaus, 1 at the bottom of a furrow.

    The borders of a jittered lattice's Voronoi cells, `spacing_mm` apart, stretched along `angle_deg`, bent
    by noise, of Gaussian profile (standard deviation `width_mm`) and of uneven depth.
    """
    um = max(grid.um, 25.0)
    reach = float(np.hypot(grid.width_mm, grid.height_mm)) + 4.0
    net = Grid(um, reach / stretch + 2.0, reach)
    h, w = net.shape
    count_y, count_x = int(net.height_mm / spacing_mm), int(net.width_mm / spacing_mm)
    y, x = np.mgrid[0:count_y, 0:count_x].astype(np.float64)
    x += 0.5 * (y % 2) + draw.uniform(-0.42, 0.42, x.shape)
    y += draw.uniform(-0.42, 0.42, y.shape)
    column = np.clip(np.rint(x * spacing_mm / net.mm), 0, w - 1).astype(int)
    row = np.clip(np.rint(y * spacing_mm / net.mm), 0, h - 1).astype(int)
    seeds = np.full((h, w), 255, np.uint8)
    seeds[row, column] = 0
    _, cell = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    inner = np.full((h, w), 255, np.uint8)
    inner[:, 1:][cell[:, 1:] != cell[:, :-1]] = 0
    inner[1:][cell[1:] != cell[:-1]] = 0
    distance = cv2.distanceTransform(inner, cv2.DIST_L2, 5) * np.float32(net.mm)
    profile = np.exp(-0.5 * (distance / np.float32(width_mm)) ** 2)
    profile = cv2.GaussianBlur(profile, (0, 0), 25.0 / um)

    bend = [smooth_noise(draw, grid, 3 * spacing_mm) * np.float32(0.22 * spacing_mm) for _ in range(2)]
    depth = 0.75 + 0.3 * smooth_noise(draw, grid, 2 * spacing_mm)
    xs, ys = grid.axes()
    cos, sin = np.float32(np.cos(np.radians(angle_deg))), np.float32(np.sin(np.radians(angle_deg)))
    gx, gy = xs[None, :] + bend[0], ys[:, None] + bend[1]
    along = (gx * cos + gy * sin) / np.float32(stretch * net.mm) + np.float32((w - 1) / 2)
    across = (gy * cos - gx * sin) / np.float32(net.mm) + np.float32((h - 1) / 2)
    out = cv2.remap(profile, along, across, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(out * np.clip(depth, 0.1, 1.5), np.float32)

"""Melanin and haemoglobin coordinates of optical densities.

Differences between channels, u = D_G - D_R and v = D_B - D_G, are free of shading and exposure. In their plane the
skin model draws a curve c(m) of rising melanin at ordinary blood, and at each of its points the direction w(m) in
which blood moves the colour. A colour is told by the two coordinates of u, v = c(m) + h w(m). One fixed pair of
vectors (straight c, constant w) is the usual linear unmixing; on skin the direction of blood turns by 40 degrees
from tone I to V, so that it reads blood as melanin on light skin.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

GRID = 512
EXACT_PX = 65_536
LARGEST_SIDE = 32_767  # OpenCV's limit
LOWEST, HIGHEST = -1.2, 1.8
"""The square of u and v that the table covers; colours beyond it are taken at its edge."""


@dataclass(frozen=True, eq=False)
class Unmixing:
    """The curve of rising melanin, (n,) each: its coordinate, u, v and the angle of w (radians); and h of no blood."""

    melanin: NDArray[np.float64]
    u: NDArray[np.float64]
    v: NDArray[np.float64]
    angle: NDArray[np.float64]
    bloodless: float

    def at(self, melanin: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """c and the angle of w at melanin coordinates; straight on beyond both ends."""
        inside = np.clip(melanin, self.melanin[0], self.melanin[-1])
        beyond = melanin - inside
        low = (self.u[1] - self.u[0]) / (self.melanin[1] - self.melanin[0])
        high = (self.u[-1] - self.u[-2]) / (self.melanin[-1] - self.melanin[-2])
        low_v = (self.v[1] - self.v[0]) / (self.melanin[1] - self.melanin[0])
        high_v = (self.v[-1] - self.v[-2]) / (self.melanin[-1] - self.melanin[-2])
        u = np.interp(inside, self.melanin, self.u) + beyond * np.where(beyond < 0, low, high)
        v = np.interp(inside, self.melanin, self.v) + beyond * np.where(beyond < 0, low_v, high_v)
        return u, v, np.interp(inside, self.melanin, self.angle)


def solve(unmixing: Unmixing, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Melanin and haemoglobin coordinates (..., 2) of u and v (...), by bisection to 1e-6."""
    span = 4 * (HIGHEST - LOWEST)
    low = np.full(u.shape, unmixing.melanin[0] - span)
    high = np.full(u.shape, unmixing.melanin[-1] + span)
    for _ in range(36):
        middle = (low + high) / 2
        cu, cv, angle = unmixing.at(middle)
        # the side of the line c + h w on which the colour lies; it moves along the curve with melanin
        beyond = (v - cv) * np.cos(angle) - (u - cu) * np.sin(angle) > 0
        low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
    melanin = (low + high) / 2
    cu, cv, angle = unmixing.at(melanin)
    blood = (u - cu) * np.cos(angle) + (v - cv) * np.sin(angle) - unmixing.bloodless
    return np.stack([melanin, blood], -1)


def table(unmixing: Unmixing) -> NDArray[np.float32]:
    """`solve` on a grid of u (columns) and v (rows), (GRID, GRID, 2)."""
    axis = np.linspace(LOWEST, HIGHEST, GRID)
    u, v = np.meshgrid(axis, axis)
    return solve(unmixing, u, v).astype(np.float32)


def unmix(density: NDArray[np.floating], solved: NDArray[np.float32], exact: bool | None = None) -> NDArray[np.float32]:
    """Melanin and haemoglobin (h, w, 2) of optical densities (h, w, 3), bilinear in a `table` (error under 1e-4).

    Not `exact` (where it is not said: over EXACT_PX pixels), OpenCV's bilinear look-up is taken, which rounds a place
    to 1/32 of the table's step: beside it 7e-5 a pixel, to either side.
    """
    density = np.asarray(density, np.float32)
    return unmix_differences(density[..., 1] - density[..., 0], density[..., 2] - density[..., 1], solved, exact)


def unmix_differences(
    u: NDArray[np.float32], v: NDArray[np.float32], solved: NDArray[np.float32], exact: bool | None = None
) -> NDArray[np.float32]:
    """The same from u = D_G - D_R and v = D_B - D_G, (h, w) each."""
    per_step = np.float32((GRID - 1) / (HIGHEST - LOWEST))
    column, row = (u - np.float32(LOWEST)) * per_step, (v - np.float32(LOWEST)) * per_step
    exact = column.size <= EXACT_PX if exact is None else exact
    if exact or max(column.shape) >= LARGEST_SIDE:
        return _bilinear(solved, column, row)
    out = np.asarray(cv2.remap(solved, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
    if not np.isfinite(cv2.sumElems(column)[0] + cv2.sumElems(row)[0]):
        out[~np.isfinite(column + row)] = np.nan
    return out


def _bilinear(
    solved: NDArray[np.float32], column: NDArray[np.float32], row: NDArray[np.float32]
) -> NDArray[np.float32]:
    known = np.isfinite(column) & np.isfinite(row)
    column, row = (np.clip(np.where(known, place, 0), 0, GRID - 1.001) for place in (column, row))
    left, top = column.astype(np.int32), row.astype(np.int32)
    x, y = (column - left)[..., None], (row - top)[..., None]
    upper = solved[top, left] * (1 - x) + solved[top, left + 1] * x
    lower = solved[top + 1, left] * (1 - x) + solved[top + 1, left + 1] * x
    return np.where(known[..., None], upper * (1 - y) + lower * y, np.float32(np.nan)).astype(np.float32)

"""Squares that stand in rows and columns."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.squares import Squares

Array = NDArray[np.float64]

LEAST_MEMBERS = 6
"""Squares that must stand together; a quarter of a card hidden and as much in the dark leave twice as many."""

STEP = (1.0, 1.75)
"""From one square to the next, in sides of the square's even middle: patches fill 0.76 to 0.92 of a pitch, and blur
takes a pixel or two off small ones."""

NEAR = 0.24
"""How far from its expected place the next square may lie, in steps."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Squares with whole coordinates (n, 2) and the homography (3, 3) from these to pixels."""

    cells: NDArray[np.int64]
    centres: Array
    homography: Array

    def __len__(self) -> int:
        return len(self.cells)


def lattices(squares: Squares, *, largest: int = 60) -> list[Lattice]:
    """All lattices of at least LEAST_MEMBERS squares, the largest first. Larger ones than `largest` squares are no
    card: they are left out."""
    found: list[Lattice] = []
    if len(squares) < LEAST_MEMBERS:
        return found
    sides = squares.sides
    near = _neighbours(squares, sides)
    left = near >= 2
    for seed in np.argsort(-near, kind="stable")[: int(left.sum())]:
        if not left[seed]:
            continue
        members = _grown(squares, sides, int(seed), left)
        left[list(members)] = False
        if LEAST_MEMBERS <= len(members) <= largest and (lattice := _fitted(squares, members)) is not None:
            found.append(lattice)
    return sorted(found, key=len, reverse=True)


def _neighbours(squares: Squares, sides: Array) -> NDArray[np.int64]:
    """How many squares of like size lie about one step from each, along one of its sides: (n,)."""
    offsets = squares.centres[None] - squares.centres[:, None]
    apart = np.hypot(offsets[..., 0], offsets[..., 1])
    near = (apart > 0.8 * STEP[0] * sides[:, None]) & (apart < STEP[1] * sides[:, None])
    near &= np.abs(np.log(sides[:, None] / sides[None])) < np.log(1.5)
    first, second = np.nonzero(near)
    along = squares.across[first] / np.linalg.norm(squares.across[first], axis=1)[:, None]
    cosine = np.abs((offsets[first, second] * along).sum(axis=1)) / apart[first, second]
    straight = (cosine > 0.9) | (cosine < 0.43)  # within 25 degrees of a side: tilt shears a square
    return np.bincount(first[straight], minlength=len(squares))


def _grown(squares: Squares, sides: Array, seed: int, left: NDArray[np.bool_]) -> dict[int, tuple[int, int]]:
    """Members and their coordinates, grown from a seed over neighbours; each step is measured where it is made."""
    cells = {seed: (0, 0)}
    taken = {(0, 0): seed}
    steps = {seed: _first_steps(squares, sides, seed, left)}
    queue = [seed]
    while queue:
        k = queue.pop(0)
        near = left & (np.abs(np.log(sides / sides[k])) < np.log(1.6))
        for axis in (0, 1):
            for sign in (1, -1):
                cell = (cells[k][0] + sign * (axis == 0), cells[k][1] + sign * (axis == 1))
                if cell in taken:
                    continue
                step = steps[k][axis]
                miss = np.linalg.norm(squares.centres - (squares.centres[k] + sign * step), axis=1)
                miss[~near] = np.inf
                best = int(np.argmin(miss))
                if miss[best] > NEAR * np.linalg.norm(step) or best in cells:
                    continue
                cells[best], taken[cell] = cell, best
                own = steps[k].copy()
                moved = sign * (squares.centres[best] - squares.centres[k])
                own[1 - axis] *= np.linalg.norm(moved) / np.linalg.norm(step)
                own[axis] = moved
                steps[best] = own
                queue.append(best)
    return cells


def _first_steps(squares: Squares, sides: Array, seed: int, left: NDArray[np.bool_]) -> Array:
    """Steps across and down (2, 2) at the seed: to the nearest squares of like size along its sides."""
    offsets = squares.centres - squares.centres[seed]
    like = left & (np.abs(np.log(sides / sides[seed])) < np.log(1.5))
    like[seed] = False
    steps = []
    ratio = 1.18
    for half in (squares.across[seed], squares.down[seed]):
        length = float(np.linalg.norm(half))
        unit = half / length
        along, beside = offsets @ unit, offsets @ np.array([-unit[1], unit[0]])
        fits = like & (np.abs(beside) < 0.35 * np.abs(along)) & (np.abs(along) > 2 * STEP[0] * length)
        fits &= np.abs(along) < 2 * STEP[1] * length
        if fits.any():
            best = np.flatnonzero(fits)[np.argmin(np.abs(along[fits]))]
            steps.append(offsets[best] * np.sign(along[best]))
            ratio = float(np.linalg.norm(steps[-1])) / (2 * length)
        else:
            steps.append(np.full(2, np.nan))
    for axis, half in enumerate((squares.across[seed], squares.down[seed])):
        if np.isnan(steps[axis]).any():
            steps[axis] = 2 * half * ratio
    return np.array(steps)


def _fitted(squares: Squares, members: dict[int, tuple[int, int]]) -> Lattice | None:
    """The lattice with its homography; None where its squares lie in one line, or off any plane."""
    cells = np.array(list(members.values()))
    centres = squares.centres[list(members)]
    if np.any(np.ptp(cells, axis=0) < 1):
        return None
    homography, inside = cv2.findHomography(
        cells.astype(np.float64), centres, cv2.RANSAC, 0.15 * _pitch(cells, centres)
    )
    if homography is None or inside.sum() < max(LEAST_MEMBERS, 0.6 * len(cells)):
        return None
    keep = inside.ravel() > 0
    return Lattice(cells[keep], centres[keep], np.asarray(homography, np.float64))


def _pitch(cells: NDArray[np.int64], centres: Array) -> float:
    """Median step (px) over all pairs of members."""
    apart = np.linalg.norm(cells[:, None] - cells[None], axis=-1)
    pixels = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
    return float(np.median(pixels[apart > 0] / apart[apart > 0]))

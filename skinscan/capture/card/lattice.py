"""Squares that stand in rows and columns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.squares import Squares
from skinscan.records import BoolArray

Array = NDArray[np.float64]

LEAST_MEMBERS = 6
"""Squares that must stand together; a quarter of a card hidden and as much in the dark leave twice as many."""

MANY, ENOUGH = 150, 16
"""Squares beyond which only corners of parallelograms are looked at; members at which no other steps are tried."""

LARGEST = 48
"""Squares that stand together, of a card and of what lies beside it by chance. Charts of 140 patches have more."""

STEP = (0.9, 1.6)
"""From one square to the next, in sides of the square: patches fill 0.76 to 0.92 of a pitch."""

NEAR = 0.24
"""How far from its expected place the next square may lie, in steps."""

BETWEEN = 0.2
"""How near the middle of four squares another of like size lies, in steps, where the steps are diagonals: they would
take every other square of a card only."""

LIKE = float(np.log(1.5))
"""Squares are of like size whose sides' logarithms differ by less."""


MOST = 300
"""Squares with neighbours that are looked at, the largest first; a card has 24."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Squares with whole coordinates (n, 2) and the homography (3, 3) from these to pixels."""

    cells: NDArray[np.int64]
    centres: Array
    homography: Array

    def __len__(self) -> int:
        return len(self.cells)


def lattices(squares: Squares) -> list[Lattice]:
    """All lattices of at least LEAST_MEMBERS squares, the largest first. Larger ones than LARGEST squares are no
    card: they are left out."""
    found: list[Lattice] = []
    if len(squares) < LEAST_MEMBERS:
        return found
    near = _neighbours(squares)
    kept = np.flatnonzero(near >= 2)
    if len(kept) > MANY:
        kept = _in_fours(squares, kept)
    kept = kept[np.argsort(-squares.sides[kept], kind="stable")[:MOST]]
    squares = Squares(squares.centres[kept], squares.sides[kept])
    sides, left = squares.sides, np.ones(len(kept), bool)
    for seed in range(len(kept)):
        if not left[seed]:
            continue
        members = _most_grown(squares, sides, seed, left)
        left[list(members)] = False
        if len(members) == 1:
            continue
        if LEAST_MEMBERS <= len(members) <= LARGEST and (lattice := _fitted(squares, members)) is not None:
            found.append(lattice)
    return sorted(found, key=len, reverse=True)


def _neighbours(squares: Squares) -> NDArray[np.int64]:
    """How many squares lie about one step from each, of the eight of like size that lie next to it: (n,)."""
    from scipy.spatial import cKDTree  # not at the top: only photos that are searched need it

    band = _bands(squares.sides)
    count = np.zeros(len(squares), np.int64)
    for size in np.unique(band):
        like, own = np.flatnonzero(np.abs(band - size) <= 1), np.flatnonzero(band == size)
        if len(like) < LEAST_MEMBERS:
            continue
        apart, _ = cKDTree(squares.centres[like]).query(squares.centres[own], min(9, len(like)))
        sides = squares.sides[own, None]
        count[own] = ((apart > 0.8 * STEP[0] * sides) & (apart < STEP[1] * sides)).sum(axis=1)
    return count


def _in_fours(squares: Squares, kept: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the squares `kept` (k,) that are corners of most parallelograms of like ones: noise seldom is."""
    from scipy.spatial import cKDTree

    if len(kept) < LEAST_MEMBERS:
        return kept
    centres = squares.centres[kept]
    tree = cKDTree(centres)
    _, which = tree.query(centres, 5)
    first, second = np.array(list(combinations(range(1, 5), 2))).T
    steps = centres[which] - centres[:, None]
    away = steps[:, first] + steps[:, second]
    size = np.linalg.norm(away, axis=-1)
    miss, fourth = tree.query((centres[:, None] + away).reshape(-1, 2))
    like = np.abs(np.log(squares.sides[kept][fourth].reshape(size.shape) / squares.sides[kept][:, None])) < np.log(1.4)
    closed = like & (miss.reshape(size.shape) < 0.08 * size) & (size > 1.2 * squares.sides[kept][:, None])
    count = closed.sum(axis=1)
    return np.asarray(kept[_in_turn(count, _bands(squares.sides[kept]))][: int((count > 0).sum())][:MOST])


def _bands(sides: Array) -> NDArray[np.int64]:
    """Sizes in steps of a quarter: (n,)."""
    return np.asarray(np.floor(np.log(sides) / np.log(1.25)), np.int64)


def _in_turn(count: NDArray[np.int64], band: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order of squares: those that close any parallelogram, the best of each size, then the next of each size, so that
    a cloth of a thousand squares does not crowd out a card."""
    best = np.lexsort((-count, band))
    rank = np.empty(len(count), np.int64)
    _, first, size = np.unique(band[best], return_index=True, return_counts=True)
    rank[best] = np.arange(len(count)) - np.repeat(first, size)
    return np.lexsort((rank, count == 0))


def _most_grown(squares: Squares, sides: Array, seed: int, left: BoolArray) -> dict[int, tuple[int, int]]:
    """The largest of the lattices that a seed's first steps lead to: a hidden neighbour can mislead some of them."""
    best: dict[int, tuple[int, int]] = {seed: (0, 0)}
    for first in _first_steps(squares, sides, seed, left):
        cells = _grown(squares, sides, seed, first, left)
        if len(cells) > len(best):
            best = cells
        if len(best) >= ENOUGH:
            break
    return best


def _grown(squares: Squares, sides: Array, seed: int, first: Array, left: BoolArray) -> dict[int, tuple[int, int]]:
    """Members and their coordinates, grown from a seed over neighbours; each step is measured where it is made."""
    cells = {seed: (0, 0)}
    taken = {(0, 0): seed}
    steps = {seed: first}
    of_card = np.abs(np.log(sides / sides[seed])) < np.log(2.0)  # perspective across a card, tilted and near
    queue = [seed]
    while queue:
        k = queue.pop(0)
        near = left & of_card & (np.abs(np.log(sides / sides[k])) < LIKE)
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
                if _diagonal(squares.centres[near], squares.centres[k], squares.centres[best], steps[k][1 - axis]):
                    continue
                cells[best], taken[cell] = cell, best
                own = steps[k].copy()
                moved = sign * (squares.centres[best] - squares.centres[k])
                own[1 - axis] *= np.linalg.norm(moved) / np.linalg.norm(step)
                own[axis] = moved
                steps[best] = own
                queue.append(best)
    return cells


def _first_steps(squares: Squares, sides: Array, seed: int, left: BoolArray) -> list[Array]:
    """Steps across and down (2, 2) that may hold at the seed: to two of the nearest squares of like size, at most
    three such pairs, the shortest first.

    The two are of like length and about square to each other, as far as tilt in a wide lens' corner allows; the way to
    a square's diagonal neighbour and to the one beside it are not.
    """
    offsets = squares.centres - squares.centres[seed]
    length = np.hypot(offsets[:, 0], offsets[:, 1])
    like = left & (np.abs(np.log(sides / sides[seed])) < LIKE)
    near = np.flatnonzero(like & (length > STEP[0] * sides[seed]) & (length < STEP[1] * sides[seed]))
    near = near[np.argsort(length[near], kind="stable")][:6]
    found: list[Array] = []
    for one, other in combinations(near, 2):
        cosine = abs(float(offsets[one] @ offsets[other])) / (length[one] * length[other])
        if cosine < 0.6 and length[other] < 1.5 * length[one]:
            if _diagonal(offsets[like], np.zeros(2), offsets[one], offsets[other]):
                continue
            found.append(np.asarray(offsets[[one, other]]))
    return found[:3]


def _diagonal(centres: Array, start: Array, end: Array, other: Array) -> bool:
    """Whether one of the squares at `centres` (n, 2) lies amid a cell with the side from `start` to `end` and the
    step `other`, on either hand: then these are no neighbours in a row, but neighbours across a corner."""
    middle = (start + end) / 2
    reach = BETWEEN * float(np.linalg.norm(end - start))
    return any(bool((np.abs(centres - (middle + half)).max(axis=1) < reach).any()) for half in (other / 2, -other / 2))


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


def gathered(homography: Array, places: Array, squares: Squares) -> tuple[Array, BoolArray]:
    """The homography refitted to all squares that lie where it expects one, and at which of the `places` (n, 2), in its
    own coordinates, one does: (n,). As it was, and nowhere, where they are too few."""
    standing = np.zeros(len(places), bool)
    for _ in range(2):
        ones = np.ones((len(places), 1))
        at = np.hstack([places, ones]) @ homography.T
        beside = np.hstack([places + np.array([0.5, 0.0]), ones]) @ homography.T
        at, beside = at[:, :2] / at[:, 2:], beside[:, :2] / beside[:, 2:]
        pitch = 2 * np.linalg.norm(beside - at, axis=1)
        apart = np.linalg.norm(squares.centres[None] - at[:, None], axis=-1)
        nearest = np.argmin(apart, axis=1)
        of_pitch = squares.sides[nearest] / pitch
        fits = (apart.min(axis=1) < 0.3 * pitch) & (of_pitch > 0.55) & (of_pitch < 1.2)
        if fits.sum() < LEAST_MEMBERS:
            break
        step = float(np.median(pitch))
        refitted, inside = cv2.findHomography(places[fits], squares.centres[nearest[fits]], cv2.RANSAC, 0.1 * step)
        if refitted is None or inside.sum() < LEAST_MEMBERS:
            break
        homography = np.asarray(refitted, np.float64)
        standing = np.zeros(len(places), bool)
        standing[np.flatnonzero(fits)[inside.ravel() > 0]] = True
    return homography, standing

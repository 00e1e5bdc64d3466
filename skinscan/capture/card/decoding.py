"""Which square of a lattice is which patch: by the pattern of colours, under any light, tone curve and shadow.

A lamp, its white balance and the exposure scale the channels: the middle of the ratios of seen to published linear
light tells by how much, and so what the file's codes would be, clipped or crushed as they come. A shadow scales all
channels of a patch alike: so codes are divided by their own mean. What is left of a patch is told by a linear function
of what is left of the prediction. Which way round and where the card lies is the arrangement for which that holds best.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.chart import PLACES, patch_linear
from skinscan.capture.card.lattice import Lattice
from skinscan.records import BoolArray

Array = NDArray[np.float64]

TURNS: tuple[NDArray[np.int64], ...] = tuple(
    np.array(m, np.int64)
    for m in (
        ((1, 0), (0, 1)), ((0, -1), (1, 0)), ((-1, 0), (0, -1)), ((0, 1), (-1, 0)),
        ((-1, 0), (0, 1)), ((0, 1), (1, 0)), ((1, 0), (0, -1)), ((0, -1), (-1, 0)),
    )
)  # fmt: skip
"""Chart coordinates to lattice coordinates, up to a shift: four turns, and four mirrored."""

REACH = 0.24
"""Half side of what is sampled of a patch, in pitches."""

EVEN = 0.07
"""Standard deviation of codes within a patch's middle beyond which something else lies there."""

UNEVEN = 0.03
"""... at which a patch counts half: shine and what covers its corner spoil its colour without hiding it."""

FAR = 0.15
"""Residual at which a patch counts half, in units of normalised codes."""

LEAST_AGREEING = 10
"""Patches that must show the pattern. Fewer could be anything."""

DULL = 0.02
"""Scatter of the shares of red, green and blue below which squares are all of one colour."""

MEMBERS_AGREEING = 0.6
"""Share of the squares on the card that must show it."""

UNSURE = 0.15
"""Weight of a place without a square: the black patch, or what hides one."""

INSIDE = 0.8
"""Share of a lattice's squares that must lie on the card: more around it belong to another chart, or a mosaic."""


@dataclass(frozen=True, eq=False)
class Reading:
    """An arrangement: `homography` (3, 3) from chart coordinates to pixels of the small picture, `agreement` 0 to 1 of
    its colours, `margin` to the next best arrangement, `agreeing` (24,) which patches agree."""

    homography: Array
    agreement: float
    margin: float
    agreeing: BoolArray


def decode(picture: NDArray[np.uint8], lattice: Lattice) -> Reading | None:
    """The best arrangement of the 24 patches on a lattice, or None where none is possible."""
    low, high = lattice.cells.min(axis=0), lattice.cells.max(axis=0)
    origin = low - 6
    codes, spread, inside = _sampled(picture, lattice, origin, high - low + 13)
    seen = inside & (spread < EVEN)
    member = np.zeros(codes.shape[:2], bool)
    member[tuple((lattice.cells - origin).T)] = True
    if _dull(codes[member & seen]):
        return None
    turns, shifts = _arrangements(lattice.cells)
    where = np.einsum("pj,kij->kpi", PLACES.astype(np.int64), turns) + (shifts - origin)[:, None]
    at = (where[..., 0], where[..., 1])
    enough = (seen | member)[at].sum(axis=1) >= LEAST_AGREEING
    if not enough.any():
        return None
    turns, shifts, at = turns[enough], shifts[enough], (at[0][enough], at[1][enough])
    trust = 1 / (1 + (spread / UNEVEN) ** 2)
    agreement, agreeing = agreements(codes[at], (member & seen)[at], seen[at], trust[at])
    first, second = np.argsort(-np.append(agreement, 0.0), kind="stable")[:2]
    if first == len(agreement):
        return None
    to_lattice = np.eye(3)
    to_lattice[:2, :2], to_lattice[:2, 2] = turns[first], shifts[first]
    margin = float(agreement[first] - np.append(agreement, 0.0)[second])
    return Reading(lattice.homography @ to_lattice, float(agreement[first]), margin, agreeing[first])


def _dull(codes: Array) -> bool:
    """Whether squares (n, 3) are all of about one colour, as tiles and keys are."""
    if len(codes) < 4:
        return True
    share = (codes + 0.02) / (codes + 0.02).sum(axis=1, keepdims=True)
    return bool(np.linalg.norm(share.std(axis=0)) < DULL)


def _arrangements(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Turns (k, 2, 2) and shifts (k, 2) that put enough of the lattice's squares on the card."""
    turns, shifts = [], []
    for turn in TURNS:
        corners = np.array([[0, 0], [5, 3]]) @ turn.T
        low, high = corners.min(axis=0), corners.max(axis=0)
        ranges = [np.arange(cells[:, k].min() - high[k], cells[:, k].max() - low[k] + 1) for k in (0, 1)]
        shift = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 2)
        own = cells[None] - shift[:, None]
        on_card = np.all((own >= low) & (own <= high), axis=-1).mean(axis=1)
        shifts.append(shift[on_card >= INSIDE])
        turns.append(np.repeat(turn[None], len(shifts[-1]), axis=0))
    return np.concatenate(turns), np.concatenate(shifts)


def _sampled(
    picture: NDArray[np.uint8], lattice: Lattice, origin: NDArray[np.int64], size: NDArray[np.int64]
) -> tuple[Array, Array, BoolArray]:
    """Codes 0 to 1 (n, m, 3) of the middles of all cells from `origin` on, their standard deviation (n, m), and which
    are in the picture."""
    cells = np.stack(np.meshgrid(*(np.arange(s) for s in size), indexing="ij"), axis=-1) + origin
    inner = np.linspace(-REACH, REACH, 5)
    grid = np.stack(np.meshgrid(inner, inner, indexing="ij"), axis=-1).reshape(-1, 2)
    codes, outside = sample(picture, lattice.homography, cells[:, :, None, :] + grid)
    mean, spread = codes.mean(axis=2), codes.std(axis=2).max(axis=-1)
    return mean, spread, np.asarray(~outside.any(axis=2))


def sample(picture: NDArray[np.uint8], homography: Array, places: Array) -> tuple[Array, BoolArray]:
    """Codes 0 to 1 (..., 3) of a picture at places (..., 2) of a plane, and which lie outside of it (...)."""
    flat = np.column_stack([places.reshape(-1, 2), np.ones(places.size // 2)]) @ homography.T
    behind = flat[:, 2] <= 1e-9
    xy = (flat[:, :2] / np.where(behind, 1.0, flat[:, 2])[:, None]).astype(np.float32)
    height, width = picture.shape[:2]
    outside = behind | (xy < 0).any(axis=1) | (xy[:, 0] > width - 1) | (xy[:, 1] > height - 1)
    xy[outside] = 0
    rows = -(-len(xy) // 1024)
    padded = np.zeros((rows * 1024, 2), np.float32)
    padded[: len(xy)] = xy
    grid = padded.reshape(rows, 1024, 2)
    seen = cv2.remap(picture, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    codes = seen.reshape(-1, 3)[: len(xy)].astype(np.float64) / np.iinfo(picture.dtype).max
    return codes.reshape(*places.shape[:-1], 3), outside.reshape(places.shape[:-1])


def agreements(codes: Array, member: BoolArray, seen: BoolArray, trust: Array) -> tuple[Array, BoolArray]:
    """How well codes (k, 24, 3) follow the chart's pattern of colours, 0 to 1: (k,), and which patches do: (k, 24).

    `member` (k, 24): a square stands there; `seen` (k, 24): something even does, which may as well hide the patch;
    `trust` (k, 24): how even it is, 0 to 1.
    Robust: a patch that does not fit counts as one that fails, no more.
    """
    weight = np.where(member, 1.0, np.where(seen, UNSURE, 0.0)) * _lit(codes) * trust
    miss, own, _ = explained(codes, member, seen)
    middle = np.einsum("kp,kpi->ki", weight, own) / np.maximum(weight.sum(axis=1), 1e-9)[:, None]
    away = np.linalg.norm(own - middle[:, None], axis=-1)
    lost, whole = ((weight * _bounded(v)).sum(axis=1) for v in (miss, away))
    agreeing = np.asarray(seen & (miss < FAR))
    of_members = (member & (miss < FAR)).sum(axis=1) / np.maximum(member.sum(axis=1), 1)
    told = (agreeing.sum(axis=1) >= LEAST_AGREEING) & (of_members >= MEMBERS_AGREEING)
    return np.where(told, np.clip(1 - lost / np.maximum(whole, 1e-9), 0.0, 1.0), 0.0), agreeing


def explained(codes: Array, member: BoolArray, seen: BoolArray) -> tuple[Array, Array, Array]:
    """How far each patch's colour is from the pattern (k, 24), its normalised codes (k, 24, 3), and the mean code that
    the card's light gives it (k, 24)."""
    predicted = _predicted(codes, member)
    dark = _lit(codes)
    own, wanted = (c / c.mean(axis=-1, keepdims=True) for c in (codes + 0.03, predicted + 0.03))
    robust = np.where(member, 1.0, np.where(seen, UNSURE, 0.0)) * dark
    miss = np.zeros(robust.shape)
    for _ in range(3):
        normal = np.einsum("kp,kpi,kpj->kij", robust, wanted, wanted) + 1e-6 * np.eye(3)
        right = np.einsum("kp,kpi,kpj->kij", robust, wanted, own)
        miss = np.linalg.norm(own - wanted @ np.linalg.solve(normal, right), axis=-1)
        robust = np.where(seen, dark, 0.0) / (1 + (miss / FAR) ** 2) ** 2
    return miss, own, predicted.mean(axis=-1)


def _lit(codes: Array) -> Array:
    """Weights (k, 24) of patches: in the dark, colour is noise."""
    return np.asarray(np.clip(codes.mean(axis=-1) / 0.2, 0.1, 1.0))


def _predicted(codes: Array, member: BoolArray) -> Array:
    """Codes (k, 24, 3) of the published colours under the light that the squares (k, 24) are seen in."""
    seen = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    published = np.maximum(patch_linear(), 0.0)
    told = member[..., None] & (published > 0.02)
    ratio = np.sort(np.where(told, seen / np.maximum(published, 0.02), np.inf), axis=1)
    count = told.sum(axis=1)[:, None]
    gains = np.take_along_axis(ratio, np.maximum(count - 1, 0) // 2, axis=1)
    light = np.clip(np.where(count > 0, gains, 1.0) * published, 0.0, 1.0)
    return np.asarray(np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


def _bounded(miss: Array) -> Array:
    return np.asarray(miss**2 / (1 + (miss / (2 * FAR)) ** 2))

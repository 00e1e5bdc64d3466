"""Where a reference could be drawn: what both photos show, that no treatment changes, and that tells the lamp.

First a neutral thing seen in both photos (a wall, a towel, a gown): of even colour, unclipped, and of the same colour
against the skin in both. Else untreated skin: outside the regions under judgement, registered, even and well lit.
Never the skin under judgement. A proposal is for a person to confirm: nothing is measured against it unasked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import warp
from skinscan.arrays.colour import sensor_rgb
from skinscan.capture.registration.skin_view import registered_mask
from skinscan.capture.skin.usable import unclipped
from skinscan.records import SKIN, BoolArray, Frame, Registration

Kind = Literal["neutral", "skin"]
Array = NDArray[np.float64]

LARGEST_UNEVENNESS = 0.12
"""SD of log colour within a patch beyond which it is no reference: a seam, a shadow's edge, a pattern."""

LARGEST_DISAGREEMENT = 0.08
"""SD of the gains of a patch's parts (natural log, worst channel) beyond which they do not tell one change of lamp."""

MOST_UNLIKE_SKIN = 0.3
"""How far the gains' tint may lie from what the skin's own change of colour asks for (natural log): a flush is 0.1."""

_LEAST_ERROR = 0.02
"""Of the gains (natural log): what the cameras' own matrices leave of a change of lamp (phantoms: 0.005-0.02)."""

_VIEW_PX = 400
"""Longest side of the small pictures that patches are looked for in."""

_LEAST_SIDE, _MOST_SIDE = 12, 72
_APART = 3
_MOST = 4
_NEUTRAL_CHROMA = 0.10
_NEUTRAL_FROM_SKIN = 0.10
_DARKEST = 0.04
_CLIPPED = 0.92


@dataclass(frozen=True, eq=False)
class Proposal:
    """A place for the reference: `polygon` (4, 2) in px of the before photo, `polygon_after` of the after photo.

    `trust` 0..1 is the product of what follows, each 0..1: `evenness` (1: one colour), `size` (1: ample), `agreement`
    (1: all parts of it tell the same change of lamp). `gains` are what the sensor's channels of the after photo are to
    be multiplied by, `gain_spread` their standard uncertainty (natural log, the worst channel). `why` in words.
    """

    kind: Kind
    polygon: Array
    polygon_after: Array
    trust: float
    evenness: float
    size: float
    agreement: float
    gains: tuple[float, float, float]
    gain_spread: float
    why: str


@dataclass(frozen=True, eq=False)
class _Small:
    """A photo made small: sensor RGB (h, w, 3), whether each pixel is unclipped, is skin, is under judgement."""

    rgb: Array
    good: BoolArray
    skin: BoolArray
    judged: BoolArray
    step: float

    @property
    def log(self) -> Array:
        return np.asarray(np.log(np.maximum(self.rgb, 1e-4)))


def propose_reference(before: Frame, after: Frame, registration: Registration) -> list[Proposal]:
    """Up to four references that both photos show, the most trustworthy first; none where the photos show none.

    Skin is looked up by the registration; what lies beside the skin by the same map carried on, and then believed only
    where it looks alike there (a wall behind the head need not move with it, but an even wall is the same wall a little
    further on). Where nothing is under judgement but the whole skin, no skin is proposed.
    """
    if not registration.ok:
        return []
    first, second = _small(before), _small(after)
    of_skin = _skin_gains(first, second)
    found = [*_neutral(first, before, after, registration), *_untreated(first, before, after, registration)]
    chosen: list[Proposal] = []
    for proposal in sorted(found, key=lambda one: -one.trust):
        unlike = float(np.linalg.norm(_chroma(np.log(proposal.gains) - of_skin)))
        if unlike > MOST_UNLIKE_SKIN:
            continue  # another towel, or the wall in another lamp's light
        if len(chosen) < _MOST and all(_apart(proposal, other) for other in chosen):
            chosen.append(proposal)
    return chosen


def _skin_gains(first: _Small, second: _Small) -> Array:
    """What the typical skin says of the change of lamp, roughly: it may have flushed. Log gains (3,)."""
    return np.asarray(np.median(first.log[first.skin], axis=0) - np.median(second.log[second.skin], axis=0))


def _small(frame: Frame) -> _Small:
    height, width = frame.shape
    step = max(max(height, width) / _VIEW_PX, 1.0)
    size = max(round(width / step), 1), max(round(height / step), 1)
    linear = frame.photo.linear_rgb() if step < 2 else _linear_small(frame, size)
    small = cv2.resize(linear, size, interpolation=cv2.INTER_AREA)
    skin = registered_mask(frame)
    regions = [mask for name, mask in frame.regions.items() if name != SKIN]
    judged = np.any(regions, axis=0) if regions else skin

    def share(mask: BoolArray) -> NDArray[np.float32]:
        return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA))

    good = share(unclipped(frame.photo)) > 0.999
    rgb = np.asarray(sensor_rgb(small.astype(np.float64)), np.float64)
    good &= (rgb.max(axis=-1) < _CLIPPED) & (rgb.max(axis=-1) > _DARKEST)
    return _Small(rgb, good, share(skin) > 0.02, share(judged) > 0.0, step)


def _linear_small(frame: Frame, size: tuple[int, int]) -> NDArray[np.float32]:
    """Linear RGB of the photo's rows averaged in stripes: (h, w, 3), twice as large as `size` or so."""
    height = frame.shape[0]
    rows = np.linspace(0, height, 2 * size[1] + 1).round().astype(int)
    out = np.empty((2 * size[1], 2 * size[0], 3), np.float32)
    for number in range(0, 2 * size[1], 64):
        last = min(number + 64, 2 * size[1])
        stripe = frame.photo.linear_rgb(slice(int(rows[number]), int(rows[last])))
        out[number:last] = cv2.resize(stripe, (2 * size[0], last - number), interpolation=cv2.INTER_AREA)
    return out


def _squares(allowed: BoolArray) -> list[tuple[int, int, int]]:
    """Left, top and side of the largest squares within a mask, largest first, none over another."""
    left = allowed.astype(np.uint8)
    found = []
    for _ in range(3 * _MOST):
        # distance in rows or columns to what is not allowed, the border included
        room = cv2.distanceTransform(cv2.copyMakeBorder(left, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_C, 3)[
            1:-1, 1:-1
        ]
        row, column = np.unravel_index(int(room.argmax()), room.shape)
        half = min(int(room[row, column]) - 1, _MOST_SIDE // 2)
        if 2 * half < _LEAST_SIDE:
            break
        found.append((int(column) - half, int(row) - half, 2 * half))
        reach = half + _APART
        left[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] = 0
    return found


def _neutral(first: _Small, before: Frame, after: Frame, registration: Registration) -> list[Proposal]:
    """Even things of low chroma beside the skin."""
    log = first.log
    typical = np.median(log[first.skin], axis=0) if first.skin.any() else np.zeros(3)
    chroma = np.linalg.norm(_chroma(log) - _chroma(typical), axis=-1)
    beside = first.good & ~_grown(first.skin | first.judged) & (chroma > _NEUTRAL_FROM_SKIN * math.log(10))
    flat = _flat(log, beside)
    found = []
    for square in _squares(flat):
        own = _chroma(log[_part(square)].reshape(-1, 3).mean(axis=0))
        proposal = _proposed("neutral", square, first, before, after, registration)
        if proposal is not None:
            # the lamp's own tint is unknown: what is far from grey under every lamp is a coloured thing, and may fade
            tint = float(np.linalg.norm(own)) / math.log(10)
            found.append(_trusted(proposal, 1.0 if tint < 0.3 else 0.6))
    return found


def _untreated(first: _Small, before: Frame, after: Frame, registration: Registration) -> list[Proposal]:
    """Even skin outside of every region under judgement."""
    allowed = first.good & _shrunk(first.skin) & ~_grown(first.judged)
    if not allowed.any():
        return []
    found = (
        _proposed("skin", square, first, before, after, registration) for square in _squares(_flat(first.log, allowed))
    )
    # skin flushes, tans and heals: it is the second choice
    return [_trusted(proposal, 0.6) for proposal in found if proposal is not None]


def _trusted(proposal: Proposal, factor: float) -> Proposal:
    return replace(proposal, trust=proposal.trust * factor)


def _proposed(
    kind: Kind, square: tuple[int, int, int], first: _Small, before: Frame, after: Frame, registration: Registration
) -> Proposal | None:
    """The square in both photos and what its parts say of the lamp; None where the after photo does not show it."""
    x, y, side = square
    corners = np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]]) * first.step - 0.5
    there = _forward(corners, registration)
    if there is None or not _within(there, after.shape):
        return None
    cells = 4
    line = (np.arange(cells * 4) + 0.5) / (cells * 4) * side
    nodes = np.stack(np.meshgrid(x + line, y + line), axis=-1) * first.step - 0.5
    moved = _forward(nodes.reshape(-1, 2), registration)
    if moved is None:
        return None
    one = _read(before, nodes.reshape(-1, 2), first.step)
    other = _read(after, moved, first.step * registration.scale_ratio)
    if one is None or other is None:
        return None
    evenness = _evenness(one, other)
    parts = [values.reshape(cells, 4, cells, 4, 3).mean(axis=(1, 3)).reshape(-1, 3) for values in (one, other)]
    gains = parts[0] - parts[1]
    scatter = gains.std(axis=0).max()
    if evenness <= 0 or scatter > LARGEST_DISAGREEMENT:
        return None
    agreement = float(1 - scatter / LARGEST_DISAGREEMENT)
    size = min(side / (_MOST_SIDE / 2), 1.0)
    mean = np.exp(gains.mean(axis=0))
    spread = math.hypot(float(scatter) / math.sqrt(len(gains) / 4), _LEAST_ERROR)
    return Proposal(
        kind, corners, there, evenness * size * agreement, evenness, size, agreement,
        (float(mean[0]), float(mean[1]), float(mean[2])), spread, _words(kind, evenness, size, agreement),
    )  # fmt: skip


def _words(kind: Kind, evenness: float, size: float, agreement: float) -> str:
    thing = "a neutral surface beside the skin" if kind == "neutral" else "skin outside the regions under judgement"
    if kind == "skin":
        thing += ", if it was not treated or tanned"
    weak = [
        word
        for word, share in (("it is not quite even", evenness), ("it is small", size), ("its parts differ", agreement))
        if share < 0.5
    ]
    return f"{thing}; {', '.join(weak)}" if weak else thing


def _evenness(one: Array, other: Array) -> float:
    """1 where both (n, 3) log colours are of one colour, 0 from LARGEST_UNEVENNESS on."""
    worst = max(float(values.std(axis=0).max()) for values in (one, other))
    return max(1 - worst / LARGEST_UNEVENNESS, 0.0)


def _read(frame: Frame, points: Array, step: float) -> Array | None:
    """Log sensor RGB (n, 3) of the photo around points, each a mean over about `step` px; None where any is clipped."""
    size = max(int(step), 1)
    rows, columns = points[:, 1], points[:, 0]
    top, left = (max(int(v.min()) - size - 2, 0) for v in (rows, columns))
    part = (slice(top, int(rows.max()) + size + 3), slice(left, int(columns.max()) + size + 3))
    pixels = frame.photo.pixels[part]
    limit = np.iinfo(pixels.dtype).max
    if (pixels >= limit).any(axis=-1).mean() > 0.01:
        return None
    linear = cv2.blur(frame.photo.linear_rgb(*part), (size, size))
    x, y = (np.asarray(v - start, np.float32)[None] for v, start in ((columns, left), (rows, top)))
    values = cv2.remap(linear, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0].astype(np.float64)
    sensor = np.asarray(sensor_rgb(values))
    return None if sensor.max() > _CLIPPED or sensor.min() <= 1e-4 else np.asarray(np.log(sensor), np.float64)


def _forward(points: Array, registration: Registration) -> Array | None:
    field = warp.fill_unknown(registration.displacement)
    there = warp.forward(points, registration.homography, field, registration.grid_px)
    return there if np.isfinite(there).all() else None


def _within(points: Array, shape: tuple[int, int]) -> bool:
    height, width = shape
    return bool((points >= 0).all() and (points[:, 0] < width - 1).all() and (points[:, 1] < height - 1).all())


def _flat(log: Array, allowed: BoolArray) -> BoolArray:
    """Where the surround of a few px is of one colour."""
    image = log.astype(np.float32)
    mean = cv2.blur(image, (5, 5))
    variance = np.maximum(cv2.blur(image * image, (5, 5)) - mean * mean, 0).max(axis=-1)
    return np.asarray(allowed & (np.sqrt(variance) < LARGEST_UNEVENNESS))


def _chroma(log: Array) -> Array:
    return np.asarray(log - log.mean(axis=-1, keepdims=True))


def _part(square: tuple[int, int, int]) -> tuple[slice, slice]:
    x, y, side = square
    return slice(y, y + side), slice(x, x + side)


def _grown(mask: BoolArray) -> BoolArray:
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((7, 7), np.uint8)) > 0)


def _shrunk(mask: BoolArray) -> BoolArray:
    return np.asarray(cv2.erode(mask.view(np.uint8), np.ones((7, 7), np.uint8), borderValue=0) > 0)


def _apart(one: Proposal, other: Proposal) -> bool:
    gap = np.abs(one.polygon.mean(axis=0) - other.polygon.mean(axis=0)).max()
    sides = [np.ptp(p.polygon[:, 0]) for p in (one, other)]
    return bool(gap > 0.5 * sum(sides))

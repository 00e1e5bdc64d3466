"""What light from elsewhere does to the place of everything at once, told from how dark and bright parts disagree.

Shading moves with the lamp: a furrow lit from the left is bright on its right. What lies deep (pores, the floors of
furrows) and hairs are dark whatever the light, and follow the lamp less; ridges and their shine have nothing but
shading, and follow it more. A fit to all of it lies between the two. On phantoms it is 60 um off at 45 degrees; what is
darker than its surround is 0.6 of that off, what is brighter 1.5 (0.55-0.85 and 1.1-2 with cavities twice or half as
dark, light that spreads more or less under the surface, and no pores, many, or many hairs). So the map is shifted by
what the two lie apart from it, enlarged to where nothing would follow the lamp. Green shows furrows best; blue spreads
least under the skin and shows its surface.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import warp
from skinscan.arrays.alignment import typical
from skinscan.arrays.threads import each
from skinscan.capture.quality import at_scale
from skinscan.capture.registration.refining import Warp
from skinscan.capture.registration.skin_view import SkinView, log_channel
from skinscan.records import BoolArray, Frame

Array = NDArray[np.float64]
Plane = NDArray[np.float32]
Channel = tuple[float, float, float]

PITS_MM = 0.0625
"""Standard deviation of the finer Gaussian of the band, the coarser being four times that: pores and furrows."""

DARK_LAGS, BRIGHT_LEADS = 1 / 2.6, 1 / 2.0
"""Of the whole fit's error, by how much what is dark lies less off, and what is bright lies further off."""

DARK_COUNTS = 0.8
"""What the dark parts' word counts for, the bright ones' having the rest."""

LARGEST_BLUR_RATIO = math.log(1.6)
"""Beyond it the darkest parts of pits lie elsewhere for want of sharpness alone (0.3 px seen)."""

_GREEN, _BLUE = (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_CLIPS: Mapping[Channel, tuple[float, float]] = {_GREEN: (-4.0, -1.0), _BLUE: (1.0, 3.0)}
"""Robust standard deviations from the surround between which a pixel counts, by how far it is beyond the nearer."""

_TILE_PX, _BLOCK_PX, _MOST_TILES = 256, 64, 9
_MAP_STEP = 8
_STEPS = 5
_LARGEST_PX = 4.0
_LEAST_BLOCKS = 12
_NOTICED_BLUR = 0.3
_BLUR_ERROR_PX = 0.1
"""Standard error of a photo's blur estimate."""


@dataclass(frozen=True, slots=True)
class PitShift:
    """Before pixels (2,) by which the place that is looked up in the map has to move; standard uncertainty of one axis
    from block to block of the skin; how far dark and bright parts disagree, None where the bright ones say nothing."""

    xy: tuple[float, float]
    spread: float
    disagreement_px: float | None


def pit_shift(before: Frame, after: Frame, first: SkinView, second: SkinView, fit: Warp) -> PitShift | None:
    """The common shift that a fit owes to the lamp; None where too little structure is seen in both.

    With the scale the band is PITS_MM, else it is as fine as the photo. None too where one photo is far sharper.
    """
    if _far_apart(*_blurs(before, after, fit)):
        return None
    per_mm = 1 / before.scale.mm_per_px if before.scale else 0.0
    step = max(int(per_mm * PITS_MM), 1)
    fine = max(per_mm * PITS_MM / step, 1.0)
    tiles = _tiles(first, step)

    def told(channel: Channel) -> tuple[Array, float] | None:
        pairs = (_pair(before, after, first, second, fit, tile, step, fine, channel) for tile in tiles)
        found = _solved([pair for pair in pairs if pair is not None])
        return None if found is None else (np.array(found[0]) * step, found[1] * step)

    dark, bright = each(told, (_GREEN, _BLUE))
    return None if dark is None else _together(dark, bright)


def _together(dark: tuple[Array, float], bright: tuple[Array, float] | None) -> PitShift:
    """One shift from what dark and bright parts lie off the fit, each with its uncertainty."""
    of_dark, its_spread = dark[0] / DARK_LAGS, dark[1] / DARK_LAGS
    if bright is None:
        return PitShift((float(of_dark[0]), float(of_dark[1])), its_spread, None)
    of_bright, other_spread = -bright[0] / BRIGHT_LEADS, bright[1] / BRIGHT_LEADS
    x, y = DARK_COUNTS * of_dark + (1 - DARK_COUNTS) * of_bright
    spread = math.hypot(DARK_COUNTS * its_spread, (1 - DARK_COUNTS) * other_spread)
    return PitShift((float(x), float(y)), spread, math.hypot(*(of_dark - of_bright)))


def _tiles(view: SkinView, step: int) -> list[tuple[int, int]]:
    """Top left corners in photo px of up to _MOST_TILES tiles that are mostly skin, spread over the view."""
    side = _TILE_PX * step
    left, top = view.to_photo[:2, 2]
    height, width = (round(length * view.photo_px) for length in view.mask.shape)
    every = max(round(side / view.photo_px), 1)
    found = [
        (round(left) + x, round(top) + y)
        for y in range(0, max(height - side // 2, 1), side)
        for x in range(0, max(width - side // 2, 1), side)
        if view.mask[
            round(y / view.photo_px) : round(y / view.photo_px) + every,
            round(x / view.photo_px) : round(x / view.photo_px) + every,
        ].mean()
        > 0.5
    ]
    apart = -(-len(found) // _MOST_TILES)
    return found[apart // 2 :: apart] if found else []


def _pair(
    before: Frame,
    after: Frame,
    first: SkinView,
    second: SkinView,
    fit: Warp,
    corner: tuple[int, int],
    step: int,
    fine: float,
    channel: Channel,
) -> tuple[Plane, Plane, BoolArray] | None:
    """What counts of a tile in the before photo, of the after photo under it, and where both show skin."""
    height, width = before.shape
    columns = slice(max(corner[0], 0), min(corner[0] + _TILE_PX * step, width))
    rows = slice(max(corner[1], 0), min(corner[1] + _TILE_PX * step, height))
    size = (rows.stop - rows.start) // step, (columns.stop - columns.start) // step
    if min(size) < 2 * _BLOCK_PX:
        return None
    rows, columns = (slice(s.start, s.start + n * step) for s, n in zip((rows, columns), size, strict=True))
    offset = np.array([columns.start, rows.start]) + (step - 1) / 2

    def in_photo(nodes: Array) -> Array:
        return np.asarray(nodes * step + offset)

    whole = slice(0, size[0]), slice(0, size[1])
    map_x, map_y = warp.map_between(lambda nodes: fit(in_photo(nodes)), whole, _MAP_STEP)
    there = _under(after, map_x, map_y, channel)
    if there is None:
        return None
    both = _skin_under(first, *warp.map_between(in_photo, whole, _MAP_STEP)) & _skin_under(second, map_x, map_y)
    if both.mean() < 0.25:
        return None
    one = cv2.resize(log_channel(before.photo, rows, columns, channel), size[::-1], interpolation=cv2.INTER_AREA)
    one, there = _equally_sharp(np.asarray(one, np.float32), there, before, after, fit, step)
    low, high = _CLIPS[channel]
    return _beyond(one, both, fine, low, high), _beyond(there, both, fine, low, high), both


def _blurs(before: Frame, after: Frame, fit: Warp) -> tuple[float, float]:
    """Blur of the before photo and, in its px, of the after photo.

    Where one scale is known so is the other: skin's own softness is taken off both or neither (`quality`).
    """
    ratio = float(np.sqrt(abs(np.linalg.det(fit.homography[:2, :2]))))
    first, second = before.quality, after.quality
    if before.scale is not None and after.scale is None:
        second = at_scale(second, None, replace(before.scale, mm_per_px=before.scale.mm_per_px / ratio))
    elif after.scale is not None and before.scale is None:
        first = at_scale(first, None, replace(after.scale, mm_per_px=after.scale.mm_per_px * ratio))
    return first.blur_px, second.blur_px / ratio


def _far_apart(first: float, second: float) -> bool:
    return min(first, second) > 0 and abs(math.log(second / first)) > LARGEST_BLUR_RATIO


def _equally_sharp(one: Plane, other: Plane, before: Frame, after: Frame, fit: Warp, step: int) -> tuple[Plane, Plane]:
    """Both as blurred as the more blurred, so far as that is sure: a shaded pit's darkest part moves with blur too."""
    first, second = (blur / step for blur in _blurs(before, after, fit))
    if not (math.isfinite(first) and math.isfinite(second)):
        return one, other
    difference = second - first
    if difference:
        second = first + difference**3 / (difference**2 + 2 * (_BLUR_ERROR_PX / step) ** 2)
    more = math.sqrt(abs(first**2 - second**2))
    if not more > _NOTICED_BLUR:
        return one, other
    if first < second:
        return np.asarray(cv2.GaussianBlur(one, (0, 0), more), np.float32), other
    return one, np.asarray(cv2.GaussianBlur(other, (0, 0), more), np.float32)


def _under(frame: Frame, map_x: Plane, map_y: Plane, channel: Channel) -> Plane | None:
    """Log of a channel of a photo at maps (h, w), averaged over as many of its pixels as fall to one of the maps'."""
    known = np.isfinite(map_x) & np.isfinite(map_y)
    if not known.any():
        return None
    height, width = frame.shape
    reach = 8
    low_x, high_x, low_y, high_y = (
        int(f(m[known])) for m, f in ((map_x, np.min), (map_x, np.max), (map_y, np.min), (map_y, np.max))
    )
    columns = slice(max(low_x - reach, 0), min(high_x + reach, width))
    rows = slice(max(low_y - reach, 0), min(high_y + reach, height))
    if rows.stop - rows.start < 2 or columns.stop - columns.start < 2:
        return None
    finer = float(np.sqrt((high_x - low_x + 1) * (high_y - low_y + 1) / known.sum()))
    reduce = max(int(finer), 1)
    size = (columns.stop - columns.start) // reduce, (rows.stop - rows.start) // reduce
    columns = slice(columns.start, columns.start + size[0] * reduce)
    rows = slice(rows.start, rows.start + size[1] * reduce)
    values = np.asarray(
        cv2.resize(log_channel(frame.photo, rows, columns, channel), size, interpolation=cv2.INTER_AREA)
    )
    x, y = ((m - s.start - (reduce - 1) / 2) / reduce for m, s in ((map_x, columns), (map_y, rows)))
    return np.asarray(warp.sample(values, x.astype(np.float32), y.astype(np.float32), cv2.INTER_CUBIC), np.float32)


def _skin_under(view: SkinView, map_x: Plane, map_y: Plane) -> BoolArray:
    """Whether the places of a photo are skin, (h, w)."""
    back = np.linalg.inv(view.to_photo)
    x, y = (map_x * back[0, 0] + back[0, 2]).astype(np.float32), (map_y * back[1, 1] + back[1, 2]).astype(np.float32)
    return np.asarray(warp.sample(view.mask.view(np.uint8), x, y, cv2.INTER_NEAREST) > 0)


def _beyond(values: Plane, mask: BoolArray, fine: float, low: float, high: float) -> Plane:
    """How far each pixel lies from its surround, in robust standard deviations, past the nearer of `low` and `high` and
    no further than the other; 0 elsewhere."""
    level = np.where(mask, values, np.float32(values[mask].mean()))
    apart = cv2.GaussianBlur(level, (0, 0), fine) - cv2.GaussianBlur(level, (0, 0), 4 * fine)
    apart /= np.float32(typical(apart, mask))
    nearer = min(low, high, key=abs)
    return np.asarray(np.where(mask, np.clip(apart, low, high) - np.float32(nearer), 0), np.float32)


def _solved(parts: list[tuple[Plane, Plane, BoolArray]]) -> tuple[tuple[float, float], float] | None:
    """Shift (x, y) that lays the second of each pair onto the first, and its uncertainty by leaving blocks out."""
    shift = np.zeros(2)
    normal, right = np.zeros((0, 2, 2)), np.zeros((0, 2))
    for _ in range(_STEPS):
        sums = [_equations(one, other, both, shift) for one, other, both in parts]
        if not sums:
            return None
        normal, right = (np.concatenate(list(part)) for part in zip(*sums, strict=True))
        whole = normal.sum(axis=0)
        if len(normal) < _LEAST_BLOCKS or np.linalg.det(whole) <= 1e-6 * np.trace(whole) ** 2:
            return None
        change = np.linalg.solve(whole, right.sum(axis=0))
        shift = shift + np.clip(change, -1, 1)
        if np.abs(shift).max() > _LARGEST_PX:
            return None
        if np.abs(change).max() < 2e-3:
            break
    count = len(normal)
    without = np.linalg.solve(normal.sum(axis=0) - normal, (right.sum(axis=0) - right)[..., None])[..., 0]
    spread = np.sqrt((count - 1) * without.var(axis=0)).max()
    return (float(shift[0]), float(shift[1])), float(spread)


def _equations(one: Plane, other: Plane, both: BoolArray, shift: Array) -> tuple[Array, Array]:
    """Least squares of a remaining shift, block by block: (n, 2, 2), (n, 2)."""
    height, width = one.shape
    move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    moved = cv2.warpAffine(other, move, (width, height), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    inner = cv2.erode(both.view(np.uint8), np.ones((9, 9), np.uint8), borderValue=0) > 0
    gain = np.sqrt(float((one[inner] ** 2).sum()) / max(float((moved[inner] ** 2).sum()), 1e-9))
    mean = 0.5 * (one + np.float32(gain) * moved)
    slope_x = cv2.filter2D(mean, -1, np.array([[-0.5, 0, 0.5]], np.float32))
    slope_y = cv2.filter2D(mean, -1, np.array([[-0.5, 0, 0.5]], np.float32).T)
    off = np.where(inner, one - np.float32(gain) * moved, np.float32(0))
    slope_x, slope_y = (np.where(inner, s, np.float32(0)) for s in (slope_x, slope_y))
    xx, xy, yy = (_blocks(a) for a in (slope_x * slope_x, slope_x * slope_y, slope_y * slope_y))
    x, y = _blocks(slope_x * off), _blocks(slope_y * off)
    some = xx + yy > 0
    normal = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2)[some]
    return normal, np.stack([x, y], -1)[some]


def _blocks(image: NDArray[Any]) -> Array:
    """Sums over blocks of _BLOCK_PX, flat; what is left over at the edges is left out."""
    rows, columns = (side // _BLOCK_PX for side in image.shape)
    cut = image[: rows * _BLOCK_PX, : columns * _BLOCK_PX].astype(np.float64)
    return np.asarray(cut.reshape(rows, _BLOCK_PX, columns, _BLOCK_PX).sum(axis=(1, 3)).ravel())

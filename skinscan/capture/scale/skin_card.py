"""The printed skin card in a photo: found by its markers, its plane, and what its patches look like."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.scale.markers import Borders, Points, find_borders, find_markers, through
from skinscan.capture.scale.plane import Plane, fit_plane
from skinscan.records import BoolArray, Photo, frozen
from skinscan.sheet import layout

LEAST_MARKERS = 2
PATCH_MARGIN_MM = 0.8
"""Left out around what is read of a patch: its borders' blur, and the printer's."""

RIM_MM = 1.5
"""Left out around the card: its edge and its shadow."""

LEAST_PATCH_PX = 100
SMOOTH_RELATIVE = 0.12
"""Standard deviation over mean (codes) from which a smooth patch is not whole: a finger, a shadow's edge, a stain."""

LARGEST_STRETCH = 2.2
"""Foreshortening beyond which patches mirror the lamp and borders run into one another: a tilt of 63 degrees."""


BENT_RESIDUAL = 3.0
"""Misfit of the borders from which a card is no plane: bent, or seen through a lens that bends it. 1.6 at most on flat
phantoms, 5 to 40 on bent ones."""


@dataclass(frozen=True, eq=False)
class SkinCardSighting:
    """A skin card as a photo shows it. Patches are in the order of `sheet.layout.PATCHES`, n = 12.

    `plane`: px -> the card's mm (`layout`'s), of a mirrored photo too. `markers`: which of the four were seen. `apart`:
    root mean square of their own scales' relative differences from the plane's, 0 of a flat card.
    `codes` (n, 3): mean samples of each patch in the file's own colour space, 0 to 1; `spread` (n, 3) the standard
    deviation of its pixels; `linear_rgb` (n, 3) the mean linear-light sRGB (of a ruled patch what its lines and paper
    give together, at any distance); `pixels` (n,) how many were read. `usable` (n,): in the picture, whole, and not
    clipped. `clipped` (n, 3): where a channel is at the end of its range.
    """

    plane: Plane
    markers: tuple[int, ...]
    apart: float
    mirrored: bool
    shape: tuple[int, int]
    codes: NDArray[np.float64]
    spread: NDArray[np.float64]
    linear_rgb: NDArray[np.float64]
    pixels: NDArray[np.int64]
    usable: BoolArray
    clipped: BoolArray

    def __post_init__(self) -> None:
        for array in (self.codes, self.spread, self.linear_rgb, self.pixels, self.usable, self.clipped):
            frozen(array)

    @property
    def tilt_deg(self) -> float:
        """Tilt against the line of sight, from foreshortening."""
        return self.plane.tilt_deg

    @property
    def bent(self) -> bool:
        """Whether the card is no plane; `apart` tells what that does to the scale."""
        return self.plane.residual > BENT_RESIDUAL

    def mask(self) -> BoolArray:
        """(H, W): the card with its rim, which is no skin."""
        grown = layout.outline() + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * RIM_MM
        return _filled(self.to_px(grown), self.shape)

    def neutral_mask(self) -> BoolArray:
        """(H, W): the usable white and grey patches' middles; empty where none is usable."""
        mask = np.zeros(self.shape, np.bool_)
        for number in layout.NEUTRAL:
            if self.usable[number]:
                mask |= _filled(self.to_px(layout.PATCHES[number].corners(PATCH_MARGIN_MM)), self.shape)
        return mask

    def to_px(self, points_mm: Points) -> Points:
        """Points of the card (n, 2) mm to px."""
        return through(np.asarray(np.linalg.inv(self.plane.homography)), points_mm)


def find_skin_card(photo: Photo) -> SkinCardSighting | None:
    """The skin card of a photo, or None where fewer than two of its markers are seen.

    Turned as it may be, partly hidden, and mirrored: a mirrored marker has a code of its own. Where a photo shows
    two cards, the one that more is seen of.
    """
    seen: list[_Seen] = []
    for thorough in (False, True):
        seen = _largest_card(_seen(photo, thorough=thorough))
        if not seen or len(seen) == 4:
            break  # the second look is for the rest of a card: not worth its time where there is nothing of one
    found = _plane(photo, seen)
    if found is None:
        return None
    plane, seen = found
    return _read(photo, plane, seen)


_Seen = tuple[int, Points, Borders]


def _seen(photo: Photo, *, thorough: bool) -> list[_Seen]:
    """Markers 0-3, and 4-7 mirrored, with rough corners and borders, each place once."""
    book, white = _dictionary()
    kept: list[_Seen] = []
    for number, rough in find_markers(photo, book, thorough=thorough):
        side = float(np.linalg.norm(rough[0] - rough[1]))
        apart = [float(np.linalg.norm(rough.mean(axis=0) - quad.mean(axis=0))) for _, quad, _ in kept]
        if min(apart, default=np.inf) < 0.5 * side:
            continue
        borders = find_borders(photo, rough, white[number])
        if borders is not None:
            kept.append((number, rough, borders))
    return kept


def _largest_card(seen: list[_Seen]) -> list[_Seen]:
    """The most markers, each once, that lie where one of them says; a single one where no two agree."""
    corners, most = layout.marker_corners(), seen[:1]
    for anchor in seen:
        # those of a second card, or of no card, lie elsewhere
        near = [s for s in seen if s[0] // 4 == anchor[0] // 4 and s[0] != anchor[0] and _foretold(anchor, s, corners)]
        own = {s[0]: s for s in (*near, anchor)}
        most = list(own.values()) if len(own) > len(most) else most
    return most


def _foretold(anchor: _Seen, other: _Seen, corners: Points) -> bool:
    """Whether a marker lies where another one says, give or take 40 % of a side for each side that they are apart."""
    square = _marker_mm(anchor[0], corners)
    there = _marker_mm(other[0], corners)
    matrix = cv2.getPerspectiveTransform(square.astype(np.float32), anchor[1].astype(np.float32))
    told = through(np.asarray(matrix, np.float64), there).mean(axis=0)
    side = float(np.linalg.norm(anchor[1][0] - anchor[1][2])) / np.sqrt(2)
    sides = float(np.linalg.norm(there.mean(axis=0) - square.mean(axis=0))) / layout.MARKER_MM
    return bool(np.linalg.norm(told - other[1].mean(axis=0)) < 0.4 * side * max(sides, 1.0))


def _marker_mm(number: int, corners: Points) -> Points:
    """Corners (4, 2) mm of a marker in its own order; a mirrored one's order starts top right and runs the other way,
    as its code was mirrored left to right."""
    own = corners[number % 4]
    return np.asarray(own if number < 4 else own[[1, 0, 3, 2]], np.float64)


def _plane(photo: Photo, seen: list[_Seen]) -> tuple[Plane, list[_Seen]] | None:
    """The plane of markers of one card, and the markers as it places them; None of less than two.

    Fitted, their borders placed where it says that they are, and fitted again.
    """
    if len(seen) < LEAST_MARKERS:
        return None
    white = _dictionary()[1]
    plane, placed = _fitted(photo, seen)
    back = np.asarray(np.linalg.inv(plane.homography))
    told = [through(back, square) for square in placed]
    again = [(s[0], quad, find_borders(photo, quad, white[s[0]])) for s, quad in zip(seen, told, strict=True)]
    seen = [(number, quad, borders) for number, quad, borders in again if borders is not None]
    if len(seen) < LEAST_MARKERS:
        return None
    plane, _ = _fitted(photo, seen)
    return (plane, seen) if plane.stretch <= LARGEST_STRETCH else None


def _fitted(photo: Photo, seen: list[_Seen]) -> tuple[Plane, list[Points]]:
    corners = layout.marker_corners()
    placed = [_marker_mm(number, corners) for number, *_ in seen]
    return fit_plane([s[2] for s in seen], [s[1] for s in seen], max(photo.shape), placed=placed), placed


def _apart(photo: Photo, plane: Plane, seen: list[_Seen]) -> float:
    """How far the markers' own scales are from the plane's, where they are no plane."""
    if plane.residual <= BENT_RESIDUAL:
        return 0.0
    logs, doubts = [], []
    for _, corners, borders in seen:
        own = fit_plane([borders], [corners], max(photo.shape), side_mm=layout.MARKER_MM)
        middle = own.at_px[None]
        logs.append(math.log(own.mm_per_px_at(middle)[0] / plane.mm_per_px_at(middle)[0]))
        doubts.append(own.relative_at(middle))
    # about 0, not about their mean: a rolled card's ends are foreshortened alike
    return math.sqrt(max(float(np.mean(np.square(logs)) - np.mean(np.square(doubts))), 0.0))


@cache
def _dictionary() -> tuple[cv2.aruco.Dictionary, BoolArray]:
    """The card's four markers and the same mirrored, as a dictionary and as bits (8, 6, 6), True where white."""
    bits = np.concatenate([layout.marker_bits(), layout.marker_bits()[:, :, ::-1]])
    rows = [cv2.aruco.Dictionary.getByteListFromBits(np.ascontiguousarray(one, np.uint8)) for one in bits]
    book = cv2.aruco.Dictionary(np.concatenate(rows), layout.MARKER_BITS, 7)  # codes differ in 15 bits
    return book, frozen(np.ascontiguousarray(bits))


def _filled(corners: Points, shape: tuple[int, int]) -> BoolArray:
    mask = np.zeros(shape, np.uint8)
    near = np.clip(corners, -1e4, 1e5)
    cv2.fillConvexPoly(mask, np.round(near * 16).astype(np.int32), 1, shift=4)
    return mask > 0


def _read(photo: Photo, plane: Plane, seen: list[_Seen]) -> SkinCardSighting:
    """What the patches look like."""
    count = len(layout.PATCHES)
    nothing = np.full((count, 3), np.nan)
    sighting = SkinCardSighting(
        plane, tuple(sorted(number % 4 for number, *_ in seen)), _apart(photo, plane, seen), seen[0][0] >= 4,
        photo.shape, nothing, nothing, nothing,
        np.zeros(count, np.int64), np.zeros(count, np.bool_), np.zeros((count, 3), np.bool_),
    )  # fmt: skip
    codes, spread, linear = nothing.copy(), nothing.copy(), nothing.copy()
    pixels, usable, clipped = np.zeros(count, np.int64), np.zeros(count, np.bool_), np.zeros((count, 3), np.bool_)
    top = float(np.iinfo(photo.pixels.dtype).max)
    for number, patch in enumerate(layout.PATCHES):
        corners = sighting.to_px(patch.corners(PATCH_MARGIN_MM))
        tile, own = _tile(photo, corners)
        pixels[number] = int(np.count_nonzero(own))
        if pixels[number] < LEAST_PATCH_PX:
            continue
        samples = tile[own] / top
        codes[number], spread[number] = samples.mean(axis=0), samples.std(axis=0)
        linear[number] = photo.developed(tile)[own].mean(axis=0)
        clipped[number] = (samples >= 254.0 / 255.0).mean(axis=0) > 0.002
        inside = ((corners >= 0) & (corners <= np.array(photo.shape[::-1]) - 1)).all()
        smooth = patch.kind == "ruled" or (spread[number] < SMOOTH_RELATIVE * np.maximum(codes[number], 0.1)).all()
        usable[number] = inside and smooth and not clipped[number].any()
    return replace(
        sighting, codes=codes, spread=spread, linear_rgb=linear, pixels=pixels, usable=usable, clipped=clipped
    )


def _tile(photo: Photo, corners: Points) -> tuple[Any, BoolArray]:
    """The pixels around a quadrilateral and which of them lie in it."""
    height, width = photo.shape
    low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, [width, height])
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, [width, height])
    tile = np.ascontiguousarray(photo.pixels[low[1] : high[1], low[0] : high[0]])
    if not tile.size:
        return tile, np.zeros(tile.shape[:2], np.bool_)
    own = _filled(corners - low, tile.shape[:2])
    if photo.opaque is not None:
        own &= photo.opaque[low[1] : high[1], low[0] : high[0]]
    return tile, own

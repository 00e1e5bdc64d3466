"""A ColorChecker of 24 patches in a photo, or none: squares, their lattice, its pattern of colours, its edges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.chart import PLACES
from skinscan.capture.card.decoding import Reading, decode
from skinscan.capture.card.edges import Placed, place
from skinscan.capture.card.judging import colours_differ, judge
from skinscan.capture.card.lattice import gathered, lattices
from skinscan.capture.card.patches import read_middles
from skinscan.capture.card.sighting import Sighting
from skinscan.capture.card.squares import even_parts, find_squares
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import BoolArray, Photo

Array = NDArray[np.float64]

SEARCH_PX = 1500
"""Longest side of the largest picture that is searched: the photo halved until it is no longer."""

LEVELS = 3
"""Pictures that are searched, each half of the last, the smallest first: in it noise is least and work is little."""

AGREEMENT, OF_PATCHES, A_PATCH_LESS = 0.57, 14.5, 0.045
"""Least agreement of the pattern of colours where so many squares stand in place and show it (the mean of the two
counts), and by how much more it must be for every one less. See docs/scale.md for what is no card."""

MARGIN = 0.2
"""Its least lead over the next best arrangement."""

SURE = 0.1
"""What agreement must be above the least so that no finer picture is searched for a better one."""

LEAST_STANDING, MOST_SHOW_IT = 9, 0.55
"""Squares that must stand where the arrangement has a patch and show it: a quarter hidden leaves 18; and their share of
all that stand there."""


def find_card(photo: Photo, thumbnails: Thumbnails | None = None) -> Sighting | None:
    """The 24-patch ColorChecker (Classic, Passport, Mini) that a photo shows, or None.

    Any turn, tilt to about 35 degrees, mirrored, a part hidden or in shadow, from about 100 px of width in a picture of
    `SEARCH_PX`. Which patch is which is told by the colours alone. Charts of more patches are none.
    """
    if photo.is_grey:
        return None
    picture = _searched(photo, thumbnails or Thumbnails(photo))
    for reading, factor in _readings(picture):
        reduced = photo.shape[1] / picture.shape[1]
        enlarged = _enlarging(reduced) @ _enlarging(factor) @ reading.homography
        placed = _placed(photo, enlarged, reading.agreeing, factor * reduced)
        if placed is None:
            continue
        sighting = _sighting(photo, reading, placed)
        if colours_differ(sighting.codes, sighting.usable):
            return sighting
    return None


def _placed(photo: Photo, homography: Array, patches: BoolArray, most: float) -> Placed | None:
    """The card by the edges of its `patches` (24,) in the photo; in one reduced up to `most` times where noise hides
    them."""
    factor = 1
    while factor <= most:
        pixels = photo.pixels if factor == 1 else _reduced(photo.pixels, factor)
        here = np.linalg.inv(_enlarging(factor)) @ homography
        placed = place(pixels, photo.lut, here, patches)
        if placed is not None and _same_place(placed, here):
            enlarged = _enlarging(factor) @ placed.homography
            return replace(placed, homography=enlarged / enlarged[2, 2], residual=placed.residual * factor)
        factor *= 2
    return None


def _reduced(pixels: Any, factor: int) -> Any:
    """Pixels (H, W, 3) averaged over squares of `factor`; what is left over at the ends is cut off: nothing moves."""
    height, width = (side // factor * factor for side in pixels.shape[:2])
    return cv2.resize(pixels[:height, :width], (width // factor, height // factor), interpolation=cv2.INTER_AREA)


def _searched(photo: Photo, thumbnails: Thumbnails) -> NDArray[np.uint8]:
    longest = max(photo.shape)
    while longest > SEARCH_PX:
        longest = (longest + 1) // 2
    pixels = thumbnails.pixels(longest)
    return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)


def _readings(picture: NDArray[np.uint8]) -> list[tuple[Reading, float]]:
    """Believable arrangements, the best first, with the factor from their picture to the one given. Pictures finer than
    the first that shows one for sure are not searched."""
    found: list[tuple[float, Reading, float]] = []
    for small in _pyramid(picture):
        factor = picture.shape[1] / small.shape[1]
        found += [(belief, reading, factor) for belief, reading in _read(small) if belief > 0]
        if any(belief > SURE for belief, _, _ in found):
            break
    return [(reading, factor) for _, reading, factor in sorted(found, key=lambda one: -one[0])]


def strongest_belief(photo: Photo) -> float:
    """By how much the agreement of the best arrangement that a photo shows is above the least, below 0 where it is no
    card; NaN where nothing is arranged like one."""
    if photo.is_grey:
        return float("nan")
    beliefs = [belief for small in _pyramid(_searched(photo, Thumbnails(photo))) for belief, _ in _read(small)]
    return max(beliefs, default=float("nan"))


def _pyramid(picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The pictures that are searched, the smallest first."""
    pyramid = [picture]
    while len(pyramid) < LEVELS and min(pyramid[-1].shape[:2]) >= 200:
        height, width = pyramid[-1].shape[:2]
        pyramid.append(np.asarray(cv2.resize(pyramid[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)))
    return pyramid[::-1]


def _read(picture: NDArray[np.uint8]) -> list[tuple[float, Reading]]:
    """Arrangements of the squares of one picture, and by how much their agreement is above the least."""
    found = []
    squares = find_squares(even_parts(picture))
    for lattice in lattices(squares):
        reading = decode(picture, lattice)
        if reading is None or reading.margin <= MARGIN:
            continue
        homography, standing = gathered(reading.homography, PLACES, squares)
        if standing.sum() < LEAST_STANDING:
            continue
        both = reading.agreeing & standing
        if both.sum() < max(LEAST_STANDING, MOST_SHOW_IT * standing.sum()):
            continue
        told = (int(both.sum()) + int(standing.sum())) / 2
        belief = reading.agreement - AGREEMENT - A_PATCH_LESS * max(OF_PATCHES - told, 0.0)
        found.append((belief, replace(reading, homography=homography, agreeing=both)))
    return found


def _enlarging(factor: float) -> Array:
    """Pixels of a reduced picture to those of the one that it was made from."""
    shift = (factor - 1) / 2
    return np.array([[factor, 0, shift], [0, factor, shift], [0, 0, 1.0]])


def _same_place(placed: Placed, before: Array) -> bool:
    """Whether the edges left the card about where the squares had it."""
    corners = np.array([[0, 0, 1], [5, 0, 1], [5, 3, 1], [0, 3, 1]], np.float64)
    now, then = (c[:, :2] / c[:, 2:] for c in (corners @ placed.homography.T, corners @ before.T))
    pitch = np.linalg.norm(then[0] - then[1]) / 5
    return bool(np.linalg.norm(now - then, axis=1).max() < 0.5 * pitch)


def _sighting(photo: Photo, reading: Reading, placed: Placed) -> Sighting:
    judged = judge(read_middles(photo, placed.homography, placed.patch))
    again = place(photo.pixels, photo.lut, placed.homography, ~judged.hidden, rounds=2)
    if again is not None and again.edges >= placed.edges and _same_place(again, placed.homography):
        placed = again
    middles = read_middles(photo, placed.homography, placed.patch)
    judged = judge(middles)
    return Sighting(
        homography=placed.homography,
        mirrored=bool(np.linalg.det(placed.homography) < 0),
        codes=middles.codes,
        spread=middles.spread,
        pixels=middles.pixels,
        usable=judged.usable,
        clipped=middles.clipped,
        shaded=judged.shaded,
        hidden=judged.hidden,
        patch=placed.patch,
        agreement=reading.agreement,
        covariance=placed.covariance,
    )

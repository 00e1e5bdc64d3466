"""A ColorChecker of 24 patches in a photo, or none: squares, their lattice, its pattern of colours, its edges."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.chart import PLACES
from skinscan.capture.card.decoding import Reading, decode
from skinscan.capture.card.edges import Placed, place
from skinscan.capture.card.judging import judge
from skinscan.capture.card.lattice import gathered, lattices
from skinscan.capture.card.patches import read_middles
from skinscan.capture.card.sighting import Sighting
from skinscan.capture.card.squares import even_parts, find_squares
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import Photo

Array = NDArray[np.float64]

SEARCH_PX = 1500
"""Longest side of the largest picture that is searched: the photo halved until it is no longer."""

LEVELS = 3
"""Pictures that are searched, each half of the last, the smallest first: in it noise is least and work is little."""

AGREEMENT, MARGIN = 0.62, 0.2
"""Least agreement of the pattern of colours, and its lead over the next best arrangement."""

LEAST_STANDING = 9
"""Squares that must stand where the arrangement has a patch: a quarter hidden leaves 18."""


def find_card(photo: Photo, thumbnails: Thumbnails | None = None) -> Sighting | None:
    """The 24-patch ColorChecker (Classic, Passport, Mini) that a photo shows, or None.

    Any turn, tilt to about 35 degrees, mirrored, a part hidden or in shadow, from about 100 px of width in a picture of
    `SEARCH_PX`. Which patch is which is told by the colours alone. Charts of more patches are none.
    """
    if photo.is_grey:
        return None
    picture = _searched(photo, thumbnails or Thumbnails(photo))
    for reading, factor in _readings(picture):
        enlarged = _enlarging(photo.shape[1] / picture.shape[1]) @ _enlarging(factor) @ reading.homography
        placed = place(photo.pixels, photo.lut, enlarged, reading.agreeing)
        if placed is not None and _same_place(placed, enlarged):
            return _sighting(photo, reading, placed)
    return None


def _searched(photo: Photo, thumbnails: Thumbnails) -> NDArray[np.uint8]:
    longest = max(photo.shape)
    while longest > SEARCH_PX:
        longest = (longest + 1) // 2
    pixels = thumbnails.pixels(longest)
    return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)


def _readings(picture: NDArray[np.uint8]) -> list[tuple[Reading, float]]:
    """Believable arrangements of the first level that has any, the best first, with that level's factor."""
    pyramid = [picture]
    while len(pyramid) < LEVELS and min(pyramid[-1].shape[:2]) >= 200:
        height, width = pyramid[-1].shape[:2]
        pyramid.append(np.asarray(cv2.resize(pyramid[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)))
    for small in reversed(pyramid):
        found = []
        squares = find_squares(even_parts(small))
        for lattice in lattices(squares):
            reading = decode(small, lattice)
            if reading is not None and reading.agreement > AGREEMENT and reading.margin > MARGIN:
                homography, standing = gathered(reading.homography, PLACES, squares)
                if standing.sum() >= LEAST_STANDING:
                    found.append(replace(reading, homography=homography, agreeing=reading.agreeing & standing))
        if found:
            factor = picture.shape[1] / small.shape[1]
            return [(r, factor) for r in sorted(found, key=lambda r: -r.agreement * r.agreeing.sum())]
    return []


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

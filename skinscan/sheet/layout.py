"""Where everything on the skin card lies, in mm: origin at its top left corner, x to the right, y down.

The card is a white rectangle with a marker in each corner, patches in the middle and nothing near its edges, so that
any edge may lie against the skin to be measured. Its markers are of another dictionary than the stickers that users
print themselves, so their size is known without asking.

One row of greys is ruled in full black on the bare paper: a printer that mixes greys from three inks makes some that
change their hue with the lamp; black lines and paper do not. The other row is printed as tints of black, which are
smooth. What a grey's reflectance is depends on the printer and is not known; that it is the same in two photos is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skinscan.records import BoolArray, frozen

VERSION = 1
"""Raised when anything on the card moves: a card is known by its markers' numbers, which then change too."""

WIDTH_MM, HEIGHT_MM = 60.0, 40.0
MARKER_MM, MARGIN_MM = 12.0, 2.5
"""Side of a marker's black square, and white paper between it and the card's edges: 1.7 of its cells."""

MARKER_BITS = 6
MARKERS = (18, 86, 161, 169)
"""Numbers in OpenCV's DICT_ARUCO_MIP_36h12, from the top left clockwise. Of 36 bits any two differ in 15, in any turn
and mirrored too: misread bits turn none into another, and a mirrored card is known for one."""

RULING_MM = 4 / 300 * 25.4
"""Pitch of a ruled grey's lines, 0.34 mm: eight dots of a printer of 600 dots an inch, which may add one to a line."""

Kind = Literal["white", "ruled", "tint", "skin"]


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle of one look. `cover`: the share that is black lines, or the tint of black; `rgb` (0-255, sRGB):
    what a skin patch is printed as, which no two printers print alike."""

    name: str
    kind: Kind
    left: float
    top: float
    width: float
    height: float
    cover: float = 0.0
    rgb: tuple[int, int, int] | None = None

    def corners(self, margin: float = 0.0) -> NDArray[np.float64]:
        """(4, 2) mm, `margin` mm inside its borders."""
        x0, x1 = self.left + margin, self.left + self.width - margin
        y0, y1 = self.top + margin, self.top + self.height - margin
        return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])

    def lines(self) -> NDArray[np.float64]:
        """Tops and bottoms of a ruled grey's black lines, (n, 2) mm."""
        count = int(self.height / RULING_MM)
        top = self.top + np.arange(count) * RULING_MM
        return np.stack([top, top + self.cover * RULING_MM], 1)


_SKINS = (
    ("light skin", (236, 205, 184)),
    ("medium skin", (208, 160, 132)),
    ("tan skin", (160, 110, 82)),
    ("dark skin", (92, 62, 50)),
)
_COLUMNS, _GAP, _SIDE = 4, 0.4, (6.0, 8.0)
_LEFT = (WIDTH_MM - _COLUMNS * _SIDE[0] - (_COLUMNS - 1) * _GAP) / 2
_TOPS = (3.5, 12.5, 21.5)


def _row(top: float, looks: list[tuple[str, Kind, float]]) -> list[Patch]:
    colours = dict(_SKINS)
    return [
        Patch(name, kind, _LEFT + column * (_SIDE[0] + _GAP), top, *_SIDE, cover, colours.get(name))
        for column, (name, kind, cover) in enumerate(looks)
    ]


PATCHES = (
    *_row(_TOPS[0], [("white", "white", 0.0), *((f"ruled {n}/4", "ruled", n / 4) for n in (1, 2, 3))]),
    *_row(_TOPS[1], [(name, "skin", 0.0) for name, _ in _SKINS]),
    *_row(_TOPS[2], [*((f"tint {n}/4", "tint", n / 4) for n in (3, 2, 1)), ("second white", "white", 0.0)]),
)
"""Two rows of neutrals, the second the other way round, so that light that falls off over the card shows; between
them skin colours."""

NEUTRAL = tuple(number for number, patch in enumerate(PATCHES) if patch.kind != "skin")

LABEL_MM = (30.0, 33.0)
"""Middle of the top of the printed label."""


def marker_corners() -> NDArray[np.float64]:
    """Corners of the four black squares, (4, 4, 2) mm, in the order of MARKERS, each from its own top left
    clockwise."""
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) * MARKER_MM
    far_x, far_y = WIDTH_MM - MARGIN_MM - MARKER_MM, HEIGHT_MM - MARGIN_MM - MARKER_MM
    places = [(MARGIN_MM, MARGIN_MM), (far_x, MARGIN_MM), (far_x, far_y), (MARGIN_MM, far_y)]
    return np.array([square + place for place in places])


def outline() -> NDArray[np.float64]:
    """Corners of the card, (4, 2) mm."""
    return np.array([[0.0, 0.0], [WIDTH_MM, 0.0], [WIDTH_MM, HEIGHT_MM], [0.0, HEIGHT_MM]])


@cache
def marker_bits() -> BoolArray:
    """(4, 6, 6): True where a marker's cell is white; a ring of black cells goes around."""
    import cv2

    book = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_ARUCO_MIP_36h12)
    cells = MARKER_BITS + 2
    pictures = [cv2.aruco.generateImageMarker(book, number, cells) for number in MARKERS]
    return frozen(np.array([np.asarray(picture)[1:-1, 1:-1] > 127 for picture in pictures]))

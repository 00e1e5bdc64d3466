"""Even squares in a small picture: what patches of a card look like before anything is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WINDOW_PX, OF_AROUND, ALWAYS_EVEN = 25, 0.6, 4.0
"""Even is what differs by less than this share of the mean around, plus counts: above the noise, below an edge."""

LEAST_SIDE_PX = 5
"""Even middle of the smallest patch that is looked for."""

SQUARENESS = (0.86, 1.10)
"""area^2 / (144 det of its second moments): 1 for every parallelogram, 0.75 for triangles, 1.10 for ellipses."""

SLIMMEST = 24.0
"""Border squared over area beyond which a part is too slim or ragged: 16 for a square, 25 for 1 to 4."""

MOST = 300
"""Squares that are kept of one picture, the largest first; a card has 24."""

_NINE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Squares:
    """Squares by their centres (n, 2) and half sides as vectors, `across` and `down` (n, 2), in pixels."""

    centres: Array
    across: Array
    down: Array

    def __len__(self) -> int:
        return len(self.centres)

    @property
    def sides(self) -> Array:
        """Mean side (n,)."""
        return np.asarray(
            2 * np.sqrt(np.abs(self.across[:, 0] * self.down[:, 1] - self.across[:, 1] * self.down[:, 0]))
        )


def even_parts(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mask (h, w), 255 where a picture (h, w, 3) differs little within 3 x 3 pixels, against what it does around."""
    soft = cv2.GaussianBlur(picture, (3, 3), 0)
    gradient = cv2.morphologyEx(soft, cv2.MORPH_GRADIENT, _NINE)
    red, green, blue = cv2.split(gradient)
    most = cv2.max(cv2.max(red, green), blue)
    around = cv2.blur(most, (WINDOW_PX, WINDOW_PX))
    even = cv2.compare(most, cv2.addWeighted(around, OF_AROUND, around, 0.0, ALWAYS_EVEN), cv2.CMP_LE)
    return np.asarray(cv2.morphologyEx(even, cv2.MORPH_OPEN, _NINE), np.uint8)


def find_squares(even: NDArray[np.uint8]) -> Squares:
    """Squares among the connected parts of a mask (h, w), 255 where the picture is even."""
    contours, tree = cv2.findContours(even, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return Squares(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros((0, 2)))
    lengths = np.fromiter(map(len, contours), np.int64, len(contours))
    outer = tree[0, :, 3] < 0
    most = 3 * (even.shape[0] + even.shape[1])
    long = outer & (lengths >= 4 * (LEAST_SIDE_PX - 1)) & (lengths < most)
    found = [box for k in np.flatnonzero(long).tolist() if (box := _box(np.asarray(contours[k]))) is not None]
    if not found:
        return Squares(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros((0, 2)))
    table = np.array(found)
    table = table[np.argsort(-table[:, 6], kind="stable")[:MOST]]
    return Squares(table[:, :2], table[:, 2:4], table[:, 4:6])


def _box(contour: NDArray[Any]) -> tuple[float, ...] | None:
    """Centre, two half sides and area of a contour, or None where it is no parallelogram."""
    if cv2.contourArea(contour) * SLIMMEST < len(contour) ** 2:
        return None
    m = cv2.moments(contour)
    area = m["m00"]
    determinant = (m["mu20"] * m["mu02"] - m["mu11"] ** 2) / area**2
    if determinant <= 0:
        return None
    squareness = area**2 / (144 * determinant)
    small = 0.05 if area < 150 else 0.0
    if not SQUARENESS[0] - small < squareness < SQUARENESS[1] + small:
        return None
    (_, _), (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < 0.4 * max(width, height):
        return None
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    a, b = (width + 1) / 2, (height + 1) / 2
    return m["m10"] / area, m["m01"] / area, a * cos, a * sin, -b * sin, b * cos, area

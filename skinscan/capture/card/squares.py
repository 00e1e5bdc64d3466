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

LEAST_SIDE_PX = 3
"""Even middle of the smallest patch that is looked for."""

LOST_PX = 3.5
"""Of a patch's side, what its edges make uneven, and the border's half pixels."""

SQUARENESS = (0.86, 1.10)
"""area^2 / (144 det of its second moments): 1 for every parallelogram, 0.75 for triangles, 1.10 for ellipses."""

SMALL_PX2, SMALL_SLACK = 100.0, 0.1
"""Parts of less area are ragged by their pixels: their squareness may be off by so much more."""

SLIMMEST = 24.0
"""Border squared over area beyond which a part is too slim or ragged: 16 for a square, 25 for 1 to 4."""

LONGEST = 5.0
"""Largest second moment over the smallest: sides of 1 to 2.2."""

MOST = 1500
"""Squares that are kept of one picture, the largest first."""

_NINE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Squares:
    """Squares by their centres (n, 2) and sides (n,), in pixels; those of a patch come out about as large as it is."""

    centres: Array
    sides: Array

    def __len__(self) -> int:
        return len(self.centres)


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
    contours, _ = cv2.findContoursLinkRuns(even)  # both ends of every row: a third of the time that all pixels take
    ends = np.fromiter(map(len, contours), np.int64, len(contours))
    which = np.flatnonzero((ends >= 2 * LEAST_SIDE_PX) & (ends < 3 * sum(even.shape)))
    if not len(which):
        return Squares(np.zeros((0, 2)), np.zeros(0))
    area, border, centres, second = _moments([contours[k] for k in which.tolist()], ends[which])
    xx, yy, xy = second.T
    determinant = np.maximum(xx * yy - xy**2, 1e-9)
    squareness = area**2 / (144 * determinant)
    slack = np.where(area < SMALL_PX2, SMALL_SLACK, 0.0)
    longest = (xx + yy) ** 2 / determinant  # (a + b)^2 / a b of the two main moments
    square = (squareness > SQUARENESS[0] - slack) & (squareness < SQUARENESS[1] + slack)
    square &= (area * SLIMMEST >= border**2) & (longest < (LONGEST + 1) ** 2 / LONGEST)
    kept = np.flatnonzero(square)
    kept = kept[np.argsort(-area[kept], kind="stable")[:MOST]]
    return Squares(centres[kept], np.sqrt(area[kept]) + LOST_PX)


def _moments(contours: list[Any], lengths: NDArray[np.int64]) -> tuple[Array, Array, Array, Array]:
    """Areas (n,), 0 for holes, borders in pixels (n,), centres (n, 2) and central second moments xx, yy, xy over the
    area (n, 3) of closed contours, all at once, by Green's theorem."""
    starts = np.cumsum(lengths) - lengths
    ends = starts + lengths - 1
    points = np.concatenate(contours)[:, 0].astype(np.float64)
    first = np.repeat(points[starts], lengths, axis=0)
    x, y = (points - first).T  # from the contour's own first point: no digits are lost
    following = np.arange(1, len(x) + 1)
    following[ends] = starts
    nx, ny = x[following], y[following]
    cross = x * ny - nx * y
    sums = np.add.reduceat(
        np.stack(
            [
                cross,
                cross * (x + nx),
                cross * (y + ny),
                cross * (x * x + x * nx + nx * nx),
                cross * (y * y + y * ny + ny * ny),
                cross * (x * (2 * y + ny) + nx * (y + 2 * ny)),
                np.maximum(np.abs(nx - x), np.abs(ny - y)),
            ]
        ),
        starts,
        axis=1,
    )
    twice = np.where(np.abs(sums[0]) < 1.0, np.inf, sums[0])
    cx, cy = sums[1] / (3 * twice), sums[2] / (3 * twice)
    second = np.stack(
        [sums[3] / (6 * twice) - cx * cx, sums[4] / (6 * twice) - cy * cy, sums[5] / (12 * twice) - cx * cy], axis=-1
    )
    return np.maximum(sums[0], 0.0) / 2, sums[6], points[starts] + np.stack([cx, cy], axis=-1), second

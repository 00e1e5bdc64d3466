"""The horizontal visible diameter of each iris, from its edges against the white of the eye.

The landmark network only tells where to look. Along lines parallel to the one between the eye's corners, in the middle
part of the iris that lids seldom cover, the steepest rise from dark iris to white sclera is found on both sides, and a
circle goes through these. An eye that is closed, covered, looking aside or too small in the picture is refused.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.face.face import EYE, LEFT_EYE, Iris, Side
from skinscan.records import Photo

Points = NDArray[np.float64]


class _Eye(NamedTuple):
    """Landmarks of one eye: corner on the picture's left and right, centre and edge of the iris, lids' middles, and the
    lids' edge all round."""

    corners: tuple[int, int]
    centre: int
    edge: tuple[int, ...]
    lids: tuple[int, int]
    opening: tuple[int, ...]


_EYES: dict[Side, _Eye] = {
    "right": _Eye((33, 133), 468, (469, 470, 471, 472), (159, 145), EYE),
    "left": _Eye((362, 263), 473, (474, 475, 476, 477), (386, 374), LEFT_EYE),
}

LEAST_RADIUS_PX = 5.0
"""Smaller irises are not measured: an error of a third of a pixel on each side would be 5 % and more."""

LEAST_OPEN = 0.45
"""Opening of the lids in iris diameters under which an eye counts as closed: the lines used need 0.6 of it."""

HALF_HEIGHT, LINES = 0.42, 33
"""How far above and below its middle the iris's edge is looked for, in radii, and along how many lines."""

LEAST_EDGES = 0.45
"""Share of the lines of a side on which an edge must fit the circle."""

WHITE_BESIDE, LID_TOLERANCE = 0.12, 0.10
"""How far beside the edge there must still be eye between the lids, and how far off the lids may be, in radii."""

MOST_OFF = 0.22
"""Most difference between the fitted radius and the network's, and most shift of the centre, in radii."""

LIMBUS_RELATIVE = 0.02
"""Standard uncertainty of where the edge is said to be: the way from iris to sclera is about 0.7 mm wide, and its
steepest place moves in it by about 0.12 mm on each side with light, gaze and lids. (24 irises against hand-placed
points, which are good to 1.5 %: mean +0.6 %, standard deviation 2.5 %.)"""

LEAST_STEP = 0.04
"""Least step of brightness from iris to sclera, of the range of the file's codes."""

_REACH = (0.62, 1.42)


def measure_irises(photo: Photo, landmarks: Points) -> tuple[dict[Side, Iris], dict[Side, str]]:
    """The irises that are seen well, by the patient's side, and for the others the reason why not."""
    irises: dict[Side, Iris] = {}
    reasons: dict[Side, str] = {}
    for side, eye in _EYES.items():
        found = _measure(photo, landmarks, eye)
        if isinstance(found, Iris):
            irises[side] = found
        else:
            reasons[side] = found
    return irises, reasons


def _measure(photo: Photo, landmarks: Points, eye: _Eye) -> Iris | str:
    points = landmarks[:, :2]
    start, radius = points[eye.centre], float(np.hypot(*(points[list(eye.edge)] - points[eye.centre]).T).mean())
    along = points[eye.corners[1]] - points[eye.corners[0]]
    along = along / max(float(np.hypot(*along)), 1e-9)
    if radius < LEAST_RADIUS_PX:
        return f"the iris is too small: {2 * radius:.0f} px across, {2 * LEAST_RADIUS_PX:.0f} needed"
    opening = float(np.hypot(*(points[eye.lids[0]] - points[eye.lids[1]])))
    if opening < LEAST_OPEN * 2 * radius:
        return "the eye is closed or nearly so"
    profiles, steps, heights = _profiles(photo, start, along, radius)
    if profiles is None:
        return "the eye lies at the photo's edge"
    edges, places = [], []
    across = np.array([-along[1], along[0]])
    lids = points[list(eye.opening)].astype(np.float32)
    for sign, values in zip((-1.0, 1.0), profiles, strict=True):
        offsets = _rise(values, steps)
        beside = start + sign * (offsets + WHITE_BESIDE * radius)[:, None] * along + heights[:, None] * across
        good = np.isfinite(offsets)
        good[good] = [
            cv2.pointPolygonTest(lids, (float(x), float(y)), True) > -LID_TOLERANCE * radius for x, y in beside[good]
        ]
        edges.append(np.column_stack([sign * offsets[good], heights[good]]))
        places.append(int(good.sum()))
    if min(places) < LEAST_EDGES * LINES:
        return "the iris's edge is not seen on both sides: the eye is covered, closed or looks aside"
    return _fitted(edges, start, along, radius)


def _profiles(photo: Photo, start: Points, along: Points, radius: float) -> tuple[Points | None, Points, Points]:
    """Brightness outwards from the iris: (2 sides, lines, steps), with the steps and the lines' heights in pixels."""
    steps = np.linspace(_REACH[0] * radius, _REACH[1] * radius, max(25, int(4 * radius)))
    heights = np.linspace(-HALF_HEIGHT, HALF_HEIGHT, LINES) * radius
    across = np.array([-along[1], along[0]])
    sides = np.array([-1.0, 1.0])
    xy = start + sides[:, None, None, None] * steps[None, None, :, None] * along + heights[None, :, None, None] * across
    low, high = np.floor(xy.min(axis=(0, 1, 2))).astype(int) - 1, np.ceil(xy.max(axis=(0, 1, 2))).astype(int) + 2
    if low.min() < 0 or high[0] > photo.shape[1] or high[1] > photo.shape[0]:
        return None, steps, heights
    tile = photo.pixels[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    # red and green: blue irises are dark in red, brown ones in both, and blue is where cameras are noisy and yellow
    # lamps dim
    grey = (tile[..., 0] + tile[..., 1]) * np.float32(0.5 / np.iinfo(photo.pixels.dtype).max)
    grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), max(0.5, 0.04 * radius)), np.float32)
    x, y = ((xy[..., k] - low[k]).astype(np.float32) for k in (0, 1))
    flat = cv2.remap(grey, x.reshape(-1, len(steps)), y.reshape(-1, len(steps)), cv2.INTER_LINEAR)
    return np.asarray(flat, np.float64).reshape(2, LINES, len(steps)), steps, heights


def _rise(values: Points, steps: Points) -> Points:
    """Where each profile rises most steeply, NaN where it hardly rises or falls far before: (lines,)."""
    slope = np.gradient(cv2.GaussianBlur(values, (0, 0), sigmaX=2.0, sigmaY=1.0), axis=1)
    at = np.argmax(slope[:, 1:-1], axis=1) + 1
    rows = np.arange(len(values))
    left, middle, right = slope[rows, at - 1], slope[rows, at], slope[rows, at + 1]
    curve = left - 2 * middle + right
    shift = np.where(curve < 0, 0.5 * (left - right) / np.where(curve < 0, curve, -1.0), 0.0)
    offsets = steps[at] + np.clip(shift, -1, 1) * (steps[1] - steps[0])
    reach = len(steps) // 6
    inside, outside = values[rows, np.maximum(at - reach, 0)], values[rows, np.minimum(at + reach, len(steps) - 1)]
    weak = (outside - inside < LEAST_STEP) | (outside < 1.12 * inside) | (at < 3) | (at > len(steps) - 4)
    return np.where(weak, np.nan, offsets)


def _fitted(edges: list[Points], start: Points, along: Points, radius: float) -> Iris | str:
    """The circle through the edges of both sides, without what does not lie on it."""
    points = np.concatenate(edges)
    sides = np.concatenate([np.full(len(edge), k) for k, edge in enumerate(edges)])
    kept = np.ones(len(points), np.bool_)
    circle = np.zeros(3)
    for _ in range(6):
        circle = _circle(points[kept], radius)
        off = np.hypot(*(points - circle[:2]).T) - circle[2]
        spread = max(1.4826 * float(np.median(np.abs(off[kept]))), 0.01 * radius, 0.15)
        kept = np.abs(off) < 2.5 * spread
        if min(np.count_nonzero(kept & (sides == k)) for k in (0, 1)) < LEAST_EDGES * LINES:
            return "the iris's edge is not round: the eye is covered, or glints and lashes hide it"
    if abs(circle[2] - radius) > MOST_OFF * radius or float(np.hypot(*circle[:2])) > 1.5 * MOST_OFF * radius:
        return "the iris's edge is not where the face's points have it: the eye is covered or looks aside"
    residual = float(np.std(off[kept]))
    if residual > 0.05 * radius + 0.3:
        return "the iris's edge is not round: the eye is covered, or glints and lashes hide it"
    # neighbouring lines are blurred together: about every fourth tells something new
    noise = residual / np.sqrt(min(np.count_nonzero(kept & (sides == k)) for k in (0, 1)) / 4.0)
    diameter = 2.0 * float(circle[2])
    across = np.array([-along[1], along[0]])
    centre = start + circle[0] * along + circle[1] * across
    return Iris(centre, diameter, float(np.hypot(np.sqrt(2.0) * noise, LIMBUS_RELATIVE * diameter)))


def _circle(points: Points, radius: float) -> Points:
    """Centre and radius of the circle nearest to points; its height is held near 0, which the sides tell little of."""
    centre_x, centre_y, size = 0.0, 0.0, radius
    for _ in range(4):
        dx, dy = points[:, 0] - centre_x, points[:, 1] - centre_y
        distance = np.hypot(dx, dy)
        rows = np.column_stack([dx / distance, dy / distance, np.ones(len(points))])
        held = np.vstack([rows, [0.0, 0.02 * len(points), 0.0]])
        wanted = np.append(distance - size, -0.02 * len(points) * centre_y)
        step = np.linalg.lstsq(held, wanted, rcond=None)[0]
        centre_x, centre_y, size = centre_x + step[0], centre_y + step[1], size + step[2]
    return np.array([centre_x, centre_y, size])

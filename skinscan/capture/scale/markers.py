"""Printed square markers in a photo: found and decoded by OpenCV, and the borders of their cells placed far finer.

Where the whole of a marker's pattern is used, not its outline alone, what moves all borders alike is seen: an
overexposed white grows at the cost of black, and so does ink on paper at the cost of white.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.thumbnails import half, halves
from skinscan.records import BoolArray, Photo

SEARCH_PX = 1800
"""Longer side of the picture in which markers are looked for; their borders are measured in the whole photo."""

LEAST_SIDE_PX = 16
"""A picture of fewer pixels along a side shows no marker."""

REACH_CELLS, REACH_PX = 0.45, (2.0, 20.0)
"""How far to either side of a border it is looked at: no farther than the middle of the next cell."""

LEAST_ERROR_PX = 0.03
"""Standard error of a piece's place at best: pixels, JPEG blocks and sharpening leave that much in common to all of
its scan lines."""

ALIKE = 6
"""Where cells are hardly wider than the blur, borders are shifted by their neighbours, which repeat: a pattern has no
more than so many that are shifted each its own way."""

LEAST_SEEN = 0.6
"""Share of a marker's outline, and of each of its sides at least half, that must be seen as black against white."""

Points = NDArray[np.float64]
UNIT = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


@dataclass(frozen=True, eq=False)
class Borders:
    """Pieces of the borders between black and white cells of one marker, as a photo shows them.

    `at` (n, 2): middle of each piece in the marker's own frame, where its black square is the unit square; `seen`
    (n, 2): a point of the border in px; `normal` (n, 2): unit vector across it in px, from black to white;
    `error_px` (n,): standard error of the place across.
    """

    at: Points
    seen: Points
    normal: Points
    error_px: Points

    def __len__(self) -> int:
        return len(self.at)


def find_markers(photo: Photo, dictionary: cv2.aruco.Dictionary, *, thorough: bool = True) -> list[tuple[int, Points]]:
    """Numbers and rough corners (4, 2) px of markers, the same one perhaps several times.

    A threshold window that fits one marker misses another: `thorough`, two picture sizes and two sets are tried.
    """
    found = []
    grey, factor = _grey(photo)
    for shrink in (1.0, 0.5) if thorough else (1.0,):
        if min(grey.shape) * shrink < LEAST_SIDE_PX:
            continue
        picture = grey if shrink == 1.0 else cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for windows in ((23, 10), (103, 20)) if thorough else ((53, 15),):
            corners, ids, _ = _detector(dictionary, *windows).detectMarkers(picture)
            numbers = [] if ids is None else np.ravel(ids).tolist()
            for quad, marker in zip(corners, numbers, strict=True):
                at = (quad.reshape(4, 2).astype(np.float64) + 0.5) / (factor * shrink) - 0.5
                found.append((int(marker), at))
    return found


def find_borders(photo: Photo, rough: Points, white: BoolArray) -> Borders | None:
    """Borders of the cells of a marker whose corners are roughly known; `white` (m, m) are its bits.

    None where too little of it is black against white: no marker, or covered. Each piece is sampled across, in
    linear light; the place is where the step from black to white is half done, which blur does not move.
    """
    pieces = _pieces(white.tobytes(), len(white))
    matrix = np.asarray(cv2.getPerspectiveTransform(UNIT.astype(np.float32), rough.astype(np.float32)), np.float64)
    cells = len(white) + 2
    ends = [through(matrix, pieces.at + sign * 0.5 / cells * pieces.along) for sign in (-1, 1)]
    along = ends[1] - ends[0]
    length = np.linalg.norm(along, axis=1)
    if not np.isfinite(length).all() or length.min() < 2.0:
        return None
    normal = np.stack([-along[:, 1], along[:, 0]], 1) / length[:, None]
    across = through(matrix, pieces.at + 0.5 / cells * pieces.white) - through(
        matrix, pieces.at - 0.5 / cells * pieces.white
    )
    width = np.sum(across * normal, axis=1)
    normal, width = normal * np.sign(width)[:, None], np.abs(width)
    reach = np.clip(REACH_CELLS * width, *REACH_PX)
    steps = np.linspace(-1.0, 1.0, int(np.clip(6 * reach.max(), 25, 121)) | 1)
    places = np.linspace(-0.3, 0.3, int(np.clip(0.6 * np.median(length), 3, 11)))
    middle = through(matrix, pieces.at)
    xy = (
        middle[:, None, None]
        + places[None, :, None, None] * along[:, None, None]
        + (steps * reach[:, None])[:, None, :, None] * normal[:, None, None]
    )
    profiles = _luminance_at(photo, xy)
    if profiles is None:
        return None
    found = _half_way(profiles.reshape(-1, len(steps)), steps)
    offsets, blurs = (values.reshape(len(xy), len(places)) * reach[:, None] for values in found)
    good = np.isfinite(offsets).mean(axis=1) >= 0.6
    if good[pieces.outer >= 0].mean() < LEAST_SEEN:
        return None
    if min(good[pieces.outer == side].mean() for side in range(4)) < 0.5:
        return None
    offsets = offsets[good]
    place = np.nanmedian(offsets, axis=1)
    scatter = 1.4826 * np.nanmedian(np.abs(offsets - place[:, None]), axis=1)
    error = np.hypot(LEAST_ERROR_PX, 1.2533 * scatter / np.sqrt(np.isfinite(offsets).sum(axis=1)))
    error = np.hypot(error, _crowding_px(float(np.nanmedian(blurs[good])), width[good]) * np.sqrt(len(place) / ALIKE))
    return Borders(pieces.at[good], middle[good] + place[:, None] * normal[good], normal[good], error)


def _crowding_px(blur_px: float, width_px: Points) -> Points:
    """By how much the next border, a cell's `width_px` away, may shift one through a blur of `blur_px`, (n,)."""
    return np.asarray(0.5 * blur_px * np.exp(-0.5 * (0.4 * width_px / max(blur_px, 1e-3)) ** 2))


def through(matrix: Points, points: Points) -> Points:
    """Points (..., 2) through a homography (3, 3)."""
    x, y = points[..., 0], points[..., 1]
    w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    return np.stack([(matrix[k, 0] * x + matrix[k, 1] * y + matrix[k, 2]) / w for k in (0, 1)], axis=-1)


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Middles `at`, directions `along` and towards white `white`, (n, 2); `outer`: side of the outline, or -1."""

    at: Points
    along: Points
    white: Points
    outer: NDArray[np.int64]


@cache
def _pieces(bits: bytes, count: int) -> _Pieces:
    """Where two neighbouring cells of a marker differ, one piece for each such pair."""
    grid = np.pad(np.pad(np.frombuffer(bits, np.bool_).reshape(count, count), 1), 1, constant_values=True)
    cells = count + 2
    rows: list[tuple[float, float, float, float, float, float, int]] = []
    for axis in (0, 1):
        turned = grid if axis == 1 else grid.T
        differ = turned[1:-1, 1:] != turned[1:-1, :-1]
        for line, border in np.argwhere(differ).tolist():
            toward = 1.0 if turned[line + 1, border + 1] else -1.0
            side = {0: 0, cells: 1}.get(border, -1)
            at = (border / cells, (line + 0.5) / cells)
            piece = (*at, 0.0, 1.0, toward, 0.0) if axis == 1 else (*at[::-1], 1.0, 0.0, 0.0, toward)
            rows.append((*piece, side if side < 0 else side + 2 * axis))
    table = np.array(rows, np.float64)
    return _Pieces(table[:, :2], table[:, 2:4], table[:, 4:6], table[:, 6].astype(np.int64))


def _half_way(profiles: Points, steps: Points) -> tuple[Points, Points]:
    """Where each profile first rises through the middle between its dark start and bright end, NaN if it does not; and
    the blur (SD) that makes it rise as steeply as it does there."""
    quarter = max(2, len(steps) // 5)
    dark = np.median(profiles[:, :quarter], axis=1)
    bright = np.median(profiles[:, -quarter:], axis=1)
    level = 0.5 * (dark + bright)
    above = profiles > level[:, None]
    rising = above[:, 1:] & ~above[:, :-1]
    at = np.argmax(rising, axis=1)
    rows = np.arange(len(profiles))
    low, high = profiles[rows, at], profiles[rows, at + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        offsets = steps[at] + (level - low) / (high - low) * (steps[1] - steps[0])
        blurs = (bright - dark) / (high - low) * (steps[1] - steps[0]) / np.sqrt(2 * np.pi)
    bad = (bright - dark < 0.02) | (bright < 2.0 * dark) | ~rising[rows, at]
    offsets[bad] = blurs[bad] = np.nan
    return np.asarray(offsets, np.float64), np.asarray(blurs, np.float64)


def _luminance_at(photo: Photo, xy: Points) -> Points | None:
    """Linear luminance at points of the photo (..., 2), bilinear; None when all lie outside, NaN where one does."""
    height, width = photo.shape
    flat = xy.reshape(-1, 2)
    low = np.maximum(np.floor(flat.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(flat.max(axis=0)).astype(int) + 2, [width, height])
    if np.any(high - low < 2):
        return None
    tile = photo.linear_rgb(slice(low[1], high[1]), slice(low[0], high[0])) @ _WEIGHTS
    x = (xy[..., 0] - low[0]).astype(np.float32)
    y = (xy[..., 1] - low[1]).astype(np.float32)
    rows = (len(xy), -1)
    seen = cv2.remap(tile, x.reshape(rows), y.reshape(rows), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    values = np.asarray(seen, np.float64).reshape(xy.shape[:-1])
    if flat.min() < 0 or (flat.max(axis=0) > [width - 1, height - 1]).any():
        outside = (flat < 0).any(axis=1) | (flat > [width - 1, height - 1]).any(axis=1)
        values[outside.reshape(values.shape)] = np.nan
    return values


_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)


def _grey(photo: Photo) -> tuple[NDArray[np.uint8], float]:
    """8-bit grey for looking, its longer side at most SEARCH_PX, and its size over the photo's."""
    height, width = photo.shape
    pixels = photo.pixels if photo.pixels.dtype == np.uint8 else (photo.pixels >> 8).astype(np.uint8)
    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    factor = min(1.0, SEARCH_PX / max(height, width))
    if factor < 1.0:
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        while halves(grey, size):
            grey = half(grey)
        # by less than half, linear keeps what area does at a tenth of its cost
        gentle = grey.shape[1] < 2 * size[0]
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR if gentle else cv2.INTER_AREA)
    return np.asarray(grey, np.uint8), factor


def _detector(dictionary: cv2.aruco.Dictionary, largest_window: int, step: int) -> cv2.aruco.ArucoDetector:
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    parameters.errorCorrectionRate = 0.3
    parameters.minMarkerDistanceRate = 0.05  # else the white margin's outline stands in for the square
    parameters.adaptiveThreshWinSizeMax = largest_window
    parameters.adaptiveThreshWinSizeStep = step
    parameters.minMarkerPerimeterRate = 0.02
    return cv2.aruco.ArucoDetector(dictionary, parameters)


def distinct(found: Sequence[tuple[int, Points]]) -> list[tuple[int, Points]]:
    """Each marker once: of the same number, no two whose centres lie within a quarter of a side."""
    kept: list[tuple[int, Points]] = []
    for number, corners in found:
        side = float(np.linalg.norm(corners[0] - corners[1]))
        if not any(
            number == other and float(np.linalg.norm(corners.mean(axis=0) - quad.mean(axis=0))) < 0.25 * side
            for other, quad in kept
        ):
            kept.append((number, corners))
    return kept

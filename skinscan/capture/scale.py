"""Millimetres a pixel: given by the user, or read from printed stickers in the skin's plane.

A sticker is an ArUco marker of OpenCV's DICT_4X4_50. The user gives the side of its outer black square: there
is no default, because a guess would put a wrong unit on every number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.records import BoolArray, ParameterError, Photo, Scale, ScaleError

GIVEN_RELATIVE = 0.01
"""Standard uncertainty of a scale given without one: 1 %, a ruler of 50 mm read to 0.5 mm at each end."""

PRINT_RELATIVE = 0.002
"""Standard uncertainty of a sticker's printed side: 0.2 %, printers' stated feed error."""

TONE_PX = 0.3
"""Standard uncertainty of a sticker's side in pixels: tone curves and sharpening shift its edges."""

QUIET_CELLS = 1.6
"""White margin left out around a sticker, in its own cells (a side has 6)."""

SEARCH_PX = 1800
"""Longer side of the picture in which stickers are looked for; their edges are measured in the whole
photo."""

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sticker:
    """One sticker: its corners (4, 2) in pixels, its scale, tilt and relative standard uncertainty."""

    marker: int
    corners: Points
    mm_per_px: float
    stretch: float
    relative: float

    @property
    def tilt_deg(self) -> float:
        """Tilt against the line of sight, from foreshortening: acos(short / long)."""
        return math.degrees(math.acos(min(1.0, 1.0 / self.stretch)))


def given_scale(mm_per_px: float, spread: float | None = None) -> Scale:
    """A scale that the user states, `spread` being its standard uncertainty in mm/px.

    Without `spread` it is 1 %: what a ruler in the picture gives. (How many digits were typed cannot be told from
    a number: 0.050 is 0.05.)
    """
    value = _number("mm_per_px", mm_per_px)
    if not 0.0005 <= value <= 1.0:
        hint = f"{1 / value:.4g} if {value:g} are pixels a millimetre" if value > 1 else f"{value * 1000:.4g}?"
        raise ParameterError(
            f"mm_per_px = {value:g} cannot be meant",
            expected="millimetres a pixel between 0.0005 and 1 (a face at 12 megapixels is about 0.07)",
            found=f"{value:g}" if value <= 0 else f"{value:g}; give {hint}" if value > 1 else f"{value:g}",
        )
    if spread is None:
        return Scale(value, GIVEN_RELATIVE * value, "given")
    error = _number("mm_per_px_spread", spread)
    if not 0.0 < error < value:
        raise ParameterError(
            f"mm_per_px_spread = {error:g} cannot be meant",
            expected=f"a standard uncertainty above 0 and below mm_per_px = {value:g}",
            found=f"{error:g}",
        )
    return Scale(value, error, "given")


def check_marker(marker_mm: float) -> float:
    """The side of a sticker's black square, if it can be meant."""
    value = _number("marker_mm", marker_mm)
    if not 1.0 <= value <= 200.0:
        raise ParameterError(
            f"marker_mm = {value:g} cannot be meant",
            expected="the side of the sticker's outer black square, 1 to 200 mm",
            found=f"{value:g}",
            todo="measure the black square with a ruler, without its white margin",
        )
    return value


def sticker_scale(photo: Photo, marker_mm: float) -> tuple[Scale | None, tuple[Sticker, ...]]:
    """Scale from all stickers seen, with their standard uncertainty: edges, tilt, printing, and disagreement.

    None where none is found. Raises ScaleError when several contradict one another by more than 10 %.
    """
    side = check_marker(marker_mm)
    stickers = find_stickers(photo, side)
    if not stickers:
        return None, ()
    return _average(stickers), stickers


def find_stickers(photo: Photo, marker_mm: float) -> tuple[Sticker, ...]:
    """All stickers of a photo, by marker number."""
    found: list[Sticker] = []
    for marker, rough in _candidates(photo):
        refined = _refine(photo, rough)
        if refined is None:
            continue
        sticker = _sticker(marker, *refined, marker_mm)
        if not any(_same(sticker, other) for other in found):
            found.append(sticker)
    return tuple(sorted(found, key=lambda s: (s.marker, s.corners[0, 1], s.corners[0, 0])))


def _candidates(photo: Photo) -> list[tuple[int, Points]]:
    """Marker numbers and rough corners, in pixels of the photo.

    A threshold window that fits one sticker misses another: two picture sizes and two sets are tried.
    """
    found = []
    grey, factor = _grey(photo)
    for shrink in (1.0, 0.5):
        picture = grey if shrink == 1.0 else cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for windows in ((23, 10), (103, 20)):
            corners, ids, _ = _detector(*windows).detectMarkers(picture)
            numbers = [] if ids is None else np.ravel(ids).tolist()
            for quad, marker in zip(corners, numbers, strict=True):
                at = (quad.reshape(4, 2).astype(np.float64) + 0.5) / (factor * shrink) - 0.5
                found.append((int(marker), at))
    return found


def _same(one: Sticker, other: Sticker) -> bool:
    """Whether two finds are the same sticker: same number, centres within a quarter of a side."""
    apart = float(np.linalg.norm(one.corners.mean(axis=0) - other.corners.mean(axis=0)))
    return one.marker == other.marker and apart < 0.25 * float(np.linalg.norm(other.corners[0] - other.corners[1]))


def sticker_mask(stickers: Sequence[Sticker], shape: tuple[int, int]) -> BoolArray:
    """(H, W) mask of the stickers with their white margin."""
    mask = np.zeros(shape, np.uint8)
    grow = 0.5 + QUIET_CELLS / 6.0
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * grow + 0.5
    for sticker in stickers:
        outer = cv2.perspectiveTransform(square.reshape(1, 4, 2), _homography(sticker.corners))[0]
        cv2.fillConvexPoly(mask, np.round(outer).astype(np.int32), 1)
    return mask > 0


def _average(stickers: Sequence[Sticker]) -> Scale:
    """Weighted mean; the uncertainty is the larger of the stated one and their disagreement."""
    logs = np.log([s.mm_per_px for s in stickers])
    weights = np.array([1.0 / s.relative**2 for s in stickers])
    mean = float(np.sum(weights * logs) / weights.sum())
    if float(np.ptp(logs)) > 0.10:
        listed = ", ".join(f"{s.mm_per_px:.4g} (marker {s.marker})" for s in stickers)
        raise ScaleError(
            "the stickers contradict one another",
            expected="all at the skin's distance and of the same size",
            found=f"{listed} mm/px",
            todo="cover the one that is not in the plane of the skin",
        )
    stated = math.sqrt(1.0 / weights.sum() + PRINT_RELATIVE**2)
    apart = float(logs.std(ddof=1)) if len(logs) > 1 else 0.0
    value = math.exp(mean)
    return Scale(value, value * max(stated, apart), "aruco")


def _sticker(marker: int, corners: Points, jitter: float, side: float) -> Sticker:
    """Scale at the middle of a sticker from the homography of its square."""
    h = _homography(corners)
    centre = h @ np.array([0.5, 0.5, 1.0])
    x, y, w = centre
    jacobian = np.array(
        [
            [h[0, 0] * w - h[2, 0] * x, h[0, 1] * w - h[2, 1] * x],
            [h[1, 0] * w - h[2, 0] * y, h[1, 1] * w - h[2, 1] * y],
        ]
    ) / (w * w)
    long, short = np.linalg.svd(jacobian, compute_uv=False)
    stretch = float(long / short)
    px = math.sqrt(float(long * short))
    relative = math.hypot(jitter / px, TONE_PX / px, (stretch - 1.0) / 2.0 / math.sqrt(3.0))
    return Sticker(marker, corners, side / px, stretch, max(relative, 1e-4))


def _homography(corners: Points) -> Points:
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(square, corners.astype(np.float32)), np.float64)


def _refine(photo: Photo, rough: Points) -> tuple[Points, float] | None:
    """Corners where lines through the four edges meet, and the standard error of a corner in pixels.

    None where an edge is not black inside and white outside along most of its length: no sticker.

    Each edge is sampled across at up to 60 places in linear light; the place is where the step from black to
    white is half done, which blur does not move. A robust line goes through these.
    """
    lines, errors = [], []
    for k in range(4):
        fitted = _edge(photo, rough[k], rough[(k + 1) % 4], rough.mean(axis=0))
        if fitted is None:
            return None
        lines.append(fitted[0])
        errors.append(fitted[1])
    corners = [np.cross(lines[k - 1], lines[k]) for k in range(4)]
    refined = np.array([c[:2] / c[2] for c in corners])
    if np.abs(refined - rough).max() > 0.08 * np.linalg.norm(rough[0] - rough[2]) + 2.0:
        return None
    return refined, float(max(0.02, np.sqrt(np.mean(np.square(errors)))))


def _edge(photo: Photo, start: Points, end: Points, centre: Points) -> tuple[Points, float] | None:
    """Homogeneous line through one edge of a sticker, and its standard error in pixels."""
    along = end - start
    length = float(np.linalg.norm(along))
    normal = np.array([-along[1], along[0]]) / length
    if normal @ (centre - start) > 0:
        normal = -normal
    reach = float(np.clip(length / 12.0, 2.0, 40.0))
    steps = np.linspace(-reach, reach, max(9, int(8 * reach) | 1))
    places = np.linspace(0.1, 0.9, int(np.clip(length / 2, 8, 60)))
    xy = start + places[:, None, None] * along + steps[None, :, None] * normal
    profiles = _luminance_at(photo, xy)
    if profiles is None:
        return None
    offsets = _half_way(profiles, steps)
    good = np.isfinite(offsets)
    if good.sum() < max(6, 0.6 * len(good)):
        return None
    points = start + places[good, None] * along + offsets[good, None] * normal
    line = np.asarray(cv2.fitLine(points.astype(np.float32), cv2.DIST_HUBER, 0, 0.001, 0.001), np.float64).ravel()
    across = np.array([-line[1], line[0]])
    residual = (points - line[2:]) @ across
    error = 1.4826 * float(np.median(np.abs(residual))) * 2.0 / math.sqrt(good.sum())
    return np.append(across, -across @ line[2:]), error


def _half_way(profiles: Points, steps: Points) -> Points:
    """Where each profile first rises through the middle between its dark inside and bright outside, NaN if
    not."""
    third = max(2, len(steps) // 4)
    dark = np.median(profiles[:, :third], axis=1)
    bright = np.median(profiles[:, -third:], axis=1)
    level = 0.5 * (dark + bright)
    above = profiles > level[:, None]
    at = np.argmax(above[:, 1:] & ~above[:, :-1], axis=1)
    rows = np.arange(len(profiles))
    low, high = profiles[rows, at], profiles[rows, at + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        offsets = steps[at] + (level - low) / (high - low) * (steps[1] - steps[0])
    bad = (bright - dark < 0.02) | (bright < 2.0 * dark) | ~(high > low)
    offsets[bad] = np.nan
    return np.asarray(offsets, np.float64)


def _luminance_at(photo: Photo, xy: Points) -> Points | None:
    """Linear luminance at points of the photo (bilinear), or None when one lies outside."""
    height, width = photo.shape
    low = np.floor(xy.min(axis=(0, 1))).astype(int) - 1
    high = np.ceil(xy.max(axis=(0, 1))).astype(int) + 2
    low, high = np.maximum(low, 0), np.minimum(high, [width, height])
    if np.any(high - low < 2):
        return None
    tile = photo.linear_rgb(slice(low[1], high[1]), slice(low[0], high[0])) @ _WEIGHTS
    x = (xy[..., 0] - low[0]).astype(np.float32)
    y = (xy[..., 1] - low[1]).astype(np.float32)
    return np.asarray(cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float64)


_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)


def _grey(photo: Photo) -> tuple[NDArray[np.uint8], float]:
    """8-bit grey for looking, its longer side at most SEARCH_PX, and its size over the photo's."""
    height, width = photo.shape
    pixels = photo.pixels if photo.pixels.dtype == np.uint8 else (photo.pixels >> 8).astype(np.uint8)
    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    factor = min(1.0, SEARCH_PX / max(height, width))
    if factor < 1.0:
        grey = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8), factor


def _detector(largest_window: int, step: int) -> cv2.aruco.ArucoDetector:
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    parameters.errorCorrectionRate = 0.3
    parameters.minMarkerDistanceRate = 0.05  # else the white margin's outline stands in for the square
    parameters.adaptiveThreshWinSizeMax = largest_window
    parameters.adaptiveThreshWinSizeStep = step
    parameters.minMarkerPerimeterRate = 0.02
    return cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50), parameters)


def _number(name: str, value: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ParameterError(f"{name} is not a number", expected="a number", found=repr(value))
    return number

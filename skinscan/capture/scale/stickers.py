"""Millimetres a pixel: given by the user, or read from printed stickers in the skin's plane.

A sticker is an ArUco marker of OpenCV's DICT_4X4_50. The user gives the side of its outer black square: there
is no default, because a guess would put a wrong unit on every number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import cv2
import numpy as np

from skinscan.capture.scale.markers import UNIT, Borders, Points, distinct, find_borders, find_markers, through
from skinscan.capture.scale.plane import OWN_SIZE, Plane, fit_plane
from skinscan.capture.scale.plane_scale import PRINT_RELATIVE, plane_scale
from skinscan.records import BoolArray, ParameterError, Photo, Scale, ScaleError

GIVEN_RELATIVE = 0.01
"""Standard uncertainty of a scale given without one: 1 %, a ruler of 50 mm read to 0.5 mm at each end."""

QUIET_CELLS = 1.6
"""White margin left out around a sticker, in its own cells (a side has 6)."""

MOST_APART = 0.10
"""Relative difference of stickers in one plane from which they contradict one another."""


@dataclass(frozen=True, eq=False)
class Sticker:
    """One sticker: its corners (4, 2) in pixels, the borders of its cells, and the plane that it alone tells."""

    marker: int
    corners: Points
    borders: Borders
    plane: Plane

    @property
    def middle(self) -> Points:
        """(1, 2) px."""
        return np.asarray(self.corners.mean(axis=0)[None])

    @property
    def mm_per_px(self) -> float:
        return float(self.plane.mm_per_px_at(self.middle)[0])

    @property
    def relative(self) -> float:
        """Relative standard uncertainty of its own scale, its printing included."""
        return math.hypot(self.plane.relative_at(self.middle), PRINT_RELATIVE)

    @property
    def tilt_deg(self) -> float:
        """Tilt against the line of sight, from foreshortening."""
        return self.plane.tilt_deg


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
    """Scale at the middle of all stickers seen, with its standard uncertainty, and the stickers.

    None where none is found. Raises ScaleError when several contradict one another by more than 10 %.
    """
    stickers = find_stickers(photo, marker_mm)
    if not stickers:
        return None, ()
    plane, apart = sticker_plane(stickers, marker_mm, photo.shape)
    return plane_scale(plane, None, "aruco", apart=apart), stickers


def find_stickers(photo: Photo, marker_mm: float) -> tuple[Sticker, ...]:
    """All stickers of a photo, by marker number."""
    side = check_marker(marker_mm)
    found: list[Sticker] = []
    for marker, rough in find_markers(photo, cv2.aruco.getPredefinedDictionary(_DICTIONARY)):
        sticker = None if any(_same(marker, rough, other) for other in found) else _sticker(photo, marker, rough, side)
        if sticker is not None:
            found.append(sticker)
    return tuple(sorted(found, key=lambda s: (s.marker, s.corners[0, 1], s.corners[0, 0])))


def markers_seen(photo: Photo) -> tuple[int, ...]:
    """Numbers of the stickers that a photo shows, whatever their size: one quick look, to advise by."""
    rough = distinct(find_markers(photo, cv2.aruco.getPredefinedDictionary(_DICTIONARY), thorough=False))
    shown = {marker for marker, corners in rough if refine(photo, corners, _bits(marker), 1.0) is not None}
    return tuple(sorted(shown))


def sticker_plane(stickers: Sequence[Sticker], marker_mm: float, shape: tuple[int, int]) -> tuple[Plane, float]:
    """The one plane that stickers of the same size lie in, in a photo of `shape` (H, W), and how far they are apart in
    it: the relative standard deviation of their scales. Raises ScaleError where two contradict one another."""
    if len(stickers) == 1:
        return stickers[0].plane, 0.0
    unlike = _unlike(stickers)
    plane = fit_plane(
        [s.borders for s in stickers],
        [s.corners for s in stickers],
        max(shape),
        side_mm=marker_mm,
        own_size=max(OWN_SIZE, unlike),
    )
    logs = [math.log(s.mm_per_px / plane.mm_per_px_at(s.middle)[0]) for s in stickers]
    return plane, float(np.std(logs, ddof=1))


def _unlike(stickers: Sequence[Sticker]) -> float:
    """Relative standard deviation of stickers' scales beyond what each one's own plane leaves open at the others.

    A difference may be a tilt: it is none where the stickers' own outlines deny that tilt. Raises ScaleError where two
    differ by more than MOST_APART.
    """
    excess = []
    for one, other in combinations(stickers, 2):
        doubts = []
        for near, far in ((one, other), (other, one)):
            told = float(near.plane.mm_per_px_at(far.middle)[0])
            doubt = math.hypot(near.plane.relative_at(far.middle), far.plane.relative_at(far.middle))
            doubts.append((doubt, abs(math.log(told / far.mm_per_px))))
        doubt, apart = min(doubts)
        excess.append(math.sqrt(max(apart**2 - doubt**2, 0.0)))
        if apart - 2 * doubt > MOST_APART:
            listed = ", ".join(f"{s.mm_per_px:.4g} (marker {s.marker})" for s in stickers)
            raise ScaleError(
                "the stickers contradict one another",
                expected="all at the skin's distance and of the same size",
                found=f"{listed} mm/px",
                todo="cover the one that is not in the plane of the skin",
            )
    return math.sqrt(float(np.mean(np.square(excess))) / 2)


def sticker_mask(stickers: Sequence[Sticker], shape: tuple[int, int]) -> BoolArray:
    """(H, W) mask of the stickers with their white margin."""
    mask = np.zeros(shape, np.uint8)
    grow = 0.5 + QUIET_CELLS / 6.0
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * grow + 0.5
    for sticker in stickers:
        matrix = cv2.getPerspectiveTransform(UNIT.astype(np.float32), sticker.corners.astype(np.float32))
        outer = cv2.perspectiveTransform(square.reshape(1, 4, 2), matrix)[0]
        cv2.fillConvexPoly(mask, np.round(outer).astype(np.int32), 1)
    return mask > 0


def _same(marker: int, rough: Points, other: Sticker) -> bool:
    """Whether a find is a sticker that is known: same number, centres within a quarter of a side."""
    apart = float(np.linalg.norm(rough.mean(axis=0) - other.corners.mean(axis=0)))
    return marker == other.marker and apart < 0.25 * float(np.linalg.norm(other.corners[0] - other.corners[1]))


def _sticker(photo: Photo, marker: int, rough: Points, side: float) -> Sticker | None:
    """A sticker by its borders, looked for where it roughly lies; None where they are not a sticker's."""
    refined = refine(photo, rough, _bits(marker), side)
    if refined is None:
        return None
    borders, plane = refined
    return Sticker(marker, _corners(plane, side), borders, plane)


def refine(photo: Photo, rough: Points, white: BoolArray, side: float) -> tuple[Borders, Plane] | None:
    """Borders of one marker with bits `white`, and the plane that they alone tell; None where it is no marker."""
    borders = find_borders(photo, rough, white)
    if borders is None:
        return None
    corners = _corners(fit_plane([borders], [rough], max(photo.shape), side_mm=side), side)
    if not np.abs(corners - rough).max() <= 0.08 * np.linalg.norm(rough[0] - rough[2]) + 2.0:
        return None
    again = find_borders(photo, corners, white)  # looked across where they are
    return None if again is None else (again, fit_plane([again], [corners], max(photo.shape), side_mm=side))


def _corners(plane: Plane, side: float) -> Points:
    """The corners (4, 2) px of a marker whose middle is its plane's origin."""
    return through(np.asarray(np.linalg.inv(plane.homography)), (UNIT - 0.5) * side)


@cache
def _bits(marker: int) -> BoolArray:
    """(4, 4): where a sticker's cells are white."""
    book = cv2.aruco.getPredefinedDictionary(_DICTIONARY)
    return np.asarray(cv2.aruco.generateImageMarker(book, marker, 6))[1:-1, 1:-1] > 127


_DICTIONARY = cv2.aruco.DICT_4X4_50


def _number(name: str, value: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ParameterError(f"{name} is not a number", expected="a number", found=repr(value))
    return number

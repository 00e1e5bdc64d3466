"""Facial regions: drawn once on the mean face, carried to each face by its landmarks.

Right and left are the patient's: in a photo that is not mirrored the patient's right is on the picture's left. A
mirrored photo (many phones' front cameras save one) swaps them, and landmarks cannot tell: a face is nearly
symmetric. Registration notices when one of two photos is mirrored.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.face.face import EYE, Face
from skinscan.capture.face.mesh import Places, cosines, smooth_outline
from skinscan.capture.face.shape import SURFACE, mirror_of, triangles
from skinscan.capture.regions import share_outside, signed_area
from skinscan.records import BoolArray

Points = NDArray[np.float64]

LEAST_COSINE = 0.5
"""Cosine to the line of sight under which skin is left out. At 0.5 (60 degrees) a millimetre across is half as many
pixels, so pores under twice the usual size are lost; and as a matt surface goes from dark to light with the cosine, the
same error of 2 degrees in the surface's direction changes its light by 6 %, six times as much as at 30 degrees."""

LEAST_SEEN = 0.25
"""Share of a region that must face the camera; else the region is not proposed."""

# Outlines in eye distances (about 62 mm) on the mean face, origin between the eyes, x to the patient's left, y down.
# Those of the right side; the left ones mirror them.
_FOREHEAD = [(0.0, -0.87), (-0.28, -0.855), (-0.53, -0.79), (-0.72, -0.67), (-0.80, -0.56), (-0.68, -0.53)]
_FOREHEAD += [(-0.48, -0.535), (-0.28, -0.495), (0.0, -0.47)]
"""Above the brows, below the hairline, between the temporal crests."""
_GLABELLA = [(0.0, -0.42), (-0.13, -0.41), (-0.155, -0.30), (-0.135, -0.19), (-0.09, -0.10), (0.0, -0.08)]
"""Between the heads of the brows, down to the nasion."""
_NOSE = [(0.0, -0.03), (-0.085, -0.02), (-0.10, 0.12), (-0.14, 0.26), (-0.20, 0.38), (-0.265, 0.48), (-0.285, 0.56)]
_NOSE += [(-0.25, 0.575), (-0.17, 0.545), (-0.09, 0.585), (0.0, 0.60)]
"""Bridge, side walls, tip and wings, to above the nostrils."""
_PERIORAL = [(0.0, 0.735), (-0.20, 0.735), (-0.34, 0.775), (-0.46, 0.88), (-0.545, 1.03), (-0.53, 1.18)]
_PERIORAL += [(-0.40, 1.28), (-0.20, 1.315), (0.0, 1.32)]
"""Upper lip's skin and around the mouth, between the nasolabial folds, to the labiomental fold."""
_CHIN = [(0.0, 1.38), (-0.20, 1.375), (-0.36, 1.37), (-0.45, 1.46), (-0.42, 1.58), (-0.28, 1.68), (0.0, 1.715)]
_CHEEK = [(-0.37, 0.43), (-0.52, 0.375), (-0.72, 0.355), (-0.92, 0.36), (-1.00, 0.48), (-0.985, 0.68)]
_CHEEK += [(-0.935, 0.90), (-0.86, 1.09), (-0.73, 1.15), (-0.655, 1.02), (-0.60, 0.86), (-0.50, 0.69), (-0.38, 0.56)]
"""From the orbital rim to beside the mouth, from the nasolabial fold to in front of the ear."""
_PERIORBITAL = [(-0.245, 0.05), (-0.235, -0.08), (-0.33, -0.21), (-0.50, -0.275), (-0.68, -0.275), (-0.83, -0.21)]
_PERIORBITAL += [(-0.93, -0.08), (-0.955, 0.07), (-0.90, 0.20), (-0.76, 0.285), (-0.56, 0.30), (-0.39, 0.25)]
_PERIORBITAL += [(-0.285, 0.16)]
"""Lids and the skin within the orbital rim, with the crow's feet."""
_TEMPLE = [(-0.885, -0.52), (-0.96, -0.54), (-1.04, -0.40), (-1.09, -0.18), (-1.105, 0.02), (-1.06, 0.07)]
_TEMPLE += [(-1.005, 0.03), (-0.99, -0.12), (-0.965, -0.26), (-0.91, -0.40)]

REGIONS = (
    "forehead",
    "glabella",
    "right_temple",
    "left_temple",
    "right_periorbital",
    "left_periorbital",
    "nose",
    "right_cheek",
    "left_cheek",
    "perioral",
    "chin",
)

# Landmarks around what is no skin to measure; of pairs, those of the right side.
_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
_NOSTRIL = (98, 64, 59, 79, 239, 238, 20, 242, 97, 99, 60, 75, 240)
_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_MARGINS = {"eye": 0.06, "brow": 0.055, "nostril": 0.03, "lips": 0.035}
"""Margin around each in eye distances: lashes and lid's edge, the brow's stray hairs, the shade of the nostril's rim,
the lip's border."""


def face_regions(face: Face, shape: tuple[int, int]) -> dict[str, Points]:
    """Polygons (n, 2) in photo pixels of the regions that face the camera, by name, in the order of REGIONS.

    Left out are regions of which less than a quarter faces the camera or that lie wholly outside of the photo (height,
    width). They overlap neither one another nor brows and eyes by much, but do hold what `left_out` masks (periorbital:
    the eye, perioral: the lips), and know nothing of hair: intersect them with the skin mask.
    """
    towards = cosines(face.landmarks_xyz)[:, None]
    found = {}
    for name in REGIONS:
        outline, inside = _places()[name]
        corners = outline.of(face.points)
        seen = float(np.mean(inside.of(towards) >= LEAST_COSINE))
        if seen >= LEAST_SEEN and abs(signed_area(corners)) > 25.0 and share_outside(corners, shape) < 1.0:
            found[name] = corners if _simple(corners) else _hull(corners)
    return found


def region_outline(face: Face, name: str) -> Points:
    """Outline (n, 2) of a region in photo pixels, whether or not it faces the camera."""
    return _places()[name][0].of(face.points)


def left_out(face: Face, shape: tuple[int, int]) -> BoolArray:
    """(H, W) mask of eyes, brows, lips and nostrils, each with a margin."""
    return feature_mask(face.points, face.between_eyes_px, shape)


def feature_mask(points: Points, eyes_px: float, shape: tuple[int, int]) -> BoolArray:
    """Mask of eyes, brows, lips and nostrils from landmarks (478, 2) in its pixels."""
    mask = np.zeros(shape, np.uint8)
    for part, around in (("eye", EYE), ("brow", _BROW), ("nostril", _NOSTRIL), ("lips", _LIPS)):
        pair = (around,) if part == "lips" else (around, tuple(mirror_of()[list(around)]))
        for landmarks in pair:
            corners = points[list(landmarks)]
            _fill(mask, _hull(corners) if part in ("brow", "nostril") else corners, _MARGINS[part] * eyes_px)
    return mask > 0


def facing(face: Face, shape: tuple[int, int], longest_px: int = 480) -> NDArray[np.float32]:
    """Cosine between the skin's normal and the line of sight, reduced: (h, w) float32, its longer side `longest_px` at
    most; NaN outside of the landmarks' mesh. The picture is taken as a parallel projection.
    """
    factor = min(1.0, longest_px / max(shape))
    height, width = (max(1, round(side * factor)) for side in shape)
    scale = np.array([width / shape[1], height / shape[0]])
    landmarks = np.column_stack([(face.points + 0.5) * scale - 0.5, face.landmarks_xyz[:, 2] * factor])
    return cosine_map(landmarks, face.between_eyes_px * factor, (height, width))


def cosine_map(landmarks: Points, eyes_px: float, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Cosine to the line of sight from landmarks (478, 3) in pixels of the map; NaN outside of their mesh."""
    values, corners = cosines(landmarks), triangles()
    fixed = np.round(landmarks[:SURFACE, :2] * 16).astype(np.int32)
    means = values[corners].mean(axis=1)
    flat = np.full(shape, -2.0, np.float32)
    for number in np.argsort(-landmarks[corners, 2].mean(axis=1)):  # the nearest is drawn last
        cv2.fillConvexPoly(flat, fixed[corners[number]], float(means[number]), cv2.LINE_8, 4)
    inside = (flat >= -1.0).astype(np.float32)
    reach = max(1.0, 0.06 * eyes_px)
    weight = cv2.GaussianBlur(inside, (0, 0), reach)
    smooth = cv2.GaussianBlur(flat * inside, (0, 0), reach) / np.maximum(weight, np.float32(1e-6))
    return np.where(inside > 0, smooth, np.float32(np.nan)).astype(np.float32)


def turned_away(face: Face, shape: tuple[int, int], least: float = LEAST_COSINE) -> BoolArray:
    """(H, W) mask of the face's skin that is seen too obliquely; skin outside of the mesh is not in it."""
    cosine = facing(face, shape)
    oblique = np.nan_to_num(cosine, nan=1.0) < least
    back = cv2.resize(oblique.astype(np.uint8) * np.uint8(255), shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(back > 127)


@cache
def _places() -> dict[str, tuple[Places, Places]]:
    """For each region its outline and a grid of places inside, on the mean face."""
    middle = {"forehead": _FOREHEAD, "glabella": _GLABELLA, "nose": _NOSE, "perioral": _PERIORAL, "chin": _CHIN}
    sides = {"cheek": _CHEEK, "periorbital": _PERIORBITAL, "temple": _TEMPLE}
    flip = np.array([-1.0, 1.0])
    outlines = {name: np.array([*half, *(np.array(half[1:-1])[::-1] * flip)]) for name, half in middle.items()}
    for name, half in sides.items():
        outlines[f"right_{name}"], outlines[f"left_{name}"] = np.array(half), np.array(half)[::-1] * flip
    return {name: _placed(smooth_outline(corners)) for name, corners in outlines.items()}


def _placed(outline: Points) -> tuple[Places, Places]:
    axes = (np.arange(low, high, 0.03) for low, high in zip(outline.min(axis=0), outline.max(axis=0), strict=True))
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    contour = outline.astype(np.float32)
    inside = [cv2.pointPolygonTest(contour, (float(x), float(y)), False) > 0 for x, y in grid]
    return Places(outline), Places(grid[np.array(inside)])


def _hull(corners: Points) -> Points:
    return np.asarray(cv2.convexHull(corners.astype(np.float32)).reshape(-1, 2), np.float64)


def _simple(corners: Points) -> bool:
    """Whether an outline does not cross itself, as it may where the surface folds at the face's edge."""
    ends = np.roll(corners, -1, axis=0)

    def side(a: Points, b: Points, c: Points) -> Points:
        first, second = b - a, c - a
        return np.asarray(np.sign(first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]))

    a, b, c, d = corners[:, None], ends[:, None], corners[None], ends[None]
    crossing = (side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)
    return not bool(crossing.any())


def _fill(mask: NDArray[np.uint8], corners: Points, margin: float) -> None:
    """Fills a polygon with a margin around it."""
    points = [np.round(corners * 16).astype(np.int32)]
    cv2.fillPoly(mask, points, 1, cv2.LINE_8, 4)
    if margin >= 0.5:
        cv2.polylines(mask, points, True, 1, max(1, round(2 * margin)), cv2.LINE_8, 4)

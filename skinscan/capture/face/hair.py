"""Beard, moustache, stubble and strands of hair within the face, told from the face's own skin.

Hair is both rough at the scale of strands and darker than the bare skin of the same face. Skin that is rough and not
dark (gloss, scars) and skin that is dark and not rough (shade, a spot) is kept. The face is looked at upright and at
about half a millimetre a pixel, whatever the photo's size, so that the same beard is judged alike near and far.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.face.face import Face
from skinscan.capture.face.regions import cosine_map, feature_mask, region_outline
from skinscan.capture.face.shape import OVAL
from skinscan.capture.face.views import Views, Window
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import BoolArray, Photo

Floats = NDArray[np.float32]

VIEW_PX, AROUND = 540, 3.6
"""Side of the upright view, in pixels and in eye distances: 0.4 mm a pixel where the eyes are 62 mm apart."""

STRANDS, NEAR = 0.014, 0.045
"""Standard deviation, in eye distances, of the blur that strands stand out against, and of the neighbourhood that is
judged: 0.9 and 3 mm."""

BARE = ("right_cheek", "left_cheek", "nose", "glabella")
"""Regions that are bare in most people: their median roughness and brightness are the face's own."""

HAIRLESS = ("right_periorbital", "left_periorbital", "nose")
"""Regions whose folds and shades look like hair and in which none grows but the brows and lashes left out anyway."""

ROUGH_TIMES, LEAST_ROUGH_TIMES, DARKER, BOTH = 2.0, 1.45, 0.10, 0.75
"""Hair is so many times as rough as the face's bare skin, and darker in ln(luminance); each makes up for the other:
stubble is less rough and darker, a fringe is rough and hardly darker."""

LEAST_ROUGHNESS = 0.012
"""Roughness in ln(luminance) that a face's own is taken for at least: else a smoothed photo is hairy all over."""

_FLOOR = 0.004


def _as_the_file(view: NDArray[np.uint8], photo: Photo) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """A view of 8 bits in the bits of the photo's own samples."""
    return view if photo.pixels.dtype == np.uint8 else view.astype(np.uint16) * np.uint16(257)


def find_hair(photo: Photo, face: Face, thumbnails: Thumbnails | None = None) -> BoolArray:
    """(H, W) mask of hair within the face's outline; nothing outside of it.

    Empty where too little bare skin faces the camera to judge by. On 24 photos of people light to dark it takes beards,
    moustaches, stubble, fringes and hair at the temples, and with them up to a third of a cheek in a hard shadow; fair
    down and a shaved chin are left in.
    """
    views = Views(thumbnails or Thumbnails(photo))
    middle = face.points[list(OVAL)].mean(axis=0)
    window = Window((float(middle[0]), float(middle[1])), AROUND * face.between_eyes_px, face.roll_deg)
    view = views.cut(window, VIEW_PX)
    linear = np.maximum(photo.developed(_as_the_file(view, photo)), 0.0) @ np.array(
        [0.2126, 0.7152, 0.0722], np.float32
    )
    to_view, eye_px, shape = window.to_view(VIEW_PX), VIEW_PX / AROUND, (VIEW_PX, VIEW_PX)
    points = face.points @ to_view[:, :2].T + to_view[:, 2]
    depth = face.landmarks_xyz[:, 2] * VIEW_PX / window.side
    inside = _filled([face.points[list(OVAL)]], to_view)
    bare = _filled([region_outline(face, name) for name in BARE], to_view)
    seen = np.nan_to_num(cosine_map(np.column_stack([points, depth]), eye_px, shape), nan=0.0)
    weight = (inside & (seen > 0.3) & ~feature_mask(points, eye_px, shape)).astype(np.float32)
    level = np.log(linear + np.float32(_FLOOR))
    fine = level - _mean(level, weight, STRANDS * eye_px)
    rough = np.sqrt(_mean(fine * fine, weight, NEAR * eye_px))
    near = _mean(level, weight, NEAR * eye_px)
    bare &= (weight > 0) & (seen > 0.6)
    if np.count_nonzero(bare) < 200:
        return np.zeros(photo.shape, np.bool_)
    rougher = np.log(np.maximum(rough, 1e-4) / max(float(np.median(rough[bare])), LEAST_ROUGHNESS))
    # a matt surface turned away is darker without any hair
    darker = float(np.median(near[bare])) - near + np.log(np.clip(seen, 0.3, 1.0))
    hair = rougher / np.log(ROUGH_TIMES) + darker / BOTH > 1.0 + DARKER / BOTH
    hair &= (darker > DARKER) & (rougher > np.log(LEAST_ROUGH_TIMES)) & (weight > 0)
    hair &= ~_filled([region_outline(face, name) for name in HAIRLESS], to_view)
    hair = cv2.morphologyEx(hair.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0
    return _returned(hair, to_view, photo.shape)


def _returned(hair: BoolArray, to_view: NDArray[np.float64], shape: tuple[int, int]) -> BoolArray:
    """A mask of the view in the photo, where only the part that the view shows is worked on."""
    mask = np.zeros(shape, np.bool_)
    rows, columns = np.nonzero(hair)
    if not rows.size:
        return mask
    inverse = cv2.invertAffineTransform(to_view)
    box = np.array([[x, y] for x in (columns.min() - 1, columns.max() + 1) for y in (rows.min() - 1, rows.max() + 1)])
    corners = box @ inverse[:, :2].T + inverse[:, 2]
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, (shape[1], shape[0]))
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, (shape[1], shape[0]))
    if right > left and bottom > top:
        inverse[:, 2] -= left, top
        back = cv2.warpAffine(hair.astype(np.uint8) * np.uint8(255), inverse, (int(right - left), int(bottom - top)))
        mask[top:bottom, left:right] = back > 127
    return mask


def _mean(values: Floats, weight: Floats, sigma: float) -> Floats:
    """Gaussian means of what has weight, (h, w), so that lips, brows and the background do not bleed in."""
    total = cv2.GaussianBlur(weight, (0, 0), sigma)
    return np.asarray(cv2.GaussianBlur(values * weight, (0, 0), sigma) / np.maximum(total, 1e-3), np.float32)


def _filled(outlines: list[NDArray[np.float64]], to_view: NDArray[np.float64]) -> BoolArray:
    """Polygons of the photo as a mask of the view."""
    mask = np.zeros((VIEW_PX, VIEW_PX), np.uint8)
    for outline in outlines:
        corners = outline @ to_view[:, :2].T + to_view[:, 2]
        cv2.fillPoly(mask, [np.round(corners * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
    return np.asarray(mask > 0)

"""What a face adds to a Frame: its regions, what of it is no skin to measure, its pose, and the iris as a scale."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.face.face import EYE, LEFT_EYE, Face
from skinscan.capture.face.hair import find_hair
from skinscan.capture.face.mesh import cosines
from skinscan.capture.face.regions import LEAST_COSINE, face_regions, left_out, turned_away
from skinscan.capture.face.shape import SURFACE
from skinscan.capture.scale.iris import iris_scale
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import BoolArray, FacePose, Photo, Scale


def pose(face: Face, *, mirrored: bool = False) -> FacePose:
    """How the face is turned; in a photo that is known to be mirrored its left is the patient's right."""
    return FacePose(-face.yaw_deg if mirrored else face.yaw_deg, face.pitch_deg, face.roll_deg, face.score)


def regions_of(face: Face, shape: tuple[int, int], *, mirrored: bool = False) -> dict[str, NDArray[np.float64]]:
    """Polygons of the face's regions within the photo, by the patient's left and right."""
    found = inside_the_photo(face_regions(face, shape), shape)
    return {_other_side(name): corners for name, corners in found.items()} if mirrored else found


def _other_side(name: str) -> str:
    for side, other in (("left_", "right_"), ("right_", "left_")):
        if name.startswith(side):
            return other + name.removeprefix(side)
    return name


def not_measured(photo: Photo, face: Face, thumbnails: Thumbnails) -> BoolArray:
    """(H, W) mask of eyes, brows, lips, nostrils, of hair and beard, and of skin that is seen too obliquely."""
    return left_out(face, photo.shape) | turned_away(face, photo.shape) | find_hair(photo, face, thumbnails)


def scale_by_iris(face: Face) -> Scale | None:
    """The scale of the face's skin that is turned to the camera; None where neither iris is seen well.

    Raises ScaleError where the two contradict one another.
    """
    if not face.irises:
        return None
    seen = list(face.irises.values())
    towards = math.cos(math.radians(face.yaw_deg))  # an eye looks where its head does, give or take
    diameters = [iris.diameter_px / towards for iris in seen]
    spread_px = float(np.mean([iris.spread_px for iris in seen]))
    rough = iris_scale(diameters, spread_px)
    depths_mm = rough.mm_per_px * _depths_px(face)
    return iris_scale(
        diameters, spread_px, depth_mm=float(depths_mm.mean()), depth_spread_mm=max(float(depths_mm.std()), 5.0)
    )


def _depths_px(face: Face) -> NDArray[np.float64]:
    """How much farther than the eyes the landmarks lie that face the camera, (n,)."""
    surface = face.landmarks_xyz[:SURFACE, 2][cosines(face.landmarks_xyz) >= LEAST_COSINE]
    eyes = face.landmarks_xyz[[*EYE, *LEFT_EYE], 2]
    return np.asarray(surface - eyes.mean(), np.float64)


def inside_the_photo(
    polygons: Mapping[str, NDArray[np.float64]], shape: tuple[int, int]
) -> dict[str, NDArray[np.float64]]:
    """Polygons without what sticks out of the photo: a proposal is cut to what there is, a user's taken at its word."""
    height, width = shape
    return {name: np.clip(corners, 0, [width - 1, height - 1]) for name, corners in polygons.items()}

"""The mean face: which points mirror which, how points hang together, and how a head is turned."""

from __future__ import annotations

import json
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skinscan.environment import data_path
from skinscan.records import frozen

Points = NDArray[np.float64]

SURFACE = 468
"""Landmarks of the face's surface; those after it are the irises."""

OVAL: tuple[int, ...] = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377)
OVAL += (152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
"""Landmarks of the face's outline, from the middle of the forehead round by the patient's left."""


class Pose(NamedTuple):
    """How a head is turned, in degrees, and how far its points are from a turned mean face (rms, in eye distances)."""

    roll_deg: float
    yaw_deg: float
    pitch_deg: float
    misfit: float


@cache
def mean_face() -> Points:
    """The frontal, symmetric mean face (478, 3): x to the patient's left, y down, depth away from the camera.

    In units of the distance between the middles of the eyes, which lie left and right of the origin. Which people it
    comes from is told in models/README.md.
    """
    data = json.loads(data_path("models", "face_shape.json").read_text(encoding="utf-8"))
    return frozen(np.array(data["points"], np.float64))


@cache
def mirror_of() -> NDArray[np.intp]:
    """For each landmark, the one on the other side of the face (478,); those of the middle are their own."""
    from scipy.spatial import cKDTree

    shape = mean_face()
    _, other = cKDTree(shape).query(shape * (-1.0, 1.0, 1.0))
    return frozen(np.asarray(other, np.intp))


@cache
def triangles() -> NDArray[np.intp]:
    """Corners of the triangles between the surface's landmarks (n, 3), wound clockwise on the screen.

    Delaunay's triangles of the frontal mean face, without the slivers along its outline and those that close the
    mouth.
    """
    from scipy.spatial import Delaunay

    flat = mean_face()[:SURFACE, :2]
    corners = np.asarray(Delaunay(flat).simplices, np.intp)
    one, two = (flat[corners[:, k]] - flat[corners[:, 0]] for k in (1, 2))
    area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    corners[area < 0] = corners[area < 0][:, ::-1]
    longest = np.max([np.hypot(*(flat[corners[:, k]] - flat[corners[:, k - 1]]).T) for k in range(3)], axis=0)
    return frozen(corners[np.abs(area) > 0.02 * longest**2])


def pose_of(landmarks: Points) -> Pose:
    """Turn of a head from its landmarks (478, 3) in pixels: the rotation that takes the mean face nearest to them.

    The picture is taken as a parallel projection. From nearer than about four head widths (60 cm) the face's middle
    is enlarged, which changes the misfit but, as it is alike on both sides, the angles hardly.
    """
    ideal, seen = mean_face()[:SURFACE], landmarks[:SURFACE]
    ideal, seen = ideal - ideal.mean(axis=0), seen - seen.mean(axis=0)
    u, singular, vt = np.linalg.svd(seen.T @ ideal)
    flip = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * flip) @ vt
    scale = float(singular @ flip) / float(np.sum(ideal**2))
    misfit = float(np.sqrt(np.mean(np.sum((seen - scale * ideal @ rotation.T) ** 2, axis=1)))) / scale
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    upright = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]]) @ rotation
    ahead = upright @ np.array([0.0, 0.0, -1.0])
    yaw, pitch = np.arctan2(ahead[0], -ahead[2]), np.arcsin(np.clip(-ahead[1], -1, 1))
    return Pose(float(np.degrees(roll)), float(np.degrees(yaw)), float(np.degrees(pitch)), misfit)

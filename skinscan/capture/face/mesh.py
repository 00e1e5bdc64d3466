"""Places on the mean face carried to a face in a photo, through the triangles between its landmarks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.face.shape import SURFACE, mean_face, triangles

Points = NDArray[np.float64]


class Places:
    """Places of the frontal mean face (n, 2), in eye distances, as weights of three landmarks each.

    A place outside of the mesh is taken to the nearest point of its nearest triangle.
    """

    def __init__(self, flat: Points) -> None:
        corners = mean_face()[triangles()][..., :2]
        weights = np.stack([_weights(corners, place) for place in flat])
        beyond = -np.minimum(weights.min(axis=2), 0.0)
        self._triangle = np.argmin(beyond, axis=1)
        kept = np.maximum(weights[np.arange(len(flat)), self._triangle], 0.0)
        self._weights = kept / kept.sum(axis=1, keepdims=True)

    def of(self, values: Points) -> Points:
        """Values at the places (n, d) from values at the landmarks (468 or more, d)."""
        chosen = values[triangles()[self._triangle]]
        return np.asarray(np.einsum("nk,nkd->nd", self._weights, chosen), np.float64)


def _weights(corners: Points, place: Points) -> Points:
    """Barycentric weights (t, 3) of a place in each triangle (t, 3, 2)."""
    origin, one, two = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    to = place - origin
    area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    second = (to[:, 0] * two[:, 1] - to[:, 1] * two[:, 0]) / area
    third = (one[:, 0] * to[:, 1] - one[:, 1] * to[:, 0]) / area
    return np.stack([1.0 - second - third, second, third], axis=1)


def cosines(landmarks: Points) -> Points:
    """Cosine between the surface's normal and the line of sight at each landmark (468,); negative faces away."""
    surface, corners = landmarks[:SURFACE], triangles()
    one, two = (surface[corners[:, k]] - surface[corners[:, 0]] for k in (1, 2))
    normals = np.cross(one, two)  # twice each triangle's area long: larger triangles weigh more
    sums = np.stack([np.bincount(corners.ravel(), np.repeat(normals[:, k], 3), SURFACE) for k in range(3)], axis=1)
    return np.asarray(sums[:, 2] / np.maximum(np.linalg.norm(sums, axis=1), 1e-12), np.float64)


def smooth_outline(corners: Points, each: int = 5) -> Points:
    """A closed curve through corners (n, 2): centripetal enough, Catmull-Rom, `each` points a corner."""
    before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
    beyond = np.roll(corners, -2, axis=0)
    parts = []
    for t in np.arange(each) / each:
        parts.append(
            0.5
            * (
                2 * corners
                + (after - before) * t
                + (2 * before - 5 * corners + 4 * after - beyond) * t**2
                + (3 * corners - before - 3 * after + beyond) * t**3
            )
        )
    return np.stack(parts, axis=1).reshape(-1, 2)

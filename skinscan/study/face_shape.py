"""The mean face of `models/face_shape.json`, from photos of faces that look into the camera.

Landmarks of each photo and of its mirror image are brought together (Procrustes), averaged, made symmetric, and turned
so that a face's mean nod is 0. Which landmark mirrors which comes out of it: the pairs that lie nearest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from skinscan.capture.face.search import untried_landmarks
from skinscan.capture.photo import read_photo
from skinscan.records import ParameterError

Points = NDArray[np.float64]

ABOUT = (
    "Mean of the landmarks of {count} faces, made symmetric and frontal, in distances between the middles of the eyes; "
    "see models/README.md"
)
_ROUNDS = 10


def write(path: Path, photos: Iterable[Path]) -> None:
    """Writes the mean face of these photos. Raises ParameterError without the model or without a face."""
    files = sorted(photos)
    people = []
    for file in files:
        photo = read_photo(file)
        flipped: Any = photo.pixels[:, ::-1].copy()
        for one in (photo, replace(photo, pixels=flipped)):
            found = untried_landmarks(one)
            if found is None:
                raise ParameterError(f"{photo.name}: no face is seen, or the face model is not here")
            people.append(found)
    rows = [f"  [{', '.join(f'{value:g}' for value in point)}]" for point in np.round(mean_of(people), 4) + 0.0]
    about = json.dumps(ABOUT.format(count=len(files)))
    points = ",\n".join(rows)
    path.write_text(f'{{\n "about": {about},\n "points": [\n{points}\n ]\n}}\n', encoding="utf-8")


def mean_of(people: list[Points]) -> Points:
    """The symmetric, frontal mean (n, 3) of landmarks of several people, each (n, 3) in any unit and turn."""
    normed = [_normed(one) for one in people]
    mean = normed[0]
    for _ in range(_ROUNDS):
        mean = _normed(np.mean([_turned_to(one, mean) for one in normed], axis=0))
    flipped = mean * (-1.0, 1.0, 1.0)
    pairs = np.arange(len(mean))
    for _ in range(_ROUNDS):
        pairs = linear_sum_assignment(cdist(mean, flipped))[1]
        flipped = flipped @ _rotation(flipped[pairs], mean).T
    mean = _level(0.5 * (mean + flipped[pairs]), pairs)
    nods = [np.arcsin(-(_rotation(mean, one) @ (0.0, 0.0, -1.0))[1]) for one in normed]
    nod = -float(np.mean(nods))
    mean = mean @ np.array([[1, 0, 0], [0, np.cos(nod), -np.sin(nod)], [0, np.sin(nod), np.cos(nod)]]).T
    right, left = mean[[33, 133]].mean(axis=0), mean[[263, 362]].mean(axis=0)
    mean = (mean - (right + left) / 2) / np.linalg.norm(left - right)
    return np.asarray(0.5 * (mean + mean[pairs] * (-1.0, 1.0, 1.0)), np.float64)


def _level(shape: Points, pairs: NDArray[np.intp]) -> Points:
    """A symmetric shape with its plane of symmetry upright, at x = 0."""
    across = np.linalg.svd(shape - shape[pairs])[2][0]
    across = across * np.sign(across[0])
    down = np.array([0.0, 1.0, 0.0]) - across[1] * across
    down /= np.linalg.norm(down)
    return np.asarray(shape @ np.array([across, down, np.cross(across, down)]).T, np.float64)


def _normed(shape: Points) -> Points:
    centred = shape - shape.mean(axis=0)
    return np.asarray(centred / np.linalg.norm(centred), np.float64)


def _rotation(shape: Points, to: Points) -> Points:
    """The rotation R with `shape @ R.T` nearest to another shape (Kabsch)."""
    u, _, vt = np.linalg.svd(to.T @ shape)
    flip = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    return np.asarray((u * flip) @ vt, np.float64)


def _turned_to(shape: Points, to: Points) -> Points:
    return np.asarray(shape @ _rotation(shape, to).T, np.float64)

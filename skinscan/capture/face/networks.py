"""The two networks of the MediaPipe Face Landmarker, run by OpenCV: where faces are, and 478 points of a face.

A face detector (BlazeFace, short range) sees the picture at 128 px and tells boxes with six points; a landmark
network sees a face cut out upright at 256 px. Both are loaded at first use, once in each thread: OpenCV's networks
keep their state between calls.
"""

from __future__ import annotations

import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan import models
from skinscan.records import ParameterError

MODEL = "face_landmarker"
DETECTOR_PX, LANDMARK_PX = 128, 256
"""Sides of the two networks' pictures."""

LANDMARKS = 478
"""Points of a face: 468 of its surface, then the centre and four edge points of each iris."""

Points = NDArray[np.float64]

_GRIDS = ((16, 2), (8, 6))
"""Cells a side and candidates a cell of the detector's two layers."""


class Detections(NamedTuple):
    """Candidates of one picture: chance (n,), box (n, 4) as centre and size, points (n, 6, 2), in shares of its side.

    The points are the eye on the picture's left, the eye on its right, nose tip, mouth, and the two ears.
    """

    chance: Points
    boxes: Points
    points: Points


class Networks:
    """Both networks of one model file."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as parts:
            self._detector = _network(parts.read("face_detector.tflite"))
            self._landmarks = _network(parts.read("face_landmarks_detector.tflite"))

    def detect(self, picture: NDArray[np.uint8], least: float) -> Detections:
        """Candidates with a chance of `least` or more in an RGB picture (128, 128, 3), likeliest first."""
        self._detector.setInput(_blob(picture, 1 / 127.5, -1.0))
        raw_chance, raw = self._detector.forward(["classificators", "regressors"])
        chance = _sigmoid(raw_chance.ravel())
        order = np.flatnonzero(chance >= least)
        order = order[np.argsort(-chance[order], kind="stable")]
        values = raw.reshape(-1, 8, 2)[order].astype(np.float64) / DETECTOR_PX
        centres = _ANCHORS[order, None] + values
        return Detections(chance[order], np.concatenate([centres[:, 0], values[:, 1]], axis=1), centres[:, 2:])

    def landmarks(self, picture: NDArray[np.uint8]) -> tuple[Points, float]:
        """478 points (478, 3) in pixels of an RGB picture (256, 256, 3) of a face, and the chance that it shows one.

        The third coordinate is depth in the same pixels, smaller towards the camera.
        """
        self._landmarks.setInput(_blob(picture, 1 / 255.0, 0.0))
        points, presence = self._landmarks.forward(["Identity", "Identity_1"])
        # The network counts pixels from their corner; the house from the centre of the first.
        found = points.reshape(LANDMARKS, 3).astype(np.float64) - (0.5, 0.5, 0.0)
        return found, float(_sigmoid(presence.ravel())[0])


def load() -> Networks | None:
    """The networks of this thread, or None where the model is not at hand (`models.locate` tells why)."""
    path = models.find(MODEL)
    if path is None:
        return None
    known = getattr(_kept, "networks", None)
    if known is None or known[0] != path:
        try:
            known = path, Networks(path)
        except (zipfile.BadZipFile, KeyError, cv2.error) as error:  # pragma: no cover - its SHA-256 was right
            raise ParameterError("the face model cannot be run", found=str(error).strip()) from error
        _kept.networks = known
    loaded: Networks = known[1]
    return loaded


_kept = threading.local()


def _network(data: bytes) -> Any:
    """OpenCV 5's new engine gives one output only, and its reader of bytes does not hear which engine is wanted."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.tflite"
        file.write_bytes(data)
        return cv2.dnn.readNetFromTFLite(str(file), cv2.dnn.ENGINE_CLASSIC)


def _blob(picture: NDArray[np.uint8], scale: float, offset: float) -> NDArray[np.float32]:
    return np.ascontiguousarray((picture * np.float32(scale) + np.float32(offset)).transpose(2, 0, 1)[None])


def _sigmoid(values: NDArray[Any]) -> Points:
    return 1.0 / (1.0 + np.exp(-np.clip(values.astype(np.float64), -100.0, 100.0)))


def _anchors() -> Points:
    """Centres that the detector's candidates are told against, (896, 2) in shares of the side."""
    parts = []
    for cells, each in _GRIDS:
        row, column = np.mgrid[:cells, :cells]
        centres = (np.stack([column, row], axis=-1).reshape(-1, 2) + 0.5) / cells
        parts.append(np.repeat(centres, each, axis=0))
    return np.concatenate(parts)


_ANCHORS = _anchors()

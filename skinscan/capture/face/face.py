"""What is known of a face in a photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skinscan.records import frozen

Side = Literal["right", "left"]
"""The patient's side. A mirrored photo swaps them, and points of a face cannot tell that it is mirrored."""

EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
LEFT_EYE = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
"""Landmarks along the lids' edge, of the patient's right and left eye."""


@dataclass(frozen=True, eq=False)
class Iris:
    """An iris: its centre (2,) and horizontal visible diameter in pixels, with the diameter's standard uncertainty.

    The diameter is along the line between the eyes' corners, as seen: a head turned by an angle narrows it by the
    cosine of that angle less where the eye looks, which is the concern of who makes a scale of it.
    """

    centre: NDArray[np.float64]
    diameter_px: float
    spread_px: float

    def __post_init__(self) -> None:
        frozen(self.centre)


@dataclass(frozen=True, eq=False)
class Face:
    """A face of which the points can be trusted.

    `landmarks_xyz` (478, 3): x and y in pixels of the upright photo, depth in the same pixels, smaller towards the
    camera. `score`: the network's chance that this is a face. `spread_px`: standard deviation of a point between views
    of the same face, cut out anew (root mean square over points and axes). `roll_deg`: the head's turn in the picture,
    clockwise from upright; `yaw_deg`: turned to the patient's left is positive; `pitch_deg`: raised is positive.
    `irises` by the patient's side, where they were seen well; else `iris_reasons` tells why not.
    """

    landmarks_xyz: NDArray[np.float64]
    score: float
    spread_px: float
    roll_deg: float
    yaw_deg: float
    pitch_deg: float
    irises: Mapping[Side, Iris]
    iris_reasons: Mapping[Side, str]

    def __post_init__(self) -> None:
        frozen(self.landmarks_xyz)

    @property
    def points(self) -> NDArray[np.float64]:
        """x and y of every landmark, (478, 2)."""
        return self.landmarks_xyz[:, :2]

    @property
    def between_eyes_px(self) -> float:
        """Distance between the middles of the eyes in space, whichever way the head is turned."""
        right, left = (self.landmarks_xyz[list(pair)].mean(axis=0) for pair in ((33, 133), (263, 362)))
        return float(np.linalg.norm(right - left))


@dataclass(frozen=True, eq=False)
class FaceSearch:
    """What a search for a face came to: the face, or the reason in words why there is none; faces seen in all.

    `sought`: the search could be made, so that no face found means that there is hardly one.
    """

    face: Face | None
    reason: str
    seen: int
    sought: bool = True

"""Regions to start from where a user has drawn none: a face's own, or areas by the skin's shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.face.proposing import propose_regions
from skinscan.capture.frame import make_frame
from skinscan.records import SKIN, Photo


@dataclass(frozen=True, eq=False)
class Proposed:
    """Polygons (n, 2) by name in pixels of the upright photo, and whether they are those of a face."""

    polygons: dict[str, NDArray[np.float64]]
    of_face: bool


def propose(photo: Photo) -> Proposed:
    """Regions of a photo for a person to accept, to name and to move; none where there is too little skin."""
    frame = make_frame(photo)
    if frame.polygons:
        return Proposed(dict(frame.polygons), True)
    return Proposed(propose_regions(frame.regions[SKIN]), False)

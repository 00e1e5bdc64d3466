"""Whether a beauty filter or strong noise reduction is suspected."""

from __future__ import annotations

import math

from skinscan.records import BoolArray, Photo

SUSPECTED = 1.0


def smoothing_score(photo: Photo, mask: BoolArray) -> float:
    """To come: 0."""
    return 0.0 if mask.any() else math.nan

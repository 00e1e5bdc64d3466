"""Whether a beauty filter or strong noise reduction is suspected.

Such filters flatten what is faint and keep what is strong, so that the fine structure of filtered skin is
mostly nothing, with a few edges left: its distribution gets heavy tails, while its energy at 2-8 px a period
falls against that at 4-16 px. Blur lowers the energy too, and leaves the tails as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from skinscan.arrays.statistics import percentile
from skinscan.capture.blur import Floats

SUSPECTED = 1.0
"""Score above which smoothing is suspected."""

_LOSS_WEIGHT, _SCALE = 0.6, 1.75


def smoothing_score(skin: Sequence[Floats]) -> float:
    """How much the skin of some tiles looks smoothed: over 1 it is suspected. NaN where there is no tile.

    False alarms: of 36 unfiltered portraits and 18 phantoms (tones I-VI) 1 is suspected; of the
    portraits blurred by 1.2 px 2, by 2.5 px 6. Noticed, of the same 54: 18 after a mild bilateral filter
    (7 px, 18 of 255), 39 after a strong one (11 px, 35 of 255). A flag that stays off proves nothing.

    (ln(p97 / p50 of |band|) - 0.6 ln(SD of band / SD of the next coarser band)) / 1.75, the band being
       between Gaussians of 1 and 2 px, the median over up to 24 tiles.
    """
    scores = [_score(tile) for tile in skin]
    return float(np.median(scores)) / _SCALE if scores else math.nan


def _score(tile: Floats) -> float:
    first, second, third = (cv2.GaussianBlur(tile, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0))
    band = (first - second)[4:-4, 4:-4]
    coarser = (second - third)[4:-4, 4:-4]
    size = np.abs(band)
    middle, tail = (percentile(size.ravel(), share) for share in (50, 97))
    if middle <= 1e-5 or float(coarser.std()) <= 1e-5:
        return math.log(1e3)
    return float(np.log(tail / middle) - _LOSS_WEIGHT * np.log(band.std() / coarser.std()))

"""How much of each region of the baseline the after photo shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import warp
from skinscan.records import Flag, Frame, Notice, Registration

LEAST_SEEN = 0.6
"""Share of a region under which the rest stands for it badly: half the redness may lie in the other part."""

_SAMPLES = 40_000


def seen_share(registration: Registration, before: Frame, after: Frame) -> dict[str, float]:
    """Share (0..1) of each region of `before` whose skin `after` shows and where the map knows its place.

    NaN for every region where the photos were not registered, and for a region without a measured pixel. Told from a
    regular sample of up to 40,000 pixels a region.
    """
    return {name: _share(mask, registration, after) for name, mask in before.regions.items()}


def unseen_notices(shares: dict[str, float]) -> list[Notice]:
    """LITTLE_OVERLAP for each region of which less than LEAST_SEEN is seen."""
    return [
        Notice(
            Flag.LITTLE_OVERLAP,
            f"the after photo shows {100 * share:.0f} % of the region, {100 * LEAST_SEEN:.0f} % or more expected: that "
            "part alone is compared; turn the head, or move the camera, as in the baseline",
            name,
        )
        for name, share in shares.items()
        if share < LEAST_SEEN
    ]


def _share(mask: NDArray[np.bool_], registration: Registration, after: Frame) -> float:
    step = max(1, int(np.sqrt(np.count_nonzero(mask) / _SAMPLES)))
    rows, columns = np.nonzero(mask[step // 2 :: step, step // 2 :: step])
    if not registration.ok or not len(rows):
        return float("nan")
    points = np.stack([columns, rows], axis=1) * float(step) + step // 2
    there = warp.forward(points, registration.homography, registration.displacement, registration.grid_px)
    height, width = after.shape
    where = np.rint(np.nan_to_num(there, nan=-1.0)).astype(int)
    inside = np.all((where >= 0) & (where < [width, height]), axis=1)
    column, row = where[inside].T
    return float(np.count_nonzero(after.usable[row, column])) / len(points)

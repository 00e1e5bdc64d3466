"""What was seen of a colour card: the seam between finding it and correcting by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.records import BoolArray, frozen


@dataclass(frozen=True, eq=False)
class Sighting:
    """A 24-patch card as a photo shows it. Patches are in the chart's order: dark skin first, black last.

    `homography` (3, 3) takes chart coordinates to pixels of the upright photo. Chart coordinates are in patch
    pitches, (0, 0) the centre of dark skin, x along the row of six, y down to the row of greys at 3. `codes` (24, 3)
    are the mean samples of each patch's middle in the file's own colour space, 0 to 1; `spread` (24, 3) the standard
    deviation of its pixels on that scale, `pixels` (24,) how many were read (0 where the patch is not in the picture).
    `usable` (24,) is False where a patch is hidden, outside, shaded or shines; `clipped` (24, 3) where a channel is at
    the end of its range. `mirrored`: the card, and so the photo, is mirrored.
    """

    homography: NDArray[np.float64]
    mirrored: bool
    codes: NDArray[np.float64]
    spread: NDArray[np.float64]
    pixels: NDArray[np.int64]
    usable: BoolArray
    clipped: BoolArray

    def __post_init__(self) -> None:
        for array in (self.homography, self.codes, self.spread, self.pixels, self.usable, self.clipped):
            frozen(array)

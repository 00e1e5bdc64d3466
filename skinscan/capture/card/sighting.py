"""What was seen of a colour card: the seam between finding it and correcting by it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from skinscan.records import BoolArray, frozen


def _none() -> BoolArray:
    return np.zeros(24, bool)


def _unknown() -> NDArray[np.float64]:
    return np.full((8, 8), np.nan)


@dataclass(frozen=True, eq=False)
class Sighting:
    """A 24-patch card as a photo shows it. Patches are in the chart's order: dark skin first, black last.

    `homography` (3, 3) takes chart coordinates to pixels of the upright photo. Chart coordinates are in patch
    pitches, (0, 0) the centre of dark skin, x along the row of six, y down to the row of greys at 3. `codes` (24, 3)
    are the mean samples of each patch's middle in the file's own colour space, 0 to 1; `spread` (24, 3) the standard
    deviation of its pixels on that scale, `pixels` (24,) how many were read (0 where the patch is not in the picture).
    `usable` (24,) is False where a patch is hidden, outside, shines, or lies in another light than most; `clipped`
    (24, 3) where a channel is at the end of its range. `mirrored`: the card, and so the photo, is mirrored.

    `shaded` (24,): in the darker of two lights, where a shadow falls across the card; `hidden` (24,): something covers
    the patch or it lies outside of the picture. `patch` is the side of a patch in pitches, `agreement` how well the
    pattern of colours fits, at most 1. `covariance` (8, 8) is that of the homography, as corrections a to h of chart
    coordinates: x + (a x + b y + c) - x (g x + h y), y + (d x + e y + f) - y (g x + h y).
    """

    homography: NDArray[np.float64]
    mirrored: bool
    codes: NDArray[np.float64]
    spread: NDArray[np.float64]
    pixels: NDArray[np.int64]
    usable: BoolArray
    clipped: BoolArray
    shaded: BoolArray = field(default_factory=_none)
    hidden: BoolArray = field(default_factory=_none)
    patch: float = 0.84
    agreement: float = 1.0
    covariance: NDArray[np.float64] = field(default_factory=_unknown)

    def __post_init__(self) -> None:
        for array in (
            self.homography, self.codes, self.spread, self.pixels, self.usable, self.clipped, self.shaded, self.hidden,
            self.covariance,
        ):  # fmt: skip
            frozen(array)

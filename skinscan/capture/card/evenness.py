"""The light on the skin against the light on the card.

Light falls off across a picture, so skin beside a card is lit a little differently: 10 % are 2 to 3 of L*. The card
shows the light at 24 places by patches of known reflectance; skin shows how light changes across it, but not how much
there is. One smooth surface (a plane and its curvature) through both gives the step from the one to the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import luminance
from skinscan.records import BoolArray, Photo

Array = NDArray[np.float64]

PLANE, BOWL = 0.20, 0.06
"""Standard deviation of the light's logarithm beforehand from the middle of the photo to its edge: along a side, and
its curvature (a lens' vignetting)."""
PATCH = 0.015
"""Standard deviation of the light read from one patch: its own reflectance."""
SKIN = 0.05
"""... and of the light's change from a few places of skin: skin is not of one colour. All places of skin together count
as INDEPENDENT of these: colour changes slowly."""
INDEPENDENT = 12.0
UNKNOWN, OF_THE_STEP = 0.02, 0.25
"""Standard deviation (logarithm) of what no surface tells: relief, the card's height and tilt; and as a share of the
step itself, for light does not fall off as smoothly as that."""
BLOCKS, LEAST_SHARE, LEAST_BLOCKS = 24, 0.5, 6
"""Blocks along the longer side of the photo; the share of skin from which a block counts; how many must."""


@dataclass(frozen=True, slots=True)
class Step:
    """Logarithm of the mean light on the skin over that at the card's middle, with its standard uncertainty."""

    log: float = 0.0
    spread: float = UNKNOWN


def patch_light(bright: Array, seen: Array, used: BoolArray) -> Array:
    """Logarithm of the light at each patch (24,), NaN where it is too dark to tell."""
    good = used & (bright > 0.01) & (seen > 0.03)
    ratio = np.log(np.where(good, bright, 1.0) / np.where(good, seen, 1.0))
    count = good.sum(1)
    return np.asarray(np.where(count >= 2, ratio.sum(1) / np.maximum(count, 1), np.nan))


def light_step(
    photo: Photo, table: NDArray[np.float32], matrix: Array, skin: BoolArray, homography: Array, light: Array
) -> Step:
    """The step in light from card to skin. `table` and `matrix` take the photo's codes to linear sRGB, `light` (24,)
    is `patch_light`."""
    places, values = _skin_light(photo, table, matrix, skin)
    if len(places) < LEAST_BLOCKS:
        return Step()
    known = np.isfinite(light)
    chart = np.stack([np.arange(24) % 6, np.arange(24) // 6, np.ones(24)], -1)[known]
    mapped = np.asarray(chart @ homography.T, np.float64)
    on_card = _surface(mapped[:, :2] / mapped[:, 2:], photo.shape)
    on_skin = _surface(places, photo.shape)
    design = np.block(
        [
            [on_card, np.ones((len(on_card), 1)), np.zeros((len(on_card), 1))],
            [on_skin, np.ones((len(on_skin), 1)), np.ones((len(on_skin), 1))],
        ]
    )
    target = np.concatenate([light[known], values])
    spread = np.concatenate(
        [np.full(len(on_card), PATCH), np.full(len(on_skin), SKIN * np.sqrt(max(len(on_skin) / INDEPENDENT, 1.0)))]
    )
    beforehand = np.diag(1 / np.array([PLANE, PLANE, BOWL, BOWL, BOWL, 0.05, 5.0]) ** 2)
    weighted = design / spread[:, None]
    covariance = np.linalg.inv(weighted.T @ weighted + beforehand)
    found = covariance @ weighted.T @ (target / spread)
    mean = np.append(on_skin.mean(0), [1.0, 0.0])
    step = float(mean @ found)
    fitted = float(np.sqrt(mean @ covariance @ mean))
    return Step(step, float(np.sqrt(fitted**2 + UNKNOWN**2 + (OF_THE_STEP * step) ** 2)))


def _surface(points: Array, shape: tuple[int, int]) -> Array:
    """The surface's five terms at points (n, 2) of the photo: x, y and the curvature, zero in its middle."""
    middle, reach = (np.array(shape[::-1]) - 1) / 2, max(shape) / 2
    x, y = ((points - middle) / reach).T
    return np.stack([x, y, x * x, y * y, x * y], -1)


def _skin_light(
    photo: Photo, table: NDArray[np.float32], matrix: Array, skin: BoolArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles (n, 2) of blocks of skin and the logarithm of their median luminance (n,)."""
    size = max(max(photo.shape) // BLOCKS, 1)
    every = max(size // 8, 1)
    codes, mask = photo.pixels[::every, ::every], skin[::every, ::every]
    small = max(size // every, 1)
    rows, columns = mask.shape[0] // small, mask.shape[1] // small
    linear = np.stack([table[c][codes[: rows * small, : columns * small, c]] for c in range(3)], -1)
    light = luminance(np.asarray(linear.astype(np.float64) @ matrix.T))
    inside = mask[: rows * small, : columns * small]
    blocks = np.where(inside, light, np.nan).reshape(rows, small, columns, small).swapaxes(1, 2).reshape(-1, small**2)
    share = np.isfinite(blocks).mean(1)
    good = share >= LEAST_SHARE
    medians = np.nanmedian(blocks[good], axis=1) if good.any() else np.zeros(0)
    at = np.stack(np.divmod(np.arange(rows * columns), columns)[::-1], -1)[good]
    bright = medians > 1e-3
    return np.asarray((at[bright] + 0.5) * (small * every) - 0.5, np.float64), np.log(medians[bright])

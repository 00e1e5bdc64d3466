"""Whether the reference is a patch that is not skin, and how far that patch reaches beyond what was drawn."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import optical_density
from skinscan.records import BoolArray, Photo

UNLIKE_SKIN = 0.10
"""Distance in (log10 R/G, log10 G/B) from the other skin beyond which the reference is no skin.

A grey patch lies 0.2-0.4 from skin of any tone under the same light, reddened skin 0.05 from its surround.
"""

_LEAST_PX = 100


def find_patch(photo: Photo, skin: BoolArray, drawn: BoolArray) -> BoolArray | None:
    """The patch that `drawn` (H, W) lies on, (H, W), or None where it is skin like the rest of `skin`."""
    inside, around = drawn, skin & ~drawn
    if min(int(inside.sum()), int(around.sum())) < _LEAST_PX:
        return None
    patch, other = _chroma(photo, inside), _chroma(photo, around)
    if float(np.hypot(*(patch - other))) < UNLIKE_SKIN:
        return None
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    reach = max(len(rows), len(columns)) // 2
    box = (
        slice(max(rows[0] - reach, 0), rows[-1] + 1 + reach),
        slice(max(columns[0] - reach, 0), columns[-1] + 1 + reach),
    )
    smooth = np.asarray(cv2.GaussianBlur(photo.linear_rgb(*box), (0, 0), 2.0), np.float32)
    plane = _plane(optical_density(smooth))
    nearer = np.hypot(*np.moveaxis(plane - patch, -1, 0)) < np.hypot(*np.moveaxis(plane - other, -1, 0))
    grown = cv2.dilate((nearer | inside[box]).astype(np.uint8), np.ones((7, 7), np.uint8))
    _, labels = cv2.connectedComponents(grown)
    touched = np.unique(labels[inside[box]])
    found = np.zeros(photo.shape, bool)
    found[box] = np.isin(labels, touched[touched > 0])
    return found


def _plane(density: NDArray[Any]) -> NDArray[np.float64]:
    """log10 R/G and log10 G/B of optical densities, (..., 2)."""
    return np.stack([density[..., 1] - density[..., 0], density[..., 2] - density[..., 1]], -1).astype(np.float64)


def _chroma(photo: Photo, mask: BoolArray) -> NDArray[np.float64]:
    """Typical colour of a mask in that plane, (2,), from at most 20,000 of its pixels."""
    y, x = np.nonzero(mask)
    step = max(len(y) // 20_000, 1)
    rows = y[::step]
    linear = np.stack([photo.lut[c][photo.pixels[rows, x[::step], c]] for c in range(3)], -1) @ photo.matrix.T
    return np.asarray(np.median(_plane(optical_density(linear)), 0))

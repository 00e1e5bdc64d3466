"""A first guess of where one view of skin lies in another, from local features alone.

RootSIFT (Lowe 2004; Arandjelovic and Zisserman 2012) on equalised log-luminance, mutual nearest neighbours
with the ratio test, MAGSAC (Barath et al. 2020). A guess is no evidence: `registration` tests it on patches.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.registration.skin_view import SkinView

MOST_FEATURES = 3500
_RATIO = 0.9
_BLOCKS = 12
_THRESHOLD_PX = 3.0
_FLATTENING_PX = 12.0
_LEAST = 6
_FLIP = np.arange(128).reshape(4, 4, 8)[::-1, :, -np.arange(8) % 8].ravel()
"""A descriptor is 4 rows and 4 columns of 8 directions, told from the feature's own: a mirror turns both about."""


@dataclass(frozen=True, eq=False)
class Features:
    """Points (n, 2) in pixels of the view, unit descriptors (n, 128)."""

    points: NDArray[np.float64]
    descriptors: NDArray[np.float32]

    def flipped(self, width: int) -> Features:
        """Those of the view with left and right exchanged, `width` px wide."""
        points = np.stack([width - 1 - self.points[:, 0], self.points[:, 1]], axis=1)
        return Features(points, np.ascontiguousarray(self.descriptors[:, _FLIP]))


@dataclass(frozen=True, eq=False)
class Guess:
    """Homography from view to view, and the matched points (n, 2) that agree with it."""

    homography: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.before)


def features(view: SkinView) -> Features:
    """Up to MOST_FEATURES features on the skin, spread over the view."""
    # `enable_precise_upscale`: without it every point is off by a quarter of a pixel
    sift = cv2.SIFT.create(2 * MOST_FEATURES, 3, 0.02, 12.0, 1.6, True)
    keypoints, descriptors = sift.detectAndCompute(view.equalised(_FLATTENING_PX), None)
    if descriptors is None or len(keypoints) == 0:
        return Features(np.zeros((0, 2)), np.zeros((0, 128), np.float32))
    points = np.array([k.pt for k in keypoints], np.float64)
    response = np.array([k.response for k in keypoints])
    height, width = view.mask.shape
    column = np.rint(points[:, 0]).astype(int).clip(0, width - 1)
    row = np.rint(points[:, 1]).astype(int).clip(0, height - 1)
    on_skin = view.mask[row, column]
    keep = np.flatnonzero(on_skin)[_spread(points[on_skin], response[on_skin], (height, width))]
    descriptors = np.asarray(descriptors, np.float32)[keep]
    total = np.maximum(np.abs(descriptors).sum(axis=1, keepdims=True), 1e-9)
    return Features(points[keep], np.sqrt(descriptors / total))


def _spread(points: NDArray[np.float64], response: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.intp]:
    """Indices of the strongest points of each of _BLOCKS x _BLOCKS blocks, MOST_FEATURES at most."""
    side = max(shape) / _BLOCKS
    block = (points[:, 1] // side).astype(int) * _BLOCKS + (points[:, 0] // side).astype(int)
    order = np.lexsort((-response, block))
    ordered = block[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, int)
    rank = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.r_[starts, len(ordered)]))
    return np.asarray(order[np.argsort(rank, kind="stable")[:MOST_FEATURES]], np.intp)


def guess(before: Features, after: Features) -> Guess | None:
    """Homography from the before view to the after view; None where too few features agree."""
    first, second = _matches(before.descriptors, after.descriptors)
    if len(first) < _LEAST:
        return None
    source, target = before.points[first], after.points[second]
    cv2.setRNGSeed(1)
    homography, inside = cv2.findHomography(
        source.astype(np.float32),
        target.astype(np.float32),
        cv2.USAC_MAGSAC,
        _THRESHOLD_PX,
        None,
        20_000,
        0.9999,
    )
    if homography is None or not np.isfinite(homography).all():
        return None
    inside = np.asarray(inside).ravel().astype(bool)
    if inside.sum() < _LEAST:
        return None
    return Guess(np.asarray(homography, np.float64), source[inside], target[inside])


def _matches(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Mutual nearest neighbours that beat the second nearest by the ratio, best first."""
    none = np.zeros(0, np.intp)
    if len(a) < 2 or len(b) < 2:
        return none, none
    likeness = a @ b.T
    nearest = likeness.argmax(axis=1)
    rows = np.arange(len(a))
    best = likeness[rows, nearest]
    mutual = best >= likeness.max(axis=0)[nearest]
    likeness[rows, nearest] = -np.inf
    second = likeness.max(axis=1)
    near, next_near = (np.sqrt(np.maximum(2 - 2 * value, 0)) for value in (best, second))
    ratio = near / np.maximum(next_near, 1e-9)
    keep = np.flatnonzero(mutual & (ratio < _RATIO))
    keep = keep[np.argsort(ratio[keep], kind="stable")]
    return np.asarray(keep, np.intp), np.asarray(nearest[keep], np.intp)

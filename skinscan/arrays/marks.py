"""Round marks of the skin, 0.8-6 mm across, in maps of optical density: what each place and scale shows of them.

Numbers in, numbers out: square pixels, no file and no region known. A hollow under a lamp from one side is dark on the
lamp's side and bright on the other, so that the smoothed map rises across its middle; under flat light it is darker as
a whole. A spot of colour has neither, but a disc of more or less pigment. Each is told in standard deviations of the
skin's own scatter, so that what stands out on even skin is nothing on rough skin.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import filters

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

DISC_RESPONSE = 2 / math.e
"""Largest sigma^2 Laplacian response of a disc of unit contrast (at sigma = radius / sqrt 2)."""
MAD_TO_SD = 1.4826
RAYLEIGH_MEDIAN = math.sqrt(2 * math.log(2))
"""Median size of a gradient whose two components have unit SD."""

RADII_MM = (0.3, 0.45, 0.68, 1.0, 1.5, 2.2, 3.2)
"""Radii of the marks looked for, in about equal ratios; the first is there to know pores by."""
SMALLEST_MM, LARGEST_MM = 0.8, 6.0
FLATTEN_MM = 4.0
EXPLAINED_MM = (0.2, 2.0)
"""Gaussians between which brightness is explained by pigment."""
COARSEST_SIGMA_PX = 4.0
"""SD of a Gaussian, in pixels, that a coarser map still carries."""
FURTHEST = 12.0
"""Standard deviations beyond which a response says no more."""
SCATTER_PX = 65_536
"""Pixels that are enough to tell a scatter to half a percent."""
LEAST_SD = 1e-7
"""In optical density: of a picture without any noise."""


@dataclass(frozen=True)
class Skin:
    """Flattened maps (h, w) in optical density: `shading` (what pigment does not explain of the brightness), `melanin`,
    `haemoglobin`; 0 outside the mask."""

    shading: Floats
    melanin: Floats
    haemoglobin: Floats
    mask: Bools
    mm_per_px: float


def robust_sd(values: NDArray[np.floating]) -> float:
    """1.4826 times the median absolute value: of bands, whose middle is 0. NaN for none."""
    return MAD_TO_SD * float(np.median(np.abs(values))) if values.size else math.nan


def skin_of(darkness: Floats, melanin: Floats, haemoglobin: Floats, mask: Bools, mm_per_px: float) -> Skin:
    """Maps freed of all that is wider than marks, and the darkness (-log10 of luminance) of what pigment explains.

    How much density goes with each pigment is fitted on the skin itself, outliers left out.
    """
    maps = [filters.flatten(image, mask, FLATTEN_MM / mm_per_px) for image in (darkness, melanin, haemoglobin)]
    bands = [
        _blurred(image, EXPLAINED_MM[0] / mm_per_px) - _blurred(image, EXPLAINED_MM[1] / mm_per_px) for image in maps
    ]
    some = np.flatnonzero(mask.ravel())
    some = some[:: max(len(some) // SCATTER_PX, 1)]
    seen, *of_pigments = (band.ravel()[some] for band in bands)
    pigments = np.stack(of_pigments, 1)
    share = np.zeros(2)
    near = np.ones(len(seen), bool)
    for _ in range(4):
        if near.sum() < 3:
            break
        share = np.linalg.lstsq(pigments[near], seen[near], rcond=None)[0]
        left = np.abs(seen - pigments @ share)
        near = left < 2.5 * robust_sd(left)
    shading = maps[0] - np.float32(share[0]) * maps[1] - np.float32(share[1]) * maps[2]
    return Skin(np.asarray(shading, np.float32), maps[1], maps[2], mask, mm_per_px)


def _blurred(image: Floats, sigma_px: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT), np.float32)


def responses(skin: Skin) -> Iterator[tuple[str, Floats]]:
    """Named maps (h, w) of what each radius shows, in optical density: `disc` contrasts and sizes of gradients."""
    reduced = {name: getattr(skin, name) for name in ("shading", "melanin", "haemoglobin")}
    factor = 1
    for radius in RADII_MM:
        sigma_mm = radius / math.sqrt(2)
        while sigma_mm / (2 * factor * skin.mm_per_px) >= COARSEST_SIGMA_PX:
            reduced = {name: filters.reduced(image, 2) for name, image in reduced.items()}
            factor *= 2
        sigma = sigma_mm / (factor * skin.mm_per_px)
        left = math.sqrt(sigma**2 - (1 - 1 / factor**2) / 12)  # what averaging over squares has not smoothed yet
        for name, image in reduced.items():
            smooth = _blurred(image, left)
            disc = cv2.Laplacian(smooth, cv2.CV_32F, ksize=1, scale=-(sigma**2) / DISC_RESPONSE)
            across, down = (cv2.Sobel(smooth, cv2.CV_32F, *way, ksize=1, scale=sigma / 2) for way in ((1, 0), (0, 1)))
            for kind, found in (("disc", disc), ("slope", cv2.magnitude(across, down))):
                yield f"{name}_{kind}_{radius}", _enlarged(np.asarray(found, np.float32), factor, skin.mask.shape)
    yield from _lines(skin)


def _enlarged(image: Floats, factor: int, shape: tuple[int, ...]) -> Floats:
    """A map of squares of `factor` pixels on the pixels themselves, linear from middle to middle."""
    if factor == 1:
        return image
    size = (image.shape[1] * factor, image.shape[0] * factor)
    return np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)[: shape[0], : shape[1]])


def _lines(skin: Skin) -> Iterator[tuple[str, Floats]]:
    """Curvatures across and along the finest dark line: hairs and wrinkles have the one without the other."""
    sigma = RADII_MM[0] / math.sqrt(2) / skin.mm_per_px
    smooth = _blurred(skin.shading, sigma)
    xx, yy, xy = (cv2.Sobel(smooth, cv2.CV_32F, *way, ksize=3, scale=sigma**2 / 4) for way in ((2, 0), (0, 2), (1, 1)))
    middle, apart = (xx + yy) / 2, cv2.magnitude((xx - yy) / 2, xy)
    yield "line_across", np.asarray(apart - middle, np.float32)
    yield "line_along", np.asarray(middle + apart, np.float32)


def scatter(name: str, inside: Floats) -> float:
    """The skin's own robust standard deviation of a response (n,)."""
    if "slope" in name:
        return float(np.median(inside)) / RAYLEIGH_MEDIAN if inside.size else math.nan
    return robust_sd(inside)


def features(skin: Skin, carried: Mapping[str, float] | None = None) -> tuple[NDArray[np.float16], dict[str, float]]:
    """Responses (k, h, w) in standard deviations, those far out drawn in, and the standard deviations by name.

    Of the skin's own scatter, or of what is `carried`. Half precision: a whole face has millions of pixels.
    """
    sd: dict[str, float] = {}
    found = []
    looked_at = np.flatnonzero(skin.mask.ravel())
    looked_at = looked_at[:: max(len(looked_at) // SCATTER_PX, 1)]
    for name, image in responses(skin):
        sd[name] = scatter(name, image.ravel()[looked_at]) if carried is None else carried[name]
        image /= np.float32(max(sd[name], LEAST_SD))
        np.clip(image, -FURTHEST, FURTHEST, out=image)
        found.append(np.arcsinh(image / 2).astype(np.float16))
    return np.stack(found), sd


@dataclass(frozen=True)
class Layers:
    """A network of one hidden layer: `tanh(x @ inward + bias) @ outward + offset` is the log odds of a mark."""

    inward: Floats
    bias: Floats
    outward: Floats
    offset: float

    def chance(self, features: NDArray[np.floating]) -> Floats:
        """Chance (h, w) of a mark of features (k, h, w), row by row so that little is held at once."""
        found = np.empty(features.shape[1:], np.float32)
        for row in range(features.shape[1]):
            inside = features[:, row].T.astype(np.float32) @ self.inward + self.bias
            found[row] = np.tanh(inside) @ self.outward + np.float32(self.offset)
        return np.asarray(1 / (1 + np.exp(-found)), np.float32)


SMOOTH_MM = 0.15
LEAST_CHANCE, LEAST_PEAK = 0.5, 0.7
"""Chance that a mark has everywhere, and somewhere."""
NARROWEST_MM, WIDEST_MM = 0.6, 6.4
"""Width (of the largest disc inside) that a mark has: what is looked for, and a quarter less, a pixel more."""
LEAST_AREA_MM2 = math.pi * 0.36**2
LONGEST = 8.0
"""Area of a mark over that of the largest disc inside it, beyond which it is a line or a fringe."""


WIDEST_FLOOR_MM2 = math.pi * 2.0**2
"""A steep hollow shows its walls; a floor up to this large that they enclose belongs to it."""


def _filled(inside: Bools, mm_per_px: float) -> Bools:
    """With what is enclosed and no larger than a hollow's floor."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats((~inside).view(np.uint8), connectivity=4)
    floor = facts[:, cv2.CC_STAT_AREA] * mm_per_px**2 <= WIDEST_FLOOR_MM2
    floor[np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))] = False
    floor[0] = False
    return np.asarray(inside | floor[labels]) if count > 1 else inside


@dataclass(frozen=True)
class Marks:
    """Marks of a map: `labels` (h, w), 0 outside and 1..n inside; of each the area in mm2, (n,)."""

    labels: NDArray[np.int32]
    area_mm2: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.area_mm2)


def marked(chance: Floats, mask: Bools, mm_per_px: float) -> Marks:
    """Connected places of a chance over one half, what they enclose included, that are as large and round as a mark."""
    smooth = _blurred(chance, SMOOTH_MM / mm_per_px)
    inside = _filled((smooth > LEAST_CHANCE) & mask, mm_per_px) & mask
    count, found = cv2.connectedComponents(inside.view(np.uint8), connectivity=8)
    labels = np.asarray(found, np.int32)
    area = np.asarray(np.bincount(labels.ravel(), minlength=count) * mm_per_px**2, np.float64)
    # a mark cut by the picture's edge is as wide as what is seen of it
    depth = cv2.distanceTransform(np.pad(inside, 1).view(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1] * mm_per_px
    marked = np.flatnonzero(labels.ravel())
    which = labels.ravel()[marked]
    radius, peak = np.zeros(count), np.zeros(count, np.float32)
    np.maximum.at(radius, which, depth.ravel()[marked])
    np.maximum.at(peak, which, smooth.ravel()[marked])
    kept = (peak > LEAST_PEAK) & (area >= LEAST_AREA_MM2) & (2 * radius >= NARROWEST_MM) & (2 * radius <= WIDEST_MM)
    kept &= area <= LONGEST * math.pi * radius**2
    kept[0] = False
    number = np.zeros(count, np.int32)
    number[kept] = np.arange(1, kept.sum() + 1)
    return Marks(number[labels], area[kept])

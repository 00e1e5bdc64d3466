"""Whether anything in what was taken for skin shows that it is skin: blotches of colour that light does not make.

A wall, cardboard, cloth or leather has one colour, lighter or darker; sand and paper have grains of several, which even
out a little farther away. Skin holds two pigments that go their own ways: blood and melanin lie in blotches of every
size, so that its colour changes from one centimetre to the next, whatever the light does and however the photo is
blurred, made up or saved. Wood has such changes too, but drawn out along its grain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import BoolArray

Floats = NDArray[np.float32]

ACROSS_PX = 160
"""Side of a square as large as the skin, in the reduced photo on which it is judged."""

LEAST_ACROSS_PX = 80
"""Under which it is too small to judge."""

FINE_PX, BLOTCHES_PX = (1.0, 4.0), (8.0, 32.0)
"""Standard deviations of the two Gaussians between which grains, and blotches, lie."""

LEVEL_PX, LEVELS = 2.0, 64
"""Standard deviation of the Gaussian after which a place's brightness is told, and into how many levels."""

GRAIN_PX = (2.0, 8.0)
"""The same for the grain of wood."""

ONE_COLOUR = 0.0033
"""Blotches under which it is all one colour. Skin in photos has 0.010 and more, on phantoms 0.0038 and more.
"""

GRAINS, MOST_GRAINS = 0.30, 0.007
"""Blotches over fine changes under which there are grains or noise and nothing else, and the strongest blotches of
which that is said, since little skin in a noisy photo has such a ratio too. Skin has 1.5, under strong noise 0.5."""

ALONG_GRAIN, MOST_FINE = 0.55, 0.06
"""How drawn out the colours of wood are at least (skin: 0.1, rarely 0.5), and fine changes from which hard shadows and
borders make them so."""

PALE, DARK, LEAST_ASKED = -1.4, -2.2, 0.3
"""Median ln(luminance) down to which all of this is asked, and from which only this share: in the dark, blood hardly
shows on phantoms, and hardly any wall is so dark."""

FLOOR = np.float32(0.004)
"""Added to linear light before logarithms are taken."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How the colour of what was taken for skin changes, beyond what goes with its brightness.

    `fine`, `blotches`: standard deviation of (ln R/G, ln G/B) between neighbouring places, a hundredth and a tenth of
    the skin apart; `drawn_out`: how much more it changes across one direction than along it, 0 to 1. `level`: median of
    ln(luminance).
    """

    fine: float
    blotches: float
    drawn_out: float
    level: float


def doubt_of(thumbnails: Thumbnails, skin: BoolArray) -> str | None:
    """What the skin (H, W) looks like instead, in words, or None where it may be skin or is too small to be judged."""
    found = evidence_of(thumbnails, skin)
    if found is None:
        return None
    asked = float(np.clip((found.level - DARK) / (PALE - DARK), LEAST_ASKED, 1.0))
    if found.blotches < ONE_COLOUR * asked:
        return "it has one colour all over, as paint has"
    if found.blotches < min(GRAINS * found.fine, MOST_GRAINS * asked):
        return "it has one colour but for grains or noise, as cloth or sand has"
    if found.drawn_out > ALONG_GRAIN and found.fine < MOST_FINE:
        return "its colours are drawn out along a grain, as those of wood are"
    return None


def evidence_of(thumbnails: Thumbnails, skin: BoolArray) -> Evidence | None:
    """What the skin (H, W) shows, or None where it is too small to be judged."""
    longest = max(skin.shape)
    across = float(np.sqrt(np.count_nonzero(skin)))
    if across < LEAST_ACROSS_PX:
        return None
    linear = thumbnails.linear(max(round(longest * ACROSS_PX / max(across, ACROSS_PX)), 1))
    inside = _inside(skin, linear.shape[1::-1])
    if np.count_nonzero(inside) < LEAST_ACROSS_PX**2 / 4:
        return None
    logs = np.log(linear + FLOOR)
    luminance = np.log(linear @ np.array([0.2126, 0.7152, 0.0722], np.float32) + FLOOR)
    planes = np.stack([luminance, logs[..., 0] - logs[..., 1], logs[..., 1] - logs[..., 2]], -1)
    planes = _freed_of_level(planes, inside)
    fine, grain, blotches = (_alone(planes, inside, between) for between in (FINE_PX, GRAIN_PX, BLOTCHES_PX))
    level = float(np.median(luminance[inside]))
    return Evidence(_size(fine[inside]), _size(blotches[inside]), _drawn_out(grain, inside), level)


def _inside(skin: BoolArray, size: tuple[int, int]) -> BoolArray:
    """(h, w): the skin at this width and height, less its rim."""
    share = cv2.resize(skin.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA)
    padded = np.pad((share > 250).view(np.uint8), 1)
    inside: BoolArray = cv2.erode(padded, np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0
    return inside


def _freed_of_level(planes: Floats, inside: BoolArray) -> Floats:
    """The planes (h, w, 3), the colours less what is usual at their level of brightness.

    JPEG keeps a slowly changing colour in steps, and so makes bands of colour along what is equally bright: on a wall
    of one colour as strong as the blotches of pale skin.
    """
    smooth = _mean(planes, inside, LEVEL_PX)[inside]
    limits = np.quantile(smooth[:, 0], np.linspace(0, 1, LEVELS + 1)[1:-1])
    level = np.searchsorted(limits, smooth[:, 0])
    count = np.maximum(np.bincount(level, minlength=LEVELS), 1)
    freed = planes.copy()
    for colour in (1, 2):
        usual = np.bincount(level, smooth[:, colour], minlength=LEVELS) / count
        freed[..., colour][inside] -= usual[level].astype(np.float32)
    return freed


def _alone(planes: Floats, inside: BoolArray, between: tuple[float, float]) -> Floats:
    """Changes of ln R/G and ln G/B (h, w, 2) of this size that do not go with those of brightness; 0 outside.

    A camera's tone curve and a coloured pigment tie colour to brightness, more or less so with the level.
    """
    wide = _mean(planes, inside, between[1])
    change = np.where(inside[..., None], _mean(planes, inside, between[0]) - wide, np.float32(0))
    level = wide[..., 0][inside]
    level = (level - level.mean()) / max(float(level.std()), 1e-6)
    brighter = change[..., 0][inside]
    known = np.stack([brighter, brighter * level, brighter * level * level], -1).astype(np.float64)
    colour = change[..., 1:]
    tied, *_ = np.linalg.lstsq(known, colour[inside], rcond=None)
    colour[inside] -= (known @ tied).astype(np.float32)
    return np.asarray(colour, np.float32)


def _mean(planes: Floats, inside: BoolArray, sigma: float) -> Floats:
    """Gaussian mean of planes (h, w, n) over what is inside."""
    weight = inside.astype(np.float32)
    total = cv2.GaussianBlur(planes * weight[..., None], (0, 0), sigma)
    return np.asarray(total / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)[..., None], np.float32)


def _size(changes: NDArray[Any]) -> float:
    return float(np.sqrt(np.var(changes, axis=0).sum()))


def _drawn_out(colour: Floats, inside: BoolArray) -> float:
    """Coherence of the gradients of colour (h, w, 2), from 0 (any direction) to 1 (one only)."""
    within = cv2.erode(inside.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if not within.any():
        return 0.0
    across, down = (
        cv2.Sobel(colour, cv2.CV_32F, *order)[within].astype(np.float64).ravel() for order in ((1, 0), (0, 1))
    )
    a, b, c = float(across @ across), float(across @ down), float(down @ down)
    return float(np.hypot(a - c, 2 * b) / max(a + c, 1e-12))

"""Where stretch marks lie: long bands of 1-8 mm that are redder, paler, lighter or darker than the skin beside them.

Bands are looked for at three widths in lightness and in redness, up and down, averaged along each centre line's own
direction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour, filters, ridges, tracing
from skinscan.arrays.cells import factor_between
from skinscan.measures.maps import Maps
from skinscan.measures.strokes import Searched, Stroke, runs, without_rim

Values = NDArray[np.float64]

SIGMAS_MM = (0.6, 1.1, 2.0)
"""Widths (SD) of the bands that are looked for."""
LARGEST_STEP_MM = 0.3
REACH_MM = 5.0
TURNS_RAD = tuple(np.linspace(-0.5, 0.5, 7).tolist())
WEAKEST, STRONG = 1.8, 2.6
"""Response at which a band goes on, and at which it may begin, in what the skin's own mottling answers."""
LEAST_WEAK, LEAST_TEXTURE = 0.15, 0.02
"""The least of it that goes on, and the least mottling, CIELAB units."""
GAP_MM = 2.0
LEAST_MM = 8.0
PROFILE_MM = (0.7, 1.4, 2.8)
PROFILE_OVER_MM = 1.5
NARROWEST_MM, WIDEST_MM = 0.9, 9.0
FADED = 0.4
"""Share of a band's own strength under which it has come to its end."""
RIM_MM = 1.0
BESIDE = 1.0
"""Where the skin beside is seen, in full widths from the middle of a mark, and a little beyond."""
HALO = 1.35
"""Distance of two middles, in the mean of both widths, within which the fainter is but the skin beside the other."""
LEAST_LOG_ODDS = 0.0
FEATURES = (
    "constant", "log length", "log strength", "log texture", "turning", "log dE00", "unevenness", "unevenness of width",
    "log width", "lightness", "redness",
)  # fmt: skip
COEFFICIENTS = (-2.0, 1.9, 1.22, -1.7, -0.36, 2.43, -0.74, -0.69, -2.06, -0.48, 0.8)
TURN_MM = 2.0
CHANNELS = ((0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0))
"""What is looked for: L* (0) and a* (1), lower (1) and higher (-1) than beside."""


@dataclass(frozen=True, eq=False)
class Picture:
    """CIELAB (h, w, 3) with what is not measured filled, what is searched of it, and pixels of the maps along one."""

    lab: NDArray[np.float32]
    searched: NDArray[np.bool_]
    factor: int

    @property
    def where(self) -> Searched:
        return Searched(self.searched, self.factor)


def picture_of(maps: Maps) -> Picture:
    """What marks are looked for in."""
    return maps.whole.once("striae picture", partial(_picture, maps.whole))


def _picture(maps: Maps) -> Picture:
    if not maps.measured.any():
        return Picture(np.zeros((*maps.measured.shape, 3), np.float32), maps.measured, 1)
    lab = maps.smooth_lab
    step = factor_between(maps.measured.shape, lab.shape)
    further = 1
    while 2 * further * step * maps.um_per_px <= 1000 * LARGEST_STEP_MM:
        further *= 2
    share = filters.reduced(maps.measured.astype(np.float32), step * further)
    known = share > 0.5
    inside = maps.measured[step // 2 :: step, step // 2 :: step].astype(np.float32)
    inside = np.pad(inside, [(0, a - b) for a, b in zip(lab.shape[:2], inside.shape, strict=True)])
    inside *= np.isfinite(lab).all(-1)
    weight = np.maximum(filters.reduced(np.asarray(inside, np.float32), further), np.float32(1e-3))
    lab = np.asarray(filters.reduced(np.nan_to_num(lab) * inside[..., None], further) / weight[..., None], np.float32)
    known &= weight > 0.3
    step_mm = step * further * maps.um_per_px / 1000
    filled = [_filled(np.ascontiguousarray(lab[..., channel]), known, step_mm) for channel in range(3)]
    searched = without_rim(known, RIM_MM / step_mm, 2 * RIM_MM / step_mm)
    return Picture(np.stack(filled, -1), searched, step * further)


def _filled(image: NDArray[np.float32], known: NDArray[np.bool_], step_mm: float) -> NDArray[np.float32]:
    """What is not known, from what is around it: no edge that could pass for a band."""
    if known.all() or not known.any():
        return image
    out = np.where(known, image, np.float32(0))
    missing = ~known
    for sigma_mm in (SIGMAS_MM[0], 2.0, 8.0):
        around = filters.masked_gaussian(image, known, sigma_mm / step_mm)
        now = missing & np.isfinite(around)
        out[now] = around[now]
        missing &= ~now
    out[missing] = np.median(image[known])
    return out


def find_striae(maps: Maps) -> tuple[Stroke, ...]:
    """Every stretch mark of the frame's measured pixels, longest first.

    Along each: `width_mm` (full width at half strength) and `width_px`, the colour difference `de00` to the skin on
    both sides, how much lighter (`lightness`, L*) and redder (`redness`, a*) it is, and by how much it stands out.
    """
    return maps.whole.once("striae", partial(_find, maps.whole))


def _find(maps: Maps) -> tuple[Stroke, ...]:
    found = candidates(maps)
    odds = [log_odds(mark_features(mark, maps.um_per_px)) for mark in found]
    kept: list[Stroke] = []
    for at in np.argsort(odds)[::-1]:
        fresh = _not_yet(found[at], kept, maps.um_per_px / 1000) if odds[at] > LEAST_LOG_ODDS else None
        if fresh is not None:
            kept.append(fresh)
    return tuple(sorted(kept, key=lambda mark: -len(mark.path)))


def _not_yet(mark: Stroke, kept: Sequence[Stroke], mm_per_px: float) -> Stroke | None:
    """The longest part of a mark where no other one lies: a band may be seen by its lightness and by its redness.

    The skin right beside a mark, or between two, looks like a band of the other sign: that is none.
    """
    from scipy.spatial import cKDTree

    fresh, beside = np.ones(len(mark.path), np.bool_), np.zeros(len(mark.path), np.bool_)
    own, lighter = mark.along["width_mm"], np.median(mark.along["lightness"]) > 0
    for other in kept:
        far, nearest = cKDTree(other.path).query(mark.path)
        width = other.along["width_mm"][nearest]
        fresh &= far * mm_per_px > 0.6 * np.maximum(own, width)
        if (np.median(other.along["lightness"]) > 0) != lighter:
            beside |= far * mm_per_px < HALO * (own + width) / 2
    if beside.mean() > 0.5:
        return None
    parts = [mark.part(run) for run in runs(fresh)]
    longest = max(parts, key=lambda part: len(part.path), default=None)
    return longest if longest is not None and longest.length(mm_per_px) >= LEAST_MM else None


def candidates(maps: Maps) -> list[Stroke]:
    """Every band of a stretch mark's width."""
    picture = picture_of(maps)
    if not picture.searched.any():
        return []
    step_mm = picture.factor * maps.um_per_px / 1000
    found: list[Stroke] = []
    for plane, sign in CHANNELS:
        image = np.asarray(sign * picture.lab[..., plane], np.float32)
        paths, texture = _paths(image, picture, step_mm)
        for path in paths:
            found += _marks_of(path, picture, image, texture, maps)
    return found


def _paths(image: NDArray[np.float32], picture: Picture, step_mm: float) -> tuple[list[Values], float]:
    """Centre lines of an image's dark bands, and how strongly the skin's mottling answers."""
    looks = ridges.looks(image, [mm / step_mm for mm in SIGMAS_MM])
    hessians = [hessian for _, _, hessian in looks]
    texture = max(float(np.median(np.abs(ridges.across(hessians[1])[picture.searched]))), LEAST_TEXTURE)
    weakest = max(WEAKEST * texture, LEAST_WEAK)
    points = ridges.valleys(looks, picture.searched, weakest / 2)
    for turns, share in ((0.0,), 0.6), (TURNS_RAD, 1.0):
        points = ridges.drawn_out(points, hessians, REACH_MM / step_mm, turns)
        points = points.where(points.response > share * weakest)
    chains = tracing.trace(points, weakest * STRONG / WEAKEST, GAP_MM / step_mm)
    long = [chain for chain in chains if len(chain) * step_mm * math.sqrt(2) > LEAST_MM]
    places = np.stack([points.x, points.y], 1)
    return [tracing.smoothed(places[chain], 2 * tracing.ALIGNMENT_PX) for chain in long], texture


def _marks_of(path: Values, picture: Picture, image: NDArray[np.float32], texture: float, maps: Maps) -> list[Stroke]:
    """The parts of a centre line that have a stretch mark's width."""
    step_mm = picture.factor * maps.um_per_px / 1000
    over = PROFILE_OVER_MM / step_mm
    section = tracing.sections(image, path, [mm / step_mm for mm in PROFILE_MM], over, tracing.flat_valley)
    width_mm = section.width_px * step_mm
    middle, beside = _colours(picture, path, section.width_px, over)
    lighter, redder = (middle - beside)[:, 0], (middle - beside)[:, 1]
    whole = Stroke(
        path * picture.factor + (picture.factor - 1) / 2,
        {
            "width_mm": width_mm,
            "width_px": section.width_px * picture.factor,
            "de00": np.asarray(colour.ciede2000(middle, beside), np.float64),
            "lightness": lighter,
            "redness": redder,
            "strength": section.depth,
            "standing": section.depth / texture,
        },
    )
    least = FADED * float(np.percentile(section.depth, 75))
    fits = (width_mm >= NARROWEST_MM) & (width_mm <= WIDEST_MM) & (section.depth > max(least, 0.0))
    parts = [whole.part(run) for run in runs(fits)]
    return [part for part in parts if part.length(maps.um_per_px / 1000) >= LEAST_MM]


def _colours(picture: Picture, path: Values, width_px: Values, over: float) -> tuple[Values, Values]:
    """CIELAB (n, 3) in the middle of a band and of the skin on both its sides, averaged along it."""
    tangent = np.gradient(path, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1) / np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
    width = np.clip(tracing.smoothed(width_px, over), 1.0, None)
    told = []
    for offsets in ((-0.15, 0.0, 0.15), (-BESIDE - 0.15, -BESIDE, BESIDE, BESIDE + 0.15)):
        reach = np.array(offsets)[None, :] * width[:, None]
        x, y = (path[:, axis, None] + reach * normal[:, axis, None] for axis in (0, 1))
        planes = [ridges.sampled(np.ascontiguousarray(picture.lab[..., c]), x, y).mean(1) for c in range(3)]
        told.append(tracing.smoothed(np.stack(planes, 1).astype(np.float64), over))
    return told[0], told[1]


def mark_features(mark: Stroke, um_per_px: float) -> Values:
    """What tells a stretch mark from mottling, (len(FEATURES),): how long it is; how strong nearly all along, against
    the skin's mottling and to the eye; how it turns; how even it is, and how wide; how much is lightness or colour."""
    along = mark.along
    strength, de00 = (max(float(np.percentile(along[name], 20)), 0.05) for name in ("strength", "de00"))
    texture = float(along["strength"][0] / along["standing"][0])
    return np.array(
        [
            1.0,
            math.log(mark.length(um_per_px / 1000) / 10),
            math.log(strength / 2),
            math.log(texture / 0.15),
            tracing.turning(mark.path * um_per_px / 1000, TURN_MM),
            math.log(de00),
            float(np.std(np.log(np.maximum(along["strength"], 0.05)))),
            float(np.std(np.log(along["width_mm"]))),
            math.log(float(np.median(along["width_mm"])) / 2.5),
            abs(float(np.median(along["lightness"]))),
            abs(float(np.median(along["redness"]))),
        ]
    )


def log_odds(features: Values) -> float:
    """Natural log of the odds that a band is a stretch mark."""
    return float(features @ np.array(COEFFICIENTS))

"""New papular haemoglobin foci: small round red spots that were not there at the baseline. For a course's flag; no
measure, for it has no single number, and no diagnosis.

The haemoglobin coordinate is free of shading and of the lamp's strength; another white balance adds about the same
everywhere, which is taken off. What is left at each radius is told against its own robust scatter over the shared
skin: noise, registration and the camera's rounding are all in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import filters, warp
from skinscan.arrays.cells import factor_between
from skinscan.arrays.marks import DISC_RESPONSE, robust_sd
from skinscan.measures.colours import DARKEST_ITA
from skinscan.measures.maps import Maps
from skinscan.records import Flag, Notice, Registration

Floats = NDArray[np.float32]

SMALLEST_MM, LARGEST_MM = 0.8, 5.0
RATIO = 2.0 ** (1 / 3)
RADII_MM = tuple(float(r) for r in SMALLEST_MM / 2 / RATIO**2 * RATIO ** np.arange(13))
"""Radii looked for in equal ratios, two below and two above what counts: what is smaller or larger peaks there."""
LEAST_SD = 6.0
"""Strength, in SD of the shared skin's own difference at that radius, from which a focus counts by its colour alone."""
LEAST_DARK_SD, LEAST_RED_SD = 6.0, 4.0
"""A spot that is darker by so many SD counts from so many SD of its colour: blood takes light away as well, and on dark
skin that is seen first. Darkness alone says nothing, for shadows and pigment are dark too."""
LEAST_ROUNDNESS = 0.5
"""4 det / trace^2 of the Hessian: 1 for a disc, 0 for a line (a hair that moved, a scratch)."""
MOST_MELANIN = 0.8
"""Melanin's rise over haemoglobin's, beyond which a spot is brown or black (a hair, make-up), not red."""
LEAST_NEW = 0.75
"""Share of the after photo's own contrast that must be new: what was a spot before and is redder now is no new one."""
LEAST_STRENGTH = 0.018
"""Optical density of haemoglobin from which a focus counts, however even the skin: 60-80 % more blood on phantoms. What
another white balance, a file's compression and a flush leave of old structure reached 0.016 there."""
FLATTEN_MM = 5.0
PLAY_MM = 0.15
"""How far a structure of the baseline may lie from where registration puts it; or twice the registration's error."""
LARGEST_UM_PER_PX = 150.0
LEAST_SHARED_MM2 = 50.0


@dataclass(frozen=True)
class Foci:
    """New red foci, (n,) each, strongest first; `notices` say why none was looked for, or what may be taken for one.

    `x_px`, `y_px`: in the before photo; `after_x_px`, `after_y_px` in the after photo. `diameter_mm` of the disc that
    fits best; `strength` its contrast in haemoglobin (optical density), and in standard deviations `strength_sd`.
    `region`: the smallest region of the baseline that it lies in. `count`: by region; `searched_mm2`: the shared skin.
    """

    x_px: NDArray[np.float64]
    y_px: NDArray[np.float64]
    after_x_px: NDArray[np.float64]
    after_y_px: NDArray[np.float64]
    diameter_mm: NDArray[np.float64]
    strength: NDArray[np.float64]
    strength_sd: NDArray[np.float64]
    region: tuple[str, ...]
    count: Mapping[str, int]
    searched_mm2: float
    notices: tuple[Notice, ...] = ()

    def __len__(self) -> int:
        return len(self.x_px)


@dataclass(frozen=True)
class _Candidates:
    """Peaks over place and radius, (n,) each: row, column, index of the radius, contrast and its SDs."""

    row: NDArray[np.intp]
    column: NDArray[np.intp]
    radius: NDArray[np.intp]
    contrast: NDArray[np.float64]
    sds: NDArray[np.float64]

    def where(self, keep: NDArray[Any]) -> _Candidates:
        return _Candidates(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


def new_foci(before: Maps, after: Maps, registration: Registration) -> Foci:
    """Round red foci of 0.8-5 mm in the after photo where the baseline had none.

    `before`, `after`: maps of tied frames (one scale). Empty with a notice where the photos are not registered, have no
    scale or colour, or resolve too little.
    """
    refusal = _refused(before, after, registration)
    if refusal is not None:
        return _nothing(before, refusal)
    step = factor_between(before.measured.shape, before.smooth_pixels.shape)
    first = _pictures(before)
    at = _after_places(before, after, registration, step)
    second, seen = _sampled(after, at)
    mask = _thinned(before.measured, first["melanin"].shape, step) & seen
    mm = before.um_per_px * step / 1000
    searched = float(mask.sum()) * mm**2
    if searched < LEAST_SHARED_MM2:
        return _nothing(before, Notice(Flag.LITTLE_OVERLAP, f"{searched:.0f} mm2 of skin in both photos"))
    play_mm = max(PLAY_MM, 2 * registration.residual_px / registration.scale_ratio * before.um_per_px / 1000)
    rise = {name: _rise(first[name], second[name], mask, mm, play_mm) for name in first}
    found = _peaks(rise["haemoglobin"], rise["darkness"], mask, mm)
    found = found.where(_red_round_and_new(found, rise, second["haemoglobin"], mask, mm))
    told = _told(before, found.where(_apart(found, mm)), at, step, searched)
    return replace(told, notices=_doubts(before, after))


def _doubts(before: Maps, after: Maps) -> tuple[Notice, ...]:
    """That a spot may be brown rather than red, where skin is so dark that the two cannot be told apart."""
    ita = min(before.typical_ita, after.typical_ita)
    if not ita < DARKEST_ITA:
        return ()
    return (Notice(Flag.OUT_OF_MODEL, f"ITA {ita:.0f}: a spot that darkened may look like one that reddened"),)


def _refused(before: Maps, after: Maps, registration: Registration) -> Notice | None:
    if not registration.ok:
        return Notice(Flag.NOT_REGISTERED, "new spots are looked for at the same places")
    if before.frame.scale is None or after.frame.scale is None:
        return Notice(Flag.NO_SCALE, "give --mm-per-px, or put a sticker of known size on the skin")
    if before.frame.photo.is_grey or after.frame.photo.is_grey:
        return Notice(Flag.NO_COLOUR, "the file holds one grey channel")
    coarser = max(
        max(maps.um_per_px, 0.0 if math.isnan(maps.effective_um_per_px) else maps.effective_um_per_px)
        for maps in (before, after)
    )
    if coarser > LARGEST_UM_PER_PX:
        return Notice(Flag.TOO_FAR, f"{coarser:.0f} um/px, {LARGEST_UM_PER_PX:.0f} needed for spots of 0.8 mm")
    return None


def _nothing(before: Maps, notice: Notice) -> Foci:
    none = np.zeros(0)
    count = dict.fromkeys(before.frame.regions, 0)
    return Foci(none, none, none, none, none, none, none, (), count, 0.0, (notice,))


def _pictures(maps: Maps) -> dict[str, Floats]:
    """Averaged melanin, haemoglobin and darkness (-log10 of luminance), in optical density."""
    luminance = ((np.maximum(maps.smooth_lab[..., 0], 1.0) + 16) / 116) ** 3
    darkness = np.asarray(-np.log10(luminance), np.float32)
    return {"melanin": maps.smooth_melanin, "haemoglobin": maps.smooth_haemoglobin, "darkness": darkness}


def _thinned(mask: NDArray[np.bool_], shape: tuple[int, ...], step: int) -> NDArray[np.bool_]:
    """A mask of the photo's pixels on the pixels of averaged colour."""
    rows, columns = (
        np.minimum(np.arange(count) * step + step // 2, whole - 1)
        for count, whole in zip(shape, mask.shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


def _after_places(before: Maps, after: Maps, r: Registration, step: int) -> NDArray[np.float64]:
    """Photo coordinates in the after photo (h, w, 2) of the before photo's pixels of averaged colour."""
    height, width = before.smooth_pixels.shape
    left, top = before.origin_xy
    x, y = (np.arange(count) * step + (step - 1) / 2 for count in (width, height))
    points = np.stack(np.meshgrid(x + left, y + top), -1)
    return warp.forward(points, r.homography, r.displacement, r.grid_px)


def _sampled(after: Maps, at: NDArray[np.float64]) -> tuple[dict[str, Floats], NDArray[np.bool_]]:
    """The after photo's pictures at places of it, and where they are skin."""
    step = factor_between(after.measured.shape, after.smooth_pixels.shape)
    left, top = after.origin_xy
    x, y = (
        np.asarray((at[..., axis] - origin - (step - 1) / 2) / step, np.float32)
        for axis, origin in ((0, left), (1, top))
    )
    skin = _thinned(after.measured, after.smooth_melanin.shape, step).astype(np.float32)
    seen = warp.sample(skin, x, y) > 0.99
    return {name: np.asarray(warp.sample(image, x, y), np.float32) for name, image in _pictures(after).items()}, seen


def _rise(first: Floats, second: Floats, mask: NDArray[np.bool_], mm: float, play_mm: float) -> Floats:
    """How far the after photo exceeds all that the baseline has within `play_mm`, freed of what is wider than foci."""
    reach = max(round(play_mm / mm), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    highest = cv2.dilate(np.where(mask, first, first[mask].min()).astype(np.float32), disc)
    return filters.flatten(np.asarray(second - highest, np.float32), mask, FLATTEN_MM / mm)


def _disc(image: Floats, radius_mm: float, mm: float) -> Floats:
    """Contrast (h, w) of the disc of a radius that fits best at each place."""
    sigma = radius_mm / math.sqrt(2) / mm
    smooth = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.Laplacian(smooth, cv2.CV_32F, ksize=1, scale=-(sigma**2) / DISC_RESPONSE), np.float32)


def _peaks(rise: Floats, darker: Floats, mask: NDArray[np.bool_], mm: float) -> _Candidates:
    """Maxima of disc contrast over place and radius, of radii that count, strong enough by colour or with darkness."""
    discs = [_disc(rise, radius, mm) for radius in RADII_MM]
    sds = [max(robust_sd(disc[mask]), 1e-6) for disc in discs]
    square = np.ones((3, 3), np.uint8)
    highest = [cv2.dilate(disc, square) for disc in discs]
    away = cv2.distanceTransform(np.pad(mask, 1).view(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1] * mm
    parts = []
    for index in range(2, len(RADII_MM) - 2):
        top = np.maximum(np.maximum(highest[index - 1], highest[index]), highest[index + 1])
        dark = _disc(darker, RADII_MM[index], mm)
        with_darkness = dark > LEAST_DARK_SD * max(robust_sd(dark[mask]), 1e-6)
        least = np.maximum(np.where(with_darkness, LEAST_RED_SD, LEAST_SD) * sds[index], LEAST_STRENGTH)
        peak = (discs[index] >= top) & (discs[index] > least) & (away > RADII_MM[index])
        row, column = np.nonzero(peak)
        contrast = discs[index][row, column].astype(np.float64)
        parts.append(_Candidates(row, column, np.full(len(row), index), contrast, contrast / sds[index]))
    return _Candidates(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in _Candidates.__dataclass_fields__)
    )


def _red_round_and_new(
    found: _Candidates, rise: Mapping[str, Floats], after: Floats, mask: NDArray[np.bool_], mm: float
) -> NDArray[np.bool_]:
    """Which peaks are round, of blood rather than pigment, and no spot of the baseline that is stronger now."""
    keep = np.zeros(len(found.row), bool)
    own = filters.flatten(after, mask, FLATTEN_MM / mm)
    for index in np.unique(found.radius):
        here = np.flatnonzero(found.radius == index)
        row, column = found.row[here], found.column[here]
        radius = RADII_MM[index]
        melanin = _disc(rise["melanin"], radius, mm)[row, column]
        alone = _disc(own, radius, mm)[row, column]
        contrast = found.contrast[here]
        round_enough = _roundness(_disc(rise["haemoglobin"], radius, mm), row, column, radius / mm) >= LEAST_ROUNDNESS
        keep[here] = round_enough & (melanin < MOST_MELANIN * contrast) & (contrast > LEAST_NEW * alone)
        keep[here] &= alone > 0.5 * contrast
    return keep


def _roundness(image: Floats, row: NDArray[np.intp], column: NDArray[np.intp], radius_px: float) -> NDArray[np.float64]:
    """4 det / trace^2 of the Hessian over half a radius, (n,)."""
    far = max(round(radius_px / 2), 1)
    padded = np.pad(image, far, mode="reflect")
    at = {
        (down, right): padded[row + far + down * far, column + far + right * far].astype(np.float64)
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    }
    xx, yy = at[0, -1] - 2 * at[0, 0] + at[0, 1], at[-1, 0] - 2 * at[0, 0] + at[1, 0]
    xy = (at[1, 1] - at[1, -1] - at[-1, 1] + at[-1, -1]) / 4
    return np.asarray(4 * (xx * yy - xy * xy) / np.maximum((xx + yy) ** 2, 1e-20), np.float64)


def _apart(found: _Candidates, mm: float) -> NDArray[np.intp]:
    """Strongest first; of several peaks within one another's radius the strongest."""
    radius = np.asarray(RADII_MM)[found.radius]
    kept: list[int] = []
    for one in np.argsort(-found.contrast):
        away = np.hypot(found.row[kept] - found.row[one], found.column[kept] - found.column[one]) * mm
        if not len(kept) or (away > np.maximum(radius[kept], radius[one])).all():
            kept.append(int(one))
    return np.asarray(kept, np.intp)


def _told(before: Maps, found: _Candidates, at: NDArray[np.float64], step: int, searched_mm2: float) -> Foci:
    left, top = before.origin_xy
    x, y = (place * step + (step - 1) / 2 + origin for place, origin in ((found.column, left), (found.row, top)))
    there = at[found.row, found.column]
    masks = sorted(before.frame.regions.items(), key=lambda item: int(item[1].sum()))
    height, width = before.frame.shape
    row, column = (np.clip(np.rint(place), 0, most - 1).astype(np.intp) for place, most in ((y, height), (x, width)))
    inside = {name: mask[row, column] for name, mask in masks}
    region = tuple(next((name for name in inside if inside[name][one]), "") for one in range(len(found.row)))
    return Foci(
        x_px=np.asarray(x, np.float64),
        y_px=np.asarray(y, np.float64),
        after_x_px=there[:, 0],
        after_y_px=there[:, 1],
        diameter_mm=2 * np.asarray(RADII_MM)[found.radius],
        strength=found.contrast,
        strength_sd=found.sds,
        region=region,
        count={name: int(inside[name].sum()) for name in before.frame.regions},
        searched_mm2=searched_mm2,
    )

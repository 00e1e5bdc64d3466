"""The part in combed hair: a band with little cover between sides with much, followed along its length."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Line = NDArray[np.float64]

GRID_MM = 0.25
TURN_DEG = 5.0
BANDS_MM = (1.5, 3.0, 5.0, 8.0, 12.0)
FLANK_MM = 3.0
SLICE_MM = 2.0
PLATEAU_MM = (2.0, 4.0)
"""The sides' own cover is that between so far and so far beyond the band's edge."""

LEAST_RISE = 0.25
"""Difference in cover between the sides and the band under which no band is told."""

LEAST_SLICES, LEAST_SHARE = 6, 0.6
"""Slices in which a band must be told, and the least share of all slices along the line that they are."""


@dataclass(frozen=True, eq=False)
class Parting:
    """A part in slices along it: `middle` (n, 2) in px of the map, `width_mm` (n,), the direction of the line from +x
    towards +y in degrees 0..180; `reason` why there is none."""

    middle: Line
    width_mm: Line
    direction_deg: float
    reason: str = ""


def _none(reason: str) -> Parting:
    return Parting(np.zeros((0, 2)), np.zeros(0), float("nan"), reason)


def find_parting(share: Floats, mm_per_px: float) -> Parting:
    """The part in a map of hair's share (h, w), NaN outside the region."""
    known = np.isfinite(share)
    if not known.any():
        return _none("nothing is known of the hair")
    step = max(GRID_MM / mm_per_px, 1.0)
    values, weight = np.where(known, share, np.float32(0)), known.astype(np.float32)
    best = (-np.inf, 0.0)
    for angle in np.arange(0.0, 180.0, TURN_DEG):
        turned, seen, _ = _turned(values, weight, angle, step)
        best = max(best, (_band_strength(turned, seen, mm_per_px * step), angle))
    turned, seen, back = _turned(values, weight, best[1], step)
    line = _followed(turned, seen, mm_per_px * step)
    if line is None:
        return _none("no band runs through the region")
    return _sliced(turned, seen, line, back, mm_per_px * step)


def _turned(
    values: Floats, weight: Floats, angle_deg: float, step: float
) -> tuple[Floats, Floats, NDArray[np.float64]]:
    """The map turned so that a line at `angle_deg` (from +x towards +y) runs down the rows, on a grid of `step` px; its
    known share; and the affine (2, 3) from the turned grid back to the map."""
    h, w = values.shape
    side = int(np.ceil(np.hypot(h, w) / step))
    turn = np.radians(angle_deg)
    # down the rows is along (cos, sin), across the columns is along (sin, -cos)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([np.sin(turn), -np.cos(turn)])
    back = np.column_stack([across * step, along * step, np.array([(w - 1) / 2, (h - 1) / 2])])
    back[:, 2] -= back[:, :2] @ np.full(2, (side - 1) / 2)
    blur = max(0.5 * step, 0.3)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    total, seen = (
        cv2.warpAffine(cv2.GaussianBlur(part, (0, 0), blur), back, (side, side), flags=flags)
        for part in (values, weight)
    )
    mean = np.where(seen > 0.5, total / np.maximum(seen, 1e-3), np.float32(0))
    return np.asarray(mean, np.float32), np.asarray(seen > 0.5, np.float32), back


def _boxed(values: Floats, seen: Floats, size: tuple[int, int], anchor: tuple[int, int] = (-1, -1)) -> Floats:
    total, share = (
        cv2.boxFilter(part, -1, size, anchor=anchor, normalize=True, borderType=cv2.BORDER_CONSTANT)
        for part in (values * seen, seen)
    )
    return np.where(share > 0.4, total / np.maximum(share, 1e-3), np.float32(np.nan)).astype(np.float32)


def _band_strength(values: Floats, seen: Floats, mm: float) -> float:
    """How strongly the rows have a band in common: mean over the rows of the best rise from a band to both sides."""
    rise = _rise(values, seen, mm)
    known = np.isfinite(rise).any(1)
    if known.sum() * mm < LEAST_SLICES * SLICE_MM:
        return -np.inf
    return float(np.sum(np.nanmax(rise[known], 1)) * mm)


def _rise(values: Floats, seen: Floats, mm: float) -> Floats:
    """Of each place the most that cover rises from a band down its column to the lesser of both flanks, (h, w)."""
    tall = max(round(10.0 / mm), 3)
    flank = max(round(FLANK_MM / mm), 2)
    side = _boxed(values, seen, (flank, tall))
    best = np.full(values.shape, np.nan, np.float32)
    for band_mm in BANDS_MM:
        inner = _boxed(values, seen, (max(round(band_mm / mm), 1), tall))
        off = round((band_mm / 2 + 1.0 + FLANK_MM / 2) / mm)
        left, right = np.roll(side, off, 1), np.roll(side, -off, 1)
        left[:, :off] = np.nan
        right[:, -off:] = np.nan
        best = np.fmax(best, np.minimum(left, right) - inner)
    return best


def _followed(values: Floats, seen: Floats, mm: float) -> NDArray[np.intp] | None:
    """Columns (h,) of the line down the rows along which cover rises most to both sides, -1 where it is unknown."""
    rise = np.nan_to_num(_rise(values, seen, mm), nan=-1.0)
    rows = np.flatnonzero((rise > -0.5).any(1))
    if len(rows) * mm < LEAST_SLICES * SLICE_MM:
        return None
    reach = 1
    total = np.zeros_like(rise)
    came = np.zeros(rise.shape, np.int8)
    total[rows[0]] = rise[rows[0]]
    for before, row in pairwise(rows):
        shifted = np.stack([_shifted(total[before], by) - 0.02 * abs(by) for by in range(-reach, reach + 1)])
        came[row] = np.argmax(shifted, 0) - reach
        total[row] = shifted.max(0) + rise[row]
    line = np.full(len(rise), -1, np.intp)
    line[rows[-1]] = int(np.argmax(total[rows[-1]]))
    for row, before in zip(rows[:0:-1], rows[-2::-1], strict=True):
        line[before] = np.clip(line[row] - came[row, line[row]], 0, rise.shape[1] - 1)
    line[rows[rise[rows, line[rows]] < 0]] = -1
    return line


def _shifted(row: Floats, by: int) -> Floats:
    """The row moved by some columns, what comes in from beyond far below everything."""
    out = np.full_like(row, -1e6)
    if by == 0:
        return row.copy()
    out[max(by, 0) : len(row) + min(by, 0)] = row[max(-by, 0) : len(row) + min(-by, 0)]
    return out


def _sliced(values: Floats, seen: Floats, line: NDArray[np.intp], back: NDArray[np.float64], mm: float) -> Parting:
    rows = np.flatnonzero(line >= 0)
    tall = max(round(SLICE_MM / mm), 1)
    known = np.where(seen > 0, values, np.float32(np.nan))
    smooth = _smoothed(line, rows, tall)
    starts = range(rows[0], rows[-1] - tall + 2, tall)
    straight = np.full((len(line), 2 * (values.shape[1] - 1) + 1), np.nan, np.float32)
    middle = values.shape[1] - 1
    for row in rows:  # the line brought to the middle column
        straight[row, middle - smooth[row] : middle - smooth[row] + values.shape[1]] = known[row]
    whole = _mean(straight[rows])
    width = _width(whole, middle, mm, 3.0)
    if not np.isfinite(width[0]):
        return _none("the cover of hair does not rise to both sides of a band")
    found, centres = [], []
    for start in starts:
        wide, off = _width(_mean(straight[start : start + tall]), middle, mm, width[0])
        if np.isfinite(wide):
            at = start + (tall - 1) / 2
            found.append(wide)
            centres.append((smooth[min(round(at), len(line) - 1)] + off / mm, at))
    if len(found) < LEAST_SLICES or len(found) < LEAST_SHARE * len(starts):
        return _none(f"a band is told in {len(found)} of {len(starts)} slices along it")
    points = np.array(centres) @ back[:, :2].T + back[:, 2]
    _, _, main = np.linalg.svd(points - points.mean(0), full_matrices=False)
    direction = float(np.degrees(np.arctan2(main[0, 1], main[0, 0])) % 180.0)
    return Parting(points, np.array(found), direction)


def _mean(values: Floats) -> Floats:
    count = np.isfinite(values).sum(0)
    total = np.nansum(values, 0)
    return np.where(count > 0.5 * len(values), total / np.maximum(count, 1), np.nan).astype(np.float32)


def _smoothed(line: NDArray[np.intp], rows: NDArray[np.intp], tall: int) -> NDArray[np.intp]:
    """The line averaged over two slices."""
    kernel = np.ones(2 * tall + 1) / (2 * tall + 1)
    told = np.interp(np.arange(len(line)), rows, line[rows])
    return np.rint(np.convolve(np.pad(told, tall, mode="edge"), kernel, "valid")).astype(np.intp)


def _width(profile: Floats, middle: int, mm: float, width_mm: float) -> tuple[float, float]:
    """Width in mm between the places on either side of the middle where cover has risen half way from the band's own to
    the side's, and how far their middle lies off; NaN where it does not rise enough. Starts from a guess."""
    d = np.asarray((np.arange(len(profile)) - middle) * mm, np.float64)
    centre, edges = 0.0, (-width_mm / 2, width_mm / 2)
    for _ in range(4):
        half = max(edges[1] - edges[0], 2 * mm) / 2
        inner = profile[np.abs(d - centre) <= max(0.25 * 2 * half, mm)]
        if not np.isfinite(inner).any():
            return float("nan"), 0.0
        low = float(np.nanmean(inner))
        found = []
        for side in (-1.0, 1.0):
            out = np.asarray(side * (d - centre), np.float64)
            plateau = profile[(out > half + PLATEAU_MM[0]) & (out < half + PLATEAU_MM[1])]
            if np.isfinite(plateau).mean() < 0.7 or not float(np.nanmean(plateau)) - low > LEAST_RISE:
                return float("nan"), 0.0
            found.append(centre + side * _crossing(profile, out, (low + float(np.nanmean(plateau))) / 2))
        if not np.isfinite(found).all():
            return float("nan"), 0.0
        edges = (found[0], found[1])
        centre = (edges[0] + edges[1]) / 2
    return edges[1] - edges[0], centre


def _crossing(profile: Floats, out: NDArray[np.float64], level: float) -> float:
    """How far outward the profile first reaches a level, linear between cells."""
    order = np.argsort(out)
    order = order[out[order] > -1e-9]
    values, at = profile[order], out[order]
    above = np.flatnonzero(values >= level)
    if not len(above):
        return float("nan")
    first = int(above[0])
    if first == 0:
        return 0.0
    low, high = float(values[first - 1]), float(values[first])
    if not np.isfinite(low) or high <= low:
        return float(at[first])
    return float(at[first - 1] + (level - low) / (high - low) * (at[first] - at[first - 1]))

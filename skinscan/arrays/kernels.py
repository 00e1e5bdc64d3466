"""What `blobs` and `pits` do in many passes over memory, compiled into one. Imported by `fused.load_kernels` alone.

Each kernel is compiled for one signature when this module is imported, and kept on disk where Python keeps its own
compiled files, or in the user's cache, or, where neither can be written, nowhere. Constants come in as arguments: the
copy on disk is renewed when this file changes, not when another does. No kernel holds the interpreter's lock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from skinscan.arrays import fused

Floats = NDArray[np.float32]
Values = NDArray[np.float64]

_image = types.Array(types.float32, 2, "A", readonly=True)
_flags = types.Array(types.boolean, 2, "A", readonly=True)
_level = types.Array(types.float32, 2, "C", readonly=True)
_values = types.float64[::1]
_grid = types.float32[:, ::1]
_table = types.float64[:, ::1]
_side = types.Tuple((_level, types.int64, types.int64, types.float64))


def _compiled(signature: Any = None, **options: Any) -> Callable[[Any], Any]:
    def compiled(function: Any) -> Any:
        return numba.njit(signature, cache=fused.kept_on_disk, nogil=True, error_model="numpy", **options)(function)

    return compiled


@_compiled(inline="always")
def _within(index: int, size: int) -> int:
    return min(max(index, 0), size - 1)


@_compiled(inline="always")
def _across(place: int, shift: int) -> int:
    """As blobs._across."""
    return place >> -shift if shift < 0 else (place << shift) + ((1 << shift >> 1) & ~1)


@_compiled()
def _vertex(low: np.float32, middle: np.float32, high: np.float32) -> float:
    """As blobs._vertex."""
    curvature = min(np.float64(low) - 2.0 * np.float64(middle) + np.float64(high), -1e-12)
    return min(max(np.float64(np.float32(0.5) * (low - high)) / curvature, -0.5), 0.5)


@_compiled()
def _roundness(smooth: Floats, row: int, column: int) -> float:
    """As blobs._roundness, in single precision."""
    centre = np.float32(2) * smooth[row, column]
    xx = smooth[row, column - 1] - centre + smooth[row, column + 1]
    yy = smooth[row - 1, column] - centre + smooth[row + 1, column]
    xy = smooth[row + 1, column + 1] - smooth[row + 1, column - 1]
    xy = (xy - smooth[row - 1, column + 1] + smooth[row - 1, column - 1]) / np.float32(4)
    trace = max((xx + yy) * (xx + yy), np.float32(1e-20))
    return np.float64(np.float32(4) * (xx * yy - xy * xy) / trace)


@_compiled()
def _unevenness(smooth: Floats, row: int, column: int, away: float, ring: Values, heights: Floats) -> float:
    """As blobs._unevenness, in single precision; `away` px from the centre at the directions of `ring` (points, 2)."""
    points = len(ring)
    total, squares = np.float32(0), np.float32(0)
    for point in range(points):
        r = _within(int(np.rint(row + away * ring[point, 0])), smooth.shape[0])
        c = _within(int(np.rint(column + away * ring[point, 1])), smooth.shape[1])
        heights[point] = smooth[r, c]
        total += heights[point]
    mean = total / np.float32(points)
    for point in range(points):
        squares += (heights[point] - mean) * (heights[point] - mean)
    above = max(mean - smooth[row, column], np.float32(1e-6))
    return min(np.float64(np.sqrt(squares / np.float32(points)) / above), 2.0)


@_compiled()
def _largest_of_three(response: Floats, row: int, line: Floats) -> None:
    """The largest of each pixel of a row and the two above and below, into `line`."""
    up, here, down = response[max(row - 1, 0)], response[row], response[min(row + 1, len(response) - 1)]
    for column in range(len(line)):
        line[column] = max(max(up[column], down[column]), here[column])


@_compiled()
def _highest(row: Floats, line: Floats, least: np.float32, columns: Any) -> int:
    """How many inner pixels of a row exceed `least` and are exceeded by none around; which, into `columns`."""
    inner = len(row) - 2
    here, left, middle, right = row[1 : 1 + inner], line[:inner], line[1 : 1 + inner], line[2:]
    high = np.empty(inner, np.bool_)
    for index in range(inner):
        around = max(max(left[index], middle[index]), right[index])
        high[index] = (here[index] > least) & (here[index] >= around)
    count = 0
    for index in range(inner):  # written always, kept where it is high: no branch to guess wrong
        columns[count] = index + 1
        count += high[index]
    return count


@_compiled(inline="always")
def _exceeds(value: np.float32, line: Floats, column: int) -> bool:
    """Whether a value is more than a line's within one column."""
    if value <= line[column]:
        return False
    return value > max(line[max(column - 1, 0)], line[min(column + 1, len(line) - 1)])


@_compiled(
    _table(
        _level, _level, types.int64, types.int64, types.int64, types.int64, types.float64, types.boolean, _side,
        types.boolean, _side, _flags, types.float64, types.float64, types.float64, _table,
    )
)  # fmt: skip
def peaks(
    response: Floats,
    smooth: Floats,
    first: int,
    last: int,
    top: int,
    octave: int,
    scale: float,
    has_low: bool,
    low: Any,
    has_high: bool,
    high: Any,
    mask: NDArray[np.bool_],
    least_contrast: float,
    least_roundness: float,
    reach: float,
    ring: Values,
) -> Values:
    """Peaks of a level in rows `first` to `last`: (n, 6) x, y, diameter, contrast, roundness, unevenness.

    A side: response, top, octave and diameter of a neighbouring scale. `reach`: radius of the `ring` (points, 2; sine
    and cosine) over the diameter. Bit by bit as the plain way, but for the exponential.
    """
    height, width = response.shape
    factor = 1 << octave
    middle = (factor - 1) // 2
    heights = np.empty(len(ring), np.float32)
    low_response, low_top, low_octave, _ = low
    high_response, high_top, high_octave, high_scale = high
    ratio = math.log(high_scale / scale)
    low_line, high_line = np.empty(low_response.shape[1], np.float32), np.empty(high_response.shape[1], np.float32)
    low_row = high_row = -1
    line, columns = np.empty(width, np.float32), np.empty(width, np.int32)
    found = np.empty((256, 6))
    count = 0
    for row in range(max(first, 1), min(last, height - 1)):
        _largest_of_three(response, row, line)
        y = row + top
        mask_row = min(y * factor + middle, mask.shape[0] - 1)
        candidates = _highest(response[row], line, np.float32(least_contrast), columns)
        # whole rows of the neighbouring scales: read in order, they come from memory sooner than a few pixels would
        if has_low and candidates:
            low_row = _within(_across(y, octave - low_octave) - low_top, low_response.shape[0])
            _largest_of_three(low_response, low_row, low_line)
        if has_high and candidates:
            high_row = _within(_across(y, octave - high_octave) - high_top, high_response.shape[0])
            _largest_of_three(high_response, high_row, high_line)
        for index in range(candidates):
            column = np.int64(columns[index])
            if not mask[mask_row, min(column * factor + middle, mask.shape[1] - 1)]:
                continue
            value = response[row, column]
            below = above = np.float32(0)
            if has_low:
                c = _within(_across(column, octave - low_octave), low_response.shape[1])
                if not _exceeds(value, low_line, c):
                    continue
                below = low_response[low_row, c]
            if has_high:
                c = _within(_across(column, octave - high_octave), high_response.shape[1])
                if not _exceeds(value, high_line, c):
                    continue
                above = high_response[high_row, c]
            roundness = _roundness(smooth, row, column)
            if roundness < least_roundness:
                continue
            diameter = scale
            if has_low and has_high:
                diameter *= math.exp(ratio * _vertex(below, value, above))
            if count == len(found):
                found = np.concatenate((found, np.empty_like(found)))
            here = found[count]
            dx = _vertex(response[row, column - 1], value, response[row, column + 1])
            dy = _vertex(response[row - 1, column], value, response[row + 1, column])
            here[0], here[1] = (column + 0.5) * factor - 0.5 + factor * dx, (y + 0.5) * factor - 0.5 + factor * dy
            here[2], here[3], here[4] = diameter, value, roundness
            here[5] = _unevenness(smooth, row, column, reach * diameter / factor, ring, heights)
            count += 1
    return found[:count]


_EXACT_ENOUGH = {"reassoc", "contract"}
"""Sums in any order: single precision, 1e-7 apart."""


@_compiled()
def _span(centre: float, reach: float, size: int) -> tuple[int, int]:
    """First and past the last of the pixels that samples around a centre need; -1 and `size` stand for the edge's."""
    first = int(max(min(math.floor(centre - reach), size - 1.0), -1.0))
    last = int(max(min(math.floor(centre + reach), size - 1.0), -1.0))
    return first, last + 2


@_compiled()
def _copied(image: Floats, left: int, right: int, top: int, bottom: int, patch: Floats) -> Floats:
    """A part of an image, the edge repeated, row by row in `patch` or, where that is too small, in a larger one.

    Rows far apart in memory share the places of a processor's cache: read often, they are faster from a copy.
    """
    height, width = image.shape
    side = right - left
    if side * (bottom - top) > len(patch):
        patch = np.empty(2 * side * (bottom - top), np.float32)
    for row in range(top, bottom):
        values, copy = image[_within(row, height)], patch[(row - top) * side : (row - top + 1) * side]
        if left >= 0 and right <= width:
            values = values[left:right]
            for index in range(side):
                copy[index] = values[index]
        else:
            for index in range(side):
                copy[index] = values[_within(left + index, width)]
    return patch


@_compiled()  # not in any order: places are rounded as the plain way rounds them
def _sample(
    image: Floats,
    x: float,
    y: float,
    radius: float,
    snap: np.float32,
    grid: Floats,
    patch: Floats,
    work: Floats,
    profile: Floats,
) -> Floats:
    """As pits._polar for one pit, into a profile (radii, rays). `work`: (2, samples or more). Returns the patch."""
    height, width = image.shape
    reach = abs(radius) * np.float64(grid[0, -1]) + 0.01  # single precision may round a place outwards
    left, right = _span(x, reach, width)
    top, bottom = _span(y, reach, height)
    patch = _copied(image, left, right, top, bottom, patch)
    side = right - left
    at, scale = (np.float32(x), np.float32(y)), np.float32(radius)
    # beyond the edge all values are the edge's
    most_x, most_y = np.float32(side - 1), np.float32(bottom - top - 1)
    step, cosine, sine = grid[0], grid[1], grid[2]
    part_x, part_y, samples = work[0], work[1], profile.reshape(-1)
    place = np.empty(len(step), np.int32)
    for index in range(len(step)):
        away = scale * step[index]
        across, down = away * cosine[index] + snap - snap, away * sine[index] + snap - snap
        at_x = min(max(np.float32(0), at[0] + across - np.float32(left)), most_x)
        at_y = min(max(np.float32(0), at[1] + down - np.float32(top)), most_y)
        column, row = min(np.int32(at_x), np.int32(side - 2)), min(np.int32(at_y), np.int32(bottom - top - 2))
        part_x[index], part_y[index] = at_x - np.float32(column), at_y - np.float32(row)
        place[index] = row * np.int32(side) + column
    for index in range(len(step)):
        upper, lower = np.uint64(place[index]), np.uint64(place[index]) + np.uint64(side)
        above = patch[upper] + (patch[upper + np.uint64(1)] - patch[upper]) * part_x[index]
        below = patch[lower] + (patch[lower + np.uint64(1)] - patch[lower]) * part_x[index]
        samples[index] = above + (below - above) * part_y[index]
    return patch


@_compiled()
def _sort(values: Floats, ordered: Floats) -> None:
    """A few values in ascending order, each put where as many as are less say: no branch to guess wrong."""
    for index in range(len(values)):
        value, rank = values[index], 0
        for other in range(len(values)):
            rank += (values[other] < value) | ((values[other] == value) & (other < index))
        ordered[rank] = value


@_compiled()
def _up_to(values: Floats, limit: np.float32) -> int:
    """How many values do not exceed a limit."""
    count = 0
    for index in range(len(values)):
        count += values[index] <= limit
    return count


@_compiled()
def _median(values: Floats, some: Floats) -> np.float32:
    """Median, by halving the range that holds it until few values are left to be sorted; `some`: (2, n or more)."""
    low_rank, high_rank = (len(values) - 1) // 2, len(values) // 2
    least = most = values[0]
    for index in range(1, len(values)):
        least, most = min(least, values[index]), max(most, values[index])
    floor, below, left = np.float32(-np.inf), 0, len(values)
    for _ in range(12):
        if left <= 8:
            break
        middle = (least + most) / np.float32(2)
        count = _up_to(values, middle)
        if count > low_rank:
            most, left = middle, count - below
        else:
            left -= count - below
            least, floor, below = middle, middle, count
    left, beyond = 0, np.float32(np.inf)
    for index in range(len(values)):
        value = values[index]
        some[0, left] = value
        left += (value > floor) & (value <= most)
        beyond = min(beyond, value if value > most else np.float32(np.inf))
    _sort(some[0, :left], some[1])
    high = some[1, high_rank - below] if high_rank - below < left else beyond
    return (some[1, low_rank - below] + high) / np.float32(2)


@_compiled()
def _snapped(place: float) -> float:
    """As pits._snapped."""
    return np.rint(place * 256) / 256


@_compiled(fastmath=_EXACT_ENOUGH)
def _mean(values: Floats) -> float:
    total = 0.0
    for index in range(len(values)):
        total += values[index]
    return total / len(values)


@_compiled(fastmath=_EXACT_ENOUGH)
def _outline(
    profile: Floats, radius: float, px: float, core_end: int, rim: int, half: Floats, some: Floats
) -> tuple[np.float32, np.float32, float]:
    """As pits._outline for one pit, its profile (radii, rays) with `px` between radii: surround, core, share closed.

    The core ends before radius number `core_end`, the surround begins at `rim`. Radii at half contrast go into `half`.
    """
    radii, rays = profile.shape
    surround, core = _median(profile[rim:].reshape(-1), some), np.float32(_mean(profile[:core_end].reshape(-1)))
    level = (surround + core) / np.float32(2)
    first = np.zeros(rays, np.int32)
    for number in range(radii - 1, 0, -1):
        row = profile[number]
        for ray in range(rays):
            first[ray] = number if row[ray] >= level else first[ray]
    found = 0
    for ray in range(rays):
        number = first[ray]
        half[ray] = -1
        if number > 0:
            lower = profile[number - 1, ray]
            rise = profile[number, ray] - lower
            part = (level - lower) / rise if rise > 0 else np.float32(0)
            half[ray] = (np.float32(number - 1) + min(max(part, np.float32(0)), np.float32(1))) * np.float32(px)
            some[0, found] = half[ray]
            found += 1
    _sort(some[0, :found], some[1])
    typical = np.float32(radius)
    if found:
        typical = (some[1, (found - 1) // 2] + some[1, found // 2]) / np.float32(2)
    for ray in range(rays):
        radius_there = typical if half[ray] < 0 else half[ray]
        half[ray] = min(max(radius_there, np.float32(0.4) * typical), np.float32(2) * typical)
    return surround, core, found / rays


@_compiled(fastmath=_EXACT_ENOUGH)
def _symmetry(profile: Floats) -> float:
    """Share of the variance of a profile (radii, rays) that depends on the radius alone."""
    radii, rays = profile.shape
    mean = _mean(profile.reshape(-1))
    overall = around = 0.0
    for number in range(radii):
        row = profile[number]
        total = squares = 0.0
        for ray in range(rays):
            away = row[ray] - mean
            total += away
            squares += away * away
        overall += squares
        around += squares - total * total / rays
    return 1 - around / profile.size / max(overall / profile.size, 1e-12)


@_compiled(fastmath=_EXACT_ENOUGH)
def _shape(half: Floats, turns: Floats) -> tuple[float, float, float]:
    """Equivalent diameter, axis ratio and roughness of a folded outline: radii (rays,) over half a turn.

    `turns`: cosine and sine of each ray, (2, rays).
    """
    rays = len(half)
    mean = squares = real = imaginary = 0.0
    for ray in range(rays):
        radius = np.float64(half[ray])
        cosine, sine = np.float64(turns[0, ray]), np.float64(turns[1, ray])
        mean += radius / rays
        squares += radius * radius / rays
        real += radius * (cosine * cosine - sine * sine) / rays  # of the second harmonic
        imaginary += radius * 2 * cosine * sine / rays
    equivalent = math.sqrt(squares)
    uneven = 0.0
    for ray in range(rays):
        cosine, sine = np.float64(turns[0, ray]), np.float64(turns[1, ray])
        ellipse = mean + 2 * (real * (cosine * cosine - sine * sine) + imaginary * 2 * cosine * sine)
        uneven += (half[ray] - ellipse) ** 2 / rays
    axis = min(2 * math.hypot(real, imaginary) / max(mean, 1e-9), 0.9)
    return 2 * equivalent, (1 + axis) / (1 - axis), math.sqrt(uneven) / max(equivalent, 1e-9)


@_compiled(
    _table(
        _image, _values, _values, _values, types.int64, types.float64, types.float32, types.int64, _grid, types.int64,
        _grid,        types.int64[::1],
    )
)  # fmt: skip
def measure(
    image: Floats,
    x: Values,
    y: Values,
    diameter: Values,
    rounds: int,
    max_shift: float,
    snap: np.float32,
    placing_rays: int,
    placing_grid: Floats,
    rays: int,
    grid: Floats,
    numbers: NDArray[np.int64],
) -> Values:
    """As pits.measure_pits: (n, 10), a column for each field of Pits.

    A grid: distance in radii, cosine and sine of its samples, (3, radii * rays), all rays of a radius together.
    `numbers`: where core ends and surround begins among the radii of each grid; first and past the last radius number
    of the rim; past the last of the rim's neighbourhood.
    """
    placing = np.empty((placing_grid.shape[1] // placing_rays, placing_rays), np.float32)
    reading = np.empty((grid.shape[1] // rays, rays), np.float32)
    even = np.empty((len(reading), rays // 2), np.float32)
    half, ring = np.empty(max(rays, placing_rays), np.float32), np.empty(rays // 2, np.float32)
    patch, work = np.empty(4096, np.float32), np.empty((2, max(placing.size, reading.size)), np.float32)
    away, some = np.empty(even.size, np.float32), np.empty((2, max(placing.size, even.size)), np.float32)
    placing_step = np.float64(placing_grid[0, -1]) / (len(placing) - 1)
    step = np.float64(grid[0, -1]) / (len(reading) - 1)
    found = np.full((len(x), 10), np.nan)
    for pit in range(len(x)):
        at_x, at_y, expected = _snapped(x[pit]), _snapped(y[pit]), diameter[pit] / 2
        radius, limit = expected, max_shift * 2 * expected
        for _ in range(rounds - 1):
            if not math.isfinite(at_x + at_y + radius):
                break
            patch = _sample(image, at_x, at_y, radius, snap, placing_grid, patch, work, placing)
            _outline(placing, radius, radius * placing_step, numbers[0], numbers[1], half, some)
            across = down = squares = 0.0
            for ray in range(placing_rays):
                square = half[ray] * half[ray]
                squares += square
                across += np.float64(square * half[ray]) * placing_grid[1, ray]
                down += np.float64(square * half[ray]) * placing_grid[2, ray]
            area = max(squares, 1e-9)
            at_x = _snapped(min(max(at_x + across / area * (2 / 3), x[pit] - limit), x[pit] + limit))
            at_y = _snapped(min(max(at_y + down / area * (2 / 3), y[pit] - limit), y[pit] + limit))
            radius = min(max(math.sqrt(squares / placing_rays), 0.5 * expected), 2.0 * expected)
        if not math.isfinite(at_x + at_y + radius):
            continue
        patch = _sample(image, at_x, at_y, radius, snap, grid, patch, work, reading)
        ring[:] = 0
        for number in range(len(reading)):
            row, folded = reading[number], even[number]
            for ray in range(rays // 2):
                folded[ray] = (row[ray] + row[ray + rays // 2]) * np.float32(0.5)
            if numbers[4] <= number < numbers[5]:
                for ray in range(rays // 2):
                    ring[ray] += folded[ray] / np.float32(numbers[5] - numbers[4])
        surround, core, closed = _outline(even, radius, radius * step, numbers[2], numbers[3], half, some)
        contrast = surround - core
        outer = even[numbers[3] :].reshape(-1)
        for index in range(len(outer)):
            away[index] = abs(outer[index] - surround)
        _sort(ring, some[1])
        fifth = (len(ring) - 1) / 5
        low, high = some[1, int(fifth)], some[1, int(fifth) + 1]
        weak = low + (high - low) * (fifth - int(fifth))
        here = found[pit]
        here[0], here[1] = at_x, at_y
        here[2], here[4], here[6] = _shape(half[: rays // 2], grid[1:, : rays // 2])
        here[3], here[5], here[7] = contrast, closed, np.float32(1.4826) * _median(away[: len(outer)], some)
        here[8] = (weak - core) / max(contrast, np.float32(1e-6))
        here[9] = _symmetry(even[1 : numbers[6]])
    return found

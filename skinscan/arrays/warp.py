"""Where points, masks and labels of one image lie in another: a homography plus a small displacement field.

    after = project(homography, before) + displacement(before)

Points are (x, y) pixels, centre of the top-left pixel (0, 0). `displacement` (h, w, 2) float32 is in pixels
of the after image and sampled every `grid_px` pixels of the before image, first sample at (0, 0); between
samples it is bilinear, beyond the last one constant, and where `size == 0` there is none. A NaN sample says
that nobody knows where this part of the before image went: all that leans on it is NaN, or 0 in labels. For
measuring, labels and masks travel; images are never resampled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Field = NDArray[np.float32]

NO_DISPLACEMENT: Field = np.zeros((0, 0, 2), np.float32)
NO_DISPLACEMENT.flags.writeable = False

INVERSE_TOLERANCE_PX = 1e-3
"""`inverse` stops once `forward` of its answer is this near, in pixels of the after image."""

_INVERSE_STEPS = 60
_LOOK_PX = 64
_LARGEST_SIDE = 32_767  # of cv2.remap
_STRIPE_ROWS = 256


def project(homography: NDArray[np.floating[Any]], points: NDArray[Any]) -> Points:
    """Points (..., 2) through a homography (3, 3); NaN on and behind the horizon (third coordinate <= 0)."""
    points = np.asarray(points, np.float64)
    moved = points @ homography[:, :2].T + homography[:, 2]
    depth = moved[..., 2:]
    out = np.full(points.shape, np.nan)
    np.divide(moved[..., :2], depth, out=out, where=depth > 0)
    return out


def displacement_at(displacement: Field, grid_px: int, points: NDArray[Any]) -> Points:
    """Bilinear displacement (..., 2) at points (..., 2) of the before image; zero where there is no field."""
    points = np.asarray(points, np.float64)
    if displacement.size == 0:
        return np.where(np.isfinite(points), 0.0, np.nan)
    rows, columns = displacement.shape[:2]
    known = np.isfinite(points).all(axis=-1)
    u = np.clip(np.where(known, points[..., 0], 0.0) / grid_px, 0, columns - 1)
    v = np.clip(np.where(known, points[..., 1], 0.0) / grid_px, 0, rows - 1)
    left, top = np.floor(u).astype(np.intp), np.floor(v).astype(np.intp)
    right, bottom = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
    share_x, share_y = u - left, v - top
    certain = bool(np.isfinite(displacement).all())
    total = np.zeros(points.shape)
    for y, weight_y in ((top, 1 - share_y), (bottom, share_y)):
        for x, weight_x in ((left, 1 - share_x), (right, share_x)):
            weight = (weight_y * weight_x)[..., None]
            part = weight * displacement[y, x]
            total += part if certain else np.where(weight > 0, part, 0.0)
    total[~known] = np.nan
    return total


def spread_at(spread: Field, grid_px: int, points: NDArray[Any]) -> Points:
    """Bilinear standard uncertainty (...,) at points (..., 2) of a grid (h, w) sampled as a displacement is; NaN where
    it is unknown or not given."""
    points = np.asarray(points, np.float64)
    if spread.size == 0:
        return np.full(points.shape[:-1], np.nan)
    return displacement_at(np.repeat(spread[..., None], 2, axis=2), grid_px, points)[..., 0]


def forward(points: NDArray[Any], homography: NDArray[np.floating[Any]], displacement: Field, grid_px: int) -> Points:
    """Points (..., 2) of the before image in the after image; NaN where unknown."""
    return project(homography, points) + displacement_at(displacement, grid_px, points)


def inverse(points: NDArray[Any], homography: NDArray[np.floating[Any]], displacement: Field, grid_px: int) -> Points:
    """Points (..., 2) of the after image in the before image, within INVERSE_TOLERANCE_PX; NaN where unknown.

    Fixed-point iteration before <- project(inverse homography, after - displacement(before)), which converges
    where the displacement changes by less than a pixel a pixel; where it does not converge the answer is NaN.
    """
    points = np.asarray(points, np.float64)
    back = np.linalg.inv(np.asarray(homography, np.float64))
    before = project(back, points)
    if displacement.size == 0:
        return before
    filled = fill_unknown(displacement)
    found, wanted = before.reshape(-1, 2), points.reshape(-1, 2)
    left = np.arange(len(wanted))
    for _ in range(_INVERSE_STEPS):
        off = forward(found[left], homography, filled, grid_px) - wanted[left]
        left = left[np.hypot(off[:, 0], off[:, 1]) > INVERSE_TOLERANCE_PX / 10]
        if not left.size:
            break
        found[left] = project(back, wanted[left] - displacement_at(filled, grid_px, found[left]))
    off = forward(before, homography, displacement, grid_px) - points
    before[~(np.hypot(off[..., 0], off[..., 1]) <= INVERSE_TOLERANCE_PX)] = np.nan
    return before


def fill_unknown(displacement: Field) -> Field:
    """The same field with NaN samples replaced by the nearest known one (zero where none is known)."""
    unknown = ~np.isfinite(displacement).all(axis=-1)
    if not unknown.any():
        return displacement
    if unknown.all():
        return np.zeros_like(displacement)
    from scipy import ndimage  # a third of a second to load, for damaged registrations alone

    nearest = ndimage.distance_transform_edt(unknown, return_distances=False, return_indices=True)
    return np.ascontiguousarray(displacement[nearest[0], nearest[1]])


def forward_map(
    shape_before: tuple[int, int],
    homography: NDArray[np.floating[Any]],
    displacement: Field = NO_DISPLACEMENT,
    grid_px: int = 1,
    step: int = 8,
) -> tuple[Field, Field]:
    """After coordinates of every before pixel: map_x, map_y, (H, W) float32 each, NaN where unknown.

    Exact every `step` pixels and bilinear between; step 1 is exact everywhere.
    """
    whole = slice(0, shape_before[0]), slice(0, shape_before[1])
    return map_between(lambda nodes: forward(nodes, homography, displacement, grid_px), whole, step)


def inverse_map(
    shape_after: tuple[int, int],
    homography: NDArray[np.floating[Any]],
    displacement: Field = NO_DISPLACEMENT,
    grid_px: int = 1,
    step: int = 8,
) -> tuple[Field, Field]:
    """Before coordinates of every after pixel: map_x, map_y, (H, W) float32 each, NaN where unknown.

    Exact every `step` pixels and bilinear between; step 1 is exact everywhere. Coordinates may lie outside
    the before image. `sample` reads an image through these maps.
    """
    whole = slice(0, shape_after[0]), slice(0, shape_after[1])
    return map_between(lambda nodes: inverse(nodes, homography, displacement, grid_px), whole, step)


def map_between(to_source: Callable[[Points], Points], part: tuple[slice, slice], step: int = 8) -> tuple[Field, Field]:
    """Where a function takes the pixels of some rows and columns: map_x, map_y, (h, w) float32 each.

    Exact every `step` pixels and bilinear between; NaN around a place that it does not know.
    """
    rows, columns = part
    size = rows.stop - rows.start, columns.stop - columns.start
    nodes = to_source(_nodes(size, step) + np.array([columns.start, rows.start], np.float64))
    return _upsampled(nodes, size, step)


def sample(
    image: NDArray[Any],
    map_x: Field,
    map_y: Field,
    interpolation: int = cv2.INTER_LINEAR,
    outside: float = 0.0,
) -> NDArray[Any]:
    """`image` (H, W) or (H, W, C) at the maps (h, w): `outside` where a map is NaN or leaves the image.

    cv2.remap gives other values at NaN than at its border, so NaN is first turned into a far point.
    """
    x, y = _far_where_unknown(map_x), _far_where_unknown(map_y)
    return np.asarray(cv2.remap(image, x, y, interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=(outside,) * 4))


def _far_where_unknown(coordinates: Field) -> Field:
    known = np.isfinite(coordinates)
    return coordinates if known.all() else np.where(known, coordinates, np.float32(-1e5))


def carry_labels(
    labels_before: NDArray[Any],
    shape_after: tuple[int, int],
    homography: NDArray[np.floating[Any]],
    displacement: Field = NO_DISPLACEMENT,
    grid_px: int = 1,
    step: int = 16,
) -> NDArray[Any]:
    """Labels or a mask (H, W) of the before image, on the after image: the nearest pixel's, 0 outside."""
    return _carried(labels_before, shape_after, lambda nodes: inverse(nodes, homography, displacement, grid_px), step)


def carry_mask_back(
    mask_after: NDArray[Any],
    shape_before: tuple[int, int],
    homography: NDArray[np.floating[Any]],
    displacement: Field = NO_DISPLACEMENT,
    grid_px: int = 1,
    step: int = 16,
) -> NDArray[Any]:
    """A mask or labels (H, W) of the after image, on the before image: the nearest pixel's, 0 outside."""
    return _carried(mask_after, shape_before, lambda nodes: forward(nodes, homography, displacement, grid_px), step)


def _carried(
    source: NDArray[Any], shape: tuple[int, int], to_source: Callable[[Points], Points], step: int
) -> NDArray[Any]:
    """The nearest pixels of `source` (H, W) on an image of another shape, in stripes of the part that sees any.

    `to_source` takes points of that image to points of the source; exact every `step` pixels, bilinear between.
    """
    out = np.zeros(shape, source.dtype)
    if not source.size or not out.size:
        return out
    pixels = source.view(np.uint8) if source.dtype == bool else source
    part = _box(pixels)
    seen = _window(shape, to_source, part) if part is not None else None
    if seen is None:
        return out
    for top in range(seen[0].start, seen[0].stop, _STRIPE_ROWS):
        stripe = slice(top, min(top + _STRIPE_ROWS, seen[0].stop))
        map_x, map_y = map_between(to_source, (stripe, seen[1]), step)
        out[stripe, seen[1]] = _nearest(pixels, map_x, map_y)
    return out


def _box(pixels: NDArray[Any]) -> tuple[slice, slice] | None:
    """Rows and columns around all pixels that are not 0."""
    if pixels.dtype == np.uint8:
        left, top, width, height = cv2.boundingRect(pixels)
        return (slice(top, top + height), slice(left, left + width)) if width else None
    rows = np.flatnonzero(pixels.any(1))
    if not len(rows):
        return None
    high = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(pixels[high].any(0))
    return high, slice(int(columns[0]), int(columns[-1]) + 1)


def _window(
    shape: tuple[int, int], to_source: Callable[[Points], Points], part: tuple[slice, slice]
) -> tuple[slice, slice] | None:
    """Rows and columns of an image that can see a part of the source, from a look every _LOOK_PX pixels."""
    nodes = _nodes(shape, _LOOK_PX)
    places = to_source(nodes)
    known = np.isfinite(places).all(-1)
    if not known.any():
        return slice(0, shape[0]), slice(0, shape[1])
    apart = [np.abs(np.diff(places, axis=axis)) for axis in (0, 1)]
    reach = 2 * max((float(np.nanmax(gap)) for gap in apart if gap.size and np.isfinite(gap).any()), default=_LOOK_PX)
    near = ~known
    near |= (
        (places[..., 0] > part[1].start - reach)
        & (places[..., 0] < part[1].stop + reach)
        & (places[..., 1] > part[0].start - reach)
        & (places[..., 1] < part[0].stop + reach)
    )
    if not near.any():
        return None
    found = []
    for axis, side in ((1, shape[0]), (0, shape[1])):
        hit = np.flatnonzero(near.any(axis))
        found.append(slice(max((int(hit[0]) - 1) * _LOOK_PX, 0), min((int(hit[-1]) + 2) * _LOOK_PX, side)))
    return found[0], found[1]


def _nearest(source: NDArray[Any], map_x: Field, map_y: Field) -> NDArray[Any]:
    """The nearest pixel of `source` at each place; 0 where that lies outside, or is unknown."""
    if source.dtype in (np.uint8, np.uint16, np.float32) and max(*source.shape, *map_x.shape) < _LARGEST_SIDE:
        return sample(source, map_x, map_y, cv2.INTER_NEAREST)
    height, width = source.shape
    out = np.zeros(map_x.shape, source.dtype)
    inside = (map_x >= -0.5) & (map_x < width - 0.5) & (map_y >= -0.5) & (map_y < height - 0.5)
    rows = np.rint(map_y[inside]).astype(np.intp).clip(0, height - 1)
    columns = np.rint(map_x[inside]).astype(np.intp).clip(0, width - 1)
    out[inside] = source[rows, columns]
    return out


def jacobian(
    homography: NDArray[np.floating[Any]], displacement: Field, grid_px: int, points: NDArray[Any]
) -> NDArray[np.float64]:
    """d(after)/d(before) at points (N, 2): (N, 2, 2); of the displacement, central differences over a grid step."""
    points = np.asarray(points, np.float64).reshape(-1, 2)
    after = project(homography, points)
    depth = points @ homography[2, :2] + homography[2, 2]
    slopes = (homography[:2, :2] - after[:, :, None] * homography[2, :2]) / depth[:, None, None]
    if displacement.size:
        for axis, step in enumerate(grid_px * np.eye(2)):
            ahead, behind = (displacement_at(displacement, grid_px, points + way * step) for way in (1, -1))
            slopes[:, :, axis] += (ahead - behind) / (2 * grid_px)
    return np.asarray(slopes, np.float64)


def _nodes(shape: tuple[int, int], step: int) -> Points:
    height, width = shape
    x = np.arange(0, width + step - 1, step, dtype=np.float64)
    y = np.arange(0, height + step - 1, step, dtype=np.float64)
    return np.stack(np.meshgrid(x, y), axis=-1)


def _upsampled(nodes: Points, shape: tuple[int, int], step: int) -> tuple[Field, Field]:
    height, width = shape
    out = []
    for axis in range(2):
        coarse = np.ascontiguousarray(nodes[..., axis], np.float32)
        if step == 1:
            out.append(coarse[:height, :width])
            continue
        column = np.arange(width)
        rise = np.diff(coarse, axis=1, append=coarse[:, -1:]).take(column // step, axis=1)
        wide = coarse.take(column // step, axis=1)
        wide += rise * (column % step / np.float32(step)).astype(np.float32)
        wide[:, ::step] = coarse[:, : -(-width // step)]  # itself, even where the next one is unknown
        out.append(_stretched(wide, height, step))
    return out[0], out[1]


def _stretched(values: Field, length: int, step: int) -> Field:
    """Linear interpolation of rows at 0, step, 2 step ... to 0, 1, ... length - 1: (n, k) -> (length, k)."""
    low = values
    rise = np.diff(values, axis=0, append=values[-1:])
    out = np.empty((len(values), step, values.shape[1]), np.float32)
    out[:, 0] = low  # itself, even where the next one is unknown
    for part in range(1, step):
        np.multiply(rise, np.float32(part / step), out=out[:, part])
        out[:, part] += low
    return out.reshape(-1, values.shape[1])[:length]

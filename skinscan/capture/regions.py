"""Regions that a person drew: read, checked and turned into masks.

A region is a polygon in pixels of the upright photo, the centre of the top-left pixel at (0, 0). A pixel
belongs to it when its centre lies inside; of two polygons that share an edge, exactly one gets a pixel on
that edge.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.records import SKIN, BoolArray, RegionError

MAX_POINTS = 2000
"""More corners than this are no hand-drawn polygon."""

_NAME = re.compile(r"[^\W\d_][\w-]{0,39}")
_HOW = "write it as NAME=x,y,x,y,x,y, for example cheek_left=120,300,420,310,400,600"

Polygon = NDArray[np.float64]
"""Corners of a polygon, (n, 2) float64, x before y."""


def parse_regions(values: Iterable[str]) -> dict[str, Polygon]:
    """Polygons by name from `NAME=x,y,x,y,...` strings and paths of JSON files, in the order given.

    Raises RegionError on the first that is not a polygon, and on a name given twice.
    """
    found: dict[str, Polygon] = {}
    for value in values:
        read = dict([parse_region(value)]) if "=" in value else read_regions(Path(value))
        for name, polygon in read.items():
            if name in found:
                raise _twice(name)
            found[name] = polygon
    return found


def parse_region(text: str) -> tuple[str, Polygon]:
    """Name and polygon of one `NAME=x,y,x,y,...` string."""
    name, equals, numbers = text.partition("=")
    if not equals:
        raise RegionError(f"a region has no name: {_short(text)}", expected="NAME=x,y,...", todo=_HOW)
    name = name.strip()
    parts = [part.strip() for part in numbers.split(",")] if numbers.strip() else []
    try:
        values = [float(part) for part in parts]
    except ValueError:
        wrong = next(part for part in parts if not _is_number(part))
        raise RegionError(
            f"region '{_short(name)}' holds something that is not a number",
            expected="numbers separated by commas",
            found=f"'{_short(wrong)}'",
            todo=_HOW,
        ) from None
    return name, check_polygon(name, values)


def read_regions(path: Path) -> dict[str, Polygon]:
    """Polygons by name from a JSON file: `{"cheek_left": [[x, y], ...]}` or the same under `"regions"`.

    Flat lists `[x, y, x, y, ...]` are read as well.
    """
    shown = path.name or str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RegionError(f"the regions file '{shown}' is not there", todo=f"check its name, or {_HOW}") from None
    except IsADirectoryError:
        raise RegionError(f"'{shown}' is a folder", expected="a JSON file of regions", found="a folder") from None
    except UnicodeDecodeError:
        raise RegionError(f"'{shown}' is not text", expected="a JSON file of regions", found="binary data") from None
    except OSError as error:
        raise RegionError(f"the regions file '{shown}' cannot be read", found=error.strerror or str(error)) from None
    try:
        content = json.loads(text, object_pairs_hook=_unique)
    except ValueError as error:
        raise RegionError(f"'{shown}' is not valid JSON", found=str(error)) from None
    except RecursionError:
        raise RegionError(f"'{shown}' is not a file of regions", found="JSON nested too deeply") from None
    if isinstance(content, dict) and isinstance(content.get("regions"), dict):
        content = content["regions"]
    if not isinstance(content, dict) or not content:
        raise RegionError(
            f"'{shown}' holds no regions",
            expected='{"cheek_left": [[x, y], [x, y], [x, y]]}',
            found=_short(text),
        )
    return {name: check_polygon(name, points) for name, points in content.items()}


def check_regions(regions: Mapping[str, Any]) -> dict[str, Polygon]:
    """The polygons of a mapping, each checked."""
    return {name: check_polygon(name, points) for name, points in regions.items()}


def check_polygon(name: str, points: Any) -> Polygon:
    """A simple polygon of non-zero area, (n, 2) float64: a fresh array, the closing corner dropped.

    Takes pairs or a flat list. Raises RegionError with what is wrong.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RegionError(
            f"'{_short(name)}' cannot name a region",
            expected="a letter, then letters, digits, _ or -, 40 at most",
            todo="choose a name such as cheek_left",
        )
    if name == SKIN:
        raise RegionError(f"'{SKIN}' cannot name a drawn region", todo=f"choose another: '{SKIN}' is all skin found")
    corners = _without_repeats(_corners(name, points))
    if len(corners) < 3:
        raise RegionError(f"region '{name}' is no polygon", expected="3 corners or more", found=f"{len(corners)}")
    if len(corners) > MAX_POINTS:
        raise RegionError(
            f"region '{name}' has too many corners", expected=f"{MAX_POINTS} at most", found=str(len(corners))
        )
    long, short = np.linalg.svd(corners - corners.mean(axis=0), compute_uv=False)
    if short <= 1e-6 * max(1.0, float(long)):
        raise RegionError(f"region '{name}' has no area", found="all corners on one line", todo="spread them out")
    crossing = _first_crossing(corners)
    if crossing is not None:
        first, second = crossing
        raise RegionError(
            f"region '{name}' crosses itself",
            expected="corners in order around the region",
            found=f"the edge after corner {first + 1} meets the edge after corner {second + 1}",
            todo="give the corners in the order in which the outline is drawn",
        )
    return corners


def signed_area(corners: Polygon) -> float:
    """Area of a polygon in square pixels (shoelace), negative when its corners run anticlockwise on the
    screen."""
    shifted = corners - corners.mean(axis=0)
    x, y = shifted[:, 0], shifted[:, 1]
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def rasterise(corners: Polygon, shape: tuple[int, int]) -> BoolArray:
    """(H, W) mask of the pixels whose centres lie inside a polygon; what lies outside the photo is cut off.

    Even-odd rule on half-open edges: a centre exactly on a left or upper edge is inside, on a right or lower
    edge outside.
    """
    height, width = shape
    mask = np.zeros(shape, np.bool_)
    top = max(0, math.ceil(corners[:, 1].min()))
    bottom = min(height, math.ceil(corners[:, 1].max()))
    left = min(max(0, math.ceil(corners[:, 0].min())), width)
    right = min(width, math.ceil(corners[:, 0].max()))
    if top >= bottom or left >= right:
        return mask
    toggles = np.zeros((bottom - top, right - left + 1), np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        rows = np.arange(max(top, math.ceil(y0)), min(bottom, math.ceil(y1)))
        if rows.size:
            cuts = x0 + (rows - y0) * ((x1 - x0) / (y1 - y0))
            columns = np.clip(np.ceil(cuts), left, right).astype(np.intp) - left
            toggles[rows - top, columns] ^= True
    mask[top:bottom, left:right] = np.bitwise_xor.accumulate(toggles, axis=1)[:, :-1]
    return mask


def share_outside(corners: Polygon, shape: tuple[int, int]) -> float:
    """Share of a polygon's area that lies outside the photo, from 0 to 1 (exact: the polygon is cut at the
    edges)."""
    height, width = shape
    inside = corners
    for axis, sign, limit in (
        (0, 1.0, -0.5),
        (0, -1.0, width - 0.5),
        (1, 1.0, -0.5),
        (1, -1.0, height - 0.5),
    ):
        inside = _cut(inside, axis, sign, limit)
        if len(inside) < 3:
            return 1.0
    return float(min(1.0, max(0.0, 1.0 - abs(signed_area(inside)) / abs(signed_area(corners)))))


def _cut(corners: Polygon, axis: int, sign: float, limit: float) -> Polygon:
    """Sutherland-Hodgman: the part of a polygon where sign * (coordinate - limit) >= 0."""
    distance = sign * (corners[:, axis] - limit)
    kept: list[Polygon] = []
    for here, there, d0, d1 in zip(corners, np.roll(corners, -1, axis=0), distance, np.roll(distance, -1), strict=True):
        if d0 >= 0:
            kept.append(here)
        if (d0 >= 0) != (d1 >= 0):
            kept.append(here + (there - here) * (d0 / (d0 - d1)))
    return np.array(kept).reshape(-1, 2)


def _corners(name: str, points: Any) -> Polygon:
    """(n, 2) float64 from pairs or from a flat list."""
    try:
        values = np.array(points, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise RegionError(
            f"region '{name}' is not a list of corners",
            expected="[[x, y], [x, y], [x, y]]",
            found=_short(points),
        ) from None
    if values.ndim == 1 and values.size % 2:
        raise RegionError(
            f"region '{name}' has a corner without its y",
            expected="pairs x,y",
            found=f"{values.size} numbers",
        )
    if values.ndim == 1:
        values = values.reshape(-1, 2)
    if values.ndim != 2 or values.shape[1] != 2:
        raise RegionError(
            f"region '{name}' is not a list of corners",
            expected="[[x, y], [x, y], [x, y]]",
            found=_short(points),
        )
    if not np.isfinite(values).all() or (np.abs(values) > 1e6).any():
        raise RegionError(
            f"region '{name}' has a corner that is nowhere",
            expected="pixels of the photo",
            found=_short(points),
        )
    return values


def _without_repeats(corners: Polygon) -> Polygon:
    if len(corners) < 2:
        return corners
    return corners[np.any(corners != np.roll(corners, -1, axis=0), axis=1)]


def _first_crossing(corners: Polygon) -> tuple[int, int] | None:
    """Indices of the first two edges that meet although they are not neighbours, or that fold back."""
    n = len(corners)
    starts, ends = corners, np.roll(corners, -1, axis=0)
    for i in range(n):
        j = np.arange(i + 1, n)
        folded = j[_folds_back(starts, ends, i, j)]
        far = j[(j != i + 1) & ((j + 1) % n != i)]
        meets = far[_meet(starts[i], ends[i], starts[far], ends[far])]
        both = np.concatenate([folded, meets])
        if both.size:
            return i, int(both.min())
    return None


def _folds_back(starts: Polygon, ends: Polygon, i: int, j: NDArray[np.intp]) -> BoolArray:
    """Whether edge j is the neighbour of edge i and runs back over it."""
    n = len(starts)
    neighbour = (j == i + 1) | ((j + 1) % n == i)
    one, two = ends[i] - starts[i], ends[j] - starts[j]
    cross = one[0] * two[:, 1] - one[1] * two[:, 0]
    length = np.hypot(*one) * np.hypot(two[:, 0], two[:, 1])
    result: BoolArray = neighbour & (np.abs(cross) <= 1e-12 * length) & (two @ one < 0)
    return result


def _meet(a: Polygon, b: Polygon, c: Polygon, d: Polygon) -> BoolArray:
    """Whether the closed segment ab meets each of the closed segments cd."""

    def side(p: Polygon, q: Polygon, r: Polygon) -> NDArray[np.float64]:
        values: NDArray[np.float64] = np.sign(
            (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])
        )
        return values

    sc, sd, sa, sb = side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)
    boxes = np.all((np.minimum(a, b) <= np.maximum(c, d)) & (np.minimum(c, d) <= np.maximum(a, b)), axis=-1)
    result: BoolArray = (sc * sd <= 0) & (sa * sb <= 0) & boxes
    return result


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _twice(name)
        found[name] = value
    return found


def _twice(name: str) -> RegionError:
    return RegionError(f"region '{_short(name)}' is given twice", todo="give each region its own name")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _short(value: Any, limit: int = 60) -> str:
    text = str(value).replace("\n", " ")
    return text if len(text) <= limit else text[: limit - 3] + "..."

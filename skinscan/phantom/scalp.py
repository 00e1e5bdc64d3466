"""A scalp with hair, drawn strand by strand: combed to both sides of a part of known width, or all one way."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.phantom.coat import Coat, ink_of
from skinscan.phantom.fields import Grid, Image
from skinscan.phantom.optics import MELANIN, Float, Tone
from skinscan.phantom.recipes import SkinRecipe
from skinscan.phantom.skin import Skin, fast_blur, make_skin
from skinscan.records import ParameterError

POINTS = 20
"""Points of a strand's path."""
SLICE_MM = 2.0
"""Length of the part over which its width is told."""


@dataclass(frozen=True, slots=True)
class ScalpRecipe:
    """A scalp, fully determined by these numbers.

    `tone`: of its skin; `density_per_cm2`: strands' roots; `width_um`, `length_mm`: of strands as far as they are seen;
    `melanin` of the hair (8 black, 1.3 dark brown, 0.3 blond, 0 white), `rosiness` the share of it that is red,
    `white_share` of the strands without any. `part_mm`: width of the bare band, None for hair combed all one way;
    `part_angle_deg` its direction from +x towards +y, `part_bend_mm` how far it bows. `thinning`: share of the roots
    lost beside the part, `sweep_deg`: how far the strands lie from square to the part, `clumping` 0..1: how far strands
    run together in locks, `strays`: share of the strands that lie across the part. `combing`: another number is the
    same scalp on another day, with no strand where it lay.
    """

    seed: int = 0
    tone: Tone = "II"
    width_mm: float = 60.0
    height_mm: float = 60.0
    density_per_cm2: float = 150.0
    width_um: float = 75.0
    length_mm: float = 30.0
    melanin: float = 1.3
    rosiness: float = 0.0
    white_share: float = 0.0
    part_mm: float | None = 4.0
    part_angle_deg: float = 90.0
    part_bend_mm: float = 1.0
    thinning: float = 0.0
    sweep_deg: float = 20.0
    clumping: float = 0.4
    strays: float = 0.01
    combing: int = 0

    def __post_init__(self) -> None:
        if self.tone not in MELANIN:
            raise ParameterError("Unknown tone", expected=", ".join(MELANIN), found=repr(self.tone))
        if min(self.width_mm, self.height_mm, self.width_um, self.length_mm) <= 0 or self.density_per_cm2 < 0:
            raise ParameterError("A scalp needs a size, and its strands a width and a length", expected="above 0")


@dataclass(frozen=True, eq=False)
class Part:
    """A part's truth in slices of SLICE_MM along it: the middles (n, 2) mm, and the widths (n,) mm between the places
    where the strands' cover has risen half way from the band's own to that of the sides. `direction_deg`: of the
    line from end to end, from +x towards +y, 0..180."""

    middle_mm: Float
    width_mm: Float
    direction_deg: float

    @property
    def median_mm(self) -> float:
        return float(np.median(self.width_mm))


@dataclass(frozen=True, eq=False)
class Scalp:
    """The skin with its coat, ready for `photograph`, and what is known of it. The coat's `cover` is `skin.hair`."""

    recipe: ScalpRecipe
    skin: Skin
    part: Part | None

    @property
    def coverage_percent(self) -> float:
        """Share of the whole scalp under strands."""
        return 100.0 * float(self.skin.hair.mean())


@dataclass(frozen=True, eq=False)
class _Frame:
    """Coordinates along and across the part, and back: x, y = turn (s, d + bow(s))."""

    angle: float
    bow_mm: float
    half_mm: float

    def to_skin(self, s: Float, d: Float) -> tuple[Float, Float]:
        across = d + self.bow_mm * np.cos(np.pi * s / (2 * self.half_mm))
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return s * cos - across * sin, s * sin + across * cos


def make_scalp(recipe: ScalpRecipe, grid_um: float = 25.0) -> Scalp:
    """The scalp of a recipe on a grid of `grid_um`."""
    bare = make_skin(
        SkinRecipe(
            seed=recipe.seed, tone=recipe.tone, width_mm=recipe.width_mm, height_mm=recipe.height_mm,
            roughness_scale=0.7, pore_density_per_cm2=20.0, hairs=0, vellus=0, spots=2, redness_patches=1,
        ),
        grid_um,
    )  # fmt: skip
    half = 0.75 * float(np.hypot(recipe.width_mm, recipe.height_mm))
    frame = _Frame(np.radians(recipe.part_angle_deg), recipe.part_bend_mm, half)
    x, y = _paths(recipe, frame)
    coat = _drawn(recipe, bare.grid, x, y)
    part = None if recipe.part_mm is None else _part(recipe, frame, coat.cover, bare.grid)
    return Scalp(recipe, replace(bare, hair=coat.cover, coat=coat, cache={}), part)


def _paths(recipe: ScalpRecipe, frame: _Frame) -> tuple[Float, Float]:
    """Paths x, y (n, POINTS) mm of the strands."""
    draw = np.random.default_rng([recipe.seed, 21, recipe.combing] if recipe.combing else [recipe.seed, 21])
    half = frame.half_mm
    count = draw.poisson(recipe.density_per_cm2 * (2 * half) ** 2 / 100.0)
    s, d = draw.uniform(-half, half, (2, count))
    side = np.where(d < 0, -1, 1)
    if recipe.part_mm is None:
        side = np.ones(count, int)
    kept = draw.uniform(size=count) >= recipe.thinning * np.exp(-np.abs(d) / 8.0) * (recipe.part_mm is not None)
    s, d, side = s[kept], d[kept], side[kept]
    if recipe.part_mm is not None:  # what is rooted in the band is laid to its side, and shows from the band's edge on
        edge = recipe.part_mm / 2 * (1 + 0.12 * np.sin(2 * np.pi * s / 23.0 + draw.uniform(0, 6)))
        d = side * np.maximum(np.abs(d), edge + np.abs(draw.normal(0, 0.25, len(d))))
        stray = draw.uniform(size=len(d)) < recipe.strays
        side = np.where(stray, -side, side)
    # locks: every strand follows the guide of its lock, ever nearer
    lock = np.rint(s / 4.0 + draw.normal(0, 0.2, len(s))).astype(int) * 1000 + np.rint(d / 5.0).astype(int)
    _, lock = np.unique(lock, return_inverse=True)
    locks = int(lock.max()) + 1 if len(lock) else 0
    lean = np.radians(recipe.sweep_deg + draw.normal(0, 9.0, locks))[lock] + draw.normal(0, 0.10, len(s))
    curl = draw.normal(0, 0.35, locks)[lock] + draw.normal(0, 0.15, len(s))
    length = recipe.length_mm * draw.uniform(0.5, 1.3, len(s))
    t = np.linspace(0, 1, POINTS)
    heading = lean[:, None] + curl[:, None] * t + np.cumsum(draw.normal(0, 0.02, (len(s), POINTS)), axis=1)
    step = (length / (POINTS - 1))[:, None]
    out = np.cumsum(np.cos(heading) * step, axis=1) - np.cos(heading[:, :1]) * step
    on = np.cumsum(np.sin(heading) * step, axis=1) - np.sin(heading[:, :1]) * step
    pull = recipe.clumping * t
    ss, dd = s[:, None] + on, d[:, None] + side[:, None] * out
    if locks:
        counts = np.maximum(np.bincount(lock, minlength=locks), 1)
        for values in (ss, dd):
            for k in range(POINTS):
                mean = np.bincount(lock, values[:, k], minlength=locks) / counts
                values[:, k] += pull[k] * (mean[lock] - values[:, k]) * 0.6
    return frame.to_skin(ss, dd)


def _drawn(recipe: ScalpRecipe, grid: Grid, x: Float, y: Float) -> Coat:
    draw = np.random.default_rng([recipe.seed, 22, recipe.combing] if recipe.combing else [recipe.seed, 22])
    h, w = grid.shape
    count = len(x)
    melanin = recipe.melanin * np.exp(draw.normal(0, 0.25, count))
    melanin[draw.uniform(size=count) < recipe.white_share] = 0.0
    ink = np.rint(255 * ink_of(melanin))
    level = np.rint(np.clip(110 * np.exp(draw.normal(0, 0.22, count)), 30, 255))
    rise = np.rint(128 + 127 * np.clip(draw.normal(0.0, 0.12, count), -0.5, 0.5))
    cells = recipe.width_um * np.exp(draw.normal(0, 0.15, count)) / grid.um
    thick = np.maximum(np.floor(cells + draw.uniform(size=count)), 1).astype(int)
    top = np.full((h, w, 4), 128, np.uint8)
    cover = np.zeros((h, w), np.uint8)
    tilt = np.full((h, w), 128, np.uint8)
    at_x, at_y = (values / grid.mm + (n - 1) / 2 for values, n in ((x, w), (y, h)))
    seen = (at_x.max(1) > -9) & (at_x.min(1) < w + 9) & (at_y.max(1) > -9) & (at_y.min(1) < h + 9)
    run = np.stack([np.gradient(x, axis=1), np.gradient(y, axis=1)], -1)
    run /= np.maximum(np.linalg.norm(run, axis=2, keepdims=True), 1e-9)
    for i in draw.permutation(np.flatnonzero(seen)):
        path = np.rint(np.stack([at_x[i], at_y[i]], 1) * 16).astype(np.int32)
        for first in range(0, POINTS - 1, 4):  # the direction turns along the strand
            part = path[first : first + 5]
            tx, ty = run[i, min(first + 2, POINTS - 1)]
            colour = (float(ink[i]), float(level[i]), float(round(128 + 127 * tx)), float(round(128 + 127 * ty)))
            cv2.polylines(top, [part], False, colour, int(thick[i]), cv2.LINE_AA, 4)
        cv2.polylines(cover, [path], False, 255.0, int(thick[i]), cv2.LINE_AA, 4)
        cv2.polylines(tilt, [path], False, float(rise[i]), int(thick[i]), cv2.LINE_AA, 4)
    share = _share(cover)
    z = (np.asarray(tilt, np.float32) - 128) / 127
    level_plane = np.sqrt(np.maximum(1 - z * z, 0))
    return Coat(
        cover=share,
        ink=_share(top[..., 0]),
        level=np.asarray(top[..., 1], np.float32) / 110,
        tangent_x=(np.asarray(top[..., 2], np.float32) - 128) / 127 * level_plane,
        tangent_y=(np.asarray(top[..., 3], np.float32) - 128) / 127 * level_plane,
        tangent_z=z,
        occlusion=1.0 - np.float32(0.45) * fast_blur(share, 0.5 / grid.mm),
        rosiness=recipe.rosiness,
    )


def _share(plane: NDArray[np.uint8]) -> Image:
    return np.asarray(plane, np.float32) / np.float32(255)


def _part(recipe: ScalpRecipe, frame: _Frame, cover: Image, grid: Grid) -> Part:
    """The part's truth from the strands' own cover."""
    assert recipe.part_mm is not None
    reach = 4.0 + 1.5 * recipe.part_mm
    d = np.arange(-reach, reach, 0.05)
    limit = 0.5 * np.array([recipe.width_mm, recipe.height_mm]) - reach - 1.0
    middles, widths = [], []
    for s in np.arange(-frame.half_mm, frame.half_mm, SLICE_MM):
        x, y = frame.to_skin(np.array([s]), np.array([0.0]))
        if abs(x[0]) > limit[0] + reach or abs(y[0]) > limit[1] + reach:
            continue
        along = s + np.arange(-SLICE_MM / 2, SLICE_MM / 2, 0.05)
        xs, ys = frame.to_skin(*np.meshgrid(along, d))
        column, row = xs / grid.mm + (grid.shape[1] - 1) / 2, ys / grid.mm + (grid.shape[0] - 1) / 2
        if column.min() < 0 or row.min() < 0 or column.max() > grid.shape[1] - 1 or row.max() > grid.shape[0] - 1:
            continue
        values = cv2.remap(cover, column.astype(np.float32), row.astype(np.float32), cv2.INTER_LINEAR)
        width = _half_width(values.mean(1), d, recipe.part_mm)
        if np.isfinite(width):
            middles.append((x[0], y[0]))
            widths.append(width)
    return Part(np.array(middles).reshape(-1, 2), np.array(widths), float(recipe.part_angle_deg % 180.0))


def _half_width(profile: Float, d: Float, part_mm: float) -> float:
    """Width over which cover lies under half way between the band's and that of its sides; NaN where it never rises."""
    smooth = np.convolve(np.pad(profile, 4, mode="edge"), np.ones(9) / 9, "valid")
    inner = float(smooth[np.abs(d) < 0.25 * part_mm + 0.1].mean())
    edges = []
    for side in (-1, 1):
        out = side * d
        plateau = smooth[(out > 0.5 * part_mm + 2.0) & (out < 0.5 * part_mm + 4.0)]
        level = 0.5 * (inner + float(plateau.mean()))
        order = np.argsort(out)
        beyond = np.flatnonzero((out[order] > 0) & (smooth[order] >= level))
        edges.append(float(out[order][beyond[0]]) if len(beyond) else np.nan)
    return edges[0] + edges[1]

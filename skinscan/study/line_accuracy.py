"""How well lines are found, and what is taken for one on skin without any: `skinscan study line-accuracy`.

Phantoms of all tones, resolutions, lights and roughness, with wrinkles of a stated depth or none. Half of them are of
another recipe than the phantom's own: V-shaped valleys of uneven depth along paths that wander more.

A found line counts as right within TOLERANCE_UM of a true centre line; a true one is asked for where it is at least
half as deep as in its middle (the phantom's lines fade at both ends).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures import lines as measure
from skinscan.measures.maps import Maps
from skinscan.phantom import Camera, Skin, make_skin, photograph, write_shot
from skinscan.phantom.fields import smooth_noise
from skinscan.phantom.skin import Line
from skinscan.study.pairs import TONES, draw_camera, draw_recipe

Points = NDArray[np.float64]
Recipe = Literal["own", "other"]

TOLERANCE_UM = 200.0
FADED = 0.1
"""Share of a line at either end where it is less than half as deep as in its middle."""
SIDE_PX = 640
PX_PER_MM = (16.0, 20.0, 25.0, 30.0, 36.0)
DEPTHS_UM = (250.0, 150.0, 80.0, 0.0)
FIRST_SEED = 170_000


@dataclass(frozen=True)
class Found:
    """Of one photo: lengths in mm of what was found, of that what is right, of what is there, and of that what was
    found; the skin searched, cm2; and of each line found what tells it, its length and its right share."""

    seed: int
    tone: str
    depth_um: float
    recipe: Recipe
    px_per_mm: float
    found_mm: float
    right_mm: float
    true_mm: float
    hit_mm: float
    area_cm2: float
    features: NDArray[np.float64]
    shares: NDArray[np.float64]


@dataclass(frozen=True)
class Job:
    """One skin and its photo. `every`: also lines that are judged to be none, to learn from."""

    seed: int
    tone: str
    depth_um: float
    recipe: Recipe = "own"
    px_per_mm: float = 25.0
    roughness: float | None = None
    every: bool = False


def jobs(first_seed: int, rounds: int, recipes: Sequence[Recipe] = ("own", "other"), every: bool = False) -> list[Job]:
    """One photo of each tone, depth and recipe a round; skin without lines from smooth to rough."""
    return [
        Job(
            seed=first_seed + 1000 * turn + 100 * r + 10 * t + d,
            tone=tone,
            depth_um=depth,
            recipe=recipe,
            px_per_mm=PX_PER_MM[(turn + 2 * t + 3 * d + r) % len(PX_PER_MM)],
            roughness=None if depth else (0.5, 1.0, 1.3, 1.6)[(turn + t + 2 * r) % 4],
            every=every,
        )
        for turn in range(rounds)
        for r, recipe in enumerate(recipes)
        for t, tone in enumerate(TONES)
        for d, depth in enumerate(DEPTHS_UM)
    ]


def run(job: Job) -> Found:
    """One skin made, photographed, searched and held against its truth."""
    return found_in(job, *made(job))


def made(job: Job) -> tuple[Skin, Camera]:
    """The skin of a job and what photographs it."""
    draw = np.random.default_rng(job.seed)
    camera = replace(
        draw_camera(draw, job.px_per_mm), size_px=(SIDE_PX, SIDE_PX), blur_px=float(draw.uniform(0.6, 1.1))
    )
    side = SIDE_PX / job.px_per_mm + 2
    recipe = replace(
        draw_recipe(draw, job.tone, job.px_per_mm), width_mm=side, height_mm=side,
        lines=7 if job.depth_um and job.recipe == "own" else 0, line_depth_um=job.depth_um,
    )  # fmt: skip
    if job.roughness is not None:
        recipe = replace(recipe, roughness_scale=job.roughness)
    skin = make_skin(recipe, min(20.0, 1000.0 / job.px_per_mm / 1.75))
    if job.depth_um and job.recipe == "other":
        skin = with_other_lines(skin, draw, 7, job.depth_um)
    return skin, camera


def found_in(job: Job, skin: Skin, camera: Camera) -> Found:
    """What is found on a photo of a skin, held against the skin's own lines."""
    with TemporaryDirectory() as folder:
        shot = photograph(skin, camera)
        maps = Maps(make_frame(read_photo(write_shot(shot, Path(folder) / "photo.jpg")), mm_per_px=1 / job.px_per_mm))
    picture = measure.picture_of(maps)
    searched = np.kron(picture.searched, np.ones((picture.factor,) * 2, np.bool_))
    candidates, texture = measure.candidates(maps)
    lines = candidates if job.every else measure.find_lines(maps)
    paths = [
        dense(np.asarray(shot.truth.to_photo(np.array(line.path_mm)) - maps.origin_xy, np.float64))
        for line in skin.lines
    ]
    whole, asked = (
        np.concatenate(
            [np.zeros((0, 2)), *(inside_of(path[ends], searched) for path, ends in zip(paths, parts, strict=True))]
        )
        for parts in ([along_core(path, 0.0) for path in paths], [along_core(path, FADED) for path in paths])
    )
    tolerance, unit = TOLERANCE_UM * job.px_per_mm / 1000, STEP_PX / job.px_per_mm
    found = [dense(line.path) for line in lines]
    shares = [float(_near(points, whole, tolerance).mean()) for points in found]
    everything = np.concatenate([np.zeros((0, 2)), *found])
    return Found(
        job.seed, job.tone, job.depth_um, job.recipe, job.px_per_mm,
        found_mm=len(everything) * unit,
        right_mm=float(sum(share * len(points) for share, points in zip(shares, found, strict=True))) * unit,
        true_mm=len(asked) * unit,
        hit_mm=float(_near(asked, everything, tolerance).sum()) * unit,
        area_cm2=float(picture.searched.sum()) * (picture.factor / job.px_per_mm / 10) ** 2,
        features=np.array([measure.line_features(line, texture, maps.um_per_px) for line in lines]).reshape(
            -1, len(measure.FEATURES)
        ),
        shares=np.array(shares),
    )  # fmt: skip


STEP_PX = 0.5


def dense(path: Points) -> Points:
    """Points every STEP_PX along a path (n, 2)."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = np.arange(0.0, along[-1], STEP_PX)
    return np.stack([np.interp(at, along, path[:, axis]) for axis in (0, 1)], 1)


def along_core(path: Points, share: float) -> NDArray[np.bool_]:
    """Which points of a path lie further than a share of the chord from both ends: the phantom's lines fade by it."""
    run = path[-1] - path[0]
    place = (path - path[0]) @ run / (run @ run)
    return np.asarray((place >= share) & (place <= 1 - share))


def inside_of(points: Points, mask: NDArray[np.bool_]) -> Points:
    """The points that lie in a mask (h, w)."""
    column, row = np.rint(points).astype(int).T
    own = (row >= 0) & (row < mask.shape[0]) & (column >= 0) & (column < mask.shape[1])
    own[own] = mask[row[own], column[own]]
    inside: Points = points[own]
    return inside


def _near(points: Points, others: Points, distance: float) -> NDArray[np.bool_]:
    from scipy.spatial import cKDTree

    if len(points) == 0 or len(others) == 0:
        return np.zeros(len(points), np.bool_)
    return np.asarray(cKDTree(others).query(points)[0] <= distance)


def with_other_lines(skin: Skin, draw: np.random.Generator, count: int, depth_um: float) -> Skin:
    """The same skin with valleys that the phantom does not draw: V-shaped, of uneven depth and width, wandering."""
    grid, side = skin.grid, min(skin.recipe.width_mm, skin.recipe.height_mm)
    x, y = grid.axes()
    relief = np.zeros(grid.shape, np.float32)
    uneven = 1.0 + np.float32(0.15) * smooth_noise(draw, grid, 1.5)
    lines = []
    for _ in range(count):
        length, half_mm = float(draw.uniform(0.3, 0.7)) * side, float(draw.uniform(0.2, 0.42))
        heading = (
            draw.uniform(0, 2 * np.pi) + np.cumsum(draw.normal(0, 0.05, 60)) + 0.25 * np.sin(np.linspace(0, 9, 60))
        )
        path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1) * length / 60, 0)
        path += draw.uniform(-0.45, 0.45, 2) * side - path.mean(0)
        canvas = np.full(grid.shape, 255, np.uint8)
        at = (path / grid.mm + (np.array(grid.shape[::-1]) - 1) / 2) * 16
        cv2.polylines(canvas, [np.rint(at).astype(np.int32)], False, 0, 1, cv2.LINE_8, 4)
        far = cv2.distanceTransform(canvas, cv2.DIST_L2, 5) * np.float32(grid.mm)
        run = path[-1] - path[0]
        place = ((x[None, :] - path[0, 0]) * run[0] + (y[:, None] - path[0, 1]) * run[1]) / (run @ run)
        fade = np.clip(np.minimum(place, 1 - place) / (2 * FADED), 0, 1)
        np.minimum(
            relief, -np.float32(depth_um) * uneven * fade * np.clip(1 - far / np.float32(half_mm), 0, 1), out=relief
        )
        lines.append(Line(tuple(map(tuple, path.tolist())), depth_um, half_mm / 2))
    soft = np.asarray(cv2.GaussianBlur(relief, (0, 0), 30.0 / grid.um), np.float32)
    return replace(skin, lines_um=soft, lines=tuple(lines), cache={})


def score(rows: Iterable[Found]) -> tuple[float, float, float]:
    """Precision, recall and F1 of lengths."""
    found, right, true, hit = (
        np.array([[r.found_mm, r.right_mm, r.true_mm, r.hit_mm] for r in rows]).reshape(-1, 4).sum(0)
    )
    precision, recall = right / max(found, 1e-9), hit / max(true, 1e-9)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def table(rows: Sequence[Found]) -> str:
    """F1 by depth, recipe and tone, and false lines on skin without any, as markdown."""
    out = [f"| lines | recipe | precision | recall | F1 | {' | '.join(TONES)} |", "|---" * (5 + len(TONES)) + "|"]
    for depth in DEPTHS_UM:
        for recipe in ("own", "other"):
            own = [row for row in rows if row.depth_um == depth and row.recipe == recipe]
            of_tones = [[row for row in own if row.tone == tone] for tone in TONES]
            if not own:
                continue
            if depth:
                told = [f"{v:.3f}" for v in (*score(own), *(score(tone)[2] for tone in of_tones))]
            else:
                told = ["-", "-", "false mm/cm2", *(f"{false_density(tone):.2f}" for tone in of_tones)]
            out.append(f"| {depth:.0f} um | {recipe} | {' | '.join(told)} |")
    return "\n".join(out)


def false_density(rows: Sequence[Found]) -> float:
    """Length found that is none, mm/cm2."""
    return sum(r.found_mm - r.right_mm for r in rows) / max(sum(r.area_cm2 for r in rows), 1e-9)


def fit(rows: Iterable[Found]) -> list[float]:
    """Coefficients of `measures.lines` from rows of jobs with `every`: a logistic regression weighted by length."""
    from scipy.optimize import minimize

    kept = [row for row in rows if len(row.shares)]
    features = np.concatenate([row.features for row in kept])
    shares = np.concatenate([row.shares for row in kept])
    clear = (shares < 0.2) | (shares > 0.6)
    x, sign = features[clear], np.where(shares[clear] > 0.6, 1.0, -1.0)
    weight = np.exp(x[:, measure.FEATURES.index("log length")])
    weight /= weight.sum()

    def loss(b: Points) -> float:
        return float(weight @ np.logaddexp(0, -sign * (x @ b)) + 1e-4 * (b @ b))

    return [round(float(v), 2) for v in minimize(loss, np.zeros(x.shape[1])).x] if math.isfinite(loss(x[0])) else []

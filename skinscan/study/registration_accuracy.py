"""How far registration is off, and what it wrongly believes: `skinscan study registration`.

The same phantom skin photographed twice with one thing changed, its dense map held against the truth over what both
photos see; and photos that are not of the same skin, which have to be refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import warp
from skinscan.capture.registration.register import register
from skinscan.phantom import Camera, Skin, make_skin, photograph
from skinscan.phantom.cameras import homography, project
from skinscan.records import SKIN, Flag, Frame, Registration
from skinscan.study.pairs import TONES
from skinscan.study.registration_pairs import (
    GRID_UM,
    OVERLAYS,
    SAME_SKIN,
    SIDE_PX,
    SMOOTH,
    Disturbed,
    Moves,
    camera_of,
    cloth,
    deformed,
    frame_of,
    recipe_of,
)

Points = NDArray[np.float64]
Row = dict[str, Any]

FIRST_SEED = 6_400_000
OTHERS = (
    "another person", "another site", "another place of the same skin", "another person, mirrored", "smooth skin",
    "cloth", *OVERLAYS,
)  # fmt: skip
"""By name: pairs that have to be refused."""

_STEP_PX = 8
"""Distance of the points at which the map is held against the truth."""


@dataclass(frozen=True)
class Job:
    """One skin and everything done to it; `only`: names of disturbances and impostors, all where empty."""

    seed: int
    tone: str
    only: tuple[str, ...] = ()

    def asks(self, name: str) -> bool:
        return not self.only or name in self.only


def run(job: Job) -> list[Row]:
    """One row a pair."""
    about = {"seed": job.seed, "tone": job.tone}
    draw = np.random.default_rng(job.seed)
    recipe = recipe_of(draw, job.tone)
    skin = make_skin(recipe, GRID_UM)
    camera = camera_of(draw)
    pairs = [*_same(job, skin, camera), *_others(job, skin, camera)]
    return [{**about, **row} for row in pairs]


def _again(draw: np.random.Generator, camera: Camera) -> Camera:
    return replace(camera, seed=int(draw.integers(1, 2**31)), jpeg_quality=int(draw.integers(80, 96)))


def _same(job: Job, skin: Skin, camera: Camera) -> Iterator[Row]:
    before = frame_of(photograph(skin, camera).pixels, camera, scaled=True)
    for number, (name, disturb) in enumerate(SAME_SKIN.items()):
        if not job.asks(name):
            continue
        draw = np.random.default_rng([job.seed, number])
        done = disturb(draw, _again(draw, camera))
        first = before
        if done.moved_before is not None:
            at_rest = photograph(deformed(skin, done.moved_before), camera)
            first = frame_of(at_rest.pixels, camera, scaled=True)
        later = skin if done.recipe is None else make_skin(done.recipe(skin.recipe), GRID_UM)
        if done.moves is not None:
            later = deformed(later, done.moves)
        second = frame_of(photograph(later, done.camera).pixels, done.camera, scaled=False)
        found = register(first, second)
        yield {"kind": "same", "what": name, **told(found), **errors(found, first, second, camera, done)}
    if job.asks("mirrored"):
        draw = np.random.default_rng([job.seed, 99])
        again = replace(_again(draw, camera), rotation_deg=5.0)
        pixels = np.ascontiguousarray(photograph(skin, again).pixels[:, ::-1])
        found = register(before, frame_of(pixels, again, scaled=False))
        yield {"kind": "mirrored", "what": "mirrored", **told(found)}


def _others(job: Job, skin: Skin, camera: Camera) -> Iterator[Row]:
    """Pairs that show no skin in common."""
    if not any(job.asks(name) for name in OTHERS):
        return
    draw = np.random.default_rng([job.seed, 100])
    person = make_skin(recipe_of(draw, job.tone), GRID_UM)
    site = make_skin(replace(skin.recipe, seed=int(draw.integers(1, 2**31))), GRID_UM)
    again = replace(_again(draw, camera), azimuth_deg=camera.azimuth_deg + 10, rotation_deg=2.0)
    one, other = photograph(skin, camera).pixels, photograph(person, again).pixels
    beside = photograph(skin, replace(again, px_per_mm=22.0, rotation_deg=0.0, shift_mm=(19.0, 19.0))).pixels
    mirrored = np.ascontiguousarray(other[:, ::-1])
    pairs: dict[str, Sequence[NDArray[Any]]] = {
        "another person": (one, other),
        "another site": (one, photograph(site, again).pixels),
        "another place of the same skin": (photograph(skin, replace(camera, px_per_mm=22.0)).pixels, beside),
        "another person, mirrored": (one, mirrored),
        "smooth skin": [
            photograph(make_skin(replace(of.recipe, **SMOOTH), GRID_UM), view).pixels
            for of, view in ((skin, camera), (person, again))
        ],
        "cloth": (cloth(draw, SIDE_PX), cloth(draw, SIDE_PX)),
    }
    for number, (name, (mark, mark_again)) in enumerate(OVERLAYS.items()):
        marks = (np.random.default_rng([job.seed, 200 + number]) for _ in range(2))
        pairs[name] = [f(d, p) for f, d, p in zip((mark, mark_again), marks, (one, other), strict=True)]
    for name, (first, second) in pairs.items():
        if job.asks(name):
            for drawn in (False, True):
                frames = (
                    frame_of(pixels, view, scaled=False, drawn=drawn)
                    for pixels, view in ((first, camera), (second, again))
                )
                yield {"kind": "other", "what": name, "drawn": drawn, **told(register(*frames))}


def told(found: Registration) -> Row:
    """What a registration says of itself."""
    flags = {notice.flag for notice in found.notices}
    return {
        "ok": found.ok,
        "mirrored": found.mirrored and Flag.MIRRORED in flags,
        "residual_px": found.residual_px,
        "texture_correlation": found.texture_correlation,
        "reason": "" if found.ok else found.notices[0].detail,
    }


def errors(found: Registration, before: Frame, after: Frame, camera: Camera, done: Disturbed) -> Row:
    """Error of the map (median, p95) over what both photos see, and the share of that of which it says nothing."""
    if not found.ok:
        return {}
    points, there = shared_points(before, after, camera, done)
    got = warp.forward(points, found.homography, found.displacement, found.grid_px)
    apart = got - there
    off = np.linalg.norm(apart, axis=1)
    known = np.isfinite(off)
    if known.sum() < 20:
        return {"unknown": 1.0}
    um = 1000.0 / done.camera.px_per_mm
    row = {
        "median_px": float(np.median(off[known])),
        "p95_px": float(np.percentile(off[known], 95)),
        "common_px": float(np.linalg.norm(np.median(apart[known], axis=0))),
        "unknown": float(1 - known.mean()),
    }
    spread = getattr(found, "spread", None)
    if spread is not None:
        row |= _scores(spread, found.grid_px, points[known], apart[known])
    return row | {"median_um": um * row["median_px"], "p95_um": um * row["p95_px"]}


def _scores(spread: NDArray[Any], grid_px: int, points: Points, apart: Points) -> Row:
    """Errors in units of the standard uncertainty that the registration gives for their place."""
    expected = warp.spread_at(spread, grid_px, points)
    scores = (apart / expected[:, None])[np.isfinite(expected)]
    if not scores.size:
        return {}
    return {
        "z_rms": float(np.sqrt((scores**2).mean())),
        "z_within_2": float((np.abs(scores) < 1.96).mean()),
        "spread_px": float(np.nanmedian(expected)),
    }


def shared_points(before: Frame, after: Frame, camera: Camera, done: Disturbed) -> tuple[Points, Points]:
    """Points of the before photo whose skin both photos show, a regular sample, and where the truth puts them."""
    height, width = before.shape
    grid = np.stack(np.meshgrid(np.arange(4, width, _STEP_PX), np.arange(4, height, _STEP_PX)), axis=-1)
    points = grid.reshape(-1, 2).astype(np.float64)
    there = project(
        homography(done.camera), _moved(np.asarray(project(np.linalg.inv(homography(camera)), points)), done)
    )
    column, row = np.rint(there).astype(int).T
    high, wide = after.shape
    seen = (column >= 0) & (column < wide) & (row >= 0) & (row < high)
    seen[seen] = after.regions[SKIN][row[seen], column[seen]]
    seen &= before.regions[SKIN][points[:, 1].astype(int), points[:, 0].astype(int)]
    return points[seen], there[seen]


def _moved(mm: Points, done: Disturbed) -> Points:
    """Skin as it lies in the before photo, in the plane of the after photo (mm)."""
    at_rest = mm if done.moved_before is None else _undone(done.moved_before, mm)
    return at_rest if done.moves is None else done.moves(at_rest)


def _undone(moves: Moves, wanted: Points) -> Points:
    source = wanted.copy()
    for _ in range(12):
        source += wanted - moves(source)
    return source


def jobs(count: int) -> list[Job]:
    """`count` skins of each tone."""
    return [Job(FIRST_SEED + number, TONES[number % len(TONES)]) for number in range(count * len(TONES))]

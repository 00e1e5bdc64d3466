"""Unchanged pairs of other sites of the body: scalps with hair, and thighs under raking light.

Their rows join those of `pairs`, for the measures that are told of such photos alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.phantom import Camera, Skin, SkinRecipe, make_skin, photograph, write_shot
from skinscan.phantom.scalp import Scalp, ScalpRecipe, make_scalp
from skinscan.records import Frame
from skinscan.repeatability import Setup
from skinscan.study.pairs import (
    CAMERAS,
    FAR,
    FIRST_SEED,
    LEAST_SHARE,
    TONES,
    photographed_again,
    rows_of,
)

Site = Literal["scalp", "thigh"]

FAMILIES = {"scalp": "hair.", "thigh": "dimples."}
"""The measures that a site's pairs are there for."""

PX_PER_MM = {"scalp": (13.0, 17.0, 22.0), "thigh": (12.0, 13.0)}
SIDE_PX = {"scalp": 620, "thigh": 840}
LARGEST_GRID_UM = 30.0, 50.0
MARGIN = 0.08
"""Skin around the region, as a share of the photo's side, so that another view still holds it."""

RAKING_ELEVATION_DEG = (10.0, 20.0)


@dataclass(frozen=True)
class SiteJob:
    """One scalp or thigh, and the photos taken of it."""

    seed: int
    tone: str
    site: Site
    px_per_mm: float
    repeats: int = 2


def run(job: SiteJob) -> list[dict[str, Any]]:
    """Rows of one skin: its baseline against `repeats` later photos of another set-up and as many of the same."""
    draw = np.random.default_rng(job.seed)
    skin: Skin | Scalp
    skin, camera = _thigh(draw, job) if job.site == "thigh" else _scalp(draw, job)
    before = _frame_of(skin.skin if isinstance(skin, Scalp) else skin, camera, job, baseline=True)
    rows = []
    setups: tuple[Setup, ...] = ("other", "same")
    for repeat, setup in enumerate(setup for setup in setups for _ in range(job.repeats)):
        share = float(draw.uniform(LEAST_SHARE[setup], 1))
        again = photographed_again(draw, camera, FAR[setup], share)
        if job.site == "thigh":  # the lamp stands low, or it is no raking light
            again = replace(again, elevation_deg=float(np.clip(again.elevation_deg, 7.0, 28.0)))
        if isinstance(skin, Scalp):
            skin = _combed_anew(draw, skin, job)
        after = _frame_of(skin.skin if isinstance(skin, Scalp) else skin, again, job, baseline=False)
        about = {"seed": job.seed, "repeat": repeat, "tone": job.tone, "px_per_mm": job.px_per_mm, "share": share}
        rows += [{**about, "site": job.site, **row} for row in _own(rows_of(before, after, setup, ("treated",)), job)]
    return rows


def _own(rows: Iterator[dict[str, Any]], job: SiteJob) -> Iterator[dict[str, Any]]:
    return (row for row in rows if not row["measure"] or row["measure"].startswith(FAMILIES[job.site]))


def _side_mm(job: SiteJob) -> float:
    return SIDE_PX[job.site] / job.px_per_mm


def _grid_um(job: SiteJob) -> float:
    """Fine enough for a view from somewhat nearer."""
    return min(LARGEST_GRID_UM[job.site == "thigh"], 1000 / job.px_per_mm / 1.75)


def _combed_anew(draw: np.random.Generator, scalp: Scalp, job: SiteJob) -> Scalp:
    """The same head another day: no strand lies where it lay, and the part a little otherwise."""
    recipe = scalp.recipe
    other = replace(
        recipe,
        combing=int(draw.integers(1, 2**31)),
        part_angle_deg=recipe.part_angle_deg + float(draw.uniform(-3, 3)),
        clumping=float(np.clip(recipe.clumping + draw.uniform(-0.1, 0.1), 0, 1)),
    )
    return make_scalp(other, _grid_um(job))


def _scalp(draw: np.random.Generator, job: SiteJob) -> tuple[Scalp, Camera]:
    """Any hair on any skin, mostly parted."""
    side = _side_mm(job) * 1.3 + 6
    recipe = ScalpRecipe(
        seed=int(draw.integers(1, 2**31)),
        tone=job.tone,  # type: ignore[arg-type]
        width_mm=side,
        height_mm=side,
        density_per_cm2=float(draw.uniform(70, 200)),
        width_um=float(draw.uniform(50, 95)),
        melanin=float(np.exp(draw.uniform(math.log(0.5), math.log(8)))),
        white_share=float(draw.choice([0.0, 0.0, 0.3, 1.0])),
        part_mm=None if draw.uniform() < 0.15 else float(draw.uniform(1.5, 10)),
        part_angle_deg=float(draw.uniform(70, 110)),
        part_bend_mm=float(draw.uniform(0, 2)),
        thinning=float(draw.uniform(0, 0.6)),
        clumping=float(draw.uniform(0.1, 0.7)),
    )
    camera = Camera(
        px_per_mm=job.px_per_mm,
        size_px=(SIDE_PX["scalp"],) * 2,
        azimuth_deg=float(draw.uniform(0, 360)),
        elevation_deg=float(draw.uniform(45, 75)),
        dome=float(draw.uniform(0.5, 0.8)),
        gloss=float(draw.choice([0.0, 0.5, 1.0])),
        sensitivities=int(draw.integers(0, CAMERAS)),
        noise=float(draw.uniform(0.6, 1.6)),
        blur_px=float(draw.uniform(0.6, 1.0)),
        jpeg_quality=int(draw.integers(85, 97)),
        seed=int(draw.integers(1, 2**31)),
    )
    return make_scalp(recipe, _grid_um(job)), camera


def _thigh(draw: np.random.Generator, job: SiteJob) -> tuple[Skin, Camera]:
    """Smooth to deeply dimpled skin under one low lamp."""
    side = _side_mm(job) * 1.3 + 6
    recipe = SkinRecipe(
        seed=int(draw.integers(1, 2**31)),
        tone=job.tone,  # type: ignore[arg-type]
        width_mm=side,
        height_mm=side,
        roughness_scale=float(draw.uniform(0.5, 1.2)),
        dimples_um=float(np.exp(draw.uniform(math.log(40), math.log(600)))),
        hairs=int(draw.integers(0, 8)),
        redness_patches=int(draw.integers(0, 3)),
        spots=int(draw.integers(0, 5)),
        pore_density_per_cm2=20.0,
    )
    camera = Camera(
        px_per_mm=job.px_per_mm,
        size_px=(SIDE_PX["thigh"],) * 2,
        azimuth_deg=float(draw.uniform(0, 360)),
        elevation_deg=float(draw.uniform(*RAKING_ELEVATION_DEG)),
        dome=float(draw.uniform(0.0, 0.08)),
        gloss=float(draw.choice([0.0, 0.6])),
        sensitivities=int(draw.integers(0, CAMERAS)),
        noise=float(draw.uniform(0.6, 1.6)),
        blur_px=float(draw.uniform(0.6, 1.0)),
        jpeg_quality=int(draw.integers(85, 97)),
        seed=int(draw.integers(1, 2**31)),
    )
    return make_skin(recipe, _grid_um(job)), camera


def _frame_of(skin: Skin, camera: Camera, job: SiteJob, baseline: bool) -> Frame:
    with TemporaryDirectory() as folder:
        photo = read_photo(write_shot(photograph(skin, camera), Path(folder) / "photo.jpg"))
    stated: dict[str, Any] = {"card": "none", "site": job.site, "raking_light": job.site == "thigh"}
    if not baseline:  # hair tells no scale: a sticker beside the part does
        scale = 1 / camera.px_per_mm if job.site == "scalp" else None
        return make_frame(photo, mm_per_px=scale, **stated)
    low, high = MARGIN * SIDE_PX[job.site], (1 - MARGIN) * SIDE_PX[job.site]
    region = {"treated": [(low, low), (high, low), (high, high), (low, high)]}
    return make_frame(photo, mm_per_px=1 / camera.px_per_mm, regions=region, **stated)


def site_jobs(count: int) -> list[SiteJob]:
    """Scalps and thighs of every tone in turn, `count` of each."""
    sites: tuple[Site, ...] = ("scalp", "thigh")
    return [
        SiteJob(
            seed=FIRST_SEED + 20_000 + 5_000 * place + number,
            tone=TONES[number % 6],
            site=site,
            px_per_mm=PX_PER_MM[site][(number // 6) % len(PX_PER_MM[site])],
        )
        for place, site in enumerate(sites)
        for number in range(count)
    ]

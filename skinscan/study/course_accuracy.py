"""Simulated courses from photos to trajectories: do the stated intervals hold the truth, and is nothing called where
nothing changed?

The truth of a change is what a faultless camera in the baseline's place and light would see of it: the same skin
without noise, rounding, or anything that differs between visits. That of the pores' diameters is the recipe's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.comparison import compare_frames
from skinscan.course.build import course_of
from skinscan.course.ordering import Read, in_order
from skinscan.course_records import Course, Session, Shot
from skinscan.phantom import Camera, Card, Props, SkinRecipe, make_skin, photograph, write_shot
from skinscan.phantom.cameras import grid_for
from skinscan.phantom.course import CourseRecipe, photographed, skin_on, unchanging
from skinscan.records import SKIN, Frame
from skinscan.study.pairs import CAMERAS, SITE, TONES, with_marks
from skinscan.treatment import SHIPPED

FIRST_SEED = 1_300_000
"""Fits use seeds up to 200,000, the validation those from 900,000."""

PX_PER_MM, SIDE_PX = 26.0, 760
START = date(2026, 1, 12)
REFERENCE, PATCH = "grey", "patch"
MATCHED = "pores.matched_diameter_change"

Aid = Literal["grey", "card"]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """One course: a seed, a tone, whether anything changes, and what ties its colours."""

    seed: int
    tone: str
    changes: bool
    aid: Aid


def jobs(courses: int) -> list[Job]:
    """`courses` of each tone that change and as many that do not; a third of them with a colour card."""
    return [
        Job(
            FIRST_SEED + 1000 * number + 10 * rank + changes, tone, bool(changes), "card" if number % 3 == 2 else "grey"
        )
        for number in range(courses)
        for rank, tone in enumerate(TONES)
        for changes in (0, 1)
    ]


def recipe_of(job: Job) -> CourseRecipe:
    """A course drawn by the job's seed: other sessions, visits, responses."""
    draw = np.random.default_rng(job.seed)
    side = SIDE_PX / PX_PER_MM * 1.3 + 6
    skin = SkinRecipe(
        seed=int(draw.integers(1, 2**31)), tone=job.tone, width_mm=side, height_mm=side,  # type: ignore[arg-type]
        roughness_scale=float(draw.uniform(0.6, 1.2)), redness_patches=int(draw.integers(0, 4)),
        spots=int(draw.integers(0, 6)), hairs=int(draw.integers(0, 4)),
    )  # fmt: skip
    skin = with_marks(skin)
    spacing = int(draw.choice([14, 30, 42]))
    sessions = tuple(range(0, spacing * int(draw.integers(2, 5)), spacing))
    last = sessions[-1]
    visits = (
        0,
        int(draw.integers(1, 6)),
        sessions[1],
        last + int(draw.integers(20, 60)),
        last + int(draw.integers(65, 180)),
    )
    recipe = CourseRecipe(
        skin, sessions, tuple(sorted(set(visits))), pores=float(draw.uniform(-0.2, 0.05)),
        relief=float(draw.uniform(-0.25, 0.1)), patches=float(draw.uniform(-0.6, 0.3)),
        melanin=float(draw.uniform(-0.1, 0.15)), spots=float(draw.uniform(-0.5, 0.2)),
        lines=float(draw.uniform(-0.4, 0.1)), scars=float(draw.uniform(-0.4, 0.1)), flush=float(draw.uniform(0.4, 1.2)),
        swelling=float(draw.uniform(0.0, 0.2)), seed=int(draw.integers(1, 2**31)),
    )  # fmt: skip
    return recipe if job.changes else unchanging(recipe)


def camera_of(job: Job) -> Camera:
    """The baseline's camera and light."""
    draw = np.random.default_rng([job.seed, 1])
    return Camera(
        px_per_mm=PX_PER_MM, size_px=(SIDE_PX, SIDE_PX), azimuth_deg=float(draw.uniform(0, 360)),
        elevation_deg=float(draw.uniform(40, 70)), dome=float(draw.uniform(0.3, 0.7)),
        gloss=float(draw.choice([0.0, 0.6])), sensitivities=int(draw.integers(0, CAMERAS)),
        tone_curve=float(draw.choice([0.0, 0.5])),
        noise=float(draw.uniform(0.6, 1.4)), jpeg_quality=int(draw.integers(85, 97)), seed=int(draw.integers(1, 2**31)),
    )  # fmt: skip


def props_of(job: Job) -> Props:
    """A grey patch, or a colour card, in a corner."""
    side = SIDE_PX / PX_PER_MM
    corner = -side / 2 + 0.15 * side
    if job.aid == "grey":
        return Props(grey_mm=0.18 * side, grey_at_mm=(corner, corner), grey=0.35)
    pitch = 0.075 * side
    return Props(card=Card(pitch_mm=pitch, at_mm=(-side / 2 + 3.6 * pitch, -side / 2 + 2.7 * pitch)))


def regions_of(job: Job) -> dict[str, list[tuple[float, float]]]:
    """The reference over the grey patch, and a smaller region of skin."""

    def square(x: float, y: float, side: float) -> list[tuple[float, float]]:
        return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]

    regions = {PATCH: square(0.42 * SIDE_PX, 0.45 * SIDE_PX, 0.4 * SIDE_PX)}
    return (
        {**regions, REFERENCE: square(0.085 * SIDE_PX, 0.085 * SIDE_PX, 0.13 * SIDE_PX)}
        if job.aid == "grey"
        else regions
    )


def follow(job: Job) -> list[dict[str, Any]]:
    """One course from its photos: a row for each measure, region and visit after the baseline."""
    recipe, camera, props = recipe_of(job), camera_of(job), props_of(job)
    stated: dict[str, Any] = {"reference": REFERENCE, "same_lamp": True} if job.aid == "grey" else {}
    with TemporaryDirectory() as folder:
        shots = []
        for number, (day, shot) in enumerate(photographed(recipe, camera, props)):
            path = write_shot(shot, Path(folder) / f"{number}{shot.suffix}")
            shots.append(Shot(path, "", START + timedelta(days=day), None, path.name))
        sessions = [Session(START + timedelta(days=day)) for day in recipe.session_days]
        plan = in_order(Read(shots, sessions, [], []), "pores", SHIPPED, SITE)
        found = course_of(plan, regions_of(job), mm_per_px=1 / PX_PER_MM, **stated)
    return _rows(job, recipe, found, true_changes(job, recipe, camera, props))


def _rows(
    job: Job, recipe: CourseRecipe, found: Course, truth: Mapping[tuple[int, str, str], float]
) -> list[dict[str, Any]]:
    return [
        {
            "seed": job.seed, "tone": job.tone, "changes": job.changes, "aid": job.aid, "visit": point.visit,
            "day": recipe.visit_days[point.visit], "measure": line.measure, "region": line.region,
            "primary": line.is_primary, "truth": truth[point.visit, line.measure, line.region],
            "change": point.from_baseline.change, "low": point.from_baseline.low, "high": point.from_baseline.high,
            "z": point.from_baseline.z, "timing": point.timing, "verdict": point.from_baseline.verdict,
            "survives": point.survives_correction, "flags": len(found.flags),
        }
        for line in found.trajectories
        for point in line.points
        if line.region != REFERENCE
    ]  # fmt: skip


def true_changes(job: Job, recipe: CourseRecipe, camera: Camera, props: Props) -> dict[tuple[int, str, str], float]:
    """Visit, measure and region -> the change that a faultless camera in the baseline's place and light would see."""
    if not job.changes:
        return _Zero()
    colours = camera.sensitivities if job.aid == "grey" else None
    ideal = replace(camera, noise=0.0, read_electrons=0.0, jpeg_quality=None, bit_depth=16, sensitivities=colours,
                    tone_curve=0.0, gloss=0.0)  # fmt: skip
    bare = props if job.aid == "grey" else replace(props, card=None)
    first = _frame(job, recipe, ideal, bare, recipe.visit_days[0])
    found: dict[tuple[int, str, str], float] = {}
    for number, day in enumerate(recipe.visit_days[1:], 1):
        for change in compare_frames(first, _frame(job, recipe, ideal, bare, day), evidence=False).changes:
            found[number, change.measure, change.region] = change.change
        ratio = skin_on(recipe, day).pore_diameter_scale / skin_on(recipe, recipe.visit_days[0]).pore_diameter_scale
        found |= {(number, MATCHED, region): 100 * (ratio - 1) for region in (SKIN, PATCH, REFERENCE)}
    return found


class _Zero(dict[tuple[int, str, str], float]):
    """Nothing changed anywhere."""

    def __missing__(self, key: tuple[int, str, str]) -> float:
        return 0.0


def _frame(job: Job, recipe: CourseRecipe, camera: Camera, props: Props, day: float) -> Frame:
    with TemporaryDirectory() as folder:
        shot = photograph(make_skin(skin_on(recipe, day), grid_for(camera)), camera, props)
        photo = read_photo(write_shot(shot, Path(folder) / f"ideal{shot.suffix}"))
    reference = REFERENCE if job.aid == "grey" else None
    return make_frame(
        photo, mm_per_px=1 / PX_PER_MM, regions=regions_of(job), reference=reference, card="none", face=False, site=SITE
    )


def summary(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """By tone and for all: how many of measure x region x visit were judged, the share of intervals that hold the truth
    where something changed, and of verdicts `within_error` where nothing did."""
    table = []
    for tone in (*TONES, "all"):
        mine = [row for row in rows if tone in (row["tone"], "all")]
        judged = [row for row in mine if row["verdict"] != "not_comparable" and math.isfinite(row["truth"])]
        changing = [row for row in judged if row["changes"]]
        still = [row for row in judged if not row["changes"]]
        courses = {row["seed"]: True for row in still}
        for row in still:
            if row["primary"] and row["timing"] == "judged" and row["verdict"] != "within_error":
                courses[row["seed"]] = False
        table.append(
            {
                "tone": tone,
                "judged": len(judged) / len(mine) if mine else math.nan,
                "changing": len(changing),
                "held": _share([row["low"] <= row["truth"] <= row["high"] for row in changing]),
                "still": len(still),
                "within_error": _share([row["verdict"] == "within_error" for row in still]),
                "surviving": _share([bool(row["survives"]) for row in still]),
                "courses": len(courses),
                "courses_within_error": _share(list(courses.values())),
            }
        )
    return table


def _share(told: Sequence[bool]) -> float:
    return float(np.mean(told)) if told else math.nan


def markdown(table: Sequence[Row]) -> str:
    """The summary as a table of the documentation."""
    names = ("tone", "judged", "changed: intervals", "hold the truth", "unchanged: verdicts", "within error",
             "survive correction", "unchanged courses", "primary within error")  # fmt: skip
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for row in table:
        cells = [
            row["tone"], f"{row['judged']:.0%}", str(row["changing"]), f"{row['held']:.1%}", str(row["still"]),
            f"{row['within_error']:.1%}", f"{row['surviving']:.1%}", str(row["courses"]),
            f"{row['courses_within_error']:.0%}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)

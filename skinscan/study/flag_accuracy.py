"""Flags on simulated courses, visit by visit: how often each is raised on skin that nothing happened to, and how often
where what it is for did happen.

Every visit is photographed with another pose, light, exposure, white balance, focus and file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from skinscan.course.flags import every_flag
from skinscan.course.judging import trajectories_of
from skinscan.course.measuring import measure_course
from skinscan.course.ordering import Read, in_order
from skinscan.course_records import Session, Shot
from skinscan.phantom import Camera, Props, SkinRecipe, TracksRecipe, write_shot
from skinscan.phantom.course import GREY, Adverse, CourseRecipe, photographed, sides, unchanging
from skinscan.study.pairs import CAMERAS, TONES
from skinscan.treatment import SHIPPED
from skinscan.treatment.functions import indication_of

FIRST_SEED = 1_600_000
"""Beyond those of the courses."""

SIDE_PX = 560
START = date(2026, 1, 12)
VISITS = 3
GROUPS = (("I", "II"), ("III", "IV"), ("V", "VI"))

EVENTS: Mapping[str, Adverse] = {
    "redness_persists": "redness",
    "pigment_after_inflammation": "pigment",
    "parallel_marks": "marks",
    "papular_foci": "foci",
    "asymmetry": "asymmetry",
}
"""Flags, and what each is for."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """A course: its seed, its tone and what goes badly, if anything."""

    seed: int
    tone: str
    adverse: Adverse


def jobs(courses: int) -> list[Job]:
    """`courses` of each tone and adverse event, and as many of unchanged skin."""
    kinds: tuple[Adverse, ...] = ("none", *EVENTS.values())
    return [
        Job(FIRST_SEED + 1000 * number + 10 * rank + kind, tone, adverse)
        for number in range(courses)
        for rank, tone in enumerate(TONES)
        for kind, adverse in enumerate(kinds)
    ]


def recipe_of(job: Job, side_mm: float) -> CourseRecipe:
    """A course of one session: of unchanged skin, or one that goes badly as strongly as the seed says."""
    draw = np.random.default_rng(job.seed)
    side = side_mm * 1.3 + 4
    skin = SkinRecipe(
        seed=int(draw.integers(1, 2**31)), tone=job.tone, width_mm=side, height_mm=side,  # type: ignore[arg-type]
        roughness_scale=float(draw.uniform(0.6, 1.2)), redness_patches=int(draw.integers(0, 4)),
        spots=int(draw.integers(0, 6)), hairs=int(draw.integers(0, 5)), lines=int(draw.integers(0, 4)),
    )  # fmt: skip
    tracks = TracksRecipe(
        seed=job.seed, count=int(draw.integers(3, 7)), spacing_mm=float(draw.uniform(1.2, 3.5)),
        direction_deg=float(draw.uniform(0, 180)), length_mm=(7.0, 14.0), width_um=float(draw.uniform(180, 350)),
        blood=float(draw.uniform(0.6, 1.8)), depth_um=float(draw.uniform(0, 60)),
    )  # fmt: skip
    days = np.sort(draw.choice(np.arange(14, 60), VISITS, replace=False))
    recipe = CourseRecipe(
        skin, (0,), (0, *map(int, days)), adverse=job.adverse, pigment=float(draw.uniform(0.2, 0.5)), tracks=tracks,
        foci=int(draw.integers(8, 20)), focus_strength=float(draw.uniform(0.8, 2.5)),
        sided=float(draw.uniform(0.6, 2.0)), flush=float(draw.uniform(0.6, 1.5)), seed=int(draw.integers(1, 2**31)),
    )  # fmt: skip
    return unchanging(recipe) if job.adverse == "none" else recipe


def follow(job: Job) -> list[dict[str, Any]]:
    """A course from its photos: a row for each visit after the session, with the flags that it raises."""
    draw = np.random.default_rng([job.seed, 1])
    px_per_mm = float(draw.uniform(16, 28))
    side_mm = SIDE_PX / px_per_mm
    recipe, corner = recipe_of(job, side_mm), -0.36 * side_mm
    props = Props(grey_mm=0.17 * side_mm, grey_at_mm=(corner, corner), grey=0.35)
    camera = Camera(
        px_per_mm=px_per_mm, size_px=(SIDE_PX, SIDE_PX), azimuth_deg=float(draw.uniform(0, 360)),
        elevation_deg=float(draw.uniform(40, 70)), dome=float(draw.uniform(0.3, 0.7)),
        gloss=float(draw.choice([0.0, 0.6])), sensitivities=int(draw.integers(0, CAMERAS)),
        noise=float(draw.uniform(0.6, 1.4)), jpeg_quality=int(draw.integers(85, 97)), seed=int(draw.integers(1, 2**31)),
    )  # fmt: skip
    low, high = 0.065 * SIDE_PX, 0.215 * SIDE_PX
    regions = {GREY: [[low, low], [high, low], [high, high], [low, high]], **sides(SIDE_PX)}
    with TemporaryDirectory() as folder:
        shots = []
        for number, (day, shot) in enumerate(photographed(recipe, camera, props)):
            path = write_shot(shot, Path(folder) / f"{number}{shot.suffix}")
            shots.append(Shot(path, "", START + timedelta(days=day), None, path.name))
        plan = in_order(Read(shots, [Session(START)], [], []), "redness", SHIPPED)
        measured = list(
            measure_course(plan, regions, mm_per_px=1 / px_per_mm, reference=GREY, same_lamp=True, card="none")
        )
    lines = trajectories_of(plan, measured, indication_of(SHIPPED, plan.indication).primary, SHIPPED)
    flags, _ = every_flag(plan, lines, SHIPPED, measured)
    return [
        {
            "seed": job.seed, "tone": job.tone, "adverse": job.adverse, "day": one.visit.days_after,
            "flags": sorted({flag.flag for flag in flags if flag.visit == one.visit.number}),
            "unseen": sorted(one.looked.unseen),
        }
        for one in measured[0].visits
    ]  # fmt: skip


def shares(rows: Sequence[Row], flag: str, adverse: Adverse, tones: Sequence[str] = TONES) -> tuple[int, int]:
    """Of how many visits of some tones at which that happened how many raise the flag: (raised, visits)."""
    mine = [row for row in rows if row["adverse"] == adverse and row["tone"] in tones]
    return sum(flag in row["flags"] for row in mine), len(mine)


def markdown(rows: Sequence[Row]) -> str:
    """A row a flag, and one for any of them: false alarms, and what is found by tone."""
    names = ("flag", "visits of unchanged skin", "raised there", "raised where it should be",
             *(f"tones {group[0]} and {group[1]}" for group in GROUPS))  # fmt: skip
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for flag, adverse in EVENTS.items():
        raised, visits = shares(rows, flag, "none")
        found = [shares(rows, flag, adverse, tones) for tones in (TONES, *GROUPS)]
        cells = [f"`{flag}`", str(visits), str(raised), *(f"{hit} of {count}" for hit, count in found)]
        lines.append(f"| {' | '.join(cells)} |")
    still = [row for row in rows if row["adverse"] == "none"]
    lines.append(f"| any | {len(still)} | {sum(bool(row['flags']) for row in still)} | | | | |")
    return "\n".join(lines)

"""What a moved lamp does to comparisons of unchanged skin: the share called within error, by how the lamp moved.

Beyond what the smallest detectable changes were fitted on (20 degrees): light that moved further has to be told by the
photos and widen them, or be refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skinscan.comparison import compare_frames
from skinscan.phantom import Camera, make_skin
from skinscan.study.pairs import TONES, draw_camera, draw_recipe, frame_of, grey_patch

FIRST_SEED = 6_800_000
_PX_PER_MM = 25.0
_HIGHEST_DEG = 65.0
"""The baseline's lamp, so that it can still be raised."""

LAMPS: Mapping[str, tuple[float, float]] = {
    "same light": (0.0, 0.0),
    "light 15": (15.0, 0.0),
    "light 30": (30.0, 0.0),
    "light 45": (45.0, 0.0),
    "light 90": (90.0, 0.0),
    "light 20 higher": (0.0, 20.0),
    "light 20 lower": (0.0, -20.0),
}
"""By name: degrees by which the lamp moved around the skin, and up."""


@dataclass(frozen=True)
class Job:
    """One skin, photographed under each lamp."""

    seed: int
    tone: str


def run(job: Job) -> list[dict[str, Any]]:
    """One row a lamp: how many measures x regions were judged, and how many of those called within error."""
    draw = np.random.default_rng(job.seed)
    recipe = draw_recipe(draw, job.tone, _PX_PER_MM)
    camera = draw_camera(draw, _PX_PER_MM)
    camera = replace(camera, elevation_deg=min(camera.elevation_deg, _HIGHEST_DEG))
    skin = make_skin(recipe, min(20.0, 1000.0 / _PX_PER_MM / 1.75))
    props = grey_patch(_PX_PER_MM) if job.seed % 2 else None
    before = frame_of(skin, camera, props, baseline=True)
    side = float(draw.choice([-1.0, 1.0]))
    rows = []
    for name, (around, up) in LAMPS.items():
        after = frame_of(skin, _again(draw, camera, side * around, up), props, baseline=False)
        comparison = compare_frames(before, after, evidence=False)
        verdicts = [c.verdict for c in comparison.changes if c.region != "untreated"]
        judged = [verdict for verdict in verdicts if verdict != "not_comparable"]
        rows.append({
            "seed": job.seed, "tone": job.tone, "what": name, "asked": len(verdicts), "judged": len(judged),
            "within": judged.count("within_error"),
        })  # fmt: skip
    return rows


def _again(draw: np.random.Generator, camera: Camera, around_deg: float, up_deg: float) -> Camera:
    return replace(
        camera,
        azimuth_deg=camera.azimuth_deg + around_deg,
        elevation_deg=camera.elevation_deg + up_deg,
        rotation_deg=float(draw.uniform(-5, 5)),
        tilt_deg=float(draw.uniform(0, 5)),
        exposure_ev=float(draw.uniform(-0.3, 0.3)),
        jpeg_quality=int(draw.integers(80, 96)),
        seed=int(draw.integers(1, 2**31)),
    )


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """One line a lamp, by tone."""
    rows = list(rows)
    lines = [
        "| within error | judged | refused | " + " | ".join(TONES) + " | all |",
        "|---" + "|--:" * (len(TONES) + 3) + "|",
    ]
    for what in dict.fromkeys(row["what"] for row in rows):
        of_lamp = [row for row in rows if row["what"] == what]
        asked, judged = (sum(row[name] for row in of_lamp) for name in ("asked", "judged"))
        cells = [_share([row for row in of_lamp if tone in (row["tone"], "all")]) for tone in (*TONES, "all")]
        lines.append(f"| {what} | {judged} | {1 - judged / max(asked, 1):.0%} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _share(rows: list[Mapping[str, Any]]) -> str:
    judged = sum(row["judged"] for row in rows)
    return f"{sum(row['within'] for row in rows) / judged:.1%}" if judged else "refused"


def jobs(count: int) -> list[Job]:
    """`count` skins of each tone."""
    return [Job(FIRST_SEED + number, TONES[number % len(TONES)]) for number in range(count * len(TONES))]

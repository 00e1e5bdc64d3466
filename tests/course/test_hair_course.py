"""A course for thinning hair, from photos with a sticker beside the part to the primary measure's verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from skinscan.course.build import follow
from skinscan.phantom import Camera, Props, photograph, write_shot
from skinscan.phantom.scalp import ScalpRecipe, make_scalp

SIDE_PX, PX_PER_MM = 460, 14.0
THIN = ScalpRecipe(
    seed=7, tone="II", melanin=5.0, width_mm=46, height_mm=46, density_per_cm2=60, thinning=0.6, part_mm=5.0,
    part_angle_deg=90,
)  # fmt: skip


def test_more_hair_is_told_though_it_was_combed_anew(tmp_path: Path) -> None:
    grown = replace(THIN, density_per_cm2=170, thinning=0.0, combing=5)
    sticker = Props(marker_mm=6.0, marker_at_mm=(-11.0, -12.0))
    for name, recipe in (("2026-01-12", THIN), ("2026-05-20", grown)):
        camera = Camera(px_per_mm=PX_PER_MM, size_px=(SIDE_PX, SIDE_PX), seed=recipe.combing, gloss=0.5)
        write_shot(photograph(make_scalp(recipe, 45.0).skin, camera, sticker), tmp_path / f"{name}.jpg")
    region = [(15, 200), (SIDE_PX - 15, 200), (SIDE_PX - 15, SIDE_PX - 15), (15, SIDE_PX - 15)]
    found = follow(
        tmp_path, "hair_loss", None, {"scalp_part": region}, sessions=["2026-01-12", "2026-02-12"], site="scalp",
        marker_mm=6.0,
    )  # fmt: skip
    primary = next(line for line in found.trajectories if line.is_primary)
    assert (primary.measure, primary.region) == ("hair.coverage", "scalp_part")
    step = primary.points[-1].from_baseline
    assert step.verdict == "improved", step
    assert step.low < step.change < step.high
    assert not found.flags
    assert any("place by place" in notice for notice in found.notices)

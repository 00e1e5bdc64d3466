"""How far pore numbers of one photo are from the truth: `skinscan study pore-accuracy`.

Phantoms of all tones, resolutions, lights and pores deep and shallow; each number of the whole skin and of smaller
regions against the true pores there. The error has the SD exp(x.b), x of `skinscan.accuracy.features`.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.accuracy import features
from skinscan.assessment import cells_in, read
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures import all_measures
from skinscan.measures.maps import Maps
from skinscan.measures.pores import VISIBLE_UM, floor_um
from skinscan.phantom import Truth, make_skin, photograph, write_shot
from skinscan.study.pairs import TONES, draw_camera, draw_recipe, size_px
from skinscan.study.repeatability_model import fit_entry

FIRST_SEED = 150_000
PX_PER_MM = (13.0, 16.0, 20.0, 25.0, 30.0, 36.0)
SIDES_MM = (6.0, 12.0)
"""Smaller regions, beside the whole skin."""


def true_numbers(truth: Truth, mask: NDArray[np.bool_], least_um: float) -> dict[str, float]:
    """Pore numbers of a region (H, W) from the pores that are there, of `least_um` or more."""
    height, width = mask.shape
    column, row = np.rint(truth.pore_x_px).astype(int), np.rint(truth.pore_y_px).astype(int)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    inside[inside] = mask[row[inside], column[inside]]
    kept = inside & (truth.pores.diameter_um >= least_um)
    sizes, area_mm2 = truth.pores.diameter_um[kept], float(mask.sum()) * truth.mm_per_px**2
    found = {
        "pores.density": len(sizes) / (area_mm2 / 100),
        "pores.area": 100 * float(np.sum(np.pi / 4 * (sizes / 1000) ** 2)) / area_mm2,
    }
    if len(sizes):
        found |= {f"pores.diameter_p{p}": float(np.percentile(sizes, p)) for p in (10, 50, 90)}
        found["pores.visible_share"] = 100 * float(np.mean(sizes >= VISIBLE_UM))
        found["pores.elongation"] = float(np.median(truth.pores.elongation[kept]))
    return found


def errors(seed: int) -> list[dict[str, Any]]:
    """One row a measure and region of one phantom photo: its error on the measure's own scale."""
    draw = np.random.default_rng(seed)
    tone, px_per_mm = TONES[seed % len(TONES)], PX_PER_MM[seed // len(TONES) % len(PX_PER_MM)]
    recipe = replace(draw_recipe(draw, tone, px_per_mm), pore_darkness=float(draw.uniform(0.7, 1.3)))
    camera = replace(draw_camera(draw, px_per_mm), blur_px=float(draw.uniform(0.6, 1.4)))
    with TemporaryDirectory() as folder:
        shot = photograph(make_skin(recipe, min(20.0, 1000.0 / px_per_mm / 1.75)), camera)
        photo = read_photo(write_shot(shot, Path(folder) / "photo.jpg"))
    frame = make_frame(photo, mm_per_px=1 / px_per_mm, regions=_squares(draw, px_per_mm))
    maps, rows = Maps(frame), []
    for region, mask in frame.regions.items():
        cells, truths = cells_in(maps, region), true_numbers(shot.truth, mask, floor_um(maps))
        for name, true in truths.items():
            measure = all_measures()[name]
            sample = read(measure, maps, cells, region)
            if math.isfinite(sample.value):
                scale = measure.scale(sample)
                error = scale.forward(sample.value) - scale.forward(true)
                rows.append({
                    "seed": seed, "tone": tone, "measure": name, "error": error, "count": sample.n,
                    "ita_degree": maps.typical_ita, "um_per_px": maps.effective_um_per_px,
                })  # fmt: skip
    return rows


def _squares(draw: np.random.Generator, px_per_mm: float) -> dict[str, list[tuple[float, float]]]:
    """Regions of SIDES_MM at places of their own."""
    found = {}
    for side_mm in SIDES_MM:
        side = side_mm * px_per_mm
        x, y = draw.uniform(10, size_px(px_per_mm) - side - 10, 2)
        found[f"square_{side_mm:.0f}_mm"] = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
    return found


def fit(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The table of `skinscan.accuracy.of_pores` from rows of `errors`."""
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if math.isfinite(row["error"]) and math.isfinite(row["ita_degree"]):
            groups[row["measure"]].append(row)
    seeds = {int(row["seed"]) for group in groups.values() for row in group}
    return {
        "about": "SD of the error of pore numbers against the true pores of phantoms, on each measure's own scale",
        "phantom_seeds": [min(seeds), max(seeds)] if seeds else [],
        "measures": {
            name: fit_entry(
                np.array([features(r["ita_degree"], r["um_per_px"], r["count"]) for r in group]),
                np.array([r["error"] for r in group]),
                np.zeros(len(group)),
                np.array([int(r["seed"]) for r in group]),
            )
            for name, group in groups.items()
        },
    }


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fit(rows), indent=1) + "\n")

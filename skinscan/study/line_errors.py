"""How far line numbers of one photo are from the truth: part of `skinscan study line-accuracy`.

Phantoms of all tones with no, few and many lines of any depth. Length is held against the lines' own paths where they
are at least half as deep as in their middle, width against the relief's own, contrast against what the noiseless mean
of the photo along each true path shows. The error has the SD exp(x.b), x of `skinscan.accuracy.features_of_lines`:
of length in its unit, so that it is one where nothing is found, of width and contrast relative.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.accuracy import features_of_lines, of_lines
from skinscan.arrays.ridges import sampled
from skinscan.arrays.statistics import COVERAGE_95
from skinscan.assessment import cells_in, read
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures import all_measures
from skinscan.measures import lines as measure
from skinscan.measures.maps import Maps
from skinscan.measures.strokes import weighted_median
from skinscan.phantom import Camera, Skin, make_skin, photograph, write_shot
from skinscan.records import SKIN
from skinscan.study.line_accuracy import (
    FADED,
    PX_PER_MM,
    STEP_PX,
    Job,
    along_core,
    dense,
    inside_of,
    made,
    with_other_lines,
)  # fmt: skip
from skinscan.study.pairs import TONES, draw_camera, draw_recipe
from skinscan.study.repeatability_model import fit_entry

Points = NDArray[np.float64]

FIRST_SEED = 190_000
SIDE_PX = 560
COUNTS = (0, 0, 1, 2, 4, 10)
DEPTHS_UM = (60.0, 300.0)
LENGTH, WIDTH, CONTRAST = "lines.length_density", "lines.width_um", "lines.contrast"


def errors(seed: int) -> list[dict[str, Any]]:
    """One row a measure of one phantom photo: its value, the truth, and what its uncertainty is told from."""
    choice = np.random.default_rng([seed, 5])
    number = seed - FIRST_SEED
    tone, own = TONES[number % len(TONES)], number // len(TONES) % 2 == 0
    px_per_mm, count = float(choice.choice(PX_PER_MM)), int(choice.choice(COUNTS))
    depth_um = float(np.exp(choice.uniform(*np.log(DEPTHS_UM))))
    roughness = float(choice.uniform(0.5, 1.6))
    draw = np.random.default_rng(seed)
    camera = replace(draw_camera(draw, px_per_mm), size_px=(SIDE_PX, SIDE_PX), blur_px=float(draw.uniform(0.6, 1.3)))
    side = SIDE_PX / px_per_mm + 2
    recipe = replace(
        draw_recipe(draw, tone, px_per_mm), width_mm=side, height_mm=side, roughness_scale=roughness,
        lines=count if own else 0, line_depth_um=depth_um,
    )  # fmt: skip
    skin = make_skin(recipe, min(20.0, 1000.0 / px_per_mm / 1.75))
    if count and not own:
        skin = with_other_lines(skin, draw, count, depth_um)
    return photographed(skin, camera, {"seed": seed, "tone": tone, "own": own})


def of_job(job: Job) -> list[dict[str, Any]]:
    """The same of a photo of the study of how well lines are found."""
    skin, camera = made(job)
    return photographed(skin, camera, {"seed": job.seed, "tone": job.tone, "own": job.recipe == "own"})


def photographed(skin: Skin, camera: Camera, about: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a photo of a skin."""
    mm_per_px = 1 / camera.px_per_mm
    with TemporaryDirectory() as folder:
        shot = photograph(skin, camera)
        maps = Maps(make_frame(read_photo(write_shot(shot, Path(folder) / "photo.jpg")), mm_per_px=mm_per_px))
    paths = [
        dense(np.asarray(shot.truth.to_photo(np.array(line.path_mm)) - maps.origin_xy, np.float64))
        for line in skin.lines
    ]
    return rows_of(maps, paths, widths_um(skin, bool(about["own"])), about)


def widths_um(skin: Skin, own: bool) -> list[float]:
    """Full widths at half depth of a skin's lines: Gaussian valleys of the phantom, or V-shaped ones."""
    return [line.sigma_mm * (2354.8 if own else 2000.0) for line in skin.lines]


def rows_of(
    maps: Maps, paths: Sequence[Points], widths: Sequence[float], about: dict[str, Any]
) -> list[dict[str, Any]]:
    """The rows of a photo with lines of these paths (pixels of the maps) and widths (um)."""
    picture = measure.picture_of(maps)
    searched = np.kron(picture.searched, np.ones((picture.factor,) * 2, np.bool_))
    cores = [inside_of(path[along_core(path, FADED)], searched) for path in paths]
    length_mm = np.array([len(core) for core in cores]) * STEP_PX * maps.um_per_px / 1000
    truth = {LENGTH: float(length_mm.sum()) / max(float(picture.searched.sum()), 1) / (
        picture.factor * maps.um_per_px / 1e4) ** 2}  # fmt: skip
    if length_mm.sum() > 0:
        truth[WIDTH] = weighted_median(np.array(widths), length_mm)
        truth[CONTRAST] = contrast_along(picture, cores, widths, maps.um_per_px)
    rows = []
    cells = cells_in(maps, SKIN)
    for name, true in truth.items():
        sample = read(all_measures()[name], maps, cells, SKIN)
        if math.isfinite(sample.value) and math.isfinite(true):
            rows.append({
                **about, "measure": name, "value": sample.value, "true": true, "size": float(sample.weights.sum()),
                "ita_degree": maps.typical_ita, "um_per_px": maps.effective_um_per_px,
            })  # fmt: skip
    return rows


def contrast_along(
    picture: measure.Picture, cores: Sequence[Points], widths: Sequence[float], um_per_px: float
) -> float:
    """Median along true centre lines of how much darker the middle is than both sides, each millimetre averaged."""
    step_um = picture.factor * um_per_px
    offsets: Points = np.arange(-700.0, 701.0, 20.0) / step_um
    found, lengths = [], []
    for core, width in zip(cores, widths, strict=True):
        if len(core) < 2:
            continue
        path = (core - (picture.factor - 1) / 2) / picture.factor
        tangent = np.gradient(path, axis=0)
        tangent /= np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
        profile = sampled(picture.image, path[:, :1] - offsets * tangent[:, 1:], path[:, 1:] + offsets * tangent[:, :1])
        each = max(round(1000 / um_per_px / STEP_PX), 1)
        for start in range(0, len(profile), each):
            part = profile[start : start + each].mean(0)
            beside = np.interp(np.array([-1.27, 1.27]) * width / step_um, offsets, part).mean()
            found.append(beside - part[np.abs(offsets) * step_um <= width / 2].min())
            lengths.append(len(profile[start : start + each]))
    return weighted_median(np.array(found), np.array(lengths, np.float64))


def error_of(row: Mapping[str, Any]) -> float:
    """Error as it is modelled: of length in its unit, else relative (log)."""
    if row["measure"] == LENGTH:
        return float(row["value"] - row["true"])
    return math.log(row["value"] / row["true"])


def _features(row: Mapping[str, Any]) -> list[float]:
    value = row["value"] if row["measure"] == LENGTH else 0.0
    return features_of_lines(row["ita_degree"], row["um_per_px"], row["size"], value)


def fit(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The table of `skinscan.accuracy.of_lines` from rows of `errors`; 95 % of truths lie within where nothing is found
    and where something is."""
    known = [
        row
        for row in rows
        if math.isfinite(row["ita_degree"]) and row["true"] > (-1 if row["measure"] == LENGTH else 0)
    ]
    entries = {}
    for name in (LENGTH, WIDTH, CONTRAST):
        own = [row for row in known if row["measure"] == name]
        x, error = np.array([_features(row) for row in own]), np.array([error_of(row) for row in own])
        entry = fit_entry(x, error, np.zeros(len(own)), np.array([int(row["seed"]) for row in own]))
        z = np.abs(error) / np.exp(x @ np.array(entry["coefficients"]))
        nothing = np.array([row["value"] == 0 for row in own])
        parts = [z[part] for part in (nothing, ~nothing) if part.sum() >= 20]
        factor = max(COVERAGE_95, *(float(np.quantile(part, 0.95)) for part in parts))
        entries[name] = {**entry, "factor": round(factor, 3)}
    seeds = [int(row["seed"]) for row in known]
    return {
        "about": "SD of the error of line numbers against the truth of phantoms: of length in mm/cm2, else relative",
        "phantom_seeds": [min(seeds), max(seeds)],
        "measures": entries,
    }


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text(json.dumps(fit(rows), indent=1) + "\n")


def holds(row: Mapping[str, Any]) -> bool:
    """Whether a row's stated 95 % interval holds the truth."""
    spread = of_lines(row["measure"], row["ita_degree"], row["um_per_px"], row["size"], row["value"])
    assert spread is not None
    return bool(abs(row["value"] - row["true"]) <= COVERAGE_95 * spread)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Share of stated 95 % intervals that hold the truth, by measure and tone, as markdown."""
    out = [f"| measure | photos | all | {' | '.join(TONES)} | nothing found |", "|---" * (len(TONES) + 4) + "|"]
    for name in (LENGTH, WIDTH, CONTRAST):
        own = [row for row in rows if row["measure"] == name]
        groups = [
            own,
            *([row for row in own if row["tone"] == tone] for tone in TONES),
            [r for r in own if not r["value"]],
        ]
        told = [f"{100 * np.mean([holds(row) for row in group]):.0f} %" if group else "-" for group in groups]
        out.append(f"| {name} | {len(own)} | {' | '.join(told)} |")
    return "\n".join(out)

"""What skinscan reaches on phantoms that nothing was fitted on: the tables of README and docs/results.md."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from skinscan import accuracy
from skinscan.arrays.statistics import COVERAGE_95
from skinscan.assessment import assess_frame
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.comparison import compare_frames
from skinscan.measures.maps import Maps
from skinscan.measures.pores import floor_um
from skinscan.phantom import Camera, SkinRecipe, change, make_skin, photograph, write_shot
from skinscan.records import SKIN
from skinscan.repeatability import Setup
from skinscan.study.pairs import (
    SAME_SETUP,
    TONES,
    Spread,
    draw_camera,
    draw_recipe,
    frame_of,
    grey_patch,
    photographed_again,
)
from skinscan.study.scoring import score
from skinscan.study.tables import put_table

Row = Mapping[str, Any]

PLACEBO_SPREAD = Spread(
    exposure_ev=0.5, white_balance=0.10, tilt_deg=5.0, rotation_deg=5.0, shift_mm=2.0, scale=0.05, light_deg=15.0,
    jpeg_quality=(75, 97),
)  # fmt: skip
"""goals.md: other exposure, white balance, JPEG, pose +-5 degrees, light +-15 degrees."""

FIRST_SEED = 900_000
"""The fits use seeds from 50,000, 100,000 and 150,000."""


# --- single photos --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Single:
    """One photo of known skin."""

    seed: int
    tone: str
    px_per_mm: float
    blur_px: float = 0.7


def single(job: Single) -> dict[str, Any]:
    """Pores and colour of one photo against its truth; ordinary close-up, no lamp or camera error in colour."""
    px_per_mm = job.px_per_mm
    side = 1000 / px_per_mm * 1.1 + 3
    recipe = SkinRecipe(seed=job.seed, tone=job.tone, width_mm=side, height_mm=side)  # type: ignore[arg-type]
    camera = Camera(px_per_mm=px_per_mm, blur_px=job.blur_px, seed=job.seed)
    with TemporaryDirectory() as folder:
        shot = photograph(make_skin(recipe, min(20.0, 1000.0 / px_per_mm / 1.75)), camera)
        photo = read_photo(write_shot(shot, Path(folder) / "photo.jpg"))
    maps = Maps(make_frame(photo, mm_per_px=1 / px_per_mm))
    assessment = assess_frame(maps, evidence=False)
    truth = shot.truth
    values = {m.measure: m.value for m in assessment.measurements if m.region == SKIN}
    row: dict[str, Any] = {
        "tone": job.tone,
        "um_per_px": 1000 / px_per_mm,
        "blur_px": job.blur_px,
        "a_star_error": values["redness.a_star"] - float(truth.lab_as_seen[1]),
        "refused": math.isnan(values["pores.density"]),
    }
    if assessment.pores is not None and not row["refused"]:
        pores, seen = assessment.pores, truth.pore_visible
        found = score(
            np.stack([pores.x_px, pores.y_px], 1), pores.diameter_um,
            np.stack([truth.pore_x_px, truth.pore_y_px], 1)[seen], truth.pores.diameter_um[seen], 1000 / px_per_mm,
            floor_um(maps),
        )  # fmt: skip
        row |= {name: getattr(found, name) for name in found.__dataclass_fields__} | {"f1": found.f1}
    return row


@dataclass(frozen=True)
class Pigments:
    """The same skin with more of one pigment."""

    seed: int
    tone: str


def pigments(job: Pigments) -> dict[str, Any]:
    """How melanin and haemoglobin answer to 25 % more of each, same camera and light."""
    recipe = SkinRecipe(seed=job.seed, tone=job.tone, width_mm=26, height_mm=26, hairs=0)  # type: ignore[arg-type]
    camera = Camera(px_per_mm=20, size_px=(440, 440), bit_depth=16, jpeg_quality=None, seed=job.seed)

    def read(recipe: SkinRecipe) -> tuple[float, float]:
        with TemporaryDirectory() as folder:
            photo = read_photo(write_shot(photograph(make_skin(recipe), camera), Path(folder) / "photo.png"))
        found = assess_frame(Maps(make_frame(photo)), evidence=False).measurements
        by_name = {m.measure: m.value for m in found}
        return by_name["pigment.melanin"], by_name["redness.haemoglobin"]

    base, blood, melanin = read(recipe), read(change(recipe, blood=0.25)), read(change(recipe, melanin=0.25))
    return {
        "tone": job.tone,
        "blood_on_haemoglobin": blood[1] - base[1],
        "blood_on_melanin": blood[0] - base[0],
        "melanin_on_melanin": melanin[0] - base[0],
        "melanin_on_haemoglobin": melanin[1] - base[1],
    }


# --- pairs ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Twice:
    """The same skin photographed twice, unchanged (placebo) or treated (power)."""

    seed: int
    tone: str
    px_per_mm: float = 30.0
    treatment: str = ""
    setup: Setup = "other"


SAME_SHARE = 0.35
"""Of the study's same set-up, how far these pairs are apart at most: 0.7 degrees, as a stand holds."""


TREATMENTS: Mapping[str, Mapping[str, float]] = {
    "pores -10 %": {"pore_diameter": -0.10},
    "blood +25 %": {"blood": 0.25},
    "roughness -15 %": {"roughness": -0.15},
}


def twice(job: Twice) -> list[dict[str, Any]]:
    """One row a measure and region of the comparison."""
    draw = np.random.default_rng(job.seed)
    recipe = draw_recipe(draw, job.tone, job.px_per_mm)
    camera = draw_camera(draw, job.px_per_mm)
    same = job.setup == "same"
    far, share = (SAME_SETUP, float(draw.uniform(0, SAME_SHARE))) if same else (PLACEBO_SPREAD, 1.0)
    again = photographed_again(draw, camera, far, share)
    grid_um = min(20.0, 1000.0 / job.px_per_mm / 1.75)
    skin = make_skin(recipe, grid_um)
    treated = make_skin(change(recipe, **TREATMENTS[job.treatment]), grid_um) if job.treatment else skin
    # blood changes everywhere, so only a patch that is not skin can be the reference then
    props = grey_patch(job.px_per_mm) if job.seed % 2 or job.treatment else None
    before = frame_of(skin, camera, props, baseline=True)
    after = frame_of(treated, again, props, baseline=False)
    comparison = compare_frames(before, after, same_setup=same, evidence=False)
    shared = {"seed": job.seed, "tone": job.tone, "setup": job.setup, "treatment": job.treatment}
    return [
        {**shared, "comparable": comparison.comparable, "measure": c.measure, "region": c.region,
         "verdict": c.verdict, "change": c.change, "before": c.before, "sdc": c.sdc, "reason": c.reason}
        for c in comparison.changes
        if c.region != "untreated"
    ]  # fmt: skip


# --- tables ---------------------------------------------------------------------------------------------------


def _group(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return dict(groups)


def _mean(rows: Sequence[Row], name: str) -> float:
    values = [row[name] for row in rows if name in row and math.isfinite(row[name])]
    return float(np.mean(values)) if values else math.nan


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _number(value: float, form: str) -> str:
    return "refused" if math.isnan(value) else format(value, form)


def pore_table(rows: Sequence[Row]) -> str:
    """Pore F1, sizes and places by um/px, blur and tone."""
    head = ["um/px", "blur px", "tone", "true pores", "F1", "strict F1", "diameter bias", "diameter MAE", "position um",
            "refused"]  # fmt: skip
    out = []
    for (um, blur, tone), group in sorted(_group(rows, "um_per_px", "blur_px", "tone").items()):
        out.append([
            f"{um:.0f}", f"{blur:g}", tone, f"{np.nansum([r.get('true', 0) for r in group]):.0f}",
            _number(_mean(group, "f1"), ".3f"), _number(_mean(group, "strict_f1"), ".3f"),
            _number(_mean(group, "diameter_bias"), "+.1%"), _number(_mean(group, "diameter_mae"), ".1%"),
            _number(_mean(group, "position_um"), ".0f"), f"{np.mean([r['refused'] for r in group]):.0%}",
        ])  # fmt: skip
    return _table(head, out)


def interval_table(rows: Sequence[Row]) -> str:
    """Share of stated 95 % intervals (value +- 1.96 spread) of pore numbers that hold the truth, by tone."""
    out = []
    for (measure,), group in _group(rows, "measure").items():
        shares = []
        for tone in (*TONES, "all"):
            held = [_holds(measure, r) for r in group if tone in (r["tone"], "all")]
            shares.append(f"{np.mean(held):.0%}" if held else "refused")
        out.append([measure, str(len(group)), *shares])
    return _table(["measure", "photos x regions", *TONES, "all"], out)


def _holds(measure: str, row: Row) -> bool:
    sd = accuracy.of_pores(measure, row["ita_degree"], row["um_per_px"], row["count"])
    return sd is not None and abs(row["error"]) <= COVERAGE_95 * sd


def colour_table(singles: Sequence[Row], mixed: Sequence[Row]) -> str:
    """a* error of a rightly balanced photo, and how the pigments answer, by tone."""
    head = ["tone", "a* error (bias, SD)", "haemoglobin to +25 % blood", "melanin to it, share of that",
            "melanin to +25 % melanin", "haemoglobin to it, share of that"]  # fmt: skip
    out = []
    for tone in TONES:
        errors = [r["a_star_error"] for r in singles if r["tone"] == tone and r["blur_px"] < 1]
        group = [r for r in mixed if r["tone"] == tone]
        blood, melanin = _mean(group, "blood_on_haemoglobin"), _mean(group, "melanin_on_melanin")
        out.append([
            tone, f"{np.mean(errors):+.2f}, {np.std(errors):.2f}", f"{blood:+.4f}",
            f"{_mean(group, 'blood_on_melanin') / blood:+.0%}", f"{melanin:+.4f}",
            f"{_mean(group, 'melanin_on_haemoglobin') / melanin:+.0%}",
        ])  # fmt: skip
    return _table(head, out)


def placebo_table(rows: Sequence[Row]) -> str:
    """Share of measure x region called within error when nothing changed, and the share refused, by tone."""
    head = ["set-up", "tone", "pairs", "not comparable at all", "measure x region refused", "judged", "within error"]
    out = []
    for setup, tone in product(dict.fromkeys(r["setup"] for r in rows), (*TONES, "all")):
        group = [r for r in rows if tone in (r["tone"], "all") and r["setup"] == setup]
        pairs = {r["seed"]: r["comparable"] for r in group}
        open_ = [r for r in group if r["comparable"]]
        judged = [r for r in open_ if r["verdict"] != "not_comparable"]
        within = np.mean([r["verdict"] == "within_error" for r in judged]) if judged else math.nan
        refused = 1 - len(judged) / max(len(open_), 1)
        told = {"other": "another", "same": "the same"}[setup]
        out.append([
            told, tone, str(len(pairs)), f"{np.mean([not c for c in pairs.values()]):.0%}", f"{refused:.0%}",
            str(len(judged)), _number(float(within), ".1%"),
        ])  # fmt: skip
    return _table(head, out)


def placebo_by_measure(rows: Sequence[Row]) -> str:
    """The same by measure, region `skin`."""
    out = []
    shown = [r for r in rows if r["region"] == SKIN and r["setup"] == "other"]
    for (measure,), group in _group(shown, "measure").items():
        judged = [r for r in group if r["verdict"] != "not_comparable"]
        within = np.mean([r["verdict"] == "within_error" for r in judged]) if judged else math.nan
        sdc = np.median([r["sdc"] for r in judged]) if judged else math.nan
        typical = np.median([r["before"] for r in judged]) if judged else math.nan
        out.append([
            measure, str(len(judged)), f"{1 - len(judged) / len(group):.0%}", _number(float(within), ".1%"),
            _number(float(sdc), ".3g"), "" if math.isnan(float(typical)) else f"{float(typical):.3g}",
        ])  # fmt: skip
    return _table(["measure", "judged", "refused", "within error", "median SDC", "median value"], out)


POWERED: Mapping[str, tuple[str, Callable[[Row], bool]]] = {
    "pores -10 %": ("pores.matched_diameter_change", lambda r: r["change"] < 0),
    "blood +25 %": ("redness.haemoglobin", lambda r: r["change"] > 0),
    "roughness -15 %": ("texture.roughness_250_500um", lambda r: r["change"] < 0),
}


def power_table(rows: Sequence[Row]) -> str:
    """Share of treated pairs in which the change was called, in the right direction, by tone."""
    out = []
    for treatment, (measure, right) in POWERED.items():
        for tone in TONES:
            group = [r for r in rows if r["treatment"] == treatment and r["measure"] == measure and r["tone"] == tone
                     and r["region"] == SKIN]  # fmt: skip
            judged = [r for r in group if r["verdict"] != "not_comparable"]
            called = np.mean([r["verdict"] != "within_error" and right(r) for r in judged]) if judged else math.nan
            change_ = np.median([r["change"] for r in judged]) if judged else math.nan
            sdc = np.median([r["sdc"] for r in judged]) if judged else math.nan
            out.append([
                treatment, measure, tone, f"{len(judged)} of {len(group)}", _number(float(change_), "+.3g"),
                _number(float(sdc), ".3g"), _number(float(called), ".0%"),
            ])  # fmt: skip
    return _table(["truth", "measure", "tone", "judged", "median change", "median SDC", "called"], out)


def jobs_single(count: int) -> list[Single]:
    jobs = [
        Single(FIRST_SEED + 100 * index + number, tone, px_per_mm)
        for index, tone in enumerate(TONES)
        for px_per_mm in (20.0, 30.0)
        for number in range(count)
    ]
    return jobs + [Single(FIRST_SEED + 5000 + i, tone, 30.0, 2.5) for i, tone in enumerate(TONES)]


def seeds_intervals(count: int) -> list[int]:
    return list(range(FIRST_SEED + 40_000, FIRST_SEED + 40_000 + count))


PLACEBOS: Mapping[Setup, float] = {"other": 1.0, "same": 0.34}
"""Pairs of each set-up, as a share of those asked for."""


def jobs_placebo(count: int) -> list[Twice]:
    return [
        Twice(FIRST_SEED + 10_000 + 1000 * which + 100 * index + number, tone, (30.0, 20.0)[number % 2], setup=setup)
        for which, (setup, pairs) in enumerate(PLACEBOS.items())
        for index, tone in enumerate(TONES)
        for number in range(math.ceil(count * pairs))
    ]


def jobs_power(count: int) -> list[Twice]:
    return [
        Twice(FIRST_SEED + 20_000 + 1000 * which + 100 * index + number, tone, 30.0, treatment, "same")
        for which, treatment in enumerate(TREATMENTS)
        for index, tone in enumerate(TONES)
        for number in range(count)
    ]


README_TABLES = ("pores", "placebo", "power")
"""The tables that stand in README.md as well, each between two marker comments."""


def publish(
    root: Path,
    singles: Sequence[Row],
    intervals: Sequence[Row],
    mixed: Sequence[Row],
    placebo: Sequence[Row],
    power: Sequence[Row],
) -> None:
    """Write docs/results.md and put the tables of README.md in their places."""
    tables = {
        "pores": pore_table(singles),
        "intervals": interval_table(intervals),
        "colour": colour_table(singles, mixed),
        "placebo": placebo_table(placebo),
        "placebo_by_measure": placebo_by_measure(placebo),
        "power": power_table(power),
    }
    template = (root / "docs" / "results.template.md").read_text(encoding="utf-8")
    for name, table in tables.items():
        template = template.replace(f"{{{name}}}", table)
    (root / "docs" / "results.md").write_text(template, encoding="utf-8")
    for name in README_TABLES:
        put_table(root / "README.md", name, tables[name])

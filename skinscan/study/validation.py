"""What skinscan reaches on phantoms that nothing was fitted on: its photos, pairs and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

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
    colour_card,
    draw_camera,
    draw_recipe,
    frame_of,
    grey_patch,
    photographed_again,
    under_another_lamp,
    with_marks,
)
from skinscan.study.scoring import score

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
class Situation:
    """How the second photo of a pair comes to be. `pairs`: how many, as a share of those asked for."""

    setup: Setup = "other"
    other_lamp: bool = False
    card: bool = False
    pairs: float = 0.34


SITUATIONS: Mapping[str, Situation] = {
    "another": Situation(pairs=1.0),
    "the same": Situation("same"),
    "another, lamp or camera too": Situation(other_lamp=True),
    "another, with a colour card": Situation(card=True),
    "another, lamp or camera too, with a colour card": Situation(other_lamp=True, card=True),
}


@dataclass(frozen=True)
class Twice:
    """The same skin photographed twice, unchanged (placebo) or treated (power), in one of SITUATIONS."""

    seed: int
    tone: str
    px_per_mm: float = 30.0
    treatment: str = ""
    situation: str = "another"


SAME_SHARE = 0.35
"""Of the study's same set-up, how far these pairs are apart at most: 0.7 degrees, as a stand holds."""


TREATMENTS: Mapping[str, Mapping[str, float]] = {
    "pores -10 %": {"pore_diameter": -0.10},
    "blood +25 %": {"blood": 0.25},
    "roughness -15 %": {"roughness": -0.15},
}


POWERED = (
    ("pores -10 %", "the same"),
    ("blood +25 %", "the same"),
    ("blood +25 %", "another, with a colour card"),
    ("roughness -15 %", "the same"),
)
"""What is to be called, and in which situation."""


def twice(job: Twice) -> list[dict[str, Any]]:
    """One row a measure and region of the comparison."""
    draw = np.random.default_rng(job.seed)
    recipe = with_marks(draw_recipe(draw, job.tone, job.px_per_mm))
    camera = draw_camera(draw, job.px_per_mm)
    situation = SITUATIONS[job.situation]
    same = situation.setup == "same"
    far, share = (SAME_SETUP, float(draw.uniform(0, SAME_SHARE))) if same else (PLACEBO_SPREAD, 1.0)
    again = photographed_again(draw, camera, far, share)
    if situation.other_lamp:
        again = under_another_lamp(draw, again)
    grid_um = min(20.0, 1000.0 / job.px_per_mm / 1.75)
    skin = make_skin(recipe, grid_um)
    treated = make_skin(change(recipe, **TREATMENTS[job.treatment]), grid_um) if job.treatment else skin
    props = None
    if situation.card:
        props = colour_card(job.px_per_mm, draw)
    elif job.seed % 2 or job.treatment:  # blood changes everywhere: only what is not skin can be the reference then
        props = grey_patch(job.px_per_mm)
    before = frame_of(skin, camera, props, baseline=True)
    after = frame_of(treated, again, props, baseline=False)
    comparison = compare_frames(before, after, same_setup=same, evidence=False)
    shared = {"seed": job.seed, "tone": job.tone, "situation": job.situation, "treatment": job.treatment}
    return [
        {**shared, "comparable": comparison.comparable, "measure": c.measure, "region": c.region,
         "verdict": c.verdict, "change": c.change, "before": c.before, "sdc": c.sdc, "reason": c.reason}
        for c in comparison.changes
        if c.region != "untreated"
    ]  # fmt: skip


# --- jobs ----------------------------------------------------------------------------------------------------------


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


def jobs_placebo(count: int) -> list[Twice]:
    return [
        Twice(FIRST_SEED + 10_000 + 1000 * which + 100 * index + number, tone, (30.0, 20.0)[number % 2], situation=name)
        for which, (name, situation) in enumerate(SITUATIONS.items())
        for index, tone in enumerate(TONES)
        for number in range(math.ceil(count * situation.pairs))
    ]


def jobs_power(count: int) -> list[Twice]:
    return [
        Twice(FIRST_SEED + 20_000 + 1000 * which + 100 * index + number, tone, 30.0, treatment, situation)
        for which, (treatment, situation) in enumerate(POWERED)
        for index, tone in enumerate(TONES)
        for number in range(count)
    ]

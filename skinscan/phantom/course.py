"""A course of treatment on known skin: reddened for days, changed over months, photographed anew at each visit.

What a session does to the recipe of the skin, by days since:

    blood   rises at once and decays exponentially, half of it in a day
    pores   and relief look smaller while the skin is swollen (days), then drift to their lasting change (14-90 days)

Where the course goes badly, one of

    redness    half of it is still there after 25 days
    pigment    melanin rises from day 5 to 20
    marks      parallel scratches, as a device leaves that is dragged, half as red after 45 days
    foci       papules, half as strong after 45 days
    asymmetry  the left half reddens once more, and that does not settle

The courses are plausible, not predictions: no figure here stands for what a treatment achieves.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from skinscan.phantom.cameras import Camera, grid_for
from skinscan.phantom.photograph import Shot, photograph
from skinscan.phantom.recipes import Props, SkinRecipe, change
from skinscan.phantom.skin import make_skin
from skinscan.phantom.tracks import TracksRecipe
from skinscan.records import ParameterError

Adverse = Literal["none", "redness", "pigment", "marks", "foci", "asymmetry"]
ADVERSE: tuple[Adverse, ...] = get_args(Adverse)

MANIFEST = "course.csv"
GREY = "grey"
"""Name of the region over the grey patch in the regions file beside the photos."""


@dataclass(frozen=True, slots=True)
class CourseRecipe:
    """A course, fully determined by these numbers. Days count from the first session; visits on the day of a session
    come before it.

    `pores`, `relief`, `patches`, `blood`, `melanin`, `spots`, `lines`, `scars`: lasting relative changes once the whole
    course has had its time (of lines and scars, their depth). `flush`:
    relative rise of blood right after a session, `flush_half_days` until half of it is gone; `swelling`: share by which
    pores and relief look smaller then. `adverse`: what goes badly, as told above, if anything; `pigment`: relative rise
    of melanin then; `tracks`, `foci` with `focus_strength`, `sided`: marks, papules and one side's relative rise of
    blood, `lasting_half_days` until half of that is gone.
    """

    skin: SkinRecipe = field(default_factory=SkinRecipe)
    session_days: tuple[int, ...] = (0, 30, 60)
    visit_days: tuple[int, ...] = (0, 2, 30, 60, 125, 150)
    pores: float = -0.12
    relief: float = -0.15
    patches: float = -0.3
    blood: float = 0.0
    melanin: float = 0.0
    spots: float = 0.0
    lines: float = 0.0
    scars: float = 0.0
    flush: float = 0.9
    flush_half_days: float = 1.0
    swelling: float = 0.12
    adverse: Adverse = "none"
    pigment: float = 0.35
    tracks: TracksRecipe = field(default_factory=lambda: TracksRecipe(length_mm=(9.0, 14.0), blood=1.5, depth_um=40.0))
    foci: int = 16
    focus_strength: float = 2.0
    sided: float = 1.5
    lasting_half_days: float = 45.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.visit_days or not self.session_days or self.visit_days[0] > self.session_days[0]:
            raise ParameterError("A course needs a visit no later than its first session")


def unchanging(recipe: CourseRecipe) -> CourseRecipe:
    """The same course on skin that nothing happens to."""
    return replace(
        recipe, pores=0.0, relief=0.0, patches=0.0, blood=0.0, melanin=0.0, spots=0.0, lines=0.0, scars=0.0,
        flush=0.0, swelling=0.0, adverse="none",
    )  # fmt: skip


def skin_on(recipe: CourseRecipe, day: float) -> SkinRecipe:
    """The skin on a day; on the day of a session as it was before."""
    since = [day - session for session in recipe.session_days if session < day]
    half = 25.0 if recipe.adverse == "redness" else recipe.flush_half_days
    flush = recipe.flush * sum(0.5 ** (days / half) for days in since)
    swollen = recipe.swelling * sum(0.5 ** (days / 2.0) for days in since)
    healed = sum(_smooth((days - 14) / 76) for days in since) / len(recipe.session_days)
    pigment = recipe.pigment * min(sum(_smooth((days - 5) / 15) for days in since), 1.0)
    dark = pigment if recipe.adverse == "pigment" else 0.0
    left = max((0.5 ** (days / recipe.lasting_half_days) for days in since), default=0.0)
    return change(
        _gone_badly(recipe, left),
        melanin=(1 + recipe.melanin * healed) * (1 + dark) - 1,
        blood=(1 + recipe.blood * healed) * (1 + flush) - 1,
        pore_diameter=(1 + recipe.pores * healed) * (1 - swollen) - 1,
        roughness=(1 + recipe.relief * healed) * (1 - swollen) - 1,
        redness=recipe.patches * healed,
        spot=recipe.spots * healed,
        line_depth=recipe.lines * healed,
        scar_depth=recipe.scars * healed,
    )


def _gone_badly(recipe: CourseRecipe, left: float) -> SkinRecipe:
    """The skin with what a session left on it, of which a share is still there."""
    skin, adverse = recipe.skin, recipe.adverse
    if left == 0.0:
        return skin
    if adverse == "marks":
        tracks = recipe.tracks
        return replace(skin, tracks=replace(tracks, blood=left * tracks.blood, depth_um=left * tracks.depth_um))
    if adverse == "foci":
        height = skin.focus_height_um * left
        return replace(skin, foci=recipe.foci, focus_strength=left * recipe.focus_strength, focus_height_um=height)
    return replace(skin, left_blood=left * recipe.sided) if adverse == "asymmetry" else skin


def _smooth(share: float) -> float:
    """0 up to 0, 1 from 1 on, without a kink."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def again(draw: np.random.Generator, camera: Camera, far: float = 1.0) -> Camera:
    """The same close-up at another visit, held by hand: other pose, light, exposure, white balance, focus and file."""

    def within(limit: float) -> float:
        return float(draw.uniform(-limit, limit)) * far

    red, blue = math.exp(within(0.08)), math.exp(within(0.08))
    return replace(
        camera,
        exposure_ev=camera.exposure_ev + within(0.4),
        white_balance=(red, 1.0, blue),
        tilt_deg=within(5.0),
        tilt_axis_deg=float(draw.uniform(0, 180)),
        rotation_deg=camera.rotation_deg + within(6.0),
        shift_mm=(camera.shift_mm[0] + within(1.5), camera.shift_mm[1] + within(1.5)),
        px_per_mm=camera.px_per_mm * math.exp(within(0.06)),
        azimuth_deg=camera.azimuth_deg + within(10.0),
        elevation_deg=min(max(camera.elevation_deg + within(8.0), 15.0), 85.0),
        blur_px=float(draw.uniform(0.6, 1.1)),
        jpeg_quality=int(draw.integers(80, 97)),
        seed=int(draw.integers(1, 2**31)),
    )


def photographed(recipe: CourseRecipe, camera: Camera, props: Props, far: float = 1.0) -> Iterator[tuple[int, Shot]]:
    """Each visit's day and its photograph; the first is taken by `camera`, each later one a little otherwise."""
    draw = np.random.default_rng([recipe.seed, 5])
    for number, day in enumerate(recipe.visit_days):
        view = camera if number == 0 else again(draw, camera, far)
        yield day, photograph(make_skin(skin_on(recipe, day), grid_for(camera)), view, props)


def write_course(
    folder: str | Path, recipe: CourseRecipe, *, px_per_mm: float = 26.0, size_px: int = 900,
    first_session: date = date(2026, 1, 12),
) -> list[Path]:  # fmt: skip
    """Write the photos of a course, its manifest `course.csv`, `regions.json` with the grey patch that ties their
    colours (and of a course of which one side goes badly, both sides), and `truth.json`; returns the paths. The scale
    is 1 / `px_per_mm` mm a pixel, that of the first photo."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    skin_mm = size_px / px_per_mm
    recipe = replace(recipe, skin=replace(recipe.skin, width_mm=skin_mm * 1.3 + 6, height_mm=skin_mm * 1.3 + 6))
    grey_mm = 0.17 * skin_mm
    corner = -skin_mm / 2 + 0.14 * skin_mm
    props = Props(grey_mm=grey_mm, grey_at_mm=(corner, corner), grey=0.35)
    camera = Camera(px_per_mm=px_per_mm, size_px=(size_px, size_px), gloss=0.6, seed=recipe.seed)
    rows = [{"kind": "session", "day": str(first_session + timedelta(days=day))} for day in recipe.session_days]
    truth, written = [], []
    for day, shot in photographed(recipe, camera, props):
        when = first_session + timedelta(days=day)
        path = folder / f"{when}{shot.suffix}"
        path.write_bytes(shot.data)
        written.append(path)
        rows.append({"kind": "photo", "day": str(when), "photo": path.name})
        truth.append({"day": day, "photo": path.name, "truth": shot.truth.to_dict()})
    middle, half = (0.14 * size_px, 0.075 * size_px)
    box = [[middle + x * half, middle + y * half] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    drawn = {GREY: box} | (sides(size_px) if recipe.adverse == "asymmetry" else {})
    for name, text in (
        (MANIFEST, _csv(sorted(rows, key=lambda row: row["day"]))),
        ("regions.json", json.dumps(drawn)),
        ("truth.json", json.dumps({"recipe": asdict(recipe), "visits": truth}, indent=1)),
    ):
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written


def sides(size_px: int) -> dict[str, list[list[float]]]:
    """Regions `left` and `right` (the patient's, of a skin seen from the front) of a photo of a course, below its grey
    patch."""
    top, bottom = 0.27 * size_px, 0.94 * size_px

    def between(low: float, high: float) -> list[list[float]]:
        return [[low * size_px, top], [high * size_px, top], [high * size_px, bottom], [low * size_px, bottom]]

    return {"right": between(0.07, 0.45), "left": between(0.55, 0.93)}


def _csv(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, ("kind", "day", "photo"), restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()

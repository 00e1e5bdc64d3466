"""Phantom pairs: the same skin photographed twice, unchanged or treated, and what each measure makes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.registration.by_view import match
from skinscan.judgement import own_error
from skinscan.measures.maps import Maps
from skinscan.pairing import pair_of, samples_of
from skinscan.phantom import Camera, Card, Props, Skin, SkinRecipe, StriaeRecipe, make_skin, photograph, write_shot
from skinscan.phantom.light import Illuminant
from skinscan.records import SKIN, Flag, Frame
from skinscan.repeatability import Setup
from skinscan.tying import tie

TONES = ("I", "II", "III", "IV", "V", "VI")
PX_PER_MM = (15.0, 20.0, 25.0, 30.0, 34.0, 38.0)
LARGEST_PX, LARGEST_MM = 900, 45.0
LEAST_SHARE: Mapping[Setup, float] = {"other": 0.4, "same": 0.05}
"""How far apart the captures of a pair lie at least, as a share of Spread.

A lamp raised by ten degrees leaves hardly a trace by which the pair could be told from twins, and yet roughens what is
seen: with twins among the pairs of another set-up, the error of such pairs would be taken for theirs.
"""


@dataclass(frozen=True)
class Spread:
    """How far apart two captures of the study lie at most; each pair draws its own share of it."""

    exposure_ev: float = 0.8
    white_balance: float = 0.15
    tilt_deg: float = 10.0
    rotation_deg: float = 10.0
    shift_mm: float = 2.0
    scale: float = 0.15
    light_deg: float = 20.0
    jpeg_quality: tuple[int, int] | None = (70, 97)
    blur_px: tuple[float, float] | None = (0.6, 1.5)


SAME_SETUP = Spread(
    exposure_ev=0.08, white_balance=0.01, tilt_deg=2.0, rotation_deg=2.0, shift_mm=2.0, scale=0.02, light_deg=2.0,
    jpeg_quality=None, blur_px=None,
)  # fmt: skip
"""The same camera, settings and lamp, all in their place: what is left is how the person comes to lie again."""

FAR: Mapping[Setup, Spread] = {"other": Spread(), "same": SAME_SETUP}


def size_px(px_per_mm: float) -> int:
    """Side of the study's photos: what a close-up shows, and no more skin than is worth making."""
    return int(min(LARGEST_PX, LARGEST_MM * px_per_mm))


def draw_recipe(draw: np.random.Generator, tone: str, px_per_mm: float) -> SkinRecipe:
    """A skin of a tone, large enough for every view."""
    side = size_px(px_per_mm) / px_per_mm * 1.3 + 6
    return SkinRecipe(
        seed=int(draw.integers(1, 2**31)),
        tone=tone,  # type: ignore[arg-type]
        width_mm=side,
        height_mm=side,
        roughness_scale=float(draw.uniform(0.5, 1.3)),
        redness_patches=int(draw.integers(0, 4)),
        redness_strength=float(draw.uniform(0.3, 0.9)),
        spots=int(draw.integers(0, 7)),
        hairs=int(draw.integers(0, 8)),
        mottling=float(draw.uniform(0.5, 1.5)),
    )


def with_marks(recipe: SkinRecipe) -> SkinRecipe:
    """The recipe with scars on every other skin, lines on every third and stretch marks on every fourth, told by its
    seed alone so that nothing else is drawn otherwise."""
    draw = np.random.default_rng([recipe.seed, 20])
    depth_um = float(np.exp(draw.uniform(math.log(100), math.log(500))))
    if recipe.seed % 2:
        recipe = replace(recipe, scars=int(draw.integers(4, 16)), scar_depth_um=depth_um)
    draw = np.random.default_rng([recipe.seed, 21])
    if recipe.seed % 3 == 0:
        lines_um = float(np.exp(draw.uniform(math.log(70), math.log(260))))
        recipe = replace(recipe, lines=int(draw.integers(2, 9)), line_depth_um=lines_um)
    if recipe.seed % 4 < 1:
        recipe = replace(recipe, striae=_stretch_marks(draw))
    return recipe


def _stretch_marks(draw: np.random.Generator) -> StriaeRecipe:
    """Old pale or young red ones, short enough for a close-up."""
    old = draw.uniform() < 0.5
    return StriaeRecipe(
        seed=int(draw.integers(1, 2**31)),
        count=int(draw.integers(2, 6)),
        width_mm=(1.2, 4.0),
        length_mm=(12.0, 35.0),
        spacing_mm=float(draw.uniform(5, 9)),
        direction_deg=float(draw.uniform(0, 180)),
        melanin=float(draw.uniform(-0.6, -0.2)) if old else 0.0,
        blood=float(draw.uniform(-0.5, -0.1)) if old else float(draw.uniform(0.4, 1.2)),
        depth_um=float(draw.uniform(20, 90)),
    )


def draw_camera(draw: np.random.Generator, px_per_mm: float) -> Camera:
    """A baseline's camera and light."""
    return Camera(
        px_per_mm=px_per_mm,
        size_px=(size_px(px_per_mm),) * 2,
        azimuth_deg=float(draw.uniform(0, 360)),
        elevation_deg=float(draw.uniform(36, 75)),
        dome=float(draw.uniform(0.25, 0.75)),
        gloss=float(draw.choice([0.0, 0.6, 1.0])),
        sensitivities=int(draw.integers(0, CAMERAS)),
        tone_curve=float(draw.choice([0.0, 0.0, 0.4, 0.8])),
        sharpening=float(draw.choice([0.0, 0.0, 0.3])),
        noise=float(draw.uniform(0.6, 1.6)),
        blur_px=float(draw.uniform(0.6, 1.0)),
        jpeg_quality=int(draw.integers(85, 97)),
        seed=int(draw.integers(1, 2**31)),
    )


def photographed_again(draw: np.random.Generator, camera: Camera, far: Spread, share: float) -> Camera:
    """The same camera at the next visit, `share` (0..1) of `far` away."""

    def within(limit: float) -> float:
        return float(draw.uniform(-limit, limit)) * share

    gains = np.exp([within(far.white_balance), 0.0, within(far.white_balance)])
    shift = (camera.shift_mm[0] + within(far.shift_mm), camera.shift_mm[1] + within(far.shift_mm))
    return replace(
        camera,
        exposure_ev=camera.exposure_ev + within(far.exposure_ev),
        white_balance=(float(gains[0]), 1.0, float(gains[2])),
        tilt_deg=within(far.tilt_deg),
        tilt_axis_deg=float(draw.uniform(0, 180)),
        rotation_deg=within(far.rotation_deg),
        shift_mm=shift,
        px_per_mm=camera.px_per_mm * math.exp(within(far.scale)),
        azimuth_deg=camera.azimuth_deg + within(far.light_deg),
        elevation_deg=min(max(camera.elevation_deg + within(far.light_deg), 10.0), 88.0),
        # focus and file are another visit's own, however near the rest is
        blur_px=float(draw.uniform(*far.blur_px)) if far.blur_px else camera.blur_px * math.exp(within(0.1)),
        jpeg_quality=int(draw.integers(*far.jpeg_quality))
        if camera.jpeg_quality and far.jpeg_quality
        else camera.jpeg_quality,
        seed=int(draw.integers(1, 2**31)),
    )


SITE = "thigh"
"""What the study's skin is said to be, so that stretch marks are looked for too."""

REFERENCE_MM = 6.0


def grey_patch(px_per_mm: float) -> Props:
    """A neutral patch somewhat larger than the reference region, where that region is in an untilted view."""
    centre_mm = (0.12 - 0.5) * size_px(px_per_mm) / px_per_mm + REFERENCE_MM / 2
    return Props(grey_mm=REFERENCE_MM + 2.0, grey_at_mm=(centre_mm, centre_mm), grey=0.35)


LAMPS: tuple[Illuminant, ...] = ("D65", "D50", "F2", "F11", "LED_B1", "LED_B3", "LED_B5", "A")
"""What practices are lit by; only with a colour card may it change between two visits."""

CAMERAS = 50


def colour_card(px_per_mm: float, draw: np.random.Generator) -> Props:
    """A ColorChecker small enough to lie in a corner of the study's close-ups, on its side as it happens."""
    side_mm = size_px(px_per_mm) / px_per_mm
    pitch_mm = 0.075 * side_mm
    centre_mm = 0.06 * side_mm + 3.2 * pitch_mm - side_mm / 2
    card = Card(
        pitch_mm=pitch_mm,
        at_mm=(centre_mm, 0.06 * side_mm + 2.3 * pitch_mm - side_mm / 2),
        angle_deg=float(draw.uniform(-4, 4)),
        formulation=("before_2014", "after_2014")[int(draw.integers(2))],
    )
    return Props(card=card)


def under_another_lamp(draw: np.random.Generator, camera: Camera) -> Camera:
    """The same view by another camera, under another lamp, or both: what a card is there to undo."""
    which = int(draw.integers(3))
    if which != 0:
        camera = replace(camera, illuminant=LAMPS[int(draw.integers(len(LAMPS)))])
    if which != 1:
        camera = replace(camera, sensitivities=int(draw.integers(0, CAMERAS)))
    return camera


def regions_of(px_per_mm: float) -> dict[str, list[tuple[float, float]]]:
    """A reference in a corner (untreated skin, or the grey patch where one lies there), and a smaller region."""

    def square(x: float, y: float, side_mm: float) -> list[tuple[float, float]]:
        side = side_mm * px_per_mm
        return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]

    size = size_px(px_per_mm)
    margin = 0.12 * size
    return {"untreated": square(margin, margin, REFERENCE_MM), "patch": square(0.42 * size, 0.42 * size, 12.0)}


def frame_of(skin: Skin, camera: Camera, props: Props | None, baseline: bool, referenced: bool = True) -> Frame:
    """What the pipeline makes of a photo, file and all. The baseline carries scale, regions and reference."""
    with TemporaryDirectory() as folder:
        path = write_shot(photograph(skin, camera, props), Path(folder) / "photo.jpg")
        photo = read_photo(path)
    carded = "none" if props is None or props.card is None else props.card.formulation
    stated: dict[str, Any] = {"card": carded, "site": SITE}
    if not baseline:
        return make_frame(photo, **stated)
    regions = regions_of(camera.px_per_mm)
    if carded != "none":
        regions = {"patch": regions["patch"]}
    return make_frame(
        photo,
        **stated,
        mm_per_px=1 / camera.px_per_mm,
        regions=regions,
        reference="untreated" if referenced and carded == "none" else None,
    )


def rows_of(
    before: Frame, after: Frame, setup: Setup, regions: Sequence[str] = (SKIN, "patch")
) -> Iterator[dict[str, Any]]:
    """One row a measure and region: the transformed difference and what the pair itself says of its error.

    A pair that is not registered gives one row with `measure` empty.
    """
    registration = match(before, after)
    if not registration.ok:
        yield {"measure": "", "region": "", "flags": ",".join(n.flag for n in registration.notices)}
        return
    before, after, _ = tie(before, after, registration)
    pair = pair_of(Maps(before), Maps(after), registration)
    shared = {**asdict(pair.difference), "setup": setup, "state": pair.tied_by}
    for region in regions:
        for measure, found in samples_of(pair, region):
            row = {"measure": measure.name, "region": region, **shared}
            if found is None:
                continue
            if isinstance(found, tuple):
                a, b = found
                if any(notice.flag == Flag.OUT_OF_MODEL for notice in (*a.notices, *b.notices)):
                    continue  # its change is refused, and has no part in the error of those that are not
                judged = measure.scale(a)
                yield {
                    **row, "before": a.value, "after": b.value,
                    "difference": judged.forward(b.value) - judged.forward(a.value),
                    "known_sd": math.hypot(*own_error(measure, pair, region, a, b).values()),
                }  # fmt: skip
            else:
                yield {
                    **row, "before": math.nan, "after": math.nan, "difference": found.change,
                    "known_sd": found.standard_uncertainty,
                }  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One skin and the photos taken of it."""

    seed: int
    tone: str
    px_per_mm: float
    repeats: int = 2
    referenced: bool = True
    grey: bool = False
    card: bool = False


def run(job: Job) -> list[dict[str, Any]]:
    """Rows of one skin: its baseline against `repeats` later photos of another set-up and as many of the same."""
    draw = np.random.default_rng(job.seed)
    recipe = with_marks(draw_recipe(draw, job.tone, job.px_per_mm))
    camera = draw_camera(draw, job.px_per_mm)
    skin = make_skin(recipe, min(20.0, 1000.0 / job.px_per_mm / 1.75))
    props = grey_patch(job.px_per_mm) if job.grey else None
    if job.card:
        props = colour_card(job.px_per_mm, draw)
        camera = replace(camera, illuminant=LAMPS[int(draw.integers(len(LAMPS)))])
    before = frame_of(skin, camera, props, baseline=True, referenced=job.referenced)
    rows = []
    setups: tuple[Setup, ...] = ("other", "same")
    for repeat, setup in enumerate(setup for setup in setups for _ in range(job.repeats)):
        share = float(draw.uniform(LEAST_SHARE[setup], 1))
        again = photographed_again(draw, camera, FAR[setup], share)
        if job.card and setup == "other":
            again = under_another_lamp(draw, again)
        after = frame_of(skin, again, props, baseline=False)
        about = {"seed": job.seed, "repeat": repeat, "tone": job.tone, "px_per_mm": job.px_per_mm, "share": share}
        rows += [{**about, **row} for row in rows_of(before, after, setup)]
    return rows


FIRST_SEED = 100_000


def study_jobs(count: int) -> list[Job]:
    """Unchanged pairs over tones, resolutions and references, in turn, and a third as many skins with a colour card."""
    cards = [
        Job(
            seed=FIRST_SEED + 10_000 + number,
            tone=TONES[number % 6],
            px_per_mm=PX_PER_MM[(number // 6) % 6],
            repeats=2,
            card=True,
        )
        for number in range(count // 3)
    ]
    return cards + [
        Job(
            seed=FIRST_SEED + number,
            tone=TONES[number % 6],
            px_per_mm=PX_PER_MM[(number // 6) % 6],
            repeats=2,
            grey=(number // 36) % 2 == 1,
            referenced=(number + number // 6 + number // 36) % 4 != 3,
        )
        for number in range(count)
    ]

"""Make the photos of the demo's clinic: `skinscan study clinic` writes datasets/clinic/.

Four invented patients on synthetic skin, each photographed through a course with the printed skin card in the picture,
every time with another pose, light, exposure, white balance and file. Days count back from the day on which the demo is
started, so that the last visit was always a few days ago. The courses are plausible, not predictions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from skinscan.phantom import Camera, Card, Props, Shot, SkinRecipe, TracksRecipe, make_skin, photograph
from skinscan.phantom.cameras import grid_for
from skinscan.phantom.course import CourseRecipe, again, skin_on, unchanging
from skinscan.treatment import SHIPPED

SIZE_PX = (1100, 1340)
PX_PER_MM = 21.5
JPEG_QUALITY = 88
EXPOSURE_EV = -0.15
HELD_ALIKE = 0.5
"""How far the later photos are from the first one, as a share of what `phantom.course.again` draws by hand."""

CARD_AT_MM = (0.0, -26.0)
"""The card's lower half comes into the picture from above: two of its markers, a row of greys and one of skin."""

COLOUR_CARD = Card(pitch_mm=3.9, at_mm=(16.0, 14.5))
"""A small one, in a corner below."""

MANIFEST = "clinic.json"


@dataclass(frozen=True)
class Patient:
    """An invented patient. `today`: on which day of the course the demo is started. `bad_from`: from which day on what
    the recipe names as adverse shows. `session` is what was done at each session, `notes` what was noted at some,
    `told` what else the manifest says of the patient."""

    key: str
    course: CourseRecipe
    today: int
    session: Mapping[str, Any]
    told: Mapping[str, Any]
    bad_from: int = 0
    notes: Mapping[int, str] = field(default_factory=dict)
    colour_card: bool = False


def _skin(seed: int, tone: str, **more: Any) -> SkinRecipe:
    height_mm, width_mm = (side / PX_PER_MM * 1.15 + 8 for side in SIZE_PX)
    return SkinRecipe(seed, tone, width_mm=width_mm, height_mm=height_mm, **more)  # type: ignore[arg-type]


_NO = {row.prompt: False for row in SHIPPED.screening}

_PEN = {"device": "dermapen", "tip": "12 needles", "passes": 3, "numbing": "lidocaine cream, 30 minutes"}

_VISIT = {
    "preparation": {"washed": True, "make_up": False, "sunscreen": False, "tan": False, "rest_minutes": 10},
    "capture": {"same_lamp": True},
}

PATIENTS = (
    Patient(
        "anna",
        CourseRecipe(
            _skin(61, "II", redness_patches=2, hairs=2, pore_density_per_cm2=130, pore_diameter_scale=1.25,
                  roughness_scale=1.1),
            (0, 30, 60), (0, 2, 30, 60, 124, 152), pores=-0.24, relief=-0.3, patches=-0.5, seed=611,
        ),
        155,
        {**_PEN, "depth_mm": {"": 1.0}, "topical": "hyaluronic acid", "screening": _NO},
        {
            "name": "Anna Example", "fitzpatrick": "II", "site": "face", "indication": "pores", "view": "left cheek",
            "consents": ["treatment", "sharing", "research"], "login": True, "share": True,
            "pair": True,
        },
    ),
    Patient(
        "bilal",
        unchanging(CourseRecipe(
            _skin(62, "IV", redness_patches=1, spots=6, hairs=3, scars=44, scar_depth_um=420, scar_colour=1.3,
                  scar_kinds=("rolling", "boxcar", "boxcar", "icepick"), pore_density_per_cm2=80),
            (0, 66, 130), (0, 3, 31, 66, 130), seed=622,
        )),
        132,
        {**_PEN, "depth_mm": {"": 1.5}, "topical": "platelet-rich plasma (PRP)",
         "screening": {**_NO, "darker_skin": True}},
        {
            "name": "Bilal Example", "fitzpatrick": "IV", "site": "face", "indication": "acne_scars",
            "view": "right cheek", "consents": ["treatment", "sharing", "research"], "login": True, "share": True,
        },
    ),
    Patient(
        "chidi",
        CourseRecipe(
            _skin(63, "VI", redness_patches=0, spots=3, hairs=2, roughness_scale=1.2),
            (0, 31, 62), (0, 31, 62, 72, 84), relief=-0.15, pores=-0.05, adverse="marks", flush=0.6, seed=633,
            tracks=TracksRecipe(5, count=6, spacing_mm=2.4, direction_deg=25.0, length_mm=(11.0, 15.0), width_um=320.0,
                                blood=1.8, depth_um=60.0, at_mm=(4.0, 10.0)),
        ),
        87,
        {"device": "dermaroller", "tip": "192 needles", "passes": 4, "numbing": "none", "depth_mm": {"": 0.5},
         "topical": "none", "screening": {**_NO, "darker_skin": True}},
        {
            "name": "Chidi Example", "fitzpatrick": "VI", "site": "face", "indication": "texture",
            "view": "left cheek", "consents": ["treatment", "research"], "login": False, "share": False,
        },
        bad_from=62, notes={2: "A roller of another maker, more pressure than before."},
    ),
    Patient(
        "dana",
        CourseRecipe(
            _skin(64, "III", redness_patches=7, redness_strength=2.6, mottling=1.3, hairs=3, spots=2),
            (0, 30, 60), (0, 4, 30, 60, 132), patches=-0.7, blood=-0.3, pores=-0.05, relief=-0.08, flush=0.7,
            seed=644,
        ),
        136,
        {**_PEN, "depth_mm": {"": 0.5}, "topical": "hyaluronic acid", "screening": {**_NO, "allergies": True}},
        {
            "name": "Dana Example", "fitzpatrick": "III", "site": "face", "indication": "redness",
            "view": "right cheek", "consents": ["treatment", "sharing"], "login": False, "share": True,
        },
        colour_card=True,
    ),
)  # fmt: skip


def photos_of(patient: Patient) -> Iterator[tuple[int, Shot]]:
    """Each visit's day and its photo."""
    course = patient.course
    first = Camera(
        px_per_mm=PX_PER_MM, size_px=SIZE_PX, sensitivities=102, tone_curve=0.5, gloss=0.5, elevation_deg=58.0,
        dome=0.6, exposure_ev=EXPOSURE_EV, jpeg_quality=JPEG_QUALITY, seed=course.seed,
    )  # fmt: skip
    card = COLOUR_CARD if patient.colour_card else None
    props = Props(skin_card_at_mm=CARD_AT_MM, skin_card_angle_deg=1.5, card=card)
    draw = np.random.default_rng([course.seed, 5])
    for number, day in enumerate(course.visit_days):
        camera = first if number == 0 else replace(again(draw, first, HELD_ALIKE), jpeg_quality=JPEG_QUALITY)
        recipe = course if day > patient.bad_from else replace(course, adverse="none")
        yield day, photograph(make_skin(skin_on(recipe, day), grid_for(camera)), camera, props)


def write_photos(folder: Path, patient: Patient) -> dict[str, Any]:
    """Write a patient's photos; returns what the manifest says of the patient."""
    course, visits = patient.course, []
    for number, (day, shot) in enumerate(photos_of(patient)):
        name = f"{patient.key}-{number}{shot.suffix}"
        (folder / name).write_bytes(shot.data)
        visits.append({"day": day - patient.today, "photo": name, **_VISIT})
    sessions = [
        {"day": day - patient.today, **patient.session, "notes": patient.notes.get(number, "")}
        for number, day in enumerate(course.session_days)
    ]
    return {"key": patient.key, "pair": False, **patient.told, "sessions": sessions, "visits": visits}


def write(folder: Path) -> None:
    """The photos of all patients and the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "about": "Synthetic skin and invented people. Days count from the day on which the demo is started.",
        "patients": [write_photos(folder, patient) for patient in PATIENTS],
    }
    (folder / MANIFEST).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")

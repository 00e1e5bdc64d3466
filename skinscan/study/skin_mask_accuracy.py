"""How well the skin mask holds: `skinscan study skin-mask`, by tone, into docs/skin_mask.md.

On scenes of a generator setting that nothing was fitted on, on the faces of the Face Research Lab London Set with masks
from their hand-placed points, relit and recoloured too, and with things laid over the skin of both and of phantoms. No
label comes from a mask under test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from skinscan.capture.frame import LITTLE_SKIN_SHARE
from skinscan.capture.photo import read_photo
from skinscan.capture.skin.evidence import doubt_of
from skinscan.capture.skin.mask import find_skin
from skinscan.capture.skin.occluders import find_occluders
from skinscan.capture.thumbnails import Thumbnails
from skinscan.phantom import Camera, SkinRecipe, Tone, make_skin, photograph
from skinscan.phantom.optics import MELANIN
from skinscan.records import BoolArray, Photo
from skinscan.study.scenes import HELD_OUT, REST, SKIN, make_scene
from skinscan.study.scenes.covers import COVERS, cover
from skinscan.study.scenes.without_skin import MATERIALS, picture_without_skin
from skinscan.study.skin_truth import Judged, judged_face, photo_of, recoloured, relit

FIRST_SEED = 31_000_000
"""Seeds from here on were looked at by nobody who set a threshold (those from 3 000 000, 5 000 000, 9 000 000 and
11 000 000 on were)."""
COVERED_OF = 6
"""One in so many scenes has everything laid over its skin too."""
MARGIN_PX = 7
"""Side of the square by which a cover is grown before skin beside it counts as lost: JPEG and soft edges."""

Method = Callable[[Photo], BoolArray]
Row = dict[str, Any]
TONES: tuple[Tone, ...] = tuple(MELANIN)


def skin_alone(photo: Photo) -> BoolArray:
    """The mask as `find_skin` gives it."""
    return find_skin(photo)


def skin_less_occluders(photo: Photo) -> BoolArray:
    """The mask without what `find_occluders` finds."""
    thumbnails = Thumbnails(photo)
    skin = find_skin(photo, thumbnails)
    for found in find_occluders(photo, skin, thumbnails).values():
        skin = skin & ~found
    return skin


METHODS: dict[str, Method] = {"find_skin": skin_alone, "less occluders": skin_less_occluders}


def scenes(seed: int) -> Judged:
    """One held-out scene; the seed gives the tone."""
    scene = make_scene(seed, HELD_OUT, 640, TONES[seed % 6])
    return Judged(f"scene {scene.view}", scene.tone, scene.pixels, scene.labels == SKIN, scene.labels == REST)


def close_up(seed: int) -> Judged:
    """One phantom close-up, skin all over."""
    tone = TONES[seed % 6]
    skin = make_skin(SkinRecipe(seed, tone, width_mm=38, height_mm=38, spots=8, hairs=4), 30.0)
    shot = photograph(skin, Camera(px_per_mm=20.0, size_px=(512, 512), seed=seed, jpeg_quality=88, gloss=1.5))
    whole = np.ones(shot.pixels.shape[:2], np.bool_)
    return Judged("close-up", tone, np.asarray(shot.pixels, np.uint8), whole, ~whole)


def overlap(kind: str, judged: Judged, methods: dict[str, Method]) -> list[Row]:
    """Recall, precision and intersection over union of each method over the judged pixels."""
    rows = []
    photo = photo_of(judged.pixels)
    for name, method in methods.items():
        mask = method(photo)
        both = np.count_nonzero(mask & judged.skin)
        wrong, all_skin = np.count_nonzero(mask & judged.rest), np.count_nonzero(judged.skin)
        rows.append(
            {
                "set": kind, "tone": judged.tone, "method": name, "photo": judged.name, "skin": all_skin,
                "recall": both / all_skin if all_skin > 500 else np.nan,
                "precision": both / (both + wrong) if both + wrong > 500 else np.nan,
                "iou": both / (all_skin + wrong) if all_skin > 500 else np.nan,
            }
        )  # fmt: skip
    return rows


def covered(kind: str, judged: Judged, seed: int, methods: dict[str, Method]) -> Iterator[Row]:
    """For each cover laid over this photo's skin: the share of it left out, and skin beside it lost by it.

    Told where the same method finds most of the skin under the cover in the photo without it: skin that is never found
    leaves every cover out. The loss is of skin that it finds there.
    """
    clean = {name: method(photo_of(judged.pixels)) for name, method in methods.items()}
    for number, what in enumerate(COVERS):
        draw = np.random.default_rng([seed, number])
        pixels, where = cover(what, judged.pixels, judged.skin, draw, int(draw.integers(72, 95)))
        photo = photo_of(pixels)
        over = where & judged.skin
        grown = cv2.dilate(where.view(np.uint8), np.ones((MARGIN_PX, MARGIN_PX), np.uint8)) > 0
        for name, method in methods.items():
            mask = method(photo)
            beside = judged.skin & ~grown & clean[name]
            found = over.any() and clean[name][over].mean() > 0.5
            yield {
                "set": kind, "tone": judged.tone, "cover": what, "method": name,
                "left_out": 1 - mask[over].mean() if found else np.nan,
                "lost": 1 - mask[beside].mean() if beside.any() else np.nan,
            }  # fmt: skip


def false_alarms(kind: str, judged: Judged) -> Row:
    """Share of a clean photo's true skin that each kind of occluder takes away, and whether it is doubted to be skin.

    The doubt counts where most of what was taken for skin is skin.
    """
    photo = photo_of(judged.pixels)
    thumbnails = Thumbnails(photo)
    skin = find_skin(photo, thumbnails)
    found = find_occluders(photo, skin, thumbnails)
    row: Row = {"set": kind, "tone": judged.tone, "photo": judged.name}
    true = judged.skin & skin
    every = np.zeros_like(true)
    for name, mask in found.items():
        row[name] = float((mask & true).sum() / max(true.sum(), 1))
        every |= mask
    row["together"] = float((every & true).sum() / max(true.sum(), 1))
    mostly = true.sum() > 0.5 * max(skin.sum(), 1)
    row["doubted"] = float(doubt_of(thumbnails, skin & ~every) is not None) if mostly else np.nan
    return row


def without_skin(number: int) -> Row:
    """Whether a picture of some material is taken for skin (a twentieth of it or more), and whether that is doubted."""
    material = tuple(MATERIALS)[number % len(MATERIALS)]
    photo = photo_of(picture_without_skin(material, FIRST_SEED + number, HELD_OUT, 640))
    thumbnails = Thumbnails(photo)
    skin = find_skin(photo, thumbnails)
    taken = bool(skin.mean() > LITTLE_SKIN_SHARE)
    doubted = float(doubt_of(thumbnails, skin) is not None) if taken else np.nan
    silent = float(taken and not doubted)
    return {
        "material": material,
        "area": float(skin.mean()),
        "taken": float(taken),
        "doubted": doubted,
        "silent": silent,
    }


def table(rows: Sequence[Row], by: list[str], values: list[str]) -> str:
    """A Markdown table of means."""
    import pandas as pd

    frame = pd.DataFrame(rows).groupby(by, sort=False)[values].mean()
    lines = ["| " + " | ".join([*by, *values]) + " |", "|" + "---|" * (len(by) + len(values))]
    for key, row in frame.iterrows():
        keys = key if isinstance(key, tuple) else (key,)
        lines.append("| " + " | ".join([*map(str, keys), *(f"{100 * v:.1f}" for v in row)]) + " |")
    return "\n".join(lines)


def write(path: Path, judged: Sequence[Row], laid: Sequence[Row], alarms: Sequence[Row], bare: Sequence[Row]) -> None:
    """docs/skin_mask.md from the template in this module."""
    shares = ["recall", "precision", "iou"]
    kinds = [
        k for k in ("smooth", "mosaic", "laid", "lettering", "together", "doubted") if any(k in row for row in alarms)
    ]
    for row in alarms:
        row.update({kind: row.get(kind, 0.0) for kind in kinds})
    text = _PAGE.format(
        overlap=table(judged, ["set", "method"], shares),
        tones=table(sorted(judged, key=lambda r: r["tone"]), ["tone", "set", "method"], shares),
        covers=table(laid, ["set", "cover", "method"], ["left_out", "lost"]),
        bare=table(bare, ["material"], ["area", "taken", "doubted", "silent"]),
        alarms=table(sorted(alarms, key=lambda r: r["tone"]), ["set", "tone"], kinds),
    )
    path.write_text(text, encoding="utf-8")


def judge_scene(number: int) -> tuple[list[Row], list[Row], list[Row]]:
    """Overlap and false alarms on one held-out scene, and covers on some, of each tone in turn."""
    seed = FIRST_SEED + number
    judged = scenes(seed)
    enough = judged.skin.mean() > 0.1
    laid = list(covered("scenes", judged, seed, METHODS)) if enough and number % COVERED_OF == number // 6 % 6 else []
    return overlap("scenes", judged, METHODS), laid, [false_alarms("scenes", judged)] if enough else []


def judge_close_up(number: int) -> tuple[list[Row], list[Row], list[Row]]:
    """Covers and false alarms on one phantom."""
    seed = FIRST_SEED + number
    judged = close_up(seed)
    return [], list(covered("close-up", judged, seed, METHODS)), [false_alarms("close-up", judged)]


def judge_face(path: Path) -> tuple[list[Row], list[Row], list[Row]]:
    """Overlap as taken, relit and recoloured, covers, and false alarms on one face."""
    face = judged_face(path, np.asarray(read_photo(path.with_suffix(".jpg")).pixels, np.uint8))
    rows = overlap("faces", face, METHODS)
    for kind, others in (("faces relit", relit(face)), ("faces recoloured", recoloured(path, face))):
        for other in others:
            rows += overlap(kind, other, METHODS)
    return rows, list(covered("faces", face, int(path.stem[:3]), METHODS)), [false_alarms("faces", face)]


_PAGE = """# How well skin is told from what is around it and on it

Made by `skinscan study skin-mask`. All figures are per cent, means over photos. No label comes from a mask
under test. *Scenes* are generated by a setting that no weight was fitted on (`skinscan/study/scenes`), from fresh
seeds; *faces* are 12 people of the Face Research Lab London Set (CC BY 4.0) with masks from their hand-placed points:
the face and ears less eyes, brows and lips are skin; eyes, brows, hair, wall and the shirt's corners are not; between
them nothing is judged.
Relit: a lamp 20 % too warm or cool, 0.7 EV brighter or darker. Recoloured: the head in two other tones.

## Overlap

{overlap}

By tone (ITA class of the photo's skin):

{tones}

## Covers

Laid over the skin, saved again as JPEG (quality 72-94). `left_out`: share of the cover that the mask leaves out,
where most of the skin under it is found without it. A blur leaves no trace on skin whose own structure is under half a
code a pixel already (most painted faces; no close-up and no face of the London Set), so that it is not told there.
`lost`: share of the skin beside it, found without the cover, that is lost with it.

{covers}

## Pictures without skin

Materials in colours that skin may have fill the picture, under the lamps and cameras of the scenes. `area`: share of
the picture in the mask; `taken`: pictures of which a twentieth or more is; `doubted`: of those, pictures of which
`skin_doubtful` says that nothing in them shows skin; `silent`: of all pictures, those taken without a word. Of colour
photos of real surfaces (not shipped), walls of twelve portraits tinted to skin's colour were doubted 11 times, wood
one time in three, other paper, cloth and stone one time in three. Wood whose dyes lie in blotches rather than along a
grain, marble and soiled plaster have what skin has, and pass.

{bare}

## False alarms

Share of true skin, clean, that each kind of occluder takes; `doubted`: photos of which `skin_doubtful` is said (where a
face is found nobody asks; here all are asked, but where nobody said of most of what was taken that it is skin: nan).
The thresholds of `find_occluders` and the
weights of `find_skin` (`main_colour.py`) were set while looking at the faces, at other close-ups, at scenes of the
training setting and at scenes of this setting from other seeds; these scenes were not looked at.

{alarms}
"""

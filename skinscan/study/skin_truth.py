"""What is skin on photos where a person or the painter said so: hand-placed points, made photos, and relit ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import ita_class, ita_degree, lab
from skinscan.phantom.light import linear_srgb
from skinscan.phantom.optics import BLOOD, MELANIN, Tone, reflectance
from skinscan.records import BoolArray, Photo

Points = NDArray[Any]
Pixels = NDArray[np.uint8]

OUTLINE = (109, 110, 111, *range(125, 133), 114, 113, 112, *range(144, 133, -1))
EARS = ((109, 115, 116, 117, 118, 119, 111), (112, 120, 121, 122, 123, 124, 114))
EYES = ((34, 35, 36, 37, 38, 30, 29, 28), (39, 40, 41, 42, 43, 33, 32, 31))
BROWS = ((*range(71, 77), 83, 84, 85), (*range(77, 83), 85, 86))
LIPS = tuple(range(87, 109))
HAIR = tuple(range(145, 158))
"""Places of the 189 points of a `.tem` file of the Face Research Lab London Set (webmorph's template)."""

_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Judged:
    """A photo's pixels (H, W, 3) and where somebody said `skin` and `rest` (H, W); elsewhere nobody said anything.

    `tone` is the ITA class of the median of that skin as this photo shows it.
    """

    name: str
    tone: str
    pixels: Pixels
    skin: BoolArray
    rest: BoolArray


def photo_of(pixels: NDArray[Any]) -> Photo:
    """An sRGB Photo of (H, W, 3) uint8 pixels that were never in a file."""
    return Photo(
        pixels=np.array(pixels, order="C"), lut=np.tile(_LINEAR, (3, 1)), matrix=np.eye(3, dtype=np.float32),
        sha256="0" * 64, name="made.png", format="PNG",
    )  # fmt: skip


def read_points(path: Path) -> Points:
    """The (n, 2) points of a `.tem` file: their number, then x and y in pixels of each."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return np.array([[float(v) for v in line.split()[:2]] for line in lines[1 : int(lines[0]) + 1]])


def judged_face(path: Path, pixels: Pixels) -> Judged:
    """The face of a photo with 189 points beside it. Skin: face and ears less eyes, brows and lips, with a margin.

    Rest: eyes and brows, the hair between hairline and outline, the wall above, and the shirt in both lower corners.
    """
    points = read_points(path.with_suffix(".tem"))
    shape = pixels.shape[:2]
    holes = _hulls(points, (*EYES, *BROWS, LIPS), shape)
    skin = _filled(points[list(OUTLINE)], shape)
    for ear in EARS:
        skin |= _filled(points[list(ear)], shape)
    hair = _filled(points[list(HAIR)], shape) & ~_grown(skin, 25)
    hair[int(points[[111, 114], 1].min()) :] = False
    rest = _shrunk(hair, 15) | _shrunk(_hulls(points, (*EYES, *BROWS), shape), 5)
    rest[: max(0, int(points[:, 1].min()) - 120)] = True
    rest[-120:, :150] = rest[-120:, -150:] = True
    skin = _shrunk(skin, 9) & ~_grown(holes, 15)
    return Judged(path.stem, tone_of(pixels, skin), pixels, skin, rest)


def tone_of(pixels: Pixels, skin: BoolArray) -> str:
    """ITA class of the median colour of the skin."""
    middle = lab(np.median(_LINEAR[pixels[skin]], 0))
    return ita_class(float(ita_degree(float(middle[0]), float(middle[2]))))


def relit(face: Judged) -> Iterator[Judged]:
    """The same face by a lamp 20 % too warm and too cool, 0.7 EV brighter and darker, and in two other tones."""
    for name, gains in (
        ("warm", (1.2, 1, 0.8)),
        ("cool", (0.82, 1, 1.2)),
        ("bright", (1.6,) * 3),
        ("dark", (0.6,) * 3),
    ):
        changed = _coded(_LINEAR[face.pixels] * np.array(gains, np.float32))
        yield Judged(f"{face.name} {name}", face.tone, changed, face.skin, face.rest)


def recoloured(path: Path, face: Judged) -> Iterator[Judged]:
    """The head of the face in other tones, each pixel times the ratio of the phantom's skin at both melanins.

    Cut at the corners of the jaw, below which nobody said where the skin ends.
    """
    points = read_points(path.with_suffix(".tem"))
    tones: tuple[Tone, ...] = tuple(MELANIN)
    own = tones.index(face.tone)
    bottom = int(points[[126, 132], 1].min())
    head = _filled(points[list(HAIR)], face.skin.shape) | _filled(points[list(OUTLINE)], face.skin.shape)
    for ear in EARS:
        head |= _filled(points[list(ear)], face.skin.shape)
    soft = cv2.GaussianBlur(head.astype(np.float32), (0, 0), 3.0)[..., None]
    for other in {(own + 2) % 6, (own + 4) % 6}:
        ratio = _flat(tones[other]) / _flat(tones[own])
        pixels = _coded(_LINEAR[face.pixels] * (1 + soft * (ratio - 1)).astype(np.float32))[:bottom]
        yield Judged(f"{face.name} as {tones[other]}", tones[other], pixels, face.skin[:bottom], face.rest[:bottom])


def _flat(tone: Tone) -> NDArray[np.float64]:
    return np.asarray(linear_srgb(reflectance(MELANIN[tone], BLOOD)), np.float64)


def _coded(linear: NDArray[Any]) -> Pixels:
    """sRGB codes, rounded."""
    clipped = np.clip(linear, 0, 1)
    coded = np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055)
    return np.asarray(255 * coded + 0.5, np.uint8)


def _filled(points: Points, shape: tuple[int, ...]) -> BoolArray:
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1)
    return mask > 0


def _hulls(points: Points, parts: tuple[tuple[int, ...], ...], shape: tuple[int, ...]) -> BoolArray:
    found = np.zeros(shape[:2], np.bool_)
    for part in parts:
        found |= _filled(cv2.convexHull(points[list(part)].astype(np.float32))[:, 0], shape)
    return found


def _grown(mask: BoolArray, side: int) -> BoolArray:
    grown: BoolArray = cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)) > 0
    return grown


def _shrunk(mask: BoolArray, side: int) -> BoolArray:
    shrunk: BoolArray = cv2.erode(mask.view(np.uint8), np.ones((side, side), np.uint8)) > 0
    return shrunk

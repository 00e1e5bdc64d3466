"""What surrounds skin in a clinic's photo, as linear reflectance: walls, wood, cloth, towels, hair; and noise."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Draw = np.random.Generator
Shape = tuple[int, int]
Colour = NDArray[np.float64]


def noise(draw: Draw, shape: Shape, spacing_px: float, stretch: float = 1.0) -> Floats:
    """Smooth noise (h, w) of about unit variance; across it varies `stretch` times faster than down."""
    rows = max(2, round(shape[0] / max(spacing_px, 1.0)) + 3)
    columns = max(2, round(shape[1] * stretch / max(spacing_px, 1.0)) + 3)
    lattice = draw.standard_normal((min(rows, shape[0]), min(columns, shape[1]))).astype(np.float32)
    return np.asarray(cv2.resize(lattice, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def turned(draw: Draw, shape: Shape, spacing_px: float, stretch: float, angle_deg: float) -> Floats:
    """Such noise with its long direction at `angle_deg` from down."""
    side = int(np.hypot(*shape)) + 2
    field = noise(draw, (side, side), spacing_px, stretch)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle_deg, 1.0)
    matrix[:, 2] -= np.array([(side - shape[1]) / 2, (side - shape[0]) / 2])
    return np.asarray(cv2.warpAffine(field, matrix, shape[::-1], borderMode=cv2.BORDER_REFLECT), np.float32)


def painted(colour: Colour, relief: Floats) -> Floats:
    """One colour (3,) times a positive relief (h, w): (h, w, 3)."""
    return np.asarray(colour * np.clip(relief, 0.02, None)[..., None], np.float32)


def tinted(draw: Draw, hue: tuple[float, float], saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
    """A linear colour drawn by hue (degree), saturation and brightness of its display code."""
    pixel = np.array([[[draw.uniform(*hue) % 360, draw.uniform(*saturation), draw.uniform(*value)]]], np.float32)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0] ** 2.2, np.float64)


def any_colour(draw: Draw) -> Colour:
    """Any colour of cloth or paint."""
    return tinted(draw, (0, 360), (0.05, 0.95), (0.08, 0.98))


def beige(draw: Draw) -> Colour:
    """Paint, plaster or paper that skin is easily taken for."""
    return tinted(draw, (22, 52), (0.06, 0.35), (0.45, 0.97))


def neutral(draw: Draw) -> Colour:
    return tinted(draw, (0, 360), (0.0, 0.08), (0.12, 0.98))


def brown(draw: Draw) -> Colour:
    return tinted(draw, (12, 40), (0.3, 0.75), (0.2, 0.8))


def wall(draw: Draw, shape: Shape) -> Floats:
    colour = (neutral, neutral, beige, any_colour)[draw.integers(4)](draw)
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    fall = 1.0 + draw.uniform(-0.35, 0.35) * x + draw.uniform(-0.35, 0.35) * y
    plaster = draw.uniform(0, 0.06) * noise(draw, shape, draw.uniform(1, 6))
    return painted(colour, (fall + plaster).astype(np.float32))


def wood(draw: Draw, shape: Shape) -> Floats:
    grain = turned(draw, shape, shape[0] / draw.uniform(1, 3), draw.uniform(8, 30), draw.uniform(0, 180))
    fine = turned(draw, shape, 40.0, 12.0, draw.uniform(0, 180))
    return painted(brown(draw), np.exp(draw.uniform(0.05, 0.3) * grain + 0.05 * fine).astype(np.float32))


def tiles(draw: Draw, shape: Shape) -> Floats:
    side = draw.uniform(0.06, 0.3) * max(shape)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    joint = (np.minimum(x % side, y % side) < max(1.0, 0.05 * side)).astype(np.float32)
    face = painted((neutral, beige, any_colour)[draw.integers(3)](draw), 1.0 + 0.05 * noise(draw, shape, side))
    return np.asarray(face * (1 - 0.5 * joint[..., None]), np.float32)


def cloth(draw: Draw, shape: Shape) -> Floats:
    """Folds and a weave; one in three is striped, one in four is the colour of skin or beige."""
    colour = beige(draw) if draw.random() < 0.25 else any_colour(draw)
    folds = draw.uniform(0.05, 0.3) * turned(draw, shape, draw.uniform(20, 90), 2.5, draw.uniform(0, 180))
    weave = draw.uniform(0.0, 0.15) * noise(draw, shape, draw.uniform(1, 3))
    found = painted(colour, np.exp(folds + weave).astype(np.float32))
    if draw.random() < 0.33:
        stripes = turned(draw, shape, draw.uniform(15, 60), 6.0, draw.uniform(0, 180)) > draw.uniform(-0.5, 0.8)
        found = np.where(stripes[..., None], painted(any_colour(draw), np.exp(folds).astype(np.float32)), found)
    return np.asarray(found, np.float32)


def towel(draw: Draw, shape: Shape) -> Floats:
    """Terry: white, blue, green, grey or beige, with loops and folds."""
    kinds: tuple[Callable[[Draw], Colour], ...] = (
        lambda d: tinted(d, (0, 360), (0.0, 0.06), (0.8, 0.98)),
        lambda d: tinted(d, (190, 225), (0.2, 0.7), (0.4, 0.9)),
        lambda d: tinted(d, (110, 175), (0.2, 0.6), (0.4, 0.85)),
        neutral,
        beige,
    )
    loops = draw.uniform(0.05, 0.2) * noise(draw, shape, draw.uniform(1.0, 2.5))
    folds = draw.uniform(0.05, 0.3) * turned(draw, shape, draw.uniform(30, 120), 2.0, draw.uniform(0, 180))
    return painted(kinds[draw.integers(len(kinds))](draw), np.exp(loops + folds).astype(np.float32))


def clutter(draw: Draw, shape: Shape) -> Floats:
    """A room out of focus: overlapping boxes and discs of any colour."""
    found = wall(draw, shape)
    for _ in range(draw.integers(6, 25)):
        x, y = (draw.uniform(0, n) for n in shape[::-1])
        a, b = draw.uniform(0.03, 0.35, 2) * max(shape)
        colour = tuple((brown(draw) if draw.random() < 0.3 else any_colour(draw)).tolist())
        if draw.random() < 0.5:
            box = cv2.boxPoints(((x, y), (a, b), draw.uniform(0, 90))).astype(np.int32)
            cv2.fillPoly(found, [box], colour)
        else:
            cv2.ellipse(found, ((x, y), (a, b), draw.uniform(0, 90)), colour, -1)
    return np.asarray(cv2.GaussianBlur(found, (0, 0), draw.uniform(0.5, 8)), np.float32)


def foliage(draw: Draw, shape: Shape) -> Floats:
    """Leaves, sand or gravel: many small spots of related colours."""
    base = tinted(draw, (30, 130), (0.2, 0.8), (0.2, 0.8))
    spots = np.exp(0.5 * noise(draw, shape, draw.uniform(2, 12)))
    warm = 1.0 + 0.25 * noise(draw, shape, draw.uniform(4, 20))
    found = painted(base, spots)
    found[..., 0] *= np.clip(warm, 0.3, 2.0)
    return found


def strands(draw: Draw, along: Floats, across: Floats, colour: Colour) -> Floats:
    """Hair (h, w, 3): strands run where `across` is constant; both coordinates are in strand widths."""
    line = draw.standard_normal(4096).astype(np.float32)
    line = line + np.asarray(cv2.GaussianBlur(line[None], (0, 0), 4.0)[0] * 3, np.float32)
    bend = noise(draw, (along.shape[0], along.shape[1]), 40.0) * np.float32(1.5)
    place = ((across + bend + 2048.0) % 4094).astype(np.float32)
    value = cv2.remap(line[None], place, np.zeros_like(place), cv2.INTER_LINEAR)
    sheen = np.exp(-(((np.sin(along / draw.uniform(30, 80)) - 0.8) / 0.3) ** 2)) * draw.uniform(0, 0.8)
    return painted(colour, np.exp(0.45 * np.asarray(value) + sheen).astype(np.float32))


HAIR = ((0.012, 0.010, 0.009), (0.03, 0.02, 0.014), (0.07, 0.042, 0.025), (0.16, 0.10, 0.055), (0.30, 0.21, 0.12),
        (0.17, 0.07, 0.03), (0.35, 0.33, 0.31))  # fmt: skip
"""Linear reflectance of black, dark, brown, fair, blond, red and grey hair."""


def hair_colour(draw: Draw, dark_skin: bool) -> Colour:
    found: Colour = np.array(HAIR[draw.integers(2 if dark_skin else len(HAIR))]) * draw.uniform(0.8, 1.25)
    return found


GROUNDS: dict[str, Callable[[Draw, Shape], Floats]] = {
    "wall": wall, "wood": wood, "tiles": tiles, "cloth": cloth, "towel": towel, "clutter": clutter, "foliage": foliage,
}  # fmt: skip

"""What is laid over a patient's skin or drawn over a photo: bars, discs, blur, mosaics, watermarks, pads, gloves.

Each works on display-coded pixels, as an editor or another object in the picture does, and says where it lies.
"""

from __future__ import annotations

import string
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from skinscan.records import BoolArray
from skinscan.study.scenes.surfaces import Draw, Floats, noise, tinted, towel

Pixels = NDArray[np.uint8]
Covered = tuple[Pixels, BoolArray]


def cover(kind: str, pixels: Pixels, skin: BoolArray, draw: Draw, jpeg_quality: int | None = None) -> Covered:
    """The photo (H, W, 3) with one cover over its skin, and where it lies (H, W); saved again as JPEG if asked.

    `kind` is one of COVERS. Place and size are drawn; the size goes by the extent of the skin.
    """
    changed, where = COVERS[kind](pixels, skin, draw)
    if jpeg_quality is not None:
        options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality]
        _, data = cv2.imencode(".jpg", np.ascontiguousarray(changed[..., ::-1]), options)
        changed = np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
    return changed, where


def _extent(skin: BoolArray) -> float:
    return float(np.sqrt(np.count_nonzero(skin)))


def _place(skin: BoolArray, draw: Draw) -> tuple[float, float]:
    """A point (x, y) well inside the skin."""
    far = cv2.distanceTransform(np.pad(skin.view(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    rows, columns = np.nonzero(far >= min(0.5 * float(far.max()), 0.1 * _extent(skin)))
    which = int(draw.integers(len(rows)))
    return float(columns[which]), float(rows[which])


def _bar(skin: BoolArray, draw: Draw) -> BoolArray:
    """A rectangle as laid over eyes; upright mostly."""
    size = _extent(skin)
    turn = 0.0 if draw.random() < 0.6 else draw.uniform(-45, 45)
    corners = cv2.boxPoints((_place(skin, draw), (size * draw.uniform(0.5, 1.1), size * draw.uniform(0.1, 0.3)), turn))
    return _filled(skin, [corners.astype(np.int32)])


def _disc(skin: BoolArray, draw: Draw) -> BoolArray:
    size = _extent(skin)
    part = np.zeros(skin.shape, np.uint8)
    for _ in range(draw.integers(1, 3)):
        axes = size * draw.uniform(0.12, 0.35) * np.array([1.0, draw.uniform(0.7, 1.0)])
        cv2.ellipse(part, (_place(skin, draw), tuple(axes.tolist()), draw.uniform(0, 180)), 1, -1)
    return part > 0


def _filled(skin: BoolArray, polygons: list[NDArray[np.int32]]) -> BoolArray:
    part = np.zeros(skin.shape, np.uint8)
    cv2.fillPoly(part, polygons, 1)
    return part > 0


def _laid(pixels: Pixels, where: BoolArray, over: NDArray[np.floating], alpha: float = 1.0) -> Covered:
    """`over` (H, W, 3) or (3,) laid on with an edge of one soft pixel."""
    soft = cv2.GaussianBlur(where.astype(np.float32), (0, 0), 0.5)[..., None] * alpha
    mixed = pixels * (1 - soft) + np.broadcast_to(over, pixels.shape) * soft
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8), where


def _shape(skin: BoolArray, draw: Draw) -> BoolArray:
    return (_bar, _disc)[draw.integers(2)](skin, draw)


def _black(pixels: Pixels, skin: BoolArray, draw: Draw) -> Covered:
    return _laid(pixels, _bar(skin, draw), np.full(3, draw.uniform(0, 12)))


def _solid(pixels: Pixels, skin: BoolArray, draw: Draw) -> Covered:
    return _laid(pixels, _shape(skin, draw), draw.uniform(0, 255, 3))


def _solid_skin(pixels: Pixels, skin: BoolArray, draw: Draw) -> Covered:
    colour = np.median(pixels[skin], 0) + draw.normal(0, 6, 3)
    return _laid(pixels, _shape(skin, draw), np.clip(colour, 0, 255))


def _blurred(pixels: Pixels, skin: BoolArray, draw: Draw) -> Covered:
    where = _shape(skin, draw)
    soft = cv2.GaussianBlur(pixels, (0, 0), _extent(skin) * draw.uniform(0.02, 0.06))
    return _laid(pixels, where, soft.astype(np.float32))


def _mosaic(pixels: Pixels, skin: BoolArray, draw: Draw) -> Covered:
    where = _shape(skin, draw)
    step = max(4, round(_extent(skin) * draw.uniform(0.02, 0.06)))
    small = cv2.resize(pixels, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return _laid(pixels, where, large.astype(np.float32))


def _text(shape: tuple[int, int], at: tuple[float, float], height: float, draw: Draw) -> Floats:
    """Words (h, w), 0 to 1, at a height of letters, turned."""
    words = " ".join("".join(draw.choice(list(string.ascii_letters), int(draw.integers(3, 9)))) for _ in range(3))
    canvas = Image.new("L", shape[::-1], 0)
    font = ImageFont.load_default(size=max(9.0, height))
    pen = ImageDraw.Draw(canvas)
    for line in range(int(draw.integers(1, 3))):
        pen.text(
            (at[0] + line * height, at[1] + 1.5 * height * line), words, fill=255, font=font, anchor="mm",
            stroke_width=int(draw.integers(0, 1 + max(1, round(height / 25)))),
        )  # fmt: skip
    turn = 0.0 if draw.random() < 0.5 else draw.uniform(-45, 45)
    matrix = cv2.getRotationMatrix2D(at, turn, 1.0)
    return np.asarray(cv2.warpAffine(np.asarray(canvas), matrix, shape[::-1]), np.float32) / np.float32(255)


def _watermark(level: float) -> Callable[[Pixels, BoolArray, Draw], Covered]:
    def laid(pixels: Pixels, skin: BoolArray, draw: Draw) -> Covered:
        letters = _text(skin.shape, _place(skin, draw), _extent(skin) * draw.uniform(0.06, 0.25), draw)
        soft = (letters * draw.uniform(0.25, 0.9))[..., None]
        mixed = pixels * (1 - soft) + level * soft
        return np.clip(mixed + 0.5, 0, 255).astype(np.uint8), letters > 0.5

    return laid


def _relief(pixels: Pixels, where: BoolArray, colour: NDArray[np.float64], strength: float, draw: Draw) -> Covered:
    """A real thing of a linear colour: lit like the picture around it, with a weave and a thin shadow."""
    light = pixels.astype(np.float32).mean(-1)
    level = cv2.GaussianBlur(light, (0, 0), 0.05 * max(light.shape)) / max(float(light[where].mean()), 1.0)
    weave = 1 + strength * noise(draw, where.shape, draw.uniform(1, 4)) + 0.05 * noise(draw, where.shape, 60)
    over = 255 * np.clip(colour * (level * weave)[..., None], 0, 1) ** (1 / 2.2)
    shadow = np.roll(where, (3, 2), (0, 1)) & ~where
    dimmed = np.where(shadow[..., None], pixels * 0.75, pixels)
    return _laid(np.asarray(dimmed, np.uint8), where, over)


def _pad(colour: Callable[[Draw], NDArray[np.float64]]) -> Callable[[Pixels, BoolArray, Draw], Covered]:
    def laid(pixels: Pixels, skin: BoolArray, draw: Draw) -> Covered:
        return _relief(pixels, _shape(skin, draw), colour(draw), draw.uniform(0.02, 0.1), draw)

    return laid


def _pad_skin(pixels: Pixels, skin: BoolArray, draw: Draw) -> Covered:
    own = (np.median(pixels[skin], 0) / 255) ** 2.2 * np.exp(draw.normal(0, 0.06, 3) + draw.uniform(-0.3, 0.5))
    return _relief(pixels, _shape(skin, draw), own, draw.uniform(0.02, 0.08), draw)


def _sticker(pixels: Pixels, skin: BoolArray, draw: Draw) -> Covered:
    where = _disc(skin, draw)
    inner = cv2.erode(where.view(np.uint8), np.ones((7, 7), np.uint8)) > 0
    colour = 255 * tinted(draw, (0, 360), (0.5, 1.0), (0.6, 1.0)) ** (1 / 2.2)
    marks = noise(draw, where.shape, _extent(skin) * 0.04) > 1.0
    face = np.where(marks[..., None], 20.0, colour)
    return _laid(pixels, where, np.where(inner[..., None], face, 250.0))


def _glove(pixels: Pixels, skin: BoolArray, draw: Draw) -> Covered:
    """One to three fingers in nitrile blue, black or white, from the rim of the skin inwards."""
    part = np.zeros(skin.shape, np.uint8)
    end = np.array(_place(skin, draw))
    wide = _extent(skin) * draw.uniform(0.08, 0.16)
    away = draw.uniform(0, 2 * np.pi)
    for finger in range(int(draw.integers(1, 4))):
        angle = away + 0.25 * finger
        tip = end + 1.1 * wide * finger * np.array([-np.sin(away), np.cos(away)])
        start = tip + 2 * max(skin.shape) * np.array([np.cos(angle), np.sin(angle)])
        cv2.line(part, tuple(map(int, tip)), tuple(map(int, start)), 1, max(1, round(wide)))
    where = part > 0
    far = cv2.distanceTransform(part, cv2.DIST_L2, 5)
    round_light = 0.45 + 0.55 * np.sqrt(np.clip(far / (0.5 * wide), 0, 1))
    kinds = (((205, 225), (0.6, 0.9), (0.5, 0.85)), ((0, 360), (0, 0.1), (0.05, 0.2)), ((0, 360), (0, 0.05), (0.8, 1)))
    colour = tinted(draw, *kinds[draw.integers(3)])
    folds = 1 + 0.06 * noise(draw, where.shape, wide / 6)
    over = 255 * np.clip(colour * (round_light * folds)[..., None], 0, 1) ** (1 / 2.2)
    return _laid(pixels, where, over)


def _towel(pixels: Pixels, skin: BoolArray, draw: Draw) -> Covered:
    """A towel or cap over one side of the skin."""
    x, y = _place(skin, draw)
    angle = draw.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[: skin.shape[0], : skin.shape[1]]
    wave = 0.02 * _extent(skin) * noise(draw, skin.shape, _extent(skin) * 0.2)
    where = np.cos(angle) * (columns - x) + np.sin(angle) * (rows - y) + wave > 0.05 * _extent(skin)
    return _laid(pixels, where, 255 * np.clip(towel(draw, skin.shape), 0, 1) ** (1 / 2.2))


COVERS: dict[str, Callable[[Pixels, BoolArray, Draw], Covered]] = {
    "black bar": _black,
    "solid": _solid,
    "solid, skin colour": _solid_skin,
    "blur": _blurred,
    "mosaic": _mosaic,
    "watermark, white": _watermark(255.0),
    "watermark, black": _watermark(0.0),
    "pad, white": _pad(lambda d: tinted(d, (30, 60), (0.0, 0.08), (0.85, 1.0))),
    "pad, beige": _pad(lambda d: tinted(d, (18, 38), (0.2, 0.4), (0.65, 0.9))),
    "pad, skin colour": _pad_skin,
    "sticker": _sticker,
    "glove": _glove,
    "towel": _towel,
}
"""Every kind that the study lays over skin."""

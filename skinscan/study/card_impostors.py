"""Pictures of what could be taken for a colour card and is none, by another recipe than the phantom's own clutter.

Drawn in sRGB codes without spectra, lamps or the phantom's camera: rows of coloured squares as rooms, desks, screens
and shops show them, seen at an angle, softened, noisy and as JPEG. `impostor(seed)` draws one; KINDS names them.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Draw = np.random.Generator
Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]

LONG_PX = (700, 1300)
"""Longer side of a picture."""

ROUND = 5
"""Points along the quarter circle of a rounded corner."""


def impostor(seed: int, kind: str | None = None) -> Pixels:
    """Pixels (h, w, 3) of a picture that shows one or two things of a kind (drawn where none is named), no card."""
    draw = np.random.default_rng([seed, 2402])
    name = str(draw.choice(list(KINDS))) if kind is None else kind
    long = int(draw.integers(*LONG_PX))
    short = int(long * draw.uniform(0.55, 1.0))
    picture = _ground(draw, (long, short) if draw.random() < 0.5 else (short, long))
    for _ in range(int(draw.integers(1, 3))):
        picture = _laid(draw, picture, KINDS[name](draw))
    return _taken(draw, picture)


def _any(draw: Draw, vivid: float = 0.5) -> Colour:
    """A colour, the more saturated the more `vivid` (0 to 1)."""
    saturation = float(draw.beta(1 + 3 * vivid, 4 - 3 * vivid))
    red, green, blue = colorsys.hsv_to_rgb(draw.random(), saturation, float(draw.uniform(0.15, 1.0)))
    return int(255 * red), int(255 * green), int(255 * blue)


def _grey(draw: Draw, low: int = 0, high: int = 255) -> Colour:
    level = int(draw.integers(low, high + 1))
    return level, level, level


def _sheet(colour: Colour, height: int, width: int) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


def _grid(
    colours: list[Colour], columns: int, ground: Colour, cell: tuple[int, int], gap: float, rounding: float
) -> Pixels:
    """Rows of fields of a cell (height, width) in px; `gap` and `rounding` are shares of its shorter side."""
    height, width = cell
    rows = -(-len(colours) // columns)
    out = _sheet(ground, rows * height + height // 2, columns * width + width // 2)
    half = max(1, round(min(cell) * gap / 2))
    for n, colour in enumerate(colours):
        y, x = n // columns * height + height // 4, n % columns * width + width // 4
        low, high = np.array([x + half, y + half], float), np.array([x + width - half, y + height - half], float)
        cv2.fillPoly(out, [_rounded(low, high, rounding * (min(cell) / 2 - half))], colour, cv2.LINE_AA)
    return out


def _rounded(low: NDArray[np.float64], high: NDArray[np.float64], radius: float) -> NDArray[np.int32]:
    """Outline (n, 2) of a rectangle with rounded corners."""
    corners = [(high[0], high[1], 0), (low[0], high[1], 1), (low[0], low[1], 2), (high[0], low[1], 3)]
    inward = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    points = []
    for (x, y, quarter), (sx, sy) in zip(corners, inward, strict=True):
        turn = np.pi / 2 * (quarter + np.linspace(0, 1, ROUND))
        points.append(np.stack([x + sx * radius + radius * np.cos(turn), y + sy * radius + radius * np.sin(turn)], -1))
    return np.asarray(np.rint(np.concatenate(points)), np.int32)


def paint_chart(draw: Draw) -> Pixels:
    """24 samples in six columns, as a card has them, of any colours; sometimes a row of greys below."""
    colours = [_any(draw, float(draw.uniform(0.2, 1.0))) for _ in range(24)]
    if draw.random() < 0.5:
        colours[18:] = [(v, v, v) for v in np.linspace(245, 50, 6).astype(int).tolist()]
    if draw.random() < 0.3:
        colours = sorted(colours, key=lambda c: colorsys.rgb_to_hsv(*(v / 255 for v in c)))
    ground = _grey(draw, 0, 50) if draw.random() < 0.6 else _grey(draw, 200)
    return _grid(colours, 6, ground, (80, 80), float(draw.uniform(0.06, 0.3)), float(draw.choice([0.0, 0.2])))


def app_icons(draw: Draw) -> Pixels:
    """A screen of rounded icons, some with a sign on them."""
    columns, rows = int(draw.integers(4, 7)), int(draw.integers(4, 8))
    out = _grid([_any(draw, 0.8) for _ in range(columns * rows)], columns, _any(draw, 0.4), (80, 80), 0.3, 0.45)
    for n in range(columns * rows):
        if draw.random() < 0.6:
            at = (n % columns * 80 + 60, n // columns * 80 + 60)
            cv2.circle(out, at, int(draw.integers(5, 18)), _grey(draw, 200), -1 if draw.random() < 0.5 else 3)
    return out


def keyboard(draw: Draw) -> Pixels:
    """Keys, dark or pale, a few of them coloured, with letters."""
    columns, rows = int(draw.integers(8, 14)), int(draw.integers(4, 6))
    key = _grey(draw)
    colours = [_any(draw) if draw.random() < 0.15 else key for _ in range(columns * rows)]
    out = _grid(colours, columns, _grey(draw, 0, 120), (60, 60), float(draw.uniform(0.1, 0.25)), 0.3)
    for n in range(columns * rows):
        at = (n % columns * 60 + 30, n // columns * 60 + 55)
        cv2.putText(out, chr(int(draw.integers(65, 91))), at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, _grey(draw), 2)
    return out


def tiled_wall(draw: Draw) -> Pixels:
    """Tiles of one or of a few colours, some rows of another."""
    columns, rows = int(draw.integers(4, 14)), int(draw.integers(4, 12))
    few = [_any(draw, 0.4) for _ in range(int(draw.integers(1, 9)))]
    colours = [few[int(draw.integers(len(few)))] for _ in range(columns * rows)]
    return _grid(colours, columns, _grey(draw, 60, 240), (70, 70), float(draw.uniform(0.03, 0.12)), 0.0)


def checked_towel(draw: Draw) -> Pixels:
    """Stripes across stripes: each field is the mean of the two that cross there."""
    count, step = int(draw.integers(4, 16)), int(draw.integers(24, 60))
    across = [np.array(_any(draw, 0.7), float) for _ in range(count)]
    down = [np.array(_any(draw, 0.7), float) for _ in range(count)]
    fields = np.array([[(a + b) / 2 for a in across] for b in down])
    out = np.repeat(np.repeat(fields, step, 0), step, 1)
    return np.clip(out * draw.normal(1.0, 0.04, out.shape[:2])[..., None], 0, 255).astype(np.uint8)


def puzzle_cube(draw: Draw) -> Pixels:
    """Faces of a puzzle cube, one or two beside each other, of six colours."""
    side, faces = int(draw.choice([3, 4, 5])), int(draw.integers(1, 3))
    six: list[Colour] = [(200, 30, 40), (240, 120, 20), (240, 220, 40), (30, 150, 70), (30, 70, 180), (240, 240, 240)]
    colours = [six[int(draw.integers(6))] for _ in range(side * side * faces)]
    return _grid(colours, side * faces, _grey(draw, 0, 40), (90, 90), float(draw.uniform(0.05, 0.15)), 0.2)


def window(draw: Draw) -> Pixels:
    """Panes that show sky, trees and brick, each even, in bars."""
    columns, rows = int(draw.integers(2, 7)), int(draw.integers(2, 6))
    sky: list[Colour] = [(150, 190, 230), (200, 215, 230), (70, 100, 60), (40, 60, 35), (150, 90, 70), (25, 25, 30)]
    colours = [sky[min(5, int(n / columns * 6 / rows + draw.uniform(0, 2)))] for n in range(columns * rows)]
    cell = (int(draw.integers(60, 110)), 80)
    return _grid(colours, columns, _grey(draw), cell, float(draw.uniform(0.06, 0.25)), 0.0)


def chessboard(draw: Draw) -> Pixels:
    """A board with its men."""
    two = ((60, 40, 25), (225, 200, 160)) if draw.random() < 0.5 else (_any(draw), _any(draw))
    out = _grid([two[(n + n // 8) % 2] for n in range(64)], 8, _any(draw, 0.2), (60, 60), 0.0, 0.0)
    for _ in range(int(draw.integers(0, 24))):
        at = tuple((draw.integers(0, 8, 2) * 60 + 45).tolist())
        cv2.circle(out, at, int(draw.integers(14, 24)), _any(draw), -1, cv2.LINE_AA)
    return out


def make_up(draw: Draw) -> Pixels:
    """A palette of eye shadow: pans of browns, pinks and greys in a dark or a mirrored case."""
    columns, rows = int(draw.integers(3, 8)), int(draw.integers(2, 6))
    colours = []
    for _ in range(columns * rows):
        hue, level = float(draw.normal(0.03, 0.06)) % 1, float(draw.uniform(0.2, 0.95))
        colours.append(tuple(int(255 * v) for v in colorsys.hsv_to_rgb(hue, float(draw.uniform(0.05, 0.7)), level)))
    return _grid(colours, columns, _grey(draw, 0, 90), (80, 80), float(draw.uniform(0.08, 0.25)), 0.25)  # type: ignore[arg-type]


def calendar(draw: Draw) -> Pixels:
    """A plan of the week: pale fields, some marked in colour, with numbers."""
    columns, rows = int(draw.integers(5, 8)), int(draw.integers(4, 7))
    colours = [_any(draw, 0.6) if draw.random() < 0.5 else _grey(draw, 225) for _ in range(columns * rows)]
    out = _grid(colours, columns, _grey(draw, 150), (70, 80), 0.06, 0.0)
    for n in range(columns * rows):
        at = (n % columns * 80 + 30, n // columns * 70 + 42)
        cv2.putText(out, str(n + 1), at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (40, 40, 40), 1, cv2.LINE_AA)
    return out


def bricks(draw: Draw) -> Pixels:
    """A plate of toy bricks or a mosaic of many small squares of a dozen colours."""
    dozen = [_any(draw, 0.9) for _ in range(12)]
    columns, rows = int(draw.integers(6, 24)), int(draw.integers(6, 20))
    colours = [dozen[int(draw.integers(12))] for _ in range(columns * rows)]
    return _grid(colours, columns, _grey(draw), (40, 40), float(draw.uniform(0.05, 0.2)), 0.0)


KINDS: dict[str, Callable[[Draw], Pixels]] = {
    f.__name__: f
    for f in (
        paint_chart, app_icons, keyboard, tiled_wall, checked_towel, puzzle_cube, window, chessboard, make_up, calendar,
        bricks,
    )
}  # fmt: skip


def _ground(draw: Draw, size: tuple[int, int]) -> Pixels:
    """A ground (h, w, 3) with slow and fine unevenness."""
    height, width = size
    soft = cv2.resize(draw.normal(0, 1, (6, 6)), (width, height), interpolation=cv2.INTER_CUBIC)
    fine = cv2.GaussianBlur(draw.normal(0, 1, size), (0, 0), float(draw.uniform(0.6, 4)))
    uneven = 1 + 0.08 * soft + float(draw.choice([0.02, 0.2])) * fine
    return np.asarray(np.clip(uneven[..., None] * np.array(_any(draw, 0.2)), 0, 255), np.uint8)


def _laid(draw: Draw, picture: Pixels, thing: Pixels) -> Pixels:
    """The thing seen at an angle of up to about 35 degrees, of a fifth of the picture to more than all of it."""
    height, width = thing.shape[:2]
    turn, tilt, axis = draw.uniform(0, 2 * np.pi), draw.uniform(0, 0.6), draw.uniform(0, np.pi)
    tilted, _ = cv2.Rodrigues(tilt * np.array([np.cos(axis), np.sin(axis), 0.0]))
    turned = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]])
    size = float(np.exp(draw.uniform(np.log(0.2), np.log(1.2)))) * max(picture.shape[:2]) / max(height, width)
    away = 1.5 * max(picture.shape[:2])
    plane = size * (tilted @ turned)[:, :2]
    matrix = np.diag([away, away, 1.0]) @ np.column_stack([plane, [0, 0, away]])
    matrix = matrix @ np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    middle = draw.uniform(0.25, 0.75, 2) * picture.shape[1::-1]
    matrix = np.array([[1, 0, middle[0]], [0, 1, middle[1]], [0, 0, 1.0]]) @ matrix
    soft = cv2.GaussianBlur(thing, (0, 0), 0.4 / size) if size < 1 else thing
    shape = picture.shape[1::-1]
    seen = np.asarray(cv2.warpPerspective(soft, matrix, shape, flags=cv2.INTER_LINEAR), np.float64)
    where = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, shape)[..., None] / 255.0
    return np.asarray(np.clip(picture * (1 - where) + seen * where, 0, 255), np.uint8)


def _taken(draw: Draw, picture: Pixels) -> Pixels:
    """As a photo has it: light that falls off, another white, blur, noise, JPEG."""
    height, width = picture.shape[:2]
    right, down, all_over = draw.normal([0.0, 0.0, -0.1], [0.15, 0.15, 0.3])
    fall = right * np.linspace(-1, 1, width) + down * np.linspace(-1, 1, height)[:, None] + all_over
    light = (picture / 255.0) ** 2.2 * np.exp(fall)[..., None]
    light = light * np.exp(draw.normal(0, 0.25, 3) * [1.0, 0.2, 1.0])
    soft = cv2.GaussianBlur(np.clip(light, 0, 1) ** (1 / 2.2), (0, 0), float(draw.uniform(0.4, 1.3)))
    noisy = 255 * soft + draw.normal(0, float(draw.uniform(0.5, 4.0)), picture.shape)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(draw.integers(60, 98))]
    _, data = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8), quality)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

"""Things that lie about in a photo and are no colour card, some of them made to look like one."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from skinscan.phantom.fields import Image
from skinscan.phantom.optics import Float

SIDE_PX = 480
"""Longer side of the picture that a thing is drawn in before it is laid into the scene."""

Draw = np.random.Generator


def squares(draw: Draw, colours: Float, columns: int, rows: int, frame: Float, patch: float) -> Image:
    """A lattice of coloured squares (rows * columns, 3) in a frame: (h, w, 3)."""
    cell = SIDE_PX // max(columns, rows)
    out = np.empty((rows * cell, columns * cell, 3), np.float32)
    out[:] = frame
    gap = max(1, round(cell * (1 - patch) / 2))
    for n in range(rows * columns):
        y, x = n // columns * cell, n % columns * cell
        out[y + gap : y + cell - gap, x + gap : x + cell - gap] = colours[n]
    return out


def palette_card(draw: Draw, palette: Float) -> Image:
    """Squares of any colours in a frame of any grey: paint samples, app icons, a mosaic."""
    columns, rows = (int(n) for n in draw.integers(2, 13, 2))
    if draw.random() < 0.4:
        columns, rows = 6, 4
    colours = palette[draw.integers(0, len(palette), columns * rows)]
    frame = np.full(3, draw.choice([0.02, 0.04, 0.2, 0.8]))
    return squares(draw, colours, columns, rows, frame, float(draw.uniform(0.6, 0.97)))


def puzzle_cube(draw: Draw, palette: Float) -> Image:
    """A face of three by three, or four by four, of six colours."""
    side = int(draw.choice([3, 4, 5]))
    colours = palette[draw.integers(0, len(palette), 6)][draw.integers(0, 6, side * side)]
    return squares(draw, colours, side, side, np.full(3, 0.015), float(draw.uniform(0.8, 0.95)))


def checkerboard(draw: Draw, palette: Float) -> Image:
    columns, rows = (int(n) for n in draw.integers(4, 12, 2))
    two = palette[draw.integers(0, len(palette), 2)] if draw.random() < 0.5 else np.array([[0.03] * 3, [0.8] * 3])
    order = (np.arange(rows)[:, None] + np.arange(columns)).ravel() % 2
    return squares(draw, two[order], columns, rows, two[0], 1.0)


def tiles(draw: Draw, palette: Float) -> Image:
    """Tiles or windows: one colour, a little uneven, with joints."""
    columns, rows = (int(n) for n in draw.integers(3, 12, 2))
    colour = palette[draw.integers(len(palette))]
    colours = colour * np.exp(draw.normal(0, draw.choice([0.02, 0.2]), (columns * rows, 1)))
    joint = np.full(3, draw.choice([0.05, 0.5]))
    return squares(draw, colours, columns, rows, joint, float(draw.uniform(0.85, 0.96)))


def keyboard(draw: Draw, palette: Float) -> Image:
    dark = bool(draw.random() < 0.6)
    body, key, sign = (0.02, 0.05, 0.6) if dark else (0.5, 0.8, 0.03)
    rows, columns = 5, 12
    cell = SIDE_PX // columns
    out = np.full((rows * cell, columns * cell, 3), body, np.float32)
    for y in range(rows):
        for x in range(columns):
            at = (x * cell + 3, y * cell + 3)
            cv2.rectangle(out, at, (at[0] + cell - 7, at[1] + cell - 7), (key,) * 3, -1)
            letter = chr(int(draw.integers(65, 91)))
            _write(out, letter, (at[0] + 8, at[1] + 22), 0.6, np.full(3, sign))
    return out


def text(draw: Draw, palette: Float) -> Image:
    out = np.full((320, SIDE_PX, 3), 0.75, np.float32)
    ink = palette[draw.integers(len(palette))] * 0.2
    size = float(draw.uniform(0.4, 1.2))
    for y in range(24, 316, int(26 * size) + 6):
        line = "".join(chr(int(c)) for c in draw.choice([*range(97, 123), 32, 32, 32], 60))
        _write(out, line, (8, y), size, ink)
    return out


def _write(out: Image, line: str, at: tuple[int, int], size: float, ink: Float) -> None:
    cover = np.zeros(out.shape[:2], np.uint8)  # OpenCV writes on 8 bits only
    cv2.putText(cover, line, at, cv2.FONT_HERSHEY_SIMPLEX, size, (255,), 1, cv2.LINE_AA)
    out += (cover[..., None] / np.float32(255)) * (ink.astype(np.float32) - out)


def cloth(draw: Draw, palette: Float) -> Image:
    """Stripes crossing, as gingham and towels have them, or a fine weave."""
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX].astype(np.float32)
    period = float(draw.choice([4.0, 12.0, 30.0, 60.0]))
    a, b = ((np.sin(2 * np.pi * axis / period) > 0).astype(np.float32) for axis in (x, y))
    base, ink = palette[draw.integers(0, len(palette), 2)]
    share = (0.5 * (a + b))[..., None] * draw.uniform(0.3, 1.0)
    return np.asarray(base + share * (ink - base), np.float32)


def dots(draw: Draw, palette: Float) -> Image:
    """A paint box: round pans in rows."""
    columns, rows = int(draw.integers(3, 9)), int(draw.integers(2, 6))
    cell = SIDE_PX // columns
    out = np.full((rows * cell, columns * cell, 3), draw.choice([0.03, 0.8]), np.float32)
    for n in range(rows * columns):
        centre = (n % columns * cell + cell // 2, n // columns * cell + cell // 2)
        cv2.circle(out, centre, int(cell * 0.42), palette[draw.integers(len(palette))].tolist(), -1)
    return out


def blots(draw: Draw, palette: Float) -> Image:
    """Anything: overlapping boxes, discs and lines."""
    out = np.empty((SIDE_PX, SIDE_PX, 3), np.float32)
    out[:] = palette[draw.integers(len(palette))]
    for _ in range(int(draw.integers(5, 40))):
        colour = palette[draw.integers(len(palette))].tolist()
        x, y, w, h = (int(v) for v in draw.integers(0, SIDE_PX, 4) // [1, 1, 3, 3])
        kind = draw.integers(3)
        if kind == 0:
            cv2.rectangle(out, (x, y), (x + w, y + h), colour, -1)
        elif kind == 1:
            cv2.circle(out, (x, y), w // 2 + 2, colour, -1)
        else:
            cv2.line(out, (x, y), (x + 2 * w, y + 2 * h), colour, int(draw.integers(1, 9)))
    return out


KINDS: tuple[Callable[[Draw, Float], Image], ...] = (
    palette_card, puzzle_cube, checkerboard, tiles, keyboard, text, cloth, dots, blots,
)  # fmt: skip


def lay_thing(scene: Image, thing: Image, draw: Draw, size: float) -> None:
    """Lays a drawn thing into the scene (H, W, 3), in place: anywhere, turned, tilted, `size` of the scene wide."""
    h, w = scene.shape[:2]
    th, tw = thing.shape[:2]
    scale = size * max(h, w) / max(th, tw)
    angle = draw.uniform(0, 2 * np.pi)
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    corners = (np.array([[0, 0], [tw, 0], [tw, th], [0, th]]) - [tw / 2, th / 2]) @ np.array([[cos, sin], [-sin, cos]])
    corners = corners * draw.uniform(0.85, 1.15, (4, 1)) + draw.uniform([0, 0], [w, h])
    source = np.array([[0, 0], [tw, 0], [tw, th], [0, th]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    smooth = cv2.GaussianBlur(thing, (0, 0), 0.5 / scale) if scale < 0.8 else thing
    cover = cv2.warpPerspective(np.ones(thing.shape[:2], np.float32), matrix, (w, h), flags=cv2.INTER_LINEAR)
    laid = cv2.warpPerspective(smooth, matrix, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    scene += cover[..., None] * (laid - scene)

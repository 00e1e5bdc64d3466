"""The baseline as a ghost: outlines to lay over the live camera or to print, and where a new photo lies against them.

Nothing here is measured. Every line is white within black, so that it shows on any skin and needs no colour to be read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour, warp
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import SKIN, Frame, ParameterError, Registration
from skinscan.report import pictures

Outline = NDArray[np.float64]
Rgba = NDArray[np.uint8]

STRUCTURE_PX = 480
"""Longer side of the picture in which dark structures are looked for: brows, eyes, nostrils, lips, moles, edges."""

LOOKS = ((0.22, 0.04, 4e-4), (0.08, 0.015, 6e-5))
ENOUGH, MOST_STRUCTURES = 6, 40
"""Natural log by which a structure is darker than around it, the SD of that surround in shares of the picture's longer
side, and the least share of the picture that it covers: of a face's features, and where there are not ENOUGH of them of
a close-up's moles, pores and furrows. The largest are drawn."""

SMOOTH = 0.006
LEAST_SKIN = 0.004
"""Skin outlines: SD of their smoothing in shares of the longer side; the least share of the picture of a part."""

_SMALLEST_PX, _LARGEST_PX = 64, 8192


def ghost(before: Frame, size: tuple[int, int] | None = None, landmarks: NDArray[Any] | None = None) -> Rgba:
    """The outlines of a baseline, (h, w, 4) uint8 RGBA, clear between the lines.

    Drawn: the skin's edge, dark structures, the regions with their names, `landmarks` (n, 2) in pixels of the photo,
    the picture's centre, a level, and how much skin the picture shows in words. `size`: (width, height) of the live
    picture, at most 1600 px long where None; a picture of another shape is filled by its narrower side. Raises
    ParameterError for a size that no picture has.
    """
    width, height = size or pictures.shown_size(before.shape)[::-1]
    if not all(_SMALLEST_PX <= side <= _LARGEST_PX for side in (width, height)):
        raise ParameterError(
            "the ghost needs a picture's size",
            expected=f"width and height of {_SMALLEST_PX} to {_LARGEST_PX} px",
            found=f"{width} x {height}",
        )
    canvas = np.zeros((height, width, 4), np.uint8)
    place = _fitted(before.shape, (height, width))
    stroke = max(1, round(max(width, height) / 640))
    for outline in structures(before):
        points = place(outline)
        _fill(canvas, points, 46)
        _line(canvas, points, stroke, True)
    for outline in skin_edges(before):
        _line(canvas, place(outline), 2 * stroke, False)
    for name, corners in before.polygons.items():
        if name != SKIN:
            points = place(np.asarray(corners, np.float64))
            _line(canvas, points, stroke, True)
            _text(canvas, name, points.mean(0), stroke, middle=True)
    for point in [] if landmarks is None else place(np.asarray(landmarks, np.float64)):
        _dot(canvas, point, 2 * stroke)
    _level(canvas, stroke)
    words = distance_words(before)
    canvas[height - (24 * stroke + 20 * stroke * (len(words) - 1)) :] = 0
    canvas[height - (24 * stroke + 20 * stroke * (len(words) - 1)) :, :, 3] = 150
    for line, text in enumerate(reversed(words)):
        _text(canvas, text, np.array([6.0 * stroke, height - (8 + 20 * line) * stroke]), stroke)
    return canvas


def ghost_png(before: Frame, size: tuple[int, int] | None = None) -> bytes:
    """`ghost` as a PNG file."""
    return rgba_png(ghost(before, size))


def rgba_png(picture: Rgba) -> bytes:
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise RuntimeError(f"OpenCV could not encode a PNG of shape {picture.shape}")
    return data.tobytes()


def distance_words(before: Frame) -> tuple[str, ...]:
    """How near the camera must be, in words that need no ruler; the distance itself is not known from a photo."""
    if before.scale is None:
        return ("same distance and zoom: the outlines must fit",)
    across = before.scale.mm_per_px * before.shape[1]
    return (
        f"the picture shows {across:.0f} mm of skin from left to right",
        f"({before.um_per_px:.0f} um/px at {before.shape[1]} px): same zoom, the outlines must fit",
    )


def skin_edges(frame: Frame) -> list[Outline]:
    """Edges of the skin in pixels of the photo, (n, 2) each; none along the picture's own border."""
    size = Thumbnails(frame.photo).size(STRUCTURE_PX)
    mask = frame.regions[SKIN] | _lost_within(frame)
    small = np.asarray(cv2.resize(mask.view(np.uint8) * 255, size, interpolation=cv2.INTER_AREA), np.float32)
    soft = np.asarray(cv2.GaussianBlur(small, (0, 0), max(SMOOTH * STRUCTURE_PX, 1.0))) > 127
    found, _ = cv2.findContours(soft.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    lines = []
    for contour in found:
        if cv2.contourArea(contour) >= LEAST_SKIN * soft.size:
            lines += _inside_pieces(contour[:, 0].astype(np.float64), size)
    return [_to_photo(line, size, frame.shape) for line in lines]


def _lost_within(frame: Frame) -> NDArray[np.bool_]:
    """Pixels that were not usable but lie within skin: shine and clipping are no edges of it."""
    near = cv2.morphologyEx(frame.regions[SKIN].view(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    return (np.asarray(near) > 0) & ~frame.usable


def _inside_pieces(line: Outline, size: tuple[int, int]) -> list[Outline]:
    """The parts of a closed outline that do not run along the picture's border."""
    inner = (line > 2).all(1) & (line < np.array(size) - 3).all(1)
    if inner.all():
        return [np.concatenate([line, line[:1]])]
    start = int(np.argmin(inner))
    line, inner = np.roll(line, -start, 0), np.roll(inner, -start)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inner, [False]]).astype(int)))
    return [line[low:high] for low, high in edges.reshape(-1, 2) if high - low >= 8]


def structures(frame: Frame) -> list[Outline]:
    """Dark structures in and around the skin, as closed outlines in pixels of the photo, the largest first."""
    found: list[Outline] = []
    for look in LOOKS:
        found = _dark_structures(frame, *look)
        if len(found) >= ENOUGH:
            break
    return found


def _dark_structures(frame: Frame, darker: float, surround: float, least: float) -> list[Outline]:
    thumbnails = Thumbnails(frame.photo)
    size = thumbnails.size(STRUCTURE_PX)
    logs = np.log(colour.luminance(thumbnails.linear(STRUCTURE_PX)) + 0.004).astype(np.float32)
    skin = cv2.resize(frame.regions[SKIN].view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    side = max(3, round(0.10 * STRUCTURE_PX)) | 1
    near = np.asarray(
        cv2.morphologyEx(skin, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    )
    around = np.asarray(cv2.GaussianBlur(logs, (0, 0), surround * STRUCTURE_PX))
    soft = np.asarray(cv2.GaussianBlur(logs, (0, 0), 1.2))
    dark = ((soft - around) < -darker) & (near > 0)
    dark_px = np.asarray(cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)))
    found, _ = cv2.findContours(dark_px, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    large = [contour for contour in found if cv2.contourArea(contour) >= least * dark.size]
    large.sort(key=lambda contour: -cv2.contourArea(contour))
    return [_to_photo(c[:, 0].astype(np.float64), size, frame.shape) for c in large[:MOST_STRUCTURES]]


def _to_photo(points: Outline, size: tuple[int, int], shape: tuple[int, int]) -> Outline:
    """Points of a reduced picture (width, height) in pixels of the photo (height, width)."""
    step = np.array([shape[1] / size[0], shape[0] / size[1]])
    return np.asarray((points + 0.5) * step - 0.5)


def _fitted(shape: tuple[int, int], canvas: tuple[int, int]) -> Callable[[Outline], Outline]:
    """Photo pixels to pixels of a canvas that the photo fills without being stretched, centre upon centre."""
    scale = min(canvas[0] / shape[0], canvas[1] / shape[1])
    middle = np.array([shape[1] - 1, shape[0] - 1]) / 2
    centre = np.array([canvas[1] - 1, canvas[0] - 1]) / 2
    return lambda points: np.asarray((points - middle) * scale + centre)


def overlay(
    before: Frame,
    after: Frame,
    registration: Registration,
    moves: Sequence[str] = (),
    shift: tuple[float, float] | None = None,
    long_side: int = pictures.LONG_SIDE,
) -> pictures.Picture:
    """The new photo with the baseline's outlines where its skin lies now, (h, w, 3) uint8.

    The box is what the baseline showed: it must come to fill the picture. `shift`: (right, down) in shares of the
    picture that the camera must move, drawn as an arrow; `moves` are written below. Without a registration the photo
    comes as it is, with the words.
    """
    picture = pictures.shown(after.photo, long_side)
    height, width = picture.shape[:2]
    canvas = np.dstack([picture, np.full((height, width), 255, np.uint8)])
    stroke = max(1, round(max(width, height) / 640))
    place = _fitted(after.shape, (height, width))
    if registration.ok:
        for outline in [*structures(before), *skin_edges(before)]:
            for piece in _known(_carried(outline, registration)):
                _line(canvas, place(piece), stroke, False)
        corners = _sides(before.shape)
        for piece in _known(warp.project(registration.homography, corners)):
            _line(canvas, place(piece), 3 * stroke, False)
        if shift is not None and math.hypot(*shift) > 0:
            middle = np.array([width - 1, height - 1]) / 2
            _arrow(canvas, middle, middle + np.array(shift) * [width, height], 4 * stroke)
    return np.concatenate([canvas[..., :3], _written(list(moves) or ["it sits well"], width, stroke)])


def _carried(points: Outline, r: Registration) -> Outline:
    return warp.forward(points, r.homography, warp.fill_unknown(r.displacement), r.grid_px)


def _sides(shape: tuple[int, int], steps: int = 60) -> Outline:
    """The border of a photo as a closed line of points."""
    height, width = shape
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1], [0, 0]], np.float64)
    parts = [a + np.linspace(0, 1, steps)[:, None] * (b - a) for a, b in pairwise(corners)]
    return np.concatenate(parts)


def _known(points: Outline) -> list[Outline]:
    """The pieces of a line whose points are known."""
    inner = np.isfinite(points).all(1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inner, [False]]).astype(int)))
    return [points[low:high] for low, high in edges.reshape(-1, 2) if high - low >= 2]


def _written(lines: Sequence[str], width: int, stroke: int) -> pictures.Picture:
    """Lines of text below a picture."""
    strip = np.full(((12 + 22 * len(lines)) * stroke, width, 4), 255, np.uint8)
    for number, text in enumerate(lines):
        scale = min(0.55 * stroke, 0.55 * stroke * (width - 16 * stroke) / max(_wide(text, 0.55 * stroke), 1))
        at = (8 * stroke, (20 + 22 * number) * stroke)
        cv2.putText(strip, _plain(text), at, cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 20, 20, 255), stroke, cv2.LINE_AA)
    return strip[..., :3]


def _wide(text: str, scale: float) -> int:
    return int(cv2.getTextSize(_plain(text), cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0])


def _plain(text: str) -> str:
    """OpenCV's font has plain letters only."""
    return text.replace("µ", "u").encode("ascii", "replace").decode("ascii")


WHITE, BLACK = (255, 255, 255, 235), (0, 0, 0, 150)


def _fixed_point(points: Outline) -> NDArray[np.int32]:
    return np.clip(np.rint(points * 16), -(2**28), 2**28).astype(np.int32).reshape(-1, 1, 2)


def _line(canvas: Rgba, points: Outline, stroke: int, closed: bool) -> None:
    at = [_fixed_point(points)]
    for colour_of, wide in ((BLACK, 3 * stroke), (WHITE, stroke)):
        cv2.polylines(canvas, at, closed, colour_of, wide, cv2.LINE_AA, 4)


def _fill(canvas: Rgba, points: Outline, alpha: int) -> None:
    cv2.fillPoly(canvas, [_fixed_point(points)], (255, 255, 255, alpha), cv2.LINE_8, 4)


def _dot(canvas: Rgba, point: Outline, radius: int) -> None:
    x, y = (round(float(value)) for value in point)
    for colour_of, wide in ((BLACK, radius + 1), (WHITE, radius)):
        cv2.circle(canvas, (x, y), wide, colour_of, -1, cv2.LINE_AA)


def _arrow(canvas: Rgba, start: Outline, end: Outline, stroke: int) -> None:
    first, last = ((round(float(p[0])), round(float(p[1]))) for p in (start, end))
    for colour_of, wide in ((BLACK, stroke + 4), (WHITE, stroke)):
        cv2.arrowedLine(canvas, first, last, colour_of, wide, cv2.LINE_AA, tipLength=0.25)


def _level(canvas: Rgba, stroke: int) -> None:
    """A cross in the middle, and marks of level and plumb at the borders."""
    height, width = canvas.shape[:2]
    x, y = (width - 1) / 2, (height - 1) / 2
    arm = 0.03 * max(width, height)
    marks = [((x - arm, y), (x + arm, y)), ((x, y - arm), (x, y + arm))]
    marks += [((0, y), (arm, y)), ((width - 1 - arm, y), (width - 1, y))]
    marks += [((x, 0), (x, arm)), ((x, height - 1 - arm), (x, height - 1))]
    for mark in marks:
        _line(canvas, np.array(mark), stroke, False)


def _text(canvas: Rgba, text: str, at: Outline, stroke: int, middle: bool = False) -> None:
    """Text from a place to the right; or around it, where it brings the dark strip that it is read on."""
    scale = 0.5 * stroke
    wide = _wide(text, scale)
    left, bottom = round(float(at[0]) - (wide / 2 if middle else 0.0)), round(float(at[1]))
    if middle:
        top = (left - 4 * stroke, bottom - 15 * stroke)
        cv2.rectangle(canvas, top, (left + wide + 4 * stroke, bottom + 6 * stroke), BLACK, -1)
    cv2.putText(canvas, _plain(text), (left, bottom), cv2.FONT_HERSHEY_SIMPLEX, scale, WHITE, stroke, cv2.LINE_AA)

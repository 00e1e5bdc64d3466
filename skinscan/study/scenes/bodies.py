"""Heads, limbs, trunks and close-ups as maps: what each pixel is, how it stands to the light, what it is made of."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from skinscan.study.scenes.surfaces import Draw, Floats, Shape, cloth, hair_colour, noise, strands, towel

REST, SKIN, UNJUDGED = 0, 1, 2
"""Labels: no skin; skin; what may be called either (lips, stubble, a border's two pixels)."""


@dataclass
class Canvas:
    """A scene while it is painted, all (h, w): `colour` (h, w, 3) of what is no skin (linear reflectance), `label`,
    `normal` (h, w, 3) towards the viewer, relative `melanin` and `blood` of the skin (natural logarithm)."""

    colour: Floats
    label: np.ndarray
    normal: Floats
    melanin: Floats
    blood: Floats
    gloss: Floats

    @property
    def shape(self) -> Shape:
        return self.label.shape[0], self.label.shape[1]

    def cover(self, where: np.ndarray, colour: Floats, label: int = REST) -> None:
        """Lays something else over what is there."""
        self.colour[where] = colour[where]
        self.label[where] = label


def empty(ground: Floats) -> Canvas:
    shape = ground.shape[:2]
    normal = np.zeros((*shape, 3), np.float32)
    normal[..., 2] = 1.0
    zeros = [np.zeros(shape, np.float32) for _ in range(3)]
    return Canvas(ground.copy(), np.zeros(shape, np.uint8), normal, *zeros)


def _frame(draw: Draw, shape: Shape, radius: float, spread: float, turn_deg: float) -> tuple[Floats, Floats, float]:
    """Coordinates (right, down) in units of a radius (a share of the longer side), turned and moved; px of a unit."""
    unit = radius * max(shape)
    middle = (np.array(shape[::-1]) - 1) / 2 + draw.uniform(-spread, spread, 2) * shape[::-1]
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x, y = (x - np.float32(middle[0])) / np.float32(unit), (y - np.float32(middle[1])) / np.float32(unit)
    cos, sin = np.float32(np.cos(np.radians(turn_deg))), np.float32(np.sin(np.radians(turn_deg)))
    return cos * x + sin * y, cos * y - sin * x, unit


def _rounded(canvas: Canvas, where: np.ndarray, nx: Floats, ny: Floats) -> None:
    """Sets the normal where a body bulges: its slopes (within the unit circle)."""
    flat = np.sqrt(np.maximum(1.0 - nx * nx - ny * ny, 0.02))
    canvas.normal[where] = np.stack([nx, ny, flat], -1)[where]


def pigments(draw: Draw, canvas: Canvas, size_px: float) -> None:
    """Mottling, spots and redness all over; what `size_px` is a face's radius to."""
    shape = canvas.shape
    canvas.melanin += np.float32(draw.uniform(0.03, 0.12)) * noise(draw, shape, size_px / 3)
    canvas.blood += np.float32(draw.uniform(0.05, 0.25)) * noise(draw, shape, size_px / 4)
    canvas.blood += np.float32(draw.uniform(0.0, 0.12)) * noise(draw, shape, max(size_px / 40, 1.5))
    for field, most, strength in ((canvas.melanin, 60, 1.2), (canvas.blood, 14, 1.6)):
        for _ in range(int(draw.integers(0, most) * (draw.random() < 0.6))):
            x, y = draw.uniform(0, shape[1]), draw.uniform(0, shape[0])
            radius = size_px * float(np.exp(draw.uniform(np.log(0.008), np.log(0.06 if most == 60 else 0.25))))
            patch = np.zeros(shape, np.float32)
            cv2.ellipse(patch, ((x, y), (2 * radius, 2 * radius * draw.uniform(0.6, 1)), draw.uniform(0, 180)), 1.0, -1)
            patch = np.asarray(cv2.GaussianBlur(patch, (0, 0), max(0.25 * radius, 0.6)), np.float32)
            field += np.float32(draw.uniform(0.2, 1.0) * strength) * patch


def head(draw: Draw, canvas: Canvas, dark_skin: bool) -> None:
    """A head at any turn with neck, ears, eyes, brows, lips, hair, shirt; perhaps beard, stubble, glasses or cap."""
    radius = float(np.exp(draw.uniform(np.log(0.16), np.log(0.62))))
    upright = draw.random() < 0.6
    angle = draw.normal(0, 10) if upright else draw.uniform(0, 360)
    u, v, unit = _frame(draw, canvas.shape, radius, 0.14, angle)
    yaw = draw.normal(0, 0.22)
    width = draw.uniform(0.68, 0.82)
    half = width * (1.0 - draw.uniform(0.12, 0.3) * np.clip(v, 0, 1) ** 1.5)
    colour = hair_colour(draw, dark_skin)
    long = draw.random() < 0.45
    line = draw.uniform(-0.85, -0.5) + 0.08 * np.cos(4 * u)
    thick = draw.uniform(1.03, 1.3)
    mane = (u / (half * thick)) ** 2 + (v / thick) ** 2 + 0.04 * noise(draw, canvas.shape, unit / 4) < 1
    if long:
        mane |= (np.abs(u) < width * thick) & (v > -0.2) & (v < draw.uniform(0.5, 2.0))
    hair = strands(draw, v * np.float32(unit / 2), u * np.float32(unit / draw.uniform(0.8, 2.5)), colour)
    if long:
        canvas.cover(mane, hair)
    _neck(draw, canvas, u, v, width)
    face = (u / half) ** 2 + v**2 < 1
    ears = (((np.abs(u) - width * 0.98) / 0.12) ** 2 + ((v + 0.05) / 0.26) ** 2 < 1) & ~face & (not long)
    canvas.label[face | ears] = SKIN
    nx, ny = np.asarray(u / half * 0.95 - 0.3 * yaw, np.float32), np.asarray(0.85 * v, np.float32)
    scale = np.maximum(1.0, np.hypot(nx, ny) / 0.98)
    _rounded(canvas, face | ears, np.asarray(nx / scale, np.float32), np.asarray(ny / scale, np.float32))
    bald = draw.random() < 0.1
    fringe = noise(draw, canvas.shape, unit / 8, 3.0)
    sides = (np.abs(u) > half * draw.uniform(0.82, 0.99)) & (v < draw.uniform(-0.2, 0.3))
    if not bald:
        canvas.cover(mane & ((v < line + 0.05 * fringe) | sides), hair)
    _features(draw, canvas, u - 0.25 * yaw, v, unit, colour, fringe)
    if draw.random() < 0.2:
        cap = (v < line + draw.uniform(0.0, 0.25)) & ((u / (half * 1.25)) ** 2 + (v / 1.25) ** 2 < 1)
        canvas.cover(cap, (towel, cloth)[draw.integers(2)](draw, canvas.shape))


def _neck(draw: Draw, canvas: Canvas, u: Floats, v: Floats, width: float) -> None:
    neck = (np.abs(u) < width * draw.uniform(0.6, 0.8)) & (v > 0.4) & (v < 3)
    chest = (u / 1.9) ** 2 + ((v - 2.4) / draw.uniform(0.9, 1.15)) ** 2 < 1
    canvas.label[neck | chest] = SKIN
    _rounded(canvas, neck | chest, np.clip(u / 1.3, -0.9, 0.9).astype(np.float32), np.full_like(u, 0.15))
    canvas.melanin[neck] += np.float32(0.05)
    if draw.random() < 0.85:
        deep = draw.uniform(0.1, 0.9)
        shirt = chest & (v > 1.25 + deep * np.maximum(0.0, 1.0 - np.abs(u) / draw.uniform(0.5, 0.9)))
        canvas.cover(shirt, (cloth, towel)[int(draw.random() < 0.3)](draw, canvas.shape))


def _features(draw: Draw, canvas: Canvas, u: Floats, v: Floats, unit: float, hair: np.ndarray, fringe: Floats) -> None:
    """Eyes, brows, lips, nose and beard of a face in its own coordinates."""
    side = np.abs(u)
    apart, high = draw.uniform(0.28, 0.34), draw.uniform(-0.16, -0.06)
    opened = draw.uniform(0.03, 0.075) if draw.random() < 0.75 else 0.004
    along = (side - apart) / 0.15
    lid = np.abs(v - high) - opened * np.maximum(1.0 - along**2, 0.0)
    eye = (lid < 0) & (np.abs(along) < 1)
    white = np.full((*canvas.shape, 3), 0.5, np.float32) * np.array([1.0, 0.9, 0.85], np.float32)
    canvas.cover(eye, white)
    iris = np.hypot(side - apart, v - high) < 0.07
    shade = np.zeros_like(white) + np.array([0.06, 0.04, 0.025], np.float32) * np.float32(draw.uniform(0.2, 3))
    canvas.cover(eye & iris, shade)
    canvas.cover(eye & (np.hypot(side - apart, v - high) < 0.028), np.full_like(white, 0.004))
    lash = (np.abs(lid) < draw.uniform(0.006, 0.02)) & (np.abs(along) < 1.1) & (v < high + 0.03)
    canvas.cover(lash, np.full_like(white, 0.015))
    bow = high - draw.uniform(0.13, 0.2) - 0.05 * (1.0 - ((side - apart - 0.03) / 0.2) ** 2)
    brow = (np.abs(v - bow) + 0.012 * fringe < draw.uniform(0.012, 0.04)) & (side > 0.1) & (side < 0.5)
    canvas.cover(brow, strands(draw, v * unit, u * unit / 1.2, hair * 0.9))
    mouth = draw.uniform(0.45, 0.56)
    lips = ((u / draw.uniform(0.2, 0.3)) ** 2 + ((v - mouth) / draw.uniform(0.05, 0.1)) ** 2) < 1
    canvas.blood[lips] += np.float32(draw.uniform(0.6, 1.6))
    canvas.label[lips & (canvas.label == SKIN)] = UNJUDGED
    canvas.cover(lips & (np.abs(v - mouth) < 0.008), np.full_like(white, 0.01))
    nostril = ((side - 0.07) / 0.035) ** 2 + ((v - 0.27) / 0.02) ** 2 < 1
    canvas.cover(nostril, np.full_like(white, 0.01), UNJUDGED)
    ridge = np.exp(-((u / 0.13) ** 2) - ((v - 0.1) / 0.25) ** 2) * (canvas.label == SKIN)
    canvas.normal[..., 0] += np.float32(3.5) * (u * ridge).astype(np.float32)
    canvas.gloss += np.float32(draw.uniform(0, 1)) * ridge.astype(np.float32)
    canvas.blood += np.float32(draw.uniform(0, 0.4)) * np.exp(-(((side - 0.38) / 0.2) ** 2) - ((v - 0.2) / 0.2) ** 2)
    if draw.random() < 0.35:
        beard = (v > 0.3 + 0.3 * np.exp(-((side / 0.35) ** 2)) * (side < 0.2) + 0.05 * fringe) & (v < 1.1)
        beard &= (canvas.label != REST) & ((u / 0.26) ** 2 + ((v - mouth) / 0.09) ** 2 > 1)
        if draw.random() < 0.5:
            canvas.cover(beard, strands(draw, v * unit, u * unit / 1.5, hair))
        else:
            dots = beard & (noise(draw, canvas.shape, 1.5) > draw.uniform(0.2, 1.2))
            canvas.cover(dots, np.zeros_like(white) + hair.astype(np.float32) + 0.02)
            canvas.label[beard] = UNJUDGED


def limbs(draw: Draw, canvas: Canvas) -> None:
    """Arms, legs, a trunk, a hand: one to four bent rounds of skin, partly clothed."""
    shape = canvas.shape
    many = draw.integers(1, 5)
    thick = draw.uniform(0.25, 0.8) if many == 1 else draw.uniform(0.07, 0.2)
    for _ in range(many):
        start = draw.uniform(-0.1, 1.1, 2) * shape[::-1]
        heading = draw.uniform(0, 2 * np.pi) + np.cumsum(draw.normal(0, 0.12, 20))
        path = start + np.cumsum(np.stack([np.cos(heading), np.sin(heading)], -1), 0) * max(shape) / 16
        part = np.full(shape, 255, np.uint8)
        cv2.polylines(part, [path.astype(np.int32)], False, 0, 1)
        far = np.minimum(cv2.distanceTransform(part, cv2.DIST_L2, 5), 4.0 * max(shape))
        radius = thick * max(shape) / 2 * draw.uniform(0.7, 1.2)
        where = (far < radius) & (noise(draw, shape, radius) > -3)
        slope = np.clip(far / radius, 0, 0.98).astype(np.float32)
        gy, gx = np.gradient(cv2.GaussianBlur(far, (0, 0), 2.0))
        canvas.label[where] = SKIN
        _rounded(canvas, where, (gx * slope).astype(np.float32), (gy * slope).astype(np.float32))
    if draw.random() < 0.6:
        edge = turned_half(draw, shape)
        canvas.cover(edge, (cloth, towel)[draw.integers(2)](draw, shape))


def close_up(draw: Draw, canvas: Canvas) -> None:
    """Skin all over or nearly: a slow curve, creases, moles, and at times cloth, a gloved finger or hair at a side."""
    shape = canvas.shape
    canvas.label[:] = SKIN
    bulge = [draw.uniform(-0.5, 0.5) + 0.12 * noise(draw, shape, max(shape) / 3) for _ in range(2)]
    fine = [draw.uniform(0.01, 0.15) * noise(draw, shape, draw.uniform(1.2, 5)) for _ in range(2)]
    nx, ny = (np.clip(a + b, -0.7, 0.7).astype(np.float32) for a, b in zip(bulge, fine, strict=True))
    _rounded(canvas, np.ones(shape, bool), nx, ny)
    for _ in range(draw.integers(0, 3)):
        edge = turned_half(draw, shape, 0.35, 0.5)
        canvas.cover(edge, (cloth, towel)[draw.integers(2)](draw, shape))
    if draw.random() < 0.3:
        edge = turned_half(draw, shape, 0.2, 0.5)
        y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
        canvas.cover(edge, strands(draw, y, x / np.float32(draw.uniform(1, 3)), hair_colour(draw, False)))


def turned_half(draw: Draw, shape: Shape, nearest: float = 0.05, farthest: float = 0.45) -> np.ndarray:
    """A half plane with a wavy border, (h, w): its distance from the middle as a share of the side."""
    y, x = np.mgrid[-0.5 : 0.5 : shape[0] * 1j, -0.5 : 0.5 : shape[1] * 1j]
    angle = draw.uniform(0, 2 * np.pi)
    wave = draw.uniform(0, 0.04) * noise(draw, shape, max(shape) / draw.uniform(3, 12))
    found: np.ndarray = np.cos(angle) * x + np.sin(angle) * y + wave > draw.uniform(nearest, farthest)
    return found

"""A setting, and a scene of it from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.phantom.cameras import Camera, decode, encode, expose
from skinscan.phantom.light import Illuminant, camera_rgb
from skinscan.phantom.optics import BLOOD, MELANIN, SURFACE_REFLECTION, Tone, body_reflectance
from skinscan.study.scenes import bodies
from skinscan.study.scenes.bodies import REST, SKIN, UNJUDGED, Canvas
from skinscan.study.scenes.surfaces import GROUNDS, Draw, Floats, noise

_MELANIN_AT, _BLOOD_AT = np.geomspace(0.002, 0.6, 40), np.geomspace(0.003, 0.4, 24)


@dataclass(frozen=True, slots=True)
class Setting:
    """What may occur. Shares of `views` are of head, limbs and close-up; SDs are of ln white balance and of EV."""

    grounds: tuple[str, ...]
    lamps: tuple[Illuminant, ...]
    cameras: tuple[int, int]
    views: tuple[float, float, float] = (0.5, 0.25, 0.25)
    white_balance_sd: float = 0.10
    exposure_sd: float = 0.35
    jpeg: tuple[int, int] = (70, 97)
    polarised_share: float = 0.25
    dome: tuple[float, float] = (0.2, 0.9)


TRAINING = Setting(("wall", "wood", "cloth", "clutter"), ("D65", "LED_B3", "F11", "A"), (1000, 1400))
HELD_OUT = Setting(
    ("wall", "tiles", "towel", "foliage"), ("D50", "LED_B5", "F2", "LED_B1"), (2000, 2100),
    white_balance_sd=0.09, jpeg=(60, 95), polarised_share=0.15, dome=(0.3, 0.7),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scene:
    """`pixels` (H, W, 3) sRGB after JPEG, `labels` (H, W) of REST, SKIN, UNJUDGED, and what was drawn."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    tone: Tone
    view: str
    ground: str


def make_scene(seed: int, setting: Setting, side_px: int = 512, tone: Tone | None = None) -> Scene:
    """The scene of a seed: `side_px` on its longer side, of `tone` or of one drawn."""
    draw = np.random.default_rng([seed, 4711])
    tone = tone or tuple(MELANIN)[int(draw.integers(6))]
    shape = (side_px, side_px if draw.random() < 0.3 else round(side_px * draw.uniform(0.66, 0.99)))
    shape = shape if draw.random() < 0.7 else shape[::-1]
    ground = str(draw.choice(setting.grounds))
    canvas = bodies.empty(GROUNDS[ground](draw, shape))
    view = str(draw.choice(("head", "limbs", "close-up"), p=setting.views))
    bodies.pigments(draw, canvas, side_px * 0.35 if view != "close-up" else side_px * draw.uniform(0.4, 2.0))
    if view == "head":
        bodies.head(draw, canvas, tone in ("V", "VI"))
    elif view == "limbs":
        bodies.limbs(draw, canvas)
    else:
        bodies.close_up(draw, canvas)
    pixels = photographed(draw, canvas, setting, tone)
    return Scene(pixels, _judged(canvas.label, pixels), tone, view, ground)


@lru_cache(maxsize=64)
def _table(sensitivities: int, lamp: Illuminant) -> tuple[Floats, NDArray[np.float64], NDArray[np.float64]]:
    """Camera RGB over (melanin, blood), (40, 24, 3), with the camera's matrix and gains."""
    weights, matrix, gains = camera_rgb(sensitivities, lamp)
    seen = body_reflectance(_MELANIN_AT[:, None], _BLOOD_AT[None, :]) @ weights
    return seen.astype(np.float32), np.asarray(matrix), np.asarray(gains)


def _lit(draw: Draw, canvas: Canvas, setting: Setting) -> tuple[Floats, Floats]:
    """Light on each pixel and the share that its surface mirrors, (h, w) both."""
    key = np.array([draw.normal(0, 0.6), draw.normal(-0.4, 0.5), draw.uniform(0.5, 1.5)])
    key /= np.linalg.norm(key)
    normal = canvas.normal / np.linalg.norm(canvas.normal, axis=-1, keepdims=True)
    dome = draw.uniform(*setting.dome)
    light = dome * (0.6 + 0.4 * normal[..., 2]) + (1 - dome) * np.maximum(normal @ key, 0.0) / key[2]
    shape = canvas.shape
    if draw.random() < 0.3:
        shadow = bodies.turned_half(draw, shape, -0.3, 0.4).astype(np.float32)
        soft = cv2.GaussianBlur(shadow, (0, 0), float(np.exp(draw.uniform(0, np.log(0.1 * max(shape))))))
        light = light * (1.0 - draw.uniform(0.1, 0.75) * soft)
    light = light * (1.0 + draw.uniform(0, 0.12) * noise(draw, shape, max(shape) / 3))
    half = key + np.array([0.0, 0.0, 1.0])
    facing = np.maximum(normal @ (half / np.linalg.norm(half)), 0.0)
    gloss = 0.0 if draw.random() < setting.polarised_share else draw.uniform(0.2, 2.5)
    mirror = SURFACE_REFLECTION * gloss * (1 + 2 * canvas.gloss) * (0.4 + 6.0 * facing ** draw.uniform(20, 90))
    return np.asarray(light, np.float32), np.asarray(mirror * (1 - dome) * (light > 0.1), np.float32)


def photographed(draw: Draw, canvas: Canvas, setting: Setting, tone: Tone) -> NDArray[np.uint8]:
    """(H, W, 3) sRGB after JPEG of a canvas (h, w), its skin of `tone`, under a lamp and by a camera of the setting."""
    lamp = setting.lamps[int(draw.integers(len(setting.lamps)))]
    table, matrix, gains = _table(int(draw.integers(*setting.cameras)) // 20 * 20, lamp)
    melanin = np.log(MELANIN[tone] * draw.uniform(0.85, 1.15)) + canvas.melanin
    blood = np.log(BLOOD * draw.uniform(0.7, 1.4)) + canvas.blood
    places = []
    for field, at in ((blood, _BLOOD_AT), (melanin, _MELANIN_AT)):
        scale = (len(at) - 1) / np.log(at[-1] / at[0])
        places.append(((field - np.log(at[0])) * scale).astype(np.float32))
    skin = np.asarray(cv2.remap(table, places[0], places[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    light, mirror = _lit(draw, canvas, setting)
    bare = (canvas.label != REST) & ~_painted(canvas)
    soft = cv2.GaussianBlur(bare.astype(np.float32), (0, 0), 0.6)[..., None]
    scene = (soft * skin + (1 - soft) * canvas.colour) * light[..., None] + soft * mirror[..., None]
    level = float(np.median(scene.mean(-1)[bare])) if bare.any() else 0.3
    bright = {"I": 0.42, "II": 0.38, "III": 0.34, "IV": 0.28, "V": 0.2, "VI": 0.13}[tone]
    warm, tint = draw.normal(0, setting.white_balance_sd), draw.normal(0, 0.4 * setting.white_balance_sd)
    balance = np.exp(np.array([warm + tint, 0.0, tint - warm]))
    camera = Camera(
        size_px=canvas.shape, sensitivities=0, white_balance=tuple(balance.tolist()),
        exposure_ev=float(np.log2(bright / max(level, 1e-3)) + draw.normal(0, setting.exposure_sd)),
        vignetting=draw.uniform(0, 0.2), glare=draw.uniform(0, 0.03), blur_px=draw.uniform(0.3, 1.6),
        noise=draw.uniform(0.3, 2.5), tone_curve=draw.uniform(0, 1), sharpening=draw.uniform(0, 0.8),
        jpeg_quality=int(draw.integers(*setting.jpeg)), chroma_subsampling="4:2:0", seed=int(draw.integers(1 << 30)),
    )  # fmt: skip
    exposed = expose(scene.astype(np.float32), camera, matrix, gains)
    return np.asarray(decode(encode(exposed, camera)), np.uint8)


def _painted(canvas: Canvas) -> NDArray[np.bool_]:
    """What is unjudged and yet no skin: drawn strokes of a stubble, nostrils."""
    dark = canvas.colour.mean(-1) < 0.012
    return np.asarray((canvas.label == UNJUDGED) & dark)


def _judged(label: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The labels with a border of two pixels between skin and the rest, and clipped skin, left unjudged."""
    kernel = np.ones((3, 3), np.uint8)
    found = label.copy()
    border = (cv2.dilate(label, kernel) != cv2.erode(label, kernel)) & (label != UNJUDGED)
    clipped = (pixels.max(-1) > 253) | (pixels.max(-1) < 8)
    found[border | (clipped & (label == SKIN))] = UNJUDGED
    return found

"""Fit what tells a scar from the rest of the skin, pixel by pixel: `skinscan study scar-classifier`.

A network of one hidden layer on responses in standard deviations of each skin's own scatter, over phantoms of all
tones, resolutions and lights, each photographed twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from skinscan.arrays import marks
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures.maps import Maps
from skinscan.measures.scars import skin_of
from skinscan.phantom import Camera, SkinRecipe, make_skin, map_to_photo, photograph, write_shot
from skinscan.phantom.scars import Scar
from skinscan.phantom.truth import Truth
from skinscan.study.pairs import TONES, draw_camera, draw_recipe

PX_PER_MM = (10.0, 12.0, 16.0, 20.0, 26.0)
LARGEST_PX, LARGEST_MM = 600, 28.0
SHOTS = 2
UNSCARRED = 4
"""One skin in so many has no scar."""
SCARRED_PIXELS, OTHER_PIXELS = 800, 1200
LEAST_SWING = 0.05
"""Swing of ln luminance across a hollow of the skin's own colour under which nobody could see it."""
LEAN = {"rolling": 0.7, "boxcar": 2.0, "icepick": 1.2, "flat": 0.0}
"""Steepest wall of a hollow, in depths a radius, softened as the light under the skin does."""
BESIDE = 1.35
HIDDEN_UNITS = 20
RIDGE = 2e-5
EVENED = 0.7
"""Power of the area that an example stands for, as its weight: scars are rarer than skin."""


@dataclass(frozen=True)
class Examples:
    """Pixels of one skin's photos: features (n, k), whether a scar lies there, and the area in mm2 they stand for."""

    names: tuple[str, ...]
    features: NDArray[np.float32]
    scarred: NDArray[np.float32]
    area_mm2: NDArray[np.float32]


def scarred_recipe(draw: np.random.Generator, seed: int, px_per_mm: float) -> SkinRecipe:
    """A skin with scars of every kind and depth, or one of UNSCARRED without any."""
    side = min(LARGEST_PX / px_per_mm, LARGEST_MM) + 5
    recipe = replace(
        draw_recipe(draw, TONES[seed % len(TONES)], px_per_mm),
        width_mm=side,
        height_mm=side,
        lines=int(draw.choice([0, 0, 1, 2])),
        line_depth_um=float(draw.uniform(80, 300)),
    )
    if (seed // len(TONES)) % UNSCARRED == 0:
        return recipe
    return replace(
        recipe,
        scars=int(draw.integers(6, 20)),
        scar_depth_um=float(np.exp(draw.uniform(math.log(100), math.log(500)))),
        scar_colour=float(draw.uniform(0.5, 1.5)),
    )


def examples(seed: int) -> Examples:
    """One skin photographed SHOTS times under lights of its own."""
    draw = np.random.default_rng(seed)
    px_per_mm = float(draw.choice(PX_PER_MM))
    recipe = scarred_recipe(draw, seed, px_per_mm)
    skin = make_skin(recipe, min(28.0, 1000.0 / px_per_mm / 1.55))
    side = int(min(LARGEST_PX, LARGEST_MM * px_per_mm))
    parts = []
    for _ in range(SHOTS):
        camera = replace(draw_camera(draw, px_per_mm), size_px=(side, side))
        with TemporaryDirectory() as folder:
            shot = photograph(skin, camera)
            photo = read_photo(write_shot(shot, Path(folder) / "photo.jpg"))
        maps = Maps(make_frame(photo, mm_per_px=1 / px_per_mm, card="none", face=False))
        parts.append(_pixels_of(maps, map_to_photo(skin.scarred, skin, shot.truth), shot.truth, draw))
    return Examples(
        parts[0].names,
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("features", "scarred", "area_mm2")),
    )


def _pixels_of(maps: Maps, scarred: NDArray[np.floating], truth: Truth, draw: np.random.Generator) -> Examples:
    skin = skin_of(maps)
    features, sd = marks.features(skin)
    labels = labels_of(maps, skin, scarred, truth).ravel()
    picked = []
    for label, most in ((1, SCARRED_PIXELS), (0, OTHER_PIXELS)):
        there = np.flatnonzero(labels == label)
        some = draw.choice(there, min(most, len(there)), replace=False)
        picked.append((some, np.full(len(some), len(there) / max(len(some), 1) * skin.mm_per_px**2)))
    at = np.concatenate([some for some, _ in picked])
    return Examples(
        tuple(sd),
        features.reshape(len(sd), -1)[:, at].T.astype(np.float32),
        labels[at].astype(np.float32),
        np.concatenate([area for _, area in picked]).astype(np.float32),
    )


def labels_of(maps: Maps, skin: marks.Skin, scarred: NDArray[np.floating], truth: Truth) -> NDArray[np.uint8]:
    """1 in scars, 0 elsewhere, 2 where neither is learned: on outlines, outside the skin, and on marks that no photo
    tells from a macule or that this light does not show."""
    height, width = skin.mask.shape
    step = round(skin.mm_per_px * 1000 / maps.um_per_px)
    left, top = maps.origin_xy
    x, y = (np.arange(count) * step + step // 2 + start for count, start in ((width, left), (height, top)))
    inside = scarred[np.ix_(np.minimum(y, scarred.shape[0] - 1), np.minimum(x, scarred.shape[1] - 1))] > 0.5
    labels = inside.astype(np.uint8)
    square = np.ones((3, 3), np.uint8)
    labels[cv2.dilate(inside.view(np.uint8), square) != cv2.erode(inside.view(np.uint8), square)] = 2
    for scar in truth.scars:
        if ambiguous(scar) or not visible(scar, truth.camera):
            at = truth.to_photo(np.array([[scar.x_mm, scar.y_mm]]))[0]
            far = np.hypot(x[None, :] - at[0], y[:, None] - at[1]) * truth.mm_per_px
            labels[far < BESIDE * scar.radius_mm] = 2
    labels[~skin.mask] = 2
    return labels


def ambiguous(scar: Scar) -> bool:
    """Whether it is a flat brown mark, as macules are."""
    return scar.kind == "flat" and scar.tint == "brown"


def visible(scar: Scar, camera: Camera) -> bool:
    """Whether a hollow of the skin's own colour swings the light by LEAST_SWING, by its walls or by its want of sky."""
    if scar.tint != "none":
        return True
    steep = scar.depth_um / 1000 / scar.radius_mm
    swing = LEAN[scar.kind] * steep * (1 - camera.dome) / math.tan(math.radians(camera.elevation_deg))
    return max(swing, 0.3 * steep**2) >= LEAST_SWING


def fit(features: NDArray[np.float32], scarred: NDArray[np.float32], weights: NDArray[np.float32]) -> marks.Layers:
    """The network of least weighted log loss with a ridge, by L-BFGS from a fixed start."""
    draw = np.random.default_rng(1)
    count = features.shape[1]
    shapes = ((count, HIDDEN_UNITS), (HIDDEN_UNITS,), (HIDDEN_UNITS,), (1,))
    cuts = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    share = (weights / weights.sum()).astype(np.float32)

    def layers(flat: NDArray[np.float64]) -> list[NDArray[np.float32]]:
        parts = np.split(flat.astype(np.float32), cuts)
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        inward, bias, outward, offset = layers(flat)
        hidden = np.tanh(features @ inward + bias)
        logit = hidden @ outward + offset[0]
        value = float(np.sum(share * (np.logaddexp(0, logit) - scarred * logit)))
        of_logit = share * (1 / (1 + np.exp(-logit)) - scarred)
        of_hidden = np.outer(of_logit, outward) * (1 - hidden * hidden)
        slope = [features.T @ of_hidden, of_hidden.sum(0), hidden.T @ of_logit, of_logit.sum(keepdims=True)]
        total = np.concatenate([part.ravel() for part in slope]).astype(np.float64) + 2 * RIDGE * flat
        return value + RIDGE * float(flat @ flat), total

    first = draw.normal(0, count**-0.5, shapes[0]).ravel()
    start = np.concatenate([first, np.zeros(HIDDEN_UNITS), draw.normal(0, 0.3, HIDDEN_UNITS), [-2.0]])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
    inward, bias, outward, offset = layers(found.x)
    return marks.Layers(inward, bias, outward, float(offset[0]))


def write(path: Path, parts: Sequence[Examples], seeds: Sequence[int]) -> None:
    features, scarred, area = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("features", "scarred", "area_mm2")
    )
    found = fit(features, scarred, np.asarray(area**EVENED, np.float32))
    about = {
        "about": "Network that tells scars from other marks, pixel by pixel; see models/README.md",
        "version": 1,
        "phantom_seeds": [min(seeds), max(seeds)],
        "pixels": len(scarred),
        "features": list(parts[0].names),
        "inward": _rounded(found.inward),
        "bias": _rounded(found.bias),
        "outward": _rounded(found.outward),
        "offset": round(found.offset, 4),
    }
    path.write_text(json.dumps(about, separators=(", ", ": ")) + "\n")


def _rounded(values: NDArray[np.float32]) -> list[object]:
    told: list[object] = np.round(values.astype(np.float64), 4).tolist()
    return told

"""The photos that are timed: one phantom close-up of 2048 px, alone, on a wall, and mirrored over whole frames."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.phantom import Camera, SkinRecipe, Truth, make_skin, photograph

PX_PER_MM = 30.0
SIDE = 2048
QUALITY = 92
PHONE = (3000, 4000)
FRAMES = {1: (866, 1155), 3: (1500, 2000), 6: (2122, 2828), 12: PHONE, 24: (4243, 5657), 48: (6000, 8000)}
"""Megapixels: height, width."""


@dataclass(frozen=True)
class Photos:
    """Paths: a square of skin, a phone's photo of it on a wall and another a visit later, whole frames by megapixels;
    the square's pixels and truth."""

    square: Path
    phone: Path
    later: Path
    frames: dict[int, Path]
    pixels: NDArray[np.uint8]
    truth: Truth


def make(folder: Path) -> Photos:
    """All photos in a folder; what is there already is taken."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "square.pickle"
    if not kept.exists():
        skin = make_skin(SkinRecipe(seed=900_100, tone="III", width_mm=78, height_mm=78), 20.0)
        first = Camera(px_per_mm=PX_PER_MM, size_px=(SIDE, SIDE), seed=3, sensitivities=101)
        again = Camera(
            px_per_mm=PX_PER_MM, size_px=(SIDE, SIDE), seed=4, sensitivities=101, rotation_deg=2, tilt_deg=2,
            shift_mm=(1.0, -0.6), exposure_ev=0.1,
        )  # fmt: skip
        shot = photograph(skin, first)
        kept.write_bytes(pickle.dumps((shot.pixels, photograph(skin, again).pixels, shot.truth)))
    pixels, later, truth = pickle.loads(kept.read_bytes())
    mirrored = np.concatenate([pixels, pixels[:, ::-1]], 1)
    mirrored = np.concatenate([mirrored, mirrored[::-1]], 0)
    frames = {
        size: _written(folder / f"frame_{size}.jpg", np.tile(mirrored, (2, 2, 1))[:height, :width])
        for size, (height, width) in FRAMES.items()
    }
    return Photos(
        square=_written(folder / "square.jpg", pixels),
        phone=_written(folder / "phone.jpg", _on_a_wall(pixels)),
        later=_written(folder / "later.jpg", _on_a_wall(later)),
        frames=frames,
        pixels=pixels,
        truth=truth,
    )


def _on_a_wall(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    draw = np.random.default_rng(1)
    wall = np.full((*PHONE, 3), (92.0, 110.0, 132.0)) + draw.normal(0, 3, (*PHONE, 1))
    wall += np.linspace(-10, 10, PHONE[1])[None, :, None]
    whole = np.clip(wall, 0, 255).astype(np.uint8)
    top, left = ((whole_side - SIDE) // 2 for whole_side in PHONE)
    whole[top : top + SIDE, left : left + SIDE] = pixels
    return whole


def _written(path: Path, pixels: NDArray[np.uint8]) -> Path:
    if not path.exists() and not cv2.imwrite(str(path), pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
        raise OSError(f"cannot write {path}")
    return path

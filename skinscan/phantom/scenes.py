"""Wider pictures than a close-up: a colour card among other things, or other things alone.

What the finder of cards is tried on: `card_scene(seed)` shows a card, `other_scene(seed)` does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.phantom.cameras import Camera, decode, encode, expose, project
from skinscan.phantom.card import CENTRE, Card, Cover, Glare, Shade, card_homography, hidden_patches, lay_card
from skinscan.phantom.chart import patch_reflectances
from skinscan.phantom.clutter import KINDS, lay_thing, squares
from skinscan.phantom.fields import Image
from skinscan.phantom.light import (
    Illuminant,
    camera_rgb,
    generic_reflectances,
    ideal_sensitivity,
    illuminant,
    sensitivity,
)
from skinscan.phantom.optics import BLOOD, MELANIN, Float, Tone, reflectance

LAMPS: tuple[Illuminant, ...] = ("D65", "D50", "A", "F2", "F11", "LED_B3")
TONES: tuple[Tone, ...] = get_args(Tone)


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture (H, W, 3) with its file's bytes, and the card in it, if any. `homography` takes chart coordinates to
    px."""

    pixels: NDArray[np.uint8]
    data: bytes
    camera: Camera
    card: Card | None = None
    homography: Float | None = None

    @property
    def hidden(self) -> tuple[int, ...]:
        """Patches 0 to 23 whose middle is covered."""
        return () if self.card is None else hidden_patches(self.card)


def unbalanced(sensitivities: int | None, lamp: Illuminant) -> tuple[float, float, float]:
    """Gains beside the right ones of a camera that was set to daylight (D65), green 1."""
    shape = ideal_sensitivity() if sensitivities is None else sensitivity(sensitivities)
    gains = [(shape * illuminant(name)[:, None]).sum(axis=0) for name in (lamp, "D65")]
    ratio = gains[0] / gains[1]
    red, green, blue = (float(v) for v in ratio / ratio[1])
    return red, green, blue


def any_camera(draw: np.random.Generator, **fixed: Any) -> Camera:
    """A camera, lamp and file as they may come: half of them with their white balance off."""
    eye = None if draw.random() < 0.2 else int(draw.integers(0, 1000))
    lamp: Illuminant = LAMPS[int(draw.integers(len(LAMPS)))]
    long = int(draw.integers(900, 1400))
    short = int(long * draw.choice([0.75, 0.667, 0.5625, 1.0]))
    fields = {
        "size_px": (long, short) if draw.random() < 0.5 else (short, long),
        "illuminant": lamp,
        "sensitivities": eye,
        "exposure_ev": float(draw.normal(-0.1, 0.35)),
        "azimuth_deg": float(draw.uniform(0, 360)),
        "elevation_deg": float(draw.uniform(35, 85)),
        "dome": float(draw.uniform(0.2, 0.9)),
        "gradient": float(draw.uniform(0, 0.4)),
        "vignetting": float(draw.uniform(0, 0.25)),
        "glare": float(draw.uniform(0, 0.02)),
        "blur_px": float(draw.uniform(0.4, 1.3)),
        "noise": float(draw.uniform(0.5, 3.0)),
        "tone_curve": float(draw.uniform(0, 1)),
        "sharpening": float(draw.choice([0.0, 0.3, 0.8])),
        "jpeg_quality": int(draw.integers(60, 98)),
        "chroma_subsampling": str(draw.choice(["4:4:4", "4:2:0"])),
        "distance_mm": float(draw.uniform(250, 900)),
        "seed": int(draw.integers(1 << 30)),
        **fixed,
    }
    if "white_balance" not in fixed and draw.random() < 0.5:
        off = np.array(unbalanced(fields["sensitivities"], fields["illuminant"]))
        fields["white_balance"] = tuple((off / off.max() ** 0.7).tolist())
    return Camera(**fields)


def any_card(draw: np.random.Generator, camera: Camera, width_px: float, **fixed: Any) -> tuple[Card, Camera]:
    """A card about `width_px` wide somewhere in the picture, and the camera at the scale that shows it so."""
    classic = bool(draw.random() < 0.5)
    pitch = float(draw.uniform(44, 48)) if classic else float(draw.uniform(13, 14))
    margin = (0.15, 0.2, 0.15, 0.2) if classic else tuple(draw.uniform(0.3, 0.9, 4).tolist())
    px_per_mm = width_px / (6 * pitch)
    camera = replace(camera, px_per_mm=px_per_mm, distance_mm=_far_enough(camera, px_per_mm))
    fields = {
        "pitch_mm": pitch,
        "patch": float(draw.uniform(0.85, 0.92) if classic else draw.uniform(0.76, 0.86)),
        "margin": margin,
        "angle_deg": float(draw.uniform(0, 360)),
        "tilt_deg": float(draw.uniform(0, 30)),
        "tilt_axis_deg": float(draw.uniform(0, 360)),
        "frame": float(draw.uniform(0.02, 0.06)),
        "formulation": str(draw.choice(["before_2014", "after_2014"])),
        "mirrored": bool(draw.random() < 0.15),
        **fixed,
    }
    card = Card(**fields)
    outline = np.array([[-0.5, -0.5], [5.5, -0.5], [5.5, 3.5], [-0.5, 3.5]])
    corners = project(card_homography(card, camera), outline)
    h, w = camera.size_px
    span = np.ptp(corners, axis=0)
    factor = min(1.0, 0.97 * float(np.min([w, h] / span)))
    px_per_mm *= factor
    camera = replace(camera, px_per_mm=px_per_mm, distance_mm=_far_enough(camera, px_per_mm))
    corners = project(card_homography(card, camera), outline)
    room_low, room_high = -corners.min(axis=0), [w - 1, h - 1] - corners.max(axis=0)
    shift = draw.uniform(np.minimum(room_low, room_high), np.maximum(room_low, room_high))
    at = shift / camera.px_per_mm
    return replace(card, at_mm=(float(at[0]), float(at[1]))), camera


def _far_enough(camera: Camera, px_per_mm: float) -> float:
    """Distance at which the picture's longer side spans no more than 67 degrees, as a phone's wide lens does."""
    return max(camera.distance_mm, 0.75 * max(camera.size_px) / px_per_mm)


def part_hidden(draw: np.random.Generator, share: float) -> Cover:
    """A cover over about `share` of the 24 patches, from one side, a corner, or across."""
    surface: Tone | float = (
        TONES[int(draw.integers(6))] if draw.random() < 0.5 else float(draw.choice([0.02, 0.3, 0.85]))
    )
    area = 24 * share
    seed = int(draw.integers(1 << 30))
    kind = draw.integers(3)
    if kind == 0:  # a side
        deep, side = area / 4, draw.integers(2)
        return Cover((-0.5 + deep / 2 if side else 5.5 - deep / 2, 1.5), (deep / 2, 3.0), 0.0, False, surface, seed)
    if kind == 1:  # a corner
        radius = float(np.sqrt(4 * area / np.pi))
        at = (float(draw.choice([-0.5, 5.5])), float(draw.choice([-0.5, 3.5])))
        return Cover(at, (radius, radius), 0.0, True, surface, seed)
    half = area / 4 / 2  # a finger across
    at = (float(draw.uniform(0.5, 4.5)), float(draw.uniform(0, 3)))
    return Cover(at, (half, 2.6), float(draw.uniform(-40, 40)), True, surface, seed)


def backdrop(draw: np.random.Generator, camera: Camera, things: int, *, decoys: bool = False) -> Image:
    """White-balanced linear camera light of a scene without a card: a ground, skin, and things lying about."""
    weights, _, _ = camera_rgb(camera.sensitivities, camera.illuminant)
    palette = generic_reflectances() @ weights
    h, w = camera.size_px
    scene = np.empty((h, w, 3), np.float32)
    scene[:] = palette[draw.integers(len(palette))]
    soft = cv2.resize(draw.normal(0, 1, (12, 12)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    grain = cv2.GaussianBlur(draw.standard_normal((h, w), dtype=np.float32), (0, 0), float(draw.uniform(0.6, 3)))
    scene *= np.exp(0.1 * soft + draw.choice([0.02, 0.3]) * grain)[..., None]
    for _ in range(things):
        thing = KINDS[int(draw.integers(len(KINDS)))](draw, palette)
        if decoys and draw.random() < 0.3:  # the card's own colours in another order
            order = draw.permutation(24)
            if draw.random() < 0.5:
                order = np.concatenate([draw.permutation(18), np.arange(18, 24)])
            thing = squares(draw, (patch_reflectances() @ weights)[order], 6, 4, np.full(3, 0.04), 0.86)
        lay_thing(scene, thing, draw, float(np.exp(draw.uniform(np.log(0.15), np.log(0.9)))))
    if draw.random() < 0.6:
        skin = reflectance(MELANIN[TONES[int(draw.integers(6))]], BLOOD) @ weights
        cover = np.zeros((h, w), np.float32)
        centre, axes = draw.uniform([0, 0], [w, h]).astype(int), (draw.uniform(0.15, 0.5, 2) * min(h, w)).astype(int)
        cv2.ellipse(cover, centre.tolist(), axes.tolist(), float(draw.uniform(0, 180)), 0, 360, (1.0,), -1)
        texture = np.exp(0.15 * soft + 0.03 * grain)
        scene += cv2.GaussianBlur(cover, (0, 0), 1.0)[..., None] * (
            texture[..., None] * skin.astype(np.float32) - scene
        )
    return scene


def card_scene(seed: int, *, hide: float | None = None, shade: bool | None = None, **fixed: Any) -> Scene:
    """A picture with a card of about 100 px to the whole picture's width. What is not fixed by name (fields of Card or
    Camera, `width_px`, `hide` the share of the patches that is covered, `shade` whether a shadow falls) is drawn."""
    draw = np.random.default_rng([seed, 2400])
    of_camera = {
        k: v for k, v in fixed.items() if k in Camera.__dataclass_fields__ and k not in Card.__dataclass_fields__
    }
    of_card = {k: v for k, v in fixed.items() if k in Card.__dataclass_fields__}
    camera = any_camera(draw, **of_camera)
    width = fixed.get("width_px") or float(np.exp(draw.uniform(np.log(105), np.log(1.3 * max(camera.size_px)))))
    card, camera = any_card(draw, camera, width, **of_card)
    hide = (float(draw.uniform(0.02, 0.25)) if draw.random() < 0.5 else 0.0) if hide is None else hide
    shade = bool(draw.random() < 0.4) if shade is None else shade
    if hide:
        card = replace(card, covers=(part_hidden(draw, hide),))
    if shade:
        at = (float(draw.uniform(0, 5)), float(draw.uniform(0, 3)))
        fall = Shade(float(draw.uniform(0.3, 0.8)), at, float(draw.uniform(0, 360)), float(draw.uniform(0.05, 1.5)))
        card = replace(card, shades=(fall,))
    if draw.random() < 0.15:
        spot = (float(draw.uniform(0, 5)), float(draw.uniform(0, 3)))
        card = replace(card, glares=(Glare(spot, float(draw.uniform(0.1, 0.8)), float(draw.uniform(0.3, 1.0))),))
    scene = backdrop(draw, camera, int(draw.integers(0, 5)))
    lay_card(scene, card, camera)
    return _taken(scene, camera, card, card_homography(card, camera))


def other_scene(seed: int) -> Scene:
    """A picture without a card, but with things that resemble one."""
    draw = np.random.default_rng([seed, 2401])
    camera = any_camera(draw)
    return _taken(backdrop(draw, camera, int(draw.integers(1, 7)), decoys=True), camera, None, None)


def _taken(scene: Image, camera: Camera, card: Card | None, homography: Float | None) -> Scene:
    _, matrix, gains = camera_rgb(camera.sensitivities, camera.illuminant)
    data = encode(expose(scene, camera, matrix, gains), camera)
    return Scene(np.asarray(decode(data), np.uint8), data, camera, card, homography)


__all__ = ["CENTRE", "LAMPS", "Scene", "any_camera", "card_scene", "other_scene", "unbalanced"]

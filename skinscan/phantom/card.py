"""A 24-patch colour card lying on the skin, or before it: its pose, and how the camera sees it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from skinscan.phantom.cameras import Camera, plane_homography, project
from skinscan.phantom.chart import Formulation, patch_reflectances
from skinscan.phantom.fields import Image
from skinscan.phantom.light import camera_rgb
from skinscan.phantom.optics import BLOOD, MELANIN, Float, Tone, reflectance
from skinscan.records import ParameterError

CENTRE = (2.5, 1.5)
"""The card's centre in chart coordinates: pitches from the centre of dark skin, x along the row of six."""


@dataclass(frozen=True, slots=True)
class Shade:
    """A shadow with a straight soft edge, in chart coordinates: behind `at`, seen along `towards_deg` (0 from +x to
    +y), light is `factor` of what it was; the edge takes `soft` pitches."""

    factor: float = 0.45
    at: tuple[float, float] = CENTRE
    towards_deg: float = 0.0
    soft: float = 0.3


@dataclass(frozen=True, slots=True)
class Cover:
    """Something that hides a part of the card, an ellipse or a rectangle in chart coordinates.

    `surface` is skin of a tone, or a neutral reflectance. `half` its half axes, turned by `angle_deg`.
    """

    at: tuple[float, float] = (0.0, 0.0)
    half: tuple[float, float] = (1.0, 1.0)
    angle_deg: float = 0.0
    round: bool = True
    surface: Tone | float = "III"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Glare:
    """A bright spot of the lamp on the card: `strength` times a perfect white is added at `at` (chart coordinates) and
    falls off as a Gaussian of `radius` pitches."""

    at: tuple[float, float] = CENTRE
    strength: float = 0.5
    radius: float = 0.7


@dataclass(frozen=True, slots=True)
class Card:
    """A ColorChecker of 24 patches. Places in mm in the skin's plane, heights above it.

    `pitch_mm` from patch to patch (Classic 44 to 48, Passport about 13.5), `patch` the side of a patch in pitches,
    `margin` of the dark body around the outer patches in pitches (left, top, right, bottom). Its centre lies
    `above_mm` over `at_mm`; it is turned by `angle_deg` and tilted by `tilt_deg` about an axis at `tilt_axis_deg` of
    the skin's plane. `frame` is the body's reflectance. `mirrored` as a mirrored photo shows it.
    """

    pitch_mm: float = 13.5
    patch: float = 0.84
    margin: tuple[float, float, float, float] = (0.3, 0.45, 0.3, 0.3)
    at_mm: tuple[float, float] = (0.0, 0.0)
    above_mm: float = 0.0
    angle_deg: float = 0.0
    tilt_deg: float = 0.0
    tilt_axis_deg: float = 0.0
    frame: float = 0.04
    formulation: Formulation = "before_2014"
    mirrored: bool = False
    shades: tuple[Shade, ...] = ()
    covers: tuple[Cover, ...] = ()
    glares: tuple[Glare, ...] = ()

    def __post_init__(self) -> None:
        if self.pitch_mm <= 0 or not 0.3 <= self.patch <= 0.98:
            raise ParameterError(
                "A card needs a pitch above 0 mm and patches of 0.3 to 0.98 pitches",
                found=f"{self.pitch_mm:g} mm, {self.patch:g}",
            )

    @property
    def body(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the card in chart coordinates."""
        left, top, right, bottom = self.margin
        half = self.patch / 2
        return -half - left, -half - top, 5 + half + right, 3 + half + bottom


def card_axes(card: Card) -> Float:
    """Unit vectors (3, 3) of the card's x, y and of the normal away from the camera, as columns, in the skin's space
    (x, y in its plane, z away from the camera)."""
    turn, tilt, axis = np.radians([card.angle_deg, card.tilt_deg, card.tilt_axis_deg])
    about = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    tilted, _ = cv2.Rodrigues(np.array([np.cos(axis), np.sin(axis), 0.0]) * tilt)
    return np.asarray(tilted @ about, np.float64)


def card_homography(card: Card, camera: Camera) -> Float:
    """(3, 3) from chart coordinates (pitches, centre of dark skin at (0, 0)) to photo px."""
    axes = card_axes(card)[:, :2] * card.pitch_mm
    if card.mirrored:
        axes = axes * [-1.0, 1.0]
    origin = np.array([*card.at_mm, -card.above_mm]) - axes @ CENTRE
    return plane_homography(camera, origin, axes)


def card_light(card: Card, camera: Camera) -> float:
    """Light on the card over that on level skin."""
    normal = card_axes(card)[:, 2] * [-1.0, -1.0, 1.0]  # z up from the skin, as the key's direction has it
    key = camera.key_direction
    toward = max(float(normal @ key), 0.0) / float(key[2])
    return float(camera.dome * (0.5 + 0.5 * normal[2]) + (1.0 - camera.dome) * toward)


def lay_card(scene: Image, card: Card, camera: Camera) -> Image:
    """Draws the card into white-balanced linear camera light (H, W, 3), in place; returns how far each pixel is covered
    by it or by what lies on it, (H, W) 0 to 1. Shadows fall on the card and on what is around it."""
    matrix = card_homography(card, camera)
    u, v, du, dv = _chart_axes(matrix, scene.shape[:2])
    left, top, right, bottom = card.body
    inside = _cover(u, du, (left + right) / 2, (right - left) / 2) * _cover(
        v, dv, (top + bottom) / 2, (bottom - top) / 2
    )
    column, row = (np.clip(np.rint(axis), 0, last) for axis, last in ((u, 5), (v, 3)))
    weights, _, _ = camera_rgb(camera.sensitivities, camera.illuminant)
    patches = (patch_reflectances(card.formulation) @ weights).astype(np.float32)
    patch = _cover(u, du, column, card.patch / 2) * _cover(v, dv, row, card.patch / 2)
    colour = patches[(row * 6 + column).astype(np.intp)]
    light = np.float32(card_light(card, camera))
    body = light * (np.float32(card.frame) + patch[..., None] * (colour - np.float32(card.frame)))
    for glare in card.glares:
        away = ((u - glare.at[0]) ** 2 + (v - glare.at[1]) ** 2) / np.float32(glare.radius**2)
        body += (np.float32(glare.strength) * np.exp(-0.5 * away))[..., None]
    scene += inside[..., None] * (body - scene)
    for cover in card.covers:
        share = _cover_share(cover, u, v, np.hypot(du, dv))
        scene += share[..., None] * (_surface(cover, u, v, camera) - scene)
        inside = np.maximum(inside, share)
    for shade in card.shades:
        scene *= _shade(shade, u, v)[..., None]
    return inside


def _chart_axes(matrix: Float, shape: tuple[int, ...]) -> tuple[Image, Image, Image, Image]:
    """Chart coordinates u and v of every pixel, and how far each moves across one pixel: four (H, W)."""
    back = np.linalg.inv(matrix)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float64)
    depth = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    out = []
    for k in (0, 1):
        value = (back[k, 0] * x + back[k, 1] * y + back[k, 2]) / depth
        slope = np.hypot(back[k, 0] - value * back[2, 0], back[k, 1] - value * back[2, 1]) / np.abs(depth)
        out += [value.astype(np.float32), slope.astype(np.float32)]
    return out[0], out[2], out[1], out[3]


def _cover(at: Image, per_px: Image, middle: Image | float, half: float) -> Image:
    """Share of each pixel between `middle` - `half` and `middle` + `half`."""
    return np.asarray(
        np.clip(0.5 - (np.abs(at - np.float32(middle)) - np.float32(half)) / per_px, 0.0, 1.0), np.float32
    )


def _cover_share(cover: Cover, u: Image, v: Image, per_px: Image) -> Image:
    angle = np.radians(cover.angle_deg)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    du, dv = u - np.float32(cover.at[0]), v - np.float32(cover.at[1])
    a, b = (
        np.abs(du * cos + dv * sin) / np.float32(cover.half[0]),
        np.abs(dv * cos - du * sin) / np.float32(cover.half[1]),
    )
    rho = np.hypot(a, b) if cover.round else np.maximum(a, b)
    return np.asarray(np.clip(0.5 - (rho - 1) * np.float32(min(cover.half)) / per_px, 0.0, 1.0), np.float32)


def _surface(cover: Cover, u: Image, v: Image, camera: Camera) -> Image:
    """What covers the card, shaded a little as something round and uneven is: (H, W, 3)."""
    if isinstance(cover.surface, str):
        weights, _, _ = camera_rgb(camera.sensitivities, camera.illuminant)
        colour = reflectance(MELANIN[cover.surface], BLOOD) @ weights
    else:
        colour = np.full(3, cover.surface)
    draw = np.random.default_rng([cover.seed, 24])
    uneven = np.ones(u.shape, np.float32)
    for _ in range(6):
        across, along, phase = (*draw.normal(0, 3, 2), draw.uniform(0, 7))
        uneven += np.float32(0.03) * np.sin(np.float32(across) * u + np.float32(along) * v + np.float32(phase))
    return np.asarray(uneven[..., None] * colour.astype(np.float32))


def _shade(shade: Shade, u: Image, v: Image) -> Image:
    towards = np.radians(shade.towards_deg)
    depth = (u - shade.at[0]) * np.float32(np.cos(towards)) + (v - shade.at[1]) * np.float32(np.sin(towards))
    t = np.clip(depth / np.float32(max(shade.soft, 1e-3)) + np.float32(0.5), 0.0, 1.0)
    return np.asarray(1.0 - np.float32(1.0 - shade.factor) * t * t * (3 - 2 * t), np.float32)


def hidden_patches(card: Card) -> tuple[int, ...]:
    """Numbers 0 to 23 of the patches whose middle something covers."""
    middle = np.stack(np.meshgrid(np.linspace(-0.2, 0.2, 5), np.linspace(-0.2, 0.2, 5)), axis=-1).reshape(-1, 2)
    hidden = set()
    for number in range(24):
        at = (middle + np.array([number % 6, number // 6])).astype(np.float32)
        for cover in card.covers:
            if (_cover_share(cover, at[:, 0], at[:, 1], np.full(25, 0.02, np.float32)) > 0).any():
                hidden.add(number)
    return tuple(sorted(hidden))


def patch_corners(card: Card, camera: Camera, number: int) -> Float:
    """Corners (4, 2) of a patch, 0 to 23, in photo px."""
    half, place = card.patch / 2, np.array([number % 6, number // 6])
    square = np.array([[-half, -half], [half, -half], [half, half], [-half, half]]) + place
    return project(card_homography(card, camera), square)

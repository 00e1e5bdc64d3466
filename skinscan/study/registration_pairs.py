"""Pairs for `skinscan study registration`: the same skin disturbed in one way, and what only resembles it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.phantom import Camera, Skin, SkinRecipe
from skinscan.phantom.cameras import encode
from skinscan.records import Frame

Points = NDArray[np.float64]
Pixels = NDArray[Any]
Moves = Callable[[Points], Points]

PX_PER_MM, SIDE_PX, SKIN_MM = 16.0, 512, 64.0
GRID_UM = 29.0

# --- the same skin -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Disturbed:
    """How the after photo differs: its camera, how the skin moved in its own plane (mm to mm), how it changed."""

    camera: Camera
    moves: Moves | None = None
    moved_before: Moves | None = None
    recipe: Callable[[SkinRecipe], SkinRecipe] | None = None


Disturb = Callable[[np.random.Generator, Camera], Disturbed]


def recipe_of(draw: np.random.Generator, tone: str) -> SkinRecipe:
    """A skin of a tone, large enough for every view of this study."""
    return SkinRecipe(
        seed=int(draw.integers(1, 2**31)),
        tone=tone,  # type: ignore[arg-type]
        width_mm=SKIN_MM,
        height_mm=SKIN_MM,
        roughness_scale=float(draw.uniform(0.5, 1.3)),
        mottling=float(draw.uniform(0.5, 1.5)),
        redness_patches=int(draw.integers(0, 4)),
        spots=int(draw.integers(0, 7)),
        hairs=int(draw.integers(0, 8)),
    )


def camera_of(draw: np.random.Generator) -> Camera:
    """The baseline's camera and light."""
    return Camera(
        px_per_mm=PX_PER_MM,
        size_px=(SIDE_PX, SIDE_PX),
        azimuth_deg=float(draw.uniform(0, 360)),
        elevation_deg=float(draw.uniform(40, 65)),
        dome=float(draw.uniform(0.3, 0.7)),
        gloss=float(draw.choice([0.0, 0.6, 1.0])),
        sensitivities=int(draw.integers(0, 50)),
        jpeg_quality=int(draw.integers(88, 97)),
        seed=int(draw.integers(1, 2**31)),
    )


def _with(**fields: Any) -> Disturb:
    return lambda draw, camera: Disturbed(replace(camera, **fields))


def _light(azimuth: float) -> Disturb:
    def disturb(draw: np.random.Generator, camera: Camera) -> Disturbed:
        side = float(draw.choice([-1.0, 1.0]))
        return Disturbed(replace(camera, azimuth_deg=camera.azimuth_deg + side * azimuth))

    return disturb


def _tilt(tilt: float) -> Disturb:
    return lambda draw, camera: Disturbed(
        replace(camera, tilt_deg=tilt, tilt_axis_deg=float(draw.uniform(0, 180)), shift_mm=(1.0, -1.0))
    )


def _scaled(factor: float) -> Disturb:
    return lambda draw, camera: Disturbed(replace(camera, px_per_mm=camera.px_per_mm * factor))


def _turned(draw: np.random.Generator, camera: Camera) -> Disturbed:
    return Disturbed(replace(camera, rotation_deg=float(draw.uniform(0, 360))))


def _exposed(draw: np.random.Generator, camera: Camera) -> Disturbed:
    gains = np.exp(draw.uniform(-0.2, 0.2, 2))
    balance = (float(gains[0]), 1.0, float(gains[1]))
    return Disturbed(replace(camera, exposure_ev=float(draw.uniform(-1.0, 0.3)), white_balance=balance))


def _raised(by_deg: float) -> Disturb:
    return lambda draw, camera: Disturbed(replace(camera, elevation_deg=camera.elevation_deg + by_deg))


def _swollen(strength: float) -> Disturb:
    """Smooth local stretching and squeezing: `strength` is the largest local change of length."""

    def disturb(draw: np.random.Generator, camera: Camera) -> Disturbed:
        centre = draw.uniform(-6, 6, 2)
        width = float(draw.uniform(6, 10))
        turn = float(draw.uniform(-0.5, 0.5)) * strength

        def moves(points: Points) -> Points:
            apart = points - centre
            # the steepest slope of r exp(-r^2 / 2 w^2) is 1, at the centre
            rise = strength * apart + turn * apart[..., ::-1] * np.array([-1.0, 1.0])
            return np.asarray(points + rise * np.exp(-0.5 * (apart**2).sum(-1, keepdims=True) / width**2))

        return Disturbed(camera, moves)

    return disturb


def _curved(turn_deg: float, radius_mm: float = 60.0) -> Disturb:
    """A cheek: a cylinder seen from straight ahead, and turned."""

    def seen(turn: float) -> Moves:
        def moves(points: Points) -> Points:
            out = points.copy()
            out[..., 0] = radius_mm * (np.sin(points[..., 0] / radius_mm + turn) - math.sin(turn))
            return out

        return moves

    turn = math.radians(turn_deg)
    return lambda draw, camera: Disturbed(camera, seen(turn), seen(0.0))


def _flushed(draw: np.random.Generator, camera: Camera) -> Disturbed:
    def change(recipe: SkinRecipe) -> SkinRecipe:
        return replace(recipe, blood_scale=1.5, redness_strength=2 * recipe.redness_strength)

    return Disturbed(camera, recipe=change)


def _all_at_once(draw: np.random.Generator, camera: Camera) -> Disturbed:
    again = replace(
        camera,
        rotation_deg=float(draw.uniform(0, 360)),
        tilt_deg=float(draw.uniform(0, 15)),
        tilt_axis_deg=float(draw.uniform(0, 180)),
        px_per_mm=camera.px_per_mm * float(np.exp(draw.uniform(math.log(0.8), math.log(1.4)))),
        azimuth_deg=camera.azimuth_deg + float(draw.uniform(-30, 30)),
        exposure_ev=float(draw.uniform(-0.8, 0.2)),
        blur_px=float(draw.uniform(0.6, 1.4)),
        noise=2.0,
        jpeg_quality=75,
        chroma_subsampling="4:2:0",
    )
    return replace(_swollen(0.02)(draw, again), recipe=None)


SAME_SKIN: Mapping[str, Disturb] = {
    "same light": _with(),
    "rotation 0-360": _turned,
    "tilt 15": _tilt(15.0),
    "tilt 30": _tilt(30.0),
    "scale 0.7": _scaled(0.7),
    "scale 1.4": _scaled(1.4),
    "exposure, white balance": _exposed,
    "blur 1.6 px": _with(blur_px=1.6),
    "JPEG 60": _with(jpeg_quality=60, chroma_subsampling="4:2:0"),
    "noise x 4": _with(noise=4.0),
    "flush": _flushed,
    "swelling 2 %": _swollen(0.02),
    "swelling 6 %": _swollen(0.06),
    "curved, turned 15": _curved(15.0),
    "light 15": _light(15.0),
    "light 45": _light(45.0),
    "light 90": _light(90.0),
    "light 20 higher": _raised(20.0),
    "all at once": _all_at_once,
    "light 20 lower": _raised(-20.0),
}
"""By name: what happens between the two photos."""


def deformed(skin: Skin, moves: Moves) -> Skin:
    """The skin after its points have moved, mm to mm; the tables of pores and lines stay those of the skin at rest."""
    x, y = skin.grid.axes()
    wanted = np.stack(np.meshgrid(x.astype(np.float64), y.astype(np.float64)), axis=-1)
    source = wanted.copy()
    for _ in range(12):  # moves is near the identity: converges by its slope a step
        source += wanted - moves(source)
    cells = source @ skin.grid.from_mm()[:2, :2].T + skin.grid.from_mm()[:2, 2]
    map_x, map_y = (np.ascontiguousarray(cells[..., axis], np.float32) for axis in range(2))

    def moved(image: Any) -> Any:
        return cv2.remap(image, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)

    floor = {name: np.maximum(moved(getattr(skin, name)), 1e-4) for name in ("melanin", "blood")}
    rest = {name: moved(getattr(skin, name)) for name in ("furrows_um", "lines_um", "pits_um")}
    shares = {name: np.clip(moved(getattr(skin, name)), 0, 1) for name in ("dark", "hair")}
    return replace(skin, **floor, **rest, **shares, cache={})


# --- what is another skin, and looks alike --------------------------------------------------------------------

Spoil = Callable[[np.random.Generator, Pixels], Pixels]
"""The same draw spoils both photos in the same way, so far as its author means it to."""


def _texts(alpha: float) -> Spoil:
    def spoil(draw: np.random.Generator, pixels: Pixels) -> Pixels:
        ink = np.zeros(pixels.shape[:2], np.uint8)
        for row in range(5):
            cv2.putText(ink, "CLINIC No 7", (10, 72 + 100 * row), 0, 2.4, 255, 6, cv2.LINE_AA)
        share = (alpha * ink / 255.0)[..., None]
        return np.asarray(pixels * (1 - share) + 255 * share, np.uint8)

    return spoil


def _bars(draw: np.random.Generator, pixels: Pixels) -> Pixels:
    out = pixels.copy()
    out[208:288] = 12
    out[:, :24] = out[:, -24:] = out[:24] = out[-24:] = 240
    return out


def _logo(draw: np.random.Generator, pixels: Pixels) -> Pixels:
    """A busy picture over the lower half."""
    out = pixels.copy()
    logo = cv2.resize(draw.integers(0, 256, (32, 64, 3)).astype(np.uint8), (512, 256), interpolation=cv2.INTER_CUBIC)
    out[256:] = (out[256:].astype(int) + logo) // 2
    return out


def _dirt(draw: np.random.Generator, pixels: Pixels) -> Pixels:
    """Specks on the lens."""
    shade: Any = np.zeros(pixels.shape[:2], np.float32)
    for x, y, r in zip(*draw.uniform(0, SIDE_PX, (2, 60)), draw.uniform(4, 16, 60), strict=True):
        cv2.circle(shade, (int(x), int(y)), int(r), 1.0, -1)
    shade = cv2.GaussianBlur(shade, (0, 0), 3.0)
    return np.asarray(pixels * (1 - 0.4 * shade)[..., None], np.uint8)


def _shifted(spoil: Spoil, by: tuple[int, int]) -> Spoil:
    """The same overlay, at another place of the picture: the photo was cropped after it was marked."""

    def shifted(draw: np.random.Generator, pixels: Pixels) -> Pixels:
        rolled = np.roll(pixels, (-by[1], -by[0]), axis=(0, 1))
        return np.roll(spoil(draw, rolled), by[::-1], axis=(0, 1))

    return shifted


OVERLAYS: Mapping[str, tuple[Spoil, Spoil]] = {
    "watermark": (_texts(0.5),) * 2,
    "watermark, moved": (_texts(0.5), _shifted(_texts(0.5), (17, 9))),
    "opaque text, moved": (_texts(1.0), _shifted(_texts(1.0), (17, 9))),
    "black bar and frame": (_bars,) * 2,
    "black bar and frame, moved": (_bars, _shifted(_bars, (17, 9))),
    "half-transparent picture": (_logo,) * 2,
    "half-transparent picture, moved": (_logo, _shifted(_logo, (17, 9))),
    "dirty lens": (_dirt,) * 2,
}
"""By name: what both photos, of different skins, have in common."""


def cloth(draw: np.random.Generator, side: int) -> Pixels:
    """A woven pattern of a fixed pitch, threads of uneven strength: each draw another piece of the same cloth."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float64)
    wobble = [cv2.GaussianBlur(draw.standard_normal((side, side)), (0, 0), 25) * 25 for _ in range(2)]
    weave = np.sin(2 * np.pi * (x + wobble[0]) / 14) * np.sin(2 * np.pi * (y + wobble[1]) / 14)
    threads = 1 + 0.15 * draw.standard_normal((side // 14 + 1, 1)).repeat(14, axis=0)[:side]
    grey = 140 + 35 * weave * threads + draw.normal(0, 4, (side, side))
    return np.asarray(np.clip(grey[..., None] * np.array([1.0, 0.8, 0.7]), 0, 255), np.uint8)


SMOOTH: Mapping[str, Any] = {
    "roughness_scale": 0.02, "mottling": 0.0, "redness_patches": 0, "spots": 0, "hairs": 0, "vellus": 0,
    "pore_density_per_cm2": 0.5, "pore_darkness": 0.0,
}  # fmt: skip
"""Skin without anything to hold on to."""


def frame_of(pixels: Pixels, camera: Camera, *, scaled: bool, drawn: bool = False) -> Frame:
    """What the pipeline makes of pixels, by way of a file; `drawn`: the whole photo is a region, at the user's word."""
    height, width = pixels.shape[:2]
    corners = [(4, 4), (width - 5, 4), (width - 5, height - 5), (4, height - 5)]
    with TemporaryDirectory() as folder:
        path = f"{folder}/photo{'.png' if camera.jpeg_quality is None else '.jpg'}"
        with open(path, "wb") as file:
            file.write(encode(pixels, camera))
        photo = read_photo(path)
    return make_frame(
        photo, mm_per_px=1 / camera.px_per_mm if scaled else None, regions={"all": corners} if drawn else None
    )

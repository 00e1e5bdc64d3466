"""The camera: where it stands, what light falls, and everything it does to the light it gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.phantom.fields import Image
from skinscan.phantom.light import Illuminant
from skinscan.phantom.optics import Float
from skinscan.records import ParameterError

DISTANCE_MM = 300.0
"""From the lens to the skin, unless a camera says otherwise."""
GREEN_ELECTRONS = 8000.0
"""Full well: electrons of a sensor pixel at linear 1.0 in the channel that white balance leaves as it is."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A photograph's circumstances. The defaults are a careful close-up; at exposure 0 a perfect white is
    1.0.

    Pose: `px_per_mm` at the centre, `size_px` (height, width), `rotation_deg` of the picture about the view
    axis, `tilt_deg` of the skin about an axis at `tilt_axis_deg` in its plane, `shift_mm` the skin point at
    the centre, `distance_mm` from the lens to it. Light: `illuminant`; key from `azimuth_deg` in the skin's
    plane (0 from +x, 90 from +y) at `elevation_deg` over the skin, `dome` the share of the light that comes
    from everywhere, `gradient` the relative fall of light across the picture away from the key, `gloss` (0:
    cross-polarised, 1: dry skin, 3: oily). `subsurface`: share of light that spreads under the skin (0 turns
    it off).
    Colour: `sensitivities` (None: the ideal observer camera, else a seed or a measured camera's name),
    `white_balance` gains beside the right ones, `exposure_ev`. Rendering: `vignetting` loss at the corner, `glare`
    share of the mean added everywhere, `blur_px` standard deviation, `noise` factor on shot and read noise,
    `tone_curve` 0 (pure sRGB) to 1 (a phone's S-curve), `sharpening` 0..1, `jpeg_quality` (None: PNG),
    `chroma_subsampling`, `bit_depth` (16: PNG).
    """

    px_per_mm: float = 30.0
    size_px: tuple[int, int] = (1000, 1000)
    rotation_deg: float = 0.0
    tilt_deg: float = 0.0
    tilt_axis_deg: float = 0.0
    shift_mm: tuple[float, float] = (0.0, 0.0)
    distance_mm: float = DISTANCE_MM
    illuminant: Illuminant = "D65"
    azimuth_deg: float = 225.0
    elevation_deg: float = 50.0
    dome: float = 0.5
    gradient: float = 0.04
    gloss: float = 1.0
    subsurface: float = 0.5
    sensitivities: int | str | None = None
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    exposure_ev: float = 0.0
    vignetting: float = 0.05
    glare: float = 0.004
    blur_px: float = 0.7
    noise: float = 1.0
    read_electrons: float = 6.0
    tone_curve: float = 0.0
    sharpening: float = 0.0
    jpeg_quality: int | None = 95
    chroma_subsampling: Literal["4:4:4", "4:2:0"] = "4:4:4"
    bit_depth: Literal[8, 16] = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if self.px_per_mm <= 0 or min(self.size_px) < 8:
            raise ParameterError(
                "A camera needs px_per_mm above 0 and 8 pixels a side",
                found=f"{self.px_per_mm}, {self.size_px}",
            )
        if not 5.0 <= self.elevation_deg <= 90.0:
            raise ParameterError(
                "The key light stands too low",
                expected="elevation_deg 5 to 90",
                found=str(self.elevation_deg),
            )
        if abs(self.tilt_deg) > 60:
            raise ParameterError("The skin is tilted too far", expected="tilt_deg within 60", found=str(self.tilt_deg))
        if self.bit_depth == 16 and self.jpeg_quality is not None:
            raise ParameterError("JPEG holds 8 bits", expected="jpeg_quality=None with bit_depth=16")

    @property
    def key_direction(self) -> Float:
        """Unit vector (x, y, z) from the skin to the key light, z up from the skin."""
        azimuth, elevation = np.radians(self.azimuth_deg), np.radians(self.elevation_deg)
        return np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])


def homography(camera: Camera) -> Float:
    """(3, 3) from skin mm to photo px, centre of the top-left pixel (0, 0): a pinhole at `distance_mm`."""
    return plane_homography(camera, np.zeros(3), np.eye(3)[:, :2])


def plane_homography(camera: Camera, origin_mm: Float, axes_mm: Float) -> Float:
    """(3, 3) to photo px from a plane in the skin's space (x, y in the skin, z away from the camera, mm).

    `origin_mm` (3,) is the plane's own (0, 0), the columns of `axes_mm` (3, 2) its steps along x and y.
    """
    turn, tilt, axis = np.radians([camera.rotation_deg, camera.tilt_deg, camera.tilt_axis_deg])
    about_view = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    u = np.array([np.cos(axis), np.sin(axis), 0.0])
    cross = np.array([[0, -u[2], u[1]], [u[2], 0, -u[0]], [-u[1], u[0], 0]])
    tilted = np.eye(3) + np.sin(tilt) * cross + (1 - np.cos(tilt)) * cross @ cross
    pose = about_view @ tilted
    h, w = camera.size_px
    focal = camera.px_per_mm * camera.distance_mm
    lens = np.array([[focal, 0, (w - 1) / 2], [0, focal, (h - 1) / 2], [0, 0, 1]])
    from_centre = origin_mm - np.array([*camera.shift_mm, 0.0])
    to_camera = np.column_stack([pose @ axes_mm, pose @ from_centre + [0, 0, camera.distance_mm]])
    result: Float = lens @ to_camera
    return np.asarray(result / result[2, 2])


def grid_for(camera: Camera) -> float:
    """The grid in um that suits a camera: 1.67 cells a pixel, never coarser than small pores bear."""
    return min(1000.0 / camera.px_per_mm / (5 / 3), 40.0)


def project(matrix: Float, points: Float) -> Float:
    """Points (n, 2) through a homography: (n, 2)."""
    mapped = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    result: Float = mapped[:, :2] / mapped[:, 2:]
    return result


def expose(scene: Image, camera: Camera, matrix: Float, gains: Float) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """What the camera makes of white-balanced linear camera light (H, W, 3): display-coded sRGB pixels."""
    h, w = camera.size_px
    if camera.vignetting:
        y, x = np.ogrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        scene = scene * (1.0 - camera.vignetting * (0.5 * (x * x + y * y)) ** 1.5).astype(np.float32)[..., None]
    if camera.blur_px > 0:
        scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), camera.blur_px, borderType=cv2.BORDER_REFLECT))
    if camera.glare:
        scene = scene * np.float32(1 - camera.glare) + np.float32(camera.glare) * scene.mean(axis=(0, 1))
    scene = scene * np.float32(2.0**camera.exposure_ev)
    if camera.noise:
        scene = _noisy(scene, camera, gains)
    # the sensor clips each raw channel where the least sensitive one still holds white
    scene = np.minimum(scene, np.float32(1.15)) * np.asarray(camera.white_balance, np.float32)
    linear = scene if np.array_equal(matrix, np.eye(3)) else cv2.transform(scene, matrix.astype(np.float32))
    coded = _curve(np.clip(linear, 0.0, 1.0), camera.tone_curve)
    if camera.sharpening:
        soft = cv2.GaussianBlur(coded, (0, 0), 1.2)
        coded = coded + np.float32(1.5 * camera.sharpening) * (coded - soft)
    top = 255 if camera.bit_depth == 8 else 65535
    rounded = np.clip(coded, 0.0, 1.0) * np.float32(top) + np.float32(0.5)
    return rounded.astype(np.uint8) if camera.bit_depth == 8 else rounded.astype(np.uint16)


def _noisy(scene: Image, camera: Camera, gains: Float) -> Image:
    draw = np.random.default_rng([camera.seed, 9])
    electrons = (GREEN_ELECTRONS * gains.min() / gains).astype(np.float32)
    spread = np.sqrt(np.maximum(scene, 0.0) / electrons + (np.float32(camera.read_electrons) / electrons) ** 2)
    grain = draw.standard_normal(scene.shape, dtype=np.float32)
    return np.asarray(scene + np.float32(camera.noise) * spread * grain, np.float32)


def _curve(linear: Image, tone_curve: float) -> Image:
    """sRGB coding (IEC 61966-2-1), then a share of a smooth S-curve, through a table of 4096 steps."""
    at = np.linspace(0.0, 1.0, 4097)
    coded = np.where(at <= 0.0031308, 12.92 * at, 1.055 * at ** (1 / 2.4) - 0.055)
    s_curve = coded + 0.35 * coded * (1 - coded) * (2 * coded - 0.55)
    table = ((1 - tone_curve) * coded + tone_curve * s_curve).astype(np.float32)
    place = linear * np.float32(4096)
    below = np.minimum(place.astype(np.int32), 4095)
    low = table[below]
    return np.asarray(low + (table[below + 1] - low) * (place - below), np.float32)


def encode(pixels: NDArray[np.uint8] | NDArray[np.uint16], camera: Camera) -> bytes:
    """The bytes of a JPEG or PNG file of RGB pixels."""
    bgr: Any = np.ascontiguousarray(pixels[..., ::-1])
    if camera.jpeg_quality is None:
        done, data = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    else:
        factor = {
            "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
            "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
        }[camera.chroma_subsampling]
        settings = [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg_quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
        done, data = cv2.imencode(".jpg", bgr, settings)
    if not done:
        raise ParameterError("The picture could not be encoded", found=f"size {pixels.shape}")
    return bytes(data)


def decode(data: bytes) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """RGB pixels of such bytes."""
    bgr: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.ascontiguousarray(bgr[..., ::-1])

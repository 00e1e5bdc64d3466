"""Skin, light and camera to a photograph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import ita_degree, lab
from skinscan.phantom.cameras import Camera, decode, encode, expose, homography, project
from skinscan.phantom.card import lay_card
from skinscan.phantom.coat import covered
from skinscan.phantom.fields import Image
from skinscan.phantom.light import Illuminant, camera_rgb
from skinscan.phantom.optics import SURFACE_REFLECTION, WAVELENGTH_NM, Float, Tone, reflectance
from skinscan.phantom.props import add_props
from skinscan.phantom.recipes import Props
from skinscan.phantom.skin import Skin, fast_blur
from skinscan.phantom.truth import COUNTED_FROM_UM, Truth
from skinscan.records import ParameterError

SPREAD_MM = (0.42, 0.20, 0.13)
"""Standard deviation of how far red, green and blue light spread under the surface."""
CAVITY_POWER = (0.85, 1.0, 1.08)
"""Cavities darken blue more than red: light that bounces in them meets skin twice."""
GLOSS_LOBES = ((0.30, 0.75), (0.13, 0.25))
"""Roughness (GGX) and weight of the skin's broad sheen and of its narrow glints."""
MELANIN_RANGE, BLOOD_RANGE = (0.0004, 0.8), (0.0004, 0.5)
LUT_SIZE = (192, 160)


@dataclass(frozen=True, eq=False)
class Shot:
    """A photograph: the file's bytes, its decoded pixels (H, W, 3) sRGB, and the truth."""

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    data: bytes
    truth: Truth

    @property
    def suffix(self) -> str:
        return ".png" if self.truth.camera.jpeg_quality is None else ".jpg"


@cache
def _cube() -> NDArray[np.float32]:
    """Reflectance over the axes of the lookup table: (melanin, blood, 71)."""
    melanin = np.geomspace(*MELANIN_RANGE, LUT_SIZE[0])[:, None]
    blood = np.geomspace(*BLOOD_RANGE, LUT_SIZE[1])[None, :]
    return reflectance(melanin, blood).astype(np.float32)


@cache
def _lut(sensitivities: int | str | None, lamp: Illuminant) -> Image:
    """Linear camera RGB over (melanin, blood): (192, 160, 3)."""
    weights, _, _ = camera_rgb(sensitivities, lamp)
    return np.asarray(_cube() @ weights.astype(np.float32))


def colours(skin: Skin, sensitivities: int | str | None, lamp: Illuminant) -> Image:
    """White-balanced linear camera RGB of the level skin at every cell: (h, w, 3). Kept with the skin."""
    key = ("colours", sensitivities, lamp)
    if key not in skin.cache:
        for old in [k for k in skin.cache if isinstance(k, tuple) and k[0] == "colours"][:-1]:
            del skin.cache[old]
        axes = []
        for values, (low, high), count in ((skin.melanin, MELANIN_RANGE, 0), (skin.blood, BLOOD_RANGE, 1)):
            scale = (LUT_SIZE[count] - 1) / np.log(high / low)
            axes.append(np.asarray((np.log(values) - np.float32(np.log(low))) * np.float32(scale), np.float32))
        table = _lut(sensitivities, lamp)
        skin.cache[key] = cv2.remap(table, axes[1], axes[0], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cast(Image, skin.cache[key])


def _window(skin: Skin, camera: Camera, props: Props) -> tuple[slice, slice]:
    """Rows and columns of the skin that the camera sees, with room for light that spreads."""
    h, w = camera.size_px
    corners = np.array([[-1, -1], [w, -1], [w, h], [-1, h]], np.float64)
    on_skin = project(skin.grid.from_mm() @ np.linalg.inv(homography(camera)), corners)
    rows, columns = skin.grid.shape
    low, high = on_skin.min(axis=0), on_skin.max(axis=0)
    if props.skin_ellipse_mm is None and (low.min() < -0.5 or high[0] > columns - 0.5 or high[1] > rows - 0.5):
        need = 2 * np.abs((on_skin - [(columns - 1) / 2, (rows - 1) / 2]) * skin.grid.mm).max(axis=0)
        raise ParameterError(
            "The camera looks past the skin",
            expected=f"a skin of at least {need[0]:.1f} x {need[1]:.1f} mm",
            found=f"{skin.recipe.width_mm:g} x {skin.recipe.height_mm:g} mm",
            todo="set width_mm and height_mm of the recipe",
        )
    room = 1.3 / skin.grid.mm
    left, top = np.maximum(np.floor(low - room).astype(int), 0)
    right = min(int(np.ceil(high[0] + room)) + 1, columns)
    bottom = min(int(np.ceil(high[1] + room)) + 1, rows)
    return slice(int(top), bottom), slice(int(left), right)


def _shading(skin: Skin, camera: Camera, window: tuple[slice, slice]) -> tuple[Image, Image | None]:
    """Light on each cell relative to level skin (h, w), and what its surface mirrors."""
    sx, sy = (s[window] for s in skin.slopes)
    length = 1.0 / np.sqrt(1.0 + sx * sx + sy * sy)
    lx, ly, lz = (np.float32(v) for v in camera.key_direction)
    toward = np.maximum((lz - sx * lx - sy * ly) * length, 0.0)
    share = np.float32(1.0 - camera.dome)
    light = np.float32(camera.dome) * (0.5 + 0.5 * length) + share / lz * toward
    mirror: Image | None = None
    if camera.gloss > 0 and share > 0:
        half = np.array([lx, ly, lz + 1.0])
        half /= np.linalg.norm(half)
        hx, hy, hz = (np.float32(v) for v in half)
        nh = (hz - sx * hx - sy * hy) * length
        squared = nh * nh
        mirror = np.zeros_like(light)
        for roughness, weight in GLOSS_LOBES:
            a2 = np.float32(roughness**2)
            mirror += np.float32(weight) * a2 / np.square(squared * (a2 - 1.0) + 1.0)
        mirror *= np.float32(camera.gloss * SURFACE_REFLECTION / 4.0) * share / lz * (toward > 0)
    return light, mirror


def _radiance(skin: Skin, camera: Camera, window: tuple[slice, slice]) -> Image:
    """White-balanced linear camera light that leaves the skin towards the lens (h, w, 3)."""
    light, mirror = _shading(skin, camera, window)
    colour = colours(skin, camera.sensitivities, camera.illuminant)[window]
    dark = skin.transmitted[window]
    spread = np.float32(camera.subsurface)
    planes = []
    for channel in range(3):
        # the light passes cavity and pigment on its way in and again on its way out
        way = np.sqrt(np.maximum(colour[..., channel], 0.0) * _power(dark, CAVITY_POWER[channel]))
        inward = way * light
        if spread > 0:
            inward += spread * (fast_blur(inward, SPREAD_MM[channel] / skin.grid.mm) - inward)
        planes.append(way * inward)
    out = np.stack(planes, axis=-1)
    if mirror is not None:
        out += (mirror * dark)[..., None]
    if skin.coat is not None:
        return covered(skin.coat, out, light, camera, window)
    cover = skin.hair[window]
    if cover.any():
        tint = hair_colour(skin.recipe.tone, camera.sensitivities, camera.illuminant)
        out += cover[..., None] * (light[..., None] * tint - out)
    return out


def _power(base: Image, exponent: float) -> Image:
    return base if exponent == 1.0 else np.asarray(cv2.pow(base, exponent))


def hair_colour(tone: Tone, sensitivities: int | str | None, lamp: Illuminant) -> NDArray[np.float32]:
    """Linear camera RGB of hair (3,): dark brown on tones I-III, black on darker ones."""
    rise = 0.045 if tone in ("I", "II", "III") else 0.010
    spectrum = 0.010 + rise * (WAVELENGTH_NM - 380.0) / 350.0
    return np.asarray(spectrum @ camera_rgb(sensitivities, lamp)[0], np.float32)


def photograph(skin: Skin, camera: Camera | None = None, props: Props | None = None) -> Shot:
    """A photograph of the skin with its truth. The same skin, camera and props give the same bytes.

    Raises ParameterError where the camera looks past the skin, or sees finer than the skin's grid.
    """
    camera, props = camera or Camera(), props or Props()
    px_um = 1000.0 / camera.px_per_mm
    if px_um < 1.5 * skin.grid.um * 0.999:
        raise ParameterError(
            "The camera sees finer than this skin was made",
            expected=f"a grid of at most {px_um / 1.5:.1f} um",
            found=f"{skin.grid.um:g} um",
            todo=f"make_skin(recipe, grid_um={px_um / 1.5:.1f})",
        )
    window = _window(skin, camera, props)
    scene = _radiance(skin, camera, window)
    bare = add_props(scene, skin.grid, window, props, camera)
    # a pixel gathers light over its own square: a Gaussian of the square's variance, less what the grid's
    # cells and the linear look-up (no overshoot at sharp edges) add by themselves
    aperture = np.sqrt(max((px_um / skin.grid.um) ** 2 - 1.0 - 2.0, 0.0) / 12.0)
    if aperture > 0.1:
        scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), float(aperture), borderType=cv2.BORDER_REFLECT))
    shift = np.array([[1, 0, -window[1].start], [0, 1, -window[0].start], [0, 0, 1.0]])
    matrix = homography(camera)
    to_photo = matrix @ np.linalg.inv(shift @ skin.grid.from_mm())
    h, w = camera.size_px
    border = cv2.BORDER_REFLECT if props.skin_ellipse_mm is None else cv2.BORDER_CONSTANT
    beyond = (props.background,) * 3
    seen = cv2.warpPerspective(scene, to_photo, (w, h), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=beyond)
    bare = np.asarray(cv2.warpPerspective(bare, to_photo, (w, h), flags=cv2.INTER_NEAREST), np.uint8)
    scene = np.asarray(seen, np.float32)
    if props.card is not None:
        bare[lay_card(scene, props.card, camera) > 0] = 0
    scene = _graded(scene, camera)
    _, own_matrix, gains = camera_rgb(camera.sensitivities, camera.illuminant)
    data = encode(expose(scene, camera, own_matrix, gains), camera)
    return Shot(decode(data), data, _truth(skin, camera, props, matrix, bare))


def _graded(scene: Image, camera: Camera) -> Image:
    """The key light falls off across the picture, the mean kept."""
    if not camera.gradient:
        return scene
    h, w = camera.size_px
    y, x = np.ogrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    azimuth = np.radians(camera.azimuth_deg + camera.rotation_deg)
    fall = 1.0 + 0.5 * camera.gradient * (x * np.cos(azimuth) + y * np.sin(azimuth))
    return np.asarray(scene * fall.astype(np.float32)[..., None])


def _truth(skin: Skin, camera: Camera, props: Props, matrix: Float, bare: NDArray[np.uint8]) -> Truth:
    h, w = camera.size_px
    pores = skin.pores
    at = project(matrix, np.stack([pores.x_mm, pores.y_mm], axis=-1)) if len(pores) else np.zeros((0, 2))
    inside = (at[:, 0] >= -0.5) & (at[:, 0] < w - 0.5) & (at[:, 1] >= -0.5) & (at[:, 1] < h - 0.5)
    visible = inside.copy()
    column, row = np.rint(at[inside]).astype(int).T
    visible[inside] = bare[np.clip(row, 0, h - 1), np.clip(column, 0, w - 1)] > 0

    step = 6
    x, y = skin.grid.axes()
    coarse = np.stack(np.meshgrid(x[::step], y[::step]), axis=-1).reshape(-1, 2).astype(np.float64)
    where = np.rint(project(matrix, coarse)).astype(int)
    seen = (where[:, 0] >= 0) & (where[:, 0] < w) & (where[:, 1] >= 0) & (where[:, 1] < h)
    seen[seen] = bare[where[seen, 1], where[seen, 0]] > 0
    level, cavities = _ideal(skin, step)
    level, cavities = level.reshape(-1, 3), cavities.reshape(-1, 3)
    nothing = np.full(3, np.nan)
    some = bool(seen.any())
    flat = skin.flat_lab
    counted = visible & (pores.diameter_um >= COUNTED_FROM_UM)
    bare_cm2 = seen.sum() * (step * skin.grid.mm) ** 2 / 100.0
    return Truth(
        recipe=skin.recipe,
        camera=camera,
        props=props,
        homography=matrix,
        mm_per_px=1.0 / camera.px_per_mm,
        pores=pores,
        pore_x_px=at[:, 0].copy(),
        pore_y_px=at[:, 1].copy(),
        pore_visible=visible,
        lab_flat=flat,
        lab_in_view=lab(level[seen].mean(axis=0, dtype=np.float64)) if some else nothing,
        lab_as_seen=lab(cavities[seen].mean(axis=0, dtype=np.float64)) if some else nothing,
        ita_degree=float(ita_degree(flat[0], flat[2])),
        melanin_flat=skin.flat_melanin,
        blood_flat=skin.flat_blood,
        melanin=float(skin.melanin[::step, ::step].ravel()[seen].mean()) if some else float("nan"),
        blood=float(skin.blood[::step, ::step].ravel()[seen].mean()) if some else float("nan"),
        sq_um=dict(skin.sq_um),
        pore_area_percent=float(
            np.sum(np.pi / 4 * (pores.diameter_um[counted] / 1e4) ** 2) / max(bare_cm2, 1e-9) * 100
        ),
        pore_density_per_cm2=float(counted.sum() / max(bare_cm2, 1e-9)),
        spots=skin.spots,
        redness=skin.redness,
        lines=skin.lines,
        striae=skin.striae,
        tracks=skin.tracks,
        hairs=skin.hairs,
        scars=skin.scars,
        scar_area_percent=100.0 * float(skin.scarred[::step, ::step].ravel()[seen].mean()) if some else float("nan"),
        foci=skin.foci,
    )


def _ideal(skin: Skin, step: int) -> tuple[Image, Image]:
    """Linear sRGB of every `step`-th cell under even light: level, and with its cavities."""
    key = ("ideal", step)
    if key not in skin.cache:
        every = (slice(None, None, step), slice(None, None, step))
        part = replace(
            skin,
            melanin=np.ascontiguousarray(skin.melanin[every]),
            blood=np.ascontiguousarray(skin.blood[every]),
            cache={},
        )
        level = colours(part, None, "D65")
        dark = skin.transmitted[every]
        seen = np.stack([level[..., c] * dark ** np.float32(CAVITY_POWER[c]) for c in range(3)], axis=-1)
        skin.cache[key] = (level, seen)
    return cast(tuple[Image, Image], skin.cache[key])


def map_to_photo(values: Image, skin: Skin, truth: Truth) -> Image:
    """A map of the skin (h, w), such as `skin.melanin`, as the photo's pixels see it: (H, W), NaN off the
    skin."""
    h, w = truth.camera.size_px
    to_photo = truth.homography @ np.linalg.inv(skin.grid.from_mm())
    soft = fast_blur(np.asarray(values, np.float32), 0.29 * truth.mm_per_px / skin.grid.mm)
    return np.asarray(
        cv2.warpPerspective(
            soft,
            to_photo,
            (w, h),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=float("nan"),
        )
    )


def write_shot(shot: Shot, path: str | Path) -> Path:
    """Writes the photo's bytes; the name must end in the shot's own `.jpg` or `.png`."""
    path = Path(path)
    if path.suffix.lower() not in {shot.suffix, ".jpeg" if shot.suffix == ".jpg" else shot.suffix}:
        raise ParameterError("The file's name does not fit its bytes", expected=shot.suffix, found=path.suffix)
    path.write_bytes(shot.data)
    return path

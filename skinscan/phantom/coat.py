"""A coat of hair over skin: what colour hair is, and how strands lie over the skin, shade it and shine.

Colour: a strand absorbs as its melanins do (d'Eon et al. 2011, doi 10.1111/j.1467-8659.2011.01976.x, here as powers of
the wavelength through their three channels), and many strands together scatter back exp(-5.89 sqrt(absorption)) of the
light (Chiang et al. 2016, doi 10.1111/cgf.12830, azimuthal roughness 0.3). Light on a strand: Kajiya and Kay 1989,
doi 10.1145/74333.74361.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from skinscan.phantom.cameras import Camera
from skinscan.phantom.fields import Image
from skinscan.phantom.light import camera_rgb
from skinscan.phantom.optics import WAVELENGTH_NM, Float

SURFACE = 0.012
"""What a strand's surface sends back in all directions, whatever is inside."""
WHITEST = 0.62
"""What hair without any melanin sends back: some of the light is lost between the strands."""
INK_STEPS = 256
MOST_MELANIN = 12.0
GLINT_POWER, GLINT = 40.0, 0.10
"""Sharpness of the light that a strand mirrors, and how much of the key light that is."""


@dataclass(frozen=True, eq=False)
class Coat:
    """Maps (h, w) float32 of the strand on top of each cell, on the skin's grid.

    `cover`: share of the cell that lies under a strand. `ink`: square root of its melanin's share of MOST_MELANIN;
    `level`: its own brightness, 1 as it is; `tangent_x`, `tangent_y`, `tangent_z`: its direction, z up. `occlusion`:
    share of light that the coat leaves to what lies under and beside it. `rosiness`: share of pheomelanin.
    """

    cover: Image
    ink: Image
    level: Image
    tangent_x: Image
    tangent_y: Image
    tangent_z: Image
    occlusion: Image
    rosiness: float = 0.0


def hair_reflectance(eumelanin: ArrayLike, pheomelanin: ArrayLike = 0.0) -> Float:
    """What a coat of hair sends back, (..., 71), of its melanins' concentrations (...): black hair has some 8 of
    eumelanin, dark brown 1.3, blond 0.3, white none; red hair 0.5 of pheomelanin and little else."""
    dark, red = (np.asarray(value, np.float64)[..., None] for value in (eumelanin, pheomelanin))
    relative = WAVELENGTH_NM / 550.0
    absorption = dark * 0.697 * relative**-3.7 + red * 0.4 * relative**-5.1
    return np.asarray(SURFACE + WHITEST * np.exp(-5.89 * np.sqrt(absorption)))


def ink_of(melanin: ArrayLike) -> Float:
    """A melanin concentration as a Coat's `ink`, 0..1."""
    return np.sqrt(np.clip(np.asarray(melanin, np.float64) / MOST_MELANIN, 0.0, 1.0))


def covered(coat: Coat, skin_light: Image, light: Image, camera: Camera, window: tuple[slice, slice]) -> Image:
    """White-balanced linear camera light (h, w, 3) of skin under its coat: `skin_light` (h, w, 3) is what the bare skin
    would send, `light` (h, w) what falls on it."""
    steps = np.linspace(0.0, 1.0, INK_STEPS) ** 2 * MOST_MELANIN
    table = hair_reflectance((1 - coat.rosiness) * steps, coat.rosiness * steps)
    colours = np.asarray(table @ camera_rgb(camera.sensitivities, camera.illuminant)[0], np.float32)
    ink = np.clip(np.rint(coat.ink[window] * (INK_STEPS - 1)), 0, INK_STEPS - 1).astype(np.intp)
    tx, ty, tz = (part[window] for part in (coat.tangent_x, coat.tangent_y, coat.tangent_z))
    lx, ly, lz = (np.float32(v) for v in camera.key_direction)
    along = tx * lx + ty * ly + tz * lz
    across = np.sqrt(np.maximum(1.0 - along * along, 0.0))
    key = np.float32(1.0 - camera.dome) / max(lz, np.float32(0.05))
    falls = np.float32(camera.dome) + key * across * lz
    mirrored = across * np.sqrt(np.maximum(1.0 - tz * tz, 0.0)) - along * tz
    glint = (
        np.float32(GLINT)
        * key
        * np.maximum(mirrored, 0.0) ** np.float32(GLINT_POWER)
        * np.float32(0.3 + 0.7 * min(camera.gloss, 1.5))
    )
    left = coat.occlusion[window]
    strand = colours[ink] * (coat.level[window] * falls)[..., None] + glint[..., None]
    cover = coat.cover[window][..., None]
    shaded = skin_light * left[..., None]
    return np.asarray(shaded + cover * (strand * np.sqrt(left)[..., None] - shaded), np.float32)

"""Pictures that show no skin, in colours that skin may have: what somebody gives by mistake."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skinscan.study.scenes import bodies
from skinscan.study.scenes.scene import Setting, photographed
from skinscan.study.scenes.surfaces import Draw, Floats, Shape, beige, brown, noise, painted, tinted, turned


def _wall(draw: Draw, shape: Shape) -> Floats:
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    fall = 1.0 + draw.uniform(-0.35, 0.35) * x + draw.uniform(-0.35, 0.35) * y
    return painted(
        beige(draw), (fall + draw.uniform(0, 0.06) * noise(draw, shape, draw.uniform(1, 6))).astype(np.float32)
    )


def _cloth(draw: Draw, shape: Shape) -> Floats:
    folds = draw.uniform(0.02, 0.3) * turned(draw, shape, draw.uniform(20, 90), 2.5, draw.uniform(0, 180))
    y, x = np.mgrid[: shape[0], : shape[1]] * (2 * np.pi / draw.uniform(2.5, 9))
    weave = draw.uniform(0, 0.12) * np.sin(x) * np.sign(np.sin(y)) + draw.uniform(0, 0.1) * noise(draw, shape, 2.0)
    return painted((beige, brown)[draw.integers(2)](draw), np.exp(folds + weave).astype(np.float32))


def _sand(draw: Draw, shape: Shape) -> Floats:
    """Grains, lighter and darker, redder and bluer."""
    level = draw.uniform(0.05, 0.3) * noise(draw, shape, draw.uniform(1, 5)) + 0.1 * noise(draw, shape, 40.0)
    found = painted(tinted(draw, (22, 42), (0.15, 0.5), (0.4, 0.95)), np.exp(level))
    for channel in (0, 2):
        found[..., channel] *= np.exp(draw.uniform(0, 0.1) * noise(draw, shape, draw.uniform(1, 6)))
    return found


def _cardboard(draw: Draw, shape: Shape) -> Floats:
    fibres = draw.uniform(0.01, 0.05) * turned(draw, shape, 6.0, 4.0, draw.uniform(0, 180))
    ribs = 0.02 * turned(draw, shape, 30.0, 6.0, float(draw.choice((0, 90)))) + 0.02 * noise(draw, shape, 80.0)
    return painted(tinted(draw, (22, 38), (0.25, 0.5), (0.5, 0.85)), np.exp(fibres + ribs).astype(np.float32))


def _wood(draw: Draw, shape: Shape) -> Floats:
    """What is darker is redder, and heartwood another colour, both along the grain."""
    angle, long = draw.uniform(0, 180), shape[0] / draw.uniform(1, 3)
    darker, other = (turned(draw, shape, long, draw.uniform(8, 30), angle)[..., None] for _ in range(2))
    rise = draw.uniform(0.05, 0.3) * darker * np.array([0.6, 1.0, 1.5]) + 0.06 * other * np.array([0.2, 1.0, 0.7])
    return np.asarray(tinted(draw, (15, 38), (0.2, 0.6), (0.4, 0.9)) * np.exp(rise), np.float32)


def _leather(draw: Draw, shape: Shape) -> Floats:
    relief = draw.uniform(0.03, 0.15) * noise(draw, shape, draw.uniform(3, 12)) + 0.05 * noise(draw, shape, 60.0)
    return painted(tinted(draw, (12, 36), (0.25, 0.7), (0.3, 0.9)), np.exp(relief))


MATERIALS: dict[str, Callable[[Draw, Shape], Floats]] = {
    "wall": _wall, "cloth": _cloth, "sand": _sand, "cardboard": _cardboard, "wood": _wood, "leather": _leather,
}  # fmt: skip


def picture_without_skin(material: str, seed: int, setting: Setting, side_px: int = 512) -> NDArray[np.uint8]:
    """(H, W, 3) sRGB after JPEG of one of MATERIALS and nothing else, under a lamp and by a camera of the setting."""
    draw = np.random.default_rng([seed, 815])
    shape = (side_px, round(side_px * draw.uniform(0.66, 1.0)))
    return photographed(draw, bodies.empty(MATERIALS[material](draw, shape)), setting, "III")

"""Photos of stickers and cards on a plain ground through the phantom's camera: a tenth of the cost of skin."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.phantom import Camera, Props, homography
from skinscan.phantom.cameras import decode, encode, expose, project
from skinscan.phantom.fields import Grid
from skinscan.phantom.light import camera_rgb
from skinscan.phantom.props import add_props

GROUNDS = {"I": (0.66, 0.48, 0.40), "III": (0.45, 0.27, 0.19), "VI": (0.055, 0.03, 0.02)}
"""Linear RGB of plain skin of an ITA class."""


@cache
def plain_shot(
    props: Props, tone: str = "III", second: Props | None = None, **camera: Any
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Pixels (H, W, 3) and the homography (3, 3) from mm to px of a photo of `props`, and
    `second`, on a plain ground."""
    view = Camera(**camera)
    matrix = homography(view)
    h, w = view.size_px
    corners = project(np.linalg.inv(matrix), np.array([[-9.0, -9], [w + 8, -9], [w + 8, h + 8], [-9, h + 8]]))
    side = 2 * float(np.abs(corners).max())
    grid = Grid(1000.0 / view.px_per_mm / 1.67, side, side)
    # what lies along the edges of the photo falls off to one side: no two places are equally bright
    ramp = 1.0 + 0.1 * np.linspace(-1, 1, grid.shape[1], dtype=np.float32)[None, :, None]
    scene = np.asarray(np.broadcast_to(np.array(GROUNDS[tone], np.float32) * ramp, (*grid.shape, 3))).copy()
    for one in filter(None, (props, second)):
        add_props(scene, grid, (slice(0, grid.shape[0]), slice(0, grid.shape[1])), one, view)
    scene = cv2.GaussianBlur(scene, (0, 0), 0.35)
    seen = cv2.warpPerspective(scene, matrix @ np.linalg.inv(grid.from_mm()), (w, h), flags=cv2.INTER_LINEAR)
    _, own, gains = camera_rgb(view.sensitivities, view.illuminant)
    pixels = decode(encode(expose(np.asarray(seen, np.float32), view, own, gains), view))
    return np.asarray(pixels, np.uint8), matrix

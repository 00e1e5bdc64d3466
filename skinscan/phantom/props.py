"""What lies on the skin: a grey patch, a sticker, a skin card, and where the skin ends."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.phantom.cameras import Camera
from skinscan.phantom.fields import Grid, Image
from skinscan.phantom.light import camera_rgb
from skinscan.phantom.optics import BLOOD, MELANIN, Float, Tone, reflectance
from skinscan.phantom.recipes import Props
from skinscan.sheet import layout

PAPER, INK = 0.85, 0.035
"""Reflectance of bare paper and of full black ink."""

_TONES: dict[str, Tone] = {"light skin": "I", "medium skin": "III", "tan skin": "IV", "dark skin": "VI"}


def add_props(scene: Image, grid: Grid, window: tuple[slice, slice], props: Props, camera: Camera) -> NDArray[np.uint8]:
    """Draws what lies on the skin into the scene; returns where bare skin is left (255)."""
    bare = np.full(scene.shape[:2], 255, np.uint8)
    x, y = grid.axes()
    x, y = x[window[1]][None, :], y[window[0]][:, None]
    edge = np.float32(grid.mm)

    def paint(distance_mm: Image, value: Image | np.float32) -> None:
        """Where the signed distance to the shape's border is negative (inside)."""
        cover = np.clip(0.5 - distance_mm / edge, 0.0, 1.0)
        np.copyto(scene, scene + cover[..., None] * (np.float32(1.0) * value - scene))
        bare[cover > 0] = 0

    if props.skin_ellipse_mm is not None:
        a, b = props.skin_ellipse_mm
        rho = np.sqrt((x / np.float32(a)) ** 2 + (y / np.float32(b)) ** 2)
        paint((1.0 - rho) * np.float32(min(a, b)), np.float32(props.background))
    if props.grey_mm is not None:
        gx, gy = props.grey_at_mm
        side = np.maximum(np.abs(x - np.float32(gx)), np.abs(y - np.float32(gy))) - np.float32(props.grey_mm / 2)
        paint(side, np.float32(props.grey))
    if props.skin_card_at_mm is not None:
        add_skin_card(scene, bare, x, y, props, camera)
    if props.marker_mm is not None:
        angle = np.radians(props.marker_angle_deg)
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        dx, dy = x - np.float32(props.marker_at_mm[0]), y - np.float32(props.marker_at_mm[1])
        u, v = dx * cos + dy * sin, dy * cos - dx * sin
        side = np.maximum(np.abs(u), np.abs(v))
        if not (side < props.marker_mm * 0.75).any():
            return bare
        paint(side - np.float32(props.marker_mm * 0.75), np.float32(0.88))
        paint(side - np.float32(props.marker_mm / 2), np.float32(0.04))
        cell = props.marker_mm / 6
        book = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
        picture = cv2.aruco.generateImageMarker(book, props.marker_id, 6)
        reach = np.full(scene.shape[:2], np.inf, np.float32)
        for i, j in np.argwhere(picture > 127):
            cu, cv = np.float32((j - 2.5) * cell), np.float32((i - 2.5) * cell)
            np.minimum(reach, np.maximum(np.abs(u - cu), np.abs(v - cv)), out=reach)
        paint(reach - np.float32(cell / 2), np.float32(0.88))
    return bare


def add_skin_card(scene: Image, bare: NDArray[np.uint8], x: Image, y: Image, props: Props, camera: Camera) -> None:
    """Draws a skin card into the scene, whose cells lie at `x` (1, w) and `y` (h, 1) mm."""
    assert props.skin_card_at_mm is not None
    angle = np.radians(props.skin_card_angle_deg)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    reach = 0.5 * float(np.hypot(layout.WIDTH_MM, layout.HEIGHT_MM)) + 1.0
    columns = np.flatnonzero(np.abs(x[0] - props.skin_card_at_mm[0]) < reach)
    rows = np.flatnonzero(np.abs(y[:, 0] - props.skin_card_at_mm[1]) < reach)
    if len(columns) == 0 or len(rows) == 0:
        return
    place = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    dx, dy = x[:, place[1]] - props.skin_card_at_mm[0], y[place[0]] - props.skin_card_at_mm[1]
    # the card's own mm, as large as it was printed
    u = np.asarray((dx * cos + dy * sin) / props.skin_card_size + layout.WIDTH_MM / 2, np.float32)
    v = np.asarray((dy * cos - dx * sin) / props.skin_card_size + layout.HEIGHT_MM / 2, np.float32)
    edge = float(abs(x[0, 1] - x[0, 0])) / props.skin_card_size

    middle = [layout.WIDTH_MM / 2, layout.HEIGHT_MM / 2]

    def paint(left: float, top: float, right: float, bottom: float, cells: Image, value: Image | np.float32) -> None:
        """A grid of cells (n, m), each covered by `value` as far as it says, over a rectangle of the card."""
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) - middle
        corners = corners * props.skin_card_size @ np.array([[cos, sin], [-sin, cos]])
        low, high = corners.min(0), corners.max(0)
        near_x = np.flatnonzero((dx[0] > low[0] - 2 * edge) & (dx[0] < high[0] + 2 * edge))
        near_y = np.flatnonzero((dy[:, 0] > low[1] - 2 * edge) & (dy[:, 0] < high[1] + 2 * edge))
        if len(near_x) == 0 or len(near_y) == 0:
            return
        part = (slice(near_y[0], near_y[-1] + 1), slice(near_x[0], near_x[-1] + 1))
        grid = np.pad(cells, 1)
        at_u = _cell_of(u[part], left, (right - left) / cells.shape[1], cells.shape[1], edge)
        at_v = _cell_of(v[part], top, (bottom - top) / cells.shape[0], cells.shape[0], edge)
        cover = cv2.remap(grid, at_u, at_v, cv2.INTER_LINEAR)[..., None]
        target = scene[place][part]
        target += cover * (value - target)
        bare[place][part][cover[..., 0] > 0] = 0

    one, paper, ink = np.ones((1, 1), np.float32), np.float32(PAPER), np.float32(INK)
    paint(0, 0, layout.WIDTH_MM, layout.HEIGHT_MM, one, paper)
    for corners, bits in zip(layout.marker_corners(), layout.marker_bits(), strict=True):
        (left, top), (right, bottom) = corners[0].tolist(), corners[2].tolist()
        paint(left, top, right, bottom, np.pad(~bits, 1, constant_values=True).astype(np.float32), ink)
    weights = camera_rgb(camera.sensitivities, camera.illuminant)[0]
    for patch in layout.PATCHES:
        box = (patch.left, patch.top, patch.left + patch.width, patch.top + patch.height)
        if patch.kind == "ruled":
            for top, bottom in patch.lines().tolist():
                paint(box[0], top, box[2], bottom, one, ink)
        elif patch.kind == "tint":
            paint(*box, one, np.float32(PAPER * (1 - patch.cover) ** 1.7 + INK * patch.cover))
        elif patch.kind == "skin":
            paint(*box, one, _skin_coloured(patch.name, weights))


def _cell_of(values: Image, start: float, cell: float, count: int, edge: float) -> Image:
    """Place on a grid padded by 1 where a linear look-up gives each point's share of the cells it covers."""
    at = (values - np.float32(start)) / np.float32(cell)
    border = np.clip(np.rint(at), 0, count)
    return np.asarray(border + np.clip(0.5 + (at - border) * np.float32(cell / edge), 0.0, 1.0), np.float32)


def _skin_coloured(name: str, weights: Float) -> Image:
    """Linear camera RGB (3,) of a skin patch: some ink that looks like level skin."""
    spectrum = reflectance(np.array([MELANIN[_TONES[name]]]), np.array([BLOOD]))[0]
    return np.asarray(spectrum @ weights, np.float32)

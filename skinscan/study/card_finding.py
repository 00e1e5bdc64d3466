"""How surely the colour card is found: `skinscan study card-finding`, into docs/scale.md.

Scenes by drawn cameras, lamps and files (`phantom/scenes.py`), with a card and without one, and pictures of what could
be taken for one (`card_impostors.py`).
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from skinscan.capture.card.find import find_card, strongest_belief
from skinscan.capture.photo import read_photo
from skinscan.phantom.cameras import project
from skinscan.phantom.card import Card, Glare, Shade
from skinscan.phantom.scenes import card_scene, other_scene
from skinscan.records import Photo, PhotoError
from skinscan.study.card_impostors import impostor

Row = dict[str, Any]

FIRST_SEED = 700_000
"""Seeds from here on are this study's own: nothing was chosen by looking at them."""

PLACES = np.stack([np.arange(24) % 6, np.arange(24) // 6], axis=-1).astype(np.float64)


def with_card(seed: int) -> Row:
    """One scene with a card: what it was like, whether the card was found, and how well it was placed and read."""
    scene = card_scene(seed)
    card, camera, matrix = scene.card, scene.camera, scene.homography
    if card is None or matrix is None:
        raise AssertionError("a scene with a card has one")
    true = project(matrix, PLACES)
    width = float(np.linalg.norm(np.diff(project(matrix, np.array([[-0.5, 1.5], [5.5, 1.5]])), axis=0)))
    row: Row = {
        "seed": seed,
        "turn": (card.angle_deg + camera.rotation_deg) % 360,
        "tilt": card.tilt_deg,
        "hidden": len(scene.hidden) / 24,
        "cover": _cover_of(card),
        "shade": card.shades[0].factor if card.shades else 1.0,
        "soft": card.shades[0].soft if card.shades else 0.0,
        "glare": bool(card.glares),
        "lamp": camera.illuminant,
        "balanced": camera.white_balance == (1.0, 1.0, 1.0),
        "mirrored": card.mirrored,
        "width_px": width,
    }
    photo = _photo_of(scene.data, scene.camera.jpeg_quality is not None)
    sighting = find_card(photo)
    row |= {"seen": sighting is not None, "belief": strongest_belief(photo)}
    if sighting is None:
        return {**row, "found": False}
    off = np.abs(project(sighting.homography, PLACES) - true).max()
    row["found"] = bool(off < 0.25 * width / 6 and sighting.mirrored == card.mirrored)
    hidden = np.isin(np.arange(24), scene.hidden)
    plain = ~hidden & (_shine(card.glares) < 0.01)
    light = _light(card.shades)
    lit, dark = plain & (light.min(axis=1) > 0.995), plain & (light.max(axis=1) < row["shade"] + 0.02)
    used = sighting.usable & plain
    row |= {
        "lit": int(lit.sum()),
        "lit_told": int((lit & sighting.shaded).sum()),
        "dark": int(dark.sum()) if card.shades else 0,
        "dark_told": int((dark & sighting.shaded).sum()),
        "uneven": float(np.log(light.mean(axis=1)[used]).std()) if used.sum() > 2 else float("nan"),
    }
    return {
        **row,
        "off_px": float(off),
        "scale_off": _scale_off(sighting.homography, matrix),
        "hidden_used": int((hidden & sighting.usable).sum()),
        "hidden_all": int(hidden.sum()),
        "clean_used": int((lit & sighting.usable).sum()),
        "clean_all": int(lit.sum()),
    }


def without_card(seed: int) -> Row:
    """One scene without a card, but with what resembles one: whether a card was reported, and how near it came."""
    scene = other_scene(seed)
    return {"seed": seed, **_refused(_photo_of(scene.data, scene.camera.jpeg_quality is not None))}


def impostor_alone(seed: int) -> Row:
    """The same for one picture of another recipe."""
    _, data = cv2.imencode(".png", np.ascontiguousarray(impostor(seed)[..., ::-1]))
    return {"seed": seed, **_refused(_photo_of(data.tobytes(), False))}


def bare_photo(path: Path) -> Row | None:
    """The same for a real photo without a card; None where it cannot be read."""
    try:
        photo = read_photo(path)
    except PhotoError:
        return None
    return {"seed": path.name, **_refused(photo)}


def photos_without_card(photos: Path) -> list[Path]:
    """The shared photos that show no ColorChecker of 24 patches."""
    folders = ("faces_frl", "faces_webmorph", "portraits_nasa", "decoder")
    paths = [path for folder in folders for path in (photos / folder).iterdir()]
    return sorted([*paths, photos / "colorchecker" / "images__dsg.png", *photos.glob("colorchecker/*seedhead*")])


def _refused(photo: Photo) -> Row:
    return {"seen": find_card(photo) is not None, "belief": strongest_belief(photo)}


def _photo_of(data: bytes, is_jpeg: bool) -> Photo:
    with TemporaryDirectory() as folder:
        path = Path(folder) / ("scene.jpg" if is_jpeg else "scene.png")
        path.write_bytes(data)
        return read_photo(path)


def _cover_of(card: Card) -> str:
    """What hides a part of the card: skin of a tone, something neutral, or nothing."""
    if not card.covers:
        return "nothing"
    surface = card.covers[0].surface
    return f"skin {surface}" if isinstance(surface, str) else "grey, white or black"


def _light(shades: tuple[Shade, ...]) -> Any:
    """Light at 81 places of each patch (24, 81), as a share of that without the shadows."""
    across = np.linspace(-0.4, 0.4, 9)
    within = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
    light = np.ones((24, 81))
    for shade in shades:
        towards = np.radians(shade.towards_deg)
        depth = (PLACES[:, None] + within - shade.at) @ np.array([np.cos(towards), np.sin(towards)])
        t = np.clip(depth / max(shade.soft, 1e-3) + 0.5, 0.0, 1.0)
        light *= 1 - (1 - shade.factor) * t * t * (3 - 2 * t)
    return light


def _shine(glares: tuple[Glare, ...]) -> Any:
    light = np.zeros(24)
    for glare in glares:
        away = np.sum((PLACES - glare.at) ** 2, axis=1) / glare.radius**2
        light += glare.strength * np.exp(-0.5 * np.maximum(np.sqrt(away) - 0.4 / glare.radius, 0.0) ** 2)
    return light


def _scale_off(found: Any, true: Any) -> float:
    """Relative error of lengths at the card's centre."""
    centre = np.array([2.5, 1.5, 1.0])
    areas = [abs(np.linalg.det(m)) / abs(float(m[2] @ centre)) ** 3 for m in (found, true)]
    return float(np.sqrt(areas[0] / areas[1]) - 1.0)

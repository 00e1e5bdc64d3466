"""How surely the colour card is found: `skinscan study card-finding`.

Scenes by drawn cameras, lamps and files (`phantom/scenes.py`), with a card and without one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from skinscan.phantom.cameras import project
from skinscan.phantom.card import Glare, Shade
from skinscan.phantom.scenes import Scene, card_scene, other_scene

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
        "shaded": bool(card.shades),
        "glare": bool(card.glares),
        "lamp": camera.illuminant,
        "balanced": camera.white_balance == (1.0, 1.0, 1.0),
        "mirrored": card.mirrored,
        "width_px": width,
    }
    sighting = _sought(scene)
    row["seen"] = sighting is not None
    if sighting is None:
        return {**row, "found": False}
    off = np.abs(project(sighting.homography, PLACES) - true).max()
    row["found"] = bool(off < 0.25 * width / 6 and sighting.mirrored == card.mirrored)
    hidden = np.isin(np.arange(24), scene.hidden)
    clean = ~hidden & (_shine(card.glares) < 0.01) & ~_in_shadow(card.shades)
    return {
        **row,
        "off_px": float(off),
        "scale_off": _scale_off(sighting.homography, matrix),
        "hidden_used": int((hidden & sighting.usable).sum()),
        "hidden_all": int(hidden.sum()),
        "clean_used": int((clean & sighting.usable).sum()),
        "clean_all": int(clean.sum()),
    }


def without_card(seed: int) -> Row:
    """One scene without a card, but with what resembles one: whether a card was reported."""
    return {"seed": seed, "seen": _sought(other_scene(seed)) is not None}


def _sought(scene: Scene) -> Any:
    from skinscan.capture.card.find import find_card
    from skinscan.capture.photo import read_photo

    with TemporaryDirectory() as folder:
        path = Path(folder) / ("scene.png" if scene.camera.jpeg_quality is None else "scene.jpg")
        path.write_bytes(scene.data)
        return find_card(read_photo(path))


def _in_shadow(shades: tuple[Shade, ...]) -> Any:
    """Patches (24,) that a shadow or its edge touches."""
    touched = np.zeros(24, bool)
    for shade in shades:
        towards = np.radians(shade.towards_deg)
        depth = (PLACES - shade.at) @ np.array([np.cos(towards), np.sin(towards)])
        touched |= depth > -0.5 - shade.soft / 2
    return touched


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


GROUPS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("all", lambda r: "all"),
    ("width px", lambda r: _band(r["width_px"], (100, 150, 250, 500, 1000))),
    ("turn", lambda r: _band(r["turn"], (0, 90, 180, 270))),
    ("tilt", lambda r: _band(r["tilt"], (0, 10, 20, 30))),
    ("hidden", lambda r: _band(r["hidden"], (0.0, 0.01, 0.13, 0.26))),
    ("shaded", lambda r: str(r["shaded"])),
    ("glare", lambda r: str(r["glare"])),
    ("lamp", lambda r: r["lamp"]),
    ("balanced", lambda r: str(r["balanced"])),
    ("mirrored", lambda r: str(r["mirrored"])),
)


def _band(value: float, edges: tuple[float, ...]) -> str:
    place = sum(value >= edge for edge in edges)
    return f"under {edges[0]:g}" if place == 0 else f"from {edges[place - 1]:g}"


def report(cards: list[Row], others: list[Row]) -> str:
    """The found share by circumstance, errors of place and scale, patches believed, and false alarms, as text."""
    lines = [f"{'':12}{'':12}{'scenes':>8}{'found':>9}"]
    for name, of in GROUPS:
        for group in sorted({of(r) for r in cards}):
            rows = [r for r in cards if of(r) == group]
            share = 100 * sum(r["found"] for r in rows) / len(rows)
            lines.append(f"{name:12}{group:12}{len(rows):8d}{share:8.1f}%")
    found = [r for r in cards if r["found"]]
    wrong = sum(r["seen"] and not r["found"] for r in cards)
    lines.append(f"reported in a wrong place or turn: {wrong} of {len(cards)}")
    if found:
        place, scale = (np.array([abs(r[key]) for r in found]) for key in ("off_px", "scale_off"))
        lines.append(f"worst patch off by (px): median {np.median(place):.2f}, 95 % {np.quantile(place, 0.95):.2f}")
        lines.append(
            f"scale off by: median {100 * np.median(scale):.3f} %, 95 % {100 * np.quantile(scale, 0.95):.3f} %; "
            f"within 0.4 %: {100 * np.mean(scale < 0.004):.1f} %"
        )
        for name in ("clean", "hidden"):
            used, all_ = (sum(r[f"{name}_{what}"] for r in found) for what in ("used", "all"))
            lines.append(f"{name} patches taken as usable: {used} of {all_} ({100 * used / max(all_, 1):.1f} %)")
    false = [r["seed"] for r in others if r["seen"]]
    lines.append(f"false alarms: {len(false)} of {len(others)} scenes without a card {false or ''}")
    return "\n".join(lines)

"""Example photographs with their truth, for `skinscan phantom`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from skinscan.phantom.cameras import Camera, grid_for
from skinscan.phantom.optics import Tone
from skinscan.phantom.photograph import photograph, write_shot
from skinscan.phantom.recipes import Props, SkinRecipe, change
from skinscan.phantom.skin import make_skin


def write_example(
    folder: str | Path,
    seed: int = 0,
    tone: Tone = "II",
    *,
    pair: bool = False,
    px_per_mm: float = 30.0,
    size_px: tuple[int, int] = (1000, 1000),
    marker_mm: float | None = None,
    changes: dict[str, Any] | None = None,
) -> list[Path]:
    """Writes a photo, its `truth.json` and its `pores_truth.csv` into a folder; returns the files' paths.

    With `pair`: `before.jpg` and `after.jpg`, the same skin changed by `changes` (default: pores 10 %
    smaller) and photographed anew, slightly shifted and turned, each with its own truth files
    (`before_truth.json`, ...). Existing files of these names are replaced.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    h, w = size_px
    recipe = SkinRecipe(seed, tone, width_mm=w / px_per_mm * 1.2 + 4.0, height_mm=h / px_per_mm * 1.2 + 4.0)
    camera = Camera(px_per_mm=px_per_mm, size_px=size_px, seed=seed)
    corner = 0.32 * min(h, w) / px_per_mm
    props = Props(marker_mm=marker_mm, marker_at_mm=(-corner, -corner))
    grid_um = grid_for(camera)
    if not pair:
        shots = {"photo": (recipe, camera)}
    else:
        treated = change(recipe, **(changes if changes is not None else {"pore_diameter": -0.10}))
        again = replace(camera, seed=seed + 1, rotation_deg=2.0, shift_mm=(0.6, -0.4))
        shots = {"before": (recipe, camera), "after": (treated, again)}
    written = []
    for name, (skin_recipe, view) in shots.items():
        shot = photograph(make_skin(skin_recipe, grid_um), view, props)
        before = "" if name == "photo" else f"{name}_"
        written.append(write_shot(shot, folder / f"{name}{shot.suffix}"))
        for file, text in (
            (f"{before}truth.json", shot.truth.to_json()),
            (f"{before}pores_truth.csv", shot.truth.pores_csv()),
        ):
            (folder / file).write_text(text, encoding="utf-8")
            written.append(folder / file)
    return written

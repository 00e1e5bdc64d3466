"""Make the demo's two photos: `skinscan study demo` writes datasets/demo/.

Synthetic skin before and after a course that helped: fewer reds, smaller pores, smoother relief; photographed on
two days with other exposure, white balance, pose and light, a sticker for the scale and a grey patch for colour.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from skinscan.phantom import Camera, Props, SkinRecipe, change, make_skin, photograph, write_shot

SIZE_PX = 1200
PX_PER_MM = 30.0
MARKER_MM = 5.0
GREY_MM = 5.0
CORNER_MM = 15.0
TREATMENT = {"pore_diameter": -0.12, "redness": -0.6, "blood": -0.3, "roughness": -0.25}


def write(folder: Path) -> None:
    """before.jpg, after.jpg and demo.json (settings and what is true)."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = SkinRecipe(
        seed=2026, tone="III", width_mm=52, height_mm=52, redness_patches=3, redness_strength=0.8, hairs=3
    )
    props = Props(
        marker_mm=MARKER_MM, marker_at_mm=(-CORNER_MM, -CORNER_MM), marker_angle_deg=8.0,
        grey_mm=GREY_MM, grey_at_mm=(CORNER_MM, -CORNER_MM), grey=0.35,
    )  # fmt: skip
    first = Camera(
        px_per_mm=PX_PER_MM, size_px=(SIZE_PX, SIZE_PX), seed=1, sensitivities=102, white_balance=(1.06, 1.0, 0.93),
        jpeg_quality=90, gloss=0.6, elevation_deg=55.0,
    )  # fmt: skip
    second = replace(
        first, seed=2, white_balance=(0.97, 1.0, 1.05), exposure_ev=-0.2, rotation_deg=3.0, tilt_deg=3.0,
        tilt_axis_deg=40.0, shift_mm=(0.8, -0.5), px_per_mm=PX_PER_MM * 0.97, azimuth_deg=first.azimuth_deg + 5,
    )  # fmt: skip
    write_shot(photograph(make_skin(recipe, 19.0), first, props), folder / "before.jpg")
    write_shot(photograph(make_skin(change(recipe, **TREATMENT), 19.0), second, props), folder / "after.jpg")

    def square(x_mm: float, y_mm: float, side_mm: float) -> list[list[float]]:
        centre = (SIZE_PX - 1) / 2
        return [
            [
                round(centre + PX_PER_MM * (x_mm + dx * side_mm / 2), 1),
                round(centre + PX_PER_MM * (y_mm + dy * side_mm / 2), 1),
            ]
            for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]

    settings = {
        "about": "Synthetic skin, so the truth is known: pores 12 % smaller, 30 % less blood and still less in the "
        "patches, relief 25 % lower. Two days, the same camera and lamp (said so), other exposure, white balance and "
        "pose, the lamp moved a little.",
        "marker_mm": MARKER_MM,
        "regions": {"grey": square(CORNER_MM, -CORNER_MM, 3.6), "cheek": square(0, 2, 20)},
        "reference": "grey",
        "same_lamp": True,
        "truth": TREATMENT,
    }
    (folder / "demo.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")

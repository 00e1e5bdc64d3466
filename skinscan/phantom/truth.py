"""The known answers of a photograph."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.phantom.cameras import Camera, project
from skinscan.phantom.foci import Focus
from skinscan.phantom.optics import Float
from skinscan.phantom.pores import PoreTable
from skinscan.phantom.recipes import Props, SkinRecipe
from skinscan.phantom.scars import Scar
from skinscan.phantom.skin import Hair, Line, Patch
from skinscan.phantom.striae import Stria
from skinscan.phantom.tracks import Track
from skinscan.records import frozen

COUNTED_FROM_UM = 150.0
"""Pores are counted from here upward; the truth lists the smaller ones too."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What a photograph of known skin shows. Arrays of pores (n,) cover the whole skin, also what lies
    outside.

    `homography` (3, 3): skin mm to photo px. `pore_visible`: the centre lies in the frame, on bare skin.
    `lab_flat`: CIELAB (D65) of level skin of the nominal pigment; `lab_in_view` of the mean colour of the
    skin in the frame with mottling, spots and redness but level; `lab_as_seen` the same with pores and
    furrows. All hold the surface reflection and neither light, gloss, lens nor camera. `melanin`, `blood`:
    mean volume fractions in the frame. `sq_um`: root mean square height without pores, by wavelength band;
    of the whole skin. `pore_area_percent`: of the frame's bare skin, pores of 150 um or more at half depth.
    `scar_area_percent`: of the frame's bare skin, inside the scars' outlines.
    """

    recipe: SkinRecipe
    camera: Camera
    props: Props
    homography: Float
    mm_per_px: float
    pores: PoreTable
    pore_x_px: Float
    pore_y_px: Float
    pore_visible: NDArray[np.bool_]
    lab_flat: Float
    lab_in_view: Float
    lab_as_seen: Float
    ita_degree: float
    melanin_flat: float
    blood_flat: float
    melanin: float
    blood: float
    sq_um: dict[str, float]
    pore_area_percent: float
    pore_density_per_cm2: float
    spots: tuple[Patch, ...]
    redness: tuple[Patch, ...]
    lines: tuple[Line, ...]
    hairs: tuple[Hair, ...]
    scars: tuple[Scar, ...]
    scar_area_percent: float
    foci: tuple[Focus, ...]
    striae: tuple[Stria, ...] = ()
    tracks: tuple[Track, ...] = ()

    def __post_init__(self) -> None:
        for array in (self.homography, self.pore_x_px, self.pore_y_px, self.pore_visible):
            frozen(array)

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Pores in view of 150 um or more."""
        result: NDArray[np.bool_] = self.pore_visible & (self.pores.diameter_um >= COUNTED_FROM_UM)
        return result

    def to_photo(self, points_mm: Float) -> Float:
        """Points of the skin (n, 2) mm to photo px."""
        return project(self.homography, np.asarray(points_mm, np.float64))

    def homography_to(self, other: Truth) -> Float:
        """(3, 3) from this photo's px to another photo's px of the same skin."""
        result: Float = other.homography @ np.linalg.inv(self.homography)
        return np.asarray(result / result[2, 2])

    def to_dict(self) -> dict[str, Any]:
        """Plain values: everything but the pores, which have their own table."""
        return {
            "schema": 1,
            "recipe": asdict(self.recipe),
            "camera": asdict(self.camera),
            "props": asdict(self.props),
            "mm_per_px": self.mm_per_px,
            "homography_mm_to_px": self.homography.tolist(),
            "lab_flat": _rounded(self.lab_flat),
            "lab_in_view": _rounded(self.lab_in_view),
            "lab_as_seen": _rounded(self.lab_as_seen),
            "ita_degree": round(self.ita_degree, 3),
            "melanin_flat": self.melanin_flat,
            "blood_flat": self.blood_flat,
            "melanin": self.melanin,
            "blood": self.blood,
            "sq_um": {name: round(value, 3) for name, value in self.sq_um.items()},
            "pores": int(self.pore_visible.sum()),
            "pores_counted": int(self.counted.sum()),
            "pore_density_per_cm2": self.pore_density_per_cm2,
            "pore_area_percent": self.pore_area_percent,
            "spots": [asdict(p) for p in self.spots],
            "redness": [asdict(p) for p in self.redness],
            "lines": [asdict(line) for line in self.lines],
            "hairs": [asdict(hair) for hair in self.hairs],
            "scars": [asdict(scar) for scar in self.scars],
            "scar_area_percent": self.scar_area_percent,
            "foci": [asdict(focus) for focus in self.foci],
            "striae": [asdict(mark) for mark in self.striae],
            "tracks": [asdict(track) for track in self.tracks],
        }

    def to_json(self, indent: int | None = 2) -> str:
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def pores_csv(self) -> str:
        """A CSV of every pore in the frame, in photo pixels."""
        lines = ["x_px,y_px,x_mm,y_mm,diameter_um,elongation,angle_deg,depth_um,counted"]
        p = self.pores
        for i in np.flatnonzero(self.pore_visible):
            lines.append(
                f"{self.pore_x_px[i]:.3f},{self.pore_y_px[i]:.3f},{p.x_mm[i]:.5f},{p.y_mm[i]:.5f},"
                f"{p.diameter_um[i]:.2f},{p.elongation[i]:.4f},{p.angle_deg[i]:.2f},{p.depth_um[i]:.2f},"
                f"{int(p.diameter_um[i] >= COUNTED_FROM_UM)}"
            )
        return "\n".join(lines) + "\n"


def _rounded(values: Float) -> list[float]:
    return [round(float(v), 4) for v in values]

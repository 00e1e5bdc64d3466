"""What to make: the recipe of a skin, the same skin after treatment, and what else lies in the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from skinscan.phantom.card import Card
from skinscan.phantom.optics import MELANIN, Tone
from skinscan.phantom.striae import StriaeRecipe
from skinscan.phantom.tracks import TracksRecipe
from skinscan.records import ParameterError


@dataclass(frozen=True, slots=True)
class SkinRecipe:
    """A patch of skin, fully determined by these numbers.

    `tone` is an ITA class. Scales are factors on the tone's (or the seed's) own value. `pore_density_per_cm2`
    counts all pores of 50-500 um and is drawn from 50-150 by the seed where None. `line_depth_um` applies to
    the `lines` Gaussian valleys. `mottling` scales the smooth variation of both pigments. `scars` scars of the
    `scar_kinds`, the deep ones about `scar_depth_um`, their discolouration scaled by `scar_colour`. `foci`: papules of
    `focus_strength` times as much blood more, `focus_diameter_mm` from the least to the largest. `dimples_um`: root
    mean square height of a field of dimples, as cellulite makes them; none for 0. `striae` are stretch marks and
    `tracks` marks of a needling device, if any. `left_blood`, `left_melanin`: how much more of either the half of x > 0
    holds, relatively: the patient's left of a skin seen from the front.
    """

    seed: int = 0
    tone: Tone = "II"
    width_mm: float = 44.0
    height_mm: float = 44.0
    melanin_scale: float = 1.0
    blood_scale: float = 1.0
    mottling: float = 1.0
    redness_patches: int = 2
    redness_strength: float = 0.6
    spots: int = 4
    spot_strength: float = 0.8
    pore_diameter_scale: float = 1.0
    pore_density_per_cm2: float | None = None
    pore_darkness: float = 1.0
    roughness_scale: float = 1.0
    lines: int = 0
    line_depth_um: float = 150.0
    hairs: int = 2
    vellus: int = 30
    scars: int = 0
    scar_depth_um: float = 220.0
    scar_colour: float = 1.0
    scar_kinds: tuple[Literal["rolling", "boxcar", "icepick", "flat"], ...] = ("rolling", "boxcar", "icepick", "flat")
    foci: int = 0
    focus_strength: float = 1.5
    focus_diameter_mm: tuple[float, float] = (0.8, 5.0)
    focus_height_um: float = 60.0
    dimples_um: float = 0.0
    striae: StriaeRecipe | None = None
    tracks: TracksRecipe | None = None
    left_blood: float = 0.0
    left_melanin: float = 0.0

    def __post_init__(self) -> None:
        if self.tone not in MELANIN:
            raise ParameterError("Unknown tone", expected=", ".join(MELANIN), found=repr(self.tone))
        if min(self.width_mm, self.height_mm) <= 0:
            raise ParameterError("A skin needs a size", expected="width_mm and height_mm above 0")
        if min(self.left_blood, self.left_melanin) <= -1:
            raise ParameterError("A side cannot lose all of its pigment", expected="left_blood, left_melanin above -1")
        for name in _SCALES:
            if getattr(self, name) < 0:
                raise ParameterError(f"{name} is negative", expected="0 or more", found=str(getattr(self, name)))


_SCALES = (
    "melanin_scale", "blood_scale", "mottling", "redness_patches", "redness_strength", "spots",
    "spot_strength", "pore_diameter_scale", "pore_darkness", "roughness_scale", "lines", "line_depth_um",
    "hairs", "vellus", "scars", "scar_depth_um", "scar_colour", "foci", "focus_strength", "focus_height_um",
    "dimples_um",
)  # fmt: skip


def change(
    recipe: SkinRecipe,
    *,
    melanin: float = 0.0,
    blood: float = 0.0,
    pore_diameter: float = 0.0,
    pore_darkness: float = 0.0,
    roughness: float = 0.0,
    redness: float = 0.0,
    spot: float = 0.0,
    line_depth: float = 0.0,
    scar_depth: float = 0.0,
    **fields: Any,
) -> SkinRecipe:
    """The same skin after treatment: relative changes (-0.1 is 10 % less), every pore and furrow where it
    was.

    `redness` and `spot` change the strength of the patches and macules. Further recipe fields may be set as
    they are.
    """
    return replace(
        recipe,
        melanin_scale=recipe.melanin_scale * (1 + melanin),
        blood_scale=recipe.blood_scale * (1 + blood),
        pore_diameter_scale=recipe.pore_diameter_scale * (1 + pore_diameter),
        pore_darkness=recipe.pore_darkness * (1 + pore_darkness),
        roughness_scale=recipe.roughness_scale * (1 + roughness),
        redness_strength=recipe.redness_strength * (1 + redness),
        spot_strength=recipe.spot_strength * (1 + spot),
        line_depth_um=recipe.line_depth_um * (1 + line_depth),
        scar_depth_um=recipe.scar_depth_um * (1 + scar_depth),
        **fields,
    )


@dataclass(frozen=True, slots=True)
class Props:
    """What lies on or around the skin. Places are (x, y) mm in the skin's plane, origin at the patch's
    centre.

    `marker_mm`: outer side of the black square of an ArUco sticker (DICT_4X4_50), with a white rim of a
    quarter of that side; `marker_at_mm` its centre. `grey_mm`: side of a neutral patch of reflectance `grey`.
    `skin_card_at_mm`: the middle of a printed skin card, turned by `skin_card_angle_deg`, `skin_card_size` times as
    large as it should be. `skin_ellipse_mm`: half axes of the skin, centred; beyond it lies a neutral `background`.
    `card` is a colour card, over all of that.
    """

    marker_mm: float | None = None
    marker_at_mm: tuple[float, float] = (0.0, 0.0)
    marker_id: int = 0
    marker_angle_deg: float = 0.0
    grey_mm: float | None = None
    grey_at_mm: tuple[float, float] = (0.0, 0.0)
    grey: float = 0.19
    skin_ellipse_mm: tuple[float, float] | None = None
    background: float = 0.35
    card: Card | None = None
    skin_card_at_mm: tuple[float, float] | None = None
    skin_card_angle_deg: float = 0.0
    skin_card_size: float = 1.0

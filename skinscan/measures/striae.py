"""Stretch marks: the length, width and colour difference of long bands that `bands` finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.cells import Cells
from skinscan.measures import Measure, Sample, refused, refused_for
from skinscan.measures.bands import LEAST_MM, find_striae, picture_of
from skinscan.measures.colours import smooth_colour_refused
from skinscan.measures.maps import Maps
from skinscan.measures.strokes import Pieces, drawn, pieces_of
from skinscan.records import Flag, Notice

SITES = ("abdomen", "thigh", "buttock", "upper_arm")
"""Sites of the body that get stretch marks, as `treatment/sites.csv` names them; which one it is has to be stated."""
DARK_ITA = 10.0
"""Individual typology angle, degrees, under which red marks are found in 1 of 10 (tones V and VI; pale ones are)."""
LARGEST_UM_PER_PX = 250.0
LENGTH_ERROR, WIDTH_ERROR_MM = 1.5, 0.6
"""95 % of 28 and 19 phantoms of all tones lie within 1.96 of these (mm/cm2, mm): red marks of tones V and VI are mostly
missed, so a length of 0 has an uncertainty too."""
LEAST_SEARCHED, LEAST_CM2 = 0.25, 1.0
"""Share of a region, and area, that must lie further than the rim from what is not measured."""


def _refused(maps: Maps, cells: Cells) -> Notice | None:
    """Why stretch marks cannot be looked for in this photo, as far as the frame tells."""
    if maps.frame.recipe.get("site") not in SITES:
        where = ", ".join(SITES).replace("_", " ")
        return Notice(Flag.NOT_APPLICABLE, f"stretch marks are looked for where the site is said to be one of {where}")
    if maps.frame.scale is None:
        return Notice(Flag.NO_SCALE, "give --mm-per-px, or put a sticker of known size on the skin")
    if maps.um_per_px > LARGEST_UM_PER_PX:
        return Notice(Flag.TOO_FAR, f"{maps.um_per_px:.0f} um/px, {LARGEST_UM_PER_PX:.0f} needed: come closer")
    return smooth_colour_refused(maps, cells)


def _pieces(maps: Maps, cells: Cells) -> Pieces:
    names = ("width_mm", "de00", "lightness", "redness")

    def make() -> tuple[Cells, Pieces]:
        found = pieces_of(maps, cells, find_striae(maps), names, picture_of(maps).where)
        return cells, found  # the cells live as long as what their id names

    return maps.once(("striae of", id(cells)), make)[1]


def _density(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    refusal = _refused(maps, cells)
    if refusal is not None:
        return refused_for(refusal, cells)
    pieces = _pieces(maps, cells)
    area = float(pieces.area_cm2.sum())
    if area * 1e8 / maps.um_per_px**2 < LEAST_SEARCHED * cells.pixels or area < LEAST_CM2:
        return refused(Flag.REGION_TOO_SMALL, f"{area:.2g} cm2 without its rim, {LEAST_CM2:g} needed", cells)
    found = pieces.density(len(find_striae(maps)))
    if not found.value and maps.typical_ita < DARK_ITA:
        why = "none found; on skin this dark young red marks hardly show, so that says little"
        return refused(Flag.FEW_FOUND, f"ITA {maps.typical_ita:.0f}: {why}", cells)
    return found


def _of_marks(name: str) -> Callable[[Maps, Cells, Mapping[str, float] | None], Sample]:
    """Median of what marks have along their length."""

    def evaluate(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
        refusal = _refused(maps, cells)
        if refusal is not None:
            return refused_for(refusal, cells)
        pieces = _pieces(maps, cells)
        total = float(pieces.length_mm.sum())
        if total < LEAST_MM:
            return refused(Flag.FEW_FOUND, f"{total:.1f} mm of stretch marks found, {LEAST_MM:g} mm needed", cells)
        return pieces.median(name, len(find_striae(maps)))

    return evaluate


def striae_map(maps: Maps) -> NDArray[np.float32]:
    """Colour difference of the marks, as wide as they are, 0 on skin without one."""
    known = maps.frame.scale is not None and not maps.frame.photo.is_grey and maps.frame.recipe.get("site") in SITES
    return drawn(maps, find_striae(maps) if known else (), "de00", "width_px")


def _measure(
    name: str,
    title: str,
    unit: str,
    definition: str,
    evaluate: Callable[[Maps, Cells, Mapping[str, float] | None], Sample],
    **more: object,
) -> Measure:
    return Measure(
        name=f"striae.{name}",
        title=title,
        unit=unit,
        definition=definition,
        source="skinscan; ridges after Steger 1998, doi 10.1109/34.659930",
        version=2,
        evidence=striae_map,
        evidence_title="stretch marks and their colour difference",
        evidence_unit="dE00",
        evaluate=evaluate,
        gate=_refused,
        needs_scale=True,
        largest_um_per_px=LARGEST_UM_PER_PX,
        same="light direction, distance, stretch of the skin",
        **more,  # type: ignore[arg-type]
    )


MEASURES = (
    _measure(
        "length_density",
        "Length of stretch marks",
        "mm/cm2",
        "length of the centre lines of bands 0.9-9 mm wide and 8 mm long or more that differ in lightness or redness "
        "from the skin beside them, over the skin searched",
        _density,
        better="lower",
        transform="sqrt",
        scale_power=-1.0,
        method_error=LENGTH_ERROR,
    ),
    _measure(
        "width_mm",
        "Width of stretch marks",
        "mm",
        "median along the marks of the full width at half strength of their cross-section",
        _of_marks("width_mm"),
        better="lower",
        transform="log",
        scale_power=1.0,
        method_error=WIDTH_ERROR_MM,
    ),
    _measure(
        "contrast_de00",
        "Colour difference of stretch marks",
        "dE00",
        "median along the marks of the CIEDE2000 difference of their middle to the skin on both sides",
        _of_marks("de00"),
        better="lower",
        transform="log",
    ),
    _measure(
        "contrast_lightness",
        "Lightness of stretch marks",
        "L*",
        "median along the marks of how much lighter (+) or darker (-) their middle is than the skin on both sides: old "
        "pale marks (alba) are lighter, young ones (rubra) darker",
        _of_marks("lightness"),
        better="neither",
    ),
    _measure(
        "contrast_redness",
        "Redness of stretch marks",
        "a*",
        "median along the marks of how much redder (+) or less red (-) their middle is than the skin on both sides: "
        "young marks (rubra) are redder, old ones (alba) paler",
        _of_marks("redness"),
        better="neither",
    ),
)

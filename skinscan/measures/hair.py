"""Hair of a scalp: how much of it is covered, and how wide the part shows. Not hairs a square centimetre: strands lie
over one another, and how many there are does not show.

Measured in a region that was drawn on the scalp, since no skin mask covers hair. It must show some bare scalp, such as
the part: from it the photo tells what scalp looks like under this light, whatever the colours of skin and hair.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import filters
from skinscan.arrays.cells import Cells, cells_of
from skinscan.arrays.parting import LEAST_RISE, PLATEAU_MM, Parting, find_parting
from skinscan.arrays.strands import Cover, closed, hair_cover
from skinscan.measures import Measure, Sample, refused, refused_for
from skinscan.measures.maps import Maps
from skinscan.records import SKIN, Flag, Notice

NAMES = ("scalp", "hair", "part", "parting", "crown", "vertex")
"""Words in the name of a region that is on the scalp though all of it looks like skin: thin or fair hair."""

MOST_SKIN = 0.9
"""Share of a region that is skin from which it is no scalp with hair, unless its name says so."""

FINEST_UM, LARGEST_UM_PER_PX = 40.0, 85.0
"""Strands of 60-100 um are told at pixels up to the first, and seen as part of a pixel up to the second."""

LEAST_SIDE_MM = 15.0
CLOSED_MM = 1.0
"""Half the width of gaps in a region that belong to it: strands, which the search for what covers skin leaves out."""

STRIPE = 256

LEAST_SEPARATION, LEAST_CONTRAST = 8.0, 4.0
"""Hair and scalp are told apart where their colours lie so many standard deviations apart, and hair is so many times as
rough as the barest scalp. On 84 phantoms hair that was taken for scalp had 2-3.5 times."""

MOST_ROUGHNESS, LEAST_ROUGHNESS = 0.7, (0.8, 1.1)
"""Oriented gradient (1/mm) of bare scalp at most, and of hair at least, at 50 um a pixel and in proportion to the
pixels a mm; the second up to its second number. Bare skin's spots and furrows have 0.2-0.5."""

_SAME = "the fixed view, the parting and combing, the light, dry hair, distance"


def region_of(maps: Maps, cells: Cells) -> str | None:
    """Name of the drawn region that holds a region's cells, or None: neither the skin mask nor a face's own region."""

    def find() -> tuple[Cells, str | None]:
        frame = maps.frame
        proposed = frame.recipe.get("proposed_regions", ())
        drawn = [name for name in frame.regions if name != SKIN and name not in proposed]
        inside = np.asarray(cells.labels[:]) > 0 if drawn else np.zeros((0, 0), np.bool_)
        for name in drawn:
            if inside.any() and not (inside & ~frame.regions[name][maps.box]).any():
                return cells, name
        return cells, None

    return maps.once(("drawn region", id(cells)), find)[1]


def hair_refused(maps: Maps, cells: Cells) -> Notice | None:
    """Why hair is not measured in a region, as far as the frame tells."""
    frame = maps.frame
    name = region_of(maps, cells)
    if name is None:
        return Notice(Flag.NOT_APPLICABLE, "hair is measured in a region drawn on the scalp")
    mask = frame.regions[name]
    skin = float(np.mean(frame.regions[SKIN][mask])) if mask.any() and SKIN in frame.regions else 0.0
    if skin > MOST_SKIN and not {*re.split(r"[\W_\d]+", name.lower())}.intersection(NAMES):
        return Notice(Flag.NOT_APPLICABLE, f"'{name}' is bare skin: hair is measured in a region drawn on the scalp")
    if frame.photo.is_grey:
        return Notice(Flag.NO_COLOUR, "hair is told from scalp by its colour")
    if frame.scale is None:
        return Notice(Flag.NO_SCALE, "give --mm-per-px, or put a sticker of known size on the scalp")
    if maps.um_per_px > LARGEST_UM_PER_PX:
        return Notice(Flag.TOO_FAR, f"{maps.um_per_px:.0f} um/px, {LARGEST_UM_PER_PX:.0f} needed for strands of hair")
    side_mm = math.sqrt(cells.pixels) * maps.um_per_px / 1000
    if side_mm < LEAST_SIDE_MM:
        return Notice(Flag.REGION_TOO_SMALL, f"{side_mm:.0f} mm across, {LEAST_SIDE_MM:.0f} mm needed for hair")
    return None


def _factor(maps: Maps) -> int:
    """Pixels of the photo along one of the hair maps."""
    factor = 1
    while maps.frame.scale is not None and 2 * factor * maps.um_per_px <= FINEST_UM:
        factor *= 2
    return factor


def _cover(maps: Maps, name: str) -> Cover:
    """The hair of a drawn region, on a map of the whole box."""
    maps = maps.whole

    def find() -> Cover:
        factor = _factor(maps)
        labels = cells_of(maps.frame.regions[name][maps.box], 1).reduced(factor).labels[:]
        inside = _closed(maps, labels) > 0
        share = np.full(inside.shape, np.nan, np.float32)
        rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
        if not len(rows):
            return Cover(share, math.nan, math.nan, math.nan, "region")
        place = tuple(slice(int(at[0]), int(at[-1]) + 1) for at in (rows, columns))
        found = hair_cover(_reduced_rgb(maps, place, factor), inside[place], maps.um_per_px * factor / 1000)
        share[place] = found.share
        return replace(found, share=share)

    return maps.once(("hair", name), find)


def _reduced_rgb(maps: Maps, place: tuple[slice, ...], factor: int) -> NDArray[np.float32]:
    """Linear RGB in part of a map of squares of `factor` pixels of the maps' box."""
    rows, columns = (
        slice(box.start + at.start * factor, min(box.start + at.stop * factor, box.stop))
        for box, at in zip(maps.box, place, strict=True)
    )
    parts = []
    for top in range(rows.start, rows.stop, STRIPE * factor):
        stripe = maps.frame.photo.linear_rgb(slice(top, min(top + STRIPE * factor, rows.stop)), columns)
        parts.append(filters.reduced(stripe, factor))
    return np.concatenate(parts)


def _closed(maps: Maps, labels: NDArray[Any]) -> NDArray[Any]:
    """Labels of a region on the hair map with the strands that were left out of it, without cards and stickers."""
    factor = _factor(maps)
    found = closed(labels, max(round(1000 * CLOSED_MM / (maps.um_per_px * factor)), 1))
    if maps.frame.covered is not None:
        found[cells_of(maps.frame.covered[maps.box], 1).reduced(factor).labels[:] > 0] = 0
    return found


def _own(maps: Maps, cells: Cells) -> Cells:
    """A region's blocks on the hair map, the strands that were left out with what is beside them."""

    def find() -> tuple[Cells, Cells]:
        return cells, cells_of(_closed(maps, cells.reduced(_factor(maps)).labels[:]), cells.count)

    return maps.once(("hair cells", id(cells)), find)[1]


def _unclear(cover: Cover, maps: Maps) -> Notice | None:
    """Why hair and scalp of a region cannot be told apart, or None."""
    if cover.found == "hair":
        return Notice(Flag.HAIR_UNCLEAR, "no strands stand out of the scalp: show hair and bare scalp, and come closer")
    if cover.found:
        return Notice(Flag.HAIR_UNCLEAR, "no bare scalp shows to tell hair from: part the hair")
    finer = 50.0 / (maps.um_per_px * _factor(maps))
    if cover.roughness * cover.contrast < min(LEAST_ROUGHNESS[0] * finer, LEAST_ROUGHNESS[1]):
        return Notice(Flag.HAIR_UNCLEAR, "no strands stand out of the scalp: show hair and bare scalp, and come closer")
    if cover.contrast < LEAST_CONTRAST or cover.roughness > MOST_ROUGHNESS * finer:
        return Notice(Flag.HAIR_UNCLEAR, "no smooth, bare scalp shows to tell hair from: part the hair")
    if cover.separation < LEAST_SEPARATION:
        detail = (
            f"hair and scalp are too alike ({cover.separation:.1f} standard deviations, {LEAST_SEPARATION:.0f} needed)"
        )
        return Notice(Flag.HAIR_UNCLEAR, detail)
    return None


def hair_map(maps: Maps) -> NDArray[np.float32]:
    """Share of each pixel under hair, NaN but in drawn regions where it can be told."""
    whole, factor = maps.whole, _factor(maps)
    found = np.full(tuple(-(-side // factor) for side in whole.measured.shape), np.nan, np.float32)
    for name in maps.frame.regions:
        if name == SKIN or hair_refused(whole, cells_of(maps.frame.regions[name][whole.box], 1)) is not None:
            continue
        made = _cover(maps, name)
        if _unclear(made, maps) is None:
            found = np.where(np.isfinite(made.share), made.share, found)
    if maps is whole:
        return found
    return found[tuple(slice(side.start // factor, -(-side.stop // factor)) for side in maps.place)]


Told = Callable[[Maps, Cells, str, Cover], Sample]


def _evaluated(told: Told) -> Callable[[Maps, Cells, Mapping[str, float] | None], Sample]:
    def evaluate(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
        refusal = hair_refused(maps, cells)
        if refusal is not None:
            return refused_for(refusal, cells)
        name = region_of(maps, cells)
        assert name is not None
        cover = _cover(maps, name)
        refusal = _unclear(cover, maps)
        return refused_for(refusal, cells) if refusal is not None else told(maps, cells, name, cover)

    return evaluate


def _coverage(maps: Maps, cells: Cells, name: str, cover: Cover) -> Sample:
    own = _own(maps, cells)
    values = own.take(cover.share)
    blocks = own.each(values, lambda part: 100.0 * float(np.nanmean(part)) if np.isfinite(part).any() else math.nan)
    return Sample(100.0 * float(np.nanmean(values)), blocks, own.sizes.astype(float), own.pixels)


def _parting(maps: Maps, name: str) -> Parting:
    mm = maps.um_per_px * _factor(maps) / 1000
    return maps.whole.once(("parting", name), lambda: find_parting(_cover(maps, name).share, mm))


def _part_width(maps: Maps, cells: Cells, name: str, cover: Cover) -> Sample:
    part = _parting(maps, name)
    if part.reason:
        return refused(Flag.UNDEFINED, f"no part is seen in the hair: {part.reason}", cells)
    labels = np.asarray(_own(maps, cells).labels[:])
    column, row = np.rint(part.middle.T).astype(int)
    seen = (row >= 0) & (row < labels.shape[0]) & (column >= 0) & (column < labels.shape[1])
    where = np.zeros(len(row), np.int64)
    where[seen] = labels[row[seen], column[seen]]
    widths: dict[int, list[float]] = {}
    for number, width in zip(where.tolist(), part.width_mm.tolist(), strict=True):
        if number:
            widths.setdefault(number, []).append(width)
    told = [width for some in widths.values() for width in some]
    if not told:
        return refused(Flag.UNDEFINED, "the part lies outside of what is measured", cells)
    blocks, weights = np.full(cells.count, np.nan), np.zeros(cells.count)
    for number, some in widths.items():
        blocks[number - 1], weights[number - 1] = np.median(some), len(some)
    return Sample(float(np.median(told)), blocks, weights, len(told), (), {"direction_deg": part.direction_deg})


def _measure(**differing: Any) -> Measure:
    return Measure(
        version=1, evidence=hair_map, evidence_title="share under hair", evidence_unit="1", gate=hair_refused,
        needs_scale=True, by_view=True, largest_um_per_px=LARGEST_UM_PER_PX, same=_SAME, **differing,
    )  # fmt: skip


MEASURES = (
    _measure(
        name="hair.coverage",
        title="Hair coverage",
        unit="% of region",
        better="higher",
        definition="share of a drawn region of scalp that lies under strands of hair, told from bare scalp by the axis "
        "of colour that parts the two best; not hairs a cm2",
        source="skinscan; axis after Fisher 1936, doi 10.1111/j.1469-1809.1936.tb02137.x",
        evaluate=_evaluated(_coverage),
        method_error=4.5,
    ),
    _measure(
        name="hair.part_width_mm",
        title="Part width",
        unit="mm",
        better="lower",
        definition="median along the part of the width between the places on either side where the cover of hair has "
        f"risen half way from the band's own to the sides' ({PLATEAU_MM[0]:g}-{PLATEAU_MM[1]:g} mm beyond), which is "
        f"at least {LEAST_RISE:g} more",
        source="skinscan; what clinical scales of hair loss grade by eye (Sinclair et al. 2004, J Am Acad Dermatol "
        "51:189)",
        evaluate=_evaluated(_part_width),
        method_error=0.1,
        transform="log",
        scale_power=1.0,
    ),
)

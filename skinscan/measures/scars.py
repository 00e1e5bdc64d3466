"""Scars of acne and chickenpox: how much of the skin they take, and how much they stand out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour, marks
from skinscan.arrays.cells import Cells, factor_between
from skinscan.environment import data_path
from skinscan.measures import Measure, Sample, refused_for
from skinscan.measures.colours import beyond_unmixing, smooth_colour_refused
from skinscan.measures.maps import Maps
from skinscan.records import Flag, Notice

LARGEST_UM_PER_PX = 150.0
"""Effective resolution under which the smallest mark, 0.8 mm, has fewer than five pixels across."""
ALLOWANCE = 1.05
LEAST_SIDE_MM = 10.0
"""Side of a region, as of a square of its area, in which a mark of 6 mm can still be told from the skin around it."""
RING_MM = (0.4, 1.4)
"""Where the skin begins and ends that a mark is held against, beyond its outline."""
CARRIED = "sd_"
AREA_ERROR = 0.6
"""RMS difference of the root of the area from that of the true one, in %: 30 phantoms of all tones without scars to 24
of them, any light; 0.85 on tone VI. Shallow hollows and those lit from above are not seen, and some mottling is."""

NO_SCALE = Notice(Flag.NO_SCALE, "give --mm-per-px, or put a sticker of known size on the skin")


@dataclass(frozen=True)
class Found:
    """Marks of the whole measured skin, on the pixels of averaged colour, what they were told by, and their contrast.

    `chance` (h, w); `contrast` (h, w) dE00 to the skin around the mark that a pixel lies in, less what that skin has to
    its own middle; NaN outside marks. `sd` of each response.
    """

    chance: NDArray[np.float32]
    marks: marks.Marks
    contrast: NDArray[np.float32]
    sd: Mapping[str, float]


@cache
def _classifier() -> tuple[tuple[str, ...], marks.Layers]:
    """Names of the responses and the network, fitted on phantoms by study/scar_classifier.py."""
    loaded = json.loads(data_path("models", "scar_classifier.json").read_text())
    inward, bias, outward = (np.asarray(loaded[name], np.float32) for name in ("inward", "bias", "outward"))
    return tuple(loaded["features"]), marks.Layers(inward, bias, outward, float(loaded["offset"]))


def skin_of(maps: Maps) -> marks.Skin:
    """Shading, melanin and haemoglobin of the averaged colour of all measured skin, on its own pixels."""
    lab, step = maps.smooth_lab, factor_between(maps.measured.shape, maps.smooth_pixels.shape)
    luminance = ((np.maximum(lab[..., 0], 1.0) + 16) / 116) ** 3
    height, width = lab.shape[:2]
    rows, columns = (
        np.minimum(np.arange(count) * step + step // 2, whole - 1)
        for count, whole in zip((height, width), maps.measured.shape, strict=True)
    )
    mask = np.ascontiguousarray(maps.measured[np.ix_(rows, columns)])
    darkness = np.asarray(-np.log10(luminance), np.float32)
    return marks.skin_of(darkness, maps.smooth_melanin, maps.smooth_haemoglobin, mask, maps.um_per_px * step / 1000)


def found_marks(maps: Maps, carried: Mapping[str, float] | None = None) -> Found:
    """Marks of all measured skin, against its own scatter or against the baseline's that is carried."""
    whole = maps.whole
    own = None if carried is None else {name.removeprefix(CARRIED): sd for name, sd in carried.items()}
    key = ("scars", None if own is None else tuple(sorted(own.items())))
    return whole.once(key, lambda: _find(whole, own))


def _find(maps: Maps, carried: Mapping[str, float] | None) -> Found:
    skin = skin_of(maps)
    names, network = _classifier()
    features, sd = marks.features(skin, carried)
    if tuple(sd) != names:
        raise ValueError("models/scar_classifier.json was fitted on other responses: run `skinscan study`")
    chance = network.chance(features)
    chance[~skin.mask] = 0
    found = marks.marked(chance, skin.mask, skin.mm_per_px)
    return Found(chance, found, _contrast(maps.smooth_lab, found, skin), sd)


def _contrast(lab: NDArray[np.float32], found: marks.Marks, skin: marks.Skin) -> NDArray[np.float32]:
    """Of each pixel of a mark: dE00 to the median colour of the ring around, less the mean dE00 of the ring to it."""
    out = np.full(skin.mask.shape, np.nan, np.float32)
    near, far = (math.ceil(mm / skin.mm_per_px) for mm in RING_MM)
    free = skin.mask & (found.labels == 0)
    for number, (rows, columns) in enumerate(_boxes(found.labels, len(found), far), start=1):
        inside = found.labels[rows, columns] == number
        away = cv2.distanceTransform((~inside).view(np.uint8), cv2.DIST_L2, 5)
        ring = free[rows, columns] & (away > near) & (away <= far)
        here = lab[rows, columns]
        if np.count_nonzero(ring) < 8:
            continue
        middle = np.median(here[ring], 0)
        floor = colour.ciede2000_to(here[ring], middle).mean(dtype=np.float64)
        out[rows, columns][inside] = colour.ciede2000_to(here[inside], middle) - np.float32(floor)
    return out


def _boxes(labels: NDArray[np.int32], count: int, margin: int) -> list[tuple[slice, slice]]:
    """Rows and columns of each mark with a margin."""
    height, width = labels.shape
    rows, columns = np.nonzero(labels)
    which = labels[rows, columns] - 1
    low, high = np.full((count, 2), max(height, width)), np.full((count, 2), -1)
    for axis, place in enumerate((rows, columns)):
        np.minimum.at(low[:, axis], which, place)
        np.maximum.at(high[:, axis], which, place)
    return [
        (slice(max(top - margin, 0), bottom + margin + 1), slice(max(left - margin, 0), right + margin + 1))
        for (top, left), (bottom, right) in zip(low.tolist(), high.tolist(), strict=True)
    ]


def scars_refused(maps: Maps, cells: Cells) -> Notice | None:
    """Why scars cannot be told in a region, or None."""
    if maps.frame.scale is None:
        return NO_SCALE
    effective = maps.effective_um_per_px
    effective = maps.um_per_px if math.isnan(effective) else max(effective, maps.um_per_px)
    if effective > LARGEST_UM_PER_PX * ALLOWANCE:
        return Notice(Flag.TOO_FAR, f"{effective:.0f} um/px, {LARGEST_UM_PER_PX:.0f} needed for marks of 0.8 mm")
    refusal = smooth_colour_refused(maps, cells)
    if refusal is not None:
        return refusal
    side_mm = math.sqrt(cells.pixels) * maps.um_per_px / 1000
    if side_mm < LEAST_SIDE_MM:
        detail = f"{side_mm:.0f} mm across, {LEAST_SIDE_MM:.0f} needed for marks of up to {marks.LARGEST_MM:.0f} mm"
        return Notice(Flag.REGION_TOO_SMALL, detail)
    return None


def _carried(found: Found) -> dict[str, float]:
    return {CARRIED + name: sd for name, sd in found.sd.items()}


def _area(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    refusal = scars_refused(maps, cells)
    if refusal is not None:
        return refused_for(refusal, cells)
    found = found_marks(maps, carried)
    own = cells.on(found.chance)
    inside = own.take(found.marks.labels > 0)
    share = 100.0 * float(np.count_nonzero(inside)) / max(len(inside), 1)
    notices = beyond_unmixing(maps, cells)
    return Sample(share, 100.0 * own.means(inside), cells.sizes.astype(float), cells.pixels, notices, _carried(found))


def _contrast_of(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    refusal = scars_refused(maps, cells)
    if refusal is not None:
        return refused_for(refusal, cells)
    found = found_marks(maps, carried)
    own = cells.on(found.chance)
    blocks, weights = np.full(own.count, np.nan), np.zeros(own.count)
    for block, values in own.parts(found.contrast):
        known = values[np.isfinite(values)]
        if len(known):
            blocks[block], weights[block] = known.mean(dtype=np.float64), len(known)
    if not weights.sum():
        return refused_for(
            Notice(Flag.FEW_FOUND, "no scar was found, so there is nothing to tell the contrast of"), cells
        )
    value = float(np.nansum(blocks * weights) / weights.sum())
    count = len(np.unique(own.take(found.marks.labels))) - 1
    return Sample(value, blocks, weights, max(count, 1), beyond_unmixing(maps, cells), _carried(found))


def chance_map(maps: Maps) -> NDArray[np.float32]:
    """How much each place looks like a scar, 0 to 1."""
    return _part(maps, found_marks(maps).chance)


def contrast_map(maps: Maps) -> NDArray[np.float32]:
    """dE00 of each scar to the skin around it, 0 elsewhere."""
    return _part(maps, np.nan_to_num(found_marks(maps).contrast))


def _part(maps: Maps, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """A map of the whole cut to the part that these maps are."""
    if maps.whole is maps:
        return picture
    step = factor_between(maps.whole.measured.shape, picture.shape)
    rows, columns = (slice(side.start // step, -(-side.stop // step)) for side in maps.place)
    return picture[rows, columns]


_SAME = "light direction and height, sharpness, distance; what the marks stand out against is carried from the baseline"
_SOURCE = (
    "skinscan; kinds of scars after Jacob, Dover, Kaminer 2001, doi 10.1067/mjd.2001.113451; network fitted on phantoms"
)

MEASURES = (
    Measure(
        name="scars.area",
        title="Scarred area",
        unit="% of region",
        better="lower",
        definition="area of marks 0.8-6 mm across that shade as hollows do, or are redder or paler than the skin "
        "beside them, told against the skin's own scatter; flat brown marks are pigment's. Not a depth, no "
        "clinical grade: a hollow as shallow as the skin's own relief, or lit from straight above, is not seen",
        source=_SOURCE,
        version=1,
        evidence=chance_map,
        evidence_title="likeness to a scar",
        evidence_unit="1",
        evaluate=_area,
        transform="sqrt",
        method_error_scaled=AREA_ERROR,
        needs_scale=True,
        fine=True,
        largest_um_per_px=LARGEST_UM_PER_PX,
        gate=scars_refused,
        same=_SAME,
    ),
    Measure(
        name="scars.contrast",
        title="Contrast of scars",
        unit="dE00",
        better="lower",
        definition="mean CIEDE2000 of the scars' pixels to the median colour of the skin 0.4-1.4 mm beside each, less "
        "what that skin has to its own median; colour averaged over 0.15 mm",
        source=f"{_SOURCE}; Sharma, Wu, Dalal 2005, doi 10.1002/col.20070",
        version=1,
        evidence=contrast_map,
        evidence_title="dE00 to the skin beside each scar",
        evaluate=_contrast_of,
        transform="identity",
        needs_scale=True,
        fine=True,
        largest_um_per_px=LARGEST_UM_PER_PX,
        gate=scars_refused,
        same=_SAME,
        empty="NaN where no scar is found",
    ),
)

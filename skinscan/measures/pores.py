"""Pores: dark pits of 150 um and more, counted, sized at half contrast, and matched between two photos."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import blobs
from skinscan.arrays import pits as pit_arrays
from skinscan.arrays.blobs import Blobs
from skinscan.arrays.cells import Cells
from skinscan.arrays.pits import Pits
from skinscan.arrays.statistics import percentile
from skinscan.arrays.warp import forward, inverse
from skinscan.environment import data_path
from skinscan.measures import Measure, PairedSample, Sample, refused, refused_for
from skinscan.measures.maps import Maps
from skinscan.records import Flag, FloatArray, Notice, Registration

Values = NDArray[np.float64]

FLOOR_UM = 150.0
CEILING_UM = 500.0
VISIBLE_UM = 250.0
FULL_UM_PER_PX = 50.0
LARGEST_UM_PER_PX = 80.0
ALLOWANCE = 1.05
"""A follow-up taken from a hand's breadth further off still counts, and a pore of 500 um measured as 520."""

LARGEST_BLUR_PX = 1.8
"""Blur beyond which diameters stay wrong by 10 % and more even when corrected, and half the pores are missed."""

SEARCH_UM = (150.0, 600.0)
SCALE_STEP = math.sqrt(2)
LEAST_RESPONSE = 0.05
LEAST_ROUND = 0.5
"""A candidate's contrast by its filter response, and how little of a furrow it is: 98-100 % of the pores that count
have more (phantoms of all tones; 94 % where gloss is strongest on VI)."""
LEAST_CONTRAST = 0.03
LEAST_CLOSED = 0.6
LARGEST_ELONGATION = 1 / math.sqrt(1 - 0.9**2)
"""Axis ratio of an ellipse of eccentricity 0.9: beyond it the mark is a hair or a furrow."""
LARGEST_ROUGHNESS = 0.4
SURE_LOG_ODDS = 2.0
"""Pores that are followed from visit to visit: furrow crossings among them would hold the change back."""

MATCHED_FROM = 1.15
"""Pores are followed from this many floors upward: nearer to it, what is left of the blur hides a tenth of a change."""

BLUR_ERROR_PX = 0.1
"""Standard error of a photo's blur estimate (measured on phantoms, docs/results.md)."""

LEAST_PORES = 5
LEAST_PORES_TAIL = 20


def floor_um(maps: Maps) -> float:
    """Smallest diameter counted in this photo: 150 um, or 250 um where its effective resolution is 50-80 um/px."""
    return FLOOR_UM if maps.effective_um_per_px <= FULL_UM_PER_PX * ALLOWANCE else VISIBLE_UM


def pores_refused(maps: Maps) -> Notice | None:
    """Why pores cannot be counted in this photo, or None."""
    if maps.frame.scale is None:
        return Notice(Flag.NO_SCALE, "give --mm-per-px, or put a sticker of known size on the skin")
    resolved = maps.effective_um_per_px
    if math.isnan(resolved):
        return Notice(Flag.TOO_FAR, "its sharpness could not be told: too little connected skin")
    if _blur_px(maps) > LARGEST_BLUR_PX:
        return Notice(Flag.BLURRED, f"blurred by {_blur_px(maps):.1f} px, {LARGEST_BLUR_PX:g} px at most: hold still")
    if resolved > LARGEST_UM_PER_PX * ALLOWANCE:
        return Notice(
            Flag.TOO_FAR,
            f"{resolved:.0f} um/px resolved (blur included), {FULL_UM_PER_PX:.0f} needed: "
            f"come {_closer(resolved / FULL_UM_PER_PX)} closer, hold still, or use a longer lens",
        )
    return None


def _refusal(maps: Maps, cells: Cells) -> Sample | None:
    notice = pores_refused(maps)
    return None if notice is None else refused_for(notice, cells)


def large_pores_only(maps: Maps) -> Notice | None:
    """Why only pores of 250 um and more are counted in this photo, or None where all are, or none."""
    if pores_refused(maps) is not None or floor_um(maps) <= FLOOR_UM:
        return None
    detail = f"{maps.effective_um_per_px:.0f} um/px resolved, {FULL_UM_PER_PX:.0f} needed"
    return Notice(Flag.PORES_250_ONLY, detail)


def _smaller_unseen(maps: Maps, cells: Cells) -> Notice | None:
    """Why the share of visible pores cannot be told, or None."""
    refusal = pores_refused(maps)
    if refusal is not None or floor_um(maps) <= FLOOR_UM:
        return refusal
    return Notice(
        Flag.TOO_FAR,
        f"{maps.effective_um_per_px:.0f} um/px resolved, {FULL_UM_PER_PX:.0f} needed to see the smaller pores",
    )


def _closer(ratio: float) -> str:
    share = 1 - 1 / ratio
    return "a quarter" if share <= 0.3 else "to half the distance" if share <= 0.55 else "much"


def find_pores(maps: Maps) -> Pits:
    """Every pore of the frame's measured pixels, centres in the maps' box; from SEARCH_UM[0] up.

    Diameters are in px of the frame's scale: where perspective makes a pore's own pixels larger, it has more of them.
    """
    return maps.once("pores", lambda: _find(maps))


def _find(maps: Maps) -> Pits:
    pits = candidates(maps)
    found = pits.where(log_odds(pits, maps) > 0)
    return replace(found, diameter=found.diameter * _local(maps, found.x, found.y))


def _local(maps: Maps, x: FloatArray, y: FloatArray) -> Values:
    """Size of the pixels at places of the maps over that of the frame's scale, (n,)."""
    return np.asarray(maps.um_per_px_at(x, y) / maps.um_per_px, np.float64)


def log_odds(pits: Pits, maps: Maps) -> Values:
    """Natural log of the odds that a pit is a pore, (n,)."""
    return np.asarray(pit_features(pits, maps) @ np.asarray(_classifier()["coefficients"]))


def _promise(found: Blobs, maps: Maps) -> Values:
    """Natural log of the odds, less a threshold, that a blob will be counted, (n,): a look without its profiles."""
    first = _classifier()["first_look"]
    return np.asarray(blob_features(found, maps) @ np.asarray(first["coefficients"]) - first["threshold"])


BLOB_FEATURES = ("constant", "log contrast", "log contrast over its scale's", "roundness", "unevenness", "log diameter")


def blob_features(found: Blobs, maps: Maps) -> NDArray[np.float64]:
    """What a first look tells of a blob, (n, len(BLOB_FEATURES))."""
    return np.stack(
        [
            np.ones(len(found)),
            np.log(np.maximum(found.contrast, 1e-4)),
            np.log(np.maximum(found.relative, 1e-4)),
            np.clip(found.roundness, 0.0, 1.0),
            found.unevenness,
            np.log(np.maximum(found.diameter, 1e-3) * maps.um_per_px / 200.0),
        ],
        1,
    )


def dark_blobs(maps: Maps) -> Blobs:
    """Every dark blob that has about a pore's size and is no furrow."""
    per_px = maps.um_per_px
    smallest = max(SEARCH_UM[0] / per_px, 2.0)
    count = max(round(math.log(SEARCH_UM[1] / per_px / smallest) / math.log(SCALE_STEP)) + 1, 2)
    diameters = smallest * SCALE_STEP ** np.arange(count, dtype=np.float64)
    looks = []
    for part in maps.tiles(blobs.reach(diameters)):
        own = part.own if part.in_margins else None
        found = blobs.look(part.flattened, part.measured, diameters, LEAST_RESPONSE, LEAST_ROUND, own)
        top, left = part.place[0].start, part.place[1].start
        looks.append(replace(found, blobs=[(scale, replace(b, x=b.x + left, y=b.y + top)) for scale, b in found.blobs]))
    return blobs.joined(looks, int(np.count_nonzero(maps.measured)))


def pits_of(found: Blobs, maps: Maps) -> tuple[Pits, NDArray[np.int64]]:
    """The blobs measured, and which of them could be pores by their shape, each once (indices)."""
    pits = _measured(maps, found.x, found.y, found.diameter, rounds=2)
    shaped = np.flatnonzero(
        (pits.contrast > LEAST_CONTRAST)
        & (pits.closed >= LEAST_CLOSED)
        & (pits.elongation < LARGEST_ELONGATION)
        & (pits.roughness < LARGEST_ROUGHNESS)
        & (pits.diameter * maps.um_per_px <= SEARCH_UM[1] * 1.2)
    )
    return pits, shaped[pit_arrays.without_overlaps(pits.where(shaped))]


def candidates(maps: Maps) -> Pits:
    """Every pit that could be a pore, each once, of those that a first look does not rule out."""
    found = dark_blobs(maps)
    pits, kept = pits_of(found.where(_promise(found, maps) > 0), maps)
    return pits.where(kept)


def _measured(
    maps: Maps,
    x: Values,
    y: Values,
    diameter: Values,
    max_shift: float = 0.5,
    blur_px: float | None = None,
    rounds: int = 3,
) -> Pits:
    """Pits of the flattened log-luminance, their diameters freed of the photo's (or the stated) blur."""
    pits = _pits_at(maps, x, y, diameter, rounds, max_shift)
    return replace(pits, diameter=pit_arrays.unblurred(pits.diameter, _blur_px(maps) if blur_px is None else blur_px))


def _pits_at(maps: Maps, x: Values, y: Values, diameter: Values, rounds: int, max_shift: float) -> Pits:
    if not maps.in_tiles or len(x) == 0:
        return pit_arrays.measure_pits(maps.flattened, x, y, diameter, rounds, max_shift)
    found, order = [], []
    height, width = maps.measured.shape
    near_y, near_x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
    for part in maps.tiles(pit_arrays.reach(diameter), every=True):
        top, left = part.place[0].start, part.place[1].start
        own = np.flatnonzero(_in(near_y - top, part.own[0]) & _in(near_x - left, part.own[1]))
        if len(own) == 0:
            continue
        row, column = y - top, x - left
        pits = pit_arrays.measure_pits(part.flattened, column[own], row[own], diameter[own], rounds, max_shift)
        found.append(replace(pits, x=pits.x + left, y=pits.y + top))
        order.append(own)
    return pit_arrays.joined(found).where(np.argsort(np.concatenate(order)))


def _in(place: Values, side: slice) -> NDArray[np.bool_]:
    return np.asarray((place >= side.start - 0.5) & (place < side.stop - 0.5))


def _blur_px(maps: Maps) -> float:
    """SD of the photo's blur, px; NaN where it could not be told."""
    return maps.frame.quality.blur_px


def _blurs_of_a_pair(before: Maps, after: Maps) -> tuple[float, float]:
    """Blur of each photo in its px, their difference shrunk towards none as far as it may be an error of estimate.

    An error of 0.1 px would pass for 2 % of a small pore's diameter; a true difference of 0.3 px stays.
    """
    first, second = _blur_px(before) * before.um_per_px, _blur_px(after) * after.um_per_px
    error = BLUR_ERROR_PX * before.um_per_px
    difference = second - first
    kept = difference**3 / (difference**2 + 2 * error**2) if difference else 0.0
    middle = (first + second) / 2
    return (middle - kept / 2) / before.um_per_px, (middle + kept / 2) / after.um_per_px


FEATURES = (
    "constant", "log contrast over scatter", "log contrast", "elongation", "weak side", "closed", "log diameter",
    "log outline roughness", "radial symmetry", "log resolution",
)  # fmt: skip


def pit_features(pits: Pits, maps: Maps) -> NDArray[np.float64]:
    """What tells a pore from a furrow's crossing or a slope, (n, len(FEATURES))."""
    effective = maps.frame.quality.effective_um_per_px
    resolved = math.nan if effective is None else effective
    return np.stack(
        [
            np.ones(len(pits)),
            np.log(np.maximum(pits.contrast, 1e-4) / np.maximum(pits.scatter, 1e-4)),
            np.log(np.maximum(pits.contrast, 1e-3)),
            np.minimum(pits.elongation, 4.0) - 1.0,
            np.clip(pits.weak_side, -1.0, 1.5),
            pits.closed,
            np.log(np.maximum(pits.diameter, 1e-3) * maps.um_per_px / 200.0),
            np.log(np.maximum(pits.roughness, 0.01)),
            pits.symmetry,
            np.full(len(pits), math.log(resolved / 33.0)),
        ],
        1,
    )


@cache
def _classifier() -> dict[str, Any]:
    """Logistic weights of FEATURES, fitted on phantoms by study/pore_classifier.py."""
    loaded: dict[str, Any] = json.loads(data_path("models", "pore_classifier.json").read_text())
    return loaded


def counted_pores(maps: Maps, least_um: float | None = None) -> Pits:
    """The pores that count: from the photo's floor (or `least_um`) up to 500 um, give or take their error."""
    pits = find_pores(maps)
    size_um = pits.diameter * maps.um_per_px
    least_um = floor_um(maps) if least_um is None else least_um
    return pits.where((size_um >= least_um) & (size_um <= CEILING_UM * ALLOWANCE))


def _of_region(maps: Maps, cells: Cells, least_um: float | None = None) -> tuple[Pits, NDArray[np.int64]]:
    """Counted pores inside the region, block after block, and where each block (1..K) begins, (K + 1,)."""

    def make() -> tuple[Cells, Pits, NDArray[np.int64]]:
        pits = counted_pores(maps, least_um)
        label = _labels_at(cells, pits.x, pits.y)
        order = np.argsort(label, kind="stable")
        starts = np.searchsorted(label[order], np.arange(1, cells.count + 2))
        return (
            cells,
            pits.where(order[starts[0] :]),
            starts - starts[0],
        )  # the cells live as long as what their id names

    return maps.once(("pores of", id(cells), least_um), make)[1:]


def _sizes(maps: Maps, cells: Cells) -> Values:
    """Measured pixels of each block (K,), in px of the frame's scale."""
    if maps.frame.scale is None or maps.frame.scale.plane is None:
        return cells.sizes.astype(np.float64)
    step = 4  # perspective hardly changes over 4 px
    seen = cells.labels[::step, ::step]
    rows, columns = np.nonzero(seen)
    larger = _local(maps, columns * float(step), rows * float(step)) ** 2
    blocks = seen[rows, columns] - 1
    count = np.bincount(blocks, minlength=cells.count)
    total = np.bincount(blocks, weights=larger, minlength=cells.count)
    mean = np.where(count > 0, total / np.maximum(count, 1), larger.mean() if len(larger) else 1.0)
    return np.asarray(cells.sizes * mean)


def count_in(maps: Maps, cells: Cells) -> int:
    """How many pores of a region count."""
    return len(_of_region(maps, cells)[0])


def _labels_at(cells: Cells, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    height, width = cells.labels.shape
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    label = np.zeros(len(x), np.int64)
    label[inside] = cells.labels[row[inside], column[inside]]
    return label


Reader = Callable[[Pits, Maps, float], float]
"""(pores, maps, measured pixels) -> a number."""


def _evaluate(read: Reader, least: int) -> Callable[[Maps, Cells, Mapping[str, float] | None], Sample]:
    def evaluate(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
        refusal = _refusal(maps, cells)
        if refusal is not None:
            return refusal
        only = large_pores_only(maps)
        notices = () if only is None else (only,)
        pores, starts = _of_region(maps, cells)
        if len(pores) < least:
            return refused(Flag.FEW_PORES, f"{len(pores)} found, {least} needed", cells)
        sizes = _sizes(maps, cells)
        blocks = np.full(cells.count, np.nan)
        counts = np.diff(starts)
        for block in range(cells.count):
            if sizes[block] and (least == 0 or counts[block]):
                own = pores.where(slice(starts[block], starts[block + 1]))
                blocks[block] = read(own, maps, float(sizes[block]))
        weights = (sizes if least == 0 else counts).astype(float)
        return Sample(read(pores, maps, float(sizes.sum())), blocks, weights, len(pores), notices)

    return evaluate


def _area(pores: Pits, maps: Maps, pixels: float) -> float:
    return float(100.0 * np.sum(np.pi / 4 * pores.diameter**2) / pixels)


def _density(pores: Pits, maps: Maps, pixels: float) -> float:
    return float(len(pores) / (pixels * (maps.um_per_px / 1e4) ** 2))


def _percentile(share: float) -> Reader:
    return lambda pores, maps, pixels: percentile(pores.diameter, share) * maps.um_per_px


def _visible(pores: Pits, maps: Maps, pixels: float) -> float:
    return float(100.0 * np.mean(pores.diameter * maps.um_per_px >= VISIBLE_UM))


def _visible_share(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    refusal = _smaller_unseen(maps, cells)
    if refusal is not None:
        return refused_for(refusal, cells)
    return _evaluate(_visible, LEAST_PORES)(maps, cells, carried)


def _elongation(pores: Pits, maps: Maps, pixels: float) -> float:
    return percentile(pores.elongation, 50)


def _matched_change(
    before: Maps, after: Maps, registration: Registration, cells_before: Cells, cells_after: Cells
) -> PairedSample:
    """Median log ratio of diameters over pores found in either photo and measured at their place in both."""
    nothing = float("nan")
    for maps, cells in ((before, cells_before), (after, cells_after)):
        refusal = _refusal(maps, cells)
        if refusal is not None:
            return PairedSample(nothing, nothing, 0, refusal.notices)
    floor = max(floor_um(before), floor_um(after))
    x_before, y_before, start_um = _either(before, after, registration, cells_before, cells_after, floor)
    place = np.stack([x_before, y_before], 1) + before.origin_xy
    moved = forward(place, registration.homography, registration.displacement, registration.grid_px) - after.origin_xy
    blurs = _blurs_of_a_pair(before, after)
    first = _measured(before, x_before, y_before, start_um / before.um_per_px, 0.25, blurs[0])
    second = _measured(after, moved[:, 0], moved[:, 1], start_um / after.um_per_px, 0.25, blurs[1])
    size_before = np.maximum(first.diameter, 1e-3) * before.um_per_px_at(first.x, first.y)
    size_after = np.maximum(second.diameter, 1e-3) * after.um_per_px_at(second.x, second.y)
    typical = np.sqrt(size_before * size_after)
    good = (
        (np.minimum(first.closed, second.closed) >= LEAST_CLOSED)
        & (np.minimum(first.contrast, second.contrast) > LEAST_CONTRAST)
        & (np.maximum(first.roughness, second.roughness) < LARGEST_ROUGHNESS)
        & (np.maximum(first.elongation, second.elongation) < LARGEST_ELONGATION)
        & (typical >= MATCHED_FROM * floor)
        & (typical <= CEILING_UM * 1.2)
        & (np.abs(np.log(size_after / size_before)) < 0.7)
    )
    count = int(good.sum())
    if count < LEAST_PORES_TAIL:
        notice = Notice(Flag.FEW_PORES, f"{count} matched, {LEAST_PORES_TAIL} needed")
        return PairedSample(nothing, nothing, count, (notice,))
    ratio = np.log(size_after[good] / size_before[good])
    centre = float(np.median(ratio))
    spread = 1.4826 * float(np.median(np.abs(ratio - centre)))
    uncertainty = 1.2533 * spread / math.sqrt(count)
    return PairedSample(100 * math.expm1(centre), 100 * math.exp(centre) * uncertainty, count)


def _either(
    before: Maps, after: Maps, registration: Registration, cells_before: Cells, cells_after: Cells, floor: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Places in the before box and expected diameters (um) of pores found in either photo, each once."""
    from scipy.spatial import cKDTree

    first, second = (
        pits.where(log_odds(pits, maps) > SURE_LOG_ODDS)
        for pits, maps in (
            (_of_region(before, cells_before, 0.85 * floor)[0], before),
            (_of_region(after, cells_after, 0.85 * floor)[0], after),
        )
    )
    places = np.stack([first.x, first.y], 1)
    sizes = first.diameter * before.um_per_px
    if len(second):
        there = np.stack([second.x, second.y], 1) + after.origin_xy
        back = (
            inverse(there, registration.homography, registration.displacement, registration.grid_px) - before.origin_xy
        )
        size_back = second.diameter * after.um_per_px
        known = np.isfinite(back).all(1)
        back, size_back = back[known], size_back[known]
        new = np.ones(len(back), bool)
        if len(places) and len(back):
            gap, nearest = cKDTree(places).query(back)
            new = gap * before.um_per_px > 0.5 * np.maximum(sizes[nearest], size_back)
            same = nearest[~new]
            sizes[same] = np.sqrt(sizes[same] * size_back[~new])
        places, sizes = np.concatenate([places, back[new]]), np.concatenate([sizes, size_back[new]])
    inside = _labels_at(cells_before, places[:, 0], places[:, 1]) > 0
    return places[inside, 0], places[inside, 1], sizes[inside]


def pore_map(maps: Maps) -> NDArray[np.float32]:
    """Flattened log-luminance, the map that pores are found in (the outlines come from the catalogue)."""
    return np.where(maps.measured, maps.flattened, np.float32(np.nan))


_COUNTED = "150-500 um (250-500 um where the effective resolution is 50-80 um/px)"
_SAME = "sharpness, distance, light direction"


def _measure(
    name: str,
    title: str,
    unit: str,
    definition: str,
    read: Reader,
    least: int,
    *,
    scale_power: float = 0.0,
    transform: str = "log",
    better: str = "lower",
    source: str = "skinscan; half-contrast diameter",
) -> Measure:
    return Measure(
        name=f"pores.{name}",
        title=title,
        unit=unit,
        better=better,  # type: ignore[arg-type]
        definition=f"{definition}; pores of {_COUNTED}",
        source=source,
        version=4,
        evidence=pore_map,
        evidence_title="flattened log-luminance with pores",
        evidence_unit="log-luminance",
        evaluate=_evaluate(read, least),
        gate=lambda maps, cells: pores_refused(maps),
        transform=transform,  # type: ignore[arg-type]
        needs_scale=True,
        fine=True,
        largest_um_per_px=LARGEST_UM_PER_PX,
        scale_power=scale_power,
        same=_SAME,
    )


MEASURES = (
    _measure("area", "Pore area", "% of region", "area of pores over measured skin", _area, 0, transform="sqrt"),
    _measure(
        "density", "Pore density", "1/cm2", "pores over measured skin", _density, 0, scale_power=-2.0, transform="sqrt"
    ),
    *(
        _measure(
            f"diameter_p{share}",
            f"Pore diameter, {word}",
            "um",
            f"{share}th percentile of the equivalent diameter at half contrast",
            _percentile(share),
            LEAST_PORES if share == 50 else LEAST_PORES_TAIL,
            scale_power=1.0,
        )
        for share, word in ((10, "10th percentile"), (50, "median"), (90, "90th percentile"))
    ),
    Measure(
        name="pores.visible_share",
        title="Visible pores",
        unit="% of pores",
        better="lower",
        definition="pores of 250 um or more among those of 150 um or more",
        source="doi 10.2147/CCID.S74401",
        version=4,
        evidence=pore_map,
        evidence_title="flattened log-luminance with pores",
        evidence_unit="log-luminance",
        evaluate=_visible_share,
        gate=_smaller_unseen,
        transform="sqrt",
        needs_scale=True,
        fine=True,
        largest_um_per_px=FULL_UM_PER_PX,
        scale_power=2.0,
        same=_SAME,
    ),
    _measure("elongation", "Pore elongation", "1", "median of major over minor axis", _elongation, LEAST_PORES),
    Measure(
        name="pores.matched_diameter_change",
        title="Change of the same pores' diameter",
        unit="%",
        better="lower",
        definition="median log ratio of the half-contrast diameters of pores found in either photo and measured at "
        "their registered place in both",
        source="skinscan",
        version=4,
        evidence=None,
        evidence_title="",
        paired=_matched_change,
        gate=lambda maps, cells: pores_refused(maps),
        needs_scale=True,
        fine=True,
        largest_um_per_px=LARGEST_UM_PER_PX,
        same=_SAME,
    ),
)

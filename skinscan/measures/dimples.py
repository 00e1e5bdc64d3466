"""Dimples of thigh and buttock (cellulite): relief of 2-20 mm as a fixed raking light shows it.

Raking light must be stated: a lamp twice as low throws the shadows of dents half as deep, and no picture tells the two
apart. What the picture can tell is that the statement is wrong: light from one side shades every dent along its own
direction, so that shading without direction, or with another one than in the baseline, is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import filters
from skinscan.arrays.cells import Cells, cells_of
from skinscan.measures import Measure, Sample, refused, refused_for
from skinscan.measures.maps import Maps
from skinscan.records import Flag, Notice

SHORTEST_MM, LONGEST_MM = 2.0, 20.0
LEAST_WAVELENGTHS_ACROSS = 2.0
CELL_MM = 0.5
"""Side of the squares on which the relief is told at most."""

FALL_ORDER = 3
"""Order of the surface that is the lamp's own fall-off and the body's curve, and is taken out of log-luminance."""

LEAST_COHERENCE = 0.08
"""Directedness of the shading, (l1 - l2) / (l1 + l2) of its structure tensor: 0.5 for round dents under one lamp, 0 for
light from all sides."""

MOST_TURNED_DEG = 30.0
"""How far the shading's direction may have turned since the baseline: the camera's own turn and the direction's
uncertainty included."""

RAKING = "raking_light"
"""The statement, as the frame's recipe holds it."""


@dataclass(frozen=True, eq=False)
class Relief:
    """Band-passed log-luminance (h, w) of a region, 0 outside; how directed its shading is, and the direction in
    degrees from +x towards +y, 0..180."""

    band: NDArray[np.float32]
    coherence: float
    direction_deg: float


def dimples_refused(maps: Maps, cells: Cells) -> Notice | None:
    """Why the relief of dimples is not measured in a region, as far as the frame tells."""
    if not maps.frame.recipe.get(RAKING):
        return Notice(Flag.NOT_APPLICABLE, "dimples are measured under a fixed raking light, which has to be stated")
    if maps.frame.scale is None:
        return Notice(Flag.NO_SCALE, "give --mm-per-px, or put a sticker of known size on the skin")
    needed = 1000 * SHORTEST_MM / 3
    if maps.um_per_px > needed:
        return Notice(Flag.TOO_FAR, f"{maps.um_per_px:.0f} um/px, {needed:.0f} needed for dimples")
    side_mm = math.sqrt(cells.pixels) * maps.um_per_px / 1000
    least = LEAST_WAVELENGTHS_ACROSS * LONGEST_MM
    if side_mm < least:
        return Notice(Flag.REGION_TOO_SMALL_FOR_BAND, f"{side_mm:.3g} mm across, {least:.3g} mm needed")
    return None


def _factor(maps: Maps) -> int:
    """Pixels of the photo along one of the relief's map."""
    factor = 1
    while maps.frame.scale is not None and 2 * factor * maps.um_per_px <= 1000 * CELL_MM:
        factor *= 2
    return factor


def _relief(maps: Maps, cells: Cells) -> Relief:
    whole = maps.whole

    def make() -> tuple[Cells, Relief]:
        return cells, _made(whole, np.asarray(cells.labels[:]) > 0)  # the cells live as long as what their id names

    return whole.once(("dimples", id(cells)), make)[1]


def _made(maps: Maps, inside: NDArray[np.bool_]) -> Relief:
    factor = _factor(maps)
    total, share = _reduced(maps, inside, factor)
    known = share > 0.3
    level = np.where(known, total / np.maximum(share, 1e-3), np.float32(0)).astype(np.float32)
    level[known] -= _fall(level, known)
    mm = maps.um_per_px * factor / 1000
    band = filters.wavelength_band(level, known, SHORTEST_MM / mm, LONGEST_MM / mm)
    band = np.where(known, band, np.float32(0)).astype(np.float32)
    down, across = (np.asarray(np.gradient(band, axis=axis), np.float32) for axis in (0, 1))
    within = filters.masked_gaussian(known.astype(np.float32), np.ones_like(known), 1.0) > 0.99
    xx, yy, xy = (float(np.mean(part[within])) if within.any() else 0.0
                  for part in (across * across, down * down, across * down))  # fmt: skip
    coherence = math.hypot(xx - yy, 2 * xy) / max(xx + yy, 1e-12)
    return Relief(band, coherence, math.degrees(0.5 * math.atan2(2 * xy, xx - yy)) % 180.0)


def _reduced(maps: Maps, inside: NDArray[np.bool_], factor: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Log-luminance summed over a region in squares of `factor` pixels, and the region's share of them."""
    total, share = (np.zeros(tuple(-(-side // factor) for side in inside.shape), np.float32) for _ in range(2))
    for part in maps.tiles():
        place = tuple(slice(side.start // factor, -(-side.stop // factor)) for side in part.place)
        total[place], share[place] = filters.reduced_inside(part.log_luminance, inside[part.place], factor)
    return total, share


def _fall(level: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The smooth surface of FALL_ORDER that fits a map best, at its known places, (n,)."""
    rows, columns = np.nonzero(known)
    x, y = (2 * (at - at.min()) / max(np.ptp(at), 1) - 1 for at in (columns, rows))
    terms = [(i, j) for i in range(FALL_ORDER + 1) for j in range(FALL_ORDER + 1 - i)]
    basis = np.stack([x**i * y**j for i, j in terms], axis=-1)
    fit: NDArray[np.float64] = np.linalg.lstsq(basis, level[known].astype(np.float64), rcond=None)[0]
    return np.asarray(basis @ fit, np.float32)


def dimple_map(maps: Maps) -> NDArray[np.float32]:
    """Band-passed log-luminance of all that is measured, NaN elsewhere."""
    whole, factor = maps.whole, _factor(maps)
    shape = tuple(-(-side // factor) for side in whole.measured.shape)
    if dimples_refused(whole, cells_of(whole.measured, 1)) is not None:
        found = np.full(shape, np.nan, np.float32)
    else:
        made = whole.once("dimples of all", lambda: _made(whole, whole.measured))
        found = np.where(made.band == 0, np.float32(np.nan), made.band)
    if maps is whole:
        return found
    return found[tuple(slice(side.start // factor, -(-side.stop // factor)) for side in maps.place)]


def _evaluate(maps: Maps, cells: Cells, carried: Mapping[str, float] | None) -> Sample:
    refusal = dimples_refused(maps, cells)
    if refusal is not None:
        return refused_for(refusal, cells)
    relief = _relief(maps, cells)
    if relief.coherence < LEAST_COHERENCE:
        detail = f"the shading has no direction ({relief.coherence:.2f}, {LEAST_COHERENCE:g} needed)"
        return refused(Flag.NOT_RAKING, detail, cells)
    if carried is not None:
        turned = abs((relief.direction_deg - carried["direction_deg"] + 90) % 180 - 90)
        if turned > MOST_TURNED_DEG:
            detail = f"it falls from another side than in the baseline, by {turned:.0f} degrees"
            return refused(Flag.NOT_RAKING, detail, cells)
    own = cells.on(relief.band)
    power, sizes = own.squares(relief.band), own.sizes
    whole = math.sqrt(float(power.sum()) / max(int(sizes.sum()), 1))
    blocks = np.sqrt(power / np.where(sizes > 0, sizes, np.nan))
    return Sample(whole, blocks, sizes.astype(float), cells.pixels, (), {"direction_deg": relief.direction_deg})


MEASURES = (
    Measure(
        name="dimples.relief_2_20mm",
        title="Dimple relief 2-20 mm",
        unit="log-luminance RMS",
        better="lower",
        definition="RMS of natural log-luminance between spatial wavelengths of 2 and 20 mm under a stated raking "
        "light, less the cubic surface of the lamp's fall-off and the body's curve; optical, not a height",
        source="skinscan; Gaussian cut-offs of ISO 16610-21 and -61",
        version=1,
        evidence=dimple_map,
        evidence_title="log-luminance, 2-20 mm",
        evidence_unit="log-luminance",
        evaluate=_evaluate,
        gate=dimples_refused,
        transform="log",
        needs_scale=True,
        largest_um_per_px=1000 * SHORTEST_MM / 3,
        scale_power=0.5,
        same="the raking lamp's place and height against the skin, all other light out, posture and muscles at rest",
    ),
)

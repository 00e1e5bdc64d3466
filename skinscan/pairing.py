"""Two Frames tied together: one scale, the baseline's regions and reference, and the skin that both see."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour, warp
from skinscan.arrays.cells import Cells, cells_of, grid_blocks
from skinscan.assessment import LEAST_PIXELS, read, rescaled
from skinscan.capture import neutral
from skinscan.capture.frame import LEAST_REFERENCE_PX
from skinscan.measures import Measure, PairedSample, Sample, all_measures
from skinscan.measures.maps import Maps
from skinscan.records import (
    SKIN,
    Colour,
    Flag,
    Frame,
    Notice,
    Registration,
    Scale,
)
from skinscan.repeatability import Difference

REGISTERED_SCALE_ERROR = 0.002
"""Relative standard uncertainty of the scale ratio that registration finds (measured on phantoms)."""


def tie(before: Frame, after: Frame, registration: Registration) -> tuple[Frame, Frame, list[Notice]]:
    """Give `after` the baseline's regions, scale and reference, by way of the registration."""
    notices: list[Notice] = []
    carried: dict[str, NDArray[np.bool_]] = {SKIN: after.regions[SKIN]}
    for name, mask in before.regions.items():
        if name != SKIN:
            carried[name] = _carry(mask, after.shape, registration) & after.usable
    if before.scale is None and after.scale is not None:
        ratio = registration.scale_ratio
        before = rescaled(before, _scaled(after.scale, ratio))
    elif before.scale is not None:
        after = rescaled(after, _scaled(before.scale, 1 / registration.scale_ratio))
    if before.colour.state == "reference" and before.reference_mask is not None:
        before, after, lost = _tie_colour(before, after, registration)
        notices += lost
        if after.reference_mask is not None:
            patch = neutral.find_patch(after.photo, carried[SKIN], after.reference_mask)
            carried[SKIN] = carried[SKIN] if patch is None else carried[SKIN] & ~patch
    return before, replace(after, regions=carried), notices


def _scaled(scale: Scale, factor: float) -> Scale:
    spread = scale.spread * factor
    return Scale(scale.mm_per_px * factor, math.hypot(spread, REGISTERED_SCALE_ERROR * scale.mm_per_px), "registered")


def _carry(labels: NDArray[Any], shape: tuple[int, int], r: Registration) -> NDArray[Any]:
    return warp.carry_labels(labels, shape, r.homography, r.displacement, r.grid_px)


def _tie_colour(before: Frame, after: Frame, registration: Registration) -> tuple[Frame, Frame, list[Notice]]:
    """Gains that give the reference the same look in both photos; `uncorrected` where it is not seen in both."""
    assert before.reference_mask is not None
    mask_after = _carry(before.reference_mask, after.shape, registration) & after.usable
    back = warp.carry_mask_back(
        mask_after, before.shape, registration.homography, registration.displacement, registration.grid_px
    )
    mask_before = before.reference_mask & back
    if min(int(mask_before.sum()), int(mask_after.sum())) < LEAST_REFERENCE_PX:
        notice = Notice(
            Flag.REFERENCE_LOST, f"'{before.colour.reference}' must be seen, unclipped and unshaded, in both photos"
        )
        lost = Colour("uncorrected", reference=before.colour.reference)
        return replace(before, colour=lost, reference_mask=None), replace(after, colour=lost), [notice]
    gains = _reference_colour(before, mask_before) / _reference_colour(after, mask_after)
    if not (np.isfinite(gains).all() and (gains > 0).all()):
        notice = Notice(Flag.REFERENCE_LOST, f"'{before.colour.reference}' is black in one channel")
        lost = Colour("uncorrected", reference=before.colour.reference)
        return replace(before, colour=lost, reference_mask=None), replace(after, colour=lost), [notice]
    red, green, blue = (float(gain) for gain in gains)
    tied = Colour("reference", None, before.colour.reference, (red, green, blue))
    return (
        replace(before, reference_mask=mask_before),
        replace(after, colour=tied, reference_mask=mask_after),
        [],
    )


def _reference_colour(frame: Frame, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.median(frame.photo.linear_rgb(*box)[mask[box]].astype(np.float64), 0))


def capture_difference(before: Frame, after: Frame, registration: Registration) -> Difference:
    """How differently the two photos were taken, as far as the photos themselves show it."""
    typical_before, typical_after = _typical_rgb(before), _typical_rgb(after)
    lab = colour.lab(typical_before)
    detail_before, detail_after = _resolved(before), _resolved(after) / registration.scale_ratio
    singular = np.linalg.svd(registration.homography[:2, :2], compute_uv=False)
    return Difference(
        light=math.sqrt(max(1.0 - registration.texture_correlation, 0.0)),
        blur=abs(math.log(detail_after / detail_before)),
        pose=abs(math.log(registration.scale_ratio)) + abs(math.log(singular[0] / singular[1])),
        noise=abs(math.log(_noise(after) / _noise(before))),
        exposure=abs(math.log(_brightness(typical_after) / _brightness(typical_before))),
        tone_ita=float(colour.ita_degree(float(lab[0]), float(lab[2]))),
        um_per_px=before.um_per_px,
    )


def _resolved(frame: Frame) -> float:
    """Blur in pixels, never under what a sharp photo has; taken as sharp where it could not be told."""
    return max(frame.quality.blur_px, 0.7) if math.isfinite(frame.quality.blur_px) else 0.7


def _noise(frame: Frame) -> float:
    return max(frame.quality.noise, 1e-3) if math.isfinite(frame.quality.noise) else 1e-3


def _typical_rgb(frame: Frame) -> NDArray[np.float64]:
    """Median linear RGB of the skin, (3,), from a thinned grid; of all regions where no skin was found."""
    rows, columns = frame.shape
    step = (slice(None, None, max(rows // 256, 1)), slice(None, None, max(columns // 256, 1)))
    mask = np.logical_or.reduce([region[step] for region in frame.regions.values()])
    if not mask.any():
        mask = frame.usable[step]
    rgb = frame.photo.linear_rgb(*step)[mask]
    return np.median(rgb, 0).astype(np.float64) if len(rgb) else np.ones(3)


def _brightness(rgb: NDArray[np.float64]) -> float:
    return max(float(colour.luminance(rgb)), 1e-4)


@dataclass(frozen=True)
class Pair:
    """Both photos' maps, where they meet, and how their capture differs.

    `reference_gains`: (K, 3) and weights (K,), what each block of the reference would have changed of the gains.
    """

    before: Maps
    after: Maps
    registration: Registration
    difference: Difference
    reference_gains: tuple[NDArray[np.float64], NDArray[np.float64]]


def _reference_gains(before: Maps, after: Maps, r: Registration) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = before.frame.reference_mask, after.frame.reference_mask
    if first is None or second is None:
        return np.zeros((0, 3)), np.zeros(0)
    labels, count = grid_blocks(first, target=16)
    carried = _carry(labels, after.frame.shape, r)
    carried[~second] = 0
    medians, sizes = [], []
    for maps, blocks in ((before, labels), (after, carried)):
        cells = cells_of(blocks[maps.box], count)
        values = cells.take(maps.linear)
        channels = [cells.each(values[:, c], lambda part: float(np.median(part))) for c in range(3)]
        medians.append(np.maximum(np.stack(channels, 1), 1e-4))
        sizes.append(cells.sizes)
    weights = np.minimum(*sizes).astype(float)
    seen = weights > 0
    return (medians[0] / medians[1])[seen], weights[seen]


def pair_of(before: Maps, after: Maps, registration: Registration) -> Pair:
    """Both photos' maps made ready to be read alike: at what the coarser of the two resolves."""
    coarser = max(before.effective_um_per_px, after.effective_um_per_px)
    before.coarser_um_per_px = after.coarser_um_per_px = 0.0 if math.isnan(coarser) else coarser
    difference = capture_difference(before.frame, after.frame, registration)
    return Pair(before, after, registration, difference, _reference_gains(before, after, registration))


def shared_cells(pair: Pair, region: str) -> tuple[Cells, Cells]:
    """A region of the baseline cut to what both photos see, as blocks in each photo's own pixels."""
    r = pair.registration
    before, after = pair.before.frame, pair.after.frame
    seen_after = after.regions.get(region, after.usable)
    back = warp.carry_mask_back(seen_after, before.shape, r.homography, r.displacement, r.grid_px)
    labels, count = grid_blocks(before.regions[region] & back)
    carried = _carry(labels, after.shape, r)
    carried[~seen_after] = 0
    return cells_of(labels[pair.before.box], count), cells_of(carried[pair.after.box], count)


def samples_of(pair: Pair, region: str) -> Iterator[tuple[Measure, tuple[Sample, Sample] | PairedSample | None]]:
    """Each measure's samples of a region in both photos, or its paired sample; None where the region is too small."""
    before, after = shared_cells(pair, region)
    for measure in all_measures().values():
        if measure.paired is None:
            first = read(measure, pair.before, before, region)
            yield measure, (first, read(measure, pair.after, after, region, first.carried or None))
        elif min(len(before.index), len(after.index)) < LEAST_PIXELS:
            yield measure, None
        else:
            yield measure, measure.paired(pair.before, pair.after, pair.registration, before, after)

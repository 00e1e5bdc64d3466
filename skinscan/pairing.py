"""Two Frames tied together: one scale, the baseline's regions and reference, and the skin that both see."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan import repeatability
from skinscan.arrays import colour, warp
from skinscan.arrays.cells import Cells, cells_of, grid_blocks
from skinscan.assessment import LEAST_PIXELS, read, rescaled
from skinscan.capture import neutral
from skinscan.capture.frame import LEAST_REFERENCE_PX
from skinscan.capture.rounding import coarseness, patch_errors
from skinscan.capture.usable import unclipped
from skinscan.measures import Measure, PairedSample, Sample, all_measures
from skinscan.measures.maps import Maps
from skinscan.records import (
    SKIN,
    Colour,
    Flag,
    Frame,
    Notice,
    Photo,
    Registration,
    Scale,
)
from skinscan.repeatability import Difference

REGISTERED_SCALE_ERROR = 0.002
"""Relative standard uncertainty of the scale ratio that registration finds (measured on phantoms)."""

SAME_ROUNDING = 0.004
"""|ln| of the gains under which a patch has the same 8-bit code in both photos: half a count of a mid grey."""

LEAST_NOISE = 1e-3
"""Noise (SD of log-luminance) under which two photos do not differ in it."""


def tie(before: Frame, after: Frame, registration: Registration) -> tuple[Frame, Frame, list[Notice]]:
    """Give `after` the baseline's regions, scale and reference, by way of the registration."""
    notices: list[Notice] = []
    carried: dict[str, NDArray[np.bool_]] = {SKIN: after.regions[SKIN].copy()}
    for name, mask in before.regions.items():
        if name != SKIN:
            carried[name] = _carry(mask, after.shape, registration) & after.usable
    if before.scale is None and after.scale is not None:
        ratio = registration.scale_ratio
        before = rescaled(before, _scaled(after.scale, ratio))
    elif before.scale is not None:
        after = rescaled(after, _scaled(before.scale, 1 / registration.scale_ratio))
    if before.colour.state == "reference" and before.reference_mask is not None:
        reference = _carry(before.reference_mask, after.shape, registration)
        is_skin = before.colour.reference in before.regions
        patch = None if is_skin else neutral.find_patch(after.photo, carried[SKIN], reference)
        if patch is not None:
            carried[SKIN] &= ~patch
        reference &= after.usable if patch is None else unclipped(after.photo)
        before, after, lost = _tie_colour(before, after, reference, registration)
        notices += lost
    return before, replace(after, regions=carried), notices


def _scaled(scale: Scale, factor: float) -> Scale:
    spread = scale.spread * factor
    return Scale(scale.mm_per_px * factor, math.hypot(spread, REGISTERED_SCALE_ERROR * scale.mm_per_px), "registered")


def _carry(labels: NDArray[Any], shape: tuple[int, int], r: Registration) -> NDArray[Any]:
    return warp.carry_labels(labels, shape, r.homography, r.displacement, r.grid_px)


def _tie_colour(
    before: Frame, after: Frame, mask_after: NDArray[np.bool_], registration: Registration
) -> tuple[Frame, Frame, list[Notice]]:
    """Gains that give the reference the same look in both photos; `uncorrected` where it is not seen in both."""
    assert before.reference_mask is not None
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
        rgb = frame.photo.linear_rgb(*box)[mask[box]]
        return np.asarray(colour.sensor_rgb(np.array([_middle_mean(rgb[:, c]) for c in range(3)])))


def _middle_mean(values: NDArray[np.floating[Any]]) -> float:
    """Mean of the middle 80 %: a median jumps from one 8-bit code to the next on a clean patch, by 0.5 of a*."""
    from scipy.stats import trim_mean

    return float(trim_mean(values.astype(np.float64), 0.1))


def capture_difference(of_before: Maps, of_after: Maps, registration: Registration) -> Difference:
    """How differently the two photos were taken, as far as the photos themselves show it."""
    before, after = of_before.frame, of_after.frame
    tied = before.colour.state == "reference"
    typical_before, typical_after = (colour.sensor_rgb(maps.typical_rgb) for maps in (of_before, of_after))
    gains = np.asarray(after.colour.gains) if tied else typical_before / typical_after
    balance = gains / gains[1]
    singular = np.linalg.svd(registration.homography[:2, :2], compute_uv=False)
    return Difference(
        light=math.sqrt(max(1.0 - registration.texture_correlation, 0.0)),
        blur=_log_ratio(before.quality.blur_px, after.quality.blur_px / registration.scale_ratio),
        pose=abs(math.log(registration.scale_ratio)) + abs(math.log(singular[0] / singular[1])),
        noise=_log_ratio(_noise(before), _noise(after)),
        exposure=_log_ratio(1.0, float(gains[1])),
        contrast=_log_ratio(1.0, registration.texture_ratio),
        turn_deg=abs(registration.rotation_deg),
        chroma=float(np.max([_log_ratio(1.0, float(balance[c])) for c in (0, 2)])),
        gradient=registration.light_change,
        compression=abs(coarseness(before.photo.jpeg_quality) - coarseness(after.photo.jpeg_quality)),
        tone_ita=of_before.typical_ita,
        um_per_px=before.um_per_px,
        same_camera=_same_camera(before.photo, after.photo),
        of_face=before.face is not None,
    )


def _log_ratio(one: float, other: float) -> float:
    """|ln| of a ratio; NaN where either is unknown or not positive."""
    return abs(math.log(one / other)) if one > 0 and other > 0 else math.nan


def _same_camera(before: Photo, after: Photo) -> bool:
    named = before.camera is not None and after.camera is not None
    return before.shape == after.shape and not (named and before.camera != after.camera)


def _noise(frame: Frame) -> float:
    """Noise in log-luminance, never under what no longer matters."""
    noise = frame.quality.noise
    return max(noise, LEAST_NOISE) if math.isfinite(noise) else math.nan


@dataclass(frozen=True)
class Pair:
    """Both photos' maps, where they meet, and how their capture differs.

    `reference_gains`: (K, 3) and weights (K,), what each block of the reference would have changed of the gains;
    `reference_rounding` (k, 3): what one SD of each rounding of its colour would have.
    """

    before: Maps
    after: Maps
    registration: Registration
    difference: Difference
    reference_gains: tuple[NDArray[np.float64], NDArray[np.float64]]
    reference_rounding: NDArray[np.float64]


def _reference_rounding(before: Frame, after: Frame) -> NDArray[np.float64]:
    gains = [np.zeros((0, 3))]
    if before.colour.reference in before.regions:
        return gains[0]  # skin is uneven enough that its blocks round each their way
    if np.abs(np.log(after.colour.gains)).max() < SAME_ROUNDING:
        return gains[0]  # the patch has the same code in both photos, and is rounded alike
    for frame in (before, after):
        if frame.reference_mask is not None and frame.reference_mask.any():
            level, mask = _reference_colour(frame, frame.reference_mask), frame.reference_mask
            gains += [1 + colour.sensor_rgb(error)[None] / level for error in patch_errors(frame.photo, mask)]
    return np.concatenate(gains)


def _reference_gains(before: Maps, after: Maps, r: Registration) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = before.frame.reference_mask, after.frame.reference_mask
    if first is None or second is None:
        return np.zeros((0, 3)), np.zeros(0)
    labels, count = grid_blocks(first, target=16)
    carried = _carry(labels, after.frame.shape, r)
    carried[~second] = 0
    levels, sizes = [], []
    for maps, blocks in ((before, labels), (after, carried)):
        part = maps.around(blocks[maps.box] > 0)
        cells = cells_of(blocks[maps.box][part.place], count).on(part.linear)
        values = cells.take(part.linear)
        channels = [cells.each(values[:, c], _middle_mean) for c in range(3)]
        levels.append(np.maximum(colour.sensor_rgb(np.stack(channels, 1)), 1e-4))
        sizes.append(cells.sizes)
    weights = np.minimum(*sizes).astype(float)
    seen = weights > 0
    return (levels[0] / levels[1])[seen], weights[seen]


def pair_of(before: Maps, after: Maps, registration: Registration, stated_same: bool = False) -> Pair:
    """Both photos' maps made ready to be read alike: at what the coarser of the two resolves.

    `stated_same`: the user says that camera, lamp and place are the same; taken unless the photos speak against it.
    """
    coarser = max(before.effective_um_per_px, after.effective_um_per_px)
    before.coarser_um_per_px = after.coarser_um_per_px = 0.0 if math.isnan(coarser) else coarser
    difference = capture_difference(before, after, registration)
    same = not repeatability.against_same(difference) if stated_same else repeatability.seen_to_be_same(difference)
    difference = replace(difference, setup="same" if same else "other")
    gains = _reference_gains(before, after, registration)
    return Pair(before, after, registration, difference, gains, _reference_rounding(before.frame, after.frame))


def shared_cells(pair: Pair, region: str) -> tuple[Cells, Cells]:
    """A region of the baseline cut to what both photos see, as blocks in each photo's own pixels."""
    r = pair.registration
    before, after = pair.before.frame, pair.after.frame
    seen_after = after.regions.get(region, after.usable)
    back = warp.carry_mask_back(seen_after, before.shape, r.homography, r.displacement, r.grid_px)
    labels, count = grid_blocks(before.regions[region] & back)
    carried = _carry(labels, after.shape, r)[pair.after.box]
    carried *= seen_after[pair.after.box]
    return cells_of(labels[pair.before.box], count), cells_of(carried, count)


def samples_of(pair: Pair, region: str) -> Iterator[tuple[Measure, tuple[Sample, Sample] | PairedSample | None]]:
    """Each measure's samples of a region in both photos, or its paired sample; None where the region is too small."""
    before, after = shared_cells(pair, region)
    found = _samples_side_by_side(pair, region, before, after)
    for measure in all_measures().values():
        if measure.paired is None:
            yield measure, found[measure.name]
        elif min(before.pixels, after.pixels) < LEAST_PIXELS:
            yield measure, None
        else:
            yield measure, measure.paired(pair.before, pair.after, pair.registration, before, after)


def _samples_side_by_side(pair: Pair, region: str, before: Cells, after: Cells) -> dict[str, tuple[Sample, Sample]]:
    """Samples of both photos by name. One thread a photo, as its maps are made by one alone; the after photo's follows
    as soon as the before photo's has told what is carried."""
    from concurrent.futures import Future, ThreadPoolExecutor

    def following(measure: Measure, first: Future[Sample]) -> Sample:
        return read(measure, pair.after, after, region, first.result().carried or None)

    single = [measure for measure in all_measures().values() if measure.paired is None]
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        firsts = [one.submit(read, measure, pair.before, before, region) for measure in single]
        seconds = [other.submit(following, *both) for both in zip(single, firsts, strict=True)]
        return {
            measure.name: (first.result(), second.result())
            for measure, first, second in zip(single, firsts, seconds, strict=True)
        }

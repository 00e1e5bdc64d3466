"""Two Frames -> Comparison: registered, measured over the skin that both see, each change held against its error."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan import repeatability
from skinscan.arrays import colour, statistics, warp
from skinscan.arrays.cells import Cells, cells_of, grid_blocks
from skinscan.assessment import LEAST_PIXELS, assess_frame, read, rescaled
from skinscan.capture import neutral
from skinscan.capture.frame import LEAST_REFERENCE_PX, make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.registration import register
from skinscan.environment import check_opencv
from skinscan.measures import Measure, PairedSample, Sample, all_measures
from skinscan.measures.maps import Maps
from skinscan.records import (
    SKIN,
    Change,
    Colour,
    Comparison,
    Flag,
    Frame,
    Notice,
    Photo,
    Registration,
    Scale,
    Verdict,
)
from skinscan.repeatability import Difference

Progress = Callable[[float, str], None]

SHARPNESS_RATIO = math.log(1.5)
"""Ratio of resolved detail beyond which the user is told."""

REGISTERED_SCALE_ERROR = 0.002
"""Relative standard uncertainty of the scale ratio that registration finds (measured on phantoms)."""

COLOUR_ADVICE = "name a reference: untreated skin, or a neutral patch seen in both photos"


def compare(
    before: str | os.PathLike[str],
    after: str | os.PathLike[str],
    mm_per_px: float | None = None,
    regions: Mapping[str, Sequence[Any]] | None = None,
    *,
    marker_mm: float | None = None,
    reference: str | None = None,
    max_megapixels: float = 60.0,
    evidence: bool = True,
    progress: Progress | None = None,
) -> Comparison:
    """Make two photos comparable, measure both where both see the skin, and say which changes are real.

    `mm_per_px` and `regions` are those of the before photo; the after photo's follow from registration. The other
    arguments are those of `assess`. `progress(share, text)` is told of each step. Raises a SkinscanError where a
    file cannot be read; photos that cannot be compared give `comparable=False` with reasons.
    """
    tell = progress or (lambda share, text: None)
    check_opencv()
    tell(0.02, "reading the photos")
    first, second = read_photo(before, max_megapixels=max_megapixels), read_photo(after, max_megapixels=max_megapixels)
    tell(0.15, "finding skin and scale")
    frame_before = make_frame(first, mm_per_px=mm_per_px, marker_mm=marker_mm, regions=regions, reference=reference)
    frame_after = make_frame(second, marker_mm=marker_mm)
    return compare_frames(frame_before, frame_after, evidence=evidence, progress=progress)


def compare_frames(
    before: Frame, after: Frame, *, evidence: bool = True, progress: Progress | None = None
) -> Comparison:
    """Compare two frames; the regions and the reference are those of `before`."""
    tell = progress or (lambda share, text: None)
    tell(0.3, "matching the skin of the two photos")
    registration = register(before, after)
    notices = [*order_notices(before.photo, after.photo), *registration.notices]
    if not registration.ok:
        tell(0.6, "measuring each photo")
        reasons = tuple(n.text for n in registration.notices) or ("the two photos share too little skin",)
        first = assess_frame(Maps(before), evidence=evidence)
        second = assess_frame(Maps(after), evidence=evidence)
        return Comparison(False, reasons, registration, first, second, _unmatched(before, reasons[0]), tuple(notices))

    before, after, tied = tie(before, after, registration)
    notices += tied
    tell(0.5, "measuring the before photo")
    maps_before, maps_after = Maps(before), Maps(after)
    first = assess_frame(maps_before, evidence=evidence)
    tell(0.65, "measuring the after photo")
    second = assess_frame(maps_after, evidence=evidence)
    tell(0.85, "comparing")
    pair = pair_of(maps_before, maps_after, registration)
    if pair.difference.blur > SHARPNESS_RATIO:
        notices.append(Notice(Flag.SHARPNESS_DIFFERS, f"one resolves {math.exp(pair.difference.blur):.1f} times finer"))
    changes = tuple(change for region in before.regions for change in _changes_of(pair, region))
    judged = any(change.verdict != "not_comparable" for change in changes)
    reasons = () if judged else _common_reasons(changes)
    tell(1.0, "done")
    return Comparison(judged, reasons, registration, first, second, changes, tuple(notices))


def order_notices(before: Photo, after: Photo) -> list[Notice]:
    """Same file twice, or the after photo taken first by the cameras' clocks."""
    if before.sha256 == after.sha256:
        return [Notice(Flag.SAME_PHOTO, "every change is zero by construction")]
    if before.taken_at and after.taken_at and after.taken_at < before.taken_at:
        return [Notice(Flag.SWAPPED, f"'after' was taken at {after.taken_at}, 'before' at {before.taken_at}")]
    return []


# --- tying the two frames together ----------------------------------------------------------------------------


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


# --- changes --------------------------------------------------------------------------------------------------


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


def _changes_of(pair: Pair, region: str) -> Iterator[Change]:
    for measure, found in samples_of(pair, region):
        if isinstance(found, tuple):
            yield judge(measure, pair, region, *found)
        else:
            yield judge_paired(measure, pair, region, found)


def judge(measure: Measure, pair: Pair, region: str, first: Sample, second: Sample) -> Change:
    """A measure's change over the shared skin, its smallest detectable change and the verdict."""
    told = (measure.name, region, first.value, second.value, second.value - first.value, measure.unit)
    seen = [n.flag for n in (*first.notices, *second.notices) if n.flag != Flag.WITHIN_PHOTO]
    n = min(first.n, second.n)
    refusal = _refusal(measure, pair, first, second)
    if refusal is None:
        sdc, source = smallest_detectable_change(measure, pair, region, first, second)
        if not math.isfinite(sdc):
            refusal = (Flag.UNDEFINED,), "its error cannot be told: too few blocks of the region hold a value"
    if refusal is not None:
        flags = tuple(dict.fromkeys((*seen, *refusal[0])))
        return Change(*told, math.nan, "", "not_comparable", refusal[1], flags, n)
    flags = tuple(dict.fromkeys((*seen, Flag.RELATIVE) if measure.needs_colour else seen))
    verdict = verdict_of(measure, second.value - first.value, sdc)
    return Change(*told, sdc, source, verdict, words(verdict, measure), flags, n)


def _refusal(measure: Measure, pair: Pair, first: Sample, second: Sample) -> tuple[tuple[Flag, ...], str] | None:
    """Why this change cannot be judged, or None."""
    for role, sample in (("before", first), ("after", second)):
        if math.isnan(sample.value):
            return tuple(n.flag for n in sample.notices), f"{role}: " + "; ".join(n.text for n in sample.notices)
        for notice in sample.notices:
            if notice.flag == Flag.OUT_OF_MODEL:
                return (notice.flag,), f"{role}: {notice.text}"
    if measure.needs_colour and pair.after.frame.colour.state == "uncorrected":
        named = pair.before.frame.colour.reference
        advice = f"the reference '{named}' was lost" if named else COLOUR_ADVICE
        return (Flag.UNCORRECTED_COLOUR,), f"the two photos' colours are not tied together: {advice}"
    beyond = repeatability.beyond_study(pair.difference, measure.fine)
    if beyond:
        return (Flag.OUTSIDE_STUDY,), f"the two photos were taken too differently: {'; '.join(beyond)}"
    if repeatability.capture_sd(measure.name, pair.after.frame.colour.state, pair.difference) is None:
        return (Flag.OUTSIDE_STUDY,), "the error study holds nothing for this measure here"
    return None


def smallest_detectable_change(
    measure: Measure, pair: Pair, region: str, first: Sample, second: Sample
) -> tuple[float, str]:
    """SDC on the side of the change, in the measure's unit, and the parts that it holds."""
    known = repeatability.capture_sd(measure.name, pair.after.frame.colour.state, pair.difference)
    assert known is not None
    capture, factor = known
    parts = [f"capture {capture:.2g}"]
    blocks = statistics.paired_standard_error(
        first.value,
        second.value,
        first.blocks,
        second.blocks,
        np.minimum(first.weights, second.weights),
        measure.transform,
    )
    parts.append(f"blocks {blocks:.2g}")
    scale = 0.0
    if measure.scale_power:
        slope = statistics.slope(first.value, measure.transform) * first.value
        scale = abs(measure.scale_power * slope) * REGISTERED_SCALE_ERROR
        parts.append(f"scale {scale:.2g}")
    tied = 0.0
    if measure.of_colour is not None:
        tied = colour_uncertainty(measure.of_colour, pair, region)
        parts.append(f"colour {tied:.2g}")
    s_d = math.sqrt(capture**2 + blocks**2 + scale**2 + tied**2)
    upward = second.value >= first.value
    sdc = statistics.detectable_change(first.value, s_d, upward, measure.transform, factor)
    return sdc, repeatability.source(parts)


def colour_uncertainty(of_colour: Callable[[NDArray[np.float64]], float], pair: Pair, region: str = SKIN) -> float:
    """SD of the difference that the reference's own uncertainty makes in a colour measure of a region.

    From the same blocks of the reference in both photos: each block's gain, instead of the whole reference's,
    would have given another value to the region's typical colour.
    """
    blocks, weights = pair.reference_gains
    mask = pair.before.frame.regions.get(region)
    if len(weights) == 0 or mask is None or not mask.any():
        return 0.0
    skin = np.median(pair.before.linear[mask[pair.before.box]], 0).astype(np.float64)
    value = of_colour(skin)
    values = np.array([of_colour(skin * gain) for gain in blocks])
    error = statistics.block_standard_error(value, values, weights)
    return error if math.isfinite(error) else 0.0


def verdict_of(measure: Measure, change: float, sdc: float) -> Verdict:
    """The one test: |change| > sdc."""
    if not abs(change) > sdc:
        return "within_error"
    if measure.better == "neither":
        return "changed"
    return "improved" if (change < 0) == (measure.better == "lower") else "worsened"


def words(verdict: Verdict, measure: Measure) -> str:
    """The verdict in a sentence."""
    if verdict == "within_error":
        return "Within measurement error; this does not show that nothing changed"
    if verdict == "changed":
        return "Larger than measurement error; neither better nor worse by itself"
    return "Larger than measurement error"


def judge_paired(measure: Measure, pair: Pair, region: str, sample: PairedSample | None) -> Change:
    """A paired measure's change, its smallest detectable change and the verdict."""
    nothing = math.nan

    def refuse(flags: tuple[Flag, ...], reason: str, n: int = 0) -> Change:
        return Change(
            measure.name,
            region,
            nothing,
            nothing,
            nothing,
            measure.unit,
            nothing,
            "",
            "not_comparable",
            reason,
            flags,
            n,
        )

    if sample is None:
        return refuse((Flag.REGION_TOO_SMALL,), "the shared region holds too little measurable skin")
    if math.isnan(sample.change):
        return refuse(tuple(n.flag for n in sample.notices), "; ".join(n.text for n in sample.notices), sample.n)
    beyond = repeatability.beyond_study(pair.difference, measure.fine)
    known = repeatability.capture_sd(measure.name, pair.after.frame.colour.state, pair.difference)
    if beyond or known is None:
        reason = "; ".join(beyond) or "the error study holds nothing for this measure"
        return refuse((Flag.OUTSIDE_STUDY,), f"the two photos were taken too differently: {reason}", sample.n)
    capture, factor = known
    scale = 100 * REGISTERED_SCALE_ERROR
    sdc = factor * math.sqrt(capture**2 + sample.standard_uncertainty**2 + scale**2)
    if not math.isfinite(sdc):
        return refuse((Flag.UNDEFINED,), "its error cannot be told", sample.n)
    verdict = verdict_of(measure, sample.change, sdc)
    parts = [f"capture {capture:.2g}", f"pores {sample.standard_uncertainty:.2g}", f"scale {scale:.2g}"]
    return Change(
        measure.name,
        region,
        nothing,
        nothing,
        sample.change,
        measure.unit,
        sdc,
        repeatability.source(parts),
        verdict,
        words(verdict, measure),
        (),
        sample.n,
    )


def _unmatched(before: Frame, reason: str) -> tuple[Change, ...]:
    """Every change of an unregistered pair, refused."""
    nothing = math.nan
    return tuple(
        Change(
            m.name,
            region,
            nothing,
            nothing,
            nothing,
            m.unit,
            nothing,
            "",
            "not_comparable",
            reason,
            (Flag.NOT_REGISTERED,),
        )
        for region in before.regions
        for m in all_measures().values()
    )


def _common_reasons(changes: Sequence[Change]) -> tuple[str, ...]:
    """The reasons of a pair of which nothing could be judged, most frequent first, at most three."""
    counts: dict[str, int] = {}
    for change in changes:
        counts[change.reason] = counts.get(change.reason, 0) + 1
    return tuple(sorted(counts, key=lambda reason: -counts[reason])[:3])

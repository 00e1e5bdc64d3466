"""Two tied Frames as a pair: how their capture differs, and each measure read from the skin that both see."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan import repeatability
from skinscan.arrays import colour, warp
from skinscan.arrays.cells import Cells, cells_of, grid_blocks
from skinscan.assessment import LEAST_PIXELS, read
from skinscan.capture.card.difference import same_camera_and_light
from skinscan.capture.rounding import coarseness, patch_errors
from skinscan.measures import Measure, PairedSample, Sample, all_measures
from skinscan.measures.maps import Maps
from skinscan.records import (
    Frame,
    Photo,
    Registration,
)
from skinscan.repeatability import Difference
from skinscan.tying import carry, middle_mean, patch_gains, reference_colour

SAME_ROUNDING = 0.004
"""|ln| of the gains under which a patch has the same 8-bit code in both photos: half a count of a mid grey."""

SKIN_AGAINST_GREY = 0.07
"""|ln| of a change of the skin's red to green or blue to green against the reference beyond which the lamp is surely
another: four times the blood makes 0.05-0.07, a quarter more or less melanin up to 0.05; incandescent light for
daylight 0.05-0.09, a fluorescent lamp 0.04-0.12. Under it the picture cannot say."""

CLOSE_UP_MM = 120.0
"""Side of what a photo shows on which no whole face fits."""

LEAST_NOISE = 1e-3
"""Noise (SD of log-luminance) under which two photos do not differ in it."""


def capture_difference(of_before: Maps, of_after: Maps, registration: Registration) -> Difference:
    """How differently the two photos were taken, as far as the photos themselves show it."""
    before, after = of_before.frame, of_after.frame
    gains = _gains(of_before, of_after)
    balance = gains / gains[1]
    singular = np.linalg.svd(registration.homography[:2, :2], compute_uv=False)
    return Difference(
        light=math.sqrt(max(1.0 - registration.texture_correlation, 0.0)),
        blur=_log_ratio(before.quality.blur_px, after.quality.blur_px / registration.scale_ratio),
        pose=abs(math.log(registration.scale_ratio)) + abs(math.log(singular[0] / singular[1])),
        noise=_log_ratio(_noise(before), _noise(after)),
        exposure=0.0 if registration.by_view else _log_ratio(1.0, float(gains[1])),  # fewer hairs are brighter too
        contrast=0.0 if registration.by_view else _log_ratio(1.0, registration.texture_ratio),
        turn_deg=abs(registration.rotation_deg),
        chroma=float(np.max([_log_ratio(1.0, float(balance[c])) for c in (0, 2)])),
        gradient=registration.light_change,
        compression=abs(coarseness(before.photo.jpeg_quality) - coarseness(after.photo.jpeg_quality)),
        tone_ita=of_before.typical_ita,
        um_per_px=before.um_per_px,
        same_camera=_same_camera(before.photo, after.photo) and _same_lamp(of_before, of_after),
        of_face=may_be_face(before) or may_be_face(after),
    )


def may_be_face(frame: Frame) -> bool:
    """Whether a face was found, or could not be looked for in a photo that is known neither to be a close-up nor of
    another site."""
    if frame.recipe.get("site", "") not in ("", "face"):
        return False
    if frame.face is not None or frame.face_sought:
        return frame.face is not None
    return not max(frame.shape) * frame.um_per_px / 1000 < CLOSE_UP_MM


def _gains(of_before: Maps, of_after: Maps) -> NDArray[np.float64]:
    """Factors (3,) on the sensor's channels that undo the other exposure and white balance: by the cards, by the
    reference, or else by the skin itself."""
    before, after = of_before.frame, of_after.frame
    if before.colour.doubt is not None and after.colour.doubt is not None:
        patches = patch_gains(before, after)
        if patches is not None:
            return np.asarray(np.exp(np.log(patches[1]).mean(axis=0)))
    elif before.colour.state == "reference":
        return np.asarray(after.colour.gains)
    first, second = (colour.sensor_rgb(maps.typical_rgb) for maps in (of_before, of_after))
    return np.asarray(first / second)


def _log_ratio(one: float, other: float) -> float:
    """|ln| of a ratio; NaN where either is unknown or not positive."""
    return abs(math.log(one / other)) if one > 0 and other > 0 else math.nan


def _same_camera(before: Photo, after: Photo) -> bool:
    named = before.camera is not None and after.camera is not None
    return before.shape == after.shape and not (named and before.camera != after.camera)


def _same_lamp(of_before: Maps, of_after: Maps) -> bool:
    """Whether nothing says that another lamp or sensor saw the skin. White balance hides a lamp from greys, not from
    the coloured patches of a card, nor from the skin, whose colour treatment changes by less against a grey."""
    before, after = of_before.frame.colour, of_after.frame.colour
    if before.doubt is not None and after.doubt is not None:
        return same_camera_and_light(before, after)
    if after.state != "reference":
        return True
    first, second = (colour.sensor_rgb(maps.typical_rgb) for maps in (of_before, of_after))
    left = np.log(first / second / np.asarray(after.gains))
    return bool(np.abs(left - left[1]).max() <= SKIN_AGAINST_GREY)


def _noise(frame: Frame) -> float:
    """Noise in log-luminance, never under what no longer matters."""
    noise = frame.quality.noise
    return max(noise, LEAST_NOISE) if math.isfinite(noise) else math.nan


@dataclass(frozen=True)
class Pair:
    """Both photos' maps, where they meet, and how their capture differs.

    `reference_gains`: (K, 3) and weights (K,), what each block of the reference would have changed of the gains;
    `reference_rounding` (k, 3): what one SD of each rounding of its colour would have. `stated_lamp`: the user says
    that camera and lamp are the same. `clinic`: the table of a clinic's own repeats, if any. `prepared`: what of the
    skin's preparation speaks against comparing its colours, in words.
    """

    before: Maps
    after: Maps
    registration: Registration
    difference: Difference
    reference_gains: tuple[NDArray[np.float64], NDArray[np.float64]]
    reference_rounding: NDArray[np.float64]
    stated_lamp: bool = False
    clinic: Mapping[str, Any] | None = None
    prepared: tuple[str, ...] = ()

    @property
    def same_lamp(self) -> bool:
        """Whether lamp and camera are stated to be the same, and nothing says otherwise. White balance makes lamps
        alike for greys, so that looking alike is not enough."""
        return self.stated_lamp and self.difference.same_camera

    @property
    def neutral_reference(self) -> bool:
        """Whether the colours are tied by something that is not skin."""
        before = self.before.frame
        return self.tied_by == "reference" and before.colour.reference not in before.regions

    @property
    def by_cards(self) -> bool:
        """Whether both photos' colours are corrected by a colour card."""
        return self.before.frame.colour.doubt is not None and self.after.frame.colour.doubt is not None

    @property
    def tied_by(self) -> str:
        """The study's entry for how the colours are tied: by cards, which say themselves what they leave open, by a
        reference, or not at all."""
        return "card" if self.by_cards else self.after.frame.colour.state


def _reference_rounding(before: Frame, after: Frame) -> NDArray[np.float64]:
    gains = [np.zeros((0, 3))]
    if before.colour.reference in before.regions:
        return gains[0]  # skin is uneven enough that its blocks round each their way
    if np.abs(np.log(after.colour.gains)).max() < SAME_ROUNDING:
        return gains[0]  # the patch has the same code in both photos, and is rounded alike
    for frame in (before, after):
        if frame.reference_mask is not None and frame.reference_mask.any():
            level, mask = reference_colour(frame, frame.reference_mask), frame.reference_mask
            gains += [1 + colour.sensor_rgb(error)[None] / level for error in patch_errors(frame.photo, mask)]
    return np.concatenate(gains)


def _reference_gains(before: Maps, after: Maps, r: Registration) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = before.frame.reference_mask, after.frame.reference_mask
    if first is None or second is None:
        gains = patch_gains(before.frame, after.frame) if after.frame.colour.state == "reference" else None
        return (np.zeros((0, 3)), np.zeros(0)) if gains is None else (gains[1], np.ones(len(gains[1])))
    labels, count = grid_blocks(first, target=16)
    carried = carry(labels, after.frame.shape, r)
    carried[~second] = 0
    levels, sizes = [], []
    for maps, blocks in ((before, labels), (after, carried)):
        part = maps.around(blocks[maps.box] > 0)
        cells = cells_of(blocks[maps.box][part.place], count).on(part.linear)
        values = cells.take(part.linear)
        channels = [cells.each(values[:, c], middle_mean) for c in range(3)]
        levels.append(np.maximum(colour.sensor_rgb(np.stack(channels, 1)), 1e-4))
        sizes.append(cells.sizes)
    weights = np.minimum(*sizes).astype(float)
    seen = weights > 0
    return (levels[0] / levels[1])[seen], weights[seen]


def pair_of(
    before: Maps,
    after: Maps,
    registration: Registration,
    stated_same: bool = False,
    stated_lamp: bool = False,
    clinic: Mapping[str, Any] | None = None,
    prepared: Sequence[str] = (),
) -> Pair:
    """Both photos' maps made ready to be read alike: at what the coarser of the two resolves.

    `stated_same`: the user says that camera, lamp and place are the same, `stated_lamp` that camera and lamp are;
    taken unless the photos speak against it. `clinic`: the table of a clinic's own repeats, if any.
    `prepared`: what of the skin's preparation speaks against comparing its colours.
    """
    coarser = max(before.effective_um_per_px, after.effective_um_per_px)
    before.coarser_um_per_px = after.coarser_um_per_px = 0.0 if math.isnan(coarser) else coarser
    difference = capture_difference(before, after, registration)
    stated_same &= not registration.by_view  # what the skin does not confirm has the larger error
    same = not repeatability.against_same(difference) if stated_same else repeatability.seen_to_be_same(difference)
    difference = replace(difference, setup="same" if same else "other")
    gains = _reference_gains(before, after, registration)
    rounding = _reference_rounding(before.frame, after.frame)
    return Pair(
        before, after, registration, difference, gains, rounding, stated_lamp or stated_same, clinic, tuple(prepared)
    )


def shared_cells(pair: Pair, region: str) -> tuple[Cells, Cells]:
    """A region of the baseline cut to what both photos see, as blocks in each photo's own pixels."""
    r = pair.registration
    before, after = pair.before.frame, pair.after.frame
    seen_after = after.regions.get(region, after.measurable)
    back = warp.carry_mask_back(seen_after, before.shape, r.homography, r.displacement, r.grid_px)
    labels, count = grid_blocks(before.regions[region] & back)
    carried = carry(labels, after.shape, r)[pair.after.box]
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

"""Two Frames tied together: one scale, the baseline's regions, one colour, and the skin that both see.

Colours are tied by what is best: a card in both photos, corrected for skin; the region that the user names as the
reference; or the same patches of a card in both photos, wherever the card lies. Else they are not tied.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour, warp
from skinscan.assessment import rescaled
from skinscan.capture.aids import COLOUR_CARD
from skinscan.capture.card import kept
from skinscan.capture.frame import LEAST_REFERENCE_PX
from skinscan.capture.scale.plane_scale import carried as carried_scale
from skinscan.capture.skin import neutral
from skinscan.capture.skin.usable import unclipped
from skinscan.records import SKIN, Colour, Flag, Frame, Notice, Patches, Registration, Scale

REGISTERED_SCALE_ERROR = 0.002
"""Relative standard uncertainty of the scale ratio that registration finds (measured on phantoms)."""

ALL_SKIN = 0.9
"""Share of a region that is skin from which what is no skin in the after photo is no part of it: a pad, a finger."""

LEAST_PATCHES = 4
"""Patches of a card seen in both photos under which their gains' scatter says nothing."""


def tie(before: Frame, after: Frame, registration: Registration) -> tuple[Frame, Frame, list[Notice]]:
    """Give `after` the baseline's regions, scale and reference, by way of the registration."""
    notices: list[Notice] = []
    carried: dict[str, NDArray[np.bool_]] = {SKIN: after.regions[SKIN].copy()}
    for name, mask in before.regions.items():
        if name != SKIN:
            carried[name] = carry(mask, after.shape, registration) & _of_after(before, after, mask)
    if after.scale is not None and (before.scale is None or _far_surer(after.scale, before.scale)):
        back = np.asarray(np.linalg.inv(registration.homography), np.float64)
        before = rescaled(
            before, carried_scale(after.scale, back, 1 / registration.scale_ratio, REGISTERED_SCALE_ERROR)
        )
    elif before.scale is not None:
        there, ratio = registration.homography, registration.scale_ratio
        after = rescaled(after, carried_scale(before.scale, there, ratio, REGISTERED_SCALE_ERROR))
    before, after, lost = _tie_colours(before, after, carried, registration)
    return before, replace(after, regions=carried, polygons={}), notices + lost


def _tie_colours(
    before: Frame, after: Frame, carried: dict[str, NDArray[np.bool_]], registration: Registration
) -> tuple[Frame, Frame, list[Notice]]:
    """One colour for both, by the best that both have; what a reference patch covers is taken off `carried` skin."""
    carded = before.colour.doubt is not None and after.colour.doubt is not None
    sure = before.colour.state == after.colour.state == "card"
    if carded and (sure or before.reference_mask is None):
        return *_tie_by_cards(before, after), []
    before, after = as_taken(before), as_taken(after)
    if before.reference_mask is not None:
        reference = carry(before.reference_mask, after.shape, registration)
        is_skin = before.colour.reference in before.regions
        patch = None if is_skin else neutral.find_patch(after.photo, carried[SKIN], reference)
        if patch is not None:
            carried[SKIN] &= ~patch
        reference &= after.usable if patch is None else unclipped(after.photo)
        return _tie_by_region(before, after, reference, registration)
    return *_tie_by_patches(before, after), []


def _tie_by_cards(before: Frame, after: Frame) -> tuple[Frame, Frame]:
    """Both photos corrected by their cards, by one correction if camera and lamp were left as they were; told relative
    to the cards where the light of one leaves skin in doubt."""
    first, second = kept.by_one_correction(_seen(before), _seen(after))
    before = replace(before, photo=first.corrected, colour=first.colour)
    after = replace(after, photo=second.corrected, colour=second.colour)
    return _told_by_cards(before, after)


def _seen(frame: Frame) -> kept.Seen:
    return kept.Seen(frame.as_taken or frame.photo, frame.photo, frame.colour, frame.regions[SKIN])


def _told_by_cards(before: Frame, after: Frame) -> tuple[Frame, Frame]:
    if before.colour.state == after.colour.state == "card":
        return before, after
    one, other = (replace(frame.colour, state="reference", reference=COLOUR_CARD) for frame in (before, after))
    return replace(before, colour=one, reference_mask=None), replace(after, colour=other, reference_mask=None)


def as_taken(frame: Frame) -> Frame:
    """The frame without its card's correction: one corrected and one uncorrected photo differ by the correction."""
    if frame.colour.doubt is None or frame.as_taken is None:
        return frame
    named = None if frame.reference_mask is None else frame.colour.reference
    return replace(frame, photo=frame.as_taken, colour=Colour("reference" if named else "uncorrected", reference=named))


def _tie_by_patches(before: Frame, after: Frame) -> tuple[Frame, Frame]:
    """By the patches of one card that both photos show, if there are enough of them."""
    found = patch_gains(before, after)
    if found is None:
        lost = [Colour("uncorrected", reference=frame.colour.reference) for frame in (before, after)]
        return replace(before, colour=lost[0], reference_mask=None), replace(after, colour=lost[1])
    named, gains = found
    red, green, blue = (float(gain) for gain in np.exp(np.log(gains).mean(axis=0)))
    tied = Colour("reference", None, named, (red, green, blue))
    return (
        replace(before, colour=Colour("reference", reference=named), reference_mask=None),
        replace(after, colour=tied, reference_mask=None),
    )


def patch_gains(before: Frame, after: Frame) -> tuple[str, NDArray[np.float64]] | None:
    """Name of a card that both photos show and factors (K, 3) on the sensor's channels that bring each of its patches
    to its look in the baseline, or None."""
    for one in before.patches:
        for other in after.patches:
            gains = _gains_of(one, other) if one.name == other.name else None
            if gains is not None:
                return one.name, gains
    return None


def _gains_of(one: Patches, other: Patches) -> NDArray[np.float64] | None:
    _, first, second = np.intersect1d(one.number, other.number, return_indices=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = [colour.sensor_rgb(of.linear[places]) for of, places in ((one, first), (other, second))]
        gains = np.asarray(levels[0] / levels[1], np.float64)
    sound = np.isfinite(gains).all(axis=1) & (gains > 0).all(axis=1)
    return gains[sound] if int(sound.sum()) >= LEAST_PATCHES else None


def _of_after(before: Frame, after: Frame, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What of the after photo a region of the baseline may be measured in: its skin, if skin was all that the region
    held; else what was drawn is taken at its word there too."""
    of_skin = bool(mask.any()) and float(np.mean(before.regions[SKIN][mask])) > ALL_SKIN
    return after.regions[SKIN] if of_skin else after.measurable


def _far_surer(scale: Scale, other: Scale) -> bool:
    """Whether a scale read in one photo is worth more than the other's: a sticker against an iris."""
    return other.source != "given" and scale.relative < 0.5 * other.relative


def carry(labels: NDArray[Any], shape: tuple[int, int], r: Registration) -> NDArray[Any]:
    return warp.carry_labels(labels, shape, r.homography, r.displacement, r.grid_px)


def _tie_by_region(
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
        return *_tie_by_patches(before, after), [notice]
    gains = reference_colour(before, mask_before) / reference_colour(after, mask_after)
    if not (np.isfinite(gains).all() and (gains > 0).all()):
        notice = Notice(Flag.REFERENCE_LOST, f"'{before.colour.reference}' is black in one channel")
        return *_tie_by_patches(before, after), [notice]
    red, green, blue = (float(gain) for gain in gains)
    tied = Colour("reference", None, before.colour.reference, (red, green, blue))
    return (
        replace(before, reference_mask=mask_before),
        replace(after, colour=tied, reference_mask=mask_after),
        [],
    )


def reference_colour(frame: Frame, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        rgb = frame.photo.linear_rgb(*box)[mask[box]]
        return np.asarray(colour.sensor_rgb(np.array([middle_mean(rgb[:, c]) for c in range(3)])))


def middle_mean(values: NDArray[np.floating[Any]]) -> float:
    """Mean of the middle 80 %: a median jumps from one 8-bit code to the next on a clean patch, by 0.5 of a*."""
    from scipy.stats import trim_mean

    return float(trim_mean(values.astype(np.float64), 0.1))

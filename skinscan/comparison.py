"""Two Frames -> Comparison: registered, measured over the skin that both see, each change held against its error."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from skinscan import repeatability
from skinscan.arrays.threads import side_by_side
from skinscan.assessment import assess_frame, check_site
from skinscan.capture.aids import CardChoice
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.reference_proposal import propose_reference
from skinscan.capture.registration.by_view import match
from skinscan.capture.registration.seen import LEAST_SEEN, seen_share
from skinscan.environment import check_opencv
from skinscan.judgement import judge, judge_paired, lamp_notices
from skinscan.measures import all_measures
from skinscan.measures.maps import Maps
from skinscan.pairing import Pair, pair_of, samples_of
from skinscan.records import (
    Assessment,
    Change,
    Comparison,
    Flag,
    Frame,
    Notice,
    Photo,
    Registration,
)
from skinscan.tying import tie

Progress = Callable[[float, str], None]
Look = Callable[[Maps, Maps, Registration], None]

SHARPNESS_RATIO = math.log(1.5)
"""Ratio of resolved detail beyond which the user is told."""


def compare(
    before: str | os.PathLike[str],
    after: str | os.PathLike[str],
    mm_per_px: float | None = None,
    regions: Mapping[str, Sequence[Any]] | None = None,
    *,
    marker_mm: float | None = None,
    card_pitch_mm: float | None = None,
    card: CardChoice = "auto",
    reference: str | None = None,
    face: bool = True,
    cross_polarised: bool = False,
    raking_light: bool = False,
    site: str = "",
    same_setup: bool = False,
    same_lamp: bool = False,
    max_megapixels: float = 60.0,
    evidence: bool = True,
    progress: Progress | None = None,
    clinic: Mapping[str, Any] | None = None,
    prepared: Sequence[str] = (),
) -> Comparison:
    """Make two photos comparable, measure both where both see the skin, and say which changes are real.

    `mm_per_px` and `regions` are those of the before photo; the after photo's follow from registration. The other
    arguments are those of `assess`. `same_setup`: camera, lens and settings, lamp, and their place against the skin
    were the same (a stand, or a lamp fixed to the camera), which makes the smallest detectable changes smaller; a
    statement that the photos speak against is not taken, and flagged. `same_lamp`: camera and lamp were the same,
    wherever they stood (`same_setup` says so too): needed for changes of colour that only a neutral patch ties, as
    white balance on it hides another lamp. `progress(share, text)` is told of each step. `clinic`: the table of a
    clinic's own repeats (`study.clinic_repeats.own_table`), which replaces the shipped error where it holds.
    `prepared`: what of the skin's preparation (make-up, sunscreen) speaks against comparing its colours, in words
    (`course_records.Preparation.against_colour`): redness and pigment are not compared then.
    Raises a SkinscanError where a file cannot be read; photos that cannot be compared give `comparable=False` with
    reasons.
    """
    tell = progress or (lambda share, text: None)
    check_opencv()
    check_site(site)
    tell(0.02, "reading the photos")
    read = partial(read_photo, max_megapixels=max_megapixels)
    first, second = side_by_side(partial(read, before), partial(read, after))
    tell(0.15, "finding skin and scale")
    laid: dict[str, Any] = {"marker_mm": marker_mm, "card_pitch_mm": card_pitch_mm, "card": card, "face": face,
            "cross_polarised": cross_polarised, "raking_light": raking_light, "site": site}  # fmt: skip
    frame_before, frame_after = side_by_side(
        partial(make_frame, first, mm_per_px=mm_per_px, regions=regions, reference=reference, **laid),
        partial(make_frame, second, **laid),
    )
    return compare_frames(
        frame_before,
        frame_after,
        same_setup=same_setup,
        same_lamp=same_lamp,
        evidence=evidence,
        progress=progress,
        clinic=clinic,
        prepared=prepared,
    )


def compare_frames(
    before: Frame,
    after: Frame,
    *,
    same_setup: bool = False,
    same_lamp: bool = False,
    evidence: bool = True,
    progress: Progress | None = None,
    also: Look | None = None,
    clinic: Mapping[str, Any] | None = None,
    prepared: Sequence[str] = (),
) -> Comparison:
    """Compare two frames; the regions and the reference are those of `before`. `also` is lent the maps of the tied
    frames once they are made, where the photos could be matched. `clinic` and `prepared`: as of `compare`."""
    tell = progress or (lambda share, text: None)
    tell(0.3, "matching the skin of the two photos")
    registration = match(before, after, same_setup)
    notices = [*order_notices(before.photo, after.photo), *registration.notices]
    if not registration.ok:
        tell(0.6, "measuring each photo")
        reasons = tuple(n.text for n in registration.notices) or ("the two photos share too little skin",)
        first, second = _assessed(Maps(before), Maps(after), evidence)
        return Comparison(False, reasons, registration, first, second, _unmatched(before, reasons[0]), tuple(notices))

    notices += _unseen(seen_share(registration, before, after))
    before, after, tied = tie(before, after, registration)
    notices += [*tied, *_reference_to_be_had(before, after, registration)]
    tell(0.5, "measuring each photo")
    maps_before, maps_after = Maps(before), Maps(after)
    first, second = _assessed(maps_before, maps_after, evidence)
    tell(0.85, "comparing")
    pair = pair_of(maps_before, maps_after, registration, same_setup, same_lamp, clinic, prepared)
    notices += _setup_notices(pair, same_setup and not registration.by_view)
    notices += lamp_notices(pair)
    notices += [Notice(Flag.PREPARATION_DIFFERS, "; ".join(prepared))] if prepared else []
    if pair.difference.blur > SHARPNESS_RATIO:
        notices.append(Notice(Flag.SHARPNESS_DIFFERS, f"one resolves {math.exp(pair.difference.blur):.1f} times finer"))
    changes = tuple(change for region in before.regions for change in _changes_of(pair, region))
    if also is not None and not registration.by_view:
        also(maps_before, maps_after, registration)
    judged = any(change.verdict != "not_comparable" for change in changes)
    reasons = () if judged else _common_reasons(changes)
    tell(1.0, "done")
    return Comparison(judged, reasons, registration, first, second, changes, tuple(notices))


def _assessed(before: Maps, after: Maps, evidence: bool) -> tuple[Assessment, Assessment]:
    return side_by_side(*(partial(assess_frame, maps, evidence=evidence) for maps in (before, after)))


def _unseen(shares: Mapping[str, float]) -> list[Notice]:
    """Regions that the after photo shows too little of, in one sentence."""
    few = [f"{name} ({share:.0%})" for name, share in shares.items() if share < LEAST_SEEN]
    if not few:
        return []
    return [Notice(Flag.LITTLE_OVERLAP, f"only what both show is compared, a part of {', '.join(few)}")]


def _reference_to_be_had(before: Frame, after: Frame, registration: Registration) -> list[Notice]:
    """Where a reference could be drawn, if nothing ties the two photos' colours together."""
    if registration.by_view or after.colour.state != "uncorrected" or before.photo.is_grey or after.photo.is_grey:
        return []
    for proposal in propose_reference(before, after, registration)[:1]:
        corners = ",".join(f"{value:.0f}" for value in proposal.polygon.ravel())
        return [
            Notice(
                Flag.REFERENCE_POSSIBLE,
                f"{proposal.why}: name it as the reference, and draw it as the region reference={corners}",
            )
        ]
    return []


def _setup_notices(pair: Pair, stated: bool) -> list[Notice]:
    """Which set-up the changes are held against, where that is not the usual one."""
    if pair.difference.setup == "same":
        why = "as stated" if stated else "view, exposure and white balance agree as only a stand makes them"
        return [
            Notice(Flag.SAME_SETUP, f"{why}; changes are held against its smaller error, which leaves the light out")
        ]
    return [Notice(Flag.SETUP_DIFFERS, "; ".join(repeatability.against_same(pair.difference)))] if stated else []


def order_notices(before: Photo, after: Photo) -> list[Notice]:
    """Same file twice, or the after photo taken first by the cameras' clocks."""
    if before.sha256 == after.sha256:
        return [Notice(Flag.SAME_PHOTO, "every change is zero by construction")]
    if before.taken_at and after.taken_at and after.taken_at < before.taken_at:
        return [Notice(Flag.SWAPPED, f"'after' was taken at {after.taken_at}, 'before' at {before.taken_at}")]
    return []


def _changes_of(pair: Pair, region: str) -> Iterator[Change]:
    for measure, found in samples_of(pair, region):
        if isinstance(found, tuple):
            yield judge(measure, pair, region, *found)
        else:
            yield judge_paired(measure, pair, region, found)


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
        if Flag.NOT_APPLICABLE in change.flags:
            continue
        counts[change.reason] = counts.get(change.reason, 0) + 1
    return tuple(sorted(counts, key=lambda reason: -counts[reason])[:3])

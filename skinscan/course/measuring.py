"""Every visit against the baseline and against the visit before, view by view.

The baseline's regions, scale and reference hold for the whole course: they are carried to each visit by registration,
so that a change from the visit before is told of the same skin. At most three Frames of a view are held at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from skinscan.arrays.threads import each
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.registration.by_view import match
from skinscan.comparison import compare_frames
from skinscan.course.looking import Looked, Looking, due
from skinscan.course_records import Picture, Plan, Shot, Used, Visit
from skinscan.records import Assessment, Change, Comparison, Frame, Registration, SkinscanError
from skinscan.report import method, pictures
from skinscan.report.warping import aligned
from skinscan.treatment import SHIPPED, Treatment
from skinscan.tying import carry, tie

Progress = Callable[[float, str], None]

PICTURE_PX = 720


@dataclass(frozen=True)
class Compared:
    """What one visit of one view shows: changes from each baseline (the first of them first), from the visit before
    (None for the first after the baseline), the picture, what the photo could not be used for, and what is new against
    the first baseline beside the changes."""

    visit: Visit
    view: str
    from_baseline: tuple[tuple[Change, ...], ...]
    from_previous: tuple[Change, ...] | None
    picture: Picture
    notices: tuple[str, ...]
    looked: Looked = field(default_factory=Looked)


@dataclass(frozen=True)
class Measured:
    """A view through the whole course: the first baseline's own numbers, each later visit, and the photos it was read
    from."""

    view: str
    baseline: Assessment
    picture: Picture
    visits: tuple[Compared, ...]
    used: tuple[Used, ...] = ()


def measure_course(
    plan: Plan,
    regions: Mapping[str, Any] | None = None,
    *,
    same_setup: bool = False,
    same_lamp: bool = False,
    treatment: Treatment = SHIPPED,
    progress: Progress | None = None,
    clinic: Mapping[str, Any] | None = None,
    **choices: Any,
) -> Iterator[Measured]:
    """Measure a course, one view after the other. `regions` are polygons of the first baseline photo (of the only
    view, or name of view -> polygons); `choices` those of `assess`. A view that no later visit shows is left out."""
    told = progress or (lambda share, text: None)
    series = {view: _series(plan, view) for view in plan.views}
    series = {view: shots for view, shots in series.items() if not all(visit.is_baseline for visit, _ in shots)}
    count, done = sum(map(len, series.values())), 0

    def tell(text: str) -> None:
        nonlocal done
        told(done / count, text)
        done += 1

    stated: dict[str, Any] = {"same_setup": same_setup, "same_lamp": same_lamp, "clinic": clinic}
    for view, shots in series.items():
        own = regions.get(view) if regions is not None and len(plan.views) > 1 else regions
        yield _measure_view(view, shots, own, stated, choices, partial(due, treatment=treatment), tell)
    told(1.0, "done")


Earlier = tuple[Visit, Frame]

Series = Sequence[tuple[Visit, Shot]]
"""The visits that show a view, with its photo."""


def _series(plan: Plan, view: str) -> Series:
    return [(visit, shot) for visit in plan.visits for shot in visit.shots if shot.view == view]


def _measure_view(
    view: str,
    series: Series,
    regions: Mapping[str, Any] | None,
    stated: Mapping[str, Any],
    choices: Mapping[str, Any],
    wanted: Callable[[Visit], Sequence[str]],
    tell: Callable[[str], None],
) -> Measured:
    later = {name: value for name, value in choices.items() if name not in ("mm_per_px", "reference")}
    baselines: list[Earlier] = []
    found: list[Compared] = []
    used: list[Used] = []
    first: tuple[Assessment, Picture] | None = None
    previous: Earlier | None = None
    for visit, shot in series:
        tell(f"visit {visit.number + 1}, {visit.day}{f', {view}' if view else ''}")
        if not baselines:
            baselines.append((visit, _frame_of(shot, {**choices, "regions": regions})))
            used.append(_used(visit, view, baselines[0][1]))
            continue
        frame = _frame_of(shot, later)
        if visit.is_baseline:
            matched = match(baselines[0][1], frame, stated["same_setup"])
            baselines += [(visit, one) for one in _carried(baselines[0][1], frame, matched)]
            used.append(_used(visit, view, frame, matched))
            continue
        looking = Looking(wanted(visit))
        earlier = [*baselines, *([previous] if previous else [])]
        against = partial(_held_against, visit=visit, after=frame, stated=stated, looking=looking)
        compared = each(against, list(enumerate(earlier)))
        from_baseline, from_previous = compared[: len(baselines)], compared[len(baselines) :]
        comparison = from_baseline[0]
        before, after = _pictures(comparison, series[0][0], visit, view)
        first = first or (comparison.before, before)
        used.append(_used(visit, view, comparison.after.frame, comparison.registration))
        found.append(
            Compared(
                visit,
                view,
                tuple(one.changes for one in from_baseline),
                from_previous[0].changes if from_previous else None,
                after,
                tuple(notice.text for notice in comparison.notices),
                looking.looked,
            )
        )
        if comparison.registration is not None:
            for same_skin in _carried(baselines[0][1], frame, comparison.registration):
                previous = (visit, same_skin)
    assert first is not None  # a series holds a later visit
    return Measured(view, *first, tuple(found), tuple(used))


def _used(visit: Visit, view: str, frame: Frame, registration: Registration | None = None) -> Used:
    """What the report says of a photo; the first baseline alone is laid onto nothing."""
    laid = method.of_registration(registration) if registration is not None else []
    return Used(visit.number, view, frame.photo.sha256, (*method.of_frame(frame), *laid))


def _frame_of(shot: Shot, choices: Mapping[str, Any]) -> Frame:
    """The Frame of a photo; an error names the photo's row."""
    told = dict(choices)
    limit = {name: told.pop(name) for name in ("max_megapixels",) if name in told}
    try:
        return make_frame(read_photo(shot.path, **limit), **told)
    except SkinscanError as error:
        named = f"{shot.place or shot.path.name}: {error.what}"
        raise type(error)(named, expected=error.expected, found=error.found, todo=error.todo) from error


def _pictures(comparison: Comparison, baseline: Visit, visit: Visit, view: str) -> tuple[Picture, Picture]:
    """Both photos for looking at, the later one laid onto the first and brought to its colours."""
    before, after = aligned(comparison, PICTURE_PX)
    after = pictures.rebalanced(after, comparison.after.frame.colour.gains)
    matched = bool(comparison.registration and comparison.registration.ok)
    return Picture(baseline.number, view, before, True), Picture(visit.number, view, after, matched)


def _held_against(
    earlier: tuple[int, Earlier], visit: Visit, after: Frame, stated: Mapping[str, Any], looking: Looking
) -> Comparison:
    """A comparison with an earlier frame; with the first baseline, what is new is looked for as well."""
    number, (before_visit, before) = earlier
    prepared = before_visit.preparation.against_colour(visit.preparation)
    also = None if number else looking
    return compare_frames(before, after, evidence=False, also=also, prepared=prepared, **stated)


def _carried(baseline: Frame, frame: Frame, registration: Registration) -> Sequence[Frame]:
    """The frame with the baseline's regions and reference, as a baseline of its own; none if it cannot be matched."""
    if not registration.ok:
        return ()
    tied = tie(baseline, frame, registration)[1]
    mask = baseline.reference_mask
    reference = None if mask is None else carry(mask, frame.shape, registration)
    colour = replace(frame.colour, reference=baseline.colour.reference)
    if reference is not None and colour.doubt is None:
        colour = replace(colour, state="reference")
    regions, scale, quality = tied.regions, tied.scale, tied.quality
    same = replace(frame, regions=regions, scale=scale, quality=quality, reference_mask=reference, colour=colour)
    return (replace(same, polygons={}),)

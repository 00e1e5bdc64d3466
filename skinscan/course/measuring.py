"""Every visit against the baseline and against the visit before, view by view.

The baseline's regions, scale and reference hold for the whole course: they are carried to each visit by registration,
so that a change from the visit before is told of the same skin. At most three Frames of a view are held at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from skinscan.arrays.threads import each
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.registration.register import register
from skinscan.comparison import compare_frames
from skinscan.course_records import Picture, Plan, Shot, Visit
from skinscan.records import Assessment, Change, Comparison, Frame, SkinscanError
from skinscan.report import pictures
from skinscan.report.warping import aligned
from skinscan.tying import carry, tie

Progress = Callable[[float, str], None]

PICTURE_PX = 720


@dataclass(frozen=True)
class Compared:
    """What one visit of one view shows: changes from each baseline (the first of them first), from the visit before
    (None for the first after the baseline), the picture, and what the photo could not be used for."""

    visit: Visit
    view: str
    from_baseline: tuple[tuple[Change, ...], ...]
    from_previous: tuple[Change, ...] | None
    picture: Picture
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """A view through the whole course: the first baseline's own numbers, and each later visit."""

    view: str
    baseline: Assessment
    picture: Picture
    visits: tuple[Compared, ...]


Watcher = Callable[[Visit, str, Comparison], None]
"""Told of each comparison with the baseline while its photos are still there."""


def measure_course(
    plan: Plan,
    regions: Mapping[str, Any] | None = None,
    *,
    same_setup: bool = False,
    same_lamp: bool = False,
    progress: Progress | None = None,
    watcher: Watcher | None = None,
    **choices: Any,
) -> Iterator[Measured]:
    """Measure a course, one view after the other. `regions` are polygons of the first baseline photo (of the only
    view, or name of view -> polygons); `choices` those of `assess`."""
    told = progress or (lambda share, text: None)
    shots = [(view, visit) for view in plan.views for visit in plan.visits if _shot_of(visit, view)]
    done = 0

    def tell(text: str) -> None:
        nonlocal done
        told(done / len(shots), text)
        done += 1

    stated: dict[str, Any] = {"same_setup": same_setup, "same_lamp": same_lamp}
    for view in plan.views:
        own = regions.get(view) if regions is not None and len(plan.views) > 1 else regions
        yield _measure_view(plan, view, own, stated, choices, tell, watcher)
    told(1.0, "done")


def _shot_of(visit: Visit, view: str) -> Shot | None:
    return next((shot for shot in visit.shots if shot.view == view), None)


def _measure_view(
    plan: Plan,
    view: str,
    regions: Mapping[str, Any] | None,
    stated: Mapping[str, Any],
    choices: Mapping[str, Any],
    tell: Callable[[str], None],
    watcher: Watcher | None,
) -> Measured:
    limit = {"max_megapixels": choices["max_megapixels"]} if "max_megapixels" in choices else {}
    of_baseline = {name: value for name, value in choices.items() if name != "max_megapixels"}
    of_later = {name: value for name, value in of_baseline.items() if name not in ("mm_per_px", "reference")}
    baselines: list[Frame] = []
    found: list[Compared] = []
    first: tuple[Assessment, Picture] | None = None
    previous: Frame | None = None
    for visit in plan.visits:
        shot = _shot_of(visit, view)
        if shot is None:
            continue
        tell(f"visit {visit.number + 1}, {visit.day}{f', {view}' if view else ''}")
        photo = _of(shot, partial(read_photo, shot.path, **limit))
        if not baselines:
            baselines.append(_of(shot, partial(make_frame, photo, regions=regions, **of_baseline)))
            continue
        frame = _of(shot, partial(make_frame, photo, **of_later))
        if visit.is_baseline:
            baselines += _carried(baselines[0], frame)
            continue
        against = [*baselines, *([previous] if previous else [])]
        work = partial(_held_against, after=frame, stated=stated)
        compared = each(work, against)
        of_base, of_previous = compared[: len(baselines)], compared[len(baselines) :]
        if watcher is not None:
            watcher(visit, view, of_base[0])
        before, after = aligned(of_base[0], PICTURE_PX)
        after = pictures.rebalanced(after, of_base[0].after.frame.colour.gains)
        if first is None:
            first = of_base[0].before, Picture(plan.visits[0].number, view, before, True)
        matched = bool(of_base[0].registration and of_base[0].registration.ok)
        found.append(
            Compared(
                visit,
                view,
                tuple(one.changes for one in of_base),
                of_previous[0].changes if of_previous else None,
                Picture(visit.number, view, after, matched),
                tuple(notice.text for notice in of_base[0].notices),
            )
        )
        previous = next(iter(_carried(baselines[0], frame)), None) or previous
    assert first is not None, "a plan has a later visit of each view, or the view is left out"
    return Measured(view, *first, tuple(found))


def _held_against(before: Frame, after: Frame, stated: Mapping[str, Any]) -> Comparison:
    return compare_frames(before, after, evidence=False, **stated)


def _of(shot: Shot, work: Callable[[], Any]) -> Any:
    """What `work` gives; an error names the photo's row."""
    try:
        return work()
    except SkinscanError as error:
        told = type(error)(
            f"{shot.place or shot.path.name}: {error.what}", expected=error.expected, found=error.found, todo=error.todo
        )
        raise told from error


def _carried(baseline: Frame, frame: Frame) -> Sequence[Frame]:
    """The frame with the baseline's regions and reference, as a baseline of its own; none if it cannot be matched."""
    registration = register(baseline, frame)
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

"""Every visit against the baseline and against the visit before, view by view.

The baseline's regions, scale and reference hold for the whole course: they are carried to each visit by registration,
so that a change from the visit before is told of the same skin. At most three Frames of a view are held at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.threads import each
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.registration.by_view import match
from skinscan.comparison import compare_frames
from skinscan.course.looking import Looked, Looking, due
from skinscan.course_records import Picture, Plan, Shot, Used, Visit
from skinscan.records import Assessment, Change, Comparison, Frame, Measurement, Registration, SkinscanError
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
class Baseline:
    """The first baseline's own numbers, and what of its Frame the course is told with: names of regions, the reference,
    the outlines as they were drawn, the photo's width."""

    measurements: tuple[Measurement, ...]
    regions: tuple[str, ...]
    reference: str | None
    polygons: Mapping[str, NDArray[np.float64]]
    width_px: int


@dataclass(frozen=True)
class Measured:
    """A view through the whole course: the first baseline's own numbers, each later visit, and the photos it was read
    from."""

    view: str
    baseline: Baseline
    picture: Picture
    visits: tuple[Compared, ...]
    used: tuple[Used, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What one photo of a course gives, small enough to be kept: what the report says of it, whether it was matched,
    and of a later visit what changed, the baseline that it was held against, and that one's picture."""

    used: Used
    matched: bool
    compared: Compared | None = None
    baseline: Baseline | None = None
    before: Picture | None = None


class Memo(Protocol):
    """Keeps what photos gave, so that a course with one more visit measures that one alone. `known` is JSON: all that a
    Seen depends on but the versions of skinscan; photos stand in it as `identity` names them."""

    def identity(self, shot: Shot) -> str: ...

    def get(self, known: Sequence[Any]) -> Seen | None: ...

    def put(self, known: Sequence[Any], seen: Seen) -> None: ...


def measure_course(
    plan: Plan,
    regions: Mapping[str, Any] | None = None,
    *,
    same_setup: bool = False,
    same_lamp: bool = False,
    treatment: Treatment = SHIPPED,
    progress: Progress | None = None,
    clinic: Mapping[str, Any] | None = None,
    memo: Memo | None = None,
    **choices: Any,
) -> Iterator[Measured]:
    """Measure a course, one view after the other. `regions` are polygons of the first baseline photo (of the only
    view, or name of view -> polygons); `choices` those of `assess`; `memo` is asked before a visit is measured. A view
    that no later visit shows is left out."""
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
        yield _measure_view(
            view, shots, _Frames(view, own, stated, choices), partial(due, treatment=treatment), tell, memo
        )
    told(1.0, "done")


Earlier = tuple[Visit, Frame]

Series = Sequence[tuple[Visit, Shot]]
"""The visits that show a view, with its photo."""


def _series(plan: Plan, view: str) -> Series:
    return [(visit, shot) for visit in plan.visits for shot in visit.shots if shot.view == view]


def _measure_view(
    view: str,
    series: Series,
    frames: _Frames,
    wanted: Callable[[Visit], Sequence[str]],
    tell: Callable[[str], None],
    memo: Memo | None,
) -> Measured:
    seen: list[Seen] = []
    baselines: list[Taken] = []
    previous: Taken | None = None
    for visit, shot in series:
        tell(f"visit {visit.number + 1}, {visit.day}{f', {view}' if view else ''}")
        see = partial(frames.see, visit, shot, tuple(baselines), previous, wanted(visit))
        one = see() if memo is None else _remembered(memo, frames, (visit, shot), baselines, previous, see)
        seen.append(one)
        if visit.is_baseline and one.matched:
            baselines.append((visit, shot))
        elif one.matched:
            previous = (visit, shot)
    later = [(visit, one) for (visit, _), one in zip(series, seen, strict=True) if one.compared is not None]
    found = tuple(replace(one.compared, visit=visit) for visit, one in later if one.compared is not None)
    first = later[0][1]  # a series holds a later visit
    assert first.baseline is not None
    assert first.before is not None
    return Measured(view, first.baseline, first.before, found, tuple(one.used for one in seen))


Taken = tuple[Visit, Shot]


def _remembered(
    memo: Memo,
    frames: _Frames,
    this: Taken,
    baselines: Sequence[Taken],
    previous: Taken | None,
    see: Callable[[], Seen],
) -> Seen:
    """What the memo holds of a visit, or else what is seen, which it then holds."""

    def told(visit: Visit, shot: Shot) -> list[Any]:
        prepared = list(astuple(visit.preparation))
        return [memo.identity(shot), visit.number, visit.day.isoformat(), visit.is_baseline, prepared]

    visit = this[0]
    known = [told(*this), [told(*one) for one in baselines], told(*previous) if previous else None, visit.days_after,
             visit.sessions, frames.told]  # fmt: skip
    found = memo.get(known)
    if found is None:
        found = see()
        memo.put(known, found)
    return found


class _Frames:
    """A view's photos as Frames, each made when it is first needed: where a memo knows a visit, its photo is not read.
    Held are those of the baselines, of the visit before and of this one."""

    def __init__(
        self, view: str, regions: Mapping[str, Any] | None, stated: Mapping[str, Any], choices: Mapping[str, Any]
    ) -> None:
        self._view, self._stated = view, stated
        self._choices = {**choices, "regions": regions}
        self._later = {name: value for name, value in choices.items() if name not in ("mm_per_px", "reference")}
        self._baselines: dict[int, Frame] = {}
        self._previous: Earlier | None = None

    @property
    def told(self) -> str:
        """Of which view and how everything is measured, in words that tell any two ways apart."""
        regions = {name: np.asarray(corners).tolist() for name, corners in (self._choices.get("regions") or {}).items()}
        return repr((self._view, sorted({**self._choices, "regions": regions}.items()), sorted(self._stated.items())))

    def see(
        self,
        visit: Visit,
        shot: Shot,
        baselines: Sequence[Taken],
        previous: Taken | None,
        names: Sequence[str],
    ) -> Seen:
        """What a visit shows against the baselines and the visit before."""
        if not baselines:
            return Seen(_used(visit, self._view, self._first(visit, shot)), True)
        first = self._first(*baselines[0])
        frame = _frame_of(shot, self._later)
        if visit.is_baseline:
            matched = self._match(first, frame)
            self._keep_baseline(visit, first, frame, matched)
            return Seen(_used(visit, self._view, frame, matched), bool(matched.ok))
        looking = Looking(names)
        known = [(one, self._baseline(one, own, first)) for one, own in baselines]
        earlier = [*known, *([self._before(first, *previous)] if previous else [])]
        against = partial(_held_against, visit=visit, after=frame, stated=self._stated, looking=looking)
        compared = each(against, list(enumerate(earlier)))
        from_baseline, from_previous = compared[: len(known)], compared[len(known) :]
        comparison = from_baseline[0]
        before, after = _pictures(comparison, baselines[0][0], visit, self._view)
        told = Compared(
            visit, self._view, tuple(one.changes for one in from_baseline),
            from_previous[0].changes if from_previous else None, after,
            tuple(notice.text for notice in comparison.notices), looking.looked,
        )  # fmt: skip
        laid = comparison.registration
        for same_skin in _carried(first, frame, laid) if laid is not None else ():
            self._previous = (visit, same_skin)
        used = _used(visit, self._view, comparison.after.frame, laid)
        return Seen(used, bool(laid and laid.ok), told, _baseline_of(comparison.before), before)

    def _first(self, visit: Visit, shot: Shot) -> Frame:
        if visit.number not in self._baselines:
            self._baselines[visit.number] = _frame_of(shot, self._choices)
        return self._baselines[visit.number]

    def _baseline(self, visit: Visit, shot: Shot, first: Frame) -> Frame:
        """A baseline's Frame with the first one's regions."""
        if visit.number not in self._baselines:
            frame = _frame_of(shot, self._later)
            self._keep_baseline(visit, first, frame, self._match(first, frame))
        return self._baselines[visit.number]

    def _keep_baseline(self, visit: Visit, first: Frame, frame: Frame, registration: Registration) -> None:
        for same_skin in _carried(first, frame, registration):
            self._baselines[visit.number] = same_skin

    def _before(self, first: Frame, visit: Visit, shot: Shot) -> Earlier:
        """The visit before with the first baseline's regions."""
        if self._previous is None or self._previous[0].number != visit.number:
            frame = _frame_of(shot, self._later)
            self._previous = (visit, _carried(first, frame, self._match(first, frame))[0])
        return self._previous

    def _match(self, first: Frame, frame: Frame) -> Registration:
        return match(first, frame, self._stated["same_setup"])


def _baseline_of(assessment: Assessment) -> Baseline:
    frame = assessment.frame
    return Baseline(
        assessment.measurements, tuple(frame.regions), frame.colour.reference, dict(frame.polygons), frame.shape[1]
    )


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

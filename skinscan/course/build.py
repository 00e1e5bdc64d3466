"""A folder or a manifest in, a Course out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skinscan.assessment import versions
from skinscan.course.flags import flags_of
from skinscan.course.judging import trajectories_of
from skinscan.course.measuring import Progress, measure_course
from skinscan.course.reading import read_plan
from skinscan.course.telling import summary_of
from skinscan.course_records import Course, Plan
from skinscan.environment import check_opencv
from skinscan.report import method
from skinscan.treatment import SHIPPED, Treatment
from skinscan.treatment.functions import indication_of, sites_of


def follow(
    place: str | Path,
    indication: str,
    mm_per_px: float | None = None,
    regions: Mapping[str, Any] | None = None,
    *,
    sessions: Sequence[str] = (),
    site: str = "",
    treatment: Treatment = SHIPPED,
    progress: Progress | None = None,
    **choices: Any,
) -> Course:
    """The course of a folder of photos, or of a manifest (see `skinscan.course.reading`).

    `indication`: what is treated, which names the primary measure beforehand; `sessions`: days of treatment as text,
    beside the manifest's. `mm_per_px`, `regions` and the other `choices` are those of `compare`, for the first baseline
    photo. Raises a SkinscanError naming the row or the photo.
    """
    check_opencv()
    plan = read_plan(Path(place), indication, treatment, sessions, site)
    return course_of(plan, regions, treatment=treatment, progress=progress, mm_per_px=mm_per_px, **choices)


def course_of(
    plan: Plan,
    regions: Mapping[str, Any] | None = None,
    *,
    treatment: Treatment = SHIPPED,
    progress: Progress | None = None,
    **choices: Any,
) -> Course:
    """The course of a Plan. `choices` as in `follow`, and `clinic` and `memo` as in `measure_course`."""
    primary = indication_of(treatment, plan.indication).primary
    known = plan.site if plan.site in sites_of(treatment) else ""
    measured = list(measure_course(plan, regions, treatment=treatment, progress=progress, site=known, **choices))
    lines = trajectories_of(plan, measured, primary, treatment)
    flags, notices = flags_of(plan, lines, treatment, measured)
    said = dict.fromkeys(
        f"{one.visit.day}: {text}" for of_view in measured for one in of_view.visits for text in one.notices
    )
    shown = {one.view for one in measured}
    once = [f"the view {view!r} was photographed at the baseline only" for view in plan.views if view not in shown]
    every = [changes for one in measured for visit in one.visits for changes in visit.from_baseline]
    return Course(
        plan=plan,
        primary=primary,
        trajectories=tuple(lines),
        flags=tuple(flags),
        notices=(*once, *notices, *said),
        summary=summary_of(plan, lines, flags, treatment),
        pictures=tuple(p for one in measured for p in (one.picture, *(visit.picture for visit in one.visits))),
        versions=versions(),
        used=tuple(photo for one in measured for photo in one.used),
        sdc_sources=tuple(method.sdc_sources(change for changes in every for change in changes)),
    )

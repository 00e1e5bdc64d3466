"""What was read of a course, put in order: visits on their days, the baseline, and every rule that they must keep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from itertools import groupby, pairwise

from skinscan.course_records import Plan, Session, Shot, Visit
from skinscan.records import SkinscanError
from skinscan.treatment import Treatment
from skinscan.treatment.functions import days_after


class CourseError(SkinscanError):
    """A course cannot be told from what was given."""


@dataclass(frozen=True)
class Read:
    """What a manifest or a folder holds, before it is put in order."""

    shots: list[Shot]
    sessions: list[Session]
    scores: list[tuple[date, str, float, str]]
    sites: list[tuple[str, str]]


def in_order(read: Read, indication: str, treatment: Treatment, site: str = "") -> Plan:
    """What was read as visits on their days, checked."""
    sessions = tuple(sorted(read.sessions, key=lambda one: (one.day, one.at or time.min)))
    for one, other in pairwise(sessions):
        if one.day == other.day:
            raise CourseError(f"Two sessions on {one.day}", expected="one session a day", todo="leave one out")
    shots = [replace(shot, after_session=_is_after(shot, sessions)) for shot in read.shots]
    order = sorted(shots, key=lambda shot: (shot.day, bool(shot.after_session), shot.view))
    groups = [list(group) for _, group in groupby(order, key=lambda shot: (shot.day, bool(shot.after_session)))]
    if not groups:
        raise CourseError("There are no photos in the course", expected="a baseline and a later visit")
    visits = tuple(_visit(number, group, sessions) for number, group in enumerate(groups))
    visits = _with_scores(_with_baseline(visits, sessions), read.scores, treatment)
    return Plan(indication, _site(read.sites, site), sessions, visits)


def _is_after(shot: Shot, sessions: Sequence[Session]) -> bool:
    """Whether a photo was taken after a session of the same day: as said, by the clock, or else before it, as is the
    custom."""
    same = next((session for session in sessions if session.day == shot.day), None)
    if same is None:
        return False
    if shot.after_session is not None:
        return shot.after_session
    return shot.at is not None and same.at is not None and shot.at > same.at


def _visit(number: int, shots: Sequence[Shot], sessions: Sequence[Session]) -> Visit:
    for view, group in groupby(shots, key=lambda shot: shot.view):
        same = list(group)
        if len(same) > 1:
            raise CourseError(
                f"{same[1].place}: a second photo{f' of the view {view!r}' if view else ''} on {same[1].day}",
                expected=f"one photo of a view at a visit ({same[0].place} is the other)",
                todo="leave one out, name their views, or say which was taken after the session (after_session)",
            )
    day, is_after = shots[0].day, bool(shots[0].after_session)
    past = [session.day for session in sessions if session.day < day or (session.day == day and is_after)]
    return Visit(number, day, tuple(shots), days_after(past, day), len(past), False)


def _with_baseline(visits: Sequence[Visit], sessions: Sequence[Session]) -> tuple[Visit, ...]:
    """The visits before the first session are the baseline; without sessions, the first visit is."""
    if sessions and visits[0].sessions:
        raise CourseError(
            f"{visits[0].shots[0].place}: there is no baseline: the first photo ({visits[0].day}) was taken after the "
            f"first session ({sessions[0].day})",
            expected="a photo from before the first session",
            todo="add it, or leave the sessions before the first photo out and say so to whoever reads the course",
        )
    marked = tuple(replace(v, is_baseline=v.sessions == 0 if sessions else v.number == 0) for v in visits)
    known = {shot.view for visit in marked if visit.is_baseline for shot in visit.shots}
    for visit in marked:
        for shot in visit.shots:
            if shot.view not in known:
                raise CourseError(
                    f"{shot.place}: the view {shot.view!r} has no baseline",
                    expected=f"a view of the baseline: {', '.join(sorted(known)) or 'none'}",
                    todo="name the view as the baseline does, or leave the photo out",
                )
    if all(visit.is_baseline for visit in marked):
        raise CourseError(
            "There is nothing to compare: no photo was taken after the first session" if sessions
            else "There is nothing to compare: the course has one visit",
            expected="at least one later visit",
        )  # fmt: skip
    return marked


def _with_scores(
    visits: Sequence[Visit], scores: Iterable[tuple[date, str, float, str]], treatment: Treatment
) -> tuple[Visit, ...]:
    """Clinicians' scores at the visits of their days."""
    known = {row.scale: row for row in treatment.scales}
    found: dict[date, dict[str, float]] = {}
    for day, name, score, place in scores:
        scale = known.get(name)
        if scale is None:
            raise CourseError(f"{place}: there is no scale {name!r}", expected=", ".join(known))
        step = scale.step
        whole = step is None or abs((score - scale.lowest) / step - round((score - scale.lowest) / step)) < 1e-9
        if not (scale.lowest <= score <= scale.highest and whole):
            steps = f" in steps of {step:g}" if step else ""
            raise CourseError(
                f"{place}: {name} has no such score", expected=f"{scale.lowest:g} to {scale.highest:g}{steps}",
                found=f"{score:g}",
            )  # fmt: skip
        if day not in {visit.day for visit in visits}:
            raise CourseError(f"{place}: there is no visit on {day}", expected="the day of a visit")
        if name in found.setdefault(day, {}):
            raise CourseError(f"{place}: {name} is given twice for {day}")
        found[day][name] = score
    return tuple(replace(visit, scores=found.get(visit.day, {})) for visit in visits)


def _site(told: Sequence[tuple[str, str]], given: str) -> str:
    sites = list(dict.fromkeys([*([given] if given else []), *(site for site, _ in told)]))
    if len(sites) > 1:
        place = next(place for site, place in told if site != sites[0])
        raise CourseError(
            f"{place}: another site", expected=f"one site in a course ({sites[0]})", found=sites[1],
            todo="make a course of each",
        )  # fmt: skip
    return sites[0] if sites else ""

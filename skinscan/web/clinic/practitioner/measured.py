"""A visit's photos measured, compared and put into their courses, one after the other; what cannot be is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from skinscan.records import SkinscanError
from skinscan.services import Actor, Clinic, measuring, patients, visits
from skinscan.services.days import day_of
from skinscan.store.tables import Photo

Progress = Callable[[float, str], None]
Kind = Literal["photo", "comparison", "course"]


@dataclass(frozen=True, slots=True)
class Told:
    """A page that was made, or why it could not be: its title, its first lines, and its id."""

    title: str
    kind: Kind
    page: str = ""
    first: Mapping[str, Any] = field(default_factory=dict)
    wrong: str = ""


def visit(clinic: Clinic, actor: Actor, patient_id: str, photo_ids: Sequence[str], progress: Progress) -> list[Told]:
    """What photos that were just saved show: against the first and the last of their view, then through the course."""
    photos = [visits.photo_of(clinic, actor, one) for one in photo_ids]
    repeats = {photo.id for photo in photos if photo.shot > 1 and not photo.after_session}
    courses = [one for one in patients.courses(clinic, actor, patient_id) if one.site in {p.site for p in photos}]
    steps: list[tuple[str, Callable[[Progress], Told]]] = []
    for photo in photos:
        steps.append((f"measuring {_name(clinic, actor, photo)}", _assess(clinic, actor, photo)))
        earlier = visits.before(clinic, actor, photo.id) if photo.id not in repeats else []
        for other in dict.fromkeys([earlier[-1].id, earlier[0].id] if earlier else []):
            told = visits.photo_of(clinic, actor, other)
            steps.append((f"comparing {_name(clinic, actor, photo)}", _compare(clinic, actor, told, photo)))
    steps += [("following the course", _follow(clinic, actor, one.id)) for one in courses]
    found = []
    for number, (text, step) in enumerate(steps):
        share = number / len(steps)
        progress(share, text)
        found.append(step(lambda part, what: progress(share + part / len(steps), f"{text}: {what}")))  # noqa: B023
    progress(1.0, "done")
    return found


def pair(clinic: Clinic, actor: Actor, before_id: str, after_id: str, progress: Progress) -> Told:
    """Two photos of a patient, compared."""
    before, after = (visits.photo_of(clinic, actor, one) for one in (before_id, after_id))
    return _compare(clinic, actor, before, after)(progress)


def course(clinic: Clinic, actor: Actor, course_id: str, progress: Progress) -> Told:
    """A course, followed."""
    return _follow(clinic, actor, course_id)(progress)


def _assess(clinic: Clinic, actor: Actor, photo: Photo) -> Callable[[Progress], Told]:
    title = f"The photo {_name(clinic, actor, photo)}"
    return lambda progress: _made(clinic, title, "photo", lambda: measuring.assess(clinic, actor, photo.id, progress))


def _compare(clinic: Clinic, actor: Actor, before: Photo, after: Photo) -> Callable[[Progress], Told]:
    title = f"{_name(clinic, actor, after)} against {_name(clinic, actor, before)}"
    return lambda progress: _made(
        clinic, title, "comparison", lambda: measuring.compare(clinic, actor, before.id, after.id, progress)
    )


def _follow(clinic: Clinic, actor: Actor, course_id: str) -> Callable[[Progress], Told]:
    row = patients.course_of(clinic, actor, course_id)
    titles = {one.indication: one.title for one in clinic.treatment.indications}
    title = f"The course: {titles.get(row.indication, row.indication)}, {row.site.replace('_', ' ')}"
    return lambda progress: _made(
        clinic, title, "course", lambda: measuring.follow(clinic, actor, course_id, progress=progress)
    )


def _made(clinic: Clinic, title: str, kind: Kind, make: Callable[[], Mapping[str, str]]) -> Told:
    try:
        pages = make()
    except SkinscanError as error:
        return Told(title, kind, wrong=str(error))
    return Told(title, kind, pages[measuring.REPORT], measuring.told_of(clinic, pages))


def _name(clinic: Clinic, actor: Actor, photo: Photo) -> str:
    day = day_of(visits.visit_of(clinic, actor, photo.visit_id))
    return f"{photo.view or 'photo'} of {day}"

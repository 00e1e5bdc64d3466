"""Photos of the record measured, compared, and followed through a course; what is made of them is kept sealed.

The numbers go into the record; pages are kept under the digest of all that they were made from (`key`), so that the
same question is answered at once and another one is never answered with an old page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from skinscan.course_records import Plan, Preparation
from skinscan.course_records import Session as TreatedOn
from skinscan.records import Comparison, Frame, ParameterError
from skinscan.services.actor import PRACTITIONER, Actor
from skinscan.services.clinic import Clinic
from skinscan.services.days import day_of, time_of
from skinscan.store import consents, deriving, measuring, reading
from skinscan.store.deriving import Made, Of
from skinscan.store.errors import NotFound
from skinscan.store.flags import set_flags
from skinscan.store.measured_tables import Course, Region
from skinscan.store.settings import setting_of
from skinscan.store.tables import Photo, Session, Visit
from skinscan.treatment.functions import sites_of

Progress = Callable[[float, str], None]

REPORT, FOR_PATIENT, TOLD, NUMBERS = "report.html", "patient.html", "told.json", "numbers.json"
"""What is kept of each: the practitioner's page, the patient's, the first lines of it as JSON, the numbers as JSON."""

HTML, JSON = "text/html; charset=utf-8", "application/json"
CLINIC_TABLE = "own_repeats"
_STATED = ("same_setup", "same_lamp")


def told_of(clinic: Clinic, pages: Mapping[str, str]) -> dict[str, Any]:
    """The first lines of what was made: {"title", "lead", "rows"}."""
    found: dict[str, Any] = json.loads(
        deriving.content_of(clinic.store, deriving.derived_of(clinic.store, pages[TOLD]))
    )
    return found


# --- one photo ------------------------------------------------------------------------------------------------


def kept_assessment(clinic: Clinic, actor: Actor, photo_id: str) -> dict[str, str]:
    """Name -> id of what is kept of a photo's assessment; empty where it was not measured yet."""
    actor.must_be(PRACTITIONER)
    photo = reading.row_of(clinic.store, Photo, photo_id)
    return deriving.kept(clinic.store, photo.patient_id, _assessment_key(photo, settings_of(clinic, photo)))


def assess(clinic: Clinic, actor: Actor, photo_id: str, progress: Progress | None = None) -> dict[str, str]:
    """Measure a photo, keep the numbers and its page; name -> id of what was made. Raises SkinscanError."""
    kept = kept_assessment(clinic, actor, photo_id)
    if kept:
        return kept
    tell = progress or (lambda share, text: None)
    photo = reading.row_of(clinic.store, Photo, photo_id)
    settings = settings_of(clinic, photo)
    # once, before measuring: what is drawn meanwhile is not in the page, so its key must not say so
    key = _assessment_key(photo, settings)
    tell(0.1, "reading the photo")
    frame = _frame(clinic, photo, **settings)
    tell(0.3, "measuring the photo")
    from skinscan.assessment import assess_frame
    from skinscan.measures.maps import Maps
    from skinscan.report import headline, page

    assessment = assess_frame(Maps(frame))
    measuring.save_assessment(clinic.store, photo.id, assessment, actor=actor.user_id)
    tell(0.9, "drawing the report")
    head = headline.of_assessments({"Photo": assessment})
    made = {
        REPORT: Made(page.assessment_page({"photo": assessment}).encode(), HTML),
        TOLD: _json({"title": head.title, "lead": head.lead, "rows": []}),
    }
    return deriving.keep(clinic.store, Of(photo.patient_id, photo.id), key, made)


def _assessment_key(photo: Photo, settings: Mapping[str, Any]) -> str:
    return measuring.key_of("assessment", photo.digest, settings, versions_now())


# --- two photos -----------------------------------------------------------------------------------------------


def kept_comparison(clinic: Clinic, actor: Actor, before_id: str, after_id: str) -> dict[str, str]:
    """Name -> id of what is kept of a comparison; empty where it was not made yet. Raises NotFound for two patients."""
    actor.must_be(PRACTITIONER)
    before, after = _pair(clinic, before_id, after_id)
    return deriving.kept(clinic.store, before.patient_id, comparison_key(clinic, before, after))


def compare(
    clinic: Clinic, actor: Actor, before_id: str, after_id: str, progress: Progress | None = None
) -> dict[str, str]:
    """Compare two photos of a patient; name -> id of what was made. Raises SkinscanError.

    Scale, regions and reference are those of the before photo, what was said of the set-up that of the after photo.
    """
    kept = kept_comparison(clinic, actor, before_id, after_id)
    if kept:
        return kept
    tell = progress or (lambda share, text: None)
    before, after = _pair(clinic, before_id, after_id)
    # all of it once: what is drawn or set while this measures is not in the page, so its key must not say so
    told = _told_of_pair(clinic, before, after)
    from skinscan.comparison import compare_frames
    from skinscan.report import page

    tell(0.05, "reading the photos")
    frames = _frame(clinic, before, **told.before), _frame(clinic, after, **told.after)
    comparison = compare_frames(
        *frames,
        **told.stated,
        clinic=told.table,
        prepared=told.prepared,
        progress=lambda share, text: tell(0.9 * share, text),
    )
    tell(0.9, "drawing the report")
    made = {
        REPORT: Made(page.comparison_page(comparison).encode(), HTML),
        TOLD: _json(_first_lines(comparison)),
        NUMBERS: Made(comparison.to_json(indent=None).encode(), JSON),
    }
    place = Of(before.patient_id, before.id, after.id)
    return deriving.keep(clinic.store, place, _comparison_key(clinic, before, after, told), made)


@dataclass(frozen=True)
class _ToldOfPair:
    """What two photos are compared by: settings of each, what was said of the set-up, doubts of the skin's preparation,
    the clinic's own error."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    stated: Mapping[str, Any]
    prepared: tuple[str, ...]
    table: Mapping[str, Any] | None


def _told_of_pair(clinic: Clinic, before: Photo, after: Photo) -> _ToldOfPair:
    return _ToldOfPair(
        settings_of(clinic, before), _later(clinic, after),
        {name: bool(after.capture.get(name)) for name in _STATED}, _prepared(clinic, before, after),
        setting_of(clinic.store, CLINIC_TABLE),
    )  # fmt: skip


def key_of_pair(what: str, before: Photo, after: Photo, *told: Any) -> str:
    """The key of something made from two photos and from what else is told."""
    return measuring.key_of(what, before.digest, after.digest, *told)


def comparison_key(clinic: Clinic, before: Photo, after: Photo) -> str:
    """Under which a comparison is kept: all that it depends on."""
    return _comparison_key(clinic, before, after, _told_of_pair(clinic, before, after))


def _comparison_key(clinic: Clinic, before: Photo, after: Photo, told: _ToldOfPair) -> str:
    return key_of_pair(
        "comparison", before, after, told.before, told.after, told.stated, list(told.prepared), told.table,
        versions_now(), _shown_name(clinic, before), _shown_name(clinic, after),
    )  # fmt: skip


def _pair(clinic: Clinic, before_id: str, after_id: str) -> tuple[Photo, Photo]:
    before, after = (reading.row_of(clinic.store, Photo, one) for one in (before_id, after_id))
    if before.patient_id != after.patient_id:
        raise NotFound("There are no two such photos of one patient")
    if before.id == after.id:
        raise ParameterError("A photo is not compared with itself", expected="two photos", found="one")
    return before, after


def _prepared(clinic: Clinic, before: Photo, after: Photo) -> tuple[str, ...]:
    visits = [reading.row_of(clinic.store, Visit, photo.visit_id) for photo in (before, after)]
    return preparation_of(visits[0]).against_colour(preparation_of(visits[1]))


def preparation_of(visit: Visit) -> Preparation:
    return Preparation(visit.washed, visit.make_up, visit.sunscreen, visit.tan, visit.rest_minutes)


def _first_lines(comparison: Comparison) -> dict[str, Any]:
    from skinscan.report import headline, rows

    head = headline.of_comparison(comparison)
    families = rows.families(rows.change_rows(comparison.changes))
    told = [
        {"title": row.title, "region": row.region, "change": row.change, "sdc": row.sdc, "verdict": row.verdict}
        for family in families
        for row in family.first
    ]
    return {"title": head.title, "lead": head.lead, "rows": told}


# --- a course -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Followed:
    """Everything that a course is told from: its row, photos with their visits, sessions, regions drawn on photos."""

    course: Course
    photos: tuple[tuple[Photo, Visit], ...]
    sessions: tuple[Session, ...]
    regions: Mapping[str, Mapping[str, Any]]
    table: Mapping[str, Any] | None = None
    """The clinic's own error."""

    def photo_at(self, path: Path) -> Photo:
        """The photo that `plan_of` laid at a path."""
        return self.photos[int(path.stem)][0]

    def key(self, clinic: Clinic) -> str:
        told = [
            [p.digest, p.view, p.after_session, p.capture, v.at.isoformat(), v.zone, list(_asked(v)), dict(v.scores)]
            for p, v in self.photos
        ]
        done = [
            [s.at.isoformat(), s.zone, s.device, s.tip, dict(s.depth_mm), s.passes, s.topical, s.numbing, s.notes,
             s.adverse_events] for s in self.sessions
        ]  # fmt: skip
        return measuring.key_of(
            "course", self.course.site, self.course.indication, told, done, self.regions,
            self.table, repr(clinic.treatment), versions_now(),
        )  # fmt: skip


def followed(clinic: Clinic, course_id: str, until: datetime | None = None) -> Followed:
    """What a course is told from: one photo of each view and each side of a day's session (the first shot, of the last
    visit where it was taken again that day), as the record was at an instant (`until`), or is now. Raises NotFound."""
    course = reading.row_of(clinic.store, Course, course_id)
    patient = course.patient_id
    shown = reading.rows_of(clinic.store, Photo, patient)
    # after the photos: a visit that is saved meanwhile comes before its photo
    visits = {visit.id: visit for visit in reading.rows_of(clinic.store, Visit, patient)}
    photos = [
        (photo, visits[photo.visit_id])
        for photo in shown
        if photo.site == course.site and (until is None or photo.made_at <= until)
    ]
    sessions = [
        session for session in reading.rows_of(clinic.store, Session, patient)
        if session.site == course.site and (until is None or session.made_at <= until)
    ]  # fmt: skip
    photos = _one_of_each(photos, sessions)
    ids = {photo.id: photo for photo, _ in photos}
    regions: dict[str, dict[str, Any]] = {}
    for row in reading.rows_of(clinic.store, Region, patient):
        if row.photo_id in ids and (until is None or row.made_at <= until):
            regions.setdefault(row.photo_id, {})[row.name] = row.polygon
    return Followed(course, tuple(photos), tuple(sessions), regions, setting_of(clinic.store, CLINIC_TABLE))


def _one_of_each(photos: Sequence[tuple[Photo, Visit]], sessions: Sequence[Session]) -> list[tuple[Photo, Visit]]:
    """One photo of each view of each side of a day's session, in order of time."""

    def is_after(photo: Photo, visit: Visit) -> bool:
        if photo.after_session is not None:
            return photo.after_session
        return any(day_of(one) == day_of(visit) and one.at < visit.at for one in sessions)

    in_turn = sorted(photos, key=lambda one: (one[1].at, -one[0].shot))
    chosen = {(day_of(visit), is_after(photo, visit), photo.view): (photo, visit) for photo, visit in in_turn}
    return sorted(chosen.values(), key=lambda one: (one[1].at, bool(one[0].after_session), one[0].view))


def kept_course(clinic: Clinic, course_id: str, until: datetime | None = None) -> dict[str, str]:
    """Name -> id of what is kept of a course. Who may see it is asked where it is read (`media`)."""
    of = followed(clinic, course_id, until)
    return deriving.kept(clinic.store, of.course.patient_id, of.key(clinic))


def follow(
    clinic: Clinic,
    actor: Actor,
    course_id: str,
    until: datetime | None = None,
    progress: Progress | None = None,
) -> dict[str, str]:
    """Follow a course through its visits; name -> id of what was made. The practitioner asks, or the patient whose
    course it is. Raises SkinscanError, as where there is nothing to compare yet."""
    of = followed(clinic, course_id, until)
    actor.must_be_of(of.course.patient_id)
    kept = deriving.kept(clinic.store, of.course.patient_id, of.key(clinic))
    if kept:
        return kept
    from skinscan.course.build import course_of
    from skinscan.report.course_page import course_page
    from skinscan.services.flags import raised_in
    from skinscan.services.visit_memo import SealedMemo

    tell = progress or (lambda share, text: None)
    with clinic.in_clear() as folder:
        plan = plan_of(clinic, of, folder)
        told = course_of(
            plan,
            _regions_by_view(of, plan),
            treatment=clinic.treatment,
            clinic=of.table,
            memo=SealedMemo(clinic, of),
            progress=lambda share, text: tell(0.95 * share, text),
            **_choices(clinic, of),
        )
    stray = dict.fromkeys(photo.view for photo in without_baseline(of))
    if stray:
        words = f"photos of the view {' and '.join(map(repr, stray))} are left out: there is none from before"
        told = replace(told, notices=(words, *told.notices))
    tell(0.95, "drawing the report")
    for_patient = course_page(told, clinic.treatment, "patient", care=False)  # which changes day by day
    made = {
        REPORT: Made(course_page(told, clinic.treatment, "practitioner").encode(), HTML),
        FOR_PATIENT: Made(for_patient.encode(), HTML, for_patient=True),
        TOLD: _json({"title": "", "lead": told.summary["practitioner"][0], "rows": [], "flags": len(told.flags)}),
        NUMBERS: Made(json.dumps(told.to_dict(), allow_nan=False).encode(), JSON),
    }
    shares = consents.shares_of(clinic.store, of.course.patient_id)
    shared = [row.key for row in shares if row.course_id == course_id and row.key]
    today = followed(clinic, course_id).key(clinic)
    if until is None:  # an earlier state of the course knows nothing of what later visits raised
        set_flags(clinic.store, course_id, raised_in(told.to_dict()), actor=actor.user_id)
    place = Of(of.course.patient_id, course_id=course_id)
    return deriving.keep(clinic.store, place, of.key(clinic), made, still=[*shared, today])


def plan_of(clinic: Clinic, of: Followed, folder: Path) -> Plan:
    """The course's plan, its photos laid into a folder. Raises CourseError for what no course can be told from."""
    from skinscan.course.ordering import Read, in_order
    from skinscan.course_records import Shot

    shots = []
    left_out = {photo.id for photo in without_baseline(of)}
    for number, (photo, visit) in enumerate(of.photos):
        if photo.id in left_out:
            continue
        path = folder / f"{number:03d}.photo"
        path.write_bytes(reading.original_of(clinic.store, photo.id))
        place = f"the photo {photo.view or ''} of {day_of(visit)}".replace("  ", " ")
        shots.append(Shot(path, photo.view, day_of(visit), time_of(visit), place, photo.after_session))
    sessions = [
        TreatedOn(day_of(s), s.device, s.tip, s.depth_mm, s.passes, s.topical, s.numbing, s.operator,
                  s.adverse_events, s.notes, time_of(s)) for s in {day_of(s): s for s in of.sessions}.values()
    ]  # fmt: skip
    scores = {
        (day_of(visit), name, float(score), f"the visit of {day_of(visit)}")
        for _, visit in of.photos for name, score in visit.scores.items()
    }  # fmt: skip
    read = Read(shots, sessions, sorted(scores), [(of.course.site, "the course")])
    plan = in_order(read, of.course.indication, clinic.treatment)
    prepared = {day_of(visit): preparation_of(visit) for _, visit in of.photos}
    return replace(plan, visits=tuple(replace(v, preparation=prepared[v.day]) for v in plan.visits))


def without_baseline(of: Followed) -> list[Photo]:
    """Photos of a view that was not photographed before the first session (or at the first visit, where there is none):
    nothing holds them against anything."""
    first = min((day_of(session) for session in of.sessions), default=None)
    if first is None:
        first = min((day_of(visit) for _, visit in of.photos), default=None)
    known = {
        photo.view for photo, visit in of.photos
        if first is not None and (day_of(visit) < first or (day_of(visit) == first and not photo.after_session))
    }  # fmt: skip
    return [photo for photo, _ in of.photos if photo.view not in known] if known else []


def _choices(clinic: Clinic, of: Followed) -> dict[str, Any]:
    """How the whole course is measured: as the first photo says; the set-up is the same where all later ones say so."""
    first = settings_of(clinic, of.photos[0][0]) if of.photos else {}
    own = {name: value for name, value in first.items() if name not in ("regions", "site", "reference")}
    regions = of.regions.get(of.photos[0][0].id, {}) if of.photos else {}
    later = [photo for photo, _ in of.photos[1:]]
    stated = {name: bool(later) and all(photo.capture.get(name) for photo in later) for name in _STATED}
    return {**own, **stated, "reference": _reference(regions)}


def _regions_by_view(of: Followed, plan: Plan) -> Mapping[str, Any] | None:
    """The regions drawn on the first photo of each view."""
    firsts: dict[str, Photo] = {}
    for photo, _ in of.photos:
        firsts.setdefault(photo.view, photo)
    drawn = {view: of.regions[photo.id] for view, photo in firsts.items() if photo.id in of.regions}
    return drawn if len(plan.views) > 1 else next(iter(drawn.values()), None)


# --- what all of them share -----------------------------------------------------------------------------------


def _frame(clinic: Clinic, photo: Photo, **settings: Any) -> Frame:
    """The Frame of a photo of the record. Raises SkinscanError."""
    from skinscan.capture.frame import make_frame
    from skinscan.capture.photo import photo_of
    from skinscan.environment import check_opencv

    check_opencv()
    return make_frame(photo_of(reading.original_of(clinic.store, photo.id), _shown_name(clinic, photo)), **settings)


def frame_of(clinic: Clinic, actor: Actor, photo_id: str) -> Frame:
    """The Frame of a photo of the record, as it is measured. Raises SkinscanError."""
    actor.must_be(PRACTITIONER)
    photo = reading.row_of(clinic.store, Photo, photo_id)
    return _frame(clinic, photo, **settings_of(clinic, photo))


def _shown_name(clinic: Clinic, photo: Photo) -> str:
    """What a photo is called in reports: its day and view; the file's name was not kept."""
    day = day_of(reading.row_of(clinic.store, Visit, photo.visit_id))
    return ", ".join(part for part in (day.isoformat(), photo.view) if part)


def settings_of(clinic: Clinic, photo: Photo) -> dict[str, Any]:
    """Arguments of `make_frame` for a photo: what was said of it, its site, the regions drawn on it."""
    drawn = reading.rows_of(clinic.store, Region, photo.patient_id)
    regions = {row.name: row.polygon for row in drawn if row.photo_id == photo.id}
    return {**_later(clinic, photo), **_scale(photo), "regions": regions or None, "reference": _reference(regions)}


def _later(clinic: Clinic, photo: Photo) -> dict[str, Any]:
    """The same for the later photo of a pair, whose scale and regions follow from the earlier one."""
    said = {name: photo.capture[name] for name in ("marker_mm", "card_pitch_mm") if photo.capture.get(name)}
    lights = {name: bool(photo.capture.get(name)) for name in ("cross_polarised", "raking_light")}
    return {**said, **lights, "site": photo.site if photo.site in sites_of(clinic.treatment) else ""}


def _scale(photo: Photo) -> dict[str, Any]:
    return {"mm_per_px": photo.capture["mm_per_px"]} if photo.capture.get("mm_per_px") else {}


def _reference(regions: Mapping[str, Any]) -> str | None:
    """A region that is named so ties the colours."""
    return "reference" if "reference" in regions else None


def _asked(visit: Visit) -> Sequence[bool | int | None]:
    return [visit.washed, visit.make_up, visit.sunscreen, visit.tan, visit.rest_minutes]


def versions_now() -> dict[str, Any]:
    """Of all that a page depends on."""
    from skinscan.assessment import versions
    from skinscan.measures import all_measures
    from skinscan.report.page import templates_digest

    return {**versions(), "pages": templates_digest(), "measures": {m.name: m.version for m in all_measures().values()}}


def _json(value: Mapping[str, Any]) -> Made:
    return Made(json.dumps(value, allow_nan=False).encode(), JSON)

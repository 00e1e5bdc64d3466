"""Visits and sessions: photos brought, checked, saved with how the skin was prepared and what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from skinscan.course_records import Preparation
from skinscan.records import ParameterError, PhotoError
from skinscan.services.actor import PRACTITIONER, Actor
from skinscan.services.clinic import Clinic
from skinscan.services.tray import Brought
from skinscan.store import consents, reading, recording, removing
from skinscan.store.columns import new_id
from skinscan.store.errors import RecordError, StoreError
from skinscan.store.measured_tables import Region
from skinscan.store.tables import Photo, Session, Visit
from skinscan.treatment.functions import sites_of

PREVIEW_SIDE_PX = 1600
LONGEST_TEXT = 4000
LONGEST = {"device": 200, "tip": 200, "operator": 200, "topical": 500, "numbing": 500, "notes": LONGEST_TEXT,
           "adverse_events": LONGEST_TEXT}  # fmt: skip
"""Letters of each text of a session: PostgreSQL holds no more in its column, SQLite would."""

MOST_PASSES, LONGEST_REST_MINUTES = 100, 24 * 60
DEEPEST_MM = 5.0
AHEAD = timedelta(days=1)
"""A visit may lie so far ahead: clocks differ, and a year that was typed wrongly does more."""


@dataclass(frozen=True, slots=True)
class Treated:
    """What was done at a session; as `store.tables.Session` keeps it. `screening`: prompt -> the patient's answer."""

    device: str = ""
    tip: str = ""
    depth_mm: Mapping[str, float] = field(default_factory=dict)
    passes: int | None = None
    topical: str = ""
    numbing: str = ""
    operator: str = ""
    adverse_events: str = ""
    notes: str = ""
    screening: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """A photo of the tray as it is saved: its view; `after_session` whether it was taken after that day's session;
    `repositioned` whether camera and patient were placed anew since the shot of this view before it."""

    item: str
    view: str
    after_session: bool | None = None
    repositioned: bool | None = None


@dataclass(frozen=True, slots=True)
class Visiting:
    """A visit as it is entered: when and where (`zone`, an IANA name), of which site, how the skin was prepared, how
    the photos were taken (`capture`: arguments of `skinscan.assess`, `same_setup`, `same_lamp`), what was done, and
    what the clinician graded by eye (`scores`: a scale of the treatment's tables -> the score)."""

    at: datetime
    zone: str
    site: str
    preparation: Preparation = field(default_factory=Preparation)
    capture: Mapping[str, Any] = field(default_factory=dict)
    treated: Treated | None = None
    notes: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Saved:
    """A visit that was saved; `refused`: item of the tray -> why that photo was not."""

    visit_id: str
    photos: tuple[str, ...]
    refused: Mapping[str, str]


CAPTURE = {"mm_per_px": float, "marker_mm": float, "card_pitch_mm": float, "raking_light": bool,
           "cross_polarised": bool, "same_setup": bool, "same_lamp": bool}  # fmt: skip
"""What may be said of how photos were taken."""


def bring(clinic: Clinic, actor: Actor, name: str, original: bytes) -> Brought:
    """Lay a photo on the tray, once it is seen to be one. Raises PhotoError: what it is, and what to do."""
    actor.must_be(PRACTITIONER)
    return clinic.tray.put(actor, name, original, preview_of(original))


def preview_of(original: bytes) -> bytes:
    """A JPEG of a photo that any browser shows, upright, in sRGB, without whatever else the file tells. Raises
    PhotoError."""
    from skinscan.capture.photo import photo_of
    from skinscan.report import pictures

    return pictures.jpeg(pictures.shown(photo_of(original), PREVIEW_SIDE_PX))


def save(clinic: Clinic, actor: Actor, patient_id: str, visiting: Visiting, photos: Sequence[Shown]) -> Saved:
    """Save a visit, what was done, and its photos. A photo that cannot be kept is told in `refused` and stays on the
    tray; the others are kept. Photos of the very time of a visit that is there join that one.

    Raises NotFound, ParameterError for what was entered wrongly, and RecordError where the patient does not agree to
    photos; nothing was saved then.
    """
    actor.must_be(PRACTITIONER)
    patient = reading.patient_of(clinic.store, patient_id)
    _check(clinic, visiting, photos)
    if photos and not consents.agrees(clinic.store, patient.id, "treatment"):
        raise RecordError(
            "The patient has not agreed to photos", expected="a consent to photos for the treatment", found="none",
            todo="ask the patient and record it, then save again",
        )  # fmt: skip
    brought = [clinic.tray.get(actor, one.item) for one in photos]
    session = None if visiting.treated is None else _session(patient.id, visiting, visiting.treated)
    visit = recording.save_visit(clinic.store, _visit(patient.id, visiting), session, actor=actor.user_id)
    kept, refused = [], {}
    for one, item in zip(photos, brought, strict=True):
        try:
            kept.append(_save_photo(clinic, actor, visit, visiting, one, item))
            clinic.tray.drop(actor, item.item)
        except (PhotoError, StoreError) as error:  # a full vault too: the photo stays on the tray to be saved again
            refused[item.item] = str(error)
    return Saved(visit.id, tuple(kept), refused)


def visits_of(clinic: Clinic, actor: Actor, patient_id: str) -> list[tuple[Visit, list[Photo]]]:
    """A patient's visits with their photos, the latest first."""
    actor.must_be(PRACTITIONER)
    reading.patient_of(clinic.store, patient_id)
    photos = reading.rows_of(clinic.store, Photo, patient_id)
    visits = reading.rows_of(clinic.store, Visit, patient_id)
    return [(visit, [p for p in photos if p.visit_id == visit.id]) for visit in reversed(visits)]


def sessions_of(clinic: Clinic, actor: Actor, patient_id: str) -> Sequence[Session]:
    """A patient's sessions, the first first."""
    actor.must_be(PRACTITIONER)
    reading.patient_of(clinic.store, patient_id)
    return reading.rows_of(clinic.store, Session, patient_id)


def session_of(clinic: Clinic, actor: Actor, session_id: str) -> Session:
    """A session's row. Raises NotFound."""
    actor.must_be(PRACTITIONER)
    return reading.row_of(clinic.store, Session, session_id)


def photo_of(clinic: Clinic, actor: Actor, photo_id: str) -> Photo:
    """A photo's row. Raises NotFound."""
    actor.must_be(PRACTITIONER)
    return reading.row_of(clinic.store, Photo, photo_id)


def earlier_photo(clinic: Clinic, actor: Actor, patient_id: str, site: str, view: str) -> Photo | None:
    """The latest photo of a view, for the next one to be taken alike; None where there is none."""
    for _, photos in visits_of(clinic, actor, patient_id):
        for photo in photos:
            if (photo.site, photo.view) == (site, view):
                return photo
    return None


def before(clinic: Clinic, actor: Actor, photo_id: str) -> list[Photo]:
    """The photos of the same view and site from before a photo, the first first, one (the first shot) of each visit."""
    this = photo_of(clinic, actor, photo_id)
    found: list[Photo] = []
    for _, photos in reversed(visits_of(clinic, actor, this.patient_id)):
        same = [p for p in photos if (p.site, p.view) == (this.site, this.view)]
        same.sort(key=lambda photo: (bool(photo.after_session), photo.shot))
        for photo in same:
            if photo.id == this.id:
                return found
            if photo.shot == 1:
                found.append(photo)
    return found


def views_of(clinic: Clinic, actor: Actor, patient_id: str, site: str) -> list[str]:
    """The views in which a site was photographed, the first first."""
    visits = reversed(visits_of(clinic, actor, patient_id))
    return list(dict.fromkeys(photo.view for _, photos in visits for photo in photos if photo.site == site))


def remove_photo(clinic: Clinic, actor: Actor, photo_id: str) -> None:
    """Remove a photo that should not be there. It cannot be undone. Raises NotFound."""
    photo = photo_of(clinic, actor, photo_id)
    removing.remove_photo(clinic.store, photo.id, actor=actor.user_id)


def note_later(clinic: Clinic, actor: Actor, session_id: str, adverse_events: str, notes: str) -> None:
    """What came to be known of a session after it was saved. Raises NotFound, ParameterError."""
    actor.must_be(PRACTITIONER)
    session = reading.row_of(clinic.store, Session, session_id)
    _check_texts({"adverse_events": (adverse_events, LONGEST_TEXT), "notes": (notes, LONGEST_TEXT)})
    recording.correct(
        clinic.store, Session, session.id, actor=actor.user_id, adverse_events=adverse_events, notes=notes
    )


def regions_of(clinic: Clinic, actor: Actor, photo_id: str) -> dict[str, list[Any]]:
    """Regions that were drawn on a photo: name -> corners in pixels of the upright photo."""
    photo = photo_of(clinic, actor, photo_id)
    drawn = reading.rows_of(clinic.store, Region, photo.patient_id)
    return {row.name: row.polygon for row in drawn if row.photo_id == photo_id}


def draw_region(clinic: Clinic, actor: Actor, photo_id: str, text: str) -> str:
    """Keep a region drawn on a photo, as `name=x,y,x,y,...` in pixels of the upright photo; its name. One of the same
    name is replaced. Raises RegionError."""
    from skinscan.capture.regions import parse_region

    photo = photo_of(clinic, actor, photo_id)
    name, polygon = parse_region(text)
    recording.set_region(clinic.store, photo, name, polygon.tolist(), actor=actor.user_id)
    return name


def drop_region(clinic: Clinic, actor: Actor, photo_id: str, name: str) -> None:
    """Remove a region drawn on a photo; none is no error."""
    recording.drop_region(clinic.store, photo_of(clinic, actor, photo_id), name, actor=actor.user_id)


def _visit(patient_id: str, visiting: Visiting) -> Visit:
    told = visiting.preparation
    return Visit(
        id=new_id(), patient_id=patient_id, at=visiting.at, zone=visiting.zone, notes=visiting.notes,
        scores=dict(visiting.scores), washed=told.washed, make_up=told.make_up, sunscreen=told.sunscreen, tan=told.tan,
        rest_minutes=told.rest_minutes,
    )  # fmt: skip


def _session(patient_id: str, visiting: Visiting, treated: Treated) -> Session:
    return Session(
        id=new_id(), patient_id=patient_id, at=visiting.at, zone=visiting.zone, site=visiting.site,
        device=treated.device, tip=treated.tip, depth_mm=dict(treated.depth_mm), passes=treated.passes,
        topical=treated.topical, numbing=treated.numbing, operator=treated.operator,
        adverse_events=treated.adverse_events, notes=treated.notes, screening=dict(treated.screening),
    )  # fmt: skip


def _save_photo(clinic: Clinic, actor: Actor, visit: Visit, visiting: Visiting, one: Shown, item: Brought) -> str:
    from skinscan.capture.photo import photo_of as decoded

    photo = decoded(item.original)
    height, width = photo.shape
    details = {
        "format": photo.format, "width_px": width, "height_px": height, "taken_at": photo.taken_at,
        "camera": photo.camera, "decoding": list(photo.steps), "after_session": one.after_session,
        "repositioned": one.repositioned, "capture": dict(visiting.capture),
    }  # fmt: skip
    row = recording.save_photo(
        clinic.store, visit.id, item.original, one.view, site=visiting.site, details=details, actor=actor.user_id
    )
    return row.id


def _check(clinic: Clinic, visiting: Visiting, photos: Sequence[Shown]) -> None:
    """Raise ParameterError for what was entered wrongly."""
    if visiting.site not in sites_of(clinic.treatment):
        raise ParameterError("The site is not known", expected=", ".join(sites_of(clinic.treatment)),
                             found=visiting.site[:40])  # fmt: skip
    if not photos and visiting.treated is None:
        raise ParameterError("There is nothing to save", expected="photos, or a session", found="neither")
    unknown = [name for name, value in visiting.capture.items()
               if name not in CAPTURE or not isinstance(value, CAPTURE[name])]  # fmt: skip
    if unknown:
        raise ParameterError("How the photos were taken was not understood", expected=", ".join(CAPTURE),
                             found=unknown[0][:40])  # fmt: skip
    for one in photos:
        if len(one.view) > 60 or any(not (c.isalnum() or c in " _-") for c in one.view):
            raise ParameterError("A view is named by letters and digits", expected="front, left, close ...",
                                 found=one.view[:40])  # fmt: skip
    if visiting.at > datetime.now(UTC) + AHEAD:
        raise ParameterError("The visit lies ahead", expected="today or before", found=f"{visiting.at:%Y-%m-%d}",
                             todo="correct the day")  # fmt: skip
    treated = visiting.treated or Treated()
    texts = {"notes of the visit": (visiting.notes, LONGEST_TEXT)}
    texts |= {name: (getattr(treated, name), most) for name, most in LONGEST.items()}
    _check_texts(texts)
    if treated.passes is not None and not 0 <= treated.passes <= MOST_PASSES:
        raise ParameterError("The number of passes is none", expected=f"0 to {MOST_PASSES}")
    rest = visiting.preparation.rest_minutes
    if rest is not None and not 0 <= rest <= LONGEST_REST_MINUTES:
        raise ParameterError("The minutes of rest are none", expected=f"0 to {LONGEST_REST_MINUTES}")
    _check_scores(clinic, visiting.scores)
    if any(isinstance(value, float) and not isfinite(value) for value in visiting.capture.values()):
        raise ParameterError("How the photos were taken was not understood", expected="a number", found="none")
    if any(not 0 < depth <= DEEPEST_MM for depth in treated.depth_mm.values()):
        raise ParameterError("No needle goes so deep", expected=f"0 to {DEEPEST_MM:g} mm")


def _can_be_kept(text: str) -> bool:
    """Whether any database takes a text: no NUL, no half of a letter."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def visit_of(clinic: Clinic, actor: Actor, visit_id: str) -> Visit:
    """A visit's row. Raises NotFound."""
    actor.must_be(PRACTITIONER)
    return reading.row_of(clinic.store, Visit, visit_id)


def _check_texts(texts: Mapping[str, tuple[str, int]]) -> None:
    """Name -> text and the most letters that are kept of it."""
    for name, (text, most) in texts.items():
        if len(text) > most or not _can_be_kept(text):
            raise ParameterError(f"The text cannot be kept: {name.replace('_', ' ')}",
                                 expected=f"at most {most} letters", found=f"{len(text)}")  # fmt: skip


def _check_scores(clinic: Clinic, scores: Mapping[str, float]) -> None:
    known = {row.scale: row for row in clinic.treatment.scales}
    for name, score in scores.items():
        if name not in known:
            raise ParameterError("There is no such scale", expected=", ".join(known), found=name[:40])
        row = known[name]
        if not row.lowest <= score <= row.highest:
            raise ParameterError(f"{name} has no such score", expected=f"{row.lowest:g} to {row.highest:g}",
                                 found=f"{score:g}")  # fmt: skip

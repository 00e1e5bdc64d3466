"""The measurements of patients who agree to research, under ids of their own: to filter, to draw, to take away.

No row holds a name, a code, a note, a photo or a date. Days are counted from the patient's first visit: who knows on
which day someone was treated would else find them. Words that a practitioner typed (a region's own name) may be a
person's; those that the house does not know are replaced by an id.
"""

from __future__ import annotations

import importlib.util
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from skinscan.arrays.colour import ita_class
from skinscan.course.reading import VIEWS
from skinscan.records import SKIN, EnvironmentFault, ParameterError
from skinscan.services.actor import RESEARCHER, Actor
from skinscan.services.clinic import Clinic
from skinscan.services.days import day_of
from skinscan.store import consented as record
from skinscan.store.consented import Consented
from skinscan.store.tables import Photo, Session, Visit

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Mapping[str, str] = {
    "research_id": "the patient, for research alone: always the same, and unlike the clinic's code",
    "fitzpatrick": "skin type I to VI as the practitioner entered it",
    "tone": "skin tone I (very light) to VI (dark) as measured in this photo, from ita_deg",
    "ita_deg": "individual typology angle of all skin in this photo, degrees",
    "indication": "what is treated at this site; several are parted by a semicolon",
    "site": "part of the body",
    "view": "from where the photo was taken",
    "shot": "1 for the first photo of a view at a visit, 2 for the next",
    "day": "days since the patient's first visit",
    "days_after_session": "days since the last session at this site; empty before the first",
    "sessions": "sessions at this site so far",
    "assessment": "the measuring of one photo: rows with one id were measured together",
    "measure": "what was measured",
    "region": "where; skin is all skin in the photo",
    "value": "the number; empty where it could not be told",
    "standard_uncertainty": "of the value, as one standard deviation",
    "unit": "of both",
    "n": "how many independent parts, or pores, it rests on",
    "flags": "why it is doubtful or missing; parted by semicolons",
    "version": "of the measure: numbers of two versions are not compared",
}
"""Each column of the table, and what it says."""

FEW_PATIENTS = 5
"""A group of fewer may be recognised by who knows them, and says little of anyone else."""

_TONE = "pigment.ita"
_WHOLE = ("shot", "day", "days_after_session", "sessions", "n", "version")
_REAL = ("ita_deg", "value", "standard_uncertainty")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which rows: those with one of the named words in each column, all where none is named. `first_day` and
    `last_day` bound `days_after_session`; with either, rows from before the first session are left out."""

    measures: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    tones: tuple[str, ...] = ()
    indications: tuple[str, ...] = ()
    first_day: int | None = None
    last_day: int | None = None

    def __post_init__(self) -> None:
        if self.first_day is not None and self.last_day is not None and self.first_day > self.last_day:
            raise ParameterError(
                "The days run backwards", expected="first a day, then the same or a later one",
                found=f"{self.first_day} to {self.last_day}",
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from, and of how many patients."""

    patients: int
    measures: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    tones: tuple[str, ...] = ()
    indications: tuple[str, ...] = ()


def table(clinic: Clinic, actor: Actor, filters: Filters = Filters()) -> pd.DataFrame:
    """A row for each number of each photo's latest assessment, with `COLUMNS`; none of who withdrew the consent."""
    actor.must_be(RESEARCHER)
    return chosen(_whole(clinic, filters.measures), filters)


def measures(clinic: Clinic, actor: Actor) -> tuple[str, ...]:
    """Of which measures there are numbers just now."""
    actor.must_be(RESEARCHER)
    return tuple(record.there(clinic.store).measures)


def look(clinic: Clinic, actor: Actor, measure: str) -> tuple[pd.DataFrame, Choices]:
    """All rows of a measure, and what the filters can be set to: tones and indications of these rows, the rest of all
    that there is."""
    rows, there = table(clinic, actor, Filters(measures=(measure,))), record.there(clinic.store)
    regions, sites = (
        map(_Words(clinic, _regions(clinic)), there.regions),
        map(_Words(clinic, _sites(clinic)), there.sites),
    )
    told = replace(choices_in(rows), regions=_sorted(regions), sites=_sorted(sites))
    return rows, replace(told, patients=there.patients, measures=tuple(there.measures))


def as_csv(clinic: Clinic, actor: Actor, filters: Filters) -> bytes:
    """The rows as CSV (UTF-8); the audit log tells of it."""
    rows = table(clinic, actor, filters)
    record.note_download(clinic.store, "csv", actor=actor.user_id)
    return rows.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")


def as_parquet(clinic: Clinic, actor: Actor, filters: Filters) -> bytes:
    """The rows as Parquet; the audit log tells of it. Raises EnvironmentFault where pyarrow is not installed."""
    rows = table(clinic, actor, filters)
    if not parquet_is_here():
        raise EnvironmentFault(
            "Parquet needs another package", expected="pyarrow", found="none",
            todo="have your administrator run: pip install 'skinscan[parquet]'; CSV works without it",
        )  # fmt: skip
    content = io.BytesIO()
    rows.to_parquet(content, engine="pyarrow", index=False)
    record.note_download(clinic.store, "parquet", actor=actor.user_id)
    return content.getvalue()


def parquet_is_here() -> bool:
    """Whether Parquet files can be written. The package is 55 MB to load, too much for who never asks for one."""
    return importlib.util.find_spec("pyarrow") is not None


def chosen(rows: pd.DataFrame, filters: Filters) -> pd.DataFrame:
    """The rows that the filters let through."""
    keep = rows["value"].notna() | True
    for column in ("measure", "site", "region", "tone"):
        wanted = getattr(filters, f"{column}s")
        if wanted:
            keep &= rows[column].isin(wanted)
    if filters.indications:
        keep &= rows["indication"].map(lambda text: not set(filters.indications).isdisjoint(text.split(";")))
    if filters.first_day is not None:
        keep &= (rows["days_after_session"] >= filters.first_day).fillna(False)
    if filters.last_day is not None:
        keep &= (rows["days_after_session"] <= filters.last_day).fillna(False)
    return rows[keep.astype(bool)].reset_index(drop=True)


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """`COLUMNS` in their order and types: numbers, whole numbers that may be missing, texts that may be empty."""
    rows = rows.reindex(columns=list(COLUMNS))
    types = dict.fromkeys(_WHOLE, "Int64") | dict.fromkeys(_REAL, "float64")
    texts = [name for name in COLUMNS if name not in types]
    return (
        rows.astype(types | dict.fromkeys(texts, "object"))
        .fillna(dict.fromkeys(texts, ""))
        .astype(dict.fromkeys(texts, "str"))
    )


def choices_in(rows: pd.DataFrame) -> Choices:
    """The words that rows hold, each once, in order."""
    indications = {word for text in rows["indication"].unique() for word in text.split(";")}
    words = {f"{column}s": _sorted(rows[column].unique()) for column in ("measure", "site", "region", "tone")}
    return Choices(patients=rows["research_id"].nunique(), indications=_sorted(indications), **words)


def _sorted(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(word for word in words if word))


def _whole(clinic: Clinic, measures: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    found = record.consented(clinic.store, (*measures, _TONE) if measures else ())
    told = pd.DataFrame(found.measured, columns=list(record.MEASURED))
    around = pd.DataFrame(_Around(clinic, found).rows(), columns=list(_OF_PHOTO))
    told = told.merge(around, on="photo_id", how="left")
    told["ita_deg"] = told["assessment_id"].map(_typology_angles(found))
    told["tone"] = told["ita_deg"].map(ita_class)
    told["region"] = told["region"].map(_Words(clinic, _regions(clinic)))
    for column, what in (("research_id", "patient"), ("assessment", "assessment")):
        own = told[f"{what}_id"]
        told[column] = own.map({one: record.research_id(clinic.store, what, one) for one in own.unique()})
    told["flags"] = told["flags"].map(";".join)
    told["standard_uncertainty"] = told["spread"]
    told = typed(told)
    order = ["research_id", "day", "sessions", "site", "view", "shot", "assessment", "region", "measure"]
    return told.sort_values(order, ignore_index=True)


def _typology_angles(found: Consented) -> dict[str, float]:
    """The ITA of all skin by assessment."""
    at = {name: place for place, name in enumerate(record.MEASURED)}
    return {
        row[at["assessment_id"]]: float(row[at["value"]])
        for row in found.measured
        if row[at["measure"]] == _TONE and row[at["region"]] == SKIN and row[at["value"]] is not None
    }


def _regions(clinic: Clinic) -> set[str]:
    named = (row.value for row in clinic.treatment.sites if row.aspect == "regions")
    return {SKIN, *(name for names in named for name in names.split(";"))}


def _sites(clinic: Clinic) -> set[str]:
    return {row.site for row in clinic.treatment.sites}


_OF_PHOTO = ("photo_id", "site", "view", "shot", "indication", "day", "days_after_session", "sessions")


@dataclass(slots=True)
class _Words:
    """Words that the house knows, as they are; others as an id that stays the same."""

    clinic: Clinic
    known: Iterable[str]
    _told: dict[str, str] = field(default_factory=dict)

    def __call__(self, word: str) -> str:
        if word not in self._told:
            own = not word or word in self.known
            self._told[word] = word if own else f"own-{record.research_id(self.clinic.store, 'word', word)[:8]}"
        return self._told[word]


class _Around:
    """What surrounds each photo: when it was taken in the course, and what is treated there."""

    def __init__(self, clinic: Clinic, found: Consented) -> None:
        self._visits = {visit.id: visit for visit in found.visits}
        self._first: dict[str, date] = {}
        for visit in found.visits:
            self._first[visit.patient_id] = min(day_of(visit), self._first.get(visit.patient_id, date.max))
        self._sessions: dict[str, list[Session]] = defaultdict(list)
        for session in found.sessions:
            self._sessions[session.patient_id].append(session)
        self._treated: dict[tuple[str, str], set[str]] = defaultdict(set)
        known = {row.indication for row in clinic.treatment.indications}
        for course in found.courses:
            self._treated[course.patient_id, course.site].add(
                course.indication if course.indication in known else "other"
            )
        self._photos = found.photos
        self._site = _Words(clinic, _sites(clinic))
        self._view = _Words(clinic, set(VIEWS))

    def rows(self) -> list[tuple[Any, ...]]:
        """A tuple as `_OF_PHOTO` for each photo."""
        return [self._row(photo) for photo in self._photos]

    def _row(self, photo: Photo) -> tuple[Any, ...]:
        visit = self._visits[photo.visit_id]
        day = day_of(visit)
        past = [
            day_of(one)
            for one in self._sessions[photo.patient_id]
            if _same_site(one, photo) and _is_past(one, visit, photo)
        ]
        return (
            photo.id, self._site(photo.site), self._view(photo.view), photo.shot,
            ";".join(sorted(self._treated[photo.patient_id, photo.site])),
            (day - self._first[photo.patient_id]).days, (day - max(past)).days if past else None, len(past),
        )  # fmt: skip


def _same_site(session: Session, photo: Photo) -> bool:
    """Whether a session may have treated what the photo shows; one without a site may have treated anything."""
    return session.site in ("", photo.site)


def _is_past(session: Session, visit: Visit, photo: Photo) -> bool:
    """Whether a photo was taken after a session; on the same day as was said, or else by the clock."""
    if day_of(session) != day_of(visit) or photo.after_session is None:
        return session.at < visit.at
    return photo.after_session

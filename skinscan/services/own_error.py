"""The clinic's own measurement error, from its own repeated shots; where it holds it replaces the shipped one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skinscan.records import ParameterError
from skinscan.services.actor import PRACTITIONER, Actor
from skinscan.services.clinic import Clinic
from skinscan.services.measuring import CLINIC_TABLE, key_of_pair, settings_of, versions_now
from skinscan.store import deriving, reading, settings
from skinscan.store.deriving import Made, Of
from skinscan.store.errors import NotFound, VaultError
from skinscan.store.repeats import RepeatedPhoto, repeated_photos

ROWS, JSON = "repeat.json", "application/json"
Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the clinic is: repeats and patients in the record, how many are needed, and the table in force."""

    pairs: int
    patients: int
    least_pairs: int
    least_patients: int
    table: dict[str, Any] | None

    @property
    def enough(self) -> bool:
        return self.pairs >= self.least_pairs and self.patients >= self.least_patients


def standing(clinic: Clinic, actor: Actor) -> Standing:
    """How far the clinic is."""
    from skinscan.study.clinic_repeats import LEAST_PAIRS, LEAST_PATIENTS

    actor.must_be(PRACTITIONER)
    found = repeated_photos(clinic.store)
    table = settings.setting_of(clinic.store, CLINIC_TABLE)
    return Standing(len(found), len({one.patient_id for one in found}), LEAST_PAIRS, LEAST_PATIENTS, table)


def measure(clinic: Clinic, actor: Actor, progress: Progress | None = None) -> dict[str, Any]:
    """Measure every repeat and put the clinic's table in force. Raises ParameterError where there are too few."""
    from skinscan.study.clinic_repeats import own_table

    now = standing(clinic, actor)
    if not now.enough:
        raise ParameterError(
            "The clinic's own error cannot be told yet",
            expected=f"{now.least_pairs} repeats of {now.least_patients} patients",
            found=f"{now.pairs} of {now.patients}",
            todo="take a second shot of a view at some visits, with camera and patient placed anew, and mark it so",
        )
    tell = progress or (lambda share, text: None)
    rows: list[dict[str, Any]] = []
    pairs = repeated_photos(clinic.store)
    for number, pair in enumerate(pairs):
        tell(number / len(pairs), f"repeat {number + 1} of {len(pairs)}")
        rows += _rows(clinic, pair)
    table = own_table(rows)
    settings.set_setting(clinic.store, CLINIC_TABLE, table, actor=actor.user_id)
    tell(1.0, "done")
    return table


def _rows(clinic: Clinic, pair: RepeatedPhoto) -> list[dict[str, Any]]:
    """What a repeat tells, measured once; nothing where a photo cannot be read."""
    from skinscan.records import SkinscanError
    from skinscan.study.clinic_repeats import rows_of_repeat

    key = key_of_pair("repeat", pair.first, pair.second, settings_of(clinic, pair.first), versions_now())
    of = Of(pair.patient_id, pair.first.id, pair.second.id)
    kept = deriving.kept(clinic.store, pair.patient_id, key)
    if ROWS in kept:
        found: list[dict[str, Any]] = json.loads(
            deriving.content_of(clinic.store, deriving.derived_of(clinic.store, kept[ROWS]))
        )
        return found
    try:
        originals = [reading.original_of(clinic.store, photo.id) for photo in (pair.first, pair.second)]
        said = {name: value for name, value in settings_of(clinic, pair.first).items() if value}
        rows = rows_of_repeat(pair.patient_id, *originals, **said)
    except (VaultError, NotFound):
        raise
    except SkinscanError:
        rows = []  # a photo that cannot be measured tells no error
    deriving.keep(clinic.store, of, key, {ROWS: Made(json.dumps(rows).encode(), JSON)})
    return rows

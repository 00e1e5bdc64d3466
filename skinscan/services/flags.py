"""Flags to review: what courses raised, and that a practitioner has looked at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skinscan.services.actor import PRACTITIONER, Actor
from skinscan.services.clinic import Clinic
from skinscan.store import flags, reading
from skinscan.store.flags import Raised
from skinscan.store.measured_tables import RaisedFlag


def raised_in(told: Mapping[str, Any]) -> list[Raised]:
    """The flags of a course that was followed (`Course.to_dict`); one about the course as a whole is of its last
    visit."""
    days = {visit["visit"]: visit["day"] for visit in told["visits"]}
    days[None] = told["visits"][-1]["day"]
    return [
        Raised(
            one["flag"], one["level"], days[one["visit"]],
            ", ".join(part for part in (one["view"], one["region"]) if part),
            f"{one['to_practitioner']} ({one['numbers']})",
        )
        for one in told["flags"]
    ]  # fmt: skip


def flags_of(clinic: Clinic, actor: Actor, patient_id: str) -> Sequence[RaisedFlag]:
    """A patient's flags, those that wait first."""
    actor.must_be(PRACTITIONER)
    reading.patient_of(clinic.store, patient_id)
    return flags.flags_of(clinic.store, patient_id)


def review_all(clinic: Clinic, actor: Actor, patient_id: str) -> int:
    """Note that all of a patient's flags were looked at; how many waited."""
    waiting = [one for one in flags_of(clinic, actor, patient_id) if one.reviewed_at is None]
    for one in waiting:
        flags.review(clinic.store, one.id, actor=actor.user_id)
    return len(waiting)

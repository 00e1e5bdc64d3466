"""Who asks, and what they may."""

from __future__ import annotations

from dataclasses import dataclass

from skinscan.store.errors import NotFound

ADMINISTRATOR, PRACTITIONER, PATIENT, RESEARCHER = "administrator", "practitioner", "patient", "researcher"


@dataclass(frozen=True, slots=True)
class Actor:
    """A user who is signed in: their roles, and of which patient the account is, where it is a patient's own."""

    user_id: str
    username: str
    roles: frozenset[str]
    patient_id: str | None = None

    def has(self, role: str) -> bool:
        """Whether the actor has a role; a patient's account without its patient has none."""
        return role in self.roles and (role != PATIENT or self.patient_id is not None)

    def must_be_of(self, patient_id: str) -> None:
        """Raise NotFound unless the actor is a practitioner, or this very patient."""
        if not self.has(PRACTITIONER) and not (self.has(PATIENT) and self.patient_id == patient_id):
            raise NotFound("There is nothing here")

    def must_be(self, *roles: str) -> None:
        """Raise NotFound unless the actor has one of the roles: what is not theirs is not there."""
        if not any(self.has(role) for role in roles):
            raise NotFound("There is nothing here")

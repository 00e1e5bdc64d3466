"""One-time links: how a user comes to a password, the first and any later one. Nothing is sent; who invites shows the
link or its QR code to the person."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from skinscan.services.actor import ADMINISTRATOR, PATIENT, PRACTITIONER, Actor
from skinscan.services.clinic import Clinic
from skinscan.services.passwords import check_password, digest_of, new_token, plain_name
from skinscan.store import access, accounts, attempts
from skinscan.store.accounts import Account
from skinscan.store.columns import now
from skinscan.store.errors import NotFound
from skinscan.store.reading import patient_of

HOLDS = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A one-time link: `path` follows the address of the clinic. It is shown once, as only its digest is kept."""

    username: str
    path: str = field(repr=False)
    expires_at: datetime

    def link(self, address: str) -> str:
        """The whole link; `address` as https://clinic.example."""
        return address.rstrip("/") + self.path


def invite_patient(clinic: Clinic, actor: Actor, patient_id: str) -> Invitation:
    """A link for a patient, whose account is made where there is none; its username is the patient's code.

    Raises NotFound for who is no practitioner, and where there is no such patient.
    """
    actor.must_be(PRACTITIONER)
    patient = patient_of(clinic.store, patient_id)
    own = accounts.accounts_of_patient(clinic.store, patient.id)
    if own:
        return _invited(clinic, actor, own[0])
    made = access.new_user(
        clinic.store, plain_name(patient.code), [PATIENT], patient_id=patient.id, actor=actor.user_id
    )
    return _invited(clinic, actor, accounts.account(clinic.store, made.id))


def invite_user(clinic: Clinic, actor: Actor, user_id: str) -> Invitation:
    """A link for a new password: by an administrator for anyone, by a practitioner for a patient. Raises NotFound."""
    actor.must_be(ADMINISTRATOR, PRACTITIONER)
    found = accounts.account(clinic.store, user_id)
    if not actor.has(ADMINISTRATOR) and not (found.of_patient and found.roles == {PATIENT}):
        raise NotFound("There is nothing here")
    return _invited(clinic, actor, found)


def username_of(clinic: Clinic, token: str) -> str:
    """Whom a link is for. Raises NotFound where it does not hold."""
    return access.invited_user(clinic.store, digest_of(token)).username


def accept(clinic: Clinic, token: str, password: str) -> str:
    """Take a link: its user has this password from now on, and every earlier sign-in ends; the username.

    Raises NotFound where the link does not hold, ParameterError for a password that cannot be taken; the link then
    still holds.
    """
    username = username_of(clinic, token)
    check_password(password, username)
    access.use_invitation(clinic.store, digest_of(token), clinic.passwords.hash(password))
    attempts.forget(clinic.store, f"user {username}")
    return username


def qr_code(link: str) -> str:
    """A QR code of a link as a data: URI of an SVG picture, black on white with its quiet zone."""
    import segno

    return str(segno.make(link, error="m", micro=False).svg_data_uri(scale=6, border=4, light="#fff"))


def _invited(clinic: Clinic, actor: Actor, user: Account) -> Invitation:
    if user.disabled_at is not None:
        raise NotFound("The account is closed", todo="an administrator can open it again")
    token, expires_at = new_token(), now() + HOLDS
    access.invite(clinic.store, user.id, digest_of(token), expires_at, actor=actor.user_id)
    return Invitation(user.username, f"/invitation/{token}", expires_at)

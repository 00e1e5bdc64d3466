"""One-time links: for whom, how long, and once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from skinscan.records import ParameterError
from skinscan.services import Actor, Clinic, inviting
from skinscan.services.signing_in import SignInRefused, actor_of_token, sign_in
from skinscan.services.users import create_user, disable_user
from skinscan.store import accounts
from skinscan.store.errors import NotFound
from skinscan.store.recording import new_patient
from tests.services.identity import PASSWORD, Clock, cheap, user

Someone = Callable[..., Actor]


def token_of(made: inviting.Invitation) -> str:
    assert made.path.startswith("/invitation/")
    return made.path.rpartition("/")[2]


@pytest.fixture
def own(clinic: Clinic) -> Clinic:
    return cheap(clinic)


def test_a_patient_comes_in_by_a_link_under_their_code(own: Clinic, practitioner: Actor) -> None:
    patient = new_patient(own.store, name="Zoë Quimby")
    made = inviting.invite_patient(own, practitioner, patient.id)
    assert made.username == patient.code.lower()
    assert made.link("https://clinic.example/") == f"https://clinic.example{made.path}"
    assert inviting.username_of(own, token_of(made)) == made.username
    assert inviting.accept(own, token_of(made), PASSWORD) == made.username
    actor = actor_of_token(own, sign_in(own, made.username, PASSWORD, ""))
    assert actor is not None
    assert (actor.patient_id, actor.roles) == (patient.id, {"patient"})


def test_a_link_works_once_and_the_last_one_alone(own: Clinic, practitioner: Actor) -> None:
    patient = new_patient(own.store)
    first, second = (token_of(inviting.invite_patient(own, practitioner, patient.id)) for _ in range(2))
    assert len(accounts.accounts_of_patient(own.store, patient.id)) == 1
    for token in (first, "none", ""):
        with pytest.raises(NotFound):
            inviting.accept(own, token, PASSWORD)
    inviting.accept(own, second, PASSWORD)
    with pytest.raises(NotFound):
        inviting.accept(own, second, "another password")


def test_a_password_that_cannot_be_taken_does_not_use_the_link_up(own: Clinic, practitioner: Actor) -> None:
    made = inviting.invite_patient(own, practitioner, new_patient(own.store).id)
    for password in ("short", made.username):
        with pytest.raises(ParameterError):
            inviting.accept(own, token_of(made), password)
    inviting.accept(own, token_of(made), PASSWORD)


def test_a_link_holds_for_three_days(own: Clinic, practitioner: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    patient = new_patient(own.store).id
    made = inviting.invite_patient(own, practitioner, patient)
    clock.forward(hours=71, minutes=59)
    inviting.username_of(own, token_of(made))
    clock.forward(minutes=2)
    with pytest.raises(NotFound, match="ask the clinic"):
        inviting.accept(own, token_of(made), PASSWORD)


def test_a_new_password_ends_every_sign_in_and_unlocks(own: Clinic, someone: Someone) -> None:
    dr = user(own, "dr", "practitioner")
    inside = sign_in(own, "dr", PASSWORD, "")
    accounts.lock(own.store, dr)
    made = inviting.invite_user(own, someone("administrator"), dr)
    assert actor_of_token(own, inside) is not None
    inviting.accept(own, token_of(made), "quite another one")
    assert actor_of_token(own, inside) is None
    with pytest.raises(SignInRefused):
        sign_in(own, "dr", PASSWORD, "")
    sign_in(own, "dr", "quite another one", "")


def test_who_may_invite_whom(own: Clinic, someone: Someone) -> None:
    patient = new_patient(own.store)
    account = user(own, "p", "patient", patient_id=patient.id)
    staff = user(own, "dr", "practitioner")
    for role, may in (
        ("administrator", {account, staff}),
        ("practitioner", {account}),
        ("researcher", set()),
        ("patient", set()),
    ):
        actor = someone(role, patient.id if role == "patient" else None)
        for one in (account, staff):
            if one in may:
                inviting.invite_user(own, actor, one)
            else:
                with pytest.raises(NotFound):
                    inviting.invite_user(own, actor, one)
        if role != "practitioner":
            with pytest.raises(NotFound):
                inviting.invite_patient(own, actor, patient.id)


def test_a_closed_account_is_not_invited(own: Clinic, someone: Someone, practitioner: Actor) -> None:
    root = someone("administrator")
    patient = new_patient(own.store)
    made = inviting.invite_patient(own, practitioner, patient.id)
    (account,) = accounts.accounts_of_patient(own.store, patient.id)
    disable_user(own, root, account.id)
    with pytest.raises(NotFound):
        inviting.accept(own, token_of(made), PASSWORD)
    for invite in (
        lambda: inviting.invite_user(own, root, account.id),
        lambda: inviting.invite_patient(own, practitioner, patient.id),
    ):
        with pytest.raises(NotFound, match="closed"):
            invite()


def test_a_qr_code_is_a_picture_of_its_own(own: Clinic, someone: Someone) -> None:
    made = create_user(own, someone("administrator"), "dr", ["practitioner"])
    link = made.link("https://clinic.example")
    code = inviting.qr_code(link)
    assert code.startswith("data:image/svg+xml")
    assert token_of(made) not in code
    assert token_of(made) not in repr(made)

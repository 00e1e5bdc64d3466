"""What an administrator may do, and what nobody may: take the last administrator away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from skinscan.records import ParameterError
from skinscan.services import Actor, Clinic, users
from skinscan.services.signing_in import actor_of_token, sign_in
from skinscan.store import accounts, open_store
from skinscan.store.errors import NotFound, RecordError
from skinscan.store.recording import new_patient
from tests.services.identity import PASSWORD, cheap, user

Someone = Callable[..., Actor]


@pytest.fixture
def own(clinic: Clinic) -> Clinic:
    return cheap(clinic)


@pytest.fixture
def root(own: Clinic) -> Actor:
    return Actor(user(own, "root", "administrator"), "root", frozenset({"administrator"}))


def test_only_an_administrator_may(own: Clinic, root: Actor, someone: Someone) -> None:
    one = user(own, "dr", "practitioner")
    asked: list[Callable[[Actor], object]] = [
        lambda actor: users.list_users(own, actor),
        lambda actor: users.create_user(own, actor, "new", ["researcher"]),
        lambda actor: users.disable_user(own, actor, one),
        lambda actor: users.enable_user(own, actor, one),
        lambda actor: users.unlock_user(own, actor, one),
        lambda actor: users.set_roles(own, actor, one, ["researcher"]),
    ]
    for role in ("practitioner", "researcher", "patient"):
        actor = someone(role)
        for ask in asked:
            with pytest.raises(NotFound):
                ask(actor)
    for ask in asked:
        ask(root)


def test_what_was_done_is_in_the_log_by_whom(own: Clinic, root: Actor) -> None:
    from sqlalchemy import text

    one = user(own, "dr", "practitioner")
    users.disable_user(own, root, one)
    users.enable_user(own, root, one)
    users.unlock_user(own, root, one)
    users.set_roles(own, root, one, ["researcher"])
    with own.store.database.reading() as rows:
        lines = rows.execute(text("SELECT action, actor, subject FROM audit ORDER BY number")).all()
    assert [tuple(line) for line in lines[-4:]] == [
        (action, root.user_id, one) for action in ("disable", "enable", "unlock", "roles")
    ]
    own.store.audit.verify()


def test_a_new_role_holds_at_once(own: Clinic, root: Actor) -> None:
    one = user(own, "dr", "practitioner")
    token = sign_in(own, "dr", PASSWORD, "")
    users.set_roles(own, root, one, ["practitioner", "administrator", "practitioner"])
    actor = actor_of_token(own, token)
    assert actor is not None
    assert actor.roles == {"practitioner", "administrator"}
    users.set_roles(own, root, one, ["researcher"])  # what is open by a role that is gone ends
    assert actor_of_token(own, token) is None
    actor = actor_of_token(own, sign_in(own, "dr", PASSWORD, ""))
    assert actor is not None
    assert actor.roles == {"researcher"}


@pytest.mark.parametrize("roles", [[], ["patient"], ["practitioner", "patient"], ["surgeon"]])
def test_an_administrator_gives_roles_of_the_staff_alone(own: Clinic, root: Actor, roles: list[str]) -> None:
    one = user(own, "dr", "practitioner")
    with pytest.raises(ParameterError, match="cannot be given"):
        users.create_user(own, root, "new", roles)
    with pytest.raises(ParameterError, match="cannot be given"):
        users.set_roles(own, root, one, roles)


def test_a_patients_account_stays_one(own: Clinic, root: Actor) -> None:
    """A practitioner may give it a new password: with another role it would be a way to become that."""
    one = user(own, "p", "patient", patient_id=new_patient(own.store).id)
    with pytest.raises(ParameterError, match="no other role"):
        users.set_roles(own, root, one, ["administrator"])


@pytest.mark.parametrize("name", ["", "a", "two words", "x" * 65, "a/b", "<b>", "a\nb", "a\x00b", "' OR 1=1 --"])
def test_a_username_is_plain(own: Clinic, root: Actor, name: str) -> None:
    with pytest.raises(ParameterError, match="username cannot be taken"):
        users.create_user(own, root, name, ["researcher"])


def test_a_username_is_taken_once_however_it_is_written(own: Clinic, root: Actor) -> None:
    users.create_user(own, root, "Anna", ["researcher"])
    with pytest.raises(ParameterError, match="a user of this name already") as told:
        users.create_user(own, root, "aNNA ", ["researcher"])
    assert "UNIQUE" not in str(told.value)


def test_the_last_administrator_stays(own: Clinic, root: Actor) -> None:
    users.create_user(own, root, "invited", ["administrator"])  # who has no password yet could not take over
    with pytest.raises(RecordError, match="last administrator"):
        users.disable_user(own, root, root.user_id)
    with pytest.raises(RecordError, match="last administrator"):
        users.set_roles(own, root, root.user_id, ["practitioner"])
    second = user(own, "second", "administrator")
    users.disable_user(own, root, root.user_id)
    deputy = Actor(second, "second", frozenset({"administrator"}))
    with pytest.raises(RecordError, match="last administrator"):
        users.disable_user(own, deputy, second)
    users.enable_user(own, deputy, root.user_id)
    users.set_roles(own, deputy, second, ["researcher"])


def test_two_administrators_cannot_close_each_other_at_once(own: Clinic, root: Actor) -> None:
    second = user(own, "second", "administrator")
    stores = [open_store(own.store.places) for _ in range(2)]
    refused: list[str] = []
    start = threading.Barrier(2)

    def close(store: object, other: str) -> None:
        start.wait()
        try:
            accounts.disable_user(store, other)  # type: ignore[arg-type]
        except RecordError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=close, args=pair) for pair in zip(stores, (root.user_id, second), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert len(refused) == 1
    assert users.has_administrator(own)


def test_the_first_administrator_comes_from_the_console(own: Clinic) -> None:
    assert not users.has_administrator(own)
    users.create_user(own, Actor("0" * 32, "x", frozenset({"administrator"})), "invited", ["administrator"])
    assert not users.has_administrator(own)
    assert users.make_administrator(own, "Root", PASSWORD) == "root"
    assert users.has_administrator(own)
    for name, password in (("root", "short"), ("a b", PASSWORD)):
        with pytest.raises(ParameterError):
            users.make_administrator(own, name, password)


def test_who_lost_the_password_takes_a_new_one_at_the_console(own: Clinic, root: Actor) -> None:
    inside = sign_in(own, "root", PASSWORD, "")
    accounts.lock(own.store, root.user_id)
    users.make_administrator(own, "root", "quite another one")
    assert actor_of_token(own, inside) is None
    sign_in(own, "root", "quite another one", "")
    user(own, "dr", "practitioner")
    with pytest.raises(ParameterError, match="no administrator"):
        users.make_administrator(own, "dr", "quite another one")


def test_a_list_of_users_holds_no_secret_and_no_name(own: Clinic, root: Actor, tmp_path: Path) -> None:
    patient = new_patient(own.store, name="Zoë Quimby")
    user(own, patient.code.lower(), "patient", patient_id=patient.id)
    told = repr(users.list_users(own, root))
    assert "Zoë" not in told
    assert "argon2" not in told
    assert patient.id not in told

"""Sign-ins hold until they end, expire, or the user is disabled; a one-time link works once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from skinscan.store import Store, access, consents, erasing, open_store
from skinscan.store.columns import now
from skinscan.store.errors import NotFound, RecordError
from tests.store.children import forked
from tests.store.conftest import Seen

HOUR = timedelta(hours=1)


def test_a_sign_in_holds_until_it_ends(store: Store) -> None:
    user = access.new_user(store, "dr", ["practitioner", "administrator"], password_hash="h")
    assert access.roles_of(store, user.id) == {"practitioner", "administrator"}
    access.begin_login(store, user.id, "a" * 64, now() + HOUR)
    access.begin_login(store, user.id, "b" * 64, now() - HOUR)
    found = access.user_of_login(store, "a" * 64)
    assert found is not None
    assert found.id == user.id
    assert access.user_of_login(store, "b" * 64) is None  # expired
    assert access.user_of_login(store, "c" * 64) is None
    access.end_login(store, "a" * 64)
    assert access.user_of_login(store, "a" * 64) is None


@pytest.mark.parametrize("how", ["disable", "password"])
def test_every_sign_in_of_a_user_can_be_ended(store: Store, how: str) -> None:
    user = access.new_user(store, "dr", ["practitioner"])
    access.begin_login(store, user.id, "a" * 64, now() + HOUR)
    if how == "disable":
        access.disable(store, user.id)
        assert access.roles_of(store, user.id) == frozenset()
        with pytest.raises(NotFound):
            access.begin_login(store, user.id, "b" * 64, now() + HOUR)
        access.disable(store, user.id, disabled=False)
    else:
        access.set_password(store, user.id, "other")
    assert access.user_of_login(store, "a" * 64) is None  # nor does enabling bring it back
    assert access.roles_of(store, user.id) == {"practitioner"}


def test_a_link_works_once_even_for_two_at_once(store: Store) -> None:
    user = access.new_user(store, "p", ["patient"])
    access.invite(store, user.id, "0" * 64, now() - HOUR)
    with pytest.raises(NotFound, match="does not hold"):
        access.use_invitation(store, "0" * 64, "late")
    access.invite(store, user.id, "1" * 64, now() + HOUR)
    access.invite(store, user.id, "2" * 64, now() + HOUR)  # in place of the first
    with pytest.raises(NotFound):
        access.use_invitation(store, "1" * 64, "h")
    places = store.places
    store.close()

    def accept(say: Callable[[str], None]) -> None:
        with open_store(places) as other:
            try:
                access.use_invitation(other, "2" * 64, "h")
            except NotFound:
                say("refused")
            else:
                say("accepted")

    children = [forked(accept) for _ in range(3)]
    assert sorted(child.said()[0] for child in children) == ["accepted", "refused", "refused"]
    assert [child.wait() for child in children] == [0, 0, 0]


def test_a_name_is_taken_once_and_a_role_must_be_one(store: Store) -> None:
    access.new_user(store, "dr", ["practitioner"])
    with pytest.raises(RecordError):
        access.new_user(store, "dr", ["researcher"])
    for roles in ([], ["surgeon"]):
        with pytest.raises(RecordError, match="needs roles"):
            access.new_user(store, "other", roles)
    assert access.user_named(store, "other") is None


def test_a_patients_account_goes_with_the_patient(seen: Seen) -> None:
    user = access.new_user(seen.store, "p", ["patient"], patient_id=seen.patient.id)
    doctor = access.new_user(seen.store, "dr", ["practitioner"])
    access.begin_login(seen.store, user.id, "a" * 64, now() + HOUR)
    consents.give_consent(seen.store, seen.patient.id, "sharing", actor=doctor.id)
    erasing.erase_patient(seen.store, seen.patient.id, actor=doctor.id)
    assert access.user_named(seen.store, "p") is None
    assert access.user_of_login(seen.store, "a" * 64) is None
    assert access.user_named(seen.store, "dr") is not None

"""Signing in tells nobody which users exist, is throttled in the record, and really ends."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from skinscan.services import Clinic
from skinscan.services.passwords import Passwords
from skinscan.services.signing_in import (
    LOCK_AFTER,
    SignInRefused,
    TooMany,
    actor_of_token,
    network,
    sign_in,
    sign_out,
)
from skinscan.services.users import unlock_user
from skinscan.store import access, accounts, open_store
from tests.services.identity import PASSWORD, Clock, cheap, user

HERE, THERE = "192.0.2.7", "198.51.100.9"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def people(clinic: Clinic) -> Clinic:
    """A clinic with `dr`, `root` and `gone`, who is disabled."""
    made = cheap(clinic)
    user(made, "dr", "practitioner")
    user(made, "root", "administrator")
    access.disable(made.store, user(made, "gone", "practitioner"))
    return made


def fail(clinic: Clinic, name: str, times: int = 1, address: str = HERE) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            sign_in(clinic, name, "wrong", address)


def test_a_sign_in_tells_who_it_is(people: Clinic) -> None:
    actor = actor_of_token(people, sign_in(people, " DR ", PASSWORD, HERE))
    assert actor is not None
    assert (actor.username, actor.roles, actor.patient_id) == ("dr", {"practitioner"}, None)


def test_each_sign_in_has_a_token_of_its_own_and_the_record_only_its_digest(people: Clinic) -> None:
    tokens = [sign_in(people, "dr", PASSWORD, HERE) for _ in range(3)]
    assert len(set(tokens)) == 3
    people.store.close()
    kept = b"".join(path.read_bytes() for path in people.store.places.folder.glob("record.sqlite*"))
    assert b"dr" in kept
    assert not any(token.encode() in kept for token in tokens)
    assert PASSWORD.encode() not in kept


def test_a_wrong_password_and_no_user_have_one_answer(people: Clinic) -> None:
    said = set()
    for name in ("dr", "gone", "nobody", ""):
        with pytest.raises(SignInRefused) as raised:
            sign_in(people, name, PASSWORD if name == "gone" else "wrong", HERE)
        said.add(str(raised.value))
    assert len(said) == 1


def test_an_unknown_user_takes_as_long_as_a_known_one(people: Clinic) -> None:
    """One hash each: with argon2's usual cost that is all of the time."""
    hashing = Passwords()
    counted = Clinic(people.store, people.desk, passwords=hashing)
    access.set_password(people.store, accounts.accounts(people.store)[0].id, hashing.hash(PASSWORD))
    hashing.matches("", None)  # the hash to compare with, where there is none, is made once

    def least(name: str) -> float:
        took = []
        for _ in range(4):
            began = time.process_time()
            with pytest.raises(SignInRefused):
                sign_in(counted, name, "wrong", HERE)
            took.append(time.process_time() - began)
        return min(took)

    known, unknown = least("dr"), least("nobody")
    assert unknown > 0.5 * known  # without the second hash it would be a tenth or less


def test_signing_out_ends_it_for_good(people: Clinic) -> None:
    token, other = (sign_in(people, "dr", PASSWORD, HERE) for _ in range(2))
    sign_out(people, token)
    assert actor_of_token(people, token) is None
    assert actor_of_token(people, other) is not None
    sign_out(people, token)
    sign_out(people, "none")


def test_a_sign_in_ends_after_twelve_hours_of_use(people: Clinic, clock: Clock) -> None:
    token = sign_in(people, "dr", PASSWORD, HERE)
    for _ in range(14):
        clock.forward(minutes=50)
        assert actor_of_token(people, token) is not None
    clock.forward(minutes=21)
    assert actor_of_token(people, token) is None


def test_a_sign_in_that_is_not_used_ends_after_an_hour(people: Clinic, clock: Clock) -> None:
    token = sign_in(people, "dr", PASSWORD, HERE)
    clock.forward(minutes=59)
    assert actor_of_token(people, token) is not None
    clock.forward(minutes=59)
    assert actor_of_token(people, token) is not None
    clock.forward(minutes=61)
    assert actor_of_token(people, token) is None


def test_a_disabled_user_is_out_at_once(people: Clinic) -> None:
    token = sign_in(people, "dr", PASSWORD, HERE)
    found = access.user_named(people.store, "dr")
    assert found is not None
    access.disable(people.store, found.id)
    assert actor_of_token(people, token) is None
    fail(people, "dr")


def test_a_password_that_is_changed_while_it_is_checked_lets_nobody_in(people: Clinic) -> None:
    found = access.user_named(people.store, "dr")
    assert found is not None
    matches = people.passwords.matches

    class Slow(Passwords):
        def matches(self, password: str, password_hash: str | None) -> bool:
            right = matches(password, password_hash)
            access.set_password(people.store, found.id, "another")
            return right

    with pytest.raises(SignInRefused):
        sign_in(Clinic(people.store, people.desk, passwords=Slow()), "dr", PASSWORD, HERE)


def test_guessing_at_one_user_has_to_wait_ever_longer_whatever_the_address(people: Clinic, clock: Clock) -> None:
    for number in range(5):
        fail(people, "dr", address=f"192.0.2.{number}")
    waits = []
    for number in range(12):
        with pytest.raises(TooMany) as raised:
            sign_in(people, "dr", PASSWORD, f"198.51.100.{number}")
        waits.append(raised.value.wait_s)
        clock.forward(seconds=raised.value.wait_s)
        fail(people, "dr", address=f"203.0.113.{number}")
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_the_right_password_after_the_wait_forgets_the_wrong_ones(people: Clinic, clock: Clock) -> None:
    fail(people, "dr", 5)
    clock.forward(seconds=1)
    sign_in(people, "dr", PASSWORD, HERE)
    fail(people, "dr", 4)
    sign_in(people, "dr", PASSWORD, HERE)


def test_spraying_one_password_over_many_users_has_to_wait(people: Clinic, clock: Clock) -> None:
    for number in range(20):
        fail(people, f"user{number}")
    with pytest.raises(TooMany):
        sign_in(people, "user20", "wrong", HERE)
    sign_in(people, "dr", PASSWORD, THERE)


def test_an_own_account_does_not_help_to_spray(people: Clinic, clock: Clock) -> None:
    """Signing in takes back its own count alone."""
    for number in range(20):
        fail(people, f"user{number}")
        if number < 19:
            sign_in(people, "dr", PASSWORD, HERE)
    with pytest.raises(TooMany):
        sign_in(people, "dr", PASSWORD, HERE)


def test_a_clinic_that_signs_in_rightly_never_waits(people: Clinic, clock: Clock) -> None:
    for _ in range(60):
        sign_in(people, "dr", PASSWORD, HERE)


def test_an_ipv6_household_counts_as_one(people: Clinic, clock: Clock) -> None:
    for number in range(20):
        fail(people, f"user{number}", address=f"2001:db8::{number:x}")
    with pytest.raises(TooMany):
        sign_in(people, "dr", PASSWORD, "2001:db8::ffff:1")
    assert network("::ffff:192.0.2.7") == "192.0.2.7"
    assert network("no address") == network("")


def test_a_restart_forgets_nothing(people: Clinic, clock: Clock) -> None:
    fail(people, "dr", 5)
    places = people.store.places
    people.store.close()
    with open_store(places) as again, pytest.raises(TooMany):
        sign_in(Clinic(again, people.desk, passwords=people.passwords), "dr", PASSWORD, THERE)


def test_attempts_made_at_once_are_all_counted(people: Clinic) -> None:
    seen: list[str] = []

    def try_once(number: int) -> None:
        try:
            sign_in(people, "dr", "wrong", f"192.0.2.{number}")
        except SignInRefused:
            seen.append("refused")
        except TooMany:
            seen.append("too many")

    threads = [threading.Thread(target=try_once, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen.count("refused") <= 7  # five are free, and a second may pass meanwhile
    assert len(seen) == 12


def test_an_account_is_locked_until_an_administrator_unlocks_it(people: Clinic, clock: Clock) -> None:
    inside = sign_in(people, "dr", PASSWORD, HERE)
    for number in range(LOCK_AFTER):
        clock.forward(minutes=16)
        fail(people, "dr", address=f"192.0.2.{number}")
        actor_of_token(people, inside)
    clock.forward(minutes=16)
    with pytest.raises(SignInRefused):
        sign_in(people, "dr", PASSWORD, HERE)
    assert actor_of_token(people, inside) is not None  # else anybody could turn a practitioner out
    root = actor_of_token(people, sign_in(people, "root", PASSWORD, HERE))
    assert root is not None
    (dr,) = (one for one in accounts.accounts(people.store) if one.username == "dr")
    assert dr.locked_at is not None
    unlock_user(people, root, dr.id)
    sign_in(people, "dr", PASSWORD, HERE)
    people.store.audit.verify()


def test_counting_names_nobody(people: Clinic) -> None:
    fail(people, "somebody.unusual", address="203.0.113.77")
    people.store.close()
    kept = b"".join(path.read_bytes() for path in Path(people.store.places.folder).glob("record.sqlite*"))
    assert b"somebody.unusual" not in kept
    assert b"203.0.113.77" not in kept


def test_old_counts_are_forgotten(people: Clinic, clock: Clock) -> None:
    fail(people, "dr", 5)
    clock.forward(hours=25)
    fail(people, "dr", 5)

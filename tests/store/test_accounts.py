"""Users' accounts and counted sign-ins, on both databases; several processes at once too."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from skinscan.store import Store, access, accounts, attempts
from skinscan.store.attempts import Counter, Limit
from skinscan.store.errors import NotFound, RecordError

FIVE_FREE = Limit(free=5, longest=timedelta(minutes=15), memory=timedelta(days=1))


def at_once(*work: Callable[[], None]) -> None:
    """Call all at the same time."""
    start = threading.Barrier(len(work))

    def begin(one: Callable[[], None]) -> None:
        start.wait()
        one()

    threads = [threading.Thread(target=begin, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def administrator(store: Store, name: str) -> str:
    return access.new_user(store, name, ["administrator"], password_hash="h").id


def test_waits_double_from_a_second_and_end() -> None:
    waits = [FIVE_FREE.wait(failures).total_seconds() for failures in (0, 4, 5, 6, 7, 14, 15, 1000)]
    assert waits == [0, 0, 1, 2, 4, 512, 900, 900]


def test_attempts_made_at_once_are_all_counted(store: Store) -> None:
    """Two counters each, taken in either order: nobody waits for the other for ever."""
    counters = [Counter("user a", FIVE_FREE), Counter("at b", FIVE_FREE)]
    seen: list[attempts.Counted] = []
    at_once(*[lambda order=order: seen.append(attempts.count(store, counters[::order])) for order in (1, -1) * 6])
    made = [one for one in seen if not one.wait_s]
    assert sorted(one.failures[0] for one in made) == list(range(1, len(made) + 1))
    assert 5 <= len(made) <= 7


def test_a_count_is_taken_back_or_forgotten(store: Store) -> None:
    counter = Counter("at b", FIVE_FREE)
    for _ in range(5):
        attempts.count(store, [counter])
    assert attempts.count(store, [counter]).wait_s > 0
    attempts.take_back(store, "at b")
    assert attempts.count(store, [counter]).failures == (5,)
    attempts.forget(store, "at b")
    assert attempts.count(store, [counter]).failures == (1,)
    attempts.take_back(store, "nobody")


def test_two_administrators_cannot_close_each_other(store: Store) -> None:
    first, second = administrator(store, "first"), administrator(store, "second")
    refused: list[str] = []

    def close(one: str) -> None:
        try:
            accounts.disable_user(store, one)
        except RecordError as error:
            refused.append(str(error))

    at_once(lambda: close(first), lambda: accounts.set_roles(store, first, ["administrator"]), lambda: close(second))
    assert len(refused) == 1
    assert "last administrator" in refused[0]
    assert accounts.has_administrator(store)
    store.audit.verify()


def test_an_account_tells_no_secret(store: Store) -> None:
    user = administrator(store, "root")
    accounts.lock(store, user)
    (one,) = accounts.accounts(store)
    assert (one.username, one.roles, one.has_password, one.of_patient) == ("root", {"administrator"}, True, False)
    assert one.locked_at is not None
    assert accounts.account(store, user) == one
    with pytest.raises(NotFound):
        access.begin_login(store, user, "a" * 64, one.locked_at + timedelta(hours=1))
    accounts.unlock(store, user)
    assert accounts.account(store, user).locked_at is None


@pytest.mark.parametrize("doing", [accounts.lock, accounts.unlock, accounts.disable_user, accounts.account])
def test_who_is_not_there_is_told(store: Store, doing: Callable[[Store, str], object]) -> None:
    with pytest.raises(NotFound):
        doing(store, "nobody")


def test_an_invited_user_has_no_password(store: Store) -> None:
    access.new_user(store, "root", ["administrator"])
    assert not accounts.has_administrator(store)
    assert not accounts.accounts(store)[0].has_password

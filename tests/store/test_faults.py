"""Killed processes, full disks and two writers at once: the record stays consistent, and nothing saved is lost."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable

import pytest

from skinscan.store import Places, Store, open_store, reading, recording, verifying
from skinscan.store.errors import RecordError, VaultError
from skinscan.store.tables import Photo
from tests.store.children import forked
from tests.store.conftest import Seen

KILLS = 20
SAID = Callable[[str], None]


def test_a_process_killed_while_saving_loses_nothing_that_it_saved(seen: Seen) -> None:
    """20 kills at moments spread over the time that saving three photos takes here: what was said to be saved is there
    byte for byte, and what was not is there wholly or not at all."""
    places, visit = seen.store.places, seen.visit.id
    seen.store.close()

    def save_on_and_on(say: SAID) -> None:
        with open_store(places) as store:
            say("begun")
            while True:
                original = os.urandom(60_000)
                photo = recording.save_photo(store, visit, original, "front")
                say(f"{photo.id} {original[:16].hex()}")

    saved: dict[str, str] = {}
    one_s = seconds_of_one(places, visit)
    for number in range(KILLS):
        words = forked(save_on_and_on).kill_after(3 * one_s * number / KILLS)
        saved.update(word.split(" ") for word in words[1:])

    with open_store(places) as store:
        found = verifying.verify(store)
        assert found.ok
        assert found.sound >= len(saved)
        assert len(found.unreferenced) <= KILLS
        rows = reading.rows_of(store, Photo, seen.patient.id)
        assert set(saved) <= {photo.id for photo in rows}
        assert sorted(photo.shot for photo in rows) == list(range(1, len(rows) + 1))
        for photo_id, start in saved.items():
            assert reading.original_of(store, photo_id)[:16].hex() == start
        assert not list(store.vault.folder.rglob(".begun-*"))
        store.audit.verify()
        assert verifying.remove_unreferenced(store) == len(found.unreferenced)
        assert verifying.verify(store).unreferenced == ()
    assert len(saved) >= 3  # else the kills would have come before the saving


def seconds_of_one(places: Places, visit: str) -> float:
    """How long saving a photo takes here: the median of five."""
    took = []
    with open_store(places) as store:
        for _ in range(5):
            began = time.perf_counter()
            recording.save_photo(store, visit, os.urandom(60_000), "front")
            took.append(time.perf_counter() - began)
    return sorted(took)[2]


def test_two_who_save_at_once_both_succeed(seen: Seen) -> None:
    places, visit, each = seen.store.places, seen.visit.id, 12
    seen.store.close()

    def save_some(say: SAID) -> None:
        with open_store(places) as store:
            for _ in range(each):
                recording.save_photo(store, visit, os.urandom(5000), "front")

    children = [forked(save_some) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    with open_store(places) as store:
        assert sorted(p.shot for p in reading.rows_of(store, Photo, seen.patient.id)) == list(range(1, 2 * each + 1))
        assert verifying.verify(store).sound == 2 * each
        store.audit.verify()


def test_two_who_start_a_clinic_at_once_make_one(store: Store) -> None:
    """Both find the tables missing or old; they wait for each other."""
    places = store.places
    children = [forked(lambda say: open_store(places).close()) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]


@pytest.mark.parametrize("limit", [40_000, 90_000])
def test_a_full_disk_is_an_error_and_no_half_photo(seen: Seen, limit: int) -> None:
    """A file may not grow beyond the limit: first the vault's, and (SQLite) the database's own log."""
    places, visit = seen.store.places, seen.visit.id
    seen.store.close()

    def save_until_full(say: SAID) -> None:
        with open_store(places) as store:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            with pytest.raises(VaultError, match="nothing of it was kept"):
                recording.save_photo(store, visit, os.urandom(limit + 1), "front")
            for _ in range(25):
                try:
                    photo = recording.save_photo(store, visit, os.urandom(1000), "front")
                except RecordError as error:
                    say(f"refused {error}")
                    break
                else:
                    say(f"saved {photo.id}")

    child = forked(save_until_full)
    words = child.said()
    assert child.wait() == 0
    saved = {word.split()[1] for word in words if word.startswith("saved")}
    refused = [word for word in words if word.startswith("refused")]
    with open_store(places) as store:
        rows = reading.rows_of(store, Photo, seen.patient.id)
        assert {photo.id for photo in rows} == saved
        assert verifying.verify(store).ok
        store.audit.verify()
        if store.database.is_sqlite:
            assert refused
            assert "make room" in refused[0]
            with store.database.engine.connect() as connection:
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        recording.save_photo(store, visit, os.urandom(1000), "front")  # with room again it goes on

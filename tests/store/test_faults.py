"""Full disks and two writers at once: the record stays consistent. (Killed processes: `test_killed_saving`.)"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable

import pytest

from skinscan.store import Store, open_store, reading, recording, verifying
from skinscan.store.errors import RecordError, VaultError
from skinscan.store.tables import Photo
from tests.store.children import forked
from tests.store.conftest import Seen

SAID = Callable[[str], None]


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

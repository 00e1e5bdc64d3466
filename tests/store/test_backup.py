"""A backup brings everything back but whom it must not; the master key is in none."""

from __future__ import annotations

import base64
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from skinscan.store import Places, Store, backup, consents, erasing, open_store, reading, recording, verifying
from skinscan.store.backup import make_backup
from skinscan.store.columns import Base, now
from skinscan.store.errors import BackupError, MasterKeyError
from skinscan.store.restoring import restore
from skinscan.store.tables import Photo
from tests.store.children import forked
from tests.store.conftest import NAME, Seen


@pytest.fixture
def to(tmp_path: Path) -> tuple[Path, Path]:
    """Where record and keys are backed up to."""
    return tmp_path / "backups", tmp_path / "elsewhere"


def _rows(store: Store) -> dict[str, list[str]]:
    with store.database.reading() as rows:
        return {
            table.name: sorted(map(repr, rows.execute(table.select()).all())) for table in Base.metadata.sorted_tables
        }


def _lost(store: Store, keys_too: bool = True) -> Places:
    """The clinic's machine is gone, but for the master key; a new place to restore to."""
    store.close()
    places = store.places
    shutil.move(places.folder, places.folder.with_name("gone"))
    if keys_too:
        shutil.move(places.keys, places.keys.with_name("gone-keys"))
    if places.database_url:
        import psycopg

        with psycopg.connect(places.database_url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
    return places


def test_everything_comes_back(seen: Seen, to: tuple[Path, Path]) -> None:
    store = seen.store
    originals = {os.urandom(3000) for _ in range(3)}
    for original in originals:
        recording.save_photo(store, seen.visit.id, original, "front")
    consents.give_consent(store, seen.patient.id, "sharing", wording="2026-1")
    made = make_backup(store, *to)
    before = _rows(store)
    restored = restore(_lost(store), made.record, made.keys)
    assert (restored.photos, restored.erased) == (3, ())
    with open_store(store.places) as back:
        assert {
            reading.original_of(back, photo.id) for photo in reading.rows_of(back, Photo, seen.patient.id)
        } == originals
        assert reading.name_of(back, seen.patient.id) == NAME
        after = _rows(back)
        del before["audit"], after["audit"]
        assert after == before
        assert verifying.verify(back).ok
        assert back.audit.verify() > 5
        recording.save_photo(back, seen.visit.id, b"one more", "front")


def test_neither_the_master_key_nor_anything_readable_is_in_a_backup(seen: Seen, to: tuple[Path, Path]) -> None:
    recording.save_photo(seen.store, seen.visit.id, b"secret " * 500, "front")
    make_backup(seen.store, *to)
    coded = seen.store.places.master_file.read_bytes().strip()
    key = base64.b64decode(coded)
    files = [path for place in to for path in place.rglob("*") if path.is_file()]
    assert len(files) >= 6
    for path in files:
        held = path.read_bytes()
        for words in (
            key,
            coded,
            key.hex().encode(),
            seen.store.keys.own,
            NAME.encode(),
            seen.patient.code.encode(),
            b"secret",
        ):
            assert words not in held, path
    assert not list(to[0].rglob("*.key"))


@pytest.mark.parametrize("keys_too", [True, False])
def test_an_erased_patient_never_comes_back(store: Store, to: tuple[Path, Path], keys_too: bool) -> None:
    gone, stays = Seen(store), Seen(store)
    for one in (gone, stays):
        recording.save_photo(store, one.visit.id, os.urandom(2000), "front")
    made = make_backup(store, *to)
    kept = to[1].with_name("a copy on a shelf")
    shutil.copytree(to[1], kept)
    assert erasing.erase_patient(store, gone.patient.id) == []
    assert not list(to[1].glob(f"keys-*/{gone.patient.id}.key"))
    assert not (to[0] / backup.POOL / gone.patient.id).exists()

    keys = kept / made.keys.name  # the shelf's copy still holds the key
    assert (keys / f"{gone.patient.id}.key").exists()
    restored = restore(_lost(store, keys_too), made.record, keys)
    assert restored.erased == (gone.patient.id,)
    with open_store(store.places) as back:
        assert [patient.id for patient in reading.patients(back)] == [stays.patient.id]
        assert list(back.keys.patients()) == [stays.patient.id]
        assert {patient_id for patient_id, _ in back.vault.kept()} == {stays.patient.id}
        assert verifying.verify(back).sound == 1
        assert back.erasures.ids() == (gone.patient.id,)


def test_a_backup_alone_does_not_say_who_was_erased_since(seen: Seen, to: tuple[Path, Path]) -> None:
    """Carried away from the lists beside it: then a list must be named, or that there is none."""
    made = make_backup(seen.store, *to)
    far = to[0].with_name("far")
    for path in (made.record, made.keys):
        shutil.copytree(path, far / path.name)
    with pytest.raises(BackupError, match="erased since"):
        restore(_lost(seen.store), far / made.record.name, far / made.keys.name)
    erased = to[0] / "erasures.list"
    assert restore(seen.store.places, far / made.record.name, far / made.keys.name, erasures=[erased]).erased == ()


def test_a_forged_list_of_erasures_is_refused(seen: Seen, to: tuple[Path, Path]) -> None:
    made = make_backup(seen.store, *to)
    (to[0] / "erasures.list").write_text(f'{{"patient": "{seen.patient.id}", "at": "2026-01-01", "proof": "0"}}\n')
    with pytest.raises(BackupError, match="damaged"):
        restore(_lost(seen.store), made.record, made.keys)


def test_a_backup_while_another_process_writes_is_of_one_moment(seen: Seen, to: tuple[Path, Path]) -> None:
    store, places, visit = seen.store, seen.store.places, seen.visit.id
    store.close()

    def save_on_and_on(say: Callable[[str], None]) -> None:
        with open_store(places) as other:
            say("begun")
            while True:
                recording.save_photo(other, visit, os.urandom(3000), "front")

    child = forked(save_on_and_on)
    os.read(child.output, 100)
    with open_store(places) as reopened:
        while not reading.rows_of(reopened, Photo, seen.patient.id):
            time.sleep(0.01)
        made = [make_backup(reopened, *to) for _ in range(3)]
        child.kill_now()
        assert made[0].photos <= made[1].photos <= made[2].photos
        assert made[2].photos > 0
        restored = restore(_lost(reopened), made[1].record, made[1].keys)
    assert restored.photos == made[1].photos
    with open_store(places) as back:
        found = verifying.verify(back)
        assert found.ok
        assert found.sound == made[1].photos
        back.audit.verify()


def test_what_is_there_is_not_written_over(seen: Seen, to: tuple[Path, Path]) -> None:
    made = make_backup(seen.store, *to)
    with pytest.raises(BackupError, match="a record already"):
        restore(seen.store.places, made.record)
    assert reading.name_of(seen.store, seen.patient.id) == NAME


def test_a_damaged_backup_is_refused_and_nothing_is_brought_back(seen: Seen, to: tuple[Path, Path]) -> None:
    recording.save_photo(seen.store, seen.visit.id, b"photo", "front")
    made = make_backup(seen.store, *to)
    places = _lost(seen.store)
    path = made.record / backup.RECORD
    sound = path.read_bytes()
    path.write_bytes(sound[:-40] + b"\0" + sound[-39:])
    with pytest.raises(BackupError, match="altered"):
        restore(places, made.record, made.keys)
    path.write_bytes(sound)
    assert restore(places, made.record, made.keys).photos == 1  # what the refused one left is no hindrance


def test_a_restore_without_the_master_key_is_refused(seen: Seen, to: tuple[Path, Path]) -> None:
    made = make_backup(seen.store, *to)
    places = _lost(seen.store)
    other = base64.b64encode(os.urandom(32)).decode()
    with pytest.raises(MasterKeyError, match="not the one"):
        restore(replace(places, master=other), made.record, made.keys)


def test_a_backup_with_a_photo_missing_says_so(seen: Seen, to: tuple[Path, Path]) -> None:
    photo = recording.save_photo(seen.store, seen.visit.id, b"photo", "front")
    seen.store.vault.path_of(seen.patient.id, photo.digest).unlink()
    with pytest.raises(BackupError, match="missing from the vault"):
        make_backup(seen.store, *to)
    assert backup.backups_in(to[0], "record-") == []


def test_keys_are_not_backed_up_beside_photos(seen: Seen, tmp_path: Path) -> None:
    for keys in (tmp_path / "b", tmp_path / "b" / "keys"):
        with pytest.raises(BackupError, match="apart"):
            make_backup(seen.store, tmp_path / "b", keys)
    with pytest.raises(BackupError, match="outside"):
        make_backup(seen.store, seen.store.places.folder / "b", tmp_path / "k")


def test_backups_go_when_their_days_are_over(
    seen: Seen, to: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = recording.save_photo(seen.store, seen.visit.id, b"photo", "front")
    first = make_backup(seen.store, *to)
    pooled = (
        to[0]
        / backup.POOL
        / seen.store.vault.path_of(seen.patient.id, photo.digest).relative_to(seen.store.vault.folder)
    )
    assert pooled.exists()
    monkeypatch.setattr(backup, "now", lambda: now() + timedelta(days=40))
    second = make_backup(seen.store, *to)
    assert (first.record.exists(), first.keys.exists()) == (True, False)  # 90 and 30 days
    monkeypatch.setattr(backup, "now", lambda: now() + timedelta(days=95))
    third = make_backup(seen.store, *to)
    assert [path.exists() for path in (first.record, second.record, second.keys, third.keys)] == [
        False,
        True,
        False,
        True,
    ]
    assert pooled.exists()


def test_a_record_moves_from_one_database_to_the_other(seen: Seen, to: tuple[Path, Path], tmp_path: Path) -> None:
    """The backup is the same for both: SQLite's comes back as SQLite elsewhere, and PostgreSQL's too."""
    recording.save_photo(seen.store, seen.visit.id, b"photo", "front")
    made = make_backup(seen.store, *to)
    new = replace(Places.under(tmp_path / "new"), master_file=seen.store.places.master_file)
    assert restore(new, made.record, made.keys).photos == 1
    with open_store(new) as back:
        assert reading.name_of(back, seen.patient.id) == NAME
        assert reading.rows_of(back, Photo, seen.patient.id)[0].made_at.tzinfo is not None
        back.audit.verify()

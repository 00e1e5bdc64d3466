"""Originals come back byte for byte or not at all; without the right master key nothing starts."""

from __future__ import annotations

import base64
import os
from dataclasses import replace
from pathlib import Path

import pytest

from skinscan.store import Places, Store, make_store, open_store, reading, recording, verifying
from skinscan.store.errors import MasterKeyError, NotFound, StoreError, VaultError
from skinscan.store.places import DATABASE_VARIABLE, MASTER_VARIABLE
from skinscan.store.sealing import Broken, derived, new_key, seal, unseal
from tests.store.conftest import Seen


@pytest.fixture
def plain_places(tmp_path: Path) -> Places:
    return Places.under(tmp_path / "clinic")


def test_verify_finds_what_is_missing_cut_short_altered_or_without_key(seen: Seen) -> None:
    store, other = seen.store, Seen(seen.store)
    photos = [recording.save_photo(store, seen.visit.id, os.urandom(4000), "front") for _ in range(5)]
    lost = recording.save_photo(store, other.visit.id, os.urandom(4000), "front")
    assert verifying.verify(store).ok
    paths = [store.vault.path_of(seen.patient.id, photo.digest) for photo in photos]
    paths[0].unlink()
    os.truncate(paths[1], 3000)
    changed = bytearray(paths[2].read_bytes())
    changed[2000] ^= 1
    paths[2].write_bytes(changed)
    paths[3].write_bytes(paths[4].read_bytes())  # sound by itself, but another photo's
    store.keys.destroy(other.patient.id)

    found = verifying.verify(store)
    assert not found.ok
    assert found.sound == 1
    assert {(one.photo_id, one.fault) for one in found.faults} == {
        (photos[0].id, "missing"), (photos[1].id, "truncated"), (photos[2].id, "altered"), (photos[3].id, "altered"),
        (lost.id, "no_key"),
    }  # fmt: skip
    assert found.patients_without_key == (other.patient.id,)
    for photo in photos[:4]:
        with pytest.raises(VaultError):
            reading.original_of(store, photo.id)
    assert len(reading.original_of(store, photos[4].id)) == 4000


@pytest.mark.parametrize("place", [0, 3, 4, 15, 16, 30, -17, -1])
def test_one_bit_anywhere_is_noticed(place: int) -> None:
    key = new_key()
    sealed = bytearray(seal(key, b"a photo", "here"))
    assert unseal(key, bytes(sealed), "here") == b"a photo"
    with pytest.raises(Broken):
        unseal(key, bytes(sealed), "there")
    sealed[place] ^= 128
    with pytest.raises(Broken):
        unseal(key, bytes(sealed), "here")


def test_keys_of_two_purposes_differ_and_nonces_do_not_repeat() -> None:
    key = new_key()
    assert len({derived(key, purpose) for purpose in ("photo", "address", "name")}) == 3
    assert len({seal(key, b"same", "here")[:16] for _ in range(200)}) == 200


def test_nothing_but_an_address_becomes_a_path(store: Store) -> None:
    for patient, address in (("../" * 8, "0" * 64), ("0" * 32, "../../etc/passwd"), ("0" * 32, "0" * 64 + "/..")):
        with pytest.raises(VaultError, match="no address"):
            store.vault.path_of(patient, address)


def test_a_missing_master_key_is_said_and_nothing_is_made(plain_places: Places) -> None:
    make_store(plain_places).close()
    plain_places.master_file.unlink()
    for start in (open_store, make_store):
        with pytest.raises(MasterKeyError) as refused:
            start(plain_places)
        assert "missing" in str(refused.value)
        assert "mode 0600" in refused.value.todo
        assert not plain_places.master_file.exists()


def test_another_master_key_is_refused(plain_places: Places) -> None:
    seen = Seen(make_store(plain_places))
    photo = recording.save_photo(seen.store, seen.visit.id, b"photo", "front")
    seen.store.close()
    right = plain_places.master_file.read_bytes()
    plain_places.master_file.write_bytes(base64.b64encode(os.urandom(32)))
    with pytest.raises(MasterKeyError, match="not the one of this clinic"):
        open_store(plain_places)
    plain_places.master_file.write_bytes(right)
    with open_store(plain_places) as store:
        assert reading.original_of(store, photo.id) == b"photo"


@pytest.mark.parametrize("text", ["", "short", "not base64 !", base64.b64encode(b"x" * 31).decode()])
def test_what_is_no_key_is_refused_without_showing_it(plain_places: Places, text: str) -> None:
    make_store(plain_places).close()
    with pytest.raises(MasterKeyError, match="is not one") as refused:
        open_store(replace(plain_places, master=text))
    assert not text or text not in str(refused.value)


def test_a_key_that_others_may_read_is_refused(plain_places: Places) -> None:
    make_store(plain_places).close()
    assert plain_places.master_file.stat().st_mode & 0o777 == 0o600
    plain_places.master_file.chmod(0o640)
    with pytest.raises(MasterKeyError, match="chmod 600"):
        open_store(plain_places)


def test_the_master_key_may_come_from_the_environment(tmp_path: Path) -> None:
    told = {
        "SKINSCAN_DATA": str(tmp_path / "d"), "SKINSCAN_KEYS": str(tmp_path / "k"),
        MASTER_VARIABLE: base64.b64encode(os.urandom(32)).decode(), "SKINSCAN_MASTER_KEY_FILE": str(tmp_path / "no"),
    }  # fmt: skip
    places = Places.of_environment(told)
    make_store(places).close()
    open_store(Places.of_environment(told)).close()
    assert not (tmp_path / "no").exists()
    assert told[MASTER_VARIABLE] not in repr(places)


def test_by_default_keys_lie_apart_from_the_record() -> None:
    places = Places.of_environment({DATABASE_VARIABLE: "postgres://u:secret@host/db"})
    assert places.folder not in places.keys.parents
    assert places.folder not in places.master_file.parents
    assert places.url == "postgresql+psycopg://u:secret@host/db"
    assert "secret" not in repr(places)


def test_record_and_keys_of_two_clinics_are_refused(tmp_path: Path) -> None:
    one, other = Places.under(tmp_path / "one"), Places.under(tmp_path / "other")
    make_store(one).close()
    make_store(other).close()
    mixed = replace(one, keys=other.keys, master_file=other.master_file)
    with pytest.raises(StoreError, match="not of one clinic"):
        open_store(mixed)


def test_an_empty_record_beside_photos_is_not_taken_for_a_new_clinic(plain_places: Places) -> None:
    seen = Seen(make_store(plain_places))
    recording.save_photo(seen.store, seen.visit.id, b"photo", "front")
    seen.store.close()
    for path in plain_places.folder.glob("record.sqlite*"):
        path.unlink()
    with pytest.raises(NotFound, match="restore"):
        open_store(plain_places)
    with pytest.raises(StoreError, match="photos or keys of another"):
        make_store(plain_places)
    with pytest.raises(StoreError):
        open_store(plain_places)


def test_a_second_clinic_is_not_made_over_the_first(plain_places: Places) -> None:
    make_store(plain_places).close()
    with pytest.raises(StoreError, match="a clinic already"):
        make_store(plain_places)
    open_store(plain_places).close()

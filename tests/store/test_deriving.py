"""What is made from photos is kept sealed, may be dropped whenever, and goes with its patient."""

from __future__ import annotations

import pytest

from skinscan.store import Store, recording
from skinscan.store.deriving import Made, Of, content_of, derived_of, drop_all, keep, kept
from skinscan.store.erasing import erase_patient
from skinscan.store.errors import NotFound

KEY = "ab" * 32


def test_what_was_made_comes_back_and_the_disk_does_not_show_it(store: Store) -> None:
    patient = recording.new_patient(store)
    ids = keep(store, Of(patient.id), KEY, {"page": Made(b"<p>secret</p>", "text/html", for_patient=True)})
    assert kept(store, patient.id, KEY) == ids
    found = derived_of(store, ids["page"])
    assert (found.media_type, found.for_patient, content_of(store, found)) == ("text/html", True, b"<p>secret</p>")
    on_disk = b"".join(path.read_bytes() for path in store.derived.folder.rglob("*") if path.is_file())
    assert on_disk
    assert b"secret" not in on_disk


def test_making_it_again_replaces_it(store: Store) -> None:
    patient = recording.new_patient(store)
    old = keep(store, Of(patient.id), KEY, {"page": Made(b"1", "text/plain"), "more": Made(b"2", "text/plain")})
    new = keep(store, Of(patient.id), KEY, {"page": Made(b"3", "text/plain")})
    assert kept(store, patient.id, KEY) == new
    with pytest.raises(NotFound):
        derived_of(store, old["page"])


def test_what_was_dropped_is_not_there_and_no_error(store: Store) -> None:
    patient = recording.new_patient(store)
    ids = keep(store, Of(patient.id), KEY, {"page": Made(b"1", "text/plain")})
    row = derived_of(store, ids["page"])
    store.derived.path_of(patient.id, row.address).unlink()
    assert kept(store, patient.id, KEY) == {}
    with pytest.raises(NotFound, match="dropped"):
        content_of(store, row)


def test_erasing_a_patient_takes_it_along(store: Store) -> None:
    patient = recording.new_patient(store)
    ids = keep(store, Of(patient.id), KEY, {"page": Made(b"1", "text/plain")})
    erase_patient(store, patient.id)
    assert not list(store.derived.folder.iterdir())
    with pytest.raises(NotFound):
        derived_of(store, ids["page"])


def test_what_is_made_anew_replaces_what_is_no_longer_wanted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = recording.new_patient(store)
    page = {"page": Made(b"1", "text/plain")}
    first = keep(store, Of(patient.id), "a" * 64, page)
    other = keep(store, Of(patient.id), "f" * 64, {"preview": Made(b"0", "text/plain")})
    second = keep(store, Of(patient.id), "b" * 64, {"page": Made(b"2", "text/plain")}, still=["a" * 64])
    assert kept(store, patient.id, "a" * 64) == first
    monkeypatch.setattr("skinscan.store.deriving.SETTLED_S", -1.0)
    third = keep(store, Of(patient.id), "c" * 64, {"page": Made(b"3", "text/plain")}, still=["b" * 64])
    assert kept(store, patient.id, "a" * 64) == {}
    assert kept(store, patient.id, "b" * 64) == second
    assert kept(store, patient.id, "c" * 64) == third
    assert kept(store, patient.id, "f" * 64) == other  # of another name
    assert len(list(store.derived.kept())) == 3


def test_all_of_it_may_be_dropped(store: Store) -> None:
    patient = recording.new_patient(store)
    keep(store, Of(patient.id), KEY, {"page": Made(b"1", "text/plain")})
    assert drop_all(store) == 1
    assert kept(store, patient.id, KEY) == {}
    assert not list(store.derived.kept())

"""The clinic from the command line, from its beginning to a restore."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from skinscan.cli import main
from skinscan.store import Places, open_store, recording
from tests.store.conftest import NAME, Seen


@pytest.fixture(autouse=True)
def _of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, place in (("DATA", "data"), ("KEYS", "keys"), ("MASTER_KEY_FILE", "master.key")):
        monkeypatch.setenv(f"SKINSCAN_{name}", str(tmp_path / place))
    for name in ("SKINSCAN_DATABASE_URL", "SKINSCAN_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)


def run(*words: object, said: str = "") -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], input=said)


def test_a_clinic_from_its_beginning_to_a_restore(tmp_path: Path) -> None:
    missing = run("vault", "verify")
    assert missing.exit_code == 1
    assert "skinscan vault init" in missing.stderr

    begun = run("vault", "init")
    assert begun.exit_code == 0, begun.output
    assert "Keep a copy of the master key elsewhere" in begun.output
    with open_store(Places.of_environment()) as store:
        gone, stays = Seen(store), Seen(store)
        for one in (gone, stays):
            photo = recording.save_photo(store, one.visit.id, one.patient.id.encode(), "front")
    assert "2 photos are as they were kept, 0 are not" in run("vault", "verify").output
    assert run("audit", "verify").output == "9 lines hold together.\n"

    saved = run("backup", tmp_path / "b", "--keys", tmp_path / "k")
    assert saved.exit_code == 0, saved.output
    assert "Record and 2 photos" in saved.output

    done = run("patient", "export", gone.patient.code, tmp_path / "patient.zip")
    assert done.exit_code == 0, done.output
    assert NAME not in done.output
    with zipfile.ZipFile(tmp_path / "patient.zip") as archive:
        assert gone.patient.id.encode() in [archive.read(name) for name in archive.namelist()]
    assert run("patient", "erase", gone.patient.code, said="n\n").exit_code == 1
    assert run("patient", "erase", gone.patient.code, "--yes").output == "Erased.\n"
    assert run("patient", "erase", gone.patient.code, "--yes").exit_code == 1

    (tmp_path / "data").rename(tmp_path / "lost")
    (record,) = (tmp_path / "b").glob("record-*")
    back = run("restore", record)
    assert back.exit_code == 0, back.output
    assert "record and 1 photos are back" in back.output
    assert "1 patients on the list of erasures were left out" in back.output
    assert run("audit", "verify").exit_code == 0

    with open_store(Places.of_environment()) as store:
        store.vault.path_of(stays.patient.id, photo.digest).unlink()
    broken = run("vault", "verify")
    assert broken.exit_code == 1
    assert f"photo {photo.id} of patient {stays.patient.id}: missing" in broken.output


def test_what_a_killed_saving_left_is_told_and_swept() -> None:
    run("vault", "init")
    with open_store(Places.of_environment()) as store:
        seen = Seen(store)
        store.vault.put(seen.patient.id, b"no row tells of it")
    assert "1 photos in the vault are not in the record" in run("vault", "verify").output
    assert "1 of them were removed" in run("vault", "verify", "--sweep").output
    assert "not in the record" not in run("vault", "verify").output

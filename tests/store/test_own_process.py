"""Each command in a process of its own, as it is typed: nothing may rest on what another part has imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_a_record_that_is_up_to_date_is_backed_up_erased_from_and_restored(tmp_path: Path) -> None:
    kept = dict(os.environ)
    for name in ("SKINSCAN_DATABASE_URL", "SKINSCAN_MASTER_KEY"):
        kept.pop(name, None)
    key = str(tmp_path / "master.key")

    def run(place: str, *words: str) -> str:
        places = {"SKINSCAN_DATA": f"{tmp_path}/{place}", "SKINSCAN_KEYS": f"{tmp_path}/{place}-keys"}
        done = subprocess.run(
            [sys.executable, "-m", "skinscan.cli", *words], env={**kept, **places, "SKINSCAN_MASTER_KEY_FILE": key},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("clinic", "vault", "init")
    code = _patient_added(tmp_path / "clinic", tmp_path / "clinic-keys", Path(key))
    run("clinic", "backup", str(tmp_path / "b"), "--keys", str(tmp_path / "k"))
    (record,) = (tmp_path / "b").glob("record-*")
    (keys,) = (tmp_path / "k").glob("keys-*")
    run("again", "restore", str(record), "--keys", str(keys))
    assert "Erased" in run("again", "patient", "erase", code, "--yes")
    assert "Erased" in run("clinic", "patient", "erase", code, "--yes")


def _patient_added(data: Path, keys: Path, master_key: Path) -> str:
    """In a process of its own too, or this one would know all tables."""
    done = subprocess.run(
        [sys.executable, "-c", _ADDED], capture_output=True, text=True, timeout=120, check=True,
        env={
            **os.environ, "SKINSCAN_DATA": str(data), "SKINSCAN_KEYS": str(keys),
            "SKINSCAN_MASTER_KEY_FILE": str(master_key),
        },
    )  # fmt: skip
    return done.stdout.strip()


_ADDED = """
from skinscan.store import Places, open_store, recording
with open_store(Places.of_environment()) as store:
    print(recording.new_patient(store, name="Ada").code)
"""

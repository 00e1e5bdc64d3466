"""A practitioner's process killed 20 times while photos are brought, saved and measured: nothing that was said to be
saved is lost, nothing half stands in the record, nothing lies about in clear."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine, event, func, select

from skinscan.services import Actor, Clinic, measuring, visits
from skinscan.store import Places, Store, deriving, open_store, reading, recording, verifying
from skinscan.store.access import new_user
from skinscan.store.consents import give_consent
from skinscan.store.measured_tables import AssessmentRow, Derived, MeasurementRow
from skinscan.store.tables import Photo, Visit
from skinscan.web.workplace import Workplace
from tests.store.conftest import DAY, ZONE

KILLS = {"sqlite": 20, "postgresql": 8}
_FILES = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir"}


@dataclass(frozen=True)
class Job:
    """What a killed process works on."""

    places: Places
    base: Path
    patient_id: str
    user_id: str
    photo: bytes
    """A photo of skin; each one saved is of its own."""


def of_its_own(photo: bytes, seed: int) -> bytes:
    """The photo again, as nobody has it: a comment of noise behind its first marker, 40 kB of it."""
    noise = np.random.default_rng(seed).bytes(40_000)
    return photo[:2] + b"\xff\xfe" + (len(noise) + 2).to_bytes(2, "big") + noise + photo[2:]


def work(job: Job, number: int, step: int, say: Connection) -> None:
    """Bring, save and measure a photo; the process kills itself at a step (0: never), and tells how many there were.

    A step is a statement or a commit to the database, or a file of the clinic opened, renamed, removed: between any
    two of them a power cut may come.
    """
    import cv2

    cv2.setNumThreads(1)
    actor = Actor(job.user_id, "tara", frozenset({"practitioner"}))
    original = of_its_own(job.photo, number)
    with open_store(job.places) as store:
        clinic = Clinic(store, Workplace(job.base).desk("clinic"), zone=ZONE)
        steps = count_steps(str(job.base.parent), step)
        item = visits.bring(clinic, actor, "front.jpg", original).item
        visiting = visits.Visiting(DAY + timedelta(days=number), ZONE, "face", capture={"mm_per_px": 0.05})
        saved = visits.save(clinic, actor, job.patient_id, visiting, [visits.Shown(item, "front")])
        say.send(("saved", saved.photos[0]))
        say.send(("steps of saving", len(steps)))
        measuring.assess(clinic, actor, saved.photos[0])
        with clinic.in_clear() as folder:  # as a course is followed
            (folder / "000.photo").write_bytes(original)
        say.send(("steps", len(steps)))


def count_steps(folder: str, kill_at: int) -> list[str]:
    """From now on a list of the steps taken. (It cannot be undone; the process ends soon.)"""
    steps: list[str] = []

    def step(what: str) -> None:
        steps.append(what)
        if len(steps) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(name: str, details: tuple[Any, ...]) -> None:
        if name in _FILES and str(details[0]).startswith(folder):
            step(name)

    sys.addaudithook(heard)
    event.listen(Engine, "before_cursor_execute", lambda *told: step(told[2]))
    event.listen(Engine, "commit", lambda *told: step("commit"))
    return steps


def told_by(job: Job, number: int, step: int) -> dict[str, Any]:
    """What a process said until its end, or until it was killed at a step."""
    context = multiprocessing.get_context("forkserver")  # forked from a process without threads, libraries loaded
    context.set_forkserver_preload(["skinscan.assessment", "skinscan.services.measuring", __name__])
    hear, say = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(job, number, step, say))
    process.start()
    say.close()
    said: dict[str, Any] = {}
    with suppress(EOFError):
        while True:
            said.update([hear.recv()])
    process.join()
    assert process.exitcode == (-signal.SIGKILL if step else 0)
    hear.close()
    process.close()
    return said


@pytest.fixture
def job(store: Store, tmp_path: Path) -> Job:
    from skinscan.phantom import Camera, SkinRecipe, make_skin, photograph

    skin = make_skin(SkinRecipe(seed=1, tone="III", width_mm=20, height_mm=20), 20.0)
    pixels = np.asarray(photograph(skin, Camera(px_per_mm=20, size_px=(320, 320), seed=3)).pixels)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=92)
    patient = recording.new_patient(store)
    give_consent(store, patient.id, "treatment")
    user = new_user(store, "tara", ["practitioner"])
    base = tmp_path / "temporary"
    base.mkdir()
    return Job(store.places, base, patient.id, user.id, buffer.getvalue())


def in_clear(folder: Path, needles: list[bytes]) -> Iterator[Path]:
    """Files that hold a piece of a photo."""
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if any(needle in content for needle in needles):
                yield path


@pytest.mark.timeout(300)
def test_a_practitioners_process_may_be_killed_at_any_moment(job: Job, kind: str, tmp_path: Path) -> None:
    whole = told_by(job, 0, step=0)
    saved = {whole["saved"]: 0}
    of_saving, of_all = whole["steps of saving"], whole["steps"] - 6  # the first one made some folders more
    half = KILLS[kind] // 2
    moments = [*np.linspace(1, of_saving + 1, half).round(), *np.linspace(of_saving + 2, of_all, half).round()]
    for number, step in enumerate(moments, 1):
        said = told_by(job, number, int(step))
        if "saved" in said:
            saved[said["saved"]] = number

        Workplace(job.base).close()  # as the next start does
        assert list(job.base.iterdir()) == []
        with open_store(job.places) as store:
            check(store, job, saved, number)
    with open_store(job.places) as store:
        left = len(verifying.verify(store).unreferenced)
        assert 0 < left == verifying.remove_unreferenced(store)  # of kills between the vault and the row
        assert verifying.verify(store).unreferenced == ()
    assert half < len(saved) <= KILLS[kind]  # some were acknowledged before the kill, some not
    pieces = [of_its_own(job.photo, number)[2_000:2_032] for number in range(len(moments) + 1)]
    assert list(in_clear(tmp_path, [*pieces, job.photo[-400:-368]])) == []
    (tmp_path / "one").write_bytes(of_its_own(job.photo, 3))
    assert list(in_clear(tmp_path, pieces)) == [tmp_path / "one"]  # it would have been found


def check(store: Store, job: Job, saved: dict[str, int], tried: int) -> None:
    """Everything acknowledged is there byte for byte, everything else wholly or not at all."""
    assert verifying.verify(store).ok
    store.audit.verify()
    photos = {photo.id: photo for photo in reading.rows_of(store, Photo, job.patient_id)}
    assert set(saved) <= set(photos)
    originals = {of_its_own(job.photo, number): number for number in range(tried + 1)}
    for photo_id in photos:
        number = originals[reading.original_of(store, photo_id)]
        assert saved.get(photo_id, number) == number
    told = {photo.visit_id for photo in photos.values()}
    assert told <= {visit.id for visit in reading.rows_of(store, Visit, job.patient_id)}
    with store.database.reading() as rows:
        assert all(deriving.content_of(store, one) for one in rows.scalars(select(Derived)))
        of_each = select(func.count(MeasurementRow.id)).join(AssessmentRow).group_by(AssessmentRow.id)
        assert len(set(rows.scalars(of_each))) <= 1  # an assessment has all of its numbers
    assert not list(store.vault.folder.rglob(".begun-*"))

"""The whole server killed while a practitioner works on its page: the next start finds all that was acknowledged."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from skinscan.phantom import Camera, SkinRecipe, make_skin, photograph
from skinscan.store import open_store, reading, recording, verifying
from skinscan.store.tables import Photo
from tests.services.identity import PASSWORD
from tests.web.made_photos import noise, patient
from tests.web.served_process import Ground, ServedProcess
from tests.web.visitor import Visitor

_GONE = (httpx.HTTPError, ConnectionError)


class Clinic:
    """A clinic's server that is killed and started again, and what one practitioner knows to be saved there."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        with ground.make("tara") as store:
            self.patient_id = patient(store)
            recording.add_course(store, self.patient_id, "face", "pores")
        self.server = ServedProcess(ground)
        self.sent: list[bytes] = []
        self.days = 0
        self.acknowledged: list[bytes] = []
        self.visitor = Visitor(self.server.address)
        self.visitor.sign_in("tara", PASSWORD)

    def add(self, *photos: bytes) -> None:
        self.visitor.open(self.patient_id)
        self.days += 1  # each a visit of its own
        self.visitor.type("when", f"2026-01-{self.days:02d} 10:00")
        self.visitor.add(*((f"front {number}.jpg", photo) for number, photo in enumerate(photos)))

    def save(self, *photos: bytes) -> None:
        self.add(*photos)
        self.sent += photos
        self.visitor.save()
        self.acknowledged += photos

    def killed_while(
        self, work: Callable[[], object], after_s: float = 0.0, once: Callable[[], bool] | None = None
    ) -> None:
        """Kill the server so long after `work` began, or once something is so; then start it again and look."""

        def go_on() -> None:
            with suppress(*_GONE):
                work()

        thread = threading.Thread(target=go_on)
        thread.start()
        end = time.monotonic() + 60
        while not once():
            assert thread.is_alive(), "it was done before it could be killed"
            assert time.monotonic() < end
            time.sleep(0.002)
        self.server.kill()
        thread.join(60)
        self.check()
        self.server = ServedProcess(self.ground)
        cookies = self.visitor.http.cookies
        self.visitor.http.close()
        self.visitor = Visitor(self.server.address, cookies)  # who was signed in still is
        assert self.visitor.http.get("/practitioner/").status_code == 200
        self.check_nothing_in_clear()

    def check(self) -> None:
        with open_store(self.ground.places) as store:
            found = [reading.original_of(store, p.id) for p in reading.rows_of(store, Photo, self.patient_id)]
            assert set(self.acknowledged) <= set(found) <= set(self.sent)
            assert len(set(found)) == len(found)
            assert verifying.verify(store).ok
            store.audit.verify()

    def lines(self) -> int:
        """Of the audit log."""
        with open_store(self.ground.places) as store:
            return store.audit.count()

    def kept(self) -> int:
        """Photos in the vault."""
        return sum(1 for path in self.ground.places.vault.glob("*/*/*") if not path.name.startswith("."))

    def in_clear(self) -> list[Path]:
        """Files that the server holds outside of its record: uploads, originals that are read."""
        found = []
        for path in self.ground.temporary.glob("skinscan-web-*/**/*"):
            with suppress(FileNotFoundError):  # wiped meanwhile
                if path.is_file() and path.stat().st_size:
                    found.append(path)
        return found

    def check_nothing_in_clear(self) -> None:
        assert self.in_clear() == []
        ends = [photo[-500:-468] for photo in self.sent]
        for path in self.ground.folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert not any(end in content for end in ends), path


def skin(seed: int) -> bytes:
    """A small photo of skin."""
    made = make_skin(SkinRecipe(seed=seed, tone="III", width_mm=20, height_mm=20), 20.0)
    pixels = np.asarray(photograph(made, Camera(px_per_mm=20, size_px=(320, 320), seed=seed)).pixels)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


@pytest.mark.timeout(900)
def test_the_server_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    clinic = Clinic(Ground(tmp_path))
    try:
        first = skin(1)
        clinic.save(first)

        big = noise(2, 3000, 4000) * 6  # 60 MB, half of them there
        clinic.visitor.open(clinic.patient_id)
        clinic.killed_while(lambda: clinic.visitor.upload(("a.jpg", big)), once=clinic.in_clear)

        # photos arrived, on the tray alone; then eight photos of a visit, of which some are in the record
        clinic.add(*(noise(number) for number in range(10, 14)))
        many = [noise(number, 300, 400) for number in range(20, 28)]
        clinic.add(*many)
        clinic.sent += many
        clinic.killed_while(clinic.visitor.save, once=lambda: clinic.kept() >= 4)

        # while it measures, and while it follows the course, with originals on the desk
        clinic.save(skin(2))
        lines = clinic.lines()
        clinic.killed_while(clinic.visitor.measure, once=lambda: clinic.lines() > lines)
        clinic.save(skin(3))
        clinic.killed_while(clinic.visitor.measure, once=clinic.in_clear)

        clinic.save(noise(30))
        clinic.check()
    finally:
        clinic.server.kill()
        clinic.visitor.http.close()

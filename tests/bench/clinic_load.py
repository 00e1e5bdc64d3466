"""How long practitioners wait who save photos at the same time: `python -m tests.bench.clinic_load`.

The real server in a process of its own, on SQLite, asked over loopback as browsers ask (`tests.web.visitor`): a page
opened, a photo of 12 megapixels and 5 MB added, seen, saved. First one practitioner alone, then all at once; at the end
every photo that was acknowledged is in the record byte for byte, with its own patient.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np

from skinscan.store import open_store, reading, verifying
from skinscan.store.tables import Photo
from tests.bench import photos as made
from tests.services.identity import PASSWORD
from tests.web.made_photos import patient
from tests.web.served_process import Ground, ServedProcess
from tests.web.visitor import Visitor

KEPT = Path(tempfile.gettempdir()) / "skinscan-bench"
STEPS = {"page": "open a patient's page", "add": "a photo sent and shown", "seen": "its preview fetched",
         "save": "saved", "whole": "all of it"}  # fmt: skip
BYTES = 5_000_000


@dataclass
class Waits:
    """Seconds waited, by step; what was acknowledged, by patient."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {step: [] for step in STEPS})
    saved: dict[str, list[int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def timed(self, step: str, work: Callable[[], object]) -> None:
        began = time.perf_counter()
        work()
        with self._lock:
            self.seconds[step].append(time.perf_counter() - began)

    def percentile(self, step: str, share: float) -> float:
        return float(np.percentile(self.seconds[step], share))


def of_its_own(photo: bytes, seed: int) -> bytes:
    """The photo as nobody else has it: 5 MB together with comments of noise, which no decoder looks at."""
    draw = np.random.default_rng(seed)
    parts = [photo[:2]]
    for _ in range(max(1, (BYTES - len(photo)) // 60_000)):
        parts.append(b"\xff\xfe" + (60_002).to_bytes(2, "big") + draw.bytes(60_000))
    return b"".join([*parts, photo[2:]])


def practise(waits: Waits, address: str, name: str, patient_id: str, seeds: range, photo: bytes, until: float,
             measured: bool) -> None:  # fmt: skip
    """One practitioner, visit after visit of a patient of their own, until the time is over."""
    with Visitor(address) as visitor:
        visitor.sign_in(name, PASSWORD)
        for seed in seeds:
            if time.monotonic() > until:
                return
            original = of_its_own(photo, seed)
            began = time.perf_counter()
            waits.timed("page", lambda: visitor.open(patient_id))
            waits.timed("add", lambda original=original: visitor.add(("front.jpg", original)))
            (item,) = visitor.shown()
            waits.timed("seen", lambda item=item: visitor.media(item).raise_for_status())
            if measured:
                visitor.judge()
            waits.timed("save", visitor.save)
            if "Saved: 1 photo" not in visitor.done:
                raise SystemExit(f"not saved: {visitor.done}")
            waits.seconds["whole"].append(time.perf_counter() - began)
            waits.saved.setdefault(patient_id, []).append(seed)
            if measured:
                visitor.measure()


def run(address: str, people: dict[str, str], photo: bytes, seconds: float, first: int,
        measured: bool) -> Waits:  # fmt: skip
    """All people at once for a while."""
    waits, until = Waits(), time.monotonic() + seconds
    with ThreadPoolExecutor(len(people)) as pool:
        done = [
            pool.submit(practise, waits, address, name, whose, range(first + 10_000 * n, first + 10_000 * (n + 1)),
                        photo, until, measured)
            for n, (name, whose) in enumerate(people.items())
        ]  # fmt: skip
        for one in done:
            one.result()
    return waits


def check(ground: Ground, photo: bytes, *runs: Waits) -> int:
    """Nothing lost, nothing mixed up; how many photos there are."""
    count = 0
    with open_store(ground.places) as store:
        if not verifying.verify(store).ok:
            raise SystemExit("the record and the vault do not hold together")
        store.audit.verify()
        for whose in {patient_id for waits in runs for patient_id in waits.saved}:
            seeds = [seed for waits in runs for seed in waits.saved.get(whose, ())]
            found = {reading.original_of(store, row.id) for row in reading.rows_of(store, Photo, whose)}
            if found != {of_its_own(photo, seed) for seed in seeds}:
                raise SystemExit(f"photos of a patient are lost or mixed up: {len(found)} of {len(seeds)}")
            count += len(found)
    return count


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long all work at once; one alone a third of it.")
@click.option("--practitioners", default=8, show_default=True)
@click.option("--measured", is_flag=True, help="Photos judged and measured too, as the page does by itself.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def load(seconds: float, practitioners: int, measured: bool, as_json: bool) -> None:
    """Practitioners saving photos of 12 megapixels at the same time."""
    photo = made.make(KEPT).phone.read_bytes()
    with tempfile.TemporaryDirectory(prefix="skinscan-load-") as folder:
        ground = Ground(Path(folder))
        names = [f"practitioner-{number}" for number in range(practitioners)]
        with ground.make(*names) as store:
            people = {name: patient(store) for name in names}
        server = ServedProcess(ground)
        try:
            only = {names[0]: people[names[0]]}
            warm = run(server.address, only, photo, 3.0, 5_000_000, measured=False)  # all loaded at first use
            alone = run(server.address, only, photo, seconds / 3, 0, measured)
            together = run(server.address, people, photo, seconds, 1_000_000, measured)
        finally:
            server.stop()
        count = check(ground, photo, warm, alone, together)
    told = {
        step: {"alone_p50_s": alone.percentile(step, 50), "p50_s": together.percentile(step, 50),
               "p95_s": together.percentile(step, 95),
               "p95_to_alone": together.percentile(step, 95) / alone.percentile(step, 50)}
        for step in STEPS
    }  # fmt: skip
    per_minute = 60 * len(together.seconds["save"]) / seconds
    if as_json:
        click.echo(json.dumps({"steps": told, "photos_per_minute": per_minute, "photos": count}, indent=1))
        return
    click.echo(
        f"{practitioners} practitioners for {seconds:.0f} s: {per_minute:.0f} photos a minute; all {count} there"
    )
    click.echo("| step | alone, median | together, median | together, 95 % within | ratio |\n|---|---|---|---|---|")
    for step, title in STEPS.items():
        one = told[step]
        click.echo(f"| {title} | {one['alone_p50_s']:.2f} s | {one['p50_s']:.2f} s | {one['p95_s']:.2f} s | "
                   f"{one['p95_to_alone']:.1f} |")  # fmt: skip


if __name__ == "__main__":
    load()

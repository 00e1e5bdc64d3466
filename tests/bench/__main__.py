"""`python -m tests.bench`: time everything in turn, hold it against the bars, and put the table into docs/speed.md.

One process, one thread. D is one `cv2.imread` of the 12-megapixel phone photo, timed in every round beside the rest:
clocks of shared machines drift by a fifth and more, ratios of neighbours hold. pytest-benchmark times one thing after
the other, so the rounds are our own.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
import cv2
import numpy as np

from skinscan.arrays import fused
from skinscan.assessment import assess, assess_frame
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.comparison import compare
from skinscan.measures import all_measures
from skinscan.measures.maps import Maps
from skinscan.measures.pores import counted_pores, floor_um
from skinscan.profiling import profile
from skinscan.study.scoring import score
from tests.bench import yardstick
from tests.bench.photos import PX_PER_MM, Photos, make

ROOT = Path(__file__).resolve().parents[2]
SCALE = 1 / PX_PER_MM
FOLDER = Path(os.environ.get("SKINSCAN_BENCH", "build/bench"))

FROZEN = (
    "redness.a_star", "redness.erythema_index", "redness.haemoglobin", "redness.area", "pigment.melanin",
    "pigment.ita", "pigment.evenness", "pores.area", "pores.density", "pores.diameter_p10", "pores.diameter_p50",
    "pores.diameter_p90", "pores.visible_share", "pores.elongation",
    *(f"texture.roughness_{band}um" for band in ("100_250", "250_500", "500_1000", "1000_2000", "2000_5000")),
    *(f"texture.glcm_{name}_{um}um" for um in (100, 200, 400)
      for name in ("contrast", "homogeneity", "entropy", "energy", "correlation")),
)  # fmt: skip
"""The measures that are timed, those of the main job: a later measure does not move the bars."""

MEMORY = """
import sys
from skinscan.assessment import assess
assess(sys.argv[1], mm_per_px=float(sys.argv[3]), evidence=False)
def told(name):
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith(name))
open("/proc/self/clear_refs", "w").write("5")
idle = told("VmRSS")
assess(sys.argv[2], mm_per_px=float(sys.argv[3]), evidence=False)
print(told("VmHWM") - idle)
"""


@dataclass(frozen=True)
class Bar:
    """What was promised, what was reached, plain and with the compiled kernels, and whether that is enough."""

    what: str
    bar: str
    reached: str
    met: bool
    with_kernels: str = ""


def rounds(jobs: Mapping[str, Callable[[], Any]], count: int) -> dict[str, float]:
    """Median seconds of each job, one of each a round; a first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(count + 1):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            if number:
                times[name].append(time.perf_counter() - start)
    return {name: median(taken) for name, taken in times.items()}


def _assess(path: Path) -> None:
    assess(path, mm_per_px=SCALE, evidence=False)


def _with_kernels(job: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        fused.load_kernels()
        try:
            return job()
        finally:
            fused.unload()

    return run


def speed(photos: Photos, count: int) -> list[Bar]:
    """The bars in D, in one run of interleaved rounds."""
    square = make_frame(read_photo(photos.square), mm_per_px=SCALE)
    jobs: dict[str, Callable[[], Any]] = {
        "square": lambda: assess_frame(Maps(square, lasting=False), evidence=False),
        "phone": lambda: _assess(photos.phone),
        "frame": lambda: _assess(photos.frames[12]),
        "pair": lambda: compare(photos.phone, photos.later, mm_per_px=SCALE, evidence=False),
    }
    compiled = {f"{name} compiled": _with_kernels(job) for name, job in jobs.items()}
    found = rounds({"D": lambda: cv2.imread(str(photos.phone)), **jobs, **compiled}, count)
    d = found["D"]
    click.echo(f"D {1000 * d:.1f} ms", err=True)
    told = (
        ("square", "assess a 2048 px square", 2.0),
        ("phone", "decode, standardise and assess a 12 MP phone photo, 4.2 MP of skin", 4.0),
        ("frame", "the same, 12 MP of skin", 8.0),
        ("pair", "compare two of the first kind, all included", 12.0),
    )
    bars = []
    for name, what, bar in told:
        plain, fast = found[name] / d, found[f"{name} compiled"] / d
        bars.append(Bar(what, f"{bar:g} D", f"{plain:.1f} D", min(plain, fast) <= bar, f"{fast:.1f} D"))
    return bars


def against_yardstick(photos: Photos) -> list[Bar]:
    """How many times faster than scikit-image, and what pores are found beside it."""
    square = make_frame(read_photo(photos.square), mm_per_px=SCALE)

    def ours() -> Any:
        return assess_frame(Maps(square, lasting=False), evidence=False)

    jobs = {"ours": ours, "compiled": _with_kernels(ours), "theirs": lambda: yardstick.assess(photos.pixels, SCALE)}
    found = rounds(jobs, 1)
    times, compiled = (found["theirs"] / found[name] for name in ("ours", "compiled"))
    f1 = {name: _f1_of(photos, Maps(square), find) for name, find in (
        ("ours", counted_pores), ("compiled", lambda maps: _with_kernels(lambda: counted_pores(maps))()),
    )}  # fmt: skip
    maps = Maps(square)
    blobs = yardstick.pores(yardstick.flattened(square.photo.linear_rgb().astype(float), SCALE), maps.um_per_px)
    f1["theirs"] = _f1(photos, maps, blobs[:, 1::-1], 2 * math.sqrt(2) * blobs[:, 2] * maps.um_per_px)
    least = f1["theirs"] - 0.01
    return [
        Bar(
            "the square against scikit-image", "110 times faster", f"{times:.0f} times", max(times, compiled) >= 110,
            f"{compiled:.0f} times",
        ),
        Bar(
            "F1 of its pores, against `blob_log`", f"{least:.3f}", f"{f1['ours']:.3f}",
            min(f1["ours"], f1["compiled"]) >= least, f"{f1['compiled']:.3f}",
        ),
    ]  # fmt: skip


def _f1_of(photos: Photos, maps: Maps, find: Callable[[Maps], Any]) -> float:
    pits = find(maps)
    return _f1(photos, maps, np.stack([pits.x, pits.y], 1) + maps.origin_xy, pits.diameter * maps.um_per_px)


def _f1(photos: Photos, maps: Maps, places: np.ndarray, sizes_um: np.ndarray) -> float:
    truth = photos.truth
    seen = truth.pore_visible
    known = np.stack([truth.pore_x_px, truth.pore_y_px], 1)[seen]
    return score(places, sizes_um, known, truth.pores.diameter_um[seen], maps.um_per_px, floor_um(maps)).f1


def growth(photos: Photos, count: int) -> Bar:
    """Exponent of cost against pixels, whole frames of skin, decoding included."""
    sizes = [size for size in photos.frames if size <= 24]
    found = rounds({str(size): lambda size=size: _assess(photos.frames[size]) for size in sizes}, count)
    exponent = float(np.polyfit(np.log(sizes), np.log([found[str(size)] for size in sizes]), 1)[0])
    return Bar("cost against pixels, 1 to 24 MP", "exponent 1.02", f"{exponent:.2f}", exponent <= 1.02)


def memory(photos: Photos) -> list[Bar]:
    """Most memory over the idle process that knows its libraries, each in a process of its own (Linux only)."""
    if not Path("/proc/self/clear_refs").exists():
        return []
    bars = []
    cases = (("12 MP photo, 4.2 MP of skin", photos.phone, 350), ("12 MP of skin", photos.frames[12], 350),
             ("48 MP of skin", photos.frames[48], 400))  # fmt: skip
    for what, path, bar in cases:
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(photos.frames[1]), str(path), str(SCALE)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        reached = float(done.stdout)
        bars.append(Bar(f"peak memory, {what}", f"{bar} MB", f"{reached:.0f} MB", reached <= bar))
    return bars


def start_up(count: int) -> list[Bar]:
    """Seconds until `skinscan --help` has printed, and until what `skinscan assess` needs is loaded."""
    load = "import skinscan.cli, skinscan.assessment; skinscan.assessment.all_measures()"
    commands = {"--help": ["-m", "skinscan.cli", "--help"], "load": ["-c", load]}
    found = rounds(
        {
            name: lambda words=words: subprocess.run([sys.executable, *words], capture_output=True, check=True)
            for name, words in commands.items()
        },
        count,
    )
    return [
        Bar("`skinscan --help`", "0.3 s", f"{found['--help']:.2f} s", found["--help"] <= 0.3),
        Bar("`skinscan assess`, until all is loaded", "1 s", f"{found['load']:.2f} s", found["load"] <= 1.0),
    ]


def table(bars: list[Bar]) -> str:
    lines = ["| what | bar | reached | with `fast` | met |", "|---|---|---|---|---|"]
    told = (f"| {b.what} | {b.bar} | {b.reached} | {b.with_kernels} | {'yes' if b.met else 'no'} |" for b in bars)
    return "\n".join([*lines, *told])


def stages(photos: Photos) -> str:
    """The stages of the phone photo, as `skinscan profile` tells them."""
    found = profile(photos.phone, mm_per_px=SCALE)
    lines = ["| stage | ms | D |", "|---|---|---|"]
    told = [*((stage.name, stage.ms) for stage in found.stages), ("together", found.total_ms)]
    return "\n".join([*lines, *(f"| {name} | {ms:.0f} | {ms / found.decode_ms:.2f} |" for name, ms in told)])


def publish(page: Path, name: str, text: str) -> None:
    """Put a table between its two comments in a page."""
    whole = page.read_text(encoding="utf-8")
    head, rest = whole.split(f"<!-- table: {name} -->\n")
    tail = rest.split(f"<!-- end: {name} -->", 1)[1]
    page.write_text(f"{head}<!-- table: {name} -->\n{text}\n<!-- end: {name} -->{tail}", encoding="utf-8")


@click.command()
@click.option("--rounds", "count", default=7, show_default=True, help="Rounds of which the median is told.")
@click.option("--publish", "published", is_flag=True, help="Put the table into README.md and docs/speed.md.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench(count: int, published: bool, as_json: bool) -> None:
    """Speed and memory of this checkout."""
    single = {name for name, measure in all_measures().items() if measure.evaluate is not None}
    if single != set(FROZEN):
        raise SystemExit(f"the frozen measures are others: {sorted(single ^ set(FROZEN))}")
    cv2.setNumThreads(1)
    if not fused.load_kernels():
        raise SystemExit("numba is missing: pip install -e '.[test]'")
    fused.unload()
    photos = make(FOLDER)
    bars = [
        *speed(photos, count), *against_yardstick(photos), *memory(photos), growth(photos, max(count // 2, 1)),
        *start_up(count),
    ]  # fmt: skip
    text = table(bars)
    click.echo(json.dumps([b.__dict__ for b in bars], indent=1) if as_json else text)
    if published:
        publish(ROOT / "README.md", "speed", text)
        publish(ROOT / "docs" / "speed.md", "speed", text)
        publish(ROOT / "docs" / "speed.md", "stages", stages(photos))


if __name__ == "__main__":
    bench()

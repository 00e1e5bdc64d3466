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

from skinscan.arrays.fused import warm_up
from skinscan.assessment import assess, assess_frame
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.comparison import compare
from skinscan.measures import all_measures
from skinscan.measures.maps import Maps
from skinscan.measures.pores import counted_pores, floor_um
from skinscan.profiling import profile
from skinscan.study.scoring import score
from skinscan.study.tables import put_table
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

BARS_D = {
    "square": ("assess a 2048 px square", 2.0),
    "phone": ("decode, standardise and assess a 12 MP phone photo, 4.2 MP of skin", 4.0),
    "frame": ("the same, 12 MP of skin", 8.0),
    "pair": ("compare two of the first kind, all included (a thread a photo)", 12.0),
}

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
    """What was promised, what was reached, by a process as it starts and by one warmed up; whether that is enough."""

    what: str
    bar: str
    reached: str
    met: bool
    warm: str = ""


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


def speed(photos: Photos, count: int) -> dict[str, float]:
    """Each job in D, and how many times as long scikit-image takes, in one run of interleaved rounds."""
    square = make_frame(read_photo(photos.square), mm_per_px=SCALE)

    def ours() -> Any:
        return assess_frame(Maps(square, lasting=False), evidence=False)

    found = rounds(
        {
            "D": lambda: cv2.imread(str(photos.phone)),
            "square": ours,
            "phone": lambda: _assess(photos.phone),
            "frame": lambda: _assess(photos.frames[12]),
            "pair": lambda: compare(photos.phone, photos.later, mm_per_px=SCALE, evidence=False),
        },
        count,
    )
    click.echo(f"D {1000 * found['D']:.1f} ms", err=True)
    beside = rounds({"ours": ours, "theirs": lambda: yardstick.assess(photos.pixels, SCALE)}, 1)
    return {name: found[name] / found["D"] for name in BARS_D} | {"times": beside["theirs"] / beside["ours"]}


def speed_bars(plain: Mapping[str, float], warm: Mapping[str, float]) -> list[Bar]:
    bars = [
        Bar(what, f"{bar:g} D", f"{plain[name]:.1f} D", min(plain[name], warm[name]) <= bar, f"{warm[name]:.1f} D")
        for name, (what, bar) in BARS_D.items()
    ]
    met = max(plain["times"], warm["times"]) >= 110
    told = [f"{found['times']:.0f} times" for found in (plain, warm)]
    return [*bars, Bar("the square against scikit-image", "110 times faster", told[0], met, told[1])]


def speed_of_all(photos: Photos, count: int) -> dict[str, float]:
    """What is promised of the phone photo and of the pair, with every measure of today, in D."""
    jobs = {
        "D": lambda: cv2.imread(str(photos.phone)),
        "phone": lambda: _assess(photos.phone),
        "pair": lambda: compare(photos.phone, photos.later, mm_per_px=SCALE, evidence=False),
    }
    found = rounds(jobs, count)
    return {name: found[name] / found["D"] for name in ("phone", "pair")}


def today(plain: Mapping[str, float], warm: Mapping[str, float]) -> list[Bar]:
    """Rows without a bar: lines, scars and all that was not of the main job are in them."""
    titles = {"phone": "the 12 MP phone photo with every measure", "pair": "the two compared with every measure"}
    return [Bar(title, "", f"{plain[name]:.1f} D", True, f"{warm[name]:.1f} D") for name, title in titles.items()]


def _keep_frozen() -> None:
    """Time the measures of the main job alone: the others are taken out of this process."""
    known = all_measures()
    missing = set(FROZEN) - set(known)
    if missing or not isinstance(known, dict):
        raise SystemExit(f"frozen measures are missing: {sorted(missing)}")
    for name in [name for name, one in known.items() if name not in FROZEN and one.evaluate is not None]:
        del known[name]


def pores_found(photos: Photos) -> Bar:
    """F1 of our pores and of `blob_log`'s on the square."""
    square = make_frame(read_photo(photos.square), mm_per_px=SCALE)
    maps, truth = Maps(square), photos.truth
    seen, um = truth.pore_visible, maps.um_per_px
    known = np.stack([truth.pore_x_px, truth.pore_y_px], 1)[seen], truth.pores.diameter_um[seen]
    ours = counted_pores(maps)
    theirs = yardstick.pores(yardstick.flattened(square.photo.linear_rgb().astype(float), SCALE), um)
    f1 = [
        score(places, sizes_um, *known, um, floor_um(maps)).f1
        for places, sizes_um in (
            (np.stack([ours.x, ours.y], 1) + maps.origin_xy, ours.diameter * um),
            (theirs[:, 1::-1], 2 * math.sqrt(2) * theirs[:, 2] * um),
        )
    ]
    return Bar("F1 of its pores, against `blob_log`", f"{f1[1] - 0.01:.3f}", f"{f1[0]:.3f}", f1[0] >= f1[1] - 0.01)


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
    lines = ["| what | bar | reached | warmed up | met |", "|---|---|---|---|---|"]
    told = (
        f"| {b.what} | {b.bar} | {b.reached} | {b.warm} | {('yes' if b.met else 'no') if b.bar else ''} |" for b in bars
    )
    return "\n".join([*lines, *told])


def stages(photos: Photos) -> str:
    """The stages of the phone photo, as `skinscan profile` tells them."""
    found = profile(photos.phone, mm_per_px=SCALE)
    lines = ["| stage | ms | D |", "|---|---|---|"]
    told = [*((stage.name, stage.ms) for stage in found.stages), ("together", found.total_ms)]
    return "\n".join([*lines, *(f"| {name} | {ms:.0f} | {ms / found.decode_ms:.2f} |" for name, ms in told)])


@click.command()
@click.option("--rounds", "count", default=7, show_default=True, help="Rounds of which the median is told.")
@click.option("--publish", "published", is_flag=True, help="Put the table into README.md and docs/speed.md.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--warm", is_flag=True, hidden=True, help="Print the speed of a process that is warmed up, as JSON.")
@click.option("--every", is_flag=True, hidden=True, help="Print the speed with every measure, as JSON.")
def bench(count: int, published: bool, as_json: bool, warm: bool, every: bool) -> None:
    """Speed and memory of this checkout."""
    cv2.setNumThreads(1)
    photos = make(FOLDER)
    if warm and not warm_up():
        raise SystemExit("numba is missing: pip install -e '.[test]'")
    if every:
        click.echo(json.dumps(speed_of_all(photos, max(count // 2, 1))))
        return
    _keep_frozen()
    if warm:
        click.echo(json.dumps(speed(photos, count)))
        return

    def aside(*options: str) -> Any:
        command = [sys.executable, "-m", "tests.bench", *options, "--rounds", str(count)]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT).stdout)

    bars = [
        *speed_bars(speed(photos, count), aside("--warm")), *today(aside("--every"), aside("--every", "--warm")),
        pores_found(photos), *memory(photos), growth(photos, max(count // 2, 1)), *start_up(count),
    ]  # fmt: skip
    text = table(bars)
    click.echo(json.dumps([b.__dict__ for b in bars], indent=1) if as_json else text)
    if published:
        put_table(ROOT / "README.md", "speed", text)
        put_table(ROOT / "docs" / "speed.md", "speed", text)
        put_table(ROOT / "docs" / "speed.md", "stages", stages(photos))


if __name__ == "__main__":
    bench()

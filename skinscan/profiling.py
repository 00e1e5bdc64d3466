"""Where the time and the memory of one photo went, stage by stage.

The stages are the pipeline's own functions, called in the order in which a photo passes them; a map that several
measures share is asked for by name first, so that the measures' own stages hold their own work alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import cv2
import numpy as np

from skinscan.arrays.fused import warm_up
from skinscan.assessment import cells_in, measurement_of, read
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures import Measure, all_measures
from skinscan.measures.maps import Maps
from skinscan.records import Frame, Photo

T = TypeVar("T")

DECODES = 3
"""How often the photo is decoded alone, to learn what a decode costs on this machine now."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the pipeline: its milliseconds, and by how many MB it raised the most that the process ever held
    (None where the system does not tell)."""

    name: str
    ms: float
    peak_mb: float | None


@dataclass(frozen=True, slots=True)
class Profile:
    """The stages of one photo; `decode_ms` is D, one `cv2.imdecode` of the same file."""

    stages: tuple[Stage, ...]
    decode_ms: float
    megapixels: float
    measured_megapixels: float

    @property
    def total_ms(self) -> float:
        return sum(stage.ms for stage in self.stages)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it: each stage in ms and in D."""
        return {
            "decode_ms": self.decode_ms,
            "megapixels": self.megapixels,
            "measured_megapixels": self.measured_megapixels,
            "total_ms": self.total_ms,
            "total_d": self.total_ms / self.decode_ms,
            "stages": [
                {"stage": s.name, "ms": s.ms, "d": s.ms / self.decode_ms, "peak_mb": s.peak_mb} for s in self.stages
            ],
        }


def profile(path: Path, *, max_megapixels: float = 60.0, warm: bool = False, **choices: Any) -> Profile:
    """Measure one photo as `skinscan.assess` does, without overlays and on one thread, and tell what each stage cost.

    `choices` are those of `assess`. `warm`: as a process measures that has been made ready for many photos
    (`skinscan.warm_up`), which it then is.

    The photo is measured twice: the second run tells the time, as what is loaded once a process is no part of a photo's
    cost, and the first the memory, as the second finds it all there.
    Raises what `assess` raises.
    """
    if warm:
        warm_up()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        first, _ = _run(path, max_megapixels, choices)
        second, frame = _run(path, max_megapixels, choices)
        stages = tuple(Stage(s.name, s.ms, f.peak_mb) for f, s in zip(first, second, strict=True))
        decode_ms = _decode_ms(path, frame.photo)
    finally:
        cv2.setNumThreads(threads)
    measured = np.logical_or.reduce([*frame.regions.values()])
    return Profile(stages, decode_ms, frame.photo.pixels.size / 3e6, float(np.count_nonzero(measured)) / 1e6)


def _run(path: Path, max_megapixels: float, settings: Mapping[str, Any]) -> tuple[tuple[Stage, ...], Frame]:
    stages: list[Stage] = []

    def stage(name: str, work: Callable[[], T]) -> T:
        held, start = _most_held_mb(), time.perf_counter()
        result = work()
        ms, now = 1000 * (time.perf_counter() - start), _most_held_mb()
        stages.append(Stage(name, ms, None if held is None or now is None else now - held))
        return result

    photo = stage("read and decode the file", lambda: read_photo(path, max_megapixels=max_megapixels))
    frame = make_frame(photo, watch=stage, **settings)
    maps = Maps(frame, lasting=False)
    if maps.measured.any() and not maps.in_tiles:
        stage("log-luminance, linear colour", lambda: maps.log_luminance)
        stage("CIELAB", lambda: maps.lab)
        stage("erythema, melanin, haemoglobin", lambda: maps.chromophores)
        stage("averaged colour", lambda: (maps.smooth_lab, maps.smooth_haemoglobin))
        if frame.scale is not None:
            stage("flattened log-luminance", lambda: maps.flattened)
    cells = stage("blocks of the regions", lambda: {region: cells_in(maps, region) for region in frame.regions})
    by_family: dict[str, list[Measure]] = {}
    for measure in all_measures().values():
        if measure.evaluate is not None:
            by_family.setdefault(_group(measure.name), []).append(measure)

    def evaluate(measures: list[Measure]) -> None:
        for region, own in cells.items():
            for measure in measures:
                measurement_of(measure, maps, region, read(measure, maps, own, region))

    for name, measures in by_family.items():
        stage(name, partial(evaluate, measures))
    return tuple(stages), frame


def _group(name: str) -> str:
    """Measures that stand on the same work: a family, and of texture each kind."""
    family, own = name.split(".", 1)
    return f"{family}: {own.split('_', 1)[0]}" if family == "texture" else family


def _decode_ms(path: Path, photo: Photo) -> float:
    """Median time of decoding the file alone; by skinscan's own decoder where OpenCV has none for it."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    times = []
    for _ in range(DECODES):
        start = time.perf_counter()
        if cv2.imdecode(data, cv2.IMREAD_COLOR) is None:
            read_photo(path, max_megapixels=photo.pixels.size / 3e6 + 1)
        times.append(1000 * (time.perf_counter() - start))
    return median(times)


def _most_held_mb() -> float | None:
    """The most memory that this process ever held, in MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / 2**20 if sys.platform == "darwin" else held / 2**10

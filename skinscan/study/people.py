"""Real people photographed twice: what each measure's repeats agree to, and whether the shipped error holds there.

A set of repeated photos is a folder and a manifest of `datasets/repeats/`, which says which files belong to one person
and where a neutral reference lies. The photos are never part of this project; what is kept are the numbers.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from skinscan import repeatability
from skinscan.arrays import agreement
from skinscan.arrays.statistics import COVERAGE_95
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.environment import data_path
from skinscan.measures import all_measures
from skinscan.records import SKIN, ParameterError
from skinscan.study.pairs import rows_of
from skinscan.study.repeatability_model import difference_of

LEAST_PEOPLE = 6
"""People under which a measure's repeats say too little."""


@dataclass(frozen=True)
class Repeat:
    """Two photos of one person, and where the reference lies in the first."""

    person: str
    first: Path
    second: Path
    reference: str
    polygon: tuple[tuple[float, float], ...]


def manifest(name: str) -> Mapping[str, Any]:
    """The manifest of a set of repeated photos."""
    loaded: dict[str, Any] = json.loads(data_path("datasets", "repeats", f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def repeats_in(folder: Path, about: Mapping[str, Any]) -> list[Repeat]:
    """The first two photos of every person in a folder. Raises ParameterError where there are too few people."""
    shots: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        found = re.fullmatch(about["file"], path.name)
        if found:
            shots[found["person"]].append(path)
    polygon = tuple((float(x), float(y)) for x, y in about["reference"]["polygon"])
    pairs = [
        Repeat(person, paths[0], paths[1], about["reference"]["name"], polygon)
        for person, paths in sorted(shots.items())
        if len(paths) > 1
    ]
    if len(pairs) < LEAST_PEOPLE:
        raise ParameterError(
            f"too few people photographed twice for {about['name']}",
            expected=f"at least {LEAST_PEOPLE}, files named like {about['file']}",
            found=str(len(pairs)),
            todo=f"give the folder that holds them ({about['source']})",
        )
    return pairs


def rows(repeat: Repeat) -> list[dict[str, Any]]:
    """One row a measure and region of one person's pair (`pairs.rows_of`)."""
    first, second = read_photo(repeat.first), read_photo(repeat.second)
    drawn = make_frame(first)
    regions = {**drawn.polygons, repeat.reference: repeat.polygon}
    before = make_frame(first, regions=regions, reference=repeat.reference)
    after = make_frame(second)
    return [{"person": repeat.person, **row} for row in rows_of(before, after, "same", regions=tuple(before.regions))]


def summarise(found: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> dict[str, Any]:
    """Repeatability of each measure and region, and what of it the phantoms' study does not hold."""
    groups: dict[str, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in found:
        if row["measure"] and math.isfinite(row["difference"]) and math.isfinite(row["known_sd"]):
            groups[row["measure"]][row["region"]].append(row)
    measures = {}
    for name in all_measures():
        regions = {region: _of_region(of) for region, of in groups[name].items() if len(of) >= LEAST_PEOPLE}
        if regions:
            parts = [row for region, of in groups[name].items() if region != SKIN and region in regions for row in of]
            for region, told in regions.items():
                told.update(_excess(groups[name][region]))
            measures[name] = {"regions": regions, **_excess(parts or groups[name][SKIN])}
    return {
        "about": {key: about[key] for key in ("name", "about", "source", "holds", "missing")},
        "people": len({row["person"] for row in found if row["measure"]}),
        "unregistered": sorted({row["person"] for row in found if not row["measure"]}),
        "measures": measures,
    }


def _of_region(of: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    both = np.array([[row["before"], row["after"]] for row in of], np.float64)
    if not np.isfinite(both).all():  # a paired measure has a change only
        return {"people": len(of), "sd_of_change": _rounded(float(np.std([row["difference"] for row in of], ddof=1)))}
    icc, error = agreement.icc_agreement(both), agreement.standard_error_of_measurement(both)
    slope, its_error = agreement.slope_on_level(both[:, 0], both[:, 1])
    return {
        "people": len(of),
        "mean": _rounded(float(both.mean())),
        "bias": _rounded(float((both[:, 1] - both[:, 0]).mean())),
        "sem": _rounded(error),
        "sdc95": _rounded(COVERAGE_95 * math.sqrt(2) * error),
        "icc_2_1": [_rounded(value) for value in (icc.value, icc.low, icc.high)],
        "slope_on_level": [_rounded(slope), _rounded(its_error)],
    }


def _excess(of: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """SD of the transformed difference that neither the pair's own blocks nor the phantoms' study explains, and the
    share of pairs that the two would have called unchanged."""
    measure = all_measures()[of[0]["measure"]]
    difference, known = (np.array([row[name] for row in of], np.float64) for name in ("difference", "known_sd"))
    model = [repeatability.phantom_error(measure.name, row["state"], difference_of(row), measure.fine) for row in of]
    held = np.array([math.hypot(k, m.sd) * m.factor if m else math.nan for k, m in zip(known, model, strict=True)])
    own = max(float(np.mean(difference**2 - known**2)), 0.0)
    people = len({row["person"] for row in of})
    return {
        "capture_sd": _rounded(math.sqrt(own)),
        "factor": _rounded(float(t.ppf(0.975, people - 1))),
        "pairs": len(of),
        "within_error": _rounded(float(np.mean(np.abs(difference) <= held))) if np.isfinite(held).all() else None,
    }


def _rounded(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None


def table(summary: Mapping[str, Any]) -> str:
    """A markdown table of the summary: measure x region."""
    lines = [
        "| measure | region | people | mean | SEM | SDC95 | ICC(2,1) | 95 % interval |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, of in summary["measures"].items():
        for region, told in of["regions"].items():
            if "sem" not in told:
                continue
            icc, low, high = ("-" if value is None else f"{value:.2f}" for value in told["icc_2_1"])
            numbers = f"{told['mean']:.3g} | {told['sem']:.2g} | {told['sdc95']:.2g}"
            lines.append(f"| {name} | {region} | {told['people']} | {numbers} | {icc} | {low} to {high} |")
    return "\n".join(lines)


def write(path: Path, summary: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")

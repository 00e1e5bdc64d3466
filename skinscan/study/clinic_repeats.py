"""A clinic's own repeats: what its own hands, room and camera leave between two photos of unchanged skin.

From at least ten repositioned pairs of at least five patients, by measure, colour state and region, as
`study.people` does for a public set: the SD of the transformed difference that a pair's own blocks, scale and reference
do not explain. The factor is Student's for one pair less than patients: pairs of one patient are alike.
"""

from __future__ import annotations

import math
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import t

from skinscan.arrays import agreement
from skinscan.arrays.statistics import COVERAGE_95
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import photo_of
from skinscan.measures import all_measures
from skinscan.repeatability import COVARIATES, key_of
from skinscan.study.pairs import rows_of
from skinscan.study.repeatability_model import LIMIT_ALLOWANCE, UM_ALLOWANCE

LEAST_PAIRS, LEAST_PATIENTS = 10, 5

HOLDS = ("shot", "reposition")
MISSING = ("day to day", "another device", "another lamp")

Row = Mapping[str, Any]


def rows_of_repeat(patient_id: str, first: bytes, second: bytes, **settings: Any) -> list[dict[str, Any]]:
    """One row a measure and region of a repositioned pair (`pairs.rows_of`), from the bytes of its two files.

    `settings` as those of `skinscan.assess`: scale, regions and reference are those of the first.
    """
    drawn = {name: settings.pop(name) for name in ("mm_per_px", "regions", "reference") if name in settings}
    before = make_frame(photo_of(first), **drawn, **settings)
    after = make_frame(photo_of(second), **settings)
    of_pair = {"patient": patient_id, "pair": uuid.uuid4().hex}
    return [{**of_pair, **row} for row in rows_of(before, after, "other", regions=tuple(before.regions))]


def own_table(rows: Iterable[Row]) -> dict[str, Any]:
    """The clinic's table from the rows of its pairs: {"pairs", "patients", "holds", "missing", "measures": {key:
    {"regions": {region: entry}, **entry}}}; an entry tells `capture_sd`, `factor`, `pairs`, `patients`, and how far the
    pairs differed in their capture (`limits`, `um_per_px`): beyond that it says nothing.

    A key is the measure's name, with the colour state where that bears on it (`repeatability.key_of`). What has too few
    pairs or patients is left out, and keeps the shipped study's error.
    """
    groups: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    rows = list(rows)
    for row in rows:
        if row["measure"] and math.isfinite(row["difference"]) and math.isfinite(row["known_sd"]):
            measure = all_measures()[row["measure"]]
            state = row["state"] if measure.needs_colour or measure.within_photo else None
            groups[key_of(row["measure"], state, "other")][row["region"]].append(row)
    measures = {}
    for key, regions in groups.items():
        told = {region: _entry(of) for region, of in regions.items() if _enough(of)}
        if told:
            widest = max(told, key=lambda region: told[region]["capture_sd"])
            measures[key] = {"regions": told, **told[widest]}
    registered = [row for row in rows if row["measure"]]
    return {
        "pairs": len({row["pair"] for row in registered}),
        "patients": len({row["patient"] for row in registered}),
        "holds": list(HOLDS),
        "missing": list(MISSING),
        "measures": measures,
    }


def _enough(of: Sequence[Row]) -> bool:
    return len(of) >= LEAST_PAIRS and len({row["patient"] for row in of}) >= LEAST_PATIENTS


def _entry(of: Sequence[Row]) -> dict[str, Any]:
    difference, known = (np.array([row[name] for row in of], np.float64) for name in ("difference", "known_sd"))
    patients = len({row["patient"] for row in of})
    resolution = _known(of, "um_per_px")
    told: dict[str, Any] = {
        "pairs": len(of),
        "patients": patients,
        "capture_sd": math.sqrt(max(float(np.mean(difference**2 - known**2)), 0.0)),
        "factor": float(t.ppf(0.975, patients - 1)),
        "limits": {name: LIMIT_ALLOWANCE * max(_known(of, name)) for name in COVARIATES["other"]},
        "um_per_px": [min(resolution) / UM_ALLOWANCE, max(resolution) * UM_ALLOWANCE],
    }
    both = np.array([[row["before"], row["after"]] for row in of], np.float64)
    if np.isfinite(both).all():
        told["sem"] = agreement.standard_error_of_measurement(both)
        told["sdc95"] = COVERAGE_95 * math.sqrt(2) * told["sem"]
    return told


def _known(of: Sequence[Row], name: str) -> list[float]:
    """What the pairs tell of a difference; NaN alone where none does, within which nothing lies."""
    return [row[name] for row in of if math.isfinite(row[name])] or [math.nan]

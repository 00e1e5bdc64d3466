"""Fit what capture alone changes: rows of unchanged phantom pairs -> datasets/study/repeatability.json.

For each measure the difference of a pair has the variance  known^2 + exp(2 x.b): `known` is what the pair's own
blocks, pores and reference say; x is `skinscan.repeatability.features`. b maximises the Gaussian likelihood; then
the factor is the 95 % point of |difference| / SD on skins left out of the fit; never under the
1.96 of a normal distribution, which a few dozen pairs can miss by luck.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from skinscan.arrays.statistics import COVERAGE_95
from skinscan.measures import all_measures
from skinscan.repeatability import COVARIATES, Difference, features, key_of

LEAST_ROWS = 30
FOLDS = 5
LIMIT_SHARE = 0.99
LIMIT_ALLOWANCE = 1.25
UM_ALLOWANCE = 1.7
"""How far beyond the pairs of the study its model may be used: covariates, and resolution on either side."""

_PRIOR = 4.0
_FLOOR_LOG_SD = -12.0


def difference_of(row: Mapping[str, Any]) -> Difference:
    return Difference(**{field.name: row[field.name] for field in fields(Difference) if field.name in row})


def group_of(row: Mapping[str, Any]) -> str:
    """The entry that a row belongs to; measures that the colour state bears on have one for each state."""
    found = all_measures()[row["measure"]]
    return key_of(found.name, row["state"] if found.needs_colour or found.within_photo else None, row["setup"])


def fit_entry(
    x: NDArray[np.float64], difference: NDArray[np.float64], known: NDArray[np.float64], seeds: NDArray[np.int64]
) -> dict[str, Any]:
    """Coefficients and factor of one measure; `seeds` (n,) names the skin of each row."""
    coefficients = _coefficients(x, difference, known)
    z = np.full(len(difference), np.nan)
    for fold in range(FOLDS):
        out = seeds % FOLDS == fold
        if out.any() and not out.all():
            others = _coefficients(x[~out], difference[~out], known[~out])
            z[out] = np.abs(difference[out]) / np.sqrt(known[out] ** 2 + np.exp(2 * (x[out] @ others)))
    return {
        "coefficients": [round(float(b), 4) for b in coefficients],
        "factor": round(max(float(np.nanquantile(z, 0.95)), COVERAGE_95), 3),
        "pairs": len(difference),
        "sd_of_z": round(float(np.sqrt(np.nanmean(z**2))), 3),
    }


def _coefficients(
    x: NDArray[np.float64], difference: NDArray[np.float64], known: NDArray[np.float64]
) -> NDArray[np.float64]:
    """b of greatest likelihood, its slopes drawn towards zero."""
    typical = math.log(max(float(np.sqrt(np.mean(difference**2))), 1e-9))
    start = np.zeros(x.shape[1])
    start[0] = typical - 0.5

    def loss(b: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        extra = np.exp(2 * np.clip(x @ b, _FLOOR_LOG_SD, 8))
        variance = known**2 + extra
        value = 0.5 * np.sum(np.log(variance) + difference**2 / variance) + 0.5 * _PRIOR * np.sum(b[1:] ** 2)
        pull = 0.5 * (1 / variance - difference**2 / variance**2) * 2 * extra
        gradient = x.T @ pull
        gradient[1:] += _PRIOR * b[1:]
        return float(value), gradient

    free = [(typical - 7, typical + 3), (-2.5, 2.5), (-1.5, 1.5), (-2.5, 2.5)]
    bounds = [*free, *[(0.0, 12.0)] * (x.shape[1] - len(free))]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000})
    return np.asarray(found.x)


def _empty(row: Mapping[str, Any]) -> bool:
    """Whether neither photo showed any of it: that says nothing of the error of what is found."""
    return row.get("before") == row.get("after") == 0


def fit(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The model of `skinscan.repeatability` from rows of `pairs.rows_of`."""
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    pairs: dict[tuple[Any, Any], Mapping[str, Any]] = {}
    for row in rows:
        if row["measure"]:
            if not isinstance(row.get("site"), str):  # how far apart ordinary photos may lie is not told by others
                pairs[row["seed"], row["repeat"]] = row
            if math.isfinite(row["difference"]) and math.isfinite(row["known_sd"]) and not _empty(row):
                groups[group_of(row)].append(row)
    seeds = {int(row["seed"]) for row in pairs.values()}
    scales = [row["um_per_px"] for row in pairs.values()]
    entries = {}
    for key, group in sorted(groups.items()):
        measure = all_measures()[group[0]["measure"]]
        x = np.array([features(difference_of(row), measure.fine) for row in group])
        told = np.isfinite(x).all(1)
        if told.sum() >= LEAST_ROWS:
            difference, known, of_skin = (
                np.array([row[name] for row in group])[told] for name in ("difference", "known_sd", "seed")
            )
            entries[key] = fit_entry(x[told], difference, known, of_skin)
    limits = {
        setup: {
            name: round(LIMIT_ALLOWANCE * float(np.nanquantile([row[name] for row in group], LIMIT_SHARE)), 4)
            for name in COVARIATES[setup]
        }
        for setup in COVARIATES
        if (group := [row for row in pairs.values() if row["setup"] == setup])
    }
    return {
        "about": {
            "name": "study of phantom pairs",
            "setups": {
                "other": {
                    "name": "another set-up",
                    "holds": ["shot", "reposition", "light"],
                    "missing": ["device", "day to day"],
                },
                "same": {
                    "name": "the same set-up",
                    "holds": ["shot", "reposition"],
                    "missing": ["light", "device", "day to day"],
                },
            },
            "pairs": len(pairs),
            "seeds": [min(seeds), max(seeds)] if seeds else [],
        },
        "covariates": {setup: list(names) for setup, names in COVARIATES.items()},
        "limits": limits,
        "um_per_px": [round(min(scales) / UM_ALLOWANCE, 1), round(max(scales) * UM_ALLOWANCE, 1)],
        "measures": entries,
    }


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fit(rows), indent=1) + "\n")

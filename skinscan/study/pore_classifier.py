"""Fit what tells a pore from other dark marks: `skinscan study pore-classifier`.

A logistic regression on ten features of a measured pit, over phantoms of all tones, resolutions and lights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures.maps import Maps
from skinscan.measures.pores import BLOB_FEATURES, FEATURES, blob_features, dark_blobs, pit_features, pits_of
from skinscan.phantom import make_skin, photograph, write_shot
from skinscan.study.pairs import TONES, draw_camera, draw_recipe
from skinscan.study.scoring import match

CONSIDERED_UM = 125.0
TRUE_UM = 100.0
"""Candidates from here up are learned from; a true pore of this size or more makes one right."""
RIDGE = 0.01
MISSED = 0.01
"""Share of the pores that count which the first look may cost."""


@dataclass(frozen=True)
class Examples:
    """What one phantom teaches: all blobs' features, and of the pits that they were measured as, which blob each is of,
    its features, whether a true pore lies there, and whether it is large enough to be learned from."""

    blobs: NDArray[np.float64]
    of_blob: NDArray[np.int64]
    pits: NDArray[np.float64]
    true: NDArray[np.bool_]
    considered: NDArray[np.bool_]


def examples(seed: int) -> Examples:
    """One phantom photographed, searched and held against its truth."""
    draw = np.random.default_rng(seed)
    tone, px_per_mm = TONES[seed % len(TONES)], float(draw.choice([16.0, 20.0, 25.0, 30.0]))
    recipe = replace(draw_recipe(draw, tone, px_per_mm), pore_darkness=float(draw.uniform(0.7, 1.3)))
    camera = draw_camera(draw, px_per_mm)
    with TemporaryDirectory() as folder:
        shot = photograph(make_skin(recipe, min(20.0, 1000.0 / px_per_mm / 1.75)), camera)
        photo = read_photo(write_shot(shot, Path(folder) / "photo.jpg"))
    maps = Maps(make_frame(photo, mm_per_px=1 / px_per_mm))
    found, truth = dark_blobs(maps), shot.truth
    pits, kept = pits_of(found, maps)
    pits = pits.where(kept)
    true_xy = np.stack([truth.pore_x_px, truth.pore_y_px], 1)[truth.pore_visible]
    pairs = match(np.stack([pits.x, pits.y], 1) + maps.origin_xy, pits.diameter, true_xy)
    size = np.zeros(len(pits))
    size[pairs[:, 0]] = truth.pores.diameter_um[truth.pore_visible][pairs[:, 1]]
    return Examples(
        blobs=blob_features(found, maps),
        of_blob=kept,
        pits=pit_features(pits, maps),
        true=size >= TRUE_UM,
        considered=pits.diameter * maps.um_per_px >= CONSIDERED_UM,
    )


def fit(features: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ridge logistic regression, the constant unpenalised."""
    penalty = np.full(features.shape[1], RIDGE)
    penalty[0] = 0

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logit = features @ weights
        chance = 1 / (1 + np.exp(-np.clip(logit, -40, 40)))
        value = np.sum(np.logaddexp(0, logit) - labels * logit) + np.sum(penalty * weights**2)
        return float(value), features.T @ (chance - labels) + 2 * penalty * weights

    found = minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 3000})
    return np.asarray(found.x)


def first_look(parts: list[Examples], weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Weights that foretell from a blob's own features that its pit will count, and the threshold that MISSED of those
    fall under."""
    features = np.concatenate([part.blobs for part in parts])
    counted = []
    for part in parts:
        kept = part.true & part.considered & (part.pits @ weights > 0)
        counted.append(np.bincount(part.of_blob[kept], minlength=len(part.blobs)) > 0)
    labels = np.concatenate(counted).astype(float)
    found = fit(features, labels)
    return found, float(np.quantile((features @ found)[labels > 0], MISSED))


def write(path: Path, parts: list[Examples], seeds: list[int]) -> None:
    features = np.concatenate([part.pits[part.considered] for part in parts])
    labels = np.concatenate([part.true[part.considered] for part in parts])
    weights = fit(features, labels.astype(float))
    first, threshold = first_look(parts, weights)
    passed = float(np.mean(np.concatenate([part.blobs for part in parts]) @ first > threshold))
    about = {
        "about": "Logistic weights that tell a pore from other dark marks; see models/README.md",
        "version": 3,
        "phantom_seeds": [min(seeds), max(seeds)],
        "candidates": len(labels),
        "features": list(FEATURES),
        "coefficients": [round(float(w), 5) for w in weights],
        "first_look": {
            "features": list(BLOB_FEATURES),
            "coefficients": [round(float(w), 5) for w in first],
            "threshold": round(threshold, 5),
            "passes": round(passed, 4),
        },
    }
    path.write_text(json.dumps(about, indent=1) + "\n")

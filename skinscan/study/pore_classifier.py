"""Fit what tells a pore from other dark marks: `python -m skinscan.study pore-classifier`.

A logistic regression on ten features of a measured pit, over phantoms of all tones, resolutions and lights.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.measures.maps import Maps
from skinscan.measures.pores import FEATURES, candidates, pit_features
from skinscan.phantom import make_skin, photograph, write_shot
from skinscan.study.pairs import TONES, draw_camera, draw_recipe
from skinscan.study.scoring import match

CONSIDERED_UM = 125.0
TRUE_UM = 100.0
"""Candidates from here up are learned from; a true pore of this size or more makes one right."""
RIDGE = 0.01


def examples(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features (n, F) and labels (n,) of the candidates of one phantom."""
    draw = np.random.default_rng(seed)
    tone, px_per_mm = TONES[seed % len(TONES)], float(draw.choice([16.0, 20.0, 25.0, 30.0]))
    recipe = replace(draw_recipe(draw, tone, px_per_mm), pore_darkness=float(draw.uniform(0.7, 1.3)))
    camera = draw_camera(draw, px_per_mm)
    with TemporaryDirectory() as folder:
        shot = photograph(make_skin(recipe, min(20.0, 1000.0 / px_per_mm / 1.75)), camera)
        photo = read_photo(write_shot(shot, Path(folder) / "photo.jpg"))
    maps = Maps(make_frame(photo, mm_per_px=1 / px_per_mm))
    pits, truth = candidates(maps), shot.truth
    true_xy = np.stack([truth.pore_x_px, truth.pore_y_px], 1)[truth.pore_visible]
    pairs = match(np.stack([pits.x, pits.y], 1) + maps.origin_xy, pits.diameter, true_xy)
    size = np.zeros(len(pits))
    size[pairs[:, 0]] = truth.pores.diameter_um[truth.pore_visible][pairs[:, 1]]
    considered = pits.diameter * maps.um_per_px >= CONSIDERED_UM
    return pit_features(pits, maps)[considered], (size >= TRUE_UM)[considered].astype(float)


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


def write(path: Path, parts: list[tuple[NDArray[np.float64], NDArray[np.float64]]], seeds: list[int]) -> None:
    weights = fit(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))
    about = {
        "about": "Logistic weights that tell a pore from other dark marks; see models/README.md",
        "version": 2,
        "phantom_seeds": [min(seeds), max(seeds)],
        "candidates": int(sum(len(p[1]) for p in parts)),
        "features": list(FEATURES),
        "coefficients": [round(float(w), 5) for w in weights],
    }
    path.write_text(json.dumps(about, indent=1) + "\n")

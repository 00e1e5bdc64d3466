"""The fit of the scar classifier: what it learns from, and that it finds a rule that is there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skinscan.arrays import marks
from skinscan.phantom import Camera
from skinscan.phantom.scars import Scar
from skinscan.study import scar_classifier

HOLLOW = Scar(0.0, 0.0, 1.5, "boxcar", 300.0, 0.0, 0.0, 1.0, 0.0, (0.0, 0.0, 0.0))


def test_the_fit_finds_a_rule_that_no_line_tells() -> None:
    """Inside a ring of two features: nine in ten of fresh points are told."""
    draw = np.random.default_rng(4)
    features = draw.uniform(-2, 2, (3000, 2)).astype(np.float32)
    truth = np.hypot(*features.T) < 1.2
    network = scar_classifier.fit(features[:2000], truth[:2000].astype(np.float32), np.ones(2000, np.float32))
    told = network.chance(features[2000:].T[:, None])[0] > 0.5
    assert (told == truth[2000:]).mean() > 0.9


def test_what_nobody_could_see_is_not_learned() -> None:
    low, high = Camera(elevation_deg=35, dome=0.3), Camera(elevation_deg=88, dome=0.3)
    assert scar_classifier.visible(HOLLOW, low)
    shallow = replace(HOLLOW, kind="rolling", depth_um=80.0)
    assert not scar_classifier.visible(shallow, low)
    assert not scar_classifier.visible(replace(HOLLOW, depth_um=200.0), high)
    assert scar_classifier.visible(replace(shallow, blood=0.8), high)
    assert scar_classifier.ambiguous(replace(HOLLOW, kind="flat", depth_um=0.0, melanin=0.5))
    assert not scar_classifier.ambiguous(replace(HOLLOW, melanin=0.5))


def test_what_is_written_is_what_the_measure_reads(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    part = scar_classifier.Examples(
        ("one", "two"),
        draw.normal(size=(400, 2)).astype(np.float32),
        (draw.random(400) < 0.3).astype(np.float32),
        np.ones(400, np.float32),
    )
    scar_classifier.write(tmp_path / "weights.json", [part], [7, 9])
    read = json.loads((tmp_path / "weights.json").read_text())
    assert read["features"] == ["one", "two"]
    assert read["phantom_seeds"] == [7, 9]
    layers = marks.Layers(
        *(np.asarray(read[name], np.float32) for name in ("inward", "bias", "outward")), read["offset"]
    )
    assert layers.chance(part.features.T[:, None]).shape == (1, 400)
    assert 0 < float(layers.chance(part.features.T[:, None]).mean()) < 1


def test_the_shipped_network_reads_the_responses_that_are_made() -> None:
    from skinscan.environment import data_path

    shipped = json.loads(data_path("models", "scar_classifier.json").read_text())
    flat = np.zeros((40, 40), np.float32)
    named = list(marks.responses(marks.skin_of(flat, flat, flat, np.ones((40, 40), bool), 0.1)))
    assert [name for name, _ in named] == shipped["features"]
    assert np.shape(shipped["inward"])[0] == len(named)
    assert len(shipped["bias"]) == len(shipped["outward"]) == np.shape(shipped["inward"])[1]
    assert shipped["offset"] == pytest.approx(float(shipped["offset"]))

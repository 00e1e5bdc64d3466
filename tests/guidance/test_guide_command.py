"""skinscan guide, from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from skinscan.cli import main
from skinscan.guidance.guiding import guide
from skinscan.phantom import Camera, SkinRecipe, make_skin, photograph, write_shot


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("guided")
    skin = make_skin(SkinRecipe(3, "II", width_mm=24, height_mm=24), 29.0)
    cameras = {
        "before": Camera(px_per_mm=22.0, size_px=(340, 340), seed=1),
        "after": Camera(px_per_mm=22.0, size_px=(340, 340), seed=2, shift_mm=(1.5, 0.0)),
        "third": Camera(px_per_mm=22.0, size_px=(340, 340), seed=3),
    }
    return {name: write_shot(photograph(skin, camera), folder / f"{name}.jpg") for name, camera in cameras.items()}


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["guide", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_one_photo_is_advised(photos: dict[str, Path]) -> None:
    code, text = run(photos["before"], "--wanted", "redness,pores")
    assert code == 0
    assert "not for pores" in text
    assert "lay the sticker" in text
    code, text = run(photos["before"], "--wanted", "pores")
    assert code == 1


def test_a_baseline_tells_the_way_and_leaves_a_ghost(photos: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text = run(
        photos["after"], "--baseline", photos["before"], "--mm-per-px", 1 / 22, "--wanted", "pores.area", "--json",
        "--out", out,
    )  # fmt: skip
    assert code == 0
    told = json.loads(text)
    assert told["aim"]["right_mm"] == pytest.approx(-1.5, abs=0.05)
    assert [p["measure"] for p in told["prospects"]] == ["pores.area"]
    assert sorted(p.name for p in out.iterdir()) == ["ghost.png", "guide.html", "overlay.png", "skinscan-report.json"]


def test_a_burst_is_ranked(photos: dict[str, Path]) -> None:
    code, text = run(*photos.values(), "--burst", "--mm-per-px", 1 / 22, "--wanted", "texture", "--json")
    assert code == 0
    told = json.loads(text)
    assert len(told["burst"]["ranked"]) == 3
    assert told["photo"] == told["burst"]["best"]


def test_what_was_drawn_in_a_bursts_first_photo_is_guided_where_it_lies_in_the_best(photos: dict[str, Path]) -> None:
    """`after` is 1.5 mm (33 px) to the right of the others: the skin lies 33 px farther left in it."""
    drawn = {"cheek": [(130.0, 100.0), (270.0, 100.0), (270.0, 240.0), (130.0, 240.0)]}
    for first, shift in (("after", 33.0), ("before", -33.0)):
        second = "before" if first == "after" else "after"
        guided = guide([photos[first], photos[second]], None, ["redness"], burst=True, mm_per_px=1 / 22, regions=drawn)
        assert guided.frame is not None
        assert guided.burst is not None
        columns = np.nonzero(guided.frame.regions["cheek"])[1]
        moved = shift if guided.burst.index == 1 else 0.0
        assert columns.mean() == pytest.approx(199.5 + moved, abs=2.0)
        assert guided.guidance is not None
        assert {outlook.region for outlook in guided.guidance.outlooks} == {"skin", "cheek"}


def test_wrong_use_is_said(photos: dict[str, Path]) -> None:
    assert run(photos["before"], photos["after"])[0] == 2
    assert run(photos["before"], "--wanted", "youth")[0] == 2
    assert run(photos["before"], "--burst")[0] == 2

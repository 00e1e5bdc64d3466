from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from skinscan import profiling
from skinscan.cli import main
from skinscan.measures import maps as maps_module
from skinscan.records import PhotoError
from tests.conftest import PX_PER_MM


def test_every_stage_is_timed_and_held_against_a_decode(photo_path: Path) -> None:
    threads = cv2.getNumThreads()
    found = profiling.profile(photo_path, mm_per_px=1 / PX_PER_MM)
    assert cv2.getNumThreads() == threads
    names = [stage.name for stage in found.stages]
    assert len(names) == len(set(names))
    for family in ("redness", "pigment", "pores", "texture: roughness", "texture: glcm"):
        assert family in names
    assert all(stage.ms > 0 for stage in found.stages)
    assert found.decode_ms > 0
    assert 0 < found.measured_megapixels <= found.megapixels == pytest.approx(640 * 640 / 1e6)


def test_without_a_scale_the_rest_is_still_told(photo_path: Path) -> None:
    names = [stage.name for stage in profiling.profile(photo_path).stages]
    assert "redness" in names
    assert "flattened log-luminance" not in names


def test_the_command_prints_json_that_adds_up(photo_path: Path) -> None:
    done = CliRunner().invoke(main, ["profile", str(photo_path), "--mm-per-px", "0.04", "--json"])
    assert done.exit_code == 0
    told = json.loads(done.output)
    assert sum(stage["ms"] for stage in told["stages"]) == pytest.approx(told["total_ms"])
    assert told["total_d"] == pytest.approx(told["total_ms"] / told["decode_ms"])


def test_the_command_prints_a_table(photo_path: Path) -> None:
    done = CliRunner().invoke(main, ["profile", str(photo_path)])
    assert done.exit_code == 0
    assert "together" in done.output
    assert "megapixels measured" in done.output


def test_a_file_that_is_no_photo_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("no photo")
    with pytest.raises(PhotoError):
        profiling.profile(path)
    assert CliRunner().invoke(main, ["profile", str(path)]).exit_code == 1


def test_a_photo_without_skin_is_profiled_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "blue.png"
    cv2.imwrite(str(path), np.full((300, 300, 3), (200, 80, 20), np.uint8))
    found = profiling.profile(path, mm_per_px=0.04)
    assert found.measured_megapixels == 0
    assert "CIELAB" not in [stage.name for stage in found.stages]


def test_warm_is_what_the_page_is(photo_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[bool] = []
    monkeypatch.setattr(profiling, "warm_up", lambda: warmed.append(True))
    assert CliRunner().invoke(main, ["profile", str(photo_path), "--warm"]).exit_code == 0
    assert warmed == [True]


def test_a_photo_measured_in_tiles_is_profiled(photo_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps_module, "WHOLE_PX", 100_000)
    names = [stage.name for stage in profiling.profile(photo_path, mm_per_px=1 / PX_PER_MM).stages]
    assert "CIELAB" not in names
    assert "pores" in names

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from skinscan.cli import main
from tests.conftest import PX_PER_MM

SCALE = ["--mm-per-px", str(1 / PX_PER_MM)]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def parsed(result: Result) -> Any:
    """Standard output as one JSON value; anything beside it is an error."""
    return json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_assess_prints_one_object_and_nothing_else(photo_path: Path) -> None:
    result = run("assess", photo_path, *SCALE, "--json")
    assert result.exit_code == 0
    entry = parsed(result)
    assert entry["schema"] == 1
    assert entry["photo"]["name"] == photo_path.name
    assert entry["frame"]["mm_per_px"] == pytest.approx(0.04)


def test_assess_of_several_is_a_list_and_tells_the_one_that_failed(photo_path: Path, tmp_path: Path) -> None:
    bad = tmp_path / "notes.jpg"
    bad.write_text("not a photo")
    result = run("assess", photo_path, bad, "--json")
    assert result.exit_code == 1
    good, failed = parsed(result)
    assert good["measurements"]
    assert failed["photo"]["name"] == "notes.jpg"
    assert failed["error"]["message"]
    assert failed["error"]["todo"]


def test_one_bad_photo_is_an_object_with_error(tmp_path: Path) -> None:
    result = run("assess", tmp_path, "--json")
    assert result.exit_code == 1
    assert parsed(result)["error"]["message"]


def test_no_scale_is_not_a_failure(photo_path: Path) -> None:
    result = run("assess", photo_path, "--json")
    assert result.exit_code == 0
    assert parsed(result)["frame"]["mm_per_px"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["--mm-per-px", "-1"],
        ["--mm-per-px", "word"],
        ["--region", "cheek=1,2,3"],
        ["--region", "cheek"],
        ["--region", "skin=0,0,9,0,9,9"],
        ["--reference", "nowhere"],
        ["--mm-per-px", "0.04", "--marker-mm", "8"],
        ["--regions", "missing.json"],
        ["--site", "moon"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_two(photo_path: Path, arguments: list[str]) -> None:
    result = run("assess", photo_path, *arguments)
    assert result.exit_code == 2
    assert result.stderr
    assert "Traceback" not in result.output


def test_what_no_picture_tells_can_be_stated(photo_path: Path) -> None:
    """The site lets stretch marks be looked for, raking light dimples; neither is without."""
    told = {
        row["measure"]: row["flags"]
        for row in parsed(
            run("assess", photo_path, "--mm-per-px", 1 / PX_PER_MM, "--site", "thigh", "--raking-light", "--json")
        )["measurements"]
        if row["region"] == "skin"
    }
    assert "not_applicable" not in told["striae.length_density"]
    assert "not_applicable" not in told["dimples.relief_2_20mm"]
    assert "not_applicable" in told["hair.coverage"]


def test_a_missing_sticker_is_no_failure_but_told(photo_path: Path) -> None:
    result = run("assess", photo_path, "--marker-mm", "8", "--json")
    assert result.exit_code == 0
    frame = parsed(result)["frame"]
    assert frame["mm_per_px"] is None
    assert "no_scale" in frame["flags"]
    assert any("no sticker was found" in notice for notice in frame["notices"])


def test_a_wrong_setting_is_wrong_use_for_several_photos_too(photo_path: Path) -> None:
    assert run("assess", photo_path, photo_path, "--mm-per-px", "-1", "--json").exit_code == 2


def test_an_unusable_folder_is_said_before_the_work(photo_path: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("x")
    result = run("compare", photo_path, photo_path, "--out", taken)
    assert result.exit_code == 2
    assert taken.read_text() == "x"


@pytest.mark.parametrize("command", ["assess", "compare"])
def test_the_report_as_pdf(photo_path: Path, tmp_path: Path, command: str) -> None:
    pytest.importorskip("weasyprint", reason="skinscan[pdf] is not installed", exc_type=(ImportError, OSError))
    pdf = tmp_path / "report.pdf"
    photos = [photo_path] * (2 if command == "compare" else 1)
    result = run(command, *photos, *SCALE, "--pdf", pdf)
    assert f"PDF: {pdf}" in result.output
    assert pdf.read_bytes().startswith(b"%PDF")
    refused = run(command, *photos, "--pdf", tmp_path / "missing" / "report.pdf")
    assert refused.exit_code == 2
    assert "no such folder" in refused.stderr


def test_a_photo_without_skin_is_an_object_with_error(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    path = tmp_path / "green.png"
    assert cv2.imwrite(str(path), np.full((300, 300, 3), (60, 160, 60), np.uint8))
    result = run("assess", path, "--mm-per-px", "0.03", "--json")
    assert result.exit_code == 1
    assert "nothing could be measured" in parsed(result)["error"]["message"]


def test_out_writes_the_report_and_the_tables(photo_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = run("assess", photo_path, *SCALE, "--region", "box=100,100,500,100,500,500,100,500", "--out", out)
    assert result.exit_code == 0
    assert (out / "report.html").exists()
    with (out / "measurements.csv").open(encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["region"] for row in rows} == {"skin", "box"}
    with (out / "pores.csv").open(encoding="utf-8-sig") as lines:
        pores = list(csv.DictReader(lines))
    assert {"photo", "region", "x_px", "y_px", "diameter_um", "contrast"} <= set(pores[0])
    assert all(float(row["diameter_um"]) >= 150 for row in pores)


def test_compare_prints_the_schema_even_when_it_cannot(photo_path: Path, tmp_path: Path) -> None:
    import cv2
    import numpy as np

    other = tmp_path / "other.png"
    assert cv2.imwrite(str(other), np.random.default_rng(0).integers(90, 200, (500, 500, 3)).astype(np.uint8))
    result = run("compare", photo_path, other, "--json")
    assert result.exit_code == 1
    entry = parsed(result)
    assert entry["comparable"] is False
    assert entry["reasons"]
    missing = run("compare", photo_path, tmp_path / "none.jpg", "--json")
    assert missing.exit_code == 1
    assert parsed(missing)["comparable"] is False


def test_a_photo_against_itself_is_within_error_throughout(photo_path: Path) -> None:
    result = run("compare", photo_path, photo_path, *SCALE, "--json")
    assert result.exit_code == 0
    entry = parsed(result)
    assert entry["comparable"] is True
    assert "same_photo" in entry["flags"]
    assert {c["verdict"] for c in entry["changes"]} == {"within_error", "not_comparable"}
    for change in entry["changes"]:
        assert set(change) >= {"measure", "region", "before", "after", "change", "unit", "sdc", "sdc_source", "verdict",
                               "reason"}  # fmt: skip
        assert change["reason"]


def test_measures_lists_every_measure() -> None:
    from skinscan.measures import all_measures

    result = run("measures")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in all_measures())
    assert [row["measure"] for row in parsed(run("measures", "--json"))] == list(all_measures())


def test_phantom_writes_a_pair_with_its_truth(tmp_path: Path) -> None:
    result = run("phantom", "--out", tmp_path / "p", "--pair", "--size", "300", "--tone", "VI", "--pores", "-0.2")
    assert result.exit_code == 0
    names = {path.name for path in (tmp_path / "p").iterdir()}
    assert names == {"before.jpg", "after.jpg", "before_truth.json", "after_truth.json", "before_pores_truth.csv",
                     "after_pores_truth.csv"}  # fmt: skip


def test_demo_says_where_the_report_is_and_what_matters(tmp_path: Path) -> None:
    """The demo's truth is smaller pores and less blood: both are called, in the right direction."""
    result = run("demo", "--out", tmp_path / "demo")
    assert result.exit_code == 0
    assert str(tmp_path / "demo" / "report.html") in result.stdout
    told = [line for line in result.stdout.splitlines() if line.startswith("  ")]
    assert len(told) == 3
    assert all("improved" in line for line in told)
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_help_is_there_for_every_command() -> None:
    for name in ("", *main.commands):
        result = run(*([name] if name else []), "--help")
        assert result.exit_code == 0
        assert "Usage" in result.stdout


def test_a_traceback_never_reaches_the_user(tmp_path: Path) -> None:
    """As users run it: a real process, a text file named like a photo."""
    bad = tmp_path / "photo.jpg"
    bad.write_text("<html></html>")
    done = subprocess.run([sys.executable, "-m", "skinscan.cli", "assess", str(bad)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "photo.jpg" in done.stderr + done.stdout

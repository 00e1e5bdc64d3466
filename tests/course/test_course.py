"""A simulated course from its files to the report: what nobody did to the skin is not called, what was done is."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from skinscan.cli import main
from skinscan.course.build import follow
from skinscan.course_records import Course
from skinscan.phantom import SkinRecipe
from skinscan.phantom.course import ADVERSE, CourseRecipe, sides, skin_on, unchanging, write_course
from skinscan.records import SkinscanError
from skinscan.report.course_charts import chart
from skinscan.report.course_page import write_course as write_report
from skinscan.treatment import SHIPPED

PX_PER_MM, SIDE = 24.0, 560
RECIPE = CourseRecipe(
    SkinRecipe(seed=11, tone="IV"), session_days=(0, 28), visit_days=(0, 2, 120), pores=-0.25, flush=1.5, seed=4
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("course")
    write_course(place, RECIPE, px_per_mm=PX_PER_MM, size_px=SIDE)
    return place


@pytest.fixture(scope="module")
def followed(folder: Path) -> Course:
    regions = json.loads((folder / "regions.json").read_text(encoding="utf-8"))
    return follow(folder, "pores", 1 / PX_PER_MM, regions, reference="grey", same_lamp=True, card="none")


def test_the_skin_of_a_simulated_course_heals_by_the_clock() -> None:
    days = [skin_on(RECIPE, day) for day in (0, 1, 3, 10, 28, 120)]
    blood = [skin.blood_scale for skin in days]
    assert blood[0] == 1.0
    assert blood[1] > 1.5 > blood[2] > blood[3] > 1.0
    assert days[1].pore_diameter_scale < days[3].pore_diameter_scale  # swollen first
    assert days[-1].pore_diameter_scale == pytest.approx(0.75, rel=0.01)
    still = unchanging(RECIPE)
    assert {skin_on(still, day) for day in (0, 1, 30, 200)} == {RECIPE.skin}


def test_what_was_done_is_found_when_it_is_time(followed: Course) -> None:
    matched = next(
        t for t in followed.trajectories if t.measure == "pores.matched_diameter_change" and t.region == "skin"
    )
    hidden, last = matched.points
    assert (hidden.timing, hidden.from_baseline.verdict) == ("hidden", "not_comparable")
    assert last.timing == "judged"
    assert last.from_baseline.verdict == "improved"
    assert last.from_baseline.low <= -25.0 <= last.from_baseline.high
    assert last.survives_correction


def test_what_is_meant_for_another_site_is_not_spoken_of(followed: Course) -> None:
    told = {line.measure.partition(".")[0] for line in followed.trajectories}
    assert told >= {"redness", "pigment", "pores", "texture", "lines", "scars"}
    assert not told & {"hair", "dimples", "striae"}


def test_a_course_that_goes_well_raises_no_flag(followed: Course) -> None:
    """Pores, relief and redness change; no marks, no papules."""
    assert not followed.flags
    assert not any("could not be looked for" in text for text in followed.notices)


def test_each_way_of_going_badly_lasts_beyond_a_week_and_spares_the_baseline() -> None:
    for adverse in ADVERSE[1:]:
        recipe = replace(RECIPE, adverse=adverse, flush=0.4)
        assert skin_on(recipe, 0) == RECIPE.skin
        well = skin_on(replace(recipe, adverse="none"), 20)
        assert skin_on(recipe, 20) != well
    assert CliRunner().invoke(main, ["phantom", "--course", "--adverse", "x", "--out", "y"]).output.count("marks") == 1
    assert all(name in CliRunner().invoke(main, ["phantom", "--help"]).output for name in ADVERSE)


def test_redness_of_the_second_day_is_seen_and_not_flagged(followed: Course) -> None:
    red = next(t for t in followed.trajectories if t.measure == "redness.haemoglobin" and t.region == "skin")
    assert red.points[0].from_baseline.change > 0
    assert red.points[0].timing == "too_early"
    assert not [flag for flag in followed.flags if flag.flag == "redness_persists"]


def test_the_course_in_words_and_as_data(followed: Course) -> None:
    practitioner, patient = followed.summary["practitioner"], followed.summary["patient"]
    assert practitioner[0].startswith("2 sessions from 2026-01-12 to 2026-02-09; the last photo is of day 92 after one")
    assert any("Pore area (primary) on 2026-05-12" in text for text in practitioner)
    assert not any(re.search(r"\d %|µm|SDC|smallest detectable", text) for text in patient)
    told = json.loads(json.dumps(followed.to_dict(), allow_nan=False))
    assert [visit["photos"][""] for visit in told["visits"]] == ["2026-01-12.jpg", "2026-01-14.jpg", "2026-05-12.jpg"]
    table = followed.to_frame()
    assert set(table["visit"]) == {1, 2}
    assert len(table) == sum(len(line.points) for line in followed.trajectories)


def test_the_report_for_either_reader(followed: Course, folder: Path, tmp_path: Path) -> None:
    page = write_report(followed, SHIPPED, tmp_path / "report")
    text = page.read_text(encoding="utf-8")
    for said in ("Pore area", "reaction", "Sessions", "To ask before the next session", "2026-01-14"):
        assert said in text
    patient = (page.parent / "patient.html").read_text(encoding="utf-8")
    assert "To ask before the next session" not in patient
    assert "sunscreen" in patient
    assert not re.search(r'(?:src|href)="https?:', text + patient)
    rows = (page.parent / "trajectories.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + len(followed.rows())
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.jpg"))]
    assert [row["sha256"] for row in followed.to_dict()["digests"]] == digests
    assert all(digest in text and digest in patient for digest in digests)
    assert followed.sdc_sources
    assert followed.sdc_sources[0] in text


def test_an_unchanged_course_is_within_error(tmp_path: Path) -> None:
    recipe = CourseRecipe(SkinRecipe(seed=21, tone="VI"), session_days=(0,), visit_days=(0, 100), seed=2)
    write_course(tmp_path, unchanging(recipe), px_per_mm=PX_PER_MM, size_px=SIDE)
    regions = json.loads((tmp_path / "regions.json").read_text(encoding="utf-8")) | sides(SIDE)
    found = follow(tmp_path, "pores", 1 / PX_PER_MM, regions, reference="grey", same_lamp=True, card="none")
    primary = next(line for line in found.trajectories if line.is_primary)
    assert primary.points[-1].from_baseline.verdict == "within_error"
    assert not any(point.survives_correction for line in found.trajectories for point in line.points)
    assert not found.flags
    assert not any("looked for" in text for text in found.notices)  # marks, spots and sides were
    assert any("does not show that nothing changed" in text.replace("\n", " ") for text in found.summary["patient"])


def test_a_photo_that_cannot_be_used_names_its_row(tmp_path: Path) -> None:
    (tmp_path / "course.csv").write_text("day,photo\n2026-01-12,a.png\n2026-03-12,b.png\n", encoding="utf-8")
    from PIL import Image

    for name, shade in (("a.png", 90), ("b.png", 91)):
        Image.new("RGB", (400, 300), (shade, shade, shade)).save(tmp_path / name)
    with pytest.raises(SkinscanError) as raised:
        follow(tmp_path, "pores", regions={"nowhere": [[900, 900], [950, 900], [950, 950]]})
    assert "row 2" in str(raised.value)


def test_the_command_line(folder: Path, tmp_path: Path) -> None:
    run = CliRunner()
    listed = run.invoke(main, ["course", "--indications"])
    assert listed.exit_code == 0
    assert "lax_skin" in listed.output
    wrong = run.invoke(main, ["course", str(folder)])
    assert wrong.exit_code == 2
    assert "--indication" in wrong.stderr
    bad = run.invoke(main, ["course", str(tmp_path), "--indication", "pores"])
    assert bad.exit_code == 1
    assert "holds no photos" in bad.stderr
    taken = run.invoke(main, ["course", str(folder), "--indication", "pores", "--pdf", str(tmp_path)])
    assert (taken.exit_code, "--pdf" in taken.stderr) == (2, True)
    clinic = tmp_path / "clinic.toml"
    clinic.write_text("[[nothing]]", encoding="utf-8")
    refused = run.invoke(main, ["course", str(folder), "--indication", "pores", "--treatment", str(clinic)])
    assert refused.exit_code == 1
    assert "no table 'nothing'" in refused.stderr


def test_the_command_makes_a_course_that_it_can_follow(tmp_path: Path) -> None:
    run = CliRunner()
    size = ["--size", "420", "--px-per-mm", "22"]
    made = run.invoke(main, ["phantom", "--course", "--out", str(tmp_path / "made"), "--tone", "III", *size])
    assert made.exit_code == 0, made.output
    told = made.output.splitlines()[-1].split()
    assert told[:2] == ["skinscan", "course"]
    out = tmp_path / "report"
    done = run.invoke(main, [*told[1:-1], str(out), "--json", "--card", "none"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["indication"] == "pores"
    assert (out / "patient.html").is_file()


def test_regions_of_several_views_lie_beside_the_photos(folder: Path, tmp_path: Path) -> None:
    run = CliRunner()
    for name, view in (
        ("2026-01-12", "left"),
        ("2026-05-12", "left"),
        ("2026-01-12", "right"),
        ("2026-05-12", "right"),
    ):
        copy = tmp_path / f"{name}_{view}.jpg"
        copy.write_bytes((folder / f"{name}.jpg").read_bytes() + view.encode())
    arguments = ["course", str(tmp_path), "--indication", "pores", "--mm-per-px", str(1 / PX_PER_MM), "--card", "none"]
    alone = tmp_path / "2026-01-12_chin.jpg"  # a view that no later visit shows
    alone.write_bytes((folder / "2026-01-14.jpg").read_bytes())
    refused = run.invoke(main, [*arguments, "--region", "cheek=10,10,90,10,90,90"])
    assert refused.exit_code == 2
    assert "regions_VIEW.json" in refused.stderr
    polygon = [[180, 180], [480, 180], [480, 480], [180, 480]]
    (tmp_path / "regions_left.json").write_text(json.dumps({"cheek": polygon}), encoding="utf-8")
    done = run.invoke(main, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    regions = {(line["view"], line["region"]) for line in json.loads(done.output)["trajectories"]}
    assert regions == {("left", "skin"), ("left", "cheek"), ("right", "skin")}
    assert any("'chin'" in text for text in json.loads(done.output)["notices"])


def test_no_chart_shows_a_share_below_zero(followed: Course) -> None:
    area = next(line for line in followed.trajectories if line.measure == "redness.area" and line.region == "skin")
    drawn = chart(followed.plan, area, 7)
    assert drawn is not None
    assert not any(tick.text.startswith("−") for tick in drawn.levels)
    assert all(0 <= float(corner.split(",")[1]) <= 100 for corner in drawn.band.split())

"""The table of sites: every line has its source, every measure exists, every site says how to photograph it."""

from __future__ import annotations

import csv
from fnmatch import fnmatch
from pathlib import Path

import pytest

from skinscan.assessment import check_site
from skinscan.capture.face.regions import REGIONS
from skinscan.capture.regions import check_polygon
from skinscan.measures import all_measures, striae
from skinscan.records import ParameterError
from skinscan.report.words import FAMILIES

ROOT = Path(__file__).resolve().parents[1]
with (ROOT / "skinscan" / "treatment" / "sites.csv").open(encoding="utf-8", newline="") as file:
    LINES = list(csv.DictReader(file))
SITES = list(dict.fromkeys(line["site"] for line in LINES))
SOURCES = {"T1", "T2", "T3", "T4", "T5", "skinscan", "measures.md", "capture.md"}


def values(site: str, aspect: str) -> list[str]:
    return [line["value"] for line in LINES if (line["site"], line["aspect"]) == (site, aspect)]


def test_every_line_has_a_value_and_a_known_source() -> None:
    for line in LINES:
        assert line["value"], line
        assert set(line["source"].split(";")) <= SOURCES, line
        assert set(line["source"].split(";")), line


@pytest.mark.parametrize("site", SITES)
def test_each_site_says_how_it_is_photographed(site: str) -> None:
    for aspect in ("regions", "view", "distance_cm", "light", "posture", "scale"):
        assert len(values(site, aspect)) == 1, aspect
    for aspect in ("indication", "measure", "keep"):
        assert values(site, aspect), aspect
    low, high = map(int, values(site, "distance_cm")[0].split("-"))
    assert 10 <= low < high <= 100


@pytest.mark.parametrize("site", SITES)
def test_its_measures_are_measures_and_its_regions_can_be_drawn(site: str) -> None:
    for pattern in values(site, "measure"):
        family = pattern.partition(".")[0]
        assert family in FAMILIES, pattern
        known = [name for name in all_measures() if name.startswith(f"{family}.")]
        assert not known or any(fnmatch(name, pattern) for name in known), pattern
    square = [(0, 0), (9, 0), (9, 9), (0, 9)]
    for region in values(site, "regions")[0].split(";"):
        check_polygon(region, square)
    if site == "face":
        assert set(values(site, "regions")[0].split(";")) == set(REGIONS)


def test_dimples_are_told_of_raking_light_and_hair_of_a_scalp() -> None:
    for site in SITES:
        if any(name.startswith("dimples.") for name in values(site, "measure")):
            assert "raking" in values(site, "light")[0] or "low beside" in values(site, "light")[0]
    assert [site for site in SITES if any(n.startswith("hair.") for n in values(site, "measure"))] == ["scalp"]


def test_stretch_marks_are_looked_for_where_the_table_says() -> None:
    told = [site for site in SITES if any(n.startswith("striae.") for n in values(site, "measure"))]
    assert told == list(striae.SITES)
    with pytest.raises(ParameterError, match="no site of the body"):
        check_site("moon")


def test_every_site_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "sites.md").read_text(encoding="utf-8")
    assert all(site.replace("_", " ") in page for site in SITES)

"""A researcher at work: filters, charts and files over the numbers of those who agree, in a real browser."""

from __future__ import annotations

import io

import httpx
import pandas as pd
import pytest

from skinscan.services.research import COLUMNS
from skinscan.store import consents
from tests.services.courses import NAME, Followed, audited
from tests.services.identity import PASSWORD
from tests.web.clinic_site import Site, served

REGIONS = ("skin", "left_cheek", f"{NAME}<script>document.title='taken'</script>")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(tmp_path_factory.mktemp("site")) as one:
        yield one


@pytest.fixture(scope="module")
def people(site: Site) -> list[Followed]:
    """Seven patients of light to dark skin, six of whom agree to research."""
    found = []
    for number, ita in enumerate((60.0, 45.0, 33.0, 33.0, 15.0, -10.0, -45.0)):
        one = Followed(site.clinic, indication="pores" if number % 2 else "redness")
        one.session(1)
        one.session(30)
        for visit, day in enumerate((0, 4, 35, 80)):
            numbers = {("pigment.ita", "skin"): ita + visit}
            numbers |= {("pores.area", region): 9.0 + number / 3 - visit / 5 + k for k, region in enumerate(REGIONS)}
            numbers |= {("redness.a_star", "skin"): 14.0 + number if number else None}
            one.measured(one.photo(day), numbers)
        found.append(one if number == 6 else one.agrees("research"))
    site.user("rosa", ["researcher"])
    site.user("tom", ["practitioner"])
    site.user("zoe", ["patient"], found[0].patient.id)
    return found


@pytest.mark.parametrize("width", [1280, 390])
def test_a_measure_is_chosen_and_drawn(site: Site, people: list[Followed], offline, accessible, width: int) -> None:
    page = site.sign_in(offline, "rosa", width)
    page.get_by_role("heading", name="Redness (a*)").wait_for()
    assert page.title() == "Research"
    text = page.locator(".reader").inner_text()
    assert "Measurements of 6 patients who agree" in text
    page.get_by_label("Measure").select_option("pores.area")
    page.locator("summary", has_text="Region").click()
    page.get_by_label("left cheek").check()
    page.get_by_label("To day").fill("10")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("heading", name="Pore area").wait_for()
    tiles = page.locator(".tiles").inner_text().split()
    assert tiles[tiles.index("Patients") + 1] == "6"
    assert tiles[tiles.index("Numbers") + 1] == "12"  # days 3 and 5 after a session, of each of the six
    page.locator("summary", has_text="by skin tone").click()
    rows = page.locator("#shown table").nth(1).locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows] == ["I", "II", "III", "IV", "V"]
    assert [row.split("\t")[1].split()[0] for row in rows] == ["1", "1", "2", "1", "1"]
    assert page.locator("svg.field use").count() == 24
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.title() == "Research"
    assert NAME not in page.content()
    accessible(page)
    page.get_by_role("link", name="Clear").click()
    page.get_by_role("heading", name="Redness (a*)").wait_for()


def test_what_is_shown_is_what_is_taken_and_it_is_written_down(site: Site, people: list[Followed], offline) -> None:
    page = site.sign_in(offline, "rosa")
    page.get_by_label("Measure").select_option("pores.area")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("heading", name="Pore area").wait_for()
    files = {}
    for name in ("CSV", "Parquet"):
        with page.expect_download() as taken:
            page.get_by_role("link", name=name, exact=True).first.click()
        files[name] = taken.value.path().read_bytes()
    csv = pd.read_csv(io.BytesIO(files["CSV"]))
    parquet = pd.read_parquet(io.BytesIO(files["Parquet"]), engine="pyarrow")
    assert list(csv.columns) == list(parquet.columns) == list(COLUMNS)
    assert set(csv["measure"]) == {"pores.area"}
    assert len(csv) == len(parquet) == 6 * 4 * len(REGIONS)
    assert csv["research_id"].nunique() == 6
    assert [line[1:] for line in audited(site.clinic.store)[-2:]] == [
        ("download", "measurements", "csv"), ("download", "measurements", "parquet"),
    ]  # fmt: skip
    with page.expect_download() as taken:
        page.get_by_role("link", name="All measures as CSV").click()
    assert pd.read_csv(taken.value.path())["measure"].nunique() == 3


def test_who_withdraws_is_gone_from_the_next_page(site: Site, people: list[Followed], offline) -> None:
    page = site.sign_in(offline, "rosa")
    page.get_by_text("Measurements of 6 patients").wait_for()
    consents.withdraw_consent(site.clinic.store, people[3].patient.id, "research")
    page.reload()
    page.get_by_text("Measurements of 5 patients").wait_for()
    people[3].agrees("research")


def test_what_cannot_be_understood_is_said(site: Site, people: list[Followed], offline) -> None:
    page = site.sign_in(offline, "rosa")
    page.goto(f"{site.address}/researcher/?first_day=9&last_day=3")
    assert "The days run backwards" in page.get_by_role("alert").inner_text()
    page.goto(f"{site.address}/researcher/?tone=%3Cscript%3Ealert(1)%3C/script%3E")
    page.get_by_text("No number fits these filters").wait_for()


def test_the_files_are_the_researchers_alone(site: Site, people: list[Followed]) -> None:
    paths = [f"/download/measurements.{form}" for form in ("csv", "parquet")]
    with httpx.Client(base_url=site.address) as nobody:
        assert [nobody.get(path).status_code for path in paths] == [401, 401]
    for name, expected in (("tom", 404), ("zoe", 404), ("rosa", 200)):
        with httpx.Client(base_url=site.address) as one:
            assert one.post("/login", data={"username": name, "password": PASSWORD}).status_code == 303
            answers = [one.get(path) for path in paths]
            assert [answer.status_code for answer in answers] == [expected, expected]
            assert one.get("/download/measurements.csv?first_day=x").status_code == (
                400 if name == "rosa" else expected
            )
    assert all(answer.headers["content-disposition"].startswith("attachment") for answer in answers)
    assert all(answer.headers["cache-control"] == "no-store" for answer in answers)

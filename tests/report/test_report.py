"""The report: everything in one file, nothing that runs, nothing of others written over."""

import csv
import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import builders
import cv2
import numpy as np
import pytest

from skinscan.records import Change, Flag, ParameterError
from skinscan.report import headline, write_assessment, write_comparison

HOSTILE = "<img src=x onerror=alert(1)>.jpg"


class Page(HTMLParser):
    """The page's elements, its attribute values and its text, outside style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    return write_comparison(builders.comparison(HOSTILE, "=cmd|' /C calc'!A0.jpg"), tmp_path_factory.mktemp("c"))


@pytest.fixture(scope="module")
def page(compared):
    return Page(compared.read_text("utf-8"))


def rows(path):
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def test_it_writes_the_page_the_tables_and_the_pictures(compared):
    names = {path.name for path in compared.parent.iterdir()}
    assert names == {
        "report.html",
        "skinscan-report.json",
        "changes.csv",
        "measurements.csv",
        "pores.csv",
        "before_pores.png",
        "after_pores.png",
        "before_redness.haemoglobin.png",
        "after_redness.haemoglobin.png",
        "before_texture.roughness_250_500um.png",
        "after_texture.roughness_250_500um.png",
    }


def test_the_page_asks_nothing_of_any_network(page):
    addresses = [a[key] for _, a in page.tags for key in ("src", "href", "action", "xlink:href") if key in a]
    assert addresses
    assert all(address.startswith(("data:image/", "#")) for address in addresses)
    assert not page.all("link")
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:")
    html_without_pictures = re.sub(r"data:image/[^\"]+", "", " ".join(str(t) for t in page.tags))
    assert "http:" not in html_without_pictures
    assert "https:" not in html_without_pictures


def test_a_hostile_file_name_is_text(page):
    assert HOSTILE in page.text
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert all(attributes["src"].startswith("data:") for attributes in page.all("img"))


def test_the_script_is_the_one_that_the_policy_lets_run(compared):
    import base64
    import hashlib

    html = compared.read_text("utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html


def test_the_sentences_keep_to_what_was_found(page):
    text = re.sub(r"\s+", " ", page.text)
    assert (
        "Pore area 4.1 → 3.3\xa0% (−0.8; smallest detectable change 0.6): larger than measurement error." in page.text
    )
    assert "5 of 8 numbers changed by more than measurement error" in text
    assert "within measurement error; this does not show that nothing changed" in text
    for claim in ("skin age", "score", "no change", "unchanged", "younger"):
        assert claim not in text.lower().replace("cannot be told from no change", "")


def test_what_could_not_be_compared_is_told_once_with_its_reason_and_what_to_do(page):
    text = re.sub(r"\s+", " ", page.text)
    assert "Haemoglobin and Redness (a*)" in text
    assert "name it as the reference region" in text
    assert "the photo is not sharp: blur of 2.9 px, 1.5 wanted" in text.replace("The photo is", "the photo is")


@pytest.mark.parametrize(
    ("flag", "told"), [(Flag.TOO_FAR, True), (Flag.FEW_FOUND, False), (Flag.NOT_APPLICABLE, False)]
)
def test_what_the_skin_does_not_have_is_no_failure_of_the_photos(flag: Flag, told: bool) -> None:
    comparison = builders.comparison()
    nan = math.nan
    missing = Change("scars.contrast", "skin", nan, nan, nan, "dE00", nan, "", "not_comparable", "because", (flag,))
    said = headline.of_comparison(replace(comparison, changes=(*comparison.changes, missing))).missing
    assert any("Contrast of scars" in what for what, _ in said) == told


def test_every_verdict_has_a_word_and_a_mark(compared):
    html = compared.read_text("utf-8")
    for verdict, word in {
        "improved": "Improved",
        "worsened": "Worsened",
        "within_error": "Within error",
    }.items():
        assert re.search(rf'<span class="verdict {verdict}"><span class="mark"[^>]*>.</span>{word}</span>', html)


def test_pictures_tables_and_hands_have_names(page):
    assert all(attributes.get("alt") for attributes in page.all("img"))
    pictures = [a for a in page.all("svg") if a.get("aria-hidden") != "true"]
    assert all(a.get("role") == "img" and a.get("aria-label") for a in pictures)
    assert len(page.all("caption")) == len(page.all("table"))
    assert len(page.all("h1")) == 1
    hands = page.all("input")
    assert hands[0]["type"] == "range"
    assert hands[0]["aria-label"]


def test_no_date_or_camera_leaks_into_a_page_that_may_be_passed_on(tmp_path):
    import dataclasses

    one = builders.assessment()
    photo = dataclasses.replace(one.frame.photo, taken_at="2031:04:05 06:07:08", camera="Cam 9000")
    one = dataclasses.replace(one, frame=dataclasses.replace(one.frame, photo=photo))
    for path in write_assessment([one], tmp_path).parent.iterdir():
        content = path.read_bytes()
        assert b"2031:04:05" not in content
        assert b"Cam 9000" not in content


def test_the_tables_hold_every_number_in_full(compared):
    comparison = builders.comparison()
    found = rows(compared.parent / "measurements.csv")
    assert len(found) == len(comparison.before.measurements) + len(comparison.after.measurements)
    assert {row["role"] for row in found} == {"before", "after"}
    before = comparison.before.measurements[0]
    assert float(found[0]["value"]) == before.value
    assert float(found[0]["spread"]) == before.spread
    missing = next(row for row in found if row["measure"] == "texture.roughness_100_250um")
    assert missing["value"] == ""
    assert missing["flags"] == "band_too_fine"
    changes = rows(compared.parent / "changes.csv")
    assert [row["verdict"] for row in changes] == [c.verdict for c in comparison.changes]
    assert float(changes[0]["change"]) == comparison.changes[0].change
    pores = rows(compared.parent / "pores.csv")
    assert len(pores) == len(comparison.before.pores) + len(comparison.after.pores)
    assert float(pores[0]["diameter_um"]) == comparison.before.pores.diameter_um[0]


def test_no_name_runs_as_a_formula_in_a_spreadsheet(compared):
    for name in ("measurements.csv", "pores.csv"):
        names = {row["photo"] for row in rows(compared.parent / name)}
        assert names == {HOSTILE, "'=cmd|' /C calc'!A0.jpg"}


def test_one_photo_without_scale_or_maps_still_makes_a_report(tmp_path):
    path = write_assessment([builders.assessment(scale=False, with_evidence=False)], tmp_path / "new" / "folder")
    assert {p.name for p in path.parent.iterdir()} == {
        "report.html",
        "measurements.csv",
        "skinscan-report.json",
    }
    assert "none: lengths and areas are unknown" in path.read_text("utf-8")


def test_several_photos_share_one_report(tmp_path):
    path = write_assessment([builders.assessment("a.jpg"), builders.assessment("b.jpg", seed=2)], tmp_path)
    assert (tmp_path / "photo1_pores.png").exists()
    assert (tmp_path / "photo2_pores.png").exists()
    page = Page(path.read_text("utf-8"))
    assert "What 2 photos show" in page.text


def test_photos_that_cannot_be_compared_say_so_first(tmp_path):
    page = Page(write_comparison(builders.comparison(comparable=False), tmp_path).read_text("utf-8"))
    text = re.sub(r"\s+", " ", page.text)
    assert "These two photos cannot be compared" in text
    assert "9 points agree, 40 are needed." in text
    assert "Use the same lamp in the same place" in text


def test_nothing_to_report_is_an_error(tmp_path):
    with pytest.raises(ParameterError, match="nothing to report"):
        write_assessment([], tmp_path)


def test_a_large_photo_stays_a_small_report(tmp_path):
    big = builders.assessment(shape=(2400, 3200))
    path = write_assessment([big], tmp_path)
    assert path.stat().st_size < 8_000_000
    picture = cv2.imread(str(tmp_path / "photo_pores.png"))
    assert picture.shape == (1200, 1600, 3)


def test_a_second_report_replaces_the_first_and_nothing_else(tmp_path):
    write_comparison(builders.comparison(), tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    write_assessment([builders.assessment()], tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert "changes.csv" not in names
    assert "before_pores.png" not in names
    assert "photo_pores.png" in names
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["report.html", "measurements.csv", "photo_pores.png", "skinscan-report.json"])
def test_somebody_elses_file_is_never_written_over(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ParameterError, match="give another folder"):
        write_assessment([builders.assessment()], tmp_path)
    assert (tmp_path / name).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_list_cannot_make_the_report_remove_files_elsewhere(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    folder = tmp_path / "report"
    write_assessment([builders.assessment()], folder)
    listing = {"schema": 1, "files": ["../precious.txt", str(tmp_path / "precious.txt"), "report.html"]}
    (folder / "skinscan-report.json").write_text(json.dumps(listing))
    for path in folder.iterdir():
        if path.name not in ("skinscan-report.json", "report.html"):
            path.unlink()
    write_assessment([builders.assessment()], folder)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path):
    target = tmp_path / "photo.jpg"
    target.write_bytes(b"a photo")
    with pytest.raises(ParameterError, match="needs a folder"):
        write_assessment([builders.assessment()], target)
    with pytest.raises(ParameterError, match="could not be written"):
        write_assessment([builders.assessment()], target / "below")
    assert target.read_bytes() == b"a photo"


def test_the_records_it_was_lent_stay_as_they_were(tmp_path):
    comparison = builders.comparison()
    before = comparison.before.frame.photo.pixels.copy()
    maps = [e.values.copy() for e in comparison.before.evidence]
    write_comparison(comparison, tmp_path)
    np.testing.assert_array_equal(before, comparison.before.frame.photo.pixels)
    for kept, evidence in zip(maps, comparison.before.evidence, strict=True):
        np.testing.assert_array_equal(kept, evidence.values)

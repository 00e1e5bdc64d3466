"""A patient at home: sees what was shared, knows what to do today, can leave; in a real browser, by keyboard too."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from skinscan.services import Actor, measuring, sharing
from skinscan.store import consents, recording
from tests.services import conftest as people
from tests.services.conftest import SimulatedCourse, Treated
from tests.services.identity import PASSWORD
from tests.web.clinic_site import Site, served

simulated = people.simulated

NOTE = "<img src=x onerror=\"document.title='taken'\"> private note"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(tmp_path_factory.mktemp("site")) as one:
        yield one


@pytest.fixture(scope="module")
def course(site: Site, simulated: SimulatedCourse) -> Treated:
    """A course that was followed and shared; its patient had a session three days ago and has an account."""
    practitioner = Actor(site.user("tara", ["practitioner"]), "tara", frozenset({"practitioner"}))
    made = Treated(site.clinic, practitioner, simulated)
    measuring.follow(site.clinic, practitioner, made.course.id)
    sharing.share_course(site.clinic, practitioner, made.course.id)
    at = datetime.now(UTC) - timedelta(days=3)
    recording.add_session(
        site.clinic.store, made.patient_id, at, "Europe/Berlin", site="face", notes=NOTE, operator=NOTE
    )
    site.user("zoe", ["patient"], made.patient_id)
    return made


@pytest.mark.parametrize("width", [1280, 390])
def test_what_was_shared_is_there_and_readable(site: Site, course: Treated, offline, accessible, width: int) -> None:
    page = site.sign_in(offline, "zoe", width)
    page.get_by_role("heading", name="Your treatment", level=1).wait_for()
    page.get_by_role("heading", name="Day 3 after your session").wait_for()
    text = page.locator(".reader").inner_text()
    assert "Your skin may be dry and flake." in text
    assert "No retinol and no fruit acids" in text
    assert "private note" not in text
    assert page.title() == "Your treatment"

    report = page.frame_locator("iframe.report")
    report.get_by_role("heading", level=1).wait_for()
    words = report.locator("body").inner_text().lower()
    assert "larger than measurement error" in words or "no measurable change yet" in words
    frame = page.locator("iframe.report")
    page.wait_for_function("document.querySelector('iframe.report').clientHeight > 700")
    inside = frame.evaluate("one => one.contentDocument.documentElement.scrollHeight - one.clientHeight")
    assert inside <= 2, "the report scrolls within its frame"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert frame.evaluate("one => one.contentDocument.documentElement.scrollWidth - one.clientWidth") <= 0
    accessible(page)
    assert page.evaluate("Object.keys(localStorage).filter(key => key !== 'theme')") == []


def test_it_can_be_read_by_keyboard_alone(site: Site, course: Treated, offline) -> None:
    page = site.sign_in(offline, "zoe", 390)
    page.get_by_role("heading", name="Your results").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to your results"
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'results'")
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("(document.activeElement.textContent || '').trim()"))
    assert any(text.startswith("How to read them") for text in seen)
    assert any(text.startswith("Withdraw") for text in seen)
    assert "Download my data" in seen


def test_everything_can_be_taken_home(site: Site, course: Treated, offline) -> None:
    page = site.sign_in(offline, "zoe")
    page.get_by_role("heading", name="Your choices").wait_for()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download my data").click()
    with zipfile.ZipFile(io.BytesIO(taken.value.path().read_bytes())) as archive:
        assert json.loads(archive.read("record.json"))["name"] == "Zoë Ångström"
        assert sum(name.startswith("photos/") for name in archive.namelist()) == 3
    assert not list(site.clinic.desk.glob("work-*"))
    with page.expect_download() as taken:
        page.get_by_role("link", name="save it as PDF").click()
    assert taken.value.path().read_bytes().startswith(b"%PDF-")


def test_withdrawing_asks_once_and_empties_the_page(site: Site, course: Treated, offline, accessible) -> None:
    page = site.sign_in(offline, "zoe", 390)
    source = page.locator("iframe.report").get_attribute("src")
    card = page.locator("article", has=page.get_by_role("heading", name="See my photos here"))
    assert not card.get_by_role("button").is_visible()
    card.locator("summary").click()
    assert "disappears at once" in card.inner_text()
    card.get_by_role("button", name="Yes, stop showing them").click()
    page.get_by_text("You no longer agree, from this moment on").wait_for()
    page.wait_for_function("Math.abs(document.getElementById('yours').getBoundingClientRect().top) < 100")
    assert page.locator("iframe").count() == 0
    assert "as you have not agreed to sharing" in page.locator("#results").inner_text()
    assert page.request.get(f"{site.address}{source}").status == 404
    assert not consents.agrees(site.clinic.store, course.patient_id, "sharing")
    accessible(page)
    card.locator("summary").click()
    card.get_by_role("button", name="Yes, I agree").click()
    page.get_by_text("You agree, from this moment on").wait_for()
    assert "Nothing has been shared with you yet" in page.locator("#results").inner_text()


def test_the_routes_are_the_patients_alone(site: Site) -> None:
    site.user("rosa", ["researcher"])
    site.user("tom", ["practitioner"])
    form = {"purpose": "sharing", "holds": "no"}
    with httpx.Client(base_url=site.address) as nobody:
        assert nobody.get("/download/everything.zip").status_code == 401
        assert nobody.post("/own/agreement", data=form).status_code == 401
    for name in ("rosa", "tom"):
        with httpx.Client(base_url=site.address) as one:
            assert one.post("/login", data={"username": name, "password": PASSWORD}).status_code == 303
            assert one.get("/download/everything.zip").status_code == 404
            assert one.post("/own/agreement", data=form).status_code == 404
            foreign = {"origin": "https://elsewhere.example"}
            assert one.post("/own/agreement", data=form, headers=foreign).status_code == 403

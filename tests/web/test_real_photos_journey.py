"""Real photos through all three roles: photographed and shared in the clinic, read at home, counted in research."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.services.identity import PASSWORD
from tests.web.clinic_site import Site, served

SAYS_WHETHER_IT_CHANGED = re.compile("larger than measurement error|no measurable change yet|cannot be compared")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(tmp_path_factory.mktemp("site")) as one:
        one.user("tara", ["practitioner"])
        one.user("rhea", ["researcher"])
        yield one


def test_three_roles_and_a_real_face(site: Site, test_photos: Path, browsers, accessible) -> None:
    before, after = (test_photos / "faces_frl" / name for name in ("001_03.jpg", "001_08.jpg"))
    page = site.sign_in(browsers(), "tara")
    page.get_by_role("button", name="New patient").click()
    page.get_by_label("Name to show").first.fill("Ada")
    page.get_by_label("What is treated").first.fill("Redness and rosacea")
    page.get_by_role("option", name="Redness and rosacea").click()
    for purpose in (
        "photos for the treatment",
        "results shown in the patient's own account",
        "numbers, under a pseudonym",
    ):
        page.get_by_label(purpose).first.check()
    page.get_by_role("button", name="Add the patient").click()
    page.get_by_role("heading", name="Ada", level=1).wait_for()
    for day, photo, treated in (("2026-03-02", before, True), ("2026-06-02", after, False)):
        page.locator("#when").get_by_role("textbox").fill(f"{day} 10:00")
        page.locator("#photos input[type=file]").set_input_files(photo)
        page.locator("#slot-0 .lights").wait_for(timeout=60_000)
        if treated:  # nothing tells the view of the first photo; the later one's is that of the first
            page.get_by_role("button", name="Save and measure").click()
            page.get_by_text("A photo has no view yet").wait_for()
            page.locator("#slot-0").get_by_role("combobox", name="View").first.fill("front")
            page.get_by_role("option", name="front", exact=True).click()
            page.locator("#slot-0 .lights").wait_for(timeout=60_000)
            page.get_by_role("button", name="Treatment today").click()
            page.get_by_label("A session was done today").check()
        page.get_by_role("button", name="Save and measure").click()
        page.locator("#done").get_by_role("heading", name="Saved: 1 photo").wait_for(timeout=60_000)
        page.locator("#done").get_by_role("heading", name=re.compile("The course")).wait_for(timeout=240_000)
    compared = page.frame_locator('#done iframe.report[title*=" against "]')
    compared.locator(".slider input").wait_for()
    page.get_by_role("tab", name="What changed").click()
    page.get_by_role("button", name="Follow the course").click()
    page.frame_locator("#course-report iframe.report").get_by_role("heading", level=1).wait_for(timeout=120_000)
    page.get_by_role("button", name="Share with the patient").click()
    page.get_by_text("The patient sees this course.").wait_for()
    page.get_by_role("tab", name="Patient", exact=True).click()
    page.get_by_role("button", name="Make a one-time link").click()
    link = page.locator("code.link").inner_text()

    own = browsers()(link, width=390)
    username = own.get_by_label("Your username").input_value()
    own.get_by_label("Password", exact=True).fill(PASSWORD)
    own.get_by_label("The same password again").fill(PASSWORD)
    own.get_by_role("button", name="Save the password").click()
    own.get_by_role("link", name="Sign in").wait_for()
    own = site.sign_in(browsers(), username, width=390)
    report = own.frame_locator("iframe.report")
    report.get_by_role("heading", level=1).wait_for()
    assert SAYS_WHETHER_IT_CHANGED.search(report.locator("body").inner_text())
    assert own.evaluate("document.documentElement.scrollWidth") <= 390
    accessible(own)

    table = site.sign_in(browsers(), "rhea")
    table.get_by_text("1 patient").first.wait_for()
    assert "Ada" not in table.content()

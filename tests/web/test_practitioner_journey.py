"""A practitioner between two patients: adds one, brings the photos of two visits, sees what changed, shares it."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest

from skinscan.services import Actor, patients, sharing
from tests.services import conftest as people
from tests.services.conftest import SimulatedCourse, Treated
from tests.web.clinic_site import Site, served

simulated = people.simulated

NAME = "Zoë <img src=x onerror=alert(1)> Ångström"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(tmp_path_factory.mktemp("site")) as one:
        yield one


@pytest.fixture(scope="module")
def practitioner(site: Site) -> Actor:
    return Actor(site.user("tara", ["practitioner"]), "tara", frozenset({"practitioner"}))


@pytest.fixture
def photos(simulated: SimulatedCourse, tmp_path: Path) -> dict[str, Path]:
    """The simulated course's photos as files, by their day."""
    paths = {day: tmp_path / f"close {day}.jpg" for day in simulated.photos}
    for day, data in simulated.photos.items():
        paths[day].write_bytes(data)
    return paths


def test_a_patient_is_added_photographed_twice_and_compared(
    site: Site, practitioner: Actor, photos: dict[str, Path], simulated: SimulatedCourse, offline
) -> None:
    page = site.sign_in(offline, "tara")
    page.get_by_role("heading", name="Patients", level=1).wait_for()
    page.get_by_role("button", name="New patient").click()
    page.get_by_label("Name to show").first.fill(NAME)
    page.get_by_label("photos for the treatment").first.check()
    page.get_by_label("results shown in the patient's own account").first.check()
    page.get_by_role("button", name="Add the patient").click()
    page.get_by_role("heading", name=NAME, level=1).wait_for()
    for number, day in enumerate(("2026-01-12", "2026-05-12")):
        visit(page, day, photos[day], simulated, treated=number == 0)
    assert "changed by more than measurement error" in page.locator("#done").inner_text()
    compared = page.frame_locator('#done iframe.report[title*=" against "]')
    compared.locator(".slider input").wait_for()
    assert compared.locator("[data-view]").count() > 5  # a map of every measure
    assert page.locator("#slot-0").is_hidden()
    (one,) = patients.find(site.clinic, practitioner, "Zoë")
    assert (one.name, one.visits) == (NAME, 2)


def visit(page, day: str, photo: Path, simulated: SimulatedCourse, treated: bool) -> None:
    """Bring a photo, be told what it can carry, save it with what was done, and wait until it is measured."""
    page.get_by_role("tab", name="New session").click()
    page.locator("#when").get_by_role("textbox").fill(f"{day} 10:00")
    if not page.get_by_label("Millimetres a pixel, if known").is_visible():
        page.get_by_role("button", name="How the photos are taken").click()
    page.get_by_label("Millimetres a pixel, if known").fill(f"{simulated.mm_per_px:.6f}")
    page.get_by_label("Same camera and lamp as before").check()
    page.locator("#photos input[type=file]").set_input_files(photo)
    page.locator("#slot-0 .lights").wait_for()
    assert page.locator("#slot-0").get_by_role("combobox", name="View").input_value() == "close"
    if treated:
        page.get_by_role("button", name="Treatment today").click()
        page.get_by_label("A session was done today").check()
        page.get_by_label("Depth (mm)").fill("1.0")
    else:
        page.locator("#slot-0 .ghost").wait_for()  # the last photo of this view, beside it
        page.get_by_text("Against the last photo of this view.").wait_for()
    page.get_by_role("button", name="Save and measure").click()
    page.locator("#done").get_by_role("heading", name="Saved: 1 photo").wait_for(timeout=60_000)
    page.locator("#done").get_by_role("heading", name="The course: Enlarged pores, face").wait_for(timeout=120_000)


@pytest.fixture(scope="module")
def course(site: Site, practitioner: Actor, simulated: SimulatedCourse) -> Treated:
    return Treated(site.clinic, practitioner, simulated)


def opened(site: Site, offline, course: Treated, width: int = 1280):
    """The course's patient, found in the list."""
    page = site.sign_in(offline, "tara", width)
    page.locator("#patients table").wait_for()
    page.get_by_label("Find a patient").fill("ångström")
    page.locator(f'#patients a[href*="{course.patient_id}"]').click()
    page.get_by_role("tab", name="New session").wait_for()
    page.get_by_text("Treated here").wait_for()
    return page


def test_a_course_is_followed_and_shared(site: Site, practitioner: Actor, course: Treated, offline, accessible) -> None:
    page = opened(site, offline, course)
    page.get_by_role("tab", name="What changed").click()
    page.get_by_text("The patient sees nothing of this course yet.").wait_for()
    page.get_by_role("button", name="Follow the course").click()
    report = page.frame_locator("#course-report iframe.report")
    report.get_by_role("heading", level=1, name=re.compile("Enlarged pores, face")).wait_for(timeout=120_000)
    accessible(page, but=GRADIOS_OWN)
    page.get_by_role("button", name="Share with the patient").click()
    page.get_by_text("The patient sees this course.").wait_for()
    assert len(sharing.shares_of(site.clinic, practitioner, course.patient_id)) == 1
    page.get_by_role("button", name="Stop sharing").click()
    page.get_by_text("The patient sees nothing of this course yet.").wait_for()
    with page.expect_download() as taken:
        page.locator("#course-report").get_by_role("link", name="As PDF").click()
    assert Path(taken.value.path()).read_bytes()[:5] == b"%PDF-"


def test_a_region_is_drawn_by_its_corners(
    site: Site, practitioner: Actor, course: Treated, offline, accessible
) -> None:
    page = opened(site, offline, course)
    page.get_by_role("tab", name="Photos and regions").click()
    page.locator("#visits img >> nth=2").wait_for()
    assert page.locator("#visits img").count() == 3
    page.get_by_role("button", name="Draw or correct a region").click()
    page.get_by_text("Drawn on it: reference.").wait_for()
    drawing = page.locator(".draw")
    box = drawing.bounding_box()
    for x, y in ((0.3, 0.4), (0.8, 0.4), (0.8, 0.9), (0.9, 0.9)):
        drawing.click(position={"x": x * box["width"], "y": y * box["height"]})
    drawing.press("Backspace")
    page.get_by_label("Name of the region").fill("cheek")
    page.get_by_role("button", name="Keep the region").click()
    page.get_by_text("Drawn on it: reference, cheek.").wait_for()
    from skinscan.services import visits

    corners = visits.regions_of(site.clinic, practitioner, course.photos[0])["cheek"]
    assert len(corners) == 3
    assert corners[0] == pytest.approx([0.3 * 560 - 0.5, 0.4 * 560 - 0.5], abs=2)
    accessible(page, but=GRADIOS_OWN)


def test_the_patients_rights(site: Site, practitioner: Actor, simulated: SimulatedCourse, offline, accessible) -> None:
    other = patients.add(site.clinic, practitioner, name="Ada", agrees_to=("sharing",))
    code = patients.person(site.clinic, practitioner, other).code
    page = site.sign_in(offline, "tara")
    page.get_by_role("link", name="Ada").click()
    page.get_by_role("tab", name="Patient", exact=True).click()
    page.get_by_text("results shown in the patient's own account: agreed on").wait_for()
    page.get_by_label("results shown in the patient's own account").last.uncheck()
    page.get_by_text("results shown in the patient's own account: withdrawn on").wait_for()
    page.get_by_role("button", name="Make a one-time link").click()
    link = page.locator("code.link")
    link.wait_for()
    assert link.inner_text().startswith(f"{site.address}/invitation/")
    accessible(page, but=GRADIOS_OWN)
    with page.expect_download() as taken:
        page.get_by_role("link", name="Export everything").click()
    with zipfile.ZipFile(io.BytesIO(Path(taken.value.path()).read_bytes())) as archive:
        assert archive.testzip() is None
    page.get_by_label("To erase everything for good").fill("P-WRONG")
    page.get_by_role("button", name="Erase this patient").click()
    page.get_by_text("Nothing was erased").wait_for()
    page.get_by_label("To erase everything for good").fill(code)
    page.get_by_role("button", name="Erase this patient").click()
    page.get_by_role("heading", name="Patients", level=1).wait_for()
    assert not patients.find(site.clinic, practitioner, "Ada")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_accessible_and_fits(site: Site, course: Treated, offline, accessible, width: int) -> None:
    page = site.sign_in(offline, "tara", width)
    page.locator("#patients table").wait_for()
    accessible(page, but=GRADIOS_OWN)
    page.locator(f'#patients a[href*="{course.patient_id}"]').click()
    page.get_by_text("Treated here").wait_for()
    for tab in ("New session", "What changed", "Photos and regions", "Patient"):
        show(page, tab)
        accessible(page, but=GRADIOS_OWN)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, tab


def show(page, tab: str) -> None:
    """Open a tab, which Gradio may have put behind its menu on a narrow page."""
    found = page.get_by_role("tab", name=tab, exact=True)
    if found.count() == 0 or not found.is_visible():
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown").get_by_text(tab, exact=True).click()
    else:
        found.click()


GRADIOS_OWN: tuple[str, ...] = ()
"""Markup of Gradio's own that nothing here can mend."""


def test_a_text_that_is_no_photo_is_refused_in_words(site: Site, course: Treated, tmp_path: Path, offline) -> None:
    page = opened(site, offline, course)
    wrong = tmp_path / "face.jpg"
    wrong.write_bytes(b"<svg onload=alert(1)>")
    page.locator("#photos input[type=file]").set_input_files(wrong)
    page.get_by_text("face.jpg").wait_for()
    assert page.locator("#slot-0").is_hidden()


def test_photos_brought_later_leave_what_was_said_of_those_before(
    site: Site, practitioner: Actor, photos: dict[str, Path], offline
) -> None:
    patient = patients.add(site.clinic, practitioner, name="Bea", agrees_to=("treatment",), site="face")
    page = site.sign_in(offline, "tara")
    page.get_by_role("link", name="Bea").click()
    first, second, third = photos.values()
    page.locator("#photos input[type=file]").set_input_files(first)
    view_of_first = page.locator("#slot-0").get_by_role("combobox", name="View")
    page.locator("#slot-0 .pair").wait_for()
    assert view_of_first.input_value() == "close"  # as the file is named
    view_of_first.fill("front")
    view_of_first.press("Enter")
    page.locator("#photos input[type=file]").set_input_files(second)
    page.locator("#slot-1 .pair").wait_for()
    assert view_of_first.input_value() == "front"
    page.locator("#slot-0").get_by_label("A repeat").check()
    page.locator("#remove-0").click()
    page.locator("#remove-0").wait_for(state="hidden")
    page.locator("#photos input[type=file]").set_input_files(third)
    page.locator("#slot-0 .pair").wait_for()  # into the place that is free again
    assert not page.locator("#slot-0").get_by_label("A repeat").is_checked()
    assert page.locator("#remove-2").is_hidden()
    assert page.locator("#slot-1").get_by_role("combobox", name="View").input_value() == "close"
    assert not patients.person(site.clinic, practitioner, patient).visits


def test_a_consent_that_was_withdrawn_meanwhile_is_not_given_back_by_a_page_that_stood_open(
    site: Site, practitioner: Actor, offline
) -> None:
    patient = patients.add(site.clinic, practitioner, name="Cleo", agrees_to=("treatment", "sharing"))
    page = site.sign_in(offline, "tara")
    page.get_by_role("link", name="Cleo").click()
    page.get_by_role("tab", name="Patient", exact=True).click()
    sharing_box = page.get_by_label("results shown in the patient's own account").last
    page.locator("#agreed").get_by_text("agreed on").first.wait_for()
    patients.set_agreement(site.clinic, practitioner, patient, "sharing", False)  # by the patient, elsewhere
    page.get_by_label("numbers, under a pseudonym, for research").last.check()
    page.locator("#agreed").get_by_text("results shown in the patient's own account: withdrawn").wait_for()
    held = {one.purpose for one in patients.agreements(site.clinic, practitioner, patient) if one.holds}
    assert held == {"treatment", "research"}
    assert not sharing_box.is_checked()

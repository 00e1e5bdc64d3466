"""The reports in a real browser: whole on a phone, and for everybody to use."""

from pathlib import Path

import builders
import pytest

from skinscan.report import write_assessment, write_comparison
from skinscan.report.course_page import course_page
from skinscan.treatment import SHIPPED

KINDS = ("comparison", "assessment", "practitioner", "patient")


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    course = builders.course(("left", "right"))
    for role in ("practitioner", "patient"):
        (folder / f"{role}.html").write_text(course_page(course, SHIPPED, role), encoding="utf-8")
    return {
        "practitioner": folder / "practitioner.html",
        "patient": folder / "patient.html",
        "comparison": write_comparison(builders.comparison(), folder / "comparison"),
        "assessment": write_assessment([builders.assessment()], folder / "assessment"),
    }


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("kind", KINDS)
def test_everybody_can_use_it(offline, accessible, written, kind, width) -> None:
    page = offline(written[kind].as_uri(), width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    accessible(page)
    page.emulate_media(color_scheme="dark")
    accessible(page)


def test_what_not_everybody_can_use_is_found(offline, accessible, tmp_path) -> None:
    wrong = tmp_path / "wrong.html"
    wrong.write_text('<html lang="en"><title>t</title><p style="color: #999; background: #fff">pale</p><input></html>')
    page = offline(wrong.as_uri())
    with pytest.raises(AssertionError, match=r"(?s)color-contrast.*label"):
        accessible(page)
    with pytest.raises(AssertionError, match="label"):
        accessible(page, but=("p",))


@pytest.mark.parametrize("kind", ["practitioner", "patient"])
def test_each_view_of_a_course_has_its_slider(offline, written, kind) -> None:
    page = offline(written[kind].as_uri(), 390)
    sliders = page.locator(".slider")
    assert sliders.count() == 2
    assert page.locator(".slider .tag").all_inner_texts() == ["2026-01-12", "2026-05-12"] * 2
    cuts = (
        "[...document.querySelectorAll('.slider')].map(one => getComputedStyle(one).getPropertyValue('--cut').trim())"
    )
    sliders.nth(1).locator("input").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(cuts) == ["50%", "49%"]
    before, after = sliders.nth(1).locator("svg").all()
    assert before.bounding_box() == after.bounding_box()
    assert "49%" in before.evaluate("one => getComputedStyle(one.parentElement).getPropertyValue('--cut')")


def test_printing_unfolds_everything(offline, written) -> None:
    page = offline(written["comparison"].as_uri())
    assert page.locator("details:not([open])").count() > 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    assert all(view.is_visible() for view in page.locator(".view").all())
    assert not page.locator(".chooser").is_visible()
    first, second = (one.bounding_box() for one in page.locator(".slider svg").all())
    assert second["x"] >= first["x"] + first["width"]

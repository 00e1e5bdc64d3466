"""The reports in a real browser: whole on a phone, and for everybody to use."""

from pathlib import Path

import builders
import pytest

from skinscan.report import write_assessment, write_comparison


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    return {
        "comparison": write_comparison(builders.comparison(), folder / "comparison"),
        "assessment": write_assessment([builders.assessment()], folder / "assessment"),
    }


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("kind", ["comparison", "assessment"])
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

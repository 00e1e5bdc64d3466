"""The page is exactly to scale, on both papers, and what is printed is what the finder knows."""

import subprocess
import sys

import numpy as np
import pytest

from skinscan.capture.scale.skin_card import find_skin_card
from skinscan.records import ParameterError, SkinscanError
from skinscan.sheet import layout
from skinscan.sheet.page import RULER_MM, SIZES_MM, make_sheet
from tests.capture.skin_photos import photo_of

pdfium = pytest.importorskip("pypdfium2")
DPI = 150


@pytest.fixture(scope="module", params=["a4", "letter"])
def page(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("sheet") / "card.pdf"
    make_sheet(path, request.param)
    document = pdfium.PdfDocument(path)
    assert len(document) == 1
    yield request.param, document[0]
    document.close()


def mm_of(points):
    return np.asarray(points) * 25.4 / 72


def test_the_paper_and_both_rulers_have_their_size(page):
    paper, sheet = page
    assert mm_of(sheet.get_size()) == pytest.approx(SIZES_MM[paper], abs=0.01)
    spans = [mm_of(item.get_bounds()) for item in sheet.get_objects()]
    sizes = np.array([(right - left, top - bottom) for left, bottom, right, top in spans])
    long = sizes[(sizes.max(1) > 90) & (sizes.min(1) < 1)]
    assert len(long) == 2  # one along the paper's feed, one across
    # bounds hold the line's own width, at its ends as at its sides
    assert long.max(1) - long.min(1) == pytest.approx(RULER_MM, abs=0.01)
    assert {bool(width > height) for width, height in long} == {True, False}
    width, height = SIZES_MM[paper]
    for left, bottom, right, top in spans:  # nothing where printers cannot print
        assert left > 6
        assert bottom > 6
        assert right < width - 6
        assert top < height - 6


def test_a_printed_page_is_a_skin_card_of_the_right_size(page):
    """150 dots an inch are 0.16933 mm each; 0.1 % is a third of a dot over a card."""
    pixels = page[1].render(scale=DPI / 72).to_numpy()[..., :3][..., ::-1]
    seen = find_skin_card(photo_of(pixels))
    assert seen is not None
    assert seen.markers == (0, 1, 2, 3)
    assert not seen.mirrored
    assert seen.plane.mm_per_px_at(seen.plane.at_px[None])[0] == pytest.approx(25.4 / DPI, rel=0.001)
    assert seen.tilt_deg < 2.5
    expected = np.array([patch.rgb or (0, 0, 0) for patch in layout.PATCHES]) / 255
    for number, patch in enumerate(layout.PATCHES):
        if patch.kind == "skin":
            assert seen.codes[number] == pytest.approx(expected[number], abs=0.02)
        else:
            assert np.ptp(seen.codes[number]) < 0.02


def test_the_page_says_what_to_do(page):
    text = page[1].get_textpage().get_text_range()
    for word in (
        "100 %",
        "steel ruler",
        "laminate",
        "plane of the skin",
        "faded",
        "NOT calibrated",
        "matte",
        "version 1",
    ):
        assert word in text.replace("\r\n", " ")


def test_a_paper_or_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ParameterError, match="a4 or letter"):
        make_sheet(tmp_path / "card.pdf", "a5")
    with pytest.raises(SkinscanError, match="could not be written"):
        make_sheet(tmp_path / "nowhere" / "card.pdf")


def test_the_same_page_is_the_same_bytes(tmp_path):
    make_sheet(tmp_path / "one.pdf")
    make_sheet(tmp_path / "two.pdf")
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


def test_importing_the_sheet_loads_no_reportlab():
    code = "import sys, skinscan.sheet.page; print([m for m in ('reportlab', 'cv2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

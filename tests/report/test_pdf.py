"""The report on paper: whole, tagged, readable in any script, asking nothing of anybody."""

import builtins
import ctypes
import datetime
import os
import re
import socket
import subprocess
import sys
import zlib

import builders
import cv2
import numpy as np
import pytest

from skinscan.records import EnvironmentFault, ParameterError
from skinscan.report import page, pdf, pictures
from skinscan.report.course_page import course_page
from skinscan.treatment import SHIPPED

pdfium = pytest.importorskip("pypdfium2")
try:
    pdf.check()
except EnvironmentFault as missing:
    if os.environ.get("CI"):
        raise
    pytest.skip(f"no PDF can be made here: {missing}", allow_module_level=True)

PERSON = "Hanako Yamada"


@pytest.fixture(scope="module")
def html() -> str:
    return page.comparison_page(builders.comparison(f"{PERSON}.jpg", "after.jpg"))


@pytest.fixture(scope="module")
def made(html) -> bytes:
    return pdf.to_pdf(html, made=datetime.date(2026, 11, 22))


@pytest.fixture(scope="module")
def course_pdf() -> dict[str, bytes]:
    course = builders.course(("left", "right"))
    return {role: pdf.to_pdf(course_page(course, SHIPPED, role)) for role in ("practitioner", "patient")}


def pages(data: bytes) -> list[str]:
    return [one.get_textpage().get_text_bounded() for one in pdfium.PdfDocument(data)]


def words(data: bytes) -> str:
    return " ".join(" ".join(pages(data)).split())


def streams(data: bytes) -> list[bytes]:
    """Every stream of the file, unpacked where it is packed by zlib."""
    found = []
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
        try:
            found.append(zlib.decompress(packed))
        except zlib.error:
            found.append(packed)
    return found


def test_everything_of_the_report_is_there(made) -> None:
    text = words(made)
    assert "Pore area 4.1 → 3.3 % (−0.8; smallest detectable change 0.6): larger than measurement error." in text
    for title in ("At a glance", "What was seen where", "Haemoglobin", "Optical roughness", "The numbers"):
        assert title in text
    assert "01" * 32 in text.replace(" ", "")  # the file's digest, folded away on the screen
    assert "shipped study: shot, reposition" in text
    assert "recipe" in text.lower()
    assert "Every photo went through the same steps" in text
    assert not re.search("Drag|Strength of the colours", text)


def test_its_pages_are_numbered_and_dated(made) -> None:
    told = pages(made)
    assert len(told) > 3
    for number, text in enumerate(told, start=1):
        assert f"{number} / {len(told)}" in text
        assert "skinscan, 2026-11-22" in text


@pytest.mark.parametrize(("paper", "size"), [("A4", (595, 842)), ("letter", (612, 792))])
def test_nothing_runs_off_the_paper(html, paper, size) -> None:
    document = pdfium.PdfDocument(pdf.to_pdf(html, paper=paper))
    for one in document:
        assert one.get_size() == pytest.approx(size, abs=1)
        drawn = np.asarray(one.render(scale=1).to_numpy())
        edge = 40  # the margins, 17 mm, are 48 points
        assert (drawn[:, :edge] == 255).all()
        assert (drawn[:, -edge:] == 255).all()
        assert (drawn[:edge] == 255).all()


def test_each_picture_is_in_the_file_once(made, html) -> None:
    count = made.count(b"/Subtype /Image") - made.count(b"/SMask")
    # both photos, the later one laid over the first, two maps of each, the bar of colours
    assert count == 2 + 1 + 2 * 2 + 1
    assert len(made) < len(html) * 1.5


def test_photos_and_maps_are_seen(made) -> None:
    """The maps are in colour over a photo in greys; nothing is left as an empty frame."""
    document = pdfium.PdfDocument(made)
    sizes = []
    for one in document:
        for thing in one.get_objects(filter=[pdfium.raw.FPDF_PAGEOBJ_IMAGE], max_depth=4):
            picture = np.asarray(thing.get_bitmap().to_numpy())
            sizes.append(picture.shape[:2])
            assert picture.std() > 5
    assert sizes.count(builders.SHAPE) >= 4  # before and after laid over it, and each with its outlines
    vectors = [
        thing for one in document for thing in one.get_objects(filter=[pdfium.raw.FPDF_PAGEOBJ_PATH], max_depth=4)
    ]
    assert len(vectors) > 200  # strips, outlines, pores


def tags(data: bytes) -> list[tuple[str, str]]:
    """(type, alternative text) of every part of the structure."""
    raw, found = pdfium.raw, []

    def text_of(read, element) -> str:
        length = read(element, None, 0)
        buffer = ctypes.create_string_buffer(length)
        read(element, buffer, length)
        return buffer.raw[: max(length - 2, 0)].decode("utf-16-le")

    def walk(element) -> None:
        found.append(
            (text_of(raw.FPDF_StructElement_GetType, element), text_of(raw.FPDF_StructElement_GetAltText, element))
        )
        for child in range(raw.FPDF_StructElement_CountChildren(element)):
            inner = raw.FPDF_StructElement_GetChildAtIndex(element, child)
            if inner:
                walk(inner)

    document = pdfium.PdfDocument(data)
    for one in document:
        tree = raw.FPDF_StructTree_GetForPage(one)
        for child in range(raw.FPDF_StructTree_CountChildren(tree)):
            walk(raw.FPDF_StructTree_GetChildAtIndex(tree, child))
        raw.FPDF_StructTree_Close(tree)
    return found


def test_it_is_tagged_for_screen_readers(made, course_pdf) -> None:
    for data in (made, *course_pdf.values()):
        kinds = [kind for kind, _ in tags(data)]
        assert kinds.count("H1") >= 1
        assert "H2" in kinds
        figures = [told for kind, told in tags(data) if kind == "Figure"]
        assert figures
        assert all(figures)
        assert any(b'pdfuaid:part="1"' in part or b"pdfuaid:part>1<" in part for part in streams(data))
    assert {"Table", "TH", "TD"} <= {kind for kind, _ in tags(made)}
    assert any("Before photo" in told for _, told in tags(made))
    chart = next(told for _, told in tags(course_pdf["patient"]) if "baseline" in told)
    assert "larger than measurement error" in chart


def test_the_metadata_name_nobody(made) -> None:
    assert PERSON in words(made)  # the page itself names the file
    told = pdfium.PdfDocument(made).get_metadata_dict()
    assert told["Title"] == "skinscan report"
    assert (told["Author"], told["Subject"], told["Keywords"]) == ("", "", "")
    said = [part for part in streams(made) if b"rdf:RDF" in part]
    assert said
    assert not any(PERSON.encode() in part for part in said)


def test_a_course_on_paper(course_pdf) -> None:
    text = words(course_pdf["practitioner"])
    assert "First and last photo, one over the other" in text
    assert "study of phantom pairs; missing: device" in text
    assert all(f"{number:02x}" * 32 in text.replace(" ", "") for number in range(4))
    patient = words(course_pdf["patient"])
    assert "Pores take up less of your skin: the change is larger than measurement error." in patient
    assert "smallest detectable" not in patient
    assert "(T2)" not in patient


@pytest.mark.parametrize(
    "asking",
    [
        '<img src="http://127.0.0.1:9/photo.jpg" alt="x">',
        '<img src="file:///etc/hostname" alt="x">',
        '<svg viewBox="0 0 9 9"><image href="file:///etc/hostname" width="9" height="9"/></svg>',
        "<style>@import url(http://127.0.0.1:9/a.css);</style>",
        "<style>@font-face { font-family: x; src: url(file:///etc/hostname) }</style>",
        '<p style="background: url(ftp://127.0.0.1/x.png)">x</p>',
        '<link rel="stylesheet" href="file:///etc/hostname">',
        '<link rel="attachment" href="file:///etc/hostname">',
        '<object data="file:///etc/hostname"></object>',
    ],
)
def test_a_page_that_asks_for_something_outside_is_refused(asking, monkeypatch) -> None:
    def reached(*_):
        raise AssertionError("the network was reached")

    monkeypatch.setattr(socket.socket, "connect", reached)
    with pytest.raises(ParameterError, match="cannot be drawn as it is"):
        pdf.to_pdf(f'<html lang="en"><head><title>t</title></head><body>{asking}</body></html>')


def test_a_file_beside_it_is_not_read(tmp_path, monkeypatch) -> None:
    (tmp_path / "secret.png").write_bytes(pictures.png(np.zeros((9, 9, 3), np.uint8)))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match="without a base URI"):
        pdf.to_pdf('<html lang="en"><head></head><body><p>a</p><img src="secret.png" alt="x"></body></html>')


def test_a_picture_that_is_none_is_told() -> None:
    with pytest.raises(ParameterError, match="cannot be drawn as it is"):
        pdf.to_pdf('<html lang="en"><head></head><body><img src="data:image/png;base64,AAAA" alt="x"></body></html>')


def test_a_report_asks_for_nothing_but_what_it_holds(html, monkeypatch) -> None:
    from weasyprint import urls

    asked, fetch = [], urls.URLFetcher.fetch
    monkeypatch.setattr(
        urls.URLFetcher, "fetch", lambda self, url, *rest: asked.append(url[:5]) or fetch(self, url, *rest)
    )
    pdf.to_pdf(html)
    assert set(asked) == {"data:"}


@pytest.mark.parametrize(
    ("word", "what"), [("山田花子", "Japanese"), ("नमस्ते", "Hindi"), ("محمد", "Arabic"), ("Ελένη", "Greek")]
)
def test_names_in_other_scripts_are_drawn(word, what) -> None:
    having = subprocess.run(
        ["fc-list", f":charset={ord(word[0]):x}", "family"], capture_output=True, text=True, check=True
    ).stdout
    families = {re.sub(r"[\W_]", "", name) for line in having.splitlines() for name in line.split(",")}
    if not families:
        if os.environ.get("CI"):
            pytest.fail(f"no font for {what}: apt-get install fonts-droid-fallback fonts-lohit-deva")
        pytest.skip(f"no font for {what} on this machine: apt-get install fonts-droid-fallback fonts-lohit-deva")
    data = pdf.to_pdf(page.assessment_page({"photo": builders.assessment(f"{word} 7.jpg", with_evidence=False)}))
    assert word in words(data)
    fonts = {name for text, name in written(data) if word[0] in text}
    assert fonts
    assert all(any(name.startswith(family) for family in families) for name in fonts), (fonts, families)


def written(data: bytes) -> list[tuple[str, str]]:
    """(text, name of its font) of every run of letters."""
    raw, found = pdfium.raw, []
    document = pdfium.PdfDocument(data)
    for one in document:
        text_page = one.get_textpage()
        for thing in one.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT], max_depth=4):
            length = raw.FPDFTextObj_GetText(thing, text_page, None, 0)
            letters = (ctypes.c_ushort * max(length // 2, 1))()
            raw.FPDFTextObj_GetText(thing, text_page, letters, length)
            name = ctypes.create_string_buffer(200)
            raw.FPDFFont_GetBaseFontName(raw.FPDFTextObj_GetFont(thing), name, 200)
            base = re.sub(r"[\W_]", "", name.value.decode().split("+")[-1])
            found.append((bytes(letters).decode("utf-16-le").rstrip("\0"), base))
    return found


@pytest.mark.parametrize(("error", "found"), [(ImportError("none"), "no WeasyPrint"), (OSError("no pango"), "pango")])
def test_a_machine_without_it_is_told_what_to_install(error, found, monkeypatch) -> None:
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("weasyprint"):
            raise error
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EnvironmentFault, match=rf"{found}.*pip install 'skinscan\[pdf\]'.*pango"):
        pdf.to_pdf("<html></html>")


def test_a_map_lies_over_its_photo_in_greys() -> None:
    photo = np.zeros((40, 60, 3), np.uint8)
    photo[:, :30] = (200, 40, 40)
    laid = np.zeros((20, 30, 4), np.uint8)
    laid[:10] = (0, 255, 0, 255)
    encoded = cv2.imencode(".png", laid)[1].tobytes()
    read = pictures.over_grey(pictures.png(photo), encoded, (1.0, 1.0), 0.5)
    seen = cv2.cvtColor(cv2.imdecode(np.frombuffer(read, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(int)
    assert seen.shape == (20, 30, 3)
    grey = round(0.299 * 200 + 0.587 * 40 + 0.114 * 40)  # ITU-R BT.601, as OpenCV greys
    assert seen[15, 4] == pytest.approx([grey] * 3, abs=6)  # JPEG
    assert seen[4, 4] == pytest.approx([grey / 2, (grey + 255) / 2, grey / 2], abs=10)
    assert seen[15, 25] == pytest.approx([0] * 3, abs=6)


def test_a_file_that_cannot_be_written_is_told(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pdf, "to_pdf", lambda html: b"%PDF")
    with pytest.raises(ParameterError, match=r"report\.pdf could not be written"):
        pdf.write_pdf("", tmp_path / "missing" / "report.pdf")
    pdf.write_pdf("", tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes() == b"%PDF"

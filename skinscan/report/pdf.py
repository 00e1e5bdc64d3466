"""A report as PDF: the very page, laid out on paper by WeasyPrint (`skinscan[pdf]`), tagged, nothing fetched."""

from __future__ import annotations

import base64
import logging
import re
import threading
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement

from skinscan.records import EnvironmentFault, ParameterError
from skinscan.report import page, pictures

if TYPE_CHECKING:
    from weasyprint import HTML

TITLE = "skinscan report"
"""Title in the file's metadata: never a file name or a patient's code."""

_SVG = "{http://www.w3.org/2000/svg}"
_PHOTO_PX = 320
"""Width on paper, in CSS px, that lines drawn over a photo are as strong for as on the screen."""

_TODO = "run: pip install 'skinscan[pdf]'; pango: apt-get install libpangoft2-1.0-0, on a Mac brew install pango"


def to_pdf(html: str, title: str = TITLE, made: date | None = None, paper: str = "A4") -> bytes:
    """A page of `report.page`, `course_page` or `guide_page` as PDF (PDF/UA-1: tagged, for screen readers).

    `title`: what the metadata say, so no personal data; `made`: the day in the footer (today); `paper`: a size that CSS
    knows, `A4` or `letter`. Everything comes out of `html`: no network, no file but the machine's fonts. Raises
    EnvironmentFault where WeasyPrint or pango is missing, ParameterError where something of the page lies outside it or
    cannot be drawn.
    """
    weasyprint, urls = _weasyprint()
    failures = _Failures()
    fetcher = urls.URLFetcher(allowed_protocols=("data",), fail_on_errors=True)
    day = (made or date.today()).isoformat()
    footer = f'@page {{ size: {paper}; @bottom-left {{ content: "skinscan, {day}" }} }}'
    log = logging.getLogger("weasyprint")
    log.setLevel(logging.ERROR)  # it warns of each line of style that is for browsers
    log.addHandler(failures)
    try:
        document = weasyprint.HTML(string=html, url_fetcher=fetcher)
        _prepare(document, title, day)
        told: bytes = document.write_pdf(
            pdf_variant="pdf/ua-1", stylesheets=[weasyprint.CSS(string=footer, url_fetcher=fetcher)]
        )
    except urls.FatalURLFetchingError as error:
        failures.told.append(str(error))
    finally:
        log.removeHandler(failures)
    if failures.told:
        raise ParameterError(
            "the page cannot be drawn as it is", expected="a report of skinscan, with everything in it",
            found=failures.told[0][:200], todo="make the report again",
        )  # fmt: skip
    return told


class _Failures(logging.Handler):
    """What this thread's rendering left out: WeasyPrint goes on without it, and only its log says so."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.told.append(record.getMessage())


def check() -> None:
    """Raise EnvironmentFault where no PDF can be made on this machine."""
    _weasyprint()


def _weasyprint() -> tuple[Any, Any]:
    try:
        import weasyprint
        from weasyprint import urls
    except (ImportError, OSError) as error:  # OSError: pango is not there
        found = "no WeasyPrint" if isinstance(error, ImportError) else "WeasyPrint without pango"
        raise EnvironmentFault(
            "A PDF cannot be made here", expected="WeasyPrint and pango", found=found, todo=_TODO
        ) from None
    return weasyprint, urls


def _prepare(document: HTML, title: str, day: str) -> None:
    """Turn the parsed page into one that WeasyPrint draws as a browser does."""
    from cssselect2 import ElementWrapper

    root = document.etree_element
    head = root.find("head")
    for old in head.findall("title"):
        head.remove(old)
    SubElement(head, "title").text = title
    SubElement(head, "meta", {"name": "dcterms.created", "content": day})
    for part in root.iter("details"):
        part.tag = "div"
    for part in root.iter("summary"):
        part.tag, part.attrib["class"] = "p", "summary"
    _draw(root)
    document.wrapper_element = ElementWrapper.from_html_root(root, content_language=None)


def _draw(root: Element) -> None:
    """Give each drawing what it takes from the page around it: the photos, the style, the words."""
    drawings = list(_drawings(root))
    store = {
        image.get("id"): image.get("href", "")
        for drawing in drawings
        for image in drawing.iter(f"{_SVG}image")
        if image.get("id")
    }
    for drawing in drawings:
        for use in drawing.findall(f"{_SVG}use"):
            uri = store[use.get("href", "")[1:]]
            if use.get("class") == "grey":
                uri = _blended(drawing, uri)
            use.tag = f"{_SVG}image"
            use.attrib.update(href=uri, width="100%", height="100%", preserveAspectRatio="none")
        style, words = Element(f"{_SVG}style"), Element(f"{_SVG}title")
        style.text = _style(drawing)
        words.text = drawing.get("aria-label") or drawing.get("data-told")
        drawing[:0] = [words, style]


def _drawings(parent: Element) -> Iterator[Element]:
    """Every <svg> that stands in the page itself; the store of photos comes too, and is shown nowhere."""
    for child in parent:
        if child.tag == f"{_SVG}svg":
            yield child
        else:
            yield from _drawings(child)


def _blended(drawing: Element, photo: str) -> str:
    """The photo in greys and the map on it as one picture, a fifth of the size of both; the map's element goes."""
    (laid,) = drawing.findall(f"{_SVG}image")
    drawing.remove(laid)
    _, _, width, height = (float(part) for part in drawing.get("viewBox", "").split())
    share = float(laid.get("height", height)) / height, float(laid.get("width", width)) / width
    strength = float(_variables()["strength"]) if laid.get("class") == "map" else 1.0
    return pictures.data_uri(
        pictures.over_grey(_decoded(photo), _decoded(laid.get("href", "")), share, strength), "jpeg"
    )


def _decoded(uri: str) -> bytes:
    return base64.b64decode(uri.partition(";base64,")[2])


def _style(drawing: Element) -> str:
    """The style of what is drawn, variables filled in; lines over a photo keep their strength on paper."""
    box = drawing.get("viewBox", "").split()
    scale = float(box[2]) / _PHOTO_PX if box else 1.0
    return re.sub(
        r"(stroke-width|stroke-dasharray): ([\d. ]+)",
        lambda found: f"{found[1]}: {' '.join(f'{float(part) * scale:.3g}' for part in found[2].split())}",
        _drawing_style(),
    )


@cache
def _drawing_style() -> str:
    return re.sub(r"var\(--([\w-]+)\)", lambda found: _variables()[found[1]], page.style("drawings.css"))


@cache
def _variables() -> dict[str, str]:
    """The variables of the report's style in the light."""
    return dict(re.findall(r"--([\w-]+): ([^;]+);", page.style("report.css").split("}")[0]))


def write_pdf(html: str, path: Path) -> None:
    """Write the page as PDF into a file. Raises as `to_pdf` does, and ParameterError where it cannot be written."""
    content = to_pdf(html)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ParameterError(
            f"{path.name} could not be written", expected="a file in a folder that is there",
            found=error.strerror or type(error).__name__, todo="give another place, or free some space",
        ) from error  # fmt: skip

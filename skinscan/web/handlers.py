"""What the page does, as plain functions: call the library, draw the report, put errors into words.

A photo is held in memory while the page is open; on disk it lies only while it is read.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import skinscan
from skinscan import report
from skinscan.capture.photo import read_photo
from skinscan.capture.regions import parse_regions
from skinscan.records import Assessment, Comparison, ParameterError, SkinscanError
from skinscan.report import pictures
from skinscan.web import words

Progress = Callable[[float, str], None]

PREVIEW_SIDE = 900
_MEASURING = 0.85
"""Share of a comparison's time that is not drawing."""

_SCALE_FOLLOWS = (
    "The millimetres per pixel typed are those of the before photo. In a comparison this photo's follow from it."
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A photo as the browser sent it."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user typed about the photos; empty is unknown."""

    mm_per_px: str = ""
    marker_mm: str = ""
    regions: str = ""
    reference: str = ""
    same_setup: bool = False
    card_pitch_mm: str = ""
    same_lamp: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What the page shows after a run. `overlays`: title -> role -> picture."""

    words: str
    table: str = ""
    slider: tuple[str, str] | None = None
    overlays: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    report: str | None = None
    archive: str | None = None


def take(path: Path, name: str | None = None) -> Upload:
    """The uploaded file's content and name."""
    return Upload(name or path.name, path.read_bytes())


def preview(upload: Upload, desk: Path) -> str:
    """A JPEG of the photo that any browser can show (HEIC and TIFF it cannot). Raises a SkinscanError."""
    with _on_disk(desk, upload) as path:
        picture = pictures.shown(read_photo(path), PREVIEW_SIDE)
    target = desk / f"preview-{abs(hash(upload.content)):x}.jpg"
    target.write_bytes(pictures.jpeg(picture))
    return str(target)


def advice(upload: Upload, settings: Settings, desk: Path, of_after: bool = False) -> str:
    """What a photo just added can carry, in words; a failure becomes words too.

    What was typed in pixels is of the before photo, and left out `of_after`.
    """
    from skinscan.guidance.advising import advise

    try:
        options = _options(settings) | {"regions": None, "reference": None}  # of a pair, while this is one photo
        if of_after:
            options["mm_per_px"] = None
        note = _SCALE_FOLLOWS if of_after and settings.mm_per_px.strip() else ""
        with _on_disk(desk, upload) as path:
            return words.advice(advise(path, **options), note)
    except Exception as error:
        return told(error)


def told(error: Exception) -> str:
    """An error in words: the user's to mend, or a surprise, which the log keeps."""
    if isinstance(error, SkinscanError):
        return words.failure(str(error))
    logging.getLogger(__name__).error("a step of the page failed", exc_info=error)
    return words.surprise(type(error).__name__)


def proposed_regions(upload: Upload | None, desk: Path) -> tuple[str | None, str]:
    """(regions of a photo in the page's own form, one a line, or None; why there are none, in words, or empty)."""
    from skinscan.capture.proposals import propose

    if upload is None:
        return None, words.note("No region could be proposed: add the before photo first.")
    try:
        with _on_disk(desk, upload) as path:
            found = propose(read_photo(path))
    except Exception as error:
        return None, told(error)
    if not found.polygons:
        return None, words.note("No region could be proposed: too little skin was found. Draw one by its corners.")
    lines = (f"{name}={','.join(f'{value:.0f}' for value in np.ravel(at))}" for name, at in found.polygons.items())
    return "\n".join(lines), ""


def skin_card(desk: Path) -> str:
    """The printable skin card as a PDF file."""
    from skinscan.sheet.page import make_sheet

    target = desk / "skinscan-card.pdf"
    make_sheet(target)
    return str(target)


def run(before: Upload | None, after: Upload | None, settings: Settings, desk: Path, progress: Progress) -> Result:
    """Compare two photos, or measure one; a failure becomes words."""
    try:
        return _run(before, after, settings, desk, progress)
    except Exception as error:
        return Result(told(error))


def _run(before: Upload | None, after: Upload | None, settings: Settings, desk: Path, progress: Progress) -> Result:
    if before is None and after is None:
        raise ParameterError("there is no photo yet", todo="add one to measure it, or two to compare them")
    first, second = (before, after) if before and after else (before or after, None)
    assert first is not None
    options = _options(settings)
    folder = _fresh(desk) / "report"
    with _on_disk(desk, first) as path:
        if second is None:
            progress(0.1, "measuring the photo")
            assessment = skinscan.assess(path, **options)
            progress(_MEASURING, "drawing the report")
            return _assessed(assessment, folder)
        with _on_disk(desk, second) as other:
            steps = lambda share, text: progress(_MEASURING * share, text)  # noqa: E731
            options |= {"same_setup": settings.same_setup, "same_lamp": settings.same_lamp}
            comparison = skinscan.compare(path, other, progress=steps, **options)
    progress(_MEASURING, "drawing the report")
    return _compared(comparison, folder)


def _fresh(desk: Path) -> Path:
    """A new folder for this run, as a browser keeps an old address's picture; the last run's is wiped."""
    for old in desk.glob("run-*"):
        shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix="run-", dir=desk))


def _options(settings: Settings) -> dict[str, Any]:
    """The library's arguments."""
    lines = [line.strip() for line in settings.regions.splitlines() if line.strip()]
    if any("=" not in line for line in lines):
        raise ParameterError(
            "a region could not be read",
            expected="one a line: name=x,y,x,y,x,y in pixels of the before photo",
            found=next(line for line in lines if "=" not in line)[:60],
        )
    return {
        "mm_per_px": _number("millimetres per pixel", settings.mm_per_px),
        "marker_mm": _number("the side of the sticker", settings.marker_mm),
        "card_pitch_mm": _number("the distance of the card's patches", settings.card_pitch_mm),
        "regions": parse_regions(lines) or None,
        "reference": settings.reference.strip() or None,
    }


def _number(what: str, text: str) -> float | None:
    """A typed number, with a point or a comma; None where nothing was typed."""
    try:
        return float(text.strip().replace(",", ".")) if text.strip() else None
    except ValueError:
        raise ParameterError(f"{what} could not be read", expected="a number", found=text[:40]) from None


def _assessed(assessment: Assessment, folder: Path) -> Result:
    page = report.write_assessment([assessment], folder)
    return Result(
        words=words.of_assessment(assessment),
        table=words.values(assessment),
        overlays=_overlays({"photo": assessment}, folder),
        report=str(page),
        archive=_archive(folder),
    )


def _compared(comparison: Comparison, folder: Path) -> Result:
    page = report.write_comparison(comparison, folder)
    return Result(
        words=words.of_comparison(comparison),
        table=words.changes(comparison),
        slider=_slider(comparison, folder.parent),
        overlays=_overlays({"before": comparison.before, "after": comparison.after}, folder),
        report=str(page),
        archive=_archive(folder),
    )


def _slider(comparison: Comparison, folder: Path) -> tuple[str, str]:
    """Two pictures of one size, the after photo laid onto the before photo."""
    paths = []
    for role, picture in zip(("before", "after"), report.aligned(comparison), strict=True):
        path = folder / f"laid-{role}.jpg"
        path.write_bytes(pictures.jpeg(picture))
        paths.append(str(path))
    return paths[0], paths[1]


def _overlays(assessments: Mapping[str, Assessment], folder: Path) -> dict[str, dict[str, str]]:
    return {
        title: {role: str(folder / name) for role, name in names.items()}
        for title, names in report.overlays(assessments).items()
    }


def _archive(folder: Path) -> str:
    """Everything the report wrote, in one file."""
    return shutil.make_archive(str(folder.parent / "skinscan-report"), "zip", folder)


class _on_disk:
    """A photo as a file of its own name, as long as it is read: each time in a folder that nobody else uses."""

    def __init__(self, desk: Path, upload: Upload) -> None:
        self._desk = desk
        self._name = Path(upload.name).name or "photo"
        self._content = upload.content

    def __enter__(self) -> Path:
        self._folder = Path(tempfile.mkdtemp(prefix="photo-", dir=self._desk))
        path = self._folder / self._name
        path.write_bytes(self._content)
        return path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

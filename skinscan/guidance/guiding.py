"""From files to guidance and its page: plain functions that a command or a web page can call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinscan.capture.registration.register import register
from skinscan.guidance.advising import advise, frame_of
from skinscan.guidance.burst import best_of
from skinscan.guidance.nouns import BurstResult, Guidance
from skinscan.guidance.pair import against
from skinscan.guidance.wanted import wanted_measures
from skinscan.records import Frame, ParameterError, Registration
from skinscan.report import ghost as drawing
from skinscan.report import pictures
from skinscan.report.guide_page import GHOST, OVERLAY, PICTURE_PX, guide_page, write_guide


@dataclass(frozen=True, eq=False)
class Guided:
    """Guidance on one photo, of a burst's best frame where there was one, with what its page is drawn from."""

    guidance: Guidance | None
    burst: BurstResult | None
    frame: Frame | None
    baseline: Frame | None
    registration: Registration | None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `skinscan guide --json`."""
        told = {} if self.guidance is None else self.guidance.to_dict()
        return told if self.burst is None else {**told, "burst": self.burst.to_dict()}


def guide(
    photos: Sequence[Path],
    baseline: Path | None = None,
    wanted: Sequence[str] | None = None,
    *,
    burst: bool = False,
    same_setup: bool = False,
    same_lamp: bool = False,
    **settings: Any,
) -> Guided:
    """Guidance on a photo, or on the best frame of a burst.

    Scale, regions and reference are those of the baseline where one is given, as in `compare`. Raises ParameterError
    for several photos that are not said to be a burst, and what `assess` raises.
    """
    if len(photos) != 1 and not burst:
        raise ParameterError(
            "guidance is on one photo", expected="one photo, or the frames of a burst", found=f"{len(photos)} photos",
            todo="give one, or say --burst",
        )  # fmt: skip
    measures = wanted_measures(wanted)
    before = None if baseline is None else frame_of(baseline, **settings)
    own = (
        settings
        if before is None
        else {k: v for k, v in settings.items() if k not in ("mm_per_px", "mm_per_px_spread", "regions", "reference")}
    )
    found = best_of(photos, wanted, **own) if burst else None
    frame = frame_of(photos[0], **own) if found is None else found.frame
    if frame is None:
        return Guided(None, found, None, before, None)
    if before is None:
        return Guided(advise(frame, None, wanted), found, frame, None, None)
    registration = register(before, frame)
    stated = {"same_setup": same_setup, "same_lamp": same_lamp}
    told = against(before, frame, measures, wanted, **stated, registration=registration)
    return Guided(told, found, frame, before, registration)


def page_of(guided: Guided) -> tuple[str, dict[str, bytes]]:
    """The page of guidance, and the pictures that lie beside it."""
    shown: dict[str, tuple[str, pictures.Picture]] = {}
    files: dict[str, bytes] = {}
    guidance, frame = guided.guidance, guided.frame
    if guidance is not None and guided.baseline is not None and guided.registration is not None and frame is not None:
        aim = guidance.aim
        shift = (aim.right_share, aim.down_share) if aim and not aim.mirrored else None
        over = drawing.overlay(guided.baseline, frame, guided.registration, aim.moves if aim else (), shift, PICTURE_PX)
        shown["overlay"] = ("The new photo, with the outlines of the baseline where its skin lies now", over)
        files[OVERLAY] = pictures.png(over)
    source = guided.baseline or frame
    if source is not None:
        outline = drawing.ghost(source)
        files[GHOST] = drawing.rgba_png(outline)
        name = "baseline" if guided.baseline is not None else "photo"
        shown["ghost"] = (f"The ghost of the {name}, to lay over the next one", _on_photo(source, PICTURE_PX))
    burst = None if guided.burst is None else guided.burst.to_dict()
    return guide_page(None if guidance is None else guidance.to_dict(), burst, shown), files


def _on_photo(frame: Frame, long_side: int) -> pictures.Picture:
    """A frame with its own ghost over it."""
    picture = pictures.shown(frame.photo, long_side)
    lines = drawing.ghost(frame, (max(picture.shape[1], 64), max(picture.shape[0], 64)))
    lines = lines[: picture.shape[0], : picture.shape[1]]
    share = lines[..., 3:].astype("float32") / 255
    return (picture * (1 - share) + lines[..., :3] * share).astype("uint8")


def write(guided: Guided, folder: Path) -> Path:
    """Write `guide.html` and its pictures into a folder; returns the page's path."""
    html, files = page_of(guided)
    return write_guide(html, files, folder)

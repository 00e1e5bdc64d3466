"""A file's header, and the three kinds of failure that every container can show."""

from __future__ import annotations

from dataclasses import dataclass, field

from skinscan.capture.reading.tiff_tags import Directory, Exif
from skinscan.records import PhotoError

SUPPORTED = "a JPEG, PNG, TIFF, WebP or HEIC photo"
COPY_AGAIN = "Copy the original file again"
SAVE_AS = "Save it as JPEG, PNG or 8 or 16 bit RGB TIFF and try again"
MAX_SIDE_PX = 65535
PROFILE_TOO_LARGE = "the embedded colour profile is implausibly large: left out"


@dataclass(frozen=True, eq=False)
class Picture:
    """A file's header and what its decoder needs.

    `bits` is 8 or 16 (10 and 12 for HEIC); `sizes` are all (width, height) in pixels that decoding would
    allocate, the photo's own first. `code_points` are H.273 (primaries, transfer); `gamma`, `chromaticities`
    and `key` (the colour that is transparent) are PNG's. `complete` is False for a JPEG without its end
    marker, `verify_end` asks for a check that its data is whole.
    """

    format: str
    bare: bytes
    sizes: tuple[tuple[int, int], ...]
    bits: int = 8
    icc: bytes | None = None
    exif: Exif = field(default_factory=Exif)
    code_points: tuple[int, int] | None = None
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None
    key: tuple[int, ...] | None = None
    jpeg_quality: int | None = None
    chroma_subsampled: bool = False
    complete: bool = True
    verify_end: bool = False
    tiff: Directory | None = None
    notes: tuple[str, ...] = ()


def cut_short(found: str) -> PhotoError:
    return PhotoError("the file is cut short", expected="the whole photo", found=found, todo=COPY_AGAIN)


def damaged(found: str) -> PhotoError:
    return PhotoError("the file is damaged", expected="a whole, valid photo", found=found, todo=COPY_AGAIN)


def unusable(what: str, found: str, todo: str = SAVE_AS, expected: str = "") -> PhotoError:
    return PhotoError(what, expected=expected or "a still photo of 8 or 16 bits a channel", found=found, todo=todo)

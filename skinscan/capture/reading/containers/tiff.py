"""The pages, strips and tiles of a TIFF (TIFF 6.0)."""

from __future__ import annotations

import math

from skinscan.capture.reading.colour_profile import MAX_PROFILE_BYTES
from skinscan.capture.reading.containers.picture import (
    MAX_SIDE_PX,
    PROFILE_TOO_LARGE,
    Picture,
    cut_short,
    damaged,
    unusable,
)
from skinscan.capture.reading.tiff_tags import Directory, exif_of, read_directory, start, with_one_directory

_MAX_PAGES = 1000
_DECODING_TAGS = frozenset((*range(256, 260), 262, 266, 273, *range(277, 280), 284, 292, 293, 317, 320))
_DECODING_TAGS |= {*range(322, 326), 338, 339, 347, *range(529, 533)}

_OTHER_TYPES = frozenset((347, 529, 532))
"""JPEG tables are bytes, YCbCr coefficients and black and white references are fractions."""


def walk_tiff(data: bytes) -> Picture:
    first = read_directory(data, start(data)[2])
    _check_tags(first)
    _only_page(data, first)
    width, height, channels = first.number(256, 0), first.number(257, 0), first.number(277, 1)
    bits, sample_kind = set(first.ints(258) or (1,)), set(first.ints(339) or (1,))
    if sample_kind - {1, 2, 4} or max(bits) > 16:
        kind = "floating-point numbers" if 3 in sample_kind else f"{max(bits)} bits a channel"
        raise unusable("this kind of TIFF cannot be read", kind, expected="a TIFF of 8 or 16 bits a channel")
    if len(bits) > 1 or not bits <= {1, 2, 4, 8, 16} or channels not in (1, 2, 3, 4, 5):
        raise unusable("this kind of TIFF cannot be read", f"{channels} channels of {sorted(bits)} bits")
    sizes = _tiff_pieces(first, (width, height), channels, max(bits), len(data))
    icc = first.bytes_of(34675) or None
    notes = (PROFILE_TOO_LARGE,) if icc and len(icc) > MAX_PROFILE_BYTES else ()
    return Picture(
        "TIFF",
        with_one_directory(data, first, _DECODING_TAGS),
        sizes,
        bits=max(8, *bits),
        icc=None if notes else icc,
        exif=exif_of(first),
        chroma_subsampled=first.number(262, 0) == 6 and (first.ints(530) or (2, 2)) != (1, 1),
        tiff=first,
        notes=notes,
    )


def _check_tags(first: Directory) -> None:
    """Raise PhotoError where a tag that decoding rests on is unreadable: decoders guess there, or print."""
    for tag in _DECODING_TAGS & set(first.entries):
        if first.entries[tag][2] < 8 or not (first.bytes_of(tag) if tag in _OTHER_TYPES else first.ints(tag)):
            raise damaged(f"a TIFF whose tag {tag} is unreadable")
    for tag in (266, 284, 317):  # fill order, planar configuration, predictor
        if first.number(tag, 1) not in (1, 2):
            raise unusable("this kind of TIFF cannot be read", f"tag {tag} of {first.number(tag, 1)}")


def _only_page(data: bytes, first: Directory) -> None:
    """Raise PhotoError unless there is one full-size page, which is not a raw camera file's thumbnail."""
    if 50706 in first.entries or data[8:10] == b"CR" or first.number(254, 0) & 1 or first.number(262, 1) == 32803:
        raise unusable("a raw camera file cannot be read", "a DNG, CR2, NEF or the like", "Develop it to JPEG or TIFF")
    seen, pages, at = {start(data)[2]}, 1, first.next_offset
    while at:
        if at in seen or len(seen) > _MAX_PAGES:
            raise damaged("a TIFF whose list of pages runs in a circle or never ends")
        seen.add(at)
        page = read_directory(data, at)
        pages += not (page.number(254, 0) & 5 or page.number(255, 0) == 2)
        at = page.next_offset
    if pages > 1:
        raise unusable(
            "which page is meant is not clear",
            f"{pages} pages",
            "Save the page that is meant as a file of its own",
            expected="a TIFF with one page",
        )


def _tiff_pieces(
    first: Directory, size: tuple[int, int], channels: int, bits: int, file_size: int
) -> tuple[tuple[int, int], ...]:
    """(width, height) of the photo and of a tile, once all strips or tiles are found to lie in the file."""
    width, height = size
    tiled = 322 in first.entries
    across, down = (
        (first.number(322, 0), first.number(323, 0)) if tiled else (width, min(first.number(278, height), height))
    )
    if min(width, height, across, down) < 1:
        raise damaged("a TIFF of no size")
    pieces = math.ceil(width / across) * math.ceil(height / down)
    if first.number(284, 1) == 2:
        pieces *= channels
    offsets, counts = first.ints(324 if tiled else 273), first.ints(325 if tiled else 279)
    if max(width, height) > MAX_SIDE_PX:
        return (size,)
    if len(offsets) < pieces or len(counts) < pieces:
        raise cut_short("a TIFF that lists too few strips or tiles")
    if any(o + n > file_size or n == 0 for o, n in zip(offsets[:pieces], counts[:pieces], strict=True)):
        raise cut_short("a TIFF whose picture data lies beyond its end")
    return (size, (across, down)) if tiled else (size,)

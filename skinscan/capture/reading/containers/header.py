"""From a file's bytes to its Picture."""

from __future__ import annotations

import struct
from collections.abc import Callable

from skinscan.capture.reading.containers.heic import walk_heic
from skinscan.capture.reading.containers.jpeg import walk_jpeg
from skinscan.capture.reading.containers.picture import Picture, damaged
from skinscan.capture.reading.containers.png import walk_png
from skinscan.capture.reading.containers.sniff import format_of
from skinscan.capture.reading.containers.tiff import walk_tiff
from skinscan.capture.reading.containers.webp import walk_webp
from skinscan.capture.reading.tiff_tags import BadTags

_WALKS: dict[str, Callable[[bytes], Picture]] = {
    "JPEG": walk_jpeg,
    "PNG": walk_png,
    "TIFF": walk_tiff,
    "WebP": walk_webp,
    "HEIC": walk_heic,
}


def read_header(data: bytes) -> Picture:
    """The Picture in a file's bytes. Raises PhotoError; nothing is decoded."""
    kind = format_of(data)
    try:
        return _WALKS[kind](data)
    except (BadTags, struct.error, IndexError, KeyError, ValueError, OverflowError) as error:
        raise damaged(f"a {kind} with a broken header") from error

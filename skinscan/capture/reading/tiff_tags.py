"""TIFF directories, and the few EXIF facts that skinscan keeps.

EXIF is a TIFF without a picture, so one bounded reader serves both. It follows no pointer twice, never opens
the GPS or maker-note directories, and reads no serial number and no owner's name: they cannot leak from here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

MAX_EXIF_BYTES = 4 << 20
MAX_ENTRIES = 4096
"""Entries of one directory. Real ones hold under a hundred; damaged counts reach 65535."""
MAX_VALUES = 1 << 22
"""Values of one entry: the strip offsets of a photo of four million rows."""

_TYPES = {
    1: "B",
    2: "s",
    3: "H",
    4: "I",
    6: "b",
    7: "s",
    8: "h",
    9: "i",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
    18: "Q",
}
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}


class BadTags(ValueError):
    """The bytes are no TIFF structure."""


@dataclass(frozen=True, slots=True)
class Directory:
    """An image file directory: tag -> (type, count, offset of the value), raw entries, the next's offset."""

    data: bytes
    order: str
    entries: dict[int, tuple[int, int, int]]
    raw: dict[int, bytes]
    next_offset: int

    def bytes_of(self, tag: int) -> bytes:
        """The value as it lies in the file; empty where the tag is missing or points outside the file."""
        if tag not in self.entries:
            return b""
        kind, count, at = self.entries[tag]
        size = _SIZES.get(kind, 0) * count
        return self.data[at : at + size] if at + size <= len(self.data) else b""

    def ints(self, tag: int) -> tuple[int, ...]:
        """The value as whole numbers; empty where it is missing, outside the file or of another kind."""
        kind, count, _ = self.entries.get(tag, (0, 0, 0))
        raw = self.bytes_of(tag)
        code = _TYPES.get(kind, "s")
        if not raw or code in "sfd" or count > MAX_VALUES:
            return ()
        return struct.unpack(f"{self.order}{count}{code}", raw)

    def number(self, tag: int, default: int) -> int:
        values = self.ints(tag)
        return values[0] if values else default

    def text(self, tag: int) -> str:
        """The value as text: up to its first NUL, no control characters, white space folded."""
        raw = self.bytes_of(tag).split(b"\0", 1)[0]
        letters = raw[:1024].decode("utf-8", "replace")
        return " ".join("".join(c if c.isprintable() else " " for c in letters).split())


def start(data: bytes) -> tuple[str, bool, int]:
    """(byte order for struct, whether BigTIFF, offset of the first directory). Raises BadTags."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        raise BadTags("no TIFF header")
    magic = struct.unpack_from(f"{order}H", data, 2)[0]
    if magic == 42:
        return order, False, int(struct.unpack_from(f"{order}I", data, 4)[0])
    if magic == 43 and len(data) >= 16:
        return order, True, int(struct.unpack_from(f"{order}Q", data, 8)[0])
    raise BadTags("no TIFF header")


def read_directory(data: bytes, offset: int) -> Directory:
    """The directory at `offset`. Raises BadTags where it does not lie wholly in `data`."""
    order, big, _ = start(data)
    count_code, entry_code, next_code = ("Q", "HHQ8s", "Q") if big else ("H", "HHI4s", "I")
    count_size, entry_size, inline = struct.calcsize(f"={count_code}"), 20 if big else 12, 8 if big else 4
    if not 0 < offset <= len(data) - count_size:
        raise BadTags("a directory lies outside the file")
    count = int(struct.unpack_from(order + count_code, data, offset)[0])
    body = offset + count_size
    if count > MAX_ENTRIES or body + count * entry_size > len(data):
        raise BadTags("a directory is cut short")
    entries: dict[int, tuple[int, int, int]] = {}
    raw: dict[int, bytes] = {}
    for at in range(body, body + count * entry_size, entry_size):
        tag, kind, number, _ = struct.unpack_from(order + entry_code, data, at)
        value_at = at + entry_size - inline
        if _SIZES.get(kind, 0) * number > inline:
            value_at = int(struct.unpack_from(order + next_code, data, value_at)[0])
        if tag not in entries:
            entries[tag] = (kind, number, value_at)
            raw[tag] = data[at : at + entry_size]
    after = body + count * entry_size
    enough = after + inline <= len(data)
    return Directory(
        data, order, entries, raw, int(struct.unpack_from(order + next_code, data, after)[0]) if enough else 0
    )


def with_one_directory(data: bytes, directory: Directory, keep: frozenset[int]) -> bytes:
    """The TIFF `data` with `keep` of one directory as its only one: nothing else of it can be reached."""
    order, big, _ = start(data)
    kept = sorted(tag for tag in directory.raw if tag in keep)
    at = len(data) + len(data) % 2
    count = struct.pack(order + ("Q" if big else "H"), len(kept))
    head = data[:8] + struct.pack(f"{order}Q", at) if big else data[:4] + struct.pack(f"{order}I", at)
    body = count + b"".join(directory.raw[tag] for tag in kept) + bytes(8 if big else 4)
    return b"".join((head, data[len(head) :], bytes(at - len(data)), body))


# --- EXIF ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exif:
    """All that is taken from EXIF. `colour_space` is what the camera says without an embedded profile."""

    orientation: int = 1
    taken_at: str | None = None
    camera: str | None = None
    colour_space: Literal["sRGB", "Adobe RGB"] | None = None
    notes: tuple[str, ...] = ()


def read_exif(blob: bytes | None) -> Exif:
    """The facts in an EXIF block. Never raises: what cannot be read is left out, with a note."""
    if not blob:
        return Exif()
    if len(blob) > MAX_EXIF_BYTES:
        return Exif(notes=("the EXIF block is implausibly large: left unread",))
    blob = blob.removeprefix(b"Exif\0\0")
    try:
        return exif_of(read_directory(blob, start(blob)[2]))
    except (BadTags, struct.error):
        return Exif(notes=("the EXIF block is damaged: left unread, the photo is taken to be upright",))


def exif_of(first: Directory) -> Exif:
    """The facts in the first directory of EXIF or of a TIFF, and in the EXIF directory that it names."""
    notes: tuple[str, ...] = ()
    details = _child(first, 0x8769)
    orientation = first.number(0x0112, 1)
    if orientation not in range(1, 9):
        notes += ("the orientation tag has no meaning: the photo is taken to be upright",)
        orientation = 1
    return Exif(
        orientation,
        _moment(details.text(0x9003)) if details else None,
        _camera(first.text(0x010F), first.text(0x0110)),
        _colour_space(details) if details else None,
        notes,
    )


def _child(parent: Directory, tag: int) -> Directory | None:
    try:
        return read_directory(parent.data, parent.number(tag, 0))
    except (BadTags, struct.error):
        return None


def _moment(text: str) -> str | None:
    """ISO form of EXIF's 'YYYY:MM:DD HH:MM:SS', or None where no camera can have meant it."""
    try:
        moment = datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    return moment.isoformat() if 1990 <= moment.year <= 2100 else None


def _camera(make: str, model: str) -> str | None:
    make, model = make[:64].strip(), model[:64].strip()
    if model.lower().startswith(make.lower()):
        make = ""
    return " ".join(part for part in (make, model) if part)[:80] or None


def _colour_space(details: Directory) -> Literal["sRGB", "Adobe RGB"] | None:
    """DCF: 1 is sRGB; uncalibrated with interoperability 'R03' is Adobe RGB, for which some write 2."""
    said = details.number(0xA001, 0)
    interoperability = _child(details, 0xA005)
    if said == 2 or (said == 0xFFFF and interoperability and interoperability.text(0x0001) == "R03"):
        return "Adobe RGB"
    return "sRGB" if said == 1 else None

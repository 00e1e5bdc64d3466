"""The segments of a JPEG (ITU-T T.81 annex B)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.reading.containers.picture import Picture, cut_short, damaged, unusable
from skinscan.capture.reading.tiff_tags import read_exif

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_MAX_SCANS = 100
"""Encoders write 20 at most; each scan walks the whole photo, so thousands are an attack on time."""

# Annex K.1 of ITU-T T.81, luminance, in zigzag order.
# fmt: off
_LUMINANCE = np.array([
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49,
    35, 37, 29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56,
    80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
])
# fmt: on


def ijg_quality(table: NDArray[np.int64]) -> int:
    """The IJG quality 1..100 whose luminance table (64,), zigzag, differs least from `table` in sum."""
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    tables = np.clip((_LUMINANCE * scale[:, None] + 50) // 100, 1, 255 if table.max() < 256 else 32767)
    return int(quality[np.abs(tables - table).sum(axis=1).argmin()])


@dataclass(slots=True)
class _Jpeg:
    """What the walk along a JPEG's segments gathers."""

    kept: list[bytes] = field(default_factory=lambda: [b"\xff\xd8"])
    frame: int = 0
    size: tuple[int, int] = (0, 0)
    sampling: dict[int, int] = field(default_factory=dict)
    tables: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    luminance_table: int = 0
    refined: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    scans: int = 0
    tail: bytes = b""
    complete: bool = False
    exif: bytes | None = None
    icc: dict[int, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def walk_jpeg(data: bytes) -> Picture:
    found = _Jpeg()
    position = 2
    while True:
        match = _MARKER.search(data, position)
        if match is None:
            break
        marker, body = data[match.end() - 1], match.end()
        if marker == 0xD9:
            found.complete = True
            break
        if marker in (0x01, 0xD8):
            position = body
            continue
        length = int.from_bytes(data[body : body + 2], "big")
        position = body + length
        if length < 2 or position > len(data):
            if found.scans:
                break
            raise cut_short("a JPEG that ends within its header")
        segment = data[body + 2 : position]
        _jpeg_segment(found, marker, segment)
        if marker == 0xDA:
            match = _MARKER.search(data, position)
            end = match.start() if match else len(data)
            found.tail = data[max(position, end - 16) : end]
            found.kept.append(data[body - 2 : end])
            position = end
        elif (
            marker in (0xC4, 0xDB, 0xDD)
            or 0xC0 <= marker <= 0xCF
            or ((marker == 0xE0 and segment[:5] == b"JFIF\0") or (marker == 0xEE and segment[:5] == b"Adobe"))
        ):
            found.kept.append(data[body - 2 : position])
    return _jpeg_picture(found)


def _jpeg_segment(found: _Jpeg, marker: int, segment: bytes) -> None:
    if marker == 0xE1 and segment[:6] == b"Exif\0\0" and found.exif is None:
        found.exif = segment[6:]
    elif marker == 0xE2 and segment[:12] == b"ICC_PROFILE\0" and len(segment) > 14:
        found.icc[segment[12]] = segment[14:]
    elif marker == 0xE2 and segment[:4] == b"MPF\0":
        found.notes.append("the file holds several frames: the first was read")
    elif marker == 0xDB:
        _quantisation(found, segment)
    elif marker == 0xDA:
        _scan(found, segment)
    elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
        _frame(found, marker, segment)


def _quantisation(found: _Jpeg, segment: bytes) -> None:
    at = 0
    while at < len(segment):
        wide, number = segment[at] >> 4, segment[at] & 15
        raw = segment[at + 1 : at + 65 + 64 * bool(wide)]
        if len(raw) != (128 if wide else 64):
            raise damaged("a JPEG with a broken quantisation table")
        found.tables[number] = np.frombuffer(raw, ">u2" if wide else "u1").astype(np.int64)
        at += 1 + len(raw)


def _frame(found: _Jpeg, marker: int, segment: bytes) -> None:
    if found.frame:
        raise damaged("a JPEG with two frame headers")
    precision, height, width, components = struct.unpack_from(">BHHB", segment)
    if marker not in (0xC0, 0xC1, 0xC2):
        raise unusable("this kind of JPEG cannot be read", "a lossless, hierarchical or arithmetic-coded JPEG")
    if precision != 8:
        raise unusable("this kind of JPEG cannot be read", f"{precision} bits a channel", expected="a JPEG of 8 bits")
    if components not in (1, 3, 4) or len(segment) < 6 + 3 * components:
        raise damaged(f"a JPEG with {components} channels")
    found.frame, found.size = marker, (width, height)
    for number, sampling, table in struct.iter_unpack("3B", segment[6 : 6 + 3 * components]):
        if not found.sampling:
            found.luminance_table = table
        found.sampling[number] = sampling


def _scan(found: _Jpeg, segment: bytes) -> None:
    found.scans += 1
    if not found.frame or found.scans > _MAX_SCANS:
        raise damaged("a JPEG with scans before its frame" if not found.frame else f"over {_MAX_SCANS} scans")
    count = segment[0]
    first, last, low = segment[1 + 2 * count], segment[2 + 2 * count], segment[3 + 2 * count] & 15
    for number in segment[1 : 1 + 2 * count : 2]:
        refined = found.refined.setdefault(number, np.full(64, 99, np.int64))
        if found.frame == 0xC2:
            refined[first : last + 1] = np.minimum(refined[first : last + 1], low)
        else:
            refined[:] = 0


def _jpeg_picture(found: _Jpeg) -> Picture:
    if not found.scans:
        raise cut_short("a JPEG without picture data")
    lacking = [number for number in found.sampling if found.refined.get(number, np.full(64, 99))[0] != 0]
    first = next(iter(found.sampling))
    if lacking or found.refined[first].any():
        raise cut_short("a JPEG without its last passes")
    if not found.complete and not any(found.tail):
        raise cut_short("a JPEG that ends in zero bytes and has no end marker")
    areas = [(sampling >> 4) * (sampling & 15) for sampling in found.sampling.values()]
    table = found.tables.get(found.luminance_table)
    icc = b"".join(found.icc[number] for number in sorted(found.icc)) or None
    notes = [*dict.fromkeys(found.notes), *([] if found.complete else ["the JPEG's end marker is missing"])]
    return Picture(
        "JPEG",
        b"".join([*found.kept, b"\xff\xd9"]),
        (found.size,),
        icc=icc,
        exif=read_exif(found.exif),
        jpeg_quality=None if table is None else ijg_quality(table),
        chroma_subsampled=len(areas) == 3 and min(areas) < max(areas),
        complete=found.complete,
        verify_end=found.frame == 0xC2,
        notes=tuple(notes),
    )

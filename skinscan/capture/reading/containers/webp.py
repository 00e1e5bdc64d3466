"""The chunks of a WebP (RFC 9649)."""

from __future__ import annotations

import struct

from skinscan.capture.reading.colour_profile import MAX_PROFILE_BYTES
from skinscan.capture.reading.containers.picture import PROFILE_TOO_LARGE, Picture, cut_short, damaged, unusable
from skinscan.capture.reading.tiff_tags import read_exif


def walk_webp(data: bytes) -> Picture:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise cut_short(f"{len(data)} of {end} bytes")
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= end:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise cut_short("a WebP that ends within a chunk")
        chunks.setdefault(name, data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    extended = chunks.get(b"VP8X", b"")
    if b"ANIM" in chunks or b"ANMF" in chunks or (extended[:1] and extended[0] & 2):
        raise unusable("an animation cannot be read", "an animated WebP", "Save the one picture that is meant")
    size, lossy = _webp_size(chunks)
    sizes = [size]
    if len(extended) == 10:
        sizes.append((1 + int.from_bytes(extended[4:7], "little"), 1 + int.from_bytes(extended[7:10], "little")))
        if sizes[0] != sizes[1]:
            raise damaged("a WebP whose two headers disagree on its size")
    icc, exif = chunks.get(b"ICCP"), chunks.get(b"EXIF")
    notes = (PROFILE_TOO_LARGE,) if icc and len(icc) > MAX_PROFILE_BYTES else ()
    return Picture(
        "WebP",
        _bare_webp(chunks),
        tuple(sizes),
        icc=None if notes else icc,
        exif=read_exif(exif),
        notes=notes,
        chroma_subsampled=lossy,
    )


def _webp_size(chunks: dict[bytes, bytes]) -> tuple[tuple[int, int], bool]:
    """((width, height), whether lossy) from the bit stream itself."""
    lossy, lossless = chunks.get(b"VP8 ", b""), chunks.get(b"VP8L", b"")
    if lossy[3:6] == b"\x9d\x01\x2a" and len(lossy) >= 10:
        width, height = struct.unpack_from("<HH", lossy, 6)
        return (width & 0x3FFF, height & 0x3FFF), True
    if lossless[:1] == b"\x2f" and len(lossless) >= 5:
        packed = int.from_bytes(lossless[1:5], "little")
        return (1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)), False
    raise damaged("a WebP without a valid picture")


def _bare_webp(chunks: dict[bytes, bytes]) -> bytes:
    kept = {name: chunks[name] for name in (b"VP8X", b"ALPH", b"VP8 ", b"VP8L") if name in chunks}
    if b"VP8X" in kept:
        kept[b"VP8X"] = bytes([kept[b"VP8X"][0] & 0x10]) + kept[b"VP8X"][1:]
    body = b"".join(
        name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2) for name, content in kept.items()
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body

"""The chunks of a PNG (W3C PNG, third edition)."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from skinscan.capture.reading.colour_profile import MAX_PROFILE_BYTES
from skinscan.capture.reading.containers.picture import PROFILE_TOO_LARGE, Picture, cut_short, damaged, unusable
from skinscan.capture.reading.tiff_tags import read_exif

_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(name, content, whole chunk) up to IEND. Raises PhotoError where a chunk with pixels is damaged."""
    at = 8
    while True:
        if at + 12 > len(data):
            raise cut_short("a PNG without its end chunk")
        length, name = struct.unpack_from(">I4s", data, at)
        after = at + 12 + length
        if not re.fullmatch(rb"[A-Za-z]{4}", name):
            raise damaged("a PNG with a broken chunk")
        if after > len(data):
            raise cut_short("a PNG that ends within a chunk")
        content = data[at + 8 : after - 4]
        if zlib.crc32(content, zlib.crc32(name)) == int.from_bytes(data[after - 4 : after], "big"):
            yield name, content, data[at:after]
        elif name[:1].isupper() or name in (b"tRNS", b"acTL"):
            raise damaged(f"a PNG whose {name.decode()} chunk fails its checksum")
        if name == b"IEND":
            return
        at = after


def walk_png(data: bytes) -> Picture:
    chunks: dict[bytes, bytes] = {}
    bare = [data[:8]]
    pixels = []
    for name, content, whole in _png_chunks(data):
        if not chunks and name != b"IHDR":
            raise damaged("a PNG that does not begin with its header")
        if name == b"IDAT":
            pixels.append(content)
        elif name in chunks:
            if name in (b"IHDR", b"PLTE"):
                raise damaged(f"a PNG with two {name.decode()} chunks")
            continue
        else:
            chunks[name] = content
        if name in (b"IHDR", b"PLTE", b"IDAT", b"IEND") or (name == b"tRNS" and chunks[b"IHDR"][9:10] == b"\3"):
            bare.append(whole)
    header = chunks[b"IHDR"]
    if len(header) != 13 or b"IEND" not in chunks:
        raise damaged("a PNG with a broken header")
    width, height, depth, kind, packing, filtering, interlaced = struct.unpack(">IIBBBBB", header)
    if depth not in _PNG_DEPTHS.get(kind, ()) or packing or filtering or interlaced > 1:
        raise damaged("a PNG with an impossible header")
    if b"acTL" in chunks:
        raise unusable("an animation cannot be read", "an animated PNG", "Save the one picture that is meant")
    if not pixels:
        raise cut_short("a PNG without picture data")
    icc, notes = _png_profile(chunks.get(b"iCCP"))
    chrm, gama, cicp = chunks.get(b"cHRM", b""), chunks.get(b"gAMA", b""), chunks.get(b"cICP", b"")
    plain = icc is not None or b"sRGB" in chunks
    key = chunks.get(b"tRNS") if kind in (0, 2) else None
    return Picture(
        "PNG",
        b"".join(bare),
        ((width, height),),
        bits=16 if depth == 16 else 8,
        icc=icc,
        exif=read_exif(chunks.get(b"eXIf")),
        code_points=(cicp[0], cicp[1]) if len(cicp) == 4 else None,
        gamma=int.from_bytes(gama, "big") / 1e5 if len(gama) == 4 and not plain else None,
        chromaticities=tuple(v / 1e5 for v in struct.unpack(">8i", chrm)) if len(chrm) == 32 and not plain else None,
        key=_png_key(key, depth) if key else None,
        notes=notes,
    )


def _png_key(content: bytes, depth: int) -> tuple[int, ...]:
    """The transparent colour, in the units of the decoded pixels."""
    values = struct.unpack(f">{len(content) // 2}H", content[: len(content) // 2 * 2])
    return tuple(v if depth == 16 else v * 255 // (2**depth - 1) for v in values)


def _png_profile(chunk: bytes | None) -> tuple[bytes | None, tuple[str, ...]]:
    if chunk is None:
        return None, ()
    packed = chunk.partition(b"\0")[2][1:]
    inflate = zlib.decompressobj()
    try:
        icc = inflate.decompress(packed, MAX_PROFILE_BYTES)
    except zlib.error:
        icc = b"damaged"
    return (None, (PROFILE_TOO_LARGE,)) if inflate.unconsumed_tail else (icc, ())


def check_png_data(picture: Picture) -> None:
    """Inflate a PNG's pixels within bounds: exactly as many bytes as its header says, row filters that exist.

    Decoders differ in what they let pass here (some return rows of nothing). Raises PhotoError.
    """
    width, height, depth, kind, _, _, interlaced = struct.unpack_from(">IIBBBBB", picture.bare, 16)
    bits = depth * _PNG_CHANNELS[kind]
    steps = ((8, 8, 0, 0), (8, 8, 4, 0), (4, 8, 0, 4), (4, 4, 2, 0), (2, 4, 0, 2), (2, 2, 1, 0), (1, 2, 0, 1))
    sides = [(width, height)]
    if interlaced:
        sides = [(max(0, -((x - width) // dx)), max(0, -((y - height) // dy))) for dx, dy, x, y in steps]
    rows = [(1 + -(-w * bits // 8), h) for w, h in sides if w and h]
    expected = sum(size * count for size, count in rows)
    raw = inflated(b"".join(content for name, content, _ in _png_chunks(picture.bare) if name == b"IDAT"), expected)
    if len(raw) < expected:
        raise cut_short(f"{len(raw) / expected:.0%} of a PNG's picture data")
    values, at = np.frombuffer(raw, np.uint8), 0
    for size, count in rows:
        if values[at : at + size * count : size].max() > 4:
            raise damaged("a PNG with an unknown row filter")
        at += size * count


def inflated(packed: bytes, limit: int) -> bytes:
    """`packed` deflate data, at most `limit` bytes of it. Raises PhotoError where it is damaged."""
    try:
        return zlib.decompressobj().decompress(packed, limit)
    except zlib.error as error:
        raise damaged("compressed picture data with an error in it") from error

"""The boxes of a HEIC (ISO/IEC 14496-12, 23008-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from skinscan.capture.reading.containers.picture import Picture, cut_short, damaged, unusable
from skinscan.capture.reading.containers.sniff import brands_of


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of the content of each box in data[at:end]. Raises PhotoError where one is cut."""
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1 and at + 16 <= end:
            size, body = struct.unpack_from(">Q", data, body)[0], at + 16
        after = end if size == 0 else at + size
        if after > end or after < body:
            raise cut_short("a HEIC that ends within a part of it")
        yield name, body, after
        at = after


def walk_heic(data: bytes) -> Picture:
    top = {name: (at, end) for name, at, end in _boxes(data, 0, len(data))}
    if b"meta" not in top:
        raise cut_short("a HEIC without its directory")
    if b"moov" in top and b"heic" not in brands_of(data):
        raise unusable("an animation cannot be read", "a HEIC sequence", "Save the one picture that is meant")
    meta = {name: (at, end) for name, at, end in _boxes(data, top[b"meta"][0] + 4, top[b"meta"][1])}
    kinds = _item_kinds(data, *meta.get(b"iinf", (0, 0)))
    if not {b"hvc1", b"grid"} & set(kinds.values()):
        raise unusable("this kind of HEIC cannot be read", "no HEVC picture in it", expected="an HEVC-coded HEIC")
    if b"iovl" in kinds.values():
        raise unusable("this kind of HEIC cannot be read", "pictures laid over one another")
    sizes = [*_property_sizes(data, *meta.get(b"iprp", (0, 0)))]
    for kind, content in _item_contents(data, kinds, meta):
        if kind == b"grid":
            sizes.append(_grid_size(content))
    if not sizes:
        raise damaged("a HEIC that does not tell its size")
    return Picture("HEIC", data, tuple(sorted(set(sizes), key=lambda s: -s[0] * s[1])))


def _item_kinds(data: bytes, at: int, end: int) -> dict[int, bytes]:
    """Item number -> four-letter kind."""
    if end - at < 6:
        raise damaged("a HEIC without a list of pictures")
    wide = data[at] != 0
    kinds = {}
    for name, body, _ in _boxes(data, at + (8 if wide else 6), end):
        if name == b"infe" and data[body] in (2, 3):
            number, _, kind = struct.unpack_from(">HH4s" if data[body] == 2 else ">IH4s", data, body + 4)
            kinds[number] = kind
    return kinds


def _property_sizes(data: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """(width, height) of every picture, from its declared extent and from its own HEVC header."""
    for name, body, after in _boxes(data, at, end):
        if name == b"ipco":
            for kind, start_at, stop in _boxes(data, body, after):
                if kind == b"ispe":
                    width, height = struct.unpack_from(">II", data, start_at + 4)
                    yield width, height
                elif kind == b"hvcC":
                    yield from _hevc_sizes(data[start_at:stop])


def _hevc_sizes(record: bytes) -> Iterator[tuple[int, int]]:
    """(width, height) in each sequence parameter set of a decoder configuration (ISO/IEC 14496-15, 8.3.3)."""
    at = 23
    for _ in range(record[22]):
        kind, count = record[at] & 63, int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            length = int.from_bytes(record[at : at + 2], "big")
            if kind == 33:
                yield _sequence_size(record[at + 2 : at + 2 + length])
            at += 2 + length


def _sequence_size(unit: bytes) -> tuple[int, int]:
    """(width, height) of an HEVC sequence parameter set (ITU-T H.265, 7.3.2.2), before cropping."""
    clean = unit[2:].replace(b"\0\0\3", b"\0\0")[:256]
    bits = "".join(f"{byte:08b}" for byte in clean)
    layers = int(bits[4:7], 2)
    at = 8 + 96
    flags = [bits[at + 2 * i : at + 2 * i + 2] for i in range(layers)]
    at += 16 if layers else 0
    at += sum(88 * (flag[0] == "1") + 8 * (flag[1] == "1") for flag in flags)

    def golomb() -> int:
        nonlocal at
        zeros = bits.index("1", at) - at
        at += 2 * zeros + 1
        return int(bits[at - zeros - 1 : at], 2) - 1

    golomb()
    if golomb() == 3:
        at += 1
    return golomb(), golomb()


def _item_contents(
    data: bytes, kinds: dict[int, bytes], meta: dict[bytes, tuple[int, int]]
) -> Iterator[tuple[bytes, bytes]]:
    """(kind, first bytes of the content) of every item, all of it checked to lie in the file (8.11.3)."""
    at, _ = meta.get(b"iloc", (0, 0))
    version = data[at]
    sizes = data[at + 4] >> 4, data[at + 4] & 15, data[at + 5] >> 4, (data[at + 5] & 15) * (version > 0)
    wide = 4 if version == 2 else 2
    at += 6

    def take(size: int) -> int:
        nonlocal at
        at += size
        if at > len(data):
            raise cut_short("a HEIC that ends within its directory")
        return int.from_bytes(data[at - size : at], "big")

    for _ in range(take(wide)):
        number = take(wide)
        in_directory = (take(2) & 15) == 1 if version > 0 else False
        take(2)
        base = take(sizes[2])
        if in_directory:
            base += meta.get(b"idat", (0, 0))[0]
        content = b""
        for _ in range(take(2)):
            take(sizes[3])
            offset, length = base + take(sizes[0]), take(sizes[1])
            if offset + length > len(data):
                raise cut_short("a HEIC whose picture data lies beyond its end")
            content += data[offset : offset + min(length, 64)] if len(content) < 64 else b""
        yield kinds.get(number, b""), content


def _grid_size(content: bytes) -> tuple[int, int]:
    """Output (width, height) of a grid; its number of tiles must suit it (ISO/IEC 23008-12, 6.6.2.3)."""
    rows, columns = content[2] + 1, content[3] + 1
    width, height = struct.unpack_from(">II" if content[1] & 1 else ">HH", content, 4)
    if rows * columns > 4 + width * height // 64**2:
        raise damaged(f"{rows} x {columns} tiles for {width} x {height} pixels")
    return int(width), int(height)

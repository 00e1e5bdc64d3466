"""Nothing but a Photo or a PhotoError comes out, whatever goes in; and never half a photo."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from skinscan.capture.photo import read_photo
from skinscan.records import PhotoError

SUPPORTED = "expected a JPEG, PNG, TIFF, WebP or HEIC photo"


def picture(height: int = 48, width: int = 64) -> Image.Image:
    """Noise: each block needs its own data, so that what is missing is seen."""
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8))


def encoded(kind: str, **how: Any) -> bytes:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = 6, "Camera"
    picture().save(buffer, kind, exif=exif, **how)
    return buffer.getvalue()


def tiff16(**how: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.asarray(picture()).astype(np.uint16) * 257, photometric="rgb", **how)
    return buffer.getvalue()


def png16() -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", np.asarray(picture()).astype(np.uint16) * 257)[1])


WHOLE: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encoded("JPEG"),
    "progressive": lambda: encoded("JPEG", progressive=True),
    "restarts": lambda: encoded("JPEG", restart_marker_blocks=3),
    "png": lambda: encoded("PNG"),
    "png16": png16,
    "tiff": lambda: encoded("TIFF"),
    "lzw": lambda: encoded("TIFF", compression="tiff_lzw"),
    "deflate": lambda: encoded("TIFF", compression="tiff_adobe_deflate"),
    "tiff16": tiff16,
    "tiff16z": lambda: tiff16(compression="zlib", tile=(16, 16)),
    "tiffjpeg": lambda: encoded("TIFF", compression="jpeg"),
    "webp": lambda: encoded("WEBP"),
    "lossless": lambda: encoded("WEBP", lossless=True),
}


def error(path: Path, **how: Any) -> str:
    with pytest.raises(PhotoError) as caught:
        read_photo(path, **how)
    text = str(caught.value)
    assert str(path.parent) not in text
    assert caught.value.todo
    assert caught.value.expected
    assert caught.value.found
    return text


# --- what is no photo ---------------------------------------------------------------------------------------

NO_PHOTOS = [
    (b"<!DOCTYPE html><html><body>Log in</body></html>", "a web page"),
    (b"  \n<html lang=de>", "a web page"),
    (b"\xef\xbb\xbf<?xml version='1.0'?><svg xmlns='x'/>", "an SVG drawing"),
    (b"<svg/>", "an SVG drawing"),
    (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
    (b"PK\x03\x04\x14\0", "a ZIP archive"),
    (b"GIF89a\1\0\1\0", "a GIF"),
    (b"BM\x46\0\0\0\0\0\0\0\x36\0", "a BMP"),
    (b"\0\0\1\0\1\0\x10\x10", "an icon"),
    (b"8BPS\0\1", "a Photoshop document"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000"),
    (b"\xff\x0a\0\0", "a JPEG XL"),
    (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF picture"),
    (b"\0\0\0\x18ftypmp42\0\0\0\0", "a video"),
    (b"\0\0\0\x18ftypqt  \0\0\0\0", "a video"),
    (b"\0\0\0\x18ftypcrx \0\0\0\1", "a raw camera file"),
    (b"\0" * 128 + b"DICM", "a DICOM file"),
    (b"dear patient,\nplease send a photo", "text"),
    (b'{"error": "not found"}', "JSON text"),
    (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    (b"\0" * 5000, "nothing but zero bytes"),
    (b"\x80\x81\x82\x83", "data of an unknown kind"),
]


@pytest.mark.parametrize(("content", "looks"), NO_PHOTOS)
def test_other_files_are_called_what_they_are(tmp_path: Path, content: bytes, looks: str) -> None:
    (tmp_path / "face.jpg").write_bytes(content)
    text = error(tmp_path / "face.jpg")
    assert text.startswith("face.jpg: ")
    assert SUPPORTED in text
    assert f"found {looks}" in text


def test_no_file_folder_pipe_device_and_empty_file(tmp_path: Path) -> None:
    assert "no such file" in error(tmp_path / "gone.jpg")
    assert "folder" in error(tmp_path)
    (tmp_path / "empty.jpg").write_bytes(b"")
    assert "empty" in error(tmp_path / "empty.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "pipe or a device" in error(tmp_path / "pipe.jpg")
    with pytest.raises(PhotoError, match="device"):
        read_photo("/dev/zero")
    for nonsense in ("a\0b.jpg", "x" * 5000, "", str(tmp_path / "empty.jpg" / "in_a_file.jpg")):
        with pytest.raises(PhotoError):
            read_photo(nonsense)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(WHOLE["jpeg"]())
    path.chmod(0)
    assert "may not be read" in error(path)


def test_a_file_beyond_the_size_cap_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate((1 << 30) + 1)  # sparse: no disk is used
    began = time.perf_counter()
    assert "at most 1024 MiB" in error(tmp_path / "a.jpg")
    assert time.perf_counter() - began < 1


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/a\xff\x1b[31m.jpg"
    with open(path, "wb") as file:
        file.write(WHOLE["jpeg"]())
    assert read_photo(os.fsdecode(path)).name == "a??[31m.jpg"


def test_animations_and_pages(tmp_path: Path) -> None:
    frames = [picture(), picture().rotate(90)]
    for name in ("a.png", "a.webp"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert "animat" in error(tmp_path / name)
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    assert "which page is meant" in error(tmp_path / "a.tif")
    assert "2 pages" in error(tmp_path / "a.tif")


def test_a_tiff_with_its_thumbnail_is_one_photo(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.asarray(picture()), photometric="rgb")
        writer.write(np.asarray(picture())[::4, ::4], photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").pixels, np.asarray(picture()))


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint32", "int64"])
def test_tiffs_of_other_numbers(tmp_path: Path, dtype: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 8, 3), dtype), photometric="rgb")
    assert "this kind of TIFF cannot be read" in error(tmp_path / "a.tif")


def test_a_tiff_of_two_unexplained_channels(tmp_path: Path) -> None:
    two = np.ones((9, 9, 2), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", two, photometric="minisblack", planarconfig="contig")
    assert "this kind of TIFF cannot be read" in error(tmp_path / "a.tif")


@pytest.mark.parametrize(
    "odd", [(4, 2, 0, 0, 0), (8, 2, 1, 0, 0), (16, 2, 0, 64, 0), (16, 2, 0, 0, 2), (8, 5, 0, 0, 0)]
)
def test_pngs_with_impossible_headers(tmp_path: Path, odd: tuple[int, ...]) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, *odd))
    rest = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + rest)
    assert "impossible header" in error(tmp_path / "a.png")


# --- cut short ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WHOLE)
def test_no_file_that_is_cut_short_becomes_a_photo(tmp_path: Path, kind: str) -> None:
    whole, path = WHOLE[kind](), tmp_path / "a"
    path.write_bytes(whole)
    photo = read_photo(path)
    for share in (*np.linspace(0.01, 0.99, 24), 1 - 100 / len(whole), 1 - 30 / len(whole)):
        path.write_bytes(whole[: int(len(whole) * share)])
        with contextlib.suppress(PhotoError):
            cut = read_photo(path)  # metadata may lie behind the pixels
            np.testing.assert_array_equal(cut.pixels, photo.pixels)
            assert cut.steps != photo.steps or kind.startswith("tiff")


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "restarts"])
@pytest.mark.parametrize("end", [b"\xff\xd9", bytes(5000), bytes(5000) + b"\xff\xd9"])
def test_a_jpeg_cut_short_is_found_out_behind_a_mended_end(tmp_path: Path, kind: str, end: bytes) -> None:
    whole = WHOLE[kind]()
    for share in np.linspace(0.3, 0.94, 12):
        (tmp_path / "a.jpg").write_bytes(whole[: int(len(whole) * share)] + end)
        if end.startswith(b"\0") and end.endswith(b"\xd9"):
            with contextlib.suppress(PhotoError):  # zeros are valid codes: that they are filler cannot be known
                read_photo(tmp_path / "a.jpg")
        else:
            assert "cut short" in error(tmp_path / "a.jpg") or "damaged" in error(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", ["jpeg", "restarts"])
def test_at_most_the_last_block_of_a_mended_jpeg_can_be_lost(tmp_path: Path, kind: str) -> None:
    whole, path = WHOLE[kind](), tmp_path / "a.jpg"
    path.write_bytes(whole)
    photo = read_photo(path)
    for lost in range(3, 400, 7):
        path.write_bytes(whole[:-lost] + b"\xff\xd9")
        with contextlib.suppress(PhotoError):
            cut = read_photo(path)  # orientation 6: the last blocks of the file are at the lower left
            same = (cut.pixels == photo.pixels).all(axis=2)
            same[-17:, :17] = True
            assert same.all()


def test_a_whole_jpeg_without_its_end_marker_is_read_and_told(tmp_path: Path) -> None:
    whole = WHOLE["jpeg"]()
    (tmp_path / "a.jpg").write_bytes(whole)
    photo = read_photo(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(whole.removesuffix(b"\xff\xd9"))
    cut = read_photo(tmp_path / "a.jpg")
    np.testing.assert_array_equal(cut.pixels, photo.pixels)
    assert "the JPEG's end marker is missing" in cut.steps


# --- bombs --------------------------------------------------------------------------------------------------


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *extra: bytes, data: bytes = b"", depth: int = 8) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
    return b"".join((b"\x89PNG\r\n\x1a\n", header, *extra, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")))


def patched(data: bytes, tag: int, value: int) -> bytes:
    """A little-endian TIFF with another value in a SHORT or LONG of its first directory."""
    at = struct.unpack_from("<I", data, 4)[0]
    for k in range(struct.unpack_from("<H", data, at)[0]):
        entry = at + 2 + 12 * k
        if struct.unpack_from("<H", data, entry)[0] == tag:
            return data[: entry + 2] + struct.pack("<HII", 4, 1, value) + data[entry + 12 :]
    raise AssertionError(tag)


def sized_jpeg(width: int, height: int) -> bytes:
    whole = WHOLE["jpeg"]()
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", height, width) + whole[at + 4 :]


def sized_webp(width: int, height: int) -> bytes:
    whole = WHOLE["webp"]()
    at = whole.index(b"\x9d\x01\x2a") + 3
    return whole[:at] + struct.pack("<HH", width, height) + whole[at + 4 :]


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "png": (lambda: png(20000, 20000), "400 megapixels"),
    "png of no height": (lambda: png(5, 0), "5 x 0"),
    "png that is a line": (lambda: png(2**31 - 1, 1), "megapixels"),
    "png of 70000 rows": (lambda: png(1, 70000), "65535 pixels a side"),
    "jpeg": (lambda: sized_jpeg(65000, 65000), "4225 megapixels"),
    "jpeg of no height": (lambda: sized_jpeg(10, 0), "10 x 0"),
    "webp": (lambda: sized_webp(16383, 16383), "268.4 megapixels|disagree"),
    "tiff": (lambda: patched(patched(tiff16(), 256, 60000), 257, 60000), "megapixels|cut short|too few"),
    "tiff with a giant tile": (
        lambda: patched(patched(tiff16(tile=(16, 16)), 322, 2**20), 323, 2**20),
        "megapixels",
    ),
    "tiff with thousands of channels": (lambda: patched(tiff16(), 277, 5000), "5000 channels"),
    "tiff without rows": (lambda: patched(tiff16(), 278, 0), "no size"),
    "tiff that runs in a circle": (lambda: patched_next(tiff16()), "circle"),
    "tiff with its pixels outside": (lambda: patched(tiff16(), 273, 2**31), "beyond its end"),
}


def patched_next(data: bytes) -> bytes:
    at = struct.unpack_from("<I", data, 4)[0]
    end = at + 2 + 12 * struct.unpack_from("<H", data, at)[0]
    return data[:end] + struct.pack("<I", at) + data[end + 4 :]


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_by_their_header(tmp_path: Path, name: str) -> None:
    make, says = BOMBS[name]
    (tmp_path / "a").write_bytes(make())
    began = time.perf_counter()
    with pytest.raises(PhotoError, match=says):
        read_photo(tmp_path / "a")
    assert time.perf_counter() - began < 0.5


def test_compressed_metadata_and_profiles_do_not_swell(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(200 << 20), 9)
    rows = (b"\0" + bytes(3 * 8)) * 8
    text = [chunk(b"zTXt", b"k\0\0" + bomb), chunk(b"iTXt", b"k\0\1\0\0\0" + bomb)]
    (tmp_path / "a.png").write_bytes(png(8, 8, *text, chunk(b"iCCP", b"p\0\0" + bomb), data=rows))
    began = time.perf_counter()
    photo = read_photo(tmp_path / "a.png")
    assert "implausibly large" in "; ".join(photo.steps)
    assert time.perf_counter() - began < 1


def test_pixel_data_that_swells_is_cut_at_its_size(tmp_path: Path) -> None:
    for depth in (8, 16):
        (tmp_path / "a.png").write_bytes(png(8, 8, data=bytes(100 << 20), depth=depth))
        assert read_photo(tmp_path / "a.png").shape == (8, 8)
    whole = tiff16(compression="zlib")
    at = struct.unpack_from("<I", whole, 4)[0]
    assert at
    bomb = zlib.compress(bytes(100 << 20), 9)
    data = patched(patched(whole + bomb, 273, len(whole)), 279, len(bomb))
    (tmp_path / "a.tif").write_bytes(data)
    assert "too long" in error(tmp_path / "a.tif")


@pytest.mark.parametrize("depth", [8, 16])
def test_pngs_with_too_little_data_or_odd_filters(tmp_path: Path, depth: int) -> None:
    row = 3 * 8 * depth // 8
    (tmp_path / "a.png").write_bytes(png(8, 8, data=(b"\0" + bytes(row)) * 5, depth=depth))
    assert "cut short" in error(tmp_path / "a.png") or "damaged" in error(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(png(8, 8, data=(b"\7" + bytes(row)) * 8, depth=depth))
    assert "damaged" in error(tmp_path / "a.png")


def test_a_jpeg_of_a_thousand_scans_is_refused(tmp_path: Path) -> None:
    whole = encoded("JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    (tmp_path / "a.jpg").write_bytes(whole[:-2] + whole[last:-2] * 1000 + b"\xff\xd9")
    assert "over 100 scans" in error(tmp_path / "a.jpg")


def test_a_heic_whose_header_lies_about_its_size(tmp_path: Path, test_photos: Path) -> None:
    whole = (test_photos / "decoder" / "IMG_5195.HEIC").read_bytes()
    path = tmp_path / "a.heic"
    path.write_bytes(whole)
    assert "megapixels" in error(path, max_megapixels=8)
    at = whole.index(b"ispe") + 8
    path.write_bytes(whole[:at] + struct.pack(">II", 50000, 50000) + whole[at + 8 :])
    assert "2500 megapixels" in error(path)
    for share in (0.01, 0.1, 0.5, 0.999):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert "cut short" in error(path)


# --- the process around it ----------------------------------------------------------------------------------


def test_nothing_global_is_changed(tmp_path: Path) -> None:
    import warnings

    before = (
        Image.MAX_IMAGE_PIXELS,
        ImageFile.LOAD_TRUNCATED_IMAGES,
        list(warnings.filters),
        dict(Image.OPEN),
    )
    for kind, make in WHOLE.items():
        (tmp_path / kind).write_bytes(make())
        read_photo(tmp_path / kind)
    assert before == (
        Image.MAX_IMAGE_PIXELS,
        ImageFile.LOAD_TRUNCATED_IMAGES,
        list(warnings.filters),
        dict(Image.OPEN),
    )


def test_pillows_own_pixel_limit_does_not_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for kind, make in WHOLE.items():
        (tmp_path / kind).write_bytes(make())
        assert max(read_photo(tmp_path / kind).shape) == 64


def test_importing_loads_no_second_decoder() -> None:
    code = "import sys, skinscan.capture.photo;print([m for m in ('cv2', 'pi_heif', 'tifffile') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# --- mutation -----------------------------------------------------------------------------------------------


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, float, int, bytes]:
    kind = draw(st.sampled_from(["flip", "cut", "insert", "repeat", "delete", "number"]))
    # headers are where the meaning lies: every second place is among the first bytes
    place = draw(st.one_of(st.floats(0, 1), st.floats(0, 0.02)))
    return kind, place, draw(st.integers(1, 200)), draw(st.binary(min_size=1, max_size=12))


def mutated(data: bytes, changes: list[tuple[str, float, int, bytes]]) -> bytes:
    for kind, place, length, content in changes:
        at = int(place * len(data))
        if kind == "flip":
            data = data[:at] + bytes([data[at % len(data)] ^ content[0]]) + data[at + 1 :]
        elif kind == "cut":
            data = data[:at] or data[:1]
        elif kind == "insert":
            data = data[:at] + content + data[at:]
        elif kind == "repeat":
            data = data[:at] + data[at : at + length] * 3 + data[at + length :]
        elif kind == "delete":
            data = data[:at] + data[at + length :] or data[:1]
        else:
            data = data[:at] + b"\xff\xff\xff\x7f"[: length % 4 + 1] + data[at + length % 4 + 1 :]
    return data


def mended(data: bytes) -> bytes:
    """A PNG with its checksums made right again, so that mutation reaches what lies behind them."""
    out, at = [data[:8]], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        out.append(chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return b"".join(out)


def fuzz(source: Path, examples: int) -> None:
    """Mutate one file many times: a Photo or a PhotoError each time, in bounded time."""
    whole, path = source.read_bytes(), source.parent / "mutated"

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(mutations(), min_size=1, max_size=4), st.booleans())
    def attack(changes: list[tuple[str, float, int, bytes]], mend: bool) -> None:
        data = mutated(whole, changes)
        path.write_bytes(mended(data) if mend and data[:4] == b"\x89PNG" else data)
        began = time.perf_counter()
        with contextlib.suppress(PhotoError):
            photo = read_photo(path, max_megapixels=12)
            assert np.isfinite(photo.linear_rgb(slice(4), slice(4))).all()
        assert time.perf_counter() - began < 5

    attack()


def run_fuzz(examples: int, *sources: Path) -> None:
    """In a process of its own: a crash in a C library must not take the tests along."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-X",
            "faulthandler",
            __file__,
            str(examples),
            *map(str, sources),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # libtiff itself prints on damaged LZW and JPEG strips, and Pillow offers no way to ask it not to
    told = [line for line in done.stderr.splitlines() if not line.startswith(("tempfile.tif: ", "JPEGLib: "))]
    assert done.stdout == ""
    assert not told


@pytest.mark.parametrize(
    "kinds",
    [
        ("jpeg", "progressive", "restarts"),
        ("png", "png16", "webp", "lossless"),
        ("tiff", "lzw", "deflate", "tiff16", "tiff16z", "tiffjpeg"),
    ],
    ids=["jpeg", "png and webp", "tiff"],
)
def test_mutated_files_end_in_a_photo_or_an_error(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    for kind in kinds:
        (tmp_path / kind).write_bytes(WHOLE[kind]())
    run_fuzz(120, *(tmp_path / kind for kind in kinds))


def test_mutated_heic_ends_in_a_photo_or_an_error(tmp_path: Path, test_photos: Path) -> None:
    whole = test_photos / "decoder" / "example.heic"
    (tmp_path / "heic").write_bytes(whole.read_bytes())
    run_fuzz(25, tmp_path / "heic")


if __name__ == "__main__":
    for argument in sys.argv[2:]:
        fuzz(Path(argument), int(sys.argv[1]))

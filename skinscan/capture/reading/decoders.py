"""From a bare picture to samples: Pillow where it is exact, OpenCV and tifffile for 16 bits, else pi-heif."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from skinscan.capture.reading.colour_profile import MAX_PROFILE_BYTES, lab_to_srgb16
from skinscan.capture.reading.containers.picture import PROFILE_TOO_LARGE, Picture, cut_short, damaged, unusable
from skinscan.capture.reading.containers.png import check_png_data, inflated
from skinscan.capture.reading.tiff_tags import read_exif
from skinscan.records import BoolArray, frozen

Samples = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Raster:
    """Decoded `samples` (H, W, C): C 1 grey, 3 RGB, 4 CMYK (0 is no ink); `opaque` (H, W), or None: all."""

    samples: Samples
    opaque: BoolArray | None = None
    in_srgb: bool = False
    notes: tuple[str, ...] = ()


def decode(picture: Picture) -> tuple[Raster, Picture]:
    """The samples of a picture as they lie in the file (not turned), and the picture with what decoding told.

    Raises PhotoError, and whatever the decoders raise.
    """
    if picture.format == "HEIC":
        return _heic(picture)
    decoder: Callable[[Picture], Raster] = {
        "JPEG": _jpeg,
        "PNG": _png,
        "TIFF": _tiff,
        "WebP": lambda p: _pillow(WebPImagePlugin.WebPImageFile, p.bare),
    }[picture.format]
    return decoder(picture), picture


# --- Pillow -------------------------------------------------------------------------------------------------


class _LargeTiff(TiffImagePlugin.TiffImageFile):
    """Pillow's TIFF reader without its process-wide pixel limit: ours was checked before."""

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size).im
        ImageFile.ImageFile.load_prepare(self)


def _pillow(reader: Callable[[io.BytesIO], Image.Image], bare: bytes, key: tuple[int, ...] | None = None) -> Raster:
    """Decode 8-bit pictures. The reader's class is called directly: no search, no global pixel limit."""
    with reader(io.BytesIO(bare)) as image:
        image.load()
        return _raster(image, key)


def _raster(image: Image.Image, key: tuple[int, ...] | None) -> Raster:
    mode = image.mode
    if mode in ("P", "PA"):
        image = image.convert("RGBA" if mode == "PA" or "transparency" in image.info else "RGB")
    elif mode == "1":
        image = image.convert("L")
    elif mode in ("YCbCr", "RGBX"):
        image = image.convert("RGB")
    samples = np.asarray(image)
    if image.mode == "LAB":
        signed = np.ascontiguousarray(samples[..., 1:]).view(np.int8).astype(np.float64)
        return _from_lab(samples[..., 0] / 2.55, signed)
    if samples.dtype != np.uint8 or image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
        raise unusable("this kind of picture cannot be read", f"pixels of kind {mode}")
    samples = samples.reshape(*samples.shape[:2], -1)
    if image.mode in ("LA", "RGBA"):
        return Raster(samples[..., :-1], opaque_of(samples[..., -1]))
    return Raster(samples, _unlike(samples, key))


def _from_lab(lightness: NDArray[np.float64], ab: NDArray[np.float64]) -> Raster:
    samples = lab_to_srgb16(lightness, ab[..., 0], ab[..., 1])
    return Raster(samples, in_srgb=True, notes=("CIELAB (D50) taken to 16-bit sRGB, colours outside it clipped",))


def opaque_of(alpha: Samples) -> BoolArray | None:
    """Where alpha is full, or None where all of it is."""
    opaque: BoolArray = alpha == np.iinfo(alpha.dtype).max
    return None if opaque.all() else frozen(opaque)


def _unlike(samples: Samples, key: tuple[int, ...] | None) -> BoolArray | None:
    """Where a PNG without alpha is not of the one colour that it calls transparent."""
    if key is None or len(key) != samples.shape[2]:
        return None
    opaque: BoolArray = (samples != np.array(key)).any(axis=2)
    return None if opaque.all() else opaque


# --- JPEG ---------------------------------------------------------------------------------------------------

_END = b"\xff\xd9"
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_FILLER = hashlib.shake_256(b"skinscan").digest(4096).replace(b"\xff", b"\x7f")
"""Bytes that mean something to any Huffman decoder: one that still wants data shows it by using them."""


def _jpeg(picture: Picture) -> Raster:
    raster = _colour_jpeg(picture) or _pillow(JpegImagePlugin.JpegImageFile, picture.bare)
    suspicious = picture.verify_end or not picture.complete or _ends_flat(raster.samples)
    if suspicious and not _is_whole(picture.bare, raster.samples):
        raise cut_short("a JPEG whose picture data stops early")
    return raster


def _colour_jpeg(picture: Picture) -> Raster | None:
    """A JPEG of three channels straight into an array, by the same libjpeg-turbo as Pillow's in a third of its time.

    None for all others, and for whatever the decoder has a remark on: Pillow says what that is.
    """
    import simplejpeg

    if not picture.complete:
        return None
    try:
        *_, kind, _ = simplejpeg.decode_jpeg_header(picture.bare)
        if kind not in ("YCbCr", "RGB"):
            return None
        return Raster(simplejpeg.decode_jpeg(picture.bare, "RGB"))
    except ValueError:
        return None


def _ends_flat(samples: Samples) -> bool:
    """libjpeg silently fills what is missing with flat blocks; so a flat last block deserves a look."""
    block = samples[-8:, -8:]
    return bool((block == block[-1, -1]).all())


def _is_whole(bare: bytes, samples: Samples) -> bool:
    """Whether the picture data reaches the last block: then bytes added after it change nothing.

    A restart marker goes between them, for a file that was cut exactly where the next one was due.
    """
    restarts = _RESTART.findall(bare, bare.rindex(b"\xff\xda"))
    due = bytes([0xFF, 0xD0 + (restarts[-1][0] - 0xD0 + 1) % 8 if restarts else 0xD0])
    try:
        longer = _pillow(JpegImagePlugin.JpegImageFile, bare.removesuffix(_END) + _FILLER + due + _FILLER + _END)
    except (OSError, SyntaxError):
        return False
    return np.array_equal(longer.samples, samples)


# --- PNG ----------------------------------------------------------------------------------------------------


def _png(picture: Picture) -> Raster:
    check_png_data(picture)
    if picture.bits == 8:
        return _pillow(PngImagePlugin.PngImageFile, picture.bare, picture.key)
    import cv2

    return _from_bgr(
        cv2.imdecode(np.frombuffer(picture.bare, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION),
        picture.key,
    )


def _from_bgr(decoded: NDArray[Any] | None, key: tuple[int, ...] | None = None) -> Raster:
    if decoded is None or decoded.dtype != np.uint16:
        raise damaged("picture data that cannot be decoded at 16 bits")
    if decoded.ndim == 2:
        samples = decoded[..., None]
        return Raster(samples, _unlike(samples, key))
    samples = decoded[..., 2::-1]
    if decoded.shape[2] == 4:
        opaque = opaque_of(decoded[..., 3])
        return Raster(samples, opaque)
    return Raster(samples, _unlike(samples, key))


# --- TIFF ---------------------------------------------------------------------------------------------------

_NO_COMPRESSION, _LZW, _DEFLATE, _PACKBITS = 1, 5, (8, 32946), 32773


def _tiff(picture: Picture) -> Raster:
    tags = picture.tiff
    assert tags is not None
    photometric = tags.number(262, 1)
    if picture.bits == 8:
        if photometric in (9, 10):
            raise unusable("this kind of TIFF cannot be read", "ICC or ITU Lab colours")
        if tags.number(259, 1) in _DEFLATE and photometric != 6:
            _check_deflate(picture)
        return _pillow(_LargeTiff, picture.bare)
    if photometric not in (0, 1, 2, 5):
        raise unusable("this kind of TIFF cannot be read", f"16 bits with photometric interpretation {photometric}")
    raster = _tiff16(picture)
    inks = {0: 1, 1: 1, 2: 3, 5: 4}[photometric]
    samples = raster[..., :inks]
    if samples.shape[2] != inks:
        raise damaged("a TIFF with too few channels")
    alpha = raster.shape[2] > inks and tags.number(338, 0) in (1, 2)
    opaque = opaque_of(raster[..., inks]) if alpha else None
    if photometric == 0:
        samples = np.iinfo(np.uint16).max - samples
    samples, notes = _spread(samples, tags.number(281, 0))
    return Raster(samples, opaque, notes=notes)


def _tiff16(picture: Picture) -> NDArray[np.uint16]:
    """(H, W, C) uint16 samples of a 16-bit TIFF."""
    tags = picture.tiff
    assert tags is not None
    compression = tags.number(259, 1)
    if compression == _LZW:
        with _LargeTiff(io.BytesIO(picture.bare)) as strict:
            strict.load()
        import cv2

        raster = _from_bgr(
            cv2.imdecode(np.frombuffer(picture.bare, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
        )
        return np.asarray(raster.samples, np.uint16)
    if compression in _DEFLATE:
        _check_deflate(picture)
    elif compression not in (_NO_COMPRESSION, _PACKBITS):
        raise unusable("this kind of TIFF cannot be read", f"16 bits with compression {compression}")
    import tifffile

    with tifffile.TiffFile(io.BytesIO(picture.bare)) as file:
        page = file.pages[0]
        decoded = np.asarray(page.asarray())
        separate = tags.number(284, 1) == 2 and tags.number(277, 1) > 1
    width, height = picture.sizes[0]
    decoded = np.moveaxis(decoded, 0, -1) if separate else decoded.reshape(height, width, -1)
    if decoded.shape[:2] != (height, width):
        raise damaged("a TIFF whose picture is not of the size it says")
    return decoded.astype(np.uint16, copy=False)


def _check_deflate(picture: Picture) -> None:
    """Inflate every strip or tile of a TIFF within bounds: tifffile sets none, libtiff prints errors."""
    tags = picture.tiff
    assert tags is not None
    width, height = picture.sizes[0]
    tiled = 322 in tags.entries
    across, down = picture.sizes[-1] if tiled else (width, min(tags.number(278, height), height))
    channels = 1 if tags.number(284, 1) == 2 else tags.number(277, 1)
    row = -(-across * channels * tags.number(258, 1) // 8)
    whole = row * down
    offsets, counts = tags.ints(324 if tiled else 273), tags.ints(325 if tiled else 279)
    for number, (at, size) in enumerate(zip(offsets, counts, strict=False)):
        expected = whole
        if not tiled:
            strip = number % -(-height // down)
            expected = min(down, height - strip * down) * row
        got = len(inflated(picture.bare[at : at + size], whole + 1))
        if got < expected or got > whole:
            raise (
                cut_short("a TIFF strip of the wrong length")
                if got < expected
                else damaged("a TIFF strip that is too long")
            )


def _spread(samples: NDArray[np.uint16], greatest: int) -> tuple[NDArray[np.uint16], tuple[str, ...]]:
    """Samples that use fewer bits than they are stored in, spread over all 16 by repeating their bits."""
    bits = greatest.bit_length()
    if 8 <= bits < 16 and greatest == 2**bits - 1 and samples.max() <= greatest:
        return spread_bits(samples, bits), (f"{bits}-bit values spread over 16 bits, as the file says",)
    peak = int(samples.max())
    if peak < 4096:
        return samples, (f"no value exceeds {peak} of 65535: perhaps fewer bits stored in 16, or a dark photo",)
    return samples, ()


def spread_bits(samples: NDArray[np.uint16], bits: int) -> NDArray[np.uint16]:
    """`bits`-bit values (8 to 15) to 16 bits, so that the greatest becomes 65535; exactly reversible."""
    return (samples << np.uint16(16 - bits)) | (samples >> np.uint16(2 * bits - 16))


# --- HEIC ---------------------------------------------------------------------------------------------------


def _heic(picture: Picture) -> tuple[Raster, Picture]:
    """The primary picture. libheif applies the file's own turns, which EXIF's orientation only repeats."""
    import pi_heif

    file = pi_heif.open_heif(picture.bare, convert_hdr_to_8bit=False)
    image = file[file.primary_index]
    info = image.info
    notes: tuple[str, ...] = (f"the file holds {len(file)} pictures: the main one was read",) if len(file) > 1 else ()
    samples = np.array(image)  # a copy: the buffer dies with its image, which numpy does not keep alive
    bits = int(info["bit_depth"])
    mode = image.mode.split(";")[0]
    samples = samples.reshape(*samples.shape[:2], -1)
    if samples.shape[1::-1] != image.size or mode not in ("L", "LA", "RGB", "RGBA"):
        raise damaged("a HEIC whose picture is not of the size or kind it says")
    if samples.dtype == np.uint16:
        samples = spread_bits(samples >> np.uint16(16 - bits), bits)
        notes += (f"{bits}-bit values spread over 16 bits",)
    opaque = opaque_of(samples[..., -1]) if mode.endswith("A") else None
    icc = info.get("icc_profile") or None
    if icc and len(icc) > MAX_PROFILE_BYTES:
        icc, notes = None, (*notes, PROFILE_TOO_LARGE)
    nclx = info.get("nclx_profile") or {}
    points = (int(nclx["color_primaries"]), int(nclx["transfer_characteristics"])) if nclx else None
    told = replace(
        picture,
        icc=icc,
        exif=replace(read_exif(info.get("exif")), orientation=1),
        code_points=points,
        chroma_subsampled=info.get("chroma") in (420, 422),
        bits=bits,
        notes=(*picture.notes, *notes),
    )
    return Raster(samples[..., :-1] if mode.endswith("A") else samples, opaque), told

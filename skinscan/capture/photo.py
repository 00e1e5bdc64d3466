"""From a file to a Photo: upright integer pixels and their way to linear light.

The file is read once and never written. Only its name, not its folders, appears in a Photo or in a message.
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.reading import colour_profile
from skinscan.capture.reading.colour_profile import ProfileError, TableProfile, Way
from skinscan.capture.reading.containers.header import read_header
from skinscan.capture.reading.containers.picture import COPY_AGAIN, MAX_SIDE_PX, SUPPORTED, Picture, damaged, unusable
from skinscan.capture.reading.decoders import Raster, Samples, decode
from skinscan.records import BoolArray, ParameterError, Photo, PhotoError

MAX_FILE_BYTES = 1 << 30

Pixels = TypeVar("Pixels", Samples, BoolArray)
_UNUSED = "embedded colour profile could not be used"

_EXTENSIONS = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo"},
    "PNG": {".png"},
    "TIFF": {".tif", ".tiff"},
    "WebP": {".webp"},
    "HEIC": {".heic", ".heif", ".hif"},
}


def read_photo(path: str | os.PathLike[str], *, max_megapixels: float = 60.0) -> Photo:
    """The photo in a JPEG, PNG, TIFF, WebP or HEIC file.

    Pixels are upright and keep the file's bits (8 or 16) and colour space; `lut` and `matrix` of the Photo
    take them to linear-light sRGB (D65). `max_megapixels` (millions of pixels) is held against the header,
    before anything is decoded. What was assumed or done on the way is told in `Photo.steps`.

    Raises PhotoError where the file is missing, no supported photo, damaged, cut short, animated, of several
    pages or too large, and ParameterError where `max_megapixels` is not a positive number.
    """
    return _photo_in(lambda: _read_file(Path(path)), Path(path).name or str(path), max_megapixels)


def photo_of(data: bytes, name: str = "photo", *, max_megapixels: float = 60.0) -> Photo:
    """The photo in the bytes of a file, as `read_photo` tells it; `name` stands for the file's in messages."""
    return _photo_in(lambda: data, name, max_megapixels)


def _photo_in(read: Callable[[], bytes], name: str, max_megapixels: float) -> Photo:
    if not (isinstance(max_megapixels, int | float) and math.isfinite(max_megapixels) and max_megapixels > 0):
        raise ParameterError("max_megapixels", expected="a positive number", found=repr(max_megapixels))
    name = _shown(name)
    try:
        data = read()
        picture = read_header(data)
        _check_sizes(picture, max_megapixels)
        raster, picture = _decode(picture)
        return _photo(name, hashlib.sha256(data).hexdigest(), picture, raster)
    except PhotoError as error:
        raise PhotoError(
            f"{name}: {error.what}", expected=error.expected, found=error.found, todo=error.todo
        ) from error.__cause__


def _shown(name: str) -> str:
    """A file's name as text that can be printed and stored: no control characters, no broken encoding."""
    text = name.encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else "?" for c in text)


def _read_file(path: Path) -> bytes:
    """All bytes of a regular file. Raises PhotoError; a pipe or a device is never opened."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise PhotoError(
                "this is a folder", expected="one photo file", found="a folder", todo="Choose a file in it"
            )
        if not stat.S_ISREG(status.st_mode):
            raise PhotoError(
                "this is not a file",
                expected="a file on disk",
                found="a pipe or a device",
                todo="Save it as a file",
            )
        if status.st_size > MAX_FILE_BYTES:
            raise _too_heavy(status.st_size)
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise PhotoError(
            "there is no such file",
            expected="a photo file",
            found="nothing of this name",
            todo="Check the name and the folder",
        ) from None
    except PermissionError:
        raise PhotoError(
            "the file may not be read",
            expected="read permission",
            found="none",
            todo="Change its permissions or copy it",
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "a name that no file can have"
        raise PhotoError(
            "the file cannot be read",
            expected="a readable file",
            found=reason.lower(),
            todo="Check the name and the disk",
        ) from None
    if not data:
        raise PhotoError("the file is empty", expected=SUPPORTED, found="0 bytes", todo=COPY_AGAIN)
    if len(data) > MAX_FILE_BYTES:
        raise _too_heavy(len(data))
    return data


def _too_heavy(size: int) -> PhotoError:
    return PhotoError(
        "the file is too large",
        expected=f"at most {MAX_FILE_BYTES >> 20} MiB",
        found=f"{size / 2**20:.0f} MiB",
        todo="Save the photo as JPEG, or PNG, at its own size",
    )


def _check_sizes(picture: Picture, max_megapixels: float) -> None:
    for width, height in picture.sizes:
        if width < 1 or height < 1:
            raise damaged(f"a picture of {width} x {height} pixels")
        if max(width, height) > MAX_SIDE_PX or width * height > max_megapixels * 1e6:
            raise PhotoError(
                "the photo has too many pixels",
                expected=f"at most {max_megapixels:g} megapixels and {MAX_SIDE_PX} pixels a side",
                found=f"{width * height / 1e6:.4g} megapixels ({width} x {height})",
                todo="Crop it to the skin, or raise max_megapixels if the computer has the memory",
            )


def _decode(picture: Picture) -> tuple[Raster, Picture]:
    """The one border to the decoders, which raise nearly anything on damaged files; all of it ends here."""
    try:
        raster, picture = decode(picture)
    except PhotoError:
        raise
    except MemoryError as error:
        raise PhotoError(
            "the photo does not fit in memory",
            expected="enough free memory",
            found="too little for {} x {} pixels".format(*picture.sizes[0]),
            todo="Close other programs, or crop the photo to the skin",
        ) from error
    except Exception as error:
        if picture.format == "TIFF" and isinstance(error, SyntaxError | NotImplementedError):
            raise unusable("this kind of TIFF cannot be read", "an unusual layout of channels") from error
        if "truncated" in str(error).lower() or isinstance(error, EOFError):
            raise damaged(f"a {picture.format} whose picture data stops early") from error
        raise damaged(f"{picture.format} picture data that cannot be decoded") from error
    return raster, picture


def _photo(name: str, sha256: str, picture: Picture, raster: Raster) -> Photo:
    steps = [*picture.notes, *picture.exif.notes, *raster.notes]
    suffix = Path(name).suffix.lower()
    if suffix not in _EXTENSIONS[picture.format]:
        steps.insert(0, f"the name ends in {suffix or 'nothing'} but the file is {picture.format}")
    samples, way, notes = _colours(picture, raster)
    steps += notes
    orientation = picture.exif.orientation
    if orientation != 1:
        steps.append(f"turned upright (EXIF orientation {orientation})")
    pixels = upright(samples, orientation)
    opaque = None if raster.opaque is None else upright(raster.opaque, orientation)
    return Photo(
        pixels=pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels,
        lut=way.lut,
        matrix=way.matrix,
        sha256=sha256,
        name=name,
        format=picture.format,
        opaque=opaque,
        is_grey=samples.shape[2] == 1 or _is_grey(samples),
        taken_at=picture.exif.taken_at,
        camera=picture.exif.camera,
        jpeg_quality=picture.jpeg_quality,
        chroma_subsampled=picture.chroma_subsampled,
        steps=tuple(dict.fromkeys(steps)),
    )


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """The same pixels (H, W, ...), turned and mirrored as EXIF orientation 1 to 8 asks."""
    turned = pixels.swapaxes(0, 1) if orientation >= 5 else pixels
    flip_rows, flip_columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    flipped = turned[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
    return flipped if flipped.flags.c_contiguous else flipped.copy()


def _is_grey(samples: Samples) -> bool:
    """Whether all three channels are equal everywhere (a first look at a few pixels settles most)."""
    for part in (samples[::31, ::31], samples):
        if not ((part[..., 0] == part[..., 1]).all() and (part[..., 1] == part[..., 2]).all()):
            return False
    return True


def _colours(picture: Picture, raster: Raster) -> tuple[Samples, Way, list[str]]:
    """Grey or RGB samples, their way to linear sRGB, and what was assumed. Raises PhotoError for HDR."""
    samples, points = raster.samples, picture.code_points
    levels = int(np.iinfo(samples.dtype).max) + 1
    if points is not None and points[1] in colour_profile.HDR_TRANSFERS:
        raise PhotoError(
            "a high dynamic range photo cannot be measured",
            expected="a photo for ordinary displays",
            found="PQ or HLG brightness",
            todo="Switch HDR off in the camera, or save it as an ordinary JPEG",
        )
    try:
        if raster.in_srgb:
            return samples, colour_profile.srgb(levels), []
        if samples.shape[2] == 4:
            return _cmyk(picture.icc, samples)
        if picture.icc is not None:
            return _embedded(picture.icc, samples, levels)
        if points is not None:
            way = colour_profile.from_code_points(*points, levels)
            return samples, way, [f"colour space as the file names it: {way.name}"]
        if picture.gamma is not None or picture.chromaticities is not None:
            way = colour_profile.from_gamma(picture.gamma, picture.chromaticities, levels)
            return samples, way, [f"colour space by the file's gamma and chromaticities: {way.name}"]
    except ProfileError as error:
        return samples, colour_profile.srgb(levels), [f"{_UNUSED} ({error}): treated as sRGB"]
    if picture.exif.colour_space == "Adobe RGB":
        return (
            samples,
            colour_profile.adobe_rgb(levels),
            ["no colour profile: Adobe RGB (1998), as EXIF says"],
        )
    said = ", as EXIF says" if picture.exif.colour_space else ""
    return samples, colour_profile.srgb(levels), [f"no colour profile: treated as sRGB{said}"]


def _embedded(icc: bytes, samples: Samples, levels: int) -> tuple[Samples, Way, list[str]]:
    """Samples (H, W, 1 or 3) with an embedded profile. Raises ProfileError."""
    try:
        way = colour_profile.from_icc(icc, levels, samples.shape[2])
    except TableProfile:
        rgb = eight_bits(samples.repeat(3, axis=2) if samples.shape[2] == 1 else samples)
        note = "embedded colour profile is a table: taken to 8-bit sRGB, colours outside it clipped"
        return colour_profile.through_little_cms(rgb, icc), colour_profile.srgb(256), [note]
    return samples, way, [f"embedded colour profile: {way.name}"]


def _cmyk(icc: bytes | None, samples: Samples) -> tuple[Samples, Way, list[str]]:
    """8-bit sRGB of CMYK samples (H, W, 4): by the profile, or plainly where there is none."""
    inks = eight_bits(samples)
    way = colour_profile.srgb(256)
    note = "CMYK without a colour profile: its colours are a guess"
    if icc is not None:
        try:
            return (
                colour_profile.through_little_cms(inks, icc),
                way,
                ["CMYK taken to 8-bit sRGB by its profile"],
            )
        except ProfileError as error:
            note = f"CMYK, {_UNUSED} ({error}): its colours are a guess"
    white = 255 - inks[..., :3].astype(np.uint16)
    paper = white * (255 - inks[..., 3:].astype(np.uint16))
    return ((paper + 127) // 255).astype(np.uint8), way, [note]


def eight_bits(samples: Samples) -> NDArray[np.uint8]:
    """Samples of 8 or 16 bits at 8 bits, rounded."""
    if samples.dtype == np.uint8:
        return samples.astype(np.uint8, copy=False)
    return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)


def photo_taken_at(path: str | os.PathLike[str]) -> str | None:
    """When the camera says that a photo was taken (its own clock, no time zone: 2026-03-04T10:30:00), or None; the
    pixels are not decoded. Raises PhotoError as `read_photo` does."""
    try:
        return read_header(_read_file(Path(path))).exif.taken_at
    except PhotoError as error:
        name = _shown(Path(path).name or str(path))
        raise PhotoError(
            f"{name}: {error.what}", expected=error.expected, found=error.found, todo=error.todo
        ) from error.__cause__


def is_photo_name(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name says that it is a photo that can be read."""
    return Path(path).suffix.lower() in set().union(*_EXTENSIONS.values())

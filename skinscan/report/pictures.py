"""Photos for looking at: reduced, in sRGB, encoded. Nothing here is measured."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour
from skinscan.records import Photo

Picture = NDArray[np.uint8]

LONG_SIDE = 1600
"""Most pixels of a picture's longer side."""

MAP_SIDE = 800
"""The same of a map: there are many, and none is finer than what it was read from."""


def shown_size(shape: tuple[int, int], long_side: int = LONG_SIDE) -> tuple[int, int]:
    """(height, width) of a picture of a photo of this shape."""
    shrink = min(1.0, long_side / max(shape))
    return max(1, round(shape[0] * shrink)), max(1, round(shape[1] * shrink))


def shown(photo: Photo, long_side: int = LONG_SIDE) -> Picture:
    """The photo as people see it: (h, w, 3) uint8 sRGB, at most `long_side` pixels on its longer side.

    Reduced before it is taken to linear light: a 48 MP photo then needs no second copy in floats.
    """
    height, width = shown_size(photo.shape, long_side)
    pixels: NDArray[Any] = photo.pixels
    if (height, width) != photo.shape:
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    if np.array_equal(photo.matrix, np.eye(3)):  # sRGB, as most are: from code to code, a tenth of the time
        codes = encoded(photo.lut)
        return np.stack([codes[c][pixels[..., c]] for c in range(3)], axis=-1)
    linear = np.stack([photo.lut[c][pixels[..., c]] for c in range(3)], axis=-1) @ photo.matrix.T
    return encoded(linear)


def encoded(linear: NDArray[np.floating]) -> Picture:
    """Linear sRGB to 8-bit sRGB (IEC 61966-2-1), colours outside cut off."""
    light: NDArray[np.float64] = np.clip(linear, 0.0, 1.0)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    return np.asarray(np.round(curve * 255.0), np.uint8)


def rebalanced(picture: Picture, gains: tuple[float, float, float]) -> Picture:
    """A picture as `gains` on the sensor's channels bring it to the look of another photo."""
    if gains == (1.0, 1.0, 1.0):
        return picture
    codes = np.arange(256) / 255.0
    light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    return encoded(np.asarray(colour.rebalanced(light[picture], np.asarray(gains))))


def jpeg(picture: Picture, quality: int = 85) -> bytes:
    return _encode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])


def over_grey(photo: bytes, laid: bytes, share: tuple[float, float], strength: float) -> bytes:
    """A JPEG of an encoded photo in greys with an encoded RGBA picture on it, as fine as that one.

    `share`: how much of the photo's (height, width) the picture reaches over, from the top left corner; above 1 it ends
    beyond the photo. `strength`: 1 for the picture as it is, 0 for none of it.
    """
    grey = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_GRAYSCALE)
    colours = cv2.imdecode(np.frombuffer(laid, np.uint8), cv2.IMREAD_UNCHANGED)
    if grey is None or colours is None:
        raise ValueError("these are no pictures that OpenCV reads")
    size = [max(1, round(side / part)) for side, part in zip(colours.shape, share, strict=False)]
    base = cv2.resize(grey, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    blend = np.repeat(base[..., None].astype(np.float32), 3, axis=-1)
    colours = colours[: size[0], : size[1]]
    part = blend[: colours.shape[0], : colours.shape[1]]
    part += (colours[..., 2::-1] - part) * (colours[..., 3:] / np.float32(255) * strength)
    return jpeg(np.round(blend).astype(np.uint8))


def png(picture: Picture) -> bytes:
    return _encode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 4])


def _encode(kind: str, picture: Picture, settings: list[int]) -> bytes:
    done, data = cv2.imencode(kind, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)
    if not done:
        raise RuntimeError(f"OpenCV could not encode a {kind} of shape {picture.shape}")
    return data.tobytes()


def palette_png(index: NDArray[np.uint8], colours: NDArray[np.uint8]) -> bytes:
    """A PNG of palette entries: `index` (h, w), `colours` (n, 4) RGBA.

    OpenCV writes true colour only, which is three to four times as large for a colour-mapped picture.
    """
    height, width = index.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = index
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", colours[:, :3].tobytes()),
            _chunk(b"tRNS", colours[:, 3].tobytes()),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def data_uri(data: bytes, kind: str) -> str:
    """`data:image/<kind>;base64,...`"""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"

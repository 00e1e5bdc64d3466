"""Photos to send: of noise, so that no two are alike and each byte counts; and files that are no photos."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from skinscan.store import Store, recording
from skinscan.store.consents import give_consent


def noise(seed: int, height: int = 120, width: int = 160) -> bytes:
    """A JPEG that nobody else has."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def patient(store: Store) -> str:
    """A patient who agrees to photos; the id."""
    made = recording.new_patient(store).id
    give_consent(store, made, "treatment")
    return made


def png(width: int, height: int, inflated_bytes: int) -> bytes:
    """A PNG whose header tells a size, and whose data inflate to so many zeros."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(1)
    block = bytes(1 << 20)
    data = b"".join(packer.compress(block) for _ in range(inflated_bytes >> 20)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def animated() -> bytes:
    buffer = io.BytesIO()
    frames = [Image.new("P", (40, 40), colour) for colour in (1, 2, 3)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


NO_PHOTOS: dict[str, tuple[str, bytes]] = {
    "a page": ("front.jpg", b"<!doctype html><script>document.title='taken'</script>"),
    "a drawing with a script": ("front.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
    "nothing": ("front.jpg", b""),
    "an animation": ("front.gif", animated()),
    "a JPEG cut short": ("front.jpg", noise(1)[:-2000]),
    "400 megapixels": ("front.png", png(20_000, 20_000, 1 << 26)),
    "a script in its name": ("<img src=x onerror=alert(1)>.jpg", b"no photo"),
    "an archive": ("front.jpg", b"PK\x03\x04" + bytes(500)),
}
"""What it is -> name and bytes."""

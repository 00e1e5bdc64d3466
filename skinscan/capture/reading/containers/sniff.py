"""Which format a file is, by its content."""

from __future__ import annotations

import re

from skinscan.capture.reading.containers.picture import SUPPORTED
from skinscan.records import PhotoError

_HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (rb"GIF8[79]a", "a GIF"),
    (rb"BM.{4}\0\0\0\0", "a BMP"),
    (rb"\0\0\x01\0[^\0]", "an icon (ICO)"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000"),
    (rb"\0\0\0\x0cJXL |\xff\x0a", "a JPEG XL"),
    (rb"8BPS", "a Photoshop document"),
    (rb"FUJIFILMCCD-RAW|IIU\0|IIR[OS]", "a raw camera file"),
    (rb"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (rb"[\x8a\x8b](MNG|JNG)\r\n", "an MNG or JNG"),
    (rb".{128}DICM", "a DICOM file"),
    (rb"%PDF", "a PDF document"),
    (rb"PK\x03\x04|PK\x05\x06", "a ZIP archive (or an office document)"),
    (rb"Rar!|7z\xbc\xaf|\x1f\x8b|BZh", "a compressed archive"),
    (rb"\xd0\xcf\x11\xe0", "an office document"),
    (rb"\x1aE\xdf\xa3|RIFF....(AVI |WAVE)|\0\0\x01\xba", "a video or a sound"),
    (rb"MZ|\x7fELF", "a program"),
    (rb"(?i)\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!doctype svg|<svg)", "an SVG drawing"),
    (rb"(?i)\s*(<!doctype html|<html|<head|<body)", "a web page (HTML)"),
    (rb"\s*<\?xml", "an XML document"),
    (rb"\s*[{\[]\s*[\"{\[]", "JSON text"),
    (rb"\{\\rtf", "an RTF document"),
    (rb"version https://git-lfs", "a Git LFS pointer, not the photo itself"),
)

_PICTURES = re.compile(
    "a (GIF|BMP|JPEG 2000|JPEG XL|Photoshop document|raw camera file|DICOM file)|an (AVIF|OpenEXR) picture"
)
"""What can be had as a photo elsewhere."""


def format_of(data: bytes) -> str:
    """The supported format that the content shows, whatever the name says. Raises PhotoError for all else."""
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp" and _is_heic(data):
        return "HEIC"
    looks = _looks_like(data)
    todo = "Open it where it came from and save it as JPEG or PNG"
    raise PhotoError(
        "this is not a supported photo format",
        expected=SUPPORTED,
        found=looks,
        todo=todo if _PICTURES.match(looks) else "Choose the photo file itself",
    )


def brands_of(data: bytes) -> tuple[bytes, ...]:
    size = min(int.from_bytes(data[:4], "big"), 256)
    return (data[8:12], *(data[at : at + 4] for at in range(16, size, 4)))


def _is_heic(data: bytes) -> bool:
    brands = brands_of(data)
    if brands[0] in (b"avif", b"avis", b"crx "):
        return False
    return brands[0] in _HEIC_BRANDS or bool({b"heic", b"heix", b"heim", b"heis"} & set(brands))


def _looks_like(data: bytes) -> str:
    head = data[:4096]
    if data[4:8] == b"ftyp":
        return {
            b"avif": "an AVIF picture",
            b"avis": "an AVIF picture",
            b"crx ": "a raw camera file (CR3)",
        }.get(data[8:12], "a video (MP4 or MOV)")
    for pattern, name in _OTHERS:
        if re.match(pattern, head.removeprefix(b"\xef\xbb\xbf"), re.DOTALL):
            return name
    if not head.strip(b"\0"):
        return "nothing but zero bytes: the copy or download failed"
    try:
        text = head[:-4].decode("utf-8") if len(data) > 4096 else head.decode("utf-8")
    except UnicodeDecodeError:
        return "data of an unknown kind"
    return "text" if all(c.isprintable() or c.isspace() for c in text) else "data of an unknown kind"

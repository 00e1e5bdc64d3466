"""From a file's own colours to linear-light sRGB (D65).

Most photos are three curves and a matrix away from it, and those are read here from the ICC tags and kept
exact: a curve for every code value, and colours outside sRGB stay outside [0, 1]. Profiles that are tables
(printers, scanners) and CMYK go through Little CMS, which ends in 8-bit sRGB.

Sources: ICC.1:2022 (tags, 'curv', 'para'), IEC 61966-2-1 (sRGB), Adobe RGB (1998) 2005-05, ITU-T H.273 (code
points), SMPTE EG 432-1 (P3-D65); Bradford cone responses as in ICC.1 annex E.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Float64 = NDArray[np.float64]

MAX_PROFILE_BYTES = 8 << 20

D50 = np.array([0.9642, 1.0, 0.8249])
"""The ICC connection space's white."""
D65_XY = (0.3127, 0.3290)
SRGB_XY = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3_XY = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_XY = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
REC2020_XY = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
ADOBE_GAMMA = 563 / 256
HDR_TRANSFERS = (16, 18)
"""H.273: PQ and HLG, which encode brightness, not a share of white."""

_SAME_MATRIX = 2e-3
"""Two matrices closer than this are one colour space: published sRGB profiles differ by up to 1e-3."""
_SAME_CURVE = 2e-4
"""Linear light. sRGB tabulated with 1024 entries is within 2e-5 of the formula; gamma 2.2 is 8e-3 off."""


class ProfileError(ValueError):
    """The profile cannot be used, and why."""


class TableProfile(ProfileError):
    """The profile is a table, which only Little CMS reads."""


@dataclass(frozen=True, eq=False)
class Way:
    """The way to linear light: `lut` (3, levels) float32, then `matrix` (3, 3) float32 to sRGB (D65)."""

    lut: NDArray[np.float32]
    matrix: NDArray[np.float32]
    name: str


# --- spaces known by name -----------------------------------------------------------------------------------


def srgb_to_linear(encoded: Float64) -> Float64:
    """IEC 61966-2-1, piecewise, [0, 1] -> [0, 1]."""
    low = encoded / 12.92
    return np.where(encoded <= 0.04045, low, ((encoded + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: Float64) -> Float64:
    """The inverse of `srgb_to_linear`, clipped to [0, 1]."""
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def srgb(levels: int) -> Way:
    """sRGB itself: the exact curve, the exact identity."""
    return _way(srgb_to_linear(_codes(levels)), np.eye(3), "sRGB")


def adobe_rgb(levels: int) -> Way:
    """Adobe RGB (1998)."""
    return _way(_codes(levels) ** ADOBE_GAMMA, _from_xy(ADOBE_XY, D65_XY), "Adobe RGB (1998)")


def from_code_points(primaries: int, transfer: int, levels: int) -> Way:
    """The space that HEIC (nclx) or PNG (cICP) names by its H.273 numbers. Raises ProfileError."""
    known = {1: SRGB_XY, 2: SRGB_XY, 5: SRGB_XY, 6: SRGB_XY, 9: REC2020_XY, 12: P3_XY}
    if primaries not in known or transfer not in (1, 2, 4, 6, 8, 13, 14, 15):
        raise ProfileError(f"colour primaries {primaries} with transfer {transfer}")
    codes = _codes(levels)
    # Still pictures that name a video curve (1, 6, 14, 15) or none (2) come from sRGB pipelines, and every
    # viewer shows them so.
    curve = {4: codes**2.2, 8: codes}.get(transfer, srgb_to_linear(codes))
    return _way(curve, _from_xy(known[primaries], D65_XY))


def from_gamma(gamma: float | None, xy: Sequence[float] | None, levels: int) -> Way:
    """PNG's gAMA (0.45455 for most) and cHRM (x and y of white, red, green, blue). Raises ProfileError."""
    if gamma is None or abs(gamma - 1 / 2.2) < 0.005:
        curve = srgb_to_linear(_codes(levels))
    elif 0.1 <= gamma <= 1.0:
        curve = _codes(levels) ** (1.0 / gamma)
    else:
        raise ProfileError(f"gamma {gamma:g}")
    if xy is None:
        return _way(curve, np.eye(3))
    white, red, green, blue = (xy[0], xy[1]), (xy[2], xy[3]), (xy[4], xy[5]), (xy[6], xy[7])
    if min(xy) < -0.2 or max(xy) > 1.2 or min(white[1], red[1], green[1]) < 0.01:
        raise ProfileError("impossible chromaticities")
    return _way(curve, _from_xy((red, green, blue), white))


# --- ICC ----------------------------------------------------------------------------------------------------


def from_icc(profile: bytes, levels: int, channels: int) -> Way:
    """The way out of a matrix or grey profile for pictures of `channels` 1 (grey) or 3.

    Raises TableProfile where the profile is a table, ProfileError where it cannot be used.
    """
    tags = _tags(profile)
    space, connection = profile[16:20], profile[20:24]
    if space == b"GRAY":
        if channels != 1:
            raise ProfileError("it is for grey pictures")
        curve = _curve(_tag(profile, tags, b"kTRC"), levels)
        if connection == b"Lab ":
            curve = _luminance_of_lightness(curve)
        return _way(curve, np.eye(3), "grey")
    if space != b"RGB ":
        raise ProfileError(f"it is for {space.decode('ascii', 'replace').strip()} pictures")
    if b"A2B0" in tags or b"A2B1" in tags or connection != b"XYZ ":
        raise TableProfile("it is a table")
    to_xyz = np.stack([_xyz(_tag(profile, tags, name)) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
    if np.abs(to_xyz.sum(axis=1) - D50).max() > 0.05:
        raise ProfileError("its white is not the profile white")
    curves = np.stack([_curve(_tag(profile, tags, name), levels) for name in (b"rTRC", b"gTRC", b"bTRC")])
    return _way(curves, np.linalg.inv(_SRGB_TO_XYZ_D50) @ to_xyz)


def through_little_cms(samples: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    """8-bit sRGB of (H, W, 3) RGB or (H, W, 4) CMYK samples, relative colorimetric. Raises ProfileError."""
    mode = {3: "RGB", 4: "CMYK"}[samples.shape[2]]
    _tags(profile)
    if profile[16:20].strip() != mode.encode():
        raise ProfileError(f"it is for {profile[16:20].decode('ascii', 'replace').strip()} pictures")
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
        image = Image.frombuffer(
            mode, (samples.shape[1], samples.shape[0]), np.ascontiguousarray(samples), "raw", mode, 0, 1
        )
        converted = ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise ProfileError("Little CMS refuses it") from error
    if converted is None:
        raise ProfileError("Little CMS refuses it")
    return np.asarray(converted)


def lab_to_srgb16(lightness: Float64, a: Float64, b: Float64) -> NDArray[np.uint16]:
    """CIELAB (D50, as Photoshop writes TIFF) to sRGB codes of 16 bits, colours outside sRGB clipped."""
    y = (lightness + 16.0) / 116.0
    f = np.stack([y + a / 500.0, y, y - b / 200.0], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * D50
    return np.rint(linear_to_srgb(xyz @ np.linalg.inv(_SRGB_TO_XYZ_D50).T) * 65535).astype(np.uint16)


def _tags(profile: bytes) -> dict[bytes, tuple[int, int]]:
    """signature -> (offset, size) of a profile's tags. Raises ProfileError where it is no profile."""
    if len(profile) > MAX_PROFILE_BYTES:
        raise ProfileError("it is implausibly large")
    if len(profile) < 132 or profile[36:40] != b"acsp":
        raise ProfileError("it is no ICC profile")
    count = struct.unpack_from(">I", profile, 128)[0]
    if count > 200 or 132 + 12 * count > len(profile):
        raise ProfileError("its table of contents is damaged")
    return {name: (at, size) for name, at, size in struct.iter_unpack(">4sII", profile[132 : 132 + 12 * count])}


def _tag(profile: bytes, tags: dict[bytes, tuple[int, int]], name: bytes) -> bytes:
    at, size = tags.get(name, (0, 0))
    if size < 12 or at + size > len(profile):
        raise ProfileError(f"its {name.decode()} is missing or cut short")
    return profile[at : at + size]


def _fixed(raw: bytes) -> Float64:
    """s15Fixed16Number values."""
    return np.frombuffer(raw, ">i4").astype(np.float64) / 65536.0


def _xyz(tag: bytes) -> Float64:
    if tag[:4] != b"XYZ " or len(tag) < 20:
        raise ProfileError("a colorant is damaged")
    return _fixed(tag[8:20])


def _curve(tag: bytes, levels: int) -> Float64:
    """Linear light (levels,) of every code value by a 'curv' or 'para' tag. Raises ProfileError."""
    codes = _codes(levels)
    count = struct.unpack_from(">I", tag, 8)[0]
    if tag[:4] == b"para":
        curve = _parametric(tag, codes)
    elif tag[:4] != b"curv" or len(tag) < 12 + 2 * count:
        raise ProfileError("a curve is damaged")
    elif count == 0:
        curve = codes
    elif count == 1:
        curve = codes ** (struct.unpack_from(">H", tag, 12)[0] / 256.0)
    else:
        table = np.frombuffer(tag, ">u2", count, 12) / 65535.0
        curve = np.interp(codes, np.linspace(0.0, 1.0, count), table)
    if not np.isfinite(curve).all() or curve.min() < -0.2 or curve.max() > 1.2 or curve[-1] - curve[0] < 0.5:
        raise ProfileError("a curve makes no sense")
    return curve


def _parametric(tag: bytes, x: Float64) -> Float64:
    """ICC.1:2022 table 70, functions 0 to 4."""
    kind = struct.unpack_from(">H", tag, 8)[0]
    number = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}.get(kind)
    if number is None or len(tag) < 12 + 4 * number:
        raise ProfileError("a curve is damaged")
    values = [float(v) for v in _fixed(tag[12 : 12 + 4 * number])]
    g, a, b, c, d, e, f = values + [0.0] * (7 - number)
    if kind == 0:
        a, b = 1.0, 0.0
    if kind in (1, 2):
        if a == 0.0:
            raise ProfileError("a curve is damaged")
        d, e, f, c = -b / a, c, c, 0.0
    elif kind == 0:
        d = 0.0
    with np.errstate(all="ignore"):
        curve: Float64 = np.where(x >= d, np.maximum(a * x + b, 0.0) ** g + e, c * x + f)
    return curve


# --- arithmetic ---------------------------------------------------------------------------------------------


def _codes(levels: int) -> Float64:
    """Every code value as a fraction of the greatest."""
    return np.linspace(0.0, 1.0, levels)


def _luminance_of_lightness(share: Float64) -> Float64:
    f = (share * 100.0 + 16.0) / 116.0
    return np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))


def _xyz_of(xy: tuple[float, float]) -> Float64:
    return np.array([xy[0] / xy[1], 1.0, (1.0 - xy[0] - xy[1]) / xy[1]])


def _adaptation(source: Float64, target: Float64) -> Float64:
    """Bradford: XYZ under the white `source` to XYZ under the white `target`."""
    gains = (_BRADFORD @ target) / (_BRADFORD @ source)
    adapted: Float64 = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD
    return adapted


def _to_xyz_d50(primaries: Sequence[tuple[float, float]], white: tuple[float, float]) -> Float64:
    """Linear RGB of these primaries to XYZ under D50."""
    columns = np.stack([np.array([x, y, 1.0 - x - y]) for x, y in primaries], axis=1)
    try:
        strengths = np.linalg.solve(columns, _xyz_of(white))
    except np.linalg.LinAlgError as error:
        raise ProfileError("impossible chromaticities") from error
    to_d50: Float64 = _adaptation(_xyz_of(white), D50) @ (columns * strengths)
    return to_d50


_SRGB_TO_XYZ_D50 = _to_xyz_d50(SRGB_XY, D65_XY)


def _from_xy(primaries: Sequence[tuple[float, float]], white: tuple[float, float]) -> Float64:
    """Linear RGB of these primaries to linear sRGB (D65): both whites meet in D50, so white stays white."""
    matrix: Float64 = np.linalg.inv(_SRGB_TO_XYZ_D50) @ _to_xyz_d50(primaries, white)
    return matrix


def _way(curve: Float64, matrix: Float64, name: str = "") -> Way:
    """A Way, with sRGB's own curve and matrix made exact where a profile means them."""
    if not np.isfinite(matrix).all() or np.abs(matrix).max() > 10.0:
        raise ProfileError("its colours make no sense")
    curves = np.broadcast_to(curve, (3, curve.shape[-1]))
    exact = srgb_to_linear(_codes(curves.shape[1]))
    if np.abs(curves - exact).max() < _SAME_CURVE:
        curves = np.broadcast_to(exact, curves.shape)
    if np.abs(matrix - np.eye(3)).max() < _SAME_MATRIX:
        matrix = np.eye(3)
    return Way(
        np.ascontiguousarray(curves, dtype=np.float32),
        np.ascontiguousarray(matrix, dtype=np.float32),
        name or _name(matrix, curves, exact),
    )


def _name(matrix: Float64, curves: Float64, srgb_curve: Float64) -> str:
    """What the space is, by its numbers: a profile's own text may hold a person's or a machine's name."""
    plain = np.abs(curves - srgb_curve).max() < 0.02
    for name, primaries in (("sRGB", SRGB_XY), ("Display P3", P3_XY), ("Adobe RGB (1998)", ADOBE_XY)):
        if np.abs(matrix - _from_xy(primaries, D65_XY)).max() < 0.01 and plain:
            return name
    return "a space of its own"

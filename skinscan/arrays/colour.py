"""Colour arithmetic on arrays whose last axis holds the three channels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

SRGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""Linear sRGB to XYZ, D65, as printed in IEC 61966-2-1."""

D65_WHITE = np.array([0.3127 / 0.3290, 1.0, (1 - 0.3127 - 0.3290) / 0.3290])
"""XYZ of D65 from its chromaticity (0.3127, 0.3290), CIE 1931 2 degree observer."""

CAMERA_TO_SRGB = np.array([[2.32, -1.40, 0.08], [-0.32, 1.62, -0.30], [0.11, -0.54, 1.43]])
"""Sensor RGB of a typical camera, white at (1, 1, 1), to linear sRGB: the mean of 40 cameras of the phantom.

Makers' matrices lie about here. A test recomputes it."""

OD_FLOOR = 1e-4
"""Linear value below which an optical density is not told apart from black (a third of an 8-bit sRGB count)."""


def luminance(linear_rgb: Array) -> Array:
    """Relative luminance Y of linear sRGB: (..., 3) -> (...), in the input's precision."""
    weights = SRGB_TO_XYZ[1].astype(linear_rgb.dtype)
    return np.asarray(linear_rgb @ weights)


def sensor_rgb(linear_rgb: Array) -> Array:
    """What a typical camera's sensor made of linear sRGB: (..., 3) -> (..., 3)."""
    return np.asarray(linear_rgb @ np.linalg.inv(CAMERA_TO_SRGB).T.astype(linear_rgb.dtype))


def rebalanced(linear_rgb: Array, gains: Array) -> Array:
    """Linear sRGB (..., 3) under another white balance, exposure or lamp: `gains` (3,) on the sensor's channels.

    A camera balances before its colour matrix. Gains on sRGB instead leave an a* error four times as large on skin
    that is tied to a grey patch (phantom cameras; another recipe: nine times).
    """
    balance = CAMERA_TO_SRGB @ np.diag(np.asarray(gains, np.float64)) @ np.linalg.inv(CAMERA_TO_SRGB)
    return np.asarray(linear_rgb @ balance.T.astype(linear_rgb.dtype))


def lab(linear_rgb: Array) -> Array:
    """CIELAB (D65) of linear sRGB: (..., 3) -> (..., 3), L* 0..100 (CIE 15:2018). NaN stays NaN."""
    to_xyz_over_white = (SRGB_TO_XYZ / D65_WHITE[:, None]).T.astype(linear_rgb.dtype)
    xyz = linear_rgb @ to_xyz_over_white
    delta = 6.0 / 29.0
    cube_root = np.cbrt(xyz)
    f = np.where(xyz > delta**3, cube_root, xyz / (3 * delta**2) + 4.0 / 29.0).astype(linear_rgb.dtype)
    out: Array = np.empty_like(f)
    out[..., 0] = 116 * f[..., 1] - 16
    out[..., 1] = 500 * (f[..., 0] - f[..., 1])
    out[..., 2] = 200 * (f[..., 1] - f[..., 2])
    return out


def ita_degree(l_star: Array | float, b_star: Array | float) -> Array:
    """Individual typology angle, atan2(L* - 50, b*) in degrees (Chardon 1991); NaN where b* <= 0."""
    l_star, b_star = np.asarray(l_star, float), np.asarray(b_star, float)
    angle = np.degrees(np.arctan2(l_star - 50.0, b_star))
    return np.asarray(np.where(b_star > 0, angle, np.nan))


def ita_class(ita: float) -> str:
    """Class I (very light, > 55 degrees) to VI (dark, < -30 degrees) of an ITA angle; '' for NaN."""
    if np.isnan(ita):
        return ""
    bounds = (55.0, 41.0, 28.0, 10.0, -30.0)
    return ("I", "II", "III", "IV", "V", "VI")[sum(ita <= bound for bound in bounds)]


def ciede2000(first: Array, second: Array) -> Array:
    """CIEDE2000 difference of Lab colours, (..., 3) and (..., 3) -> (...) (Sharma, Wu, Dalal 2005)."""
    l1, a1, b1 = np.moveaxis(first, -1, 0)
    l2, a2, b2 = np.moveaxis(second, -1, 0)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    mean_c7 = ((c1 + c2) / 2) ** 7
    stretch = 1 + 0.5 * (1 - np.sqrt(mean_c7 / (mean_c7 + 25.0**7)))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.arctan2(b1, a1), np.arctan2(b2, a2)  # radians, 0 for a grey
    two_pi = 2 * np.pi
    h1, h2 = np.where(h1 < 0, h1 + two_pi, h1), np.where(h2 < 0, h2 + two_pi, h2)
    both = (c1 * c2) != 0

    dh = h2 - h1
    dh = np.where(dh > np.pi, dh - two_pi, np.where(dh < -np.pi, dh + two_pi, dh))
    dh = np.where(both, dh, 0)
    d_l, d_c, d_h = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(dh / 2)

    mean_l, mean_c, total_h = (l1 + l2) / 2, (c1 + c2) / 2, h1 + h2
    far = np.abs(h1 - h2) > np.pi
    mean_h = np.where(far, np.where(total_h < two_pi, total_h + two_pi, total_h - two_pi), total_h) / 2
    mean_h = np.where(both, mean_h, total_h)

    t = (
        1
        - 0.17 * np.cos(mean_h - np.radians(30))
        + 0.24 * np.cos(2 * mean_h)
        + 0.32 * np.cos(3 * mean_h + np.radians(6))
        - 0.20 * np.cos(4 * mean_h - np.radians(63))
    )
    l50 = (mean_l - 50) ** 2
    s_l = 1 + 0.015 * l50 / np.sqrt(20 + l50)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    d_theta = np.radians(30) * np.exp(-(((np.degrees(mean_h) - 275) / 25) ** 2))
    c7 = mean_c**7
    r_t = -2 * np.sqrt(c7 / (c7 + 25.0**7)) * np.sin(2 * d_theta)
    x_l, x_c, x_h = d_l / s_l, d_c / s_c, d_h / s_h
    return np.asarray(np.sqrt(np.maximum(x_l**2 + x_c**2 + x_h**2 + r_t * x_c * x_h, 0)))


def optical_density(linear_rgb: Array) -> Array:
    """-log10 of linear RGB, (..., 3) -> (..., 3); values under OD_FLOOR are taken as OD_FLOOR."""
    return -np.log10(np.maximum(linear_rgb, linear_rgb.dtype.type(OD_FLOOR)))

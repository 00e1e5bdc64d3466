"""Colour arithmetic on arrays whose last axis holds the three channels."""

from __future__ import annotations

import math
from typing import Any

import cv2
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


def transformed(values: Array, matrix: NDArray[np.float64]) -> Array:
    """`values` (..., 3) times a matrix (k, 3): (..., k), in the input's precision; images (h, w, 3) the fast way."""
    if values.ndim == 3 and values.dtype == np.float32 and values.size:
        found = np.asarray(cv2.transform(values, matrix.astype(np.float32)), np.float32)
        return found.reshape(*values.shape[:2], len(matrix))
    return np.asarray(values @ matrix.T.astype(values.dtype))


def luminance(linear_rgb: Array) -> Array:
    """Relative luminance Y of linear sRGB: (..., 3) -> (...), in the input's precision."""
    return transformed(linear_rgb, SRGB_TO_XYZ[1:2])[..., 0]


def sensor_rgb(linear_rgb: Array) -> Array:
    """What a typical camera's sensor made of linear sRGB: (..., 3) -> (..., 3)."""
    return transformed(linear_rgb, np.linalg.inv(CAMERA_TO_SRGB))


def rebalanced(linear_rgb: Array, gains: Array) -> Array:
    """Linear sRGB (..., 3) under another white balance, exposure or lamp: `gains` (3,) on the sensor's channels.

    A camera balances before its colour matrix. Gains on sRGB instead leave an a* error four times as large on skin
    that is tied to a grey patch (phantom cameras; another recipe: nine times).
    """
    return transformed(linear_rgb, rebalancing(gains))


def rebalancing(gains: Array) -> NDArray[np.float64]:
    """The matrix of `rebalanced`, (3, 3)."""
    return np.asarray(CAMERA_TO_SRGB @ np.diag(np.asarray(gains, np.float64)) @ np.linalg.inv(CAMERA_TO_SRGB))


def lab(linear_rgb: Array) -> Array:
    """CIELAB (D65) of linear sRGB: (..., 3) -> (..., 3), L* 0..100 (CIE 15:2018). NaN stays NaN."""
    xyz = transformed(linear_rgb, SRGB_TO_XYZ / D65_WHITE[:, None])
    delta = 6.0 / 29.0
    f = np.cbrt(xyz)
    dark = ~(xyz > delta**3)
    if dark.any():
        f[dark] = xyz[dark] / xyz.dtype.type(3 * delta**2) + xyz.dtype.type(4.0 / 29.0)
    out = transformed(f, np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]]))
    out[..., 0] -= 16
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


def ciede2000_to(lab: NDArray[np.float32], centre: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """CIEDE2000 of many colours (n, 3) to one (3,), (n,): as `ciede2000`, to 1e-3."""
    out = np.empty(len(lab), np.float32)
    for start in range(0, len(lab), _AT_ONCE):
        out[start : start + _AT_ONCE] = _ciede2000_to(lab[start : start + _AT_ONCE], centre)
    return out


_AT_ONCE = 16_384


def _ciede2000_to(lab: NDArray[np.float32], centre: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """The same without the trigonometry of each hue.

    The mean of two hues is the direction of the sum of their unit vectors; its multiples' cosines follow from its own.
    """
    l1, a1, b1 = (np.float32(value) for value in centre)
    l2, a2, b2 = (np.ascontiguousarray(lab[:, k], np.float32) for k in range(3))
    stretch = np.float32(0.5) * (np.sqrt(a2 * a2 + b2 * b2) + np.float32(math.hypot(a1, b1)))
    seventh = stretch**2
    seventh = seventh * seventh * seventh * stretch
    stretch = 1 + np.float32(0.5) * (1 - np.sqrt(seventh / (seventh + np.float32(25.0**7))))
    x1, x2 = a1 * stretch, a2 * stretch
    c1, c2 = np.sqrt(x1 * x1 + b1 * b1), np.sqrt(x2 * x2 + b2 * b2)
    product = c1 * c2
    d_c = c2 - c1
    # 2 sqrt(c1 c2) sin(dh / 2): near by from the sine, which does not cancel, far away from the cosine
    cross, along = x1 * b2 - b1 * x2, x1 * x2 + b1 * b2
    near = along > 0
    both = np.maximum(product, np.float32(1e-12))
    d_h = cross / np.sqrt(both * np.where(near, (1 + along / both) / 2, 1))
    d_h = np.where(near, d_h, np.sqrt(np.maximum(2 * (product - along), 0)) * np.where(cross < 0, -1, 1))
    mean_c = (c1 + c2) / 2
    x, y = x1 * c2 + x2 * c1, b1 * c2 + b2 * c1
    grey = product < 1e-9
    x, y = np.where(grey, x1 + x2, x), np.where(grey, b1 + b2, y)
    length = np.maximum(np.sqrt(x * x + y * y), np.float32(1e-12))
    cos, sin = x / length, y / length
    cos2, sin2 = cos * cos - sin * sin, 2 * cos * sin
    cos3, sin3 = cos2 * cos - sin2 * sin, sin2 * cos + cos2 * sin
    cos4, sin4 = cos2 * cos2 - sin2 * sin2, 2 * cos2 * sin2
    t = 1 - _turned(0.17, 30, cos, sin) + 0.24 * cos2 + _turned(0.32, -6, cos3, sin3) - _turned(0.20, 63, cos4, sin4)
    mean_l = (l1 + l2) / 2 - 50
    mean_l *= mean_l
    s_l = 1 + np.float32(0.015) * mean_l / np.sqrt(20 + mean_l)
    s_c, s_h = 1 + np.float32(0.045) * mean_c, 1 + np.float32(0.015) * mean_c * t
    r_t = np.zeros_like(t)
    blue = sin < 0  # elsewhere, from red over yellow to cyan, the rotation is under 1e-6
    if blue.any():
        r_t[blue] = _rotation(cos[blue], sin[blue], mean_c[blue])
    x_l, x_c, x_h = (l2 - l1) / s_l, d_c / s_c, d_h / s_h
    return np.asarray(np.sqrt(np.maximum(x_l * x_l + x_c * x_c + x_h * x_h + r_t * x_c * x_h, 0)), np.float32)


def _rotation(cos: Array, sin: Array, mean_c: Array) -> Array:
    """R_T of a mean hue's cosine and sine and a mean chroma."""
    hue = np.degrees(np.arctan2(sin, cos)) % 360
    angle = np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2)))
    seventh = mean_c**2
    seventh = seventh * seventh * seventh * mean_c
    return np.asarray(-2 * np.sqrt(seventh / (seventh + np.float32(25.0**7))) * np.sin(angle))


def _turned(weight: float, degrees: float, cos: Array, sin: Array) -> Array:
    """weight * cos(h - degrees) of a hue's cosine and sine."""
    turn = math.radians(degrees)
    return np.float32(weight * math.cos(turn)) * cos + np.float32(weight * math.sin(turn)) * sin


def optical_density(linear_rgb: Array) -> Array:
    """-log10 of linear RGB, (..., 3) -> (..., 3); values under OD_FLOOR are taken as OD_FLOOR."""
    density = np.maximum(linear_rgb, linear_rgb.dtype.type(OD_FLOOR))
    np.log10(density, out=density)
    return np.negative(density, out=density) if density.ndim else -density

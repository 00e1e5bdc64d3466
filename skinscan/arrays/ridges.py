"""Dark valleys of an image, at several widths: where their centre lines lie to a fraction of a pixel.

After Steger 1998 (doi 10.1109/34.659930): a point is of a centre line where the first derivative across the valley
vanishes. The Hessian's scale is normalised by sigma^2 (Lindeberg 1998, doi 10.1023/A:1008097225773).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Values = NDArray[np.float64]

WITHIN_PX = 0.75
"""How far from the middle of its pixel a point of a centre line may lie, so that the points of a line touch."""

_REACH = 4.0
_AT_ONCE = 16_000
"""Rows that OpenCV's remap takes: no more than a short holds."""


@dataclass(frozen=True, eq=False)
class Hessian:
    """Second derivatives of an image smoothed with `sigma_px`, times sigma^2, each (H, W)."""

    sigma_px: float
    xx: Image
    xy: Image
    yy: Image


@dataclass(frozen=True, eq=False)
class Points:
    """Points of centre lines, each (n,): place to a fraction of a pixel, direction along the line (radians from +x
    towards +y, modulo pi), response, and which of the widths it was found with."""

    x: Values
    y: Values
    angle: Values
    response: Values
    scale: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.x)

    def where(self, chosen: NDArray[Any]) -> Points:
        """The points chosen by a mask or by indices."""
        return Points(*(getattr(self, item.name)[chosen] for item in fields(self)))


def derivatives(image: Image, sigma_px: float) -> tuple[Image, Image, Hessian]:
    """First derivatives times sigma and the Hessian times sigma^2 of an image (H, W) smoothed with a Gaussian."""
    bell, slope, bend = kernels(sigma_px)

    def filtered(across: Values, down: Values) -> Image:
        found = cv2.sepFilter2D(image, cv2.CV_32F, across, down, borderType=cv2.BORDER_REFLECT_101)
        return np.asarray(found, np.float32)

    hessian = Hessian(sigma_px, filtered(bend, bell), filtered(slope, slope), filtered(bell, bend))
    return filtered(slope, bell), filtered(bell, slope), hessian


def kernels(sigma_px: float) -> tuple[Values, Values, Values]:
    """A Gaussian, its first derivative times sigma and its second times sigma^2, right on a parabola (correlation)."""
    reach = math.ceil(_REACH * sigma_px)
    at = np.arange(-reach, reach + 1, dtype=np.float64)
    bell = np.exp(-0.5 * (at / sigma_px) ** 2)
    bell /= bell.sum()
    slope = at * bell
    slope *= sigma_px / (slope @ at)
    bend = (at**2 / sigma_px**2 - 1) * bell
    bend -= bell * bend.sum()
    bend *= 2 * sigma_px**2 / (bend @ at**2)
    return bell, slope, bend


def across(hessian: Hessian) -> Image:
    """Second derivative in the direction in which it is largest: across a dark valley, (H, W)."""
    turn = cv2.magnitude((hessian.xx - hessian.yy) * np.float32(0.5), hessian.xy)
    return np.asarray(turn + (hessian.xx + hessian.yy) * np.float32(0.5), np.float32)


Look = tuple[Image, Image, Hessian]


def looks(image: Image, sigmas_px: Sequence[float]) -> list[Look]:
    """`derivatives` at each width."""
    return [derivatives(image, sigma) for sigma in sigmas_px]


def valleys(seen: Sequence[Look], mask: NDArray[np.bool_], least: float) -> Points:
    """Points of the centre lines of dark valleys in a mask (H, W) of an image, from what `looks` gives.

    Each pixel is looked at with the width to which it answers most, and counts where that response (sigma^2 times the
    second derivative across the valley) exceeds `least`.
    """
    best = np.where(mask, np.float32(least), np.float32(np.inf))
    which = np.full(mask.shape, -1, np.int8)
    for number, (_, _, hessian) in enumerate(seen):
        response = across(hessian)
        better = response > best
        np.copyto(best, response, where=better)
        which[better] = number
    return joined([_centred(which == number, number, *look) for number, look in enumerate(seen)])


def _centred(chosen: NDArray[np.bool_], number: int, gx: Image, gy: Image, hessian: Hessian) -> Points:
    """Points of centre lines in those of the chosen pixels that hold one."""
    row, column = place = np.nonzero(chosen)
    xx, xy, yy = (plane[place].astype(np.float64) for plane in (hessian.xx, hessian.xy, hessian.yy))
    normal = 0.5 * np.arctan2(2 * xy, xx - yy)
    nx, ny = np.cos(normal), np.sin(normal)
    bend = nx * nx * xx + 2 * nx * ny * xy + ny * ny * yy
    off = -(nx * gx[place] + ny * gy[place]) * hessian.sigma_px / bend
    kept = np.abs(off) <= WITHIN_PX
    return Points(
        (column + off * nx)[kept],
        (row + off * ny)[kept],
        (normal[kept] + math.pi / 2) % math.pi,
        bend[kept],
        np.full(int(np.count_nonzero(kept)), number),
    )


def joined(parts: Sequence[Points]) -> Points:
    """Several as one."""
    return Points(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Points)))


def drawn_out(
    points: Points, hessians: Sequence[Hessian], reach_px: float, turns: Sequence[float], steps: int = 7
) -> Points:
    """The points with their mean response along the straight line through each, `reach_px` to either side.

    The best of the directions `turns` (radians) away from the point's own is taken, and told. What is long answers as
    before; a pit, a speck of noise and a net's short edges answer less.
    """
    offsets = np.linspace(-1, 1, steps)
    weights = np.exp(-0.5 * (1.5 * offsets) ** 2)
    weights /= weights.sum()
    response, angle = np.full(len(points), -np.inf), points.angle.copy()
    for number, hessian in enumerate(hessians):
        own = np.flatnonzero(points.scale == number)
        if len(own) == 0:
            continue
        planes: Image = np.dstack([hessian.xx, hessian.xy, hessian.yy])  # read together: one look-up of where
        x, y, first = (values[own].astype(np.float32) for values in (points.x, points.y, points.angle))
        best, turned = np.full(len(own), -np.inf, np.float32), np.zeros(len(own))
        for turn in turns:
            theta = first + np.float32(turn)
            c, s = np.cos(theta), np.sin(theta)
            mean = np.zeros((len(own), 3), np.float32)
            for offset, weight in zip(np.float32(reach_px) * offsets.astype(np.float32), weights, strict=True):
                cv2.scaleAdd(sampled(planes, x + offset * c, y + offset * s), float(weight), mean, mean)
            bend = s * s * mean[:, 0] - 2 * s * c * mean[:, 1] + c * c * mean[:, 2]
            better = bend > best
            best[better], turned[better] = bend[better], turn
        response[own], angle[own] = best, (points.angle[own] + turned) % math.pi
    return Points(points.x, points.y, angle, response, points.scale)


def sampled(image: Image, x: NDArray[Any], y: NDArray[Any]) -> Image:
    """The image (H, W[, C]) at places (n[, m]), bilinear, its edge repeated: (n[, m][, C])."""
    out = np.empty((*x.shape, *image.shape[2:]), np.float32)
    map_x, map_y = x.astype(np.float32, copy=False), y.astype(np.float32, copy=False)
    for start in range(0, len(out), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        found = cv2.remap(image, map_x[part], map_y[part], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        out[part] = found.reshape(out[part].shape)
    return out

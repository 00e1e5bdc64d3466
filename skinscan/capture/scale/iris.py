"""The second choice of a scale: the iris, which is nearly the same size in everybody."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from skinscan.records import ParameterError, Scale, ScaleError

IRIS_MM, IRIS_SPREAD_MM = 11.7, 0.5
"""Horizontal visible diameter of adults' irises and its standard deviation between people: 4.3 %. Rüfer et al., Cornea
24:259 (2005): 11.71 +- 0.42 mm; 0.5 holds what populations and sexes differ by. Of one person it does not change: it
cancels between that person's photos."""

TURN_DEG = 8.0
"""Standard deviation of how far an eye may look aside in a photo that is taken from in front of it; an iris that looks
aside by this is 1 % narrower. Never wider: on average by half as much, which is taken off."""

DEPTH_SPREAD_MM = 10.0
"""Standard uncertainty of the depth of a region against the irises, where it is told: faces differ, heads turn."""

UNKNOWN_DEPTH_MM = 20.0
"""The same where it is not told: a forehead stands out by 10 mm, a nose by 30, a temple falls back by 30."""

NEAREST_MM, FARTHEST_MM = 200.0, 700.0
"""Distances that faces are photographed from, evenly likely in their logarithm, where it is not told."""

MOST_APART = 0.15
"""Relative difference of the two irises' diameters from which one of them is no whole iris."""


def iris_scale(
    diameters_px: Sequence[float],
    spread_px: float,
    *,
    depth_mm: float | None = None,
    depth_spread_mm: float = DEPTH_SPREAD_MM,
    distance_mm: float | None = None,
) -> Scale:
    """The scale of a region of a face from the horizontal diameters of one or both irises, px.

    `spread_px`: standard uncertainty of one diameter. `depth_mm`: by how much the region lies farther from the camera
    than the irises (negative: nearer), with its standard uncertainty; None: unknown, none is taken off and 20 mm of
    doubt stay. `distance_mm`: camera to irises; None: unknown, 200 to 700 mm. It must not come from a phone's EXIF,
    which tells where the lens was focused in steps of its own.

    A depth is taken off by 1 + depth / distance, and what distance and depth leave open is in the standard
    uncertainty, beside 4.3 % between people. Raises ParameterError for numbers that cannot be meant, ScaleError where
    the irises contradict one another.
    """
    diameters = _checked(diameters_px, spread_px, distance_mm)
    mean = float(np.exp(np.log(diameters).mean()))
    nearness, nearness_spread = _nearness(distance_mm)
    depth = 0.0 if depth_mm is None else float(depth_mm)
    depth_spread = UNKNOWN_DEPTH_MM if depth_mm is None else depth_spread_mm
    turn = math.radians(TURN_DEG) ** 2 / 2  # the mean of 1 - cos, and about its standard deviation over sqrt 2
    factor = (1.0 + depth * nearness) * (1.0 - turn)
    if factor <= 0.5:
        raise ParameterError(
            f"depth_mm = {depth:g} cannot be meant", expected="a small part of the distance", found=f"{depth:g} mm"
        )
    relative = math.sqrt(
        (IRIS_SPREAD_MM / IRIS_MM) ** 2
        + (spread_px / mean) ** 2 / len(diameters)
        + 2 * turn**2
        + (depth_spread * nearness) ** 2
        + (depth * nearness_spread) ** 2
        + (depth_spread * nearness_spread) ** 2
    )
    value = IRIS_MM / mean * factor
    return Scale(value, value * relative, "iris")


def _checked(diameters_px: Sequence[float], spread_px: float, distance_mm: float | None) -> np.ndarray:
    diameters = np.asarray(diameters_px, np.float64).ravel()
    if len(diameters) not in (1, 2) or not np.isfinite(diameters).all() or (diameters <= 0).any():
        raise ParameterError(
            "iris diameters cannot be meant", expected="one or two, in px, above 0", found=str(diameters.tolist())
        )
    if not (math.isfinite(spread_px) and spread_px >= 0):
        raise ParameterError("spread_px cannot be meant", expected="0 or more", found=f"{spread_px:g}")
    if distance_mm is not None and not 50.0 <= distance_mm <= 5000.0:
        raise ParameterError("distance_mm cannot be meant", expected="50 to 5000 mm", found=f"{distance_mm:g}")
    apart = abs(math.log(diameters[0] / diameters[-1]))
    if apart > MOST_APART + 3 * math.sqrt(2) * spread_px / float(diameters.min()):
        raise ScaleError(
            "the two irises contradict one another",
            expected=f"diameters within {MOST_APART:.0%}",
            found=f"{diameters[0]:.1f} and {diameters[1]:.1f} px",
            todo="photograph the face from in front with both eyes open, or lay a skin card beside the skin",
        )
    return diameters


def _nearness(distance_mm: float | None) -> tuple[float, float]:
    """Mean and standard deviation of 1 / distance, 1/mm."""
    if distance_mm is not None:
        return 1.0 / distance_mm, 0.0
    span = math.log(FARTHEST_MM / NEAREST_MM)
    mean = (1 / NEAREST_MM - 1 / FARTHEST_MM) / span
    square = (1 / NEAREST_MM**2 - 1 / FARTHEST_MM**2) / (2 * span)
    return mean, math.sqrt(square - mean**2)

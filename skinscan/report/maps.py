"""The maps that numbers were read from, coloured: one colour map, one range before and after."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.records import Assessment, Comparison, Evidence
from skinscan.report import pictures, words
from skinscan.report.numbers import decimals
from skinscan.report.pictures import Picture

LEVELS = 64
"""Steps of the colour map in the report; 64 keep the file small and are finer than anyone reads."""

CAUTION = "Not comparable between these two photos: look at each for itself."

_CLEAR = 0


@dataclass(frozen=True, eq=False)
class Layer:
    """One map of one or more photos (by role), with the range that its colours stand for."""

    key: str
    title: str
    what: str
    unit: str
    measures: tuple[str, ...]
    low: float
    high: float
    evidence: Mapping[str, Evidence]
    caution: str = ""


def compared_layers(comparison: Comparison) -> list[Layer]:
    """The maps of two photos, with a caution on each whose numbers are not comparable between them."""
    verdicts: dict[str, set[str]] = {}
    for change in comparison.changes:
        verdicts.setdefault(change.measure, set()).add(change.verdict)
    refused = {measure for measure, found in verdicts.items() if found == {"not_comparable"}}

    def cautioned(layer: Layer) -> Layer:
        refusals = not comparison.comparable or refused.issuperset(layer.measures)
        return replace(layer, caution=CAUTION) if refusals else layer

    return [cautioned(layer) for layer in layers({"before": comparison.before, "after": comparison.after})]


def layers(assessments: Mapping[str, Assessment]) -> list[Layer]:
    """The maps of the photos, those of the same measures together. `assessments`: role -> Assessment."""
    found: dict[tuple[str, tuple[str, ...]], dict[str, Evidence]] = {}
    for role, assessment in assessments.items():
        for evidence in assessment.evidence:
            if np.isfinite(evidence.values).any():
                found.setdefault((evidence.title, evidence.measures), {})[role] = evidence
    keys: set[str] = set()
    return [_layer(title, measures, group, keys) for (title, measures), group in found.items()]


def _layer(title: str, measures: tuple[str, ...], group: dict[str, Evidence], keys: set[str]) -> Layer:
    low, high = shared_range([evidence.values for evidence in group.values()])
    unit = next(iter(group.values())).unit
    key = base = file_part(measures[0] if measures else title)
    while key in keys:
        key = f"{base}_{len(keys)}"
    keys.add(key)
    return Layer(key, _name(title, measures), title, unit, measures, low, high, group)


def _name(title: str, measures: tuple[str, ...]) -> str:
    """The number that people know the map by."""
    return words.title(measures[0]) if measures else words.capital(title)


def file_part(text: str) -> str:
    """Text that may stand in a file's name on any system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._") or "map"


def shared_range(maps: list[NDArray[np.float32]]) -> tuple[float, float]:
    """The middle 98 % of all values of all maps together; the few beyond take the end colours."""
    values = np.concatenate([values[np.isfinite(values)].ravel() for values in maps])
    low, high = (float(v) for v in np.percentile(values, (1.0, 99.0)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return low, high


def reduced(values: NDArray[np.float32], long_side: int) -> NDArray[np.float32]:
    """The map at most `long_side` large: the mean of what was measured, NaN where less than half was."""
    height, width = pictures.shown_size((values.shape[0], values.shape[1]), long_side)
    if (height, width) == values.shape:
        return values
    return _resized(values, (height, width))


def _resized(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    measured = np.isfinite(values)
    way = cv2.INTER_AREA if size[0] <= values.shape[0] else cv2.INTER_LINEAR
    share = cv2.resize(measured.astype(np.float32), size[::-1], interpolation=way)
    total = cv2.resize(np.where(measured, values, 0).astype(np.float32), size[::-1], interpolation=way)
    return np.where(share >= 0.5, total / np.maximum(share, 1e-6), np.nan).astype(np.float32)


def indexed(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Palette entries of a map: 0 where nothing was measured, 1 to LEVELS from `low` to `high`."""
    step = np.clip((values - low) / (high - low), 0.0, 1.0)
    step = np.where(np.isfinite(values), step, 0.0)
    return np.where(np.isfinite(values), 1 + np.round(step * (LEVELS - 1)), _CLEAR).astype(np.uint8)


def palette() -> NDArray[np.uint8]:
    """(LEVELS + 1, 4) RGBA: clear, then viridis (perceptually uniform, safe for colour-blind readers)."""
    ramp = np.round(np.linspace(0, 255, LEVELS)).astype(np.uint8)[:, None]
    colours = np.zeros((LEVELS + 1, 4), np.uint8)
    colours[1:, :3] = cv2.applyColorMap(ramp, cv2.COLORMAP_VIRIDIS)[:, 0, ::-1]
    colours[1:, 3] = 255
    return colours


def map_png(layer: Layer, role: str, long_side: int) -> bytes:
    """The coloured map of one photo, clear where nothing was measured."""
    values = reduced(layer.evidence[role].values, long_side)
    return pictures.palette_png(indexed(values, layer.low, layer.high), palette())


def bar_png() -> bytes:
    """The colour bar, low to high, to be stretched to any size."""
    return pictures.palette_png(np.arange(1, LEVELS + 1, dtype=np.uint8)[None, :], palette())


def overlay(layer: Layer, role: str, picture: Picture, shape: tuple[int, int]) -> Picture:
    """The map over the greyed `picture` of the photo, which is `shape` large: (h, w, 3) uint8.

    Grey alone where nothing was measured.
    """
    evidence = layer.evidence[role]
    index = indexed(_on_photo(evidence, picture.shape[:2], shape), layer.low, layer.high)
    coloured = palette()[index]
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
    mixed = (0.3 * grey + 0.7 * coloured[..., :3]).astype(np.uint8)
    return np.where(coloured[..., 3:] > 0, mixed, grey)


def _on_photo(evidence: Evidence, size: tuple[int, int], shape: tuple[int, int]) -> NDArray[np.float32]:
    """The map resampled to a picture of `size` of a photo of `shape`, corner upon corner."""
    height, width = size
    values = _resized(
        evidence.values,
        (
            max(1, round(evidence.values.shape[0] * evidence.step * height / shape[0])),
            max(1, round(evidence.values.shape[1] * evidence.step * width / shape[1])),
        ),
    )
    fitted = np.full(size, np.nan, np.float32)
    part = values[:height, :width]
    fitted[: part.shape[0], : part.shape[1]] = part
    return fitted


def places(layer: Layer) -> int:
    """Decimals with which the ends of a layer's range are told: a hundredth of it."""
    return decimals((layer.high - layer.low) / 30)


def captioned(picture: Picture, layer: Layer) -> Picture:
    """The overlay with its colour bar, range and unit below it, for the file that stands alone."""
    width = picture.shape[1]
    strip = np.full((56, width, 3), 255, np.uint8)
    bar = palette()[np.linspace(1, LEVELS, max(width - 24, 1)).round().astype(int), :3]
    strip[8:26, 12 : 12 + len(bar)] = bar
    low, high = (f"{value:.{places(layer)}f}" for value in (layer.low, layer.high))
    _write(strip, low, 12, "left")
    _write(strip, f"{layer.what} ({layer.unit})", width // 2, "middle")
    _write(strip, high, width - 12, "right")
    if layer.caution:
        strip = np.concatenate([strip, np.full((24, width, 3), 255, np.uint8)])
        _write(strip, layer.caution, width // 2, "middle", 68)
    return np.concatenate([picture, strip])


def _write(strip: Picture, text: str, x: int, side: str, y: int = 46) -> None:
    """Plain letters only: OpenCV's font has no others."""
    text = text.encode("ascii", "replace").decode("ascii")
    scale = min(0.5, strip.shape[1] / 900)
    (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    left = {"left": x, "middle": x - wide // 2, "right": x - wide}[side]
    cv2.putText(strip, text, (left, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 20, 20), 1, cv2.LINE_AA)


def pores_over(assessment: Assessment, long_side: int = pictures.LONG_SIDE) -> Picture | None:
    """The photo with a ring around each pore at its true size; None where pores were not looked for."""
    photo, pores, scale = assessment.frame.photo, assessment.pores, assessment.frame.scale
    if pores is None or scale is None:
        return None
    picture = pictures.shown(photo, long_side)
    shrink = picture.shape[1] / photo.shape[1]
    radius = pores.diameter_um / 2000 / scale.mm_per_px * shrink
    for x, y, r in zip(pores.x_px, pores.y_px, radius, strict=True):
        centre = (round(((x + 0.5) * shrink - 0.5) * 16), round(((y + 0.5) * shrink - 0.5) * 16))
        cv2.circle(picture, centre, max(round(r * 16), 16), (0, 229, 255), 1, cv2.LINE_AA, shift=4)
    return picture

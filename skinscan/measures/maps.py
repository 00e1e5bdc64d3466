"""The maps of one Frame that measures share: each made once, when first asked for, and freed with this object.

They cover the bounding box of the measured pixels, not the whole photo; `box` says where it lies.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour, filters, unmix
from skinscan.environment import data_path
from skinscan.records import Flag, Frame, Notice

FLATTEN_SIGMA_MM = 2.0
LUMINANCE_FLOOR = 1e-4

DARKEST_ITA = -30.0
"""Individual typology angle, degrees, under which the unmixing does not hold."""

COLOUR_SIGMA_MM = 0.15
LEAST_COLOUR_SIGMA_PX = 1.5
UNSCALED_SIGMA_PX = 3.0
"""Averaging of colour for what is told pixel by pixel (reddened area, unevenness): standard deviation, at least
1.5 px, and where the scale is unknown 3 px."""

T = TypeVar("T")


@cache
def _unmixing_table() -> NDArray[np.float32]:
    """The shipped unmixing, solved on a grid (study/unmixing.py derives the curve from the skin model)."""
    loaded = json.loads(data_path("datasets", "optics", "unmixing.json").read_text())
    curve = {name: np.asarray(loaded[name]) for name in ("melanin", "u", "v", "angle")}
    return unmix.table(unmix.Unmixing(**curve, bloodless=loaded["bloodless"]))


def chromophores_of(density: NDArray[Any]) -> NDArray[np.float32]:
    """Melanin and haemoglobin coordinates (..., 2), in optical density, of optical densities (..., 3)."""
    density = np.asarray(density)
    return unmix.unmix(density.reshape(-1, 1, 3), _unmixing_table()).reshape(*density.shape[:-1], 2)


def ita_of(lab: NDArray[np.float32]) -> float:
    """Individual typology angle, degrees, of the median of CIELAB colours (n, 3)."""
    return float(colour.ita_degree(float(np.median(lab[:, 0])), float(np.median(lab[:, 2]))))


def beyond_unmixing(lab: NDArray[np.float32]) -> tuple[Notice, ...]:
    """Why melanin and blood cannot be told apart in skin of these colours (n, 3), if so.

    The surface's white light outweighs what comes from inside, and more melanin makes the hue paler again: 25 % more
    of it moves the blood coordinate by four times what 25 % more blood does (docs/results.md).
    """
    ita = ita_of(lab)
    if not ita < DARKEST_ITA:
        return ()
    detail = "on skin this dark the surface outshines the inside, and melanin and blood cannot be told apart"
    return (Notice(Flag.OUT_OF_MODEL, f"ITA {ita:.0f}: {detail}; cross-polarised light would show them"),)


class Maps:
    """Shared maps of a Frame, over the box of its measured pixels. All are (h, w) or (h, w, 3), read-only by custom."""

    def __init__(self, frame: Frame, margin_px: int = 16) -> None:
        self.frame = frame
        measured = np.zeros(frame.shape, bool)
        for mask in frame.regions.values():
            measured |= mask
        # a reference that is no skin is looked at, but has no part in what the skin is held against
        seen = measured if frame.reference_mask is None else measured | frame.reference_mask
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        height, width = frame.shape
        if len(rows) == 0:
            self.box = (slice(0, 0), slice(0, 0))
        else:
            self.box = (
                slice(max(int(rows[0]) - margin_px, 0), min(int(rows[-1]) + 1 + margin_px, height)),
                slice(max(int(columns[0]) - margin_px, 0), min(int(columns[-1]) + 1 + margin_px, width)),
            )
        self.measured = measured[self.box]
        self._made: dict[Any, Any] = {}
        self.coarser_um_per_px = 0.0

    @property
    def origin_xy(self) -> tuple[int, int]:
        """Photo coordinates of the box's first pixel."""
        return self.box[1].start, self.box[0].start

    @property
    def um_per_px(self) -> float:
        return self.frame.um_per_px

    @property
    def effective_um_per_px(self) -> float:
        """Micrometres that this photo resolves, its blur included; NaN without a scale.

        In a comparison it is what the coarser of the two photos resolves (`coarser_um_per_px`), so that both are
        read alike.
        """
        effective = self.frame.quality.effective_um_per_px
        return float("nan") if effective is None else max(effective, self.coarser_um_per_px)

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """What `make` returns, made at the first call with this key and kept."""
        if key not in self._made:
            self._made[key] = make()
        result: T = self._made[key]
        return result

    @cached_property
    def typical_rgb(self) -> NDArray[np.float64]:
        """Median linear RGB of all regions together, (3,), from a thinned grid, without the reference's gains; NaN
        where nothing is measured."""
        frame = self.frame
        rows, columns = frame.shape
        step = (slice(None, None, max(rows // 256, 1)), slice(None, None, max(columns // 256, 1)))
        rgb = frame.photo.linear_rgb(*step)[np.logical_or.reduce([region[step] for region in frame.regions.values()])]
        return np.median(rgb, 0).astype(np.float64) if len(rgb) else np.full(3, np.nan)

    @property
    def typical_ita(self) -> float:
        """Individual typology angle of that colour, degrees; NaN where it has none."""
        lab = colour.lab(self.typical_rgb)
        return float(colour.ita_degree(float(lab[0]), float(lab[2])))

    @cached_property
    def linear(self) -> NDArray[np.float32]:
        """Linear RGB, brought to the baseline's light where the frame holds gains."""
        linear = self.frame.photo.linear_rgb(*self.box)
        gains = self.frame.colour.gains
        return linear if gains == (1.0, 1.0, 1.0) else colour.rebalanced(linear, np.asarray(gains))

    @cached_property
    def log_luminance(self) -> NDArray[np.float32]:
        """Natural logarithm of relative luminance."""
        return np.log(np.maximum(colour.luminance(self.linear), np.float32(LUMINANCE_FLOOR)))

    @cached_property
    def lab(self) -> NDArray[np.float32]:
        """CIELAB (D65)."""
        return colour.lab(self.linear).astype(np.float32, copy=False)

    @cached_property
    def density(self) -> NDArray[np.float32]:
        """Optical densities, -log10 of linear RGB."""
        return colour.optical_density(self.linear)

    @cached_property
    def chromophores(self) -> NDArray[np.float32]:
        """Melanin and haemoglobin coordinates (h, w, 2), in optical density, free of shading and exposure."""
        return unmix.unmix(self.density, _unmixing_table())

    @cached_property
    def smooth_linear(self) -> NDArray[np.float32]:
        """Linear RGB averaged over COLOUR_SIGMA_MM: colour varies no faster under the skin, sensor noise does."""
        known = self.frame.scale is not None
        sigma_px = max(COLOUR_SIGMA_MM * 1000 / self.um_per_px, LEAST_COLOUR_SIGMA_PX) if known else UNSCALED_SIGMA_PX
        channels = [filters.masked_gaussian(self.linear[..., c], self.measured, sigma_px) for c in range(3)]
        averaged = np.stack(channels, -1)
        return np.where(self.measured[..., None] & np.isfinite(averaged), averaged, self.linear)

    @cached_property
    def smooth_lab(self) -> NDArray[np.float32]:
        """CIELAB (D65) of the averaged colour."""
        return colour.lab(self.smooth_linear).astype(np.float32, copy=False)

    @cached_property
    def smooth_haemoglobin(self) -> NDArray[np.float32]:
        """Haemoglobin coordinate (h, w) of the averaged colour."""
        return unmix.unmix(colour.optical_density(self.smooth_linear), _unmixing_table())[..., 1]

    @cached_property
    def flattened(self) -> NDArray[np.float32]:
        """Log-luminance less its Gaussian mean of 2 mm, 0 where nothing is measured. Needs a scale."""
        sigma_px = FLATTEN_SIGMA_MM * 1000.0 / self.um_per_px
        return filters.flatten(self.log_luminance, self.measured, sigma_px)

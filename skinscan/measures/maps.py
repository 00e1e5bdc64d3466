"""The maps of one Frame that measures share: each made once, when first asked for, and freed with this object.

They cover the bounding box of the measured pixels, not the whole photo; `box` says where it lies. Maps of colour
hold one pixel for two by two of the photo's where its file holds colour no finer (`colour_step`), averaged ones fewer
still; `Cells.on` finds its way.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import cache, cached_property
from itertools import product
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import colour, filters, unmix
from skinscan.arrays.cells import factor_between
from skinscan.environment import data_path
from skinscan.records import FloatArray, Frame, combined

FLATTEN_SIGMA_MM = 2.0
LUMINANCE_FLOOR = 1e-4
STRIPE_ROWS = 128

WHOLE_PX = 13_000_000
HELD_PX = 26_000_000
TILE_PX, ALIGNED_PX = 1280, 64
FINEST_UM_PER_PX = 8.0
"""Pixels up to which maps are made whole, and up to which what tiles are cut from is held at least; the side of the
tiles that larger ones are made in, and what their sides are multiples of, as all reductions are; and the finest scale
that is measured in tiles."""

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


class Maps:
    """Shared maps of a Frame, over the box of its measured pixels. Read-only by custom.

    `lasting`: they will be asked for again, for overlays or for a comparison; else what is not needed any more is let
    go early.
    """

    def __init__(self, frame: Frame, margin_px: int = 16, *, lasting: bool = True) -> None:
        self.frame = frame
        self.lasting = lasting
        measured = _united([*frame.regions.values()], frame.shape)
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
        self.place = self.own = (slice(0, self.measured.shape[0]), slice(0, self.measured.shape[1]))
        self._whole: Maps | None = None

    @property
    def in_tiles(self) -> bool:
        """Whether the maps are too large to be held whole, and are made tile by tile.

        Not where pixels are so fine that a tile's margin would be larger than the tile.
        """
        if self._whole is not None or self.measured.size <= WHOLE_PX:
            return False
        return self.frame.scale is None or self.um_per_px >= FINEST_UM_PER_PX

    @property
    def holds_tiles(self) -> bool:
        """Whether what tiles are cut from may be held whole."""
        return self.measured.size <= HELD_PX

    @property
    def whole(self) -> Maps:
        """The maps that these are a tile of, or these."""
        return self if self._whole is None else self._whole

    @property
    def in_margins(self) -> bool:
        """Whether some of these pixels are the margin of a tile."""
        return any(side.stop - side.start < length for side, length in zip(self.own, self.measured.shape, strict=True))

    def tiles(self, margin_px: int = 0, *, every: bool = False) -> Iterator[Maps]:
        """These maps, or where they are too large parts of them that meet: `place` says where in these maps a part
        lies, its margin included, and `own` which of its own pixels are no margin. Parts where nothing is measured
        come only if `every`."""
        if not self.in_tiles:
            yield self
            return
        margin_px = -(-margin_px // ALIGNED_PX) * ALIGNED_PX
        height, width = self.measured.shape
        for rows, columns in product(_cuts(height), _cuts(width)):
            place = tuple(
                slice(max(side.start - margin_px, 0), min(side.stop + margin_px, length))
                for side, length in ((rows, height), (columns, width))
            )
            own = tuple(
                slice(side.start - around.start, side.stop - around.start)
                for side, around in zip((rows, columns), place, strict=True)
            )
            if every or self.measured[rows, columns].any():
                yield self._part((place[0], place[1]), (own[0], own[1]))

    def around(self, mask: NDArray[np.bool_]) -> Maps:
        """These maps, or where they are made in tiles a part that holds all of a mask (h, w) of their pixels."""
        if not self.in_tiles:
            return self
        place = []
        for axis, length in ((1, mask.shape[0]), (0, mask.shape[1])):
            seen = np.flatnonzero(mask.any(axis))
            low, high = (int(seen[0]), int(seen[-1]) + 1) if len(seen) else (0, 1)
            place.append(slice(low // ALIGNED_PX * ALIGNED_PX, min(-(-high // ALIGNED_PX) * ALIGNED_PX, length)))
        own = slice(0, place[0].stop - place[0].start), slice(0, place[1].stop - place[1].start)
        return self._part((place[0], place[1]), own)

    def _part(self, place: tuple[slice, slice], own: tuple[slice, slice]) -> Maps:
        part = copy(self)
        part.__dict__ = {name: self.__dict__[name] for name in ("frame", "lasting", "coarser_um_per_px")}
        top, left = self.box[0].start, self.box[1].start
        part.box = (
            slice(top + place[0].start, top + place[0].stop),
            slice(left + place[1].start, left + place[1].stop),
        )
        part.measured, part.place, part.own = self.measured[place], place, own
        part._made, part._whole = {}, self
        return part

    @property
    def origin_xy(self) -> tuple[int, int]:
        """Photo coordinates of the box's first pixel."""
        return self.box[1].start, self.box[0].start

    @property
    def um_per_px(self) -> float:
        return self.frame.um_per_px

    def um_per_px_at(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Micrometres a pixel at places (x, y) of these maps: the same everywhere but where a plane is known."""
        scale = self.frame.scale
        if scale is None or scale.plane is None:
            return np.full(np.shape(x), self.um_per_px)
        left, top = self.origin_xy
        return 1000.0 * scale.mm_per_px_at(np.asarray(x) + left, np.asarray(y) + top)

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

    def enlarged(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """A map at the photo's own pixels, (h, w): for looking at, where it holds fewer."""
        height, width = self.measured.shape
        if image.shape == (height, width):
            return image
        factor = factor_between(self.measured.shape, image.shape)
        size = (image.shape[1] * factor, image.shape[0] * factor)
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)[:height, :width], np.float32)

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

    @property
    def colour_step(self) -> int:
        """Pixels of the photo along one of the colour maps: 2 where the file itself holds fewer colours than pixels."""
        return 2 if self.frame.photo.chroma_subsampled and min(self.whole.measured.shape) > 1 else 1

    @property
    def colour_pixels(self) -> NDArray[np.bool_]:
        """Something of the shape that maps of colour have."""
        height, width = self.measured.shape
        return np.broadcast_to(np.False_, (-(-height // self.colour_step), -(-width // self.colour_step)))

    @property
    def smooth_pixels(self) -> NDArray[np.bool_]:
        """Something of the shape that maps of averaged colour have."""
        step = self._smooth_step
        height, width = self.measured.shape
        return np.broadcast_to(np.False_, (-(-height // step), -(-width // step)))

    @property
    def _smooth_sigma_px(self) -> float:
        known = self.frame.scale is not None
        return max(COLOUR_SIGMA_MM * 1000 / self.um_per_px, LEAST_COLOUR_SIGMA_PX) if known else UNSCALED_SIGMA_PX

    @property
    def _smooth_step(self) -> int:
        step = self.colour_step
        while 2 * step <= self._smooth_sigma_px and min(self.measured.shape) > 4 * step:
            step *= 2
        return step

    def _developed(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Log-luminance (h, w), and linear RGB averaged over `colour_step`, in stripes that stay in cache."""
        step = self.colour_step
        rows, columns = self.box
        height, width = self.measured.shape
        logs = np.empty((height, width), np.float32)
        colours = np.empty((-(-height // step), -(-width // step), 3), np.float32)
        lent = np.empty((3, min(STRIPE_ROWS, height), width), np.float32)
        for top in range(0, height, STRIPE_ROWS):
            bottom = min(top + STRIPE_ROWS, height)
            linear = self._planes(slice(rows.start + top, rows.start + bottom), columns, lent[:, : bottom - top])
            _log_of(linear, logs[top:bottom])
            cv2.merge([filters.reduced(plane, step) for plane in linear], colours[top // step : -(-bottom // step)])
        return logs, colours

    def _log_luminance(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Log-luminance of some rows and columns of the photo, without the colours beside it."""
        height, width = rows.stop - rows.start, columns.stop - columns.start
        logs = np.empty((height, width), np.float32)
        lent = np.empty((3, min(STRIPE_ROWS, height), width), np.float32)
        for top in range(0, height, STRIPE_ROWS):
            bottom = min(top + STRIPE_ROWS, height)
            stripe = slice(rows.start + top, rows.start + bottom)
            _log_of(self._planes(stripe, columns, lent[:, : bottom - top]), logs[top:bottom])
        return logs

    def _planes(self, rows: slice, columns: slice, lent: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Linear RGB of some rows and columns of the photo, (3, h, w), brought to the baseline's light."""
        gains = self.frame.colour.gains
        balance = None if gains == (1.0, 1.0, 1.0) else colour.rebalancing(np.asarray(gains))
        return self.frame.photo.planes(rows, columns, balance, lent)

    @cached_property
    def log_luminance(self) -> NDArray[np.float32]:
        """Natural logarithm of relative luminance; let go once it has been flattened."""
        if self._whole is not None:
            return self._log_luminance(*self.box)
        logs, colours = self._developed()
        self.__dict__.setdefault("linear", colours)
        return logs

    @cached_property
    def linear(self) -> NDArray[np.float32]:
        """Linear RGB a colour pixel, brought to the baseline's light where the frame holds gains."""
        logs, colours = self._developed()
        if "flattened" not in self.__dict__:
            self.__dict__.setdefault("log_luminance", logs)
        return colours

    @cached_property
    def lab(self) -> NDArray[np.float32]:
        """CIELAB (D65) a colour pixel."""
        return np.asarray(colour.lab(self.linear), np.float32)

    @cached_property
    def lab_planes(self) -> Sequence[NDArray[np.float32]]:
        """L*, a* and b* a colour pixel, each by itself."""
        return [np.asarray(plane, np.float32) for plane in cv2.split(self.lab)]

    @cached_property
    def _density_made_of_it(
        self,
    ) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Erythema index, log10 R - log10 G; melanin and haemoglobin coordinates; a colour pixel."""
        red, green, blue = (colour.optical_density(np.asarray(plane)) for plane in cv2.split(self.linear))
        exact = self.whole.colour_pixels.size <= unmix.EXACT_PX
        u, v = np.asarray(green - red, np.float32), np.asarray(blue - green, np.float32)
        found = unmix.unmix_differences(u, v, _unmixing_table(), exact)
        melanin, haemoglobin = (np.asarray(plane, np.float32) for plane in cv2.split(found))
        return u, (melanin, haemoglobin)

    @property
    def erythema(self) -> NDArray[np.float32]:
        """Erythema index, log10 R - log10 G, a colour pixel."""
        return self._density_made_of_it[0]

    @property
    def chromophores(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Melanin and haemoglobin coordinates a colour pixel, in optical density, free of shading."""
        return self._density_made_of_it[1]

    def _smooth_linear(self) -> NDArray[np.float32]:
        """Linear RGB averaged over COLOUR_SIGMA_MM: colour varies no faster under the skin, sensor noise does.

        On as few pixels as carry it: one to about a sigma.
        """
        step, sigma_px = self._smooth_step, self._smooth_sigma_px
        height, width = (-(-side // step) for side in self.measured.shape)
        linear, share = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
        for part in self.tiles():
            place = tuple(slice(side.start // step, -(-side.stop // step)) for side in part.place)
            linear[place], share[place] = part._reduced_inside(step)
        left = math.sqrt(max((sigma_px / step) ** 2 - (1 - 1 / step**2) / 12, 0.04))
        size = 2 * math.ceil(4 * left) + 1
        for sums in (linear, share):  # in place: the whole is large
            cv2.GaussianBlur(sums, (size, size), left, dst=sums, borderType=cv2.BORDER_CONSTANT)
        np.maximum(share, np.float32(1e-3), out=share)
        return np.divide(linear, share[..., None], out=linear)

    def _reduced_inside(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Linear RGB summed over the measured pixels of squares of `step`, and their share."""
        further = step // self.colour_step
        if self.measured.all():
            linear = filters.reduced(self.linear, further)
            return linear, np.ones(linear.shape[:2], np.float32)
        inside = filters.reduced(self.measured.astype(np.float32), self.colour_step)
        return filters.reduced(self.linear * inside[..., None], further), filters.reduced(inside, further)

    @cached_property
    def _smoothed(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """CIELAB, melanin and haemoglobin coordinates of the averaged colour, in stripes that stay in cache."""
        if self._whole is not None:
            whole = self._whole._smoothed
            step = factor_between(self._whole.measured.shape, whole[1].shape)
            place = tuple(slice(side.start // step, -(-side.stop // step)) for side in self.place)
            return whole[0][place], whole[1][place], whole[2][place]
        linear = self._smooth_linear()
        lab, pixels = np.empty_like(linear), linear.shape[:2]
        melanin, haemoglobin = np.empty(pixels, np.float32), np.empty(pixels, np.float32)
        exact = haemoglobin.size <= unmix.EXACT_PX
        for top in range(0, len(linear), STRIPE_ROWS):
            rows = slice(top, top + STRIPE_ROWS)
            lab[rows] = colour.lab(linear[rows])
            density = colour.optical_density(linear[rows])
            found = unmix.unmix(density, _unmixing_table(), exact)
            melanin[rows], haemoglobin[rows] = found[..., 0], found[..., 1]
        return lab, melanin, haemoglobin

    @property
    def smooth_lab(self) -> NDArray[np.float32]:
        """CIELAB (D65) of the averaged colour, on its pixels."""
        return self._smoothed[0]

    @property
    def smooth_melanin(self) -> NDArray[np.float32]:
        """Melanin coordinate of the averaged colour, on its pixels."""
        return self._smoothed[1]

    @property
    def smooth_haemoglobin(self) -> NDArray[np.float32]:
        """Haemoglobin coordinate of the averaged colour, on its pixels."""
        return self._smoothed[2]

    def release_colour(self) -> None:
        """Let go of the maps of colour; who asks for one again has it made again."""
        for name in ("linear", "lab", "lab_planes", "_density_made_of_it", "_smoothed"):
            self.__dict__.pop(name, None)

    @cached_property
    def flattened(self) -> NDArray[np.float32]:
        """Log-luminance less its Gaussian mean of 2 mm, 0 where nothing is measured. Needs a scale."""
        if self._whole is None and not self.in_tiles:
            flat = filters.flatten(self.log_luminance, self.measured, self._flatten_sigma_px)
        elif self._whole is None:
            flat = self._flattened_in_stripes()
        elif self._whole.holds_tiles:
            return self._whole.flattened[self.place]
        else:
            flat = filters.less(self.log_luminance, self._whole._shading, self.measured, self.place)
        self.__dict__.pop("log_luminance", None)
        return flat

    def _flattened_in_stripes(self) -> NDArray[np.float32]:
        """The same without the whole log-luminance beside it."""
        flat: NDArray[np.float32] = np.empty(self.measured.shape, np.float32)
        rows, columns = self.box
        for top in range(0, len(flat), STRIPE_ROWS):
            stripe = slice(top, min(top + STRIPE_ROWS, len(flat)))
            logs = self._log_luminance(slice(rows.start + stripe.start, rows.start + stripe.stop), columns)
            flat[stripe] = filters.less(
                logs, self._shading, self.measured[stripe], (stripe, slice(0, self.measured.shape[1]))
            )
        return flat

    @property
    def _flatten_sigma_px(self) -> float:
        return FLATTEN_SIGMA_MM * 1000.0 / self.um_per_px

    @cached_property
    def _shading(self) -> filters.WideMean:
        """The Gaussian mean of log-luminance of 2 mm, for maps that are made tile by tile."""
        sigma_px = self._flatten_sigma_px
        factor = filters.mean_factor(sigma_px, self.measured.shape)
        rows, columns = self.box
        parts = []
        step = max(STRIPE_ROWS // factor, 1) * factor
        for top in range(0, self.measured.shape[0], step):
            stripe = slice(rows.start + top, min(rows.start + top + step, rows.stop))
            logs = self._log_luminance(stripe, columns)
            parts.append(filters.reduced_inside(logs, self.measured[top : top + step], factor))
        total, share = (np.concatenate(part) for part in zip(*parts, strict=True))
        return filters.WideMean.of(total, share, factor, sigma_px)


def _united(masks: Sequence[NDArray[np.bool_]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Where any of the masks is; a single one is not copied."""
    if len(masks) == 1:
        return masks[0]
    united: NDArray[np.bool_] = np.logical_or.reduce([np.zeros(shape, np.bool_), *masks])
    return united


def _cuts(length: int) -> list[slice]:
    """A side cut into about equal parts of TILE_PX at most, each but the last a multiple of ALIGNED_PX long."""
    count = -(-length // TILE_PX)
    step = -(-length // count // ALIGNED_PX) * ALIGNED_PX
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def _log_of(planes: NDArray[np.float32], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Natural logarithm of the relative luminance of linear RGB, (3, h, w) -> (h, w)."""
    luminance = combined(planes, colour.SRGB_TO_XYZ[1])
    np.maximum(luminance, np.float32(LUMINANCE_FLOOR), out=luminance)
    return np.asarray(cv2.log(luminance, dst=luminance if out is None else out), np.float32)

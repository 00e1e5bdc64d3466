"""Photo -> Frame: which pixels are measured, how large they are, and how far to trust them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from skinscan.capture import neutral, quality, scale, skin_mask, usable
from skinscan.capture import regions as regions_module
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import (
    SKIN,
    BoolArray,
    Colour,
    Flag,
    Frame,
    Notice,
    ParameterError,
    Photo,
    RegionError,
    Scale,
)

FRAME_VERSION = 3
"""Raised when the masks, the scale or the quality of the same photo would come out differently."""

LEAST_REFERENCE_PX = 400
NO_STICKER = (
    "no sticker was found: an ArUco sticker of DICT_4X4_50 with its white margin, flat, sharp, 40 px wide or more is "
    "needed; take the photo again with the whole sticker in view, or give --mm-per-px"
)

NO_SKIN_SHARE, LITTLE_SKIN_SHARE = 0.005, 0.05
NO_SKIN_PX = 2500
MOSTLY = 0.5
"""Shares of the photo under which there is no or little skin; share of a polygon from which it is mostly
skin."""


def make_frame(
    photo: Photo,
    *,
    mm_per_px: float | None = None,
    mm_per_px_spread: float | None = None,
    marker_mm: float | None = None,
    regions: Mapping[str, Any] | None = None,
    reference: str | None = None,
) -> Frame:
    """The Frame of a photo.

    The scale is either `mm_per_px` (with its standard uncertainty `mm_per_px_spread`) or read from an ArUco
    sticker whose black square has the side `marker_mm`; without both, the Frame has none. `regions` maps
    names to polygons in pixels ((n, 2) or flat lists); a polygon is taken at its word: all usable pixels in
    it are measured, with a notice when less than half of it looks like skin. `reference` names the polygon
    that other regions are held against; it need not be skin, and is measured as a region only when it mostly
    is.

    Raises ParameterError, ScaleError or RegionError.
    """
    polygons = _polygons(photo, regions, reference)
    measured, stickers = _scale(photo, mm_per_px, mm_per_px_spread, marker_mm)
    sticker = scale.sticker_mask(stickers, photo.shape) if stickers else None
    thumbnails = Thumbnails(photo)
    skin, skin_notices = _skin(photo, sticker, thumbnails)
    if reference is not None:
        patch = neutral.find_patch(photo, skin, regions_module.rasterise(polygons[reference], photo.shape))
        skin = skin if patch is None else skin & ~patch
    seen = usable.find_usable(photo, skin, thumbnails)
    mask = seen.mask if sticker is None else seen.mask & ~sticker
    graded, quality_notices = quality.measure_quality(photo, skin, seen, measured, thumbnails)
    drawn = _drawn(polygons, skin, mask, reference)
    colour, colour_notices = _colour(reference, drawn.reference)
    scale_notices = [Notice(Flag.NO_SCALE, NO_STICKER)] if marker_mm is not None and measured is None else []
    return Frame(
        photo=photo,
        usable=mask,
        regions={SKIN: skin & mask, **drawn.masks},
        scale=measured,
        colour=colour,
        quality=graded,
        notices=(*skin_notices, *scale_notices, *quality_notices, *drawn.notices, *colour_notices),
        polygons=polygons,
        reference_mask=drawn.reference if colour.state == "reference" else None,
        recipe=_recipe(mm_per_px, mm_per_px_spread, marker_mm, polygons, reference, stickers),
    )


def _polygons(photo: Photo, given: Mapping[str, Any] | None, reference: str | None) -> dict[str, Any]:
    polygons = regions_module.check_regions(given or {})
    for name, corners in polygons.items():
        if regions_module.share_outside(corners, photo.shape) >= 1.0:
            height, width = photo.shape
            raise RegionError(
                f"region '{name}' lies outside the photo",
                expected=f"pixels within {width} x {height}",
                found="x {:g} to {:g}, y {:g} to {:g}".format(*np.stack([corners.min(0), corners.max(0)], 1).ravel()),
                todo="give it in pixels of the upright photo at its full size",
            )
    if reference is not None and reference not in polygons:
        raise RegionError(
            f"there is no region '{reference}' to serve as the reference",
            expected=f"one of {', '.join(polygons)}" if polygons else "a region drawn in the photo",
            found=f"'{reference}'",
            todo=f"draw it: {reference}=x,y,x,y,x,y",
        )
    for corners in polygons.values():
        corners.flags.writeable = False
    return polygons


def _scale(
    photo: Photo, mm_per_px: float | None, spread: float | None, marker_mm: float | None
) -> tuple[Scale | None, tuple[scale.Sticker, ...]]:
    if mm_per_px is not None and marker_mm is not None:
        raise ParameterError(
            "two scales were given", expected="mm_per_px or marker_mm", found="both", todo="leave one out"
        )
    if mm_per_px is None and spread is not None:
        raise ParameterError("mm_per_px_spread was given without mm_per_px", todo="give mm_per_px too")
    if mm_per_px is not None:
        return scale.given_scale(mm_per_px, spread), ()
    if marker_mm is not None:
        return scale.sticker_scale(photo, marker_mm)
    return None, ()


def _colour(reference: str | None, mask: BoolArray | None) -> tuple[Colour, list[Notice]]:
    """How far the colours can be tied: by the reference, if enough of it is usable."""
    if reference is None or mask is None:
        return Colour(), []
    count = int(np.count_nonzero(mask))
    if count < LEAST_REFERENCE_PX:
        detail = f"'{reference}' holds {count} usable pixels, {LEAST_REFERENCE_PX} needed: draw it larger, unclipped"
        return Colour(reference=reference), [Notice(Flag.REFERENCE_LOST, detail)]
    return Colour("reference", reference=reference), []


def _skin(photo: Photo, sticker: BoolArray | None, thumbnails: Thumbnails) -> tuple[BoolArray, list[Notice]]:
    """The skin mask without stickers, empty when there is too little to be skin, and the notices about it."""
    skin = skin_mask.find_skin(photo, thumbnails)
    if sticker is not None:
        skin &= ~sticker
    notices = []
    if photo.opaque is not None and not photo.opaque.all():
        notices.append(Notice(Flag.ALPHA, f"{1 - float(photo.opaque.mean()):.0%} of the picture"))
    if photo.is_grey:
        notices.append(Notice(Flag.GREY, "skin cannot be told from what is around it: draw the regions to measure"))
    count = int(np.count_nonzero(skin))
    share = count / skin.size
    if share < NO_SKIN_SHARE or count < NO_SKIN_PX:
        notices.append(Notice(Flag.NO_SKIN, "come closer, light it evenly, or draw the regions to measure"))
        skin = np.zeros_like(skin)
    elif share < LITTLE_SKIN_SHARE:
        notices.append(Notice(Flag.LITTLE_SKIN, f"{share:.1%} of the picture: come closer"))
    return skin, notices


@dataclass(frozen=True, slots=True)
class _Drawn:
    masks: dict[str, BoolArray]
    notices: tuple[Notice, ...]
    reference: BoolArray | None


def _drawn(polygons: Mapping[str, Any], skin: BoolArray, mask: BoolArray, reference: str | None) -> _Drawn:
    """Masks of the drawn regions, the notices about them, and the reference's mask."""
    masks: dict[str, BoolArray] = {}
    notices: list[Notice] = []
    reference_mask = None
    for name, corners in polygons.items():
        inside = regions_module.rasterise(corners, skin.shape)
        outside = regions_module.share_outside(corners, skin.shape)
        share = float(np.mean(skin[inside])) if inside.any() else 0.0
        if outside > 0.005:
            detail = f"{outside:.0%} of the region lies outside the photo and is left out"
            notices.append(Notice(Flag.LITTLE_SKIN, detail, name))
        if name == reference:
            reference_mask = inside & mask
            if share < MOSTLY:
                continue
        elif share < MOSTLY:
            detail = f"{share:.0%} of the region looks like skin; it is measured as drawn"
            notices.append(Notice(Flag.LITTLE_SKIN, detail, name))
        masks[name] = inside & mask
    return _Drawn(masks, tuple(notices), reference_mask)


def _recipe(
    mm_per_px: float | None,
    spread: float | None,
    marker_mm: float | None,
    polygons: Mapping[str, Any],
    reference: str | None,
    stickers: tuple[scale.Sticker, ...],
) -> dict[str, Any]:
    """Everything besides the photo that its numbers depend on."""
    recipe: dict[str, Any] = {
        "frame_version": FRAME_VERSION,
        "mm_per_px": mm_per_px,
        "mm_per_px_spread": spread,
        "marker_mm": marker_mm,
        "regions": {name: [[float(x), float(y)] for x, y in corners] for name, corners in polygons.items()},
        "reference": reference,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
    if stickers:
        recipe["stickers"] = [
            {
                "marker": s.marker,
                "corners": [[round(float(x), 2), round(float(y), 2)] for x, y in s.corners],
                "mm_per_px": s.mm_per_px,
                "tilt_deg": round(s.tilt_deg, 1),
            }
            for s in stickers
        ]
    return recipe

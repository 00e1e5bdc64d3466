"""Photo -> Frame: which pixels are measured, how large they are, and how far to trust them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np

from skinscan import models
from skinscan.capture import quality
from skinscan.capture import regions as regions_module
from skinscan.capture.aids import Aids, CardChoice, find_aids
from skinscan.capture.card.correction import Correction, correct
from skinscan.capture.face import facial, networks
from skinscan.capture.face.face import Face, FaceSearch
from skinscan.capture.face.search import search_face
from skinscan.capture.scale.stickers import given_scale
from skinscan.capture.skin import mask as skin_mask
from skinscan.capture.skin import neutral, usable
from skinscan.capture.skin.evidence import doubt_of
from skinscan.capture.skin.occluders import find_occluders
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import (
    SKIN,
    BoolArray,
    Colour,
    ColourName,
    Flag,
    Frame,
    Notice,
    ParameterError,
    Photo,
    RegionError,
    Scale,
    ScaleError,
)

T = TypeVar("T")

FRAME_VERSION = 6
"""Raised when the masks, the scale, the colours or the quality of the same photo would come out differently."""

LEAST_REFERENCE_PX = 400

NO_SKIN_SHARE, LITTLE_SKIN_SHARE = 0.005, 0.05
NO_SKIN_PX = 2500
MOSTLY = 0.5
"""Shares of the photo under which there is no or little skin; share of a polygon from which it is mostly
skin."""

COVERS = {"smooth": "blurred or solid patches", "mosaic": "pixelated patches", "laid": "pads, bars or stickers",
          "lettering": "lettering"}  # fmt: skip
LEAST_COVER_TOLD = 0.002
"""What is found on skin, in words, and the share of it from which it is told."""

LEAST_OF_PROPOSED = 0.15
"""Share of a proposed region that must be measurable skin, else it is not proposed: a forehead under a fringe."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user says about a photo, each None or as it stands where nothing is said.

    `mm_per_px` with its standard uncertainty, or `marker_mm`, the side of a sticker, or `card_pitch_mm`, from the
    middle of one patch of the colour card to that of the next: the scale. `card`: which formulation the card is of,
    `auto` to look and try both, `none` not to look for any card. `regions`: name -> polygon; `face`: propose a face's
    regions where none are given. `reference`: the region that others are held against. `cross_polarised`: filters on
    lamp and lens cross, so nothing shines. `raking_light`: one fixed lamp stands low beside the skin and all other
    light is out, which no picture can tell. `site`: the part of the body, where it is known; a face is looked for where
    it is the face or not told.
    """

    mm_per_px: float | None = None
    mm_per_px_spread: float | None = None
    marker_mm: float | None = None
    card_pitch_mm: float | None = None
    card: CardChoice = "auto"
    regions: Mapping[str, Any] | None = None
    reference: str | None = None
    face: bool = True
    cross_polarised: bool = False
    raking_light: bool = False
    site: str = ""


class Watch(Protocol):
    """Runs a stage of the work and gives what it gives."""

    def __call__(self, stage: str, work: Callable[[], T], /) -> T: ...


def _at_once(stage: str, work: Callable[[], T], /) -> T:
    return work()


def make_frame(photo: Photo, *, watch: Watch = _at_once, **choices: Any) -> Frame:
    """The Frame of a photo, by `Choices`.

    The scale is given, or read from what lies in the photo: stickers, the colour card, the printed skin card, or a
    face's irises; without any, the Frame has none. A colour card corrects the colours for skin, if the light lets it.
    Regions are polygons in pixels ((n, 2) or flat lists); a polygon is taken at its word: all usable pixels in it are
    measured, with a notice when less than half of it looks like skin. Without regions a face's own are proposed,
    without brows, eyes, lips and what is turned away. `reference` names the polygon that other regions are held
    against; it need not be skin, and is measured as a region only when it mostly is.

    `watch` runs each stage, for whoever wants to know what they cost. Raises ParameterError, ScaleError or RegionError.
    """
    chosen = Choices(**choices)
    _check_scale(chosen)
    polygons = _polygons(photo, chosen.regions, chosen.reference)
    thumbnails = Thumbnails(photo)
    laid: dict[str, Any] = {"marker_mm": chosen.marker_mm, "card": chosen.card, "card_pitch_mm": chosen.card_pitch_mm}
    aids = watch("stickers and cards", lambda: find_aids(photo, thumbnails, **laid))
    covered = aids.mask()
    skin, skin_notices = watch("skin", lambda: _skin(photo, covered, thumbnails))
    left_out, cover_notices = watch("what covers the skin", lambda: _covers(photo, skin, thumbnails))
    search, face_notices = watch("face", lambda: _face(photo, skin, thumbnails, chosen))
    face = search.face
    if face is None:
        skin_notices += watch("whether it is skin", lambda: _doubt(photo, skin & ~left_out, thumbnails))
    else:
        left_out |= watch("eyes, lips, hair, turned away", lambda: facial.not_measured(photo, face, thumbnails))
    proposed = {} if face is None or chosen.regions else facial.regions_of(face, photo.shape, mirrored=aids.mirrored)
    skin = skin & ~left_out
    if chosen.reference is not None:
        patch = neutral.find_patch(photo, skin, regions_module.rasterise(polygons[chosen.reference], photo.shape))
        skin = skin if patch is None else skin & ~patch
    seen = watch("usable pixels", lambda: usable.find_usable(photo, skin, thumbnails))
    mask = seen.mask if covered is None else seen.mask & ~covered
    measured, scale_notices = _scale(aids, chosen, skin & mask, face)
    graded, quality_notices = watch("quality", lambda: quality.measure_quality(photo, skin, seen, measured, thumbnails))
    drawn = _drawn(polygons, skin, mask, left_out, chosen.reference)
    whole = skin & mask
    kept = _proposed(proposed, whole)
    correction = watch("colours by the card", lambda: _correction(aids, whole, chosen))
    colour, colour_notices = _colour(chosen.reference, drawn.reference, correction)
    return Frame(
        photo=photo if correction is None else correction.photo,
        usable=mask,
        regions={SKIN: whole, **drawn.masks, **kept},
        scale=measured,
        colour=colour,
        quality=graded,
        notices=(
            *skin_notices,
            *cover_notices,
            *face_notices,
            *aids.notices(),
            *scale_notices,
            *quality_notices,
            *drawn.notices,
            *colour_notices,
        ),
        polygons={**polygons, **{name: corners for name, corners in proposed.items() if name in kept}},
        reference_mask=drawn.reference if chosen.reference is not None and _enough(drawn.reference) else None,
        covered=covered,
        left_out=left_out if left_out.any() else None,
        patches=aids.patches(),
        as_taken=photo,
        face=None if face is None else facial.pose(face, mirrored=aids.mirrored),
        face_sought=search.sought,
        recipe=_recipe(chosen, polygons, aids, tuple(kept), search),
    )


def _check_scale(chosen: Choices) -> None:
    given = [name for name in ("mm_per_px", "marker_mm", "card_pitch_mm") if getattr(chosen, name) is not None]
    if len(given) > 1:
        raise ParameterError(
            "more than one scale was given", expected="one of mm_per_px, marker_mm and card_pitch_mm",
            found=" and ".join(given), todo="leave the others out",
        )  # fmt: skip
    if chosen.mm_per_px is None and chosen.mm_per_px_spread is not None:
        raise ParameterError("mm_per_px_spread was given without mm_per_px", todo="give mm_per_px too")


def _covers(photo: Photo, skin: BoolArray, thumbnails: Thumbnails) -> tuple[BoolArray, list[Notice]]:
    """(H, W) mask of what lies on the skin or was drawn over it, and what that is."""
    before = int(np.count_nonzero(skin))
    mask = np.zeros(photo.shape, np.bool_)
    if not before or photo.is_grey:
        return mask, []
    told = []
    for kind, part in find_occluders(photo, skin, thumbnails).items():
        mask |= part
        share = np.count_nonzero(part & skin) / before
        if share >= LEAST_COVER_TOLD:
            told.append(f"{COVERS[kind]} {share:.1%}")
    return mask, [Notice(Flag.COVERED, ", ".join(told) + " of the skin")] if told else []


def _doubt(photo: Photo, skin: BoolArray, thumbnails: Thumbnails) -> list[Notice]:
    """A notice where what was taken for skin looks like something else."""
    doubt = None if photo.is_grey else doubt_of(thumbnails, skin)
    return [] if doubt is None else [Notice(Flag.SKIN_DOUBTFUL, f"{doubt}: is this the right picture?")]


def _face(photo: Photo, skin: BoolArray, thumbnails: Thumbnails, chosen: Choices) -> tuple[FaceSearch, list[Notice]]:
    """The search for a face, if one is to be looked for."""
    if not chosen.face or chosen.site not in ("", "face") or photo.is_grey or not skin.any():
        return FaceSearch(None, "not looked for", 0, sought=False), []
    search = search_face(photo, thumbnails)
    several = search.face is not None and search.seen > 1
    return search, [Notice(Flag.SEVERAL_FACES, f"{search.seen}")] if several else []


def _proposed(polygons: Mapping[str, Any], whole: BoolArray) -> dict[str, BoolArray]:
    """Masks of the proposed regions that hold enough measurable skin."""
    masks = {}
    for name, corners in polygons.items():
        inside = regions_module.rasterise(corners, whole.shape)
        mask = inside & whole
        if int(np.count_nonzero(mask)) >= LEAST_OF_PROPOSED * max(int(np.count_nonzero(inside)), 1):
            masks[name] = mask
    return masks


def _scale(aids: Aids, chosen: Choices, skin: BoolArray, face: Face | None) -> tuple[Scale | None, list[Notice]]:
    """The scale of the measured skin, from the surest there is."""
    if chosen.mm_per_px is not None:
        return given_scale(chosen.mm_per_px, chosen.mm_per_px_spread), []
    found, notices = aids.scale(skin), []
    if found is None and face is not None:
        try:
            found = facial.scale_by_iris(face)
        except ScaleError as error:
            notices.append(Notice(Flag.NO_SCALE, str(error)))
    missed = aids.missed()
    if missed and found is not None:
        notices.append(Notice(Flag.OTHER_SCALE, f"{missed}; now it is by {found.source}, to {found.relative:.1%}"))
    elif missed:
        notices.append(Notice(Flag.NO_SCALE, missed))
    return found, notices


def _correction(aids: Aids, skin: BoolArray, chosen: Choices) -> Correction | None:
    if aids.colour_card is None or chosen.card == "none":
        return None
    return correct(
        aids.photo,
        aids.colour_card,
        skin if skin.any() else None,
        chosen.card,
        cross_polarised=chosen.cross_polarised,
    )


def _enough(mask: BoolArray | None) -> bool:
    return mask is not None and int(np.count_nonzero(mask)) >= LEAST_REFERENCE_PX


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


def _colour(reference: str | None, mask: BoolArray | None, card: Correction | None) -> tuple[Colour, list[Notice]]:
    """How far the colours can be tied: by the card, by the reference if enough of it is usable."""
    notices = []
    if reference is not None and not _enough(mask):
        count = 0 if mask is None else int(np.count_nonzero(mask))
        detail = f"'{reference}' holds {count} usable pixels, {LEAST_REFERENCE_PX} needed: draw it larger, unclipped"
        notices.append(Notice(Flag.REFERENCE_LOST, detail))
    if card is not None:
        notices += [Notice(Flag.CARD_DOUBTFUL, reason) for reason in card.reasons]
        if card.colour.doubt is not None:
            return replace(card.colour, reference=reference), notices
    state: ColourName = "reference" if reference is not None and _enough(mask) else "uncorrected"
    return Colour(state, None if card is None else card.colour.residual_de00, reference), notices


def _skin(photo: Photo, covered: BoolArray | None, thumbnails: Thumbnails) -> tuple[BoolArray, list[Notice]]:
    """The skin mask without what is laid on it, empty when there is too little to be skin, and the notices about it."""
    skin = skin_mask.find_skin(photo, thumbnails, covered)
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


def _drawn(
    polygons: Mapping[str, Any], skin: BoolArray, mask: BoolArray, left_out: BoolArray, reference: str | None
) -> _Drawn:
    """Masks of the drawn regions, the notices about them, and the reference's mask."""
    masks: dict[str, BoolArray] = {}
    notices: list[Notice] = []
    reference_mask = None
    for name, corners in polygons.items():
        inside = regions_module.rasterise(corners, skin.shape)
        outside = regions_module.share_outside(corners, skin.shape)
        share = _share_of_skin(inside, skin, left_out)
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
            continue
        masks[name] = inside & mask & ~left_out
    return _Drawn(masks, tuple(notices), reference_mask)


def _share_of_skin(inside: BoolArray, skin: BoolArray, left_out: BoolArray) -> float:
    """Share of a polygon that is skin, of what in it is not left out; of all of it where hardly anything else is."""
    bare = inside & ~left_out
    of = bare if np.count_nonzero(bare) > LEAST_OF_PROPOSED * np.count_nonzero(inside) else inside
    return float(np.mean(skin[of])) if of.any() else 0.0


def _recipe(
    chosen: Choices, polygons: Mapping[str, Any], aids: Aids, proposed: tuple[str, ...], search: FaceSearch
) -> dict[str, Any]:
    """Everything besides the photo that its numbers depend on."""
    return {
        "frame_version": FRAME_VERSION,
        **asdict(replace(chosen, regions=None)),
        "regions": {name: [[float(x), float(y)] for x, y in corners] for name, corners in polygons.items()},
        "proposed_regions": list(proposed),
        "face_found": search.face is not None,
        "face_model_sha256": models.registry()[networks.MODEL].sha256 if search.sought else None,
        **aids.told(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }

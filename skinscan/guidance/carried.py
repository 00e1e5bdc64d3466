"""The frames of a burst tied together: what was drawn in the first, one scale, colour told in one way for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import warp
from skinscan.assessment import rescaled
from skinscan.capture.registration.register import register
from skinscan.records import Frame, Registration, Scale
from skinscan.tying import as_taken, tie

UNCHANGED = (1.0, 1.0, 1.0)


def drawn_in(frame: Frame) -> bool:
    """Whether somebody drew regions in a photo; those that are proposed on a face, every frame has of its own."""
    return bool(set(frame.polygons) - set(frame.recipe.get("proposed_regions", ())))


def with_drawn(first: Frame, frame: Frame) -> Frame | None:
    """A frame with the regions and the reference of another photo of this skin, None where the two do not register.

    Its photo and its colours stay its own, as if they had been drawn in it: gains towards the first photo would set it
    apart from the rest of the burst. Of both scales it keeps the surer.
    """
    found = register(first, frame)
    if not found.ok:
        return None
    _, carried, lost = tie(as_taken(first), as_taken(frame), found)  # as taken, since cards leave the reference behind
    seen = carried.reference_mask is not None
    colour = replace(frame.colour, reference=carried.colour.reference if seen else None)
    if colour.doubt is None:
        colour = replace(colour, state="reference" if seen else "uncorrected", gains=UNCHANGED)
    own = replace(
        frame,
        regions=carried.regions,
        polygons=_moved(first, found),
        reference_mask=carried.reference_mask,
        colour=colour,
        notices=(*frame.notices, *(one for one in first.notices if one.region in first.polygons), *lost),
    )
    scale = _surest((frame.scale, carried.scale))
    return own if scale is None or scale is frame.scale else rescaled(own, scale)


def _moved(first: Frame, r: Registration) -> dict[str, NDArray[np.float64]]:
    """The corners of what was drawn, where they lie in the other photo; without those that nobody can tell."""
    field = warp.fill_unknown(r.displacement)
    moved = {name: warp.forward(at, r.homography, field, r.grid_px) for name, at in first.polygons.items()}
    return {name: at for name, at in moved.items() if np.isfinite(at).all()}


def _surest(scales: Sequence[Scale | None]) -> Scale | None:
    return min((scale for scale in scales if scale is not None), key=lambda scale: scale.relative, default=None)


def tied_together(anchor: Frame, others: Sequence[tuple[Frame, Registration]]) -> list[Frame]:
    """All frames with the anchor's regions, at one scale, with colours that are told in one way.

    Corrected by cards where every frame is, else all as taken: a corrected frame among uncorrected ones would scatter
    by its correction. Tied to the anchor by reference or patches where every frame can be, else none is.
    """
    by_cards = all(frame.colour.doubt is not None for frame in (anchor, *(frame for frame, _ in others)))
    if not by_cards:
        anchor, others = as_taken(anchor), [(as_taken(frame), r) for frame, r in others]
    ties = [tie(anchor, frame, r)[:2] for frame, r in others]
    surest = _surest([before.scale for before, _ in ties])
    if surest is not None and surest is not anchor.scale:  # another frame's, by way of its own tie
        anchor = rescaled(anchor, surest)
        ties = [tie(anchor, frame, r)[:2] for frame, r in others]
    if not ties:
        return [anchor]
    told = replace(anchor, colour=ties[-1][0].colour)
    tied = [told, *(after for _, after in ties)]
    if by_cards or len({frame.colour.state for pair in ties for frame in pair}) == 1:
        return tied
    return [replace(one, colour=replace(one.colour, state="uncorrected", gains=UNCHANGED)) for one in tied]

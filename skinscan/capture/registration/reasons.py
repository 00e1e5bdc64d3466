"""Why two photos could not be matched, in words that say what is likely and what to do."""

from __future__ import annotations

from skinscan.arrays.alignment import typical
from skinscan.capture.registration.refining import banded
from skinscan.capture.registration.searching import LOG10_MAYBE, UNMOVED_PX, WORKING_PX, Attempt
from skinscan.capture.registration.skin_view import SkinView

_LEAST_CONTRAST = 0.01
"""SD of log-luminance, band-passed over a view of half a thousand pixels, under which there is nothing to hold on to:
a photo blurred by 6 px leaves 0.006-0.009, sharp skin shows 0.03 and more."""


def why_not(best: Attempt | None, first: SkinView, second: SkinView) -> str:
    todo = "photograph the same place again, sharp, lit from the same side and about as near"
    if best is not None and best.printed_on:
        how = "at the very same pixels of both photos" if best.moved_px < UNMOVED_PX else "moved as a flat picture is"
        return (
            f"only {100 * best.share:.0f} % of the skin agrees, {how}, as a watermark or a dirty lens would; use "
            "photos without it"
        )
    contrasts = [_contrast(view) for view in (first, second)]
    if min(contrasts) < _LEAST_CONTRAST:
        which = "before" if contrasts[0] < contrasts[1] else "after"
        return f"the {which} photo shows too little of the skin's structure, fine contrast {min(contrasts):.3f}; {todo}"
    found = f"{best.fit.agreeing} of {best.fit.patches} patches of skin agree" if best else "no patches of skin agree"
    if best is not None and best.chance <= LOG10_MAYBE:
        return f"{found} on where they went, more than chance but too few to rely on: view or light differ; {todo}"
    return (
        f"{found} on where they went, no more than chance allows, although both photos show structure: another person, "
        f"another place or the other side (left for right) is likely, or light and view differ too much; {todo}"
    )


def _contrast(view: SkinView) -> float:
    small = view.resized(max(max(view.mask.shape) / WORKING_PX[0], 1.0) * view.photo_px)
    return typical(banded(small).band, small.mask)

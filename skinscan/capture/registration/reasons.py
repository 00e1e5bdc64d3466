"""Why two photos could not be matched, in words that say what is likely and what to do."""

from __future__ import annotations

from skinscan.capture.registration import matching
from skinscan.capture.registration.searching import LOG10_MAYBE, UNMOVED_PX, WORKING_PX, Attempt
from skinscan.capture.registration.skin_view import SkinView

_LEAST_FEATURES = 150
"""Details of a view of half a thousand pixels under which little can be said: sharp skin shows a thousand and more."""


def why_not(best: Attempt | None, first: SkinView, second: SkinView) -> str:
    todo = "photograph the same place again, sharp, lit from the same side and about as near"
    if best is not None and best.printed_on:
        how = "at the very same pixels of both photos" if best.moved_px < UNMOVED_PX else "moved as a flat picture is"
        return (
            f"only {100 * best.share:.0f} % of the skin agrees, {how}, as a watermark or a dirty lens would; use "
            "photos without it"
        )
    counts = [
        len(matching.features(view.resized(max(view.mask.shape) / WORKING_PX[0])).points) for view in (first, second)
    ]
    if min(counts) < _LEAST_FEATURES:
        which = "before" if counts[0] < counts[1] else "after"
        return f"the {which} photo shows too little of the skin's structure: {min(counts)} details; {todo}"
    found = f"{best.fit.agreeing} of {best.fit.patches} patches of skin agree" if best else "no patches of skin agree"
    if best is not None and best.chance <= LOG10_MAYBE:
        return f"{found} on where they went, more than chance but too few to rely on: view or light differ; {todo}"
    return (
        f"{found} on where they went, no more than chance allows, although both photos show structure: another person, "
        f"another place or the other side (left for right) is likely, or light and view differ too much; {todo}"
    )

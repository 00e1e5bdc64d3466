"""Two photos of a scalp laid onto one another by their view, where combed hair leaves no skin to match them by.

Hair falls otherwise at every visit, so that nothing of it lies where it lay. What stays is the fixed view: lens over
the part, part down the middle. Then a place of the picture is the same place of the scalp to a few millimetres, which a
region of several centimetres can bear, and nothing finer. Where the bare part itself matched, its place is taken.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skinscan.arrays import warp
from skinscan.capture.registration.register import TEXTURE_ALIKE, register
from skinscan.records import Flag, Frame, Notice, Registration

SITE = "scalp"
HOLDS = Notice(Flag.MATCHED_BY_VIEW, "the part down the middle and the same distance make it hold")
LARGEST_SCALE_RATIO = 1.5
"""Beyond it the two photos are no fixed view."""


def match(before: Frame, after: Frame, same_setup: bool = False) -> Registration:
    """`register`, and for photos that are stated to be of a scalp, by the view where the skin cannot be matched.

    By the view takes the size of each photo's pixels from its own sticker, or the same distance as `same_setup` states.
    """
    found = register(before, after)
    if not all(frame.recipe.get("site") == SITE for frame in (before, after)):
        return found
    if found.ok and found.texture_correlation >= TEXTURE_ALIKE:
        return found
    if found.ok:  # by the part alone: what is beside it was combed anew, and is no match anywhere
        return replace(found, displacement=warp.NO_DISPLACEMENT.copy(), notices=(*found.notices, HOLDS), by_view=True)
    return _by_view(before, after, found, same_setup)


def _by_view(before: Frame, after: Frame, found: Registration, same_setup: bool) -> Registration:
    if before.scale is not None and after.scale is not None:
        ratio = before.scale.mm_per_px / after.scale.mm_per_px
    elif same_setup:
        ratio = 1.0
    else:
        return _told(found, "hair is compared by the fixed view instead, once a sticker lies beside it in both photos")
    if not 1 / LARGEST_SCALE_RATIO <= ratio <= LARGEST_SCALE_RATIO:
        return _told(found, f"one was taken {max(ratio, 1 / ratio):.1f} times nearer: no fixed view of the scalp")
    (rows, columns), (rows_after, columns_after) = before.shape, after.shape
    homography = np.array(
        [
            [ratio, 0.0, (columns_after - 1) / 2 - ratio * (columns - 1) / 2],
            [0.0, ratio, (rows_after - 1) / 2 - ratio * (rows - 1) / 2],
            [0.0, 0.0, 1.0],
        ]
    )
    return Registration(
        ok=True,
        homography=homography,
        displacement=warp.NO_DISPLACEMENT.copy(),
        grid_px=1,
        matches=0,
        residual_px=float("nan"),
        overlap_share=1.0,
        scale_ratio=ratio,
        rotation_deg=0.0,
        mirrored=False,
        texture_correlation=0.0,
        light_change=float("nan"),
        notices=(HOLDS,),
        by_view=True,
    )


def _told(found: Registration, more: str) -> Registration:
    notices = tuple(
        replace(notice, detail=f"{notice.detail}; {more}") if at == 0 else notice
        for at, notice in enumerate(found.notices)
    )
    return replace(found, notices=notices)

"""Why a card does not carry absolute colour, in words that tell what was measured and what to do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.rendering import Finish
from skinscan.records import BoolArray

Array = NDArray[np.float64]

SKIN_PATCHES = {"dark skin": 0, "light skin": 1}
MANY_UNREAD = 4
"""Patches without a channel from which on it is told: a card has no more than white and cyan of these where it is well
exposed."""
NOTABLE_DE00 = 2.0
"""From which on a patch that comes out wrong is told: twice what is seen side by side."""


def unreadable(patches: int, greys: int, least_patches: int, least_greys: int) -> str:
    return (
        f"{patches} of the card's 24 patches and {greys} of its 6 greys can be read in all channels ({least_patches} "
        f"and {least_greys} needed): show the whole card, evenly lit, neither overexposed nor too dark"
    )


def no_card(residual: float, largest: float) -> str:
    return (
        f"the card's patches contradict one another by {residual:.1f} dE00 (at most {largest:g}): it is no "
        "ColorChecker of 24 patches, lies in light of several colours, shines, or is faded or partly covered"
    )


def uncertain(
    a_star: float,
    largest: float,
    residual: float,
    finish: Finish,
    left_out: Array,
    used: BoolArray,
    may_shine: bool,
) -> str:
    """Why a* of this skin is uncertain by `a_star`. `left_out` (24,) is by how much each patch comes out wrong by all
    others, `used` (24, 3) which channels were read."""
    remedies = ["use daylight, a flash or a white LED"]
    found = [f"its patches contradict one another by {residual:.1f} dE00"]
    if finish.light or finish.look:
        found.append(
            f"the picture was finished: single patches are some {100 * finish.light:.0f} % brighter or darker than the "
            f"others tell and strong colours some {100 * finish.look:.0f} % off, as HDR, filters and vivid modes leave "
            "them"
        )
        remedies = ["photograph without HDR, filter or vivid mode, or in raw"]
    wrong = {name: left_out[at] for name, at in SKIN_PATCHES.items() if left_out[at] > NOTABLE_DE00}
    if wrong:
        told = " and ".join(f"{name} {off:.1f}" for name, off in wrong.items())
        found.append(f"corrected by the other patches its own skin patches come out wrong ({told} dE00)")
    unread = int((~used.all(axis=1)).sum())
    if unread >= MANY_UNREAD:
        found.append(f"{unread} patches are over- or underexposed in a channel, or covered")
        remedies.append("expose less, with the whole card in even light")
    if may_shine:
        remedies.append("use cross-polarised light, which takes the shine away")
    remedies.append("compare relative to a reference region")
    return (
        f"the card leaves a* of this skin uncertain by {a_star:.1f} (at most {largest:g}): {'; '.join(found)}. "
        f"To do: {', or '.join(remedies)}"
    )

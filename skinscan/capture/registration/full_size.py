"""From the size at which the skin was found down to the finest that both photos have."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from skinscan.arrays.threads import each
from skinscan.capture.registration.refining import Banded, Pass, banded, refine
from skinscan.capture.registration.searching import Attempt, everywhere, same_scale
from skinscan.capture.registration.skin_view import SkinView

_LEAST_AGREEING = 8
_PATCHES = 600
_LEAST_SPACING = 24
_MOSTLY, _MOST_PASSES, _WORTH_A_PASS, _WIDE_SEARCH, _DENSE = 0.8, 3, 0.01, 16, 12


def at_full_size(first: SkinView, second: SkinView, best: Attempt, shape: tuple[int, int]) -> Pass:
    """Passes from a quarter of the attempt's scale, or half the finest, to the finest scale that both photos have.

    Each starts where the one before ended; there are two at least. Patches of a small skin are too few at less than
    the finest scale: there both passes are at that.
    """
    one, other = same_scale(first, second, best.fit.warp)
    fit = best.fit
    spacing = max(_LEAST_SPACING, round(math.sqrt(float(np.count_nonzero(one.mask)) / _PATCHES)))
    reached = 0
    levels = _levels(best.view_px / one.photo_px, spacing)
    if best.share < _MOSTLY and levels[0][0] * spacing >= _LEAST_SPACING:
        fit = _spread_out(one, other, fit, shape, levels[0][0], spacing)
    for reduction, search in levels:
        if reduction != reached:
            before, after = each(partial(_banded_at, reduction=reduction), (one, other))
            reached = reduction
        finer = refine(before, after, everywhere(fit.warp), shape, search=search, spacing=spacing // reduction)
        if finer is not None and finer.agreeing >= _LEAST_AGREEING:
            fit = finer
    return fit


def _spread_out(
    one: SkinView, other: SkinView, fit: Pass, shape: tuple[int, int], reduction: int, spacing: int
) -> Pass:
    """Further passes at the coarsest scale, as long as they reach skin that the ones before had lost (a smile)."""
    before, after = each(partial(_banded_at, reduction=reduction), (one, other))
    for _ in range(_MOST_PASSES):
        wider = refine(
            before, after, everywhere(fit.warp), shape, search=_WIDE_SEARCH, spacing=max(spacing // reduction, _DENSE)
        )
        if wider is None or wider.agreeing < _LEAST_AGREEING:
            break
        gained = wider.agreeing / wider.patches - fit.agreeing / fit.patches
        if gained > 0:
            fit = wider
        if gained < _WORTH_A_PASS:
            break
    return fit


def _banded_at(view: SkinView, reduction: int) -> Banded:
    return banded(view.resized(reduction * view.photo_px))


def _levels(ratio: float, spacing: int) -> list[tuple[int, int]]:
    """(reduction, search in px) of each pass, for an attempt on views `ratio` times as coarse as the finest."""
    reduction = max(2, 2 ** math.ceil(math.log2(max(ratio / 4, 1))))
    while reduction > 1 and spacing < reduction * _LEAST_SPACING:
        reduction //= 2
    levels = [(reduction, 12)]
    while reduction > 4:
        reduction //= 4
        levels.append((reduction, 12))
    return [*levels, (1, 8)]

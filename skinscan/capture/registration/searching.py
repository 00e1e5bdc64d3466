"""The search for the fit to believe: attempts on views of several sizes, as they are and mirrored.

A guess (`matching`), refined once (`refining`), is believed only if patches find themselves where their neighbours say,
far more often than chance allows, even when as many patches as a chance guess could have fitted are taken off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import warp
from skinscan.arrays.threads import each
from skinscan.capture.registration import likeness, matching
from skinscan.capture.registration.refining import Pass, Warp, banded, refine
from skinscan.capture.registration.skin_view import SkinView
from skinscan.records import Frame

WORKING_PX = (512, 320, 900)
"""Longest side of the views that features are looked for in, in the order tried.

Half a thousand is the surest: finer structure is more noise, JPEG and relief, and relief
looks different once the light moves.
"""

QUICK_PX = 256
"""Longest side of the views that are tried first of all: a fifth of the work, and enough for most close-ups."""

_CHANCE = 0.06
"""Share of patches of another skin that agree with their neighbours: 0.02-0.04 measured."""

_SPURIOUS = 12
"""Patches that a guess by chance may bring into agreement: it rests on up to 10 features (measured)."""

_LEAST_SHARE = 0.3
_LEAST_SHARE_UNMOVED = 0.8
_SHARE_OF_ALL = 0.8
UNMOVED_PX = 0.75
_UNTURNED_PX = 0.25
_MOVED_VIEW_PX = 1.5
"""Least share of patches that agree: 0.4 or more of a smiling face do, and all that a watermark covers."""

_LEAST_AGREEING = 8
_LOG10_CHANCE = -6.0
_LOG10_CONVINCING = -15.0
LOG10_MAYBE = -3.0
"""From here on more agrees than chance would have it, though not enough to believe."""

_SCALE_RANGE = (0.2, 5.0)
_MOST_PERSPECTIVE = 2.5


@dataclass(frozen=True, eq=False)
class Attempt:
    """A fit and what speaks for it.

    `moved_px`: how far its features lie apart in the two photos, in photo pixels; `view_px`: photo pixels to a pixel
    of the before view that they were found in; `turned_px`: what shifting and scaling the picture cannot explain of the
    fit, in pixels of that view.
    """

    fit: Pass
    matches: int
    chance: float
    mirrored: bool
    moved_px: float
    view_px: float
    turned_px: float

    @property
    def share(self) -> float:
        return self.fit.agreeing / max(self.fit.patches, 1)

    @property
    def printed_on(self) -> bool:
        """What agrees is fixed to the picture and the rest is not: a watermark, a dirty lens, a cropped logo.

        No hand holds a camera so that skin is neither turned nor tilted by a quarter of a pixel.
        """
        of_picture = self.moved_px < UNMOVED_PX or self.turned_px < _UNTURNED_PX
        return of_picture and self.share < _LEAST_SHARE_UNMOVED

    @property
    def believed(self) -> bool:
        return (
            self.fit.agreeing - _SPURIOUS >= _LEAST_AGREEING
            and self.chance <= _LOG10_CHANCE
            and self.share >= _LEAST_SHARE
            and not self.printed_on
        )

    @property
    def convincing(self) -> bool:
        return self.believed and self.chance <= _LOG10_CONVINCING

    @property
    def beyond_doubt(self) -> bool:
        """Nearly all agrees, and so far from where it was that nothing printed on the picture can be meant."""
        return self.convincing and self.share >= _SHARE_OF_ALL and self.moved_px >= _MOVED_VIEW_PX * self.view_px


def find(first: SkinView, second: SkinView, before: Frame, after: Frame) -> Attempt | None:
    """The most convincing attempt on two views, or None where nothing could be attempted."""
    return _quick_look(first, second, before.shape) or _search(first, second, before, after)


def _quick_look(first: SkinView, second: SkinView, shape: tuple[int, int]) -> Attempt | None:
    """An attempt on small views, if that puts an end to all doubt."""
    sides = [max(view.mask.shape) for view in (first, second)]
    if min(sides) <= QUICK_PX:
        return None
    one, other = (view.resized(side / QUICK_PX) for view, side in zip((first, second), sides, strict=True))
    for attempt in _attempts(one, other, shape):
        if attempt.beyond_doubt:
            return attempt
    return None


def _search(first: SkinView, second: SkinView, before: Frame, after: Frame) -> Attempt | None:
    """The most convincing of all attempts; stops at the first that leaves no doubt."""
    best: Attempt | None = None
    for one, other in _views(first, second, before, after):
        for attempt in _attempts(one, other, before.shape):
            if best is None or attempt.chance < best.chance:
                best = attempt
            if best.convincing:
                return best
        if best is not None and best.believed:
            return best
    return best


def _views(first: SkinView, second: SkinView, before: Frame, after: Frame) -> Iterator[tuple[SkinView, SkinView]]:
    """Pairs of views to try: of one scale where both are known, then each at the same number of pixels."""
    sides = [max(view.mask.shape) for view in (first, second)]
    tried = set()
    for size in WORKING_PX:
        whole = max(sides[0] / size, 1.0), max(sides[1] / size, 1.0)
        pairs = [whole]
        if before.scale and after.scale:
            ratio = before.scale.mm_per_px / after.scale.mm_per_px
            common = max(whole[0], whole[1] / ratio)
            if not 0.6 <= whole[1] / (whole[0] * ratio) <= 1.6:
                pairs.insert(0, (common, common * ratio))
        for pair in pairs:
            if pair not in tried:
                tried.add(pair)
                yield first.resized(pair[0]), second.resized(pair[1])


def _attempts(one: SkinView, other: SkinView, shape: tuple[int, int]) -> Iterator[Attempt]:
    """What comes of two views as they are, and of the after view mirrored."""
    ours, theirs = each(matching.features, (one, other))
    for mirrored in (False, True):
        if mirrored:
            other, theirs = other.flipped(), theirs.flipped(other.mask.shape[1])
        attempt = _attempt(one, other, matching.guess(ours, theirs), shape, mirrored)
        if attempt is not None:
            yield attempt


def _attempt(
    one: SkinView, other: SkinView, guess: matching.Guess | None, shape: tuple[int, int], mirrored: bool
) -> Attempt | None:
    if guess is None or not _plausible(guess.homography, guess.before):
        return None
    homography = other.to_photo @ guess.homography @ np.linalg.inv(one.to_photo)
    start = Warp(homography / homography[2, 2], warp.NO_DISPLACEMENT, 1)
    apart = warp.project(other.to_photo, guess.after) - warp.project(one.to_photo, guess.before)
    moved_px = float(np.median(np.linalg.norm(apart, axis=1)))
    one, other = same_scale(one, other, start)
    before, after = each(banded, (one, other))
    fit = refine(before, after, start, shape, search=10, spacing=24)
    if fit is None:
        return None
    attempt = Attempt(fit, len(guess), _chance(fit), mirrored, moved_px, one.photo_px, _turned_px(fit, one.photo_px))
    if attempt.chance <= _LOG10_CHANCE and attempt.share < _SHARE_OF_ALL:
        # a guess from one corner reaches the far one only on a second look, from where the first arrived
        again = refine(before, after, everywhere(fit.warp), shape, search=10, spacing=24)
        if again is not None and again.agreeing > fit.agreeing:
            turned_px = _turned_px(again, one.photo_px)
            attempt = replace(attempt, fit=again, chance=_chance(again), turned_px=turned_px)
    return attempt


def _turned_px(fit: Pass, view_px: float) -> float:
    """What a shift and a scale leave of a fit, RMS in pixels of the before view; inf where little is known."""
    rows, columns = np.nonzero(np.isfinite(fit.spread))
    points = np.stack([columns, rows], axis=1) * float(fit.warp.grid_px)
    there = fit.warp(points)
    known = np.isfinite(there).all(axis=1)
    if known.sum() < _LEAST_AGREEING:
        return math.inf
    points, there = points[known] - points[known].mean(axis=0), there[known] - there[known].mean(axis=0)
    scale = float((points * there).sum() / max((points**2).sum(), 1e-9))
    return float(np.sqrt(((there - scale * points) ** 2).sum(axis=1).mean()) / (abs(scale) * view_px + 1e-9))


def _chance(fit: Pass) -> float:
    """log10 of the probability that so many patches agree by chance, _SPURIOUS of them taken off."""
    tested = max(fit.patches - _SPURIOUS, 0)
    return _log10_tail(max(fit.agreeing - _SPURIOUS, 0), tested, _CHANCE)


def same_scale(one: SkinView, other: SkinView, start: Warp) -> tuple[SkinView, SkinView]:
    """Both views with pixels of the same size on the skin: the finer one is reduced."""
    ratio = likeness.scale_at(start, _middle(one))
    if not math.isfinite(ratio) or ratio <= 0:
        return one, other
    common = max(one.photo_px, other.photo_px / ratio)
    return one.resized(common), other.resized(common * ratio)


def _middle(view: SkinView) -> NDArray[np.float64]:
    step = max(1, int(math.sqrt(view.mask.size / 10_000)))
    rows, columns = np.nonzero(view.mask[::step, ::step])
    return warp.project(view.to_photo, step * np.array([[columns.mean(), rows.mean()]]))


def _plausible(homography: NDArray[np.float64], points: NDArray[np.float64]) -> bool:
    """Neither folded nor a scale or perspective that two photos of one site could not have."""
    slopes = warp.jacobian(homography, warp.NO_DISPLACEMENT, 1, points)
    if not np.isfinite(slopes).all():
        return False
    areas = np.linalg.det(slopes)
    if areas.min() <= 0:
        return False
    scales = np.sqrt(areas)
    stretch = np.linalg.cond(slopes.mean(axis=0))
    return bool(
        _SCALE_RANGE[0] <= np.median(scales) <= _SCALE_RANGE[1]
        and scales.max() / scales.min() <= _MOST_PERSPECTIVE
        and stretch <= _MOST_PERSPECTIVE
    )


def _log10_tail(successes: int, trials: int, chance: float) -> float:
    """log10 of the probability of at least `successes` in `trials` at `chance` each (binomial)."""
    if successes <= trials * chance or trials == 0:
        return 0.0
    k = np.arange(successes, trials + 1)
    log_gamma = np.array([math.lgamma(i + 1) for i in range(trials + 1)])
    terms = log_gamma[trials] - log_gamma[k] - log_gamma[trials - k]
    terms = terms + k * math.log(chance) + (trials - k) * math.log1p(-chance)
    return float((terms.max() + math.log(np.exp(terms - terms.max()).sum())) / math.log(10))


def everywhere(fit: Warp) -> Warp:
    return Warp(fit.homography, warp.fill_unknown(fit.displacement), fit.grid_px)

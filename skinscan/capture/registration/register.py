"""Where each point of the before photo lies in the after photo: by the skin itself, its failure noticed.

Guess (`matching`), refine (`refining`), then believe it only if patches find themselves where their
neighbours say, far more often than chance allows, even when as many patches as a chance guess could have
fitted are taken off.

Light that moves displaces how relief looks, by some of its depth and all in one direction: on phantoms 25 um at
15 degrees, 75 um at 45, 150 um at 90, in every colour channel. What is dark in every light tells by how much
(`pit_shift`), and the map is shifted back; `residual_px` and `spread` hold the scatter of the fit and what may be
left of this shift.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import warp
from skinscan.arrays.threads import each
from skinscan.capture.registration import likeness, matching
from skinscan.capture.registration.pit_shift import LEFT_OVER, pit_shift
from skinscan.capture.registration.refining import Banded, Pass, Warp, banded, refine
from skinscan.capture.registration.skin_view import SkinView, skin_view
from skinscan.records import Flag, Frame, Notice, Registration

WORKING_PX = (512, 320, 900)
"""Longest side of the views that features are looked for in, in the order tried.

Half a thousand is the surest: finer structure is more noise, JPEG and relief, and relief
looks different once the light moves.
"""

QUICK_PX = 256
"""Longest side of the views that are tried first of all: a fifth of the work, and enough for most close-ups."""

LARGEST_PX = 16_000_000
"""Pixels of a view beyond which it is halved: places are then found to a tenth of a pixel of the photo."""

LEAST_OVERLAP = 0.15

_CHANCE = 0.06
"""Share of patches of another skin that agree with their neighbours: 0.02-0.04 measured."""

_SPURIOUS = 12
"""Patches that a guess by chance may bring into agreement: it rests on up to 10 features (measured)."""

_LEAST_SHARE = 0.3
_LEAST_SHARE_UNMOVED = 0.8
_SHARE_OF_ALL = 0.8
_UNMOVED_PX = 0.75
_MOVED_VIEW_PX = 1.5
"""Least share of patches that agree: 0.4 or more of a smiling face do, and all that a watermark covers."""

_LEAST_AGREEING = 8
_PATCHES = 600
_LEAST_SPACING = 24
_LOG10_CHANCE = -6.0
_LOG10_CONVINCING = -15.0
_SCALE_RANGE = (0.2, 5.0)
_MOST_PERSPECTIVE = 2.5
_SCALE_ALLOWANCE = 0.01

LIGHT_SHIFT_MM, TEXTURE_SAME_LIGHT = 0.10, 0.97
"""With the lamp moved by 45 degrees the whole fit is off by 5-75 um (LIGHT_SHIFT_MM times the root of what the texture's
correlation lacks), and no patch disagrees with its neighbours about it; the same light leaves a correlation of 0.97 and
more."""

_PX_PER_MM_ASSUMED = 16.0
_RESOLUTION_SHIFT_PX = 0.08
"""What another resolution does to the place of shaded relief, for a ratio of e (phantoms: 0.03 px at 0.7)."""

LIGHT_CHANGE = 0.25
TEXTURE_ALIKE = 0.5
"""From here on, or under, the light differs: see Registration.light_change and .texture_correlation."""


@dataclass(frozen=True, eq=False)
class _Attempt:
    """A fit and what speaks for it.

    `moved_px`: how far its features lie apart in the two photos, in photo pixels; `view_px`: photo pixels to a pixel
    of the before view that they were found in.
    """

    fit: Pass
    matches: int
    chance: float
    mirrored: bool
    moved_px: float
    view_px: float

    @property
    def share(self) -> float:
        return self.fit.agreeing / max(self.fit.patches, 1)

    @property
    def printed_on(self) -> bool:
        """What agrees is fixed to the picture and the rest is not: a watermark, a dirty lens."""
        return self.moved_px < _UNMOVED_PX and self.share < _LEAST_SHARE_UNMOVED

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


def register(before: Frame, after: Frame) -> Registration:
    """Register `after` to `before` by the skin that both show.

    Uses log-luminance of measured pixels alone, so exposure, white balance and tone play no part. `ok` is
    False, with a NOT_REGISTERED or LITTLE_OVERLAP notice, unless independent patches confirm the fit; the
    geometry is then NaN. Mirrored photos are registered too: their homography has a negative determinant.
    Samples of `displacement` are NaN where the skin is in both photos but patches disagree about where it
    went (expression, hair, another angle of view): nothing is carried there (`arrays.warp`). The same input
    gives the same output.

    The overlap is too little where what both see is under LEAST_OVERLAP of the skin of either photo: a
    close-up within a wide photo is not little overlap.
    """
    first, second = each(_seen, (before, after))
    if first is None or second is None:
        which = "before" if first is None else "after"
        return _refused(f"no skin was found in the {which} photo; draw the region to compare by hand")
    best = _quick_look(first, second, before.shape) or _search(first, second, before, after)
    if best is None or not best.believed:
        return _refused(_why_not(best))
    fine = _at_full_size(first, second, best, before.shape)
    return _described(before, after, first, second, best, fine)


def _seen(frame: Frame) -> SkinView | None:
    """The frame's skin, at half its pixels along a side where they are too many to be held several times."""
    view = skin_view(frame)
    if view is None or view.mask.size <= LARGEST_PX:
        return view
    return view.resized(2.0 ** math.ceil(math.log2(view.mask.size / LARGEST_PX) / 2))


def _quick_look(first: SkinView, second: SkinView, shape: tuple[int, int]) -> _Attempt | None:
    """An attempt on small views, if that puts an end to all doubt."""
    sides = [max(view.mask.shape) for view in (first, second)]
    if min(sides) <= QUICK_PX:
        return None
    one, other = (view.resized(side / QUICK_PX) for view, side in zip((first, second), sides, strict=True))
    for attempt in _attempts(one, other, shape):
        if attempt.beyond_doubt:
            return attempt
    return None


def _search(first: SkinView, second: SkinView, before: Frame, after: Frame) -> _Attempt | None:
    """The most convincing of all attempts; stops at the first that leaves no doubt."""
    best: _Attempt | None = None
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


def _attempts(one: SkinView, other: SkinView, shape: tuple[int, int]) -> Iterator[_Attempt]:
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
) -> _Attempt | None:
    if guess is None or not _plausible(guess.homography, guess.before):
        return None
    homography = other.to_photo @ guess.homography @ np.linalg.inv(one.to_photo)
    start = Warp(homography / homography[2, 2], warp.NO_DISPLACEMENT, 1)
    apart = warp.project(other.to_photo, guess.after) - warp.project(one.to_photo, guess.before)
    moved_px = float(np.median(np.linalg.norm(apart, axis=1)))
    one, other = _same_scale(one, other, start)
    before, after = each(banded, (one, other))
    fit = refine(before, after, start, shape, search=10, spacing=24)
    if fit is None:
        return None
    attempt = _Attempt(fit, len(guess), _chance(fit), mirrored, moved_px, one.photo_px)
    if attempt.chance <= _LOG10_CHANCE and attempt.share < _SHARE_OF_ALL:
        # a guess from one corner reaches the far one only on a second look, from where the first arrived
        again = refine(before, after, _everywhere(fit.warp), shape, search=10, spacing=24)
        if again is not None and again.agreeing > fit.agreeing:
            attempt = replace(attempt, fit=again, chance=_chance(again))
    return attempt


def _chance(fit: Pass) -> float:
    """log10 of the probability that so many patches agree by chance, _SPURIOUS of them taken off."""
    tested = max(fit.patches - _SPURIOUS, 0)
    return _log10_tail(max(fit.agreeing - _SPURIOUS, 0), tested, _CHANCE)


def _same_scale(one: SkinView, other: SkinView, start: Warp) -> tuple[SkinView, SkinView]:
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


def _at_full_size(first: SkinView, second: SkinView, best: _Attempt, shape: tuple[int, int]) -> Pass:
    """Passes from a quarter of the attempt's scale, or half the finest, to the finest scale that both photos have.

    Each starts where the one before ended; there are two at least. Patches of a small skin are too few at less than
    the finest scale: there both passes are at that.
    """
    one, other = _same_scale(first, second, best.fit.warp)
    fit = best.fit
    spacing = max(_LEAST_SPACING, round(math.sqrt(float(np.count_nonzero(one.mask)) / _PATCHES)))
    reached = 0
    for reduction, search in _levels(best.view_px / one.photo_px, spacing):
        if reduction != reached:
            before, after = each(partial(_banded_at, reduction=reduction), (one, other))
            reached = reduction
        finer = refine(before, after, _everywhere(fit.warp), shape, search=search, spacing=spacing // reduction)
        if finer is not None and finer.agreeing >= _LEAST_AGREEING:
            fit = finer
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


def _everywhere(fit: Warp) -> Warp:
    return Warp(fit.homography, warp.fill_unknown(fit.displacement), fit.grid_px)


def _described(
    before: Frame, after: Frame, first: SkinView, second: SkinView, best: _Attempt, fine: Pass
) -> Registration:
    fit = fine.warp
    shared = likeness.overlap(first, second, fit)
    if max(shared.of_before, shared.of_after) < LEAST_OVERLAP:
        detail = (
            f"{100 * shared.of_before:.0f} % of the skin before is seen after, at least "
            f"{100 * LEAST_OVERLAP:.0f} % needed; photograph the same place again"
        )
        return _refused(detail, Flag.LITTLE_OVERLAP, best.matches, shared.of_before)
    scale = likeness.scale_at(fit, shared.points)
    one, other = _same_scale(first, second, fit)
    mm_per_px = before.scale.mm_per_px if before.scale else None
    texture, contrast = likeness.texture_likeness(one, other, _everywhere(fit), mm_per_px)
    light = likeness.light_change(first, second, fit, shared.points)
    fit, common_px = _lit_alike(before, after, first, second, fit, texture)
    common_px = math.hypot(
        common_px * scale, _RESOLUTION_SHIFT_PX * abs(math.log(first.photo_px / second.photo_px * scale))
    )
    turn, squeeze = _turn_and_squeeze(fit, shared.points, best.mirrored)
    notices = [
        *_mirrored_notice(best.mirrored),
        *_scale_notice(before, after, scale, squeeze),
        *_light_notice(texture, light),
    ]
    return Registration(
        ok=True,
        homography=fit.homography,
        displacement=fit.displacement,
        grid_px=fit.grid_px,
        matches=best.matches,
        residual_px=math.hypot(fine.standard_error_px, math.sqrt(2) * common_px),
        overlap_share=shared.of_before,
        scale_ratio=scale,
        rotation_deg=turn,
        mirrored=best.mirrored,
        texture_correlation=texture,
        light_change=light,
        texture_ratio=contrast,
        notices=tuple(notices),
        spread=np.hypot(fine.spread, np.float32(common_px)),
    )


def _lit_alike(
    before: Frame, after: Frame, first: SkinView, second: SkinView, fit: Warp, texture: float
) -> tuple[Warp, float]:
    """The fit, shifted as a whole by what light from elsewhere made of it, and how far off in common it may still be
    (standard uncertainty of one axis, before px).

    The shift counts by how far it exceeds its own uncertainty (James and Stein 1961).
    """
    if not texture < TEXTURE_SAME_LIGHT:
        return fit, 0.0
    found = pit_shift(before, after, first, second, fit)
    if found is None:
        per_mm = 1 / before.scale.mm_per_px if before.scale else _PX_PER_MM_ASSUMED
        return fit, LIGHT_SHIFT_MM * math.sqrt((TEXTURE_SAME_LIGHT - texture) / 2) * per_mm
    length = math.hypot(*found.xy)
    share = max(1 - 2 * (found.spread / length) ** 2, 0.0) if length else 0.0
    x, y = (share * value for value in found.xy)
    shifted = fit.homography @ np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])
    left = math.hypot(math.sqrt(share) * found.spread, LEFT_OVER * length / math.sqrt(2))
    return Warp(shifted / shifted[2, 2], fit.displacement, fit.grid_px), left


def _turn_and_squeeze(fit: Warp, points: NDArray[np.float64], mirrored: bool) -> tuple[float, float]:
    """Rotation in degrees (clockwise as seen, -180 to 180), and the largest over the smallest scale."""
    slope = likeness.slopes_at(fit, points).mean(axis=0)
    upright = slope @ np.diag([-1.0, 1.0]) if mirrored else slope
    turn = math.degrees(math.atan2(upright[1, 0] - upright[0, 1], upright[0, 0] + upright[1, 1]))
    return turn, float(np.linalg.cond(slope))


def _mirrored_notice(mirrored: bool) -> list[Notice]:
    return [Notice(Flag.MIRRORED, "switch off the mirroring of the front camera")] if mirrored else []


def _scale_notice(before: Frame, after: Frame, ratio: float, squeeze: float) -> list[Notice]:
    """SCALE_DISAGREES where the two scales contradict the registered one beyond 3 SD and what tilt can do."""
    if before.scale is None or after.scale is None:
        return []
    told = before.scale.mm_per_px / after.scale.mm_per_px
    allowed = 3 * math.hypot(before.scale.relative, after.scale.relative) + (squeeze - 1) + _SCALE_ALLOWANCE
    if abs(math.log(told / ratio)) <= allowed:
        return []
    detail = (
        f"the scales say that the after photo is {told:.3f} times as large, the skin says {ratio:.3f}; "
        "check what was given as the scale, or where the sticker lay"
    )
    return [Notice(Flag.SCALE_DISAGREES, detail)]


def _light_notice(texture: float, light: float) -> list[Notice]:
    if texture >= TEXTURE_ALIKE and light <= LIGHT_CHANGE:
        return []
    detail = (
        f"fine shading correlates by {texture:.2f} ({TEXTURE_ALIKE:g} or more expected), light across the "
        f"skin differs by {100 * light:.0f} % ({100 * LIGHT_CHANGE:.0f} % allowed); light both photos alike"
    )
    return [Notice(Flag.LIGHT_DIFFERS, detail)]


def _refused(
    detail: str, flag: Flag = Flag.NOT_REGISTERED, matches: int = 0, overlap_share: float = 0.0
) -> Registration:
    nan = float("nan")
    return Registration(
        ok=False,
        homography=np.full((3, 3), nan),
        displacement=warp.NO_DISPLACEMENT.copy(),
        grid_px=1,
        matches=matches,
        residual_px=nan,
        overlap_share=overlap_share,
        scale_ratio=nan,
        rotation_deg=nan,
        mirrored=False,
        texture_correlation=nan,
        light_change=nan,
        notices=(Notice(flag, detail),),
    )


def _why_not(best: _Attempt | None) -> str:
    todo = "photograph the same place again, sharp, lit from the same side and about as near"
    if best is None:
        return f"no structure of the skin was found in both; {todo}"
    if best.printed_on:
        return (
            f"only {100 * best.share:.0f} % of the skin agrees, at the very same pixels of both photos, as a "
            "watermark or a dirty lens would; use photos without it"
        )
    return (
        f"{best.fit.agreeing} of {best.fit.patches} patches of skin agree on where they went, "
        f"no more than chance allows; {todo}"
    )

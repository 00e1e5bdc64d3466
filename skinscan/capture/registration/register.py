"""Where each point of the before photo lies in the after photo: by the skin itself, its failure noticed.

Guess (`matching`), refine (`refining`), then believe it only if patches find themselves where their
neighbours say, far more often than chance allows, even when as many patches as a chance guess could have
fitted are taken off.

Light that moves displaces how relief looks, by some of its depth and all in one direction: on phantoms 15 um at
15 degrees, 60 um at 45, 110 um at 90, in every colour channel. What is dark in every light follows it less and what
shines follows it more, which tells by how much (`pit_shift`); the map is shifted back, and `residual_px` and `spread`
hold the scatter of the fit and what may be left of this shift.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import warp
from skinscan.arrays.threads import each
from skinscan.capture.registration import likeness
from skinscan.capture.registration.full_size import at_full_size
from skinscan.capture.registration.pit_shift import PitShift, pit_shift
from skinscan.capture.registration.reasons import why_not
from skinscan.capture.registration.refining import Pass, Warp
from skinscan.capture.registration.searching import Attempt, everywhere, find, same_scale
from skinscan.capture.registration.skin_view import SkinView, skin_view
from skinscan.capture.scale.plane_scale import contradiction
from skinscan.records import Flag, Frame, Notice, Registration

LARGEST_PX = 16_000_000
"""Pixels of a view beyond which it is halved: places are then found to a tenth of a pixel of the photo."""

LEAST_OVERLAP = 0.15

_SCALE_ALLOWANCE = 0.01

LIGHT_SHIFT_MM, TEXTURE_SAME_LIGHT = 0.10, 0.97
"""With the lamp moved by 45 degrees the whole fit is off by 5-75 um: LIGHT_SHIFT_MM times the root of what the
texture's correlation lacks. No patch disagrees with its neighbours about it. The same light leaves 0.97 and more."""

_CAUTION = 4.0
_LEFT_OF_SHIFT, _LEFT_OF_DISAGREEMENT, _LEFT_UNCHECKED, _LEFT_MM = 0.2, 0.24, 0.27, 0.006
"""What is left of a shift that was taken back, one axis: a share of it and of what dark and bright parts disagree by,
and what a raised lamp leaves however little it shifted (RMS of 88 pairs of phantoms: light moved by 15, 45 and 90
degrees, or raised by 20)."""

_DIRECTED, _DIRECTED_ALIKE, _DIRECTED_MOST = 0.13, 0.006, 0.12
"""What is left at least where the shading's direction tells that the lamp moved, one axis in mm a unit of the change of
anisotropy: beyond what the same lamp leaves of it, and up to where it says no more. A lowered lamp can shift all that
is seen by 30 um and leave dark and bright parts where they are to one another (45 other pairs of phantoms)."""

_PX_PER_MM_ASSUMED = 16.0
_RESOLUTION_SHIFT_PX = 0.08
"""What another resolution does to the place of shaded relief, for a ratio of e (phantoms: 0.03 px at 0.7)."""

LIGHT_CHANGE = 0.25
TEXTURE_ALIKE = 0.5
"""From here on, or under, the light differs: see Registration.light_change and .texture_correlation."""


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
    best = find(first, second, before, after)
    if best is None or not best.believed:
        return _refused(why_not(best, first, second))
    fine = at_full_size(first, second, best, before.shape)
    return _described(before, after, first, second, best, fine)


def _seen(frame: Frame) -> SkinView | None:
    """The frame's skin, at half its pixels along a side where they are too many to be held several times."""
    view = skin_view(frame)
    if view is None or view.mask.size <= LARGEST_PX:
        return view
    return view.resized(2.0 ** math.ceil(math.log2(view.mask.size / LARGEST_PX) / 2))


def _described(
    before: Frame, after: Frame, first: SkinView, second: SkinView, best: Attempt, fine: Pass
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
    one, other = same_scale(first, second, fit)
    mm_per_px = before.scale.mm_per_px if before.scale else None
    texture = likeness.texture_likeness(one, other, everywhere(fit), mm_per_px)
    light = likeness.light_change(first, second, fit, shared.points)
    fit, common_px = _lit_alike(before, after, first, second, fit, texture)
    common_px = math.hypot(
        common_px * scale, _RESOLUTION_SHIFT_PX * abs(math.log(first.photo_px / second.photo_px * scale))
    )
    turn, squeeze = _turn_and_squeeze(fit, shared.points, best.mirrored)
    notices = [
        *_mirrored_notice(best.mirrored),
        *_scale_notice(before, after, scale, squeeze, shared.points, fit),
        *_light_notice(texture.correlation, light),
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
        texture_correlation=texture.correlation,
        light_change=light,
        texture_ratio=texture.ratio,
        anisotropy_change=texture.anisotropy_change,
        notices=tuple(notices),
        spread=np.hypot(fine.spread, np.float32(common_px)),
    )


def _lit_alike(
    before: Frame, after: Frame, first: SkinView, second: SkinView, fit: Warp, texture: likeness.Texture
) -> tuple[Warp, float]:
    """The fit, shifted as a whole by what light from elsewhere made of it, and how far off in common it may still be
    (standard uncertainty of one axis, before px).

    The shift counts by how far it exceeds its own uncertainty (as James and Stein 1961, with more caution: mostly the
    light has not moved).
    """
    per_mm = 1 / before.scale.mm_per_px if before.scale else _PX_PER_MM_ASSUMED
    turned = min(max(0.0, texture.anisotropy_change - _DIRECTED_ALIKE), _DIRECTED_MOST)  # 0 where it is NaN
    of_direction = _DIRECTED * turned * per_mm
    found = pit_shift(before, after, first, second, fit)
    if found is None:
        of_likeness = LIGHT_SHIFT_MM * math.sqrt(max(TEXTURE_SAME_LIGHT - texture.correlation, 0.0) / 2) * per_mm
        return fit, max(of_likeness, of_direction)
    length = math.hypot(*found.xy)
    share = max(1 - _CAUTION * (found.spread / length) ** 2, 0.0) if length else 0.0
    x, y = (share * value for value in found.xy)
    shifted = fit.homography @ np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])
    # two axes of scatter alone make a length of sqrt(2) spreads
    sure = math.sqrt(max(length**2 - 2 * found.spread**2, (found.spread / 3) ** 2))
    unknown = (1 - share) * sure / math.sqrt(2), share * _not_told(found, length, per_mm)
    left = max(math.hypot(share * found.spread, *unknown), of_direction)
    return Warp(shifted / shifted[2, 2], fit.displacement, fit.grid_px), left


def _not_told(found: PitShift, length: float, per_mm: float) -> float:
    """Standard uncertainty of one axis of a shift, beyond what blocks of the skin scatter by."""
    if found.disagreement_px is None:
        return math.hypot(_LEFT_UNCHECKED * length, _LEFT_MM * per_mm)
    return math.hypot(_LEFT_OF_SHIFT * length, _LEFT_OF_DISAGREEMENT * found.disagreement_px, _LEFT_MM * per_mm)


def _turn_and_squeeze(fit: Warp, points: NDArray[np.float64], mirrored: bool) -> tuple[float, float]:
    """Rotation in degrees (clockwise as seen, -180 to 180), and the largest over the smallest scale."""
    slope = likeness.slopes_at(fit, points).mean(axis=0)
    upright = slope @ np.diag([-1.0, 1.0]) if mirrored else slope
    turn = math.degrees(math.atan2(upright[1, 0] - upright[0, 1], upright[0, 0] + upright[1, 1]))
    return turn, float(np.linalg.cond(slope))


def _mirrored_notice(mirrored: bool) -> list[Notice]:
    return [Notice(Flag.MIRRORED, "switch off the mirroring of the front camera")] if mirrored else []


def _scale_notice(
    before: Frame, after: Frame, ratio: float, squeeze: float, points: NDArray[np.float64], fit: Warp
) -> list[Notice]:
    """SCALE_DISAGREES where the two scales contradict the registered one beyond 3 SD, and beyond what a tilt can do
    where no plane tells it."""
    if before.scale is None or after.scale is None:
        return []
    there = warp.forward(points, fit.homography, fit.displacement, fit.grid_px)
    known = np.isfinite(there).all(axis=1)
    if not known.any():
        return []
    apart, error = contradiction(before.scale, after.scale, points[known], there[known], ratio)
    planes = before.scale.plane is not None and after.scale.plane is not None
    if abs(apart) <= 3 * error + (0.0 if planes else (squeeze - 1) + _SCALE_ALLOWANCE):
        return []
    told = ratio * math.exp(apart)
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

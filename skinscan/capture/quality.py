"""What a photo can carry, judged over its skin (over the whole picture where there is none)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.blur import estimate_blur, tiles_of
from skinscan.capture.gloss import Peaks, find_peaks
from skinscan.capture.skin.usable import BRIGHT, DARK, SPECULAR, Usable
from skinscan.capture.smoothing import SUSPECTED, smoothing_score
from skinscan.capture.thumbnails import Thumbnails, shrunk
from skinscan.records import BoolArray, Flag, Notice, Photo, Quality, Scale

BLUR_FREE_PX = 1.1
"""SD of the blur that a camera's lens, antialiasing and demosaicing leave in a sharp photo."""

SKIN_SD_MM = 0.042
"""Softness of skin's own finest structure, as the SD of a Gaussian: relief, pore edges and light under the
surface.

Found on phantoms at 12 to 30 px/mm; it adds to the photo's blur in quadrature and is taken off where the
scale is known. Without a scale it stays in, so that a close-up without a scale seems softer than it is.
"""

SHARPEST_PX = 0.7
BLURRED_PX = 1.6
BLURRED_UNSCALED_PX = 2.5
POOR_BLUR_PX = 3.5
BLOCKY = 0.8
CLIPPED_SHARE = 0.02
POOR_CLIPPED_SHARE = 0.20
UNEVEN = 0.45
NOISY = 0.06
COMPRESSED_QUALITY = 75
SMALL_PX = 480
POOR_SMALL_PX = 200
"""Limits of the notices; `measure_quality` says what each is compared with."""
MATTER = "cross polarisers on lamp and lens, or wipe the skin and soften the lamp"
"""What to do about gloss."""

_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)


def effective_um_per_px(um_per_px: float, blur_px: float) -> float:
    """Micrometres a pixel that a photo is worth once its blur is counted.

    `um_per_px * sqrt(1 + max(0, blur_px^2 - 1.1^2))`, blur as SD in px. A sharp photo keeps its scale: up to 1.1 px
    pores of 4 px and more are sized within their error (docs/results.md). A photo blurred by s and then thrown to
    every k-th pixel is as good as before when k pixels are about the blur's own SD wide, so that for strong blur the
    photo is worth one pixel an SD: 2.5 px at 33 um/px count as 82 um.
    """
    return um_per_px * math.sqrt(1.0 + max(0.0, blur_px**2 - BLUR_FREE_PX**2))


def closer(um_per_px: float, needed: float) -> str:
    """What to do about a photo taken from too far: '66 um/px, 50 needed: come a quarter closer or use
    ...'."""
    if not um_per_px > needed:
        return f"{um_per_px:.0f} um/px, {needed:.0f} needed"
    share = 1.0 - needed / um_per_px
    words = (
        (0.12, "come a tenth closer"),
        (0.22, "come a fifth closer"),
        (0.29, "come a quarter closer"),
        (0.40, "come a third closer"),
        (0.58, "come to half the distance or use the 2x lens"),
        (0.71, "come to a third of the distance or use the 3x lens"),
    )
    advice = next((text for limit, text in words if share <= limit), "take a close-up of the region instead")
    if 0.12 < share <= 0.40:
        advice += " or use the 2x lens"
    return f"{um_per_px:.0f} um/px, {needed:.0f} needed: {advice}"


@dataclass(frozen=True, slots=True)
class _Found:
    """What was measured, before it is judged."""

    blur_px: float
    noise: float
    blocks: float
    bright: float
    dark: float
    specular: float
    uneven: float
    smoothing: float


def measure_quality(
    photo: Photo, skin: BoolArray, usable: Usable, scale: Scale | None, thumbnails: Thumbnails | None = None
) -> tuple[Quality, tuple[Notice, ...]]:
    """Quality of a photo and the notices that it raises.

    `skin` (H, W) is what is judged; where it is empty the whole picture is.
    """
    judged = skin if skin.any() else np.ones(photo.shape, np.bool_)
    count = max(1, int(np.count_nonzero(judged)))
    tiles = tiles_of(photo, judged & usable.mask)
    blur = estimate_blur(tiles)
    lost = np.zeros(8)
    if usable.lost.any():
        lost += cv2.calcHist([usable.lost], [0], judged.view(np.uint8), [8], [0, 8]).reshape(-1)
    shares = [float(lost[(np.arange(8) & reason) > 0].sum()) / count for reason in (BRIGHT, DARK, SPECULAR)]
    found = _Found(
        blur_px=own_blur_px(blur.sigma_px, scale) if blur else math.nan,
        noise=blur.noise if blur else math.nan,
        blocks=blockiness(photo, judged),
        bright=shares[0],
        dark=shares[1],
        specular=shares[2],
        uneven=light_unevenness(thumbnails or Thumbnails(photo), judged),
        smoothing=smoothing_score(tiles),
    )
    limit = BLURRED_PX if scale else BLURRED_UNSCALED_PX
    notices = tuple(_notices(photo, found, limit))
    graded = _quality(photo, found, notices, scale)
    return graded, (*notices, *_gloss(find_peaks(tiles), found.noise))


def _quality(photo: Photo, found: _Found, notices: Sequence[Notice], scale: Scale | None) -> Quality:
    blur_px = found.blur_px
    um_per_px = scale.mm_per_px * 1000.0 if scale else None
    return Quality(
        verdict=_verdict(photo, found, notices),
        sharpness=sharpness(blur_px),
        blur_px=blur_px,
        effective_um_per_px=None
        if um_per_px is None or math.isnan(blur_px)
        else effective_um_per_px(um_per_px, blur_px),
        clipped_bright_share=found.bright,
        clipped_dark_share=found.dark,
        specular_share=found.specular,
        light_unevenness=found.uneven,
        noise=found.noise,
        jpeg_quality=photo.jpeg_quality,
        smoothing_score=found.smoothing,
        smoothing_suspected=found.smoothing > SUSPECTED,
    )


def sharpness(blur_px: float) -> float:
    """Contrast that the blur leaves of a pattern of 4 pixels a period, 0 to 1: exp(-2 pi^2 blur^2 / 16)."""
    return math.exp(-2.0 * math.pi**2 * blur_px**2 / 16.0)


def _verdict(photo: Photo, found: _Found, notices: Sequence[Notice]) -> Literal["good", "usable", "poor"]:
    lost = max(found.bright, found.dark)
    blurred = not found.blur_px <= POOR_BLUR_PX
    if blurred or lost > POOR_CLIPPED_SHARE or min(photo.shape) < POOR_SMALL_PX:
        return "poor"
    return "usable" if notices else "good"


def _notices(photo: Photo, found: _Found, limit: float) -> list[Notice]:
    notices = []
    if min(photo.shape) < SMALL_PX:
        detail = f"{photo.shape[1]} x {photo.shape[0]} pixels: use the camera's own file, not a messenger's copy"
        notices.append(Notice(Flag.TOO_SMALL, detail))
    if found.blur_px > limit:
        detail = f"blur of {found.blur_px:.1f} pixels: let the camera focus on the skin and hold still"
        notices.append(Notice(Flag.BLURRED, detail))
    if found.bright > CLIPPED_SHARE:
        notices.append(
            Notice(Flag.CLIPPED_BRIGHT, f"{found.bright:.0%} of the skin: use less light or a shorter exposure")
        )
    if found.dark > CLIPPED_SHARE:
        notices.append(Notice(Flag.CLIPPED_DARK, f"{found.dark:.0%} of the skin: use more light or a longer exposure"))
    if found.uneven > UNEVEN:
        factor = math.exp(2 * found.uneven)
        detail = f"the light changes by a factor of {factor:.1f} across the skin: light it from both sides"
        notices.append(Notice(Flag.UNEVEN_LIGHT, detail))
    if found.noise > NOISY:
        notices.append(Notice(Flag.NOISY, f"{found.noise:.1%} a pixel: use more light"))
    if photo.jpeg_quality is not None and photo.jpeg_quality < COMPRESSED_QUALITY:
        detail = f"JPEG quality {photo.jpeg_quality}: use the camera's own file"
        notices.append(Notice(Flag.COMPRESSED, detail))
    elif found.blocks > BLOCKY:
        detail = "it shows the blocks of an earlier, harder compression: use the camera's own file"
        notices.append(Notice(Flag.COMPRESSED, detail))
    if found.smoothing > SUSPECTED:
        notices.append(Notice(Flag.SMOOTHING_SUSPECTED, "switch beauty modes off and use the camera's own file"))
    return notices


def _gloss(peaks: Peaks, noise: float) -> list[Notice]:
    """What the skin mirrors: no fault of the photo, so that its grade does not count it."""
    if not peaks.tell_gloss(noise):
        return []
    peak = math.expm1(peaks.bright)
    detail = f"fine bright peaks stand {peak:.0%} above the skin around them: {MATTER}"
    return [Notice(Flag.GLOSS, detail)]


def own_blur_px(sigma_px: float, scale: Scale | None) -> float:
    """Blur of the photo once the softness of skin itself is taken off, in px, where the scale is known."""
    if scale is None:
        return sigma_px
    skin_px = SKIN_SD_MM / scale.mm_per_px
    return math.sqrt(max(sigma_px**2 - skin_px**2, SHARPEST_PX**2))


def at_scale(quality: Quality, old: Scale | None, new: Scale) -> Quality:
    """The same quality once another scale is known: blur without skin's softness, effective resolution."""
    blur_px = quality.blur_px
    if not math.isfinite(blur_px):
        return replace(quality, effective_um_per_px=None)
    sigma_px = math.hypot(blur_px, SKIN_SD_MM / old.mm_per_px) if old else blur_px
    blur_px = own_blur_px(sigma_px, new)
    return replace(
        quality,
        blur_px=blur_px,
        sharpness=sharpness(blur_px),
        effective_um_per_px=effective_um_per_px(new.mm_per_px * 1000.0, blur_px),
    )


def blockiness(photo: Photo, judged: BoolArray) -> float:
    """How far the steps between JPEG's blocks of 8 columns stand out of the steps beside them, 0 for none.

    Excess of |step| at the one column in eight where it is largest, over its neighbours, as a share of the
    mean step (Wang, Sheikh and Bovik 2002, with the phase free), in up to 1024 x 1024 pixels around the
    skin's middle.
    """
    rows, columns = (np.flatnonzero(judged.any(axis=axis)) for axis in (1, 0))
    top, left = (max(0, int(np.mean(line)) - 512) for line in (rows, columns))
    tile = photo.pixels[top : top + 1024, left : left + 1024, 1].astype(np.float32)
    if tile.shape[1] < 64:
        return 0.0
    step = np.abs(np.diff(tile, axis=1)).mean(axis=0)
    whole = step[: len(step) // 8 * 8].reshape(-1, 8)
    phases = np.median(whole, axis=0)
    order = np.sort(phases)
    return float((order[-1] - order[-2]) / max(float(order.mean()), 0.05))


def light_unevenness(thumbnails: Thumbnails, judged: BoolArray) -> float:
    """SD of the light's low-frequency log-luminance over the skin (natural log), less the skin's own doming.

    Log-luminance is averaged over a twelfth of the skin's extent; a parabola along x and along y, as a face
    or limb under even light shows it, is taken out; slopes and steps stay. 0.35 is a factor of 2 between the
    lighter and the darker side.
    """
    linear = thumbnails.linear(240)
    size = (linear.shape[1], linear.shape[0])
    step = max(max(judged.shape) // 960, 1)  # four times as many as are kept
    inside = shrunk(judged[::step, ::step].view(np.uint8) * np.uint8(255), size).astype(np.float32) / np.float32(255)
    rows, columns = np.nonzero(inside > 0.5)
    if rows.size < 50:
        return 0.0
    logs = np.log(linear @ _WEIGHTS + np.float32(0.002)).astype(np.float32)
    sigma = max(2.0, math.sqrt(rows.size) / 12.0)
    norm = cv2.GaussianBlur(inside, (0, 0), sigma)
    smooth = (cv2.GaussianBlur(logs * inside, (0, 0), sigma) / np.maximum(norm, 1e-4))[rows, columns].astype(np.float64)
    x, y = (_unit(values) for values in (columns, rows))
    basis = np.stack([np.ones_like(x), x, y, x * x, y * y], axis=-1)
    fit, *_ = np.linalg.lstsq(basis, smooth, rcond=None)
    return float(np.std(smooth - basis[:, 3:] @ np.minimum(fit[3:], 0.0)))


def _unit(values: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.asarray((values - values.mean()) / max(1.0, float(values.std())), np.float64)

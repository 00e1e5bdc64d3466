"""A photo with a colour card, corrected for skin, with the error to expect there.

The card's patches undo the tone curve of each channel and tell which cameras under which lamps could have seen them so
(`fitting`); modelled skins seen by all of these give the matrix of least error on skin and its doubt (`skin_matrix`).
A card's residual says nothing about skin: it only finds faults.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import ciede2000, lab
from skinscan.capture.card import evenness, fitting, skin_matrix, tone_curve
from skinscan.capture.card.fitting import Fit, Readings
from skinscan.capture.card.prior import Prior, load_prior
from skinscan.capture.card.sighting import Sighting
from skinscan.capture.rounding import CB_TO_RGB, CR_TO_RGB, WHOLE_COUNTS, colour_step, skin_errors
from skinscan.records import BoolArray, Colour, Formulation, ParameterError, Photo

Array = NDArray[np.float64]

FORMULATIONS: tuple[Formulation, ...] = ("before_2014", "after_2014")
GREYS = slice(18, 24)
LEAST_PATCHES, LEAST_GREYS = 12, 4
"""Patches and greys that must be readable in all channels: four greys carry a tone curve, eight colours a sensor."""
LARGEST_A_STAR = 1.0
"""Predicted standard uncertainty of a* from which on absolute colour is not told (measures.md)."""
SHEEN = 0.007
"""Standard deviation of what skin mirrors in ordinary light, as a share of white: 2.8 % at its surface (Fresnel), of
which a lamp beside the lens sends a tenth to a third back into it."""
LARGEST_RESIDUAL_DE00 = 4.0
"""Median left-out residual from which on this is no ColorChecker in one light. Whole cards in one light leave 0.2-0.5,
a phone's look (saturation, twisted hues) 0.6-1.8, pictures finished for print or web up to 2.5, a card half in shade
2.3-3.7, a copy from a printer 2.7-5, anything else 15 or more."""
HONEST_RESIDUAL_DE00, LOOK = 0.5, 0.015
"""What patches contradict one another by beyond the first, no tone curve and sensor explains, so skin may be off by as
much: LOOK of each channel's light (standard deviation of the logarithm) for each dE00, about one of a*."""
PIXELS_TOGETHER = 16.0
"""Pixels whose noise a phone's noise reduction and JPEG make alike."""
READING = 0.2 / 255
"""Standard deviation of a patch's mean code that no scatter shows."""
LOWEST_CODE = 0.02
"""A channel below this is at its black end: colours outside the file's space are cut off there."""


@dataclass(frozen=True, eq=False)
class Correction:
    """What a card made of a photo.

    `state` is `card` (absolute colour), `reference` (white balance and tone curve hold, absolute colour of skin does
    not: compare relative to a reference) or `uncorrected` (the photo is as it was). `reasons` tell in words why it is
    not `card`, and what was doubtful. `lamp` is the family of lamps that explains the card best, `skin_rgb` the
    corrected linear sRGB (3,) of the skin that the matrix was made for, or None. `light_step` is how much more light
    fell on that skin than on the card's middle (logarithm); it is corrected.
    """

    photo: Photo
    colour: Colour
    reasons: tuple[str, ...]
    lamp: str = ""
    skin_rgb: Array | None = None
    misfit: float = float("nan")
    light_step: evenness.Step = field(default_factory=evenness.Step)

    @property
    def state(self) -> str:
        return self.colour.state


def correct(
    photo: Photo,
    sighting: Sighting,
    skin: BoolArray | None = None,
    formulation: Literal["auto"] | Formulation = "auto",
    *,
    cross_polarised: bool = False,
) -> Correction:
    """The photo's colours by its card, made for the skin in `skin` (H, W) where it is given.

    The corrected photo shares the pixels; its `lut` undoes the tone curve, its `matrix` goes to linear sRGB (D65).
    `formulation` says when the card was made; `auto` tries both and lets the doubt between them go into the error.
    Unless the light is `cross_polarised`, skin shines by an amount that no card tells: that goes into the error too,
    and dark skin seldom bears it. Raises ParameterError for another formulation or a mask of another size.
    """
    if formulation != "auto" and formulation not in FORMULATIONS:
        raise ParameterError(
            "unknown formulation of the colour card",
            expected="auto, before_2014 or after_2014",
            found=repr(formulation),
        )
    if skin is not None and skin.shape != photo.shape:
        raise ParameterError("the skin mask is of another size", expected=str(photo.shape), found=str(skin.shape))
    readings = read(photo, sighting)
    whole: BoolArray = np.asarray(readings.used.all(axis=1))
    if whole.sum() < LEAST_PATCHES or whole[GREYS].sum() < LEAST_GREYS:
        return _unreadable(photo, int(whole.sum()), int(whole[GREYS].sum()))
    prior = load_prior()
    to_file = _to_file(photo)
    fits = explain(readings, prior, to_file, formulation)
    best = max(fits, key=lambda one: one.log_evidence)
    residual = residual_de00(best, prior)
    if residual > LARGEST_RESIDUAL_DE00:
        reason = (
            f"the card's patches contradict one another by {residual:.1f} dE00 (at most {LARGEST_RESIDUAL_DE00:g}): it "
            "is no ColorChecker of 24 patches, lies in light of several colours, shines, or is faded or partly covered"
        )
        return Correction(photo, Colour(residual_de00=residual), (reason,), misfit=best.misfit)
    return _corrected(
        photo, readings, fits, best, prior, to_file, skin, sighting, residual, 0.0 if cross_polarised else SHEEN
    )


def explain(
    readings: Readings, prior: Prior, to_file: Array, formulation: Literal["auto"] | Formulation = "auto"
) -> list[Fit]:
    """Every family of lamps with every allowed formulation, fitted. Where even the best leaves more than the noise,
    the noise is taken to be as large as that."""
    which = range(2) if formulation == "auto" else [FORMULATIONS.index(formulation)]
    ways = [(family, one) for family in range(len(prior.families)) for one in which]
    fits = [fitting.fit(readings, prior, family, one, to_file) for family, one in ways]
    misfit = max(fits, key=lambda one: one.log_evidence).misfit
    if misfit > 1.0:
        fits = [fitting.fit(readings, prior, family, one, to_file, misfit) for family, one in ways]
    return fits


def read(photo: Photo, sighting: Sighting) -> Readings:
    """The patches' codes as linear light by the file's own profile, with their uncertainty."""
    codes = np.clip(np.nan_to_num(sighting.codes.astype(np.float64), nan=0.0), 0.0, 1.0)
    top = photo.lut.shape[1] - 1
    scatter = np.nan_to_num(sighting.spread.astype(np.float64))
    variance = scatter**2 / np.maximum(sighting.pixels[:, None] / PIXELS_TOGETHER, 1.0) + READING**2
    if photo.jpeg_quality is not None and photo.pixels.dtype == np.uint8:
        # a patch without grain is rounded alike all over, one with grain here up and there down
        whole = WHOLE_COUNTS * np.exp(-2 * (255 * scatter) ** 2)
        step = np.hypot(colour_step(photo.jpeg_quality) / np.sqrt(12), whole) / 255
        variance = variance + step**2 * (np.square(CB_TO_RGB) + np.square(CR_TO_RGB))
    spread = np.sqrt(variance)
    at = np.arange(top + 1) / top

    def linear(values: Array) -> Array:
        return np.stack([np.interp(values[:, c], at, photo.lut[c]) for c in range(3)], -1)

    low, high = np.maximum(codes - spread, 0.0), np.minimum(codes + spread, 1.0)
    width = (linear(high) - linear(low)) / 2
    used = sighting.usable[:, None] & ~sighting.clipped & (sighting.pixels[:, None] > 0)
    used = used & np.isfinite(sighting.codes) & (codes > LOWEST_CODE)
    place = np.stack(np.divmod(np.arange(24), 6)[::-1], -1).astype(np.float64)
    return Readings(linear(codes), np.maximum(width, 1e-5), used, place)


def _to_file(photo: Photo) -> Array:
    """(3, 3) from linear sRGB to the linear channels of the file, white kept."""
    inverse = np.linalg.inv(photo.matrix.astype(np.float64))
    return np.asarray(inverse / inverse.sum(1, keepdims=True))


def _unreadable(photo: Photo, patches: int, greys: int) -> Correction:
    reason = (
        f"{patches} of the card's 24 patches and {greys} of its 6 greys can be read in all channels ({LEAST_PATCHES} "
        f"and {LEAST_GREYS} needed): show the whole card, evenly lit, neither overexposed nor too dark"
    )
    return Correction(photo, Colour(), (reason,))


def residual_de00(fit: Fit, prior: Prior) -> float:
    """Median dE00 between patches and what all other patches say of them; NaN patches are left out."""
    to_rgb = np.linalg.lstsq(fit.seen, prior.patches_rgb[fit.formulation], rcond=None)[0]
    off = np.nan_to_num(fit.left_out)
    de00 = ciede2000(lab((fit.seen + off) @ to_rgb), lab(fit.seen @ to_rgb))
    return float(np.median(de00[np.isfinite(fit.left_out).any(1)]))


def _corrected(
    photo: Photo,
    readings: Readings,
    fits: Sequence[Fit],
    best: Fit,
    prior: Prior,
    to_file: Array,
    skin: BoolArray | None,
    sighting: Sighting,
    residual: float,
    sheen: float,
) -> Correction:
    lut = photo.lut.astype(np.float64)
    table = tone_curve.monotone_table(best.parameters[: tone_curve.size()], lut)
    found = skin_matrix.draw_alternatives(fits, prior, to_file, best, lut)
    near = skin_matrix.nearness(prior, None)
    matrix = skin_matrix.least_error_matrix(prior, found.seen, skin_matrix.skin_weights(near))
    light = None if skin is None else _median_light(photo, table, skin)
    step = evenness.Step()
    if light is not None and skin is not None:
        bright, _ = tone_curve.apply(best.parameters[: tone_curve.size()], readings.linear)
        at_patches = evenness.patch_light(bright, best.seen, readings.used)
        step = evenness.light_step(photo, table, matrix, skin, sighting.homography, at_patches)
        rounding = _rounding(photo, table, skin)
        found = skin_matrix.draw_alternatives(fits, prior, to_file, best, lut, step, rounding)
        for _ in range(2):  # the skin's place among skins moves a little with the matrix made for it
            near = skin_matrix.nearness(prior, np.asarray(lab(matrix @ light), np.float64))
            matrix = skin_matrix.least_error_matrix(prior, found.seen, skin_matrix.skin_weights(near))
    excess = float(np.sqrt(max(residual**2 - HONEST_RESIDUAL_DE00**2, 0.0)))
    corrected = skin_matrix.disturbed(found.seen, sheen, LOOK * excess) @ matrix.T
    de00, a_star = skin_matrix.errors(prior, corrected, near)
    formulation = FORMULATIONS[best.formulation]
    reasons = []
    if a_star > LARGEST_A_STAR:
        reasons.append(_why_uncertain(a_star, residual, sheen))
    responses = _responses(readings, best)
    colour = Colour(
        state="reference" if reasons else "card",
        residual_de00=residual,
        predicted_de00=de00,
        predicted_a_star=a_star,
        formulation=formulation,
        doubt=skin_matrix.doubts(prior, corrected, near),
        sensor_doubt=skin_matrix.doubts(prior, corrected, near, misfit=False),
        own_doubt=skin_matrix.doubts(prior, found.own @ matrix.T, near, misfit=False),
        responses=responses[0],
        responses_spread=responses[1],
    )
    done_so = f"colours by the card ({formulation.replace('_', ' ')}) for skin: predicted error {de00:.1f} dE00"
    done = replace(photo, lut=table, matrix=matrix.astype(np.float32), steps=(*photo.steps, done_so))
    shown = None if light is None else matrix @ light
    return Correction(done, colour, tuple(reasons), prior.families[best.family], shown, best.misfit, step)


def _why_uncertain(a_star: float, residual: float, sheen: float) -> str:
    """Why the card does not carry absolute colour of this skin, and what to do."""
    remedies = ["use daylight, a flash or a white LED"]
    if residual > 2 * HONEST_RESIDUAL_DE00:
        remedies = ["light the card and the skin alike by one lamp, with no filter or vivid mode in the camera"]
    if sheen:
        remedies.append("use cross-polarised light, which takes the shine away")
    remedies.append("compare relative to a reference region")
    return (
        f"the card leaves a* of this skin uncertain by {a_star:.1f} (at most {LARGEST_A_STAR:g}); its patches "
        f"contradict one another by {residual:.1f} dE00: {', or '.join(remedies)}"
    )


def _some_pixels(photo: Photo, skin: BoolArray) -> NDArray[Any]:
    """Samples (n, 3) of the masked pixels, evenly thinned to some 40,000: a mask of 48 MP is not listed whole."""
    step = max(math.isqrt(int(np.count_nonzero(skin)) // 40_000), 1)
    thinned = (slice(None, None, step),) * 2
    rows, columns = np.nonzero(skin[thinned])
    return np.asarray(photo.pixels[thinned][rows, columns])


def _median_light(photo: Photo, table: NDArray[np.float32], skin: BoolArray) -> Array | None:
    """Median linear light (3,) of the masked pixels by a tone table; None of nothing."""
    codes = _some_pixels(photo, skin)
    if not len(codes):
        return None
    return np.array([np.median(table[c][codes[:, c]]) for c in range(3)], np.float64)


def _rounding(photo: Photo, table: NDArray[np.float32], skin: BoolArray) -> Array:
    """What JPEG's rounding does to the logarithm of the skin's light in each channel, (2, 3)."""
    codes = np.median(_some_pixels(photo, skin), axis=0) / (table.shape[1] - 1)
    at = np.arange(table.shape[1]) / (table.shape[1] - 1)
    errors = skin_errors(photo, skin)
    out = [
        [
            np.log(max(np.interp(codes[c] + e[c], at, table[c]), 1e-4) / max(np.interp(codes[c], at, table[c]), 1e-4))
            for c in range(3)
        ]
        for e in errors
    ]
    return np.array(out, np.float64)


def _responses(readings: Readings, fit: Fit) -> tuple[Array, Array]:
    """The patches in linear light without the light's fall-off, (24, 3), and their standard uncertainty."""
    tone = tone_curve.size()
    bright, _ = tone_curve.apply(fit.parameters[:tone], readings.linear)
    fall = np.exp(fitting.light_basis(readings.place) @ fit.parameters[-5:])[:, None]
    steep = bright / np.maximum(readings.linear, tone_curve.DARKEST)
    values = np.where(readings.used, bright / fall, np.nan)
    return values, np.where(readings.used, steep * readings.spread / fall, np.nan)

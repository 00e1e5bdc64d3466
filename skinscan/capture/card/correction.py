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

from skinscan.arrays.colour import lab
from skinscan.capture.card import evenness, fitting, rendering, skin_matrix, tone_curve, wording
from skinscan.capture.card.explaining import (
    FORMULATIONS,
    LEAST_PATCHES,
    by_evidence,
    explain,
    left_out_de00,
    residual_de00,
)
from skinscan.capture.card.fitting import Fit, Readings
from skinscan.capture.card.prior import Prior, load_prior
from skinscan.capture.card.rendering import Space
from skinscan.capture.card.sighting import Sighting
from skinscan.capture.rounding import CB_TO_RGB, CR_TO_RGB, WHOLE_COUNTS, colour_step, skin_errors
from skinscan.records import BoolArray, Colour, Formulation, ParameterError, Photo

Array = NDArray[np.float64]

GREYS, LEAST_GREYS = slice(18, 24), 4
"""Greys that must be readable in all channels to carry a tone curve."""
LARGEST_A_STAR = 1.0
"""Predicted standard uncertainty of a* from which on absolute colour is not told (measures.md)."""
SHEEN = 0.012
"""Scale (half normal) of what skin mirrors in ordinary light, as a share of white. Its surface mirrors 2.8 % (Fresnel)
in lobes of roughness 0.13 to 0.3: of a lamp 15 to 45 degrees beside the lens, which gives half of the light, 3.6 to
0.8 % of white come back; powdered skin mirrors less. On phantoms that shine, errors are then as large as predicted."""
LARGEST_RESIDUAL_DE00 = 4.0
"""Median left-out residual from which on this is no ColorChecker in one light. Whole cards in one light leave 0.2-0.5,
a phone's look (saturation, twisted hues) 0.6-1.8, pictures finished for print or web up to 2.5, a card half in shade
2.3-3.7, a copy from a printer 2.7-5, anything else 15 or more."""
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
        reason = wording.unreadable(int(whole.sum()), int(whole[GREYS].sum()), LEAST_PATCHES, LEAST_GREYS)
        return Correction(photo, Colour(), (reason,))
    prior = load_prior()
    which = range(2) if formulation == "auto" else [FORMULATIONS.index(formulation)]
    spaces = rendering.spaces(photo.matrix.astype(np.float64))
    fits, plain = explain(readings, prior, spaces, which)
    residual = residual_de00(plain, prior)
    if residual > LARGEST_RESIDUAL_DE00:
        reason = wording.no_card(residual, LARGEST_RESIDUAL_DE00)
        return Correction(photo, Colour(residual_de00=residual), (reason,), misfit=plain.misfit)
    return _corrected(photo, readings, fits, prior, spaces, skin, sighting, residual, 0.0 if cross_polarised else SHEEN)


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
    values = linear(codes)
    return Readings(values, np.maximum(width, 1e-5), used, place, values @ photo.matrix.T.astype(np.float64))


def _corrected(
    photo: Photo,
    readings: Readings,
    fits: Sequence[Fit],
    prior: Prior,
    spaces: Sequence[Space],
    skin: BoolArray | None,
    sighting: Sighting,
    residual: float,
    sheen: float,
) -> Correction:
    lut = photo.lut.astype(np.float64)
    best = max(fits, key=by_evidence)
    table = tone_curve.monotone_table(best.tone, lut)
    found = skin_matrix.draw_alternatives(fits, prior, spaces, table, lut)
    near = skin_matrix.nearness(prior, None)
    matrix = skin_matrix.least_error_matrix(prior, found.seen, skin_matrix.skin_weights(near))
    light = None if skin is None else _median_light(photo, table, skin)
    step = evenness.Step()
    if light is not None and skin is not None:
        there = readings.through(spaces[best.way.space].from_file) if best.way.space else readings
        bright, _ = tone_curve.apply(best.tone, there.linear)
        at_patches = evenness.patch_light(bright, best.seen, there.used)
        step = evenness.light_step(photo, table, matrix, skin, sighting.homography, at_patches)
        rounding = _rounding(photo, table, skin)
        found = skin_matrix.draw_alternatives(fits, prior, spaces, table, lut, step, rounding)
        for _ in range(2):  # the skin's place among skins moves a little with the matrix made for it
            near = skin_matrix.nearness(prior, np.asarray(lab(matrix @ light), np.float64))
            matrix = skin_matrix.least_error_matrix(prior, found.seen, skin_matrix.skin_weights(near))
    corrected = skin_matrix.shining(found.seen, sheen) @ matrix.T
    de00, a_star = skin_matrix.errors(prior, corrected, near)
    formulation = FORMULATIONS[best.way.formulation]
    reasons = []
    if a_star > LARGEST_A_STAR:
        off = left_out_de00(best, prior)
        reasons.append(
            wording.uncertain(a_star, LARGEST_A_STAR, residual, best.way.finish, off, readings.used, sheen > 0)
        )
    responses = _responses(readings, best, spaces[best.way.space])
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
        readings=np.where(readings.used, readings.linear, np.nan),
        readings_spread=np.where(readings.used, readings.spread, np.nan),
        light_step=step.log,
    )
    done_so = f"colours by the card ({formulation.replace('_', ' ')}) for skin: predicted error {de00:.1f} dE00"
    done = replace(photo, lut=table, matrix=matrix.astype(np.float32), steps=(*photo.steps, done_so))
    shown = None if light is None else matrix @ light
    return Correction(done, colour, tuple(reasons), prior.families[best.way.family], shown, best.misfit, step)


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


def _responses(readings: Readings, fit: Fit, space: Space) -> tuple[Array, Array]:
    """The patches in linear light without the light's fall-off, (24, 3), and their standard uncertainty."""
    there = readings.through(space.from_file) if fit.way.space else readings
    bright, _ = tone_curve.apply(fit.tone, there.linear)
    fall = np.exp(fitting.light_basis(there.place) @ fit.fall)[:, None]
    steep = bright / np.maximum(there.linear, tone_curve.DARKEST)
    values = np.where(there.used, bright / fall, np.nan)
    return values, np.where(there.used, steep * there.spread / fall, np.nan)

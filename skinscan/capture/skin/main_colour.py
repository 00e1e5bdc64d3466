"""The colour that this photo's skin has: of all that the picture is made of, the one that lies there as skin does."""

from __future__ import annotations

import math

import cv2
import numpy as np

from skinscan.capture.skin.colours import (
    DEEP_FROM,
    Colours,
    Floats,
    colours_of,
    counts,
    deep,
    distance,
    locus,
    log_of,
    plateau,
    usual_difference,
)
from skinscan.records import BoolArray

ONE_SKIN_SD = (0.15, 0.14)
"""Standard deviation within one photo of one person, towards white and away from it, and across: spots, redness, gloss,
shadow."""

LONGER = 1.4
"""How much farther skin's colours reach towards white and away from it, times their distance from white: gloss whitens
and melanin deepens the colour of dark skin far more than that of pale skin."""

LEAST_COLOUR = 0.30
"""ln(R/B) under which a photo's most skin-like colour is grey, and not pale skin under a bluish lamp."""

LEAST_RED = (0.12, 0.16)
"""ln(R/G) - ln(G/B) from which a colour is no grey, whatever the colour temperature (which moves both alike), and
ln(R/B) from which such a one may be pale skin under a blue lamp."""

LEAST_PRIOR = 0.02
"""Chance that a colour far from all known skin is skin, beside one amid them."""

STEP = 0.04
_EDGES_U, _EDGES_V = np.arange(-0.2, 1.4, STEP), np.arange(-0.6, 2.3, STEP)
_EVERY = 4
_MOST = 8

WEIGHTS = {
    "unlike": -1.0, "paper": -3.0, "grey": -3.0, "deep": -0.75, "dark": -2.5, "bright": -3.0,
    "size": 2.5, "middle": 4.0, "solid": 2.5, "one": 3.5, "rough": -1.5, "rim": -7.0,
}  # fmt: skip
"""What each thing that `_looks` says of a colour's pixels counts for, in log-likelihood: fitted to 300 painted scenes
of the training setting and rounded, but for paper, deep, dark and bright, which real rooms ask for."""

UNLIKE, LEAST_SCORE = 3.8, -6.0
"""From how unlike skin's colours (half the square of standard deviations), and below which score, nothing is skin."""

PAPER = -0.10
"""ln(R/G) - ln(G/B) under which a colour is that of paper or paint rather than of pale skin (0.15 +- 0.15)."""

LEVEL = (-0.05, -1.0)
"""ln(luminance) of skin in an ordinary exposure: where ln(R/B) is 0, and how it falls with that. What darkens skin
colours it too: hair is too dark for its colour, and painted walls are too bright."""

FILLING = (0.75, 0.90)
"""Share of the picture from which a colour all along the rim, if it is no grey, is a close-up's skin around what lies
on it rather than a wall around a person."""

MainColour = tuple[float, float, float]
"""ln(R/G), ln(G/B), ln(luminance)."""


def main_colour(linear: Floats, carrying: Floats, texture: Floats, bare: BoolArray) -> MainColour | None:
    """The colour of this photo's skin, or None where nothing in it has a colour that skin may have.

    Each peak of the histogram of colours is asked how its pixels lie: skin is a large, smooth, solid piece, in the
    middle of the picture rather than all along its rim, and coloured as melanin and blood colour. A wall of the colour
    of skin is large and smooth, but at the rim; hair is in the middle, but neither smooth nor solid; a wooden floor or
    a beige towel are one or the other. `linear` RGB (h, w, 3); `carrying`, `texture` and `bare`, where nothing
    known is laid, (h, w). Averaged over 4 x 4 pixels, so that the grain of a sensor does not tear dark skin.
    """
    size = (max(1, linear.shape[1] // _EVERY), max(1, linear.shape[0] // _EVERY))
    thin = colours_of(np.asarray(cv2.resize(linear, size, interpolation=cv2.INTER_AREA), np.float32))
    carrying, texture = (
        np.asarray(cv2.resize(a, size, interpolation=cv2.INTER_AREA), np.float32) for a in (carrying, texture)
    )
    seen = cv2.resize(bare.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    carrying = carrying * seen
    down, across = (np.exp(-(np.linspace(-1, 1, n) ** 2) / (2 * 0.7**2)).astype(np.float32) for n in carrying.shape)
    middle = np.asarray(down[:, None] * across, np.float32)
    best, most = None, LEAST_SCORE
    for u, v in _peaks(thin, np.maximum(locus(thin), np.float32(LEAST_PRIOR)) * carrying * middle):
        if u + v < (LEAST_RED[1] if u - v > LEAST_RED[0] else LEAST_COLOUR):
            continue
        close = (distance(thin.u - np.float32(u), thin.v - np.float32(v)) < 0.15) & (carrying > 0.3)
        if not close.any():
            continue
        main = (u, v, float(thin.level[close].mean()))
        part = near(thin, main) * carrying > 0.4
        if np.count_nonzero(part) < 0.002 * part.size:
            continue
        looks = _looks(part, seen, middle, texture, main)
        if looks["unlike"] > UNLIKE:
            continue
        score = sum(WEIGHTS[name] * value for name, value in looks.items())
        if score > most:
            best, most = main, score
    return best


def _peaks(colours: Colours, weight: Floats) -> list[tuple[float, float]]:
    """Peaks (ln(R/G), ln(G/B)) of the histogram of colours that skin may have, the highest first."""
    u, v = _EDGES_U[:-1, None] + STEP / 2, _EDGES_V[None, :-1] + STEP / 2
    likely = np.maximum(plateau(np.hypot((u - 0.55) / 0.22, (v - 0.36) / 0.22).astype(np.float32), 1.8), deep(u, v))
    likely = np.maximum(likely, LEAST_PRIOR * ((u - v > -2) & (u + v < 3))) / (1.0 + np.exp(-(u + v - 0.5) / 0.08))
    table = cv2.GaussianBlur(counts(colours, weight, _EDGES_U, _EDGES_V), (0, 0), 0.09 / STEP) * likely
    peaks = (table == cv2.dilate(table, np.ones((5, 5), np.uint8))) & (table > max(0.01 * float(table.max()), 1e-9))
    places = np.argwhere(peaks)
    places = places[np.argsort(-table[peaks], kind="stable")][:_MOST]
    return [(float(u[row, 0]), float(v[0, column])) for row, column in places]


def _looks(part: BoolArray, seen: BoolArray, middle: Floats, texture: Floats, main: MainColour) -> dict[str, float]:
    """How the pixels of one colour lie in what is seen of the picture; `part`, `seen`, `middle`, `texture` (h, w)."""
    depth, difference = main[0] + main[1], main[0] - main[1]
    spread = 0.25 + 0.15 * max(depth - DEEP_FROM, 0.0)
    unlike = max(abs(difference - float(usual_difference(depth, 0.27))) - 0.15, 0.0) / spread
    paler = main[2] - (LEVEL[0] + LEVEL[1] * depth)
    many = float(np.count_nonzero(part))
    opened = np.asarray(cv2.morphologyEx(part.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    _, _, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    rim = np.concatenate([part[:2].ravel(), part[-2:].ravel(), part[:, :2].ravel(), part[:, -2:].ravel()])
    share = many / max(float(np.count_nonzero(seen)), 1.0)
    grey = (max(0.8 - depth, 0.0) / 0.3) ** 2 / 2
    filling = float(np.clip((share - FILLING[0]) / (FILLING[1] - FILLING[0]), 0.0, 1.0)) * max(1.0 - 2.0 * grey, 0.0)
    deepness = 1.0 / (1.0 + math.exp(-(depth - 1.1) / 0.1))
    return {
        "unlike": unlike * unlike / 2,
        "paper": (1.0 - deepness) / (1.0 + math.exp((difference - PAPER) / 0.04)),
        "grey": grey,
        "deep": deepness,
        "dark": max(-paler - 0.6, 0.0),
        "bright": max(paler - 0.4, 0.0),
        "size": log_of(share),
        "middle": float(middle[part].mean()),
        "solid": float(opened.sum()) / many,
        "one": float(stats[1:, cv2.CC_STAT_AREA].max(initial=0)) / many,
        "rough": float(np.median(texture[part])) / 0.1,
        "rim": float(rim.mean()) * (1.0 - filling),
    }


def near(colours: Colours, main: MainColour) -> Floats:
    """Chance that a colour belongs to the skin of this main colour: 1 within about 1.3 SD of one person.

    Broader for dark skin, against which gloss and glare weigh more, most of all towards white and away from it; and for
    what lies in shadow, where light that skin throws on skin adds colour.
    """
    u0, v0, level = main
    dark_skin = float(np.clip((0.12 / math.exp(level)) ** 0.35, 1.0, 1.5))
    wide = dark_skin * (1.0 + 0.5 * np.clip(level - colours.level, 0.0, 1.5))
    u, v = colours.u - np.float32(u0), colours.v - np.float32(v0)
    depth = max(math.hypot(u0, v0), 0.3)
    along, across = (u * u0 + v * v0) / np.float32(depth), (u * v0 - v * u0) / np.float32(depth)
    longer = max(1.0, LONGER * depth)
    along, across = along / np.float32(ONE_SKIN_SD[0] * longer), across / np.float32(ONE_SKIN_SD[1])
    far = distance(np.asarray(along, np.float32), np.asarray(across, np.float32)) / wide
    return np.maximum(plateau(np.asarray(far, np.float32), 1.3), np.float32(1e-4))

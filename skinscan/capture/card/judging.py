"""Which patches can be believed: what is hidden, shaded, or shines does not follow from what the others say.

The chart's published colours, the light's colour and a straight line of tone predict each patch. A shadow keeps a
patch's colour and takes of its level; what covers a patch has another colour or a texture; shine adds light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinscan.capture.card.chart import patch_codes, patch_linear
from skinscan.capture.card.decoding import explained
from skinscan.capture.card.patches import Middles
from skinscan.capture.card.shading import find_shadow
from skinscan.records import BoolArray

Array = NDArray[np.float64]

COLOUR_OFF = 0.14
"""Distance in normalised codes at which a patch's colour is another one; lamps and tone curves leave up to 0.1."""

DARK, TOO_DARK = 0.06, 1.0
"""Mean code below which a patch's colour is not judged, and by how much (natural logarithm) less light than its level
something dark lies on it."""

TEXTURE = 0.02
"""Standard deviation of codes, above twice the other patches', that a flat patch does not have."""

SLOPE, SLOPE_CODES = 0.10, 0.012
"""Change of codes across one patch, over their mean and in codes, of a shadow's edge or a spot of shine."""

LEVEL_OFF = 0.22
"""Natural logarithm of light by which a patch may be off its level: saturated ones are, under lamps, by 0.15."""

OTHER_LIGHT = 0.05
"""Natural logarithm by which a patch's light differs from that of most, where it is another light."""


LEAST_PAIRS = 6
APART, ALIKE, MOST_ALIKE = 0.2, 0.10, 0.15
"""Distance of published codes from which two patches must differ; share of what that is for the photo's most different
pairs under which they look alike; and the share of such pairs that is no card. A cloth of two colours has 0.4 or more,
cards 0.04 at most in 90 scenes."""


@dataclass(frozen=True, eq=False)
class Judged:
    """`usable`, `shaded`, `hidden` (24,): as in Sighting."""

    usable: BoolArray
    shaded: BoolArray
    hidden: BoolArray


def judge(middles: Middles) -> Judged:
    """Which of the patches read can be believed."""
    seen = middles.pixels > 0
    codes = np.where(seen[:, None], np.nan_to_num(middles.codes), 0.0)
    spread = np.nan_to_num(middles.spread).max(axis=1)
    textured = spread > 2 * float(np.median(spread[seen])) + TEXTURE
    mean = codes.mean(axis=1)
    sloping = (np.nan_to_num(middles.slope) > SLOPE) & (np.nan_to_num(middles.slope) * mean > SLOPE_CODES)
    plain = seen & ~textured & ~sloping
    member = plain if plain.sum() >= 10 else seen
    miss = explained(codes[None], member[None], seen[None])[0][0]
    far = max(COLOUR_OFF, 4 * 1.4826 * float(np.median(miss[member])))
    coloured = seen & (miss > far) & (mean > DARK) & ~middles.clipped.any(axis=1)
    hidden = ~seen | coloured | (textured & ~sloping)
    fair = plain & ~coloured & ~middles.clipped.any(axis=1) & (mean > DARK)
    predicted, level = _levels(codes, plain & ~coloured)
    usual = float(np.median(level[fair])) if fair.any() else 0.0
    hidden |= seen & (mean <= DARK) & (level < usual - TOO_DARK)
    told = fair | (sloping & seen & ~coloured & ~middles.clipped.any(axis=1) & (mean > DARK))
    shaded, other_light, odd = _lights(level, level + np.log(predicted), told)
    usable = seen & ~hidden & ~middles.clipped.all(axis=1) & ~textured & ~sloping & ~other_light & ~(odd & fair)
    return Judged(usable, shaded & seen & ~hidden, hidden)


def colours_differ(codes: Array, usable: BoolArray) -> bool:
    """Whether patches of different colours look different, as they do under any lamp; a chequered cloth's do not.

    `codes` (24, 3), of which those `usable` (24,) are asked. True where too few are.
    """
    one, other = np.triu_indices(24, 1)
    published = patch_codes()
    apart = np.linalg.norm(published[one] - published[other], axis=1)
    asked = usable[one] & usable[other] & (apart > APART)
    if np.count_nonzero(asked) < LEAST_PAIRS:
        return True
    seen = np.linalg.norm(codes[one[asked]] - codes[other[asked]], axis=1) / apart[asked]
    return bool(np.mean(seen < ALIKE * np.quantile(seen, 0.9)) < MOST_ALIKE)


def _lights(level: Array, seen_light: Array, told: BoolArray) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Which patches lie in shadow, in another light than most of those that are `told`, and off their level."""
    shading = find_shadow(level, seen_light, told)
    shaded = np.asarray(shading.share > 0.5)
    most = 1.0 if (shaded & told).sum() > (told & ~shaded).sum() else 0.0
    other_light = np.abs(shading.step * (shading.share - most)) > OTHER_LIGHT
    usual = 1.4826 * float(np.median(np.abs(shading.miss[told]))) if told.any() else 0.0
    return shaded, np.asarray(other_light), np.asarray(np.abs(shading.miss) > max(LEVEL_OFF, 4 * usual))


def _levels(codes: Array, fair: BoolArray) -> tuple[Array, Array]:
    """Light that each patch should send (24,), and the logarithm of what it sends over that (24,).

    Linear light is the published one through some matrix (lamp and camera), times a level of each patch. The matrix is
    had from the directions of the patches' colours alone, whatever their levels.
    """
    light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4) + 0.002
    published = np.maximum(patch_linear(), 0.0) + 0.002
    length = np.linalg.norm(light, axis=1)
    level, weight = np.ones(24), fair.astype(np.float64)
    for _ in range(12):
        scaled = published * level[:, None] / length[:, None]
        left = scaled.T @ (weight[:, None] * scaled) + 1e-9 * np.eye(3)
        through = np.linalg.solve(left, scaled.T @ (weight[:, None] * light / length[:, None]))
        wanted = published @ through
        size = np.maximum(np.linalg.norm(wanted, axis=1), 1e-4)
        level = np.maximum((light * wanted).sum(axis=1) / size**2, 1e-4)
        miss = np.linalg.norm(light - level[:, None] * wanted, axis=1) / length
        weight = fair / (1 + (miss / 0.08) ** 2) ** 2
        level /= np.exp((weight * np.log(level)).sum() / max(weight.sum(), 1e-9))
    return size, np.log(level)

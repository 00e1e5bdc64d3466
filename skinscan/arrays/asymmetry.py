"""Whether two mirrored regions changed differently: numbers with their standard uncertainties in, a verdict out.

The two changes are of one course: same two photos, same measure, on the scale that the measure is judged on (logs for
ratios). Their errors are not independent. One lamp, one white balance and one exposure serve both sides, so what they
do to a colour they do to both: a positive correlation, by which the sides' difference is surer than independent errors
would make it. A lamp that has moved to one side rakes one cheek and flattens the other: fine structure rises here and
falls there, a negative correlation, by which the difference is less sure. How far either goes has not been measured on
faces, so each is taken as is least favourable to an alarm (`error_correlation`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from skinscan.arrays.statistics import COVERAGE_95

LEAST_SHARE = 0.5
"""By what share of the larger change the two sides differ at least before that is called marked."""


@dataclass(frozen=True)
class Asymmetry:
    """Left change less right change, its smallest detectable difference, and the share of the larger change it is.

    `sided`: the side that rose more where the asymmetry is marked, else None. `share` is NaN where nothing changed.
    """

    difference: float
    detectable: float
    share: float
    sided: Literal["left", "right"] | None

    @property
    def marked(self) -> bool:
        return self.sided is not None


def error_correlation(fine: bool) -> float:
    """Correlation of the two sides' errors to judge by, the least favourable that is possible.

    Fine structure (pores, texture, lines, relief): -1, as where the lamp's direction makes all of the error. Colour and
    areas of colour: 0, as where the lamp's and the camera's share, which both sides have alike, is nothing.
    """
    return -1.0 if fine else 0.0


def asymmetry(
    change_left: float,
    s_left: float,
    change_right: float,
    s_right: float,
    *,
    correlation: float = 0.0,
    least_share: float = LEAST_SHARE,
    factor: float = COVERAGE_95,
) -> Asymmetry:
    """Whether two mirrored regions changed differently by more than error, and by more than a share of the larger.

    `s_left`, `s_right`: standard uncertainties of the two changes (the smallest detectable change over its factor).
    The difference exceeds `factor` times sqrt(s_l^2 + s_r^2 - 2 correlation s_l s_r), and `least_share` of the larger
    |change|. Without a true difference at most 5 % are marked (factor 1.96) where the errors' correlation is the given
    one or higher. NaN in, nothing marked out. Raises ValueError for a negative uncertainty or an impossible
    correlation.
    """
    if s_left < 0 or s_right < 0:
        raise ValueError(f"standard uncertainties are 0 or more, found {s_left} and {s_right}")
    if not -1 <= correlation <= 1:
        raise ValueError(f"a correlation lies within -1 and 1, found {correlation}")
    difference = change_left - change_right
    variance = s_left**2 + s_right**2 - 2 * correlation * s_left * s_right
    detectable = factor * math.sqrt(max(variance, 0.0))
    larger = max(abs(change_left), abs(change_right))
    share = abs(difference) / larger if larger > 0 else math.nan
    marked = abs(difference) > detectable and share > least_share
    return Asymmetry(difference, detectable, share, ("left" if difference > 0 else "right") if marked else None)

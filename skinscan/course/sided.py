"""Whether the left and the right side of a view changed otherwise, measure by measure.

Looked at: redness, melanin, roughness and the primary measure, in regions whose names differ in `left` and `right`
alone. A side must have changed by more than its own measurement error, and the two must differ by more than an error
that holds for all pairs of a visit together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from skinscan.arrays.asymmetry import Asymmetry, asymmetry, error_correlation
from skinscan.arrays.statistics import COVERAGE_95
from skinscan.course_records import Step, Trajectory
from skinscan.measures import all_measures
from skinscan.report import words
from skinscan.report.numbers import change_places, number, with_unit

MEASURES = ("redness.a_star", "redness.haemoglobin", "pigment.melanin", "texture.roughness_250_500um")
"""What an adverse reaction of one side shows in, beside the primary measure."""

FALSE_ALARMS = 0.05
"""Of all pairs of a visit together (Bonferroni), were the sides to err independently. They share a camera and a lamp:
on simulated courses the difference of two sides scatters by 0.4 of what that makes, and such an alarm is rare."""

_SIDE = re.compile(r"(?<![a-z])(left|right)(?![a-z])", re.IGNORECASE)

Told = tuple[Trajectory, Step]


@dataclass(frozen=True)
class Sided:
    """Two sides that changed otherwise in a measure: their trajectories and steps, and by how much they differ."""

    left: Told
    right: Told
    found: Asymmetry
    share: bool
    """Whether changes are told as shares of the baseline, as the measure is judged."""

    @property
    def regions(self) -> tuple[str, str]:
        return self.left[0].region, self.right[0].region

    @property
    def figures(self) -> dict[str, float | str]:
        """As data: each side's change and what it must exceed, in the measure's unit; the difference and what that
        must exceed, as a share where `share`."""
        name = f"{self.left[0].measure}.{self.regions[0]}"
        (_, left), (_, right) = self.left, self.right
        told = {
            "change_left": left.change, "sdc_left": left.sdc, "change_right": right.change, "sdc_right": right.sdc,
            "difference": self._shown(self.found.difference),
            "smallest_detectable_difference": self._shown(self.found.detectable),
        }  # fmt: skip
        return {f"{name}.{key}": value for key, value in told.items()}

    @property
    def told(self) -> str:
        (line, left), (_, right) = self.left, self.right
        places = max(change_places(step.change, step.sdc, line.baseline) for step in (left, right))
        moved = [f"{readable(name)} {number(step.change, places, signed=True)}"
                 for name, step in zip(self.regions, (left, right), strict=True)]  # fmt: skip
        limits = f"{number(left.sdc, places)} and {number(right.sdc, places)}"
        return (
            f"{words.title(line.measure)}: {with_unit(', '.join(moved), line.unit)} (smallest detectable changes "
            f"{limits}); they differ by {self._difference(places)}"
        )

    def _difference(self, places: int) -> str:
        apart, least = self._shown(abs(self.found.difference)), self._shown(self.found.detectable)
        if not self.share:
            return f"{number(apart, places)} (smallest detectable {number(least, places)})"
        places = change_places(100 * apart, 100 * least)
        percent, limit = (with_unit(number(100 * value, places), "%") for value in (apart, least))
        return f"{percent} (smallest detectable {limit})"

    def _shown(self, scaled: float) -> float:
        return math.copysign(math.expm1(abs(scaled)), scaled) if self.share else scaled


def readable(region: str) -> str:
    return words.visible(region).replace("_", " ")


def mirrored(region: str) -> str | None:
    """The name of the region on the other side, or None for one that tells no side."""
    if len(_SIDE.findall(region)) != 1:
        return None
    return _SIDE.sub(lambda found: _like(found[0], "right" if found[0].lower() == "left" else "left"), region)


def _like(pattern: str, text: str) -> str:
    return text.upper() if pattern.isupper() else text.capitalize() if pattern[0].isupper() else text


def pairs(regions: Iterable[str]) -> list[tuple[str, str]]:
    """Regions of the left side and those of the right that mirror them."""
    known = list(regions)
    return [(name, other) for name in known if (other := mirrored(name)) in known and "left" in name.lower()]


def sided(at: Mapping[tuple[str, str], Told], sides: Sequence[tuple[str, str]], primary: str) -> list[Sided]:
    """The measures and pairs of regions whose two sides changed otherwise, of what a visit shows by measure and
    region."""
    judged = [
        (at[name, left], at[name, right])
        for name in dict.fromkeys((*MEASURES, primary))
        for left, right in sides
        if _comparable(at.get((name, left))) and _comparable(at.get((name, right)))
    ]
    if not judged:
        return []
    factor = NormalDist().inv_cdf(1 - FALSE_ALARMS / 2 / len(judged))
    told = (_judged(left, right, factor) for left, right in judged)
    return [one for one in told if one.found.marked]


def _comparable(told: Told | None) -> bool:
    return told is not None and told[1].verdict != "not_comparable" and math.isfinite(told[1].change)


def _judged(left: Told, right: Told, factor: float) -> Sided:
    measure = all_measures()[left[0].measure]
    share = measure.transform == "log" and all(_logarithmic(*one) for one in (left, right))
    (change_left, s_left), (change_right, s_right) = (_scaled(*one, share) for one in (left, right))
    moved = any(step.verdict != "within_error" for _, step in (left, right))
    found = asymmetry(
        change_left, s_left, change_right, s_right,
        correlation=error_correlation(measure.fine), factor=factor if moved else math.inf,
    )  # fmt: skip
    return Sided(left, right, found, share)


def _logarithmic(line: Trajectory, step: Step) -> bool:
    return line.baseline > 0 and line.baseline + min(step.low, step.change) > 0


def _scaled(line: Trajectory, step: Step, share: bool) -> tuple[float, float]:
    """A change and its standard uncertainty, on the logarithm where it is judged so."""
    change, low, high = step.change, step.low, step.high
    if share:
        change, low, high = (math.log1p(value / line.baseline) for value in (change, low, high))
    return change, (high - low) / 2 / COVERAGE_95

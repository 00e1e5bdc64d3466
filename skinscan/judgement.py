"""Is the change real? |change| > smallest detectable change, or a refusal with its reason."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skinscan import accuracy, repeatability
from skinscan.arrays import colour, statistics
from skinscan.assessment import spread_of
from skinscan.capture.card import difference
from skinscan.measures import Measure, PairedSample, Sample
from skinscan.measures.colours import median_rgb
from skinscan.pairing import Pair
from skinscan.records import (
    SKIN,
    Change,
    Flag,
    Notice,
    Verdict,
)
from skinscan.tying import REGISTERED_SCALE_ERROR

COLOUR_ADVICE = (
    "lay a colour card or the printed skin card in both, or name untreated skin or a neutral patch as reference"
)


OF_COLOUR = ("redness", "pigment")
"""Families that make-up, sunscreen and a tan bear on."""

UNMATCHED = (
    (Flag.NOT_REGISTERED,),
    "the skin itself could not be matched: only hair is compared by the place in the picture",
)


def judge(measure: Measure, pair: Pair, region: str, first: Sample, second: Sample) -> Change:
    """A measure's change over the shared skin, its smallest detectable change and the verdict."""
    told = (measure.name, region, first.value, second.value, second.value - first.value, measure.unit)
    seen = [n.flag for n in (*first.notices, *second.notices) if n.flag != Flag.WITHIN_PHOTO]
    n = min(first.n, second.n)
    refusal = _refusal(measure, pair, region, first, second)
    if refusal is None:
        sdc, source, interval = smallest_detectable_change(measure, pair, region, first, second)
        if not math.isfinite(sdc):
            refusal = (Flag.UNDEFINED,), "its error cannot be told: too few blocks of the region hold a value"
    if refusal is not None:
        flags = tuple(dict.fromkeys((*seen, *refusal[0])))
        return Change(*told, math.nan, "", "not_comparable", refusal[1], flags, n)
    flags = tuple(
        dict.fromkeys(
            (*seen, Flag.RELATIVE) if measure.needs_colour and pair.after.frame.colour.state != "card" else seen
        )
    )
    verdict = verdict_of(measure, second.value - first.value, sdc)
    return Change(*told, sdc, source, verdict, words(verdict, measure), flags, n, *interval)


def _refusal(
    measure: Measure, pair: Pair, region: str, first: Sample, second: Sample
) -> tuple[tuple[Flag, ...], str] | None:
    """Why this change cannot be judged, or None."""
    for role, sample in (("before", first), ("after", second)):
        if math.isnan(sample.value):
            return tuple(n.flag for n in sample.notices), f"{role}: " + "; ".join(n.text for n in sample.notices)
        for notice in sample.notices:
            if notice.flag == Flag.OUT_OF_MODEL:
                return (notice.flag,), f"{role}: {notice.text}"
    if pair.registration.by_view and not measure.by_view:
        return UNMATCHED
    if pair.prepared and measure.family in OF_COLOUR:
        return (Flag.PREPARATION_DIFFERS,), f"the skin was not prepared alike: {'; '.join(pair.prepared)}"
    if measure.needs_colour and pair.after.frame.colour.state == "uncorrected":
        named = pair.before.frame.colour.reference
        advice = f"the reference '{named}' was lost" if named else COLOUR_ADVICE
        return (Flag.UNCORRECTED_COLOUR,), f"the two photos' colours are not tied together: {advice}"
    beyond = repeatability.beyond_study(pair.difference, measure.fine)
    if beyond:
        return (Flag.OUTSIDE_STUDY,), f"the two photos were taken too differently: {'; '.join(beyond)}"
    known = repeatability.capture_error(measure.name, pair.tied_by, pair.difference, measure.fine, region, pair.clinic)
    if known is None:
        return (Flag.OUTSIDE_STUDY,), "the error study holds nothing for this measure here"
    return None


def smallest_detectable_change(
    measure: Measure, pair: Pair, region: str, first: Sample, second: Sample
) -> tuple[float, str, tuple[float, float, float]]:
    """SDC on the side of the change, in the measure's unit, the parts that it holds, and the change's interval."""
    known = repeatability.capture_error(measure.name, pair.tied_by, pair.difference, measure.fine, region, pair.clinic)
    assert known is not None
    parts = {"capture": known.sd, **own_error(measure, pair, region, first, second)}
    lamp = lamp_error(measure, pair, region, first)
    if lamp:
        parts["lamp"] = lamp
    if measure.transform == "sqrt" and first.value == second.value == 0:
        parts["unseen"] = _unseen(measure, pair, region, first, second) / known.factor
    s_d = math.hypot(*parts.values())
    sdc = statistics.detectable_change(
        first.value, s_d, second.value >= first.value, measure.scale(first), known.factor
    )
    interval = statistics.change_interval(first.value, second.value, s_d, measure.scale(first), known.factor)
    told = [f"{name} {sd:.2g}" for name, sd in parts.items()]
    return sdc, repeatability.source(told, pair.difference.setup, known), interval


def own_error(measure: Measure, pair: Pair, region: str, first: Sample, second: Sample) -> dict[str, float]:
    """SDs of the transformed difference that the pair itself tells: of its blocks, its scale and its reference."""
    judged = measure.scale(first)
    weights = np.minimum(first.weights, second.weights)
    parts = {
        "blocks": statistics.paired_standard_error(
            first.value, second.value, first.blocks, second.blocks, weights, judged
        )
    }
    if measure.scale_power:
        parts["scale"] = abs(measure.scale_power * judged.slope(first.value) * first.value) * REGISTERED_SCALE_ERROR
    if measure.of_colour is not None:
        of_pair = card_uncertainty if pair.by_cards else colour_uncertainty
        parts["colour"] = of_pair(measure.of_colour, pair, region)
    return parts


def _unseen(measure: Measure, pair: Pair, region: str, first: Sample, second: Sample) -> float:
    """Root of what both photos may together have missed of something that was found in neither, with 95 %: its blocks
    are all alike, and tell nothing."""
    missed = math.hypot(spread_of(measure, pair.before, region, first), spread_of(measure, pair.after, region, second))
    return math.sqrt(statistics.COVERAGE_95 * missed)


def lamp_error(measure: Measure, pair: Pair, region: str, first: Sample) -> float:
    """SD of the transformed difference that another lamp or camera may make; 0 where both are stated to be the same,
    and where cards tell what the light leaves open."""
    if pair.same_lamp or pair.by_cards:
        return 0.0
    if pair.neutral_reference:
        of_level = accuracy.of_another_lamp(measure.name, pair.difference.tone_ita)
        if of_level:
            return of_level
    share = accuracy.of_another_lamp_on_contrast(measure.name)
    if not share or measure.transform == "log":
        return share
    if measure.of_colour is None:
        return share * abs(first.carried.get("height", first.value))
    reference = pair.before.frame.colour.reference
    return share * abs(first.value - measure.of_colour(median_rgb(pair.before, reference))) if reference else 0.0


def lamp_notices(pair: Pair) -> list[Notice]:
    """That another lamp could not be told from treatment, where nothing but a grey ties the colours."""
    if pair.same_lamp or not pair.neutral_reference:
        return []
    text = "a grey balances two lamps for greys, not for skin: changes of its colour are held against that too"
    return [Notice(Flag.LAMP_UNKNOWN, text)]


def card_uncertainty(of_colour: Callable[[NDArray[np.float64]], float], pair: Pair, region: str = SKIN) -> float:
    """SD of the difference that the two cards leave open in a colour measure of a region."""
    first, second = (median_rgb(maps, region) for maps in (pair.before, pair.after))
    return difference.change_uncertainty(of_colour, first, second, pair.before.frame.colour, pair.after.frame.colour)


def colour_uncertainty(of_colour: Callable[[NDArray[np.float64]], float], pair: Pair, region: str = SKIN) -> float:
    """SD of the difference that the reference's own uncertainty makes in a colour measure of a region.

    From the same blocks of the reference in both photos: each block's gain, instead of the whole reference's,
    would have given another value to the region's typical colour; and from the rounding of the reference's colour that
    all of its blocks share. NaN where the reference has too few blocks.
    """
    blocks, weights = pair.reference_gains
    mask = pair.before.frame.regions.get(region)
    if mask is None or not mask.any():
        return math.nan
    skin = median_rgb(pair.before, region)
    value = of_colour(skin)
    of_blocks, rounded = (
        np.array([of_colour(np.asarray(colour.rebalanced(skin, gain), np.float64)) for gain in gains])
        for gains in (blocks, pair.reference_rounding)
    )
    return math.hypot(statistics.block_standard_error(value, of_blocks, weights), *(rounded - value))


def verdict_of(measure: Measure, change: float, sdc: float) -> Verdict:
    """The one test: |change| > sdc."""
    if not abs(change) > sdc:
        return "within_error"
    if measure.better == "neither":
        return "changed"
    return "improved" if (change < 0) == (measure.better == "lower") else "worsened"


def words(verdict: Verdict, measure: Measure) -> str:
    """The verdict in a sentence."""
    if verdict == "within_error":
        return "Within measurement error; this does not show that nothing changed"
    if verdict == "changed":
        return "Larger than measurement error; neither better nor worse by itself"
    return "Larger than measurement error"


def judge_paired(measure: Measure, pair: Pair, region: str, sample: PairedSample | None) -> Change:
    """A paired measure's change, its smallest detectable change and the verdict."""
    nothing = math.nan

    def refuse(flags: tuple[Flag, ...], reason: str, n: int = 0) -> Change:
        return Change(
            measure.name,
            region,
            nothing,
            nothing,
            nothing,
            measure.unit,
            nothing,
            "",
            "not_comparable",
            reason,
            flags,
            n,
        )

    if pair.registration.by_view:
        return refuse(*UNMATCHED)
    if sample is None:
        return refuse((Flag.REGION_TOO_SMALL,), "the shared region holds too little measurable skin")
    if math.isnan(sample.change):
        return refuse(tuple(n.flag for n in sample.notices), "; ".join(n.text for n in sample.notices), sample.n)
    beyond = repeatability.beyond_study(pair.difference, measure.fine)
    known = repeatability.capture_error(measure.name, pair.tied_by, pair.difference, measure.fine, region, pair.clinic)
    if beyond or known is None:
        reason = "; ".join(beyond) or "the error study holds nothing for this measure"
        return refuse((Flag.OUTSIDE_STUDY,), f"the two photos were taken too differently: {reason}", sample.n)
    scale = 100 * REGISTERED_SCALE_ERROR
    sdc = known.factor * math.sqrt(known.sd**2 + sample.standard_uncertainty**2 + scale**2)
    if not math.isfinite(sdc):
        return refuse((Flag.UNDEFINED,), "its error cannot be told", sample.n)
    verdict = verdict_of(measure, sample.change, sdc)
    parts = [f"capture {known.sd:.2g}", f"pores {sample.standard_uncertainty:.2g}", f"scale {scale:.2g}"]
    return Change(
        measure.name,
        region,
        nothing,
        nothing,
        sample.change,
        measure.unit,
        sdc,
        repeatability.source(parts, pair.difference.setup, known),
        verdict,
        words(verdict, measure),
        (),
        sample.n,
        sample.change - sdc,
        sample.change + sdc,
        sample.change / sdc * statistics.COVERAGE_95,
    )

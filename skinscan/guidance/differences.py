"""How the capture of two photos differs, held against what the error study covers, and how to mend the second."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skinscan import repeatability
from skinscan.arrays import colour
from skinscan.guidance.findings import FOCUS, TIE_COLOUR
from skinscan.guidance.light import light_moved
from skinscan.guidance.nouns import Act, Advice, Aim
from skinscan.guidance.photo import bears_on
from skinscan.measures import Measure
from skinscan.pairing import Pair
from skinscan.records import SKIN, Flag, Notice
from skinscan.report.words import ADVICE, listing, readable

NAN = math.nan

HALF = 0.5
"""Share of a study's limit from which a difference is worth mending: under it, it costs less than the rest of the
error."""

_ACTS: Mapping[str, Act] = {
    "light": "light", "contrast": "light", "gradient": "light", "noise": "light", "blur": "focus", "pose": "framing",
    "turn_deg": "framing", "exposure": "exposure", "chroma": "colour", "compression": "file",
}  # fmt: skip

_MENDED = frozenset({Flag.LIGHT_DIFFERS, Flag.SHARPNESS_DIFFERS, Flag.SAME_SETUP})
"""Notices of a pair whose numbers are told by the differences themselves."""


@dataclass(frozen=True, eq=False)
class Setup:
    """A pair, and where its camera must move."""

    pair: Pair
    aim: Aim | None


def differences(setup: Setup, measures: Mapping[str, Measure], notices: Sequence[Notice]) -> tuple[Advice, ...]:
    """Everything in which the two photos were taken differently that bears on these measures."""
    return (
        *_covariates(setup, measures),
        *_side_light(setup.pair, measures),
        *_tie(setup.pair, measures),
        *_noticed(notices, measures),
    )


def _covariates(setup: Setup, measures: Mapping[str, Measure]) -> Iterator[Advice]:
    difference = setup.pair.difference
    limits = repeatability.model()["limits"][difference.setup]
    for name, limit in limits.items():
        value = getattr(difference, name)
        bearing = tuple(n for n, m in measures.items() if m.fine or name not in repeatability.FINE)
        if not bearing or value <= HALF * limit:
            continue
        if name in ("light", "contrast") and value <= limit and _softer(setup):
            continue  # blur takes the shading away: that the lamp moved is then not known
        beyond = not value <= limit
        finding, todo, unit, found, most = _told(name, value, limit, setup)
        yield Advice(
            Flag.OUTSIDE_STUDY if beyond else _FLAGS.get(name, Flag.SETUP_DIFFERS), _ACTS[name], finding, todo, found,
            most, unit, SKIN, bearing if beyond else (), () if beyond else bearing,
        )  # fmt: skip


def _softer(setup: Setup) -> bool:
    """Whether the two photos differ in sharpness by enough to make shading look weaker."""
    difference = setup.pair.difference
    return difference.blur > HALF * float(repeatability.model()["limits"][difference.setup]["blur"])


def _side_light(pair: Pair, measures: Mapping[str, Measure]) -> Iterator[Advice]:
    """Light that falls otherwise across the skin, by more than the lamp of one set-up does."""
    value, limit = pair.difference.gradient, repeatability.STATED_LIMITS["gradient"]
    moved = light_moved(pair.before.frame, pair.after.frame, pair.registration) if value > limit else None
    if moved is None:
        return
    factor, side = moved
    finding = f"the {side} of the picture gained a factor of {factor:.1f} on the other side since the baseline"
    todo = f"move the lamp back, away from the {side} of the picture"
    yield Advice(
        Flag.LIGHT_DIFFERS, "light", finding, todo, factor, math.exp(2 * limit), "times", SKIN, (), tuple(measures)
    )  # fmt: skip


_FLAGS: Mapping[str, Flag] = {
    "light": Flag.LIGHT_DIFFERS, "contrast": Flag.LIGHT_DIFFERS, "gradient": Flag.LIGHT_DIFFERS,
    "blur": Flag.SHARPNESS_DIFFERS,
}  # fmt: skip


def _told(name: str, value: float, limit: float, setup: Setup) -> tuple[str, str, str, float, float]:
    """Finding, what to do, unit, number and limit of a difference."""
    pair = setup.pair
    if math.isnan(value):
        return f"{_WHAT[name]} could not be told", "show more bare skin, sharp and well lit", "", NAN, limit
    if name in ("light", "contrast"):
        return *_light(name, setup, value, limit), "", value, limit
    if name == "exposure":
        steps, most = value / math.log(2), limit / math.log(2)
        brighter = _brightness(pair) > 1
        finding = f"this photo is {steps:.1f} steps {'brighter' if brighter else 'darker'}, {most:.1f} at most"
        return finding, f"{'lower' if brighter else 'raise'} the exposure by {steps:.1f} steps", "steps", steps, most
    if name == "pose":
        todo = listing(list(setup.aim.moves[:2])) if setup.aim and setup.aim.moves else "take the baseline's place"
        return (
            f"the view differs by {100 * value:.0f} %, {100 * limit:.0f} % at most",
            todo,
            "%",
            100 * value,
            100 * limit,
        )
    if name == "turn_deg":
        todo = "turn the camera back" if not setup.aim or not setup.aim.moves else listing(list(setup.aim.moves[:2]))
        return f"the camera is turned by {value:.1f} degrees, {limit:.1f} at most", todo, "degrees", value, limit
    if name == "blur":
        ours, theirs = (maps.frame.quality.blur_px for maps in (pair.before, pair.after))
        softer = theirs / pair.registration.scale_ratio > ours
        finding = f"this photo is {math.exp(value):.1f} times {'less sharp' if softer else 'sharper'}"
        todo = FOCUS if softer else "nothing to mend here: the baseline is the softer one"
        return (
            f"{finding} than the baseline, {math.exp(limit):.1f} at most",
            todo,
            "times",
            math.exp(value),
            math.exp(limit),
        )
    if name == "noise":
        noisier = pair.after.frame.quality.noise > pair.before.frame.quality.noise
        finding = f"this photo is {math.exp(value):.1f} times {'noisier' if noisier else 'cleaner'} than the baseline"
        todo = "use more light, as much as in the baseline" if noisier else "use the light of the baseline"
        return f"{finding}, {math.exp(limit):.1f} at most", todo, "times", math.exp(value), math.exp(limit)
    if name == "compression":
        return (
            "one photo is compressed much harder",
            "use the camera's own file, not a messenger's copy",
            "",
            value,
            limit,
        )
    return (
        f"{_WHAT[name]} differs by {value:.2f}, {limit:.2f} at most",
        "repeat the baseline's set-up",
        "",
        value,
        limit,
    )


_WHAT: Mapping[str, str] = {
    "light": "the light's direction", "contrast": "the strength of the shading", "gradient": "the light's fall",
    "noise": "noise", "blur": "sharpness", "pose": "the view", "turn_deg": "the turn of the camera",
    "exposure": "brightness", "chroma": "the white balance", "compression": "compression",
}  # fmt: skip


def _light(name: str, setup: Setup, value: float, limit: float) -> tuple[str, str]:
    """Where the light went: by what it did to the two sides of the skin, else by its shading alone."""
    pair = setup.pair
    stronger = pair.registration.texture_ratio > 1
    if name == "contrast":
        finding = f"the skin's shading is {math.exp(value):.1f} times {'stronger' if stronger else 'weaker'}"
        finding += f" than in the baseline, {math.exp(limit):.1f} at most"
        todo = "raise the lamp or bring it more to the front" if stronger else "lower the lamp to where it was"
        return finding, todo
    finding = f"the light comes from another direction ({value:.2f}, {limit:.2f} at most)"
    moved = light_moved(pair.before.frame, pair.after.frame, pair.registration)
    if moved is None:
        return finding, "put the lamp back where it was, and keep out daylight and other lamps"
    factor, side = moved
    finding += f"; the {side} of the picture gained a factor of {factor:.1f} on the other side"
    return finding, f"move the lamp back, away from the {side} of the picture"


def _brightness(pair: Pair) -> float:
    """Luminance of the skin after, over before, as the photos show it."""
    before, after = (float(colour.luminance(maps.typical_rgb)) for maps in (pair.before, pair.after))
    return after / before if before > 0 else NAN


def white_balance(pair: Pair) -> str:
    """In words, how this photo's colours have shifted; empty where by less than a tenth."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(pair.after.typical_rgb) / np.asarray(pair.before.typical_rgb)
    warm = math.log(ratio[0] / ratio[2]) if (ratio > 0).all() else 0.0
    return "" if abs(warm) < 0.1 else "yellower" if warm > 0 else "bluer"


def _tie(pair: Pair, measures: Mapping[str, Measure]) -> Iterator[Advice]:
    """Colour that nothing ties together."""
    names = tuple(name for name, measure in measures.items() if measure.needs_colour)
    if not names or pair.after.frame.colour.state != "uncorrected":
        return
    shift = white_balance(pair)
    finding = "colour is not tied between the two photos" + (f"; this one is {shift}" if shift else "")
    yield Advice(Flag.UNCORRECTED_COLOUR, "colour", finding, TIE_COLOUR, NAN, NAN, "", SKIN, names, ())


def _noticed(notices: Sequence[Notice], measures: Mapping[str, Measure]) -> Iterator[Advice]:
    """What was noticed on the way, in its own words."""
    for notice in notices:
        if notice.flag in _MENDED:
            continue
        todo = ADVICE.get(notice.flag, "").rstrip(".")
        todo = todo[:1].lower() + todo[1:]
        weakens = tuple(name for name, measure in measures.items() if bears_on(notice.flag, measure))
        act: Act = "colour" if notice.flag in (Flag.REFERENCE_LOST, Flag.LAMP_UNKNOWN) else "framing"
        yield Advice(
            notice.flag, act, readable(notice.text), todo, NAN, NAN, "", notice.region or SKIN, (), weakens
        )  # fmt: skip

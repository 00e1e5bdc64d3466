"""Words for people: what the measures are called, what the verdicts mean, what to do better next time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from skinscan.measures import all_measures
from skinscan.records import Flag, Verdict

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "redness": "Redness",
        "pigment": "Pigment",
        "pores": "Pores",
        "texture": "Texture",
        "lines": "Lines",
        "scars": "Scars",
        "striae": "Stretch marks",
        "hair": "Hair",
        "dimples": "Dimples",
        "other": "Other numbers",
    }
)
"""Families in the order in which they are shown."""

PROMINENT = (
    "redness.area",
    "redness.haemoglobin",
    "redness.a_star",
    "pigment.spot_area",
    "pigment.evenness",
    "pigment.melanin",
    "pores.area",
    "pores.matched_diameter_change",
    "pores.diameter_p50",
    "texture.roughness_250_500um",
    "texture.roughness_500_1000um",
    "texture.roughness_1000_2000um",
    "lines.length_density",
    "lines.contrast",
    "scars.area",
    "scars.contrast",
    "striae.length_density",
    "striae.contrast_de00",
    "hair.coverage",
    "hair.part_width_mm",
    "dimples.relief_2_20mm",
)
"""The numbers shown first, in this order; the others are folded."""

_EXPLANATIONS: Mapping[str, str] = MappingProxyType(
    {
        "redness.a_star": "how red the skin looks (CIELAB a*, D65)",
        "redness.erythema_index": "red against green reflectance of this camera",
        "redness.haemoglobin": "blood colour, told apart from melanin and shading",
        "redness.area": "share of skin redder than the threshold",
        "pigment.melanin": "brown pigment, told apart from blood and shading",
        "pigment.ita": "light to dark; neither direction is better",
        "pigment.evenness": "mean colour difference to the region's own middle",
        "pigment.spot_area": "share of skin darker in melanin than its surroundings",
        "pores.area": "share of skin covered by pores of 150 to 500 µm",
        "pores.density": "pores of 150 to 500 µm for each square centimetre",
        "pores.visible_share": "the pores that experts see",
        "pores.elongation": "long against short axis; 1 is round",
        "pores.matched_diameter_change": "the same pores found in both photos",
        "texture.anisotropy": "0: no direction, 1: one direction only",
        "lines.length_density": "length of fine lines and wrinkles for each square centimetre",
        "lines.width_um": "how wide they look, the photo's blur taken off",
        "lines.contrast": "how dark they look against the skin beside; light from the side deepens them",
        "scars.area": "share of skin that looks like a scar of 0.8 to 6 mm; not a depth, no clinical grade",
        "scars.contrast": "how much scars stand out in colour from the skin beside them",
        "striae.length_density": "length of stretch marks for each square centimetre",
        "striae.contrast_de00": "how much they stand out in colour from the skin beside them",
        "striae.contrast_lightness": "pale old marks lie above 0, dark young ones below; neither is better",
        "striae.contrast_redness": "red young marks lie above 0, pale old ones below; neither is better",
        "hair.coverage": "share of the drawn scalp under hair; not a count of hairs",
        "hair.part_width_mm": "how wide the bare band of the parting is",
        "dimples.relief_2_20mm": "light and dark of dents under raking light; not a height",
    }
)


@dataclass(frozen=True, slots=True)
class VerdictWord:
    """A verdict in a word, a mark that does not need colour, and a sentence's end."""

    word: str
    mark: str
    sentence: str


_LARGER = "larger than measurement error."

VERDICTS: Mapping[Verdict, VerdictWord] = MappingProxyType(
    {
        "improved": VerdictWord("Improved", "✓", _LARGER),
        "worsened": VerdictWord("Worsened", "!", _LARGER),
        "changed": VerdictWord("Changed", "◆", _LARGER),
        "within_error": VerdictWord(
            "Within error", "≈", "within measurement error; this does not show that nothing changed."
        ),
        "not_comparable": VerdictWord("Not comparable", "∅", "not comparable."),
    }
)

TO_PATIENT: Mapping[Verdict, str] = MappingProxyType(
    {
        "improved": "larger than measurement error",
        "worsened": "larger than measurement error",
        "changed": "larger than measurement error",
        "within_error": "no measurable change yet",
        "not_comparable": "cannot be compared",
    }
)
"""The verdicts as who is treated reads them."""

_CLOSER = "Come closer or use the 2x lens, so that each millimetre of skin gets more pixels."
_SAME_VIEW = "Photograph the same skin from the same side, angle and distance."
_SAME_LIGHT = "Use the same lamp in the same place, and keep out daylight and other lamps."

ADVICE: Mapping[Flag, str] = MappingProxyType(
    {
        Flag.BLURRED: "Hold the camera still, let it focus on the skin, take several and keep the sharpest.",
        Flag.CLIPPED_BRIGHT: "Lower the exposure, or move the lamp until the skin no longer shines.",
        Flag.CLIPPED_DARK: "Use more light, or raise the exposure.",
        Flag.UNEVEN_LIGHT: "Light the skin evenly, from both sides or from farther away.",
        Flag.SHINY: "Polarise lamp and lens, powder the shine off, or move the lamp.",
        Flag.GLOSS: "Cross polarisers on lamp and lens, or wipe the skin and soften the lamp.",
        Flag.NOISY: "Use more light, so that the camera need not amplify it.",
        Flag.COMPRESSED: "Give the camera's own file, not one sent by messenger or saved again.",
        Flag.SMOOTHING_SUSPECTED: "Switch off beauty filters and portrait modes.",
        Flag.TOO_SMALL: "Give the original photo, not a thumbnail or a screenshot.",
        Flag.GREY: "Take the photo in colour.",
        Flag.SKIN_DOUBTFUL: "Check that this is the right picture, and that bare skin fills it.",
        Flag.NO_SKIN: "Fill the picture with bare skin, or draw the region by hand.",
        Flag.LITTLE_SKIN: "Fill the picture with bare skin, or draw the region by hand.",
        Flag.NO_SCALE: "Put a printed marker of known size flat beside the skin, or give the millimetres per pixel.",
        Flag.TOO_FAR: _CLOSER,
        Flag.PORES_250_ONLY: _CLOSER,
        Flag.BAND_TOO_FINE: _CLOSER,
        Flag.REGION_TOO_SMALL: "Draw a larger region, or come closer.",
        Flag.REGION_TOO_SMALL_FOR_BAND: "Draw a larger region.",
        Flag.HAIR_UNCLEAR: "Part the hair so that bare scalp shows, come closer, and light it evenly.",
        Flag.NOT_RAKING: "Put one lamp low beside the skin, always in the same place, and all other light out.",
        Flag.UNCORRECTED_COLOUR: "Keep untreated skin or a grey patch in both photos and name it as the "
        "reference region.",
        Flag.SAME_PHOTO: "Give two different photos.",
        Flag.MIRRORED: "Use the rear camera, or switch off mirroring.",
        Flag.SWAPPED: "Give the earlier photo first.",
        Flag.NOT_REGISTERED: _SAME_VIEW,
        Flag.LITTLE_OVERLAP: _SAME_VIEW,
        Flag.LIGHT_DIFFERS: _SAME_LIGHT,
        Flag.PREPARATION_DIFFERS: "Photograph washed skin without make-up or sunscreen, each time alike.",
        Flag.SETUP_DIFFERS: "Fix camera, lamp and place, and keep the camera's settings; or do not state it.",
        Flag.SHARPNESS_DIFFERS: "Use the same camera, lens and distance, and let it focus on the skin.",
        Flag.SCALE_DISAGREES: "Check the marker's size, or the millimetres per pixel, of both photos.",
        Flag.OUTSIDE_STUDY: "Repeat the set-up: the same camera, lamp, distance and angle.",
        Flag.LAMP_UNKNOWN: "State the same set-up if camera and lamp are the same; else use a colour card, or "
        "untreated skin as the reference.",
        Flag.REFERENCE_LOST: "Keep the reference region in view, in focus and evenly lit in both photos.",
    }
)
"""What to do next time about a flag. Flags that nobody can act upon are not here."""


def family(measure: str) -> str:
    """The family a measure belongs to: its name before the dot, or `other`."""
    first = measure.partition(".")[0]
    return first if first in FAMILIES else "other"


@cache
def titles() -> Mapping[str, str]:
    """What people call each measure that there is, by its name."""
    return {name: readable(measure.title) for name, measure in all_measures().items()}


def title(measure: str) -> str:
    """What people call a measure; made from its name where there is no such measure (an older record)."""
    if measure in titles():
        return titles()[measure]
    tail = measure.partition(".")[2] or measure
    return capital(re.sub(r"(\d+)um\b", r"\1 um", tail.replace("_", " ").replace(".", " ")))


def explanation(measure: str) -> str:
    """One line about a measure, or nothing."""
    if measure.startswith("texture.roughness_"):
        return "light and dark on the skin at this size; not a height"
    return _EXPLANATIONS.get(measure, "")


def advice(flags: list[Flag]) -> list[str]:
    """What to do next time, each thing once, in the order in which the flags came."""
    return list(dict.fromkeys(ADVICE[flag] for flag in flags if flag in ADVICE))


def meant_for(flags: Iterable[Flag]) -> bool:
    """Whether a number is meant for what was photographed: where it is not, its absence is no news."""
    return Flag.NOT_APPLICABLE not in flags


def is_news(flags: Iterable[Flag]) -> bool:
    """Whether a missing number says something of the photo: not where the skin has nothing of it to measure."""
    return meant_for(flags) and Flag.FEW_FOUND not in flags


def visible(text: str) -> str:
    """The text with control and direction-changing characters made visible, as a name can hold them."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def readable(text: str) -> str:
    """A reason as people read it: visible characters only, and µm for um."""
    return re.sub(r"\bum\b", "µm", visible(text))


def capital(text: str) -> str:
    """Readable, with a capital first letter."""
    text = readable(text)
    return text[:1].upper() + text[1:]


def listing(items: list[str], most: int = 4) -> str:
    """`a, b and c`, or `a, b, c, d and 5 more`."""
    if len(items) > most + 1:
        return f"{', '.join(items[:most])} and {len(items) - most} more"
    return " and ".join(part for part in (", ".join(items[:-1]), items[-1]) if part) if items else ""

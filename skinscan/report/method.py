"""'How it was done': where the pixels came from, what was assumed, which versions measured them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from skinscan.records import Assessment, Change, Frame, Registration
from skinscan.report import words
from skinscan.report.numbers import decimals, number

Facts = list[tuple[str, str]]

_SOURCES = {
    "given": "given by the user",
    "aruco": "printed marker found in the photo",
    "card": "colour card found in the photo",
    "skin_card": "printed skin card found in the photo",
    "iris": "the eyes' irises, 11.7 ± 0.5 mm in most people",
    "registered": "from the other photo, by the skin that both show",
}
_COLOURS = {
    "card": "corrected with a colour card",
    "reference": "told relative to a reference region",
    "uncorrected": "not corrected: values include the lamp and the camera",
}


def of_frame(frame: Frame) -> Facts:
    """(what, how) about one photo. Date and camera are left out: a report may be passed on."""
    photo = frame.photo
    facts = [
        ("File", words.visible(photo.name)),
        ("SHA-256", photo.sha256),
        ("Format", f"{photo.format}, {photo.shape[1]} × {photo.shape[0]} px"),
        ("Decoding", words.visible("; ".join(photo.steps)) or "nothing special"),
        ("Scale", _scale(frame)),
        ("Colour", _colour(frame)),
        *_face(frame),
        ("Regions", words.visible(", ".join(f"{n} ({int(m.sum())} px)" for n, m in frame.regions.items()))),
        ("Sharpness", f"blur of {number(frame.quality.blur_px, 1)} px" + _effective(frame)),
    ]
    if frame.recipe:
        facts.append(("Recipe", words.visible("; ".join(f"{k} {v}" for k, v in frame.recipe.items()))))
    return facts


def _face(frame: Frame) -> Facts:
    face = frame.face
    if face is None:
        return []
    side = "left" if face.yaw_deg > 0 else "right"
    turned = f"turned {number(abs(face.yaw_deg), 0)}° to the patient's {side}, tipped {number(face.roll_deg, 0)}°"
    return [("Face", f"found, {turned}")]


def _scale(frame: Frame) -> str:
    scale = frame.scale
    if scale is None:
        return "none: lengths and areas are unknown"
    places = max(decimals(scale.spread, scale.mm_per_px), 4)
    margin = f"± {number(1.96 * scale.spread, places)}"
    source = _SOURCES.get(scale.source, scale.source)
    return f"{number(scale.mm_per_px, places)} {margin} mm per pixel (95 %), {source}"


def _effective(frame: Frame) -> str:
    fine = frame.quality.effective_um_per_px
    return f", effective resolution {number(fine, 0)} µm per pixel" if fine is not None else ""


def _colour(frame: Frame) -> str:
    text = _COLOURS[frame.colour.state]
    if frame.colour.reference:
        text += f" ({words.visible(frame.colour.reference)})"
    if frame.colour.gains != (1.0, 1.0, 1.0):
        gains = ", ".join(number(gain, 3) for gain in frame.colour.gains)
        text += f"; red, green and blue times {gains}, which brings the reference to its look in the first photo"
    if frame.colour.predicted_de00 is not None and frame.colour.predicted_a_star is not None:
        de00, a_star = number(frame.colour.predicted_de00, 1), number(frame.colour.predicted_a_star, 1)
        text += f"; error to expect on this skin {de00} dE00, ± {a_star} in a* (1 SD)"
    if frame.colour.formulation is not None:
        text += f"; card made {frame.colour.formulation.replace('_', ' November ')}"
    if frame.colour.residual_de00 is not None:
        text += f"; the card's patches agree to {number(frame.colour.residual_de00, 1)} dE00"
    return text


def of_registration(registration: Registration | None) -> Facts:
    """(what, how) about matching the two photos."""
    if registration is None:
        return [("Matching", "not done")]
    r = registration
    facts = [
        ("Matched", "yes" if r.ok else "no"),
        ("Points that agree", str(r.matches)),
        ("Standard error of a point", f"{number(r.residual_px, 2)} px of the after photo"),
        ("Skin that both see", f"{number(100 * r.overlap_share, 0)} %"),
        ("Size, after to before", number(r.scale_ratio, 3)),
        ("Turned by", f"{number(r.rotation_deg, 1)}°"),
        ("Likeness of fine shading", f"{number(r.texture_correlation, 2)} (1: the same light)"),
        ("Change of the shading's direction", f"{number(r.anisotropy_change, 3)} (of its anisotropy, 0 to 2)"),
        ("Change of light", f"{number(r.light_change, 3)} (SD of the log ratio)"),
    ]
    return facts + [("Notice", words.visible(notice.text)) for notice in r.notices]


def sdc_sources(changes: Iterable[Change]) -> list[str]:
    """Where the smallest detectable changes come from, each source once; how large its parts are differs from number to
    number, and is left out: `changes.csv` tells it."""
    told = (words.visible(change.sdc_source) for change in changes if change.sdc_source)
    return list(dict.fromkeys(re.sub(r"(?<=[a-z]) [\d.]+(e-?\d+)?(?=[,)])", "", text) for text in told))


def versions(assessments: Iterable[Assessment]) -> Facts:
    """(what, version) of all photos, each pair once; measure versions too."""
    facts: dict[tuple[str, str], None] = {}
    for assessment in assessments:
        facts.update(dict.fromkeys(assessment.versions.items()))
    for assessment in assessments:
        facts.update({(m.measure, f"version {m.version}"): None for m in assessment.measurements})
    return list(facts)

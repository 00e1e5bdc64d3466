"""Each reason that a photo gives against itself, in this photo's own numbers, and how to mend it.

The reasons come from where they are decided: the measures' gates and the frame's notices. Nothing is judged again here;
a reason that this module has no words for still comes, in the words of its flag.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from skinscan.arrays.cells import Cells
from skinscan.capture import quality
from skinscan.capture.quality import closer
from skinscan.guidance.light import brighter_side
from skinscan.guidance.nouns import Act, Advice
from skinscan.measures import Measure
from skinscan.measures.maps import Maps
from skinscan.measures.pores import FULL_UM_PER_PX, LARGEST_BLUR_PX
from skinscan.records import FLAGS, Flag, Frame, Notice
from skinscan.report.words import ADVICE

NAN = math.nan
SHINY_SHARE = 0.03
"""Share of the skin that shines from which it is said: faces under studio light without polarisers have 0.01-0.03, oily
and sunlit ones 0.04-0.14; what shines is left out of every number."""

FOCUS = "tap to focus on the skin and hold still"
SCALE = "lay the sticker or the skin card flat beside the skin, or give the millimetres a pixel"
SIZE = "measure the side of its black square with a ruler, and give that in millimetres"
TIE_COLOUR = (
    "lay a colour card beside the skin, or keep untreated skin or, under the same lamp, a grey patch in both photos"
)
CARD = "lay the whole colour card flat beside the skin, in the same light, without shade or glare on it"
MATT = "polarise lamp and lens, powder the shine off, or move the lamp"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in words and numbers, and what mends it."""

    act: Act
    finding: str
    todo: str
    found: float = NAN
    limit: float = NAN
    unit: str = ""


@dataclass(frozen=True)
class Found:
    """A reason, and what it was found in. `measure` is the first that it concerns, None for the photo as a whole."""

    notice: Notice
    maps: Maps
    region: str
    cells: Cells | None = None
    measure: Measure | None = None

    @property
    def frame(self) -> Frame:
        return self.maps.frame


def sticker_without_size(markers: Sequence[int]) -> Finding:
    """A photo without a scale in which stickers lie, by their numbers."""
    named = f"sticker {markers[0]} lies" if len(markers) == 1 else f"{len(markers)} stickers lie"
    return Finding("scale", f"no scale: {named} in the photo, of a size that nobody gave", SIZE)


def told(found: Found) -> Finding:
    """A reason in words and numbers."""
    make = _MAKERS.get(found.notice.flag)
    return make(found) if make else _as_it_is(found)


def _as_it_is(found: Found) -> Finding:
    return Finding("other", found.notice.text, _plain_advice(found.notice.flag))


def _plain_advice(flag: Flag) -> str:
    """The report's sentence on a flag, as the end of one."""
    text = ADVICE.get(flag, "")
    return text[:1].lower() + text[1:].rstrip(".")


def _coming_closer(um_per_px: float, needed: float) -> str:
    """What to do, without the numbers that `closer` begins with."""
    return closer(um_per_px, needed).partition(": ")[2]


def _resolution(found: Found, needed: float, what: str) -> Finding:
    """Too coarse, for distance or for blur: who comes closer with a blurred picture gains nothing."""
    frame = found.frame
    effective = found.maps.effective_um_per_px
    if math.isnan(effective):
        return Finding("framing", found.notice.text, "show more bare skin in one piece", limit=needed, unit="um/px")
    blur = frame.quality.blur_px
    far = frame.um_per_px > needed
    todo = [_coming_closer(frame.um_per_px, needed)] if far else []
    if effective > 1.02 * frame.um_per_px:
        todo.append(FOCUS)
        finding = f"{effective:.0f} um/px resolved (blur of {blur:.1f} px included), {needed:.0f} needed {what}"
    else:
        finding = f"{effective:.0f} um/px, {needed:.0f} needed {what}"
    return Finding("closer" if far else "focus", finding, ", and ".join(todo), effective, needed, "um/px")


def _too_far(found: Found) -> Finding:
    needed = found.measure.largest_um_per_px if found.measure is not None and found.measure.family != "pores" else None
    if needed is not None:
        um = found.frame.um_per_px
        return Finding("closer", found.notice.detail, _coming_closer(um, needed), um, needed, "um/px")
    return _resolution(found, FULL_UM_PER_PX, "to size pores")


def _large_pores_only(found: Found) -> Finding:
    return _resolution(found, FULL_UM_PER_PX, "to see pores under 250 um")


def _band(found: Found) -> Finding:
    """Bands and distances go by the pixel alone, not by its blur."""
    assert found.measure is not None
    um, needed = found.frame.um_per_px, nearest_that_passes(found)
    what = "structure of " + found.measure.name.rpartition("_")[2].replace("um", " um")
    if found.notice.flag == Flag.BAND_TOO_FINE:
        what = found.measure.title[:1].lower() + found.measure.title[1:]
    return Finding(
        "closer", f"{um:.0f} um/px, {needed:.0f} needed for {what}", _coming_closer(um, needed), um, needed, "um/px"
    )


def nearest_that_passes(found: Found) -> float:
    """The largest um/px, down from this photo's, at which the measure's gate no longer gives this reason."""
    measure, frame = found.measure, found.frame
    assert measure is not None
    assert measure.gate is not None
    assert found.cells is not None
    assert frame.scale is not None
    if found.notice.flag == Flag.BAND_TOO_FINE and measure.largest_um_per_px:
        return measure.largest_um_per_px
    um = frame.um_per_px
    while um > 1.0:
        um *= 0.98
        nearer = Maps.__new__(Maps)
        nearer.__dict__ = {
            **found.maps.__dict__,
            "frame": replace(frame, scale=replace(frame.scale, mm_per_px=um / 1e3)),
        }
        refusal = measure.gate(nearer, found.cells)
        if refusal is None or refusal.flag != found.notice.flag:
            return um
    return NAN


def _blurred(found: Found) -> Finding:
    blur = found.frame.quality.blur_px
    limit = quality.BLURRED_PX if found.frame.scale else quality.BLURRED_UNSCALED_PX
    what = "" if found.measure is None else " for pores"
    limit = LARGEST_BLUR_PX if found.measure is not None else limit
    return Finding("focus", f"the skin is {blur:.1f} px unsharp, {limit:.1f} at most{what}", FOCUS, blur, limit, "px")


def _share(attribute: str, limit: float, act: Act, what: str, todo: str) -> Callable[[Found], Finding]:
    def make(found: Found) -> Finding:
        share = getattr(found.frame.quality, attribute)
        finding = f"{100 * share:.2g} % of the skin {what}, {100 * limit:.0f} % at most"
        return Finding(act, finding, todo, 100 * share, 100 * limit, "%")

    return make


def _uneven(found: Found) -> Finding:
    factor, limit = (math.exp(2 * sd) for sd in (found.frame.quality.light_unevenness, quality.UNEVEN))
    side = brighter_side(found.frame)
    where = f"the {side} of the picture is brighter, by" if side else "the light changes across the skin by"
    finding = f"{where} a factor of {factor:.1f}, {limit:.1f} at most"
    todo = "turn so that the lamp is in front, or light it from both sides"
    if found.frame.recipe.get("raking_light"):  # as it should be for dimples, and for nothing else
        todo = "for everything but dimples take one more photo in even light"
    return Finding("light", finding, todo, factor, limit, "times")


def _noisy(found: Found) -> Finding:
    noise, limit = (100 * value for value in (found.frame.quality.noise, quality.NOISY))
    return Finding(
        "light", f"noise of {noise:.1f} % a pixel, {limit:.0f} % at most", "use more light", noise, limit, "%"
    )


def _compressed(found: Found) -> Finding:
    grade = found.frame.photo.jpeg_quality
    todo = "use the camera's own file, not a messenger's copy"
    if grade is None or grade >= quality.COMPRESSED_QUALITY:
        return Finding("file", "the blocks of an earlier, harder compression show", todo)
    limit = quality.COMPRESSED_QUALITY
    return Finding("file", f"JPEG quality {grade}, {limit} needed", todo, float(grade), float(limit), "")


def _too_small(found: Found) -> Finding:
    side, limit = min(found.frame.shape), quality.SMALL_PX
    finding = f"the photo is {side} px on its shorter side, {limit} needed"
    return Finding("file", finding, "use the camera's own file at its full size", float(side), float(limit), "px")


def _fixed(act: Act, finding: str, todo: str) -> Callable[[Found], Finding]:
    return lambda found: Finding(act, finding, todo)


def _reworded(act: Act, todo: str) -> Callable[[Found], Finding]:
    """The notice's own numbers, with an order in place of its flag's words."""
    return lambda found: Finding(act, found.notice.detail or FLAGS[found.notice.flag], todo)


def _covered(found: Found) -> Finding:
    what = f"{found.notice.detail} left out" if found.notice.detail else FLAGS[Flag.COVERED]
    return Finding(
        "framing", what, "bare the skin, and give the photo as the camera saved it, with nothing drawn on it"
    )


def _glossy(found: Found) -> Finding:
    return Finding("gloss", found.notice.detail.partition(":")[0] or FLAGS[Flag.GLOSS], MATT)


def _nothing_left(what: str, todo: str) -> Callable[[Found], Finding]:
    """Too little to measure: where most of it was lost to the exposure, that is what to say."""

    def make(found: Found) -> Finding:
        for flag in (Flag.CLIPPED_BRIGHT, Flag.CLIPPED_DARK):
            lost = _MAKERS[flag](found)
            if lost.found > 100 * quality.POOR_CLIPPED_SHARE:
                return lost
        return Finding("framing", what or found.notice.detail, todo)

    return make


_MAKERS: Mapping[Flag, Callable[[Found], Finding]] = {
    Flag.NO_SCALE: _fixed("scale", "no scale", SCALE),
    Flag.TOO_FAR: _too_far,
    Flag.PORES_250_ONLY: _large_pores_only,
    Flag.BAND_TOO_FINE: _band,
    Flag.OFFSET_TOO_COARSE: _band,
    Flag.BLURRED: _blurred,
    Flag.CLIPPED_BRIGHT: _share(
        "clipped_bright_share", quality.CLIPPED_SHARE, "exposure", "is overexposed", "lower the exposure"
    ),
    Flag.CLIPPED_DARK: _share(
        "clipped_dark_share",
        quality.CLIPPED_SHARE,
        "exposure",
        "is lost in the dark",
        "raise the exposure or add light",
    ),
    Flag.SHINY: _share("specular_share", SHINY_SHARE, "gloss", "shines", MATT),
    Flag.GLOSS: _glossy,
    Flag.UNEVEN_LIGHT: _uneven,
    Flag.NOISY: _noisy,
    Flag.COMPRESSED: _compressed,
    Flag.TOO_SMALL: _too_small,
    Flag.SMOOTHING_SUSPECTED: _fixed(
        "file", "a beauty filter or strong noise reduction is suspected", "switch beauty and portrait modes off"
    ),
    Flag.UNCORRECTED_COLOUR: _fixed("colour", "colour is not tied to anything", TIE_COLOUR),
    Flag.CARD_DOUBTFUL: _reworded("colour", CARD),
    Flag.CARD_BENT: _fixed("scale", FLAGS[Flag.CARD_BENT], "lay the card flat on something stiff"),
    Flag.OTHER_SCALE: _fixed("scale", FLAGS[Flag.OTHER_SCALE], "show the whole sticker or card beside the skin"),
    Flag.COVERED: _covered,
    Flag.SEVERAL_FACES: _fixed("framing", FLAGS[Flag.SEVERAL_FACES], "show one face alone, or draw the regions"),
    Flag.MIRRORED: _fixed("file", FLAGS[Flag.MIRRORED], "switch off the mirroring of selfies, or use the rear camera"),
    Flag.OUT_OF_MODEL: _reworded("gloss", "polarise lamp and lens across each other"),
    Flag.B_STAR_NOT_POSITIVE: _reworded("colour", "mend the white balance: lock it under white light"),
    Flag.NO_COLOUR: _fixed("file", "the photo has no colour", "take it in colour"),
    Flag.GREY: _fixed("file", "the photo has no colour", "take it in colour"),
    Flag.SKIN_DOUBTFUL: _fixed(
        "framing", FLAGS[Flag.SKIN_DOUBTFUL], "check that this is the right picture, and that bare skin fills it"
    ),
    Flag.NO_SKIN: _nothing_left(
        FLAGS[Flag.NO_SKIN], "come closer, light the skin evenly, or draw the region to measure"
    ),
    Flag.LITTLE_SKIN: _reworded("framing", "come closer, so that bare skin fills the picture"),
    Flag.REGION_TOO_SMALL: _nothing_left("", "come closer, or draw the region larger"),
    Flag.HAIR_UNCLEAR: _reworded("framing", "part the hair so that bare scalp shows, and come closer"),
    Flag.NOT_RAKING: _reworded("light", "put one lamp low beside the skin, and all other light out"),
    Flag.NOT_APPLICABLE: _reworded("other", "draw a region on the scalp, state raking light, or say which site it is"),
    Flag.REGION_TOO_SMALL_FOR_BAND: _reworded("framing", "draw the region larger, or show more skin"),
    Flag.FEW_PORES: _reworded("framing", "draw the region larger, or show more skin"),
}


def rank_of(finding: Finding | Advice) -> float:
    """How far beyond its limit something is, as |ln| of the ratio; 0 where there is no number."""
    ratio = finding.found / finding.limit if finding.limit else NAN
    return abs(math.log(ratio)) if ratio > 0 else 0.0

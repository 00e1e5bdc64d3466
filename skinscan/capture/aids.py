"""What a user lays beside the skin for its scale and colour: stickers, the printed skin card, a colour card."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from skinscan.capture.card import geometry
from skinscan.capture.card.find import find_card
from skinscan.capture.card.sighting import Sighting
from skinscan.capture.scale.plane_scale import plane_scale
from skinscan.capture.scale.skin_card import SkinCardSighting, find_skin_card
from skinscan.capture.scale.stickers import Sticker, find_stickers, sticker_mask, sticker_plane
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import BoolArray, Flag, Notice, ParameterError, Patches, Photo, Scale
from skinscan.sheet import layout

CardChoice = Literal["auto", "before_2014", "after_2014", "none"]
CARD_CHOICES: tuple[CardChoice, ...] = ("auto", "before_2014", "after_2014", "none")

COLOUR_CARD, SKIN_CARD = "colour card", "skin card"
"""Names of the patches of either: what a comparison is then told relative to."""

NO_STICKER = (
    "no sticker was found: an ArUco sticker of DICT_4X4_50 with its white margin, flat, sharp, 40 px wide or more is "
    "needed; take the photo again with the whole sticker in view, or give --mm-per-px"
)

NO_CARD = (
    "no ColorChecker was found: the whole card, sharp, evenly lit and 100 px wide or more is needed; take the photo "
    "again with all of it in view, or give --mm-per-px"
)


@dataclass(frozen=True, eq=False)
class Aids:
    """What was found. `wanted_mm`: the stickers' side, or None; `pitch_mm`: the colour card's, or None."""

    photo: Photo
    stickers: tuple[Sticker, ...]
    skin_card: SkinCardSighting | None
    colour_card: Sighting | None
    marker_mm: float | None
    pitch_mm: float | None

    def mask(self) -> BoolArray | None:
        """(H, W): what they cover, None where there is nothing."""
        masks = []
        if self.stickers:
            masks.append(sticker_mask(self.stickers, self.photo.shape))
        if self.skin_card is not None:
            masks.append(self.skin_card.mask())
        if self.colour_card is not None:
            masks.append(geometry.card_mask(self.colour_card, self.photo.shape))
        return np.logical_or.reduce(masks) if masks else None

    def scale(self, skin: BoolArray) -> Scale | None:
        """Of the measured skin (H, W), from the surest that was found. Raises ScaleError where stickers contradict."""
        if self.stickers and self.marker_mm is not None:
            plane, apart = sticker_plane(self.stickers, self.marker_mm, self.photo.shape)
            return plane_scale(plane, skin, "aruco", apart=apart)
        if self.colour_card is not None and self.pitch_mm is not None:
            return plane_scale(geometry.card_plane(self.colour_card, self.pitch_mm), skin, "card", printed=0.0)
        if self.skin_card is not None:
            return plane_scale(self.skin_card.plane, skin, "skin_card", apart=self.skin_card.apart)
        return None

    def patches(self) -> tuple[Patches, ...]:
        """Neutral patches by which two photos' white balance is told, of each card that shows any whole."""
        found = []
        if self.colour_card is not None:
            card = self.colour_card
            whole = np.flatnonzero(card.usable & ~card.clipped.any(axis=1))
            greys = whole[whole >= _FIRST_GREY]
            found.append(Patches(COLOUR_CARD, greys, _linear(self.photo, card.codes[greys])))
        if self.skin_card is not None:
            neutral = np.array([number for number in layout.NEUTRAL if self.skin_card.usable[number]], np.intp)
            found.append(Patches(SKIN_CARD, neutral, self.skin_card.linear_rgb[neutral].copy()))
        return tuple(patches for patches in found if len(patches.number))

    @property
    def mirrored(self) -> bool:
        """Whether a card proves the photo mirrored."""
        return any(seen is not None and seen.mirrored for seen in (self.skin_card, self.colour_card))

    def missed(self) -> str:
        """What the user said lies in the photo and was not found, in words; empty where all is there."""
        if self.marker_mm is not None and not self.stickers:
            return NO_STICKER
        if self.pitch_mm is not None and self.colour_card is None:
            return NO_CARD
        return ""

    def notices(self) -> Iterator[Notice]:
        if self.mirrored:
            yield Notice(Flag.MIRRORED, "the card in it shows that; turn off the mirroring of selfies")
        if self.skin_card is not None and self.skin_card.bent:
            yield Notice(Flag.CARD_BENT, "lay it flat on something stiff")

    def told(self) -> dict[str, Any]:
        """What the recipe of a Frame keeps of them."""
        told: dict[str, Any] = {}
        if self.stickers:
            told["stickers"] = [
                {
                    "marker": s.marker,
                    "corners": np.round(s.corners, 2).tolist(),
                    "mm_per_px": s.mm_per_px,
                    "tilt_deg": round(s.tilt_deg, 1),
                }
                for s in self.stickers
            ]
        if self.skin_card is not None:
            told["skin_card"] = {"markers": list(self.skin_card.markers), "tilt_deg": round(self.skin_card.tilt_deg, 1)}
        if self.colour_card is not None:
            told["colour_card"] = {
                "homography": self.colour_card.homography.tolist(),
                "patches": int(self.colour_card.usable.sum()),
            }
        return told


_FIRST_GREY = 18


def find_aids(
    photo: Photo,
    thumbnails: Thumbnails,
    *,
    marker_mm: float | None = None,
    card: CardChoice = "auto",
    card_pitch_mm: float | None = None,
) -> Aids:
    """Stickers of the side `marker_mm` where it is given, and either card unless `card` is none.

    Raises ParameterError for a choice or a size that cannot be meant.
    """
    if card not in CARD_CHOICES:
        raise ParameterError("unknown choice of the colour card", expected=", ".join(CARD_CHOICES), found=repr(card))
    pitch = None if card_pitch_mm is None else geometry.check_pitch(card_pitch_mm)
    stickers = () if marker_mm is None else find_stickers(photo, marker_mm)
    if card == "none":
        return Aids(photo, stickers, None, None, marker_mm, pitch)
    return Aids(photo, stickers, find_skin_card(photo), find_card(photo, thumbnails), marker_mm, pitch)


def _linear(photo: Photo, codes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Linear-light sRGB (n, 3) of mean samples (n, 3) in 0 to 1."""
    at = np.linspace(0.0, 1.0, photo.lut.shape[1])
    linear = np.stack([np.interp(codes[:, c], at, photo.lut[c]) for c in range(3)], axis=-1)
    return np.asarray(linear @ photo.matrix.T, np.float64)

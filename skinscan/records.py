"""The nouns of skinscan, the one flag table and the one error tree.

    file -> Photo -> Frame -> Assessment -> Comparison

Every noun is frozen and its arrays are read-only. Conventions, everywhere: images are (row, column), colour is
linear-light RGB with sRGB primaries and D65 white unless a name says otherwise, points are (x, y) in pixels of
the upright photo with the centre of the top-left pixel at (0, 0), lengths carry their unit in the name.
This module knows numpy and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

SCHEMA = 1
"""Version of the JSON objects and CSV columns that users read."""

SKIN = "skin"
"""Name of the region that always exists: the whole skin mask."""


# --- errors ---------------------------------------------------------------------------------------------------


class SkinscanError(Exception):
    """Any failure that a user can meet: what failed, what was expected and found, what to do next."""

    def __init__(self, what: str, *, expected: str = "", found: str = "", todo: str = "") -> None:
        self.what, self.expected, self.found, self.todo = what, expected, found, todo
        parts = [what]
        if expected or found:
            parts.append(", ".join(p for p in (expected and f"expected {expected}", found and f"found {found}") if p))
        if todo:
            parts.append(todo)
        super().__init__(". ".join(p.rstrip(".") for p in parts) + ".")


class PhotoError(SkinscanError):
    """The file cannot become a Photo."""


class ScaleError(SkinscanError):
    """The scale that was asked for cannot be had."""


class RegionError(SkinscanError):
    """A region is not a usable polygon of this photo."""


class ParameterError(SkinscanError):
    """A setting has a value that cannot be meant."""


class EnvironmentFault(SkinscanError):
    """The installation underneath is broken."""


# --- flags ----------------------------------------------------------------------------------------------------


class Flag(StrEnum):
    """Every reason that skinscan gives, once. FLAGS tells each in words."""

    # of a photo as a whole
    BLURRED = "blurred"
    CLIPPED_BRIGHT = "clipped_bright"
    CLIPPED_DARK = "clipped_dark"
    UNEVEN_LIGHT = "uneven_light"
    SHINY = "shiny"
    GLOSS = "gloss"
    NOISY = "noisy"
    COMPRESSED = "compressed"
    SMOOTHING_SUSPECTED = "smoothing_suspected"
    TOO_SMALL = "too_small"
    ALPHA = "alpha"
    GREY = "grey"
    CARD_DOUBTFUL = "card_doubtful"
    CARD_BENT = "card_bent"
    OTHER_SCALE = "other_scale"
    COVERED = "covered"
    SEVERAL_FACES = "several_faces"
    SKIN_DOUBTFUL = "skin_doubtful"
    NO_SKIN = "no_skin"
    LITTLE_SKIN = "little_skin"
    # of a measurement
    NO_SCALE = "no_scale"
    TOO_FAR = "too_far"
    PORES_250_ONLY = "pores_250_only"
    BAND_TOO_FINE = "band_too_fine"
    OFFSET_TOO_COARSE = "offset_too_coarse"
    REGION_TOO_SMALL = "region_too_small"
    REGION_TOO_SMALL_FOR_BAND = "region_too_small_for_band"
    UNCORRECTED_COLOUR = "uncorrected_colour"
    RELATIVE = "relative"
    WITHIN_PHOTO = "within_photo"
    NO_COLOUR = "no_colour"
    B_STAR_NOT_POSITIVE = "b_star_not_positive"
    UNDEFINED = "undefined"
    END_BINS = "end_bins"
    FEW_PORES = "few_pores"
    FEW_FOUND = "few_found"
    OUT_OF_MODEL = "out_of_model"
    NOT_APPLICABLE = "not_applicable"
    HAIR_UNCLEAR = "hair_unclear"
    NOT_RAKING = "not_raking"
    # of a comparison
    SAME_PHOTO = "same_photo"
    MIRRORED = "mirrored"
    SWAPPED = "swapped"
    NOT_REGISTERED = "not_registered"
    MATCHED_BY_VIEW = "matched_by_view"
    LITTLE_OVERLAP = "little_overlap"
    LIGHT_DIFFERS = "light_differs"
    SHARPNESS_DIFFERS = "sharpness_differs"
    SAME_SETUP = "same_setup"
    SETUP_DIFFERS = "setup_differs"
    SCALE_DISAGREES = "scale_disagrees"
    OUTSIDE_STUDY = "outside_study"
    REFERENCE_LOST = "reference_lost"
    REFERENCE_POSSIBLE = "reference_possible"
    LAMP_UNKNOWN = "lamp_unknown"
    PREPARATION_DIFFERS = "preparation_differs"


FLAGS: Mapping[Flag, str] = MappingProxyType(
    {
        Flag.BLURRED: "the photo is not sharp",
        Flag.CLIPPED_BRIGHT: "part of the skin is overexposed: its colour and texture are lost there",
        Flag.CLIPPED_DARK: "part of the skin is underexposed: its colour and texture are lost there",
        Flag.UNEVEN_LIGHT: "the light falls off strongly across the skin",
        Flag.SHINY: "part of the skin shines: its colour and texture are hidden there",
        Flag.GLOSS: "the skin mirrors light, which makes its colour lighter and paler than it is",
        Flag.NOISY: "the photo is noisy",
        Flag.COMPRESSED: "the photo was compressed hard: fine texture is lost or invented",
        Flag.SMOOTHING_SUSPECTED: "a beauty filter or strong noise reduction is suspected",
        Flag.TOO_SMALL: "the photo has too few pixels",
        Flag.ALPHA: "the photo has transparent parts, which are left out",
        Flag.GREY: "the photo has no colour",
        Flag.COVERED: "part of the skin is covered or drawn over, and is left out",
        Flag.SEVERAL_FACES: "several faces were found, and the largest one near the middle is taken",
        Flag.SKIN_DOUBTFUL: "nothing in the picture shows that this is skin",
        Flag.CARD_BENT: "the printed card is bent, so its scale is less certain",
        Flag.OTHER_SCALE: "the scale that was asked for was not found, and another was taken",
        Flag.CARD_DOUBTFUL: "the colour card does not tell the skin's colour",
        Flag.NO_SKIN: "no skin was found",
        Flag.LITTLE_SKIN: "little skin was found",
        Flag.NO_SCALE: "the photo has no scale, so lengths and areas are unknown",
        Flag.TOO_FAR: "the photo shows too little detail for this measure",
        Flag.PORES_250_ONLY: "only pores of 250 um or more could be seen",
        Flag.BAND_TOO_FINE: "the finest structure of this band is under 3 pixels",
        Flag.OFFSET_TOO_COARSE: "the nearest whole pixel is more than 15 % off the distance asked for",
        Flag.REGION_TOO_SMALL: "the region holds too little measurable skin",
        Flag.REGION_TOO_SMALL_FOR_BAND: "the region is too small for structure of this size",
        Flag.UNCORRECTED_COLOUR: "not corrected by a colour card: the value includes the lamp and the camera",
        Flag.RELATIVE: "told relative to the reference",
        Flag.WITHIN_PHOTO: "the threshold comes from this photo, so the value stands for this photo alone",
        Flag.NO_COLOUR: "the photo has no colour to measure",
        Flag.B_STAR_NOT_POSITIVE: "b* is not positive, so the angle has no meaning for skin",
        Flag.UNDEFINED: "the value is undefined here",
        Flag.END_BINS: "many pixels lie beyond the grey-level range and were counted in its end bins",
        Flag.FEW_PORES: "too few pores for a distribution",
        Flag.FEW_FOUND: "too little of it was found to tell how it looks",
        Flag.OUT_OF_MODEL: "the skin model does not hold here",
        Flag.NOT_APPLICABLE: "this measure is meant for another part of the body, or another light",
        Flag.HAIR_UNCLEAR: "hair and scalp cannot be told apart",
        Flag.NOT_RAKING: "the light does not rake over the skin from one side",
        Flag.SAME_PHOTO: "both files are the same photo",
        Flag.MIRRORED: "a photo is mirrored",
        Flag.SWAPPED: "the photos seem to be in the wrong order",
        Flag.NOT_REGISTERED: "the two photos could not be matched",
        Flag.MATCHED_BY_VIEW: "the hair is compared place by place of the picture, as it was combed anew",
        Flag.LITTLE_OVERLAP: "the two photos share too little skin",
        Flag.LIGHT_DIFFERS: "the light comes from elsewhere",
        Flag.SHARPNESS_DIFFERS: "the two photos differ in sharpness",
        Flag.SAME_SETUP: "the same set-up",
        Flag.SETUP_DIFFERS: "said to be of the same set-up, but the photos speak against it",
        Flag.SCALE_DISAGREES: "the two scales contradict what the skin shows",
        Flag.OUTSIDE_STUDY: "the two photos differ more than the error study covers",
        Flag.REFERENCE_POSSIBLE: "something in both photos could serve as the reference for colour",
        Flag.LAMP_UNKNOWN: "the lamp may be another one",
        Flag.PREPARATION_DIFFERS: "the skin was not prepared alike, so its colours are not compared",
        Flag.REFERENCE_LOST: "the reference region is not seen well in both photos",
    }
)
"""What each flag means, in words for people. The numbers of a particular photo go into `Notice.detail`."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A flag raised on this photo, with this photo's numbers and what to do about it."""

    flag: Flag
    detail: str = ""
    region: str | None = None

    @property
    def text(self) -> str:
        meaning = FLAGS[self.flag]
        return f"{meaning}: {self.detail}" if self.detail else meaning


# --- photo ----------------------------------------------------------------------------------------------------


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, read-only."""
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Photo:
    """Decoded integer pixels, upright, with the way from them to linear light.

    `pixels` (H, W, 3) uint8 or uint16, RGB in the file's own colour space; `lut` (3, 256 or 65536) float32 takes
    each channel to linear light, `matrix` (3, 3) float32 takes that to linear sRGB (D65). Values outside [0, 1]
    are colours outside sRGB and are kept. `opaque` (H, W) is False where the file is transparent, or None.
    `name` is the file's name without its folder. `taken_at` is the camera's own clock (no time zone).
    """

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    lut: NDArray[np.float32]
    matrix: NDArray[np.float32]
    sha256: str
    name: str
    format: str
    opaque: BoolArray | None = None
    is_grey: bool = False
    taken_at: str | None = None
    camera: str | None = None
    jpeg_quality: int | None = None
    chroma_subsampled: bool = False
    steps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for array in (self.pixels, self.lut, self.matrix, self.opaque):
            if array is not None:
                frozen(array)

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])

    def linear_rgb(self, rows: slice = slice(None), columns: slice = slice(None)) -> NDArray[np.float32]:
        """Linear-light sRGB (D65) of a tile, or of the whole photo: (h, w, 3) float32, a fresh array."""
        return self.developed(self.pixels[rows, columns])

    def developed(self, tile: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.float32]:
        """Linear-light sRGB (D65) of samples (h, w, 3) in the file's own colour space: float32, a fresh array."""
        import cv2  # not at the top: what only prints help shall start at once

        if tile.dtype == np.uint8 and tile.size:
            linear = np.asarray(cv2.LUT(tile, self.lut.T[None]), np.float32)
        else:
            linear = np.empty(tile.shape, np.float32)
            for channel in range(3):
                np.take(self.lut[channel], tile[..., channel], out=linear[..., channel])
        if linear.size and not np.array_equal(self.matrix, np.eye(3, dtype=np.float32)):
            linear = np.asarray(cv2.transform(linear, self.matrix), np.float32).reshape(linear.shape)
        return linear

    def planes(
        self,
        rows: slice,
        columns: slice,
        mixing: NDArray[np.float64] | None = None,
        lent: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Linear-light sRGB (D65) of a tile, times a matrix `mixing` (3, 3), channel by channel: (3, h, w) float32, in
        memory `lent` for it or a fresh array. A third of the work of `linear_rgb`."""
        import cv2

        tile = self.pixels[rows, columns]
        out = np.empty((3, *tile.shape[:2]), np.float32) if lent is None else lent
        if not tile.size:
            return out
        for channel, plane in enumerate(cv2.split(tile)):
            if tile.dtype == np.uint8:
                cv2.LUT(plane, self.lut[channel].reshape(1, 256), dst=out[channel])
            else:
                out[channel] = self.lut[channel][np.asarray(plane)]
        matrix = self.matrix if mixing is None else (mixing @ self.matrix).astype(np.float32)
        if not np.array_equal(matrix, np.eye(3, dtype=np.float32)):
            out[:] = [combined(out, weights) for weights in matrix]
        return out


def combined(planes: NDArray[np.float32], weights: NDArray[Any]) -> NDArray[np.float32]:
    """Sum of three planes (3, h, w), each times its weight, (h, w)."""
    import cv2

    red, green, blue = (float(weight) for weight in weights)
    total = cv2.addWeighted(planes[0], red, planes[1], green, 0)
    return np.asarray(cv2.scaleAdd(planes[2], blue, total, dst=total), np.float32)


# --- frame ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scale:
    """Millimetres a pixel in the skin's plane, with its standard uncertainty, and where it comes from.

    `mm_per_px` is that of the measured skin as a whole. `plane`: the homography px -> mm of the plane, nine numbers
    row by row, where markers gave it; then the scale of each place is known (`mm_per_px_at`), and `variation` is the
    relative standard deviation of that over the skin.
    """

    mm_per_px: float
    spread: float
    source: Literal["given", "aruco", "card", "skin_card", "iris", "registered"]
    plane: tuple[float, ...] | None = None
    variation: float = 0.0

    @property
    def relative(self) -> float:
        return self.spread / self.mm_per_px

    def mm_per_px_at(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Square root of the area in mm2 of the pixels at (x, y) of the photo, in the arguments' shape."""
        if self.plane is None:
            return np.full(np.broadcast_shapes(np.shape(x), np.shape(y)), self.mm_per_px)
        matrix = np.reshape(self.plane, (3, 3))
        w = np.abs(matrix[2, 0] * np.asarray(x) + matrix[2, 1] * np.asarray(y) + matrix[2, 2])
        return np.asarray(math.sqrt(abs(np.linalg.det(matrix))) / w**1.5)


@dataclass(frozen=True, slots=True)
class Quality:
    """What the photo can carry. Shares are of the skin; `blur_px` is the standard deviation of the blur."""

    verdict: Literal["good", "usable", "poor"]
    sharpness: float
    blur_px: float
    effective_um_per_px: float | None
    clipped_bright_share: float
    clipped_dark_share: float
    specular_share: float
    light_unevenness: float
    noise: float
    jpeg_quality: int | None
    smoothing_score: float
    smoothing_suspected: bool


ColourName = Literal["card", "reference", "uncorrected"]


Formulation = Literal["before_2014", "after_2014"]


@dataclass(frozen=True, slots=True)
class Colour:
    """How far the colours of a photo can be trusted between photos (measures.md, 'Colour').

    With a colour card: `residual_de00` is how far its patches lie from what the others say of them, a detector of
    faults; `predicted_de00` (mean) and `predicted_a_star` (standard uncertainty) are the errors to expect on this
    photo's skin. `doubt` (k, 3, 3) are matrices that take corrected linear sRGB to equally plausible other corrections:
    the uncertainty of any colour measure is its scatter over them. `sensor_doubt` leaves out how this skin may differ
    from other skins, which the same skin in another photo shares; `own_doubt` is what another photo of the same card by
    the same camera under the same light would not share. `responses` (24, 3) are the card's patches as
    the camera saw them, white at 1, without the light's fall-off, NaN where unread; `responses_spread` their standard
    uncertainty. `readings` (24, 3) are the patches in linear light by the file's own profile, NaN where unread, with
    `readings_spread`. `light_step` is how much more light fell on the skin than on the card (logarithm).
    """

    state: ColourName = "uncorrected"
    residual_de00: float | None = None
    reference: str | None = None
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factors on the sensor's channels (`colour.rebalanced`) that bring the reference to its look in the baseline; ones
    in the baseline."""
    predicted_de00: float | None = None
    predicted_a_star: float | None = None
    formulation: Formulation | None = None
    doubt: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    sensor_doubt: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    own_doubt: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    responses: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    responses_spread: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    readings: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    readings_spread: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    light_step: float = 0.0

    def __post_init__(self) -> None:
        doubts = (self.doubt, self.sensor_doubt, self.own_doubt)
        for array in (*doubts, self.responses, self.responses_spread, self.readings, self.readings_spread):
            if array is not None:
                frozen(array)


@dataclass(frozen=True, eq=False)
class Patches:
    """Patches of one kind of card, found in the photo wherever it lies: `name` of the card, `number` (K,) which of its
    patches each is, and their colour in linear light as taken, (K, 3). Only whole, unclipped, evenly lit ones."""

    name: str
    number: IntArray
    linear: NDArray[np.float64]

    def __post_init__(self) -> None:
        for array in (self.number, self.linear):
            frozen(array)


@dataclass(frozen=True, slots=True)
class FacePose:
    """How a face is turned: yaw positive to the patient's left, pitch positive where the chin is raised, roll positive
    clockwise in the picture; `score` how sure it is that this is a face, 0 to 1."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    score: float


@dataclass(frozen=True, eq=False)
class Frame:
    """A photo made comparable: which pixels are measured, how large they are, how far to trust them.

    `usable` (H, W): opaque, neither clipped nor specular. `regions`: name -> (H, W) mask of measured pixels, a
    subset of `usable`; `skin` is always there and comes first. The reference region, if any, is in
    `reference_mask` and need not be skin. `covered` (H, W): cards and stickers, None where there are none. `left_out`
    (H, W): what lies on skin or is none (pads, bars, lettering, eyes, lips, hair, what is turned away) and is measured
    nowhere, None where there is nothing. `patches`: of the cards in the photo. `as_taken`: the photo before a card's
    correction. `face_sought`: a face was looked for, so that none found means that there is hardly one.
    """

    photo: Photo
    usable: BoolArray
    regions: Mapping[str, BoolArray]
    scale: Scale | None
    colour: Colour
    quality: Quality
    notices: tuple[Notice, ...] = ()
    polygons: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    reference_mask: BoolArray | None = None
    covered: BoolArray | None = None
    left_out: BoolArray | None = None
    patches: tuple[Patches, ...] = ()
    as_taken: Photo | None = None
    face: FacePose | None = None
    face_sought: bool = False
    recipe: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        masks = (self.usable, self.reference_mask, self.covered, self.left_out, *self.regions.values())
        for array in masks:
            if array is not None:
                frozen(array)

    @property
    def shape(self) -> tuple[int, int]:
        return self.photo.shape

    @property
    def measurable(self) -> BoolArray:
        """(H, W): usable, and neither covered nor a part of a face that is no skin to measure."""
        return self.usable if self.left_out is None else self.usable & ~self.left_out

    @property
    def um_per_px(self) -> float:
        """Micrometres a pixel, NaN where the photo has no scale."""
        return self.scale.mm_per_px * 1000.0 if self.scale else math.nan


# --- measurements ---------------------------------------------------------------------------------------------

Better = Literal["lower", "higher", "neither"]
Verdict = Literal["improved", "worsened", "changed", "within_error", "not_comparable"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number of one region. `spread` is its standard uncertainty (1 SD) in its unit, `n` what it rests on."""

    measure: str
    region: str
    value: float
    unit: str
    spread: float
    n: int
    flags: tuple[Flag, ...]
    version: int
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The map that one or several measures were read from, reduced for looking at.

    `values` (h, w) float32, NaN where nothing was measured; `step` photo pixels to one of its pixels.
    """

    title: str
    unit: str
    values: NDArray[np.float32]
    step: float
    measures: tuple[str, ...]

    def __post_init__(self) -> None:
        frozen(self.values)


@dataclass(frozen=True, eq=False)
class Pores:
    """A catalogue of pores: one entry of each (n,) array a pore. `region` is the narrowest region it lies in."""

    x_px: FloatArray
    y_px: FloatArray
    diameter_um: FloatArray
    contrast: FloatArray
    elongation: FloatArray
    region: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.region)


@dataclass(frozen=True, eq=False)
class Assessment:
    """What one photo says: measurements, the frame they were read from, and the maps behind them."""

    frame: Frame
    measurements: tuple[Measurement, ...]
    evidence: tuple[Evidence, ...] = ()
    pores: Pores | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row a measurement."""
        import pandas as pd

        photo = self.frame.photo
        return pd.DataFrame(
            [{"photo": photo.name, "sha256": photo.sha256, **row} for row in map(_row, self.measurements)]
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `skinscan assess --json`, NaN as None."""
        frame, photo = self.frame, self.frame.photo
        quality = {name: getattr(frame.quality, name) for name in Quality.__slots__}
        told: dict[str, Any] = plain_json(
            {
                "schema": SCHEMA,
                "photo": {
                    "name": photo.name,
                    "sha256": photo.sha256,
                    "format": photo.format,
                    "width_px": photo.shape[1],
                    "height_px": photo.shape[0],
                    "taken_at": photo.taken_at,
                    "camera": photo.camera,
                    "decoding": list(photo.steps),
                },
                "frame": {
                    "mm_per_px": frame.scale.mm_per_px if frame.scale else None,
                    "mm_per_px_spread": frame.scale.spread if frame.scale else None,
                    "scale_source": frame.scale.source if frame.scale else None,
                    "colour_state": frame.colour.state,
                    "colour_residual_de00": frame.colour.residual_de00,
                    "colour_predicted_de00": frame.colour.predicted_de00,
                    "colour_predicted_a_star": frame.colour.predicted_a_star,
                    "colour_formulation": frame.colour.formulation,
                    "face": None if frame.face is None else asdict(frame.face),
                    "quality": quality,
                    "flags": sorted({notice.flag.value for notice in frame.notices}),
                    "notices": [notice.text for notice in frame.notices],
                    "regions": {name: int(mask.sum()) for name, mask in frame.regions.items()},
                    "recipe": dict(frame.recipe),
                },
                "measurements": [_row(m) for m in self.measurements],
                "versions": dict(self.versions),
            }
        )
        return told

    def to_json(self, indent: int | None = 2) -> str:
        return _json(self.to_dict(), indent)


# --- comparison -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Registration:
    """Where each point of the before photo lies in the after photo.

    after = project(homography, before) + displacement, with `displacement` (h, w, 2) float32 in pixels of the
    after photo, sampled every `grid_px` pixels of the before photo (zero-size where there is none).
    `residual_px` is the standard error of a matched point in after pixels, with what light from elsewhere may shift
    where the scale is known; `texture_correlation` in [-1, 1] tells how alike the fine shading of the two is once
    registered (1: the same light), `texture_ratio` how much stronger it is after, `anisotropy_change` (0 to 2) how
    differently it is directed, `light_change` how strongly the low-frequency light differs (SD of the log ratio).
    `spread` (h, w) float32 is the standard uncertainty of one axis of each sample's place in after pixels, sampled as
    `displacement` is (also where that is of zero size), NaN where unknown. `by_view`: the skin itself did not match,
    and a fixed view stands for it (see `capture.registration.by_view`).
    """

    ok: bool
    homography: NDArray[np.float64]
    displacement: NDArray[np.float32]
    grid_px: int
    matches: int
    residual_px: float
    overlap_share: float
    scale_ratio: float
    rotation_deg: float
    mirrored: bool
    texture_correlation: float
    light_change: float
    texture_ratio: float = math.nan
    anisotropy_change: float = math.nan
    notices: tuple[Notice, ...] = ()
    spread: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    by_view: bool = False

    def __post_init__(self) -> None:
        frozen(self.homography)
        frozen(self.displacement)
        frozen(self.spread)


@dataclass(frozen=True, slots=True)
class Change:
    """One measure of one region in both photos, over the skin that both see. `change` = after - before.

    `sdc` is the smallest detectable change on the side of this change, in `unit`; the verdict is |change| > sdc.
    `change_low` and `change_high` hold the true change with 95 %; `z` is the change in standard deviations of its
    error, 1.96 the edge of the verdict.
    """

    measure: str
    region: str
    before: float
    after: float
    change: float
    unit: str
    sdc: float
    sdc_source: str
    verdict: Verdict
    reason: str
    flags: tuple[Flag, ...] = ()
    n: int = 0
    change_low: float = math.nan
    change_high: float = math.nan
    z: float = math.nan


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two photos of the same skin, held against measurement error."""

    comparable: bool
    reasons: tuple[str, ...]
    registration: Registration | None
    before: Assessment
    after: Assessment
    changes: tuple[Change, ...] = ()
    notices: tuple[Notice, ...] = ()

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row a measure and region."""
        import pandas as pd

        return pd.DataFrame([_row(change) for change in self.changes])

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `skinscan compare --json`, NaN as None."""
        registration = None
        if self.registration is not None:
            r = self.registration
            registration = {
                "ok": r.ok,
                "homography": r.homography.tolist(),
                "matches": r.matches,
                "residual_px": r.residual_px,
                "overlap_share": r.overlap_share,
                "scale_ratio": r.scale_ratio,
                "rotation_deg": r.rotation_deg,
                "mirrored": r.mirrored,
                "texture_correlation": r.texture_correlation,
                "light_change": r.light_change,
                "texture_ratio": r.texture_ratio,
                "anisotropy_change": r.anisotropy_change,
            }
        told: dict[str, Any] = plain_json(
            {
                "schema": SCHEMA,
                "comparable": self.comparable,
                "reasons": list(self.reasons),
                "flags": sorted({notice.flag.value for notice in self.notices}),
                "notices": [notice.text for notice in self.notices],
                "registration": registration,
                "before": self.before.to_dict(),
                "after": self.after.to_dict(),
                "changes": [_row(change) for change in self.changes],
            }
        )
        return told

    def to_json(self, indent: int | None = 2) -> str:
        return _json(self.to_dict(), indent)


def _row(record: Measurement | Change) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def plain_json(value: Any) -> Any:
    """Plain JSON values: NaN and infinities as None, numpy scalars and enums as their own kind."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, np.generic):
        return plain_json(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    return value


def _json(value: dict[str, Any], indent: int | None) -> str:
    import json

    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)

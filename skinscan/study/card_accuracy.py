"""How far skin is from its true colour after correction by a colour card: `skinscan study colour-card`.

Phantom photos with a card on the skin, by cameras and under lamps that the prior was not drawn from. The card's place
is taken from the truth: this measures the colour, not the finding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.arrays.colour import ciede2000, ita_degree, lab
from skinscan.capture.blur import estimate_blur, tiles_of
from skinscan.capture.card import kept
from skinscan.capture.card.correction import Correction, correct
from skinscan.capture.card.difference import change_uncertainty, same_camera_and_light
from skinscan.capture.card.judging import judge
from skinscan.capture.card.patches import read_middles
from skinscan.capture.card.prior import load_prior
from skinscan.capture.card.sighting import Sighting
from skinscan.capture.gloss import find_peaks
from skinscan.capture.skin.usable import find_usable
from skinscan.capture.thumbnails import Thumbnails
from skinscan.phantom.cameras import Camera, project
from skinscan.phantom.card import Card, card_homography
from skinscan.phantom.light import Illuminant
from skinscan.phantom.optics import Tone
from skinscan.phantom.photograph import Shot, photograph
from skinscan.phantom.recipes import Props, SkinRecipe
from skinscan.phantom.skin import Skin, make_skin
from skinscan.records import BoolArray, Photo
from skinscan.study.card_prior import held_out_cameras

Array = NDArray[np.float64]

LAMPS: tuple[Illuminant, ...] = ("D65", "D50", "A", "F2", "F11", "LED_B1", "LED_B3", "LED_B5")
TONES: tuple[Tone, ...] = ("I", "II", "III", "IV", "V", "VI")
PX_PER_MM, SIDE_PX = 12.0, 520
CARD = Card(pitch_mm=5.0, at_mm=(0.0, -9.0))
FIRST_SEED = 103_000


def cameras() -> list[int | str]:
    """Three of the phantom's own and the held-out measured ones."""
    return [101, 102, 103, *held_out_cameras()]


@lru_cache(maxsize=2)
def skin_of(tone: Tone, seed: int) -> Skin:
    """A patch of skin with pores, spots and redness, 50 mm."""
    draw = np.random.default_rng([seed, 5])
    recipe = SkinRecipe(
        seed=seed,
        tone=tone,
        width_mm=50,
        height_mm=50,
        melanin_scale=float(np.exp(draw.normal(0, 0.10))),
        blood_scale=float(np.exp(draw.normal(0, 0.25))),
    )
    return make_skin(recipe, grid_um=50)


def drawn_camera(seed: int, lamp: Illuminant, sensitivities: int | str, gloss: float = 0.0) -> Camera:
    """A careful photo by a phone: tone curve, JPEG, misses of exposure and white balance, light that falls off."""
    draw = np.random.default_rng([seed, 77])
    balance = np.exp(draw.normal(0, 0.03, 3))
    return Camera(
        px_per_mm=PX_PER_MM,
        size_px=(SIDE_PX, SIDE_PX),
        illuminant=lamp,
        sensitivities=sensitivities,
        gloss=gloss,
        azimuth_deg=float(draw.uniform(0, 360)),
        elevation_deg=float(draw.uniform(45, 75)),
        gradient=float(draw.uniform(0.0, 0.06)),
        vignetting=float(draw.uniform(0.0, 0.08)),
        exposure_ev=float(draw.uniform(-0.5, 0.0)),
        white_balance=(float(balance[0]), float(balance[1]), float(balance[2])),
        tone_curve=float(draw.uniform(0.3, 1.0)),
        sharpening=float(draw.uniform(0.0, 0.5)),
        jpeg_quality=int(draw.integers(85, 97)),
        chroma_subsampling="4:2:0",
        seed=seed,
    )


def photo_of(shot: Shot) -> Photo:
    """The shot as `read_photo` would give it, without the file."""
    from skinscan.capture.reading import colour_profile

    way = colour_profile.srgb(256)
    return Photo(
        pixels=np.asarray(shot.pixels, np.uint8).copy(),
        lut=way.lut,
        matrix=way.matrix,
        sha256="",
        name=f"phantom{shot.suffix}",
        format="JPEG",
        jpeg_quality=shot.truth.camera.jpeg_quality,
        chroma_subsampled=shot.truth.camera.chroma_subsampling != "4:4:4",
    )


def sighting_of(photo: Photo, card: Card, camera: Camera) -> Sighting:
    """The card where it is known to lie, its patches read and judged as the finder does."""
    matrix = np.asarray(card_homography(card, camera), np.float64)
    middles = read_middles(photo, matrix, card.patch)
    judged = judge(middles)
    return Sighting(
        homography=matrix,
        mirrored=card.mirrored,
        codes=middles.codes,
        spread=middles.spread,
        pixels=middles.pixels,
        usable=judged.usable,
        clipped=middles.clipped,
        shaded=judged.shaded,
        hidden=judged.hidden,
        patch=card.patch,
    )


def bare_skin(card: Card, camera: Camera) -> BoolArray:
    """Where neither the card nor its rim is, (H, W)."""
    left, top, right, bottom = np.array(card.body) + np.array([-0.3, -0.3, 0.3, 0.3])
    body = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    mask = np.ones(camera.size_px, np.uint8)
    cv2.fillConvexPoly(mask, np.rint(project(card_homography(card, camera), body)).astype(np.int32), 0)
    return mask > 0


def plain_matrix(photo: Photo, sighting: Sighting, target: Array) -> Array:
    """The yardstick: codes by the file's own profile to the patches' linear sRGB by least squares, (3, 3)."""
    at = np.arange(photo.lut.shape[1]) / (photo.lut.shape[1] - 1)
    linear = np.stack([np.interp(sighting.codes[:, c], at, photo.lut[c]) for c in range(3)], -1)
    whole = sighting.usable & ~sighting.clipped.any(1)
    return np.asarray(np.linalg.lstsq(linear[whole], target[whole], rcond=None)[0].T)


@dataclass(frozen=True, slots=True)
class Job:
    """One photo: a skin by its seed and tone, and its camera."""

    seed: int
    tone: Tone
    camera: Camera
    card: Card = CARD


def view(job: Job) -> tuple[Photo, Correction, Array, Array]:
    """The photo, its correction, the skin's mean linear sRGB after it, and the true CIELAB as seen."""
    shot = photograph(skin_of(job.tone, job.seed), job.camera, Props(card=job.card))
    photo = photo_of(shot)
    skin = bare_skin(job.card, job.camera)
    done = correct(photo, sighting_of(photo, job.card, job.camera), skin, cross_polarised=job.camera.gloss == 0)
    measured = skin & find_usable(done.photo, skin, Thumbnails(done.photo)).mask
    return photo, done, done.photo.linear_rgb()[measured].mean(0, dtype=np.float64), np.asarray(shot.truth.lab_as_seen)


def errors(job: Job) -> dict[str, Any]:
    """One row: the errors on skin, what was predicted of them, and the plain matrix's."""
    photo, done, rgb, truth = view(job)
    row: dict[str, Any] = {
        "seed": job.seed, "tone": job.tone, "lamp": job.camera.illuminant, "camera": str(job.camera.sensitivities),
        "gloss": job.camera.gloss, "state": done.state, "residual_de00": done.colour.residual_de00,
        "gloss_told": gloss_told(photo, bare_skin(job.card, job.camera)),
        "misfit": done.misfit, "found_lamp": done.lamp, "formulation": done.colour.formulation == job.card.formulation,
    }  # fmt: skip
    if done.colour.doubt is None or done.colour.own_doubt is None:
        return row
    found = lab(rgb)
    others = lab(np.einsum("kij,j->ki", done.colour.doubt, rgb))
    own = lab(np.einsum("kij,j->ki", done.colour.own_doubt, rgb))
    target = load_prior().patches_rgb[("before_2014", "after_2014").index(job.card.formulation)]
    sighting = sighting_of(photo, job.card, job.camera)
    raw = photo.linear_rgb()[bare_skin(job.card, job.camera)].mean(0, dtype=np.float64)
    plain = lab(plain_matrix(photo, sighting, target) @ raw)
    angle = ita_degree(found[0], found[2])
    row |= {
        "de00": float(ciede2000(found, truth)), "d_l": found[0] - truth[0], "d_a": found[1] - truth[1],
        "d_b": found[2] - truth[2], "d_ita": float(angle - ita_degree(truth[0], truth[2])),
        "predicted_de00": done.colour.predicted_de00, "predicted_a_star": done.colour.predicted_a_star,
        "sd_l": _rms(others[:, 0] - found[0]), "sd_a": _rms(others[:, 1] - found[1]),
        "sd_b": _rms(others[:, 2] - found[2]), "sd_ita": _rms(ita_degree(others[:, 0], others[:, 2]) - angle),
        "own_a": _rms(own[:, 1] - own[:, 1].mean()),
        "plain_de00": float(ciede2000(plain, truth)), "plain_a": plain[1] - truth[1],
        "plain_ita": float(ita_degree(plain[0], plain[2]) - ita_degree(truth[0], truth[2])),
    }  # fmt: skip
    return row


def gloss_told(photo: Photo, skin: BoolArray) -> bool:
    """Whether the skin is told to shine."""
    tiles = tiles_of(photo, skin & find_usable(photo, skin, Thumbnails(photo)).mask)
    blur = estimate_blur(tiles)
    return blur is not None and find_peaks(tiles).tell_gloss(blur.noise)


def _rms(values: Any) -> float:
    return float(np.sqrt(np.nanmean(np.square(np.asarray(values, np.float64)))))


def jobs(count: int, gloss: float = 0.0) -> list[Job]:
    """Every tone under every lamp, `count` times, by cameras in turn; skins, exposures and formulations are drawn."""
    kinds = cameras()
    out = []
    for at in range(count):
        for place, tone in enumerate(TONES):
            for number, lamp in enumerate(LAMPS):
                seed = FIRST_SEED + at * 100 + place * 10 + number
                kind = kinds[(at * 5 + place * 3 + number) % len(kinds)]
                card = replace(CARD, formulation=("before_2014", "after_2014")[seed % 2])
                out.append(Job(FIRST_SEED + at * 10 + place, tone, drawn_camera(seed, lamp, kind, gloss), card))
    return out


# --- two visits -----------------------------------------------------------------------------------------------

SETUPS = ("same set-up", "other white balance and exposure", "other light or camera")


def second_visit(first: Camera, setup: str, seed: int) -> Camera:
    """The camera of a second visit: the same but for its noise, re-balanced and re-exposed, or another under another
    lamp."""
    draw = np.random.default_rng([seed, 78])
    if setup == SETUPS[0]:
        return replace(first, seed=seed)
    if setup == SETUPS[1]:
        red, green, blue = (float(v) for v in np.array(first.white_balance) * np.exp(draw.normal(0, 0.05, 3)))
        exposure = first.exposure_ev + (-0.35 if first.exposure_ev > -0.2 else 0.3)
        return replace(first, seed=seed, white_balance=(red, green, blue), exposure_ev=exposure)
    kinds = cameras()
    return drawn_camera(seed, LAMPS[int(draw.integers(len(LAMPS)))], kinds[int(draw.integers(len(kinds)))], first.gloss)


@dataclass(frozen=True, eq=False)
class Visit:
    """A photo with its card, its correction's state, and the true CIELAB as seen."""

    seen: kept.Seen
    state: str
    truth: Array

    def mean_rgb(self, seen: kept.Seen) -> Array:
        """The skin's mean linear sRGB (3,) by a correction, over what the photo's own leaves usable."""
        own = self.seen.corrected
        mask = self.seen.skin & find_usable(own, self.seen.skin, Thumbnails(own)).mask
        return np.asarray(seen.corrected.linear_rgb()[mask].mean(0, dtype=np.float64))


def visit(job: Job) -> Visit:
    photo, done, _, truth = view(job)
    return Visit(kept.Seen(photo, done.photo, done.colour, bare_skin(job.card, job.camera)), done.state, truth)


def changes(job: Job) -> list[dict[str, Any]]:
    """Rows of an unchanged skin photographed twice, one for each of SETUPS: the error of the change of a*, the two
    tied as `tying` does."""

    def a_star(rgb: NDArray[np.float64]) -> float:
        return float(lab(rgb)[1])

    first, rows = visit(job), []
    for setup in SETUPS:
        second = visit(replace(job, camera=second_visit(job.camera, setup, job.camera.seed + 5000)))
        row: dict[str, Any] = {"tone": job.tone, "setup": setup, "state": f"{first.state}, {second.state}"}
        if first.seen.colour.doubt is not None and second.seen.colour.doubt is not None:
            before, after = kept.by_one_correction(first.seen, second.seen)
            one, other = first.mean_rgb(before), second.mean_rgb(after)
            row["d_change"] = (a_star(other) - second.truth[1]) - (a_star(one) - first.truth[1])
            row["sd_change"] = change_uncertainty(a_star, one, other, before.colour, after.colour)
            row["same"] = same_camera_and_light(before.colour, after.colour)
            row["kept"] = after is not second.seen
        rows.append(row)
    return rows


def jobs_of_changes(count: int) -> list[Job]:
    """`count` skins of each tone, by cameras and lamps in turn."""
    kinds, out = cameras(), []
    for at in range(count):
        for place, tone in enumerate(TONES):
            seed = FIRST_SEED + 20_000 + at * 10 + place
            lamp, kind = LAMPS[(3 * at + place) % len(LAMPS)], kinds[(7 * at + 3 * place) % len(kinds)]
            out.append(Job(seed, tone, drawn_camera(seed, lamp, kind)))
    return out

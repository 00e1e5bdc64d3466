"""What only has skin's colours is doubted; skin is not, on any tone, blurred, grainy, made up or saved small."""

import cv2
import numpy as np
import pytest
from skin_photos import photo_of, skin_photo

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.skin.evidence import doubt_of, evidence_of
from skinscan.capture.skin.mask import find_skin
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import Flag
from skinscan.study.scenes.surfaces import noise, turned
from skinscan.study.skin_truth import EYES, LIPS, read_points

SHAPE = (480, 480)
BEIGE = (0.52, 0.36, 0.25)


def saved(pixels, quality=85):
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def taken(linear, seed=1, grain=2.0):
    """A photo of a linear picture (h, w, 3): coded, with a sensor's grain, saved as JPEG."""
    codes = 255 * np.clip(linear, 0, 1) ** (1 / 2.2)
    return saved((codes + np.random.default_rng(seed).normal(0, grain, codes.shape)).clip(0, 255).astype(np.uint8))


def wall(draw):
    y, x = np.mgrid[-1 : 1 : SHAPE[0] * 1j, -1 : 1 : SHAPE[1] * 1j]
    return np.array(BEIGE) * (1 + 0.2 * x - 0.15 * y + 0.03 * noise(draw, SHAPE, 3.0))[..., None]


def cloth(draw):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    weave = 0.08 * np.sin(2 * np.pi * x / 5) * np.sin(2 * np.pi * y / 5)
    return np.array(BEIGE) * np.exp(weave + 0.1 * turned(draw, SHAPE, 60.0, 2.5, 30.0))[..., None]


def sand(draw):
    return np.array(BEIGE) * np.exp(np.stack([0.12 * noise(draw, SHAPE, 2.0) for _ in range(3)], -1))


def planks(draw):
    """Two dyes along one grain."""
    grain = [turned(draw, SHAPE, 480.0, 24.0, 20.0)[..., None] for _ in range(2)]
    return np.array(BEIGE) * np.exp(0.12 * grain[0] * (0.4, 1.0, 1.6) + 0.05 * grain[1] * (0.2, 1.0, 0.7))


def doubted(pixels):
    """What is said against a photo of which most is taken for skin."""
    photo = photo_of(pixels)
    thumbnails = Thumbnails(photo)
    skin = find_skin(photo, thumbnails)
    assert skin.mean() > 0.5
    return doubt_of(thumbnails, skin)


@pytest.mark.parametrize(
    ("made", "why"), [(wall, "one colour"), (cloth, "one colour"), (sand, "grains"), (planks, "grain")]
)
def test_what_only_has_skins_colours_is_doubted_and_told(made, why):
    pixels = taken(made(np.random.default_rng(8)))
    assert why in doubted(pixels)
    told = [n for n in make_frame(photo_of(pixels)).notices if n.flag is Flag.SKIN_DOUBTFUL]
    assert len(told) == 1
    assert why in told[0].detail


@pytest.mark.parametrize("tone", ["I", "III", "VI"])
def test_skin_is_not_doubted_however_it_was_photographed(tone):
    """Phantoms are far evener than people: what passes here passes on them."""
    pixels = skin_photo(tone, 58).pixels
    for changed in (
        pixels,
        saved(pixels, 70),
        saved(cv2.GaussianBlur(pixels, (0, 0), 2.5)),
        saved(pixels[120:360, 120:360]),
    ):
        assert doubted(changed) is None
    grainy = pixels + np.random.default_rng(4).normal(0, 6, pixels.shape)
    assert doubted(saved(grainy.clip(0, 255).astype(np.uint8))) is None


def test_cheeks_of_people_are_not_doubted_and_their_wall_painted_beige_is(test_photos):
    """Close-ups cut from portraits; half of their blotches taken off, as make-up does."""
    walls = []
    for path in sorted((test_photos / "faces_frl").glob("*_03.jpg"))[::2]:
        pixels, points = np.asarray(read_photo(path).pixels), read_points(path.with_suffix(".tem"))
        eyes = [points[list(eye)].mean(0) for eye in EYES]
        apart, lips = abs(eyes[0][0] - eyes[1][0]), points[list(LIPS)].mean(0)
        for eye in eyes:
            x, y, half = int(eye[0]), int(0.45 * eye[1] + 0.55 * lips[1]), int(0.25 * apart)
            cheek = pixels[y - half : y + half, x - half : x + half]
            level = cheek.mean(-1, keepdims=True)
            even = level * (cheek / level).mean((0, 1))
            for made_up in (cheek, 0.5 * cheek + 0.5 * even):
                found = doubted(saved(np.clip(made_up, 0, 255).astype(np.uint8)))
                assert found is None, (path.stem, found)
        above = (pixels[8 : int(points[:, 1].min()) - 110, 8:-8] / 255) ** 2.2
        walls.append(doubted(taken(above / np.median(above.reshape(-1, 3), 0) * BEIGE, grain=0.5)) is not None)
    assert np.mean(walls) >= 0.8


def test_blotches_of_blood_are_seen_and_shading_is_none():
    draw = np.random.default_rng(2)
    shading = np.exp(0.2 * noise(draw, SHAPE, 90.0))[..., None]
    blood = np.exp(-0.05 * noise(draw, SHAPE, 60.0)[..., None] * (0.1, 1.0, 0.8))
    whole = np.ones(SHAPE, np.bool_)
    plain, mottled = (
        evidence_of(Thumbnails(photo_of(taken(np.array(BEIGE) * picture))), whole)
        for picture in (shading, shading * blood)
    )
    assert plain.blotches < 0.003
    assert mottled.blotches > 3 * plain.blotches


def test_too_little_to_judge_is_not_doubted():
    small = photo_of(np.full((60, 60, 3), (200, 160, 130), np.uint8))
    assert doubt_of(Thumbnails(small), np.ones((60, 60), np.bool_)) is None
    assert doubt_of(Thumbnails(small), np.zeros((60, 60), np.bool_)) is None

"""Skin is found on every tone, under lamps that are off, in close-ups and portraits; the rest is left out."""

import cv2
import numpy as np
import pytest
from skin_photos import TONES, photo_of, skin_photo

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.skin.mask import find_skin
from skinscan.phantom import Camera, Card, Props, SkinRecipe, make_skin, photograph
from skinscan.study.scenes import HELD_OUT, REST, SKIN, TRAINING, make_scene

LAMPS = [(1.0, 1.0, 1.0), (1.2, 1.0, 0.8), (0.82, 1.0, 1.2)]
ELLIPSE = Props(skin_ellipse_mm=(9.0, 7.0))
OUTLINE = [109, 110, 111, *range(125, 133), 114, 113, 112, *range(144, 133, -1)]
EYES_BROWS = [
    [34, 35, 36, 37, 38, 30, 29, 28],
    [39, 40, 41, 42, 43, 33, 32, 31],
    [*range(71, 77), 83, 84, 85],
    [*range(77, 83), 85, 86],
]


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("lamp", LAMPS)
def test_a_close_up_is_skin_all_over(tone, lamp):
    """Pores, hairs, spots and redness within skin stay in; so do 20 % of white balance."""
    mask = find_skin(skin_photo(tone, white_balance=lamp))
    assert mask.mean() > 0.98


@pytest.mark.parametrize("tone", ["II", "IV", "VI"])
@pytest.mark.parametrize("lamp", [(1.25, 1.0, 0.75), (0.85, 1.0, 1.2)], ids=["warm", "cool"])
@pytest.mark.parametrize(
    ("laid", "least"),
    [
        (Props(grey_mm=6.0), 0.88),
        (Props(grey_mm=8.0, grey_at_mm=(-6.0, -6.0), grey=0.8), 0.82),
        (Props(skin_card_at_mm=(0.0, -4.0), skin_card_size=0.35), 0.4),
        (Props(card=Card(pitch_mm=2.2, at_mm=(-2.0, -4.0), angle_deg=10.0)), 0.6),
    ],
    ids=["grey", "white", "skin card", "colour card"],
)
def test_what_lies_on_a_close_up_is_not_taken_for_its_skin(tone, lamp, laid, least):
    """Under a lamp that is off, a grey patch has a colour that skin may have, lies in the middle, and is smooth."""
    skin = make_skin(SkinRecipe(77, tone, width_mm=34, height_mm=34), 40.0)
    taken = photograph(skin, Camera(px_per_mm=13, size_px=(330, 330), sensitivities=5, white_balance=lamp), laid)
    assert least < make_frame(photo_of(taken.pixels), face=False).regions["skin"].mean() < 0.96


@pytest.mark.parametrize("lamp", LAMPS[:2])
def test_dark_skin_without_the_surfaces_white_light_is_skin_all_over(lamp):
    """Cross-polarised, or by another skin model: ln(R/G) 0.75, ln(G/B) 0.9, and a warm lamp on top."""
    codes = skin_photo("V").pixels / 255
    linear = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    middle = np.median(linear.reshape(-1, 3), 0)
    linear *= middle[0] * np.exp([0, -0.75, -1.65]) / middle * lamp
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert find_skin(photo_of((255 * encoded.clip(0, 1)).round().astype(np.uint8))).mean() > 0.98


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("lamp", LAMPS[:2])
def test_skin_is_told_from_a_neutral_background(tone, lamp):
    mask = find_skin(skin_photo(tone, 31, ELLIPSE, white_balance=lamp))
    y, x = np.mgrid[:480, :480]
    truth = ((x - 239.5) / 180) ** 2 + ((y - 239.5) / 140) ** 2 < 1
    assert mask[truth].mean() > 0.97
    assert truth[mask].mean() > 0.97


def test_red_and_dark_skin_inside_skin_is_kept():
    pixels = skin_photo("II").pixels.copy().astype(float)
    y, x = np.mgrid[:480, :480]
    red = np.hypot(x - 150, y - 150) < 60
    mole = np.hypot(x - 330, y - 300) < 25
    pixels[red] *= (1.05, 0.75, 0.8)
    pixels[mole] *= (0.5, 0.4, 0.4)
    mask = find_skin(photo_of(pixels.clip(0, 255).astype(np.uint8)))
    assert mask[red].mean() > 0.98
    assert mask[mole].mean() > 0.98


def test_black_bars_and_transparent_parts_are_left_out():
    pixels = skin_photo("IV").pixels.copy()
    pixels[100:180, 60:420] = 0
    opaque = np.ones((480, 480), np.bool_)
    opaque[400:] = False
    mask = find_skin(photo_of(pixels, opaque=opaque))
    assert mask[100:180, 60:420].mean() < 0.05
    assert not mask[400:].any()
    assert mask[200:390].mean() > 0.97


@pytest.mark.parametrize("colour", [(128, 128, 128), (90, 120, 180), (60, 140, 60), (235, 235, 240), (20, 20, 22)])
def test_what_is_not_skin_coloured_is_not_skin(colour):
    noise = np.random.default_rng(5).normal(0, 4, (300, 300, 3))
    assert find_skin(photo_of((noise + colour).clip(0, 255).astype(np.uint8))).mean() < 0.01


def test_a_grey_photo_is_taken_whole_because_nothing_can_be_told():
    grey = np.repeat(skin_photo("II").pixels[..., 1:2], 3, axis=2)
    assert find_skin(photo_of(grey, is_grey=True)).mean() > 0.98


def test_one_pixel_and_thin_photos_do_not_fail():
    for shape in ((1, 1, 3), (1, 300, 3), (700, 2, 3)):
        assert find_skin(photo_of(np.full(shape, 120, np.uint8))).shape == shape[:2]


def polygon(points, shape):
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1)
    return mask > 0


def landmarks(path):
    lines = path.read_text().split("\n")
    return np.array([[float(v) for v in line.split()] for line in lines[1 : int(lines[0]) + 1]])


def test_faces_of_all_tones_are_found_and_the_worst_is_near_the_best(test_photos):
    """Hand-placed points: recall within the face less eyes, brows, lips; false skin on wall and shirt."""
    recalls = []
    for path in sorted((test_photos / "faces_frl").glob("*_03.jpg")):
        photo = read_photo(path)
        points = landmarks(path.with_suffix(".tem"))
        holes = np.zeros(photo.shape, np.bool_)
        for part in (*EYES_BROWS, [*range(87, 109)]):
            holes |= polygon(cv2.convexHull(points[part].astype(np.float32))[:, 0], photo.shape)
        holes = cv2.dilate(holes.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
        face = cv2.erode(polygon(points[OUTLINE], photo.shape).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        mask = find_skin(photo)
        recalls.append(mask[face & ~holes].mean())
        assert mask[: int(points[:, 1].min()) - 120].mean() < 0.01
        assert mask[-120:, :150].mean() < 0.01
        assert mask[-120:, -150:].mean() < 0.01
    assert min(recalls) > 0.92
    assert max(recalls) - min(recalls) < 0.07


def test_neither_sky_sand_nor_cards_are_skin(test_photos):
    cases = {
        "decoder/icc_profile_big.jpg": 0.02,
        "decoder/xmp_test.jpg": 0.02,
        "decoder/Landscape_1.jpg": 0.05,
        "colorchecker/images__dsg.png": 0.05,
    }
    for name, most in cases.items():
        photo = photo_of(cv2.imread(str(test_photos / name))[..., ::-1])
        assert find_skin(photo).mean() < most, name


def test_dark_faces_before_a_white_wall_under_a_warm_lamp_are_found_and_the_wall_is_not(test_photos):
    """A lamp 20 % too warm gives the wall the colour of pale skin: once the wall was taken, and the face left out."""
    for name in ("025_03", "042_03", "043_03", "061_03"):
        path = test_photos / "faces_frl" / f"{name}.jpg"
        points = landmarks(path.with_suffix(".tem"))
        linear = read_photo(path).linear_rgb() * np.array([1.2, 1.0, 0.8], np.float32)
        encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clip(1e-6) ** (1 / 2.4) - 0.055)
        mask = find_skin(photo_of((255 * encoded.clip(0, 1) + 0.5).astype(np.uint8)))
        cheeks = cv2.erode(polygon(points[OUTLINE], mask.shape).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        cheeks[: int(points[EYES_BROWS[0], 1].max()) + 10] = False
        cheeks[int(points[87:109, 1].min()) - 10 :] = False
        assert mask[cheeks].mean() > 0.9
        assert mask[: int(points[:, 1].min()) - 120].mean() < 0.01


@pytest.fixture(scope="module")
def painted():
    """(intersection over union, share of what is no skin that is taken) of six painted scenes a tone, by tone.

    Three of each setting, of seeds by which no threshold was set.
    """
    found = {tone: [] for tone in TONES}
    for number in range(36):
        tone, setting = TONES[number % 6], (HELD_OUT, TRAINING)[number // 18]
        scene = make_scene(21_000_000 + number, setting, 320, tone)
        mask = find_skin(photo_of(scene.pixels))
        skin, rest = scene.labels == SKIN, scene.labels == REST
        if np.count_nonzero(skin) > 1000:
            both, wrong = np.count_nonzero(mask & skin), np.count_nonzero(mask & rest)
            found[tone].append((both / (np.count_nonzero(skin) + wrong), wrong / max(np.count_nonzero(rest), 1)))
    return found


def test_the_darkest_tones_are_told_nearly_as_well_as_the_best_in_painted_scenes(painted):
    """Once 0.9 of tone II and 0.4 of tone VI. A scene in six lies under a lamp that no colour survives: medians."""
    overlap = {tone: float(np.median([both for both, _ in rows])) for tone, rows in painted.items()}
    assert min(overlap.values()) > 0.85, overlap
    assert max(overlap.values()) - min(overlap.values()) < 0.12, overlap


def test_walls_cloth_wood_and_hair_beside_skin_are_left_out(painted):
    """Bald walls, wood and hair of skin's own colours are among them: a tenth is taken at most, in the median none."""
    false = [wrong for rows in painted.values() for _, wrong in rows]
    assert np.median(false) < 0.02
    assert np.mean(false) < 0.12


def test_smooth_skin_that_jpeg_has_made_flat_has_no_holes():
    """Within a block of 8 x 8, all pixels are alike at a low quality: half of this leg was once taken for drawn."""
    scene = make_scene(3_000_008, HELD_OUT, 640, "III")
    assert find_skin(photo_of(scene.pixels))[scene.labels == SKIN].mean() > 0.97


def test_a_bar_of_one_colour_is_left_out_whatever_its_colour():
    pixels = skin_photo("III").pixels.copy()
    pixels[200:260, 40:440] = np.median(pixels.reshape(-1, 3), 0)
    assert find_skin(photo_of(pixels))[205:255, 45:435].mean() < 0.02

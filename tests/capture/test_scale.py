"""The scale is what was given or what the sticker says, with an uncertainty that holds."""

import math

import cv2
import numpy as np
import pytest
from skin_photos import photo_of, shot, skin_photo

from skinscan.capture.scale.plane import mm_per_px_at
from skinscan.capture.scale.plane_scale import plane_scale
from skinscan.capture.scale.stickers import (
    QUIET_CELLS,
    check_marker,
    find_stickers,
    given_scale,
    markers_seen,
    sticker_mask,
    sticker_plane,
    sticker_scale,
)
from skinscan.phantom import Props
from skinscan.records import ParameterError, ScaleError

STICKER = Props(marker_mm=8.0, marker_at_mm=(-4.0, -3.0), marker_angle_deg=17.0)


def test_a_given_scale_holds_one_percent_unless_told():
    scale = given_scale(0.05)
    assert scale.source == "given"
    assert scale.relative == pytest.approx(0.01)
    assert given_scale(0.033, 0.0001).spread == 0.0001


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, 1.5, 30, 1e-5, "x", None])
def test_a_scale_that_cannot_be_meant_is_refused(value):
    with pytest.raises(ParameterError, match="mm_per_px"):
        given_scale(value)


@pytest.mark.parametrize("spread", [0, -0.1, math.nan, 0.05])
def test_an_uncertainty_that_cannot_be_meant_is_refused(spread):
    with pytest.raises(ParameterError, match="spread"):
        given_scale(0.033, spread)


def test_pixels_a_millimetre_are_noticed():
    with pytest.raises(ParameterError, match=r"0\.03333"):
        given_scale(30)


@pytest.mark.parametrize("side", [0, 0.5, 300, math.nan, -12])
def test_a_sticker_side_that_cannot_be_meant_is_refused(side):
    with pytest.raises(ParameterError, match="marker_mm"):
        check_marker(side)


def true_mm_per_px(taken, at):
    """From the truth's homography: 1 / sqrt(|Jacobian|) at the sticker's centre."""
    h, (x, y) = taken.truth.homography, at
    px, py, w = h @ [x, y, 1.0]
    jacobian = np.array([h[0, :2] * w - h[2, :2] * px, h[1, :2] * w - h[2, :2] * py]) / w**2
    return 1.0 / math.sqrt(abs(np.linalg.det(jacobian)))


@pytest.mark.parametrize("tone", ["I", "VI"])
@pytest.mark.parametrize(
    "camera",
    [
        {},
        {"rotation_deg": 130.0},
        {"tilt_deg": 25.0, "tilt_axis_deg": 40.0},
        {"blur_px": 2.0, "jpeg_quality": 75},
        {"tone_curve": 1.0, "sharpening": 0.6},
    ],
)
def test_a_sticker_gives_the_scale_within_0_4_percent_and_within_what_is_stated(tone, camera):
    """0.4 %: the project's goal for a sticker in its plane."""
    taken = shot(tone, 31, STICKER, **camera)
    scale, stickers = sticker_scale(photo_of(taken.pixels), 8.0)
    error = scale.mm_per_px / true_mm_per_px(taken, STICKER.marker_at_mm) - 1.0
    assert abs(error) < 0.004
    assert abs(error) < 2.0 * scale.relative
    assert scale.source == "aruco"
    assert len(stickers) == 1


def test_markers_are_seen_without_a_size_and_none_where_there_is_none():
    assert markers_seen(photo_of(shot("III", 31, STICKER, rotation_deg=40.0, tilt_deg=20.0).pixels)) == (0,)
    blocks = np.random.default_rng(5).integers(0, 2, (24, 24)).repeat(20, axis=0).repeat(20, axis=1)
    checks = np.repeat(np.uint8(40 + 180 * blocks)[..., None], 3, axis=2)
    assert markers_seen(photo_of(checks)) == ()
    assert markers_seen(photo_of(shot("III").pixels)) == ()


def test_tilt_is_seen_and_the_scale_is_right_away_from_the_sticker():
    """With a tilt of 25 degrees the far corner's pixels are 4 % larger than those at the sticker."""
    taken = shot("II", 31, STICKER, tilt_deg=25.0, tilt_axis_deg=40.0)
    photo = photo_of(taken.pixels)
    stickers = find_stickers(photo, 8.0)
    plane, _ = sticker_plane(stickers, 8.0, photo.shape)
    assert stickers[0].tilt_deg == pytest.approx(25.0, abs=2.0)
    height, width = photo.shape
    skin = np.zeros(photo.shape, bool)
    skin[: int(0.3 * height), int(0.7 * width) :] = True
    there = plane_scale(plane, skin, "aruco")
    points = np.array([(x, y) for x in range(int(0.7 * width), width) for y in range(int(0.3 * height))])
    truth = math.sqrt(np.mean(mm_per_px_at(np.linalg.inv(taken.truth.homography), points.astype(float)) ** 2))
    at_sticker = plane_scale(plane, None, "aruco")
    assert abs(truth / at_sticker.mm_per_px - 1) > 0.01
    assert there.mm_per_px == pytest.approx(truth, rel=0.002)
    assert there.spread > at_sticker.spread
    assert there.variation > 0.003
    x, y = points[::997].T
    assert there.mm_per_px_at(x, y) == pytest.approx(
        mm_per_px_at(np.linalg.inv(taken.truth.homography), points[::997].astype(float)), rel=0.003
    )


def two_stickers(second_px):
    """A grey board with two stickers, 120 px and `second_px` wide."""
    board = np.full((400, 700, 3), 150, np.uint8)
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    for marker, (size, x) in enumerate(((120, 80), (second_px, 400))):
        board[100 : 140 + size, x : x + size + 40] = 230
        board[120 : 120 + size, x + 20 : x + 20 + size] = cv2.aruco.generateImageMarker(dictionary, marker, size)[
            ..., None
        ]
    return photo_of(cv2.GaussianBlur(board, (0, 0), 0.7))


def test_several_stickers_are_averaged_and_their_disagreement_is_stated():
    scale, stickers = sticker_scale(two_stickers(124), 12.0)
    assert [s.marker for s in stickers] == [0, 1]
    assert 12 / 124 < scale.mm_per_px < 12 / 120
    assert scale.relative == pytest.approx(math.log(124 / 120) / math.sqrt(2), rel=0.1)


def test_stickers_that_contradict_one_another_are_refused():
    with pytest.raises(ScaleError, match="contradict"):
        sticker_scale(two_stickers(150), 12.0)


def test_without_a_sticker_there_is_no_scale():
    assert sticker_scale(skin_photo("III"), 12.0) == (None, ())


def test_the_sticker_and_its_white_margin_are_masked():
    photo = skin_photo("II", 31, STICKER)
    _, stickers = sticker_scale(photo, 8.0)
    mask = sticker_mask(stickers, photo.shape)
    side = 8.0 * 20.0
    assert mask.sum() == pytest.approx((side * (1 + 2 * QUIET_CELLS / 6)) ** 2, rel=0.02)


def test_no_sticker_is_seen_where_there_is_none(test_photos):
    for path in sorted((test_photos / "faces_frl").glob("0[04]*_03.jpg"))[:4]:
        photo = photo_of(cv2.imread(str(path))[..., ::-1])
        assert sticker_scale(photo, 12.0) == (None, ())

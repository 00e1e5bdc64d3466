"""What quality says follows what was done to the photo, and not the tone of the skin."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skin_photos import TONES, photo_of, shot, skin_photo

from skinscan.capture.blur import tiles, tiles_of
from skinscan.capture.frame import make_frame
from skinscan.capture.quality import at_scale, blockiness, closer, effective_um_per_px, measure_quality
from skinscan.capture.skin.usable import find_usable
from skinscan.capture.smoothing import smoothing_score
from skinscan.records import Flag, Scale

SCALE = Scale(0.05, 0.0005, "given")


def judge(photo, scale=SCALE):
    skin = np.ones(photo.shape, np.bool_)
    return measure_quality(photo, skin, find_usable(photo, skin), scale)


def flags(notices):
    return {notice.flag for notice in notices}


@pytest.mark.parametrize("tone", TONES)
def test_a_careful_close_up_is_good_on_all_tones(tone):
    quality, notices = judge(skin_photo(tone))
    assert quality.verdict == "good", [notice.text for notice in notices]
    assert 0.3 <= quality.blur_px < 1.2
    assert not quality.smoothing_suspected


@pytest.mark.parametrize("tone", ["I", "IV", "VI"])
@pytest.mark.parametrize("blur", [0.8, 1.3, 1.9, 2.6])
def test_blur_is_estimated_within_its_stated_error(tone, blur):
    """Another seed than it was calibrated on; 0.6 px is twice the stated error, with its bias."""
    quality, _ = judge(skin_photo(tone, 77, blur_px=blur))
    assert quality.blur_px == pytest.approx(blur, abs=0.6)


@pytest.mark.parametrize("tone", ["II", "VI"])
def test_more_blur_is_never_less_and_noise_hardly_matters(tone):
    estimates = [judge(skin_photo(tone, 77, blur_px=blur))[0].blur_px for blur in (0.6, 1.2, 1.8, 2.6, 4.0)]
    assert estimates == sorted(estimates)
    noisy = judge(skin_photo(tone, 77, blur_px=1.2, noise=2.0))[0].blur_px
    assert noisy == pytest.approx(estimates[1], abs=0.5)


def test_an_unblurred_photo_keeps_its_scale_and_a_blurred_one_does_not():
    assert effective_um_per_px(50.0, 1.1) == 50.0
    assert effective_um_per_px(50.0, 0.3) == 50.0
    assert effective_um_per_px(33.3, 2.5) > 80.0


@given(st.floats(1, 500), st.floats(0, 8), st.floats(0, 8))
def test_more_blur_never_makes_a_photo_finer(um, one, other):
    low, high = sorted((one, other))
    assert um <= effective_um_per_px(um, low) <= effective_um_per_px(um, high)


def test_too_far_is_said_in_the_photos_own_terms():
    assert closer(66, 50) == "66 um/px, 50 needed: come a quarter closer or use the 2x lens"
    assert closer(40, 50) == "40 um/px, 50 needed"


def test_clipping_is_flagged_at_both_ends():
    bright, notices = judge(skin_photo("I", exposure_ev=1.6))
    assert bright.clipped_bright_share > 0.5
    assert Flag.CLIPPED_BRIGHT in flags(notices)
    assert bright.verdict == "poor"
    black = skin_photo("VI").pixels.copy()
    black[:200] = 0
    assert Flag.CLIPPED_DARK in flags(judge(photo_of(black))[1])


@pytest.mark.parametrize("tone", ["I", "VI"])
def test_light_that_falls_off_is_flagged_and_even_light_is_not(tone):
    assert judge(skin_photo(tone))[0].light_unevenness < 0.2
    pixels = skin_photo(tone).pixels * np.linspace(0.35, 1, 480)[None, :, None]
    quality, notices = judge(photo_of(pixels.round().astype(np.uint8)))
    assert quality.light_unevenness > 0.45
    assert Flag.UNEVEN_LIGHT in flags(notices)


def test_a_low_jpeg_quality_is_flagged_and_so_are_its_blocks_after_saving_again():
    assert Flag.COMPRESSED in flags(judge(photo_of(skin_photo("II").pixels, jpeg_quality=60))[1])
    everywhere = np.ones((480, 480), np.bool_)
    assert blockiness(photo_of(shot("II", jpeg_quality=None).pixels), everywhere) < 0.1
    assert Flag.COMPRESSED in flags(judge(photo_of(shot("II", jpeg_quality=40).pixels))[1])
    assert Flag.COMPRESSED not in flags(judge(photo_of(shot("II", jpeg_quality=95).pixels))[1])


def test_a_strong_filter_raises_the_smoothing_score_on_all_tones():
    mask = np.ones((480, 480), np.bool_)
    for tone in TONES:
        pixels = skin_photo(tone).pixels
        filtered = cv2.fastNlMeansDenoisingColored(np.ascontiguousarray(pixels), None, 6, 6, 5, 11)
        assert (
            smoothing_score(tiles_of(photo_of(filtered), mask))
            > smoothing_score(tiles_of(photo_of(pixels), mask)) + 0.1
        )


def test_small_photos_are_flagged():
    small = skin_photo("II").pixels[:150, :150]
    quality, notices = judge(photo_of(small))
    assert Flag.TOO_SMALL in flags(notices)
    assert quality.verdict == "poor"


def test_without_skin_the_whole_picture_is_judged_and_without_a_tile_blur_is_unknown():
    photo = skin_photo("II")
    none = np.zeros(photo.shape, np.bool_)
    quality, _ = measure_quality(photo, none, find_usable(photo, none), None)
    assert quality.blur_px > 0
    assert quality.effective_um_per_px is None
    tiny = photo_of(photo.pixels[:20, :20])
    assert math.isnan(judge(tiny)[0].blur_px)


def test_tiles_lie_inside_the_mask_and_do_not_overlap():
    mask = np.zeros((600, 700), np.bool_)
    mask[50:550, 100:680] = True
    side, corners = tiles(mask)
    count = np.zeros(mask.shape, int)
    for row, column in corners:
        count[row : row + side, column : column + side] += 1
    assert len(corners) >= 6
    assert count.max() == 1
    assert mask[count > 0].mean() >= 0.97


def test_unfiltered_portraits_are_seldom_suspected(test_photos):
    """The stated false-alarm rate is 1 in 54."""
    from skinscan.capture.photo import read_photo

    paths = sorted((test_photos / "faces_frl").glob("*_03.jpg"))[::2]
    suspected = [make_frame(read_photo(path)).quality.smoothing_suspected for path in paths]
    assert sum(suspected) <= 1


def test_a_scale_that_comes_later_gives_the_same_quality():
    """The after photo's scale is known once it is registered: its blur is then that of a photo with a scale."""
    photo = skin_photo("III", 77, blur_px=1.0)
    known = judge(photo)[0]
    unscaled = judge(photo, scale=None)[0]
    later = at_scale(unscaled, None, SCALE)
    assert later.blur_px == pytest.approx(known.blur_px, abs=1e-6)
    assert later.effective_um_per_px == pytest.approx(known.effective_um_per_px, rel=1e-6)
    assert at_scale(later, SCALE, SCALE).blur_px == pytest.approx(known.blur_px, abs=1e-6)

"""A Frame holds what was asked for, says what it could not give, and writes nothing that it was lent."""

import json
import time

import cv2
import numpy as np
import pytest
from skin_photos import TONES, photo_of, shot, skin_photo

from skinscan.capture.frame import make_frame
from skinscan.phantom import Props
from skinscan.records import SKIN, Flag, ParameterError, RegionError

CHEEK = [[50, 60], [300, 60], [300, 260], [50, 260]]
CORNER = [[400, 400], [470, 400], [470, 470], [400, 470]]


@pytest.mark.parametrize("tone", TONES)
def test_a_close_up_becomes_a_frame_on_all_tones(tone):
    frame = make_frame(skin_photo(tone), mm_per_px=0.05, mm_per_px_spread=0.0005, regions={"cheek": CHEEK})
    assert list(frame.regions) == [SKIN, "cheek"]
    assert frame.regions[SKIN].mean() > 0.94
    assert frame.regions["cheek"].sum() > 0.94 * 250 * 200
    assert frame.um_per_px == pytest.approx(50.0)
    assert frame.colour.state == "uncorrected"
    for mask in frame.regions.values():
        assert not (mask & ~frame.usable).any()
        assert not mask.flags.writeable


def test_the_same_photo_gives_the_same_frame():
    one, two = (make_frame(skin_photo("IV"), mm_per_px=0.05) for _ in range(2))
    np.testing.assert_array_equal(one.regions[SKIN], two.regions[SKIN])
    assert one.quality == two.quality
    assert one.recipe == two.recipe


def test_the_recipe_is_plain_json_with_all_settings_and_versions():
    recipe = make_frame(skin_photo("II"), mm_per_px=0.05, regions={"cheek": CHEEK}, reference="cheek").recipe
    again = json.loads(json.dumps(recipe))
    assert again["regions"]["cheek"] == CHEEK
    assert again["reference"] == "cheek"
    assert again["mm_per_px"] == 0.05
    assert {"frame_version", "opencv", "numpy"} <= set(again)


def test_a_polygon_is_taken_at_its_word_with_a_notice_where_it_is_not_skin():
    pixels = skin_photo("III").pixels.copy()
    noise = np.random.default_rng(2).normal(0, 3, (120, 120, 3))
    pixels[360:, 360:] = (noise + np.array([90, 130, 200])).astype(np.uint8)
    frame = make_frame(photo_of(pixels), regions={"cheek": CHEEK, "corner": CORNER})
    assert frame.regions["corner"].sum() > 0.9 * 70 * 70
    assert [n.region for n in frame.notices if n.flag is Flag.LITTLE_SKIN] == ["corner"]


def test_a_reference_that_is_not_skin_is_kept_apart_and_one_that_is_skin_is_measured():
    pixels = skin_photo("III").pixels.copy()
    noise = np.random.default_rng(2).normal(0, 3, (120, 120, 3))
    pixels[360:, 360:] = (noise + 150).astype(np.uint8)
    photo = photo_of(pixels)
    frame = make_frame(photo, regions={"cheek": CHEEK, "corner": CORNER}, reference="corner")
    assert list(frame.regions) == [SKIN, "cheek"]
    assert frame.reference_mask.sum() > 0.9 * 70 * 70
    assert (frame.colour.state, frame.colour.reference) == ("reference", "corner")
    frame = make_frame(photo, regions={"cheek": CHEEK, "corner": CORNER}, reference="cheek")
    assert list(frame.regions) == [SKIN, "cheek", "corner"]


def test_a_reference_that_is_not_drawn_is_refused_with_the_names_there_are():
    with pytest.raises(RegionError, match="cheek"):
        make_frame(skin_photo("II"), regions={"cheek": CHEEK}, reference="chek")
    with pytest.raises(RegionError, match="drawn"):
        make_frame(skin_photo("II"), reference=SKIN)


def test_regions_half_and_wholly_outside():
    frame = make_frame(skin_photo("II"), regions={"edge": [[-100, 50], [100, 50], [100, 200], [-100, 200]]})
    assert frame.regions["edge"].any()
    assert any(n.region == "edge" and "50%" in n.detail for n in frame.notices)
    with pytest.raises(RegionError, match="480 x 480"):
        make_frame(skin_photo("II"), regions={"far": [[500, 50], [600, 50], [600, 200]]})


def test_the_sticker_is_neither_skin_nor_usable():
    props = Props(marker_mm=8.0, marker_at_mm=(-4.0, -3.0))
    frame = make_frame(
        skin_photo("V", 31, props), marker_mm=8.0, regions={"all": [[0, 0], [479, 0], [479, 479], [0, 479]]}
    )
    assert frame.scale.source == "aruco"
    x, y = (np.array([-4.0, -3.0]) * 20 + 240).astype(int)
    around = (slice(y - 100, y + 100), slice(x - 100, x + 100))
    assert frame.usable[around].mean() < 0.05
    assert frame.regions["all"][around].mean() < 0.05
    assert frame.recipe["stickers"][0]["marker"] == 0


def test_contradicting_scales_are_refused():
    with pytest.raises(ParameterError, match="more than one scale"):
        make_frame(skin_photo("II"), mm_per_px=0.05, marker_mm=8.0)
    with pytest.raises(ParameterError, match="without"):
        make_frame(skin_photo("II"), mm_per_px_spread=0.001)


def test_a_sticker_asked_for_and_not_there_leaves_no_scale_and_says_what_to_do():
    frame = make_frame(skin_photo("II"), marker_mm=8.0)
    assert frame.scale is None
    (notice,) = [n for n in frame.notices if n.flag is Flag.NO_SCALE]
    assert "--mm-per-px" in notice.text


def test_a_reference_that_is_lost_is_said():
    photo = skin_photo("II")
    dot = [(100, 100), (110, 100), (110, 110), (100, 110)]
    frame = make_frame(photo, regions={"dot": dot}, reference="dot")
    assert frame.colour.state == "uncorrected"
    assert frame.reference_mask is None
    assert Flag.REFERENCE_LOST in {n.flag for n in frame.notices}


def test_no_skin_little_skin_grey_and_alpha_are_said():
    blue = np.random.default_rng(3).normal((80, 110, 190), 4, (500, 500, 3)).astype(np.uint8)
    frame = make_frame(photo_of(blue), regions={"a": CHEEK})
    assert Flag.NO_SKIN in {n.flag for n in frame.notices}
    assert not frame.regions[SKIN].any()
    assert frame.regions["a"].sum() > 0.9 * 250 * 200
    little = blue.copy()
    little[200:290, 200:290] = skin_photo("III").pixels[:90, :90]
    assert Flag.LITTLE_SKIN in {n.flag for n in make_frame(photo_of(little)).notices}
    grey = np.repeat(skin_photo("II").pixels[..., 1:2], 3, axis=2)
    assert Flag.GREY in {n.flag for n in make_frame(photo_of(grey, is_grey=True)).notices}
    opaque = np.ones((480, 480), np.bool_)
    opaque[:100] = False
    frame = make_frame(photo_of(skin_photo("II").pixels, opaque=opaque))
    assert Flag.ALPHA in {n.flag for n in frame.notices}
    assert not frame.usable[:101].any()


def test_nothing_that_was_lent_is_written():
    polygon = np.array(CHEEK, np.float64)
    before = polygon.copy()
    make_frame(skin_photo("II"), regions={"cheek": polygon})
    np.testing.assert_array_equal(polygon, before)
    assert polygon.flags.writeable


def test_odd_sizes_and_16_bits():
    pixels = skin_photo("IV").pixels
    for part in (
        pixels[:1, :1],
        pixels[:3],
        pixels[:, :7],
        pixels[:333, :217],
        pixels.astype(np.uint16) * 257,
    ):
        frame = make_frame(photo_of(part), mm_per_px=0.05)
        assert frame.regions[SKIN].shape == part.shape[:2]


def test_twelve_megapixels_take_seconds():
    """2 s on an idle machine; 6 s are allowed because tests share theirs."""
    pixels = cv2.resize(shot("III").pixels, (4000, 3000), interpolation=cv2.INTER_CUBIC)
    photo = photo_of(pixels)
    start = time.perf_counter()
    make_frame(photo, mm_per_px=0.01)
    assert time.perf_counter() - start < 6.0

"""Areas proposed from the skin's shape: within the skin, apart, few, along its direction."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skinscan.capture.face import propose_regions
from skinscan.capture.regions import check_polygon, rasterise


def ellipse(shape, centre, axes, turn=0.0):
    mask = np.zeros(shape, np.uint8)
    cv2.ellipse(mask, centre, axes, turn, 0, 360, 1, -1)
    return mask > 0


def test_a_close_up_is_divided_in_four():
    found = propose_regions(np.ones((600, 800), np.bool_))
    assert list(found) == ["area_1", "area_2", "area_3", "area_4"]
    covered = sum(rasterise(corners, (600, 800)).astype(int) for corners in found.values())
    assert covered.max() == 1
    assert (covered > 0).mean() > 0.88
    assert found["area_1"].mean(axis=0) == pytest.approx((200, 150), abs=12)
    assert found["area_2"].mean(axis=0) == pytest.approx((600, 150), abs=12)


@pytest.mark.parametrize("turn", [0, 25, -40, 60])
def test_an_arm_is_divided_along_itself(turn):
    skin = ellipse((700, 900), (450, 350), (330, 80), turn)
    found = propose_regions(skin)
    assert 2 <= len(found) <= 6
    edges = [np.diff(corners, axis=0)[0] for corners in found.values()]
    angles = [(np.degrees(np.arctan2(y, x)) - turn + 45) % 90 - 45 for x, y in edges]
    assert np.abs(angles).max() < 4


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_areas_lie_within_the_skin_and_apart(seed):
    """Blobs of any kind. 3 %: a cell of the grid is several pixels wide."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(240, 320)), (0, 0), 25)
    skin = noise > np.quantile(noise, 0.4)
    total = np.zeros(skin.shape, int)
    for name, corners in propose_regions(skin).items():
        mask = rasterise(check_polygon(name, corners), skin.shape)
        assert skin[mask].mean() > 0.97
        assert mask.sum() > 0.02 * skin.sum()
        total += mask
    assert (total > 1).sum() <= 0.01 * total.sum()


def test_nothing_is_proposed_without_skin():
    assert propose_regions(np.zeros((300, 400), np.bool_)) == {}
    few = np.zeros((300, 400), np.bool_)
    few[10, 20] = True
    assert len(propose_regions(few)) <= 1
    assert propose_regions(np.zeros((1, 1), np.bool_)) == {}


def test_a_photo_of_12_megapixels_takes_its_areas_from_a_small_mask():
    skin = np.zeros((3000, 4000), np.bool_)
    skin[700:1900, 1100:2300] = True
    found = propose_regions(skin)
    assert len(found) == 4
    total = sum(rasterise(corners, skin.shape)[700:1900, 1100:2300].mean() for corners in found.values())
    assert total > 0.85

"""JPEG's rounding of an even patch: the error that is stated is the one that encoders make."""

import cv2
import numpy as np
import pytest
from skin_photos import photo_of

from skinscan.capture.rounding import WHOLE_COUNTS, colour_step, patch_errors, skin_errors
from skinscan.records import Photo


@pytest.mark.parametrize("quality", [60, 75, 85, 92])
def test_the_colours_of_even_patches_come_back_off_by_the_stated_error(quality):
    """Patches of 80 colours, with a sensor's grain, through an encoder: Cr is off by the stated SD."""
    draw, off = np.random.default_rng(quality), []
    for colour in draw.uniform(110, 160, (80, 3)):
        grain = draw.normal(0, 1.5, (32, 32, 3))
        patch = np.rint(colour + grain).astype(np.uint8)
        ok, data = cv2.imencode(".jpg", patch[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert ok
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
        off.append((decoded.astype(float) - patch).mean((0, 1)) @ (0.5, -0.4187, -0.0813))
    stated = np.hypot(colour_step(quality) / np.sqrt(12), WHOLE_COUNTS)
    assert np.std(off) == pytest.approx(stated, rel=0.3)


def test_a_lossless_photo_has_none_and_a_worse_one_more():
    grey = np.full((60, 60, 3), 140, np.uint8)
    patch = np.ones((60, 60), bool)
    assert patch_errors(photo_of(grey), patch).shape == (0, 3)
    good, bad = (patch_errors(photo_of(grey, jpeg_quality=quality), patch) for quality in (95, 70))
    assert good.shape == (2, 3)
    assert np.abs(bad).max() > 1.3 * np.abs(good).max()
    assert good[0, 0] == 0.0
    assert good[0, 2] > 0
    assert good[1, 0] > 0
    assert good[1, 1] < 0


def test_rounding_of_even_dark_skin_stays_and_that_of_uneven_skin_averages_out():
    """Half a step at most, where all blocks round alike; nothing where they spread over two steps; no JPEG, nothing."""
    draw = np.random.default_rng(3)
    lut = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (3, 1))
    whole = np.ones((256, 256), bool)

    def errors(spread, quality):
        blocks = draw.normal(0, spread, (32, 32, 1)) * [1.402, -0.714, 0.0] + [60.0, 45.0, 40.0]
        pixels = np.clip(np.rint(blocks.repeat(8, 0).repeat(8, 1)), 0, 255).astype(np.uint8)
        return skin_errors(
            Photo(pixels, lut.copy(), np.eye(3, dtype=np.float32), "", "", "JPEG", jpeg_quality=quality), whole
        )

    step = colour_step(70)
    even = errors(0.0, 70)
    assert even[1, 0] * 255 == pytest.approx(1.402 * step / (np.pi * np.sqrt(2)))
    assert even[1, 0] * 255 < 1.402 * step / 2
    assert errors(2 * step, 70)[1] == pytest.approx(0, abs=1e-6)
    assert not errors(0.0, None).any()

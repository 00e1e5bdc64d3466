from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.feature import blob_log

from skinscan.arrays import blobs, pits
from tests.arrays.test_pits import disc

STEP = math.sqrt(2)


def plainly(image: np.ndarray, mask: np.ndarray, diameters: np.ndarray, least: float) -> set[tuple[int, int, int]]:
    """Row, column and scale of every maximum, each scale blurred from the image itself, at full size."""
    responses = []
    for diameter in diameters:
        sigma = diameter / (2 * STEP)
        smooth = cv2.GaussianBlur(image, (0, 0), sigma)
        responses.append(cv2.Laplacian(smooth, cv2.CV_32F, ksize=1, scale=sigma**2 / blobs.DISC_RESPONSE))
    stack = np.stack(responses)
    largest = np.stack([cv2.dilate(response, np.ones((3, 3))) for response in responses])
    beside = largest.copy()
    beside[1:] = np.maximum(beside[1:], largest[:-1])
    beside[:-1] = np.maximum(beside[:-1], largest[1:])
    peak = (stack >= beside) & (stack > least) & mask
    peak[:, [0, -1]] = peak[:, :, [0, -1]] = False
    return {(int(r), int(c), int(k)) for k, r, c in zip(*np.nonzero(peak), strict=True)}


def field(seed: int, size: int = 300) -> tuple[np.ndarray, list[tuple[int, int]], np.ndarray]:
    """Discs of 4-12 px, 45 px apart, with a little noise."""
    draw = np.random.default_rng(seed)
    image = np.zeros((size, size), np.float32)
    places = [(x, y) for x in range(30, size - 20, 45) for y in range(30, size - 20, 45)]
    sizes = draw.uniform(4, 12, len(places))
    for (x, y), diameter in zip(places, sizes, strict=True):
        image[y - 20 : y + 20, x - 20 : x + 20] += 0.3 * disc(40, 20, 20, float(diameter))
    image += draw.normal(0, 0.01, image.shape).astype(np.float32)
    return image, places, sizes


def test_pits_are_found_where_scikit_image_finds_them() -> None:
    """A field of 40 discs of 4-12 px: each found once, as blob_log does."""
    image, places, sizes = field(4)
    told = blobs.find_blobs(image, np.ones(image.shape, bool), 3.5 * STEP ** np.arange(5), 0.1)
    found = pits.measure_pits(image, told.x, told.y, told.diameter)
    found = found.where(pits.without_overlaps(found))
    theirs = blob_log(-image, min_sigma=1.2, max_sigma=5, num_sigma=12, threshold=0.05)
    assert len(found) == len(places) == len(theirs)
    gap = np.hypot(found.x[:, None] - [p[0] for p in places], found.y[:, None] - [p[1] for p in places])
    assert gap.min(1).max() < 0.5
    assert np.abs(found.diameter / sizes[gap.argmin(1)] - 1).max() < 0.08
    assert told.contrast.max() == pytest.approx(0.3, rel=0.2)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(40, 700), st.integers(40, 90))
def test_the_finest_scales_are_those_of_the_plain_way(seed: int, height: int, width: int) -> None:
    """Blurred step by step and in stripes: of the maxima at full size 97 % are the plain way's, pixel by pixel."""
    draw = np.random.default_rng(seed)
    image = cv2.GaussianBlur(draw.normal(size=(height, width)).astype(np.float32), (0, 0), 1.0)
    diameters = 4.0 * STEP ** np.arange(5)
    mask = np.ones(image.shape, bool)
    found = blobs.find_blobs(image, mask, diameters, 0.05)
    ours = np.array([(y, x) for x, y, d in zip(found.x, found.y, found.diameter, strict=True) if d < 4.8]).reshape(
        -1, 2
    )
    theirs = np.array([place[:2] for place in plainly(image, mask, diameters, 0.05) if place[2] == 0]).reshape(-1, 2)
    apart = np.abs(ours[:, None] - theirs[None]).max(-1, initial=0.0)
    for near in (apart.min(1, initial=9.0), apart.min(0, initial=9.0)):
        assert np.count_nonzero(near <= 0.51) >= 0.97 * len(near) - 2


def test_strong_blobs_of_every_scale_are_those_of_the_plain_way() -> None:
    """Where a smaller image is looked at: the same blobs, within a pixel and half a scale."""
    image, _, _ = field(7)
    diameters = 3.5 * STEP ** np.arange(5)
    mask = np.ones(image.shape, bool)
    found = blobs.find_blobs(image, mask, diameters, 0.1)
    expected = [(row, column, diameters[scale]) for row, column, scale in plainly(image, mask, diameters, 0.1)]
    assert len(found) == len(expected)
    for row, column, diameter in expected:
        near = np.hypot(found.x - column, found.y - row) < 1.5
        assert np.abs(np.log(found.diameter[near] / diameter)).min() <= math.log(STEP)


def test_a_disc_is_round_and_a_furrow_is_not() -> None:
    image = disc(64, 32, 32, 9) * np.float32(0.3)
    image[:, 50:53] -= np.float32(0.3)
    image += np.random.default_rng(0).normal(0, 1e-3, image.shape).astype(np.float32)
    found = blobs.find_blobs(image, np.ones(image.shape, bool), 6.0 * STEP ** np.arange(3), 0.05)
    pit = np.hypot(found.x - 32, found.y - 32) < 2
    assert found.roundness[pit].max() > 0.95
    assert found.unevenness[pit].min() < 0.1
    furrow = np.abs(found.x - 51) < 2
    assert furrow.any()
    assert found.roundness[furrow].max() < 0.3


def test_outside_the_mask_nothing_is_found() -> None:
    image = disc(64, 32, 32, 9)
    assert len(blobs.find_blobs(image, np.zeros(image.shape, bool), np.array([7.0, 9.9, 14.0]), 0.1)) == 0


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (2, 50), (3, 3), (5, 900)])
def test_images_too_small_for_a_blob(shape: tuple[int, int]) -> None:
    found = blobs.find_blobs(np.zeros(shape, np.float32), np.ones(shape, bool), np.array([5.0, 7.1, 10.0, 14.1]), 0.1)
    assert len(found) == 0

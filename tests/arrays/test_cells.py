from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skinscan.arrays.cells import MOST_BLOCKS, cells_of, factor_between, grid_blocks, median


@given(hnp.arrays(np.int32, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.integers(0, 5)))
def test_blocks_hold_their_own_pixels(labels: np.ndarray) -> None:
    image = np.random.default_rng(0).normal(size=labels.shape)
    cells = cells_of(labels, 5)
    values = cells.take(image)
    means, medians = cells.means(values), cells.each(values, lambda part: float(np.median(part)))
    for block in range(5):
        own = image[labels == block + 1]
        assert cells.sizes[block] == own.size
        if own.size:
            assert np.isclose(means[block], own.mean())
            assert np.isclose(medians[block], np.median(own))
        else:
            assert np.isnan(means[block])
            assert np.isnan(medians[block])


@given(st.integers(0, 500), st.integers(1, 60), st.integers(1, 60))
def test_every_pixel_of_a_mask_is_in_a_block(seed: int, height: int, width: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) > 0.6
    labels, count = grid_blocks(mask, target=9)
    assert np.array_equal(labels > 0, mask)
    assert set(np.unique(labels[mask])) == set(range(1, count + 1))


def test_a_square_is_cut_into_as_many_blocks_as_asked() -> None:
    labels, count = grid_blocks(np.ones((600, 600), bool), target=36)
    assert count == 36
    assert np.bincount(labels.ravel())[1:].min() == 100 * 100


def test_an_empty_mask_has_no_block() -> None:
    labels, count = grid_blocks(np.zeros((10, 10), bool))
    assert count == 0
    assert not labels.any()
    assert cells_of(labels, 0).count == 0


@given(hnp.arrays(np.float32, st.integers(0, 200), elements=st.floats(-9, 9, width=32)))
def test_the_median_is_numpys(values: np.ndarray) -> None:
    found = median(values)
    assert np.isnan(found) if len(values) == 0 else np.isclose(found, float(np.median(values.astype(float))))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 500), st.integers(2, 90), st.integers(2, 90), st.integers(2, 5))
def test_a_reduced_maps_pixels_belong_where_their_middle_lies(seed: int, height: int, width: int, factor: int) -> None:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 4, (height, width)).astype(np.uint16)
    image = draw.normal(size=(-(-height // factor), -(-width // factor)))
    own = cells_of(labels, 3).reduced(factor)
    assert own.labels.shape == image.shape
    expected: list[list[float]] = [[], [], []]
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            at = row * factor + factor // 2, column * factor + factor // 2
            label = labels[at] if at[0] < height and at[1] < width else 0
            if label:
                expected[label - 1].append(image[row, column])
    assert own.take(image).tolist() == [value for block in expected for value in block]


def test_a_map_of_the_same_size_is_taken_as_it_is() -> None:
    cells = cells_of(np.ones((8, 6), np.uint16), 1)
    assert cells.on(np.zeros((8, 6))) is cells
    assert cells.on(np.zeros((4, 3, 2))).labels.shape == (4, 3)
    assert cells.on(np.zeros((4, 3))) is cells.on(np.zeros((4, 3)))


def test_a_speck_far_from_its_block_is_not_lost() -> None:
    """Blocks are looked for on a thinned image first."""
    labels = np.zeros((200, 200), np.uint16)
    labels[10:60, 10:60], labels[101, 7] = 1, 1
    labels[80:90, 150:151] = 2
    image = np.random.default_rng(0).normal(size=labels.shape)
    cells = cells_of(labels, 2)
    assert np.array_equal(np.sort(cells.take(image)), np.sort(np.concatenate([image[labels == 1], image[labels == 2]])))


def test_a_thin_line_across_a_large_picture_has_few_enough_blocks() -> None:
    mask = np.zeros((3000, 3000), bool)
    np.fill_diagonal(mask, True)
    labels, count = grid_blocks(mask)
    assert 0 < count <= MOST_BLOCKS
    assert np.array_equal(labels > 0, mask)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 5))
def test_the_factor_of_a_reduced_map_is_found_again(height: int, width: int, power: int) -> None:
    """Also where the map is a pixel larger than the rounded share: 401 pixels by eights are 51."""
    factor = 2**power
    found = factor_between((height, width), (-(-height // factor), -(-width // factor)))
    assert (-(-height // found), -(-width // found)) == (-(-height // factor), -(-width // factor))
    assert found <= factor


def test_a_map_that_is_no_reduction_is_told() -> None:
    with pytest.raises(ValueError, match="no reduction"):
        factor_between((100, 100), (33, 50))


def test_a_line_between_the_middles_is_hardly_on_a_reduced_map() -> None:
    labels = np.zeros((40, 40), np.uint16)
    labels[:, 4] = 1
    cells = cells_of(labels, 1)
    assert cells.hardly_on(np.zeros((20, 20))) == (not cells.on(np.zeros((20, 20))).labels.any())
    labels = np.ones((40, 40), np.uint16)
    assert not cells_of(labels, 1).hardly_on(np.zeros((10, 10)))

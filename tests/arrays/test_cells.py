from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skinscan.arrays.cells import cells_of, grid_blocks


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

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinscan.arrays import medians
from skinscan.arrays.cells import Cells, cells_of
from skinscan.arrays.medians import medians_of


@given(
    st.integers(0, 1000), st.integers(1, 40), st.integers(1, 40), st.integers(1, 17), st.sampled_from([1e-6, 0.1, 30.0])
)
def test_medians_of_parts_are_those_of_the_whole(seed: int, height: int, width: int, rows: int, spread: float) -> None:
    """Whatever lies beyond the span that was named, and with ties."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 5, (height, width))
    image = draw.normal(0, spread, (2, height, width)).astype(np.float32)
    image[1] = np.round(image[1])
    whole = cells_of(labels, 4)

    def parts() -> Iterator[tuple[Cells, list[np.ndarray]]]:
        for top in range(0, height, rows):
            place = (slice(top, top + rows), slice(0, width))
            yield whole.cut(place), [channel[place] for channel in image]

    for held in (False, True):
        for channel, (value, blocks) in enumerate(medians_of(parts, 4, [(-1.0, 1.0), (-5.0, 5.0)], held)):
            expected, of_blocks = whole.medians(whole.take(image[channel]))
            assert np.array_equal([value, *blocks], [expected, *of_blocks], equal_nan=True)


def test_a_flat_picture_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medians, "COUNTED_FROM", 10)
    image = np.float32(0.25) + np.float32(1e-6) * np.random.default_rng(2).integers(0, 3, (40, 50)).astype(np.float32)
    cells = cells_of(np.ones(image.shape, np.uint8), 1)
    for value, blocks in medians_of(lambda: [(cells, [image])], 1, [(0.0, 1.0)]):
        assert value == blocks[0] == np.median(image)
    assert len(medians._counted(image.ravel())[0]) == 3

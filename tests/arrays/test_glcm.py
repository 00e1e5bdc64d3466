from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.feature import graycomatrix, graycoprops

from skinscan.arrays import glcm

IBSI = json.loads((Path(__file__).parents[1] / "reference" / "ibsi_glcm_2d.json").read_text())


@settings(max_examples=30)
@given(st.integers(4, 40), st.integers(4, 40), st.integers(1, 6), st.integers(0, 1000))
def test_counts_equal_scikit_images(height: int, width: int, distance: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 32, (height, width)).astype(np.uint8)
    ours = glcm.cooccurrence(image, np.ones(image.shape, np.int32), 1, float(distance), 32)[0]
    theirs = graycomatrix(image, [distance], list(glcm.ANGLES), levels=32, symmetric=True)[:, :, 0, :].sum(-1)
    assert np.array_equal(ours, theirs)


def test_features_equal_scikit_images() -> None:
    image = np.random.default_rng(5).integers(0, 32, (60, 50)).astype(np.uint8)
    counts = graycomatrix(image, [1], list(glcm.ANGLES), levels=32, symmetric=True).sum(-1, keepdims=True)
    ours = glcm.features(counts[:, :, 0, 0])
    normed = counts / counts.sum()
    names = {
        "contrast": "contrast",
        "homogeneity": "homogeneity",
        "correlation": "correlation",
        "energy": "ASM",
    }
    for name, theirs in names.items():
        assert ours[name] == pytest.approx(graycoprops(normed, theirs)[0, 0], rel=1e-9)


def test_the_ibsi_phantom() -> None:
    """IBSI 1 digital phantom, 2D, distance 1, merged over directions and slices (three published digits).

    Its mask is left out pair by pair. One matrix a slice and direction: merged per slice, then averaged.
    """
    per_slice = []
    for rows in IBSI["phantom"]:
        levels = np.asarray(rows)
        matrix = glcm.cooccurrence(levels.astype(np.uint8), (levels > 0).astype(np.int32), 1, 1.0, 7)[0]
        per_slice.append(glcm.features(matrix))
    published = IBSI["2D_comb"]
    for ours, theirs in (
        ("contrast", "contrast"), ("homogeneity", "inv_diff_mom"), ("entropy", "joint_entr"), ("energy", "energy"),
        ("correlation", "corr"),
    ):  # fmt: skip
        mean = np.mean([float(found[ours]) for found in per_slice])
        assert mean == pytest.approx(published[theirs], rel=2e-3), ours


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 4))
def test_masked_pairs_are_left_out_and_blocks_add_up(seed: int, distance: int) -> None:
    draw = np.random.default_rng(seed)
    image = draw.integers(0, 8, (14, 17)).astype(np.uint8)
    labels = draw.integers(0, 4, image.shape).astype(np.int32)
    expected = np.zeros((3, 8, 8), int)
    for row, column in glcm.offsets(float(distance)):
        for y in range(14):
            for x in range(17):
                v, u = y + row, x + column
                if 0 <= v < 14 and 0 <= u < 17 and labels[y, x] and labels[v, u]:
                    expected[labels[y, x] - 1, image[y, x], image[v, u]] += 1
                    expected[labels[y, x] - 1, image[v, u], image[y, x]] += 1
    assert np.array_equal(glcm.cooccurrence(image, labels, 3, float(distance), 8), expected)


def test_a_constant_region_has_no_correlation() -> None:
    found = glcm.features(glcm.cooccurrence(np.full((9, 9), 3, np.uint8), np.ones((9, 9), np.int32), 1, 1.0, 8)[0])
    assert np.isnan(found["correlation"])
    assert found["contrast"] == 0
    assert found["energy"] == 1
    assert found["entropy"] == 0


def test_nothing_counted_is_nan() -> None:
    found = glcm.features(np.zeros((8, 8), int))
    assert all(np.isnan(value) for value in found.values())


def test_quantise_puts_the_ends_into_the_end_bins() -> None:
    values = np.array([[-9.0, -0.32, -0.31, -0.001, 0.0, 0.019, 0.021, 0.3199, 0.32, 9.0, np.nan]])
    assert glcm.quantise(values, 32, 0.32).tolist() == [[0, 0, 0, 15, 16, 16, 17, 31, 31, 31, 16]]


def test_offsets_too_coarse_are_told() -> None:
    """100 um at 20 px/mm: 2 px along, but (1, 1) across is 1.41 px, 29 % off; at 30 px/mm 3 px and 2.83 px."""
    assert glcm.worst_offset_error(2.0) == pytest.approx(1 - np.sqrt(2) / 2, abs=1e-9)
    assert glcm.worst_offset_error(3.0) == pytest.approx(1 - np.sqrt(8) / 3, abs=1e-9)
    assert glcm.worst_offset_error(0.0) == np.inf


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 1200), st.integers(1, 40), st.integers(1, 130))
def test_counts_are_those_of_a_plain_loop_over_pairs(seed: int, height: int, width: int, count: int) -> None:
    """More blocks than one histogram holds, stripes, steps larger than the image: numpy's unique says the same."""
    draw = np.random.default_rng(seed)
    levels = draw.integers(0, 32, (height, width)).astype(np.uint8)
    labels = draw.integers(0, count + 1, (height, width)).astype(np.uint16)
    expected = np.zeros((count, 32, 32), np.int64)
    for row, column in glcm.offsets(3.0):
        rows, columns = (
            np.arange(max(-row, 0), height - max(row, 0)),
            np.arange(max(-column, 0), width - max(column, 0)),
        )
        if rows.size and columns.size:
            y, x = np.meshgrid(rows, columns, indexing="ij")
            both = (labels[y, x] > 0) & (labels[y + row, x + column] > 0)
            at = labels[y, x][both] - 1, levels[y, x][both], levels[y + row, x + column][both]
            np.add.at(expected, at, 1)
    assert np.array_equal(glcm.cooccurrence(levels, labels, count, 3.0, 32), expected + expected.transpose(0, 2, 1))


@given(st.integers(0, 500), st.integers(1, 30), st.integers(1, 30), st.floats(1.0, 4.0))
def test_counts_of_tiles_add_up_to_those_of_the_whole(seed: int, height: int, width: int, distance: float) -> None:
    draw = np.random.default_rng(seed)
    image = draw.integers(0, 8, (height, width)).astype(np.uint8)
    labels = draw.integers(0, 4, (height, width))
    whole = glcm.cooccurrences(image, labels, 3, [distance], 8)
    parts = np.zeros_like(whole)
    for top in range(0, height, 7):
        for left in range(0, width, 9):
            near = (slice(max(top - 5, 0), top + 12), slice(max(left - 5, 0), left + 14))
            own = (
                slice(top - near[0].start, top - near[0].start + 7),
                slice(left - near[1].start, left - near[1].start + 9),
            )
            parts += glcm.cooccurrences(image[near], labels[near], 3, [distance], 8, own)
    assert np.array_equal(parts, whole)

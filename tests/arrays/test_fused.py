from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import astuple, replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skinscan.arrays import blobs, fused, pits
from skinscan.arrays.blobs import Blobs
from skinscan.arrays.pits import Pits
from tests.arrays.test_blobs import field

STEP = math.sqrt(2)
AGAIN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def kernels() -> Iterator[None]:
    """The kernels in use for one test."""
    if not fused.load_kernels():
        pytest.skip("numba is not installed: pip install 'skinscan[fast]'")
    yield
    fused.unload()


def skin(seed: int, height: int, width: int, blur: float) -> np.ndarray:
    """Noise blurred to dark and light spots, mean 0, SD 0.1."""
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), blur)
    smooth -= smooth.mean()
    return np.asarray(smooth * np.float32(0.1 / max(float(smooth.std()), 1e-6)), np.float32)


def both_blobs(*asked: object) -> tuple[Blobs, Blobs]:
    """With the kernels, and as numpy and OpenCV alone."""
    fused.load_kernels()
    fast = blobs.find_blobs(*asked)  # type: ignore[arg-type]
    fused.unload()
    return fast, blobs.find_blobs(*asked)  # type: ignore[arg-type]


def both_pits(*asked: object) -> tuple[Pits, Pits]:
    fused.load_kernels()
    fast = pits.measure_pits(*asked)  # type: ignore[arg-type]
    fused.unload()
    return fast, pits.measure_pits(*asked)  # type: ignore[arg-type]


def assert_same(fast: Blobs | Pits, plain: Blobs | Pits, rtol: float, atol: float) -> None:
    assert len(fast) == len(plain)
    for name in plain.__dataclass_fields__:
        np.testing.assert_allclose(getattr(fast, name), getattr(plain, name), rtol, atol, err_msg=name)


@AGAIN
@given(
    st.integers(0, 10_000), st.integers(3, 600), st.integers(3, 120), st.floats(0.6, 4.0), st.floats(0.0, 0.5),
    st.floats(2.0, 15.0), st.integers(1, 6), st.sampled_from([-math.inf, 0.5]),
)  # fmt: skip
def test_the_same_blobs(
    kernels: None, seed: int, height: int, width: int, blur: float, bare: float, least: float, count: int, round_: float
) -> None:
    mask = np.random.default_rng(seed).random((height, width)) >= bare
    image = skin(seed, height, width, blur) * mask
    fast, plain = both_blobs(image, mask, least * STEP ** np.arange(count), 0.01, round_)
    assert fast.unevenness == pytest.approx(plain.unevenness, rel=1e-4)  # over a height that may be rounding itself
    assert_same(replace(fast, unevenness=plain.unevenness), plain, 1e-6, 0)


@AGAIN
@given(
    st.integers(0, 10_000), st.integers(2, 90), st.integers(2, 90), st.floats(1.0, 4.0), st.integers(1, 20),
    st.integers(1, 3), st.floats(0.0, 1.0),
)  # fmt: skip
def test_the_same_pits(
    kernels: None, seed: int, height: int, width: int, blur: float, count: int, rounds: int, max_shift: float
) -> None:
    """Anywhere in the image, at its edges and a little beyond, as small as a pixel and larger than the image."""
    draw = np.random.default_rng(seed)
    x, y = draw.uniform(-5, width + 5, count), draw.uniform(-5, height + 5, count)
    fast, plain = both_pits(skin(seed, height, width, blur), x, y, draw.uniform(1, 40, count), rounds, max_shift)
    assert np.count_nonzero(unlike(fast, plain)) <= 1


def unlike(fast: Pits, plain: Pits) -> np.ndarray:
    """Which pits differ by more than a ten thousandth of a value and 1e-4, of those with a contrast to divide by."""
    apart = [abs(a - b) > 1e-4 + 1e-4 * abs(b) for a, b in zip(astuple(fast), astuple(plain), strict=True)]
    return np.any(apart, 0) & (plain.contrast > 0.02)


@pytest.mark.parametrize("seed", range(3))
def test_of_a_thousand_pits_all_but_a_few_are_the_same_to_a_ten_thousandth(kernels: None, seed: int) -> None:
    """Where a ray just touches its level, rounding decides."""
    draw = np.random.default_rng(seed)
    places = draw.uniform(-5, 405, 1000), draw.uniform(-5, 305, 1000), draw.uniform(2, 30, 1000)
    fast, plain = both_pits(skin(seed, 300, 400, 2.0), *places)
    assert np.count_nonzero(plain.contrast > 0.02) > 300
    assert np.count_nonzero(unlike(fast, plain)) <= 2


def test_pits_of_a_field_of_discs_are_the_same_to_a_ten_thousandth(kernels: None) -> None:
    image, _, _ = field(4)
    found = blobs.find_blobs(image, np.ones(image.shape, bool), 3.5 * STEP ** np.arange(5), 0.1)
    assert len(found) >= 36
    assert_same(*both_pits(image, found.x, found.y, found.diameter), 1e-4, 1e-4)


def test_a_slice_and_what_may_not_be_written_are_taken(kernels: None) -> None:
    whole = skin(1, 200, 300, 2.0)
    image, mask = whole[10:150:1, 20:260], np.ones(whole.shape, bool)[10:150, 20:260]
    image.flags.writeable = mask.flags.writeable = False
    assert_same(*both_blobs(image, mask, 5.0 * STEP ** np.arange(4), 0.01), 1e-6, 0)
    places = np.array([30.0, 100.0]), np.array([40.0, 90.0]), np.array([8.0, 9.0])
    assert_same(*both_pits(image, *places), 1e-4, 1e-4)
    assert_same(*both_pits(image, *(place[::-1] for place in places)), 1e-4, 1e-4)


def test_no_pits_and_places_that_are_no_numbers(kernels: None) -> None:
    image, nothing = skin(2, 20, 20, 1.0), np.zeros(0)
    assert len(pits.measure_pits(image, nothing, nothing, nothing)) == 0
    found = pits.measure_pits(image, np.array([math.nan, 9.0]), np.array([9.0, 9.0]), np.array([5.0, math.inf]))
    assert np.isnan(found.contrast).all()
    with pytest.raises(ValueError, match="2 x, 1 y"):
        pits.measure_pits(image, np.zeros(2), np.zeros(1), np.zeros(2))


def test_an_image_with_values_that_are_no_numbers_is_survived(kernels: None) -> None:
    image = skin(3, 60, 60, 1.0)
    image[20:30, 20:40] = np.nan
    image[40, 40] = np.inf
    x, y = (at.ravel().astype(float) for at in np.mgrid[0:60:5, 0:60:5])
    assert len(pits.measure_pits(image, x, y, np.full(len(x), 9.0))) == len(x)
    blobs.find_blobs(image, np.ones(image.shape, bool), np.array([4.0, 5.7, 8.0]), 0.01)


def test_many_threads_and_a_new_process_measure_the_same(kernels: None) -> None:
    image = skin(5, 120, 120, 2.0)
    places = np.array([30.0, 60.0, 90.0]), np.array([30.0, 60.0, 90.0]), np.array([8.0, 9.0, 10.0])
    alone = pits.measure_pits(image, *places)
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda _: pits.measure_pits(image, *places), range(16)):
            assert_same(found, alone, 0, 0)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=fused.load_kernels) as processes:
        assert processes.submit(fused.loaded).result()
        assert_same(processes.submit(pits.measure_pits, image, *places).result(), alone, 0, 0)


def test_without_numba_all_works(monkeypatch: pytest.MonkeyPatch) -> None:
    fused.unload()
    monkeypatch.setattr(fused, "_known", None)
    monkeypatch.setitem(sys.modules, "numba", None)
    assert not fused.load_kernels()
    assert not fused.loaded()
    assert fused.kernels() is None
    image = skin(6, 80, 80, 2.0)
    found = blobs.find_blobs(image, np.ones(image.shape, bool), np.array([5.0, 7.1, 10.0]), 0.01)
    assert len(pits.measure_pits(image, found.x, found.y, found.diameter)) == len(found) > 0


def test_numba_is_not_imported_unasked() -> None:
    code = "import sys, skinscan.comparison, skinscan.measures.pores; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_a_cache_without_room_is_done_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config, caching = pytest.importorskip("numba").config, pytest.importorskip("numba.core.caching")

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_data", full)
    monkeypatch.setattr(fused, "_known", None)
    assert fused.load_kernels()
    assert not fused.kept_on_disk
    fused.unload()


def test_kernels_that_cannot_be_compiled_are_no_missing_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(kept: bool) -> None:
        raise TypeError("a kernel that does not compile")

    monkeypatch.setattr(fused, "_known", None)
    monkeypatch.setattr(fused, "_imported", broken)
    with pytest.raises(TypeError, match="does not compile"):
        fused.load_kernels()
    assert not fused.loaded()

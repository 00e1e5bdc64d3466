"""Photos too large to be measured whole are measured in tiles, and nobody can tell from the numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from skinscan.assessment import assess_frame, rescaled
from skinscan.capture.frame import make_frame
from skinscan.comparison import compare_frames
from skinscan.measures import maps as module
from skinscan.measures.maps import Maps
from skinscan.records import Assessment, Comparison, Scale


def in_tiles(monkeypatch: pytest.MonkeyPatch, held_px: int = 0) -> None:
    monkeypatch.setattr(module, "WHOLE_PX", 50_000)
    monkeypatch.setattr(module, "HELD_PX", held_px)
    monkeypatch.setattr(module, "TILE_PX", 256)


@pytest.fixture(scope="module")
def whole(maps: Maps) -> Assessment:
    return assess_frame(Maps(maps.frame))


@pytest.mark.parametrize("held_px", [0, 10**9])
def test_numbers_of_tiles_are_those_of_the_whole(
    maps: Maps, whole: Assessment, monkeypatch: pytest.MonkeyPatch, held_px: int
) -> None:
    in_tiles(monkeypatch, held_px)
    assert sum(1 for _ in Maps(maps.frame).tiles()) > 4
    found = assess_frame(Maps(maps.frame), evidence=False)
    for one, other in zip(whole.measurements, found.measurements, strict=True):
        assert other.value == pytest.approx(one.value, rel=1e-6, nan_ok=True), one.measure
        assert other.spread == pytest.approx(one.spread, rel=1e-6, nan_ok=True), one.measure
        assert (other.n, other.reason, other.flags) == (one.n, one.reason, one.flags)
    assert whole.pores is not None
    assert found.pores is not None
    assert np.allclose(np.sort(found.pores.x_px), np.sort(whole.pores.x_px), atol=1e-3)


def test_maps_of_tiles_show_what_those_of_the_whole_show(
    maps: Maps, whole: Assessment, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_tiles(monkeypatch)
    found = assess_frame(Maps(maps.frame)).evidence
    assert [evidence.title for evidence in found] == [evidence.title for evidence in whole.evidence]
    for one, other in zip(whole.evidence, found, strict=True):
        assert other.values.shape == one.values.shape
        assert np.array_equal(np.isfinite(one.values), np.isfinite(other.values))
        spread = float(np.nanstd(one.values))
        assert float(np.nanmax(np.abs(one.values - other.values))) <= 1e-3 * spread, one.title


def test_tiles_meet_and_cover_what_is_measured(maps: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    in_tiles(monkeypatch)
    seen = Maps(maps.frame)
    counted = np.zeros(seen.measured.shape, int)
    for part in seen.tiles(100):
        own = part.own
        counted[
            part.place[0].start + own[0].start : part.place[0].start + own[0].stop,
            part.place[1].start + own[1].start : part.place[1].start + own[1].stop,
        ] += 1
        assert part.measured[part.own].any()
        assert np.array_equal(part.measured, seen.measured[part.place])
    assert (counted[seen.measured] == 1).all()
    assert counted.max() == 1


def test_a_comparison_in_tiles_is_that_of_the_whole(maps: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> Comparison:
        return compare_frames(maps.frame, maps.frame, evidence=False)

    whole = told()
    in_tiles(monkeypatch)
    for one, other in zip(whole.changes, told().changes, strict=True):
        assert (other.verdict, other.reason) == (one.verdict, one.reason)
        assert math.isclose(other.sdc, one.sdc, rel_tol=1e-5) or math.isnan(one.sdc)
        assert other.after == pytest.approx(one.after, rel=1e-6, nan_ok=True), one.measure


def test_a_scale_finer_than_its_tiles_is_measured_whole(maps: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tile's margin of several millimetres would be larger than the tile."""
    in_tiles(monkeypatch)
    assert Maps(maps.frame).in_tiles
    assert not Maps(rescaled(maps.frame, Scale(0.001, 0.0, "given"))).in_tiles


def test_a_narrow_last_tile_tells_colour_as_the_whole_does(maps: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    part = np.zeros(maps.frame.shape, np.bool_)
    part[:, :449] = True  # tiles of 64: the last is one pixel wide
    frame = replace(maps.frame, regions={"part": part})
    whole = assess_frame(Maps(frame, margin_px=0), evidence=False)
    in_tiles(monkeypatch)
    monkeypatch.setattr(module, "TILE_PX", 64)
    found = assess_frame(Maps(frame, margin_px=0), evidence=False)
    for one, other in zip(whole.measurements, found.measurements, strict=True):
        assert other.value == pytest.approx(one.value, rel=1e-6, nan_ok=True), one.measure


def test_a_reference_is_developed_alone(maps: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the errors of what it ties are those of the whole."""
    corners = [(100, 100), (230, 100), (230, 230), (100, 230)]
    frame = make_frame(maps.frame.photo, mm_per_px=0.04, regions={"patch": corners}, reference="patch")

    def told() -> list[float]:
        return [change.sdc for change in compare_frames(frame, frame, evidence=False).changes]

    whole = told()
    in_tiles(monkeypatch)
    developed: list[int] = []
    real = Maps._developed
    monkeypatch.setattr(Maps, "_developed", lambda self: (developed.append(self.measured.size), real(self))[1])
    assert told() == pytest.approx(whole, rel=1e-5, nan_ok=True)
    assert developed
    assert max(developed) <= 256 * 256

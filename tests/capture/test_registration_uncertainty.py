"""The map's own uncertainty is what it is off by, and light that moved is told from what is dark in every light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skinscan.arrays import warp
from skinscan.capture.quality import at_scale
from skinscan.capture.registration import pit_shift, uncertainty
from skinscan.capture.registration import register as registration
from skinscan.capture.registration.refining import Warp
from skinscan.capture.registration.register import register
from skinscan.capture.registration.seen import LEAST_SEEN, seen_share, unseen_notices
from skinscan.capture.registration.skin_view import skin_view
from skinscan.records import Flag, Scale
from tests.capture.test_registration import PX_PER_MM, QUALITY, SIDE, errors_px, frame, shot

SCALE = Scale(1 / PX_PER_MM, 0.0, "given")


def test_a_homographys_leverage_is_the_scatter_of_its_fits():
    from skinscan.arrays.alignment import fit_homography

    draw = np.random.default_rng(1)
    points = draw.uniform(0, 400, (120, 2))
    weights = draw.uniform(0.2, 1.0, 120)
    truth = np.array([[1.02, 0.05, 3.0], [-0.04, 0.98, -2.0], [5e-5, -4e-5, 1.0]])
    places = np.array([[200.0, 200.0], [10.0, 390.0], [450.0, 200.0]])
    there = warp.project(truth, points)
    fits = [
        warp.project(fit_homography(points, there + draw.normal(0, 0.5, (120, 2)), weights), places) for _ in range(300)
    ]
    seen = np.std(fits, axis=0)
    said = 0.5 * np.sqrt(uncertainty.leverage(truth, points, weights, places))
    # an SD of 300 draws is good to 4 %; the mean of both axes is told
    np.testing.assert_allclose(np.sqrt((seen**2).mean(axis=1)), said, rtol=0.15)


def test_what_neighbours_are_off_by_together_is_not_averaged_away():
    draw = np.random.default_rng(2)
    points = np.stack(np.meshgrid(np.arange(0, 400, 24.0), np.arange(0, 400, 24.0)), axis=-1).reshape(-1, 2)
    noise = draw.normal(0, 0.1, points.shape)
    bent = noise + np.where(points[:, :1] > 250, 0.4, 0.0)
    grid = np.arange(0, 401, 24.0), np.arange(0, 401, 24.0)
    even, uneven = (
        uncertainty.of_field(uncertainty.Known(points, apart, np.ones(len(points)), 0.1), np.eye(3), 60.0, grid, 36.0)
        for apart in (noise, bent)
    )
    assert np.median(even[:, :8]) < 0.06
    assert np.median(uneven[:, 13:]) > 0.3
    assert np.isfinite(even).all()


def test_far_from_every_patch_the_spread_is_unknown():
    points = np.stack(np.meshgrid(np.arange(0, 100, 20.0), np.arange(0, 100, 20.0)), axis=-1).reshape(-1, 2)
    known = uncertainty.Known(points, np.full(points.shape, 0.1), np.ones(len(points)), 0.1)
    grid = np.arange(0, 401, 20.0), np.arange(0, 101, 20.0)
    spread = uncertainty.of_field(known, np.eye(3), np.inf, grid, 30.0)
    assert np.isfinite(spread[:, :5]).all()
    assert np.isnan(spread[:, 8:]).all()


def test_the_spread_is_read_between_its_samples_and_nan_where_it_is_not_known():
    spread = np.array([[0.1, 0.3, np.nan], [0.1, 0.3, np.nan]], np.float32)
    points = np.array([[0.0, 0.0], [5.0, 3.0], [10.0, 10.0], [15.0, 5.0]])
    np.testing.assert_allclose(warp.spread_at(spread, 10, points), [0.1, 0.2, 0.3, np.nan], rtol=1e-6)
    assert np.isnan(warp.spread_at(np.zeros((0, 0), np.float32), 10, points)).all()


@pytest.mark.parametrize(("tone", "elevation_deg"), [("II", 30.0), ("VI", 30.0), ("IV", 70.0)])
def test_a_lamp_that_was_lowered_or_raised_leaves_no_error_unsaid(tone, elevation_deg):
    """A lowered lamp shifts all that is seen by up to 30 um, half a pixel here, without a word from dark and bright
    parts; errors over what is said were 2 to 15 by that."""
    before, after = shot(tone), shot(tone, elevation_deg=elevation_deg, rotation_deg=4.0)
    found = register(frame(before.pixels, scale=SCALE), frame(after.pixels))
    off, said = np.nanmedian(errors_px(found, before, after)), np.nanmedian(found.spread)
    assert off / np.sqrt(2) < 2.0 * said
    assert said < 0.5


@pytest.mark.parametrize("tone", ["II", "VI"])
def test_errors_are_of_the_size_that_is_said(tone):
    before, after = shot(tone), shot(tone, rotation_deg=9.0, tilt_deg=8.0, noise=2.0, jpeg_quality=80)
    found = register(frame(before.pixels, scale=SCALE), frame(after.pixels))
    assert found.ok
    off = np.sqrt(np.mean(errors_px(found, before, after) ** 2) / 2)
    said = float(np.nanmedian(found.spread))
    # one pair is one draw of a smooth field with a handful of degrees of freedom
    assert said / 4 < off < 2.5 * said
    assert said < 0.15


@pytest.mark.parametrize("tone", ["I", "III", "VI"])
@pytest.mark.parametrize("lamp", [{"azimuth_deg": 270.0}, {"elevation_deg": 70.0}])
def test_the_lamp_is_told_by_what_is_dark_in_every_light(tone, lamp, monkeypatch):
    """The look of relief moves with the lamp; dark and bright parts bring the map back, to half a pixel (goals.md)."""
    before, after = shot(tone), shot(tone, **lamp)
    one, other = frame(before.pixels, scale=SCALE), frame(after.pixels)
    found = register(one, other)
    with monkeypatch.context() as patch:
        patch.setattr(registration, "_lit_alike", lambda before, after, first, second, fit, texture: (fit, 0.0))
        look = register(one, other)
    assert found.ok
    assert look.ok
    apart, of_look = (np.median(errors_px(r, before, after)) for r in (found, look))
    assert apart < min(0.5, 0.7 * of_look + 0.05)
    # two axes of a Gaussian lie beyond 3.5 standard deviations in 2 of 1000
    assert np.nanmedian(found.spread) > apart / 3.5, "and what is left is told"


@pytest.mark.parametrize("tone", ["I", "VI"])
def test_under_the_same_light_nothing_is_taken_back(tone):
    before, after = shot(tone), shot(tone, noise=3.0, exposure_ev=-0.5)
    one, other = frame(before.pixels, scale=SCALE), frame(after.pixels)
    told = pit_shift.pit_shift(one, other, skin_view(one), skin_view(other), Warp(np.eye(3), warp.NO_DISPLACEMENT, 1))
    assert told is not None
    assert np.hypot(*told.xy) < 4 * told.spread + 0.01
    assert told.spread < 0.1
    found = register(one, other)
    assert np.median(errors_px(found, before, after)) < 0.05
    assert np.nanmedian(found.spread) < 0.1


@pytest.mark.parametrize("part", [pit_shift._GREEN, pit_shift._BLUE])
def test_a_known_shift_of_dark_and_of_bright_parts_is_found(part, monkeypatch):
    """Half a pixel by the true camera: from the identity each has to say just that, along and across."""
    before, after = shot("III"), shot("III", shift_mm=(0.5 / PX_PER_MM, -0.3 / PX_PER_MM))
    one, other = frame(before.pixels, scale=SCALE), frame(after.pixels)
    said = []
    monkeypatch.setattr(pit_shift, "_together", lambda dark, bright: said.append((dark[0], bright[0])))
    pit_shift.pit_shift(one, other, skin_view(one), skin_view(other), Warp(np.eye(3), warp.NO_DISPLACEMENT, 1))
    moved = warp.project(after.truth.homography @ np.linalg.inv(before.truth.homography), np.array([[200.0, 200.0]]))
    ((dark, bright),) = said
    found = dark if part == pit_shift._GREEN else bright
    np.testing.assert_allclose(found, moved[0] - 200.0, atol=0.05)


def test_dark_and_bright_parts_are_put_together_and_held_against_one_another():
    """Dark parts that lie 0.4 of the whole's error off, and bright ones that lie half of it beyond, agree."""
    whole = np.array([0.6, -0.8])
    alike = pit_shift._together((pit_shift.DARK_LAGS * whole, 0.01), (-pit_shift.BRIGHT_LEADS * whole, 0.02))
    np.testing.assert_allclose(alike.xy, whole)
    assert alike.disagreement_px == pytest.approx(0.0, abs=1e-12)
    apart = pit_shift._together((pit_shift.DARK_LAGS * whole, 0.01), (np.zeros(2), 0.02))
    assert apart.disagreement_px == pytest.approx(1.0)
    assert pit_shift._together((pit_shift.DARK_LAGS * whole, 0.01), None).disagreement_px is None
    told = [registration._not_told(shift, 1.0, PX_PER_MM) for shift in (alike, apart)]
    assert told[1] > 1.4 * told[0], "disagreement is doubt"


@pytest.mark.parametrize("scaled", ["before", "after", "neither"])
def test_one_blur_is_one_blur_whichever_photo_has_the_scale(scaled):
    """Skin's own softness is taken off a photo's blur where the scale is known: off both photos or neither."""
    seen, scale = replace(QUALITY, blur_px=1.3), Scale(1 / 33.0, 0.0, "given")
    known = at_scale(seen, None, scale)
    assert known.blur_px < 0.8
    plain = frame(np.full((64, 64, 3), 150, np.uint8))
    frames = {
        name: replace(plain, scale=scale, quality=known) if name == scaled else replace(plain, quality=seen)
        for name in ("before", "after")
    }
    first, second = pit_shift._blurs(frames["before"], frames["after"], Warp(np.eye(3), warp.NO_DISPLACEMENT, 1))
    assert first == pytest.approx(second)
    assert not pit_shift._far_apart(first, second)
    # seen twice as large, as sharp a photo is blurred by half as much of the skin
    nearer = Warp(np.diag([2.0, 2.0, 1.0]), warp.NO_DISPLACEMENT, 1)
    if scaled == "neither":
        assert pit_shift._blurs(frames["before"], frames["after"], nearer)[1] == pytest.approx(first / 2)


def test_smooth_paper_has_no_pits():
    flat = np.full((SIDE, SIDE, 3), 150, np.uint8)
    one = frame(flat, scale=SCALE)
    view = skin_view(one)
    assert pit_shift.pit_shift(one, one, view, view, Warp(np.eye(3), warp.NO_DISPLACEMENT, 1)) is None


def test_the_share_of_a_region_that_is_seen_is_told():
    before, after = shot("III"), shot("III", shift_mm=(7.5, 0.0))  # 120 of 400 px leave the picture on the left
    one, other = frame(before.pixels), frame(after.pixels)
    left, right = np.zeros((SIDE, SIDE), bool), np.zeros((SIDE, SIDE), bool)
    left[100:300, 20:220], right[100:300, 200:380] = True, True
    one = replace(one, regions={**one.regions, "left": left, "right": right, "none": np.zeros_like(left)})
    found = register(one, other)
    assert found.ok
    shares = seen_share(found, one, other)
    assert shares["left"] == pytest.approx((220 - 120) / 200, abs=0.02)
    assert shares["right"] == pytest.approx(1.0, abs=0.01)
    assert np.isnan(shares["none"])
    (notice,) = unseen_notices(shares)
    assert notice.flag == Flag.LITTLE_OVERLAP
    assert notice.region == "left"
    assert shares["left"] < LEAST_SEEN <= shares["right"]


def test_nothing_is_seen_of_what_was_not_registered():
    one = frame(shot("III").pixels)
    refused = register(one, frame(np.full((SIDE, SIDE, 3), 128, np.uint8)))
    assert not refused.ok
    assert "structure" in refused.notices[0].detail
    assert np.isnan(seen_share(refused, one, one)["skin"])

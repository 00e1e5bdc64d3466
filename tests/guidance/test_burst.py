"""A burst: the best frame, the odd ones left out, and a scatter that claims no more than it holds."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinscan.arrays import statistics
from skinscan.capture.frame import make_frame
from skinscan.capture.registration.register import register
from skinscan.guidance import best_of
from skinscan.guidance.burst import CAUTION, REGIONS_LOST, scatter
from skinscan.guidance.carried import tied_together
from skinscan.phantom import Camera, Skin, SkinRecipe, make_skin, photograph, write_shot
from skinscan.records import Colour, Frame, ParameterError, PhotoError, Scale
from tests.capture.skin_photos import photo_of

PX_PER_MM = 22.0


@cache
def skin(seed: int, tone: str) -> Skin:
    return make_skin(SkinRecipe(seed, tone, width_mm=22, height_mm=22), 1000 / PX_PER_MM / 1.55)  # type: ignore[arg-type]


def named(pixels: NDArray[Any], name: str, **settings: Any) -> Frame:
    photo = replace(photo_of(pixels), name=name, sha256=f"{name:_>64}")
    return make_frame(photo, mm_per_px=1 / PX_PER_MM, **settings)


def square(x: float, y: float, side: float) -> list[tuple[float, float]]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def shot(
    name: str,
    seed: int,
    of: int = 31,
    tone: str = "IV",
    regions: Any = None,
    reference: str | None = None,
    **camera: Any,
) -> Frame:
    view = Camera(**{"px_per_mm": PX_PER_MM, "size_px": (360, 360), "seed": seed, **camera})
    return named(photograph(skin(of, tone), view).pixels, name, regions=regions, reference=reference)


def test_the_best_frame_is_found_and_the_others_are_told_why_not() -> None:
    soft, sharp = shot("soft", 1, blur_px=1.1), shot("sharp", 2, shift_mm=(0.3, 0.2))
    code, data = cv2.imencode(".jpg", sharp.photo.pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert code
    again = named(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], "saved again")
    frames = [
        soft, sharp, replace(sharp), again, shot("other", 4, of=77), shot("smeared", 5, blur_px=6.0),
        shot("smaller", 6, size_px=(280, 320), blur_px=0.9, rotation_deg=1.0),
    ]  # fmt: skip
    found = best_of(frames, ["redness.area", "texture.roughness_500_1000um"])
    assert (found.best, found.index) == ("sharp", 1)
    assert [one.photo for one in found.ranked if one.used] == ["sharp", "soft", "smaller"]
    why = {one.photo: one.reason for one in found.ranked if not one.used}
    assert "same photo" in why["sharp"]
    assert "same photo" in why["saved again"]
    assert "not show the same skin" in why["other"]
    assert "not sharp" in why["smeared"]
    assert {spread.measure for spread in found.spreads} == {"redness.area", "texture.roughness_500_1000um"}
    for spread in found.spreads:
        assert len(spread.values) == 3
        assert 0 < spread.sem < spread.sdc
        assert np.std(spread.values, ddof=1) == pytest.approx(spread.sem, rel=0.1)
    assert "understates" in found.caution
    assert "ICC" in CAUTION
    assert len(found.sentences) <= 3


@pytest.mark.parametrize("tone", ["I", "VI"])
def test_sharpness_is_ranked_on_every_tone_and_lost_skin_counts(tone: str) -> None:
    sharp, soft = shot("sharp", 1, tone=tone, blur_px=0.7), shot("soft", 2, tone=tone, blur_px=1.3)
    lost = replace(sharp, regions={"skin": sharp.regions["skin"] & (np.arange(360) < 120)})
    lost = replace(lost, photo=replace(lost.photo, sha256="9" * 64, name="lost", pixels=lost.photo.pixels ^ 1))
    elements = {one.photo: one.elements for one in best_of([sharp, soft], ["redness"]).ranked}
    assert elements["sharp"] > 1.3 * elements["soft"]
    assert best_of([lost, sharp], ["redness"]).best == "sharp"


def test_a_scatter_that_the_files_steps_hide_is_not_told() -> None:
    """The median a* of two frames is the very same 8-bit colour: that is no scatter of nought."""
    frames = [shot("one", 1), shot("two", 2), shot("three", 3)]
    spread = best_of(frames, ["redness.a_star"]).spreads[0]
    assert len(set(spread.values)) < 3
    assert math.isnan(spread.sdc)
    assert "coarser than the scatter" in spread.reason


def test_photos_of_different_skins_are_no_burst() -> None:
    found = best_of([shot("one", 1), shot("two", 2, of=77)], ["redness"])
    assert found.best is None
    assert found.spreads == ()
    assert "do not show one view" in found.sentences[0]


def test_two_frames_tell_no_repeatability() -> None:
    found = best_of([shot("one", 1), shot("two", 2)], ["redness.a_star"])
    assert found.best is not None
    assert all(math.isnan(spread.sdc) and "3 needed" in spread.reason for spread in found.spreads)


def test_the_scatter_by_hand() -> None:
    """SD 1 of three values; SDC95 = 4.303 x sqrt(2) x 1 (Student's t, two degrees of freedom)."""
    sem, sdc = scatter([9.0, 10.0, 11.0], statistics.IDENTITY)
    assert sem == pytest.approx(1.0)
    assert sdc == pytest.approx(4.3027 * math.sqrt(2), rel=1e-4)
    _, relative = scatter([math.exp(v) for v in (-0.01, 0.0, 0.01)], statistics.LOG)
    assert relative == pytest.approx(math.exp(0.01 * 4.3027 * math.sqrt(2)) - 1, rel=1e-3)


@pytest.mark.parametrize("count", [3, 5])
def test_95_of_100_differences_of_unchanged_skin_stay_within_it(count: int) -> None:
    """Binomial SD of 4000 draws at 95 % is 0.35 %: four of them."""
    draw = np.random.default_rng(count)
    inside = 0
    for _ in range(4000):
        values = draw.normal(50.0, 2.0, count + 2)
        inside += abs(values[-1] - values[-2]) <= scatter(values[:count].tolist(), statistics.IDENTITY)[1]
    assert inside / 4000 == pytest.approx(0.95, abs=0.014)


def test_what_is_no_burst_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="several photos"):
        best_of([shot("one", 1)])
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    with pytest.raises(PhotoError):
        best_of([tmp_path / "broken.jpg", tmp_path / "missing.jpg"])
    found = best_of([tmp_path / "broken.jpg", shot("one", 1), shot("two", 2)], ["redness.a_star"])
    assert found.index == 1 + (found.best == "two")
    assert found.ranked[-1].photo == "broken.jpg"
    assert found.ranked[-1].reason


def corrected(frame: Frame) -> Frame:
    """The frame as a card would correct it: other colours, with what is left in doubt."""
    warmer = np.diag([1.25, 1.0, 0.8]).astype(np.float32)
    photo = replace(frame.photo, matrix=warmer @ frame.photo.matrix)
    return replace(frame, photo=photo, as_taken=frame.photo, colour=Colour("card", doubt=np.eye(3)[None]))


def a_stars(frames: list[Frame], region: str = "skin") -> list[float]:
    spreads = best_of(frames, ["redness.a_star"]).spreads
    return sorted(next(spread.values for spread in spreads if spread.region == region))


def test_where_one_frame_lost_its_card_all_are_told_as_taken() -> None:
    blurs = (0.7, 0.85, 1.0, 1.15)  # the one without a card is neither the first nor the last to be tied
    plain = [shot(f"number {i}", i, blur_px=blur) for i, blur in enumerate(blurs)]
    by_cards = [corrected(frame) for frame in plain]
    taken = a_stars(plain)
    assert min(a_stars(by_cards)) > max(taken) + 5.0
    assert a_stars([*by_cards[:2], plain[2], by_cards[3]]) == pytest.approx(taken, abs=0.3)
    assert a_stars([plain[0], *by_cards[1:]]) == pytest.approx(taken, abs=0.3)


def test_a_reference_drawn_in_a_photo_that_is_not_the_best_ties_all_frames_to_the_best() -> None:
    """The first is unsharp and under another white balance: the others' a* stands for all, by way of the reference."""
    regions = {"reference": square(30, 40, 90), "patch": square(150, 140, 160)}
    others = [shot(f"number {i}", i) for i in (1, 2, 3)]
    alone = a_stars(others)
    for others_as_read in (others, [corrected(others[0]), *others[1:]]):
        first = shot("first", 9, blur_px=1.1, white_balance=(1.2, 1.0, 0.85), regions=regions, reference="reference")
        values = a_stars([first, *others_as_read], "patch")
        assert max(values) - min(values) < 0.6  # 3 of a* between the two white balances
        assert np.median(values) == pytest.approx(np.median(alone), abs=1.5)  # the patch is not the whole skin


def test_the_best_frame_holds_what_was_drawn_in_the_first_where_it_lies_there() -> None:
    """The camera moves 2 mm (44 px) to the right, and the skin as much to the left."""
    first = shot("first", 1, blur_px=1.2, regions={"mole": square(120, 100, 60)})
    moved = [shot(f"number {i}", i, shift_mm=(2.0, 0.0)) for i in (2, 3)]
    found = best_of([first, *moved], ["redness.a_star"])
    assert found.index != 0
    assert found.frame is not None
    rows, columns = np.nonzero(found.frame.regions["mole"])
    assert (columns.mean(), rows.mean()) == pytest.approx((150 - 44, 130), abs=3.0)
    assert found.frame.polygons["mole"].mean(axis=0) == pytest.approx((150 - 44, 130), abs=1.5)
    assert {spread.region for spread in found.spreads} == {"skin", "mole"}
    told = found.to_dict()
    assert "frame" not in told
    assert told["index"] == found.index


def test_what_was_drawn_in_a_photo_that_cannot_be_read_is_told_to_be_lost(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    skins = [photograph(skin(31, "IV"), Camera(px_per_mm=PX_PER_MM, size_px=(360, 360), seed=i)) for i in (1, 2)]
    paths = [write_shot(one, tmp_path / f"{i}.jpg") for i, one in enumerate(skins)]
    found = best_of(
        [tmp_path / "broken.jpg", *paths], ["redness.a_star"], mm_per_px=1 / PX_PER_MM,
        regions={"mole": square(120, 100, 60)}, face=False,
    )  # fmt: skip
    assert found.frame is not None
    assert set(found.frame.regions) == {"skin"}
    assert REGIONS_LOST in found.sentences


def test_all_frames_take_the_surest_scale() -> None:
    """Three from a stand, so of one true scale: an iris 5 % too large, a sticker, another iris."""
    frames = [shot(f"number {i}", i) for i in (1, 2, 3)]
    true = 1 / PX_PER_MM
    scales = (
        Scale(1.05 * true, 0.06 * true, "iris"),
        Scale(true, 0.003 * true, "aruco"),
        Scale(true, 0.06 * true, "iris"),
    )
    anchor, *others = [replace(frame, scale=scale) for frame, scale in zip(frames, scales, strict=True)]
    tied = tied_together(anchor, [(other, register(anchor, other)) for other in others])
    assert [one.um_per_px for one in tied] == pytest.approx([1000 * true] * 3, rel=0.004)

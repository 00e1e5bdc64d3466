"""The patient's sides: a selfie that the phone mirrored keeps them, one cheek taken for the other is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.capture.registration.register import register
from skinscan.records import SKIN, Flag, Frame, Photo
from skinscan.tying import tie

SIDES = ("cheek", "periorbital")


def mirrored(photo: Photo) -> Photo:
    return replace(photo, pixels=np.ascontiguousarray(photo.pixels[:, ::-1]))


def columns(photo: Photo, some: slice) -> Photo:
    return replace(photo, pixels=np.ascontiguousarray(photo.pixels[:, some]))


def column_of(mask: np.ndarray) -> float:
    return float(np.nonzero(mask)[1].mean())


@pytest.fixture(scope="module")
def visits(test_photos: Path) -> tuple[Photo, Photo]:
    """One person twice in one sitting, neutral and smiling."""
    neutral, smiling = (read_photo(test_photos / "faces_frl" / f"042_0{n}.jpg") for n in (3, 8))
    return neutral, smiling


def square(middle_x: float, middle_y: float, side: float) -> list[tuple[float, float]]:
    half = side / 2
    return [(middle_x + x * half, middle_y + y * half) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def test_a_mirrored_selfie_keeps_the_patients_sides(visits: tuple[Photo, Photo], face_model: Path) -> None:
    """Landmarks alone take a mirrored face's left for its right; the baseline's regions, carried, do not."""
    before, after = make_frame(visits[0]), make_frame(mirrored(visits[1]))
    named = [f"{side}_{part}" for part in SIDES for side in ("left", "right")]
    assert set(named) <= set(before.regions) & set(after.regions)
    found = register(before, after)
    assert found.ok
    assert found.mirrored
    (notice,) = (n for n in found.notices if n.flag == Flag.MIRRORED)
    assert "mirror" in notice.detail
    _, tied, _ = tie(before, after, found)
    middle = column_of(after.regions["nose"])
    for part in SIDES:
        # an unmirrored photo of a patient who faces the camera has the patient's left on its right
        left, right = (f"{side}_{part}" for side in ("left", "right"))
        assert column_of(before.regions[right]) < column_of(before.regions[left])
        assert column_of(tied.regions[left]) < middle < column_of(tied.regions[right])
        # what the after photo's own landmarks call by the other side's name
        for name, other in ((left, right), (right, left)):
            assert np.mean(after.regions[other][tied.regions[name]]) > 0.5, name
            assert not (after.regions[name] & tied.regions[name]).any(), name


def test_a_drawn_region_is_carried_to_its_own_side_of_a_mirrored_photo(visits: tuple[Photo, Photo]) -> None:
    """Drawn on the patient's right cheek, carried to where the mirror put it: pixel for pixel as into the photo as it
    was before it was mirrored."""
    # a cheek that the smile lifts and hardly folds
    drawn = {"cheek": square(520, 640, 120)}
    before = make_frame(visits[0], regions=drawn, face=False)
    plain, flipped = (make_frame(photo, face=False) for photo in (visits[1], mirrored(visits[1])))
    carried = []
    for after in (plain, flipped):
        found = register(before, after)
        assert found.ok
        assert found.mirrored is (after is flipped)
        carried.append(tie(before, after, found)[1].regions["cheek"])
    as_taken, back = carried[0], carried[1][:, ::-1]
    assert np.count_nonzero(as_taken) > 0.3 * np.count_nonzero(before.regions["cheek"])
    assert np.count_nonzero(as_taken & back) > 0.8 * np.count_nonzero(as_taken | back)


@pytest.mark.parametrize("flip", [False, True])
def test_a_left_cheek_drawn_for_a_right_one_is_noticed(visits: tuple[Photo, Photo], flip: bool) -> None:
    """Photos of one side each: a mirrored right cheek has the left one's outline, and not its skin."""
    width = visits[0].shape[1]
    one = columns(visits[0], slice(300, width // 2 - 60))
    other = columns(visits[1], slice(width // 2 + 60, width - 300))
    frames: list[Frame] = []
    for photo in (one, mirrored(other) if flip else other):
        height, wide = photo.shape
        frames.append(make_frame(photo, regions={"cheek": square(wide / 2, 0.52 * height, 0.7 * wide)}, face=False))
    found = register(*frames)
    assert not found.ok
    assert found.notices[0].flag == Flag.NOT_REGISTERED
    assert {"cheek", SKIN} <= set(frames[0].regions)

"""What a face makes of a Frame: regions by the patient's sides, what is no skin left out everywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from skinscan import models
from skinscan.capture.frame import make_frame
from skinscan.capture.photo import read_photo
from skinscan.comparison import compare_frames
from skinscan.records import Frame, Photo


@pytest.fixture(scope="module")
def portrait(test_photos: Path) -> Photo:
    return read_photo(test_photos / "faces_frl" / "001_03.jpg")


@pytest.fixture(scope="module")
def frame(portrait: Photo, face_model: Path) -> Frame:
    return make_frame(portrait)


def of_pixels(photo: Photo, pixels: np.ndarray) -> Photo:
    return replace(photo, pixels=np.ascontiguousarray(pixels))


def test_right_is_the_patients_right(frame: Frame) -> None:
    columns = {name: np.nonzero(mask)[1].mean() for name, mask in frame.regions.items()}
    assert columns["right_cheek"] < columns["nose"] < columns["left_cheek"]
    assert frame.face is not None
    assert frame.scale is not None
    assert frame.scale.source == "iris"


def test_the_recipe_says_which_model_looked_for_a_face(portrait: Photo, frame: Frame) -> None:
    assert frame.recipe["face_model_sha256"] == models.registry()["face_landmarker"].sha256
    assert make_frame(portrait, face=False).recipe["face_model_sha256"] is None


def test_sixteen_bits_hold_the_same_face(portrait: Photo, frame: Frame, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), portrait.pixels[..., ::-1].astype(np.uint16) * 257)
    found = make_frame(read_photo(path))
    assert set(found.regions) == set(frame.regions)
    for name, mask in frame.regions.items():
        assert np.mean(mask != found.regions[name]) < 0.002, name


def test_regions_fed_back_hold_no_eyes_lips_or_hair(portrait: Photo, frame: Frame) -> None:
    again = make_frame(portrait, regions=dict(frame.polygons))
    assert frame.left_out is not None
    for name in frame.polygons:
        assert not (again.regions[name] & frame.left_out).any(), name
        assert not (frame.regions[name] & ~again.regions[name]).any(), name
        # what is drawn is taken at its word, so a little more than what looks like skin
        assert np.count_nonzero(again.regions[name]) < 1.12 * np.count_nonzero(frame.regions[name]), name


def test_what_covers_the_after_photo_is_not_measured_in_it(portrait: Photo, frame: Frame) -> None:
    pixels = portrait.pixels.copy()
    rows, columns = np.nonzero(frame.regions["left_cheek"])
    middle = int(columns.mean()), int(rows.mean())
    cv2.circle(pixels, middle, 28, (40, 70, 200), -1)
    after = make_frame(of_pixels(portrait, pixels))
    found = compare_frames(frame, after, evidence=False)
    patch = np.zeros(after.shape, np.uint8)
    cv2.circle(patch, middle, 24, 1, -1)
    assert not (found.after.frame.regions["left_cheek"] & (patch > 0)).any()
    verdicts = {c.measure: c.verdict for c in found.changes if c.region == "left_cheek"}
    assert verdicts["pigment.evenness"] in ("within_error", "not_comparable")


def test_a_face_is_held_against_people_and_a_close_up_is_not(frame: Frame) -> None:
    from skinscan.pairing import may_be_face

    assert may_be_face(frame)
    unsought = replace(frame, face=None, face_sought=False)
    assert may_be_face(replace(unsought, scale=None))
    assert not may_be_face(replace(frame, face=None, face_sought=True))
    assert frame.scale is not None
    near = replace(frame.scale, mm_per_px=0.03, spread=0.0003)
    assert not may_be_face(replace(unsought, scale=near))

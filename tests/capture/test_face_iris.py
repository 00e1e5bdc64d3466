"""The iris's diameter is read from its edge; what hides the edge is refused."""

import cv2
import numpy as np
import pytest
from made_faces import made_eyes, made_face, with_iris
from skin_photos import photo_of

from skinscan.capture.face.iris import measure_irises


@pytest.mark.parametrize("eyes_px", [75.0, 140.0, 230.0])
@pytest.mark.parametrize("wrong", [0.9, 1.0, 1.12])
def test_the_edge_is_measured_not_the_networks_guess(eyes_px, wrong):
    """1.5 %: a quarter of a pixel of 15 on each side. Looked for from a guess 10 % off either way."""
    face = made_face(eyes_px=eyes_px)
    true = 0.19 * eyes_px
    photo = photo_of(made_eyes(face, true, blur_px=0.8 + eyes_px / 250))
    irises, reasons = measure_irises(photo, with_iris(face, true, wrong))
    assert not reasons
    for side in ("right", "left"):
        assert irises[side].diameter_px == pytest.approx(true, rel=0.015)
        assert irises[side].spread_px < 0.035 * true
        assert irises[side].centre == pytest.approx(face.points[468 if side == "right" else 473], abs=0.03 * true)


@pytest.mark.parametrize("iris", [0.05, 0.3, 0.45])
def test_dark_and_pale_irises_are_alike(iris):
    face = made_face()
    irises, _ = measure_irises(photo_of(made_eyes(face, 38, iris=iris)), with_iris(face, 38))
    assert [found.diameter_px for found in irises.values()] == pytest.approx([38, 38], rel=0.015)


def test_a_turned_picture_changes_nothing():
    for roll in (37, 118, -90):
        face = made_face(roll)
        irises, _ = measure_irises(photo_of(made_eyes(face, 38)), with_iris(face, 38))
        assert [found.diameter_px for found in irises.values()] == pytest.approx([38, 38], rel=0.015)


def test_a_bar_over_the_eyes_is_refused():
    face = made_face()
    pixels = made_eyes(face, 38)
    pixels[400:490] = 0
    irises, reasons = measure_irises(photo_of(pixels), with_iris(face, 38))
    assert not irises
    assert set(reasons) == {"right", "left"}


def test_one_pad_refuses_one_eye():
    face = made_face()
    pixels = made_eyes(face, 38)
    centre = np.round(face.points[473]).astype(int)
    cv2.circle(pixels, (int(centre[0]), int(centre[1])), 60, (245, 245, 240), -1)
    irises, reasons = measure_irises(photo_of(pixels), with_iris(face, 38))
    assert set(irises) == {"right"}
    assert set(reasons) == {"left"}


def test_closed_lids_are_refused():
    face = made_face()
    landmarks = with_iris(face, 38)
    for upper, lower in ((159, 145), (386, 374)):
        landmarks[upper, :2] = landmarks[lower, :2] - (0, 4)
    _, reasons = measure_irises(photo_of(made_eyes(face, 38, lid=0.95)), landmarks)
    assert all("closed" in reason for reason in reasons.values())
    assert set(reasons) == {"right", "left"}


def test_small_irises_and_eyes_at_the_edge_are_refused():
    face = made_face(eyes_px=40)
    _, reasons = measure_irises(photo_of(made_eyes(face, 7.6)), with_iris(face, 7.6))
    assert all("too small" in reason for reason in reasons.values())
    face = made_face(at=(55, 450))
    irises, reasons = measure_irises(photo_of(made_eyes(face, 38)), with_iris(face, 38))
    assert "edge" in reasons["right"]
    assert set(irises) == {"left"}


def test_skin_without_an_eye_has_no_iris():
    face = made_face()
    noise = np.random.default_rng(2).normal(0, 6, (900, 1000, 3))
    irises, _ = measure_irises(
        photo_of(np.add(noise, (185, 135, 112)).clip(0, 255).astype(np.uint8)), with_iris(face, 38)
    )
    assert not irises

"""The ghost of a baseline: its lines lie where the skin's edges and marks are, and move with the skin."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from skinscan.arrays import warp
from skinscan.capture.frame import make_frame
from skinscan.phantom import Props
from skinscan.records import Frame, ParameterError, Registration
from skinscan.report import ghost
from tests.capture.skin_photos import skin_photo

HALF_AXES_MM = (8.0, 10.0)


@pytest.fixture(scope="module")
def oval() -> Frame:
    """An oval of skin, 160 x 200 px of half axes, in the middle of 480 x 480 px."""
    photo = skin_photo("IV", props=Props(skin_ellipse_mm=HALF_AXES_MM))
    regions = {"cheek_left": [(200, 200), (280, 200), (280, 260), (200, 260)]}
    return make_frame(photo, mm_per_px=0.05, regions=regions)


def moved(matrix: np.ndarray) -> Registration:
    return Registration(
        True, matrix, warp.NO_DISPLACEMENT, 16, 50, 0.1, 1.0, 1.0, 0.0, False, 1.0, 0.0
    )  # fmt: skip


def test_the_skins_edge_is_drawn_where_it_is(oval: Frame) -> None:
    edges = ghost.skin_edges(oval)
    assert edges
    outer = max(edges, key=len)
    a, b = (half * 20.0 for half in HALF_AXES_MM)
    radius = np.hypot((outer[:, 0] - 239.5) / a, (outer[:, 1] - 239.5) / b)
    assert np.median(radius) == pytest.approx(1.0, abs=0.03)  # 5 px: the mask is found at 480 px and smoothed by 3
    assert np.percentile(np.abs(radius - np.median(radius)), 95) < 0.04


def test_no_edge_is_drawn_along_the_pictures_border() -> None:
    whole = make_frame(skin_photo("II"), mm_per_px=0.05)
    for line in ghost.skin_edges(whole):
        assert (line > 2).all()
        assert (line < 477).all()


def test_the_ghost_is_clear_between_its_lines_and_of_the_size_asked_for(oval: Frame) -> None:
    picture = ghost.ghost(oval, (640, 480))
    assert picture.shape == (480, 640, 4)
    assert 0.005 < float((picture[:400, :, 3] > 0).mean()) < 0.25
    data = np.frombuffer(ghost.ghost_png(oval, (640, 480)), np.uint8)
    again = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert np.array_equal(cv2.cvtColor(again, cv2.COLOR_BGRA2RGBA), picture)
    left_of_the_skin = picture[100:380, 4:70, 3]
    assert not left_of_the_skin[:100].any()
    for size in ((0, 480), (640, 9000)):
        with pytest.raises(ParameterError, match="picture's size"):
            ghost.ghost(oval, size)


def test_a_close_up_has_marks_to_go_by() -> None:
    """Where there is no eye or brow, moles and pores are outlined: each is darker than around it."""
    close = make_frame(skin_photo("III", px_per_mm=25.0), mm_per_px=0.04)
    marks = ghost.structures(close)
    assert len(marks) >= 5
    grey = cv2.GaussianBlur(close.photo.linear_rgb()[..., 1], (0, 0), 1.0)
    around = cv2.GaussianBlur(grey, (0, 0), 10.0)
    for mark in marks:
        inside = np.zeros(close.shape, np.uint8)
        cv2.fillPoly(inside, [np.rint(mark).astype(np.int32)], 1)
        assert grey[inside > 0].mean() < around[inside > 0].mean()


def test_the_words_tell_the_width_of_the_skin_and_no_distance(oval: Frame) -> None:
    words = " ".join(ghost.distance_words(oval))
    assert "24 mm" in words
    assert "50 um/px" in words
    unscaled = make_frame(skin_photo("IV", props=Props(skin_ellipse_mm=HALF_AXES_MM)))
    assert "mm" not in " ".join(ghost.distance_words(unscaled))


def test_the_overlay_draws_the_baseline_where_its_skin_lies_now(oval: Frame) -> None:
    """Moved 60 px to the right, the box of the baseline begins 60 px from the left, and nothing is drawn before it."""
    plain = ghost.overlay(oval, oval, Registration(
        False, np.full((3, 3), np.nan), warp.NO_DISPLACEMENT, 1, 0, np.nan, 0.0, np.nan, np.nan, False, np.nan, np.nan
    ))  # fmt: skip
    shift = np.array([[1.0, 0, 60.0], [0, 1.0, 0], [0, 0, 1.0]])
    drawn = ghost.overlay(oval, oval, moved(shift), ["move the camera right by 3 mm"])
    assert drawn.shape[1] == 480
    assert drawn.shape[0] > 480
    changed = np.abs(drawn[:480].astype(int) - plain[:480]).max(2) > 40
    columns = np.flatnonzero(changed.mean(0) > 0.9)  # the box's left side runs from top to bottom
    assert columns.mean() == pytest.approx(60.0, abs=2.0)
    assert not changed[:, :50].any()


def test_the_arrow_points_where_the_camera_must_go(oval: Frame) -> None:
    still = ghost.overlay(oval, oval, moved(np.eye(3)))
    for shift, half in (((0.3, 0.0), np.s_[200:280, 250:]), ((0.0, -0.3), np.s_[:230, 200:280])):
        drawn = ghost.overlay(oval, oval, moved(np.eye(3)), (), shift)[:480]
        changed = np.abs(drawn.astype(int) - still[:480]).max(2) > 40
        assert changed[half].sum() > 0.8 * changed.sum() > 0

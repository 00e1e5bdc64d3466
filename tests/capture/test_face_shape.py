"""The mean face: symmetric, a proper surface; a head's turn is read from landmarks."""

import numpy as np
import pytest
from made_faces import made_face, rotation

from skinscan.capture.face.mesh import Places, cosines
from skinscan.capture.face.shape import OVAL, SURFACE, mean_face, mirror_of, pose_of, triangles


def test_the_mean_face_is_its_own_mirror():
    mirror = mirror_of()
    assert np.array_equal(mirror[mirror], np.arange(478))
    assert mean_face()[mirror] == pytest.approx(mean_face() * (-1, 1, 1), abs=1e-9)
    assert mirror[33] == 263
    assert mirror[468] == 473
    assert mirror[1] == 1


def test_the_patients_right_is_on_the_pictures_left():
    assert mean_face()[33, 0] < 0 < mean_face()[263, 0]


def test_the_triangles_cover_the_face_once():
    """Their areas add up to the outline's, and none is wound the wrong way."""
    flat = mean_face()[:SURFACE, :2]
    a, b, c = (flat[triangles()[:, k]] for k in range(3))
    areas = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    assert areas.min() > 0
    x, y = flat[list(OVAL)].T
    outline = 0.5 * abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
    assert areas.sum() == pytest.approx(outline, rel=0.01)  # slivers along outline and mouth are left away


@pytest.mark.parametrize("turn", [(0, 0, 0), (10, 20, -15), (-170, -40, 25), (95, 5, 40), (179, 55, 0)])
def test_a_heads_turn_is_found_at_any_turn_of_the_picture(turn):
    pose = pose_of(130 * mean_face() @ rotation(*turn).T + (900, 20, -7))
    assert (pose.roll_deg, pose.yaw_deg, pose.pitch_deg) == pytest.approx(turn, abs=1e-6)
    assert pose.misfit == pytest.approx(0, abs=1e-9)


def test_points_that_make_no_face_do_not_fit():
    rng = np.random.default_rng(1)
    assert pose_of(mean_face()[rng.permutation(478)]).misfit > 0.5
    assert pose_of(mean_face() + rng.normal(0, 0.05, (478, 3))).misfit == pytest.approx(0.05 * 3**0.5, rel=0.1)


def test_a_sphere_faces_the_camera_by_its_own_cosine():
    """Landmarks put on a sphere: the cosine at each is known. 0.05: triangles as large as 20 degrees of the sphere."""
    flat = mean_face()[:SURFACE, :2] * (0.6, 0.42) - (0, 0.19)
    depth = -np.sqrt(1 - np.sum(flat**2, axis=1))
    found = cosines(np.column_stack([flat, depth]))
    assert np.median(np.abs(found + depth)) < 0.02
    inner = np.setdiff1d(np.arange(SURFACE), OVAL)
    assert np.quantile(np.abs(found + depth)[inner], 0.95) < 0.06


def test_a_place_is_carried_by_its_landmarks():
    flat = mean_face()[[1, 50, 280, 152], :2]
    assert Places(flat).of(mean_face()[:, :2]) == pytest.approx(flat, abs=1e-9)
    face = made_face(30, 0, 0)
    middle = Places(np.array([[0.3, 0.7]])).of(face.points)[0]
    assert middle == pytest.approx(200 * rotation(30, 0, 0)[:2, :2] @ (0.3, 0.7) + (500, 450), abs=1e-6)

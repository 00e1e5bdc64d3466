"""Facial regions: apart from one another, the patient's sides, gone where they cannot be seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_faces import made_face, rotation

from skinscan.capture.face import REGIONS, face_regions, facing, left_out, turned_away
from skinscan.capture.face.regions import region_outline
from skinscan.capture.regions import check_polygon, rasterise

SHAPE = (900, 1000)


def masks(face, shape=SHAPE):
    return {name: rasterise(corners, shape) for name, corners in face_regions(face, shape).items()}


def test_a_frontal_face_has_its_regions_apart_from_one_another():
    """Temples are seen from the side. Brows are not skin to measure, so no region may need them."""
    found = masks(made_face())
    assert set(REGIONS) - set(found) <= {"left_temple", "right_temple"}
    total = sum(mask.astype(int) for mask in found.values())
    assert (total > 1).sum() < 0.002 * (total > 0).sum()


def test_the_regions_are_polygons_that_a_frame_takes():
    for name, corners in face_regions(made_face(20, -25, 10), SHAPE).items():
        assert check_polygon(name, corners).shape == corners.shape


def test_right_and_left_are_the_patients():
    found = face_regions(made_face(), SHAPE)
    for part in ("cheek", "periorbital"):
        right, left = found[f"right_{part}"], found[f"left_{part}"]
        assert right[:, 0].max() < 500 < left[:, 0].min()
        assert np.sort(1000 - right[:, 0]) == pytest.approx(np.sort(left[:, 0]), abs=1e-6)
    upside_down = face_regions(made_face(180), SHAPE)
    assert upside_down["right_cheek"][:, 0].min() > 500


def test_from_forehead_to_chin_in_order():
    found = face_regions(made_face(), SHAPE)
    heights = [found[name][:, 1].mean() for name in ("forehead", "glabella", "nose", "perioral", "chin")]
    assert heights == sorted(heights)


@settings(max_examples=15)
@given(st.floats(-180, 180), st.floats(60, 260))
def test_regions_turn_and_grow_with_the_face(roll, eyes):
    still = face_regions(made_face(), (4000, 4000))
    moved = face_regions(made_face(roll, eyes_px=eyes, at=(1800, 1700)), (4000, 4000))
    assert moved.keys() == still.keys()
    turn = rotation(roll, 0, 0)[:2, :2] * eyes / 200
    for name, corners in still.items():
        assert moved[name] == pytest.approx((corners - (500, 450)) @ turn.T + (1800, 1700), abs=1e-6)


def test_what_is_turned_away_is_not_proposed():
    """Turned 50 degrees to the patient's left: of the left cheek next to nothing is seen, and the right temple well."""
    found = face_regions(made_face(0, 50, 0), SHAPE)
    assert "left_cheek" not in found
    assert "left_periorbital" not in found
    assert {"right_cheek", "right_temple", "forehead"} <= set(found)


def test_regions_outside_the_photo_are_not_proposed():
    found = face_regions(made_face(at=(500, -60)), SHAPE)
    assert "forehead" not in found
    assert "chin" in found


def test_eyes_brows_lips_and_nostrils_are_left_out_and_little_else():
    face = made_face()
    mask = left_out(face, SHAPE)
    for landmark in (468, 473, 159, 145, 105, 334, 13, 17, 0, 61, 291):
        x, y = np.round(face.points[landmark]).astype(int)
        assert mask[y, x], landmark
    found = masks(face)
    for name in ("forehead", "left_cheek", "right_cheek", "chin", "glabella"):
        assert mask[found[name]].mean() < 0.02, name
    assert mask[found["nose"]].mean() < 0.1
    assert 0.2 < mask[found["right_periorbital"]].mean() < 0.6
    assert 0.3 < mask[found["perioral"]].mean() < 0.65


def test_the_cosine_map_is_reduced_even_and_highest_in_the_middle():
    face = made_face()
    cosine = facing(face, SHAPE)
    assert max(cosine.shape) <= 480
    assert np.isnan(cosine[0, 0])
    scale = cosine.shape[1] / SHAPE[1]
    at = {
        k: cosine[tuple(np.round((face.points[k][::-1] + 0.5) * scale - 0.5).astype(int))] for k in (9, 117, 346, 152)
    }
    assert at[9] > 0.85
    assert at[117] == pytest.approx(at[346], abs=0.05)
    inside = cosine[np.isfinite(cosine)]
    assert (inside <= 1.0001).all()
    assert np.median(inside) > 0.75


def test_a_turned_head_hides_its_far_side():
    """All of it but where the nose, which faces the camera, stands before it."""
    shares = []
    for yaw in (0, 25, 50):
        face = made_face(0, yaw, 0)
        far = rasterise(region_outline(face, "left_cheek"), SHAPE)
        shares.append(turned_away(face, SHAPE)[far].mean())
    assert shares[0] < 0.35
    assert shares[0] < shares[1] < shares[2]
    assert shares[2] > 0.65

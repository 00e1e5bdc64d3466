"""Faces without a photo: the mean face, turned, moved and enlarged; and eyes drawn with a known iris."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.face.face import EYE, LEFT_EYE, Face
from skinscan.capture.face.shape import mean_face, pose_of


def rotation(roll_deg: float, yaw_deg: float, pitch_deg: float) -> NDArray[np.float64]:
    """The rotation that turns a frontal face, in the house's signs; x right, y down, z away."""
    roll, yaw, pitch = np.radians([roll_deg, yaw_deg, pitch_deg])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    return np.asarray(about_z @ about_y @ about_x)


def made_face(
    roll_deg: float = 0.0,
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    *,
    eyes_px: float = 200.0,
    at: tuple[float, float] = (500.0, 450.0),
) -> Face:
    """The mean face seen by a distant camera."""
    landmarks = eyes_px * mean_face() @ rotation(roll_deg, yaw_deg, pitch_deg).T + (*at, 0.0)
    pose = pose_of(landmarks)
    return Face(
        landmarks, 1.0, 0.0, pose.roll_deg, pose.yaw_deg, pose.pitch_deg, MappingProxyType({}), MappingProxyType({})
    )


def made_eyes(
    face: Face, diameter_px: float, *, iris: float = 0.12, blur_px: float = 1.2, lid: float = 0.0, noise: float = 0.01
) -> NDArray[np.uint8]:
    """(900, 1000, 3): skin, the white of both eyes within the lids' edge of a face, and round irises at its iris
    centres, drawn four times as large and reduced. `lid` hides that share of the opening from above.
    """
    white, dark = np.zeros((3600, 4000), np.uint8), np.zeros((3600, 4000), np.uint8)
    for outline, centre in ((EYE, 468), (LEFT_EYE, 473)):
        corners = face.points[list(outline)]
        top, bottom = corners[:, 1].min(), corners[:, 1].max()
        corners = np.column_stack([corners[:, 0], np.maximum(corners[:, 1], top + lid * (bottom - top))])
        cv2.fillPoly(white, [np.round((corners * 4 + 1.5) * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
        middle = np.round((face.points[centre] * 4 + 1.5) * 16).astype(int)
        cv2.circle(dark, (int(middle[0]), int(middle[1])), round(diameter_px * 2 * 16), 255, -1, cv2.LINE_8, 4)
    cv2.bitwise_and(white, dark, dst=dark)
    shares = [cv2.resize(part, (1000, 900), interpolation=cv2.INTER_AREA)[..., None] / 255 for part in (white, dark)]
    skin, sclera = np.array([0.72, 0.52, 0.44]), np.array([0.86, 0.83, 0.80])
    small = skin * (1 - shares[0]) + sclera * (shares[0] - shares[1]) + iris * shares[1]
    small = cv2.GaussianBlur(small, (0, 0), blur_px)
    small = small + np.random.default_rng(3).normal(0, noise, small.shape)
    return np.asarray((255 * small.clip(0, 1)).round(), np.uint8)


def with_iris(face: Face, diameter_px: float, wrong: float = 1.0) -> NDArray[Any]:
    """A face's landmarks with irises of this diameter, the network's own being `wrong` times as large."""
    landmarks = face.landmarks_xyz.copy()
    for centre in (468, 473):
        around = landmarks[centre + 1 : centre + 5, :2] - landmarks[centre, :2]
        around *= 0.5 * diameter_px * wrong / np.hypot(*around.T)[:, None]
        landmarks[centre + 1 : centre + 5, :2] = landmarks[centre, :2] + around
    return landmarks

"""Finding a face: upright, lying or turned, and only where its landmarks can be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan import models
from skinscan.capture.face import networks
from skinscan.capture.face.face import Face, FaceSearch
from skinscan.capture.face.iris import measure_irises
from skinscan.capture.face.networks import DETECTOR_PX, LANDMARK_PX, Networks
from skinscan.capture.face.shape import SURFACE, Pose, mirror_of, pose_of
from skinscan.capture.face.views import Views, Window
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import BoolArray, Photo

Points = NDArray[np.float64]

LEAST_CHANCE, UPRIGHT_CHANCE = 0.5, 0.85
"""The detector's chance from which something may be a face, and from which it surely stands upright in its view: a
face upside down still gets 0.5-0.8."""

LEAST_PRESENCE = 0.9
MOST_SPREAD, MOST_MISFIT = 0.028, 0.20
"""Standard deviation of a point between views, and distance from a turned mean face, in eye distances. Uncovered faces
reach 0.016 and 0.09; with eyes under a bar or pads, 0.03 and 0.10 at errors of up to 0.04 in what is seen."""

LEAST_AGAIN, LEAST_OVER_UPSIDE_DOWN = 0.65, 0.05
"""The detector's chance when shown the face alone, and how much more that is than upside down. A masked face is readily
taken for one upside down: then both are alike."""

MOST_YAW_DEG, MOST_PITCH_DEG = 60.0, 45.0
MOST_OUTSIDE = 0.25

LEAST_SKIN_COLOURS = 0.004
"""Share of the photo in colours that skin can have under which it is not turned to look for lying faces."""

QUARTERS = (0.0, 90.0, 180.0, 270.0)

MOST_FACES = 4
"""Candidates looked at in one round."""

LEAST_PX = 64
_AROUND = 1.5
"""Side of the landmark network's picture over the face's, which it was trained with."""

MOST_AIMS = 3
"""How often a window is laid anew around the landmarks found in it, until it stays where it is."""

_LOOKS = ((0.0, 1.0, False), (9.0, 0.93, True), (-9.0, 1.08, False))
"""Views of one face: turn in degrees, size, mirrored."""


class _Candidate(NamedTuple):
    window: Window
    chance: float


class _Solution(NamedTuple):
    landmarks: Points
    presence: float
    spread_px: float
    pose: Pose


def find_face(photo: Photo, thumbnails: Thumbnails | None = None) -> Face | None:
    """The face of a photo, None where there is none that can be trusted (`search_face` tells why)."""
    return search_face(photo, thumbnails).face


def search_face(photo: Photo, thumbnails: Thumbnails | None = None) -> FaceSearch:
    """The largest and most central face of a photo at any turn in the picture, or the reason why there is none.

    `thumbnails` of the photo where they are made already. Nothing is downloaded: without the model, the reason tells
    how to get it. Raises nothing for any photo.
    """
    loaded = networks.load()
    if loaded is None:
        return FaceSearch(None, models.locate(networks.MODEL).reason, 0, sought=False)
    if min(photo.shape) < LEAST_PX:
        return FaceSearch(None, f"the photo is smaller than {LEAST_PX} px", 0)
    views = Views(thumbnails or Thumbnails(photo))
    reasons = []
    for candidates in _rounds(loaded, views):
        solved = [_solve(loaded, views, candidate) for candidate in candidates[:MOST_FACES]]
        trusted = [solution for solution, _ in solved if solution is not None]
        if trusted:
            best = max(trusted, key=lambda solution: _weight(solution, photo.shape))
            return FaceSearch(_face(photo, best), "", len(trusted))
        reasons += [reason for _, reason in solved]
    return FaceSearch(None, reasons[0] if reasons else "no face is seen in the photo", 0)


def untried_landmarks(photo: Photo) -> Points | None:
    """Landmarks (478, 3) of the likeliest face, not held against the mean face: for making it."""
    loaded = networks.load()
    if loaded is None:
        return None
    views = Views(Thumbnails(photo))
    for candidate in next(_rounds(loaded, views), [])[:1]:
        window = candidate.window
        for _ in range(MOST_AIMS):
            landmarks, _ = _look(loaded, views, window)
            window = _around(landmarks)
        return landmarks
    return None


def _face(photo: Photo, solution: _Solution) -> Face:
    irises, reasons = measure_irises(photo, solution.landmarks)
    pose = solution.pose
    return Face(
        solution.landmarks,
        solution.presence,
        solution.spread_px,
        pose.roll_deg,
        pose.yaw_deg,
        pose.pitch_deg,
        irises,
        reasons,
    )


def _weight(solution: _Solution, shape: tuple[int, int]) -> float:
    """Size of a face, less the farther it is from the middle."""
    xy = solution.landmarks[:SURFACE, :2]
    size = float(np.sqrt(np.prod(np.ptp(xy, axis=0))))
    off = np.abs(xy.mean(axis=0) / (shape[1], shape[0]) - 0.5).max()
    return size * (1.0 - float(off))


# --- where faces may be ---------------------------------------------------------------------------------------


def _rounds(loaded: Networks, views: Views) -> Iterator[list[_Candidate]]:
    """Windows that may hold a face, likeliest first: of the photo as it is, then turned, where the first were none."""
    whole = views.whole
    upright = _detected(loaded, views, [whole])
    if upright and upright[0].chance >= UPRIGHT_CHANCE:
        yield upright
    skin = _skin_colours(views.cut(whole, DETECTOR_PX))
    if not upright and float(skin.mean()) < LEAST_SKIN_COLOURS:
        return
    closer = _around_skin(views, skin)
    windows = [window._replace(turn_deg=turn) for window in [whole, *closer] for turn in QUARTERS]
    yield _apart([*upright, *_detected(loaded, views, windows[1:])])
    yield _detected(loaded, views, [whole._replace(turn_deg=turn + 45.0) for turn in QUARTERS])


def _detected(loaded: Networks, views: Views, windows: Iterable[Window]) -> list[_Candidate]:
    """Faces that the detector sees in any of these windows, each once."""
    found = []
    for window in windows:
        chances, boxes, points = loaded.detect(views.cut(window, DETECTOR_PX), LEAST_CHANCE)
        for chance, box, marks in zip(chances, boxes, points, strict=True):
            across = marks[1] - marks[0]
            turn = window.turn_deg + math.degrees(math.atan2(across[1], across[0]))
            centre = window.to_photo(box[:2] * DETECTOR_PX - 0.5, DETECTOR_PX)
            side = _AROUND * float(box[2:].max()) * window.side
            if side > 0:
                found.append(_Candidate(Window((float(centre[0]), float(centre[1])), side, turn), float(chance)))
    return _apart(found)


def _apart(candidates: list[_Candidate]) -> list[_Candidate]:
    """The likeliest of those that lie on one another."""
    kept: list[_Candidate] = []
    for one in sorted(candidates, key=lambda c: -c.chance):
        if all(
            math.dist(one.window.centre, k.window.centre) > 0.33 * max(one.window.side, k.window.side) for k in kept
        ):
            kept.append(one)
    return kept


def _skin_colours(picture: NDArray[np.uint8]) -> BoolArray:
    """Where a picture (h, w, 3) has colours that skin may have under any lamp; a grey one has them everywhere."""
    red, green, blue = (plane.astype(np.int16) for plane in cv2.split(picture))
    grey = (abs(red - green) < 4) & (abs(green - blue) < 4)
    found: BoolArray = (red > 25) & (red > blue + 6) & (red >= green - 6)
    return found if float(grey.mean()) < 0.98 else np.ones_like(found)


def _around_skin(views: Views, skin: BoolArray) -> list[Window]:
    """A window around the largest patch in the colours of skin, where that is much smaller than the photo: the
    detector misses faces under an eighth of its picture."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(skin.astype(np.uint8), connectivity=8)
    if len(stats) < 2:
        return []
    left, top, width, height, _ = stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))]
    side = 1.6 * max(width, height)
    if side > 0.7 * DETECTOR_PX:
        return []
    middle = np.array([left + (width - 1) / 2, top + (height - 1) / 2])
    x, y = views.whole.to_photo(middle, DETECTOR_PX)
    return [Window((float(x), float(y)), max(1.0, float(side) * views.whole.side / DETECTOR_PX))]


# --- its landmarks, and whether to trust them -----------------------------------------------------------------


def _solve(loaded: Networks, views: Views, candidate: _Candidate) -> tuple[_Solution | None, str]:
    """Landmarks in a window, or the reason why they are not trusted."""
    window = candidate.window
    for aim in range(MOST_AIMS):
        landmarks, presence = _look(loaded, views, window)
        if presence < 0.5:
            return None, f"what looks like a face is none on a closer look (presence {presence:.2f})"
        before, window = window, _around(landmarks)
        turn = (window.turn_deg - before.turn_deg + 180.0) % 360.0 - 180.0
        if aim and abs(turn) < 3.0 and math.dist(before.centre, window.centre) < 0.03 * window.side:
            break
    looks = [_look(loaded, views, _varied(window, *look)) for look in _LOOKS]
    stack = np.stack([found for found, _ in looks])
    landmarks, presence = stack.mean(axis=0), min(chance for _, chance in looks)
    solution = _Solution(landmarks, presence, _spread(stack), pose_of(landmarks))
    return _trusted(loaded, views, solution)


def _trusted(loaded: Networks, views: Views, solution: _Solution) -> tuple[_Solution | None, str]:
    pose, size = solution.pose, _eye_distance(solution.landmarks)
    xy = solution.landmarks[:SURFACE, :2]
    outside = float(np.mean(np.any((xy < 0) | (xy > (views.width - 1, views.height - 1)), axis=1)))
    reason = ""
    if solution.presence < LEAST_PRESENCE:
        reason = f"what looks like a face is none in every view (presence {solution.presence:.2f})"
    elif abs(pose.yaw_deg) > MOST_YAW_DEG or abs(pose.pitch_deg) > MOST_PITCH_DEG:
        reason = f"the face is turned away too far ({pose.yaw_deg:.0f} degrees sideways, {pose.pitch_deg:.0f} up)"
    elif outside > MOST_OUTSIDE:
        reason = f"{outside:.0%} of the face lies outside the photo"
    elif solution.spread_px > MOST_SPREAD * size:
        reason = "the face's points move when it is looked at again: it is covered or unclear"
    elif pose.misfit > MOST_MISFIT:
        reason = "the face's points do not make a face: it is covered or distorted"
    elif not _seen_again(loaded, views, solution.landmarks):
        reason = "a second look does not see the face in the same place: it is covered or unclear"
    return (None, reason) if reason else (solution, "")


def _look(loaded: Networks, views: Views, window: Window) -> tuple[Points, float]:
    """Landmarks in pixels of the photo, seen through a window, and the chance of a face there."""
    found, presence = loaded.landmarks(views.cut(window, LANDMARK_PX))
    if window.mirrored:
        found = found[mirror_of()]
    return window.to_photo(found, LANDMARK_PX), presence


def _around(landmarks: Points) -> Window:
    """The upright window around a face's landmarks."""
    across = landmarks[263, :2] - landmarks[33, :2]
    turn = math.atan2(across[1], across[0])
    cosine, sine = math.cos(turn), math.sin(turn)
    upright = landmarks[:SURFACE, :2] @ np.array([[cosine, -sine], [sine, cosine]])
    low, high = upright.min(axis=0), upright.max(axis=0)
    x, y = (low + high) / 2
    centre = (float(cosine * x - sine * y), float(sine * x + cosine * y))
    return Window(centre, max(_AROUND * float((high - low).max()), 1.0), math.degrees(turn))


def _varied(window: Window, turn_deg: float, size: float, mirrored: bool) -> Window:
    return Window(window.centre, window.side * size, window.turn_deg + turn_deg, mirrored)


def _spread(stack: Points) -> float:
    """Standard deviation of a point between views, over all points of the surface and both axes."""
    return float(np.sqrt(stack[:, :SURFACE, :2].var(axis=0, ddof=1).mean()))


def _eye_distance(landmarks: Points) -> float:
    return float(np.linalg.norm(landmarks[[33, 133]].mean(axis=0) - landmarks[[263, 362]].mean(axis=0)))


def _seen_again(loaded: Networks, views: Views, landmarks: Points) -> bool:
    """Whether the detector, shown the face alone, sees its parts where the landmarks are, not rather upside down."""
    window = _around(landmarks)
    chances, _, points = loaded.detect(views.cut(window, DETECTOR_PX), LEAST_AGAIN)
    expected = np.stack([landmarks[list(part), :2].mean(axis=0) for part in _PARTS])
    seen = window.to_photo(points[:, :4] * DETECTOR_PX - 0.5, DETECTOR_PX)
    off = np.hypot(*np.moveaxis(seen - expected, -1, 0)).max(axis=1)
    near = chances[off < 0.35 * _eye_distance(landmarks)]
    if not near.size:
        return False
    over = window._replace(turn_deg=window.turn_deg + 180.0)
    upside_down = loaded.detect(views.cut(over, DETECTOR_PX), LEAST_CHANCE).chance
    return not upside_down.size or float(near[0] - upside_down[0]) >= LEAST_OVER_UPSIDE_DOWN


_PARTS = ((33, 133), (362, 263), (1,), (13, 14))
"""Landmarks whose mean is what the detector points at: the two eyes, nose tip, mouth."""

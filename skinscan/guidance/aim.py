"""How the camera must move so that the next photo lies on the baseline.

Directions are those of the person with the camera, who sees the picture upright and unmirrored: skin that has slid to
the right comes back when the camera moves to the right; skin that has turned clockwise when the camera turns clockwise.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinscan.arrays import warp
from skinscan.guidance.light import side_towards
from skinscan.guidance.nouns import Aim
from skinscan.records import Frame, Registration

LEAST_SHIFT = 0.05
LEAST_DISTANCE = 0.03
LEAST_TURN_DEG = 3.0
LEAST_TILT_DEG = 6.0
"""What is said: shares of the picture and of the distance, degrees. Less is moved by hand with every photo. A lean is
told from foreshortening, whose cosine hides the first degrees."""

LEAST_PERSPECTIVE = 0.004
"""Difference in scale between the skin's near and far ends from which the far end is known."""


LARGEST_BEND = 1 / 3
"""How much of what a lean does to the skin's points may be bending that no plane shows (root mean squares). A smile
bends 0.6-3 times as much as the lean that it feigns (12 people); flat phantoms under 0.25 from 4 degrees on."""


def aim_of(
    before: Frame,
    after: Frame,
    registration: Registration,
    face: bool = False,
    head_turn_deg: float | None = None,
) -> Aim | None:
    """Where the camera must go, from where each point of the baseline lies in the new photo; None where unregistered.

    `face`: the photo shows an upright face, so that turns are told in the patient's left and right as well.
    `head_turn_deg`: how far the head has turned to the patient's left since the baseline, where landmarks tell it; it
    takes the place of the lean. A lean is the difference to the baseline's own; it is `about`, as a baseline that leans
    too makes it seem larger.
    """
    if not registration.ok:
        return None
    height, width = after.shape
    centre = np.array([[(before.shape[1] - 1) / 2, (before.shape[0] - 1) / 2]])
    there = warp.project(registration.homography, centre)[0]
    if not np.isfinite(there).all():
        return None
    shift = there - [(width - 1) / 2, (height - 1) / 2]
    # a larger file of the same view is no step towards the skin
    factor = registration.scale_ratio * max(before.shape) / max(after.shape)
    mm = after.scale.mm_per_px if after.scale else math.nan
    tilt, farther = _lean(before, registration)
    if head_turn_deg is not None:  # the cheek that turns away lies on the picture's right, unmirrored
        tilt, farther = abs(head_turn_deg), 0.0 if head_turn_deg > 0 else 180.0
    told = Aim(
        right_share=float(shift[0] / width),
        down_share=float(shift[1] / height),
        right_mm=float(shift[0] * mm),
        down_mm=float(shift[1] * mm),
        distance_factor=factor,
        clockwise_deg=registration.rotation_deg,
        tilt_deg=tilt,
        farther_deg=farther,
        mirrored=registration.mirrored,
        moves=(),
    )
    return Aim(**{**{name: getattr(told, name) for name in Aim.__slots__}, "moves": _moves(told, face, head_turn_deg)})


def _lean(before: Frame, registration: Registration) -> tuple[float, float]:
    """How much more the skin leans than in the baseline, in degrees, and towards which side of the new photo.

    The lean is acos(shortest / longest scale). The depth of a plane goes as the homography's third row, which so points
    to its far side. NaN where the skin bent by too much for a plane to tell: expression feigns a lean, and the turn of
    a face is for its landmarks to say.
    """
    mask = np.logical_or.reduce([region[::8, ::8] for region in before.regions.values()])
    rows, columns = np.nonzero(mask)
    if len(rows) == 0:
        return math.nan, math.nan
    middle = 8.0 * np.array([[columns.mean(), rows.mean()]])
    across = 8.0 * float(np.hypot(columns.std(), rows.std())) * 2
    homography = registration.homography
    if _bent(registration, 8.0 * np.stack([columns, rows], 1)[:: max(len(rows) // 2000, 1)]):
        return math.nan, math.nan
    slope = warp.jacobian(homography, warp.NO_DISPLACEMENT, 1, middle)[0]
    longest, shortest = np.linalg.svd(slope, compute_uv=False)
    tilt = math.degrees(math.acos(min(1.0, float(shortest / longest))))
    deeper = homography[2, :2] / (middle[0] @ homography[2, :2] + homography[2, 2])
    if float(np.hypot(*deeper)) * across < LEAST_PERSPECTIVE:
        return tilt, math.nan
    side = slope @ deeper
    return tilt, math.degrees(math.atan2(side[1], side[0]))


def _bent(registration: Registration, points: NDArray[Any]) -> bool:
    """Whether what no plane explains is too large beside what a plane does beyond shift, scale and turn."""
    bend = warp.displacement_at(registration.displacement, registration.grid_px, points)
    known = np.isfinite(bend).all(1)
    if np.count_nonzero(known) < 10:
        return True
    here, there = points[known] @ [1, 1j], warp.project(registration.homography, points[known]) @ [1, 1j]
    basis = np.stack([here, np.ones_like(here)], 1)
    lean = np.abs(basis @ np.linalg.lstsq(basis, there, rcond=None)[0] - there)
    return float(np.square(bend[known]).sum(1).mean()) > LARGEST_BEND**2 * float(np.square(lean).mean())


def _moves(aim: Aim, face: bool, head_turn_deg: float | None) -> tuple[str, ...]:
    """The moves worth saying, the largest first."""
    if aim.mirrored:
        return ("switch off the mirroring of the front camera, or use the rear camera",)
    said = [
        _shift(aim.right_share, aim.right_mm, "right", "left"),
        _shift(aim.down_share, aim.down_mm, "down", "up"),
        _distance(aim.distance_factor),
        _turn(aim.clockwise_deg),
        _leaning(aim, face) if head_turn_deg is None else _head(head_turn_deg),
    ]
    return tuple(text for weight, text in sorted(said, key=lambda move: -move[0]) if weight > 0)


def _shift(share: float, mm: float, positive: str, negative: str) -> tuple[float, str]:
    if abs(share) < LEAST_SHIFT:
        return 0.0, ""
    size = f"{100 * abs(share):.0f} % of the picture"
    if math.isfinite(mm):
        size = f"{abs(mm) / 10:.1f} cm" if abs(mm) >= 10 else f"{abs(mm):.0f} mm"
    return abs(share) / LEAST_SHIFT, f"move the camera {positive if share > 0 else negative} by {size}"


def _distance(factor: float) -> tuple[float, str]:
    if not abs(factor - 1) >= LEAST_DISTANCE:
        return 0.0, ""
    way = "come closer" if factor < 1 else "go back"
    return abs(math.log(factor)) / LEAST_DISTANCE, f"{way} by {100 * abs(factor - 1):.0f} % of the distance"


def _turn(clockwise_deg: float) -> tuple[float, str]:
    if not abs(clockwise_deg) >= LEAST_TURN_DEG:
        return 0.0, ""
    way = "clockwise" if clockwise_deg > 0 else "anticlockwise"
    return abs(clockwise_deg) / LEAST_TURN_DEG, f"turn the camera {way} by {abs(clockwise_deg):.0f} degrees"


def _head(turned_deg: float) -> tuple[float, str]:
    if not abs(turned_deg) >= LEAST_TILT_DEG:
        return 0.0, ""
    side, back = ("left", "right") if turned_deg > 0 else ("right", "left")
    text = f"the head is turned {abs(turned_deg):.0f} degrees to the patient's {side} from the baseline"
    return abs(turned_deg) / LEAST_TILT_DEG, f"{text}: turn it back to the patient's {back}"


def _leaning(aim: Aim, face: bool) -> tuple[float, str]:
    if not aim.tilt_deg >= LEAST_TILT_DEG or math.isnan(aim.farther_deg):
        return 0.0, ""
    side = side_towards(aim.farther_deg)
    text = (
        f"the {side} of the picture leans away by about {aim.tilt_deg:.0f} degrees more than in the baseline: "
        f"move the camera round towards it"
    )
    patient = {"right": "right", "left": "left"}.get(side)
    if face and patient:
        # a face looks out of the picture: what is right in it is the patient's left
        text += f", or have the patient turn the head to the patient's {patient}"
    return aim.tilt_deg / LEAST_TILT_DEG, text

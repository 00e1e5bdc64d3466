"""Views of a photo as the networks want them: square, upright, small."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.capture.thumbnails import Thumbnails

Points = NDArray[np.float64]


class Window(NamedTuple):
    """A square of the photo: its centre and side in pixels, turned clockwise by an angle; mirrored or not."""

    centre: tuple[float, float]
    side: float
    turn_deg: float = 0.0
    mirrored: bool = False

    def to_view(self, size: int) -> Points:
        """The affine map (2, 3) from pixels of the photo to pixels of a view of size x size."""
        turn, scale = math.radians(self.turn_deg), size / self.side
        matrix = scale * np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        if self.mirrored:
            matrix[0] = -matrix[0]
        middle = (size - 1) / 2
        return np.column_stack([matrix, middle - matrix @ np.array(self.centre)])

    def to_photo(self, points: Points, size: int) -> Points:
        """Points (..., 2) or (..., 3) of a view in pixels of the photo; depth is scaled as well."""
        matrix = self.to_view(size)
        back = np.array(points, np.float64)
        back[..., :2] = (back[..., :2] - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        back[..., 2:] *= self.side / size
        return back


class Views:
    """Cuts windows out of a photo, each from a copy that is small enough not to be jagged."""

    def __init__(self, thumbnails: Thumbnails) -> None:
        self._thumbnails = thumbnails
        self.height, self.width = thumbnails.photo.shape
        self._copies: dict[int, NDArray[np.uint8]] = {}

    @property
    def whole(self) -> Window:
        """The smallest upright square that holds the photo."""
        return Window(((self.width - 1) / 2, (self.height - 1) / 2), float(max(self.width, self.height)))

    def cut(self, window: Window, size: int) -> NDArray[np.uint8]:
        """RGB pixels (size, size, 3) of a window, black outside of the photo."""
        longest = max(self.width, self.height)
        wanted = _step_up(longest * size / window.side, longest)
        copy = self._copy(wanted)
        height, width = copy.shape[:2]
        to_copy = np.diag([width / self.width, height / self.height])
        shift = (np.diag(to_copy) - 1) / 2
        matrix = window.to_view(size)
        linear = matrix[:, :2] @ np.linalg.inv(to_copy)
        moved = np.column_stack([linear, matrix[:, 2] - linear @ shift])
        return np.asarray(cv2.warpAffine(copy, moved, (size, size), flags=cv2.INTER_LINEAR), np.uint8)

    def _copy(self, longest_px: int) -> NDArray[np.uint8]:
        if longest_px not in self._copies:
            self._copies[longest_px] = _eight_bits(self._thumbnails.pixels(longest_px))
        return self._copies[longest_px]


def _step_up(wanted: float, longest: int) -> int:
    """The next of a few sizes, so that one copy serves many windows: 160, 320, 640, ... up to the photo's own."""
    step = 160
    while step < wanted * 0.9:
        step *= 2
    return min(step, longest)


def _eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)

"""A photo at smaller sizes, for what needs no more: each halved from the one before, once a photo."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinscan.records import Photo


class Thumbnails:
    """Smaller copies of a photo's pixels; the halves on the way are kept as long as this object."""

    def __init__(self, photo: Photo) -> None:
        self.photo = photo
        self._halves: list[NDArray[Any]] = [photo.pixels]

    def size(self, longest_px: int) -> tuple[int, int]:
        """Width and height of the photo with its longer side reduced to `longest_px` (never enlarged)."""
        height, width = self.photo.shape
        factor = min(1.0, longest_px / max(height, width))
        return max(1, round(width * factor)), max(1, round(height * factor))

    def pixels(self, longest_px: int) -> NDArray[Any]:
        """The photo's samples (h, w, 3) with its longer side reduced to `longest_px`."""
        size = self.size(longest_px)
        image, number = self.photo.pixels, 0
        while halves(image, size):
            number += 1
            if number == len(self._halves):
                self._halves.append(half(image))
            image = self._halves[number]
        return shrunk(image, size)

    def linear(self, longest_px: int) -> NDArray[np.float32]:
        """Linear-light RGB (h, w, 3) with its longer side reduced to `longest_px`, >= 0."""
        linear = self.photo.developed(self.pixels(longest_px))
        return np.maximum(linear, 0.0, out=linear)


def halves(image: NDArray[Any], size: tuple[int, int]) -> bool:
    """Whether an image can be halved evenly on its way to (width, height)."""
    height, width = int(image.shape[0]), int(image.shape[1])
    return width % 2 == 0 and height % 2 == 0 and width >= 2 * size[0] and height >= 2 * size[1]


def half(image: NDArray[Any]) -> NDArray[Any]:
    """Means of two by two pixels."""
    size = (image.shape[1] // 2, image.shape[0] // 2)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def shrunk(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """An image at (width, height): by halves as far as they go, which costs a tenth of any other share."""
    while halves(image, size):
        image = half(image)
    if image.shape[1::-1] == size:
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))

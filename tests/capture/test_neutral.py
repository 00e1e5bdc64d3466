"""A neutral patch named as the reference is no skin, on any tone; untreated skin is."""

from __future__ import annotations

import numpy as np
import pytest
from skin_photos import TONES, photo_of, shot

from skinscan.capture.frame import make_frame
from skinscan.phantom import Props

SIDE_MM, PX_PER_MM = 6.0, 20.0


def polygon(frame_shape: tuple[int, int], side_mm: float) -> list[tuple[float, float]]:
    cy, cx = (frame_shape[0] - 1) / 2, (frame_shape[1] - 1) / 2
    half = side_mm * PX_PER_MM / 2
    return [(cx - half, cy - half), (cx + half, cy - half), (cx + half, cy + half), (cx - half, cy + half)]


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("lamp", [(1.0, 1.0, 1.0), (1.2, 1.0, 0.8)])
def test_a_grey_patch_is_left_out_whole(tone: str, lamp: tuple[float, float, float]) -> None:
    """Drawn at 4 mm of its 6: all 6 mm leave the skin, and it is not measured as a region."""
    taken = shot(tone, 31, Props(grey_mm=SIDE_MM), px_per_mm=PX_PER_MM, white_balance=lamp)
    photo = photo_of(taken.pixels)
    drawn = polygon(photo.shape, 4.0)
    frame = make_frame(photo, mm_per_px=1 / PX_PER_MM, regions={"grey": drawn}, reference="grey")
    assert "grey" not in frame.regions
    assert frame.reference_mask is not None
    assert frame.reference_mask.sum() > 0.9 * (4.0 * PX_PER_MM) ** 2
    rows, columns = (slice(int(c - 60), int(c + 60)) for c in ((photo.shape[0] - 1) / 2, (photo.shape[1] - 1) / 2))
    assert frame.regions["skin"][rows, columns].mean() < 0.03


@pytest.mark.parametrize("tone", TONES)
def test_untreated_skin_stays_skin(tone: str) -> None:
    photo = photo_of(shot(tone, 31, None, px_per_mm=PX_PER_MM).pixels)
    drawn = polygon(photo.shape, 4.0)
    frame = make_frame(photo, mm_per_px=1 / PX_PER_MM, regions={"untreated": drawn}, reference="untreated")
    assert list(frame.regions) == ["skin", "untreated"]
    assert np.array_equal(frame.regions["untreated"], frame.reference_mask)

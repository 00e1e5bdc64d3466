"""Nothing on the card overlaps, and its markers can be mistaken for no other."""

import cv2
import numpy as np

from skinscan.sheet import layout


def boxes():
    for corners in layout.marker_corners():
        yield (*corners.min(0), *corners.max(0)), layout.MARKER_MM / (layout.MARKER_BITS + 2)
    for patch in layout.PATCHES:
        yield (*patch.corners().min(0), *patch.corners().max(0)), 0.0


def test_everything_lies_on_the_card_and_apart_with_a_white_cell_around_each_marker():
    found = list(boxes())
    assert len(found) == 16
    for number, ((x0, y0, x1, y1), quiet) in enumerate(found):
        assert x0 >= 2
        assert y0 >= 2
        assert x1 <= layout.WIDTH_MM - 2
        assert y1 <= layout.HEIGHT_MM - 2
        for other, _ in found[number + 1 :]:
            gap = max(other[0] - x1, x0 - other[2], other[1] - y1, y0 - other[3])
            assert gap >= max(0.3, quiet)


def turns(bits):
    return [np.rot90(flipped, quarter) for flipped in (bits, bits[:, ::-1]) for quarter in range(4)]


def test_any_two_markers_differ_in_15_bits_or_more_however_turned_or_mirrored():
    """Half of 15 is what may be misread before one passes for another."""
    bits = layout.marker_bits()
    assert bits.shape == (4, 6, 6)
    for first in range(4):
        for second in range(4):
            views = turns(bits[second])
            apart = min(np.count_nonzero(bits[first] != view) for view in (views if first != second else views[4:]))
            assert apart >= 15


def test_the_markers_are_no_stickers_and_no_sticker_is_one_of_them():
    """At 8 px a cell, with and without blur, the card is empty for DICT_4X4_50, and its 50 stickers for the card."""
    stickers = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    own = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_ARUCO_MIP_36h12)
    board = np.full((600, 1200), 255, np.uint8)
    for number in range(50):
        row, column = divmod(number, 10)
        picture = cv2.aruco.generateImageMarker(stickers, number, 72)
        board[20 + 110 * row : 92 + 110 * row, 20 + 115 * column : 92 + 115 * column] = picture
    card = np.full((160, 500), 255, np.uint8)
    for column, number in enumerate(layout.MARKERS):
        card[40:104, 30 + 110 * column : 94 + 110 * column] = cv2.aruco.generateImageMarker(own, number, 64)
    for sigma in (0.01, 1.5):
        for picture, book, expected in ((card, stickers, 0), (board, own, 0), (card, own, 4), (board, stickers, 50)):
            seen = cv2.aruco.ArucoDetector(book).detectMarkers(cv2.GaussianBlur(picture, (0, 0), sigma))[1]
            assert (0 if seen is None else len(seen)) == expected


def test_a_ruled_grey_covers_what_it_says():
    for patch in layout.PATCHES:
        if patch.kind == "ruled":
            lines = patch.lines()
            assert np.all(lines[1:, 0] >= lines[:-1, 1])
            assert lines.min() >= patch.top
            assert lines.max() <= patch.top + patch.height
            assert abs(np.sum(lines[:, 1] - lines[:, 0]) / patch.height - patch.cover) < 0.02

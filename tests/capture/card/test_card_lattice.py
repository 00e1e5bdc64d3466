"""Squares in rows and columns: a card's among what lies about."""

from __future__ import annotations

import numpy as np

from skinscan.capture.card.chart import PLACES
from skinscan.capture.card.lattice import Lattice, gathered, lattices
from skinscan.capture.card.squares import Squares, even_parts, find_squares

PITCH = 20.0


def squares(*parts: tuple[np.ndarray, float]) -> Squares:
    return Squares(np.concatenate([p for p, _ in parts]), np.concatenate([np.full(len(p), s) for p, s in parts]))


def grid(columns: int, rows: int, step: float, at: tuple[float, float], turn_deg: float = 0.0) -> np.ndarray:
    turn = np.radians(turn_deg)
    cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2) * step
    return cells @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + at


def on_card(found: list[Lattice], card: np.ndarray) -> list[int]:
    """How many squares of each lattice are the card's."""
    return [int((np.linalg.norm(one.centres[:, None] - card[None], axis=-1).min(axis=1) < 1).sum()) for one in found]


def test_a_card_is_one_lattice_in_perspective() -> None:
    matrix = np.array([[20.0, 3.0, 100], [-4.0, 17.0, 80], [0.02, 0.01, 1]])
    flat = np.column_stack([PLACES, np.ones(24)]) @ matrix.T
    card = flat[:, :2] / flat[:, 2:]
    found = lattices(squares((card, 0.85 * 18)))
    assert [len(one) for one in found] == [24]


def test_squares_across_a_corner_are_no_neighbours() -> None:
    """A mosaic whose steps are the card's diagonals and meet its squares: it would take every other of them."""
    card = grid(6, 4, PITCH, (200.0, 200.0))
    step = PITCH * np.sqrt(2)
    mosaic = grid(12, 5, step, (card[0] - [8 * PITCH, 8 * PITCH]), 45.0)
    clear = np.linalg.norm(mosaic[:, None] - card[None], axis=-1).min(axis=1) > 2
    outside = (mosaic < card.min(axis=0) - 10).any(axis=1) | (mosaic > card.max(axis=0) + 10).any(axis=1)
    found = lattices(squares((mosaic[clear & outside], 19.0), (card, 17.0)))
    assert max(on_card(found, card)) >= 22


def test_a_cloth_of_a_thousand_squares_crowds_no_card_out() -> None:
    cloth, card = grid(40, 30, 12.0, (0.0, 0.0)), grid(6, 4, PITCH, (700.0, 300.0), 25.0)
    assert 24 in on_card(lattices(squares((cloth, 10.0), (card, 17.0))), card)


def test_gathering_takes_in_what_growing_missed() -> None:
    card = grid(6, 4, PITCH, (50.0, 60.0))
    matrix = np.array([[PITCH, 0, 51.5], [0, PITCH, 59.0], [0, 0, 1.0]])
    homography, standing = gathered(matrix, PLACES, squares((card, 17.0)))
    assert standing.all()
    np.testing.assert_allclose(homography / homography[2, 2], [[PITCH, 0, 50], [0, PITCH, 60], [0, 0, 1]], atol=1e-6)


def test_a_frame_with_a_square_in_it_is_two_and_its_hole_is_none() -> None:
    picture = np.full((120, 120, 3), 90, np.uint8)
    picture[20:100, 20:100] = 10
    picture[45:75, 45:75] = (200, 60, 30)
    found = find_squares(even_parts(picture))
    near = np.linalg.norm(found.centres - 59.5, axis=1) < 1
    assert sorted(np.round(found.sides[near] / 10).tolist()) == [3.0, 8.0, 12.0]  # and the ground around them

"""Patches that must differ do, under any lamp and with a part covered; those of a cloth of two colours do not."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from skinscan.capture.card.chart import patch_codes
from skinscan.capture.card.judging import colours_differ

EVERY = np.ones(24, np.bool_)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.55, 1.0), st.floats(0.55, 1.0), st.floats(0.35, 1.0), st.floats(0.6, 1.6), st.integers(0, 2**31),
    st.integers(0, 6),
)  # fmt: skip
def test_a_cards_colours_differ_under_any_lamp_and_tone_curve(
    red: float, blue: float, exposure: float, curve: float, seed: int, hidden: int
) -> None:
    draw = np.random.default_rng(seed)
    codes = exposure * patch_codes() ** curve * [red, 1.0, blue] + draw.normal(0, 0.004, (24, 3))
    usable = EVERY.copy()
    usable[draw.choice(24, hidden, replace=False)] = False
    assert colours_differ(codes, usable)


@given(st.integers(0, 2**31), st.integers(9, 24))
def test_a_cloth_of_two_colours_is_no_card(seed: int, seen: int) -> None:
    draw = np.random.default_rng(seed)
    first = draw.uniform(0.2, 0.8, 3)
    second = np.clip(first + draw.choice([-1, 1], 3) * draw.uniform(0.1, 0.4, 3), 0, 1)
    chequered = (np.arange(24) // 6 + np.arange(24) % 6) % 2 == 0
    codes = np.where(chequered[:, None], first, second) + draw.normal(0, 0.004, (24, 3))
    usable = np.zeros(24, np.bool_)
    usable[draw.choice(24, seen, replace=False)] = True
    assume(2 <= np.count_nonzero(usable & chequered) <= seen - 2)
    assert not colours_differ(codes, usable)


def test_too_few_patches_speak_against_nothing() -> None:
    assert colours_differ(np.zeros((24, 3)), np.zeros(24, np.bool_))
